//! Claims, and what keeps them pending.
//!
//! Sources: `PersistentVolumeClaim` of core/v1; the events of the volume
//! controller (pkg/controller/volume/persistentvolume), of the scheduler's
//! volume binder and of external provisioners. Most of these events are of the
//! type `Normal`. A provisioner that needs selfLink cannot even report an
//! event, so that only the controller's `ExternalProvisioning` is seen.

use std::sync::Arc;

use crate::fact::catalogue::{Field, Type};
use crate::fact::cluster::workload::shortened;
use crate::fact::cluster::{Element, Object};
use crate::fact::{Fact, ObjectReference, Source};

use super::class::{Class, texts};

pub(super) const CLAIM: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the claim."),
    Field::new("namespace", Type::Text, "Its namespace."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("phase", Type::Text, "`Pending`, `Bound` or `Lost`."),
    Field::new(
        "class",
        Type::Text,
        "Its class: the beta annotation, which wins, or `spec.storageClassName`; `\"\"` asks for none. Absent: the default class.",
    ),
    Field::new("beta_class", Type::Text, "The annotation volume.beta.kubernetes.io/storage-class."),
    Field::new("access_modes", Type::List(&Type::Text), "Its access modes."),
    Field::new("volume", Type::Text, "Name of its volume. Absent: it has none yet."),
    Field::new("created", Type::Text, "When it was made."),
    Field::new(
        "provisioner",
        Type::Text,
        "Provisioner of its class. Absent: it has no class, or the class is not there.",
    ),
    Field::new(
        "is_provisioner_announced",
        Type::Bool,
        "Whether someone announces that provisioner, as `is_announced` of its class.",
    ),
    Field::new(
        "cause",
        Type::Text,
        "Of a pending claim: `waits-for-consumer` (no pod uses it yet), `consumer-unscheduled` (its pod waits for something else), `no-class` (no class, and no default), `no-volume`, `class-missing`, `external-provisioner-silent`, `being-provisioned`, `provisioning-failed`, `authentication`, `backend-unreachable`, `operation-pending`, `capacity`, `quota`, `access-mode`, `volume-mismatch`, `node-gone`; unreadable where nothing tells it, as events last an hour.",
    ),
    Field::new(
        "text",
        Type::Text,
        "What the event says that this comes from; at most 500 characters. Absent: there is none.",
    ),
]);

const BETA: &str = "volume.beta.kubernetes.io/storage-class";
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// Reasons of events about claims, the most telling first.
const REASONS: [&str; 7] = [
    "ProvisioningFailed",
    "VolumeMismatch",
    "FailedBinding",
    "Provisioning",
    "ExternalProvisioning",
    "WaitForPodScheduled",
    "WaitForFirstConsumer",
];

/// What the words about a failed provisioning tell, in the order in which they
/// are looked for.
const CAUSES: &[(&str, &[&str])] = &[
    ("quota", &["exceeded quota", "quota exceeded"]),
    ("operation-pending", &["an operation with the given volume id", "operation already exists"]),
    ("access-mode", &["access mode", "accessmode", "multi node access", "multi_node", "volume capabilities", "rwx"]),
    (
        "authentication",
        &[
            "permission denied",
            "unauthorized",
            "forbidden",
            "operation not permitted",
            "ret=-1,",
            "ret=-13",
            "failed to get connection",
        ],
    ),
    ("capacity", &["no space left", "resourceexhausted", "insufficient capacity", "not enough free"]),
    (
        "backend-unreachable",
        &[
            "deadlineexceeded",
            "deadline exceeded",
            "connection refused",
            "timed out",
            "timeout",
            "no route to host",
            "no such host",
            "ret=-110",
        ],
    ),
];

/// The most telling event of a claim.
#[derive(Clone, Debug)]
pub(super) struct Said {
    rank: usize,
    pub(super) reason: &'static str,
    text: String,
    source: Source,
}

impl Said {
    /// What an event about a claim says, if it is of a reason that tells.
    pub(super) fn read(event: &Object<'_>) -> Option<Self> {
        let reason = event.text("reason")?;
        let (rank, reason) = REASONS.iter().enumerate().find(|(_, known)| **known == reason)?;
        let field = if event.get("message").is_some() { "message" } else { "note" };
        let text = shortened(event.text(field).unwrap_or_default());
        Some(Said { rank, reason, text, source: event.source(format!(".{field}")) })
    }

    /// Whether it tells more than the other.
    pub(super) fn tells_more_than(&self, other: &Self) -> bool {
        self.rank < other.rank
    }
}

/// A claim on its way.
pub(super) struct Claim {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) class: Option<String>,
    pub(super) is_pending: bool,
    selected_node: Option<String>,
    element: Element,
    reference: Arc<ObjectReference>,
}

/// What a pending claim is judged by.
pub(super) struct Around<'a> {
    /// Its class, or the default one.
    pub(super) class: Option<&'a Class>,
    /// Whether every class is known.
    pub(super) are_classes_known: bool,
    /// Whether every node is known, and this one not among them.
    pub(super) is_node_gone: &'a dyn Fn(&str) -> bool,
    /// What the scheduler says of a pod that uses it and has no node.
    pub(super) pod: Option<&'a str>,
    pub(super) said: Option<&'a Said>,
    /// Why events may be missing.
    pub(super) no_event: String,
}

impl Claim {
    pub(super) fn read(claim: &Object<'_>) -> Self {
        let beta = claim.annotation(BETA);
        let beta_source = || claim.source(format!(".metadata.annotations['{BETA}']"));
        let class = match beta {
            Some(class) => Some((class, beta_source())),
            None => claim.text("spec.storageClassName").map(|class| (class, claim.source(".spec.storageClassName"))),
        };
        let mut element = Element::of(claim.reference())
            .with("phase", claim.text_fact(".status.phase"))
            .with("access_modes", texts(claim.get("spec.accessModes"), &claim.source(".spec.accessModes")))
            .with("created", claim.text_fact(".metadata.creationTimestamp"));
        if let Some((class, source)) = &class {
            element = element.with("class", Fact::known(*class, source.clone()));
        }
        if let Some(class) = beta {
            element = element.with("beta_class", Fact::known(class, beta_source()));
        }
        if let Some(volume) = claim.text("spec.volumeName") {
            element = element.with("volume", Fact::known(volume, claim.source(".spec.volumeName")));
        }
        Claim {
            namespace: claim.namespace().unwrap_or_default().to_owned(),
            name: claim.name().to_owned(),
            class: class.map(|(class, _)| class.to_owned()),
            is_pending: claim.text("status.phase") == Some("Pending"),
            selected_node: claim.annotation(SELECTED_NODE).map(str::to_owned),
            element,
            reference: Arc::clone(claim.reference()),
        }
    }

    /// Why it is pending.
    pub(super) fn cause(&self, around: &Around<'_>) -> Result<&'static str, String> {
        if self.selected_node.as_deref().is_some_and(|node| (around.is_node_gone)(node)) {
            return Ok("node-gone");
        }
        let pod = around.pod.unwrap_or_default();
        if ["didn't find available persistent volumes", "volume node affinity conflict"].iter().any(|w| pod.contains(w))
        {
            return Ok("no-volume");
        }
        let names_no_class = self.class.is_none() && around.class.is_none();
        let is_class_gone = self.class.as_deref().is_some_and(|class| !class.is_empty())
            && around.class.is_none()
            && around.are_classes_known;
        let Some(said) = around.said else {
            return match around.class {
                Some(class) if class.waits_for_consumer && around.pod.is_none() => Ok("waits-for-consumer"),
                _ if names_no_class && around.are_classes_known => Ok("no-class"),
                _ if is_class_gone => Ok("class-missing"),
                _ => Err(around.no_event.clone()),
            };
        };
        Ok(match said.reason {
            "ProvisioningFailed" => failure(&said.text),
            "VolumeMismatch" => "volume-mismatch",
            "FailedBinding" if names_no_class => "no-class",
            "FailedBinding" => "no-volume",
            "Provisioning" => "being-provisioned",
            "ExternalProvisioning" => "external-provisioner-silent",
            "WaitForFirstConsumer" if around.pod.is_none() => "waits-for-consumer",
            _ => "consumer-unscheduled",
        })
    }

    /// The element of the list.
    pub(super) fn fact(
        &self,
        around: &Around<'_>,
        cause: Option<&Result<&'static str, String>>,
        is_announced: Option<Fact>,
    ) -> Fact {
        let mut element = self.element.clone();
        if let Some(class) = around.class {
            element = element.with("provisioner", Fact::group(class.provisioner.as_str()));
        }
        if let Some(is_announced) = is_announced {
            element = element.with("is_provisioner_announced", is_announced);
        }
        if let Some(cause) = cause {
            let phase = || Source::object(&self.reference, ".status.phase");
            let source = around.said.map_or_else(phase, |said| said.source.clone());
            let cause = match cause {
                Ok(cause) => Fact::known(*cause, source),
                Err(reason) => Fact::unreadable(source, reason.as_str()),
            };
            element = element.with("cause", cause);
            if let Some(said) = around.said {
                element = element.with("text", Fact::known(said.text.as_str(), said.source.clone()));
            }
        }
        element.done()
    }
}

/// What a failed provisioning is about.
fn failure(text: &str) -> &'static str {
    let text = text.to_ascii_lowercase();
    if text.starts_with("storageclass") && text.ends_with("not found") {
        return "class-missing";
    }
    let is_told = |words: &&[&str]| words.iter().any(|word| text.contains(word));
    CAUSES.iter().find(|(_, words)| is_told(words)).map_or("provisioning-failed", |(cause, _)| *cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_provisioners_words_tell_why_it_fails() {
        let told = [
            ("storageclass.storage.k8s.io \"nosuch\" not found", "class-missing"),
            (
                "failed to provision volume with StorageClass \"rbd\": rpc error: code = Aborted desc = an operation with the given Volume ID pvc-1 already exists",
                "operation-pending",
            ),
            (
                "failed to provision volume with StorageClass \"rbd\": rpc error: code = DeadlineExceeded desc = context deadline exceeded",
                "backend-unreachable",
            ),
            (
                "rpc error: code = Internal desc = failed to get connection: connecting failed: rados: ret=-13, Permission denied",
                "authentication",
            ),
            (
                "rpc error: code = InvalidArgument desc = multi node access modes are only supported on rbd `block` type volumes",
                "access-mode",
            ),
            ("NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes", "access-mode"),
            ("something new", "provisioning-failed"),
        ];
        for (text, expected) in told {
            assert_eq!(failure(text), expected, "{text}");
        }
    }
}
