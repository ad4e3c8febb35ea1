//! The node's network as the kernel, the CNI and kube-proxy have it.
//!
//! In come `/sys/class/net`, `/proc/1/net` and the files of the CNI; out come
//! the facts `interface`, `network.*`, `cni.*`, `kube_proxy.*`, `port.*` and
//! `conntrack.*`. Everything is seen from the host's network namespace.
//!
//! * [`interface`]: each network device, with its MTU, kind and state;
//! * [`uplink`]: the device that carries traffic between nodes, and what lies below it;
//! * [`cni`]: the CNI configurations, the one in force, and the executables that it names;
//! * [`pod`]: encapsulation and MTU of the pod network;
//! * [`kube_proxy`], [`port`], [`conntrack`]: what the names say.

pub(super) mod cni;
pub(super) mod conntrack;
pub(in crate::fact) mod encapsulation;
pub(super) mod interface;
pub(super) mod kube_proxy;
mod lower;
pub(super) mod pod;
pub(super) mod port;
mod read;
mod route;
pub(super) mod uplink;
