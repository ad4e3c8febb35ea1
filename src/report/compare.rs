//! Two reports compared: what fails anew, what is fixed, and what changed.
//!
//! Findings are paired by their fingerprints. Nothing that merely was not
//! looked at counts as fixed: the rule has to have been judged again, of a
//! target that is judged again, by a run that was not cut short.

use std::cmp::Ordering;
use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::Report;
use crate::finding::{BaselineMark, Finding, Fingerprint, Verdict};

/// How one finding differs between two reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It fails and did not, or fails at a higher severity than it did.
    New,
    /// It failed and does not, as far as was looked.
    Fixed,
    /// It has another verdict, or fails at a lower severity.
    Changed,
    /// It failed, was waived or unknown, and was not judged again.
    NotJudged,
}

/// One finding that differs between two reports.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Change<'a> {
    /// In which way.
    pub kind: ChangeKind,
    /// In the older report; none where it is not there.
    pub old: Option<&'a Finding>,
    /// In the newer one.
    pub new: Option<&'a Finding>,
}

/// How a report stands to an older one whose failures are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// When the baseline was made.
    pub started_at: String,
    /// Failures that count: they did not fail in the baseline, or less badly.
    pub new: usize,
    /// Failures that the baseline has too.
    pub known: usize,
    /// Failures of the baseline that are gone.
    pub fixed: usize,
    /// Failures of the baseline that were not judged again, so nobody knows.
    pub not_judged: usize,
}

/// Every finding that differs, in the order of the newer report; then those
/// that only the older one has.
pub fn changes<'a>(old: &'a Report, new: &'a Report) -> Vec<Change<'a>> {
    let pairs = Pairs::of(&old.findings, &new.findings);
    let there = new.findings.iter().zip(&pairs.former).filter_map(|(finding, former)| {
        kind_of(*former, finding).map(|kind| Change { kind, old: *former, new: Some(finding) })
    });
    let gone = pairs.gone.iter().filter_map(|former| {
        let kind = match (former.verdict, is_judged_again(former, new)) {
            (Verdict::Fail, true) => ChangeKind::Fixed,
            (Verdict::Fail | Verdict::Waived | Verdict::Unknown, false) => ChangeKind::NotJudged,
            _ => return None,
        };
        Some(Change { kind, old: Some(*former), new: None })
    });
    there.chain(gone).collect()
}

/// The findings of two reports, by their fingerprints.
struct Pairs<'a> {
    /// For each of the newer ones, the older one.
    former: Vec<Option<&'a Finding>>,
    /// The older ones that the newer report does not have.
    gone: Vec<&'a Finding>,
}

impl<'a> Pairs<'a> {
    fn of(old: &'a [Finding], new: &[Finding]) -> Self {
        // A fingerprint may stand twice where two hosts have one name.
        let mut left: HashMap<&Fingerprint, VecDeque<usize>> = HashMap::new();
        for (at, finding) in old.iter().enumerate() {
            left.entry(&finding.fingerprint).or_default().push_back(at);
        }
        let mut is_gone = vec![true; old.len()];
        let former = new
            .iter()
            .map(|finding| {
                let at = left.get_mut(&finding.fingerprint)?.pop_front()?;
                if let Some(is_gone) = is_gone.get_mut(at) {
                    *is_gone = false;
                }
                old.get(at)
            })
            .collect();
        let gone = old.iter().zip(is_gone).filter(|(_, is_gone)| *is_gone).map(|(finding, _)| finding).collect();
        Pairs { former, gone }
    }
}

fn kind_of(old: Option<&Finding>, new: &Finding) -> Option<ChangeKind> {
    match (old.map(|old| old.verdict), new.verdict) {
        (Some(Verdict::Fail), Verdict::Fail) => {
            let former = old.map(|old| old.severity);
            match former.cmp(&Some(new.severity)) {
                Ordering::Less => Some(ChangeKind::New),
                Ordering::Equal => None,
                Ordering::Greater => Some(ChangeKind::Changed),
            }
        }
        (_, Verdict::Fail) => Some(ChangeKind::New),
        (Some(Verdict::Fail), Verdict::Pass | Verdict::NotApplicable) => Some(ChangeKind::Fixed),
        (Some(old), new) if old != new => Some(ChangeKind::Changed),
        (None, Verdict::Unknown | Verdict::Waived) => Some(ChangeKind::Changed),
        _ => None,
    }
}

/// Whether a finding that a report does not list would be there, did it fail
/// still.
fn is_judged_again(former: &Finding, new: &Report) -> bool {
    let is_host = former.subject.kind == "host";
    // An object of Kubernetes is judged with its cluster.
    let is_target_judged = new.targets.iter().any(|target| {
        if is_host {
            *target == *former.subject
        } else {
            target.kind == "cluster" || target.kind == former.subject.kind
        }
    });
    let of_rule = || new.findings.iter().filter(|finding| finding.rule == former.rule);
    // What a rule could not learn of a target may be this very finding.
    let is_in_doubt = of_rule().any(|finding| {
        let is_of_target = if is_host { finding.subject == former.subject } else { finding.subject.kind == "cluster" };
        finding.verdict == Verdict::Unknown && is_of_target
    });
    new.complete && is_target_judged && of_rule().next().is_some() && !is_in_doubt
}

impl Report {
    /// Marks each failure as new or known by an older report.
    ///
    /// What is unknown stays so whatever the baseline says: it accepts faults,
    /// never ignorance. What was waived there and fails now is new.
    pub fn compare_with_baseline(&mut self, older: &Report) {
        let mut baseline = Baseline { started_at: older.started_at.clone(), new: 0, known: 0, fixed: 0, not_judged: 0 };
        for change in changes(older, self) {
            let has_failed = change.old.is_some_and(|old| old.verdict == Verdict::Fail);
            let is_unknown = change.new.is_some_and(|new| new.verdict == Verdict::Unknown);
            match change.kind {
                ChangeKind::Fixed => baseline.fixed += 1,
                ChangeKind::NotJudged if has_failed => baseline.not_judged += 1,
                ChangeKind::Changed if has_failed && is_unknown => baseline.not_judged += 1,
                _ => {}
            }
        }
        let former = Pairs::of(&older.findings, &self.findings).former;
        for (finding, former) in self.findings.iter_mut().zip(former) {
            if finding.verdict != Verdict::Fail {
                continue;
            }
            let is_new = kind_of(former, finding) == Some(ChangeKind::New);
            finding.baseline = Some(if is_new { BaselineMark::New } else { BaselineMark::Known });
            *(if is_new { &mut baseline.new } else { &mut baseline.known }) += 1;
        }
        self.baseline = Some(baseline);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Severity, Subject};
    use crate::report::Run;

    fn host(name: &str) -> Subject {
        Subject::target("host", name.to_owned())
    }

    fn finding(rule: &str, verdict: Verdict) -> Finding {
        Finding::plain(rule, Severity::High, verdict, host("cn-01"))
    }

    fn report(findings: Vec<Finding>) -> Report {
        let run = Run {
            command: "audit",
            complete: true,
            started_at: "2026-11-23T10:00:00Z".parse().unwrap(),
            duration_ms: 9,
            targets: vec![host("cn-01")],
            rules_digest: String::new(),
        };
        Report::new(run, findings, &[])
    }

    fn kinds(old: &Report, new: &Report) -> Vec<ChangeKind> {
        changes(old, new).iter().map(|change| change.kind).collect()
    }

    /// What becomes of one finding from one verdict to another.
    fn kind(old: Verdict, new: Verdict) -> Option<ChangeKind> {
        kinds(&report(vec![finding("a/b", old)]), &report(vec![finding("a/b", new)])).first().copied()
    }

    #[test]
    fn a_failure_is_new_whatever_it_was_before() {
        for verdict in [Verdict::Pass, Verdict::Unknown, Verdict::NotApplicable, Verdict::Waived] {
            assert_eq!(kind(verdict, Verdict::Fail), Some(ChangeKind::New), "{verdict:?}");
        }
        assert_eq!(kind(Verdict::Fail, Verdict::Fail), None);
        assert_eq!(kinds(&report(Vec::new()), &report(vec![finding("a/b", Verdict::Fail)])), [ChangeKind::New]);
    }

    #[test]
    fn what_could_not_be_read_is_changed_and_never_fixed() {
        assert_eq!(kind(Verdict::Fail, Verdict::Pass), Some(ChangeKind::Fixed));
        assert_eq!(kind(Verdict::Fail, Verdict::Unknown), Some(ChangeKind::Changed));
        assert_eq!(kind(Verdict::Fail, Verdict::Waived), Some(ChangeKind::Changed));
        assert_eq!(kind(Verdict::Pass, Verdict::Unknown), Some(ChangeKind::Changed));
    }

    #[test]
    fn a_failure_that_became_worse_is_new() {
        let mut worse = finding("a/b", Verdict::Fail);
        worse.severity = Severity::Critical;
        let (old, new) = (report(vec![finding("a/b", Verdict::Fail)]), report(vec![worse]));
        assert_eq!(kinds(&old, &new), [ChangeKind::New]);
        assert_eq!(kinds(&new, &old), [ChangeKind::Changed]);
    }

    #[test]
    fn a_failure_that_is_not_listed_is_fixed_only_if_it_was_looked_for() {
        let mut of_one = finding("a/b", Verdict::Fail);
        of_one.fingerprint = "of a/b and one".into();
        let old = report(vec![of_one]);
        assert_eq!(kinds(&old, &report(Vec::new())), [ChangeKind::NotJudged], "the rule was left out");
        let again = report(vec![finding("a/b", Verdict::Pass)]);
        assert_eq!(kinds(&old, &again), [ChangeKind::Fixed]);
        let mut interrupted = again.clone();
        interrupted.complete = false;
        assert_eq!(kinds(&old, &interrupted), [ChangeKind::NotJudged]);
        let mut elsewhere = again;
        elsewhere.targets = vec![host("cn-02")];
        assert_eq!(kinds(&old, &elsewhere), [ChangeKind::NotJudged]);
        let unread = report(vec![finding("a/b", Verdict::Unknown)]);
        assert_eq!(kinds(&old, &unread), [ChangeKind::Changed, ChangeKind::NotJudged]);
    }

    #[test]
    fn only_what_the_baseline_does_not_know_counts() {
        let old = report(vec![
            finding("a/known", Verdict::Fail),
            finding("a/fixed", Verdict::Fail),
            finding("a/unread", Verdict::Fail),
            finding("a/left-out", Verdict::Fail),
        ]);
        let mut new = report(vec![
            finding("a/known", Verdict::Fail),
            finding("a/fixed", Verdict::Pass),
            finding("a/unread", Verdict::Unknown),
            finding("a/new", Verdict::Fail),
        ]);
        new.compare_with_baseline(&old);
        let started_at = "2026-11-23T10:00:00Z".to_owned();
        assert_eq!(new.baseline, Some(Baseline { started_at, new: 1, known: 1, fixed: 1, not_judged: 2 }));
        let counting: Vec<&str> = new.findings.iter().filter(|one| one.counts()).map(|one| one.rule.as_str()).collect();
        assert_eq!(counting, ["a/new"]);
        assert_eq!(new.summary.fail, 2, "what is known stays visible");
    }
}
