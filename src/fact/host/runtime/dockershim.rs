//! Traces of dockershim in the kubelet's configuration.
//!
//! In: the kubelet's flags and endpoint, kubeadm's files. Out: the fact
//! `dockershim.settings`. Truth: the kubelet of 1.24 has no dockershim any
//! more, KEP-2221.

use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::{Collector, Host};

/// A setting that only dockershim understood.
const SETTING: &[Field] = &[
    Field::new("name", Type::Text, "Flag or key."),
    Field::new("value", Type::Text, "Its value; empty for a flag without one."),
];

const FACTS: &[FactDoc] = &[FactDoc::new(
    "dockershim.settings",
    Type::List(&Type::Object(SETTING)),
    "Settings of this node that ask for dockershim. Unreadable: the kubelet's configuration could not be read.",
)];

/// Looks for dockershim.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "dockershim", facts: FACTS, needs: &[], collect };

fn collect(_host: &Host, _earlier: &Facts) -> Facts {
    Facts::default()
}
