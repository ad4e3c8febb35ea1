//! Extensions of the API that an upgrade meets: custom resources with their
//! conversion webhooks and stored versions, and aggregated API services.
//!
//! Sources: `CustomResourceDefinition` of apiextensions.k8s.io/v1,
//! `APIService` of apiregistration.k8s.io/v1, and the endpoint slices of the
//! services that answer for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::authority;
use super::resource::{API_SERVICES, CUSTOM_RESOURCES, ENDPOINT_SLICES, SERVICES};
use super::{Collector, Element, Listing, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Json, ObjectReference, Source};

pub(super) const COLLECTOR: Collector = Collector {
    name: "extension",
    facts: FACTS,
    requests: &[DEFINITIONS, AGGREGATED, SLICES, ALL_SERVICES],
    start: || Box::new(Extensions::default()),
};

const DEFINITIONS: Request = Request::all(&CUSTOM_RESOURCES);
const AGGREGATED: Request = Request::all(&API_SERVICES);
const SLICES: Request = Request::all(&ENDPOINT_SLICES);
const ALL_SERVICES: Request = Request::all(&SERVICES);

const DEFINITION: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the definition, such as `certificates.cert-manager.io`."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("namespace", Type::Text, "Always absent."),
    Field::new(
        "conversion_service",
        Type::Text,
        "The service that converts its objects, as `namespace/name`; absent where none does, or a URL.",
    ),
    Field::new(
        "ready_endpoints",
        Type::Int,
        "How many endpoints of that service are ready; unreadable where that was not recorded.",
    ),
    authority::UNTIL,
    authority::FAULT,
    Field::new("stored_versions", Type::List(&Type::Text), "Versions that objects may be stored in."),
    Field::new(
        "lost_versions",
        Type::List(&Type::Text),
        "Those of them that the definition no longer lists, or does not serve.",
    ),
]);

const API_SERVICE: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name, such as `v1beta1.metrics.k8s.io`."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("namespace", Type::Text, "Always absent."),
    Field::new("service", Type::Text, "The service that answers for it, as `namespace/name`."),
    Field::new(
        "is_available",
        Type::Bool,
        "Its condition `Available`; unreadable where the API server says `Unknown` or nothing.",
    ),
    Field::new("reason", Type::Text, "The reason of that condition, such as `MissingEndpoints`."),
    Field::new("since", Type::Text, "Since when it is so."),
]);

const FACTS: &[FactDoc] = &[
    FactDoc::new("custom_resources", Type::List(&DEFINITION), "Every CustomResourceDefinition."),
    FactDoc::new("api_services", Type::List(&API_SERVICE), "Every APIService that another server answers for."),
];

#[derive(Default)]
struct Extensions {
    definitions: Vec<Definition>,
    api_services: Vec<Fact>,
    /// Ready endpoints by namespace/service.
    endpoints: BTreeMap<String, i64>,
    services: BTreeSet<String>,
}

struct Definition {
    reference: Arc<ObjectReference>,
    service: Option<String>,
    authority: Element,
    stored: Vec<String>,
    lost: Vec<String>,
}

impl Reader for Extensions {
    fn see(&mut self, object: &Object<'_>) {
        let own = || format!("{}/{}", object.namespace().unwrap_or_default(), object.name());
        if object.is(&CUSTOM_RESOURCES) {
            self.definitions.push(Definition::read(object));
        } else if object.is(&API_SERVICES) {
            self.api_services.extend(api_service(object));
        } else if object.is(&SERVICES) {
            self.services.insert(own());
        } else if let Some(service) = object.label("kubernetes.io/service-name") {
            let key = format!("{}/{service}", object.namespace().unwrap_or_default());
            // A missing condition means ready.
            let ready = object.list("endpoints").iter();
            let ready =
                ready.filter(|endpoint| endpoint.pointer("/conditions/ready").and_then(Json::as_bool) != Some(false));
            *self.endpoints.entry(key).or_default() += i64::try_from(ready.count()).unwrap_or(i64::MAX);
        }
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut facts = Facts::default();
        let definitions = self.definitions.iter().map(|definition| self.definition(definition, lists)).collect();
        facts.set("custom_resources", lists.fact(&DEFINITIONS, definitions));
        facts.set("api_services", lists.fact(&AGGREGATED, self.api_services));
        facts
    }
}

impl Extensions {
    fn definition(&self, definition: &Definition, lists: &Lists) -> Fact {
        let source = |path: &'static str| Source::object(&definition.reference, path);
        let at_service = || source(".spec.conversion.webhook.clientConfig.service");
        let texts = |texts: &[String], path: &'static str| {
            Fact::known(
                texts.iter().map(|text| Fact::known(text.as_str(), source(path))).collect::<Vec<_>>(),
                source(path),
            )
        };
        let service = definition.service.as_deref();
        definition
            .authority
            .clone()
            .identified(&definition.reference)
            .with(
                "conversion_service",
                service.map_or(Fact::absent(at_service()), |name| Fact::known(name, at_service())),
            )
            .with(
                "ready_endpoints",
                service.map_or(Fact::absent(at_service()), |name| self.ready(name, lists, at_service())),
            )
            .with("stored_versions", texts(&definition.stored, ".status.storedVersions"))
            .with("lost_versions", texts(&definition.lost, ".status.storedVersions"))
            .done()
    }

    /// Ready endpoints of a service. None is only told where slices were
    /// recorded, or the service itself is known not to be there.
    fn ready(&self, service: &str, lists: &Lists, source: Source) -> Fact {
        if let Some(ready) = self.endpoints.get(service) {
            return Fact::known(*ready, source);
        }
        let are_services_complete = *lists.of(&ALL_SERVICES) == Listing::Complete;
        if are_services_complete && !self.services.contains(service) {
            return Fact::known(0_i64, source);
        }
        match lists.of(&SLICES) {
            Listing::Complete => Fact::known(0_i64, source),
            Listing::NotServed => Fact::unreadable(source, "the API server has no endpoint slices"),
            Listing::NotRecorded(files) => Fact::unreadable(source, format!("{files} holds no EndpointSlice")),
            Listing::Unreadable(reason) => Fact::unreadable(source, reason.clone()),
        }
    }
}

impl Definition {
    fn read(object: &Object<'_>) -> Self {
        let texts = |path: &str| object.list(path).iter().filter_map(Json::as_str).map(str::to_owned).collect();
        let is_webhook = object.text("spec.conversion.strategy") == Some("Webhook");
        let config = ["spec.conversion.webhook.clientConfig.service", "spec.conversion.webhookClientConfig.service"];
        let service = config.iter().find_map(|path| object.get(path)).filter(|_| is_webhook);
        let text = |key: &str| service?.get(key)?.as_str();
        let stored: Vec<String> = texts("status.storedVersions");
        // v1beta1 could name a single version.
        let single = object.text("spec.version").filter(|_| object.get("spec.versions").is_none());
        let is_served = |name: &String| {
            single == Some(name.as_str())
                || object.list("spec.versions").iter().any(|version| {
                    version.get("name").and_then(Json::as_str) == Some(name.as_str())
                        && version.get("served").and_then(Json::as_bool) != Some(false)
                })
        };
        let paths = ["spec.conversion.webhook.clientConfig.caBundle", "spec.conversion.webhookClientConfig.caBundle"];
        let bundle = paths.iter().find_map(|path| object.get(path)).filter(|_| is_webhook);
        Definition {
            reference: Arc::clone(object.reference()),
            authority: authority::describe(Element::new(), bundle, &object.source(format!(".{}", paths[0]))),
            service: text("namespace").zip(text("name")).map(|(namespace, name)| format!("{namespace}/{name}")),
            lost: stored.iter().filter(|name| !is_served(name)).cloned().collect(),
            stored,
        }
    }
}

/// None for one that the API server answers itself.
fn api_service(object: &Object<'_>) -> Option<Fact> {
    let namespace = object.text("spec.service.namespace")?;
    let service = format!("{namespace}/{}", object.text("spec.service.name")?);
    let conditions = object.list("status.conditions");
    let available =
        conditions.iter().find(|condition| condition.get("type").and_then(Json::as_str) == Some("Available"));
    let text = |key: &str| available?.get(key)?.as_str();
    let source = || object.source(".status.conditions");
    let is_available = match text("status") {
        Some("True") => Fact::known(true, source()),
        Some("False") => Fact::known(false, source()),
        other => {
            let said = other.unwrap_or("nothing");
            Fact::unreadable(source(), format!("APIService {}: whether it is available says {said}", object.name()))
        }
    };
    let optional = |text: Option<&str>| text.map_or(Fact::absent(source()), |text| Fact::known(text, source()));
    Some(
        Element::of(object.reference())
            .with("service", Fact::known(service, object.source(".spec.service")))
            .with("is_available", is_available)
            .with("reason", optional(text("reason")))
            .with("since", optional(text("lastTransitionTime")))
            .done(),
    )
}
