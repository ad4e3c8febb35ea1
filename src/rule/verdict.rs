//! The words that a rule answers with: severities and verdicts.

use serde::{Deserialize, Serialize};

/// How bad a failing rule is, from `info` up to `critical`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing has to be done.
    Info,
    /// Mend it when convenient.
    Low,
    /// Mend it soon.
    Medium,
    /// It breaks something, or is about to.
    High,
    /// It breaks the node or cluster, or gives it away.
    Critical,
}

impl Severity {
    /// Every severity, the worst first.
    pub const ALL: [Severity; 5] =
        [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];

    /// Its name, as rules, flags and reports spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }

    /// The severity of that name.
    pub fn named(name: &str) -> Option<Self> {
        Severity::ALL.into_iter().find(|severity| severity.name() == name)
    }
}

/// What a rule says of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The rule applies and holds.
    Pass,
    /// The rule applies and does not hold.
    Fail,
    /// It applies or may apply, but a fact could not be read.
    Unknown,
    /// It does not concern this subject.
    NotApplicable,
    /// It fails, and an unexpired waiver covers it.
    Waived,
}

impl Verdict {
    /// Every verdict, in the order of the report's summary.
    pub const ALL: [Verdict; 5] =
        [Verdict::Pass, Verdict::Fail, Verdict::Unknown, Verdict::NotApplicable, Verdict::Waived];

    /// Its name, as rules and reports spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Unknown => "unknown",
            Verdict::NotApplicable => "not-applicable",
            Verdict::Waived => "waived",
        }
    }

    /// The verdict of that name.
    pub fn named(name: &str) -> Option<Self> {
        Verdict::ALL.into_iter().find(|verdict| verdict.name() == name)
    }
}
