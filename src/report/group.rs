//! Findings of one rule, side by side: a fault of a whole fleet is read once,
//! with the subjects that have it, and not once for each.

use std::collections::{BTreeMap, HashMap};

use super::{Report, escape, text};
use crate::finding::{Finding, Severity, Verdict};

/// Characters of a value that findings are compared by.
const COMPARED: usize = 400;

/// The findings of one rule that have one verdict and severity.
pub(super) struct Group<'a> {
    /// The rule's name.
    pub(super) rule: &'a str,
    /// In the report's order; never empty.
    pub(super) findings: Vec<&'a Finding>,
    /// The findings of the rule, those left out to which it does not apply.
    judged: usize,
}

/// The findings of one verdict by severity, the worst first, then by rule.
pub(super) fn by_rule(report: &Report, verdict: Verdict) -> BTreeMap<Severity, Vec<Group<'_>>> {
    let mut judged: HashMap<&str, usize> = HashMap::new();
    for finding in report.findings.iter().filter(|finding| finding.verdict != Verdict::NotApplicable) {
        *judged.entry(&finding.rule).or_default() += 1;
    }
    let mut rules: BTreeMap<(Severity, &str), Vec<&Finding>> = BTreeMap::new();
    for finding in report.with_verdict(verdict) {
        rules.entry((finding.severity, &finding.rule)).or_default().push(finding);
    }
    let mut groups: BTreeMap<Severity, Vec<Group>> = BTreeMap::new();
    for ((severity, rule), findings) in rules {
        let judged = judged.get(rule).copied().unwrap_or(findings.len());
        groups.entry(severity).or_default().push(Group { rule, findings, judged });
    }
    groups
}

impl<'a> Group<'a> {
    /// The subject, or how many of how many: `37 of 40 nodes`.
    pub(super) fn subjects(&self) -> String {
        match self.findings.as_slice() {
            [only] => text::subject(&only.subject),
            findings => format!("{} of {} {}", findings.len(), self.judged, kinds(findings)),
        }
    }

    /// The findings that say the same of different subjects.
    pub(super) fn alike(&self) -> Vec<Vec<&'a Finding>> {
        let mut places = HashMap::new();
        let mut alike: Vec<Vec<&Finding>> = Vec::new();
        for finding in &self.findings {
            let evidence: Vec<String> = finding.evidence.iter().map(|piece| text::stated(piece, COMPARED)).collect();
            let waiver = finding.waiver.as_ref().map(|waiver| waiver.reason.as_str());
            let key = (finding.message.as_str(), waiver.or(finding.fix.as_deref()), evidence, finding.counts());
            let at = *places.entry(key).or_insert_with(|| {
                alike.push(Vec::new());
                alike.len() - 1
            });
            if let Some(group) = alike.get_mut(at) {
                group.push(finding);
            }
        }
        alike
    }
}

/// The kind of some subjects: `nodes`, or `subjects` where they differ.
pub(super) fn kinds(findings: &[&Finding]) -> String {
    let mut kinds = findings.iter().map(|finding| finding.subject.kind.as_str());
    match kinds.next() {
        Some(first) if kinds.all(|kind| kind == first) => escape::line(&text::plural(first)).into_owned(),
        _ => "subjects".to_owned(),
    }
}

/// The subjects of findings, the first so many of them by name.
pub(super) fn names(findings: &[&Finding], shown: usize) -> String {
    let mut names: Vec<String> = findings.iter().take(shown).map(|finding| text::subject(&finding.subject)).collect();
    names.dedup();
    match findings.len().saturating_sub(shown) {
        0 => names.join(", "),
        left => format!("{}, … and {left} more", names.join(", ")),
    }
}
