//! Every format of a report against its golden sample in `reports/samples/`,
//! and the JSON forms against their schemas. `UPDATE=1` rewrites the samples.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use scanner::fact::{ObjectReference, Source};
use scanner::finding::{Evidence, Finding, Heading, Severity, Subject, Verdict, WaiverNote};
use scanner::report::{Format, Report, Run, Summary, View, escape, render};
use serde_json::{Value, json};

pub(crate) fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn host(name: &str) -> Subject {
    Subject { kind: "host".into(), api_version: None, namespace: None, name: name.into() }
}

pub(crate) fn heading(rule: &str, title: &str, references: Vec<String>) -> Arc<Heading> {
    Heading { rule: rule.into(), title: title.into(), references }.into()
}

pub(crate) fn finding(rule: &str, severity: Severity, verdict: Verdict, message: &str) -> Finding {
    Finding {
        heading: heading(rule, &format!("the title of {rule}"), Vec::new()),
        severity,
        verdict,
        subject: host("cn-01").into(),
        message: message.into(),
        evidence: Vec::new(),
        fix: None,
        waiver: None,
        baseline: None,
        fingerprint: rule
            .bytes()
            .fold(7_u128, |sum, byte| sum.wrapping_mul(0x100_0193) ^ u128::from(byte))
            .to_string()
            .into(),
    }
}

pub(crate) fn evidence(fact: &str, value: impl Into<Value>, source: Source) -> Evidence {
    Evidence { fact: fact.into(), value: value.into(), source: Some(source), unreadable: None }
}

pub(crate) fn report(findings: Vec<Finding>, targets: Vec<Subject>) -> Report {
    let run = Run {
        command: "audit",
        complete: true,
        started_at: "2026-11-23T10:00:00.123Z".parse().unwrap(),
        duration_ms: 9,
        targets,
        rules_digest: format!("sha256:{}", "ab".repeat(32)),
    };
    Report::new(run, findings, &[])
}

/// One finding of each verdict, with hostile text and each form of source.
pub(crate) fn sample() -> Report {
    let mut mismatch = finding(
        "runtime/cgroup-driver-mismatch",
        Severity::Critical,
        Verdict::Fail,
        "kubelet uses cgroupfs but containerd uses systemd",
    );
    mismatch.evidence = vec![
        evidence("kubelet.cgroup_driver", "cgroupfs", Source::line("/var/lib/kubelet/config.yaml", 12)),
        evidence("runtime.cgroup_driver", "systemd", Source::cri("RuntimeConfig")),
        evidence("kubelet.fail_swap_on", true, Source::default_of("kubelet-config.v1beta1")),
    ];
    mismatch.fix = Some(
        "Set one driver for both, and restart the kubelet:\n\n  cgroupDriver: systemd   # /var/lib/kubelet/config.yaml\n"
            .into(),
    );
    let references = vec!["https://kubernetes.io/docs/setup/production-environment/container-runtimes/".into()];
    mismatch.heading = heading(&mismatch.rule, &mismatch.title, references);
    let mut hostile = finding(
        "node/swap-returns-at-boot",
        Severity::Medium,
        Verdict::Fail,
        "swap returns at boot: /dev/\u{1b}[31mred\u{202e}txt\n/fake: pass",
    );
    hostile.evidence = vec![
        evidence("swap.persisted", "/dev/\u{9b}2Jdisk", Source::line("/etc/fstab\u{7}", 3)),
        Evidence { fact: "swap.zram".into(), value: Value::Null, source: None, unreadable: None },
    ];
    let mut wide = finding(
        "os/desktop-edition",
        Severity::Medium,
        Verdict::Fail,
        "银河麒麟桌面操作系统（Kylin Desktop）V10 用作节点",
    );
    wide.fix = Some("请使用服务器版。".into());
    let mut waived = finding("node/cgroup-v1", Severity::Medium, Verdict::Waived, "cgroup v1 is mounted");
    let note = WaiverNote {
        reason: "moves with the next image".into(),
        expires: "2027-03-31".into(),
        owner: Some("platform".into()),
    };
    waived.waiver = Some(Box::new(note));
    let reason = "read /var/lib/kubelet/config.yaml: permission denied";
    let mut unread = finding("kubelet/read-only-port", Severity::High, Verdict::Unknown, reason);
    unread.evidence = vec![Evidence {
        fact: "kubelet.read_only_port".into(),
        value: Value::Null,
        source: Some(Source::file("/var/lib/kubelet/config.yaml")),
        unreadable: Some(reason.into()),
    }];
    let findings = vec![
        finding("kubelet/anonymous-auth", Severity::Critical, Verdict::Unknown, reason),
        unread,
        finding("kernel/too-old", Severity::Critical, Verdict::Pass, ""),
        waived,
        hostile,
        wide,
        mismatch,
        finding("runtime/docker-flag-conflict", Severity::High, Verdict::NotApplicable, "docker.present is false"),
    ];
    let mut report = report(findings, vec![host("cn-01")]);
    let why = "Two managers of one tree of cgroups lose track of each other: under memory pressure the node \
               becomes unstable, and pods are killed for no visible reason.\n";
    report.why.insert("runtime/cgroup-driver-mismatch".into(), why.into());
    report
}

/// The sample with each form of source and number, compared with a baseline.
pub(crate) fn report_with_everything() -> Report {
    let mut report = sample();
    let reference = ObjectReference {
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        namespace: Some("shop".into()),
        name: "cart".into(),
    };
    let source = Source::Object { object: reference.into(), path: ".spec.replicas".into() };
    let mut of_object = finding("workload/one-replica", Severity::Low, Verdict::Fail, "1 replica");
    let subject = Subject {
        kind: "Deployment".into(),
        api_version: Some("apps/v1".into()),
        namespace: Some("shop".into()),
        name: "cart".into(),
    };
    of_object.subject = subject.into();
    of_object.evidence = vec![
        evidence(
            "deployments",
            json!({"replicas": 1, "share": 0.1, "load": 1e300, "most": u64::MAX, "least": i64::MIN}),
            source,
        ),
        evidence("load", 0.300_000_000_000_000_04_f64, Source::file("/proc/loadavg")),
    ];
    of_object.fingerprint = "fedcba9876543210".into();
    report.findings.push(of_object);
    report.summary = Summary::of(&report.findings);
    let mut older = sample();
    older.findings.retain(|finding| finding.severity != Severity::Critical);
    report.compare_with_baseline(&older);
    report
}

pub(crate) fn rendered(report: &Report, format: Format, view: View) -> String {
    let mut out = Vec::new();
    render(report, format, view, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// How the sample of a format ends.
fn extension(format: Format) -> &'static str {
    match format {
        Format::Table => "txt",
        Format::Json => "json",
        Format::Jsonl => "jsonl",
        Format::Sarif => "sarif",
        Format::Junit => "junit.xml",
        Format::Markdown => "md",
        Format::Html => "html",
        Format::Csv => "csv",
        Format::Github => "github.txt",
        Format::Gitlab => "gitlab.json",
        Format::Openreports => "openreports.json",
        Format::Prometheus => "prom",
    }
}

/// Compares with a sample, or rewrites it.
fn assert_sample(name: &str, text: &str) {
    let path = repository().join("reports/samples").join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, text).unwrap();
    }
    let sample = fs::read_to_string(&path).unwrap_or_default();
    let (line, (is, was)) =
        text.lines().zip(sample.lines()).enumerate().find(|(_, (is, was))| is != was).unwrap_or_default();
    let place = format!("{}:{}", path.display(), line + 1);
    assert!(text == sample, "{place} differs; look at it, then run make samples\n  was {was}\n  is  {is}");
}

fn validator(schema: &str) -> jsonschema::Validator {
    let text = fs::read_to_string(repository().join("reports").join(schema)).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

pub(crate) fn assert_valid(schema: &str, document: &Value) {
    let faults: Vec<String> =
        validator(schema).iter_errors(document).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn each_format_writes_its_sample() {
    for format in Format::ALL {
        let extension = extension(format);
        let view = View { width: Some(80), ..View::default() };
        assert_sample(&format!("audit.{extension}"), &rendered(&sample(), format, view));
    }
}

#[test]
fn the_verbose_table_lists_what_passes_and_what_does_not_apply() {
    let view = View { width: Some(80), verbose: true, color: false };
    assert_sample("audit-verbose.txt", &rendered(&sample(), Format::Table, view));
}

#[test]
fn the_json_report_keeps_to_its_schema() {
    let document: Value = serde_json::from_str(&rendered(&sample(), Format::Json, View::default())).unwrap();
    assert_valid("report.schema.json", &document);
    let members: Vec<_> = document.as_object().unwrap().keys().map(String::as_str).collect();
    let order = [
        "schema",
        "scanner",
        "command",
        "complete",
        "started_at",
        "duration_ms",
        "targets",
        "summary",
        "findings",
        "why",
    ];
    assert_eq!(members, order);
    let counts = json!({"pass": 1, "fail": 3, "unknown": 2, "not-applicable": 1, "waived": 1,
        "fail_by_severity": {"critical": 1, "high": 0, "medium": 2, "low": 0, "info": 0}});
    assert_eq!(document["summary"], counts);
    assert_eq!(document["started_at"], "2026-11-23T10:00:00Z");
}

#[test]
fn a_report_is_read_back_as_it_was_written() {
    let report = report_with_everything();
    for format in [Format::Json, Format::Jsonl] {
        let text = rendered(&report, format, View::default());
        let again = Report::parse(&text).unwrap();
        assert_eq!(again, report, "{}", format.name());
        assert_eq!(rendered(&again, format, View::default()), text);
    }
}

#[test]
fn each_of_the_json_lines_is_a_document_and_together_they_are_the_report() {
    let report = report_with_everything();
    let text = rendered(&report, Format::Jsonl, View::default());
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), report.findings.len() + 2);
    assert_eq!((&lines[0]["type"], &lines[0]["schema"]), (&json!("report"), &json!("scanner.report/v1")));
    assert!(lines[1..lines.len() - 1].iter().all(|line| line["type"] == "finding"));
    let last = lines.last().unwrap();
    assert_eq!((&last["type"], &last["complete"]), (&json!("summary"), &json!(true)));
    assert_eq!(last["summary"]["fail"], report.summary.fail);
    let mut document: Value = serde_json::from_str(&rendered(&report, Format::Json, View::default())).unwrap();
    assert_valid("report.schema.json", &document);
    let document = document.as_object_mut().unwrap();
    assert_eq!(document.remove("findings").unwrap().as_array().unwrap().len(), lines.len() - 2);
    for (member, value) in document {
        assert!(lines[0].get(member) == Some(value) || last.get(member) == Some(value), "{member}");
    }
}

#[test]
fn the_schema_refuses_a_report_that_lacks_a_count() {
    let mut document: Value = serde_json::from_str(&rendered(&sample(), Format::Json, View::default())).unwrap();
    document["summary"].as_object_mut().unwrap().remove("unknown");
    assert!(!validator("report.schema.json").is_valid(&document));
}

#[test]
fn nothing_hostile_reaches_a_terminal_in_any_format() {
    for format in Format::ALL {
        for verbose in [false, true] {
            // The lines of CSV end so (RFC 4180).
            let text = rendered(&sample(), format, View { verbose, ..View::default() }).replace("\r\n", "\n");
            let hostile: Vec<char> =
                text.chars().filter(|character| *character != '\n' && escape::is_hostile(*character)).collect();
            assert!(hostile.is_empty(), "{}: {hostile:?}", format.name());
        }
    }
}

#[test]
fn colour_changes_no_word() {
    let plain = rendered(&sample(), Format::Table, View::default());
    let colored = rendered(&sample(), Format::Table, View { color: true, ..View::default() });
    assert_ne!(plain, colored);
    let mut stripped = String::new();
    for (number, piece) in colored.split("\u{1b}[").enumerate() {
        stripped.push_str(if number == 0 { piece } else { piece.split_once('m').unwrap().1 });
    }
    assert_eq!(plain, stripped);
}

#[test]
fn an_interrupted_report_says_so_in_every_format() {
    let mut report = sample();
    report.complete = false;
    assert!(rendered(&report, Format::Table, View::default()).contains("incomplete"));
    assert!(rendered(&report, Format::Json, View::default()).contains("\"complete\": false"));
}

#[test]
fn many_nodes_with_one_fault_are_folded_and_counted() {
    let targets: Vec<Subject> = (0..100).map(|number| host(&format!("cn-{number:02}"))).collect();
    let findings = targets
        .iter()
        .map(|target| {
            let mut finding = finding("node/cgroup-v1", Severity::Medium, Verdict::Fail, "cgroup v1 is mounted");
            finding.subject = target.clone().into();
            finding
        })
        .collect();
    let text = rendered(&report(findings, targets), Format::Table, View::default());
    assert!(
        text.contains("FAIL  node/cgroup-v1  100 of 100 hosts\n  cgroup v1 is mounted\n    cn-00, cn-01, "),
        "{text}"
    );
    assert!(text.contains("cn-07, … and 92 more\n"), "{text}");
    assert!(text.ends_with("100 hosts: 0 pass, 100 fail (100 medium), 0 unknown, 0 not-applicable, 0 waived\n"));
}

#[test]
fn a_report_without_findings_still_counts_every_verdict() {
    let text = rendered(&report(Vec::new(), vec![host("cn-01")]), Format::Table, View::default());
    assert_eq!(text, "host cn-01: 0 pass, 0 fail, 0 unknown, 0 not-applicable, 0 waived\n");
}

#[test]
fn every_format_has_a_sample() {
    for format in Format::ALL {
        let extension = extension(format);
        assert!(Path::new(&repository().join(format!("reports/samples/audit.{extension}"))).exists());
    }
}
