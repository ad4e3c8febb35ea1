//! Why a capture on a node failed.

use thiserror::Error;

/// Why there is no capture; completes "failed to …".
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Fault {
    /// The API server refuses, or cannot be asked.
    #[error("{what}: {message}")]
    Api {
        /// What was asked for: `create pods in the namespace scanner`.
        what: String,
        /// The status of the answer; none where there is none.
        code: Option<u16>,
        /// Why, in the server's words.
        message: String,
    },
    /// A target cannot be captured.
    #[error("find the target: {0}")]
    Target(String),
    /// A node cannot be captured on.
    #[error("capture on the node {node}: {reason}")]
    Node {
        /// The node.
        node: String,
        /// Why not.
        reason: String,
    },
    /// A pod does not start, or has ended.
    #[error("run the pod {pod}: {reason}")]
    Pod {
        /// The pod, by namespace and name.
        pod: String,
        /// What became of it.
        reason: String,
    },
    /// The connection to what runs in a pod is gone.
    #[error("stay connected to the pod {pod}: {reason}")]
    Lost {
        /// The pod, by namespace and name.
        pod: String,
        /// What happened.
        reason: String,
    },
    /// The program in the pod failed.
    #[error("{0}")]
    Program(String),
}

/// The label that Pod Security admission goes by.
const PRIVILEGED: &str = "pod-security.kubernetes.io/enforce=privileged";

impl Fault {
    /// What can be done.
    pub fn help(&self) -> Option<String> {
        match self {
            Fault::Api { what, code: Some(code), message } => api_help(what, *code, message),
            Fault::Pod { reason, .. } if reason.contains("ImagePull") || reason.contains("InvalidImageName") => {
                Some("the node must be able to pull --image, or have it already".to_owned())
            }
            Fault::Pod { reason, .. }
                if reason.contains("executable file not found") || reason.contains("no such file") =>
            {
                Some("the image must hold this program; where it is not on the PATH, say where by --program".to_owned())
            }
            Fault::Pod { reason, .. } if reason.contains("operation not permitted") => {
                Some("some nodes need --privileged".to_owned())
            }
            Fault::Lost { .. } => Some("what was captured until then is written".to_owned()),
            _ => None,
        }
    }
}

fn api_help(what: &str, code: u16, message: &str) -> Option<String> {
    let namespace = what.rsplit_once("in the namespace ").map(|(_, namespace)| namespace);
    if message.contains("violates PodSecurity") {
        let namespace = namespace.unwrap_or("NAMESPACE");
        return Some(format!(
            "the pod must see the node's network and processes; allow it: kubectl label namespace {namespace} {PRIVILEGED}\n      \
             or name a namespace that does by --pod-namespace"
        ));
    }
    match (code, namespace) {
        (404, Some(namespace)) if what.starts_with("create ") && message.contains("namespaces") => Some(format!(
            "make it: kubectl create namespace {namespace}; kubectl label namespace {namespace} {PRIVILEGED}\n      \
             or name another by --pod-namespace"
        )),
        (403, _) if message.contains("exceeded quota") => Some("name another namespace by --pod-namespace".to_owned()),
        (403, _) if message.contains("service account") => {
            Some("a namespace has its service account a moment after it is made: try again".to_owned())
        }
        (403, _) if message.contains("cannot ") => {
            Some("docs/capture.md lists the rights that a capture takes".to_owned())
        }
        (401, _) => Some("the credentials of this context are not accepted, or are no longer; renew them".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(what: &str, code: u16, message: &str) -> String {
        Fault::Api { what: what.to_owned(), code: Some(code), message: message.to_owned() }.help().unwrap_or_default()
    }

    #[test]
    fn help_says_what_to_do_about_each_refusal() {
        let create = "create pods in the namespace scanner";
        let pod_security = r#"pods "x" is forbidden: violates PodSecurity "baseline:latest": host namespaces"#;
        assert!(help(create, 403, pod_security).contains("kubectl label namespace scanner pod-security"));
        assert!(help(create, 404, r#"namespaces "scanner" not found"#).contains("kubectl create namespace scanner"));
        assert!(help(create, 403, r#"User "a" cannot create resource "pods""#).contains("docs/capture.md"));
        assert_eq!(help("get pods/web in the namespace shop", 404, r#"pods "web" not found"#), "");
        assert!(help(create, 403, "exceeded quota: pods").contains("--pod-namespace"));
    }
}
