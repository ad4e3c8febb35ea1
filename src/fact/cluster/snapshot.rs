//! Volume snapshots: their contents in the storage system, and their classes.
//!
//! Source: snapshot.storage.k8s.io/v1; a cluster may lack these kinds. The
//! external snapshotter takes the secret for a deletion from annotations of
//! the content, which it writes itself only at contents that it makes.

use super::resource::{SNAPSHOT_CLASSES, SNAPSHOT_CONTENTS};
use super::{Collector, Lists, Object, Reader, Request};
use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};

pub(super) const COLLECTOR: Collector = Collector {
    name: "snapshot",
    facts: FACTS,
    requests: &[CONTENTS, CLASSES],
    start: || Box::new(Snapshots::default()),
};

const CONTENTS: Request = Request::all(&SNAPSHOT_CONTENTS);
const CLASSES: Request = Request::all(&SNAPSHOT_CLASSES);

const CONTENT: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the content."),
    Field::new("namespace", Type::Text, "Always absent."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("driver", Type::Text, "CSI driver."),
    Field::new("handle", Type::Text, "The snapshot's handle in the storage system; absent until it is made."),
    Field::new(
        "is_pre_provisioned",
        Type::Bool,
        "Whether the handle was given by hand, in spec.source.snapshotHandle.",
    ),
    Field::new("deletion_policy", Type::Text, "`Delete` or `Retain`."),
    Field::new("deletion_secret", Type::Text, "The annotation snapshot.storage.kubernetes.io/deletion-secret-name."),
    Field::new(
        "deletion_secret_namespace",
        Type::Text,
        "The annotation snapshot.storage.kubernetes.io/deletion-secret-namespace.",
    ),
    Field::new("needs_secret", Type::Bool, "Whether a snapshot class of its driver names a secret."),
    Field::new("twins", Type::List(&Type::Text), "Names of other contents with the same driver and handle."),
    Field::new("is_deletable_twin", Type::Bool, "Whether it has twins, and it or one of them has the policy Delete."),
]);

const FACTS: &[FactDoc] = &[FactDoc::new("snapshot_contents", Type::List(&CONTENT), "Every VolumeSnapshotContent.")];

#[derive(Default)]
struct Snapshots {}

impl Reader for Snapshots {
    fn see(&mut self, _: &Object<'_>) {}

    fn finish(self: Box<Self>, _: &Lists) -> Facts {
        Facts::default()
    }
}
