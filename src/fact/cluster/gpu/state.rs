//! What goes on at a node: a change of MIG, an upgrade of the driver, what an
//! operator was told to leave out, and the driver that runs.
//!
//! Sources: labels of the GPU Operator and of its mig-manager, which sets
//! `mig.config.state` and pauses operands (mig-parted, pkg/mig/reconfigure). A
//! label has no time; the managed fields that hold it have.

use jiff::{SignedDuration, Timestamp};

use super::node::{GpuNode, STATE};
use crate::fact::{Fact, Source};

const DEPLOY: &str = "nvidia.com/gpu.deploy.";

/// Operands of the operator that a node label turns off.
const NO_PLUGIN: [&str; 2] = ["nvidia.com/gpu.deploy.operands", "nvidia.com/gpu.deploy.device-plugin"];

impl GpuNode {
    /// Operands that wait for a change of MIG to end.
    pub(super) fn paused(&self) -> Vec<Fact> {
        let paused = self.labels.iter().filter(|(_, value)| *value == "paused-for-mig-change");
        let named = paused.filter_map(|(key, _)| Some((key.strip_prefix(DEPLOY)?, key)));
        named
            .map(|(operand, key)| {
                Fact::known(operand, Source::object(&self.reference, format!(".metadata.labels['{key}']")))
            })
            .collect()
    }

    /// What changes the node just now.
    pub(super) fn transition(&self) -> Fact {
        if !self.is_ready {
            return Fact::known("the node is not ready", Source::object(&self.reference, ".status.conditions"));
        }
        if let Some(state @ ("pending" | "rebooting")) = self.label("mig.config.state") {
            return Fact::known(format!("mig.config.state is {state}"), self.label_source("mig.config.state"));
        }
        let is_paused = |(key, value): &(&String, &String)| key.starts_with(DEPLOY) && value.starts_with("paused");
        if let Some((key, value)) = self.labels.iter().find(is_paused) {
            let source = Source::object(&self.reference, format!(".metadata.labels['{key}']"));
            return Fact::known(format!("{key} is {value}"), source);
        }
        // Of the operator's states these do not mean that something is going on.
        match self.label("gpu-driver-upgrade-state") {
            None | Some("upgrade-done" | "upgrade-failed" | "upgrade-required") => Fact::absent(self.place()),
            Some(state) => {
                Fact::known(format!("the driver is upgraded: {state}"), self.label_source("gpu-driver-upgrade-state"))
            }
        }
    }

    /// What says that no device plugin shall run there.
    pub(super) fn plugin_unwanted(&self) -> Fact {
        let off = NO_PLUGIN.iter().find(|key| self.labels.get(**key).is_some_and(|value| value == "false"));
        match off {
            Some(key) => {
                let source = Source::object(&self.reference, format!(".metadata.labels['{key}']"));
                Fact::known(format!("{key}=false"), source)
            }
            None => Fact::absent(self.place()),
        }
    }

    /// The driver's version: the full one, or that of the labels before 0.16,
    /// whose last part is empty where the version has two.
    pub(super) fn driver_version(&self) -> Fact {
        if self.label("cuda.driver-version.full").is_some() {
            return self.label_fact("cuda.driver-version.full");
        }
        for (major, minor, rest) in [
            ("cuda.driver-version.major", "cuda.driver-version.minor", "cuda.driver-version.revision"),
            ("cuda.driver.major", "cuda.driver.minor", "cuda.driver.rev"),
        ] {
            if let (Some(first), Some(second)) = (self.label(major), self.label(minor)) {
                let version = [Some(first), Some(second), self.label(rest)].into_iter().flatten().collect::<Vec<_>>();
                return Fact::known(version.join("."), self.label_source(major));
            }
        }
        Fact::absent(self.label_source("cuda.driver-version.full"))
    }

    /// Since when at the latest the state of `mig.config` holds.
    pub(super) fn config_since(&self) -> Fact {
        let source = Source::object(&self.reference, ".metadata.managedFields");
        match &self.since {
            _ if self.label("mig.config.state").is_none() => Fact::absent(source),
            Some(since) => Fact::known(since.as_str(), source),
            None => {
                let what = if self.has_managed_fields { "do not name" } else { "were not recorded, which would date" };
                let reason = format!("the managed fields of Node {} {what} its label {STATE}", self.reference.name);
                Fact::unreadable(source, reason)
            }
        }
    }
}

/// How long a state of `mig.config` on its way may last after that time.
pub(super) fn due(since: &Fact) -> Fact {
    const GRACE: SignedDuration = SignedDuration::from_mins(10);
    let after = since.text().and_then(|text| text.parse::<Timestamp>().ok()?.checked_add(GRACE).ok());
    match (after, since.source()) {
        (Some(after), Some(source)) => Fact::known(after.to_string(), source.clone()),
        (None, Some(source)) if since.text().is_some() => Fact::unreadable(source.clone(), "its time is none"),
        _ => since.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Json;
    use crate::fact::cluster::resource::NODES;
    use crate::fact::cluster::{Object, Request};
    use crate::fact::json::json;

    const NODE: Request = Request::all(&NODES);

    fn node(json: &Json) -> GpuNode {
        GpuNode::read(&Object::new(&NODE, json))
    }

    fn labelled(labels: &Json) -> GpuNode {
        node(&json!({"metadata": {"name": "a", "labels": labels}}))
    }

    fn version(labels: &Json) -> Option<String> {
        labelled(labels).driver_version().text().map(str::to_owned)
    }

    #[test]
    fn the_drivers_version_is_read_of_every_generation_of_labels() {
        let full = json!({"nvidia.com/cuda.driver-version.full": "580.95.05", "nvidia.com/cuda.driver.major": "1"});
        assert_eq!(version(&full).as_deref(), Some("580.95.05"));
        let old = json!({"nvidia.com/cuda.driver.major": "535", "nvidia.com/cuda.driver.minor": "309", "nvidia.com/cuda.driver.rev": "01"});
        assert_eq!(version(&old).as_deref(), Some("535.309.01"));
        let two_parts = json!({"nvidia.com/cuda.driver.major": "418", "nvidia.com/cuda.driver.minor": "87", "nvidia.com/cuda.driver.rev": ""});
        assert_eq!(version(&two_parts).as_deref(), Some("418.87"));
        assert_eq!(version(&json!({"nvidia.com/cuda.driver.major": "535"})), None);
    }

    #[test]
    fn the_managed_fields_of_the_label_date_its_state() {
        let label = "f:nvidia.com/mig.config.state";
        let json = json!({"metadata": {"name": "a", "labels": {"nvidia.com/mig.config.state": "pending"}, "managedFields": [
            {"manager": "kubelet", "time": "2026-11-01T00:00:00Z", "fieldsV1": {"f:metadata": {"f:labels": {"f:kubernetes.io/os": {}}}}},
            {"manager": "nvidia-mig-manager", "time": "2026-11-22T10:00:00Z", "fieldsV1": {"f:metadata": {"f:labels": {label: {}}}}}]}});
        let since = node(&json).config_since();
        assert_eq!(since.text(), Some("2026-11-22T10:00:00Z"));
        assert_eq!(due(&since).text(), Some("2026-11-22T10:10:00Z"));
        let undated = labelled(&json!({"nvidia.com/mig.config.state": "pending"}));
        assert!(matches!(due(&undated.config_since()), Fact::Unreadable { .. }));
    }

    #[test]
    fn a_change_of_mig_or_driver_is_a_transition_and_a_queued_one_is_none() {
        let transition = |label: &str, value: &str| labelled(&json!({label: value})).transition().text().is_some();
        assert!(transition("nvidia.com/mig.config.state", "rebooting"));
        assert!(transition("nvidia.com/gpu.deploy.device-plugin", "paused-for-driver-upgrade"));
        assert!(transition("nvidia.com/gpu-driver-upgrade-state", "drain-required"));
        assert!(!transition("nvidia.com/gpu-driver-upgrade-state", "upgrade-required"));
        assert!(!transition("nvidia.com/gpu-driver-upgrade-state", "upgrade-failed"));
        assert!(!transition("nvidia.com/mig.config.state", "failed"));
    }
}
