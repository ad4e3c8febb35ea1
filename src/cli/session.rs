//! One run of a command that judges: what is opened and read before anything
//! is judged, and what is done with the findings in the end.

use std::time::Instant;

use jiff::Timestamp;

use super::audit::AuditArgs;
use super::cluster_input::{NamedCluster, with_present_peak};
use super::exit::{self, Exit, Threshold};
use super::failure::Failure;
use super::interrupt::Work;
use super::output::Outputs;
use super::rule_source::read_waivers;
use super::terminal::Terminal;
use crate::evaluate::waive;
use crate::finding::{Finding, Subject};
use crate::report::gate::Gate;
use crate::report::{Report, Run, Taken};
use crate::rule::waiver::Waivers;
use crate::rule::{Rule, RuleSet};

/// Age from which on the tables of dates and versions are warned of.
const DATA_IS_OLD_DAYS: i64 = 365;

/// One run.
pub(super) struct Session {
    command: &'static str,
    pub(super) started: Instant,
    started_at: Timestamp,
    /// The instant that dates are judged at.
    pub(super) now: Timestamp,
    outputs: Outputs,
    waivers: Vec<Waivers>,
    baseline: Option<Report>,
    terminal: Terminal,
    broken_documents: usize,
    taken: Option<Taken>,
    namespace: Option<String>,
}

/// Decides on an upgrade by the findings that count.
pub(super) type Decide<'d> = dyn Fn(&[Finding]) -> Gate + 'd;

impl Session {
    /// Opens what is written and reads what is accepted, before anything is judged.
    pub(super) fn begin(command: &'static str, args: &AuditArgs, terminal: Terminal) -> Result<Self, Failure> {
        let (started, started_at) = (Instant::now(), super::now());
        Ok(Session {
            command,
            started,
            started_at,
            now: args.now.unwrap_or(started_at),
            outputs: args.outputs.open(terminal)?,
            waivers: read_waivers(&args.waivers)?,
            baseline: args.baseline.read(terminal)?,
            terminal,
            broken_documents: 0,
            taken: None,
            namespace: args.cluster.namespace.clone(),
        })
    }

    /// Takes note of what reading a cluster took, and of what was broken.
    pub(super) fn add_cluster(&mut self, cluster: Option<&NamedCluster>) {
        if let Some(cluster) = cluster {
            self.broken_documents += cluster.broken_documents;
            self.taken = Some(cluster.taken);
        }
    }

    /// Waives, decides and writes the report; `gate` adds what the gate says
    /// of the findings.
    pub(super) fn conclude(
        self,
        (rules, selected): (&RuleSet, &[&Rule]),
        targets: Vec<Subject>,
        mut findings: Vec<Finding>,
        threshold: Threshold,
        work: &Work,
        gate: Option<&Decide<'_>>,
    ) -> Result<Exit, Failure> {
        if let Some(namespace) = &self.namespace {
            findings.retain(|finding| finding.subject.namespace.as_ref().is_none_or(|own| own == namespace));
        }
        findings.sort_by(|a, b| (&a.rule, &a.subject).cmp(&(&b.rule, &b.subject)));
        for waivers in &self.waivers {
            for warning in waive(&mut findings, waivers, self.now) {
                self.terminal.note(&format!("warning: {warning}"));
            }
        }

        let is_interrupted = work.is_interrupted();
        if let Some((table, days)) = rules.data_age_days(self.now).filter(|(_, days)| *days > DATA_IS_OLD_DAYS) {
            let update = "dates and versions may have changed since; use a newer scanner";
            self.terminal.note(&format!("warning: the table {table} of the rules is {days} days old: {update}"));
        }

        let run = Run {
            command: self.command,
            complete: !is_interrupted,
            started_at: self.started_at,
            duration_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            targets,
            rules_digest: rules.digest().to_owned(),
        };
        let mut report = Report::new(run, findings, selected);
        if let Some(baseline) = &self.baseline {
            report.compare_with_baseline(baseline);
        }
        // Judging has taken memory too.
        report.collection = self.taken.map(with_present_peak);
        report.gate = gate.map(|gate| gate(&report.findings));
        let (mut exit, mut reason) = exit::decide(&report.findings, threshold);
        if is_interrupted {
            (exit, reason) = (Exit::Interrupted, format!("interrupted; the report is partial: {reason}"));
        }
        if self.broken_documents > 0 && !is_interrupted {
            let what =
                if self.broken_documents == 1 { "1 document" } else { &format!("{} documents", self.broken_documents) };
            (exit, reason) = (Exit::CannotRun, format!("{what} of --objects could not be read; of the rest {reason}"));
        }
        self.outputs.write(&report)?;
        let verdict = report.gate.as_ref().map(|gate| format!("{}, ", gate.verdict.name())).unwrap_or_default();
        self.terminal.note(&format!("{}: {verdict}exit {}: {reason}", self.command, exit.code()));
        Ok(exit)
    }
}
