//! Reports: findings and their counts, rendered for people and machines.
//!
//! A [`Report`] holds everything that a run found, in its final order; a
//! renderer writes all of it and never filters, sorts, counts or decides. A
//! format is one file here and one variant of [`Format`].

pub mod escape;
pub mod facts;
mod json;
pub mod rule;
mod table;
mod wrap;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use crate::finding::{Finding, Severity, Subject, Verdict};
use crate::rule::Rule;

pub use json::write_pretty;

/// The name of the JSON form; within `v1` members are only added.
pub const SCHEMA: &str = "scanner.report/v1";

/// What one run found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// Who judged, and by what.
    pub scanner: Scanner,
    /// The command that was run: `audit`.
    pub command: &'static str,
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
    /// Why each rule that fails matters, by its name. The formats for people
    /// show it; the JSON form leads to it by the rule's name.
    #[serde(skip)]
    pub why: BTreeMap<String, String>,
}

/// The program and rules that made a report.
#[derive(Clone, Debug, Serialize)]
pub struct Scanner {
    /// Version of the program.
    pub version: &'static str,
    /// `sha256:…` over all rules and data that were loaded.
    pub rules_digest: String,
}

/// How often each verdict was given; all five are always there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// Rules that apply and hold.
    pub pass: usize,
    /// Rules that apply and do not hold.
    pub fail: usize,
    /// Rules that could not be judged.
    pub unknown: usize,
    /// Rules that do not concern their subject.
    pub not_applicable: usize,
    /// Failures that a waiver covers.
    pub waived: usize,
    /// The failures by severity.
    #[serde(rename = "fail_by_severity")]
    pub fail_by_severity: BySeverity,
}

/// A number for each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BySeverity {
    /// Critical ones.
    pub critical: usize,
    /// High ones.
    pub high: usize,
    /// Medium ones.
    pub medium: usize,
    /// Low ones.
    pub low: usize,
    /// Those worth knowing.
    pub info: usize,
}

impl BySeverity {
    /// The number of one severity.
    pub fn get(&self, severity: Severity) -> usize {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
            Severity::Info => self.info,
        }
    }

    /// The number of one severity and all above it.
    pub fn at_or_above(&self, threshold: Severity) -> usize {
        Severity::ALL.into_iter().filter(|severity| *severity >= threshold).map(|severity| self.get(severity)).sum()
    }

    /// Counts one more.
    pub fn add(&mut self, severity: Severity) {
        match severity {
            Severity::Critical => self.critical += 1,
            Severity::High => self.high += 1,
            Severity::Medium => self.medium += 1,
            Severity::Low => self.low += 1,
            Severity::Info => self.info += 1,
        }
    }
}

impl Summary {
    /// Counts findings.
    pub fn of(findings: &[Finding]) -> Self {
        let mut summary = Summary::default();
        for finding in findings {
            match finding.verdict {
                Verdict::Pass => summary.pass += 1,
                Verdict::Fail => {
                    summary.fail += 1;
                    summary.fail_by_severity.add(finding.severity);
                }
                Verdict::Unknown => summary.unknown += 1,
                Verdict::NotApplicable => summary.not_applicable += 1,
                Verdict::Waived => summary.waived += 1,
            }
        }
        summary
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
            schema: SCHEMA,
            scanner: Scanner { version: env!("CARGO_PKG_VERSION"), rules_digest: run.rules_digest },
            command: run.command,
            complete: run.complete,
            started_at: run.started_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            duration_ms: run.duration_ms,
            targets: run.targets,
            summary: Summary::of(&findings),
            findings,
            why,
        }
    }

    /// The findings of one verdict, in the report's order.
    pub fn with_verdict(&self, verdict: Verdict) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.verdict == verdict)
    }
}

/// The form that a report is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people, on a terminal.
    Table,
    /// One JSON document, `reports/report.schema.json`.
    Json,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 2] = [Format::Table, Format::Json];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Json => "json",
        }
    }

    /// The format of that name.
    pub fn named(name: &str) -> Option<Self> {
        Format::ALL.into_iter().find(|format| format.name() == name)
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

/// Writes a report in one format.
///
/// # Errors
/// When `out` cannot be written.
pub fn render(report: &Report, format: Format, view: View, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Table => table::render(report, view, out),
        Format::Json => json::render(report, out),
    }
}
