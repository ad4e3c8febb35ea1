//! Volume snapshots: their contents in the storage system, and their classes.
//!
//! Source: snapshot.storage.k8s.io/v1; a cluster may lack these kinds. The
//! external snapshotter takes the secret for a deletion from annotations of
//! the content, which it writes itself only at contents that it makes.

use std::collections::BTreeMap;

use super::resource::{SNAPSHOT_CLASSES, SNAPSHOT_CONTENTS};
use super::{Collector, Element, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Source};

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

const DELETION_SECRET: [(&str, &str); 2] = [
    ("deletion_secret", "snapshot.storage.kubernetes.io/deletion-secret-name"),
    ("deletion_secret_namespace", "snapshot.storage.kubernetes.io/deletion-secret-namespace"),
];

/// The parameters of a class that name a secret, of today and of before 1.0.
const CLASS_SECRET: [&str; 2] = ["csi.storage.k8s.io/snapshotter-secret-name", "csiSnapshotterSecretName"];

/// A content on its way.
struct Content {
    name: String,
    driver: String,
    handle: Option<String>,
    is_deleted: bool,
    element: Element,
    place: Source,
}

#[derive(Default)]
struct Snapshots {
    contents: Vec<Content>,
    /// Drivers with a class that names a secret, and where it does.
    with_secret: BTreeMap<String, Source>,
}

impl Reader for Snapshots {
    fn see(&mut self, object: &Object<'_>) {
        if object.is(&SNAPSHOT_CLASSES) {
            let parameters = object.get("parameters");
            let names_secret = CLASS_SECRET.iter().any(|key| parameters.is_some_and(|all| all.get(key).is_some()));
            if let Some(driver) = object.text("driver").filter(|_| names_secret) {
                self.with_secret.insert(driver.to_owned(), object.source(".parameters"));
            }
            return;
        }
        let given = object.text("spec.source.snapshotHandle");
        let made = object.text("status.snapshotHandle");
        let handle = match (given, made) {
            (Some(handle), _) => Some((handle, ".spec.source.snapshotHandle")),
            (None, Some(handle)) => Some((handle, ".status.snapshotHandle")),
            (None, None) => None,
        };
        let mut element = Element::of(object.reference())
            .with("driver", object.text_fact(".spec.driver"))
            .with("is_pre_provisioned", Fact::known(given.is_some(), object.source(".spec.source")))
            .with("deletion_policy", object.text_fact(".spec.deletionPolicy"));
        if let Some((handle, path)) = handle {
            element = element.with("handle", Fact::known(handle, object.source(path)));
        }
        for (member, key) in DELETION_SECRET {
            if let Some(value) = object.annotation(key) {
                element =
                    element.with(member, Fact::known(value, object.source(format!(".metadata.annotations['{key}']"))));
            }
        }
        self.contents.push(Content {
            name: object.name().to_owned(),
            driver: object.text("spec.driver").unwrap_or_default().to_owned(),
            handle: handle.map(|(handle, _)| handle.to_owned()),
            is_deleted: object.text("spec.deletionPolicy") == Some("Delete"),
            element,
            place: object.source(".spec.deletionPolicy"),
        });
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut by_handle: BTreeMap<(&str, &str), Vec<&Content>> = BTreeMap::new();
        for content in &self.contents {
            if let Some(handle) = &content.handle {
                by_handle.entry((&content.driver, handle)).or_default().push(content);
            }
        }
        let classes = lists.gap(&CLASSES);
        let elements = self.contents.iter().map(|content| {
            let same = content.handle.as_deref().and_then(|handle| by_handle.get(&(content.driver.as_str(), handle)));
            let twins = same.into_iter().flatten().filter(|twin| twin.name != content.name);
            let twins: Vec<Fact> = twins.map(|twin| Fact::known(twin.name.as_str(), twin.place.clone())).collect();
            let is_deletable = !twins.is_empty() && same.into_iter().flatten().any(|twin| twin.is_deleted);
            let needs = match (self.with_secret.get(&content.driver), &classes) {
                (Some(source), _) => Fact::known(true, source.clone()),
                (None, Some(reason)) => Fact::Unreadable { source: None, reason: reason.clone() },
                (None, None) => Fact::group(false),
            };
            content
                .element
                .clone()
                .with("twins", Fact::group(twins))
                .with("is_deletable_twin", Fact::known(is_deletable, content.place.clone()))
                .with("needs_secret", needs)
                .done()
        });
        let elements = elements.collect();
        let mut facts = Facts::default();
        facts.set("snapshot_contents", lists.fact(&CONTENTS, elements));
        facts
    }
}
