//! The nodes as a fleet: which kernels, systems and runtimes serve side by
//! side. Windows nodes and nodes without a machine are left out.

use std::collections::BTreeMap;

use crate::fact::cluster::{Element, Object};
use crate::fact::version::Version;
use crate::fact::{Fact, Source};

/// Roles that every node may have beside its own.
const CONTROL_PLANE: &[&str] = &["control-plane", "controlplane", "master", "etcd"];

/// A text and the first node that says it.
type Variants = BTreeMap<String, Source>;

#[derive(Default)]
pub(super) struct Fleet {
    kernels: BTreeMap<String, Variants>,
    images: BTreeMap<String, Variants>,
    runtimes: BTreeMap<String, Variants>,
}

impl Fleet {
    pub(super) fn see(&mut self, object: &Object<'_>) {
        let info = |key: &str| object.text(&format!("status.nodeInfo.{key}")).filter(|text| !text.is_empty());
        if info("operatingSystem").is_some_and(|system| system != "linux") || super::is_virtual(object) {
            return;
        }
        let group = format!("{} ({})", role(object), info("architecture").unwrap_or("unknown architecture"));
        let source = |path: &'static str| object.source(path);
        if let Some(kernel) = info("kernelVersion") {
            let kernels = self.kernels.entry(group.clone()).or_default();
            kernels.entry(kernel.to_owned()).or_insert_with(|| source(".status.nodeInfo.kernelVersion"));
        }
        if let Some(image) = info("osImage") {
            let images = self.images.entry(group).or_default();
            images.entry(image.to_owned()).or_insert_with(|| source(".status.nodeInfo.osImage"));
        }
        if let Some((name, version)) = info("containerRuntimeVersion").and_then(|text| text.split_once("://")) {
            let versions = self.runtimes.entry(name.to_ascii_lowercase()).or_default();
            versions.entry(version.to_owned()).or_insert_with(|| source(".status.nodeInfo.containerRuntimeVersion"));
        }
    }

    /// `node_groups` and `node_runtimes`.
    pub(super) fn done(self) -> (Vec<Fact>, Vec<Fact>) {
        let Fleet { kernels, mut images, runtimes } = self;
        let groups = kernels.into_iter().map(|(role, kernels)| {
            let images = images.remove(&role).unwrap_or_default();
            Element::new()
                .with("role", Fact::group(role.as_str()))
                .with("kernels", texts(kernels))
                .with("os_images", texts(images))
                .done()
        });
        let groups = groups.collect();
        let runtimes = runtimes.into_iter().map(|(name, versions)| {
            let apart = lines_apart(&name, versions.keys());
            let mut versions: Vec<(String, Source)> = versions.into_iter().collect();
            versions.sort_by(|(this, _), (that, _)| match (Version::parse(this), Version::parse(that)) {
                (Some(this), Some(that)) => this.cmp(&that),
                _ => this.cmp(that),
            });
            Element::new()
                .with("name", Fact::group(name.as_str()))
                .with("versions", texts(versions))
                .with("lines_apart", Fact::group(apart))
                .done()
        });
        (groups, runtimes.collect())
    }
}

fn texts(variants: impl IntoIterator<Item = (String, Source)>) -> Fact {
    Fact::group(variants.into_iter().map(|(text, source)| Fact::known(text, source)).collect::<Vec<Fact>>())
}

/// A node's place in the cluster: control plane, or its other roles.
fn role(object: &Object<'_>) -> String {
    let roles = super::identity::roles(object);
    if roles.iter().any(|role| CONTROL_PLANE.contains(&role.as_str())) {
        return "control-plane".to_owned();
    }
    let roles: Vec<&str> = roles.iter().map(String::as_str).filter(|role| *role != "worker").collect();
    if roles.is_empty() { "worker".to_owned() } else { roles.join(", ") }
}

/// How many minor lines lie between the oldest and the newest version. After
/// containerd 1.7 came 2.0; Docker's numbers are years.
fn lines_apart<'v>(runtime: &str, versions: impl Iterator<Item = &'v String>) -> i64 {
    const LAST_MINOR_OF_CONTAINERD_1: u64 = 7;
    let rank = |text: &String| {
        let version = Version::parse(text)?;
        match (runtime, version.major()) {
            ("containerd", 2) => Some(LAST_MINOR_OF_CONTAINERD_1 + 1 + version.minor()),
            ("containerd" | "cri-o", 1) => Some(version.minor()),
            _ => None,
        }
    };
    let ranks: Vec<u64> = versions.filter_map(rank).collect();
    let apart = ranks.iter().max().zip(ranks.iter().min()).map_or(0, |(newest, oldest)| newest.saturating_sub(*oldest));
    i64::try_from(apart).unwrap_or(i64::MAX)
}
