//! Small sets of cluster objects with known verdicts, from
//! `fixtures/objects/`: each listed rule gives its verdict, and nothing else
//! fails. Hosts may stand beside them, joined to their nodes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use scanner::evaluate::{audit_cluster, audit_host};
use scanner::fact::cluster::Collection;
use scanner::fact::cluster::file::Files;
use scanner::fact::host::root::HostRoot;
use scanner::fact::host::{Host, collect};
use scanner::fact::join;
use scanner::finding::{Finding, Verdict};
use scanner::rule::RuleSet;
use scanner::rule::select::Selection;
use serde::Deserialize;

use super::cases::{Layer, build, judge_folder};
use super::facts::NOW;

/// One set of objects and its verdicts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Names of shared sets in `layers.yaml`, whose objects come first.
    #[serde(default)]
    layers: Vec<String>,
    /// YAML documents.
    #[serde(default)]
    objects: String,
    /// Host trees that are judged too, by a name of no meaning.
    #[serde(default)]
    hosts: BTreeMap<String, Layer>,
    #[serde(default)]
    may_fail: Vec<String>,
    /// For each rule the worst verdict, with a severity after a slash, or the
    /// verdict for each subject: `Node/cn-01`, `Deployment/default/web`, `cluster`, `host`.
    expect: BTreeMap<String, Expected>,
    #[serde(default)]
    #[expect(dead_code, reason = "for the reader of the case")]
    comment: Option<String>,
}

/// The verdicts of one rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Expected {
    Worst(String),
    Each(BTreeMap<String, String>),
}

/// Judges objects, and the hosts beside them, as `scanner audit` does.
pub(crate) fn audit_objects(texts: &[(&str, &str)], hosts: &BTreeMap<String, Layer>, rules: &RuleSet) -> Vec<Finding> {
    let (now, nothing) = (NOW.parse().unwrap(), BTreeSet::new());
    let selected = Selection::default().resolve(rules).unwrap();
    let wanted = rules.facts_needed(&selected);
    let collection = Collection::new(&nothing);
    let mut files = Files::new(&collection);
    for (name, text) in texts {
        files.read(name, text);
    }
    let (_, faults) = files.finish();
    assert!(faults.is_empty(), "{faults:?}");
    let mut cluster = collection.facts("not read");
    let (mut findings, mut judged) = (Vec::new(), Vec::new());
    for layer in hosts.values() {
        let folder = tempfile::tempdir().unwrap();
        build(folder.path(), layer);
        let host = Host::new(HostRoot::open(folder.path()).unwrap(), Instant::now() + Duration::from_secs(20));
        let mut facts = collect(&host, &nothing);
        judged.extend(join(&mut cluster, &mut facts, &wanted));
        findings.extend(audit_host(rules, &selected, &mut facts, Some(&cluster), "host".to_owned(), now).1);
    }
    findings.extend(audit_cluster(rules, &selected, &mut cluster, judged, "cluster".to_owned(), now).1);
    findings
}

/// How an `expect` names the subject of a finding.
fn subject(finding: &Finding) -> String {
    let subject = &finding.subject;
    match (&subject.api_version, &subject.namespace) {
        (None, _) => subject.kind.clone(),
        (_, None) => format!("{}/{}", subject.kind, subject.name),
        (_, Some(namespace)) => format!("{}/{namespace}/{}", subject.kind, subject.name),
    }
}

fn badness(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Fail => 4,
        Verdict::Unknown => 3,
        Verdict::Waived => 2,
        Verdict::Pass => 1,
        Verdict::NotApplicable => 0,
    }
}

/// What is wrong with a finding, if anything.
fn difference(expected: &str, finding: Option<&Finding>) -> Option<String> {
    let Some(finding) = finding else { return Some(format!("expected {expected}, got no finding")) };
    let (verdict, severity) = expected.split_once('/').map_or((expected, None), |(v, s)| (v, Some(s)));
    let got = serde_json::to_value(finding.verdict).unwrap();
    let got_severity = finding.severity.name();
    let is_right = got == verdict && severity.is_none_or(|severity| got_severity == severity);
    (!is_right)
        .then(|| format!("{}: expected {expected}, got {got}/{got_severity}: {}", subject(finding), finding.message))
}

fn judge(case: &Case, layers: &BTreeMap<String, String>, rules: &RuleSet) -> Vec<String> {
    let mut texts: Vec<(&str, &str)> = Vec::new();
    for name in &case.layers {
        let layer = layers.get(name).unwrap_or_else(|| panic!("case {:?}: no layer {name}", case.name));
        texts.push((name, layer));
    }
    texts.push(("objects.yaml", &case.objects));
    compare(&case.expect, &case.may_fail, &audit_objects(&texts, &case.hosts, rules))
}

/// What differs from the expected verdicts, and what fails beside them.
pub(crate) fn compare(expect: &BTreeMap<String, Expected>, may_fail: &[String], findings: &[Finding]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (rule, expected) in expect {
        let own: Vec<&Finding> = findings.iter().filter(|finding| finding.rule == *rule).collect();
        let differences: Vec<String> = match expected {
            Expected::Worst(expected) => {
                difference(expected, own.iter().copied().max_by_key(|finding| badness(finding.verdict)))
                    .into_iter()
                    .collect()
            }
            Expected::Each(subjects) => subjects
                .iter()
                .filter_map(|(name, expected)| {
                    let found = own.iter().copied().find(|finding| subject(finding) == *name);
                    difference(expected, found).map(|text| format!("{name}: {text}"))
                })
                .collect(),
        };
        wrong.extend(differences.into_iter().map(|text| format!("{rule}: {text}")));
    }
    for finding in findings.iter().filter(|finding| finding.verdict == Verdict::Fail) {
        if !may_fail.contains(&finding.rule) && !expect.contains_key(&finding.rule) {
            wrong.push(format!("{}: {}: must not fail: {}", finding.rule, subject(finding), finding.message));
        }
    }
    wrong
}

#[test]
fn every_set_gives_its_verdicts_and_nothing_else_fails() {
    let (count, report) = judge_folder("fixtures/objects", |case: &Case| case.name.as_str(), judge);
    assert!(count > 0, "no case was found");
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn one_selected_rule_still_finds_its_host_among_the_nodes() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/objects/gpu.yaml")).unwrap();
    let cases: Vec<Case> = serde_saphyr::from_str(&text).unwrap();
    let name = "two GPUs on the bus that the Node does not offer";
    let case = cases.iter().find(|case| case.name == name).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    std::fs::create_dir(&root).unwrap();
    build(&root, case.hosts.values().next().unwrap());
    std::fs::write(folder.path().join("objects.yaml"), &case.objects).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_scanner"));
    command.args(["audit", "--select", "gpu/device-plugin-not-registered", "--format", "json", "--now", NOW, "--root"]);
    let output = command.arg(root).arg("--objects").arg(folder.path().join("objects.yaml")).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let failed: Vec<&serde_json::Value> =
        report["findings"].as_array().unwrap().iter().filter(|finding| finding["verdict"] == "fail").collect();
    assert_eq!(failed.len(), 1, "{report}");
    assert_eq!(failed[0]["subject"]["kind"], "host");
}
