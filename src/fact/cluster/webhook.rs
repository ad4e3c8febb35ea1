//! Admission webhooks, and whether anyone answers them.
//!
//! Sources: admissionregistration.k8s.io/v1, the endpoint slices of their
//! services (discovery.k8s.io/v1), and the labels of the namespaces that they
//! select. `failurePolicy` is `Fail` where it is left out.

use std::collections::{BTreeMap, BTreeSet};

use super::authority;
use super::object::subject;
use super::resource::{ENDPOINT_SLICES, MUTATING_WEBHOOKS, NAMESPACES, SERVICES, VALIDATING_WEBHOOKS};
use super::selector::{Labels, labels, selects};
use super::{Collector, Element, Listing, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Json, Source};

pub(super) const COLLECTOR: Collector = Collector {
    name: "webhook",
    facts: FACTS,
    requests: &[VALIDATING, MUTATING, SLICES, SPACES, ALL_SERVICES],
    start: || Box::new(Webhooks::default()),
};

const VALIDATING: Request = Request::all(&VALIDATING_WEBHOOKS);
const MUTATING: Request = Request::all(&MUTATING_WEBHOOKS);
const SLICES: Request = Request::all(&ENDPOINT_SLICES);
const SPACES: Request = Request::metadata(&NAMESPACES);
const ALL_SERVICES: Request = Request::metadata(&SERVICES);

const WEBHOOK: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the webhook."),
    Field::new("subject", Type::Map(&Type::Text), "Identity of its configuration, for `subject`."),
    Field::new("configuration", Type::Text, "Name of its configuration."),
    Field::new("kind", Type::Text, "`ValidatingWebhookConfiguration` or `MutatingWebhookConfiguration`."),
    Field::new("failure_policy", Type::Text, "`Fail` or `Ignore`."),
    Field::new("service", Type::Text, "Its service, as `namespace/name`. Absent: it is asked by URL."),
    Field::new("is_service_missing", Type::Bool, "Whether that service is not there."),
    Field::new(
        "ready_endpoints",
        Type::Int,
        "How many endpoints of the service are ready; absent where it is asked by URL.",
    ),
    Field::new(
        "vital",
        Type::List(&Type::Text),
        "What it stops that the cluster lives by: `pods`, `nodes`, `leases` …, of the kinds that its rules match for the system's or its own namespace.",
    ),
    authority::UNTIL,
    authority::FAULT,
    Field::new("has_match_conditions", Type::Bool, "Whether CEL conditions narrow it, which are not evaluated here."),
    Field::new("has_object_selector", Type::Bool, "Whether labels of the objects narrow it."),
]);

const FACTS: &[FactDoc] = &[FactDoc::new("webhooks", Type::List(&WEBHOOK), "Every admission webhook.")];

/// What a cluster lives by: API group, resource, whether it is namespaced.
const VITAL: [(&str, &str, bool); 4] = [
    ("", "pods", true),
    ("", "nodes", false),
    ("coordination.k8s.io", "leases", true),
    ("apiregistration.k8s.io", "apiservices", false),
];

/// Where the system's own pods and the leases of its nodes are.
const SYSTEM: [&str; 2] = ["kube-system", "kube-node-lease"];

/// Namespace and name of a service.
type ServiceKey = (String, String);

/// A webhook on its way.
struct Webhook {
    element: Element,
    json: Json,
    service: Option<ServiceKey>,
    place: Source,
    conditions: Source,
}

#[derive(Default)]
struct Webhooks {
    seen: Vec<Webhook>,
    ready: BTreeMap<ServiceKey, i64>,
    services: BTreeSet<ServiceKey>,
    spaces: BTreeMap<String, Labels>,
}

impl Reader for Webhooks {
    fn see(&mut self, object: &Object<'_>) {
        let namespace = || object.namespace().unwrap_or_default().to_owned();
        if object.is(&ENDPOINT_SLICES) {
            let Some(service) = object.label("kubernetes.io/service-name") else { return };
            // An endpoint that does not say whether it is ready is.
            let is_ready = |endpoint: &&Json| endpoint.pointer("/conditions/ready") != Some(&Json::Bool(false));
            let ready = object.list("endpoints").iter().filter(is_ready).count();
            let count = self.ready.entry((namespace(), service.to_owned())).or_default();
            *count = count.saturating_add(i64::try_from(ready).unwrap_or(i64::MAX));
        } else if object.is(&SERVICES) {
            self.services.insert((namespace(), object.name().to_owned()));
        } else if object.is(&NAMESPACES) {
            self.spaces.insert(object.name().to_owned(), labels(object.get("metadata.labels")));
        } else {
            let found = object.list("webhooks").iter().enumerate();
            self.seen.extend(found.map(|(index, webhook)| read(object, index, webhook)));
        }
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let elements = self.seen.iter().map(|webhook| self.fact(webhook, lists)).collect();
        let mut facts = Facts::default();
        facts.set("webhooks", lists.fact_of(&[&VALIDATING, &MUTATING], elements));
        facts
    }
}

fn read(object: &Object<'_>, index: usize, webhook: &Json) -> Webhook {
    let text = |pointer: &str| webhook.pointer(pointer).and_then(Json::as_str);
    let at = |field: &str| object.source(format!(".webhooks[{index}].{field}"));
    let service = text("/clientConfig/service/name")
        .map(|name| (text("/clientConfig/service/namespace").unwrap_or_default().to_owned(), name.to_owned()));
    let conditions = webhook.get("matchConditions").and_then(Json::as_array).is_some_and(|all| !all.is_empty());
    let selector = webhook.get("objectSelector").and_then(Json::as_object).is_some_and(|all| !all.is_empty());
    let mut element = Element::new()
        .with("name", Fact::known(text("/name").unwrap_or_default(), at("name")))
        .with("subject", subject(object.reference()))
        .with("configuration", Fact::known(object.name(), object.source(".metadata.name")))
        .with("kind", Fact::group(object.reference().kind.as_str()))
        .with("failure_policy", Fact::known(text("/failurePolicy").unwrap_or("Fail"), at("failurePolicy")))
        .with("has_match_conditions", Fact::known(conditions, at("matchConditions")))
        .with("has_object_selector", Fact::known(selector, at("objectSelector")));
    element = authority::describe(element, webhook.pointer("/clientConfig/caBundle"), &at("clientConfig.caBundle"));
    if let Some((namespace, name)) = &service {
        let whole = format!("{namespace}/{name}");
        element = element.with("service", Fact::known(whole, at("clientConfig.service")));
    }
    // Only what is needed of it is kept.
    let kept = ["rules", "namespaceSelector", "objectSelector"]
        .iter()
        .filter_map(|key| Some(((*key).into(), webhook.get(key)?.clone())))
        .collect();
    Webhook { element, json: Json::Object(kept), service, place: at("rules"), conditions: at("matchConditions") }
}

impl Webhooks {
    fn fact(&self, webhook: &Webhook, lists: &Lists) -> Fact {
        let vital: Vec<Fact> =
            self.vital(webhook).into_iter().map(|name| Fact::known(name, webhook.place.clone())).collect();
        let has_conditions = webhook.element.get("has_match_conditions").and_then(Fact::bool) == Some(true);
        let vital = if has_conditions && !vital.is_empty() {
            let reason = "matchConditions decide what it stops, and they are not evaluated here";
            Fact::unreadable(webhook.conditions.clone(), reason)
        } else {
            Fact::known(vital, webhook.place.clone())
        };
        let mut element = webhook.element.clone().with("vital", vital);
        if let Some(service) = &webhook.service {
            let is_missing = match lists.gap(&ALL_SERVICES) {
                _ if self.services.contains(service) => Fact::group(false),
                None => Fact::group(true),
                Some(reason) => Fact::Unreadable { source: None, reason },
            };
            let ready = match (self.ready.get(service), lists.of(&SLICES)) {
                (Some(ready), _) => Fact::group(*ready),
                (None, _) if is_missing.bool() == Some(true) => Fact::group(0_i64),
                (None, Listing::Complete | Listing::NotServed) => Fact::group(0_i64),
                (None, Listing::NotRecorded(files)) => {
                    Fact::Unreadable { source: None, reason: format!("{files} holds no EndpointSlice") }
                }
                (None, Listing::Unreadable(reason)) => Fact::Unreadable { source: None, reason: reason.clone() },
            };
            element = element.with("is_service_missing", is_missing).with("ready_endpoints", ready);
        }
        element.done()
    }

    /// The kinds of [`VITAL`] that it stops for the system or for its own pods.
    fn vital(&self, webhook: &Webhook) -> Vec<&'static str> {
        let selector = webhook.json.get("objectSelector");
        // A selector that asks for a label spares what has none.
        if !selects(selector, &Labels::new()) {
            return Vec::new();
        }
        let own = webhook.service.as_ref().map(|(namespace, _)| namespace.as_str());
        let is_selected = SYSTEM.into_iter().chain(own).any(|space| {
            let named = Labels::from([("kubernetes.io/metadata.name".to_owned(), space.to_owned())]);
            selects(webhook.json.get("namespaceSelector"), self.spaces.get(space).unwrap_or(&named))
        });
        let rules = webhook.json.get("rules").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        let is_stopped = |(group, resource, is_namespaced): &&(&str, &str, bool)| {
            (!is_namespaced || is_selected) && rules.iter().any(|rule| matches(rule, group, resource, *is_namespaced))
        };
        VITAL.iter().filter(is_stopped).map(|(_, resource, _)| *resource).collect()
    }
}

/// Whether a rule's webhook is asked when such an object is written.
pub(super) fn matches(rule: &Json, group: &str, resource: &str, is_namespaced: bool) -> bool {
    let any = |key: &str, fits: &dyn Fn(&str) -> bool| {
        let list = rule.get(key).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        list.iter().filter_map(Json::as_str).any(fits)
    };
    let scope = rule.get("scope").and_then(Json::as_str).unwrap_or("*");
    let fits_scope = scope == "*" || (scope == "Namespaced") == is_namespaced;
    fits_scope
        && any("apiGroups", &|value| value == "*" || value == group)
        && any("operations", &|value| matches!(value, "*" | "CREATE" | "UPDATE" | "DELETE"))
        && any("resources", &|value| {
            let (name, part) = value.split_once('/').unwrap_or((value, ""));
            (name == "*" || name == resource) && matches!(part, "" | "*" | "status")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_names_resources_or_all_of_them() {
        let rule = |resources: &str| crate::fact::json::json!({"apiGroups": [""], "operations": ["CREATE"], "resources": [resources]});
        for (resources, expected) in
            [("pods", true), ("*", true), ("*/*", true), ("pods/exec", false), ("services", false)]
        {
            assert_eq!(matches(&rule(resources), "", "pods", true), expected, "{resources}");
        }
        assert!(!matches(&rule("pods"), "apps", "pods", true));
    }
}
