//! Workflow commands of GitHub Actions: what fails becomes annotations of the
//! run, and the last line counts every verdict.
//!
//! A step shows ten annotations of each level and drops the others without a
//! word (docs.github.com, "Workflow commands for GitHub Actions"), so the
//! tenth says how many there are. Every text is part of a command of ours and
//! escaped as `actions/toolkit` does, so that no host can give the runner a
//! command.

use std::io::{self, Write};

use super::location::Location;
use super::{Report, escape, text};
use crate::finding::{Finding, Severity, Verdict};

/// Annotations of one level; the tenth names the others.
const SHOWN: usize = 9;

const LEVELS: [&str; 3] = ["error", "warning", "notice"];

pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for level in LEVELS {
        let mut findings: Vec<&Finding> =
            report.findings.iter().filter(|finding| level_of(finding) == Some(level)).collect();
        // The worst first: the others may not be seen.
        findings.sort_by_key(|finding| std::cmp::Reverse((finding.counts(), finding.severity)));
        // A tenth is shown itself where there is no eleventh.
        let shown = if findings.len() == SHOWN + 1 { SHOWN + 1 } else { SHOWN };
        for finding in findings.iter().take(shown) {
            annotate(level, finding, out)?;
        }
        if let Some(left) = findings.len().checked_sub(shown).filter(|left| *left > 0) {
            let title = property("scanner");
            writeln!(out, "::{level} title={title}::{left} more; the whole report lists them")?;
        }
    }
    // The runner's older commands begin with ##[ and stand anywhere in a line.
    writeln!(out, "scanner: {}", text::in_one_line(report).replace("##[", "## ["))
}

fn level_of(finding: &Finding) -> Option<&'static str> {
    match finding.verdict {
        Verdict::Fail if !finding.counts() => Some("notice"),
        Verdict::Fail => Some(match finding.severity {
            Severity::Critical | Severity::High => "error",
            Severity::Medium => "warning",
            Severity::Low | Severity::Info => "notice",
        }),
        Verdict::Unknown => Some("warning"),
        Verdict::Waived => Some("notice"),
        Verdict::Pass | Verdict::NotApplicable => None,
    }
}

fn annotate(level: &str, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let location = Location::of(finding);
    let subject = text::subject(&finding.subject);
    let title = property(&format!("{} {} ({subject})", finding.severity.name(), escape::line(&finding.rule)));
    let place = if location.is_in_repository {
        format!("file={},line={},", property(&location.path()), location.line)
    } else {
        String::new()
    };
    let mut lines = vec![text::marked_message(finding)];
    lines.extend(finding.evidence.iter().take(SHOWN).map(|piece| text::proof(piece, 160)));
    lines.extend(finding.fix.iter().map(|fix| format!("fix: {}", escape::lines(fix.trim()))));
    writeln!(out, "::{level} {place}title={title}::{}", data(&lines.join("\n")))
}

/// Text after the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_as_the_runner_reads_it() {
        assert_eq!(data("100%\n::error::x"), "100%25%0A::error::x");
        assert_eq!(property("a:b,c\r"), "a%3Ab%2Cc%0D");
    }
}
