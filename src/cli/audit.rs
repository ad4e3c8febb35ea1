//! `scanner audit`: judges hosts by rules and writes the report.

use std::collections::BTreeSet;
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use jiff::Timestamp;

use super::cluster_input::{ClusterArgs, NamedCluster};
use super::exit::{self, Exit, Threshold};
use super::failure::Failure;
use super::input::{HostArgs, NamedFacts, open_host, read_ahead, read_facts, read_host};
use super::interrupt::Work;
use super::output::OutputArgs;
use super::rule_source::{RuleArgs, read_waivers};
use super::saved_report::BaselineArgs;
use super::terminal::Terminal;
use crate::evaluate::{audit_cluster, audit_host, waive};
use crate::fact;
use crate::finding::{Finding, Severity, Subject};
use crate::report::{Report, Run};
use crate::rule::{Rule, RuleSet};

/// Age from which on the tables of dates and versions are warned of.
const DATA_IS_OLD_DAYS: i64 = 365;

/// Judges this host, or what is named, by the rules.
#[derive(Args, Clone, Debug)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    root: HostArgs,
    /// Judge a facts document that `scanner facts --format json` wrote, `-` for stdin (repeatable: many nodes)
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    facts: Vec<PathBuf>,
    /// Judge this host too, beside a cluster
    #[arg(long, help_heading = "Input")]
    host: bool,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Judge dates at this instant instead of by the clock
    #[arg(long, value_name = "RFC3339", help_heading = "Input")]
    now: Option<Timestamp>,
    #[command(flatten)]
    rules: RuleArgs,
    /// Accept the faults that this file lists until their days (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "Rules")]
    waivers: Vec<PathBuf>,
    /// Exit with 1 if something fails at or above this severity
    #[arg(long, value_name = "SEVERITY", default_value = "high", value_parser = ["critical", "high", "medium", "low", "info", "none"], help_heading = "Verdict")]
    fail_on: String,
    /// Exit with 3 if nothing fails but something at or above --fail-on could not be judged
    #[arg(long, help_heading = "Verdict")]
    strict: bool,
    #[command(flatten)]
    baseline: BaselineArgs,
    #[command(flatten)]
    outputs: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(args: &AuditArgs, terminal: Terminal) -> Result<Exit, Failure> {
    let work = Work::begin();
    super::start_threads();
    let (started, started_at) = (Instant::now(), super::now());
    let now = args.now.unwrap_or(started_at);
    let outputs = args.outputs.open(terminal)?;
    let waivers = read_waivers(&args.waivers)?;
    let baseline = args.baseline.read(terminal)?;
    let is_nothing_named = args.facts.is_empty() && !args.cluster.is_named();
    let is_host_judged = is_nothing_named || args.host || args.root.root.is_some();
    let host = if is_host_judged { Some(open_host(&args.root, started)?) } else { None };
    // A selection may need neither processes nor packages.
    if let Some(host) = host.as_ref().filter(|_| args.rules.select.is_empty()) {
        read_ahead(host);
    }
    // The process is about to end: giving back each piece would only take time.
    let rules = ManuallyDrop::new(args.rules.load(false)?);
    let selected = args.rules.select(&rules)?;

    let wanted = rules.facts_needed(&selected);
    let cluster = args.cluster.read(&wanted, terminal)?;
    let mut verdicts = Verdicts {
        rules: &rules,
        selected: &selected,
        now,
        wanted: &wanted,
        cluster,
        judged_nodes: Vec::new(),
        targets: Vec::new(),
        findings: Vec::new(),
    };
    if let Some(host) = host {
        verdicts.judge(read_host(host, wanted.clone(), &work, terminal).host);
    }
    for path in &args.facts {
        let Some(hosts) = read_facts(path, started + args.root.timeout, &work, terminal)? else { break };
        for host in hosts {
            verdicts.judge(host);
        }
    }
    let (targets, mut findings) = verdicts.finish();
    findings.sort_by(|a, b| (&a.rule, &a.subject).cmp(&(&b.rule, &b.subject)));
    for waivers in &waivers {
        for warning in waive(&mut findings, waivers, now) {
            terminal.note(&format!("warning: {warning}"));
        }
    }

    let is_interrupted = work.is_interrupted();
    if let Some((table, days)) = rules.data_age_days(now).filter(|(_, days)| *days > DATA_IS_OLD_DAYS) {
        let update = "dates and versions may have changed since; use a newer scanner";
        terminal.note(&format!("warning: the table {table} of the rules is {days} days old: {update}"));
    }

    let run = Run {
        command: "audit",
        complete: !is_interrupted,
        started_at,
        duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        targets,
        rules_digest: rules.digest().to_owned(),
    };
    let mut report = Report::new(run, findings, &selected);
    if let Some(baseline) = &baseline {
        report.compare_with_baseline(baseline);
    }
    let threshold = Threshold { fail_on: Severity::named(&args.fail_on), strict: args.strict };
    let (mut exit, mut reason) = exit::decide(&report.findings, threshold);
    if is_interrupted {
        (exit, reason) = (Exit::Interrupted, format!("interrupted; the report is partial: {reason}"));
    }
    outputs.write(&report)?;
    terminal.note(&format!("audit: exit {}: {reason}", exit.code()));
    Ok(exit)
}

/// The findings of one host after the other, so that the facts of many nodes
/// are never held at once, and of their cluster in the end.
struct Verdicts<'a> {
    rules: &'a RuleSet,
    selected: &'a [&'a Rule],
    now: Timestamp,
    wanted: &'a BTreeSet<String>,
    cluster: Option<NamedCluster>,
    judged_nodes: Vec<String>,
    targets: Vec<Subject>,
    findings: Vec<Finding>,
}

impl Verdicts<'_> {
    fn judge(&mut self, mut host: NamedFacts) {
        if let Some(cluster) = &mut self.cluster {
            self.judged_nodes.extend(fact::join(&mut cluster.facts, &mut host.facts, self.wanted));
        }
        let cluster = self.cluster.as_ref().map(|cluster| &cluster.facts);
        let (subject, findings) = audit_host(self.rules, self.selected, &mut host.facts, cluster, host.name, self.now);
        self.findings.extend(findings);
        self.targets.push(subject);
    }

    fn finish(mut self) -> (Vec<Subject>, Vec<Finding>) {
        if let Some(mut cluster) = self.cluster {
            let (subject, findings) =
                audit_cluster(self.rules, self.selected, &mut cluster.facts, self.judged_nodes, cluster.name, self.now);
            self.findings.extend(findings);
            self.targets.push(subject);
        }
        (self.targets, self.findings)
    }
}
