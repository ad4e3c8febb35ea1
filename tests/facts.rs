//! Recorded and built host trees, from `fixtures/hosts/`: each gives the
//! findings that its `expected.yaml` lists, and everything else passes or does
//! not apply.
//!
//! `expected.yaml` has `fail`, a map of rules to severities, and `unknown`, a
//! list of rules.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use scanner::evaluate::audit_host;
use scanner::fact::Facts;
use scanner::fact::host::root::HostRoot;
use scanner::fact::host::{Host, collect};
use scanner::finding::{Finding, Verdict};
use scanner::rule::select::Selection;
use scanner::rule::{LoadOptions, RuleSet};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Expected {
    fail: BTreeMap<String, String>,
    unknown: BTreeSet<String>,
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts");
    let mut fixtures: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    fixtures.sort();
    fixtures
}

/// The instant that trees are audited at.
pub(crate) const NOW: &str = "2026-11-23T00:00:00Z";

/// All facts of a tree that the wanted ones need, and its findings.
pub(crate) fn audit(root: &Path, rules: &RuleSet, wanted: &BTreeSet<String>) -> (Facts, Vec<Finding>) {
    let host = Host::new(HostRoot::open(root).unwrap(), Instant::now() + Duration::from_secs(20));
    let selected = Selection::default().resolve(rules).unwrap();
    let mut facts = collect(&host, wanted);
    let (_, findings) = audit_host(rules, &selected, &mut facts, None, "tree".to_owned(), NOW.parse().unwrap());
    (facts, findings)
}

/// What differs between the findings and those expected, a line each.
fn differences(findings: &[Finding], expected: &Expected) -> Vec<String> {
    let mut lines = Vec::new();
    let mut failed = BTreeSet::new();
    let mut unknown = BTreeSet::new();
    for finding in findings {
        let Finding { message, verdict, .. } = finding;
        let rule = &finding.rule;
        let severity = finding.severity.name();
        match verdict {
            Verdict::Fail => {
                failed.insert(rule.as_str());
                match expected.fail.get(rule) {
                    Some(wanted) if wanted == severity => {}
                    Some(wanted) => {
                        lines.push(format!("{rule}: expected severity {wanted}, got {severity}: {message}"));
                    }
                    None => lines.push(format!("{rule}: must not fail, but fails as {severity}: {message}")),
                }
            }
            Verdict::Unknown => {
                unknown.insert(rule.as_str());
                if !expected.unknown.contains(rule) && !expected.fail.contains_key(rule) {
                    lines.push(format!("{rule}: must not be unknown: {message}"));
                }
            }
            Verdict::Pass | Verdict::NotApplicable | Verdict::Waived => {}
        }
    }
    let verdict_of = |rule: &str| {
        let finding = findings.iter().find(|finding| finding.rule == rule);
        finding.map_or("no such rule".to_owned(), |finding| format!("{}: {}", finding.verdict.name(), finding.message))
    };
    for (rule, severity) in expected.fail.iter().filter(|(rule, _)| !failed.contains(rule.as_str())) {
        lines.push(format!("{rule}: expected fail as {severity}, got {}", verdict_of(rule)));
    }
    for rule in expected.unknown.iter().filter(|rule| !unknown.contains(rule.as_str())) {
        lines.push(format!("{rule}: expected unknown, got {}", verdict_of(rule)));
    }
    lines
}

#[test]
fn each_fixture_gives_its_expected_findings() {
    let rules = RuleSet::load(&LoadOptions::default()).expect("the built-in rules load");
    let wanted = rules.facts_needed(&Selection::default().resolve(&rules).unwrap());
    let mut report = String::new();
    for fixture in fixtures() {
        let text = fs::read_to_string(fixture.join("expected.yaml")).expect("a fixture has an expected.yaml");
        let expected: Expected = serde_saphyr::from_str(&text).expect("expected.yaml has fail and unknown");
        let (_, findings) = audit(&fixture.join("root"), &rules, &wanted);
        let lines = differences(&findings, &expected);
        if !lines.is_empty() {
            let name = fixture.file_name().unwrap().to_string_lossy();
            writeln!(report, "fixtures/hosts/{name}\n    {}", lines.join("\n    ")).unwrap();
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn each_fixture_says_where_it_comes_from() {
    for fixture in fixtures() {
        let readme = fs::read_to_string(fixture.join("README.md")).unwrap_or_default();
        assert!(readme.len() > 80, "{}/README.md says where the contents come from", fixture.display());
    }
}
