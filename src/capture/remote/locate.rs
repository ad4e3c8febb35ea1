//! From targets to nodes: which pods are meant, and where they are.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::api::{Api, elements, encode, pods, text};
use super::{Fault, pod};
use crate::capture::target::OwnerKind;

/// What is to be captured, in namespaces that are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A pod, by namespace and name.
    Pod(String, String),
    /// All pods of an owner.
    Owner(OwnerKind, String, String),
    /// All pods of a namespace with such labels, in the words of kubectl.
    Labels(String, String),
    /// A node's own network.
    Node(String),
    /// Something of a node that the cluster knows nothing of, as it is called there.
    Local(String, String),
}

/// A node, and the targets there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The node.
    pub node: String,
    /// Targets as the program on the node takes them.
    pub words: Vec<String>,
    /// Whether packets of the node itself are captured, among which are those
    /// that bring the capture here.
    pub sees_node: bool,
}

/// The most pods and nodes that one capture takes.
const MAX_PODS: usize = 128;
const MAX_NODES: usize = 32;

/// How many names are told to whoever has named none that there is.
const MAX_NAMES: usize = 10;

/// Finds the nodes of all that is wished; `tell` takes what is left out.
///
/// # Errors
/// If there is nothing to capture, or the API server does not say.
pub async fn locate(api: &Api, wishes: &[Wish], tell: &dyn Fn(&str)) -> Result<Vec<Place>, Fault> {
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    let mut known = BTreeSet::new();
    for wish in wishes {
        let (found, sees_node) = match wish {
            Wish::Pod(namespace, name) => (vec![pod_of(api, namespace, name).await?], false),
            Wish::Owner(kind, namespace, name) => (pods_of(api, *kind, namespace, name, tell).await?, false),
            Wish::Labels(namespace, selector) => {
                let what = format!("list pods in the namespace {namespace}");
                let found = api.list(&pods(namespace, ""), selector, MAX_PODS + 1, &what).await?;
                let meant = format!("pods with the labels {selector} in the namespace {namespace}");
                (usable(&meant, &found, tell)?, false)
            }
            Wish::Node(node) => (vec![Found { node: node.clone(), word: "node".to_owned(), ..Found::default() }], true),
            Wish::Local(node, word) => {
                (vec![Found { node: node.clone(), word: word.clone(), ..Found::default() }], true)
            }
        };
        for found in found {
            if !known.insert((found.node.clone(), found.word.clone())) {
                continue;
            }
            if found.is_host_network {
                tell(&format!("{} uses the network of the node {}", found.word, found.node));
            }
            let place = places.entry(found.node.clone()).or_default();
            place.node = found.node;
            place.words.push(found.word);
            place.sees_node |= sees_node || found.is_host_network;
        }
    }
    let total: usize = places.values().map(|place| place.words.len()).sum();
    if total > MAX_PODS || places.len() > MAX_NODES {
        let nodes = places.len();
        return Err(Fault::Target(format!(
            "{total} targets on {nodes} nodes are meant; at most {MAX_PODS} on {MAX_NODES} are captured at once"
        )));
    }
    Ok(places.into_values().collect())
}

/// A target on a node.
#[derive(Debug, Default)]
struct Found {
    node: String,
    word: String,
    is_host_network: bool,
}

fn found(pod: &Json) -> Found {
    Found {
        node: text(pod, "/spec/nodeName").to_owned(),
        word: format!("pod/{}/{}", text(pod, "/metadata/namespace"), text(pod, "/metadata/name")),
        is_host_network: pod.pointer("/spec/hostNetwork").and_then(Json::as_bool).unwrap_or(false),
    }
}

async fn pod_of(api: &Api, namespace: &str, name: &str) -> Result<Found, Fault> {
    let what = format!("get pods/{name} in the namespace {namespace}");
    let Some(pod) = api.get(&pods(namespace, &format!("/{}", encode(name))), &what).await? else {
        return Err(Fault::Target(no_such_pod(api, namespace, name).await));
    };
    match pod::not_there(&pod) {
        Some(reason) => Err(Fault::Target(format!("nothing can be captured of the pod {namespace}/{name}: {reason}"))),
        None => Ok(found(&pod)),
    }
}

/// That there is none, and which there are as far as that may be known.
async fn no_such_pod(api: &Api, namespace: &str, name: &str) -> String {
    let none = format!("there is no pod {name} in the namespace {namespace}");
    let Ok(others) = api.list(&pods(namespace, ""), "", MAX_PODS, "list pods").await else { return none };
    let mut names: Vec<&str> = others.iter().map(|pod| text(pod, "/metadata/name")).collect();
    if names.is_empty() {
        return format!("{none}, which has no pods (another namespace: -n)");
    }
    names.sort_by_key(|other| (strsim::damerau_levenshtein(other, name), *other));
    let more = if names.len() > MAX_NAMES { ", …" } else { "" };
    names.truncate(MAX_NAMES);
    format!("{none}; there are: {}{more}", names.join(", "))
}

async fn pods_of(
    api: &Api,
    kind: OwnerKind,
    namespace: &str,
    name: &str,
    tell: &dyn Fn(&str),
) -> Result<Vec<Found>, Fault> {
    let (plural, word) = match kind {
        OwnerKind::Deployment => ("deployments", "deployment"),
        OwnerKind::StatefulSet => ("statefulsets", "stateful set"),
        OwnerKind::DaemonSet => ("daemonsets", "daemon set"),
    };
    let path = format!("/apis/apps/v1/namespaces/{}/{plural}/{}", encode(namespace), encode(name));
    let what = format!("get {plural}/{name} in the namespace {namespace}");
    let Some(owner) = api.get(&path, &what).await? else {
        return Err(Fault::Target(format!("there is no {word} {name} in the namespace {namespace}")));
    };
    let what = format!("list pods in the namespace {namespace}");
    let mut all = api.list(&pods(namespace, ""), &selector(&owner), MAX_PODS + 1, &what).await?;
    all.retain(|pod| is_of(kind, &owner, pod));
    usable(&format!("pods of the {word} {namespace}/{name}"), &all, tell)
}

/// Whether a pod with an owner's labels is the owner's.
fn is_of(kind: OwnerKind, owner: &Json, pod: &Json) -> bool {
    let mut owners = elements(pod, "/metadata/ownerReferences").iter();
    let Some(controller) = owners.find(|owner| owner.pointer("/controller") == Some(&Json::Bool(true))) else {
        return false;
    };
    match kind {
        // Between them is a ReplicaSet, called by the deployment's name and a hash.
        OwnerKind::Deployment => {
            let hash = text(controller, "/name").strip_prefix(text(owner, "/metadata/name"));
            text(controller, "/kind") == "ReplicaSet"
                && hash
                    .and_then(|hash| hash.strip_prefix('-'))
                    .is_some_and(|hash| !hash.is_empty() && !hash.contains('-'))
        }
        _ => text(controller, "/uid") == text(owner, "/metadata/uid"),
    }
}

/// An owner's selector in kubectl's words.
fn selector(owner: &Json) -> String {
    let labels = owner.pointer("/spec/selector/matchLabels").and_then(Json::as_object);
    let labels = labels.into_iter().flatten().filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)));
    let expressions = elements(owner, "/spec/selector/matchExpressions").iter().map(|expression| {
        let key = text(expression, "/key");
        let values: Vec<&str> = elements(expression, "/values").iter().filter_map(Json::as_str).collect();
        match text(expression, "/operator") {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        }
    });
    labels.chain(expressions).collect::<Vec<_>>().join(",")
}

/// Those of several pods that can be captured; one at least must be.
fn usable(meant: &str, all: &[Json], tell: &dyn Fn(&str)) -> Result<Vec<Found>, Fault> {
    if all.is_empty() {
        return Err(Fault::Target(format!("there are no {meant}")));
    }
    let mut usable = Vec::new();
    let mut reasons = Vec::new();
    for pod in all {
        match pod::not_there(pod) {
            None => usable.push(found(pod)),
            Some(reason) => reasons.push(format!("{}: {reason}", text(pod, "/metadata/name"))),
        }
    }
    if usable.is_empty() {
        reasons.truncate(MAX_NAMES);
        return Err(Fault::Target(format!("nothing can be captured of the {meant}: {}", reasons.join("; "))));
    }
    for reason in reasons {
        tell(&format!("left out: {reason}"));
    }
    Ok(usable)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_of_owners_are_those_of_kubectl() {
        let owner = json!({"spec": {"selector": {"matchLabels": {"app": "web"}, "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["a", "b"]}, {"key": "x", "operator": "NotIn", "values": ["c"]},
            {"key": "y", "operator": "Exists"}, {"key": "z", "operator": "DoesNotExist"}]}}});
        assert_eq!(selector(&owner), "app=web,tier in (a,b),x notin (c),y,!z");
    }

    #[test]
    fn pods_of_a_deployment_of_a_longer_name_are_not_its_own() {
        let deployment = json!({"metadata": {"name": "web", "uid": "1"}});
        let of = |kind: &str, name: &str| {
            let owner = json!({"kind": kind, "name": name, "uid": "2", "controller": true});
            is_of(OwnerKind::Deployment, &deployment, &json!({"metadata": {"ownerReferences": [owner]}}))
        };
        assert!(of("ReplicaSet", "web-5d8f6c"));
        assert!(!of("ReplicaSet", "web-canary-5d8f6c"));
        assert!(!of("StatefulSet", "web-5d8f6c"));
        let set = json!({"metadata": {"uid": "2"}});
        let owner = json!({"kind": "DaemonSet", "uid": "2", "controller": true});
        assert!(is_of(OwnerKind::DaemonSet, &set, &json!({"metadata": {"ownerReferences": [owner]}})));
        assert!(!is_of(OwnerKind::DaemonSet, &set, &json!({"metadata": {}})));
    }

    #[test]
    fn of_several_pods_those_that_run_are_taken() {
        let pod = |name: &str, phase: &str| json!({"metadata": {"name": name, "namespace": "shop"}, "spec": {"nodeName": "a"}, "status": {"phase": phase}});
        let told = std::cell::RefCell::new(Vec::new());
        let tell = |text: &str| told.borrow_mut().push(text.to_owned());
        let found = usable("pods", &[pod("x", "Running"), pod("y", "Failed")], &tell).unwrap();
        assert_eq!(found.iter().map(|found| found.word.as_str()).collect::<Vec<_>>(), ["pod/shop/x"]);
        assert_eq!(told.into_inner(), ["left out: y: it has ended"]);
        let refused = usable("pods", &[pod("y", "Failed")], &|_| {}).unwrap_err().to_string();
        assert_eq!(refused, "find the target: nothing can be captured of the pods: y: it has ended");
    }
}
