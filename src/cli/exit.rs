//! The exit codes, which scripts depend on.

use std::process::ExitCode;

use crate::finding::{Finding, Severity, Verdict};
use crate::report::BySeverity;

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: judged, and nothing unwaived failed at or above the threshold.
    Clean,
    /// 1: something unwaived failed at or above the threshold.
    Failed,
    /// 2: the command could not run: usage, a broken rule or waiver file, an
    /// unreadable input that was named on the command line.
    CannotRun,
    /// 3: nothing failed at the threshold, but something at or above it could
    /// not be judged, and that was to count.
    Unknown,
    /// 130: interrupted; what was read until then is judged and written.
    Interrupted,
}

impl Exit {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Exit::Clean => 0,
            Exit::Failed => 1,
            Exit::CannotRun => 2,
            Exit::Unknown => 3,
            Exit::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// What decides between the codes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Threshold {
    /// The severity from which on a failure counts; none, none does.
    pub(crate) fail_on: Option<Severity>,
    /// Whether what could not be judged counts too.
    pub(crate) strict: bool,
}

/// The code for findings, and the reason in one line.
pub(crate) fn decide(findings: &[Finding], threshold: Threshold) -> (Exit, String) {
    let failed = count(findings, Finding::counts);
    let unknown = count(findings, |finding| finding.verdict == Verdict::Unknown);
    let known = findings.iter().filter(|finding| finding.verdict == Verdict::Fail && !finding.counts()).count();
    let known = if known == 0 { String::new() } else { format!("; {known} known by the baseline") };
    let Some(fail_on) = threshold.fail_on else {
        let total = failed.at_or_above(Severity::Info);
        return (Exit::Clean, format!("judged, and nothing counts with --fail-on none ({total} failed{known})"));
    };
    let name = fail_on.name();
    let at = failed.at_or_above(fail_on);
    if at > 0 {
        return (Exit::Failed, format!("{at} failed at or above {name} ({}){known}", listed(&failed, fail_on)));
    }
    let undecided = unknown.at_or_above(fail_on);
    if threshold.strict && undecided > 0 {
        let unknown = listed(&unknown, fail_on);
        return (Exit::Unknown, format!("{undecided} at or above {name} could not be judged ({unknown}){known}"));
    }
    let below = failed.at_or_above(Severity::Info);
    let all = unknown.at_or_above(Severity::Info);
    (Exit::Clean, format!("nothing failed at or above {name} ({below} failed below it, {all} unknown){known}"))
}

fn count(findings: &[Finding], is_counted: impl Fn(&Finding) -> bool) -> BySeverity {
    let mut counts = BySeverity::default();
    for finding in findings.iter().filter(|finding| is_counted(finding)) {
        counts.add(finding.severity);
    }
    counts
}

/// `1 critical, 2 high`, down to the threshold.
fn listed(counts: &BySeverity, threshold: Severity) -> String {
    let counts: Vec<String> = Severity::ALL
        .into_iter()
        .filter(|severity| *severity >= threshold && counts.get(*severity) > 0)
        .map(|severity| format!("{} {}", counts.get(severity), severity.name()))
        .collect();
    counts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{BaselineMark, Subject};

    fn finding(severity: Severity, verdict: Verdict) -> Finding {
        Finding::plain("node/x", severity, verdict, Subject::target("host", "n".to_owned()))
    }

    fn code(findings: &[Finding], fail_on: Option<Severity>, strict: bool) -> u8 {
        decide(findings, Threshold { fail_on, strict }).0.code()
    }

    #[test]
    fn a_failure_counts_from_the_threshold_on() {
        let medium = [finding(Severity::Medium, Verdict::Fail)];
        assert_eq!(code(&medium, Some(Severity::High), false), 0);
        assert_eq!(code(&medium, Some(Severity::Medium), false), 1);
        assert_eq!(code(&medium, None, true), 0);
    }

    #[test]
    fn a_waived_failure_never_counts() {
        assert_eq!(code(&[finding(Severity::Critical, Verdict::Waived)], Some(Severity::Info), true), 0);
    }

    #[test]
    fn what_the_baseline_knows_does_not_count() {
        let mut known = finding(Severity::Critical, Verdict::Fail);
        known.baseline = Some(BaselineMark::Known);
        let (exit, reason) = decide(&[known.clone()], Threshold { fail_on: Some(Severity::High), strict: false });
        assert_eq!(exit, Exit::Clean);
        assert_eq!(reason, "nothing failed at or above high (0 failed below it, 0 unknown); 1 known by the baseline");
        let mut new = known.clone();
        new.baseline = Some(BaselineMark::New);
        let (exit, reason) = decide(&[known, new], Threshold { fail_on: Some(Severity::High), strict: false });
        assert_eq!(
            (exit, reason.as_str()),
            (Exit::Failed, "1 failed at or above high (1 critical); 1 known by the baseline")
        );
    }

    #[test]
    fn an_unknown_counts_only_where_strict_and_never_hides_a_failure() {
        let unknown = finding(Severity::High, Verdict::Unknown);
        assert_eq!(code(std::slice::from_ref(&unknown), Some(Severity::High), false), 0);
        assert_eq!(code(std::slice::from_ref(&unknown), Some(Severity::High), true), 3);
        assert_eq!(code(std::slice::from_ref(&unknown), Some(Severity::Critical), true), 0);
        assert_eq!(code(&[unknown, finding(Severity::High, Verdict::Fail)], Some(Severity::High), true), 1);
    }

    #[test]
    fn the_reason_names_the_counts() {
        let findings = [finding(Severity::Critical, Verdict::Fail), finding(Severity::Low, Verdict::Fail)];
        let (_, reason) = decide(&findings, Threshold { fail_on: Some(Severity::High), strict: false });
        assert_eq!(reason, "1 failed at or above high (1 critical)");
    }
}
