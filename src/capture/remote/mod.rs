//! A capture on nodes of a cluster, from elsewhere, through the API server.
//!
//! The same program runs on each node: in a pod that is made for it, pinned to
//! the node, or in one that is there already. In: a client of the API server,
//! the targets, and what to run. Out: what the program writes to stdout and
//! stderr there. A pod that was made is deleted whatever ends the capture, and
//! ends by itself where nobody can delete it: it has a deadline, and what runs in
//! it ends when nobody attends to it any more.
//!
//! Truth: <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/>.

mod api;
mod fault;
mod job;
mod life;
mod locate;
mod manifest;
mod node;
mod pod;
mod stream;

pub use api::Api;
pub use fault::Fault;
pub use job::{Helper, Job, existing, run};
pub use locate::{Place, Wish, locate};
pub use manifest::{CONTAINER, Settings, manifest, name};
pub use node::{Node, look_at};
pub use stream::{Lines, Outcome, Stage};
