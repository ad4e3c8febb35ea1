//! Whether a node can be captured on, and what must be left out there.

use serde_json::Value as Json;

use super::api::{Api, elements, encode, text};
use super::{Fault, pod};

/// What is known of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// The ports by which this very capture comes to and leaves the node.
    pub own_ports: Vec<u16>,
}

/// The kubelet's port where a node does not tell another one, and the usual one
/// of API servers.
const KUBELET_PORT: u16 = 10_250;
const API_PORT: u16 = 6443;

/// Looks at a node; `tell` takes what could not be looked at.
///
/// # Errors
/// If nothing can be captured on it.
pub async fn look_at(api: &Api, name: &str, tell: &dyn Fn(&str)) -> Result<Node, Fault> {
    let what = format!("get the node {name}");
    match api.get(&format!("/api/v1/nodes/{}", encode(name)), &what).await {
        Ok(Some(node)) => parse_node(&node).map_err(|reason| Fault::Node { node: name.to_owned(), reason }),
        Ok(None) => Err(Fault::Node { node: name.to_owned(), reason: "the cluster has no such node".to_owned() }),
        Err(Fault::Api { code: Some(403), message, .. }) => {
            tell(&format!("whether the node {name} is ready is not known: {what}: {message}"));
            Ok(Node { own_ports: vec![KUBELET_PORT] })
        }
        Err(fault) => Err(fault),
    }
}

/// What a node says of itself, or why nothing can be captured on it.
fn parse_node(node: &Json) -> Result<Node, String> {
    let label = |key: &str| {
        node.pointer("/metadata/labels").and_then(|labels| labels.get(key)).and_then(Json::as_str).unwrap_or_default()
    };
    let system = [text(node, "/status/nodeInfo/operatingSystem"), label("kubernetes.io/os")];
    if system.contains(&"windows") {
        return Err("it runs Windows, and captures take Linux".to_owned());
    }
    let is_virtual = label("type") == "virtual-kubelet"
        || label("eks.amazonaws.com/compute-type") == "fargate"
        || elements(node, "/spec/taints").iter().any(|taint| text(taint, "/key") == "virtual-kubelet.io/provider");
    if is_virtual {
        return Err("it is a virtual node: there is no machine on which a pod could see others".to_owned());
    }
    let ready = elements(node, "/status/conditions").iter().find(|condition| text(condition, "/type") == "Ready");
    match ready.map(|ready| (text(ready, "/status"), pod::said(ready))) {
        Some(("True", _)) => {}
        Some((_, said)) => return Err(format!("it is not ready, so that no pod starts there: {said}")),
        None => return Err("it does not tell whether it is ready, so that no pod starts there".to_owned()),
    }
    let port = node.pointer("/status/daemonEndpoints/kubeletEndpoint/Port").and_then(Json::as_u64);
    let mut own_ports = vec![port.and_then(|port| u16::try_from(port).ok()).unwrap_or(KUBELET_PORT)];
    let is_control_plane = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"]
        .iter()
        .any(|role| node.pointer("/metadata/labels").is_some_and(|labels| labels.get(role).is_some()));
    if is_control_plane {
        own_ports.push(API_PORT);
    }
    Ok(Node { own_ports })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(change: impl FnOnce(&mut Json)) -> Result<Node, String> {
        let mut node = json!({"metadata": {"labels": {"kubernetes.io/os": "linux"}},
            "status": {"conditions": [{"type": "Ready", "status": "True"}],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": 10_250}}, "nodeInfo": {"operatingSystem": "linux"}}});
        change(&mut node);
        parse_node(&node)
    }

    #[test]
    fn the_own_stream_is_known_by_its_ports() {
        assert_eq!(node(|_| {}), Ok(Node { own_ports: vec![10_250] }));
        let labels = json!({"node-role.kubernetes.io/control-plane": ""});
        assert_eq!(node(|node| node["metadata"]["labels"] = labels), Ok(Node { own_ports: vec![10_250, 6443] }));
    }

    #[test]
    fn nodes_on_which_nothing_can_be_captured_say_why() {
        let refused = |change: fn(&mut Json)| node(change).unwrap_err();
        assert!(refused(|node| node["status"]["nodeInfo"]["operatingSystem"] = json!("windows")).contains("Windows"));
        assert!(refused(|node| node["metadata"]["labels"]["type"] = json!("virtual-kubelet")).contains("virtual"));
        let late = |node: &mut Json| {
            node["status"]["conditions"][0] = json!({"type": "Ready", "status": "Unknown",
                "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status."});
        };
        assert_eq!(
            refused(late),
            "it is not ready, so that no pod starts there: NodeStatusUnknown: Kubelet stopped posting node status."
        );
        assert!(refused(|node| node["status"]["conditions"] = json!([])).contains("does not tell"));
    }
}
