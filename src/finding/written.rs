//! A finding as documents have it: its members in their order, those that all
//! findings of a rule share among them.

use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use super::{BaselineMark, Evidence, Finding, Fingerprint, Heading, Severity, Subject, Verdict, WaiverNote};

/// A finding that is read.
#[derive(Deserialize)]
pub(super) struct Written {
    rule: String,
    title: String,
    severity: Severity,
    verdict: Verdict,
    subject: Subject,
    message: String,
    evidence: Vec<Evidence>,
    #[serde(default)]
    fix: Option<String>,
    #[serde(default)]
    references: Vec<String>,
    #[serde(default)]
    waiver: Option<Box<WaiverNote>>,
    #[serde(default)]
    baseline: Option<BaselineMark>,
    fingerprint: Fingerprint,
}

impl From<Written> for Finding {
    fn from(written: Written) -> Self {
        Finding {
            heading: Arc::new(Heading { rule: written.rule, title: written.title, references: written.references }),
            severity: written.severity,
            verdict: written.verdict,
            subject: Arc::new(written.subject),
            message: written.message,
            evidence: written.evidence,
            fix: written.fix,
            waiver: written.waiver,
            baseline: written.baseline,
            fingerprint: written.fingerprint,
        }
    }
}

/// A finding that is written.
#[derive(Serialize)]
struct Shown<'f> {
    rule: &'f str,
    title: &'f str,
    severity: Severity,
    verdict: Verdict,
    subject: &'f Subject,
    message: &'f str,
    evidence: &'f [Evidence],
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<&'f str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    references: &'f [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    waiver: Option<&'f WaiverNote>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<BaselineMark>,
    fingerprint: &'f Fingerprint,
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Shown {
            rule: &self.rule,
            title: &self.title,
            severity: self.severity,
            verdict: self.verdict,
            subject: &self.subject,
            message: &self.message,
            evidence: &self.evidence,
            fix: self.fix.as_deref(),
            references: &self.references,
            waiver: self.waiver.as_deref(),
            baseline: self.baseline,
            fingerprint: &self.fingerprint,
        }
        .serialize(serializer)
    }
}
