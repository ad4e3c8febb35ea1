//! The counts of a report: how often each verdict was given, and how bad what
//! fails is. All of them are always there, so that no reader takes a missing
//! count for a zero.

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Severity, Verdict};

/// How often each verdict was given; all five are always there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// Rules that apply and hold.
    pub pass: usize,
    /// Rules that apply and do not hold.
    pub fail: usize,
    /// Rules that could not be judged.
    pub unknown: usize,
    /// Rules that do not concern their subject.
    pub not_applicable: usize,
    /// Failures that a waiver covers.
    pub waived: usize,
    /// The failures by severity.
    #[serde(rename = "fail_by_severity")]
    pub fail_by_severity: BySeverity,
}

/// A number for each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BySeverity {
    /// Critical ones.
    pub critical: usize,
    /// High ones.
    pub high: usize,
    /// Medium ones.
    pub medium: usize,
    /// Low ones.
    pub low: usize,
    /// Those worth knowing.
    pub info: usize,
}

impl BySeverity {
    /// The number of one severity.
    pub fn get(&self, severity: Severity) -> usize {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
            Severity::Info => self.info,
        }
    }

    /// The number of one severity and all above it.
    pub fn at_or_above(&self, threshold: Severity) -> usize {
        Severity::ALL.into_iter().filter(|severity| *severity >= threshold).map(|severity| self.get(severity)).sum()
    }

    /// Counts one more.
    pub fn add(&mut self, severity: Severity) {
        match severity {
            Severity::Critical => self.critical += 1,
            Severity::High => self.high += 1,
            Severity::Medium => self.medium += 1,
            Severity::Low => self.low += 1,
            Severity::Info => self.info += 1,
        }
    }
}

impl Summary {
    /// Counts findings.
    pub fn of(findings: &[Finding]) -> Self {
        let mut summary = Summary::default();
        for finding in findings {
            match finding.verdict {
                Verdict::Pass => summary.pass += 1,
                Verdict::Fail => {
                    summary.fail += 1;
                    summary.fail_by_severity.add(finding.severity);
                }
                Verdict::Unknown => summary.unknown += 1,
                Verdict::NotApplicable => summary.not_applicable += 1,
                Verdict::Waived => summary.waived += 1,
            }
        }
        summary
    }
}
