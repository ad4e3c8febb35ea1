//! Ranks what may be behind the symptoms that were seen: what the facts say
//! first, then how specific the match is and where the cause stands in its
//! symptom's list, then how bad and how frequent it is.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::known::Sign;
use super::matcher::Matcher;
use super::{CauseKind, Confirmation, EXPLAIN_SCHEMA, Explanation, PossibleCause, SeenSymptom, Version};
use crate::finding::{Finding, Subject, Verdict};
use crate::rule::{Cause, Rule, Target};

/// What the facts of a host, a cluster or both said.
#[derive(Debug, Default)]
pub struct Looked {
    /// Whose facts they are.
    pub targets: Vec<Subject>,
    /// What the rules said of them.
    pub findings: Vec<Finding>,
}

impl Matcher<'_> {
    /// The rules and checks that could confirm what was seen.
    pub fn checks(&self) -> Vec<Arc<Rule>> {
        self.each_cause()
            .into_iter()
            .filter_map(|(_, _, cause)| match cause {
                Named::Check(rule) => Some(Arc::clone(rule)),
                _ => None,
            })
            .collect()
    }

    /// The names of the rules that could confirm what was seen.
    pub fn rules(&self) -> BTreeSet<String> {
        self.each_cause()
            .into_iter()
            .filter_map(|(_, _, cause)| match cause {
                Named::Rule(rule) => Some(rule.name.clone()),
                _ => None,
            })
            .collect()
    }

    /// Every cause of every symptom that counts: with the symptom, and its place in its list.
    fn each_cause(&self) -> Vec<(SeenSymptom, usize, Named<'_>)> {
        let mut all = Vec::new();
        for (at, seen) in self.told().0 {
            match self.known().signs.get(at) {
                Some(Sign::Rule(rule)) => all.push((seen, 0, Named::Rule(rule))),
                Some(Sign::Symptom(symptom)) => {
                    for (place, cause) in symptom.causes.iter().enumerate() {
                        let named = match cause {
                            Cause::Rule(name) => self.known().rules.get(name).map(Named::Rule),
                            Cause::Check(rule) => Some(Named::Check(rule)),
                            Cause::Capture(name) => Some(Named::Capture(name)),
                            Cause::Told { title, fix } => {
                                Some(Named::Told { name: format!("{}/{}", symptom.name, place + 1), title, fix })
                            }
                        };
                        all.extend(named.map(|named| (seen.clone(), place, named)));
                    }
                }
                None => {}
            }
        }
        all
    }

    /// Everything that was found, ranked.
    pub fn explain(&self, complete: bool, looked: &Looked) -> Explanation {
        let mut causes: BTreeMap<(CauseKind, String), (f64, PossibleCause)> = BTreeMap::new();
        for (seen, place, named) in self.each_cause() {
            let score = score(&seen, place);
            let mut cause = named.describe();
            cause.symptoms.push(seen.symptom.clone());
            cause.count = seen.count;
            match causes.get_mut(&(cause.kind, cause.name.clone())) {
                Some((best, known)) => {
                    *best = best.max(score);
                    known.count = known.count.saturating_add(seen.count);
                    known.symptoms.push(seen.symptom);
                }
                None => {
                    named.confirm(&mut cause, looked);
                    causes.insert((cause.kind, cause.name.clone()), (score, cause));
                }
            }
        }
        let mut causes: Vec<_> = causes.into_values().collect();
        causes.sort_by(|(this_score, this), (that_score, that)| {
            let by_facts = this.confirmation.cmp(&that.confirmation);
            let by_score = that_score.total_cmp(this_score);
            let rest = |cause: &PossibleCause| (Reverse(cause.severity), Reverse(cause.count), cause.name.clone());
            by_facts.then(by_score).then_with(|| rest(this).cmp(&rest(that)))
        });
        let (symptoms, set_aside) = self.told();
        let mut symptoms: Vec<_> = symptoms.into_iter().map(|(_, seen)| seen).collect();
        symptoms.sort_by_key(|seen| (Reverse(seen.specificity), Reverse(seen.count), seen.symptom.clone()));
        Explanation {
            schema: EXPLAIN_SCHEMA,
            scanner: Version {
                version: env!("CARGO_PKG_VERSION"),
                rules_digest: self.known().rules.digest().to_owned(),
            },
            complete,
            input: self.input(),
            looked_at: looked.targets.clone(),
            causes: causes.into_iter().map(|(_, cause)| cause).collect(),
            symptoms,
            set_aside,
        }
    }
}

/// How likely a cause is by the text alone. Much that is prescribed is no accident; what
/// stands later in its symptom's list is less likely; what was seen a thousand
/// times weighs a little more than what was seen once.
fn score(seen: &SeenSymptom, place: usize) -> f64 {
    let specificity = u32::try_from(seen.specificity.min(200)).map_or(0.0, f64::from);
    let place = u32::try_from(place).map_or(0.0, f64::from);
    let digits = f64::from(seen.count.max(1).ilog10());
    specificity * 0.9_f64.powf(place) + digits * 5.0
}

/// A cause, and where it is described.
enum Named<'c> {
    Rule(&'c Rule),
    Check(&'c Arc<Rule>),
    Capture(&'c str),
    Told { name: String, title: &'c str, fix: &'c str },
}

impl Named<'_> {
    fn describe(&self) -> PossibleCause {
        let (kind, name, title, fix) = match self {
            Named::Rule(rule) => (CauseKind::Rule, rule.name.clone(), rule.title.as_str(), only_fix(rule)),
            Named::Check(rule) => (CauseKind::Check, rule.name.clone(), rule.title.as_str(), only_fix(rule)),
            Named::Capture(name) => {
                let fix = "Look at the packets of the pod or interface: scanner capture shows it among its findings.";
                (CauseKind::Capture, (*name).to_owned(), "what a capture would find", Some(fix.to_owned()))
            }
            Named::Told { name, title, fix } => (CauseKind::Told, name.clone(), *title, Some((*fix).to_owned())),
        };
        let facts = match self {
            Named::Rule(rule) => rule.facts(),
            Named::Check(rule) => rule.facts(),
            _ => BTreeSet::new(),
        };
        PossibleCause {
            kind,
            name,
            title: title.to_owned(),
            severity: match self {
                Named::Rule(rule) => Some(rule.severity),
                _ => None,
            },
            symptoms: Vec::new(),
            count: 0,
            facts: facts
                .into_iter()
                .filter(|fact| !fact.starts_with("gate.") && !fact.starts_with("judged."))
                .map(str::to_owned)
                .collect(),
            confirmation: Confirmation::NotLooked,
            reason: None,
            findings: Vec::new(),
            fix,
        }
    }

    /// Takes over what the facts say.
    fn confirm(&self, cause: &mut PossibleCause, looked: &Looked) {
        let rule: &Rule = match self {
            Named::Rule(rule) => rule,
            Named::Check(rule) => rule,
            Named::Capture(_) => {
                cause.reason = Some("only packets tell".to_owned());
                return;
            }
            Named::Told { .. } => {
                cause.reason = Some("no fact tells".to_owned());
                return;
            }
        };
        if looked.targets.is_empty() {
            return;
        }
        let of_rule: Vec<&Finding> = looked.findings.iter().filter(|finding| finding.rule == rule.name).collect();
        let with = |verdict| of_rule.iter().filter(move |finding| finding.verdict == verdict).copied();
        let (confirmation, shown): (_, Vec<&Finding>) = if with(Verdict::Fail).next().is_some() {
            (Confirmation::Confirmed, with(Verdict::Fail).collect())
        } else if with(Verdict::Unknown).next().is_some() {
            (Confirmation::CouldNotLook, with(Verdict::Unknown).collect())
        } else if of_rule.is_empty() {
            cause.reason = Some(not_asked(rule).to_owned());
            return;
        } else {
            (Confirmation::Refuted, with(Verdict::Pass).chain(with(Verdict::NotApplicable)).collect())
        };
        cause.confirmation = confirmation;
        // How bad it is here, and not at worst; of checks nothing is said.
        if confirmation == Confirmation::Confirmed && cause.severity.is_some() {
            cause.severity = shown.iter().map(|finding| finding.severity).max();
        }
        cause.reason = shown.first().map(|finding| finding.message.clone()).filter(|message| !message.is_empty());
        cause.findings = shown.into_iter().take(SHOWN).cloned().collect();
        if let Some(fix) = cause.findings.iter().find_map(|finding| finding.fix.clone()) {
            cause.fix = Some(fix);
        }
    }
}

/// Findings of one cause that are shown.
const SHOWN: usize = 20;

/// Why a rule was not asked.
fn not_asked(rule: &Rule) -> &'static str {
    match rule.target {
        Target::Gate => "it is judged for an upgrade: scanner gate --target VERSION",
        Target::Host if !rule.has_cluster_form => "it is a host's: name one with --host, --root or --facts",
        Target::Host => "it is a host's or a cluster's: name one with --host or --cluster",
        Target::Cluster => "it is a cluster's: name one with --cluster or --objects",
    }
}

/// The fix that needs no fact: the only one, without holes in its text.
fn only_fix(rule: &Rule) -> Option<String> {
    match rule.fix.as_slice() {
        [fix] if !fix.text.contains("{{") => Some(fix.text.clone()),
        _ => None,
    }
}
