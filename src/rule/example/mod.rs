//! The examples of a rule, which are its tests and its documentation.

mod facts;
mod read;

use std::ops::Range;

use jiff::Timestamp;
pub(super) use read::read;

use super::data::Tables;
use super::expression::World;
use super::judge::{Judgement, judge};
use super::{Rule, RuleSet, Severity, Target, Verdict};
use crate::fact::Facts;

/// One example of a rule.
#[derive(Clone, Debug)]
pub struct Example {
    /// What is shown.
    pub name: String,
    /// The verdicts that it must give: one, or one for each element.
    pub verdicts: Vec<Verdict>,
    /// Whether the setting is left out in it.
    pub left_out: bool,
    /// Its text in the rule file, for documentation.
    pub text: String,
    /// Its first line in the rule file, counted from 1.
    pub line: usize,
    /// The facts that it judges.
    pub facts: Facts,
    pub(super) is_list: bool,
    pub(super) now: Timestamp,
    pub(super) is_cluster: bool,
    pub(super) severity: Option<Severity>,
    pub(super) message: Option<String>,
    pub(super) fix: Option<String>,
    pub(super) span: Range<usize>,
}

/// An example that does not give what it says.
#[derive(Clone, Debug)]
pub struct ExampleFailure {
    /// The rule.
    pub rule: String,
    /// The example's name.
    pub example: String,
    /// The rule's file.
    pub path: String,
    /// The example's line in it.
    pub line: usize,
    /// Expected, got, and because of what.
    pub message: String,
}

/// Runs every example of a rule.
pub fn run(rules: &RuleSet, rule: &Rule) -> Vec<ExampleFailure> {
    run_with(&rules.data, rule)
}

pub(super) fn run_with(data: &Tables, rule: &Rule) -> Vec<ExampleFailure> {
    rule.examples
        .iter()
        .filter_map(|example| {
            let message = check(data, rule, example)?;
            Some(ExampleFailure {
                rule: rule.name.clone(),
                example: example.name.clone(),
                path: rule.path.clone(),
                line: example.line,
                message,
            })
        })
        .collect()
}

/// What is wrong with an example, if anything is.
fn check(data: &Tables, rule: &Rule, example: &Example) -> Option<String> {
    let form = match (&rule.cluster, example.is_cluster, rule.target) {
        (Some(cluster), true, _) => cluster,
        (None, true, Target::Host) => return Some("the rule has no second form for a cluster".to_owned()),
        _ => &rule.form,
    };
    let world = World { facts: &example.facts, beside: None, data, now: example.now, missing_is_absent: true };
    let mut judgements: Vec<Judgement> = Vec::new();
    judge(form, world, &mut |judgement| judgements.push(judgement));
    let shown = || show(&judgements);
    if example.is_list {
        let got: Vec<Verdict> = judgements.iter().map(|judgement| judgement.verdict).collect();
        if got != example.verdicts {
            let expected: Vec<&str> = example.verdicts.iter().map(|verdict| verdict.name()).collect();
            return Some(format!("expected {}, got {}", expected.join(", "), shown()));
        }
    } else if let Some(expected) = example.verdicts.first()
        && worst(&judgements) != Some(*expected)
    {
        return Some(format!("expected {}, got {}", expected.name(), shown()));
    }
    let decisive: Vec<&Judgement> = judgements
        .iter()
        .filter(|judgement| example.is_list || Some(judgement.verdict) == example.verdicts.first().copied())
        .collect();
    if let Some(severity) = example.severity
        && !decisive.iter().any(|judgement| judgement.severity == severity)
    {
        let got: Vec<&str> = decisive.iter().map(|judgement| judgement.severity.name()).collect();
        return Some(format!("expected severity {}, got {}", severity.name(), got.join(", ")));
    }
    if let Some(part) = &example.message
        && !decisive.iter().any(|judgement| judgement.message.contains(part.as_str()))
    {
        return Some(format!("expected a message with `{part}`, got {}", shown()));
    }
    if let Some(part) = &example.fix
        && !decisive.iter().any(|judgement| judgement.fix.as_ref().is_some_and(|fix| fix.contains(part.as_str())))
    {
        let got: Vec<&str> = decisive.iter().filter_map(|judgement| judgement.fix.as_deref()).collect();
        return Some(format!("expected a fix with `{part}`, got {}", got.join(" | ")));
    }
    None
}

/// The verdict of many elements: a failure before what is unknown.
fn worst(judgements: &[Judgement]) -> Option<Verdict> {
    [Verdict::Fail, Verdict::Unknown, Verdict::Pass, Verdict::NotApplicable]
        .into_iter()
        .find(|verdict| judgements.iter().any(|judgement| judgement.verdict == *verdict))
}

fn show(judgements: &[Judgement]) -> String {
    let shown: Vec<String> = judgements
        .iter()
        .map(|judgement| match judgement.message.as_str() {
            "" => judgement.verdict.name().to_owned(),
            message => format!("{} ({message})", judgement.verdict.name()),
        })
        .collect();
    shown.join(", ")
}
