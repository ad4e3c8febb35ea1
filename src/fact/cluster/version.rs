//! The version of the API server.
//!
//! In this order: `/version` of the API itself, or recorded beside the objects;
//! the image of the API servers that run as static pods; kubeadm-config; the
//! kubelets of k3s' and RKE2's servers, which are one program with their API
//! server. Else the API server is at least as new as the newest kubelet
//! (<https://kubernetes.io/releases/version-skew-policy/>).

use std::sync::Arc;

use super::component::Components;
use super::node;
use super::resource::{CONFIG_MAPS, NODES, PODS};
use super::{Collector, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::version::Version;
use crate::fact::{Fact, Facts, Json, Source};

pub(super) const COLLECTOR: Collector = Collector {
    name: "version",
    facts: FACTS,
    requests: &[SERVED, PODS_OF_SYSTEM, KUBEADM_CONFIG, ALL_NODES],
    start: || Box::new(Versions::default()),
};

const SERVED: Request = Request::path("/version");
const PODS_OF_SYSTEM: Request = Request::within(&PODS, "kube-system");
const KUBEADM_CONFIG: Request = Request::named(&CONFIG_MAPS, "kube-system", "kubeadm-config");
const ALL_NODES: Request = Request::all(&NODES);

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "cluster.version",
        Type::Text,
        "The API server's version, such as `v1.36.2` or `v1.30.0+k3s1`; while several versions run, the oldest. Unreadable where nothing says it.",
    ),
    FactDoc::new(
        "cluster.version_is_exact",
        Type::Bool,
        "Whether that is the version; false where only the newest kubelet tells, than which the API server may be newer.",
    ),
];

#[derive(Default)]
struct Versions {
    served: Option<Fact>,
    components: Components,
    kubeadm: Option<Fact>,
    servers: Vec<Fact>,
    kubelets: Vec<Fact>,
}

impl Reader for Versions {
    fn see(&mut self, object: &Object<'_>) {
        if object.is(&NODES) {
            let kubelet = object.text_fact(".status.nodeInfo.kubeletVersion");
            let is_of_k3s = kubelet.text().is_some_and(|version| version.contains("+k3s") || version.contains("+rke2"));
            if is_of_k3s && node::is_control_plane(object) {
                self.servers.push(kubelet.clone());
            }
            if !node::is_virtual(object) {
                self.kubelets.push(kubelet);
            }
        } else if object.is(&PODS) {
            self.components.see(object);
        } else if object.is(&CONFIG_MAPS) {
            self.kubeadm = kubeadm_version(object);
        } else if let Some(version) = object.text("gitVersion") {
            let source = Source::object(&Arc::clone(object.reference()), ".gitVersion");
            // A build without a tag calls itself v0.0.0-master+$Format:%H$.
            self.served = Some(match Version::parse(version).filter(|version| version.major() > 0) {
                Some(_) => Fact::known(version, source),
                None => Fact::unreadable(source, format!("the API server calls itself {version}, which is no release")),
            });
        }
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let Versions { served, components, kubeadm, servers, kubelets } = *self;
        let of_pods = components.running().filter(|component| component.name == "kube-apiserver");
        let of_pods = oldest(of_pods.map(|component| component.version.clone()).collect());
        let exact = served.or(of_pods).or(kubeadm).or_else(|| oldest(servers));
        let (version, is_exact) = match exact {
            Some(version) => (Some(version), true),
            None => (newest(kubelets), false),
        };
        let mut facts = Facts::default();
        let (version, is_exact) = match version {
            Some(version) => {
                let source = version.source().cloned().unwrap_or_else(|| Source::default_of("no version is known"));
                (version, Fact::known(is_exact, source))
            }
            None => {
                let reason = lists.gap(&SERVED).or_else(|| lists.gap(&ALL_NODES));
                let reason = reason.unwrap_or_else(|| "nothing says the version of the API server".to_owned());
                let unreadable = Fact::Unreadable { source: None, reason };
                (unreadable.clone(), unreadable)
            }
        };
        facts.set("cluster.version", version);
        facts.set("cluster.version_is_exact", is_exact);
        facts
    }
}

fn kubeadm_version(object: &Object<'_>) -> Option<Fact> {
    let text = object.get("data")?.get("ClusterConfiguration")?.as_str()?;
    let json: Json = serde_saphyr::from_str(text).ok()?;
    let version = json.get("kubernetesVersion")?.as_str()?;
    Version::parse(version)?;
    Some(Fact::known(version, object.source(".data.ClusterConfiguration")))
}

/// Facts that are versions, and these.
fn parsed(facts: Vec<Fact>) -> impl Iterator<Item = (Version, Fact)> {
    facts.into_iter().filter_map(|fact| Some((Version::parse(fact.text()?)?, fact)))
}

fn oldest(facts: Vec<Fact>) -> Option<Fact> {
    parsed(facts).min_by(|(this, _), (that, _)| this.cmp(that)).map(|(_, fact)| fact)
}

fn newest(facts: Vec<Fact>) -> Option<Fact> {
    parsed(facts).max_by(|(this, _), (that, _)| this.cmp(that)).map(|(_, fact)| fact)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::fact::Facts;
    use crate::fact::cluster::Collection;
    use crate::fact::cluster::file::Files;

    const SERVED: &str = "{major: '1', minor: '36', gitVersion: v1.36.2}\n---\n";
    const POD: &str = "{apiVersion: v1, kind: Pod, metadata: {name: kube-apiserver-a, namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}}, \
                       spec: {containers: [{name: kube-apiserver, image: 'registry.k8s.io/kube-apiserver:v1.35.1', command: [kube-apiserver]}]}}\n---\n";
    const KUBEADM: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: kubeadm-config, namespace: kube-system}, \
                           data: {ClusterConfiguration: 'kubernetesVersion: v1.34.3'}}\n---\n";
    const K3S: &str = "{apiVersion: v1, kind: Node, metadata: {name: a, labels: {node-role.kubernetes.io/control-plane: 'true'}}, \
                       status: {nodeInfo: {kubeletVersion: v1.33.2+k3s1}}}\n---\n";
    const NODES: &str = "{apiVersion: v1, kind: Node, metadata: {name: b}, status: {nodeInfo: {kubeletVersion: v1.9.3}}}\n---\n\
                         {apiVersion: v1, kind: Node, metadata: {name: c}, status: {nodeInfo: {kubeletVersion: v1.32.9}}}\n---\n";

    fn read(documents: &[&str]) -> Facts {
        let wanted = BTreeSet::from(["cluster".to_owned()]);
        let collection = Collection::new(&wanted);
        let mut files = Files::new(&collection);
        files.read("objects.yaml", &format!("---\n{}", documents.concat()));
        let (_, faults) = files.finish();
        assert!(faults.is_empty(), "{faults:?}");
        collection.facts("not read")
    }

    #[test]
    fn the_version_comes_from_the_first_source_that_says_it() {
        for (documents, expected) in [
            (&[SERVED, POD, KUBEADM, K3S, NODES][..], "v1.36.2"),
            (&[POD, KUBEADM, K3S, NODES], "1.35.1"),
            (&[KUBEADM, K3S, NODES], "v1.34.3"),
            (&[K3S, NODES], "v1.33.2+k3s1"),
        ] {
            let facts = read(documents);
            assert_eq!(facts.text("cluster.version"), Some(expected));
            assert_eq!(facts.bool("cluster.version_is_exact"), Some(true), "{expected}");
        }
    }

    #[test]
    fn an_api_server_is_at_least_as_new_as_the_newest_kubelet() {
        let facts = read(&[NODES]);
        assert_eq!(facts.text("cluster.version"), Some("v1.32.9"));
        assert_eq!(facts.bool("cluster.version_is_exact"), Some(false));
    }

    #[test]
    fn without_any_source_the_version_cannot_be_read() {
        let facts = read(&["{apiVersion: v1, kind: Namespace, metadata: {name: a}}"]);
        assert!(matches!(facts.get("cluster.version"), Some(crate::fact::Fact::Unreadable { .. })));
    }

    #[test]
    fn a_build_without_a_tag_is_of_no_known_version() {
        let facts = read(&["{major: '', minor: '', gitVersion: v0.0.0-master+faecb196815e2}\n---\n", NODES]);
        assert!(matches!(facts.get("cluster.version"), Some(crate::fact::Fact::Unreadable { .. })));
    }
}
