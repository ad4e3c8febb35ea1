//! The form for people: what failed by severity, with its evidence and its
//! mending; then what could not be judged; then the count of every verdict.
//!
//! Everything that came from the host is made harmless first ([`escape`]).
//! Long lists are folded, never dropped: the fold says how many there are.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use super::group::{self, Group};
use super::wrap::wrap;
use super::{Report, View, escape, gate_table, text};
use crate::finding::{BaselineMark, Finding, Severity, Verdict};

/// Findings of one rule, subjects, pieces of evidence and unknowns that are
/// shown before the rest is folded.
const SHOWN: usize = 8;

/// How commands to a CI system begin.
const COMMANDS: [&str; 3] = ["##[", "##vso[", "##teamcity["];

/// Characters of a value that are shown.
const SHOWN_VALUE: usize = 160;

pub(super) fn render(report: &Report, view: View, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Vec::new();
    write(report, view, &mut page)?;
    for line in String::from_utf8_lossy(&page).split_inclusive('\n') {
        out.write_all(without_commands(line).as_bytes())?;
    }
    Ok(())
}

/// A line that gives no command to the CI system whose log it may stand in:
/// GitHub takes lines that begin with `::`, and it, Azure and TeamCity what
/// follows `##`.
fn without_commands(line: &str) -> Cow<'_, str> {
    let text = line.trim_start();
    let line = match text.strip_prefix("::") {
        Some(command) => {
            let indent = line.get(..line.len() - text.len()).unwrap_or_default();
            Cow::Owned(format!("{indent}\\u{{3a}}:{command}"))
        }
        None => Cow::Borrowed(line),
    };
    if COMMANDS.iter().any(|command| line.contains(command)) {
        Cow::Owned(line.replace("##", "#\\u{23}"))
    } else {
        line
    }
}

fn write(report: &Report, view: View, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { report, view, out };
    for (severity, groups) in group::by_rule(report, Verdict::Fail).iter().rev() {
        page.severity(*severity, groups)?;
    }
    for groups in group::by_rule(report, Verdict::Waived).values().rev() {
        page.waived(groups)?;
    }
    page.unknown()?;
    if view.verbose {
        page.listed(Verdict::Pass)?;
        page.listed(Verdict::NotApplicable)?;
    }
    if let Some(gate) = &report.gate {
        gate_table::write(gate, view.color, &|reason| text::subject(&reason.subject), page.out)?;
    }
    page.summary()
}

struct Page<'a> {
    report: &'a Report,
    view: View,
    out: &'a mut dyn Write,
}

impl Page<'_> {
    /// The failures of one severity, under its name.
    fn severity(&mut self, severity: Severity, groups: &[Group]) -> io::Result<()> {
        let style = self.severity_style(severity);
        writeln!(self.out, "{style}{}{style:#}\n", severity.name().to_uppercase())?;
        groups.iter().try_for_each(|group| self.rule(group, style))
    }

    /// The failures of one rule: each with its evidence, then what they share.
    fn rule(&mut self, group: &Group, style: Style) -> io::Result<()> {
        self.headline("FAIL", style, group)?;
        let alike = group.alike();
        let shown = self.shown(alike.len());
        for (number, findings) in alike.iter().take(shown).enumerate() {
            let Some(first) = findings.first() else { continue };
            let is_known = first.baseline == Some(BaselineMark::Known);
            self.message(&format!(
                "{}{}",
                escape::line(first.message.trim()),
                if is_known { "  [known]" } else { "" }
            ))?;
            if group.findings.len() > 1 {
                self.names(findings)?;
            }
            self.evidence(findings)?;
            // Several subjects of a rule mostly share one way to mend it.
            let next = alike.get(number + 1).filter(|_| number + 1 < shown).and_then(|next| next.first());
            if next.is_none() {
                self.why(group.rule)?;
            }
            if let Some(fix) = first.fix.as_deref().filter(|_| next.is_none_or(|next| next.fix != first.fix)) {
                self.paragraph("fix", fix)?;
            }
        }
        let folded: Vec<&Finding> = alike.iter().skip(shown).flatten().copied().collect();
        if !folded.is_empty() {
            let names = group::names(&folded, SHOWN);
            let line = format!("… and {} more: {names} (-v shows all)", folded.len());
            self.paragraph("", &line)?;
        }
        writeln!(self.out)
    }

    fn shown(&self, count: usize) -> usize {
        if self.view.verbose { count } else { count.min(SHOWN) }
    }

    fn why(&mut self, rule: &str) -> io::Result<()> {
        let report = self.report;
        report.why.get(rule).map_or(Ok(()), |why| self.paragraph("why", why))
    }

    fn headline(&mut self, verdict: &str, style: Style, group: &Group) -> io::Result<()> {
        let bold = self.style(Style::new().bold());
        let rule = escape::line(group.rule);
        writeln!(self.out, "{style}{verdict}{style:#}  {bold}{rule}{bold:#}  {}", group.subjects())
    }

    /// The subjects that have the fault.
    fn names(&mut self, findings: &[&Finding]) -> io::Result<()> {
        let names = group::names(findings, self.shown(findings.len()));
        let room = self.view.width.map(|width| width.saturating_sub(4));
        for line in wrap(&names, room) {
            writeln!(self.out, "    {line}")?;
        }
        Ok(())
    }

    /// One line for each piece: fact, value and where it was read. Of several
    /// subjects the first one stands for all.
    fn evidence(&mut self, findings: &[&Finding]) -> io::Result<()> {
        let Some((first, others)) = findings.split_first() else { return Ok(()) };
        let shown = self.shown(first.evidence.len());
        let stated: Vec<String> =
            first.evidence.iter().take(shown).map(|piece| text::stated(piece, SHOWN_VALUE)).collect();
        let widest = text::widest(&stated, 48);
        let dim = self.style(Style::new().dimmed());
        for (number, (piece, stated)) in first.evidence.iter().zip(&stated).enumerate() {
            let gap = " ".repeat(widest.saturating_sub(stated.width()));
            let is_shared =
                others.iter().all(|other| other.evidence.get(number).is_some_and(|other| other.source == piece.source));
            let others = if is_shared { "" } else { ", …" };
            match &piece.source {
                Some(source) => writeln!(self.out, "  {stated}{gap}  {dim}{}{others}{dim:#}", text::source(source))?,
                None => writeln!(self.out, "  {stated}")?,
            }
        }
        if first.evidence.len() > shown {
            writeln!(self.out, "  … and {} more (-v shows all)", first.evidence.len() - shown)?;
        }
        Ok(())
    }

    /// A message is one line, whatever the host put into it.
    fn message(&mut self, text: &str) -> io::Result<()> {
        self.paragraph("", &escape::line(text.trim_end()))
    }

    /// Text under a label, wrapped, its further lines beneath the first.
    fn paragraph(&mut self, label: &str, text: &str) -> io::Result<()> {
        let indent = if label.is_empty() { 2 } else { 4 + label.len() };
        let room = self.view.width.map(|width| width.saturating_sub(indent));
        let dim = self.style(Style::new().dimmed());
        for (number, line) in wrap(&escape::lines(text), room).iter().enumerate() {
            match (number, label) {
                (0, "") => writeln!(self.out, "  {line}")?,
                (0, label) => writeln!(self.out, "  {dim}{label}{dim:#}  {line}")?,
                _ if line.is_empty() => writeln!(self.out)?,
                _ => writeln!(self.out, "{:indent$}{line}", "")?,
            }
        }
        Ok(())
    }

    /// The failures that waivers cover, each with its reason and last day.
    fn waived(&mut self, groups: &[Group]) -> io::Result<()> {
        let style = self.style(AnsiColor::Cyan.on_default());
        for group in groups {
            self.headline("WAIVED", style, group)?;
            let alike = group.alike();
            let shown = self.shown(alike.len());
            for findings in alike.iter().take(shown) {
                let Some(first) = findings.first() else { continue };
                self.message(&first.message)?;
                if group.findings.len() > 1 {
                    self.names(findings)?;
                }
                if let Some(waiver) = &first.waiver {
                    let owner = waiver.owner.as_ref().map(|owner| format!(" ({owner})")).unwrap_or_default();
                    self.paragraph("waiver", &format!("until {}: {}{owner}", waiver.expires, waiver.reason))?;
                }
            }
            let folded: usize = alike.iter().skip(shown).map(Vec::len).sum();
            if folded > 0 {
                writeln!(self.out, "  … and {folded} more (-v shows all)")?;
            }
            writeln!(self.out)?;
        }
        Ok(())
    }

    /// What could not be judged, by reason: one missing permission often
    /// stands behind many rules.
    fn unknown(&mut self) -> io::Result<()> {
        let report = self.report;
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut reasons: Vec<(&str, Vec<&Finding>)> = Vec::new();
        for finding in report.with_verdict(Verdict::Unknown) {
            let at = *places.entry(without_indexes(&finding.message)).or_insert_with(|| {
                reasons.push((&finding.message, Vec::new()));
                reasons.len() - 1
            });
            if let Some((_, findings)) = reasons.get_mut(at) {
                findings.push(finding);
            }
        }
        if reasons.is_empty() {
            return Ok(());
        }
        let style = self.style(AnsiColor::Yellow.on_default().bold());
        writeln!(self.out, "{style}UNKNOWN{style:#}  {} could not be judged\n", report.summary.unknown)?;
        let shown = self.shown(reasons.len());
        for (reason, findings) in reasons.iter().take(shown) {
            let is_one = findings.iter().all(|finding| finding.message == *reason);
            self.message(&if is_one { (*reason).to_owned() } else { without_indexes(reason) })?;
            let room = self.view.width.map(|width| width.saturating_sub(6));
            for line in wrap(&self.rules(findings), room) {
                writeln!(self.out, "      {line}")?;
            }
        }
        if reasons.len() > shown {
            let left: usize = reasons.iter().skip(shown).map(|(_, findings)| findings.len()).sum();
            let reasons = reasons.len() - shown;
            writeln!(self.out, "  … and {left} more for {reasons} other reasons (-v shows all)")?;
        }
        writeln!(self.out)
    }

    /// The rules of findings, with their subjects where there are several.
    fn rules(&self, findings: &[&Finding]) -> String {
        let of_rule = findings.chunk_by(|this, next| this.rule == next.rule).map(|findings| {
            let rule = findings.first().map(|first| escape::line(&first.rule)).unwrap_or_default();
            match (self.report.targets.as_slice(), findings) {
                ([target], [only]) if *target == *only.subject => rule.into_owned(),
                (_, few) if few.len() <= 3 || self.view.verbose => {
                    format!("{rule} ({})", group::names(few, few.len()))
                }
                (_, many) => format!("{rule} ({} {})", many.len(), group::kinds(many)),
            }
        });
        of_rule.collect::<Vec<_>>().join(", ")
    }

    /// Every finding of one verdict, a line each.
    fn listed(&mut self, verdict: Verdict) -> io::Result<()> {
        let report = self.report;
        let style = self.style(if verdict == Verdict::Pass { AnsiColor::Green.on_default() } else { Style::new() });
        let word = if verdict == Verdict::Pass { "PASS" } else { "N/A " };
        let mut is_any = false;
        for finding in report.with_verdict(verdict) {
            let reason = escape::line(finding.message.trim_end());
            let rule = escape::line(&finding.rule);
            let line = format!("{style}{word}{style:#}  {rule}  {}  {reason}", text::subject(&finding.subject));
            writeln!(self.out, "{}", line.trim_end())?;
            is_any = true;
        }
        if is_any { writeln!(self.out) } else { Ok(()) }
    }

    /// The count of every verdict.
    fn summary(&mut self) -> io::Result<()> {
        let bold = self.style(Style::new().bold());
        writeln!(self.out, "{bold}{}{bold:#}: {}", text::judged(self.report), text::counts(self.report))?;
        if let Some(baseline) = text::baseline(self.report) {
            writeln!(self.out, "{baseline}")?;
        }
        if !self.report.complete {
            writeln!(self.out, "This report is incomplete: the run was interrupted.")?;
        }
        Ok(())
    }

    fn severity_style(&self, severity: Severity) -> Style {
        self.style(match severity {
            Severity::Critical => AnsiColor::Red.on_default().bold().invert(),
            Severity::High => AnsiColor::Red.on_default().bold(),
            Severity::Medium => AnsiColor::Yellow.on_default().bold(),
            Severity::Low => AnsiColor::Blue.on_default().bold(),
            Severity::Info => Style::new().bold(),
        })
    }

    fn style(&self, style: Style) -> Style {
        if self.view.color { style } else { Style::new() }
    }
}

/// A reason without the places in lists, so that one that all elements of a
/// list have is told once: `nodes[…].capacity.cpu: it is not set`.
fn without_indexes(reason: &str) -> String {
    let mut parts = reason.split('[');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push('[');
        match part.split_once(']') {
            Some((index, rest)) if !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.extend(["…]", rest]);
            }
            _ => text.push_str(part),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_of_many_elements_is_one() {
        let reason = |at: u32| format!("nodes[{at}].capacity.cpu, nodes[{at}].taints[x]: it is not set");
        assert_eq!(without_indexes(&reason(7)), "nodes[…].capacity.cpu, nodes[…].taints[x]: it is not set");
        assert_eq!(without_indexes(&reason(7)), without_indexes(&reason(301)));
        assert_eq!(without_indexes("a[] b[1 c[2]"), "a[] b[1 c[…]");
    }
}
