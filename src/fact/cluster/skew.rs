//! Everything whose version is bound to the API server's by the version skew
//! policy, <https://kubernetes.io/releases/version-skew-policy/>: kubelets,
//! kube-proxies and the other components.

use super::component::{Component, Components};
use super::resource::{DAEMON_SETS, NODES, PODS};
use super::{Collector, Element, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::version::Version;
use crate::fact::{Fact, Facts, Json, Source};

pub(super) const COLLECTOR: Collector = Collector {
    name: "skew",
    facts: FACTS,
    requests: &[ALL_NODES, PODS_OF_SYSTEM, DAEMON_SETS_OF_SYSTEM],
    start: || Box::new(Skew::default()),
};

const ALL_NODES: Request = Request::all(&NODES);
const PODS_OF_SYSTEM: Request = Request::within(&PODS, "kube-system");
const DAEMON_SETS_OF_SYSTEM: Request = Request::within(&DAEMON_SETS, "kube-system");

const BOUND: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the object that shows it."),
    Field::new("namespace", Type::Text, "Its namespace; absent for a node."),
    Field::new("subject", Type::Map(&Type::Text), "Identity of that object, for `subject`."),
    Field::new(
        "component",
        Type::Text,
        "`kubelet`, `kube-proxy`, `kube-apiserver`, `kube-controller-manager`, `kube-scheduler` or `cloud-controller-manager`.",
    ),
    Field::new("version", Type::Text, "Its version without the leading v."),
    Field::new("minor", Type::Int, "Its minor version."),
    Field::new(
        "may_lag",
        Type::Int,
        "How many minors it may be older than the API server: three, for a kubelet or kube-proxy below 1.25 two, for the others one.",
    ),
]);

const FACTS: &[FactDoc] = &[FactDoc::new(
    "bound_versions",
    Type::List(&BOUND),
    "What the version skew policy binds to the API server, that is there: kubelets of nodes that are not ready, and those of virtual nodes, left out.",
)];

#[derive(Default)]
struct Skew {
    kubelets: Vec<Fact>,
    components: Components,
}

impl Reader for Skew {
    fn see(&mut self, object: &Object<'_>) {
        if object.is(&NODES) {
            self.kubelets.extend(kubelet(object));
        } else {
            self.components.see(object);
        }
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut bound = self.kubelets;
        bound.extend(self.components.running().filter(|component| component.name != "etcd").map(of_component));
        let mut facts = Facts::default();
        let asked = [&ALL_NODES, &PODS_OF_SYSTEM, &DAEMON_SETS_OF_SYSTEM];
        facts.set("bound_versions", lists.fact_with_gaps(&asked, bound));
        facts
    }
}

fn kubelet(node: &Object<'_>) -> Option<Fact> {
    let is_virtual = node.label("type") == Some("virtual-kubelet");
    let is_gone = node.list("status.conditions").iter().any(|condition| {
        let text = |key: &str| condition.get(key).and_then(Json::as_str);
        text("type") == Some("Ready") && text("status") != Some("True")
    });
    if is_virtual || is_gone {
        return None;
    }
    Some(bound(Element::of(node.reference()), "kubelet", &node.text_fact(".status.nodeInfo.kubeletVersion")))
}

fn of_component(component: &Component) -> Fact {
    bound(Element::of(&component.reference), component.name, &component.version)
}

fn bound(element: Element, name: &'static str, version: &Fact) -> Fact {
    let place = version.source().cloned().unwrap_or_else(|| Source::default_of("what names no version"));
    let (plain, minor, may_lag) = match version.text() {
        None => (version.clone(), version.clone(), version.clone()),
        Some(text) => match minor_of(text) {
            Some(minor) => {
                let may_lag = match name {
                    "kubelet" | "kube-proxy" if minor < 25 => 2,
                    "kubelet" | "kube-proxy" => 3,
                    _ => 1,
                };
                let known = |number: i64| Fact::known(number, place.clone());
                (Fact::known(text.trim_start_matches('v'), place.clone()), known(minor), known(may_lag))
            }
            None => {
                let unreadable = Fact::unreadable(place.clone(), format!("{text} is no version of Kubernetes"));
                (unreadable.clone(), unreadable.clone(), unreadable)
            }
        },
    };
    element
        .with("component", Fact::known(name, place))
        .with("version", plain)
        .with("minor", minor)
        .with("may_lag", may_lag)
        .done()
}

/// The minor of `v1.29.0-eks-a1b2` or `1.30.0+k3s1`; Kubernetes' major is 1.
fn minor_of(version: &str) -> Option<i64> {
    let version = Version::parse(version).filter(|version| version.major() == 1)?;
    i64::try_from(version.minor()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendors_suffixes_do_not_hide_the_minor() {
        for version in ["v1.29.0-eks-5e0fdde", "1.29.15", "v1.29.1+k3s2", "v1.29.3-gke.1282000", "v1.29"] {
            assert_eq!(minor_of(version), Some(29), "{version}");
        }
        assert_eq!(minor_of("edge"), None);
        assert_eq!(minor_of("v2.1.0"), None);
    }
}
