//! Why containers wait: what the kubelet says of them, and what lies behind an
//! image that cannot be pulled.
//!
//! Sources: `ContainerStatus.state.waiting` of core/v1; the reasons are those
//! of pkg/kubelet/images/types.go and pkg/kubelet/kuberuntime. Until 1.31 the
//! kubelet's words for `ImagePullBackOff` lack the cause; the event of reason
//! `Failed` for the same image has it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::fact::catalogue::{Field, Type};
use crate::fact::cluster::{Element, Object};
use crate::fact::{Fact, Json, ObjectReference, Source};

pub(super) const TROUBLE: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the topmost owner, or of the bare pod."),
    Field::new("namespace", Type::Text, "Its namespace."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("container", Type::Text, "Name of the container."),
    Field::new("image", Type::Text, "The container's image."),
    Field::new(
        "reason",
        Type::Text,
        "Why it waits, as the kubelet names it: `ImagePullBackOff`, `CreateContainerConfigError`, `CrashLoopBackOff` …",
    ),
    Field::new("is_pull", Type::Bool, "Whether the image is what it waits for."),
    Field::new(
        "text",
        Type::Text,
        "What the kubelet says of it, in the container's state or else in an event; at most 500 characters.",
    ),
    Field::new(
        "cause",
        Type::Text,
        "Of a failing pull, from that text: `not-found`, `authentication`, `rate-limit`, `certificate`, `plain-http`, `name-resolution`, `unreachable`, `disk-full`, `platform`, `name`, `never-pulled`, `other`.",
    ),
    Field::new("pods", Type::Int, "How many of the owner's pods wait so."),
]);

/// The start of every container, which is no fault.
const STARTING: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// Reasons that speak of the image.
const PULL: [&str; 7] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
];

/// What the runtime's words tell of a pull, in the order in which they are
/// looked for: a registry that refuses an account also says "does not exist".
const CAUSES: &[(&str, &[&str])] = &[
    ("rate-limit", &["toomanyrequests", "too many requests", "pull rate limit"]),
    ("plain-http", &["server gave http response to https client"]),
    ("certificate", &["x509:", "certificate", "signaturevalidationfailed"]),
    ("name-resolution", &["no such host", "name resolution", "server misbehaving"]),
    (
        "unreachable",
        &[
            "i/o timeout",
            "connection refused",
            "connection reset",
            "context deadline exceeded",
            "network is unreachable",
            "no route to host",
            "tls handshake timeout",
        ],
    ),
    (
        "authentication",
        &["unauthorized", "forbidden", "access denied", "authorization failed", "no basic auth", "insufficient_scope"],
    ),
    ("platform", &["no match for platform", "no matching manifest"]),
    ("disk-full", &["no space left on device"]),
    ("not-found", &["manifest unknown", "name unknown", "not found", "does not exist", "404"]),
];

/// One container's trouble, of one owner.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) container: String,
    pub(super) image: String,
    pub(super) reason: String,
    pub(super) text: Option<String>,
    pub(super) source: Source,
    pub(super) pods: i64,
}

/// What the containers of a pod wait for, if it is more than their start.
pub(super) fn troubles(pod: &Object<'_>) -> Vec<Trouble> {
    let mut found = Vec::new();
    for list in ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"] {
        for (index, status) in pod.list(&format!("status.{list}")).iter().enumerate() {
            let text = |pointer: &str| status.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
            let reason = text("/state/waiting/reason");
            if reason.is_empty() || STARTING.contains(&reason) {
                continue;
            }
            let message = text("/state/waiting/message");
            found.push(Trouble {
                container: text("/name").to_owned(),
                image: text("/image").to_owned(),
                reason: reason.to_owned(),
                text: (!message.is_empty()).then(|| shortened(message)),
                source: pod.source(format!(".status.{list}[{index}].state.waiting.reason")),
                pods: 1,
            });
        }
    }
    found
}

impl Trouble {
    /// Whether the image is what the container waits for.
    pub(super) fn is_pull(&self) -> bool {
        PULL.contains(&self.reason.as_str())
    }

    /// What makes two troubles of one owner the same.
    pub(super) fn key(&self) -> (String, String) {
        let reason = if self.is_pull() { "pull" } else { self.reason.as_str() };
        (self.container.clone(), reason.to_owned())
    }

    /// Takes in the same trouble of another pod; words that tell a cause win.
    pub(super) fn join(&mut self, other: Self) {
        self.pods = self.pods.saturating_add(other.pods);
        if self.is_pull() && self.cause() == "other" && other.cause() != "other" {
            (self.reason, self.text, self.source) = (other.reason, other.text, other.source);
        }
    }

    /// Takes the cause from an event about the same image, where the
    /// container's state does not tell it.
    pub(super) fn learn(&mut self, failures: &BTreeMap<String, String>) {
        if self.is_pull()
            && self.cause() == "other"
            && let Some(text) = failures.get(&self.image)
        {
            self.text = Some(text.clone());
        }
    }

    /// What lies behind a failing pull.
    fn cause(&self) -> &'static str {
        match self.reason.as_str() {
            "ErrImageNeverPull" => "never-pulled",
            "InvalidImageName" => "name",
            _ => cause(self.text.as_deref().unwrap_or_default()),
        }
    }

    /// The element of a list.
    pub(super) fn fact(&self, owner: &Arc<ObjectReference>) -> Fact {
        let mut element = Element::of(owner)
            .with("container", Fact::group(self.container.as_str()))
            .with("image", Fact::group(self.image.as_str()))
            .with("reason", Fact::known(self.reason.as_str(), self.source.clone()))
            .with("is_pull", Fact::group(self.is_pull()))
            .with("pods", Fact::group(self.pods));
        if let Some(text) = &self.text {
            element = element.with("text", Fact::known(text.as_str(), self.source.clone()));
        }
        if self.is_pull() {
            element = element.with("cause", Fact::group(self.cause()));
        }
        element.done()
    }
}

/// What the words about a failing pull tell.
fn cause(text: &str) -> &'static str {
    let text = text.to_ascii_lowercase();
    let is_told = |words: &&[&str]| words.iter().any(|word| text.contains(word));
    CAUSES.iter().find(|(_, words)| is_told(words)).map_or("other", |(cause, _)| *cause)
}

/// The image and the words of an event of reason `Failed` about a pull:
/// `Failed to pull image "nginx:nosuch": rpc error: …`.
pub(super) fn parse_failure(message: &str) -> Option<(&str, &str)> {
    let rest = message.strip_prefix("Failed to pull image \"")?;
    let (image, words) = rest.split_once('"')?;
    Some((image, words.trim_start_matches(':').trim()))
}

/// At most 500 characters.
pub(in crate::fact::cluster) fn shortened(text: &str) -> String {
    text.chars().take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtimes_words_tell_why_a_pull_fails() {
        let told = [
            (
                "rpc error: code = NotFound desc = failed to pull and unpack image \"docker.io/library/nginx:nosuch\": failed to resolve reference \"docker.io/library/nginx:nosuch\": docker.io/library/nginx:nosuch: not found",
                "not-found",
            ),
            (
                "failed to pull and unpack image \"docker.io/x/private:1\": failed to resolve reference: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
                "authentication",
            ),
            (
                "unexpected status from HEAD request to https://r.example.com/v2/x/manifests/1: 401 Unauthorized",
                "authentication",
            ),
            (
                "httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/library/busybox/manifests/sha256:aa: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.",
                "rate-limit",
            ),
            (
                "failed to do request: Head \"https://registry:5000/v2/x/manifests/1\": http: server gave HTTP response to HTTPS client",
                "plain-http",
            ),
            (
                "failed to do request: Head \"https://r/v2/\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
                "certificate",
            ),
            ("dial tcp: lookup nosuch.example.com on 10.0.0.2:53: no such host", "name-resolution"),
            ("dial tcp 192.0.2.1:443: i/o timeout", "unreachable"),
            ("no match for platform in manifest: not found", "platform"),
            ("write /var/lib/containerd/x: no space left on device", "disk-full"),
            ("Back-off pulling image \"x\"", "other"),
        ];
        for (text, expected) in told {
            assert_eq!(cause(text), expected, "{text}");
        }
    }

    #[test]
    fn an_event_names_the_image_and_the_cause() {
        let event = "Failed to pull image \"registry:5000/x\": rpc error: code = Unknown desc = dial tcp: no such host";
        let (image, words) = parse_failure(event).unwrap();
        assert_eq!((image, cause(words)), ("registry:5000/x", "name-resolution"));
        assert_eq!(parse_failure("Error: ErrImagePull"), None);
    }
}
