//! The pod that a capture is run in: pinned to its node, which it sees as the
//! node's own programs do, with only the rights that a capture takes.
//!
//! The node's root is mounted to be read, with what is mounted there later:
//! networks are files beneath it. It has no right in the cluster, and ends by
//! itself after a time.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use serde_json::{Value as Json, json};

/// The name of its container.
pub const CONTAINER: &str = "capture";

/// Where the node's root is in it.
pub(super) const ROOT: &str = "/host";

/// What all pods of captures have.
pub(super) const LABEL: (&str, &str) = ("app.kubernetes.io/name", "scanner-capture");

/// What a capture takes: to open packet sockets; to enter namespaces; to look
/// into processes of other users for them, and into their folders; and to make
/// the node's root its own.
const CAPABILITIES: [&str; 5] = ["NET_RAW", "SYS_ADMIN", "SYS_PTRACE", "SYS_CHROOT", "DAC_READ_SEARCH"];

/// How to make it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name, by [`name`].
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The node.
    pub node: String,
    /// The image, which holds this program.
    pub image: String,
    /// The program within it.
    pub program: String,
    /// Whether it has all rights that there are.
    pub is_privileged: bool,
    /// The minor version of the API, as far as it is known.
    pub api_minor: Option<u32>,
    /// How long the capture may last, in seconds.
    pub duration_s: u64,
    /// How long the pod may take to start, in seconds.
    pub start_s: u64,
}

/// The minor version whose containers have a field for their `AppArmor` profile.
const APPARMOR_FIELD: u32 = 30;

/// How long a pod lives on after its capture should have ended, in seconds.
const LONGEST_END_S: u64 = 60;

/// A name that no other pod has.
pub fn name() -> String {
    // Its seed is random.
    let random = RandomState::new().hash_one("a name");
    format!("scanner-capture-{:08x}", random & 0xffff_ffff)
}

/// The pod, as the API server takes it.
pub fn manifest(settings: &Settings) -> Json {
    let held_s = settings.duration_s.saturating_add(LONGEST_END_S);
    let knows_field = settings.api_minor.map(|minor| minor >= APPARMOR_FIELD);
    let security = if settings.is_privileged {
        json!({"privileged": true, "runAsUser": 0, "readOnlyRootFilesystem": true})
    } else {
        let mut security = json!({
            "runAsUser": 0,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"], "add": CAPABILITIES},
            // The type of containers that look after their node; of no effect without SELinux.
            "seLinuxOptions": {"type": "spc_t"},
        });
        // The usual profile keeps containers from looking into processes.
        if knows_field != Some(false)
            && let Some(security) = security.as_object_mut()
        {
            security.insert("appArmorProfile".to_owned(), json!({"type": "Unconfined"}));
        }
        security
    };
    let mut annotations = BTreeMap::from([("cluster-autoscaler.kubernetes.io/safe-to-evict", "true")]);
    if !settings.is_privileged && knows_field != Some(true) {
        // The same for earlier servers; the container's name is at its end.
        annotations.insert("container.apparmor.security.beta.kubernetes.io/capture", "unconfined");
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": settings.name,
            "namespace": settings.namespace,
            "labels": {LABEL.0: LABEL.1, "app.kubernetes.io/managed-by": "scanner"},
            "annotations": annotations,
        },
        "spec": {
            "nodeName": settings.node,
            "restartPolicy": "Never",
            "activeDeadlineSeconds": held_s.saturating_add(settings.start_s),
            "terminationGracePeriodSeconds": 5,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "hostNetwork": true,
            "hostPID": true,
            "dnsPolicy": "Default",
            "tolerations": [{"operator": "Exists"}],
            "volumes": [{"name": "host", "hostPath": {"path": "/", "type": "Directory"}}],
            "containers": [{
                "name": CONTAINER,
                "image": settings.image,
                "imagePullPolicy": "IfNotPresent",
                "command": [settings.program, "capture", "--hold", settings.name, "--duration", format!("{held_s}s")],
                "terminationMessagePolicy": "FallbackToLogsOnError",
                // The rings of many interfaces together take 256 MiB.
                "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "768Mi"}},
                "securityContext": security,
                "volumeMounts": [
                    {"name": "host", "mountPath": ROOT, "readOnly": true, "mountPropagation": "HostToContainer"},
                ],
            }],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            name: "scanner-capture-1".to_owned(),
            namespace: "scanner".to_owned(),
            node: "cn-01".to_owned(),
            image: "registry.example/scanner:1".to_owned(),
            program: "scanner".to_owned(),
            is_privileged: false,
            api_minor: Some(36),
            duration_s: 30,
            start_s: 120,
        }
    }

    #[test]
    fn it_ends_by_itself_and_has_no_rights_in_the_cluster() {
        let pod = manifest(&settings());
        let spec = &pod["spec"];
        assert_eq!(spec["activeDeadlineSeconds"], 210);
        assert_eq!(spec["restartPolicy"], "Never");
        assert_eq!(spec["automountServiceAccountToken"], false);
        assert_eq!(spec["containers"][0]["volumeMounts"][0]["mountPropagation"], "HostToContainer");
        let command = ["scanner", "capture", "--hold", "scanner-capture-1", "--duration", "90s"];
        assert_eq!(spec["containers"][0]["command"], json!(command));
        let capabilities = &spec["containers"][0]["securityContext"]["capabilities"];
        assert_eq!(capabilities["add"], json!(CAPABILITIES));
    }

    #[test]
    fn a_privileged_one_says_nothing_of_single_rights() {
        let pod = manifest(&Settings { is_privileged: true, ..settings() });
        let context = pod["spec"]["containers"][0]["securityContext"].as_object().unwrap();
        assert_eq!(context["privileged"], true);
        assert!(!context.contains_key("capabilities") && !context.contains_key("appArmorProfile"));
    }

    #[test]
    fn a_server_is_given_the_field_or_the_annotation_that_it_knows() {
        let has = |api_minor| {
            let pod = manifest(&Settings { api_minor, ..settings() });
            let key = "container.apparmor.security.beta.kubernetes.io/capture";
            let context = &pod["spec"]["containers"][0]["securityContext"];
            (context.get("appArmorProfile").is_some(), pod["metadata"]["annotations"].get(key).is_some())
        };
        assert_eq!((has(Some(29)), has(Some(30)), has(None)), ((false, true), (true, false), (true, true)));
    }

    #[test]
    fn names_differ() {
        let (first, second) = (name(), name());
        assert_ne!(first, second);
        assert_eq!(first.len(), "scanner-capture-".len() + 8);
    }
}
