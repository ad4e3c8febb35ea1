//! Admission webhooks, and whether anyone answers them.
//!
//! Sources: admissionregistration.k8s.io/v1, the endpoint slices of their
//! services (discovery.k8s.io/v1), and the labels of the namespaces that they
//! select. `failurePolicy` is `Fail` where it is left out.

use super::resource::{ENDPOINT_SLICES, MUTATING_WEBHOOKS, NAMESPACES, SERVICES, VALIDATING_WEBHOOKS};
use super::{Collector, Lists, Object, Reader, Request};
use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};

pub(super) const COLLECTOR: Collector = Collector {
    name: "webhook",
    facts: FACTS,
    requests: &[VALIDATING, MUTATING, SLICES, SPACES, ALL_SERVICES],
    start: || Box::new(Webhooks::default()),
};

const VALIDATING: Request = Request::all(&VALIDATING_WEBHOOKS);
const MUTATING: Request = Request::all(&MUTATING_WEBHOOKS);
const SLICES: Request = Request::all(&ENDPOINT_SLICES);
const SPACES: Request = Request::all(&NAMESPACES);
const ALL_SERVICES: Request = Request::all(&SERVICES);

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
    Field::new("has_match_conditions", Type::Bool, "Whether CEL conditions narrow it, which are not evaluated here."),
    Field::new("has_object_selector", Type::Bool, "Whether labels of the objects narrow it."),
]);

const FACTS: &[FactDoc] = &[FactDoc::new("webhooks", Type::List(&WEBHOOK), "Every admission webhook.")];

#[derive(Default)]
struct Webhooks {}

impl Reader for Webhooks {
    fn see(&mut self, _: &Object<'_>) {}

    fn finish(self: Box<Self>, _: &Lists) -> Facts {
        Facts::default()
    }
}
