//! Bindings of roles.
//!
//! Source: `ClusterRoleBinding` and `RoleBinding` of rbac.authorization.k8s.io/v1.

use super::resource::{CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS};
use super::{Collector, Element, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Json, Source};

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
struct Bindings {
    of_cluster: Vec<Fact>,
    of_namespaces: Vec<Fact>,
}

impl Reader for Bindings {
    fn see(&mut self, object: &Object<'_>) {
        let holders = object
            .list("subjects")
            .iter()
            .enumerate()
            .map(|(index, holder)| holder_fact(holder, &object.source(format!(".subjects[{index}]"))));
        let element = Element::of(object.reference())
            .with("kind", Fact::group(object.reference().kind.as_str()))
            .with("role", object.text_fact(".roleRef.name"))
            .with("role_kind", object.text_fact(".roleRef.kind"))
            .with("holders", Fact::group(holders.collect::<Vec<_>>()));
        let list = if object.is(&CLUSTER_ROLE_BINDINGS) { &mut self.of_cluster } else { &mut self.of_namespaces };
        list.push(element.done());
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut facts = Facts::default();
        facts.set("cluster_role_bindings", lists.fact(&OF_CLUSTER, self.of_cluster));
        facts.set("role_bindings", lists.fact(&OF_NAMESPACES, self.of_namespaces));
        facts
    }
}

fn holder_fact(holder: &Json, source: &Source) -> Fact {
    let text = |key: &str| holder.get(key).and_then(Json::as_str).unwrap_or_default();
    let (kind, namespace, name) = (text("kind"), text("namespace"), text("name"));
    let is_account = kind == "ServiceAccount";
    let id = if is_account { format!("{namespace}/{name}") } else { name.to_owned() };
    let mut element = Element::new()
        .with("kind", Fact::group(kind))
        .with("name", Fact::group(name))
        .with("id", Fact::known(id, source.clone()));
    if is_account {
        element = element.with("namespace", Fact::group(namespace));
    }
    element.done()
}
