//! Bindings of roles.
//!
//! Source: `ClusterRoleBinding` and `RoleBinding` of rbac.authorization.k8s.io/v1.

use super::resource::{CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS};
use super::{Collector, Lists, Object, Reader, Request};
use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};

pub(super) const COLLECTOR: Collector = Collector {
    name: "rbac",
    facts: FACTS,
    requests: &[OF_CLUSTER, OF_NAMESPACES],
    start: || Box::new(Bindings::default()),
};

const OF_CLUSTER: Request = Request::all(&CLUSTER_ROLE_BINDINGS);
const OF_NAMESPACES: Request = Request::all(&ROLE_BINDINGS);

const HOLDER: Type = Type::Object(&[
    Field::new("kind", Type::Text, "`User`, `Group` or `ServiceAccount`."),
    Field::new("name", Type::Text, "Its name."),
    Field::new("namespace", Type::Text, "Namespace of a service account."),
    Field::new("id", Type::Text, "As one text: `namespace/name` of a service account, else the name."),
]);

const BINDING: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the binding."),
    Field::new("namespace", Type::Text, "Its namespace; absent for a ClusterRoleBinding."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("kind", Type::Text, "`ClusterRoleBinding` or `RoleBinding`."),
    Field::new("role", Type::Text, "Name of the role."),
    Field::new("role_kind", Type::Text, "`ClusterRole` or `Role`."),
    Field::new("holders", Type::List(&HOLDER), "Who gets the role: the binding's `subjects`."),
]);

const FACTS: &[FactDoc] = &[
    FactDoc::new("cluster_role_bindings", Type::List(&BINDING), "Every ClusterRoleBinding."),
    FactDoc::new("role_bindings", Type::List(&BINDING), "Every RoleBinding."),
];

#[derive(Default)]
struct Bindings {}

impl Reader for Bindings {
    fn see(&mut self, _: &Object<'_>) {}

    fn finish(self: Box<Self>, _: &Lists) -> Facts {
        Facts::default()
    }
}
