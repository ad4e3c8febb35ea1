//! `RuntimeClasses`, and which nodes their pods may run on
//! (<https://kubernetes.io/docs/concepts/containers/runtime-class/#scheduling>).

use std::collections::{BTreeMap, BTreeSet};

use crate::fact::cluster::{Element, Object};
use crate::fact::{Fact, Json, Source};

/// The classes, and those that pods ask for.
#[derive(Default)]
pub(in crate::fact::cluster) struct Classes {
    classes: Vec<Class>,
    used: BTreeSet<String>,
}

struct Class {
    name: String,
    handler: String,
    selector: BTreeMap<String, String>,
    tolerations: Vec<Toleration>,
    is_bundled: bool,
    source: Source,
}

struct Toleration {
    key: String,
    is_for_any_value: bool,
    value: String,
    effect: String,
}

/// What decides whether a pod may run on a node.
pub(in crate::fact::cluster) struct Place {
    labels: BTreeMap<String, String>,
    /// Taints that stay: key, value, effect.
    taints: Vec<(String, String, String)>,
    is_linux: bool,
}

fn text(json: &Json, key: &str) -> String {
    json.get(key).and_then(Json::as_str).unwrap_or_default().to_owned()
}

fn texts(json: Option<&Json>) -> BTreeMap<String, String> {
    let members = json.and_then(Json::as_object).into_iter().flatten();
    members.filter_map(|(key, value)| Some((key.to_owned(), value.as_str()?.to_owned()))).collect()
}

impl Place {
    pub(in crate::fact::cluster) fn of(object: &Object<'_>) -> Self {
        let taints = object
            .list("spec.taints")
            .iter()
            .map(|taint| (text(taint, "key"), text(taint, "value"), text(taint, "effect")));
        // The node controllers' taints come and go with the node's state.
        let stays = |(key, _, effect): &(String, String, String)| {
            effect != "PreferNoSchedule"
                && !key.starts_with("node.kubernetes.io/")
                && !key.starts_with("node.cloudprovider.kubernetes.io/")
        };
        Place {
            labels: texts(object.get("metadata.labels")),
            taints: taints.filter(stays).collect(),
            is_linux: object.text("status.nodeInfo.operatingSystem").is_none_or(|system| system == "linux"),
        }
    }
}

impl Classes {
    pub(in crate::fact::cluster) fn see_class(&mut self, object: &Object<'_>) {
        // v1beta1 has the same fields.
        let tolerations = object.list("scheduling.tolerations").iter().map(|json| Toleration {
            key: text(json, "key"),
            is_for_any_value: text(json, "operator") == "Exists",
            value: text(json, "value"),
            effect: text(json, "effect"),
        });
        self.classes.push(Class {
            name: object.name().to_owned(),
            handler: object.text("handler").unwrap_or_default().to_owned(),
            selector: texts(object.get("scheduling.nodeSelector")),
            tolerations: tolerations.collect(),
            // k3s applies its classes from a folder of manifests that it owns.
            is_bundled: object.annotation("objectset.rio.cattle.io/owner-gvk").is_some()
                || object.label("objectset.rio.cattle.io/hash").is_some(),
            source: object.source(".handler"),
        });
    }

    pub(in crate::fact::cluster) fn see_pod(&mut self, object: &Object<'_>) {
        let is_over = matches!(object.text("status.phase"), Some("Succeeded" | "Failed"));
        if let Some(class) = object.text("spec.runtimeClassName").filter(|_| !is_over)
            && !self.used.contains(class)
        {
            self.used.insert(class.to_owned());
        }
    }

    /// Those whose pods may run on a node; `gaps` are why classes, or pods,
    /// were not all seen.
    pub(in crate::fact::cluster) fn of(&self, place: &Place, node: &Source, gaps: [Option<String>; 2]) -> Fact {
        let [no_classes, no_pods] = gaps;
        if let Some(reason) = no_classes {
            return Fact::unreadable(node.clone(), reason);
        }
        let fitting = self.classes.iter().filter(|class| place.is_linux && class.may_run_on(place)).map(|class| {
            let is_used = match (self.used.contains(&class.name), &no_pods) {
                (false, Some(reason)) => Fact::unreadable(class.source.clone(), reason.clone()),
                (is_used, _) => Fact::known(is_used, class.source.clone()),
            };
            Element::new()
                .with("name", Fact::known(class.name.as_str(), class.source.clone()))
                .with("handler", Fact::known(class.handler.as_str(), class.source.clone()))
                .with("is_used", is_used)
                .with("is_bundled", Fact::known(class.is_bundled, class.source.clone()))
                .done()
        });
        Fact::known(fitting.collect::<Vec<Fact>>(), node.clone())
    }
}

impl Class {
    fn may_run_on(&self, place: &Place) -> bool {
        let is_selected = self.selector.iter().all(|(key, value)| place.labels.get(key) == Some(value));
        is_selected && place.taints.iter().all(|taint| self.tolerations.iter().any(|own| own.covers(taint)))
    }
}

impl Toleration {
    fn covers(&self, (key, value, effect): &(String, String, String)) -> bool {
        let is_key = self.key == *key || (self.key.is_empty() && self.is_for_any_value);
        is_key && (self.is_for_any_value || self.value == *value) && (self.effect.is_empty() || self.effect == *effect)
    }
}
