//! k3s' and RKE2's servers and agents, by the command line that each writes to
//! the annotation `k3s.io/node-args` of its node
//! (<https://docs.k3s.io/cli/server>). Secrets are replaced there by k3s
//! itself, and never become values here.

use super::resource::NODES;
use super::{Collector, Element, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::flag::{Flag, last, parse_bool, parse_flags};
use crate::fact::{Fact, Facts, Json, Source};

pub(super) const COLLECTOR: Collector =
    Collector { name: "k3s_node", facts: FACTS, requests: &[REQUEST], start: || Box::new(K3sNodes::default()) };

const REQUEST: Request = Request::all(&NODES);

const NODE: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the node."),
    Field::new("namespace", Type::Text, "Always absent."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("distribution", Type::Text, "`k3s` or `rke2`."),
    Field::new("role", Type::Text, "`server` or `agent`."),
    Field::new("version", Type::Text, "The kubelet's version, which is k3s', without the leading v."),
    Field::new("docker", Type::Bool, "Whether it runs its containers with Docker."),
    Field::new("flannel_backend", Type::Text, "`flannel-backend`, `vxlan` by default; absent for agents and RKE2."),
    Field::new("datastore", Type::Text, "`sqlite`, `etcd` (embedded) or `external`; absent for agents."),
    Field::new("server_url", Type::Text, "The URL that it joined by; absent for the first server."),
]);

const FACTS: &[FactDoc] = &[FactDoc::new(
    "k3s_nodes",
    Type::List(&NODE),
    "Nodes of k3s and RKE2; an element's members are unreadable where the node does not publish its command line.",
)];

const DOCUMENTED: &str = "https://docs.k3s.io/cli/server";

#[derive(Default)]
struct K3sNodes {
    seen: Vec<Fact>,
}

impl Reader for K3sNodes {
    fn see(&mut self, node: &Object<'_>) {
        let version = node.text("status.nodeInfo.kubeletVersion").unwrap_or_default();
        let distribution = match version {
            _ if version.contains("+k3s") => "k3s",
            _ if version.contains("+rke2") => "rke2",
            _ => return,
        };
        let place = node.source(".status.nodeInfo.kubeletVersion");
        let element = Element::of(node.reference())
            .with("distribution", Fact::known(distribution, place.clone()))
            .with("version", Fact::known(version.trim_start_matches('v'), place));
        let annotation = node.source(format!(".metadata.annotations['{}']", key(distribution)));
        let element = match arguments(node, distribution) {
            Some(words) => published(node, element, distribution, &words, &annotation),
            None => {
                let hidden = || {
                    let reason =
                        format!("{} does not publish its command line in {}", node.describe(), key(distribution));
                    Fact::unreadable(annotation.clone(), reason)
                };
                ["role", "docker", "flannel_backend", "datastore", "server_url"]
                    .iter()
                    .fold(element, |element, member| element.with(member, hidden()))
            }
        };
        self.seen.push(element.done());
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut facts = Facts::default();
        facts.set("k3s_nodes", lists.fact(&REQUEST, self.seen));
        facts
    }
}

fn key(distribution: &str) -> &'static str {
    if distribution == "rke2" { "rke2.io/node-args" } else { "k3s.io/node-args" }
}

fn words(node: &Object<'_>, key: &str) -> Option<Vec<String>> {
    serde_json::from_str(node.annotation(key)?).ok()
}

/// The command line, the program's name left out.
fn arguments(node: &Object<'_>, distribution: &str) -> Option<Vec<String>> {
    words(node, key(distribution)).filter(|words| !words.is_empty())
}

/// An option of the environment, `K3S_URL` and the like.
fn environment(node: &Object<'_>, distribution: &str, name: &str) -> Option<String> {
    let key = if distribution == "rke2" { "rke2.io/node-env" } else { "k3s.io/node-env" };
    let json: Json = serde_json::from_str(node.annotation(key)?).ok()?;
    json.get(name)?.as_str().map(str::to_owned)
}

fn published(node: &Object<'_>, element: Element, distribution: &str, words: &[String], place: &Source) -> Element {
    let role = if words.first().is_some_and(|word| word == "server") { "server" } else { "agent" };
    let arguments: Vec<(String, Source)> = words.iter().skip(1).map(|word| (word.clone(), place.clone())).collect();
    let options = parse_flags(&arguments);
    let known = |text: &str| Fact::known(text, place.clone());
    let absent = || Fact::absent(place.clone());
    let server = role == "server";
    let backend = match last(&options, "flannel-backend") {
        Some(flag) => known(&flag.value),
        None if server && distribution == "k3s" => Fact::known("vxlan", Source::default_of(DOCUMENTED)),
        None => absent(),
    };
    let url =
        last(&options, "server").map(|flag| flag.value.clone()).or_else(|| environment(node, distribution, "K3S_URL"));
    element
        .with("role", known(role))
        .with("docker", Fact::known(is_on(&options, "docker"), place.clone()))
        .with("flannel_backend", backend)
        .with("datastore", if server { datastore(node, &options, distribution, place) } else { absent() })
        .with("server_url", url.map_or_else(absent, |url| known(&url)))
}

/// A server of an embedded etcd carries etcd's annotations and role, however
/// it was started.
fn datastore(node: &Object<'_>, options: &[Flag], distribution: &str, place: &Source) -> Fact {
    let is_etcd = node.label("node-role.kubernetes.io/etcd").is_some()
        || node.annotation("etcd.k3s.cattle.io/node-name").is_some()
        || node.annotation("etcd.rke2.cattle.io/node-name").is_some();
    let is_external = last(options, "datastore-endpoint").is_some()
        || environment(node, distribution, "K3S_DATASTORE_ENDPOINT").is_some();
    let datastore = match () {
        () if is_etcd => "etcd",
        () if is_external => "external",
        () if is_on(options, "cluster-init") || distribution == "rke2" => "etcd",
        // One that joined has what the first server has.
        () if last(options, "server").is_some() => "etcd",
        () => "sqlite",
    };
    Fact::known(datastore, place.clone())
}

fn is_on(options: &[Flag], name: &str) -> bool {
    last(options, name).is_some_and(|flag| parse_bool(&flag.value).unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use crate::fact::json::json;

    use super::super::Collection;
    use super::super::file::Files;
    use super::*;

    fn node(annotations: &Json, version: &str) -> Fact {
        let node = json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": "edge-1", "annotations": annotations},
            "status": {"nodeInfo": {"kubeletVersion": version}}
        });
        let collection = Collection::new(&["k3s_nodes".to_owned()].into());
        let mut files = Files::new(&collection);
        files.read("node.json", &node.to_string());
        files.finish();
        let facts = collection.facts("");
        facts
            .get("k3s_nodes")
            .and_then(Fact::list)
            .and_then(|nodes| nodes.first())
            .cloned()
            .unwrap_or(Fact::Absent { source: None })
    }

    fn text<'f>(fact: &'f Fact, member: &str) -> Option<&'f str> {
        fact.member(member).and_then(Fact::text)
    }

    #[test]
    fn a_lone_server_with_no_option_keeps_its_state_in_sqlite() {
        let server =
            node(&json!({"k3s.io/node-args": r#"["server","--docker","--flannel-backend","ipsec"]"#}), "v1.26.4+k3s1");
        assert_eq!(text(&server, "datastore"), Some("sqlite"));
        assert_eq!(text(&server, "flannel_backend"), Some("ipsec"));
        assert_eq!(server.member("docker").and_then(Fact::bool), Some(true));
        assert_eq!(text(&server, "version"), Some("1.26.4+k3s1"));
    }

    #[test]
    fn embedded_and_external_stores_are_told_apart() {
        let arguments = |words: &str| json!({ "k3s.io/node-args": words });
        let of = |words: &str| text(&node(&arguments(words), "v1.30.1+k3s1"), "datastore").map(str::to_owned);
        assert_eq!(of(r#"["server","--cluster-init"]"#).as_deref(), Some("etcd"));
        assert_eq!(of(r#"["server","--datastore-endpoint","********"]"#).as_deref(), Some("external"));
        assert_eq!(of(r#"["server","--server","https://192.0.2.10:6443"]"#).as_deref(), Some("etcd"));
        assert_eq!(of(r#"["agent"]"#), None);
    }

    #[test]
    fn a_node_that_hides_its_command_line_is_unreadable_and_another_distribution_is_none() {
        let hidden = node(&json!({}), "v1.30.1+k3s1");
        assert!(matches!(hidden.member("role"), Some(Fact::Unreadable { .. })));
        assert_eq!(node(&json!({}), "v1.30.1"), Fact::Absent { source: None });
    }
}
