//! Container runtimes: which there are, and their effective configuration.

pub(super) mod containerd;
pub mod cri;
pub(super) mod crictl;
pub(super) mod crio;
pub(super) mod dead;
pub(super) mod docker;
pub(super) mod dockershim;
mod evidence;
pub(super) mod installed;
pub(super) mod podman;
mod presence;
pub(super) mod registries;
pub(super) mod runc;
pub(super) mod sandbox;
pub(super) mod service;
#[cfg(test)]
mod tree;
pub(super) mod view;
