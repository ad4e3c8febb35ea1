//! GitLab's code quality report: what fails, what is waived and what could not
//! be judged, as issues (docs.gitlab.com, "Code Quality report format").
//!
//! The format has no counts, so the first issue gives those of every verdict:
//! an empty report would not tell a good host from a run that looked at
//! nothing. GitLab knows an issue again by its fingerprint and drops the
//! second one of the same; a path is relative and a line a positive number.

use std::collections::HashSet;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::json::write_pretty;
use super::location::Location;
use super::{Report, escape, text};
use crate::finding::{Finding, Severity, Verdict};

pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut seen = HashSet::new();
    let is_issue = |finding: &&Finding| !matches!(finding.verdict, Verdict::Pass | Verdict::NotApplicable);
    let issues: Vec<Value> = std::iter::once(summary(report))
        .chain(report.findings.iter().filter(is_issue).map(|finding| issue(finding, &mut seen)))
        .collect();
    write_pretty(&issues, out)
}

fn summary(report: &Report) -> Value {
    let judged = text::judged(report);
    json!({
        "description": format!("scanner: {}", text::in_one_line(report)),
        "check_name": "scanner/summary",
        "fingerprint": format!("summary of {judged}"),
        "severity": "info",
        "location": {"path": "scanner", "lines": {"begin": 1}},
    })
}

fn issue(finding: &Finding, seen: &mut HashSet<String>) -> Value {
    let location = Location::of(finding);
    let subject = text::subject_with_kind(&finding.subject);
    let mut fingerprint = finding.fingerprint.to_string();
    for twin in 2.. {
        if seen.insert(fingerprint.clone()) {
            break;
        }
        fingerprint = format!("{}-{twin}", finding.fingerprint);
    }
    json!({
        "description": format!("{} ({subject})", text::marked_message(finding)),
        "check_name": escape::line(&finding.rule),
        "fingerprint": fingerprint,
        "severity": severity(finding),
        "location": {"path": location.path(), "lines": {"begin": location.line}},
    })
}

/// What is waived, known or unknown is seen and asks for nothing.
fn severity(finding: &Finding) -> &'static str {
    if !finding.counts() {
        return "info";
    }
    match finding.severity {
        Severity::Critical => "blocker",
        Severity::High => "critical",
        Severity::Medium => "major",
        Severity::Low => "minor",
        Severity::Info => "info",
    }
}
