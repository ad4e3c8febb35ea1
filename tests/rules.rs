//! Every built-in rule: it loads, its examples give what they say, and they
//! show the four kinds.

#![allow(clippy::panic)]

use scanner::rule::example;
use scanner::rule::{LoadOptions, RuleSet, Verdict};

fn builtin() -> RuleSet {
    let options = LoadOptions { with_examples: true, ..LoadOptions::default() };
    RuleSet::load(&options).unwrap_or_else(|faults| {
        let shown: Vec<String> = faults.iter().map(|fault| fault.render(false)).collect();
        panic!("{} faults in built-in rules\n\n{}", faults.len(), shown.join("\n\n"))
    })
}

#[test]
fn every_example_of_a_builtin_rule_gives_what_it_says() {
    let rules = builtin();
    let failures: Vec<String> = rules
        .rules()
        .iter()
        .flat_map(|rule| example::run(&rules, rule))
        .map(|failure| format!("{}:{}: {}: {}", failure.path, failure.line, failure.example, failure.message))
        .collect();
    assert!(failures.is_empty(), "{} examples fail\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_builtin_rule_shows_a_fail_a_pass_an_unknown_and_a_setting_left_out() {
    let rules = builtin();
    let mut lacking = Vec::new();
    for rule in rules.rules() {
        for verdict in [Verdict::Fail, Verdict::Pass, Verdict::Unknown] {
            if !rule.examples.iter().any(|example| example.verdicts.contains(&verdict)) {
                lacking.push(format!("{}: no example is {}", rule.path, verdict.name()));
            }
        }
        if !rule.examples.iter().any(|example| example.left_out) {
            lacking.push(format!("{}: no example has `left_out: true`", rule.path));
        }
    }
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
}
