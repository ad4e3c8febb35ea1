//! Connection tracking.
use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::host::{Collector, Host};

/// Reads conntrack.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "conntrack", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "conntrack.count",
        Type::Int,
        "Connections in the tracking table. Source: `/proc/sys/net/netfilter/nf_conntrack_count`, nf_conntrack-sysctl.rst. Absent: connection \
         tracking is not loaded.",
    ),
    FactDoc::new(
        "conntrack.max",
        Type::Int,
        "The most connections that the table holds; 0 means no limit. Source: `/proc/sys/net/netfilter/nf_conntrack_max`.",
    ),
];

fn collect(_host: &Host, _earlier: &Facts) -> Facts {
    Facts::default()
}
