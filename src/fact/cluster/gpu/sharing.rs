//! How pods share a GPU: by virtualization (`HAMi`, 4paradigm's vGPU before it,
//! Volcano's), by time-slicing, by MPS.
//!
//! A single sign of a virtualization may be a relic of one that was removed:
//! two are needed, of different kinds. Sources: `HAMi`'s charts and
//! <https://project-hami.io/docs/>; `sharing` in the configuration of NVIDIA's device
//! plugin, whose feature discovery labels what is shared.

use std::collections::{BTreeMap, BTreeSet};

use super::amount::{Kind, is_virtual};
use super::node::{Amount, GpuNode};
use crate::fact::cluster::image::Image;
use crate::fact::cluster::{Element, Object};
use crate::fact::{Fact, Json, Source};

/// A sign of a virtualization: its kind, and what shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) kind: &'static str,
    product: &'static str,
    text: String,
}

const HAMI: &str = "HAMi";
const PARADIGM: &str = "4paradigm vGPU";
const VOLCANO: &str = "Volcano vGPU";

/// Annotations that its plugin writes to a node, and its scheduler to a pod.
const ANNOTATIONS: [(&str, &str); 6] = [
    ("hami.io/node-nvidia-register", HAMI),
    ("hami.io/node-handshake", HAMI),
    ("4pd.io/node-nvidia-register", PARADIGM),
    ("4pd.io/node-handshake", PARADIGM),
    ("volcano.sh/node-vgpu-register", VOLCANO),
    ("volcano.sh/node-vgpu-handshake", VOLCANO),
];

/// Schedulers that count parts of GPUs.
const SCHEDULERS: [(&str, &str); 2] = [("hami-scheduler", HAMI), ("4pd-scheduler", PARADIGM)];

/// Webhooks that give pods such a scheduler.
const WEBHOOKS: [(&str, &str); 2] = [("vgpu.hami.io", HAMI), ("vgpu.4pd.io", PARADIGM)];

/// Parts of images' names.
const IMAGES: [(&str, &str); 6] = [
    ("projecthami/", HAMI),
    ("hami-core/", HAMI),
    ("4pdosc/", PARADIGM),
    ("k8s-vdevice", PARADIGM),
    ("k8s-vgpu-scheduler", PARADIGM),
    ("volcano-vgpu-device-plugin", VOLCANO),
];

/// What an image is of, if it is of a virtualization.
pub(super) fn image_of(name: &str) -> Option<&'static str> {
    let image = Image::parse(name);
    let is_hami = image.repository.rsplit('/').next() == Some("hami");
    let named = IMAGES.iter().find(|(part, _)| image.repository.contains(part)).map(|(_, product)| *product);
    named.or(is_hami.then_some(HAMI))
}

/// The sign that an image is.
pub(super) fn image_mark(name: &str) -> Option<Mark> {
    image_of(name).map(|product| Mark { kind: "image", product, text: format!("image {name}") })
}

/// The sign that a webhook is.
pub(super) fn webhook_mark(object: &Object<'_>) -> Option<Mark> {
    let names = object.list("webhooks").iter().filter_map(|hook| hook.get("name")?.as_str());
    names.into_iter().find_map(|name| {
        let (_, product) = WEBHOOKS.iter().find(|(known, _)| *known == name)?;
        Some(Mark { kind: "webhook", product, text: format!("webhook {name}") })
    })
}

/// The signs that a pod's specification and annotations are.
pub(super) fn pod_marks(spec: &Json, annotations: Option<&Json>, asked: &BTreeSet<&str>) -> Vec<Mark> {
    let mut marks = Vec::new();
    let scheduler = spec.get("schedulerName").and_then(Json::as_str).unwrap_or_default();
    if let Some((name, product)) = SCHEDULERS.iter().find(|(name, _)| *name == scheduler) {
        marks.push(Mark { kind: "scheduler", product, text: format!("schedulerName {name}") });
    }
    if let Some(name) = asked.iter().find(|name| is_virtual(name)) {
        marks.push(Mark { kind: "resource", product: product_of(name), text: format!("pods ask for {name}") });
    }
    let written = annotations.and_then(Json::as_object).into_iter().flatten().map(|(key, _)| key);
    if let Some(key) = written.into_iter().find(|key| key.starts_with("hami.io/vgpu-")) {
        marks.push(Mark { kind: "annotation of pods", product: HAMI, text: format!("pods with the annotation {key}") });
    }
    marks
}

/// The signs that a Node's annotations and resources are.
pub(super) fn marks(object: &Object<'_>, resources: &BTreeMap<String, Amount>) -> Vec<Mark> {
    let mut marks = Vec::new();
    // HAMi's scheduler writes Deleted_<time> where the plugin is gone.
    let is_alive =
        |key: &str| object.annotation(key).is_some_and(|value| !value.is_empty() && !value.starts_with("Deleted"));
    let is_gone = |product: &str| {
        let mut handshakes = ANNOTATIONS.iter().filter(|(key, owner)| *owner == product && key.ends_with("handshake"));
        handshakes.any(|(key, _)| object.annotation(key).is_some_and(|value| value.starts_with("Deleted")))
    };
    if let Some((key, product)) = ANNOTATIONS.iter().find(|(key, product)| is_alive(key) && !is_gone(product)) {
        marks.push(Mark { kind: "annotation", product, text: format!("annotation {key}") });
    }
    if let Some((name, _)) = resources.iter().find(|(name, amount)| is_virtual(name) && amount.capacity > 0) {
        marks.push(Mark { kind: "resource", product: product_of(name), text: format!("resource {name}") });
    }
    marks
}

fn product_of(resource: &str) -> &'static str {
    match resource.split('/').next() {
        Some("4paradigm.com") => PARADIGM,
        Some("volcano.sh") => VOLCANO,
        _ => HAMI,
    }
}

/// Products of single GPUs in the annotation by which `HAMi` registers them:
/// JSON, or before 2.5 fields with commas and a colon behind each GPU.
pub(super) fn products(object: &Object<'_>) -> Vec<String> {
    let Some(text) =
        object.annotation("hami.io/node-nvidia-register").or_else(|| object.annotation("4pd.io/node-nvidia-register"))
    else {
        return Vec::new();
    };
    let mut products: Vec<String> = match serde_json::from_str::<Vec<Json>>(text) {
        Ok(devices) => devices.iter().filter_map(|device| Some(device.get("type")?.as_str()?.to_owned())).collect(),
        Err(_) => text.split(':').filter_map(|device| device.split(',').nth(4)).map(str::to_owned).collect(),
    };
    // HAMi puts the vendor before the model that NVML names with it.
    for product in &mut products {
        *product = product.strip_prefix("NVIDIA-").unwrap_or(product).to_owned();
    }
    products.sort();
    products.dedup();
    products
}

/// Signs of one subject and of the cluster, taken together.
pub(super) struct Verdict {
    pub(super) product: Option<&'static str>,
    pub(super) signs: Vec<String>,
}

/// Whether signs are enough: of two kinds, one of them the subject's own.
pub(super) fn weigh(own: &[Mark], of_cluster: &[Mark]) -> Verdict {
    let mut signs: BTreeMap<&str, &Mark> = BTreeMap::new();
    for mark in own.iter().chain(of_cluster) {
        signs.entry(mark.kind).or_insert(mark);
    }
    let product = (signs.len() > 1).then(|| own.first().map(|mark| mark.product)).flatten();
    Verdict { product, signs: signs.values().map(|mark| mark.text.clone()).collect() }
}

/// The product of signs of at least two kinds that no node shows.
pub(super) fn weigh_cluster(of_cluster: &[Mark]) -> Verdict {
    weigh(of_cluster, &[])
}

/// How a node's GPUs are shared without virtualization.
pub(super) fn shared_by(node: &GpuNode) -> Fact {
    let label = "gpu.sharing-strategy";
    if let Some(strategy @ ("time-slicing" | "mps")) = node.label(label) {
        return Fact::known(strategy, node.label_source(label));
    }
    let gke = "cloud.google.com/gke-gpu-sharing-strategy";
    if let Some(strategy) = node.labels.get(gke) {
        let strategy = if strategy == "mps" { "mps" } else { "time-slicing" };
        return Fact::known(strategy, Source::object(&node.reference, format!(".metadata.labels['{gke}']")));
    }
    // Before 0.15 feature discovery named no strategy, and there was only one.
    if node.number("gpu.replicas").is_some_and(|replicas| replicas > 1) {
        return Fact::known("time-slicing", node.label_source("gpu.replicas"));
    }
    if node.label("gpu.product").is_some_and(|product| product.ends_with("-SHARED")) {
        return Fact::known("time-slicing", node.label_source("gpu.product"));
    }
    if let Some((name, _)) = node
        .of_kind(|kind| matches!(kind, Kind::Gpu | Kind::Mig(_)))
        .find(|(name, amount)| name.ends_with(".shared") && amount.capacity > 0)
    {
        return Fact::known("time-slicing", node.resource_source("capacity", name));
    }
    let has_mig = node.label("gpu.product").is_some_and(|product| product.contains("-MIG-"));
    let (count, announced) = (node.number("gpu.count"), announced(node));
    match (count, announced) {
        (Some(count), Some((announced, name))) if !has_mig && count > 0 && announced > count => {
            Fact::known("a plugin that says nothing of it", node.resource_source("capacity", name))
        }
        _ => Fact::absent(node.place()),
    }
}

/// GPUs, or shares of them, that it announces, and by which name most.
pub(super) fn announced(node: &GpuNode) -> Option<(i64, &str)> {
    let all: Vec<(&str, Amount)> = node.of_kind(|kind| *kind == Kind::Gpu).collect();
    let (name, _) = all.iter().max_by_key(|(_, amount)| amount.capacity)?;
    Some((all.iter().map(|(_, amount)| amount.capacity).fold(0, i64::saturating_add), name))
}

/// Adds how it is shared to an element.
pub(super) fn describe(element: Element, node: &GpuNode, has_mig: Fact, greedy: &BTreeSet<String>) -> Element {
    let announced = match announced(node) {
        Some((number, name)) => Fact::known(number, node.resource_source("capacity", name)),
        None => Fact::absent(node.place()),
    };
    let greedy = greedy.iter().map(|owner| Fact::known(owner.as_str(), node.place()));
    element
        .with("shared_by", shared_by(node))
        .with("shares", announced)
        .with("count", node.number_fact("gpu.count"))
        .with("has_mig", has_mig)
        .with("greedy", Fact::known(greedy.collect::<Vec<Fact>>(), node.place()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::cluster::Request;
    use crate::fact::cluster::resource::NODES;
    use crate::fact::json::json;

    const NODE: Request = Request::all(&NODES);

    fn marked(kind: &'static str) -> Mark {
        Mark { kind, product: HAMI, text: kind.to_owned() }
    }

    #[test]
    fn images_of_virtualizations_are_told_by_repository() {
        assert_eq!(image_of("docker.io/projecthami/hami:v2.7.1"), Some(HAMI));
        assert_eq!(image_of("registry.example.com:5000/mirror/hami:v2.7.1"), Some(HAMI));
        assert_eq!(image_of("4pdosc/k8s-vdevice:latest"), Some(PARADIGM));
        assert_eq!(image_of("volcanosh/volcano-vgpu-device-plugin:v1.10"), Some(VOLCANO));
        assert_eq!(image_of("nvcr.io/nvidia/k8s-device-plugin:v0.20.0"), None);
        assert_eq!(image_of("registry.example.com/hamilton/api:1"), None);
    }

    #[test]
    fn two_signs_of_different_kinds_are_needed_and_one_of_them_the_nodes_own() {
        assert_eq!(weigh(&[marked("annotation")], &[]).product, None);
        assert_eq!(weigh(&[marked("annotation")], &[marked("annotation")]).product, None);
        assert_eq!(weigh(&[marked("annotation")], &[marked("resource")]).product, Some(HAMI));
        assert_eq!(weigh(&[], &[marked("image"), marked("webhook")]).product, None);
        assert_eq!(weigh_cluster(&[marked("image"), marked("webhook")]).product, Some(HAMI));
    }

    #[test]
    fn hamis_annotation_names_each_gpu_in_both_of_its_forms() {
        let of = |text: &str| {
            let json = json!({"metadata": {"name": "a", "annotations": {"hami.io/node-nvidia-register": text}}});
            products(&Object::new(&NODE, &json))
        };
        let json = r#"[{"id":"GPU-1","type":"NVIDIA-NVIDIA A10"},{"id":"GPU-2","type":"NVIDIA-NVIDIA A10"}]"#;
        assert_eq!(of(json), ["NVIDIA A10"]);
        assert_eq!(
            of("GPU-1,10,32768,100,NVIDIA-Tesla V100,0,true:GPU-2,10,15360,100,NVIDIA-Tesla T4,0,true:"),
            ["Tesla T4", "Tesla V100"]
        );
        for wrong in ["", ":,", "[", "[7]", "null"] {
            assert!(of(wrong).is_empty(), "{wrong}");
        }
    }
}
