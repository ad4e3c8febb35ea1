//! CSV (RFC 4180): a header and a row for each finding.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a
//! formula, and what a host says is not to be calculated: such a cell begins
//! with an apostrophe (OWASP, "CSV injection"), and every cell is in quotation
//! marks, so that no other separator divides it.

use std::io::{self, Write};

use super::{Report, escape, text};
use crate::finding::{BaselineMark, Finding};

const HEADER: [&str; 18] = [
    "rule",
    "title",
    "severity",
    "verdict",
    "baseline",
    "kind",
    "api_version",
    "namespace",
    "name",
    "message",
    "evidence",
    "fix",
    "references",
    "waiver_reason",
    "waiver_expires",
    "waiver_owner",
    "fingerprint",
    "started_at",
];

pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = ::csv::WriterBuilder::new()
        .quote_style(::csv::QuoteStyle::Always)
        .terminator(::csv::Terminator::CRLF)
        .from_writer(out);
    writer.write_record(HEADER)?;
    for finding in &report.findings {
        writer.write_record(row(finding, report))?;
    }
    writer.flush()
}

fn row(finding: &Finding, report: &Report) -> [String; HEADER.len()] {
    let line = |text: &str| harmless(&escape::line(text));
    let optional = |text: Option<&str>| text.map(line).unwrap_or_default();
    let lines = |text: &str| harmless(&escape::lines(text.trim_end()));
    let evidence: Vec<String> = finding.evidence.iter().map(|piece| text::proof(piece, usize::MAX)).collect();
    let references: Vec<String> = finding.references.iter().map(|url| escape::line(url).into_owned()).collect();
    let waiver = finding.waiver.as_ref();
    [
        line(&finding.rule),
        line(&finding.title),
        line(finding.severity.name()),
        line(finding.verdict.name()),
        optional(finding.baseline.map(BaselineMark::name)),
        line(&finding.subject.kind),
        optional(finding.subject.api_version.as_deref()),
        optional(finding.subject.namespace.as_deref()),
        line(&finding.subject.name),
        line(&finding.message),
        lines(&evidence.join("\n")),
        lines(finding.fix.as_deref().unwrap_or_default()),
        lines(&references.join("\n")),
        optional(waiver.map(|waiver| waiver.reason.as_str())),
        optional(waiver.map(|waiver| waiver.expires.as_str())),
        optional(waiver.and_then(|waiver| waiver.owner.as_deref())),
        line(&finding.fingerprint.to_string()),
        line(&report.started_at),
    ]
}

/// A cell that shows nothing but itself.
fn harmless(cell: &str) -> String {
    // Spreadsheets pass over leading space, and take the full-width forms too.
    let first = cell.trim_start().chars().next();
    if first.is_some_and(|first| matches!(first, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠')) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_text() {
        assert_eq!(harmless("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(harmless(" \n-1"), "' \n-1");
        assert_eq!(harmless("＝1"), "'＝1");
        assert_eq!(harmless("a = b"), "a = b");
    }
}
