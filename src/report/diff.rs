//! What changed between two reports, for people and as `scanner.diff/v1`.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::compare::{Change, ChangeKind};
use super::{Report, escape, text, write_pretty};
use crate::finding::Finding;

/// The name of the JSON form; within `v1` members are only added.
const SCHEMA: &str = "scanner.diff/v1";

/// The sections in their order.
const SECTIONS: [(ChangeKind, &str); 4] = [
    (ChangeKind::New, "NEW"),
    (ChangeKind::Fixed, "FIXED"),
    (ChangeKind::Changed, "CHANGED"),
    (ChangeKind::NotJudged, "NOT JUDGED AGAIN"),
];

/// Writes the changes for people: a line for each, by what it is.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_table(old: &Report, new: &Report, changes: &[Change], out: &mut dyn Write) -> io::Result<()> {
    for (kind, title) in SECTIONS {
        let of_kind: Vec<&Change> = changes.iter().filter(|change| change.kind == kind).collect();
        if of_kind.is_empty() {
            continue;
        }
        writeln!(out, "{title}\n")?;
        for change in of_kind {
            let Some(finding) = change.new.or(change.old) else { continue };
            let subject = text::subject(&finding.subject);
            writeln!(out, "  {:<9}{}  {subject}", finding.severity.name(), escape::line(&finding.rule))?;
            writeln!(out, "           {} -> {}: {}", state(change.old), state(change.new), text::message(finding))?;
        }
        writeln!(out)?;
    }
    let counts = SECTIONS.map(|(kind, title)| format!("{} {}", count(changes, kind), title.to_lowercase()));
    writeln!(
        out,
        "{} of {} against {}: {}",
        text::judged(new),
        escape::line(&new.started_at),
        escape::line(&old.started_at),
        counts.join(", ")
    )
}

/// Writes the changes as one JSON document.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_json(old: &Report, new: &Report, changes: &[Change], out: &mut dyn Write) -> io::Result<()> {
    let run = |report: &Report| {
        json!({
            "command": report.command,
            "started_at": report.started_at,
            "complete": report.complete,
            "rules_digest": report.scanner.rules_digest,
            "targets": report.targets,
            "summary": report.summary,
        })
    };
    let document = json!({
        "schema": SCHEMA,
        "old": run(old),
        "new": run(new),
        "summary": {
            "new": count(changes, ChangeKind::New),
            "fixed": count(changes, ChangeKind::Fixed),
            "changed": count(changes, ChangeKind::Changed),
            "not-judged": count(changes, ChangeKind::NotJudged),
        },
        "changes": changes.iter().map(change).collect::<Vec<_>>(),
    });
    write_pretty(&document, out)
}

fn change(change: &Change) -> Value {
    let state = |finding: Option<&Finding>| {
        finding.map(|one| json!({"verdict": one.verdict, "severity": one.severity, "message": one.message}))
    };
    let finding = change.new.or(change.old);
    json!({
        "change": change.kind,
        "rule": finding.map(|finding| &finding.rule),
        "subject": finding.map(|finding| &finding.subject),
        "fingerprint": finding.map(|finding| &finding.fingerprint),
        "old": state(change.old),
        "new": state(change.new),
    })
}

fn count(changes: &[Change], kind: ChangeKind) -> usize {
    changes.iter().filter(|change| change.kind == kind).count()
}

/// A verdict, with its severity, since that may be all that changed.
fn state(finding: Option<&Finding>) -> String {
    finding.map_or_else(|| "not listed".to_owned(), |one| format!("{} ({})", one.verdict.name(), one.severity.name()))
}
