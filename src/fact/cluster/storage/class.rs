//! Storage classes.
//!
//! Source: `StorageClass` of storage.k8s.io/v1. Two annotations make one the
//! default; their value must be exactly `true`. Defaults of reclaimPolicy and
//! volumeBindingMode: <https://kubernetes.io/docs/concepts/storage/storage-classes/>.

use std::sync::Arc;

use crate::fact::catalogue::{Field, Type};
use crate::fact::cluster::{Element, Object};
use crate::fact::{Fact, Json, ObjectReference, Source, Value};

pub(super) const CLASS: Type = Type::Object(&[
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
    Field::new("claims", Type::Int, "How many claims name it, or get it by default."),
    Field::new("silent_claims", Type::Int, "How many of these wait for a provisioner that says nothing."),
    Field::new(
        "is_announced",
        Type::Bool,
        "Whether someone announces its provisioner: a CSI driver, a workload's arguments or environment, an event of it, or Kubernetes itself. Unreadable where not all of that was read or recorded.",
    ),
]);

const DEFAULT: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

/// A class on its way.
pub(super) struct Class {
    pub(super) name: String,
    pub(super) provisioner: String,
    pub(super) is_default: bool,
    pub(super) created: String,
    pub(super) waits_for_consumer: bool,
    element: Element,
    reference: Arc<ObjectReference>,
}

impl Class {
    pub(super) fn read(class: &Object<'_>) -> Self {
        let made = DEFAULT.iter().find(|key| class.annotation(key) == Some("true"));
        let is_default = match made {
            Some(key) => Fact::known(true, class.source(format!(".metadata.annotations['{key}']"))),
            None => Fact::known(false, class.source(".metadata.annotations")),
        };
        let binding = class.text("volumeBindingMode").unwrap_or("Immediate");
        let reclaim = class.text("reclaimPolicy").unwrap_or("Delete");
        let parameters = class.get("parameters");
        let mut element = Element::of(class.reference())
            .with("provisioner", class.text_fact(".provisioner"))
            .with("is_default", is_default)
            .with("created", class.text_fact(".metadata.creationTimestamp"))
            .with("parameters", public(parameters, &class.source(".parameters")))
            .with("mount_options", texts(class.get("mountOptions"), &class.source(".mountOptions")))
            .with("reclaim_policy", Fact::known(reclaim, class.source(".reclaimPolicy")))
            .with("binding_mode", Fact::known(binding, class.source(".volumeBindingMode")));
        element = rbd(element, parameters, &class.source(".parameters.imageFeatures"));
        Class {
            name: class.name().to_owned(),
            provisioner: class.text("provisioner").unwrap_or_default().to_owned(),
            is_default: made.is_some(),
            created: class.text("metadata.creationTimestamp").unwrap_or_default().to_owned(),
            waits_for_consumer: binding == "WaitForFirstConsumer",
            element,
            reference: Arc::clone(class.reference()),
        }
    }

    /// The element of the list.
    pub(super) fn fact(&self, claims: i64, silent: i64, is_announced: Fact) -> Fact {
        let source = Source::object(&self.reference, ".metadata.name");
        self.element
            .clone()
            .with("claims", Fact::known(claims, source.clone()))
            .with("silent_claims", Fact::known(silent, source))
            .with("is_announced", is_announced)
            .done()
    }
}

/// Members of Ceph RBD, from the parameters of a class or the attributes of a
/// volume.
pub(super) fn rbd(mut element: Element, parameters: Option<&Json>, source: &Source) -> Element {
    let text = |key: &str| parameters.and_then(|parameters| parameters.get(key)).and_then(Json::as_str);
    if let Some(features) = text("imageFeatures") {
        let names = features.split(',').map(str::trim).filter(|name| !name.is_empty());
        let names: Vec<Fact> = names.map(|name| Fact::known(name, source.clone())).collect();
        element = element.with("image_features", Fact::known(names, source.clone()));
    }
    if let Some(options) = text("mapOptions") {
        element = element.with("map_options", Fact::known(options, source.clone()));
    }
    element
}

/// A map of texts without those that are secrets, such as `restuserkey` of
/// `GlusterFS`. Names of secrets are none.
pub(super) fn public(json: Option<&Json>, source: &Source) -> Fact {
    let Some(members) = json.and_then(Json::as_object) else { return Fact::absent(source.clone()) };
    let is_secret = |key: &str| {
        let key = key.to_ascii_lowercase();
        let is_name = key.ends_with("name") || key.ends_with("namespace");
        !is_name && ["password", "token", "userkey", "secretkey", "accesskey"].iter().any(|word| key.contains(word))
    };
    let public = members.iter().filter(|(key, _)| !is_secret(key));
    let member = |(key, value): (&str, &Json)| Some((key.to_owned(), Fact::known(value.as_str()?, source.clone())));
    Fact::known(Value::Map(public.filter_map(member).collect()), source.clone())
}

/// A list of texts; absent where there is none.
pub(super) fn texts(json: Option<&Json>, source: &Source) -> Fact {
    let Some(texts) = json.and_then(Json::as_array) else { return Fact::absent(source.clone()) };
    let texts = texts.iter().filter_map(Json::as_str).map(|text| Fact::known(text, source.clone()));
    Fact::known(texts.collect::<Vec<_>>(), source.clone())
}
