//! Settings of objects that later versions refuse or pass over: a time zone
//! within the schedule of a `CronJob`, and the annotation by which a Service publishes
//! pods that are not ready.
//!
//! Sources: `CronJob` of batch/v1, whose schedule may hold no `TZ=` since 1.29
//! where it is created (kubernetes/kubernetes#116252); `Service` of core/v1,
//! whose annotation `tolerate-unready-endpoints` went with 1.24 for
//! `publishNotReadyAddresses` (kubernetes/kubernetes#108803).

use super::resource::{CRON_JOBS, SERVICES};
use super::{Collector, Element, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Json};

pub(super) const COLLECTOR: Collector = Collector {
    name: "retiring",
    facts: FACTS,
    requests: &[ALL_CRON_JOBS, ALL_SERVICES],
    start: || Box::new(Retiring::default()),
};

const ALL_CRON_JOBS: Request = Request::all(&CRON_JOBS);
const ALL_SERVICES: Request = Request::all(&SERVICES);

const ANNOTATION: &str = "service.alpha.kubernetes.io/tolerate-unready-endpoints";

const CRON_JOB: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the CronJob."),
    Field::new("namespace", Type::Text, "Its namespace."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("schedule", Type::Text, "Its schedule, such as `CRON_TZ=Europe/Berlin 0 3 * * *`."),
]);

const SERVICE: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the Service."),
    Field::new("namespace", Type::Text, "Its namespace."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("annotation", Type::Text, "The annotation's value."),
]);

const FACTS: &[FactDoc] = &[
    FactDoc::new("zoned_cron_jobs", Type::List(&CRON_JOB), "CronJobs whose schedule names a time zone by itself."),
    FactDoc::new(
        "unready_services",
        Type::List(&SERVICE),
        "Services that publish pods which are not ready by an annotation alone, without publishNotReadyAddresses.",
    ),
];

#[derive(Default)]
struct Retiring {
    cron_jobs: Vec<Fact>,
    services: Vec<Fact>,
}

impl Reader for Retiring {
    fn see(&mut self, object: &Object<'_>) {
        if object.is(&CRON_JOBS) {
            let schedule = object.text("spec.schedule").unwrap_or_default();
            if schedule.contains("TZ=") {
                let element = Element::of(object.reference()).with("schedule", object.text_fact(".spec.schedule"));
                self.cron_jobs.push(element.done());
            }
        } else if let Some(value) = object.annotation(ANNOTATION).filter(|value| *value == "true")
            && object.get("spec.publishNotReadyAddresses").and_then(Json::as_bool) != Some(true)
        {
            let annotation = Fact::known(value, object.source(".metadata.annotations"));
            self.services.push(Element::of(object.reference()).with("annotation", annotation).done());
        }
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut facts = Facts::default();
        facts.set("zoned_cron_jobs", lists.fact_with_gaps(&[&ALL_CRON_JOBS], self.cron_jobs));
        facts.set("unready_services", lists.fact_with_gaps(&[&ALL_SERVICES], self.services));
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::json::json;

    #[test]
    fn only_what_leaves_is_kept() {
        let mut retiring = Retiring::default();
        for schedule in ["0 3 * * *", "TZ=Europe/Berlin 0 3 * * *", "CRON_TZ=UTC 0 3 * * *"] {
            let job = json!({"metadata": {"name": "a", "namespace": "b"}, "spec": {"schedule": schedule}});
            retiring.see(&Object::new(&ALL_CRON_JOBS, &job));
        }
        for (value, publishes) in [("true", false), ("true", true), ("false", false)] {
            let service = json!({"metadata": {"name": "a", "annotations": {ANNOTATION: value}}, "spec": {"publishNotReadyAddresses": publishes}});
            retiring.see(&Object::new(&ALL_SERVICES, &service));
        }
        assert_eq!((retiring.cron_jobs.len(), retiring.services.len()), (2, 1));
    }
}
