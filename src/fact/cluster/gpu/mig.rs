//! MIG as the API shows it: what a node's labels ask for, and whether its
//! labels and its resources say the same.
//!
//! Sources: GPU feature discovery's labels for the strategies single and
//! mixed; mig-manager's `ConfigMaps`, whose key `config.yaml` holds the
//! configurations under `mig-configs`
//! (<https://docs.nvidia.com/datacenter/cloud-native/gpu-operator/latest/gpu-operator-mig.html>).

use std::collections::{BTreeMap, BTreeSet};

use super::amount::{Kind, nvml_profile};
use super::node::GpuNode;
use super::sharing::announced;
use crate::fact::cluster::Object;
use crate::fact::{Fact, Json, Source};

/// `ConfigMap` of mig-manager where neither the node nor the `ClusterPolicy` has one.
const DEFAULT_MAP: &str = "default-mig-parted-config";

/// Configurations of mig-manager by `ConfigMap`, and whether each makes instances.
#[derive(Default)]
pub(super) struct Configurations {
    maps: BTreeMap<String, BTreeMap<String, bool>>,
    chosen: Option<String>,
}

impl Configurations {
    /// Takes the `ClusterPolicy`, which may name a `ConfigMap`.
    pub(super) fn see_policy(&mut self, policy: &Object<'_>) {
        self.chosen = policy.text("spec.migManager.config.name").filter(|name| !name.is_empty()).map(str::to_owned);
    }

    /// Takes a `ConfigMap` that may be mig-manager's.
    pub(super) fn see(&mut self, map: &Object<'_>) {
        let Some(text) = map.get("data").and_then(|data| data.get("config.yaml")?.as_str()) else { return };
        let Ok(json) = serde_saphyr::from_str::<Json>(text) else { return };
        let Some(configs) = json.get("mig-configs").and_then(Json::as_object) else { return };
        let has_instances = |rows: &Json| {
            let mut rows = rows.as_array().into_iter().flatten();
            rows.any(|row| row.get("mig-devices").and_then(Json::as_object).is_some_and(|devices| !devices.is_empty()))
        };
        let configs = configs.iter().map(|(name, rows)| (name.to_owned(), has_instances(rows)));
        self.maps.insert(map.name().to_owned(), configs.collect());
    }

    /// The configurations that a node chooses among.
    fn of(&self, node: &GpuNode) -> Option<&BTreeMap<String, bool>> {
        let own = format!("{}-mig-config", node.reference.name);
        match &self.chosen {
            Some(name) if name != DEFAULT_MAP => self.maps.get(name),
            _ => self.maps.get(&own).or_else(|| self.maps.get(DEFAULT_MAP)),
        }
    }

    /// Whether the configuration that a node asks for is there.
    pub(super) fn exists(&self, node: &GpuNode) -> Fact {
        let source = node.label_source("mig.config");
        match (node.label("mig.config"), self.of(node)) {
            (Some(config), Some(configs)) => Fact::known(configs.contains_key(config), source),
            _ => Fact::absent(source),
        }
    }

    /// Whether it makes instances.
    pub(super) fn has_instances(&self, node: &GpuNode) -> Option<bool> {
        let config = node.label("mig.config")?;
        let of_map = self.of(node).and_then(|configs| configs.get(config)).copied();
        of_map.or_else(|| match config {
            "all-disabled" | "all-enabled" => Some(false),
            "all-balanced" => Some(true),
            _ => profile_of(config).map(|_| true),
        })
    }
}

/// The profile that a configuration of NVIDIA's gives every GPU: of `all-1g.5gb.me` it is `1g.5gb+me`.
pub(super) fn profile_of(config: &str) -> Option<String> {
    let profile = config.strip_prefix("all-")?;
    let (slices, rest) = profile.split_once("g.")?;
    let is_profile = !slices.is_empty() && slices.bytes().all(|byte| byte.is_ascii_digit());
    (is_profile && rest.starts_with(|first: char| first.is_ascii_digit())).then(|| nvml_profile(profile))
}

/// The devices of one profile by labels and by resources.
#[derive(Default)]
struct Count {
    labelled: Option<i64>,
    announced: Option<i64>,
    replicas: i64,
}

/// MIG devices of a node.
pub(super) struct Devices {
    by_profile: BTreeMap<String, Count>,
    /// The profile that the strategy single has, by the product's label.
    single: Option<String>,
}

impl Devices {
    pub(super) fn of(node: &GpuNode) -> Self {
        let mut by_profile: BTreeMap<String, Count> = BTreeMap::new();
        for (key, value) in &node.labels {
            let Some(rest) = key.strip_prefix("nvidia.com/mig-") else { continue };
            let Ok(number) = value.parse::<i64>() else { continue };
            if let Some(profile) = rest.strip_suffix(".count") {
                by_profile.entry(nvml_profile(profile)).or_default().labelled = Some(number.max(0));
            } else if let Some(profile) = rest.strip_suffix(".replicas") {
                by_profile.entry(nvml_profile(profile)).or_default().replicas = number.max(0);
            }
        }
        for (name, amount) in node.of_kind(|kind| matches!(kind, Kind::Mig(_))) {
            let Some(Kind::Mig(profile)) = super::amount::kind(name) else { continue };
            let count = by_profile.entry(profile).or_default();
            count.announced = Some(count.announced.unwrap_or(0).saturating_add(amount.capacity));
        }
        let product = node.label("gpu.product").map(|product| product.strip_suffix("-SHARED").unwrap_or(product));
        let single = product.and_then(|product| product.split_once("-MIG-")).map(|(_, profile)| profile);
        Devices { by_profile, single: single.filter(|profile| *profile != "INVALID").map(str::to_owned) }
    }

    /// Devices by resources, each once.
    pub(super) fn total(&self, node: &GpuNode) -> Option<i64> {
        if self.single.is_some() {
            let replicas = node.number("gpu.replicas").unwrap_or(1).max(1);
            return announced(node).map(|(announced, _)| announced / replicas);
        }
        let offered: Vec<i64> =
            self.by_profile.values().filter_map(|count| Some(count.announced? / count.replicas.max(1))).collect();
        (!offered.is_empty()).then(|| offered.into_iter().fold(0, i64::saturating_add))
    }

    /// Profiles of those.
    pub(super) fn profiles(&self) -> Vec<&str> {
        match &self.single {
            Some(profile) => vec![profile],
            None => {
                let offered =
                    self.by_profile.iter().filter(|(_, count)| count.announced.is_some_and(|number| number > 0));
                offered.map(|(profile, _)| profile.as_str()).collect()
            }
        }
    }

    /// Whether there is any, by label or resource.
    pub(super) fn any(&self) -> bool {
        let is_some = |count: &Count| {
            count.labelled.is_some_and(|number| number > 0) || count.announced.is_some_and(|number| number > 0)
        };
        self.single.is_some() || self.by_profile.values().any(is_some)
    }

    /// What labels and resources say differently; none where they cannot be compared.
    pub(super) fn disagreements(&self, node: &GpuNode) -> Option<Vec<Fact>> {
        if let Some(profile) = &self.single {
            return single_disagreements(node, profile);
        }
        // Only the strategy mixed labels profiles.
        let is_labelled = self.by_profile.values().any(|count| count.labelled.is_some());
        let is_mixed = node.label("mig.strategy").map_or(is_labelled, |strategy| strategy == "mixed");
        if !is_mixed || !self.any() {
            return None;
        }
        let mut found = Vec::new();
        for (profile, count) in &self.by_profile {
            let expected = count.labelled.unwrap_or(0).saturating_mul(count.replicas.max(1));
            let announced = count.announced.unwrap_or(0);
            if expected != announced {
                let name = format!("mig-{}", profile.replace('+', "."));
                let of_labels = node.label_source(&format!("{name}.count"));
                found.push(Fact::known(
                    format!("{name}: labels say {expected}, the node offers {announced}"),
                    of_labels,
                ));
            }
        }
        found.extend(of_wish(node, &self.profiles()));
        Some(found)
    }
}

fn single_disagreements(node: &GpuNode, profile: &str) -> Option<Vec<Fact>> {
    let count = node.number("gpu.count")?;
    let replicas = node.number("gpu.replicas").unwrap_or(1).max(1);
    let expected = count.saturating_mul(replicas);
    let mut found = Vec::new();
    if let Some((announced, _)) = announced(node).filter(|(announced, _)| *announced != expected) {
        let text = format!("{profile}: labels say {expected}, the node offers {announced}");
        found.push(Fact::known(text, node.label_source("gpu.count")));
    }
    found.extend(of_wish(node, &[profile]));
    Some(found)
}

/// What mig-manager says that it made, and is not there.
fn of_wish(node: &GpuNode, offered: &[&str]) -> Option<Fact> {
    let config = node.label("mig.config").filter(|_| node.label("mig.config.state") == Some("success"))?;
    let wanted = profile_of(config)?;
    let is_made = offered.is_empty() || offered.contains(&wanted.as_str());
    (!is_made).then(|| {
        let text = format!("mig.config is {config} and done, the node has {}", offered.join(", "));
        Fact::known(text, node.label_source("mig.config"))
    })
}

/// Whether a GPU of the node has MIG on, as far as the API tells.
pub(super) fn is_enabled(node: &GpuNode, devices: &Devices, has_instances: Option<bool>) -> Fact {
    let is_done = node.label("mig.config.state") == Some("success");
    let product = || node.label_source("gpu.product");
    if is_invalid(node) || devices.single.is_some() {
        return Fact::known(true, product());
    }
    let has_resource = devices.by_profile.values().any(|count| count.announced.is_some_and(|number| number > 0));
    if has_resource || devices.any() {
        return Fact::known(true, Source::object(&node.reference, ".status.capacity"));
    }
    // Feature discovery gives no replicas to GPUs that are no devices themselves.
    match (node.number("gpu.count"), node.number("gpu.replicas")) {
        (Some(count), Some(0)) if count > 0 => return Fact::known(true, node.label_source("gpu.replicas")),
        (Some(_), Some(replicas)) if replicas > 0 && !(is_done && has_instances == Some(true)) => {
            return Fact::known(false, node.label_source("gpu.replicas"));
        }
        _ => {}
    }
    match has_instances {
        Some(true) if is_done => Fact::known(true, node.label_source("mig.config.state")),
        _ if node.label("mig.capable") == Some("false") => Fact::known(false, node.label_source("mig.capable")),
        _ => Fact::absent(node.place()),
    }
}

/// Whether feature discovery found the GPUs partitioned unlike with the strategy single.
pub(super) fn is_invalid(node: &GpuNode) -> bool {
    node.label("gpu.product").is_some_and(|product| product.ends_with("-MIG-INVALID"))
}

/// Resources with MIG devices that nodes offer.
pub(super) fn offered<'n>(nodes: impl Iterator<Item = &'n GpuNode>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for node in nodes {
        let of_node = node.of_kind(|kind| matches!(kind, Kind::Mig(_))).filter(|(_, amount)| amount.capacity > 0);
        names.extend(of_node.map(|(name, _)| name.to_owned()));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::cluster::Request;
    use crate::fact::cluster::resource::{CONFIG_MAPS, NODES};
    use crate::fact::json::json;

    const MAPS: Request = Request::all(&CONFIG_MAPS);
    const NODE: Request = Request::all(&NODES);

    fn node(labels: &Json) -> GpuNode {
        GpuNode::read(&Object::new(&NODE, &json!({"metadata": {"name": "gpu-1", "labels": labels}})))
    }

    fn configurations(text: &str) -> Configurations {
        let map = json!({"metadata": {"name": "gpu-1-mig-config", "namespace": "gpu-operator"}, "data": {"config.yaml": text}});
        let mut configurations = Configurations::default();
        configurations.see(&Object::new(&MAPS, &map));
        configurations
    }

    #[test]
    fn a_configurations_name_tells_its_profile() {
        assert_eq!(profile_of("all-1g.5gb").as_deref(), Some("1g.5gb"));
        assert_eq!(profile_of("all-1g.10gb.me").as_deref(), Some("1g.10gb+me"));
        assert_eq!(profile_of("all-3g.90gb").as_deref(), Some("3g.90gb"));
        for other in ["all-balanced", "all-disabled", "all-", "all-g.5gb", "1g.5gb", "custom", "all-1g.gb"] {
            assert_eq!(profile_of(other), None, "{other}");
        }
    }

    #[test]
    fn mig_managers_map_tells_which_configurations_make_instances() {
        let text = "mig-configs:\n  empty: [{devices: all, mig-enabled: true, mig-devices: {}}]\n  half:\n  - {devices: [0], mig-enabled: true, mig-devices: {\"1g.5gb\": 7}}\n  - {devices: [1], mig-enabled: false}\n";
        let configurations = configurations(text);
        let asks = |config: &str| node(&json!({"nvidia.com/mig.config": config}));
        assert_eq!(configurations.has_instances(&asks("half")), Some(true));
        assert_eq!(configurations.has_instances(&asks("empty")), Some(false));
        assert_eq!(configurations.has_instances(&asks("other")), None);
        assert_eq!(configurations.exists(&asks("half")).bool(), Some(true));
        assert_eq!(configurations.exists(&asks("other")).bool(), Some(false));
    }

    #[test]
    fn a_map_that_is_none_says_nothing() {
        for text in ["", "[", "mig-configs: 7", "mig-configs: {a: 7, b: [7]}", "\u{0}"] {
            let asks = node(&json!({"nvidia.com/mig.config": "x"}));
            assert_eq!(configurations(text).has_instances(&asks), None, "{text:?}");
        }
    }

    #[test]
    fn gpus_without_replicas_have_mig_on() {
        let enabled = |labels: &Json| {
            let node = node(labels);
            is_enabled(&node, &Devices::of(&node), None).bool()
        };
        let of = |replicas: &str| json!({"nvidia.com/gpu.count": "8", "nvidia.com/gpu.replicas": replicas, "nvidia.com/gpu.product": "NVIDIA-A30"});
        assert_eq!(enabled(&of("0")), Some(true));
        assert_eq!(enabled(&of("1")), Some(false));
        assert_eq!(enabled(&of("many")), None);
        assert_eq!(enabled(&json!({"nvidia.com/gpu.product": "NVIDIA-A30-MIG-1g.6gb"})), Some(true));
    }
}
