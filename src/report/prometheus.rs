//! Metrics in Prometheus' text format, for the textfile collector of
//! `node_exporter` (a file `scanner.prom`).
//!
//! Only gauges, and no time stamps: the collector passes over a file that has
//! any. Labels are words of ours and names of rules, never text of a host, so
//! that the number of series is bounded by the number of rules.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use jiff::Timestamp;

use super::gate::Decision;
use super::{BySeverity, Report};
use crate::finding::{Severity, Verdict};

pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut page = String::new();
    let version = label(&report.scanner.version);
    let digest = label(&report.scanner.rules_digest);
    let command = label(&report.command);
    let mut gauge = |name: &str, help: &str, series: &[(String, f64)]| {
        // Writing to a text cannot fail.
        let _ = write!(page, "# HELP scanner_{name} {help}\n# TYPE scanner_{name} gauge\n");
        for (labels, value) in series {
            let _ = writeln!(page, "scanner_{name}{labels} {value}");
        }
    };
    let one = |value: f64| [(String::new(), value)];

    let labels = format!("{{version=\"{version}\",rules_digest=\"{digest}\",command=\"{command}\"}}");
    gauge("build_info", "The program and rules that judged.", &[(labels, 1.0)]);
    if let Ok(started_at) = report.started_at.parse::<Timestamp>() {
        gauge("last_run_timestamp_seconds", "When the run began.", &one(number(started_at.as_second())));
    }
    let seconds = number(i64::try_from(report.duration_ms).unwrap_or(i64::MAX)) / 1000.0;
    gauge("run_duration_seconds", "How long the run took.", &one(seconds));
    let complete = if report.complete { 1.0 } else { 0.0 };
    gauge("run_complete", "Whether the run looked at everything.", &one(complete));
    gauge("targets", "Hosts and clusters that were judged.", &one(size(report.targets.len())));
    gauge("findings", "Findings by verdict and severity.", &findings(report));
    gauge("rule_failures", "Subjects that fail a rule.", &by_rule(report, Verdict::Fail));
    gauge("rule_unknowns", "Subjects that a rule could not judge.", &by_rule(report, Verdict::Unknown));
    gauge("waiver_expiry_timestamp_seconds", "The end of the first waiver of a rule to expire.", &waivers(report));
    if let Some(gate) = &report.gate {
        let decisions = [Decision::Ready, Decision::Blocked, Decision::Inconclusive];
        let labels =
            |decision: Decision| format!("{{target=\"{}\",decision=\"{}\"}}", label(&gate.target), decision.name());
        let value = |decision| if gate.verdict == decision { 1.0 } else { 0.0 };
        let series = decisions.map(|decision| (labels(decision), value(decision)));
        gauge("gate_decision", "What the gate decided: 1 for the answer.", &series);
    }
    if let Some(baseline) = &report.baseline {
        let counts = [
            ("new", baseline.new),
            ("known", baseline.known),
            ("fixed", baseline.fixed),
            ("not_judged", baseline.not_judged),
        ];
        let series = counts.map(|(state, count)| (format!("{{state=\"{state}\"}}"), size(count)));
        gauge("baseline_failures", "Failures since the baseline.", &series);
    }
    out.write_all(page.as_bytes())
}

/// Every verdict and severity, those too that nothing has.
fn findings(report: &Report) -> Vec<(String, f64)> {
    let mut counts: BTreeMap<Verdict, BySeverity> = BTreeMap::new();
    for finding in &report.findings {
        counts.entry(finding.verdict).or_default().add(finding.severity);
    }
    let mut series = Vec::new();
    for verdict in Verdict::ALL {
        for severity in Severity::ALL {
            let count = counts.get(&verdict).map_or(0, |counts| counts.get(severity));
            let labels = format!("{{verdict=\"{}\",severity=\"{}\"}}", verdict.name(), severity.name());
            series.push((labels, size(count)));
        }
    }
    series
}

fn by_rule(report: &Report, verdict: Verdict) -> Vec<(String, f64)> {
    let mut counts: BTreeMap<(&str, Severity), usize> = BTreeMap::new();
    for finding in report.with_verdict(verdict) {
        *counts.entry((&finding.rule, finding.severity)).or_default() += 1;
    }
    let labels =
        |rule: &str, severity: Severity| format!("{{rule=\"{}\",severity=\"{}\"}}", label(rule), severity.name());
    counts.into_iter().map(|((rule, severity), count)| (labels(rule, severity), size(count))).collect()
}

/// The end of the last day of the waiver that ends first, for each rule.
fn waivers(report: &Report) -> Vec<(String, f64)> {
    let mut ends: BTreeMap<&str, i64> = BTreeMap::new();
    for finding in report.with_verdict(Verdict::Waived) {
        let day = finding
            .waiver
            .as_ref()
            .and_then(|waiver| format!("{}T23:59:59Z", waiver.expires).parse::<Timestamp>().ok());
        if let Some(end) = day.map(Timestamp::as_second) {
            let first = ends.entry(&finding.rule).or_insert(end);
            *first = end.min(*first);
        }
    }
    ends.into_iter().map(|(rule, end)| (format!("{{rule=\"{}\"}}", label(rule)), number(end))).collect()
}

/// A label's value: backslash, quotation mark and line break are escaped.
fn label(text: &str) -> String {
    let text = super::escape::lines(text);
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Exact up to 2^53, which no count and no second of this age reaches.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn number(value: i64) -> f64 {
    value as f64
}

fn size(count: usize) -> f64 {
    number(i64::try_from(count).unwrap_or(i64::MAX))
}
