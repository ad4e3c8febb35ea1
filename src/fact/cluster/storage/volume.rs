//! Persistent volumes.
//!
//! Source: `PersistentVolume` of core/v1. What a CSI driver was told of a
//! volume stands in `spec.csi.volumeAttributes`, which cannot be changed.

use super::class::{public, rbd, texts};
use crate::fact::catalogue::{Field, Type};
use crate::fact::cluster::{Element, Object};
use crate::fact::{Fact, Json};

pub(super) const VOLUME: Type = Type::Object(&[
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

/// Members of `PersistentVolumeSpec` that are objects and no source.
const NO_SOURCE: [&str; 3] = ["capacity", "claimRef", "nodeAffinity"];

/// The element of a volume; only what is set is a member.
pub(super) fn read(volume: &Object<'_>) -> Fact {
    let mut element = Element::of(volume.reference());
    for (member, path) in [
        ("phase", "status.phase"),
        ("class", "spec.storageClassName"),
        ("reclaim_policy", "spec.persistentVolumeReclaimPolicy"),
        ("claim_name", "spec.claimRef.name"),
        ("claim_namespace", "spec.claimRef.namespace"),
    ] {
        if let Some(text) = volume.text(path) {
            element = element.with(member, Fact::known(text, volume.source(format!(".{path}"))));
        }
    }
    if let Some(maker) = volume.annotation("pv.kubernetes.io/provisioned-by") {
        let source = volume.source(".metadata.annotations['pv.kubernetes.io/provisioned-by']");
        element = element.with("provisioned_by", Fact::known(maker, source));
    }
    let affinity = Fact::known(volume.get("spec.nodeAffinity").is_some(), volume.source(".spec.nodeAffinity"));
    element = element.with("has_node_affinity", affinity);
    if let Some(options) = volume.get("spec.mountOptions") {
        element = element.with("mount_options", texts(Some(options), &volume.source(".spec.mountOptions")));
    }
    let is_source = |(key, value): &(&str, &Json)| value.is_object() && !NO_SOURCE.contains(key);
    let source = volume.get("spec").and_then(Json::as_object).and_then(|spec| spec.iter().find(is_source));
    let Some((kind, fields)) = source else { return element.done() };
    let at = |field: &str| volume.source(format!(".spec.{kind}.{field}"));
    element = element.with("kind", Fact::known(kind, volume.source(format!(".spec.{kind}"))));
    for (member, field) in [("driver", "driver"), ("handle", "volumeHandle"), ("server", "server"), ("path", "path")] {
        if let Some(text) = fields.get(field).and_then(Json::as_str) {
            element = element.with(member, Fact::known(text, at(field)));
        }
    }
    if let Some(monitors) = fields.get("monitors") {
        element = element.with("monitors", texts(Some(monitors), &at("monitors")));
    }
    if let Some(attributes) = fields.get("volumeAttributes") {
        element = element.with("attributes", public(Some(attributes), &at("volumeAttributes")));
        element = rbd(element, Some(attributes), &at("volumeAttributes.imageFeatures"));
        if let Some(server) = attributes.get("server").and_then(Json::as_str) {
            element = element.with("server", Fact::known(server, at("volumeAttributes.server")));
        }
    }
    element.done()
}
