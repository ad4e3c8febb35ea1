//! The program as a user starts it: arguments, streams, exit codes.
//!
//! The rules and facts here are the tests' own, so that no built-in rule and
//! no property of this machine decides an outcome.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

const HIGH: &str = r#"
title: the runtime is the one that burns
severity: high
target: host
tags: [fire]
why: A runtime that burns takes the node with it, and shows it by smoke from the rack.
expect: runtime.name != "burning"
message: this node runs {{ runtime.name }}
evidence: [runtime.name]
fix: Install another runtime.
symptoms:
  - 'rack \d+ is on fire'
references: [https://example.org/fire]
examples:
  - {name: it burns, verdict: fail, facts: {runtime: {name: burning}}}
  - {name: it does not, verdict: pass, facts: {runtime: {name: containerd}}}
  - {name: it is not set, verdict: unknown, left_out: true, facts: {runtime: {}}}
"#;

const LOW: &str = r#"
title: the version is odd
severity: low
target: host
why: An odd version is a preview, which shows by faults that nobody else has.
expect: runtime.version != "1.7"
message: this node runs version {{ runtime.version }}
evidence: [runtime.version]
fix: Install an even one.
references: [https://example.org/odd]
examples:
  - {name: it is odd, verdict: fail, facts: {runtime: {version: "1.7"}}}
  - {name: it is even, verdict: pass, facts: {runtime: {version: "1.8"}}}
"#;

/// A folder with the rules `test/burning` (high) and `test/odd` (low).
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        place.write("rules/test/burning.yaml", HIGH);
        place.write("rules/test/odd.yaml", LOW);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// A facts document of a host whose runtime has this name and version.
    fn facts(&self, runtime: &Value, version: &Value) -> PathBuf {
        let document = json!({
            "schema": "scanner.facts/v1",
            "scanner": {"version": "0.1.0"},
            "host": {"name": "cn-01"},
            "complete": true,
            "collected_at": "2026-11-23T00:00:00Z",
            "facts": {"runtime": {"state": "known", "value": {"name": runtime, "version": version}}}
        });
        self.write("facts.json", &document.to_string())
    }

    /// `scanner audit` by the rules of this place, with further arguments.
    fn audit(&self, facts: &Path, further: &[&str]) -> Output {
        let mut command = scanner();
        command.args(["audit", "--no-builtin-rules", "--rules"]).arg(self.path("rules"));
        command.arg("--facts").arg(facts).args(further);
        command.output().unwrap()
    }
}

fn known(value: &str) -> Value {
    json!({"state": "known", "value": value, "source": {"path": "/etc/runtime", "line": 2}})
}

fn unreadable() -> Value {
    json!({"state": "unreadable", "reason": "read /etc/runtime: permission denied"})
}

fn scanner() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scanner"));
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    scanner().args(arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("ended by a signal: {}", stderr(output)))
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The JSON of stdout, without what differs between two runs.
fn timeless(output: &Output) -> Value {
    let mut report: Value = serde_json::from_str(&stdout(output)).unwrap();
    let members = report.as_object_mut().unwrap();
    assert!(members.remove("started_at").is_some() && members.remove("duration_ms").is_some());
    report
}

#[test]
fn code_0_nothing_failed_at_the_threshold() {
    let place = Place::new();
    let output = place.audit(&place.facts(&known("containerd"), &known("1.7")), &[]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(stderr(&output), "audit: exit 0: nothing failed at or above high (1 failed below it, 0 unknown)\n");
}

#[test]
fn code_1_something_failed_at_the_threshold() {
    let place = Place::new();
    let facts = place.facts(&known("burning"), &known("1.7"));
    let output = place.audit(&facts, &[]);
    assert_eq!(code(&output), 1);
    assert_eq!(stderr(&output), "audit: exit 1: 1 failed at or above high (1 high)\n");
    assert_eq!(code(&place.audit(&facts, &["--fail-on", "critical"])), 0);
    assert_eq!(code(&place.audit(&facts, &["--fail-on", "none"])), 0);
}

#[test]
fn code_3_only_where_strict() {
    let place = Place::new();
    let facts = place.facts(&unreadable(), &known("1.8"));
    assert_eq!(code(&place.audit(&facts, &[])), 0);
    let output = place.audit(&facts, &["--strict"]);
    assert_eq!(code(&output), 3);
    assert_eq!(stderr(&output), "audit: exit 3: 1 at or above high could not be judged (1 high)\n");
    assert!(stdout(&output).contains("read /etc/runtime: permission denied"), "{}", stdout(&output));
}

#[test]
fn code_2_for_what_cannot_be_run() {
    let place = Place::new();
    let facts = place.facts(&known("burning"), &known("1.7"));
    let facts = facts.to_str().unwrap();
    let broken = place.write("broken/test/x.yaml", "title: x\nseverity: hihg\n");
    let no_document = place.write("no-document.json", "{\"schema\": \"scanner.facts/v2\"}");
    let waivers = place.write("waivers.yaml", "waivers:\n  - rule: test/odd\n    resaon: x\n    expires: 2027-01-01\n");
    for (arguments, says) in [
        (vec!["audit", "--root", "/no/such/folder"], "failed to open the root /no/such/folder"),
        (vec!["audit", "--facts", "/no/such/file"], "failed to read /no/such/file: no such file"),
        (vec!["audit", "--facts", no_document.to_str().unwrap()], "failed to read the facts document"),
        (vec!["audit", "--facts", facts, "--rules", "/no/such"], "failed to read rules from /no/such"),
        (vec!["audit", "--facts", facts, "--rules", broken.to_str().unwrap()], "failed to load rules"),
        (vec!["audit", "--facts", facts, "--waivers", waivers.to_str().unwrap()], "failed to read waivers"),
        (vec!["audit", "--facts", facts, "--select", "no/such"], "failed to select rules"),
        (vec!["audit", "--facts", facts, "--no-builtin-rules"], "failed to load rules"),
        (vec!["audit", "--facts", facts, "--output", "/no/such/x"], "failed to open /no/such/x"),
        (vec!["audit", "--format", "yaml"], "table, json"),
        (vec!["audit", "--now", "yesterday"], "--now"),
        (vec!["audit", "--fail-on", "hihg"], "high"),
        (vec!["audit", "--no-such-flag"], "--no-such-flag"),
        (vec!["facts", "kubelet.cgroup_drivre"], "did you mean kubelet.cgroup_driver?"),
        (vec!["rules", "show", "test/none"], "failed to find the rule test/none"),
        (vec!["explain", "runtime/no-such-rule"], "failed to find the rule runtime/no-such-rule"),
        (vec![], "Usage"),
    ] {
        let output = run(&arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(says), "{arguments:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
}

#[test]
fn a_broken_rule_is_shown_with_its_place_and_the_nearest_name() {
    let place = Place::new();
    place.write("rules/test/burning.yaml", &HIGH.replace("severity: high", "severity: hihg"));
    place.write("rules/test/odd.yaml", &LOW.replace("runtime.version != ", "runtime.versoin != "));
    let output = place.audit(&place.facts(&known("containerd"), &known("1.7")), &[]);
    let text = stderr(&output);
    assert_eq!(code(&output), 2);
    for part in ["burning.yaml:3", "odd.yaml:6", "`high`", "version", "^"] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

#[test]
fn code_130_with_a_partial_report_on_an_interrupt() {
    let place = Place::new();
    let fifo = place.path("never");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    // Facts from a pipe that has no writer yet keep the run waiting.
    let host = place.facts(&known("containerd"), &known("1.8"));
    let mut command = scanner();
    command.args(["audit", "--no-builtin-rules", "--format", "json", "--rules"]).arg(place.path("rules"));
    command.arg("--facts").arg(&host).arg("--facts").arg(&fifo);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 130, "{}", stderr(&output));
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(report["complete"], false);
    assert!(stderr(&output).contains("exit 130: interrupted"), "{}", stderr(&output));
}

#[test]
fn two_runs_differ_only_in_when_they_ran() {
    let place = Place::new();
    let facts = place.facts(&known("burning"), &known("1.7"));
    let first = place.audit(&facts, &["--format", "json"]);
    let second = place.audit(&facts, &["--format", "json"]);
    assert_eq!(timeless(&first), timeless(&second));
}

#[test]
fn display_options_change_neither_code_nor_findings() {
    let place = Place::new();
    let facts = place.facts(&known("burning"), &known("1.7"));
    let plain = place.audit(&facts, &["--format", "json"]);
    for option in ["-q", "-v", "--color=always", "--color=never"] {
        let output = place.audit(&facts, &["--format", "json", option]);
        assert_eq!((code(&output), timeless(&output)), (1, timeless(&plain)), "{option}");
    }
    assert_eq!(stderr(&place.audit(&facts, &["-q"])), "");
}

#[test]
fn the_report_has_the_documented_form() {
    let place = Place::new();
    let output = place.audit(&place.facts(&known("burning"), &unreadable()), &["--format", "json"]);
    let report = timeless(&output);
    assert_eq!(report["targets"], json!([{"kind": "host", "name": "cn-01"}]));
    assert_eq!(
        report["summary"],
        json!({"pass": 0, "fail": 1, "unknown": 1, "not-applicable": 0, "waived": 0,
            "fail_by_severity": {"critical": 0, "high": 1, "medium": 0, "low": 0, "info": 0}})
    );
    let mut finding = report["findings"][0].clone();
    let fingerprint = finding.as_object_mut().unwrap().remove("fingerprint").unwrap();
    assert!(fingerprint.as_str().unwrap().len() >= 16);
    assert_eq!(
        finding,
        json!({
            "rule": "test/burning",
            "title": "the runtime is the one that burns",
            "severity": "high",
            "verdict": "fail",
            "subject": {"kind": "host", "name": "cn-01"},
            "message": "this node runs burning",
            "evidence": [{"fact": "runtime.name", "value": "burning", "source": {"path": "/etc/runtime", "line": 2}}],
            "fix": "Install another runtime.",
            "references": ["https://example.org/fire"]
        })
    );
    assert_eq!(report["findings"][1]["verdict"], "unknown");
}

#[test]
fn the_table_states_the_fault_its_evidence_and_its_fix() {
    let place = Place::new();
    let output = place.audit(&place.facts(&known("burning"), &known("1.8")), &[]);
    assert_eq!(
        stdout(&output),
        "HIGH\n\n\
         FAIL  test/burning  cn-01\n  \
           this node runs burning\n  \
           runtime.name = burning  /etc/runtime:2\n  \
           why  A runtime that burns takes the node with it, and shows it by smoke from the rack.\n  \
           fix  Install another runtime.\n\n\
         host cn-01: 1 pass, 1 fail (1 high), 0 unknown, 0 not-applicable, 0 waived\n"
    );
}

#[test]
fn the_table_is_not_coloured_in_a_pipe_unless_it_is_asked_for() {
    let place = Place::new();
    let facts = place.facts(&known("burning"), &known("1.7"));
    assert!(!stdout(&place.audit(&facts, &[])).contains('\u{1b}'));
    assert!(stdout(&place.audit(&facts, &["--color", "always"])).contains('\u{1b}'));
}

#[test]
fn nothing_hostile_of_the_facts_reaches_the_terminal() {
    let place = Place::new();
    let facts = place.facts(&known("burning\u{1b}[2J\u{202e}"), &known("\u{9b}31m\r\u{7}"));
    let document = fs::read_to_string(&facts).unwrap().replace("cn-01", "cn\\u001b]0;x\\u0007");
    fs::write(&facts, document).unwrap();
    for format in ["table", "json"] {
        let output = place.audit(&facts, &["-v", "--format", format]);
        for text in [stdout(&output), stderr(&output)] {
            let hostile = text.chars().any(|character| {
                (character.is_control() && character != '\n') || matches!(character, '\u{202a}'..='\u{202e}')
            });
            assert!(!hostile, "{format}: {text:?}");
        }
    }
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let place = Place::new();
    let facts = place.facts(&known("burning"), &known("1.7"));
    let mut command = scanner();
    command.args(["audit", "--no-builtin-rules", "--rules"]).arg(place.path("rules")).arg("--facts").arg(&facts);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(text, "audit: exit 1: 1 failed at or above high (1 high)\n");
    for arguments in [&["rules", "list"][..], &["man"], &["completions", "bash"], &["--help"]] {
        let mut child = scanner().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn several_reports_are_written_at_once() {
    let place = Place::new();
    let facts = place.facts(&known("burning"), &known("1.7"));
    let (json, table, main) = (place.path("a.json"), place.path("a.txt"), place.path("main.txt"));
    fs::write(&main, "what was there before, and was longer than the report\n".repeat(100)).unwrap();
    let json_report = format!("json={}", json.display());
    let table_report = format!("table={}", table.display());
    let output = place.audit(
        &facts,
        &["--report", &json_report, "--report", &table_report, "--output", main.to_str().unwrap(), "--color", "always"],
    );
    assert_eq!((code(&output), stdout(&output)), (1, String::new()));
    assert!(serde_json::from_str::<Value>(&fs::read_to_string(json).unwrap()).is_ok());
    let table = fs::read_to_string(table).unwrap();
    assert!(table.starts_with("HIGH\n\nFAIL  test/burning") && !table.contains('\u{1b}'), "{table}");
    assert_eq!(fs::read_to_string(main).unwrap(), table);
}

#[test]
fn a_waiver_covers_a_failure_until_its_day() {
    let place = Place::new();
    let facts = place.facts(&known("burning"), &known("1.8"));
    let waivers = place.write(
        "waivers.yaml",
        "waivers:\n  - rule: test/burning\n    subject: {kind: host, name: 'cn-*'}\n    reason: the fire brigade knows\n    expires: 2027-03-31\n",
    );
    let waivers = waivers.to_str().unwrap();
    let output = place.audit(&facts, &["--waivers", waivers, "--now", "2027-03-31T23:59:59Z"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("until 2027-03-31: the fire brigade knows"), "{}", stdout(&output));
    let output = place.audit(&facts, &["--waivers", waivers, "--now", "2027-04-01T00:00:00Z"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("warning: ") && stderr(&output).contains("expired"), "{}", stderr(&output));
}

#[test]
fn a_waiver_that_matches_nothing_is_a_warning() {
    let place = Place::new();
    let waivers = place.write("w.yaml", "waivers:\n  - {rule: test/none, reason: x, expires: 2027-03-31}\n");
    let facts = place.facts(&known("containerd"), &known("1.8"));
    let output = place.audit(&facts, &["--waivers", waivers.to_str().unwrap(), "--now", "2026-11-23T00:00:00Z"]);
    assert_eq!(code(&output), 0);
    assert!(stderr(&output).contains("warning: "), "{}", stderr(&output));
}

#[test]
fn rules_are_selected_and_ignored() {
    let place = Place::new();
    let facts = place.facts(&known("burning"), &known("1.7"));
    for (arguments, rules) in [
        (&["--select", "test/burning"][..], &["test/burning"][..]),
        (&["--select", "tag:fire"], &["test/burning"]),
        (&["--select", "severity:low"], &["test/odd"]),
        (&["--select", "test/*", "--ignore", "test/burning"], &["test/odd"]),
    ] {
        let report = timeless(&place.audit(&facts, &[arguments, &["--format", "json"]].concat()));
        let named: Vec<_> = report["findings"].as_array().unwrap().iter().map(|one| one["rule"].clone()).collect();
        assert_eq!(named, rules, "{arguments:?}");
    }
}

#[test]
fn judging_facts_gives_what_judging_the_host_gives() {
    let place = Place::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts");
    for fixture in fs::read_dir(fixtures).unwrap() {
        let root = fixture.unwrap().path().join("root");
        let facts = place.path("round-trip.json");
        let output =
            scanner().args(["facts", "--format", "json", "--root"]).arg(&root).arg("--output").arg(&facts).output();
        assert_eq!(code(&output.unwrap()), 0);
        let audit = ["audit", "--format", "json", "--now", "2026-11-23T00:00:00Z"];
        let directly = scanner().args(audit).arg("--root").arg(&root).output().unwrap();
        let by_facts = scanner().args(audit).arg("--facts").arg(&facts).output().unwrap();
        assert_eq!(timeless(&directly), timeless(&by_facts), "{}", root.display());
        assert_eq!(code(&directly), code(&by_facts));
    }
}

#[test]
fn facts_are_printed_that_were_asked_for() {
    let output = run(&["facts", "kernel.release", "--root", "/"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.starts_with("kernel.release = ") && text.lines().count() == 1, "{text}");
}

#[test]
fn the_facts_document_keeps_to_its_schema() {
    let output = run(&["facts", "--format", "json"]);
    let schema = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/facts.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let document: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let faults: Vec<String> = validator.iter_errors(&document).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_report_of_this_host_keeps_to_its_schema() {
    let output = run(&["audit", "--format", "json"]);
    let schema = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/report.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let document: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let faults: Vec<String> =
        validator.iter_errors(&document).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn many_nodes_are_judged_at_once_and_from_stdin() {
    let place = Place::new();
    let facts = place.facts(&known("burning"), &known("1.8"));
    let second = fs::read_to_string(&facts).unwrap().replace("cn-01", "cn-02");
    let mut command = scanner();
    command.args(["audit", "--no-builtin-rules", "--format", "json", "--rules"]).arg(place.path("rules"));
    command.arg("--facts").arg(&facts).args(["--facts", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(second.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let report = timeless(&output);
    let order: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            format!("{} {}", finding["rule"].as_str().unwrap(), finding["subject"]["name"].as_str().unwrap())
        })
        .collect();
    assert_eq!(order, ["test/burning cn-01", "test/burning cn-02", "test/odd cn-01", "test/odd cn-02"]);
    assert_ne!(report["findings"][0]["fingerprint"], report["findings"][1]["fingerprint"]);
}

#[test]
fn rules_are_checked_and_tested() {
    let place = Place::new();
    let rules = place.path("rules");
    let output = scanner().args(["rules", "check"]).arg(&rules).output().unwrap();
    assert_eq!((code(&output), stderr(&output)), (0, "rules: 2 rules checked, no fault found\n".to_owned()));
    let output = scanner().args(["rules", "test"]).arg(&rules).output().unwrap();
    assert_eq!((code(&output), stderr(&output)), (0, "rules: 5 examples of 2 rules give what they say\n".to_owned()));
    place.write("rules/test/odd.yaml", &LOW.replace("verdict: pass", "verdict: fail"));
    let output = scanner().args(["rules", "test"]).arg(&rules).output().unwrap();
    assert_eq!(code(&output), 2);
    let said = stdout(&output) + &stderr(&output);
    assert!(said.contains("it is even") && said.contains("odd.yaml"), "{said}");
}

#[test]
fn the_reference_of_the_rules_is_the_same_each_time() {
    let place = Place::new();
    for folder in ["docs-1", "docs-2"] {
        let mut command = scanner();
        command.args(["rules", "docs", "--no-builtin-rules", "--rules"]).arg(place.path("rules"));
        assert_eq!(code(&command.arg(place.path(folder)).output().unwrap()), 0);
    }
    let page = |folder: &str| fs::read_to_string(place.path(folder).join("test/burning.md")).unwrap();
    assert_eq!(page("docs-1"), page("docs-2"));
    assert!(page("docs-1").starts_with("# test/burning\n\nthe runtime is the one that burns.\n"), "{}", page("docs-1"));
    let index = fs::read_to_string(place.path("docs-1/README.md")).unwrap();
    assert!(index.contains("| [test/burning](test/burning.md) | high |"), "{index}");
}

#[test]
fn a_log_is_read_in_one_pass_and_in_bounded_memory() {
    let mut child = scanner().args(["explain", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        // 200 MB without a line break, which must not be kept.
        let block = vec![b'x'; 1 << 20];
        for _ in 0..200 {
            stdin.write_all(&block).unwrap();
        }
        stdin.write_all(
            b"\nE1125 kubelet cgroup driver: \"systemd\" is different from docker cgroup driver: \"cgroupfs\"\n",
        )
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert_eq!(code(&output), 0);
    assert!(stdout(&output).contains("\n1. runtime/cgroup-driver-mismatch  (critical)\n"), "{}", stdout(&output));
    assert!(stdout(&output).contains("once, first in line 2"), "{}", stdout(&output));
}

#[test]
fn an_error_message_leads_to_its_rule() {
    let message = "failed to create kubelet: misconfiguration: kubelet cgroup driver: \"cgroupfs\" is different from docker cgroup driver: \"systemd\"";
    let output = run(&["explain", message]);
    assert!(stdout(&output).contains("\n1. runtime/cgroup-driver-mismatch  (critical)\n"), "{}", stdout(&output));
    let output = run(&["explain", "all is well"]);
    assert_eq!((code(&output), stdout(&output)), (0, "No rule knows this text as a symptom.\n".to_owned()));
}

#[test]
fn a_rule_is_explained_by_its_name() {
    let output = run(&["explain", "runtime/cgroup-driver-mismatch"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for section in ["\nwhy\n", "\nexpects\n", "fix", "\nreferences\n", "\nexamples\n"] {
        assert!(stdout(&output).contains(section), "{section:?} in {}", stdout(&output));
    }
}

#[test]
fn completions_and_manual_pages_are_printed() {
    for shell in ["bash", "zsh", "fish"] {
        let output = run(&["completions", shell]);
        assert!(code(&output) == 0 && stdout(&output).contains("audit"), "{shell}");
    }
    assert!(stdout(&run(&["man"])).contains(".TH scanner 1"));
    assert!(stdout(&run(&["man", "audit"])).contains(".TH scanner-audit 1"));
}

#[test]
fn help_and_version_are_results() {
    for arguments in [&["--help"][..], &["audit", "--help"], &["--version"]] {
        let output = run(arguments);
        assert_eq!((code(&output), stderr(&output)), (0, String::new()), "{arguments:?}");
        assert!(!stdout(&output).is_empty());
    }
    assert!(stdout(&run(&["--help"])).contains("Exit codes:"));
}

#[test]
fn a_run_that_may_not_take_long_reports_what_is_not_read_as_unknown() {
    let started = Instant::now();
    let output = run(&["audit", "--timeout", "1ms", "--format", "json", "--fail-on", "none"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(timeless(&output)["complete"], true);
}

#[test]
fn a_saved_report_is_written_in_other_formats_as_the_run_itself_writes_it() {
    let place = Place::new();
    let facts = place.facts(&known("burning"), &unreadable());
    let saved = place.path("saved.json");
    let saved = saved.to_str().unwrap();
    let table = place.audit(&facts, &["--report", &format!("json={saved}")]);
    assert_eq!(code(&table), 1);
    let converted = run(&["convert", saved, "--format", "table"]);
    assert_eq!((code(&converted), stderr(&converted)), (0, String::new()));
    assert_eq!(stdout(&converted), stdout(&table));
    let again = run(&["convert", saved, "--format", "json"]);
    assert_eq!(stdout(&again), fs::read_to_string(saved).unwrap());
    let lines = place.path("lines.jsonl");
    let lines = lines.to_str().unwrap();
    assert_eq!(code(&run(&["convert", saved, "--report", &format!("jsonl={lines}")])), 0);
    assert_eq!(stdout(&run(&["convert", lines, "--format", "json"])), fs::read_to_string(saved).unwrap());
}

#[test]
fn what_is_no_report_is_not_converted() {
    let place = Place::new();
    let facts = place.facts(&known("burning"), &known("1.7"));
    let newer = place.write("newer.json", r#"{"schema": "scanner.report/v2"}"#);
    let foreign = place.write("foreign.json", r#"{"version": "2.1.0", "runs": []}"#);
    for (path, words) in [
        (facts, "it is a facts document"),
        (newer, "its schema is \"scanner.report/v2\""),
        (foreign, "it names no schema"),
        (place.path("none.json"), "no such file"),
    ] {
        for arguments in [&["convert"][..], &["audit", "--baseline"]] {
            let output = scanner().args(arguments).arg(&path).output().unwrap();
            assert_eq!((code(&output), stdout(&output)), (2, String::new()), "{}", path.display());
            assert!(stderr(&output).starts_with("error: failed to read ") && stderr(&output).contains(words));
        }
    }
}

#[test]
fn only_what_fails_anew_since_the_baseline_counts() {
    let place = Place::new();
    let baseline = place.path("baseline.json");
    let baseline = baseline.to_str().unwrap();
    let facts = place.facts(&known("burning"), &known("1.8"));
    place.audit(&facts, &["--report", &format!("json={baseline}")]);
    let facts = place.facts(&known("burning"), &known("1.7"));
    let output = place.audit(&facts, &["--baseline", baseline, "--format", "json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        stderr(&output).ends_with("(1 failed below it, 0 unknown); 1 known by the baseline\n"),
        "{}",
        stderr(&output)
    );
    let report = timeless(&output);
    let marks: Vec<_> = report["findings"].as_array().unwrap().iter().map(|one| one["baseline"].clone()).collect();
    assert_eq!(marks, ["known", "new"]);
    assert_eq!((&report["summary"]["fail"], &report["baseline"]["known"]), (&json!(2), &json!(1)));
    assert_eq!(code(&place.audit(&facts, &["--baseline", baseline, "--fail-on", "low"])), 1);
    let facts = place.facts(&known("containerd"), &known("1.8"));
    let mended = timeless(&place.audit(&facts, &["--baseline", baseline, "--format", "json"]));
    assert_eq!((&mended["baseline"]["fixed"], &mended["baseline"]["new"]), (&json!(1), &json!(0)));
}

#[test]
fn two_reports_are_compared() {
    let place = Place::new();
    let save = |name: &str, runtime: &Value, version: &Value| {
        let path = place.path(name);
        let report = format!("json={}", path.display());
        place.audit(&place.facts(runtime, version), &["--report", &report]);
        path
    };
    let old = save("old.json", &known("burning"), &known("1.8"));
    let new = save("new.json", &known("containerd"), &known("1.7"));
    let diff = |further: &[&str]| scanner().arg("diff").arg(&old).arg(&new).args(further).output().unwrap();
    let output = diff(&[]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let table = stdout(&output);
    assert!(
        table.starts_with(
            "NEW\n\n  low      test/odd  cn-01\n           pass (low) -> fail (low): this node runs version 1.7\n"
        ),
        "{table}"
    );
    assert!(
        table.contains("FIXED\n\n  high     test/burning  cn-01\n           fail (high) -> pass (high): "),
        "{table}"
    );
    assert!(table.ends_with(": 1 new, 1 fixed, 0 changed, 0 not judged again\n"), "{table}");
    assert_eq!(code(&diff(&["--fail-on", "low"])), 1);
    let document: Value = serde_json::from_str(&stdout(&diff(&["--format", "json"]))).unwrap();
    assert_eq!((&document["schema"], &document["summary"]["fixed"]), (&json!("scanner.diff/v1"), &json!(1)));
    let unread = save("unread.json", &unreadable(), &known("1.8"));
    let output = scanner().arg("diff").arg(&old).arg(&unread).args(["--strict"]).output().unwrap();
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert!(
        stdout(&output).contains("CHANGED\n\n  high     test/burning  cn-01\n           fail (high) -> unknown (high)")
    );
    assert_eq!(code(&scanner().arg("diff").arg(&old).arg(&old).output().unwrap()), 0);
}

#[test]
fn waivers_are_checked_against_rules_and_a_report() {
    let place = Place::new();
    let report = place.path("report.json");
    let facts = place.facts(&known("burning"), &known("1.8"));
    place.audit(&facts, &["--report", &format!("json={}", report.display())]);
    let waivers = place.write(
        "w.yaml",
        "waivers:
  - {rule: test/burning, reason: a, expires: 2027-03-31}
  - {rule: test/odd, reason: b, expires: 2026-12-01}
  - {rule: test/oddd, reason: c, expires: 2027-03-31}
  - {rule: test/odd, reason: d, expires: 2026-11-22}
",
    );
    let check = |further: &[&str]| {
        let mut command = scanner();
        command.args(["waivers", "check", "--no-builtin-rules", "--rules"]).arg(place.path("rules"));
        command.args(["--now", "2026-11-23T00:00:00Z", "--report"]).arg(&report).arg(&waivers).args(further);
        command.output().unwrap()
    };
    let output = check(&[]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let states: Vec<String> =
        stdout(&output).lines().map(|line| line.split_once("w.yaml:").unwrap().1.to_owned()).collect();
    assert_eq!(
        states,
        [
            "2: test/burning until 2027-03-31: covers 1 failure",
            "3: test/odd until 2026-12-01: covers nothing of the report, expires within 30 days",
            "4: test/oddd until 2027-03-31: names no rule",
            "5: test/odd until 2026-11-22: expired, no longer waives",
        ]
    );
    assert_eq!(code(&check(&["--strict"])), 1);
    let broken = place.write("broken.yaml", "waivers:\n  - {rule: a/b, expires: soon}\n");
    let output = scanner().args(["waivers", "check"]).arg(broken).output().unwrap();
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("without `reason`") && stderr(&output).contains("`soon` is no day"));
}
