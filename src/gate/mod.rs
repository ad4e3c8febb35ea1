//! The pre-upgrade gate, beside what its rules say: which hops lead to the
//! target, in which order its reasons are dealt with, and what manifests and
//! releases say of the APIs that they use.

pub mod manifest;
pub mod plan;
pub mod step;
pub mod usage;
mod workload;
