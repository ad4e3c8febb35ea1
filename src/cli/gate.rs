//! `scanner gate`: whether an upgrade of Kubernetes may go ahead.

use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::audit::AuditArgs;
use super::cluster_input::{facts_wanted, or_from_facts};
use super::exit::{Exit, Threshold};
use super::failure::Failure;
use super::gate_decision::{self, Question};
use super::gate_journey::{Journey, from_of};
use super::gate_live;
use super::input::{open_host, parse_timeout, read_facts, start_reading};
use super::interrupt::Work;
use super::manifest_input;
use super::session::Session;
use super::terminal::Terminal;
use crate::evaluate::Named;
use crate::fact::catalogue::overlap;
use crate::fact::{Fact, Source};
use crate::finding::{Finding, Severity};
use crate::gate::plan::{PlanError, Target};
use crate::rule::Target as RuleTarget;

/// Judges whether an upgrade of Kubernetes may go ahead: READY (exit 0), BLOCKED
/// (1) or INCONCLUSIVE (3), with the reasons by what must be done first.
#[derive(Args, Clone, Debug)]
#[command(mut_arg("strict", |arg| arg.hide(true)))]
pub(crate) struct GateArgs {
    /// The Kubernetes version to upgrade to, such as 1.37 or 1.37.1
    #[arg(long, value_name = "VERSION", help_heading = "Upgrade")]
    target: String,
    /// The present version, where nothing that is judged says it
    #[arg(long, value_name = "VERSION", help_heading = "Upgrade")]
    from: Option<String>,
    /// Judge the objects of a checkout and their pod templates: files or folders of YAML and JSON; Helm templates are counted, not judged; `-` is stdin (repeatable)
    #[arg(long, value_name = "PATH", help_heading = "Input")]
    manifests: Vec<PathBuf>,
    /// Look at what deployed Helm releases were installed with, too; lists the Secrets that Helm keeps them in, which `rules rbac` does not allow
    #[arg(long, help_heading = "Input")]
    helm: bool,
    /// Count for this long whether removed APIs are still requested of a live cluster, such as 10m
    #[arg(long, value_name = "DURATION", value_parser = parse_timeout, help_heading = "Input")]
    watch_requests: Option<Duration>,
    #[command(flatten)]
    audit: AuditArgs,
}

pub(super) const HELM_OBJECTS: &str = "helm_objects";

/// Facts that the gate itself needs.
const NEEDED: [&str; 4] = ["cluster.version", "cluster.version_is_exact", "kubelet.version", "api_objects"];

/// Runs the command.
pub(crate) fn run(args: &GateArgs, terminal: Terminal) -> Result<Exit, Failure> {
    let work = Work::begin();
    super::start_threads();
    let target = Target::parse(&args.target).map_err(|error| refuse(&error))?;
    if let Some(from) = &args.from {
        target.check_newer_than(from).map_err(|error| refuse(&error))?;
    }
    let audit = &args.audit;
    let mut session = Session::begin("gate", audit, terminal)?;
    let manifests = manifest_input::read(&args.manifests, terminal)?;
    let is_nothing_named = audit.facts.is_empty() && !audit.cluster.is_named() && manifests.is_none();
    let is_host_judged = is_nothing_named || audit.host || audit.root.root.is_some();
    let limit = audit.root.limit(audit.cluster.is_live());
    let host = if is_host_judged { Some(open_host(&audit.root, session.started, limit)?) } else { None };
    // The process is about to end: giving back each piece would only take time.
    let rules = ManuallyDrop::new(audit.rules.load(false)?);
    let mut selected = audit.rules.select(&rules)?;
    selected.retain(|rule| rule.gate || rule.target == RuleTarget::Gate);
    if selected.is_empty() {
        let help = "list the names with: scanner rules list";
        return Err(Failure::new("select rules: none that the gate counts is left").with_help(help));
    }
    let mut wanted = facts_wanted(&rules, &selected, true);
    let are_objects_judged = wanted.iter().any(|path| overlap(path, "gate.api_objects"));
    wanted.extend(NEEDED.map(str::to_owned));
    // Before the cluster: the host's sockets have little time.
    let reading = host.map(|host| start_reading(host, &wanted, &work));
    let host = reading.map(|reading| reading.finish(&work, terminal).host);
    if args.watch_requests.is_some() && !audit.cluster.is_live() {
        let help = "name one with --cluster, --context or --kubeconfig";
        return Err(Failure::new("watch requests: no live cluster is judged").with_help(help));
    }
    if args.helm {
        wanted.insert(HELM_OBJECTS.to_owned());
    }
    let mut cluster = audit.cluster.read(&wanted, (session.started, limit), &work, terminal)?;
    let present = from_of(args.from.as_deref(), cluster.as_ref())?;
    if let Some(cluster) = cluster.as_mut().filter(|_| audit.cluster.is_live() && are_objects_judged) {
        let timing = (session.started, limit);
        gate_live::read_histories(cluster, (present.from.text(), &target.text), audit, timing, &work, terminal);
    }
    if let Some((duration, cluster)) = args.watch_requests.zip(cluster.as_mut()) {
        gate_live::watch(cluster, duration, audit, &work, terminal)?;
    }
    session.add_cluster(cluster.as_ref());
    let cluster = or_from_facts(cluster, &audit.facts)?;
    let present = if cluster.is_some() { from_of(args.from.as_deref(), cluster.as_ref())? } else { present };
    let mut journey = Journey {
        rules: (&rules, &selected),
        now: session.now,
        wanted: &wanted,
        target: &target,
        named: Named {
            host: is_host_judged || !audit.facts.is_empty(),
            cluster: cluster.is_some(),
            manifests: manifests.is_some(),
        },
        present,
        cluster,
        judged_nodes: Vec::new(),
        targets: Vec::new(),
        hops: Vec::new(),
    };
    // Manifests alone are not upgraded themselves.
    if !journey.named.host && !journey.named.cluster && args.from.is_none() {
        journey.present.from = Fact::absent(Source::default_of("--from"));
    }
    if let Some(from) = journey.present.from.text() {
        target.check_newer_than(from).map_err(|error| refuse(&error))?;
    }
    if let Some(host) = host {
        journey.host(host);
    }
    for path in &audit.facts {
        let Some(hosts) = read_facts(path, session.started + limit, &work, terminal)? else { break };
        for host in hosts {
            journey.host(host);
        }
    }
    if let Some(from) = journey.present.from.text() {
        target.check_newer_than(from).map_err(|error| refuse(&error))?;
    }
    let fail_on = Severity::named(&audit.fail_on);
    let from = journey.present.from.text().map(str::to_owned);
    let (targets, mut hops) = journey.finish(manifests);
    let findings = hops.pop().map(|hop| hop.findings).unwrap_or_default();
    let earlier: Vec<_> = hops.into_iter().map(|hop| (hop.target, hop.findings)).collect();
    let decide = |findings: &[Finding]| {
        let question = Question {
            target: &target.text,
            from: from.as_deref(),
            // With --fail-on none nothing counts for the exit code; the verdict is that of the default.
            fail_on: fail_on.unwrap_or(Severity::High),
            is_complete: !work.is_interrupted(),
        };
        gate_decision::decide(&question, &earlier, findings)
    };
    let threshold = Threshold { fail_on, strict: true };
    session.conclude((&rules, &selected), targets, findings, threshold, &work, Some(&decide))
}

pub(super) fn refuse(error: &PlanError) -> Failure {
    let failure = Failure::new(format!("judge the upgrade: {error}"));
    match error {
        PlanError::NotCovered { .. } => failure.with_help("use a newer scanner"),
        PlanError::NoVersion(_) => failure.with_help("name the version that the cluster is to have after the upgrade"),
        PlanError::NotNewer { .. } => failure.with_help("name a newer version with --target"),
    }
}
