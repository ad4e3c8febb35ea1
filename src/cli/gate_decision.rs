//! What the gate decides from its findings: the verdict, hop by hop, and the
//! reasons in the order in which they are dealt with.

use std::collections::BTreeSet;

use crate::finding::{Finding, Fingerprint, Severity, Verdict};
use crate::gate::step;
use crate::report::gate::{Decision, Gate, Hop, Reason};

/// They speak of the way as a whole, not of a hop.
const ABOUT_THE_WAY: &[&str] = &["upgrade/skips-a-minor"];

/// They speak of where the way ends: what is only passed through need not be supported.
const ABOUT_THE_END: &[&str] = &["cluster/kubernetes-end-of-life"];

/// What is decided about.
pub(super) struct Question<'a> {
    pub(super) target: &'a str,
    pub(super) from: Option<&'a str>,
    /// The severity from which on something counts.
    pub(super) fail_on: Severity,
    /// Whether everything was looked at.
    pub(super) is_complete: bool,
}

/// Decides. `earlier` are the hops before the target and what was found for
/// each; `findings` are those for the target, waived and compared already.
pub(super) fn decide(question: &Question<'_>, earlier: &[(String, Vec<Finding>)], findings: &[Finding]) -> Gate {
    // A waiver holds for the fault, whichever hop meets it first.
    let accepted: BTreeSet<&Fingerprint> =
        findings.iter().filter(|finding| is_accepted(finding)).map(|finding| &finding.fingerprint).collect();
    let of_hop = |finding: &&Finding| !ABOUT_THE_WAY.contains(&finding.rule.as_str());
    let mut hops: Vec<Hop> = earlier
        .iter()
        .map(|(target, findings)| {
            let open = findings.iter().filter(|finding| !accepted.contains(&finding.fingerprint));
            let open = open.filter(|finding| !ABOUT_THE_END.contains(&finding.rule.as_str()));
            hop(question, target, &open.filter(of_hop).collect::<Vec<_>>())
        })
        .collect();
    hops.push(hop(question, question.target, &findings.iter().filter(of_hop).collect::<Vec<_>>()));
    let all: Vec<&Finding> = findings.iter().collect();
    let verdict = verdict(question, &all);
    let first_blocked = hops.iter().find(|hop| hop.verdict == Decision::Blocked).map(|hop| hop.target.clone());
    Gate {
        target: question.target.to_owned(),
        from: question.from.map(str::to_owned),
        verdict,
        hops,
        first_blocked,
        reasons: reasons(question, findings),
    }
}

/// Whether a failure does not count: waived, or known by the baseline.
fn is_accepted(finding: &Finding) -> bool {
    finding.verdict == Verdict::Waived || (finding.verdict == Verdict::Fail && !finding.counts())
}

fn hop(question: &Question<'_>, target: &str, findings: &[&Finding]) -> Hop {
    let names = |is_one: &dyn Fn(&Finding) -> bool| -> Vec<String> {
        let names: BTreeSet<&str> =
            findings.iter().filter(|finding| is_one(finding)).map(|finding| finding.rule.as_str()).collect();
        names.into_iter().map(str::to_owned).collect()
    };
    Hop {
        target: target.to_owned(),
        verdict: verdict(question, findings),
        blocked_by: names(&|finding| blocks(question, finding)),
        unknown: names(&|finding| is_open(question, finding)),
    }
}

fn verdict(question: &Question<'_>, findings: &[&Finding]) -> Decision {
    if findings.iter().any(|finding| blocks(question, finding)) {
        Decision::Blocked
    } else if !question.is_complete || findings.iter().any(|finding| is_open(question, finding)) {
        Decision::Inconclusive
    } else {
        Decision::Ready
    }
}

fn blocks(question: &Question<'_>, finding: &Finding) -> bool {
    finding.severity >= question.fail_on && finding.counts()
}

fn is_open(question: &Question<'_>, finding: &Finding) -> bool {
    finding.severity >= question.fail_on && finding.verdict == Verdict::Unknown
}

fn reasons(question: &Question<'_>, findings: &[Finding]) -> Vec<Reason> {
    let mut standing: Vec<&Finding> =
        findings.iter().filter(|finding| blocks(question, finding) || is_open(question, finding)).collect();
    // What fails is known to stand in the way; what is unknown only may.
    standing.sort_by_key(|finding| {
        let is_unknown = finding.verdict == Verdict::Unknown;
        (is_unknown, step::of_rule(&finding.rule).0, std::cmp::Reverse(finding.severity))
    });
    standing.into_iter().map(|finding| Reason::of(step::of_rule(&finding.rule).1, finding)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Subject;

    fn finding(rule: &str, severity: Severity, verdict: Verdict) -> Finding {
        Finding::plain(rule, severity, verdict, Subject::target("cluster", "c".to_owned()))
    }

    fn question(is_complete: bool) -> Question<'static> {
        Question { target: "1.37", from: Some("1.35"), fail_on: Severity::High, is_complete }
    }

    #[test]
    fn what_could_not_be_looked_at_is_never_ready() {
        let pass = [finding("node/x", Severity::High, Verdict::Pass)];
        assert_eq!(decide(&question(true), &[], &pass).verdict, Decision::Ready);
        assert_eq!(decide(&question(false), &[], &pass).verdict, Decision::Inconclusive);
        let unknown = [finding("node/x", Severity::High, Verdict::Unknown)];
        assert_eq!(decide(&question(true), &[], &unknown).verdict, Decision::Inconclusive);
        let low = [finding("node/x", Severity::Low, Verdict::Unknown)];
        assert_eq!(decide(&question(true), &[], &low).verdict, Decision::Ready);
    }

    #[test]
    fn reasons_stand_in_the_order_in_which_they_are_dealt_with() {
        let findings = [
            finding("control-plane/x", Severity::Critical, Verdict::Unknown),
            finding("node/cgroup-v1", Severity::Critical, Verdict::Fail),
            finding("upgrade/drain-blocked", Severity::High, Verdict::Fail),
            finding("upgrade/skips-a-minor", Severity::Critical, Verdict::Fail),
            finding("upgrade/removed-api-history", Severity::Info, Verdict::Fail),
        ];
        let gate = decide(&question(true), &[], &findings);
        let rules: Vec<_> = gate.reasons.iter().map(|reason| reason.rule.as_str()).collect();
        assert_eq!(rules, ["upgrade/skips-a-minor", "node/cgroup-v1", "upgrade/drain-blocked", "control-plane/x"]);
    }

    #[test]
    fn a_version_that_is_only_passed_through_may_be_past_its_support() {
        let ended = finding("cluster/kubernetes-end-of-life", Severity::High, Verdict::Fail);
        let gate = decide(&question(true), &[("1.36".to_owned(), vec![ended.clone()])], &[]);
        assert_eq!((gate.first_blocked, gate.hops[0].verdict), (None, Decision::Ready));
        let gate = decide(&question(true), &[], &[ended]);
        assert_eq!(gate.first_blocked.as_deref(), Some("1.37"));
    }

    #[test]
    fn the_first_blocked_hop_is_named_and_a_waiver_holds_for_all_of_them() {
        let fail = finding("node/cgroup-v1", Severity::Critical, Verdict::Fail);
        let earlier = [("1.36".to_owned(), vec![fail.clone()])];
        let skip = finding("upgrade/skips-a-minor", Severity::Critical, Verdict::Fail);
        let gate = decide(&question(true), &earlier, &[fail.clone(), skip]);
        assert_eq!(gate.first_blocked.as_deref(), Some("1.36"));
        assert_eq!(gate.hops[1].blocked_by, ["node/cgroup-v1"], "that the way is long blocks no hop");
        let waived = Finding { verdict: Verdict::Waived, ..fail };
        let gate = decide(&question(true), &earlier, &[waived]);
        assert_eq!((gate.verdict, gate.first_blocked), (Decision::Ready, None));
    }
}
