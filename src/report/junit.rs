//! JUnit XML, in the dialect that all of its readers share.
//!
//! There is no standard; this keeps to `junit-10.xsd` of Jenkins' xunit
//! plugin, the strictest reader, and to what GitLab shows: `classname` and
//! `name`, of which equal pairs are dropped, and the text inside of a failure.
//!
//! A suite is a target, a case is a finding. A failure is `failure`, an
//! unknown is `error`; what is waived, known by the baseline or does not apply
//! is `skipped` with the reason.

use std::collections::HashMap;
use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{Report, escape, text};
use crate::finding::{Finding, Subject, Verdict};

/// Characters of a value that are written.
const SHOWN_VALUE: usize = 400;

pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let suites = suites(report);
    let total = suites.iter().fold(Counts::default(), |total, suite| total.and(&suite.counts));
    let mut xml = Writer::new_with_indent(&mut *out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.create_element("testsuites")
        .with_attribute(("name", "scanner"))
        .with_attribute(("tests", total.tests.to_string().as_str()))
        .with_attribute(("failures", total.failures.to_string().as_str()))
        .with_attribute(("errors", total.errors.to_string().as_str()))
        .with_attribute(("time", seconds(report.duration_ms).as_str()))
        .write_inner_content(|xml| suites.iter().try_for_each(|suite| suite.write(report, xml)))?;
    out.write_all(b"\n")
}

/// The findings of one target.
struct Suite<'a> {
    name: String,
    host: Option<String>,
    cases: Vec<&'a Finding>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        self.tests += 1;
        match outcome {
            Outcome::Passed => {}
            Outcome::Failure => self.failures += 1,
            Outcome::Error => self.errors += 1,
            Outcome::Skipped => self.skipped += 1,
        }
    }

    fn and(&self, other: &Counts) -> Counts {
        Counts {
            tests: self.tests + other.tests,
            failures: self.failures + other.failures,
            errors: self.errors + other.errors,
            skipped: self.skipped + other.skipped,
        }
    }
}

enum Outcome {
    Passed,
    Failure,
    Error,
    Skipped,
}

impl Outcome {
    fn of(finding: &Finding) -> Self {
        match finding.verdict {
            Verdict::Pass => Outcome::Passed,
            Verdict::Fail if finding.counts() => Outcome::Failure,
            Verdict::Unknown => Outcome::Error,
            Verdict::Fail | Verdict::NotApplicable | Verdict::Waived => Outcome::Skipped,
        }
    }
}

/// A suite for each host; objects of Kubernetes are in that of their cluster.
fn suites(report: &Report) -> Vec<Suite<'_>> {
    let cluster = report.targets.iter().find(|target| target.kind == "cluster");
    let mut suites: Vec<Suite> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let of_targets = report.targets.iter().map(|target| (target, None));
    let of_findings = report.findings.iter().map(|finding| (&*finding.subject, Some(finding)));
    for (subject, finding) in of_targets.chain(of_findings) {
        let target = if subject.kind == "host" { subject } else { cluster.unwrap_or(subject) };
        let name = suite_name(target);
        let at = *places.entry(name.clone()).or_insert_with(|| {
            let host = (target.kind == "host").then(|| clean(&target.name));
            suites.push(Suite { name, host, cases: Vec::new(), counts: Counts::default() });
            suites.len() - 1
        });
        if let (Some(suite), Some(finding)) = (suites.get_mut(at), finding) {
            suite.counts.add(&Outcome::of(finding));
            suite.cases.push(finding);
        }
    }
    suites
}

fn suite_name(target: &Subject) -> String {
    clean(&text::subject_with_kind(target))
}

impl Suite<'_> {
    fn write<W: Write>(&self, report: &Report, xml: &mut Writer<W>) -> io::Result<()> {
        let counts = &self.counts;
        let mut element = xml
            .create_element("testsuite")
            .with_attribute(("name", self.name.as_str()))
            .with_attribute(("tests", counts.tests.to_string().as_str()))
            .with_attribute(("failures", counts.failures.to_string().as_str()))
            .with_attribute(("errors", counts.errors.to_string().as_str()))
            .with_attribute(("skipped", counts.skipped.to_string().as_str()))
            .with_attribute(("time", "0"))
            .with_attribute(("timestamp", clean(report.started_at.trim_end_matches('Z')).as_str()));
        if let Some(host) = &self.host {
            element = element.with_attribute(("hostname", host.as_str()));
        }
        element.write_inner_content(|xml| {
            properties(report, xml)?;
            let mut seen: HashMap<(String, String), usize> = HashMap::new();
            for finding in &self.cases {
                let (class, name) = self.names(finding);
                let times = seen.entry((class.clone(), name.clone())).or_insert(0);
                *times += 1;
                let name = if *times > 1 { format!("{name} ({times})") } else { name };
                case(finding, &class, &name, xml)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// The class, which groups, and the name, which is unique within it.
    fn names(&self, finding: &Finding) -> (String, String) {
        let class = format!("{}.{}", self.name, clean(text::area(&finding.rule)));
        let rule = clean(&finding.rule);
        let subject = suite_name(&finding.subject);
        let title = clean(&finding.title);
        if subject == self.name {
            (class, format!("{rule} {title}"))
        } else {
            (class, format!("{rule} {subject}: {title}"))
        }
    }
}

/// What a suite says of the run.
fn properties<W: Write>(report: &Report, xml: &mut Writer<W>) -> io::Result<()> {
    let mut properties = vec![
        ("scanner.version", clean(&report.scanner.version)),
        ("scanner.rules_digest", clean(&report.scanner.rules_digest)),
        ("scanner.complete", report.complete.to_string()),
        ("scanner.summary", text::counts(report)),
    ];
    properties.extend(text::gate(report).map(|gate| ("scanner.gate", clean(&gate))));
    properties.extend(text::baseline(report).map(|baseline| ("scanner.baseline", clean(&baseline))));
    xml.create_element("properties").write_inner_content(|xml| {
        for (name, value) in &properties {
            xml.create_element("property")
                .with_attribute(("name", *name))
                .with_attribute(("value", value.as_str()))
                .write_empty()?;
        }
        Ok(())
    })?;
    Ok(())
}

fn case<W: Write>(finding: &Finding, class: &str, name: &str, xml: &mut Writer<W>) -> io::Result<()> {
    let case = xml
        .create_element("testcase")
        .with_attribute(("name", name))
        .with_attribute(("classname", class))
        .with_attribute(("time", "0"));
    let element = match Outcome::of(finding) {
        Outcome::Passed => return case.write_empty().map(|_| ()),
        Outcome::Failure => "failure",
        Outcome::Error => "error",
        Outcome::Skipped => "skipped",
    };
    let message = clean(&text::marked_message(finding));
    let kind = match finding.verdict {
        Verdict::NotApplicable => "not-applicable",
        Verdict::Waived => "waived",
        Verdict::Unknown => "unknown",
        Verdict::Fail | Verdict::Pass => finding.severity.name(),
    };
    case.write_inner_content(|xml| {
        xml.create_element(element)
            .with_attribute(("type", kind))
            .with_attribute(("message", message.as_str()))
            .write_text_content(BytesText::new(&body(finding, &message)))?;
        Ok(())
    })?;
    Ok(())
}

/// What GitLab shows: it does not read the message.
fn body(finding: &Finding, message: &str) -> String {
    let mut lines = vec![format!("{}: {message}", finding.severity.name())];
    lines.extend(finding.evidence.iter().map(|piece| clean(&text::proof(piece, SHOWN_VALUE))));
    lines.extend(finding.fix.iter().map(|fix| format!("fix: {}", clean(fix.trim()))));
    lines.extend(finding.references.iter().map(|url| format!("see: {}", clean(url))));
    lines.push(format!("fingerprint: {}", clean(&finding.fingerprint.to_string())));
    lines.join("\n")
}

/// Text of the characters that XML 1.0 (section 2.2) has: all others are made
/// visible, and line breaks stay.
fn clean(text: &str) -> String {
    escape::lines(text).into_owned()
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}
