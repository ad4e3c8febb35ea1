//! The device plugin: where it runs, what keeps it from a node, and the MIG
//! strategy that it is given.
//!
//! Sources: `DaemonSets` and pods of NVIDIA's device plugin, `ConfigMaps` with
//! its configuration (`flags.migStrategy`), and the GPU Operator's `ClusterPolicy`.
//! The plugin takes its flag, else its environment, else its configuration,
//! else `none` (<https://github.com/NVIDIA/k8s-device-plugin#configuring-the-nvidia-device-plugin-binary>);
//! a node's label `nvidia.com/device-plugin.config` chooses among configurations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::container::{Maker, Strategy, plugin};
use super::node::GpuNode;
use crate::fact::cluster::Object;
use crate::fact::cluster::selector::{Labels, selects};
use crate::fact::{Fact, Json, ObjectReference, Source};
use jiff::Timestamp;

/// The label by which a node chooses a configuration.
const CHOICE: &str = "device-plugin.config";

/// A DaemonSet of the plugin.
struct Set {
    reference: Arc<ObjectReference>,
    maker: Maker,
    node_labels: Labels,
    affinity: Vec<Json>,
    tolerations: Vec<Json>,
    strategy: Strategy,
}

/// Pods of the plugin on a node.
#[derive(Default)]
struct Running {
    makers: Vec<Maker>,
    strategy: Option<Strategy>,
    waits: Option<(String, Source)>,
    unready_since: Option<Timestamp>,
}

#[derive(Default)]
pub(super) struct Plugins {
    sets: Vec<Set>,
    running: BTreeMap<String, Running>,
    policy: Option<(String, Source)>,
    has_policy: bool,
    /// Strategies by the keys of configurations, and their places.
    choices: BTreeMap<String, (String, Source)>,
    defaults: BTreeSet<(String, Source)>,
}

impl Plugins {
    /// Takes a pod; gives whether it is of a device plugin.
    pub(super) fn see_pod(&mut self, pod: &Object<'_>) {
        let Some(spec) = pod.get("spec") else { return };
        let Some(node) = pod.text("spec.nodeName") else { return };
        let Some((maker, strategy)) = plugin(pod, spec, ".spec") else { return };
        let running = self.running.entry(node.to_owned()).or_default();
        running.makers.push(maker);
        if maker == Maker::Nvidia {
            running.strategy = Some(strategy);
        }
        let waits = ["initContainerStatuses", "containerStatuses"].into_iter().find_map(|list| {
            let statuses = pod.list(&format!("status.{list}")).iter().enumerate();
            statuses.into_iter().find_map(|(at, status)| {
                let reason = status.pointer("/state/waiting/reason")?.as_str()?;
                (reason != "PodInitializing")
                    .then(|| (reason.to_owned(), pod.source(format!(".status.{list}[{at}].state.waiting.reason"))))
            })
        });
        let is_ready = |status: &Json| status.get("ready").and_then(Json::as_bool) == Some(true);
        if !pod.list("status.containerStatuses").iter().all(is_ready) {
            let created = pod.text("metadata.creationTimestamp").and_then(|text| text.parse().ok());
            running.unready_since = running.unready_since.max(created);
        }
        running.waits = running.waits.take().or(waits);
    }

    pub(super) fn see_set(&mut self, set: &Object<'_>) {
        let Some(spec) = set.get("spec.template.spec") else { return };
        let Some((maker, strategy)) = plugin(set, spec, ".spec.template.spec") else { return };
        let list = |json: Option<&Json>| json.and_then(Json::as_array).cloned().unwrap_or_default();
        self.sets.push(Set {
            reference: Arc::clone(set.reference()),
            maker,
            node_labels: crate::fact::cluster::selector::labels(spec.get("nodeSelector")),
            affinity: list(
                spec.pointer("/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms"),
            ),
            tolerations: list(spec.get("tolerations")),
            strategy,
        });
    }

    /// Takes the GPU Operator's `ClusterPolicy`, of which there is one.
    pub(super) fn see_policy(&mut self, policy: &Object<'_>) {
        self.has_policy = true;
        if let Some(strategy) = policy.text("spec.mig.strategy").filter(|text| !text.is_empty()) {
            self.policy = Some((strategy.to_owned(), policy.source(".spec.mig.strategy")));
        }
    }

    /// Takes a `ConfigMap` that may hold configurations of the plugin.
    pub(super) fn see_config(&mut self, map: &Object<'_>) {
        for (key, text) in map.get("data").and_then(Json::as_object).into_iter().flatten() {
            let Some(text) = text.as_str().filter(|text| text.contains("migStrategy")) else { continue };
            let Ok(json) = serde_saphyr::from_str::<Json>(text) else { continue };
            let Some(strategy) = json.pointer("/flags/migStrategy").and_then(Json::as_str) else { continue };
            let source = map.source(format!(".data['{key}']"));
            self.choices.insert(key.to_owned(), (strategy.to_owned(), source.clone()));
            self.defaults.insert((strategy.to_owned(), source));
        }
    }

    /// Whether the cluster serves GPUs to pods at all.
    pub(super) fn is_there(&self) -> bool {
        self.has_policy || !self.sets.is_empty() || !self.running.is_empty()
    }

    /// Whether a pod of a plugin of that maker is on a node.
    pub(super) fn is_running_on(&self, node: &GpuNode, maker: Maker) -> bool {
        self.running.get(&node.reference.name).is_some_and(|running| running.makers.contains(&maker))
    }

    /// The same, or whether its DaemonSet is meant to have one there.
    pub(super) fn runs_on(&self, node: &GpuNode, maker: Maker) -> bool {
        let mut of_maker = self.sets.iter().filter(|set| set.maker == maker);
        self.is_running_on(node, maker) || of_maker.any(|set| set.obstacle(node).is_none())
    }

    /// The strategy that the node's plugin is given; `gap` is why `DaemonSets`
    /// or pods were not all seen.
    pub(super) fn strategy(&self, node: &GpuNode, gap: Option<String>) -> Fact {
        let place = node.place();
        let own = self.running.get(&node.reference.name).and_then(|running| running.strategy.as_ref());
        let mut sets = self.sets.iter().filter(|set| set.maker == Maker::Nvidia && set.obstacle(node).is_none());
        let of_container = own.or_else(|| sets.next().map(|set| &set.strategy));
        let choice = node.label(CHOICE).and_then(|key| self.choices.get(key));
        if let Some((strategy, source)) = choice.or(self.policy.as_ref()) {
            return Fact::known(strategy.as_str(), source.clone());
        }
        match of_container {
            Some(Strategy::Named(strategy, source)) => Fact::known(strategy.as_str(), source.clone()),
            Some(Strategy::Default(source)) => Fact::known("none", source.clone()),
            Some(Strategy::Hidden(source)) => {
                Fact::unreadable(source.clone(), "the device plugin takes its MIG strategy from elsewhere")
            }
            Some(Strategy::Configured) => {
                let strategies: BTreeSet<&str> = self.defaults.iter().map(|(strategy, _)| strategy.as_str()).collect();
                match (self.defaults.first(), strategies.len()) {
                    (Some((strategy, source)), 1) => Fact::known(strategy.as_str(), source.clone()),
                    _ => Fact::unreadable(place, "the ConfigMap with the device plugin's configuration was not seen"),
                }
            }
            None => match gap {
                Some(reason) => Fact::unreadable(place, reason),
                None => Fact::absent(place),
            },
        }
    }

    /// What keeps the plugin from a node.
    pub(super) fn obstacle(&self, node: &GpuNode) -> Fact {
        if let Some(running) = self.running.get(&node.reference.name) {
            return match &running.waits {
                Some((reason, source)) => Fact::known(format!("its pod waits: {reason}"), source.clone()),
                None => Fact::absent(node.place()),
            };
        }
        let obstacles: Vec<(&Set, Option<String>)> = self.sets.iter().map(|set| (set, set.obstacle(node))).collect();
        match obstacles.first() {
            Some((set, Some(obstacle))) if obstacles.iter().all(|(_, obstacle)| obstacle.is_some()) => {
                let source = Source::object(&set.reference, ".spec.template.spec");
                Fact::known(format!("DaemonSet {} {obstacle}", set.reference.name), source)
            }
            _ => Fact::absent(node.place()),
        }
    }

    /// When the youngest pod of it on that node was made that is not ready.
    pub(super) fn unready_since(&self, node: &GpuNode) -> Option<Timestamp> {
        self.running.get(&node.reference.name)?.unready_since
    }
}

impl Set {
    /// What keeps its pods from a node.
    fn obstacle(&self, node: &GpuNode) -> Option<String> {
        let missing = self.node_labels.iter().find(|(key, value)| node.labels.get(*key) != Some(value));
        if let Some((key, value)) = missing {
            return Some(format!("wants nodes with the label {key}={value}"));
        }
        let fits = |term: &Json| term.get("matchFields").is_some() || selects(Some(term), &node.labels);
        if !self.affinity.is_empty() && !self.affinity.iter().any(fits) {
            return Some("wants nodes with other labels".to_owned());
        }
        let taint = node.taints.iter().find(|taint| !self.tolerations.iter().any(|own| tolerates(own, taint)))?;
        let [key, value, effect] = taint;
        let value = if value.is_empty() { String::new() } else { format!("={value}") };
        Some(format!("does not tolerate the taint {key}{value}:{effect}"))
    }
}

fn tolerates(toleration: &Json, [key, value, effect]: &[String; 3]) -> bool {
    let text = |name: &str| toleration.get(name).and_then(Json::as_str).unwrap_or_default();
    let is_any = text("operator") == "Exists";
    let is_key = text("key") == key || (text("key").is_empty() && is_any);
    is_key && (is_any || text("value") == value) && (text("effect").is_empty() || text("effect") == effect)
}
