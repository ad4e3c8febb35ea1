//! The facts that a finding rests on, each with the place it was read from.

use serde::{Deserialize, Serialize};

use super::expression::{Cause, Expression, Slot, Stop, Unknown, Value, json};
use super::judge::one_line;
use crate::fact::Source;

/// A fact that a finding rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The fact's path, such as `kubelet.cgroup_driver`.
    pub fact: String,
    /// Its value; null where it is absent or unreadable.
    pub value: serde_json::Value,
    /// Where it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Why it could not be read, where that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

/// The most pieces of evidence of one judgement.
const PIECES: usize = 100;

/// The evidence of some expressions and what they gave.
pub(super) fn gather<'f>(expressions: impl Iterator<Item = (&'f Expression, Slot<'f>)>) -> Vec<Evidence> {
    let mut pieces: Vec<Evidence> = Vec::new();
    for (expression, slot) in expressions {
        flatten(expression, &slot, &mut pieces);
    }
    // A cluster has many findings, most of few pieces.
    pieces.shrink_to_fit();
    pieces
}

/// A value as evidence; a list gives a piece for each of its elements.
fn flatten(expression: &Expression, slot: &Slot<'_>, pieces: &mut Vec<Evidence>) {
    if pieces.len() >= PIECES {
        return;
    }
    match slot {
        Ok(value) => match value.elements() {
            Some(elements) if !elements.is_empty() || value.doubt().is_some() => {
                for element in &elements {
                    flatten(expression, element, pieces);
                }
                if let Some(doubt) = value.doubt() {
                    push_unknown(expression, doubt, pieces);
                }
            }
            // A made list that is empty leads to no fact.
            Some(_) if value.origin.is_none() => {}
            _ => push(pieces, known(expression, value)),
        },
        Err(Stop::Absent(origin)) => push(
            pieces,
            Evidence {
                fact: origin.path.to_string(),
                value: serde_json::Value::Null,
                source: origin.source.cloned(),
                unreadable: None,
            },
        ),
        Err(Stop::Unknown(unknown)) => push_unknown(expression, unknown, pieces),
    }
}

fn known(expression: &Expression, value: &Value<'_>) -> Evidence {
    let (fact, source) = match &value.origin {
        Some(origin) => (origin.path.to_string(), origin.source.cloned()),
        None => (one_line(&expression.source), None),
    };
    Evidence { fact, value: json(value), source, unreadable: None }
}

fn push_unknown(expression: &Expression, unknown: &Unknown<'_>, pieces: &mut Vec<Evidence>) {
    for reason in unknown.reasons.iter() {
        let (fact, source) = match &reason.origin {
            Some(origin) => (origin.path.to_string(), origin.source.cloned()),
            None => (one_line(&expression.source), None),
        };
        let unreadable = (reason.cause != Cause::Absent).then(|| reason.text.to_string());
        push(pieces, Evidence { fact, value: serde_json::Value::Null, source, unreadable });
    }
}

fn push(pieces: &mut Vec<Evidence>, piece: Evidence) {
    if !pieces.contains(&piece) {
        pieces.push(piece);
    }
}
