//! Workloads: what each topmost owner of pods runs, and what keeps its pods
//! from running.
//!
//! Sources: `PodTemplateSpec` of the kinds in apps/v1 and batch/v1, `PodSpec`
//! and `PodStatus` of core/v1. A pod is folded into its topmost owner: its
//! replica set's deployment, its job's cron job, or a kind that is not known
//! here, such as a Rollout. Owners whose objects were not read are told from
//! what their pods show.

use super::resource::{CRON_JOBS, DAEMON_SETS, DEPLOYMENTS, EVENTS, JOBS, PODS, REPLICA_SETS, STATEFUL_SETS};
use super::{Collector, Lists, Object, Reader, Request};
use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};

pub(super) const COLLECTOR: Collector =
    Collector { name: "workload", facts: FACTS, requests: REQUESTS, start: || Box::new(Workloads::default()) };

pub(super) const REQUESTS: &[Request] = &[
    Request::all(&PODS),
    Request::metadata(&REPLICA_SETS),
    Request::all(&DEPLOYMENTS),
    Request::all(&DAEMON_SETS),
    Request::all(&STATEFUL_SETS),
    Request::all(&JOBS),
    Request::all(&CRON_JOBS),
    Request::all(&EVENTS),
];

const IMAGE: Type = Type::Object(&[
    Field::new("container", Type::Text, "Name of the container."),
    Field::new("name", Type::Text, "The image as it is written."),
    Field::new("registry", Type::Text, "Host and port of the registry; `docker.io` where none is named."),
    Field::new("repository", Type::Text, "Path in the registry, without the implied `library/`."),
    Field::new("base", Type::Text, "Last segment of the path, such as `nfs-client-provisioner`."),
    Field::new("tag", Type::Text, "Tag. Absent: none is named."),
    Field::new("digest", Type::Text, "Digest, such as `sha256:…`. Absent: none is named."),
    Field::new("version", Type::Text, "Version that the tag begins with. Absent: it begins with none."),
]);

const TOLERATION: Type = Type::Object(&[
    Field::new("key", Type::Text, "Key of the taint. Absent: every key."),
    Field::new("operator", Type::Text, "`Equal` or `Exists`."),
    Field::new("value", Type::Text, "Value of the taint."),
    Field::new("effect", Type::Text, "Effect. Absent: every effect."),
]);

const VOLUME: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the volume."),
    Field::new(
        "kind",
        Type::Text,
        "Its source as the API names it: `hostPath`, `nfs`, `emptyDir`, `persistentVolumeClaim`, `csi`, `gitRepo` …",
    ),
    Field::new("path", Type::Text, "Of `hostPath` and `nfs`: the path."),
    Field::new(
        "type",
        Type::Text,
        "Of `hostPath`: what must be there, such as `Socket`; absent where nothing is checked.",
    ),
    Field::new("server", Type::Text, "Of `nfs`: the server."),
    Field::new("driver", Type::Text, "Of `csi` and `flexVolume`: the driver."),
    Field::new("claim", Type::Text, "Of `persistentVolumeClaim`: name of the claim."),
]);

const WORKLOAD: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the topmost owner, or of the bare pod."),
    Field::new("namespace", Type::Text, "Its namespace."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new(
        "kind",
        Type::Text,
        "Its kind: `Deployment`, `DaemonSet`, `StatefulSet`, `CronJob`, `Job`, `ReplicaSet`, `Pod`, or one that is not known here, such as `Rollout`.",
    ),
    Field::new("replicas", Type::Int, "Replicas that are asked for; absent for kinds that have none."),
    Field::new("images", Type::List(&IMAGE), "Images of its containers, init and ephemeral containers."),
    Field::new(
        "volumes",
        Type::List(&VOLUME),
        "Volumes of its pods, but for config maps, secrets, projections and downward data.",
    ),
    Field::new("claim_templates", Type::List(&Type::Text), "Of a StatefulSet: names of its claim templates."),
    Field::new("service_account", Type::Text, "Service account; absent for the namespace's default."),
    Field::new("runtime_class", Type::Text, "RuntimeClass. Absent: the runtime's default handler."),
    Field::new(
        "runtime_class_exists",
        Type::Bool,
        "Whether that class is there; unreadable where the classes were not read or not recorded, and nothing else tells.",
    ),
    Field::new("node_selector", Type::Map(&Type::Text), "Labels that its nodes must have."),
    Field::new("tolerations", Type::List(&TOLERATION), "Taints that it tolerates."),
    Field::new("host_network", Type::Bool, "True where it uses the node's network; else absent."),
    Field::new("host_pid", Type::Bool, "True where it sees the node's processes; else absent."),
    Field::new("host_ipc", Type::Bool, "True where it uses the node's IPC; else absent."),
    Field::new("host_users", Type::Bool, "False where it has a user namespace of its own; else absent."),
]);

const TROUBLE: Type = Type::Object(&[
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

const FACTS: &[FactDoc] = &[
    FactDoc::new("workloads", Type::List(&WORKLOAD), "One element for each topmost owner of pods, and each bare pod."),
    FactDoc::new(
        "pod_problems",
        Type::List(&TROUBLE),
        "Containers that wait for something other than their start, folded by topmost owner, container and reason.",
    ),
];

#[derive(Default)]
struct Workloads {}

impl Reader for Workloads {
    fn see(&mut self, _: &Object<'_>) {}

    fn finish(self: Box<Self>, _: &Lists) -> Facts {
        Facts::default()
    }
}
