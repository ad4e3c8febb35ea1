//! One HTML page that needs nothing else: no server, no network, no script.
//!
//! The page is `reports/report.html` with its style and script, which only
//! filters what is there already. A content security policy lets nothing be
//! fetched and nothing run but that one script, by its hash (CSP Level 3).
//! minijinja escapes every text that is put into the page.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::{Environment, Value, context};
use sha2::{Digest as _, Sha256};

use super::group::{self, Group};
use super::{Report, escape, text};
use crate::finding::{BaselineMark, Finding, Severity, Verdict};

const PAGE: &str = include_str!("../../reports/report.html");
const STYLE: &str = include_str!("../../reports/report.css");
const SCRIPT: &str = include_str!("../../reports/report.js");

/// The sections of the page in their order, and whether each begins open.
const SECTIONS: [(Verdict, &str, bool); 5] = [
    (Verdict::Fail, "Fails", true),
    (Verdict::Unknown, "Could not be judged", true),
    (Verdict::Waived, "Waived", true),
    (Verdict::Pass, "Passes", false),
    (Verdict::NotApplicable, "Does not apply", false),
];

pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut environment = Environment::new();
    environment.add_template("report.html", PAGE).map_err(io::Error::other)?;
    let page = environment.get_template("report.html").map_err(io::Error::other)?;
    out.write_all(page.render(content(report)).map_err(io::Error::other)?.as_bytes())
}

fn content(report: &Report) -> Value {
    let summary = &report.summary;
    let sections: Vec<Value> =
        SECTIONS.iter().map(|(verdict, title, is_open)| section(report, *verdict, title, *is_open)).collect();
    let counts = [summary.pass, summary.fail, summary.unknown, summary.not_applicable, summary.waived];
    let counts: Vec<Value> =
        Verdict::ALL.iter().zip(counts).map(|(verdict, count)| context! { name => verdict.name(), count }).collect();
    let severities: Vec<Value> = Severity::ALL
        .iter()
        .map(|severity| context! { name => severity.name(), count => summary.fail_by_severity.get(*severity) })
        .collect();
    let targets: Vec<String> = report.targets.iter().map(text::subject_with_kind).collect();
    context! {
        style => STYLE,
        style_hash => hash(STYLE),
        script => SCRIPT,
        script_hash => hash(SCRIPT),
        command => escape::line(&report.command),
        judged => text::judged(report),
        targets,
        complete => report.complete,
        started_at => escape::line(&report.started_at),
        duration_ms => report.duration_ms,
        version => escape::line(&report.scanner.version),
        rules_digest => escape::line(&report.scanner.rules_digest),
        gate => text::gate(report),
        decision => report.gate.as_ref().map(|gate| gate.verdict.name().to_lowercase()),
        baseline => text::baseline(report),
        counts,
        severities,
        sections,
    }
}

/// The findings of one verdict.
fn section(report: &Report, verdict: Verdict, title: &str, is_open: bool) -> Value {
    let groups = group::by_rule(report, verdict);
    let count: usize = groups.values().flatten().map(|group| group.findings.len()).sum();
    let rules: Vec<Value> = groups
        .iter()
        .rev()
        .flat_map(|(severity, groups)| groups.iter().map(|group| rule(report, *severity, group)))
        .collect();
    context! { verdict => verdict.name(), title, is_open, count, rules }
}

fn rule(report: &Report, severity: Severity, group: &Group) -> Value {
    let first = group.findings.first();
    let (links, references): (Vec<String>, Vec<String>) = first
        .map(|first| first.references.as_slice())
        .unwrap_or_default()
        .iter()
        .filter(|url| !url.is_empty())
        .map(|url| escape::line(url).into_owned())
        .partition(|url| text::is_address(url));
    // What passes has nothing to show but its subjects.
    let shows_all = first.is_some_and(|first| first.verdict != Verdict::Pass);
    context! {
        name => escape::line(group.rule),
        severity => severity.name(),
        title => first.map(|first| escape::line(&first.title).into_owned()),
        subjects => group.subjects(),
        why => report.why.get(group.rule).filter(|_| shows_all).map(|why| escape::lines(why.trim()).into_owned()),
        links => if shows_all { links } else { Vec::new() },
        references => if shows_all { references } else { Vec::new() },
        findings => group.alike().iter().map(|alike| finding(alike, shows_all)).collect::<Vec<_>>(),
    }
}

/// Findings that say the same of different subjects.
fn finding(alike: &[&Finding], shows_all: bool) -> Value {
    let Some(first) = alike.first() else { return Value::UNDEFINED };
    let evidence: Vec<Value> = first
        .evidence
        .iter()
        .filter(|_| shows_all)
        .map(|piece| {
            context! { stated => text::stated(piece, 2000), source => piece.source.as_ref().map(text::source) }
        })
        .collect();
    context! {
        message => escape::line(first.message.trim()),
        subjects => alike.iter().map(|finding| text::subject(&finding.subject)).collect::<Vec<_>>(),
        count => alike.len(),
        mark => first.baseline.map(BaselineMark::name),
        waiver => first.waiver.as_ref().map(|_| text::waiver(first)),
        evidence,
        fix => first.fix.as_deref().filter(|_| shows_all).map(|fix| escape::lines(fix.trim()).into_owned()),
        fingerprint => (alike.len() == 1).then(|| escape::line(&first.fingerprint.to_string()).into_owned()),
    }
}

/// A source of the content security policy: `sha256-…`.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}
