//! Findings: what a rule says of a subject, with its proof.

mod fingerprint;
mod written;

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use written::Written;

pub use fingerprint::Fingerprint;

pub use crate::rule::{Evidence, Severity, Verdict};

/// Who or what a finding is about: `host`, `cluster`, or a Kubernetes kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// `host`, `cluster`, or a kind such as `Deployment`.
    pub kind: String,
    /// Group and version of a Kubernetes kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Namespace of a namespaced kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name of the host, cluster or object.
    pub name: String,
}

impl Subject {
    /// A host or a cluster as a whole.
    pub fn target(kind: &str, name: String) -> Self {
        Subject { kind: kind.to_owned(), api_version: None, namespace: None, name }
    }
}

/// What all findings of one rule say alike. A cluster has many of them, so they
/// share it.
#[derive(Clone, Debug, PartialEq)]
pub struct Heading {
    /// The rule's name, such as `runtime/cri-plugin-disabled`.
    pub rule: String,
    /// The rule's title.
    pub title: String,
    /// Where to read more.
    pub references: Vec<String>,
}

/// One verdict of one rule about one subject.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "Written")]
pub struct Finding {
    /// Of the rule; its members are reached as the finding's own.
    pub heading: Arc<Heading>,
    /// How bad a failure is, for this subject.
    pub severity: Severity,
    /// What the rule says.
    pub verdict: Verdict,
    /// About whom.
    pub subject: Arc<Subject>,
    /// The bad fact in words; for unknown and not-applicable, the reason.
    pub message: String,
    /// The facts that it rests on.
    pub evidence: Vec<Evidence>,
    /// How to mend it; only on failures and unknowns.
    pub fix: Option<String>,
    /// The waiver that covers it.
    pub waiver: Option<Box<WaiverNote>>,
    /// Whether the baseline knows this failure; none without a baseline and
    /// where nothing fails.
    pub baseline: Option<BaselineMark>,
    /// Identifies rule and subject, not wording, value or line.
    pub fingerprint: Fingerprint,
}

impl Deref for Finding {
    type Target = Heading;

    fn deref(&self) -> &Heading {
        &self.heading
    }
}

#[cfg(test)]
impl Finding {
    /// A finding that says no more than this, for tests.
    pub(crate) fn plain(rule: &str, severity: Severity, verdict: Verdict, subject: Subject) -> Self {
        Finding {
            heading: Arc::new(Heading { rule: rule.to_owned(), title: String::new(), references: Vec::new() }),
            severity,
            verdict,
            subject: Arc::new(subject),
            message: String::new(),
            evidence: Vec::new(),
            fix: None,
            waiver: None,
            baseline: None,
            fingerprint: Fingerprint::from(format!("of {rule}")),
        }
    }
}

/// What a report says of the waiver that covers a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WaiverNote {
    /// Why the fault is accepted.
    pub reason: String,
    /// The last day on which it is, as `YYYY-MM-DD`.
    pub expires: String,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// How a failure stands to the baseline that it was compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BaselineMark {
    /// It did not fail there, or has become worse since.
    New,
    /// It failed there too, so it does not count for the exit code.
    Known,
}

impl BaselineMark {
    /// Its name, as reports spell it.
    pub const fn name(self) -> &'static str {
        match self {
            BaselineMark::New => "new",
            BaselineMark::Known => "known",
        }
    }
}

impl Finding {
    /// Whether it fails and the baseline, where there is one, does not know it.
    pub fn counts(&self) -> bool {
        self.verdict == Verdict::Fail && self.baseline != Some(BaselineMark::Known)
    }
}
