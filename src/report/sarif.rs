//! SARIF 2.1.0 (OASIS Standard), as GitHub's code scanning reads it.
//!
//! * Each failure is a result; a waived one is a result with a suppression;
//!   with a baseline each carries its `baselineState`.
//! * What could not be judged is a notification of the invocation: as a result
//!   it would be shown as a fault that somebody has to mend.
//! * What passes and what does not apply is counted in the run's properties.
//! * GitHub needs a location for each result, knows a result again by
//!   `primaryLocationLineHash`, and tells uploads apart by `automationDetails`
//!   (docs.github.com, "SARIF support for code scanning"). It shows a severity
//!   word only for rules with the tag `security`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::json::write_pretty;
use super::location::Location;
use super::{Report, escape, text};
use crate::finding::{BaselineMark, Finding, Severity, Verdict};

/// The most characters of a description that GitHub takes.
const MAX_DESCRIPTION: usize = 1024;

/// Characters of a value that are written.
const SHOWN_VALUE: usize = 400;

pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let rules = rules(report);
    let numbers: BTreeMap<&str, usize> =
        rules.iter().enumerate().map(|(number, (name, _))| (name.as_str(), number)).collect();
    let is_result = |finding: &&Finding| matches!(finding.verdict, Verdict::Fail | Verdict::Waived);
    let results: Vec<Value> =
        report.findings.iter().filter(is_result).map(|finding| result(finding, &numbers)).collect();
    let unknown: Vec<Value> =
        report.with_verdict(Verdict::Unknown).map(|finding| notification(finding, &numbers)).collect();
    let mut invocation = json!({"executionSuccessful": report.complete, "toolExecutionNotifications": unknown});
    if let (Ok(started_at), Some(members)) = (report.started_at.parse::<Timestamp>(), invocation.as_object_mut()) {
        members.insert("startTimeUtc".to_owned(), json!(started_at.to_string()));
    }
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "scanner",
                "version": escape::line(&report.scanner.version),
                "rules": rules.iter().map(|(name, worst)| rule(report, name, worst)).collect::<Vec<_>>(),
            }},
            "automationDetails": {"id": category(report)},
            "invocations": [invocation],
            "results": results,
            "properties": {
                "judged": text::judged(report),
                "summary": report.summary,
                "gate": report.gate,
                "baseline": report.baseline,
                "complete": report.complete,
                "rulesDigest": report.scanner.rules_digest,
            },
        }],
    });
    write_pretty(&document, out)
}

/// The rules that results and notifications name, each with its worst finding.
fn rules(report: &Report) -> Vec<(String, &Finding)> {
    let mut rules: BTreeMap<&str, &Finding> = BTreeMap::new();
    for finding in &report.findings {
        if matches!(finding.verdict, Verdict::Fail | Verdict::Waived | Verdict::Unknown) {
            let worst = rules.entry(&finding.rule).or_insert(finding);
            let (this, that) = (finding.severity, worst.severity);
            // A failure tells how to mend it; an unknown may not.
            if (finding.verdict != Verdict::Unknown, this) > (worst.verdict != Verdict::Unknown, that) {
                *worst = finding;
            }
        }
    }
    rules.into_iter().map(|(name, worst)| (name.to_owned(), worst)).collect()
}

fn rule(report: &Report, name: &str, worst: &Finding) -> Value {
    let title = short(&text_or(&worst.title, name));
    let why = report.why.get(name).map_or(worst.title.as_str(), String::as_str);
    let fix = worst.fix.as_deref().unwrap_or_default();
    let more: Vec<String> =
        worst.references.iter().map(|url| escape::line(url).into_owned()).filter(|url| !url.is_empty()).collect();
    let name = escape::line(name);
    let help = [why.trim(), fix.trim(), &more.join("\n"), &format!("scanner explain {name}")]
        .map(|part| escape::lines(part).into_owned())
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("\n\n");
    let mut rule = json!({
        "id": name,
        "name": name,
        "shortDescription": {"text": title},
        "fullDescription": {"text": short(&text_or(why, &title))},
        "help": {"text": help},
        "defaultConfiguration": {"level": level(worst.severity)},
        "properties": {
            "tags": ["security", text::area(&name)],
            "precision": "very-high",
            "problem.severity": problem(worst.severity),
            "security-severity": score(worst.severity),
        },
    });
    let url = more.iter().find(|url| text::is_address(url));
    if let (Some(url), Some(members)) = (url, rule.as_object_mut()) {
        members.insert("helpUri".to_owned(), json!(url));
    }
    rule
}

fn result(finding: &Finding, numbers: &BTreeMap<&str, usize>) -> Value {
    let location = Location::of(finding);
    let subject = text::subject_with_kind(&finding.subject);
    let mut words = vec![format!("{} ({subject})", text::message(finding))];
    words.extend(finding.evidence.iter().map(|piece| text::proof(piece, SHOWN_VALUE)));
    if let Some(fix) = &finding.fix {
        words.push(format!("Fix: {}", escape::lines(fix.trim())));
    }
    let mut result = json!({
        "ruleId": escape::line(&finding.rule),
        "ruleIndex": numbers.get(finding.rule.as_str()),
        "kind": "fail",
        "level": level(finding.severity),
        "message": {"text": words.join("\n")},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": location.uri()},
                "region": {"startLine": location.line, "startColumn": 1, "endLine": location.line, "endColumn": 1},
            },
            "logicalLocations": [{"fullyQualifiedName": subject, "kind": "resource"}],
        }],
        "partialFingerprints": {
            "primaryLocationLineHash": format!("{}:1", finding.fingerprint.to_string().chars().take(16).collect::<String>()),
            "scanner/v1": finding.fingerprint,
        },
        "properties": {"severity": finding.severity},
    });
    let Some(members) = result.as_object_mut() else { return result };
    if finding.verdict == Verdict::Waived {
        let justification = text::waiver(finding);
        members.insert(
            "suppressions".to_owned(),
            json!([{"kind": "external", "status": "accepted", "justification": justification}]),
        );
    }
    if let Some(mark) = finding.baseline {
        let state = if mark == BaselineMark::Known { "unchanged" } else { "new" };
        members.insert("baselineState".to_owned(), json!(state));
    }
    result
}

/// What could not be judged.
fn notification(finding: &Finding, numbers: &BTreeMap<&str, usize>) -> Value {
    let subject = text::subject_with_kind(&finding.subject);
    let rule = escape::line(&finding.rule);
    json!({
        "level": if finding.severity >= Severity::High { "error" } else { "warning" },
        "message": {"text": format!("{rule} ({subject}) could not be judged: {}", text::message(finding))},
        "associatedRule": {"id": rule, "index": numbers.get(finding.rule.as_str())},
    })
}

/// What the uploads of one thing share and those of others do not; what
/// follows the last slash would name the single run.
fn category(report: &Report) -> String {
    let words = text::judged(report).replace('/', "_").replace(' ', "-");
    format!("scanner/{}/{words}/", escape::line(&report.command))
}

fn text_or(text: &str, other: &str) -> String {
    let text = if text.trim().is_empty() { other } else { text };
    escape::lines(text.trim()).into_owned()
}

fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_DESCRIPTION) {
        Some(_) => text.chars().take(MAX_DESCRIPTION - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

const fn problem(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "recommendation",
    }
}

/// A number within GitHub's range for the severity of that name.
const fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.1",
    }
}
