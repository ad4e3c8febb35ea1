//! `ClusterReport`s of `openreports.io/v1alpha1`, in a `List` that
//! `kubectl apply --server-side -f -` takes.
//!
//! Each target has its report; one that would be too large for etcd (1.5 MiB
//! for an object) is continued in further ones. Results are what fails, is
//! waived or could not be judged; what passes and what does not apply is
//! counted in the summary. Waived is `skip`, unknown is `error`. Source of the
//! format: openreports/reports-api v0.2.1, `config/crd`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::json::write_pretty;
use super::{Report, escape, text};
use crate::finding::{Finding, Subject, Verdict};

/// Results of one object: at 1 to 3 KB each it stays well below etcd's limit.
const MAX_RESULTS: usize = 300;

/// The most characters of a message or a property.
const MAX_TEXT: usize = 1500;

/// The most characters of an object's name that keep room for a number.
const MAX_NAME: usize = 200;

pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut items = Vec::new();
    for (target, findings) in by_target(report) {
        let is_result = |finding: &&Finding| !matches!(finding.verdict, Verdict::Pass | Verdict::NotApplicable);
        let results: Vec<&Finding> = findings.iter().copied().filter(is_result).collect();
        let others: Vec<&Finding> = findings.iter().copied().filter(|finding| !is_result(finding)).collect();
        let mut parts = results.chunks(MAX_RESULTS).collect::<Vec<_>>();
        if parts.is_empty() {
            parts.push(&[]);
        }
        for (number, part) in parts.into_iter().enumerate() {
            // What is only counted is counted once.
            let counted = if number == 0 { others.as_slice() } else { &[] };
            items.push(cluster_report(report, target, number, part, counted));
        }
    }
    write_pretty(&json!({"apiVersion": "v1", "kind": "List", "items": items}), out)
}

/// The findings of each target: an object is judged with its cluster, and what
/// is of no target stands with the first.
fn by_target(report: &Report) -> Vec<(&Subject, Vec<&Finding>)> {
    let mut targets: Vec<(&Subject, Vec<&Finding>)> =
        report.targets.iter().map(|target| (target, Vec::new())).collect();
    let places: BTreeMap<&Subject, usize> =
        report.targets.iter().enumerate().map(|(at, target)| (target, at)).collect();
    let cluster = report.targets.iter().position(|target| target.kind == "cluster");
    for finding in &report.findings {
        let of_cluster = cluster.filter(|_| finding.subject.kind != "host");
        let at = places.get(&*finding.subject).copied().or(of_cluster).unwrap_or(0);
        match targets.get_mut(at) {
            Some((_, findings)) => findings.push(finding),
            None => targets.push((&finding.subject, vec![finding])),
        }
    }
    targets
}

fn cluster_report(report: &Report, target: &Subject, number: usize, part: &[&Finding], counted: &[&Finding]) -> Value {
    let count = |of: &[Verdict]| part.iter().chain(counted).filter(|finding| of.contains(&finding.verdict)).count();
    let mut document = json!({
        "apiVersion": "openreports.io/v1alpha1",
        "kind": "ClusterReport",
        "metadata": {
            "name": object_name(report, target, number),
            "labels": {"app.kubernetes.io/managed-by": "scanner"},
            "annotations": {
                "scanner/started-at": report.started_at,
                "scanner/complete": report.complete.to_string(),
                "scanner/rules-digest": report.scanner.rules_digest,
            },
        },
        "source": "scanner",
        "summary": {
            "pass": count(&[Verdict::Pass]),
            "fail": count(&[Verdict::Fail]),
            "warn": 0,
            "error": count(&[Verdict::Unknown]),
            "skip": count(&[Verdict::NotApplicable, Verdict::Waived]),
        },
        "results": part.iter().map(|finding| result(report, finding)).collect::<Vec<_>>(),
    });
    if let (Some(gate), Some(annotations)) = (text::gate(report), document.pointer_mut("/metadata/annotations")) {
        annotations["scanner/gate"] = json!(gate);
    }
    if let (true, Some(members)) = (target.kind == "host", document.as_object_mut()) {
        members.insert("scope".to_owned(), json!({"apiVersion": "v1", "kind": "Node", "name": target.name}));
    }
    document
}

fn result(report: &Report, finding: &Finding) -> Value {
    let mut result = json!({
        "policy": escape::line(&finding.rule),
        "category": escape::line(text::area(&finding.rule)),
        "severity": finding.severity,
        "result": match finding.verdict {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Unknown => "error",
            Verdict::NotApplicable | Verdict::Waived => "skip",
        },
        "scored": finding.counts(),
        "source": "scanner",
        "message": short(&text::marked_message(finding)),
        "properties": properties(finding),
    });
    let Some(members) = result.as_object_mut() else { return result };
    if let Ok(started_at) = report.started_at.parse::<Timestamp>() {
        members.insert("timestamp".to_owned(), json!({"seconds": started_at.as_second(), "nanos": 0}));
    }
    let subject = &finding.subject;
    let resource = match subject.kind.as_str() {
        "cluster" => return result,
        "host" => json!({"apiVersion": "v1", "kind": "Node", "name": subject.name}),
        _ => {
            let mut resource = json!({"kind": subject.kind, "name": subject.name});
            if let Some(resource) = resource.as_object_mut() {
                resource.extend(subject.api_version.iter().map(|version| ("apiVersion".to_owned(), json!(version))));
                resource.extend(subject.namespace.iter().map(|name| ("namespace".to_owned(), json!(name))));
            }
            resource
        }
    };
    members.insert("resources".to_owned(), json!([resource]));
    result
}

/// Every value is a text.
fn properties(finding: &Finding) -> Map<String, Value> {
    let evidence: Vec<String> = finding.evidence.iter().take(10).map(|piece| text::proof(piece, 160)).collect();
    let waiver = finding.waiver.as_ref();
    let all = [
        ("fingerprint", Some(finding.fingerprint.to_string())),
        ("title", Some(finding.title.clone())),
        ("evidence", (!evidence.is_empty()).then(|| evidence.join("\n"))),
        ("fix", finding.fix.clone()),
        ("baseline", finding.baseline.map(|mark| mark.name().to_owned())),
        ("waiver-reason", waiver.map(|waiver| waiver.reason.clone())),
        ("waiver-expires", waiver.map(|waiver| waiver.expires.clone())),
        ("waiver-owner", waiver.and_then(|waiver| waiver.owner.clone())),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(short(&escape::lines(&value?)))))).collect()
}

/// A DNS subdomain name (RFC 1123) that differs where targets do.
fn object_name(report: &Report, target: &Subject, number: usize) -> String {
    let whole = format!("scanner-{}-{}-{}", report.command, target.kind, target.name);
    let mut name: String = whole
        .to_lowercase()
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() || character == '.' { character } else { '-' })
        .take(MAX_NAME)
        .collect();
    // No label of it is empty or begins or ends with another sign.
    name = name
        .split('.')
        .map(|label| label.trim_matches('-'))
        .filter(|label| !label.is_empty())
        .collect::<Vec<_>>()
        .join(".");
    if name != whole {
        let digest = Sha256::digest(&whole);
        let mut tail = String::new();
        for byte in digest.iter().take(4) {
            // Writing to a text cannot fail.
            let _ = write!(tail, "{byte:02x}");
        }
        name = format!("{name}-{tail}");
    }
    if number == 0 { name } else { format!("{name}-{}", number + 1) }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Run;

    fn name(target: &str) -> String {
        let run = Run {
            command: "audit",
            complete: true,
            started_at: "2026-11-23T10:00:00Z".parse().unwrap(),
            duration_ms: 9,
            targets: Vec::new(),
            rules_digest: String::new(),
        };
        let host = Subject { kind: "host".to_owned(), api_version: None, namespace: None, name: target.to_owned() };
        object_name(&Report::new(run, Vec::new(), &[]), &host, 0)
    }

    #[test]
    fn an_objects_name_is_a_dns_name_and_tells_targets_apart() {
        assert_eq!(name("cn-01.example.org"), "scanner-audit-host-cn-01.example.org");
        assert_eq!(name("CN_01").len(), "scanner-audit-host-cn-01-01234567".len());
        assert_ne!(name("CN_01"), name("cn-01"));
        assert_ne!(name("CN_01"), name("CN-01"));
        assert!(name(&"节点".repeat(300)).len() <= 253);
        assert!(name("..-.-").bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.'));
    }
}
