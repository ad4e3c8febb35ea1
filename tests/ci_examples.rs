//! The CI examples of `docs/ci/`: their shell steps, run with the real binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use scanner::report::Report;
use serde_json::Value;
use tempfile::TempDir;

use crate::reports::repository;

/// A manifest of an API that 1.25 removed.
const REMOVED: &str = "apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {name: web, namespace: shop}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
";

fn example(name: &str) -> String {
    fs::read_to_string(repository().join("docs/ci").join(name)).unwrap()
}

fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&example(name)).unwrap()
}

/// A checkout with manifests, facts, an image's root and waivers.
fn checkout() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    fs::create_dir_all(place("deploy")).unwrap();
    fs::create_dir_all(place("facts")).unwrap();
    fs::write(place("deploy/pdb.yaml"), REMOVED).unwrap();
    let waivers = "waivers:\n  - {rule: node/swap-enabled, reason: batch, expires: 2099-12-31}\n";
    fs::write(place("waivers.yaml"), waivers).unwrap();
    let root = repository().join("fixtures/hosts/centos-stream-8-containerd/root");
    std::os::unix::fs::symlink(&root, place("image-root")).unwrap();
    let mut facts = Command::new(env!("CARGO_BIN_EXE_scanner"));
    let facts =
        facts.args(["facts", "--format", "json", "--root"]).arg(&root).arg("--output").arg(place("facts/a.json"));
    assert!(facts.status().unwrap().success());
    folder
}

/// Runs a step as CI systems do: bash, which stops at the first fault.
fn step(script: &str, folder: &Path, environment: &[(&str, &str)]) -> Output {
    let binary = Path::new(env!("CARGO_BIN_EXE_scanner")).parent().unwrap().display().to_string();
    Command::new("bash")
        .args(["-eo", "pipefail", "-c", script])
        .current_dir(folder)
        .env("PATH", format!("{binary}:{}", std::env::var("PATH").unwrap()))
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

fn saved(folder: &Path) -> Report {
    Report::parse(&fs::read_to_string(folder.join("scanner.json")).unwrap()).unwrap()
}

#[test]
fn github_actions_gates_a_repository() {
    let checkout = checkout();
    let summary = checkout.path().join("summary.md");
    let environment = [("TARGET", "1.25"), ("FROM", "1.24"), ("GITHUB_STEP_SUMMARY", summary.to_str().unwrap())];
    let workflow = yaml("github-actions.yml");
    let steps = workflow["jobs"]["gate"]["steps"].as_array().unwrap();
    let scripts: Vec<&str> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
    assert_eq!(scripts.len(), 2);
    let gate = step(scripts[0], checkout.path(), &environment);
    assert_eq!(code(&gate), 1, "{}", String::from_utf8_lossy(&gate.stderr));
    let annotations = String::from_utf8(gate.stdout).unwrap();
    assert!(annotations.lines().any(|line| line.starts_with("::error ")), "{annotations}");
    assert!(annotations.lines().last().unwrap().starts_with("scanner: BLOCKED"), "{annotations}");
    assert_eq!(code(&step(scripts[1], checkout.path(), &environment)), 0);
    let summary = fs::read_to_string(summary).unwrap();
    assert!(summary.starts_with("# scanner gate: ") && summary.contains("**BLOCKED"), "{summary}");
    let sarif: Value =
        serde_json::from_str(&fs::read_to_string(checkout.path().join("scanner.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
}

#[test]
fn gitlab_stops_only_at_what_fails_anew() {
    let checkout = checkout();
    let pipeline = yaml("gitlab-ci.yml");
    let script = pipeline["audit"]["script"][0].as_str().unwrap();
    let environment = [("BASELINE", "accepted.json")];
    let first = step(script, checkout.path(), &environment);
    assert_eq!(code(&first), 1, "{}", String::from_utf8_lossy(&first.stderr));
    fs::rename(checkout.path().join("scanner.json"), checkout.path().join("accepted.json")).unwrap();
    let second = step(script, checkout.path(), &environment);
    let said = String::from_utf8(second.stderr.clone()).unwrap();
    // What is unknown is not accepted by a baseline.
    assert!(code(&second) == 3 || code(&second) == 0, "{said}");
    assert!(said.contains("known by the baseline"), "{said}");
    assert!(saved(checkout.path()).findings.iter().any(|finding| finding.baseline.is_some()));
    for file in ["scanner.junit.xml", "gl-code-quality-report.json", "scanner.html"] {
        assert!(fs::metadata(checkout.path().join(file)).unwrap().len() > 100, "{file}");
    }
}

#[test]
fn jenkins_audits_an_image() {
    let checkout = checkout();
    let text = example("Jenkinsfile");
    let script = text.split("'''").nth(1).unwrap();
    let output = step(script, checkout.path(), &[("ROOT", "image-root")]);
    assert_eq!(code(&output), 1, "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(saved(checkout.path()).command, "audit");
    assert!(checkout.path().join("scanner.junit.xml").exists());
}

#[test]
fn tekton_gives_the_answer_as_a_result() {
    let checkout = checkout();
    let result = checkout.path().join("code");
    let task = yaml("tekton-task.yaml");
    let script = task["spec"]["steps"][0]["script"].as_str().unwrap();
    let environment = [("TARGET", "1.25"), ("FROM", "1.24"), ("RESULT", result.to_str().unwrap())];
    let output = step(script, checkout.path(), &environment);
    assert_eq!(code(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read_to_string(result).unwrap(), "1");
    assert!(saved(checkout.path()).gate.is_some());
}
