//! Storage: classes, claims, volumes, and who makes volumes for them.
//!
//! Sources: storage.k8s.io/v1, `PersistentVolumeClaim` and `PersistentVolume`
//! of core/v1, and events, whose type is `Normal` for most of what keeps a
//! claim pending. A provisioner is a program that announces a name; which one
//! is told from the arguments and environment of every workload.

use super::resource::{
    CLAIMS, CRON_JOBS, CSI_DRIVERS, DAEMON_SETS, DEPLOYMENTS, EVENTS, JOBS, PODS, STATEFUL_SETS, STORAGE_CLASSES,
    VOLUMES,
};
use super::{Collector, Lists, Object, Reader, Request};
use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};

pub(super) const COLLECTOR: Collector =
    Collector { name: "storage", facts: FACTS, requests: REQUESTS, start: || Box::new(Storage::default()) };

const REQUESTS: &[Request] = &[
    Request::all(&STORAGE_CLASSES),
    Request::all(&CLAIMS),
    Request::all(&VOLUMES),
    Request::metadata(&CSI_DRIVERS),
    Request::all(&EVENTS),
    Request::all(&PODS),
    Request::all(&DEPLOYMENTS),
    Request::all(&DAEMON_SETS),
    Request::all(&STATEFUL_SETS),
    Request::all(&JOBS),
    Request::all(&CRON_JOBS),
];

const CLASS: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the class."),
    Field::new("namespace", Type::Text, "Always absent."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("provisioner", Type::Text, "Name of the provisioner."),
    Field::new("is_default", Type::Bool, "Whether an annotation, of today or of beta, makes it the default class."),
    Field::new("created", Type::Text, "When it was made: of several defaults the newest serves."),
    Field::new("parameters", Type::Map(&Type::Text), "Its parameters; values that are secrets left out."),
    Field::new("mount_options", Type::List(&Type::Text), "Options of mounts."),
    Field::new("reclaim_policy", Type::Text, "`Delete` (the default) or `Retain`."),
    Field::new("binding_mode", Type::Text, "`Immediate` (the default) or `WaitForFirstConsumer`."),
    Field::new(
        "image_features",
        Type::List(&Type::Text),
        "Of Ceph RBD: the features that its images get. Absent: none are named.",
    ),
    Field::new("map_options", Type::Text, "Of Ceph RBD: `mapOptions`."),
    Field::new("claims", Type::Int, "How many claims name it."),
    Field::new(
        "is_announced",
        Type::Bool,
        "Whether someone announces its provisioner: a CSI driver, a workload's arguments or environment, an event of it, or Kubernetes itself.",
    ),
]);

const CLAIM: Type = Type::Object(&[
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
    Field::new("is_class_missing", Type::Bool, "Whether its class is not there."),
    Field::new(
        "cause",
        Type::Text,
        "Of a pending claim: `waits-for-consumer` (no pod uses it yet), `consumer-unscheduled`, `no-class`, `class-missing`, `external-provisioner-silent`, `provisioning-failed`, `quota`, `access-mode`, `volume-mismatch`, `node-gone`; unreadable where nothing tells it, as events last an hour.",
    ),
    Field::new(
        "text",
        Type::Text,
        "What the event says that this comes from; at most 500 characters. Absent: there is none.",
    ),
    Field::new("event", Type::Text, "Reason of that event."),
]);

const VOLUME: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the volume."),
    Field::new("namespace", Type::Text, "Always absent."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("phase", Type::Text, "`Available`, `Bound`, `Released` or `Failed`."),
    Field::new(
        "kind",
        Type::Text,
        "Its source as the API names it: `csi`, `nfs`, `rbd`, `cephfs`, `hostPath`, `local` …",
    ),
    Field::new("class", Type::Text, "Its class."),
    Field::new("driver", Type::Text, "Of `csi` and `flexVolume`: the driver."),
    Field::new("handle", Type::Text, "Of `csi`: the volume's handle."),
    Field::new("server", Type::Text, "Of `nfs`: the server; of a CSI driver for NFS its `server`."),
    Field::new("path", Type::Text, "Of `nfs`, `hostPath` and `local`: the path."),
    Field::new("monitors", Type::List(&Type::Text), "Of `rbd` and `cephfs`: addresses of the monitors."),
    Field::new("reclaim_policy", Type::Text, "`Delete`, `Retain` or `Recycle`."),
    Field::new("has_node_affinity", Type::Bool, "Whether it is bound to nodes."),
    Field::new("attributes", Type::Map(&Type::Text), "Of `csi`: volumeAttributes; values that are secrets left out."),
    Field::new(
        "image_features",
        Type::List(&Type::Text),
        "Of Ceph RBD: the features of its image. Absent: none are named.",
    ),
    Field::new("map_options", Type::Text, "Of Ceph RBD: `mapOptions`."),
    Field::new("mount_options", Type::List(&Type::Text), "Options of its mount."),
    Field::new("provisioned_by", Type::Text, "Who made it; absent for one made by hand."),
    Field::new("claim_name", Type::Text, "Name of its claim."),
    Field::new("claim_namespace", Type::Text, "Namespace of its claim."),
]);

const PROVISIONER: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the workload."),
    Field::new("namespace", Type::Text, "Its namespace."),
    Field::new("subject", Type::Map(&Type::Text), "Identity of the workload, for `subject`."),
    Field::new("announces", Type::Text, "The name that it serves; unreadable where a config map or secret gives it."),
    Field::new("product", Type::Text, "What it is, such as `nfs-client-provisioner`."),
    Field::new("image", Type::Text, "Its image."),
    Field::new(
        "needs_selflink",
        Type::Bool,
        "Whether it cannot work without metadata.selfLink; unreadable where the image does not tell.",
    ),
    Field::new("told_by", Type::Text, "What tells it: `digest`, `tag`, `name` or `behaviour`."),
    Field::new("replicas", Type::Int, "Replicas that are asked for."),
    Field::new("server", Type::Text, "The NFS server that it is given."),
    Field::new("claims", Type::Int, "How many claims have a class of it."),
    Field::new("pending_claims", Type::Int, "How many of these are pending."),
]);

const FACTS: &[FactDoc] = &[
    FactDoc::new("storage_classes", Type::List(&CLASS), "Every StorageClass."),
    FactDoc::new("claims", Type::List(&CLAIM), "Every PersistentVolumeClaim."),
    FactDoc::new("volumes", Type::List(&VOLUME), "Every PersistentVolume."),
    FactDoc::new("csi_drivers", Type::List(&Type::Text), "Names of the CSIDriver objects."),
    FactDoc::new("provisioners", Type::List(&PROVISIONER), "Workloads that are a known provisioner, or behave as one."),
];

#[derive(Default)]
struct Storage {}

impl Reader for Storage {
    fn see(&mut self, _: &Object<'_>) {}

    fn finish(self: Box<Self>, _: &Lists) -> Facts {
        Facts::default()
    }
}
