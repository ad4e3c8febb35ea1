//! What is true of a node or a cluster, and how we know.
//!
//! A [`Fact`] is one of three things: known, absent, or unreadable. The three
//! never turn into each other: what could not be read is not absent, and what
//! is absent is not a false or a zero. Facts form a tree ([`Facts`]) whose
//! paths read as an operator would say them (`kubelet.cgroup_driver`), and
//! each one keeps the [`Source`] where it was read.

pub mod catalogue;
pub mod cluster;
mod flag;
pub mod host;
mod join;
pub mod json;
mod pod_reference;
mod source;
mod twin;
mod value;
pub mod version;

pub use join::{JOINING, join};
pub use json::Json;
pub use source::{ObjectReference, Source};
pub use twin::{Kin, Twin};
pub use value::{Fact, Facts, Value};
