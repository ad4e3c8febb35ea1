//! Rules and facts make findings: in parallel, and in a fixed order.
//!
//! A pure function: the same rules, facts and instant give the same findings.

mod target;

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::fact::Facts;
use crate::finding::{Finding, Fingerprint, Heading, Subject, Verdict, WaiverNote};
use crate::rule::judge::Judgement;
use crate::rule::waiver::Waivers;
use crate::rule::{FormKind, Rule, RuleSet, Target};

pub use target::{Named, Upgrade, audit_cluster, audit_host, gate_host, gate_manifests, gate_whole};

/// What is judged, when, and for what.
#[derive(Clone, Debug)]
pub struct Context {
    /// The instant that dates are judged at.
    pub now: Timestamp,
    /// What is judged: a host, a cluster, or both joined. A rule whose target
    /// is not among them is not run and not listed.
    pub targets: Vec<Subject>,
    /// Whether this is the pre-upgrade gate: then the rules for the gate are
    /// run, and only they.
    pub gate: bool,
    /// Names of the nodes whose hosts are judged too: what the host form of a
    /// rule says of them, its cluster form does not say again.
    pub judged_nodes: Vec<String>,
}

/// Judges facts by rules. The order is by rule, then subject.
///
/// A fact that a rule reads and that `facts` lacks makes the rule unknown: a
/// collector that did not run said nothing. Names that `facts` lacks are looked
/// up in `beside`, the other side of a join.
pub fn evaluate(
    rules: &RuleSet,
    selected: &[&Rule],
    facts: &Facts,
    beside: Option<&Facts>,
    context: &Context,
) -> Vec<Finding> {
    let subjects = Subjects::default();
    let judged = selected.par_iter().map(|rule| {
        let mut court = Court::new(rule, &subjects);
        for (form, target) in forms(rule, context) {
            court.judge(rules, form, target, (facts, beside), context);
        }
        let mut findings = court.findings;
        findings.sort_by(|this, that| (&this.subject, &this.message).cmp(&(&that.subject, &that.message)));
        (&rule.name, findings)
    });
    // In a large cluster these are large: they are never held twice.
    let mut judged: Vec<(&String, Vec<Finding>)> = judged.collect();
    judged.sort_by_key(|(rule, _)| *rule);
    let mut findings = Vec::with_capacity(judged.iter().map(|(_, findings)| findings.len()).sum());
    for (_, own) in judged {
        findings.extend(own);
    }
    findings
}

/// Whether the host form of the rule speaks of this node.
fn is_said_of_host(form: FormKind, finding: &Finding, context: &Context) -> bool {
    form == FormKind::Cluster && finding.subject.kind == "Node" && context.judged_nodes.contains(&finding.subject.name)
}

/// The forms of a rule that are run, and what each judges.
fn forms<'c>(rule: &Rule, context: &'c Context) -> Vec<(FormKind, &'c Subject)> {
    if context.gate && !rule.gate && rule.target != Target::Gate {
        return Vec::new();
    }
    let of_kind = |kind: &'static str| context.targets.iter().filter(move |target| target.kind == kind);
    match rule.target {
        Target::Host => {
            let host = of_kind("host").map(|target| (FormKind::First, target));
            let cluster =
                of_kind("cluster").filter(|_| rule.has_cluster_form).map(|target| (FormKind::Cluster, target));
            host.chain(cluster).collect()
        }
        Target::Cluster => of_kind("cluster").map(|target| (FormKind::First, target)).collect(),
        Target::Gate if !context.gate => Vec::new(),
        // The upgrade as a whole is the cluster's; one with two forms judges each host too.
        Target::Gate if !rule.has_cluster_form => of_kind("cluster").map(|target| (FormKind::First, target)).collect(),
        Target::Gate => {
            let host = of_kind("host").map(|target| (FormKind::First, target));
            host.chain(of_kind("cluster").map(|target| (FormKind::Cluster, target))).collect()
        }
    }
}

/// The subjects that were met: each is held once, whatever many rules say of it.
#[derive(Default)]
struct Subjects(Mutex<HashSet<Arc<Subject>>>);

impl Subjects {
    fn shared(&self, subject: Subject) -> Arc<Subject> {
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = met.get(&subject) {
            return Arc::clone(same);
        }
        let subject = Arc::new(subject);
        met.insert(Arc::clone(&subject));
        subject
    }
}

/// One rule while it judges.
struct Court<'r> {
    rule: &'r Rule,
    subjects: &'r Subjects,
    heading: Arc<Heading>,
    findings: Vec<Finding>,
}

impl<'r> Court<'r> {
    fn new(rule: &'r Rule, subjects: &'r Subjects) -> Self {
        let heading =
            Heading { rule: rule.name.clone(), title: rule.title.clone(), references: rule.references.clone() };
        Court { rule, subjects, heading: Arc::new(heading), findings: Vec::new() }
    }

    fn judge(
        &mut self,
        rules: &RuleSet,
        form: FormKind,
        target: &Subject,
        facts: (&Facts, Option<&Facts>),
        context: &Context,
    ) {
        let before = self.findings.len();
        let rule = self.rule;
        let target = self.subjects.shared(target.clone());
        let mut twins = HashMap::new();
        let mut take = |judgement: Judgement| {
            let finding = self.finding(judgement, &target, &mut twins);
            if !is_said_of_host(form, &finding, context) {
                self.findings.push(finding);
            }
        };
        // Judging does not panic; were it to, one rule would be unknown and the
        // others still judged.
        if catch_unwind(AssertUnwindSafe(|| rules.judge(rule, form, facts, context.now, &mut take))).is_err() {
            let unknown = Judgement::unknown(rule.severity, "scanner failed to judge this rule; please report it");
            self.findings.truncate(before);
            let finding = self.finding(unknown, &target, &mut HashMap::new());
            self.findings.push(finding);
        }
    }

    fn finding(&self, judgement: Judgement, target: &Arc<Subject>, twins: &mut HashMap<[u8; 16], usize>) -> Finding {
        let subject =
            subject_of(&judgement).map_or_else(|| Arc::clone(target), |subject| self.subjects.shared(subject));
        let fingerprint = fingerprint(self.rule, &subject, judgement.key.as_deref(), twins);
        Finding {
            heading: Arc::clone(&self.heading),
            severity: judgement.severity,
            verdict: judgement.verdict,
            subject,
            message: judgement.message,
            evidence: judgement.evidence,
            fix: judgement.fix,
            waiver: None,
            baseline: None,
            fingerprint,
        }
    }
}

/// The subject that the rule names; where it names none, it is the target.
fn subject_of(judgement: &Judgement) -> Option<Subject> {
    let named = judgement.subject.as_ref().filter(|_| judgement.verdict != Verdict::NotApplicable)?;
    let text = |key: &str| named.get(key)?.as_str().map(str::to_owned);
    let (api_version, namespace) = (text("api_version"), text("namespace"));
    Some(Subject { kind: text("kind")?, api_version, namespace, name: text("name")? })
}

/// Identifies rule and subject, not wording, value or line. The host's name is
/// part of the subject; the order of elements is not. `twins` counts those that
/// share an identity.
fn fingerprint(rule: &Rule, subject: &Subject, key: Option<&str>, twins: &mut HashMap<[u8; 16], usize>) -> Fingerprint {
    let identity = [
        rule.name.as_str(),
        &subject.kind,
        subject.api_version.as_deref().unwrap_or_default(),
        subject.namespace.as_deref().unwrap_or_default(),
        &subject.name,
        key.unwrap_or_default(),
    ]
    .join("\0");
    let mut digest = digest_of(&identity);
    let before = twins.entry(digest).or_default();
    if *before > 0 {
        digest = digest_of(&format!("{identity}\0{before}"));
    }
    *before += 1;
    Fingerprint::digest(digest)
}

/// The first half of its SHA-256.
fn digest_of(text: &str) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut().zip(Sha256::digest(text)).for_each(|(byte, own)| *byte = own);
    half
}

/// Marks the failures that unexpired waivers cover, and gives a line for each
/// waiver that is expired or matches nothing.
pub fn waive(findings: &mut [Finding], waivers: &Waivers, now: Timestamp) -> Vec<String> {
    let mut warnings = Vec::new();
    for waiver in &waivers.waivers {
        let mut covered = 0;
        let is_expired = waiver.is_expired(now);
        for finding in findings.iter_mut() {
            let subject = &finding.subject;
            let is_failure = matches!(finding.verdict, Verdict::Fail | Verdict::Waived);
            if !is_failure || !waiver.covers(&finding.rule, &subject.kind, subject.namespace.as_deref(), &subject.name)
            {
                continue;
            }
            covered += 1;
            if !is_expired && finding.verdict == Verdict::Fail {
                finding.verdict = Verdict::Waived;
                finding.waiver = Some(Box::new(WaiverNote {
                    reason: waiver.reason.clone(),
                    expires: waiver.expires.clone(),
                    owner: waiver.owner.clone(),
                }));
            }
        }
        let place = format!("{}:{}", waivers.path, waiver.line);
        if is_expired {
            warnings.push(format!(
                "{place}: the waiver of {} expired on {} and no longer waives",
                waiver.rule, waiver.expires
            ));
        } else if covered == 0 {
            warnings.push(format!("{place}: the waiver of {} matches no failure", waiver.rule));
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::fact::{Fact, Source};
    use crate::finding::Severity;
    use crate::rule::LoadOptions;
    use crate::rule::select::Selection;

    const SWAP: &str = "title: swap is active
severity: high
target: host
gate: true
tags: [memory]
aliases: [node/swap]
why: The kubelet refuses to start.
when: has(swap.active)
expect: swap.active.size() == 0
message: '{{ swap.active.size() }} swap areas are active'
evidence: ['swap.active.map(a, a.device)']
fix: Run swapoff.
references: [https://kubernetes.io/docs/]
examples:
  - {name: none, verdict: pass, facts: {swap.active: []}}
";

    fn rules(files: &[(&str, String)]) -> RuleSet {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(format!("{name}.yaml"));
            fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
            fs::write(path, text).unwrap();
        }
        let options = LoadOptions { builtin: false, paths: vec![folder.path().to_owned()], with_examples: true };
        RuleSet::load(&options).unwrap_or_else(|faults| panic!("{}", faults[0].render(false)))
    }

    fn two_rules() -> RuleSet {
        let cluster = SWAP.replace("target: host", "target: cluster").replace("aliases: [node/swap]\n", "");
        rules(&[("node/swap-enabled", SWAP.to_owned()), ("cluster/swap", cluster.replace("gate: true\n", ""))])
    }

    fn target(kind: &str, name: &str) -> Subject {
        Subject { kind: kind.to_owned(), api_version: None, namespace: None, name: name.to_owned() }
    }

    fn context(targets: Vec<Subject>, gate: bool) -> Context {
        Context { now: "2026-11-23T00:00:00Z".parse().unwrap(), targets, gate, judged_nodes: Vec::new() }
    }

    fn with_swap() -> Facts {
        let mut facts = Facts::default();
        let area = Fact::group(BTreeMap::from([(
            "device".to_owned(),
            Fact::known("/swapfile", Source::line("/proc/swaps", 2)),
        )]));
        facts.set("swap.active", Fact::known(vec![area], Source::file("/proc/swaps")));
        facts
    }

    fn judge(rules: &RuleSet, facts: &Facts, context: &Context) -> Vec<Finding> {
        let selected: Vec<&Rule> = rules.rules().iter().collect();
        evaluate(rules, &selected, facts, None, context)
    }

    #[test]
    fn a_rule_whose_target_was_not_named_is_not_listed() {
        let rules = two_rules();
        let names = |context: &Context| -> Vec<String> {
            judge(&rules, &with_swap(), context).into_iter().map(|finding| finding.rule.clone()).collect()
        };
        assert_eq!(names(&context(vec![target("host", "cn-1")], false)), ["node/swap-enabled"]);
        assert_eq!(names(&context(vec![target("cluster", "kind")], false)), ["cluster/swap"]);
        let both = vec![target("host", "cn-1"), target("cluster", "kind")];
        assert_eq!(names(&context(both.clone(), false)), ["cluster/swap", "node/swap-enabled"]);
        assert_eq!(names(&context(both, true)), ["node/swap-enabled"]);
    }

    #[test]
    fn a_fingerprint_is_that_of_rule_and_subject_alone() {
        let rules = two_rules();
        let host = context(vec![target("host", "cn-1")], false);
        let failing = judge(&rules, &with_swap(), &host).remove(0);
        assert_eq!(failing.verdict, Verdict::Fail);
        assert_eq!(failing.severity, Severity::High);
        let mut facts = Facts::default();
        facts.set("swap.active", Fact::known(Vec::new(), Source::file("/proc/swaps")));
        let passing = judge(&rules, &facts, &host).remove(0);
        assert_eq!(passing.verdict, Verdict::Pass);
        assert_eq!(passing.fingerprint, failing.fingerprint);
        let other = judge(&rules, &facts, &context(vec![target("host", "cn-2")], false)).remove(0);
        assert_ne!(other.fingerprint, failing.fingerprint);
    }

    #[test]
    fn an_unexpired_waiver_waives_and_an_expired_one_says_so() {
        let rules = two_rules();
        let host = context(vec![target("host", "gpu-1")], false);
        let waivers = "waivers:
  - {rule: node/*, subject: {kind: host, name: gpu-*}, reason: batch, expires: 2026-11-23, owner: us}
  - {rule: node/swap-enabled, reason: old, expires: 2026-11-22}
  - {rule: runtime/*, reason: none, expires: 2027-01-01}
";
        let waivers = Waivers::parse(waivers, "w.yaml").unwrap();
        let mut findings = judge(&rules, &with_swap(), &host);
        let warnings = waive(&mut findings, &waivers, host.now);
        assert_eq!(findings[0].verdict, Verdict::Waived);
        assert_eq!(findings[0].waiver.as_ref().map(|waiver| waiver.reason.as_str()), Some("batch"));
        assert_eq!(
            warnings,
            [
                "w.yaml:3: the waiver of node/swap-enabled expired on 2026-11-22 and no longer waives",
                "w.yaml:4: the waiver of runtime/* matches no failure",
            ]
        );
    }

    #[test]
    fn a_selector_that_matches_nothing_is_an_error_with_the_nearest_name() {
        let rules = two_rules();
        let resolve = |select: &[&str], ignore: &[&str]| {
            let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
            let selection = Selection { select: owned(select), ignore: owned(ignore) };
            selection.resolve(&rules).map(|rules| rules.iter().map(|rule| rule.name.clone()).collect::<Vec<_>>())
        };
        assert_eq!(resolve(&["node/*"], &[]).unwrap(), ["node/swap-enabled"]);
        assert_eq!(resolve(&["node/swap"], &[]).unwrap(), ["node/swap-enabled"], "a former name");
        assert_eq!(resolve(&["tag:memory"], &["cluster/*"]).unwrap(), ["node/swap-enabled"]);
        assert_eq!(resolve(&["severity:high"], &[]).unwrap().len(), 2);
        let error = resolve(&["node/swap-enable"], &[]).unwrap_err().remove(0);
        assert_eq!(error.message, "no rule matches `node/swap-enable`");
        assert_eq!(error.help.as_deref(), Some("did you mean `node/swap-enabled`?"));
        let error = resolve(&["tag:memry"], &[]).unwrap_err().remove(0);
        assert_eq!(error.help.as_deref(), Some("did you mean `tag:memory`?"));
        assert!(resolve(&["severity:hihg"], &[]).unwrap_err()[0].help.is_some());
        assert_eq!(resolve(&[], &["*"]).unwrap_err()[0].message, "no rule is left to judge by");
    }

    #[test]
    fn a_users_rule_whose_example_is_wrong_is_refused_at_the_example() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.yaml");
        fs::write(&path, SWAP.replace("verdict: pass", "verdict: fail")).unwrap();
        let options = LoadOptions { builtin: false, paths: vec![path], with_examples: false };
        let faults = RuleSet::load(&options).expect_err("the example is wrong");
        assert_eq!((faults[0].line, faults[0].label.as_str()), (15, "expected fail, got pass"));
        assert_eq!(faults[0].message, "the example `none` does not give what it says");
    }
}
