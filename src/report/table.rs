//! The form for people: what failed by severity, with its evidence and its
//! mending; then what could not be judged; then the count of every verdict.
//!
//! Everything that came from the host is made harmless first ([`escape`]).
//! Long lists are folded, never dropped: the fold says how many there are.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use super::wrap::wrap;
use super::{Report, View, escape, gate_table};
use crate::fact::Source;
use crate::finding::{Evidence, Finding, Severity, Subject, Verdict};

/// Findings of one rule, pieces of evidence and unknowns that are shown
/// before the rest is folded.
const SHOWN: usize = 8;

/// Characters of a value that are shown.
const SHOWN_VALUE: usize = 160;

pub(super) fn render(report: &Report, view: View, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { report, view, out };
    for severity in Severity::ALL {
        page.severity(severity)?;
    }
    page.waived()?;
    page.unknown()?;
    if view.verbose {
        page.listed(Verdict::Pass)?;
        page.listed(Verdict::NotApplicable)?;
    }
    if let Some(gate) = &report.gate {
        gate_table::write(gate, view.color, &|reason| subject(&reason.subject), page.out)?;
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
    fn severity(&mut self, severity: Severity) -> io::Result<()> {
        let mut rules: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in self.report.with_verdict(Verdict::Fail).filter(|finding| finding.severity == severity) {
            rules.entry(&finding.rule).or_default().push(finding);
        }
        if rules.is_empty() {
            return Ok(());
        }
        let style = self.severity_style(severity);
        writeln!(self.out, "{style}{}{style:#}\n", severity.name().to_uppercase())?;
        for findings in rules.values() {
            self.rule(findings, style)?;
        }
        Ok(())
    }

    /// The failures of one rule: each with its evidence, then what they share.
    fn rule(&mut self, findings: &[&Finding], style: Style) -> io::Result<()> {
        let shown = if self.view.verbose { findings.len() } else { SHOWN };
        let folded = findings.get(shown..).unwrap_or_default();
        let mut findings = findings.iter().take(shown).peekable();
        while let Some(finding) = findings.next() {
            self.headline("FAIL", style, finding)?;
            self.message(&finding.message)?;
            self.evidence(&finding.evidence)?;
            // Several subjects of a rule mostly share one way to mend it.
            let is_last = findings.peek().is_none_or(|next| next.fix != finding.fix);
            if let Some(fix) = finding.fix.as_deref().filter(|_| is_last) {
                if findings.peek().is_none() {
                    self.why(&finding.rule)?;
                }
                self.paragraph("fix", fix)?;
            } else if findings.peek().is_none() {
                self.why(&finding.rule)?;
            }
        }
        if !folded.is_empty() {
            let names: Vec<_> = folded.iter().map(|finding| subject(&finding.subject)).collect();
            writeln!(self.out, "  … and {} more: {}", folded.len(), names.join(", "))?;
        }
        writeln!(self.out)
    }

    fn why(&mut self, rule: &str) -> io::Result<()> {
        let report = self.report;
        report.why.get(rule).map_or(Ok(()), |why| self.paragraph("why", why))
    }

    fn headline(&mut self, verdict: &str, style: Style, finding: &Finding) -> io::Result<()> {
        let bold = self.style(Style::new().bold());
        let rule = escape::line(&finding.rule);
        writeln!(self.out, "{style}{verdict}{style:#}  {bold}{rule}{bold:#}  {}", subject(&finding.subject))
    }

    /// One line for each piece: fact, value and where it was read.
    fn evidence(&mut self, evidence: &[Evidence]) -> io::Result<()> {
        let shown = if self.view.verbose { evidence.len() } else { SHOWN };
        let stated: Vec<String> = evidence.iter().take(shown).map(stated).collect();
        let widest = stated.iter().map(|text| text.width()).filter(|width| *width <= 48).max().unwrap_or(0);
        let dim = self.style(Style::new().dimmed());
        for (piece, stated) in evidence.iter().zip(&stated) {
            let gap = " ".repeat(widest.saturating_sub(stated.width()));
            match &piece.source {
                Some(source) => writeln!(self.out, "  {stated}{gap}  {dim}{}{dim:#}", source_text(source))?,
                None => writeln!(self.out, "  {stated}")?,
            }
        }
        if evidence.len() > shown {
            writeln!(self.out, "  … and {} more (-v shows all)", evidence.len() - shown)?;
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

    /// The failures that a waiver covers, each with its reason and last day.
    fn waived(&mut self) -> io::Result<()> {
        let style = self.style(AnsiColor::Cyan.on_default());
        let report = self.report;
        for finding in report.with_verdict(Verdict::Waived) {
            self.headline("WAIVED", style, finding)?;
            self.message(&finding.message)?;
            if let Some(waiver) = &finding.waiver {
                let owner = waiver.owner.as_ref().map(|owner| format!(" ({owner})")).unwrap_or_default();
                let text = format!("until {}: {}{owner}", waiver.expires, waiver.reason);
                self.paragraph("waiver", &text)?;
            }
            writeln!(self.out)?;
        }
        Ok(())
    }

    /// What could not be judged, by reason: one missing permission often
    /// stands behind many rules.
    fn unknown(&mut self) -> io::Result<()> {
        let report = self.report;
        let mut reasons: Vec<(&str, Vec<&Finding>)> = Vec::new();
        for finding in report.with_verdict(Verdict::Unknown) {
            match reasons.iter_mut().find(|(reason, _)| *reason == finding.message) {
                Some((_, findings)) => findings.push(finding),
                None => reasons.push((&finding.message, vec![finding])),
            }
        }
        if reasons.is_empty() {
            return Ok(());
        }
        let style = self.style(AnsiColor::Yellow.on_default().bold());
        writeln!(self.out, "{style}UNKNOWN{style:#}  {} could not be judged\n", report.summary.unknown)?;
        let shown = if self.view.verbose { reasons.len() } else { SHOWN };
        for (reason, findings) in reasons.iter().take(shown) {
            self.message(reason)?;
            let rules = names(report, findings);
            let room = self.view.width.map(|width| width.saturating_sub(6));
            for line in wrap(&rules, room) {
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

    /// Every finding of one verdict, a line each.
    fn listed(&mut self, verdict: Verdict) -> io::Result<()> {
        let report = self.report;
        let style = self.style(if verdict == Verdict::Pass { AnsiColor::Green.on_default() } else { Style::new() });
        let word = if verdict == Verdict::Pass { "PASS" } else { "N/A " };
        let mut is_any = false;
        for finding in report.with_verdict(verdict) {
            let reason = escape::line(finding.message.trim_end());
            let rule = escape::line(&finding.rule);
            let line = format!("{style}{word}{style:#}  {rule}  {}  {reason}", subject(&finding.subject));
            writeln!(self.out, "{}", line.trim_end())?;
            is_any = true;
        }
        if is_any { writeln!(self.out) } else { Ok(()) }
    }

    /// The count of every verdict.
    fn summary(&mut self) -> io::Result<()> {
        let report = self.report;
        let summary = &report.summary;
        let severities: Vec<String> = Severity::ALL
            .into_iter()
            .map(|severity| (summary.fail_by_severity.get(severity), severity))
            .filter(|(count, _)| *count > 0)
            .map(|(count, severity)| format!("{count} {}", severity.name()))
            .collect();
        let severities = if severities.is_empty() { String::new() } else { format!(" ({})", severities.join(", ")) };
        let judged = match report.targets.as_slice() {
            [target] => subject_with_kind(target),
            [] => "manifests".to_owned(),
            targets => format!("{} hosts", targets.len()),
        };
        let bold = self.style(Style::new().bold());
        writeln!(
            self.out,
            "{bold}{judged}{bold:#}: {} pass, {} fail{severities}, {} unknown, {} not-applicable, {} waived",
            summary.pass, summary.fail, summary.unknown, summary.not_applicable, summary.waived
        )?;
        if !report.complete {
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

/// The rules of findings, with the subjects where there are several.
fn names(report: &Report, findings: &[&Finding]) -> String {
    let name = |finding: &&Finding| match report.targets.as_slice() {
        [target] if *target == finding.subject => escape::line(&finding.rule).into_owned(),
        _ => format!("{} ({})", escape::line(&finding.rule), subject(&finding.subject)),
    };
    findings.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// A fact and its value: `kubelet.cgroup_driver = cgroupfs`.
fn stated(evidence: &Evidence) -> String {
    let fact = escape::line(&evidence.fact);
    let value = match (&evidence.value, &evidence.unreadable) {
        (_, Some(reason)) => return format!("{fact} is unreadable: {}", escape::line(reason)),
        (serde_json::Value::Null, None) => return format!("{fact} is absent"),
        (serde_json::Value::String(text), None) if text.is_empty() => "\"\"".to_owned(),
        (serde_json::Value::String(text), None) => text.clone(),
        (other, None) => other.to_string(),
    };
    let value = match value.char_indices().nth(SHOWN_VALUE) {
        Some((at, _)) => format!("{}…", value.get(..at).unwrap_or_default()),
        None => value,
    };
    format!("{fact} = {}", escape::line(&value))
}

/// Where something was read, in the words of an operator.
pub(crate) fn source_text(source: &Source) -> String {
    let text = match source {
        Source::File { path, line: Some(line) } => format!("{path}:{line}"),
        Source::File { path, line: None } => path.clone(),
        Source::Cri { cri } => format!("CRI {cri}"),
        Source::Object { object, path } => {
            let namespace = object.namespace.as_ref().map(|name| format!("{name}/")).unwrap_or_default();
            format!("{} {namespace}{} {path}", object.kind, object.name)
        }
        Source::Default { default } => format!("default, {default}"),
    };
    escape::line(&text).into_owned()
}

/// A subject by its name, with its namespace if it has one.
fn subject(subject: &Subject) -> String {
    let text = match &subject.namespace {
        Some(namespace) => format!("{} {namespace}/{}", subject.kind, subject.name),
        None if matches!(subject.kind.as_str(), "host" | "cluster") => subject.name.clone(),
        None => format!("{} {}", subject.kind, subject.name),
    };
    escape::line(&text).into_owned()
}

fn subject_with_kind(target: &Subject) -> String {
    escape::line(&format!("{} {}", target.kind, target.name)).into_owned()
}
