//! `scanner audit`: judges hosts by rules and writes the report.

use std::collections::BTreeSet;
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use jiff::Timestamp;

use super::cluster_input::{ClusterArgs, NamedCluster, facts_wanted, or_from_facts};
use super::exit::{Exit, Threshold};
use super::failure::Failure;
use super::input::{HostArgs, NamedFacts, open_host, read_ahead, read_facts, start_reading};
use super::interrupt::Work;
use super::output::OutputArgs;
use super::rule_source::RuleArgs;
use super::saved_report::BaselineArgs;
use super::session::Session;
use super::terminal::Terminal;
use crate::evaluate::{audit_cluster, audit_host};
use crate::fact;
use crate::finding::{Finding, Severity, Subject};
use crate::rule::{Rule, RuleSet, Target};

/// Judges this host, or what is named, by the rules.
#[derive(Args, Clone, Debug)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    pub(super) root: HostArgs,
    /// Judge a facts document that `scanner facts --format json` wrote, `-` for stdin (repeatable: many nodes)
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub(super) facts: Vec<PathBuf>,
    /// Judge this host too, beside a cluster
    #[arg(long, help_heading = "Input")]
    pub(super) host: bool,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    /// Judge dates at this instant instead of by the clock
    #[arg(long, value_name = "RFC3339", help_heading = "Input")]
    pub(super) now: Option<Timestamp>,
    #[command(flatten)]
    pub(super) rules: RuleArgs,
    /// Accept the faults that this file lists until their days (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "Rules")]
    pub(super) waivers: Vec<PathBuf>,
    /// Exit with 1 if something fails at or above this severity
    #[arg(long, value_name = "SEVERITY", default_value = "high", value_parser = ["critical", "high", "medium", "low", "info", "none"], help_heading = "Verdict")]
    pub(super) fail_on: String,
    /// Exit with 3 if nothing fails but something at or above --fail-on could not be judged
    #[arg(long, help_heading = "Verdict")]
    strict: bool,
    #[command(flatten)]
    pub(super) baseline: BaselineArgs,
    #[command(flatten)]
    pub(super) outputs: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(args: &AuditArgs, terminal: Terminal) -> Result<Exit, Failure> {
    let work = Work::begin();
    super::start_threads();
    let mut session = Session::begin("audit", args, terminal)?;
    let limit = args.root.limit(args.cluster.is_live());
    let is_nothing_named = args.facts.is_empty() && !args.cluster.is_named();
    let is_host_judged = is_nothing_named || args.host || args.root.root.is_some();
    let mut host = if is_host_judged { Some(open_host(&args.root, session.started, limit)?) } else { None };
    // All rules together need every fact, so reading need not wait for them.
    let reading = host.take_if(|_| args.rules.are_all()).map(|host| {
        read_ahead(&host);
        start_reading(host, &BTreeSet::new(), &work)
    });
    // The process is about to end: giving back each piece would only take time.
    // A facts document may be that of a cluster.
    let rules = ManuallyDrop::new(if args.cluster.is_named() || !args.facts.is_empty() {
        args.rules.load(false)?
    } else {
        args.rules.load_for_hosts()?
    });
    let mut selected = args.rules.select(&rules)?;
    // What only the gate asks for need not be read.
    if selected.iter().any(|rule| rule.target != Target::Gate) {
        selected.retain(|rule| rule.target != Target::Gate);
    }

    let is_joined = args.cluster.is_named() && (is_host_judged || !args.facts.is_empty());
    let wanted = facts_wanted(&rules, &selected, is_joined);
    // Before the cluster: the host's sockets have little time.
    let reading = reading.or_else(|| Some(start_reading(host?, &wanted, &work)));
    let host = reading.map(|reading| reading.finish(&work, terminal).host);
    let cluster = args.cluster.read(&wanted, (session.started, limit), &work, terminal)?;
    session.add_cluster(cluster.as_ref());
    let cluster = or_from_facts(cluster, &args.facts)?;
    let mut verdicts = Verdicts {
        rules: &rules,
        selected: &selected,
        now: session.now,
        wanted: &wanted,
        cluster,
        judged_nodes: Vec::new(),
        targets: Vec::new(),
        findings: Vec::new(),
    };
    verdicts.judge_all(host, &args.facts, session.started + limit, &work, terminal)?;
    let (targets, findings) = verdicts.finish();
    let threshold = Threshold { fail_on: Severity::named(&args.fail_on), strict: args.strict };
    session.conclude((&rules, &selected), targets, findings, threshold, &work, None)
}

/// The findings of one host after the other, so that the facts of many nodes
/// are never held at once, and of their cluster in the end.
pub(super) struct Verdicts<'a> {
    pub(super) rules: &'a RuleSet,
    pub(super) selected: &'a [&'a Rule],
    pub(super) now: Timestamp,
    pub(super) wanted: &'a BTreeSet<String>,
    pub(super) cluster: Option<NamedCluster>,
    pub(super) judged_nodes: Vec<String>,
    pub(super) targets: Vec<Subject>,
    pub(super) findings: Vec<Finding>,
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

    /// Judges this host, if it was read, and those of facts documents, until
    /// the run is interrupted.
    pub(super) fn judge_all(
        &mut self,
        host: Option<NamedFacts>,
        documents: &[PathBuf],
        deadline: Instant,
        work: &Work,
        terminal: Terminal,
    ) -> Result<(), Failure> {
        if let Some(host) = host {
            self.judge(host);
        }
        for path in documents {
            let Some(hosts) = read_facts(path, deadline, work, terminal)? else { break };
            for host in hosts {
                self.judge(host);
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> (Vec<Subject>, Vec<Finding>) {
        if let Some(mut cluster) = self.cluster {
            let (subject, findings) =
                audit_cluster(self.rules, self.selected, &mut cluster.facts, self.judged_nodes, cluster.name, self.now);
            // There may be very many of a cluster's.
            if self.findings.is_empty() {
                self.findings = findings;
            } else {
                self.findings.extend(findings);
            }
            self.targets.push(subject);
        }
        (self.targets, self.findings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::host::Collection;
    use crate::rule::LoadOptions;

    /// Then reading everything at once reads hardly anything in vain.
    #[test]
    fn all_rules_together_need_nearly_every_collector() {
        let rules =
            RuleSet::load(&LoadOptions::default()).unwrap_or_else(|faults| panic!("{}", faults[0].render(false)));
        let all: Vec<&Rule> = rules.rules().iter().collect();
        let of_rules = Collection::new(&rules.facts_needed(&all)).collector_names();
        let everything = Collection::new(&BTreeSet::new()).collector_names();
        let in_vain: Vec<_> = everything.iter().filter(|name| !of_rules.contains(name)).collect();
        assert!(in_vain.len() <= 2, "{in_vain:?}");
    }
}
