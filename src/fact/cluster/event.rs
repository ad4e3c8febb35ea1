//! Events: what happened lately, kept for an hour by most servers.
//!
//! Sources: `Event` of core/v1 (`involvedObject`, `message`, `count`) and of
//! events.k8s.io/v1 (`regarding`, `note`, `series.count`): one object, two
//! shapes. The type says little: much of what keeps a claim pending is
//! `Normal`. Only events of reasons that rules name are kept, and equal ones
//! are folded.

use super::resource::EVENTS;
use super::{Collector, Lists, Object, Reader, Request};
use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};

pub(super) const COLLECTOR: Collector =
    Collector { name: "event", facts: FACTS, requests: &[REQUEST], start: || Box::new(Events::default()) };

const REQUEST: Request = Request::all(&EVENTS);

const EVENT: Type = Type::Object(&[
    Field::new("subject", Type::Map(&Type::Text), "Identity of the object that it is about, for `subject`."),
    Field::new("kind", Type::Text, "Kind of that object."),
    Field::new("name", Type::Text, "Name of that object."),
    Field::new("namespace", Type::Text, "Namespace of that object."),
    Field::new("reason", Type::Text, "Its reason, such as `FailedMount`."),
    Field::new("type", Type::Text, "`Normal` or `Warning`."),
    Field::new("text", Type::Text, "What it says; at most 500 characters."),
    Field::new("component", Type::Text, "Who reports it, such as `kubelet`."),
    Field::new("node", Type::Text, "Node of the reporting component; absent where it names none."),
    Field::new("count", Type::Int, "How often it was seen."),
    Field::new("last_seen", Type::Text, "When it was seen last."),
]);

const FACTS: &[FactDoc] = &[FactDoc::new(
    "events",
    Type::List(&EVENT),
    "Events of FailedMount, FailedAttachVolume, FailedCreate, FailedCreatePodSandBox, FailedScheduling, MissingClusterDNS, NodeNotReady, InvalidDiskCapacity, CgroupV1 and the like; at most 2000, the same text about pods of one node once.",
)];

#[derive(Default)]
struct Events {}

impl Reader for Events {
    fn see(&mut self, _: &Object<'_>) {}

    fn finish(self: Box<Self>, _: &Lists) -> Facts {
        Facts::default()
    }
}
