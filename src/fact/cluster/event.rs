//! Events: what happened lately, kept for an hour by most servers.
//!
//! Sources: `Event` of core/v1 (`involvedObject`, `message`, `count`) and of
//! events.k8s.io/v1 (`regarding`, `note`, `series.count`): one object, two
//! shapes. The type says little: much of what keeps a claim pending is
//! `Normal`. Only events of reasons that rules name are kept, and equal ones
//! are folded.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::object::subject;
use super::resource::EVENTS;
use super::workload::shortened;
use super::{Collector, Element, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Json, ObjectReference, Source};

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
    "Events of the reasons FailedMount, FailedAttachVolume, FailedCreate, FailedCreatePodSandBox, FailedScheduling, MissingClusterDNS, NetworkNotReady, CgroupV1, CIDRNotAvailable, InvalidDiskCapacity, Rebooted, SystemOOM, ContainerGCFailed, ImageGCFailed, FreeDiskSpaceFailed, IPVSDeprecation and MIG; equal ones once for each kind of object and node; at most 2000.",
)];

/// Reasons that rules name.
const KEPT: [&str; 17] = [
    "FailedMount",
    "FailedAttachVolume",
    "FailedCreate",
    "FailedCreatePodSandBox",
    "FailedScheduling",
    "MissingClusterDNS",
    "NetworkNotReady",
    "CgroupV1",
    "CIDRNotAvailable",
    "InvalidDiskCapacity",
    "Rebooted",
    "SystemOOM",
    "ContainerGCFailed",
    "ImageGCFailed",
    "FreeDiskSpaceFailed",
    "IPVSDeprecation",
    "MIG",
];

const MOST: usize = 2000;

/// Reason, kind and namespace of the object, node, and the words without what
/// is of one object: `Failed to create pod sandbox "0ab…"` names another each time.
type Key = [String; 5];

struct Event {
    about: ObjectReference,
    reference: Arc<ObjectReference>,
    field: &'static str,
    text: String,
    kind: String,
    component: String,
    count: i64,
    last_seen: String,
}

#[derive(Default)]
struct Events {
    kept: BTreeMap<Key, Event>,
    is_full: bool,
}

impl Reader for Events {
    fn see(&mut self, object: &Object<'_>) {
        let Some(reason) = object.text("reason").filter(|reason| KEPT.contains(reason)) else { return };
        let about = object.get("involvedObject").or_else(|| object.get("regarding"));
        let about_text = |key: &str| about.and_then(|about| about.get(key)).and_then(Json::as_str);
        let text_of = |paths: &[&str]| paths.iter().find_map(|path| object.text(path)).filter(|text| !text.is_empty());
        let field = if object.get("message").is_some() { "message" } else { "note" };
        let text = shortened(object.text(field).unwrap_or_default());
        let component = text_of(&["source.component", "reportingComponent", "reportingController"]).unwrap_or_default();
        let node = text_of(&["source.host", "deprecatedSource.host"]).or_else(|| {
            // The kubelet's instance is its node.
            object.text("reportingInstance").filter(|instance| component == "kubelet" && !instance.is_empty())
        });
        let count = ["series.count", "count", "deprecatedCount"].iter().find_map(|path| object.get(path)?.as_i64());
        let last_seen = text_of(&["series.lastObservedTime", "lastTimestamp", "deprecatedLastTimestamp", "eventTime"])
            .unwrap_or_default();
        let about = ObjectReference {
            api_version: about_text("apiVersion").unwrap_or("v1").to_owned(),
            kind: about_text("kind").unwrap_or_default().to_owned(),
            namespace: about_text("namespace").filter(|namespace| !namespace.is_empty()).map(str::to_owned),
            name: about_text("name").unwrap_or_default().to_owned(),
        };
        let key = [
            reason.to_owned(),
            about.kind.clone(),
            about.namespace.clone().unwrap_or_default(),
            node.unwrap_or_default().to_owned(),
            without_names(&text),
        ];
        if let Some(known) = self.kept.get_mut(&key) {
            known.count = known.count.saturating_add(count.unwrap_or(1));
            if known.last_seen.as_str() < last_seen {
                last_seen.clone_into(&mut known.last_seen);
            }
            return;
        }
        if self.kept.len() >= MOST {
            self.is_full = true;
            return;
        }
        let event = Event {
            about,
            reference: Arc::clone(object.reference()),
            field,
            text,
            kind: object.text("type").unwrap_or_default().to_owned(),
            component: component.to_owned(),
            count: count.unwrap_or(1),
            last_seen: last_seen.to_owned(),
        };
        self.kept.insert(key, event);
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut elements: Vec<Fact> =
            self.kept.into_iter().map(|([reason, _, _, node, _], event)| event.fact(&reason, &node)).collect();
        if self.is_full {
            let reason = format!("there are more than {MOST} different events of these reasons");
            elements.push(Fact::Unreadable { source: None, reason });
        }
        let mut facts = Facts::default();
        facts.set("events", lists.fact(&REQUEST, elements));
        facts
    }
}

impl Event {
    fn fact(&self, reason: &str, node: &str) -> Fact {
        let at = |path: &'static str| Source::object(&self.reference, path);
        let field = if self.field == "message" { ".message" } else { ".note" };
        let mut element = Element::new()
            .with("subject", subject(&self.about))
            .with("kind", Fact::group(self.about.kind.as_str()))
            .with("name", Fact::group(self.about.name.as_str()))
            .with("reason", Fact::known(reason, at(".reason")))
            .with("text", Fact::known(self.text.as_str(), at(field)))
            .with("count", Fact::group(self.count));
        let optional = [
            ("namespace", self.about.namespace.as_deref().unwrap_or_default()),
            ("type", &self.kind),
            ("component", &self.component),
            ("node", node),
            ("last_seen", &self.last_seen),
        ];
        for (member, value) in optional {
            if !value.is_empty() {
                element = element.with(member, Fact::group(value));
            }
        }
        element.done()
    }
}

/// The words of an event without long numbers and hexadecimal names.
fn without_names(text: &str) -> String {
    let is_name = |word: &str| word.len() > 7 && word.bytes().filter(u8::is_ascii_digit).count() * 4 > word.len();
    let words = text.split_inclusive([' ', '"', '/', ':', '_']);
    words.filter(|word| !is_name(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::cluster::Collection;
    use crate::fact::cluster::file::Files;

    #[test]
    fn one_text_about_many_pods_of_a_node_is_one_event() {
        let event = |number: u32| {
            format!(
                "{{\"apiVersion\": \"v1\", \"kind\": \"Event\", \"metadata\": {{\"name\": \"e{number}\", \"namespace\": \"a\"}}, \"reason\": \"FailedCreatePodSandBox\", \"type\": \"Warning\", \"count\": 2, \"source\": {{\"component\": \"kubelet\", \"host\": \"cn-01\"}}, \"involvedObject\": {{\"kind\": \"Pod\", \"namespace\": \"a\", \"name\": \"p{number}\"}}, \"message\": \"unable to get OCI runtime for sandbox \\\"8f1bd{number}4f02c66b01\\\": no runtime for \\\"nvidia\\\" is configured\"}}"
            )
        };
        let collection = Collection::new(&["events".to_owned()].into());
        let mut files = Files::new(&collection);
        files.read("events.json", &(event(111) + &event(222)));
        files.finish();
        let facts = collection.facts("not read");
        let events = facts.get("events").and_then(Fact::list).unwrap();
        let of = |key: &str| events[0].member(key).cloned();
        assert_eq!(events.len(), 1);
        assert_eq!(of("count").and_then(|count| count.int()), Some(4));
        assert_eq!(of("node").as_ref().and_then(Fact::text), Some("cn-01"));
        assert_eq!(of("component").as_ref().and_then(Fact::text), Some("kubelet"));
    }
}
