//! What a pod refers to in the API. The kubelet refuses static pods that refer
//! to anything, from 1.34 on (gate `PreventStaticPodAPIReferences`): there is
//! no API server when they start.
//!
//! The rule is `HasAPIObjectReference` of Kubernetes' `pkg/api/pod`: a service
//! account, secrets and config maps of any container, resource claims, and
//! volumes but for those that the node itself has.
use crate::fact::Json;

/// Volumes that need nothing of the API.
const OF_THE_NODE: &[&str] = &[
    "awsElasticBlockStore",
    "azureDisk",
    "cinder",
    "downwardAPI",
    "emptyDir",
    "fc",
    "flocker",
    "gcePersistentDisk",
    "gitRepo",
    "hostPath",
    "image",
    "iscsi",
    "nfs",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "vsphereVolume",
];

/// Volumes that name an object only where they hold this member.
const BY_SECRET: &[&str] = &["cephfs", "flexVolume", "rbd", "scaleIO", "storageos"];

/// What a pod's specification refers to, in words: `config map web`.
pub(super) fn api_references(spec: &Json) -> Vec<String> {
    let mut found = Vec::new();
    let text = |json: &Json, pointer: &str| {
        json.pointer(pointer).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let list = |json: &Json, key: &str| json.get(key).and_then(Json::as_array).cloned().unwrap_or_default();
    found.extend(text(spec, "/serviceAccountName").map(|name| format!("service account {name}")));
    for secret in list(spec, "imagePullSecrets") {
        found.extend(text(&secret, "/name").map(|name| format!("image pull secret {name}")));
    }
    for claim in list(spec, "resourceClaims") {
        found.push(format!("resource claim {}", text(&claim, "/name").unwrap_or_default()));
    }
    for key in ["initContainers", "containers", "ephemeralContainers"] {
        for container in list(spec, key) {
            for source in list(&container, "envFrom") {
                found.extend(text(&source, "/secretRef/name").map(|name| format!("secret {name}")));
                found.extend(text(&source, "/configMapRef/name").map(|name| format!("config map {name}")));
            }
            for variable in list(&container, "env") {
                found.extend(text(&variable, "/valueFrom/secretKeyRef/name").map(|name| format!("secret {name}")));
                found.extend(
                    text(&variable, "/valueFrom/configMapKeyRef/name").map(|name| format!("config map {name}")),
                );
            }
        }
    }
    for volume in list(spec, "volumes") {
        let kind = volume
            .as_object()
            .and_then(|members| members.iter().find(|(key, value)| *key != "name" && value.is_object()));
        let Some((kind, source)) = kind else { continue };
        let name = text(&volume, "/name").unwrap_or_default();
        let refers = match kind {
            "projected" => list(source, "sources").iter().any(|source| source.get("downwardAPI").is_none()),
            kind if OF_THE_NODE.contains(&kind) => source.get("secretRef").is_some_and(Json::is_object),
            kind if BY_SECRET.contains(&kind) => source.get("secretRef").is_some_and(Json::is_object),
            _ => true,
        };
        if refers {
            found.push(format!("volume {name} ({kind})"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::json::json;

    #[test]
    fn what_needs_the_api_is_named() {
        let spec = json!({"serviceAccountName": "vip", "imagePullSecrets": [{"name": "registry"}],
            "initContainers": [{"envFrom": [{"configMapRef": {"name": "settings"}}]}],
            "containers": [{"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "token", "key": "x"}}}]}],
            "volumes": [{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}, {"name": "c", "configMap": {"name": "c"}}]});
        assert_eq!(
            api_references(&spec),
            [
                "service account vip",
                "image pull secret registry",
                "config map settings",
                "secret token",
                "volume t (projected)",
                "volume c (configMap)"
            ]
        );
    }

    #[test]
    fn what_the_node_has_is_no_reference() {
        let spec = json!({"serviceAccountName": "", "containers": [{"env": [{"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]}],
            "volumes": [{"name": "h", "hostPath": {"path": "/etc/kubernetes"}}, {"name": "e", "emptyDir": {}}, {"name": "n", "nfs": {"server": "192.0.2.1", "path": "/"}},
                {"name": "p", "projected": {"sources": [{"downwardAPI": {}}]}}]});
        assert_eq!(api_references(&spec), [""; 0]);
        assert_eq!(api_references(&json!("no pod")), [""; 0]);
    }
}
