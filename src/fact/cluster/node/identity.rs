//! What a node is for, who runs it, and whether a machine stands behind it:
//! by its labels, annotations and the provider's id.

use crate::fact::cluster::{Element, Object};
use crate::fact::{Fact, Source};

/// The label that a role is the end of, and the older form with the role as its value.
const ROLE_PREFIX: &str = "node-role.kubernetes.io/";
const OLD_ROLE: &str = "kubernetes.io/role";

/// kubeadm and k3s name it; `master` was its name up to 1.23, and k3s and Rancher keep both.
const CONTROL_PLANE: &[&str] = &["control-plane", "controlplane", "master"];

/// Annotation of kubeadm: the socket that it was given.
const CRI_SOCKET: &str = "kubeadm.alpha.kubernetes.io/cri-socket";

/// Labels that the services which run nodes put on them.
const MANAGED: &[(&str, &str)] = &[
    ("eks.amazonaws.com/nodegroup", "eks"),
    ("eks.amazonaws.com/compute-type", "eks"),
    ("alpha.eksctl.io/nodegroup-name", "eks"),
    ("karpenter.k8s.aws/ec2nodeclass", "eks"),
    ("cloud.google.com/gke-nodepool", "gke"),
    ("kubernetes.azure.com/cluster", "aks"),
    ("kubernetes.azure.com/agentpool", "aks"),
    ("alibabacloud.com/nodepool-id", "ack"),
    ("node.tke.cloud.tencent.com/cluster-name", "tke"),
    ("doks.digitalocean.com/node-pool", "doks"),
];

pub(super) fn add(element: Element, object: &Object<'_>) -> Element {
    let labels = object.source(".metadata.labels");
    let roles = roles(object);
    let is_control_plane = is_control_plane(object);
    let roles = roles.into_iter().map(|role| Fact::known(role, labels.clone())).collect::<Vec<Fact>>();
    let cri_socket = object.source(".metadata.annotations['kubeadm.alpha.kubernetes.io/cri-socket']");
    let managed_by = match managed_by(object) {
        Some(service) => Fact::known(service, labels.clone()),
        None => Fact::absent(labels.clone()),
    };
    let is_virtual = why_virtual(object);
    let system = object.text("status.nodeInfo.operatingSystem").unwrap_or("linux");
    let is_linux_machine = Fact::known(
        is_virtual.is_none() && (system == "linux" || system.is_empty()),
        object.source(".status.nodeInfo.operatingSystem"),
    );
    element
        .with("roles", Fact::known(roles, labels.clone()))
        .with("is_control_plane", Fact::known(is_control_plane, labels.clone()))
        .with("is_virtual", Fact::known(is_virtual.is_some(), is_virtual.unwrap_or(labels)))
        .with("is_linux_machine", is_linux_machine)
        .with("managed_by", managed_by)
        .with("cri_socket", text_fact(object.annotation(CRI_SOCKET), cri_socket))
}

/// Whether a label makes it a control plane.
pub(in crate::fact::cluster) fn is_control_plane(object: &Object<'_>) -> bool {
    roles(object).iter().any(|role| CONTROL_PLANE.contains(&role.as_str()))
}

/// Whether no machine stands behind the node.
pub(in crate::fact::cluster) fn is_virtual(object: &Object<'_>) -> bool {
    why_virtual(object).is_some()
}

fn text_fact(text: Option<&str>, source: Source) -> Fact {
    match text {
        Some(text) => Fact::known(text, source),
        None => Fact::absent(source),
    }
}

pub(super) fn roles(object: &Object<'_>) -> Vec<String> {
    let labels = object.get("metadata.labels").and_then(|labels| labels.as_object());
    let keys = labels.into_iter().flatten().map(|(key, _)| key);
    let mut roles: Vec<String> = keys
        .filter_map(|key| key.strip_prefix(ROLE_PREFIX))
        .filter(|role| !role.is_empty())
        .map(str::to_owned)
        .collect();
    roles.extend(object.label(OLD_ROLE).filter(|role| !role.is_empty()).map(str::to_owned));
    roles.sort();
    roles.dedup();
    roles
}

pub(super) fn managed_by(object: &Object<'_>) -> Option<&'static str> {
    if object.label("eks.amazonaws.com/compute-type") == Some("fargate") {
        return Some("fargate");
    }
    MANAGED.iter().find(|(label, _)| object.label(label).is_some()).map(|(_, service)| *service)
}

/// Where a node says that no machine stands behind it. Virtual Kubelet labels
/// its nodes (`type=virtual-kubelet`) and taints them; KWOK annotates them,
/// kubemark says so in its runtime.
fn why_virtual(object: &Object<'_>) -> Option<Source> {
    let has_taint = object.list("spec.taints").iter().any(|taint| {
        taint.get("key").and_then(|key| key.as_str()).is_some_and(|key| key.starts_with("virtual-kubelet.io/"))
    });
    if has_taint {
        return Some(object.source(".spec.taints"));
    }
    if matches!(object.label("type"), Some("virtual-kubelet" | "kwok")) {
        return Some(object.source(".metadata.labels.type"));
    }
    if object.annotation("kwok.x-k8s.io/node").is_some() {
        return Some(object.source(".metadata.annotations['kwok.x-k8s.io/node']"));
    }
    let runtime = object.text("status.nodeInfo.containerRuntimeVersion").unwrap_or_default();
    let is_hollow = runtime.starts_with("fakeRuntime://") || runtime.starts_with("kwok");
    is_hollow.then(|| object.source(".status.nodeInfo.containerRuntimeVersion"))
}
