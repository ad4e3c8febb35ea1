//! Features of Ceph RBD images that the nodes' kernels must map: those that a
//! `StorageClass` gives to new images, and those that volumes name.
//!
//! ceph-csi maps with the kernel's client unless `mounter` is `rbd-nbd`
//! (<https://github.com/ceph/ceph-csi/blob/devel/docs/rbd/deploy.md>).

use std::collections::BTreeMap;

use super::resource::{STORAGE_CLASSES, VOLUMES};
use super::{Collector, Element, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Json, Source};

pub(super) const COLLECTOR: Collector = Collector {
    name: "rbd_feature",
    facts: FACTS,
    requests: &[CLASSES, ALL_VOLUMES],
    start: || Box::new(Features::default()),
};

const CLASSES: Request = Request::all(&STORAGE_CLASSES);
const ALL_VOLUMES: Request = Request::all(&VOLUMES);

const FACTS: &[FactDoc] = &[FactDoc::new(
    "rbd_features",
    Type::List(&Type::Object(FEATURE)),
    "Features of RBD images that nodes have to map with their kernels, each once.",
)];

const FEATURE: &[Field] = &[
    Field::new("feature", Type::Text, "its name, such as `object-map`"),
    Field::new("of", Type::Text, "the first StorageClass or volume that uses it"),
];

#[derive(Default)]
struct Features {
    found: BTreeMap<String, (String, Source)>,
}

impl Reader for Features {
    fn see(&mut self, object: &Object<'_>) {
        let (driver, members, path) = if object.is(&STORAGE_CLASSES) {
            (object.text("provisioner"), object.get("parameters"), ".parameters.imageFeatures")
        } else {
            (
                object.text("spec.csi.driver"),
                object.get("spec.csi.volumeAttributes"),
                ".spec.csi.volumeAttributes.imageFeatures",
            )
        };
        let is_rbd = driver.is_some_and(|driver| driver.ends_with("rbd.csi.ceph.com") || driver == "kubernetes.io/rbd");
        let text = |key: &str| members.and_then(|members| members.get(key)).and_then(Json::as_str).unwrap_or_default();
        if !is_rbd || text("mounter") == "rbd-nbd" {
            return;
        }
        for feature in text("imageFeatures").split(',').map(str::trim).filter(|feature| !feature.is_empty()) {
            self.found.entry(feature.to_owned()).or_insert_with(|| (object.describe(), object.source(path)));
        }
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let elements = self.found.into_iter().map(|(feature, (of, source))| {
            Element::new()
                .with("feature", Fact::known(feature, source.clone()))
                .with("of", Fact::known(of, source))
                .done()
        });
        let mut facts = Facts::default();
        facts.set("rbd_features", lists.fact_with_gaps(&[&CLASSES, &ALL_VOLUMES], elements.collect()));
        facts
    }
}
