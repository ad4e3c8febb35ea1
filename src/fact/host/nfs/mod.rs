//! NFS on this host: what it exports, what it mounts, and whether it can.

pub(super) mod client;
pub(super) mod export;
