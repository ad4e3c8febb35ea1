//! The two questions that facts are judged for: an audit, which has no version
//! to upgrade to, and the gate, which has one.

use jiff::Timestamp;

use super::{Context, evaluate};
use crate::fact::version::Version;
use crate::fact::{Fact, Facts, Source, Value};
use crate::finding::{Finding, Subject};
use crate::rule::{Rule, RuleSet, Target};

/// Judges the facts of one host as an audit does, which has no version to
/// upgrade to, beside those of its cluster, if it is judged; gives the host too.
pub fn audit_host(
    rules: &RuleSet,
    selected: &[&Rule],
    facts: &mut Facts,
    cluster: Option<&Facts>,
    name: String,
    now: Timestamp,
) -> (Subject, Vec<Finding>) {
    state_target(facts, true, cluster.is_some());
    for of_node in ["node_object", "gpu_node"] {
        if facts.get(of_node).is_none() {
            facts.set(of_node, Fact::absent(Source::default_of("no node of a cluster that is judged is this host")));
        }
    }
    audit(rules, selected, facts, cluster, Subject::target("host", name), Vec::new(), now)
}

/// Judges the facts of a cluster as an audit does; `judged_nodes` are those
/// whose hosts are judged too, and joined to their nodes.
pub fn audit_cluster(
    rules: &RuleSet,
    selected: &[&Rule],
    facts: &mut Facts,
    judged_nodes: Vec<String>,
    name: String,
    now: Timestamp,
) -> (Subject, Vec<Finding>) {
    state_target(facts, !judged_nodes.is_empty(), true);
    audit(rules, selected, facts, None, Subject::target("cluster", name), judged_nodes, now)
}

/// The upgrade that the gate judges.
#[derive(Clone, Debug)]
pub struct Upgrade {
    /// The version to upgrade to.
    pub target: String,
    /// The version before it, or the oldest that it can be.
    pub from: Fact,
    /// The version before it, where that is exact.
    pub from_exact: Fact,
}

/// What the command line names.
#[derive(Clone, Copy, Debug, Default)]
pub struct Named {
    /// A host, or several.
    pub host: bool,
    /// A cluster.
    pub cluster: bool,
    /// Files of a checkout.
    pub manifests: bool,
}

/// Judges an upgrade of one host; rules about the upgrade as a whole are
/// judged by [`gate_whole`].
pub fn gate_host(
    (rules, selected): (&RuleSet, &[&Rule]),
    facts: &mut Facts,
    cluster: Option<&Facts>,
    name: String,
    (upgrade, named): (&Upgrade, Named),
    now: Timestamp,
) -> (Subject, Vec<Finding>) {
    state_upgrade(facts, upgrade, named);
    let subject = Subject::target("host", name);
    let context = Context { now, targets: vec![subject.clone()], gate: true, judged_nodes: Vec::new() };
    (subject, evaluate(rules, selected, facts, cluster, &context))
}

/// Judges an upgrade of the cluster and as a whole. Where no cluster is named,
/// the facts are those of the manifests, and only rules about the upgrade are judged.
pub fn gate_whole(
    (rules, selected): (&RuleSet, &[&Rule]),
    facts: &mut Facts,
    judged_nodes: Vec<String>,
    name: String,
    (upgrade, named): (&Upgrade, Named),
    now: Timestamp,
) -> (Subject, Vec<Finding>) {
    state_upgrade(facts, upgrade, named);
    let subject = Subject::target("cluster", name);
    let context = Context { now, targets: vec![subject.clone()], gate: true, judged_nodes };
    let about_upgrade: Vec<&Rule> = selected
        .iter()
        .filter(|rule| {
            // Where there is no cluster, rules of manifests are judged by `gate_manifests` alone.
            named.cluster || (rule.target == Target::Gate && !rule.has_cluster_form && !rule.manifests)
        })
        .copied()
        .collect();
    (subject, evaluate(rules, &about_upgrade, facts, None, &context))
}

/// Judges the workloads of manifests by the rules that say so: as their files
/// describe them, beside the cluster that they are for, if it is judged.
pub fn gate_manifests(
    (rules, selected): (&RuleSet, &[&Rule]),
    facts: &mut Facts,
    cluster: Option<&Facts>,
    name: String,
    (upgrade, named): (&Upgrade, Named),
    now: Timestamp,
) -> Vec<Finding> {
    state_upgrade(facts, upgrade, named);
    let subject = Subject::target("cluster", name);
    let context = Context { now, targets: vec![subject], gate: true, judged_nodes: Vec::new() };
    let of_manifests: Vec<&Rule> = selected.iter().filter(|rule| rule.manifests).copied().collect();
    evaluate(rules, &of_manifests, facts, cluster, &context)
}

fn state_upgrade(facts: &mut Facts, upgrade: &Upgrade, named: Named) {
    state_target(facts, named.host, named.cluster);
    facts.set("gate.target", Fact::known(upgrade.target.as_str(), Source::default_of("--target")));
    facts.set("gate.from", upgrade.from.clone());
    facts.set("gate.from_exact", upgrade.from_exact.clone());
    facts.set("gate.from_minor", minor_of(&upgrade.from));
    facts.set("judged.manifests", Fact::known(named.manifests, Source::default_of(NAMED)));
}

/// The minor of a version; what nothing says stays unknown, and what there is
/// none of (manifests alone are not upgraded) stays absent.
fn minor_of(from: &Fact) -> Fact {
    let Fact::Known { value, source } = from else { return from.clone() };
    let source = source.clone().unwrap_or_else(|| Source::default_of("gate.from"));
    let version = match value {
        Value::Text(text) => Version::parse(text),
        _ => None,
    };
    match version.and_then(|version| i64::try_from(version.minor()).ok()) {
        Some(minor) => Fact::known(minor, source),
        None => Fact::unreadable(source, "the present version of Kubernetes is no version; name it with --from"),
    }
}

const NAMED: &str = "what the command line names";

fn state_target(facts: &mut Facts, host: bool, cluster: bool) {
    let no_gate = || Fact::absent(Source::default_of("an audit has no target version"));
    facts.set("gate.target", no_gate());
    facts.set("gate.from", no_gate());
    facts.set("gate.from_exact", no_gate());
    facts.set("gate.from_minor", no_gate());
    facts.set("judged.host", Fact::known(host, Source::default_of(NAMED)));
    facts.set("judged.cluster", Fact::known(cluster, Source::default_of(NAMED)));
    facts.set("judged.manifests", Fact::known(false, Source::default_of(NAMED)));
}

fn audit(
    rules: &RuleSet,
    selected: &[&Rule],
    facts: &Facts,
    beside: Option<&Facts>,
    subject: Subject,
    judged_nodes: Vec<String>,
    now: Timestamp,
) -> (Subject, Vec<Finding>) {
    let context = Context { now, targets: vec![subject.clone()], gate: false, judged_nodes };
    let findings = evaluate(rules, selected, facts, beside, &context);
    (subject, findings)
}
