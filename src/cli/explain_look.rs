//! What the facts of a host or a cluster say of possible causes. Only facts
//! that the rules and checks of these causes need are read.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::audit::Verdicts;
use super::cluster_input::{facts_wanted, or_from_facts};
use super::explain::ExplainArgs;
use super::failure::Failure;
use super::input::{open_host, start_reading};
use super::interrupt::Work;
use super::terminal::Terminal;
use crate::explain::{Looked, Matcher};
use crate::rule::{Rule, RuleSet, Target};

/// Reads the facts and judges them.
pub(super) fn look(
    args: &ExplainArgs,
    rules: &RuleSet,
    matcher: &Matcher<'_>,
    now: Timestamp,
    work: &Work,
    terminal: Terminal,
) -> Result<Looked, Failure> {
    let (names, checks) = (matcher.rules(), matcher.checks());
    let of_rules = names.iter().filter_map(|name| rules.get(name));
    let of_checks = checks.iter().map(Arc::as_ref);
    // The gate's need a version to upgrade to.
    let selected: Vec<&Rule> = of_rules.chain(of_checks).filter(|rule| rule.target != Target::Gate).collect();
    if rules.facts_needed(&selected).is_empty() {
        return Ok(Looked::default());
    }
    let are_hosts_judged = args.is_host_named() || !args.facts.is_empty();
    let wanted = facts_wanted(rules, &selected, are_hosts_judged && args.cluster.is_named());
    let (started, limit) = (Instant::now(), args.root.limit(args.cluster.is_live()));
    let reading = if args.is_host_named() {
        Some(start_reading(open_host(&args.root, started, limit)?, &wanted, work))
    } else {
        None
    };
    let host = reading.map(|reading| reading.finish(work, terminal).host);
    let cluster = args.cluster.read(&wanted, (started, limit), work, terminal)?;
    let mut verdicts = Verdicts {
        rules,
        selected: &selected,
        now,
        wanted: &wanted,
        cluster: or_from_facts(cluster, &args.facts)?,
        judged_nodes: Vec::new(),
        targets: Vec::new(),
        findings: Vec::new(),
    };
    verdicts.judge_all(host, &args.facts, started + limit, work, terminal)?;
    let (targets, mut findings) = verdicts.finish();
    if let Some(namespace) = &args.cluster.namespace {
        findings.retain(|finding| finding.subject.namespace.as_ref().is_none_or(|own| own == namespace));
    }
    findings.sort_by(|this, that| (&this.rule, &this.subject).cmp(&(&that.rule, &that.subject)));
    Ok(Looked { targets, findings })
}
