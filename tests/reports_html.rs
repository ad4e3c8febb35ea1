//! The HTML page in a browser: with its script and without, with 10,000
//! findings, and readable in light and in dark.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use scanner::finding::{Severity, Verdict};
use scanner::report::{Format, Report, View};

use crate::reports::{evidence, finding, host, rendered, report, repository};

/// 10,000 findings of 100 rules, all different.
fn large() -> Report {
    let mut findings = Vec::new();
    for number in 0..10_000_usize {
        let verdict = if number % 10 == 0 { Verdict::Pass } else { Verdict::Fail };
        let rule = format!("area/rule-{:02}", number % 100);
        let severity = Severity::ALL[number % 5];
        let mut one = finding(&rule, severity, verdict, &format!("setting {number} is wrong"));
        one.subject = host(&format!("cn-{:04}", number / 100)).into();
        let source = scanner::fact::Source::line(format!("/etc/file-{number}"), 3);
        one.evidence = vec![evidence("some.fact", format!("<b>{number}</b>"), source)];
        one.fix = Some("Set it right.".into());
        one.fingerprint = number.to_string().into();
        findings.push(one);
    }
    findings.sort_by(|a, b| (&a.rule, &a.subject).cmp(&(&b.rule, &b.subject)));
    report(findings, (0..100).map(|number| host(&format!("cn-{number:04}"))).collect())
}

/// The document after the page has loaded, and what the browser complained of.
fn loaded(page: &Path) -> (String, String) {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-dev-shm-usage",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-extensions",
        ])
        .args(["--enable-logging=stderr", "--v=0", "--host-resolver-rules=MAP * ~NOTFOUND"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--virtual-time-budget=2000", "--dump-dom"])
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap_or_else(|error| panic!("chromium: {error}; make test installs it"));
    let complaints = String::from_utf8_lossy(&output.stderr);
    let complaints = complaints.lines().filter(|line| line.contains("CONSOLE")).collect::<Vec<_>>().join("\n");
    (String::from_utf8(output.stdout).unwrap(), complaints)
}

#[test]
fn ten_thousand_findings_are_shown_with_and_without_the_script() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    let text = rendered(&large(), Format::Html, View::default());
    assert!(text.len() < 12_000_000, "{} bytes", text.len());
    fs::write(&page, &text).unwrap();
    let (with, complaints) = loaded(&page);
    assert_eq!(complaints, "", "the page has no faults");
    assert!(with.contains(">10000 findings</output>"), "the script ran");
    assert!(with.contains("<div class=\"filter\" id=\"filter\" role=\"search\">"), "the filter is shown");
    let (before, script) = text.split_once("<script>").unwrap();
    fs::write(&page, format!("{before}{}", script.split_once("</script>").unwrap().1)).unwrap();
    let (without, complaints) = loaded(&page);
    assert_eq!(complaints, "");
    let hidden = "<div class=\"filter\" id=\"filter\" role=\"search\" hidden=\"\">";
    assert!(without.contains(hidden), "a filter that does nothing is hidden");
    for dom in [with, without] {
        assert_eq!(dom.matches("some.fact = &lt;b&gt;").count(), 9_000, "each failure has its evidence");
        assert!(!dom.contains("<b>"));
    }
}

/// The contrast of two colours (WCAG 2.2, "contrast ratio").
fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let luminance = |color: [f64; 3]| {
        let [red, green, blue] = color.map(|part| {
            let part = part / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn color(text: &str) -> [f64; 3] {
    let digits = text.trim().strip_prefix('#').unwrap();
    let digits =
        if digits.len() == 3 { digits.chars().flat_map(|digit| [digit; 2]).collect() } else { digits.to_owned() };
    [0, 2, 4].map(|at| f64::from(u8::from_str_radix(&digits[at..at + 2], 16).unwrap()))
}

#[test]
fn every_colour_of_text_is_readable_in_light_and_in_dark() {
    let style = fs::read_to_string(repository().join("reports/report.css")).unwrap();
    let schemes: Vec<BTreeMap<&str, [f64; 3]>> = style
        .split(":root {")
        .skip(1)
        .map(|block| {
            let block = block.split('}').next().unwrap();
            let settings = block.split(';').filter_map(|setting| setting.trim().strip_prefix("--")?.split_once(':'));
            settings.map(|(name, value)| (name, color(value))).collect()
        })
        .collect();
    assert_eq!(schemes.len(), 2, "light and dark");
    assert_eq!(schemes[0].keys().collect::<Vec<_>>(), schemes[1].keys().collect::<Vec<_>>());
    for scheme in &schemes {
        for ground in ["paper", "card"] {
            for (name, ink) in scheme.iter().filter(|(name, _)| !["paper", "card", "line"].contains(name)) {
                let contrast = contrast(*ink, scheme[ground]);
                assert!(contrast >= 4.5, "--{name} on --{ground}: {contrast:.2}");
            }
        }
    }
}
