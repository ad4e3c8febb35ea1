//! Findings of captures: of fixtures with a fault each, literally, and of
//! traffic that these tests make in namespaces of their own (`capture_fault`).
//! `UPDATE=1` rewrites the expected findings.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use scanner::capture::file::Reader;
use scanner::capture::finding::{Analysis, CATALOGUE, Report};
use scanner::capture::sink::{CapturePoint, Statistics};
use scanner::rule::{LoadOptions, RuleSet};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every fixture with a fault, in order.
fn fixtures() -> Vec<PathBuf> {
    let folder = repository().join("fixtures/captures/faults");
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut captures: Vec<PathBuf> =
        all.filter(|path| path.extension().is_some_and(|end| end == "pcap" || end == "pcapng")).collect();
    captures.sort();
    captures
}

/// What is found in a file, as the command has it.
fn found(file: &[u8]) -> Report {
    let mut reader = Reader::new(file).unwrap();
    let mut analysis = Analysis::new();
    let mut points: Vec<(CapturePoint, Statistics)> = Vec::new();
    while let Some(record) = reader.read().unwrap() {
        let at = match points.iter().position(|(point, _)| point.number == record.number) {
            Some(at) => at,
            None => {
                let (link_type, snap_length) = (record.packet.link_type, record.interface.snap_length);
                let mut point = CapturePoint::new(record.number, link_type, snap_length);
                point.name.clone_from(&record.interface.name);
                point.label.clone_from(&record.interface.name);
                points.push((point, Statistics::default()));
                points.len() - 1
            }
        };
        analysis.observe(&points[at].0, &record.packet);
    }
    points.sort_by_key(|(point, _)| point.number);
    analysis.finish(&points, true)
}

#[test]
fn each_fault_is_found_and_nothing_else() {
    for path in fixtures() {
        let text = found(&fs::read(&path).unwrap()).lines().join("\n") + "\n";
        let expected = path.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expected, &text).unwrap();
        }
        assert_eq!(text, fs::read_to_string(&expected).unwrap(), "{}", path.display());
    }
}

#[test]
fn the_command_says_the_same_as_text_and_keeps_to_its_schema_as_json() {
    let schema = fs::read_to_string(repository().join("reports/capture.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let all = fixtures().into_iter().chain([repository().join("fixtures/captures/x.pcap")]);
    for path in all {
        let run = |arguments: &[&str]| {
            let mut command = Command::cargo_bin("scanner").unwrap();
            command.args(["capture", "-r"]).arg(&path).args(arguments).assert().success().get_output().clone()
        };
        let json = run(&["--format", "json"]).stdout;
        let document: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let faults: Vec<String> =
            validator.iter_errors(&document).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
        assert!(faults.is_empty(), "{}: {faults:?}", path.display());
        if let Ok(expected) = fs::read_to_string(path.with_extension("txt")) {
            let output = run(&[]);
            let notes = String::from_utf8(output.stderr).unwrap();
            assert!(path.ends_with("x.pcap") || notes.ends_with(&expected), "{notes}");
            let silent = run(&["--no-findings"]);
            assert_eq!((silent.stdout, String::from_utf8(silent.stderr).unwrap().lines().count()), (output.stdout, 1));
        }
    }
}

#[test]
fn findings_name_rules_that_there_are() {
    let rules = RuleSet::load(&LoadOptions::default()).unwrap();
    let known: BTreeSet<&str> = rules.rules().iter().map(|rule| rule.name.as_str()).collect();
    for entry in CATALOGUE {
        let unknown: Vec<&&str> = entry.rules.iter().filter(|name| !known.contains(**name)).collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", entry.name);
    }
}
