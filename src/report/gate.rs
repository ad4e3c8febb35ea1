//! What the pre-upgrade gate decided: the verdict, the hops to the target, and
//! the reasons in the order in which they must be dealt with.

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Severity, Subject, Verdict};

/// Whether an upgrade may go ahead, and why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// The version to upgrade to, as it was asked for.
    pub target: String,
    /// The present version; none where nothing says it.
    pub from: Option<String>,
    /// The answer.
    pub verdict: Decision,
    /// The minors on the way, the target last; each is judged by itself.
    pub hops: Vec<Hop>,
    /// The target of the first hop that is blocked.
    pub first_blocked: Option<String>,
    /// What stands in the way, by what must be done first.
    pub reasons: Vec<Reason>,
}

/// The answer of the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Decision {
    /// Nothing stands in the way.
    Ready,
    /// Something fails at or above the threshold.
    Blocked,
    /// Nothing fails at the threshold, but something could not be judged.
    Inconclusive,
}

/// One minor on the way to the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The version of this hop, such as `1.36`.
    pub target: String,
    /// The answer for an upgrade up to here.
    pub verdict: Decision,
    /// The rules that fail at the threshold, by name.
    pub blocked_by: Vec<String>,
    /// The rules at the threshold that could not be judged, by name.
    pub unknown: Vec<String>,
}

/// One finding that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What it belongs to: `plan`, `control-plane`, `nodes`, `clients`, `workloads` or `drain`.
    pub step: String,
    /// The rule.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// `fail`, or `unknown` for what could not be judged.
    pub verdict: Verdict,
    /// About whom.
    pub subject: Subject,
    /// The bad fact in words.
    pub message: String,
    /// That of the finding.
    pub fingerprint: String,
}

impl Decision {
    /// The word of the report.
    pub const fn name(self) -> &'static str {
        match self {
            Decision::Ready => "READY",
            Decision::Blocked => "BLOCKED",
            Decision::Inconclusive => "INCONCLUSIVE",
        }
    }
}

impl Reason {
    /// The reason that a finding gives.
    pub fn of(step: &str, finding: &Finding) -> Self {
        Reason {
            step: step.to_owned(),
            rule: finding.rule.clone(),
            severity: finding.severity,
            verdict: finding.verdict,
            subject: Subject::clone(&finding.subject),
            message: finding.message.clone(),
            fingerprint: finding.fingerprint.to_string(),
        }
    }
}
