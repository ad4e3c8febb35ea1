//! kube-proxy.
use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::host::{Collector, Host};

/// Reads kube_proxy.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "kube_proxy", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "kube_proxy.present",
        Type::Bool,
        "Whether kube-proxy, alone or inside k3s or RKE2, runs on this host, or its configuration is mounted by a pod of this node.",
    ),
    FactDoc::new(
        "kube_proxy.mode",
        Type::Text,
        "iptables, ipvs, nftables: the process's --proxy-mode, else its configuration file's `mode`, else the default, iptables. \
         Absent: no kube-proxy. Unreadable: it runs, but its configuration cannot be seen.",
    ),
    FactDoc::new(
        "kube_proxy.ipvs_scheduler",
        Type::Text,
        "The scheduler of ipvs mode: --ipvs-scheduler, else `ipvs.scheduler`, else the default, rr. Absent: the mode is not ipvs.",
    ),
];

fn collect(_host: &Host, _earlier: &Facts) -> Facts {
    Facts::default()
}
