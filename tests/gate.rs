//! The gate as CI runs it: clusters and manifests with known verdicts, from
//! `fixtures/gate/`. In each, the rules that are named fail and no other does
//! at the threshold.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use super::cases::{Layer, build};
use super::facts::NOW;

/// One upgrade and what the gate says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// The complaint about another tool that this is, such as `FairwindsOps/pluto#500`.
    #[serde(default)]
    #[expect(dead_code, reason = "for the reader of the case")]
    seen_in: Option<String>,
    /// Names of shared sets in `layers.yaml`, whose objects come first.
    #[serde(default)]
    layers: Vec<String>,
    #[serde(default)]
    objects: Option<String>,
    /// When it is judged, if not at the time of the other tests: an old cluster in its own days.
    #[serde(default)]
    now: Option<String>,
    /// Files of a checkout, by path.
    #[serde(default)]
    manifests: BTreeMap<String, String>,
    /// A node: names of layers of `fixtures/cases/layers.yaml`, and further files.
    #[serde(default)]
    node: Vec<String>,
    #[serde(default)]
    node_files: BTreeMap<String, String>,
    #[serde(default)]
    arguments: Vec<String>,
    /// Each target with its outcome; several where one cluster is asked for several.
    targets: BTreeMap<String, Outcome>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outcome {
    exit: i32,
    #[serde(default)]
    verdict: Option<String>,
    /// Rules that fail at or above `high`; exactly these.
    #[serde(default)]
    fail: BTreeSet<String>,
    /// Rules that fail below it; these at least.
    #[serde(default)]
    notes: BTreeSet<String>,
    /// Rules at or above `high` that are unknown; these at least.
    #[serde(default)]
    unknown: BTreeSet<String>,
    #[serde(default)]
    first_blocked: Option<String>,
    /// A part of what stderr says.
    #[serde(default)]
    says: Option<String>,
}

/// The layers of host trees.
fn nodes() -> &'static BTreeMap<String, Layer> {
    static READ: OnceLock<BTreeMap<String, Layer>> = OnceLock::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases/layers.yaml");
    READ.get_or_init(|| serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap())
}

fn run(case: &Case, layers: &BTreeMap<String, String>, target: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_scanner"));
    command.args(["gate", "--format", "json", "--target", target]);
    command.args(["--now", case.now.as_deref().unwrap_or(NOW)]);
    let mut texts: Vec<&str> = case.layers.iter().map(|name| layers[name].as_str()).collect();
    texts.extend(case.objects.as_deref());
    for (number, text) in texts.iter().enumerate() {
        let path = folder.path().join(format!("objects-{number}.yaml"));
        fs::write(&path, text).unwrap();
        command.arg("--objects").arg(path);
    }
    for (name, text) in &case.manifests {
        let path = folder.path().join("checkout").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    if !case.node.is_empty() {
        let root = folder.path().join("node");
        case.node.iter().for_each(|name| build(&root, &nodes()[name]));
        for (name, text) in &case.node_files {
            let path = root.join(name.trim_start_matches('/'));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        command.arg("--root").arg(root);
    }
    if !case.manifests.is_empty() {
        command.arg("--manifests").arg(folder.path().join("checkout"));
    }
    command.args(&case.arguments).output().unwrap()
}

fn rules(report: &Value, verdict: &str, is_severe: bool) -> BTreeSet<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let severe = ["critical", "high"];
    findings
        .filter(|finding| {
            finding["verdict"] == verdict && severe.contains(&finding["severity"].as_str().unwrap()) == is_severe
        })
        .map(|finding| finding["rule"].as_str().unwrap().to_owned())
        .collect()
}

fn differences(case: &Case, target: &str, expected: &Outcome, output: &Output) -> Vec<String> {
    let mut wrong = Vec::new();
    let stderr = String::from_utf8_lossy(&output.stderr);
    if output.status.code() != Some(expected.exit) {
        wrong.push(format!("expected exit {}, got {:?}: {stderr}", expected.exit, output.status.code()));
    }
    if let Some(part) = expected.says.as_ref().filter(|part| !stderr.contains(part.as_str())) {
        wrong.push(format!("expected {part:?} in: {stderr}"));
    }
    if let Ok(report) = serde_json::from_slice::<Value>(&output.stdout) {
        let gate = &report["gate"];
        if let Some(verdict) = expected.verdict.as_ref().filter(|verdict| gate["verdict"] != **verdict) {
            wrong.push(format!("expected {verdict}, got {}: {}", gate["verdict"], gate["reasons"]));
        }
        if let Some(first) = expected.first_blocked.as_ref().filter(|first| gate["first_blocked"] != **first) {
            wrong.push(format!("expected {first} as the first blocked hop, got {}", gate["hops"]));
        }
        let failing = rules(&report, "fail", true);
        if failing != expected.fail {
            wrong.push(format!("expected {:?} to fail, got {failing:?}", expected.fail));
        }
        for (named, found) in
            [(&expected.notes, rules(&report, "fail", false)), (&expected.unknown, rules(&report, "unknown", true))]
        {
            if !named.is_subset(&found) {
                wrong.push(format!("expected {named:?} among {found:?}"));
            }
        }
    } else if expected.verdict.is_some() {
        wrong.push("there is no report".to_owned());
    }
    wrong.into_iter().map(|text| format!("{} -> {target}: {text}", case.name)).collect()
}

#[test]
fn every_upgrade_gets_its_verdict_and_no_other_rule_stands_in_its_way() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/gate");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let layers: BTreeMap<String, String> = serde_saphyr::from_str(&read("layers.yaml")).unwrap();
    let mut cases: Vec<Case> = Vec::new();
    for name in ["clusters.yaml", "hosts.yaml", "manifests.yaml", "complaints.yaml"] {
        cases
            .extend(serde_saphyr::from_str::<Vec<Case>>(&read(name)).unwrap_or_else(|error| panic!("{name}: {error}")));
    }
    let runs: Vec<(&Case, &String, &Outcome)> = cases
        .iter()
        .flat_map(|case| case.targets.iter().map(move |(target, outcome)| (case, target, outcome)))
        .collect();
    assert!(runs.len() > 90, "{} upgrades", runs.len());
    let wrong: Vec<String> = runs
        .par_iter()
        .flat_map_iter(|(case, target, expected)| differences(case, target, expected, &run(case, &layers, target)))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
