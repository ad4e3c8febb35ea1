//! Reports: findings and their counts, rendered for people and machines.
//!
//! A [`Report`] holds everything that a run found, in its final order; a
//! renderer writes all of it and never filters, sorts, counts or decides. A
//! format is one file here and one variant of [`Format`]. A report that was
//! written as JSON is read back by [`Report::parse`], and two are compared in
//! [`compare`].

pub mod compare;
mod csv;
pub mod diff;
pub mod escape;
pub mod explain;
pub mod facts;
mod format;
pub mod gate;
mod gate_table;
mod github;
mod gitlab;
mod group;
mod html;
mod json;
mod jsonl;
mod junit;
mod location;
mod markdown;
mod openreports;
mod prometheus;
mod read;
pub mod reference;
pub mod rule;
mod sarif;
mod summary;
mod table;
mod text;
mod wrap;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Subject, Verdict};
use crate::rule::Rule;
use compare::Baseline;

pub use format::{Format, render};
pub use json::write_pretty;
pub use read::ReadReport;
pub use summary::{BySeverity, Summary};

/// The name of the JSON form; within `v1` members are only added.
pub const SCHEMA: &str = "scanner.report/v1";

/// What one run found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Who judged, and by what.
    pub scanner: Scanner,
    /// The command that was run: `audit` or `gate`.
    pub command: String,
    /// Whether everything was looked at; false after an interruption.
    pub complete: bool,
    /// When the run began, in RFC 3339 to the second.
    pub started_at: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What was judged.
    pub targets: Vec<Subject>,
    /// How often each verdict was given.
    pub summary: Summary,
    /// Every verdict, by rule, then subject.
    pub findings: Vec<Finding>,
    /// How it stands to the baseline, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// What reading the cluster took, where one was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<Taken>,
    /// What the gate decided; none for an audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<gate::Gate>,
    /// Why each rule that fails matters, by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub why: BTreeMap<String, String>,
}

/// The program and rules that made a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scanner {
    /// Version of the program.
    pub version: String,
    /// `sha256:…` over all rules and data that were loaded.
    pub rules_digest: String,
}

/// What reading a cluster took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Objects that were seen.
    pub objects: u64,
    /// Bytes that were read: of answers, or of files.
    pub bytes: u64,
    /// Requests to the API server, those that had to be repeated included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// The most memory that the process has held; of a live cluster only, so
    /// that the same files give the same report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory_bytes: Option<u64>,
}

impl Taken {
    /// Adds what another reading of the same run took.
    pub(crate) fn add(&mut self, other: &Taken) {
        self.objects += other.objects;
        self.bytes += other.bytes;
        self.requests = self.requests.or(other.requests.and(Some(0))).map(|own| own + other.requests.unwrap_or(0));
        self.peak_memory_bytes = self.peak_memory_bytes.max(other.peak_memory_bytes);
    }
}

/// What a run knows beside its findings.
#[derive(Clone, Debug)]
pub struct Run {
    /// The command that was run.
    pub command: &'static str,
    /// Whether everything was looked at.
    pub complete: bool,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What was judged.
    pub targets: Vec<Subject>,
    /// `sha256:…` over all rules and data.
    pub rules_digest: String,
}

impl Report {
    /// Puts a report together from findings in their final order.
    pub fn new(run: Run, findings: Vec<Finding>, rules: &[&Rule]) -> Self {
        let shown: BTreeSet<&str> = findings
            .iter()
            .filter(|finding| matches!(finding.verdict, Verdict::Fail | Verdict::Waived))
            .map(|finding| finding.rule.as_str())
            .collect();
        let why = rules
            .iter()
            .filter(|rule| shown.contains(rule.name.as_str()))
            .map(|rule| (rule.name.clone(), rule.why.clone()))
            .collect();
        Report {
            schema: SCHEMA.to_owned(),
            scanner: Scanner { version: env!("CARGO_PKG_VERSION").to_owned(), rules_digest: run.rules_digest },
            command: run.command.to_owned(),
            complete: run.complete,
            started_at: run.started_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            duration_ms: run.duration_ms,
            targets: run.targets,
            summary: Summary::of(&findings),
            findings,
            baseline: None,
            collection: None,
            gate: None,
            why,
        }
    }

    /// The same report with none of its findings, for what is written beside them.
    fn without_findings(&self) -> Report {
        Report {
            schema: self.schema.clone(),
            scanner: self.scanner.clone(),
            command: self.command.clone(),
            complete: self.complete,
            started_at: self.started_at.clone(),
            duration_ms: self.duration_ms,
            targets: self.targets.clone(),
            summary: self.summary,
            findings: Vec::new(),
            baseline: self.baseline.clone(),
            collection: self.collection,
            gate: self.gate.clone(),
            why: self.why.clone(),
        }
    }

    /// The findings of one verdict, in the report's order.
    pub fn with_verdict(&self, verdict: Verdict) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.verdict == verdict)
    }
}

/// How the formats for people look; no other format takes notice.
#[derive(Clone, Copy, Debug, Default)]
pub struct View {
    /// Whether to use colour.
    pub color: bool,
    /// Columns of the terminal; none where there is none, so that nothing is wrapped.
    pub width: Option<usize>,
    /// Whether to show passes and what does not apply one by one, and every
    /// unknown.
    pub verbose: bool,
}
