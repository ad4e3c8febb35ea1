//! The words that the formats for people share: a subject, a value, a place,
//! and the counts of a report, each on one line and harmless to look at.

use unicode_width::UnicodeWidthStr;

use super::{Report, escape};
use crate::fact::Source;
use crate::finding::{BaselineMark, Evidence, Finding, Severity, Subject, Verdict};

/// A subject by its name, with its namespace if it has one; hosts and clusters
/// are named without their kind.
pub(super) fn subject(subject: &Subject) -> String {
    match (&subject.namespace, subject.kind.as_str()) {
        (None, "host" | "cluster") => escape::line(&subject.name).into_owned(),
        _ => subject_with_kind(subject),
    }
}

/// The same, with every kind.
pub(super) fn subject_with_kind(subject: &Subject) -> String {
    let namespace = subject.namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
    escape::line(&format!("{} {namespace}{}", subject.kind, subject.name)).into_owned()
}

/// A fact and its value, `kubelet.cgroup_driver = cgroupfs`, with at most so
/// many characters of the value.
pub(super) fn stated(evidence: &Evidence, most: usize) -> String {
    let fact = escape::line(&evidence.fact);
    let value = match (&evidence.value, &evidence.unreadable) {
        (_, Some(reason)) => return format!("{fact} is unreadable: {}", escape::line(reason)),
        (serde_json::Value::Null, None) => return format!("{fact} is absent"),
        (serde_json::Value::String(text), None) if text.is_empty() => "\"\"".to_owned(),
        (serde_json::Value::String(text), None) => text.clone(),
        (other, None) => other.to_string(),
    };
    let value = match value.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", value.get(..at).unwrap_or_default()),
        None => value,
    };
    format!("{fact} = {}", escape::line(&value))
}

/// Where something was read, in the words of an operator.
pub(crate) fn source(source: &Source) -> String {
    let text = match source {
        Source::File { path, line: Some(line) } => format!("{path}:{line}"),
        Source::File { path, line: None } => path.clone(),
        Source::Cri { cri } => format!("CRI {cri}"),
        Source::Object { object, path } => {
            let namespace = object.namespace.as_ref().map(|name| format!("{name}/")).unwrap_or_default();
            format!("{} {namespace}{} {path}", object.kind, object.name)
        }
        Source::Default { default } => format!("default, {default}"),
    };
    escape::line(&text).into_owned()
}

/// A piece of evidence with its place on one line.
pub(super) fn proof(evidence: &Evidence, most: usize) -> String {
    match &evidence.source {
        Some(place) => format!("{} ({})", stated(evidence, most), source(place)),
        None => stated(evidence, most),
    }
}

/// The message, or where it is empty (a pass says nothing) the title.
pub(super) fn message(finding: &Finding) -> String {
    let message = finding.message.trim();
    let text = if message.is_empty() { finding.title.trim() } else { message };
    // Readers refuse an empty text.
    let text = if text.is_empty() { finding.rule.as_str() } else { text };
    escape::line(text).into_owned()
}

/// The message, with what a waiver or a baseline says of it.
pub(super) fn marked_message(finding: &Finding) -> String {
    match (finding.verdict, &finding.waiver) {
        (Verdict::Waived, Some(_)) => format!("{}: {}", waiver(finding), message(finding)),
        (Verdict::Waived, None) => format!("waived: {}", message(finding)),
        (Verdict::Unknown, _) => format!("could not be judged: {}", message(finding)),
        _ if finding.baseline == Some(BaselineMark::Known) => {
            format!("known by the baseline: {}", message(finding))
        }
        _ => message(finding),
    }
}

/// `waived until 2027-03-31 by platform (moves with the next image)`, or nothing.
pub(super) fn waiver(finding: &Finding) -> String {
    let Some(waiver) = &finding.waiver else { return String::new() };
    let owner = waiver.owner.as_ref().map(|owner| format!(" by {owner}")).unwrap_or_default();
    escape::line(&format!("waived until {}{owner} ({})", waiver.expires, waiver.reason)).into_owned()
}

/// What was judged: `host cn-01`, `3 hosts and cluster prod`.
pub(super) fn judged(report: &Report) -> String {
    let mut kinds: Vec<(&str, Vec<&Subject>)> = Vec::new();
    for target in &report.targets {
        match kinds.iter_mut().find(|(kind, _)| *kind == target.kind) {
            Some((_, targets)) => targets.push(target),
            None => kinds.push((&target.kind, vec![target])),
        }
    }
    let words: Vec<String> = kinds
        .into_iter()
        .map(|(kind, targets)| match targets.as_slice() {
            [target] => subject_with_kind(target),
            targets => format!("{} {}", targets.len(), escape::line(&plural(kind))),
        })
        .collect();
    // The gate may judge files alone.
    if words.is_empty() { "manifests".to_owned() } else { words.join(" and ") }
}

/// The count of every verdict.
pub(super) fn counts(report: &Report) -> String {
    let summary = &report.summary;
    let severities: Vec<String> = Severity::ALL
        .into_iter()
        .map(|severity| (summary.fail_by_severity.get(severity), severity))
        .filter(|(count, _)| *count > 0)
        .map(|(count, severity)| format!("{count} {}", severity.name()))
        .collect();
    let severities = if severities.is_empty() { String::new() } else { format!(" ({})", severities.join(", ")) };
    format!(
        "{} pass, {} fail{severities}, {} unknown, {} not-applicable, {} waived",
        summary.pass, summary.fail, summary.unknown, summary.not_applicable, summary.waived
    )
}

/// What was judged and counted, the gate's answer and all else that a reader
/// of one line has to know.
pub(super) fn in_one_line(report: &Report) -> String {
    let mut parts: Vec<String> = gate(report).into_iter().collect();
    parts.push(format!("{}: {}", judged(report), counts(report)));
    parts.extend(baseline(report));
    if !report.complete {
        parts.push("incomplete, the run was interrupted".to_owned());
    }
    parts.join("; ")
}

/// The gate's answer, where it was asked: `BLOCKED: upgrade from 1.34 to 1.37,
/// first blocked at 1.36`.
pub(super) fn gate(report: &Report) -> Option<String> {
    let gate = report.gate.as_ref()?;
    let from = gate.from.as_ref().map(|from| format!("from {from} ")).unwrap_or_default();
    let first = gate.first_blocked.as_ref().map(|first| format!(", first blocked at {first}")).unwrap_or_default();
    let text = format!("{}: upgrade {from}to {}{first}", gate.verdict.name(), gate.target);
    Some(escape::line(&text).into_owned())
}

/// How the report stands to its baseline, where it has one.
pub(super) fn baseline(report: &Report) -> Option<String> {
    let baseline = report.baseline.as_ref()?;
    let started_at = escape::line(&baseline.started_at);
    Some(format!(
        "since the baseline of {started_at}: {} new, {} known, {} fixed, {} not judged again",
        baseline.new, baseline.known, baseline.fixed, baseline.not_judged
    ))
}

/// Whether a reference is an address that may be linked to: https, a plain
/// host name, and then the characters of RFC 3986 alone.
pub(super) fn is_address(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://") else { return false };
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let is_of_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    let is_of_path = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=%".contains(&byte);
    let is_encoded = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    host.starts_with(|first: char| first.is_ascii_alphanumeric())
        && host.bytes().all(is_of_host)
        && path.bytes().all(is_of_path)
        && path.split('%').skip(1).all(is_encoded)
        && path.matches('#').count() <= 1
}

/// The area of a rule: `runtime` of `runtime/cgroup-driver-mismatch`.
pub(super) fn area(rule: &str) -> &str {
    rule.split_once('/').map_or(rule, |(area, _)| area)
}

/// More than one of a kind, in lowercase: `nodes`, `storage classes` would be
/// `storageclasses`, as kubectl names them.
pub(super) fn plural(kind: &str) -> String {
    let kind = kind.to_lowercase();
    match kind.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if kind.ends_with(['s', 'x']) || kind.ends_with("ch") => format!("{kind}es"),
        _ => format!("{kind}s"),
    }
}

/// The widest of some texts, those left out that are wider than `most`.
pub(super) fn widest(texts: &[String], most: usize) -> usize {
    texts.iter().map(|text| text.width()).filter(|width| *width <= most).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_are_linked_to() {
        assert!(is_address("https://kubernetes.io/docs/a_(b)?c=%20d#e"));
        for other in [
            "https://",
            "http://a",
            "javascript:alert(1)",
            "https://a b",
            "https://a\\b",
            "https://a/%2",
            "https://<a>",
        ] {
            assert!(!is_address(other), "{other}");
        }
    }

    #[test]
    fn kinds_are_counted_as_kubectl_names_them() {
        let plurals: Vec<String> =
            ["host", "Node", "NetworkPolicy", "StorageClass", "Ingress", "Gateway"].map(plural).to_vec();
        assert_eq!(plurals, ["hosts", "nodes", "networkpolicies", "storageclasses", "ingresses", "gateways"]);
    }
}
