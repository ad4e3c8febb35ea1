//! What error texts point to, for people: the symptoms that were seen, and
//! their possible causes, the likeliest first.

use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::wrap::wrap;
use super::{View, escape, text};
use crate::explain::{CauseKind, Confirmation, Explanation, PossibleCause, SeenSymptom};
use crate::finding::{Finding, Verdict};
use crate::rule::{Cause, Symptom};

/// Facts of a cause that are named.
const FACTS: usize = 6;

/// Findings of a cause that are shown, and evidence of each.
const FINDINGS: usize = 3;
const EVIDENCE: usize = 4;

/// Characters of a fact's value that are shown.
const VALUE: usize = 120;

/// Writes an explanation.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_explanation(explanation: &Explanation, view: View, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { view, out };
    if explanation.symptoms.is_empty() {
        writeln!(page.out, "No rule knows this text as a symptom.")?;
    } else {
        let (causes, symptoms) = (explanation.causes.len(), explanation.symptoms.len());
        writeln!(page.out, "{}, {}", counted(symptoms, "symptom"), counted(causes, "possible cause"))?;
    }
    let is_text = explanation.input.kind == "text";
    for symptom in &explanation.symptoms {
        page.symptom(symptom, is_text)?;
    }
    for (at, cause) in explanation.causes.iter().enumerate() {
        page.cause(at + 1, cause, explanation)?;
    }
    for aside in &explanation.set_aside {
        let name = escape::line(&aside.symptom);
        let times = times(aside);
        writeln!(page.out, "\nset aside: {name}, {times}: it ended by itself each time, as at a start")?;
    }
    if !explanation.complete {
        writeln!(page.out, "\nInterrupted: the rest of the input was not read.")?;
    }
    Ok(())
}

/// Writes a symptom that has a file of its own.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_symptom(symptom: &Symptom, view: View, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { view, out };
    page.heading(&symptom.name, Style::new().bold(), &[])?;
    page.paragraph("what", &symptom.title)?;
    page.paragraph("why", &symptom.why)?;
    if let Some(minutes) = symptom.fleeting_minutes {
        page.paragraph("note", &format!("harmless where it ends by itself within {minutes} minutes, as at a start"))?;
    }
    for (at, cause) in symptom.causes.iter().enumerate() {
        let label = format!("cause {}", at + 1);
        match cause {
            Cause::Rule(name) => page.paragraph(&label, &format!("{name} (scanner explain {name})"))?,
            Cause::Capture(name) => page.paragraph(&label, &format!("{name}, as scanner capture finds it"))?,
            Cause::Check(rule) => {
                page.paragraph(&label, &rule.title)?;
                for fix in &rule.fix {
                    page.paragraph("  fix", &fix.text)?;
                }
            }
            Cause::Told { title, fix } => {
                page.paragraph(&label, title)?;
                page.paragraph("  fix", fix)?;
            }
        }
    }
    page.paragraph("known by", &symptom.patterns.join("\n"))?;
    page.paragraph("references", &symptom.references.join("\n"))
}

struct Page<'o> {
    view: View,
    out: &'o mut dyn Write,
}

impl Page<'_> {
    fn style(&self, style: Style) -> Style {
        if self.view.color { style } else { Style::new() }
    }

    fn symptom(&mut self, symptom: &SeenSymptom, is_text: bool) -> io::Result<()> {
        if is_text {
            return Ok(());
        }
        self.heading(&symptom.symptom, Style::new(), &[&symptom.title])?;
        let first = format!("{}, first in line {}", times(symptom), symptom.first_line);
        writeln!(self.out, "  {first}")?;
        writeln!(self.out, "  {}", escape::line(&symptom.sample))?;
        if !symptom.subjects.is_empty() {
            let mut subjects: Vec<_> = symptom.subjects.iter().map(text::subject_with_kind).collect();
            if symptom.more_subjects > 0 {
                subjects.push(format!("and {} more", symptom.more_subjects));
            }
            self.paragraph("of", &subjects.join(", "))?;
        }
        Ok(())
    }

    fn cause(&mut self, number: usize, cause: &PossibleCause, explanation: &Explanation) -> io::Result<()> {
        let severity = cause.severity.map(|severity| format!("({})", severity.name()));
        let color = match cause.confirmation {
            Confirmation::Confirmed => Style::new().bold().fg_color(Some(AnsiColor::Red.into())),
            Confirmation::Refuted => AnsiColor::Green.on_default(),
            _ => AnsiColor::Yellow.on_default(),
        };
        let is_looked_at = !explanation.looked_at.is_empty();
        let verdict = if is_looked_at { cause.confirmation.name().to_uppercase() } else { String::new() };
        let name = match cause.kind {
            CauseKind::Rule | CauseKind::Capture => cause.name.as_str(),
            CauseKind::Check | CauseKind::Told => cause.title.as_str(),
        };
        let words = [severity.as_deref().unwrap_or_default(), &verdict];
        self.heading(&format!("{number}. {name}"), color, &words)?;
        match cause.kind {
            CauseKind::Rule => writeln!(self.out, "  {}", escape::line(&cause.title))?,
            CauseKind::Capture => writeln!(self.out, "  a finding of scanner capture")?,
            CauseKind::Check | CauseKind::Told => {}
        }
        if explanation.symptoms.len() > 1 && (cause.symptoms.len() > 1 || !cause.symptoms.contains(&cause.name)) {
            self.paragraph("explains", &cause.symptoms.join(", "))?;
        }
        self.looked(cause, is_looked_at)?;
        let asks = !is_looked_at || matches!(cause.confirmation, Confirmation::NotLooked);
        if asks && !cause.facts.is_empty() {
            let shown = if self.view.verbose { cause.facts.len() } else { FACTS };
            let mut facts = cause.facts.iter().take(shown).cloned().collect::<Vec<_>>().join(", ");
            if cause.facts.len() > shown {
                let _ = write!(facts, " and {} more", cause.facts.len() - shown);
            }
            self.paragraph("would confirm it", &facts)?;
        }
        if matches!(cause.confirmation, Confirmation::Confirmed | Confirmation::NotLooked)
            && let Some(fix) = &cause.fix
        {
            self.paragraph("fix", fix)?;
        }
        if cause.kind == CauseKind::Rule {
            writeln!(self.out, "  more: scanner explain {}", escape::line(&cause.name))?;
        }
        Ok(())
    }

    fn looked(&mut self, cause: &PossibleCause, is_looked_at: bool) -> io::Result<()> {
        if cause.confirmation == Confirmation::NotLooked {
            return match &cause.reason {
                Some(reason) if is_looked_at || cause.facts.is_empty() => self.paragraph("not looked at", reason),
                _ => Ok(()),
            };
        }
        let shown = if self.view.verbose { cause.findings.len() } else { FINDINGS };
        for finding in cause.findings.iter().take(shown) {
            self.finding(cause.confirmation, finding)?;
        }
        if cause.findings.len() > shown {
            writeln!(self.out, "  … and {} more (-v shows all)", cause.findings.len() - shown)?;
        }
        Ok(())
    }

    fn finding(&mut self, confirmation: Confirmation, finding: &Finding) -> io::Result<()> {
        let message = text::message(finding);
        let subject = text::subject(&finding.subject);
        let said = match confirmation {
            Confirmation::Refuted if finding.verdict == Verdict::NotApplicable => {
                format!("{subject}: it does not apply: {message}")
            }
            Confirmation::Refuted if finding.message.is_empty() => format!("{subject}: it does not hold now"),
            _ => format!("{subject}: {message}"),
        };
        self.paragraph(confirmation.name(), &said)?;
        for piece in finding.evidence.iter().take(EVIDENCE) {
            writeln!(self.out, "    {}", text::proof(piece, VALUE))?;
        }
        Ok(())
    }

    fn heading(&mut self, name: &str, style: Style, words: &[&str]) -> io::Result<()> {
        let style = self.style(style);
        let words: Vec<&str> = words.iter().copied().filter(|word| !word.is_empty()).collect();
        let gap = if words.is_empty() { "" } else { "  " };
        writeln!(self.out, "\n{style}{}{style:#}{gap}{}", escape::line(name), escape::line(&words.join("  ")))
    }

    fn paragraph(&mut self, label: &str, text: &str) -> io::Result<()> {
        let room = self.view.width.map(|width| width.saturating_sub(label.len() + 4));
        for (at, line) in wrap(&escape::lines(text.trim_end()), room).iter().enumerate() {
            if at == 0 {
                writeln!(self.out, "  {label}: {line}")?;
            } else {
                writeln!(self.out, "{:indent$}{line}", "", indent = label.len() + 4)?;
            }
        }
        Ok(())
    }
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// `12 times, 2026-11-25T10:00:00Z to 2026-11-25T11:00:00Z`
fn times(symptom: &SeenSymptom) -> String {
    let count = if symptom.count == 1 { "once".to_owned() } else { format!("{} times", symptom.count) };
    match (&symptom.first_seen, &symptom.last_seen) {
        (Some(first), Some(last)) if first == last => format!("{count}, {first}"),
        (Some(first), Some(last)) => format!("{count}, {first} to {last}"),
        _ => count,
    }
}
