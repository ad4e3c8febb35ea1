//! Namespaces: what runs in them, and what keeps it within bounds.
//!
//! Sources: namespaces and their labels, the kinds that run pods, network
//! policies of Kubernetes, Calico and Cilium, and who else may enforce pod
//! security: ValidatingAdmissionPolicies and the webhooks of policy engines.

use super::resource::NAMESPACES;
use super::{Collector, Lists, Object, Reader, Request};
use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};

pub(super) const COLLECTOR: Collector =
    Collector { name: "namespace", facts: FACTS, requests: &[SPACES], start: || Box::new(Namespaces::default()) };

const SPACES: Request = Request::all(&NAMESPACES);

const NAMESPACE: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the namespace."),
    Field::new("namespace", Type::Text, "Always absent."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("labels", Type::Map(&Type::Text), "Its labels."),
    Field::new("has_workloads", Type::Bool, "Whether pods, or what makes pods, are in it."),
    Field::new(
        "has_node_agent",
        Type::Bool,
        "Whether a workload in it serves the nodes: it mounts a folder of CNI, CSI or device plugins from the host.",
    ),
    Field::new("enforces", Type::Text, "Level of pod-security.kubernetes.io/enforce. Absent: it is not set."),
    Field::new("network_policies", Type::Int, "How many network policies of any kind are in it."),
    Field::new(
        "is_selected_by_cluster_policy",
        Type::Bool,
        "Whether a network policy of the whole cluster applies to it; unreadable where its selector is not understood here.",
    ),
]);

const FACTS: &[FactDoc] = &[
    FactDoc::new("namespaces", Type::List(&NAMESPACE), "Every Namespace."),
    FactDoc::new(
        "pod_policy_engines",
        Type::List(&Type::Text),
        "Who else may enforce pod security: webhooks of policy engines that see pods, ValidatingAdmissionPolicies for pods that are bound, and an API server's own admission configuration, which the API does not show.",
    ),
];

#[derive(Default)]
struct Namespaces {}

impl Reader for Namespaces {
    fn see(&mut self, _: &Object<'_>) {}

    fn finish(self: Box<Self>, _: &Lists) -> Facts {
        Facts::default()
    }
}
