//! `scanner gate`: whether an upgrade of Kubernetes may go ahead.

use std::collections::BTreeSet;
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;

use super::audit::AuditArgs;
use super::cluster_input::{NamedCluster, or_from_facts};
use super::exit::{Exit, Threshold};
use super::failure::Failure;
use super::gate_decision::{self, Question};
use super::input::{NamedFacts, open_host, parse_timeout, read_facts, start_reading};
use super::interrupt::{Outcome, Work};
use super::manifest_input;
use super::session::Session;
use super::terminal::Terminal;
use crate::evaluate::{Named, Upgrade, gate_host, gate_whole};
use crate::fact::cluster::api::requested;
use crate::fact::version::Version;
use crate::fact::{self, Fact, Facts, Source};
use crate::finding::{Finding, Severity, Subject};
use crate::gate::plan::{PlanError, Target};
use crate::gate::usage::merge;
use crate::rule::{Rule, RuleSet, Target as RuleTarget};

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
    /// Judge the manifests of a checkout: files or folders of YAML and JSON; templates are counted, not judged; `-` is stdin (repeatable)
    #[arg(long, value_name = "PATH", help_heading = "Input")]
    manifests: Vec<PathBuf>,
    /// Look at what deployed Helm releases were installed with, too; reads the Secrets that Helm keeps them in
    #[arg(long, help_heading = "Input")]
    helm: bool,
    /// Count for this long whether removed APIs are still requested of a live cluster, such as 10m
    #[arg(long, value_name = "DURATION", value_parser = parse_timeout, help_heading = "Input")]
    watch_requests: Option<Duration>,
    #[command(flatten)]
    audit: AuditArgs,
}

const HELM_OBJECTS: &str = "helm_objects";
const REQUESTS: &str = "api.requests";

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
    let mut wanted = rules.facts_needed(&selected);
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
    if let Some((duration, cluster)) = args.watch_requests.zip(cluster.as_mut()) {
        watch(cluster, duration, audit, &work, terminal)?;
    }
    session.add_cluster(cluster.as_ref());
    let cluster = or_from_facts(cluster, &audit.facts)?;
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
        present: from_of(args.from.as_deref(), cluster.as_ref())?,
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
    let (targets, mut hops) = journey.finish(manifests.map(crate::gate::manifest::Manifests::into_fact));
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

/// Waits and asks again which APIs are requested.
fn watch(
    cluster: &mut NamedCluster,
    duration: Duration,
    audit: &AuditArgs,
    work: &Work,
    terminal: Terminal,
) -> Result<(), Failure> {
    let until = Instant::now() + duration + Duration::from_secs(1);
    if work.wait_for(until, terminal.shows_progress, move || std::thread::sleep(duration)) == Outcome::Interrupted {
        return Ok(());
    }
    let wanted = BTreeSet::from([REQUESTS.to_owned()]);
    let timing = (Instant::now(), audit.root.limit(true));
    let again = audit.cluster.read(&wanted, timing, work, terminal)?;
    let second = again.as_ref().and_then(|again| again.facts.get(REQUESTS));
    if let Some((mut first, second)) = cluster.facts.get(REQUESTS).cloned().zip(second) {
        requested::compare(&mut first, second);
        cluster.facts.set(REQUESTS, first);
    }
    Ok(())
}

fn refuse(error: &PlanError) -> Failure {
    let failure = Failure::new(format!("judge the upgrade: {error}"));
    match error {
        PlanError::NotCovered { .. } => failure.with_help("use a newer scanner"),
        PlanError::NoVersion(_) => failure.with_help("name the version that the cluster is to have after the upgrade"),
        PlanError::NotNewer { .. } => failure.with_help("name a newer version with --target"),
    }
}

/// The present version and whether it is exact: what the user says, else what
/// the cluster says.
fn from_of(said: Option<&str>, cluster: Option<&NamedCluster>) -> Result<Present, Failure> {
    if let Some(said) = said {
        if Version::parse(said).is_none_or(|version| version.major() != 1) {
            return Err(refuse(&PlanError::NoVersion(said.to_owned())));
        }
        return Ok(Present { from: Fact::known(said, Source::default_of("--from")), is_exact: true });
    }
    let reason = "nothing says the present version of Kubernetes; name it with --from";
    let unknown = Present { from: Fact::Unreadable { source: None, reason: reason.to_owned() }, is_exact: false };
    let Some(cluster) = cluster else { return Ok(unknown) };
    let is_exact = cluster.facts.bool("cluster.version_is_exact").unwrap_or(false);
    let version = cluster.facts.get("cluster.version").filter(|version| version.text().is_some());
    Ok(version.map_or(unknown, |version| Present { from: version.clone(), is_exact }))
}

/// The present version.
struct Present {
    from: Fact,
    is_exact: bool,
}

impl Present {
    fn upgrade(&self, target: &str) -> Upgrade {
        let from_exact = match (&self.from, self.is_exact) {
            (Fact::Known { source, .. }, false) => {
                let reason =
                    "only a kubelet tells the present version, and the API server may be newer; name it with --from";
                Fact::Unreadable { source: source.clone(), reason: reason.to_owned() }
            }
            (from, _) => from.clone(),
        };
        Upgrade { target: target.to_owned(), from: self.from.clone(), from_exact }
    }
}

/// The newer one of two facts that hold versions.
fn newer(one: Fact, other: &Fact) -> Fact {
    let version = |fact: &Fact| fact.text().and_then(Version::parse);
    if version(other) > version(&one) { other.clone() } else { one }
}

/// What is judged on the way to the target, hop by hop: one host after the
/// other, so that the facts of many nodes are never held at once, and the
/// cluster in the end.
struct Journey<'a> {
    rules: (&'a RuleSet, &'a [&'a Rule]),
    now: Timestamp,
    wanted: &'a BTreeSet<String>,
    target: &'a Target,
    named: Named,
    present: Present,
    cluster: Option<NamedCluster>,
    judged_nodes: Vec<String>,
    targets: Vec<Subject>,
    hops: Vec<JudgedHop>,
}

/// The findings of one hop.
struct JudgedHop {
    target: String,
    findings: Vec<Finding>,
}

impl Journey<'_> {
    fn host(&mut self, mut host: NamedFacts) {
        if let Some(cluster) = &mut self.cluster {
            self.judged_nodes.extend(fact::join(&mut cluster.facts, &mut host.facts, self.wanted));
        }
        // Without a cluster only its kubelets tell.
        if self.cluster.is_none()
            && !self.present.is_exact
            && let Some(version) = host.facts.get("kubelet.version")
        {
            self.present.from = newer(self.present.from.clone(), version);
        }
        // The subject is the same for every hop.
        let mut subject = None;
        for target in self.target.hops(self.present.from.text()) {
            let upgrade = self.present.upgrade(&target);
            let beside = self.cluster.as_ref().map(|cluster| &cluster.facts);
            let (host, findings) =
                gate_host(self.rules, &mut host.facts, beside, host.name.clone(), (&upgrade, self.named), self.now);
            subject = Some(host);
            self.add(target, findings);
        }
        self.targets.extend(subject);
    }

    fn add(&mut self, target: String, findings: Vec<Finding>) {
        match self.hops.iter_mut().find(|hop| hop.target == target) {
            Some(hop) => hop.findings.extend(findings),
            None => self.hops.push(JudgedHop { target, findings }),
        }
    }

    /// What was judged, and the findings of each hop, the target's last.
    fn finish(mut self, manifests: Option<Fact>) -> (Vec<Subject>, Vec<JudgedHop>) {
        let (name, mut facts) = match self.cluster.take() {
            Some(cluster) => (cluster.name, cluster.facts),
            None => ("cluster".to_owned(), Facts::default()),
        };
        let no_cluster = || Fact::absent(Source::default_of("no cluster is named"));
        let written = facts.get("api_objects").cloned().unwrap_or_else(no_cluster);
        let releases = facts.get(HELM_OBJECTS).cloned();
        facts.set("gate.api_objects", merge([Some(written), releases, manifests].into_iter().flatten().collect()));
        let hops = self.target.hops(self.present.from.text());
        for target in &hops {
            let upgrade = self.present.upgrade(target);
            let nodes = self.judged_nodes.clone();
            let (subject, findings) =
                gate_whole(self.rules, &mut facts, nodes, name.clone(), (&upgrade, self.named), self.now);
            self.add(target.clone(), findings);
            if self.named.cluster && !self.targets.contains(&subject) {
                self.targets.push(subject);
            }
        }
        // A host with an older kubelet than the newest one was judged from further back.
        self.hops.retain(|hop| hops.contains(&hop.target));
        self.hops.sort_by_key(|hop| hops.iter().position(|target| *target == hop.target));
        (self.targets, self.hops)
    }
}
