//! Values as text and JSON, for messages and evidence.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::value::{Cause, Plain, Slot, Stop, Value};
use crate::fact::{Fact, Value as FactValue};

/// Lists in messages are cut after so many elements.
const SHOWN: usize = 20;

/// A scalar as text; none for lists and groups.
pub(crate) fn text(value: &Value<'_>) -> Option<String> {
    Some(match &value.plain {
        Plain::Bool(truth) => truth.to_string(),
        Plain::Int(number) => number.to_string(),
        Plain::Float(number) => number.to_string(),
        Plain::Text(text) => text.to_string(),
        Plain::Version(version) => version.to_string(),
        Plain::Instant(instant) => instant.to_string(),
        Plain::Duration(duration) => format!("{} days", duration.as_secs().div_euclid(86_400)),
        Plain::Quantity(quantity) => quantity.to_string(),
        Plain::Address(address) => address.to_string(),
        Plain::Range(range) => range.to_string(),
        Plain::Facts(_) | Plain::List(_) | Plain::Members(_) | Plain::Twin(_) | Plain::Map(_) => return None,
    })
}

/// A value as a message shows it: an absent fact is `(not set)`, an unreadable
/// one `(unreadable)`, and lists are joined.
pub(crate) fn message(slot: &Slot<'_>) -> String {
    match slot {
        Err(Stop::Absent(_)) => "(not set)".to_owned(),
        Err(Stop::Unknown(unknown)) => {
            let causes: Vec<Cause> = unknown.reasons.iter().map(|reason| reason.cause).collect();
            if causes.contains(&Cause::Unreadable) {
                "(unreadable)".to_owned()
            } else if causes.contains(&Cause::Absent) {
                "(not set)".to_owned()
            } else {
                "(unknown)".to_owned()
            }
        }
        Ok(value) => {
            if let Some(text) = text(value) {
                return text;
            }
            if let Some(elements) = value.elements() {
                let mut shown: Vec<String> = elements.iter().take(SHOWN).map(message).collect();
                if elements.len() > SHOWN {
                    shown.push(format!("and {} more", elements.len() - SHOWN));
                }
                return shown.join(", ");
            }
            json(value).to_string()
        }
    }
}

/// A value as evidence holds it.
pub(crate) fn json(value: &Value<'_>) -> Json {
    match &value.plain {
        Plain::Bool(truth) => Json::Bool(*truth),
        Plain::Int(number) => Json::from(*number),
        Plain::Float(number) => Json::from(*number),
        Plain::Facts(facts) => Json::Array(facts.iter().map(fact_json).collect()),
        Plain::Members(members) => members_json(members),
        Plain::Twin(twin) => members_json(&twin.to_map()),
        Plain::List(list) => Json::Array(list.elements.iter().map(slot_json).collect()),
        Plain::Map(members) => {
            Json::Object(members.iter().map(|(name, slot)| (name.clone(), slot_json(slot))).collect())
        }
        _ => text(value).map_or(Json::Null, Json::String),
    }
}

fn slot_json(slot: &Slot<'_>) -> Json {
    slot.as_ref().map_or(Json::Null, json)
}

fn fact_json(fact: &Fact) -> Json {
    match fact.value() {
        None => Json::Null,
        Some(FactValue::Bool(truth)) => Json::Bool(*truth),
        Some(FactValue::Int(number)) => Json::from(*number),
        Some(FactValue::Float(number)) => Json::from(*number),
        Some(FactValue::Text(text)) => Json::String(text.clone()),
        Some(FactValue::List(elements)) => Json::Array(elements.iter().map(fact_json).collect()),
        Some(FactValue::Map(members)) => members_json(members),
        Some(FactValue::Twin(twin)) => members_json(&twin.to_map()),
    }
}

fn members_json(members: &BTreeMap<String, Fact>) -> Json {
    Json::Object(members.iter().map(|(name, fact)| (name.clone(), fact_json(fact))).collect())
}
