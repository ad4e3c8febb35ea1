//! A report whose every text means harm, in every format, before every reader.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use scanner::fact::{ObjectReference, Source};
use scanner::finding::{Evidence, Finding, Severity, Subject, Verdict, WaiverNote};
use scanner::report::{Format, Report, Summary, View, escape};
use serde_json::json;

use crate::reports::{evidence, finding, heading, host, rendered, report};
use crate::reports_readers::assert_readable;

const HOSTILE: [&str; 20] = [
    "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\0\u{8}\u{7f}",
    "\u{202e}txt.exe\u{2066}\u{200b}\u{feff}\u{2028}\u{e0041}",
    "\u{fffe}\u{ffff}\u{fdd0}",
    "]]>",
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script><!-- <details> --!>",
    "\"'><img src=x onerror=alert(1)>&lt;&#x3c;&nbsp;",
    "a\r\n::error::x\n##[error]y\n::stop-commands::z",
    "%0A%25::",
    "a|b`c``d```\n\n# title\n- list\n    code",
    "![x](http://x.example) [y](javascript:alert(1)) <http://z.example> http://www.w.example @root #1",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=1",
    "../../../etc/passwd",
    "{{ 7 * 7 }}{% for x in y %}{# z #}",
    "\\\"\\n{rule=\"x\"} 1\n# HELP x",
    "",
];

/// A report whose texts are all this one.
fn of(text: &str) -> Report {
    let subject = |kind: &str| Subject {
        kind: kind.to_owned(),
        api_version: Some(text.to_owned()),
        namespace: Some(text.to_owned()),
        name: text.to_owned(),
    };
    let reference = ObjectReference {
        api_version: text.to_owned(),
        kind: text.to_owned(),
        namespace: Some(text.to_owned()),
        name: text.to_owned(),
    };
    let pieces = [
        evidence(text, text, Source::line(text, 0)),
        evidence(text, json!({text: [text]}), Source::line(format!("/{text}"), u32::MAX)),
        evidence(text, 1, Source::Object { object: reference.into(), path: text.to_owned().into() }),
        evidence(text, text, Source::cri(text)),
        Evidence {
            fact: text.to_owned(),
            value: json!(null),
            source: Some(Source::default_of(text)),
            unreadable: Some(text.to_owned()),
        },
    ];
    let mut findings: Vec<Finding> = Vec::new();
    for (number, verdict) in Verdict::ALL.into_iter().cycle().take(15).enumerate() {
        let mut one = finding("a/b", Severity::ALL[number % 5], verdict, text);
        // A rule and a fingerprint are never empty; all else may be.
        let rule = if text.is_empty() { "a/b" } else { text };
        one.heading = heading(rule, text, vec![text.to_owned(), format!("https://{text}")]);
        let subject = match number / 5 {
            0 => host(text),
            1 => subject(text),
            _ => subject("Deployment"),
        };
        one.subject = subject.into();
        one.evidence = pieces[number % pieces.len()..].to_vec();
        one.fix = Some(text.to_owned());
        let note = WaiverNote { reason: text.to_owned(), expires: text.to_owned(), owner: Some(text.to_owned()) };
        one.waiver = (verdict == Verdict::Waived).then(|| Box::new(note));
        one.fingerprint = if text.is_empty() { "0".into() } else { text.into() };
        findings.push(one);
    }
    let mut cluster = host(text);
    cluster.kind = "cluster".into();
    let mut report = report(findings, vec![host(text), cluster]);
    report.scanner.version = text.into();
    report.scanner.rules_digest = text.into();
    report.command = text.into();
    report.started_at = text.into();
    report.why.insert(text.to_owned(), text.to_owned());
    report.summary = Summary::of(&report.findings);
    report
}

#[test]
fn no_reader_is_misled_by_any_text() {
    let everything = HOSTILE.join(" ");
    for text in HOSTILE.into_iter().chain([everything.as_str()]) {
        let report = of(text);
        for format in Format::ALL {
            // Where a text stands matters to the others; these need not be started for each.
            let is_slow = matches!(format, Format::Html | Format::Junit | Format::Prometheus);
            if !is_slow || text.is_empty() || text == everything {
                assert_readable(&report, format);
            }
            for verbose in [false, true] {
                let written = rendered(&report, format, View { verbose, ..View::default() }).replace("\r\n", "\n");
                let seen: Vec<char> = written.chars().filter(|one| *one != '\n' && escape::is_hostile(*one)).collect();
                assert!(seen.is_empty(), "{} of {text:?}: {seen:?}", format.name());
            }
        }
    }
}

#[test]
fn no_text_becomes_a_line_of_its_own_for_the_runner() {
    for text in HOSTILE {
        for format in [Format::Table, Format::Github] {
            let written = rendered(&of(text), format, View { verbose: true, ..View::default() });
            let commands = written.lines().filter(|line| line.trim_start().starts_with("::"));
            for command in commands {
                assert!(format == Format::Github, "{command}");
                assert!(
                    ["::error ", "::warning ", "::notice "].iter().any(|level| command.starts_with(level)),
                    "{command}"
                );
            }
        }
    }
}
