//! Rules and facts make findings: in parallel, and in a fixed order.
//!
//! A pure function: the same rules, facts and instant give the same findings.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::fact::Facts;
use crate::finding::{Finding, Subject, Verdict, WaiverNote};
use crate::rule::judge::Judgement;
use crate::rule::waiver::Waivers;
use crate::rule::{FormKind, Rule, RuleSet, Target};

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
}

/// Judges facts by rules. The order is by rule, then subject.
///
/// A fact that a rule reads and that `facts` lacks makes the rule unknown: a
/// collector that did not run said nothing.
pub fn evaluate(rules: &RuleSet, selected: &[&Rule], facts: &Facts, context: &Context) -> Vec<Finding> {
    let mut findings: Vec<Finding> = selected
        .par_iter()
        .flat_map_iter(|rule| {
            forms(rule, context)
                .into_iter()
                .flat_map(|(form, target)| judge_one(rules, rule, form, target, facts, context.now))
        })
        .collect();
    findings.sort_by(|this, that| {
        (&this.rule, &this.subject).cmp(&(&that.rule, &that.subject)).then_with(|| this.message.cmp(&that.message))
    });
    findings
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
        Target::Gate => {
            let cluster = of_kind("cluster").next().or_else(|| of_kind("host").next());
            cluster.map(|target| (FormKind::First, target)).into_iter().collect()
        }
    }
}

fn judge_one(
    rules: &RuleSet,
    rule: &Rule,
    form: FormKind,
    target: &Subject,
    facts: &Facts,
    now: Timestamp,
) -> Vec<Finding> {
    // Judging does not panic; were it to, one rule would be unknown and the
    // others still judged.
    let judged = catch_unwind(AssertUnwindSafe(|| rules.judge(rule, form, facts, now)));
    let judgements = judged.unwrap_or_else(|_| {
        vec![Judgement::unknown(rule.severity, "scanner failed to judge this rule; please report it")]
    });
    let mut seen: Vec<String> = Vec::new();
    judgements
        .into_iter()
        .map(|judgement| {
            let subject = subject_of(&judgement, target);
            let fingerprint = fingerprint(rule, &subject, judgement.key.as_deref(), &mut seen);
            Finding {
                rule: rule.name.clone(),
                title: rule.title.clone(),
                severity: judgement.severity,
                verdict: judgement.verdict,
                subject,
                message: judgement.message,
                evidence: judgement.evidence,
                fix: judgement.fix,
                references: rule.references.clone(),
                waiver: None,
                fingerprint,
            }
        })
        .collect()
}

/// The subject that the rule names, else the target.
fn subject_of(judgement: &Judgement, target: &Subject) -> Subject {
    let named = judgement.subject.as_ref().filter(|_| judgement.verdict != Verdict::NotApplicable);
    let text = |key: &str| named.and_then(|named| named.get(key)?.as_str()).map(str::to_owned);
    match (text("kind"), text("name")) {
        (Some(kind), Some(name)) => {
            Subject { kind, api_version: text("api_version"), namespace: text("namespace"), name }
        }
        _ => target.clone(),
    }
}

/// Identifies rule and subject, not wording, value or line. The host's name is
/// part of the subject; the order of elements is not.
fn fingerprint(rule: &Rule, subject: &Subject, key: Option<&str>, seen: &mut Vec<String>) -> String {
    let identity = [
        rule.name.as_str(),
        &subject.kind,
        subject.api_version.as_deref().unwrap_or_default(),
        subject.namespace.as_deref().unwrap_or_default(),
        &subject.name,
        key.unwrap_or_default(),
    ]
    .join("\0");
    let twin = seen.iter().filter(|earlier| **earlier == identity).count();
    let mut digest = Sha256::new();
    digest.update(&identity);
    if twin > 0 {
        digest.update(format!("\0{twin}"));
    }
    seen.push(identity);
    let mut text = String::new();
    for byte in digest.finalize().iter().take(16) {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
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
                finding.waiver = Some(WaiverNote {
                    reason: waiver.reason.clone(),
                    expires: waiver.expires.clone(),
                    owner: waiver.owner.clone(),
                });
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
