//! Markdown, as GitHub renders it in job summaries, comments and issues.
//!
//! A table of what fails comes first, then each rule with its evidence and
//! mending, folded. GitHub takes 1 MiB of a summary and refuses a larger one
//! as a whole, so a report that would be larger ends early and says so.
//!
//! Every text is escaped, so that nothing from a host becomes markup, a link
//! or a mention (GitHub Flavored Markdown, sections 2.4 and 6.9).

use std::fmt::Write as _;
use std::io::{self, Write};

use super::group::{self, Group};
use super::{Report, escape, text};
use crate::finding::{BaselineMark, Finding, Severity, Verdict};

/// Bytes that a report has at most, with room for its last lines.
const MAX_BYTES: usize = 900_000;

/// Findings of one rule, subjects and pieces of evidence that are shown.
const SHOWN: usize = 20;

/// Characters of a value and a message that are shown.
const SHOWN_VALUE: usize = 400;

/// The sections, in their order.
const SECTIONS: [(Verdict, &str); 3] =
    [(Verdict::Fail, "Fails"), (Verdict::Unknown, "Could not be judged"), (Verdict::Waived, "Waived")];

pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { text: head(report), left_out: 0 };
    let sections = SECTIONS.map(|(verdict, title)| (title, group::by_rule(report, verdict)));
    for (title, groups) in &sections {
        let groups: Vec<(Severity, &Group)> =
            groups.iter().rev().flat_map(|(severity, groups)| groups.iter().map(|group| (*severity, group))).collect();
        if groups.is_empty() {
            continue;
        }
        let _ = write!(page.text, "\n## {title}\n\n| severity | rule | subjects | |\n|---|---|---|---|\n");
        for (severity, group) in &groups {
            page.push(group, &row(*severity, group));
        }
        for (severity, group) in &groups {
            page.push(group, &details(report, *severity, group));
        }
    }
    page.push_end();
    out.write_all(page.text.as_bytes())
}

/// The text so far, and how many findings it has no room for.
struct Page {
    text: String,
    left_out: usize,
}

impl Page {
    fn push(&mut self, group: &Group, part: &str) {
        if self.text.len() + part.len() <= MAX_BYTES {
            self.text.push_str(part);
        } else {
            self.left_out = self.left_out.max(group.findings.len());
        }
    }

    fn push_end(&mut self) {
        if self.left_out > 0 {
            self.text.push_str(
                "\n**This page is cut:** GitHub takes no larger one. The counts above are of the whole report; \
                 the JSON report has every finding.\n",
            );
        }
    }
}

fn head(report: &Report) -> String {
    let summary = &report.summary;
    let mut head = format!("# scanner {}: {}\n\n", plain(&report.command), plain(&text::judged(report)));
    if let Some(gate) = text::gate(report) {
        let _ = writeln!(head, "**{}**\n", plain(&gate));
    }
    if !report.complete {
        head.push_str("**Incomplete: the run was interrupted.**\n\n");
    }
    let _ = write!(
        head,
        "| pass | fail | unknown | not-applicable | waived |\n|---:|---:|---:|---:|---:|\n| {} | {} | {} | {} | {} |\n",
        summary.pass, summary.fail, summary.unknown, summary.not_applicable, summary.waived
    );
    if summary.fail > 0 {
        let counts = Severity::ALL.map(|severity| (summary.fail_by_severity.get(severity), severity.name()));
        let counts: Vec<String> =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
        let _ = writeln!(head, "\nFails: {}.", counts.join(", "));
    }
    if let Some(baseline) = text::baseline(report) {
        let _ = writeln!(head, "\nFailures {}.", plain(&baseline));
    }
    let _ = writeln!(
        head,
        "\n<sub>scanner {}, begun {}, rules {}</sub>",
        plain(&report.scanner.version),
        plain(&report.started_at),
        plain(&report.scanner.rules_digest.chars().take(19).collect::<String>())
    );
    head
}

fn row(severity: Severity, group: &Group) -> String {
    let message = group.findings.first().map(|first| message(first)).unwrap_or_default();
    format!("| {} | {} | {} | {message} |\n", severity.name(), code(group.rule), plain(&group.subjects()))
}

/// One rule, folded.
fn details(report: &Report, severity: Severity, group: &Group) -> String {
    let title = group.findings.first().map(|first| html(&escape::line(&first.title))).unwrap_or_default();
    let mut part = format!(
        "\n<details><summary>{} <code>{}</code> {title}, {}</summary>\n",
        severity.name(),
        html(&escape::line(group.rule)),
        html(&group.subjects())
    );
    let alike = group.alike();
    for (number, findings) in alike.iter().take(SHOWN).enumerate() {
        let Some(first) = findings.first() else { continue };
        let _ = writeln!(part, "\n{}", message(first));
        if group.findings.len() > 1 {
            let _ = writeln!(part, "\nSubjects: {}", plain(&group::names(findings, SHOWN)));
        }
        evidence(first, &mut part);
        let next = alike.get(number + 1).and_then(|next| next.first());
        if let Some(fix) = first.fix.as_deref().filter(|_| next.is_none_or(|next| next.fix != first.fix)) {
            let _ = write!(part, "\n**Fix.** {}", prose(fix));
        }
    }
    let folded: usize = alike.iter().skip(SHOWN).map(Vec::len).sum();
    if folded > 0 {
        let _ = writeln!(part, "\n… and {folded} more of this rule.");
    }
    if let Some(why) = report.why.get(group.rule) {
        let _ = write!(part, "\n**Why.** {}", prose(why));
    }
    let references = group.findings.first().map(|first| first.references.as_slice()).unwrap_or_default();
    for reference in references {
        let _ = write!(part, "\n{}\n", link(reference));
    }
    part.push_str("\n</details>\n");
    part
}

fn evidence(finding: &Finding, part: &mut String) {
    if finding.evidence.is_empty() {
        return;
    }
    part.push_str("\n| fact | read from |\n|---|---|\n");
    for piece in finding.evidence.iter().take(SHOWN) {
        let place = piece.source.as_ref().map(|source| code(&text::source(source))).unwrap_or_default();
        let _ = writeln!(part, "| {} | {place} |", code(&text::stated(piece, SHOWN_VALUE)));
    }
    if let Some(left) = finding.evidence.len().checked_sub(SHOWN).filter(|left| *left > 0) {
        let _ = writeln!(part, "| … and {left} more | |");
    }
}

/// The message, with what a waiver or the baseline says.
fn message(finding: &Finding) -> String {
    let text: String = text::message(finding).chars().take(SHOWN_VALUE).collect();
    match finding.verdict {
        Verdict::Waived => format!("{} ({})", plain(&text), plain(&text::waiver(finding))),
        _ if finding.baseline == Some(BaselineMark::Known) => format!("{} (known by the baseline)", plain(&text)),
        _ => plain(&text),
    }
}

/// Text on one line in which nothing is markup; also within a table.
fn plain(text: &str) -> String {
    let text = escape::line(text);
    let mut plain = String::with_capacity(text.len() + 8);
    for (at, character) in text.char_indices() {
        let (before, after) = text.split_at(at);
        // What GitHub would make a link of without being asked.
        let is_link = match character {
            ':' => after.starts_with("://"),
            '.' => before.get(at.saturating_sub(3)..).is_some_and(|last| last.eq_ignore_ascii_case("www")),
            _ => false,
        };
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '$' | '!' => plain.extend(['\\', character]),
            _ if is_link => plain.extend(['\\', character]),
            _ => push_html(character, &mut plain),
        }
    }
    plain
}

/// Text as HTML.
fn html(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 8);
    text.chars().for_each(|character| push_html(character, &mut html));
    html
}

fn push_html(character: char, out: &mut String) {
    match character {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        // An empty comment behind it: no mention, no address.
        '@' => out.push_str("@<!-- -->"),
        other => out.push(other),
    }
}

/// A code span, whose fence is longer than any within; also within a table.
fn code(text: &str) -> String {
    let text = escape::line(text);
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let gap = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{gap}{}{gap}{fence}", text.replace('|', "\\|"))
}

/// A text of several lines: those that are indented are commands.
fn prose(text: &str) -> String {
    let text = escape::lines(text.trim());
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let lines: Vec<&str> = text.lines().collect();
    let is_command = |line: &str| line.starts_with(' ');
    let mut prose = String::new();
    for lines in lines.chunk_by(|this, next| is_command(this) == is_command(next)) {
        if lines.first().is_some_and(|line| is_command(line)) {
            let _ = write!(prose, "\n{fence}text\n{}\n{fence}\n", lines.join("\n"));
        } else {
            let lines: Vec<String> = lines.iter().map(|line| plain(line)).collect();
            let _ = writeln!(prose, "{}", lines.join("\n"));
        }
    }
    prose
}

/// A link, where it is an address.
fn link(url: &str) -> String {
    // In angle brackets an address may hold anything but these (CommonMark 6.5).
    if text::is_address(url) { format!("<{url}>") } else { code(url) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_becomes_markup_a_link_or_a_mention() {
        assert_eq!(plain("a|b `c` <b> *d*"), "a\\|b \\`c\\` &lt;b&gt; \\*d\\*");
        assert_eq!(plain("see https://x.org, www.y.org"), "see https\\://x.org, www\\.y.org");
        assert_eq!(plain("@root #1 ![x](y)"), "@<!-- -->root \\#1 \\!\\[x\\](y)");
    }

    #[test]
    fn a_code_span_ends_where_its_text_does() {
        assert_eq!(code("a ``b` c"), "```a ``b` c```");
        assert_eq!(code("`|"), "`` `\\| ``");
    }
}
