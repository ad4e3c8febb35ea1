//! What error texts point to: the symptoms that rules and the files of
//! `symptoms/` know, found in a text, a log or events, and their possible
//! causes, ranked.
//!
//! [`Matcher`] reads; [`Explanation`] is what it found. What the facts of a
//! host or a cluster say of the causes comes in as findings, see
//! [`Explanation::confirm`].

mod event;
mod known;
mod literal;
mod log;
mod matcher;
mod rank;
mod seen;
mod stamp;

use serde::Serialize;

use crate::finding::{Finding, Severity, Subject};

pub use known::Known;
pub use log::Log;
pub use matcher::Matcher;
pub use rank::Looked;

/// The schema of the JSON form; it is `reports/explain.schema.json`.
pub const EXPLAIN_SCHEMA: &str = "scanner.explain/v1";

/// What a text points to.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// [`EXPLAIN_SCHEMA`].
    pub schema: &'static str,
    /// Version of the program.
    pub scanner: Version,
    /// Whether all of the input was read; false after an interruption.
    pub complete: bool,
    /// What was read.
    pub input: Input,
    /// Whose facts were looked at.
    pub looked_at: Vec<Subject>,
    /// What may be behind it: what facts confirm first, what they refute last.
    pub causes: Vec<PossibleCause>,
    /// The symptoms that were found, the most specific first.
    pub symptoms: Vec<SeenSymptom>,
    /// Symptoms that are harmless where they end by themselves, as these did.
    pub set_aside: Vec<SeenSymptom>,
}

/// The program that explains.
#[derive(Clone, Debug, Serialize)]
pub struct Version {
    /// Its version.
    pub version: &'static str,
    /// `sha256:…` over all rules and data.
    pub rules_digest: String,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Input {
    /// `text`, `log` or `events`.
    pub kind: &'static str,
    /// Its lines, or events.
    pub lines: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Lines that are longer than is held of a line: of these only the beginning was looked at.
    pub cut_lines: u64,
    /// The first instant of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<String>,
    /// The last instant of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
}

/// A symptom and where it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeenSymptom {
    /// The rule, or the file of `symptoms/`, that knows it.
    pub symptom: String,
    /// What it is.
    pub title: String,
    /// How often it was seen: lines, or occurrences of events.
    pub count: u64,
    /// The first line, or event, counted from 1.
    pub first_line: u64,
    /// When it was first seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<String>,
    /// When it was last seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// Characters that its expression prescribes: the more, the less a match is an accident.
    pub specificity: usize,
    /// One of its lines, cut, with what looks like a secret left out.
    pub sample: String,
    /// The objects that events are about, the first few.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<Subject>,
    /// How many objects there are beside these.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_subjects: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What may be behind symptoms.
#[derive(Clone, Debug, Serialize)]
pub struct PossibleCause {
    /// Where it is described: `rule`, `check`, `capture` or `told`.
    pub kind: CauseKind,
    /// The rule's or the capture finding's name; of others, the symptom's and their number.
    pub name: String,
    /// The cause as one sentence.
    pub title: String,
    /// How bad it is, where a rule says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// The symptoms that it explains.
    pub symptoms: Vec<String>,
    /// How often these were seen.
    pub count: u64,
    /// The facts that would confirm it.
    pub facts: Vec<String>,
    /// What the facts say.
    pub confirmation: Confirmation,
    /// Why they could not be looked at, or what was found instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the facts show, each with its source.
    pub findings: Vec<Finding>,
    /// What to do, as far as it is known without the facts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// Where a cause is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CauseKind {
    /// By a rule.
    Rule,
    /// By a check of the symptom's file.
    Check,
    /// By a finding of a capture.
    Capture,
    /// In words alone.
    Told,
}

/// What facts say of a cause; the order is that of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirmation {
    /// The fault is there.
    Confirmed,
    /// A fact could not be read.
    CouldNotLook,
    /// Nobody asked for it, or what was named does not hold such facts.
    NotLooked,
    /// The fault is not there now.
    Refuted,
}

impl Confirmation {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Confirmation::Confirmed => "confirmed",
            Confirmation::CouldNotLook => "could not look",
            Confirmation::NotLooked => "not looked at",
            Confirmation::Refuted => "refuted",
        }
    }
}
