//! Every format before its real readers: schemas, `xmllint`, `promtool`,
//! Python's `csv`, a CommonMark reader, and the rules that GitLab and GitHub
//! document.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use pulldown_cmark::{Event, Options, Parser, Tag};
use scanner::finding::{BaselineMark, Finding, Severity, Subject, Verdict};
use scanner::report::{Format, Report, Summary, View};
use serde_json::Value;

use crate::reports::{finding, host, rendered, report, report_with_everything, repository, sample};

/// What a program says of a text on its standard input.
pub(crate) fn told(program: &str, arguments: &[&str], text: &str) -> Result<String, String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; make test installs it"));
    let mut stdin = child.stdin.take().unwrap();
    let text = text.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(String::from_utf8(output.stdout).unwrap()) } else { Err(said) }
}

fn schema(name: &str) -> jsonschema::Validator {
    let text = fs::read_to_string(repository().join("tests/schemas").join(name)).unwrap();
    // SARIF's pattern of a language, of a member that we do not write, has a bracket too many.
    let text = text.replace("-[a-zA-Z]{2}]?$", "-[a-zA-Z]{2}?$");
    jsonschema::options().should_validate_formats(true).build(&serde_json::from_str(&text).unwrap()).unwrap()
}

fn assert_keeps_to(validator: &jsonschema::Validator, document: &Value) {
    let faults: Vec<String> =
        validator.iter_errors(document).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn as_json(report: &Report, format: Format) -> Value {
    serde_json::from_str(&rendered(report, format, View::default())).unwrap()
}

/// Holds a report in one format against the reader of that format.
pub(crate) fn assert_readable(report: &Report, format: Format) {
    let text = rendered(report, format, View::default());
    match format {
        Format::Table => {}
        Format::Json | Format::Jsonl => assert_eq!(Report::parse(&text).unwrap(), *report),
        Format::Sarif => assert_sarif(report),
        Format::Junit => assert_junit(report, &text),
        Format::Markdown => assert_markdown(&text),
        Format::Html => assert_html(&text),
        Format::Csv => assert_csv(report, &text),
        Format::Github => assert_github(&text),
        Format::Gitlab => assert_gitlab(report),
        Format::Openreports => assert_openreports(report),
        Format::Prometheus => {
            told("promtool", &["check", "metrics"], &text).unwrap_or_else(|said| panic!("{said}\n{text}"));
        }
    }
}

/// The schema, and what GitHub's code scanning asks beyond it.
fn assert_sarif(report: &Report) {
    let document = as_json(report, Format::Sarif);
    assert_keeps_to(&schema("sarif-2.1.0.json"), &document);
    let run = &document["runs"][0];
    for rule in run["tool"]["driver"]["rules"].as_array().unwrap() {
        for text in ["shortDescription", "fullDescription", "help"] {
            let text = rule[text]["text"].as_str().unwrap();
            assert!(!text.is_empty(), "{rule}");
        }
        assert!(rule["shortDescription"]["text"].as_str().unwrap().chars().count() <= 1024);
        let score: f64 = rule["properties"]["security-severity"].as_str().unwrap().parse().unwrap();
        assert!(score > 0.0 && score <= 10.0);
        assert!(rule["properties"]["tags"].as_array().unwrap().contains(&"security".into()));
    }
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), report.summary.fail + report.summary.waived);
    for result in results {
        assert_eq!(rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()]["id"], result["ruleId"]);
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(!uri.is_empty() && !uri.starts_with('/') && !uri.contains(':'), "{uri}");
        assert!(uri.split('/').all(|segment| !matches!(segment, "" | "." | "..")), "{uri}");
        assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
        let hash = result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap();
        assert!(hash.ends_with(":1"));
    }
    let notes = run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
    assert_eq!(notes.len(), report.summary.unknown);
    assert!(run["automationDetails"]["id"].as_str().unwrap().ends_with('/'));
    assert_eq!(run["properties"]["summary"], serde_json::to_value(report.summary).unwrap());
}

/// The strictest schema, and GitLab, which drops a second case of one name.
fn assert_junit(report: &Report, text: &str) {
    let schema = repository().join("tests/schemas/junit-10.xsd");
    told("xmllint", &["--nonet", "--noout", "--schema", schema.to_str().unwrap(), "-"], text)
        .unwrap_or_else(|said| panic!("{said}\n{text}"));
    let number = |path: &str| -> usize {
        told("xmllint", &["--nonet", "--xpath", path, "-"], text).unwrap().trim().parse().unwrap()
    };
    assert_eq!(number("count(//testcase)"), report.findings.len());
    assert_eq!(number("count(//error)"), report.summary.unknown);
    let known = report.findings.iter().filter(|one| one.baseline == Some(BaselineMark::Known)).count();
    assert_eq!(number("count(//failure)"), report.summary.fail - known);
    assert_eq!(number("count(//skipped)"), report.summary.waived + report.summary.not_applicable + known);
    assert_eq!(number("number(/testsuites/@tests)"), report.findings.len());
    let names = told("xmllint", &["--nonet", "--xpath", "//testcase/@name", "-"], text).unwrap_or_default();
    let classes = told("xmllint", &["--nonet", "--xpath", "//testcase/@classname", "-"], text).unwrap_or_default();
    let pairs: HashSet<_> = names.lines().zip(classes.lines()).collect();
    assert_eq!(pairs.len(), report.findings.len(), "each case has a name of its own");
}

/// A CommonMark reader sees no markup, link or picture but ours.
fn assert_markdown(text: &str) {
    assert!(text.len() < 1 << 20, "GitHub refuses a summary of {} bytes", text.len());
    for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_GFM) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => {
                let mut html = html.to_string();
                for ours in ["details", "summary", "code", "sub"] {
                    html = html.replace(&format!("<{ours}>"), "").replace(&format!("</{ours}>"), "");
                }
                let html = html.replace("<!-- -->", "");
                assert!(!html.contains('<'), "{html}");
            }
            Event::Start(Tag::Link { dest_url, .. }) => assert!(dest_url.starts_with("https://"), "{dest_url}"),
            Event::Start(Tag::Image { dest_url, .. }) => panic!("a picture of {dest_url}"),
            _ => {}
        }
    }
}

/// HTML Tidy finds nothing to warn of, and nothing is fetched.
fn assert_html(text: &str) {
    told("tidy", &["-quiet", "-errors", "-utf8"], text).unwrap_or_else(|said| panic!("{said}"));
    assert_eq!((text.matches("<script>").count(), text.matches("<script").count()), (1, 1));
    let style = text.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    assert!(!style.contains("url(") && !style.contains("@import"));
    for tag in text.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
        let name = tag.split_whitespace().next().unwrap_or_default();
        assert!(!["link", "img", "iframe", "object", "embed", "form", "base"].contains(&name), "{tag}");
        assert!(!tag.contains(" src") && !tag.contains(" on"), "{tag}");
    }
}

/// Every record has every field, and none is a formula.
fn assert_csv(report: &Report, text: &str) {
    let program = "import csv, json, sys
sys.stdin.reconfigure(encoding='utf-8', newline='')
print(json.dumps(list(csv.reader(sys.stdin, strict=True))))";
    let records: Vec<Vec<String>> = serde_json::from_str(&told("python3", &["-c", program], text).unwrap()).unwrap();
    assert_eq!(records.len(), report.findings.len() + 1);
    for record in &records {
        assert_eq!(record.len(), records[0].len());
        for cell in record {
            assert!(!cell.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
        }
    }
    assert!(text.ends_with("\"\r\n"));
}

/// Nothing but our commands, few enough to be shown, and a last line.
fn assert_github(text: &str) {
    let lines: Vec<&str> = text.split('\n').collect();
    let (end, commands) = lines.split_last().unwrap();
    assert_eq!(*end, "");
    let (last, commands) = commands.split_last().unwrap();
    assert!(last.starts_with("scanner: ") && !last.contains("##["), "{last}");
    for level in ["error", "warning", "notice"] {
        assert!(commands.iter().filter(|line| line.starts_with(&format!("::{level} "))).count() <= 10, "{level}");
    }
    for line in commands {
        // As the runner reads a command: its name, its properties up to the next ::, its text.
        let (head, data) = line.strip_prefix("::").unwrap().split_once("::").unwrap();
        let (name, properties) = head.split_once(' ').unwrap();
        assert!(["error", "warning", "notice"].contains(&name), "{line}");
        for property in properties.split(',') {
            let (name, _) = property.split_once('=').unwrap();
            assert!(["file", "line", "title"].contains(&name), "{line}");
        }
        assert!(!data.is_empty() && !line.contains('\r'));
    }
}

/// docs.gitlab.com, "Code Quality report format".
fn assert_gitlab(report: &Report) {
    let document = as_json(report, Format::Gitlab);
    let issues = document.as_array().unwrap();
    let seen: HashSet<&str> = issues.iter().map(|issue| issue["fingerprint"].as_str().unwrap()).collect();
    assert_eq!(seen.len(), issues.len(), "GitLab drops the second of one fingerprint");
    let summary = &report.summary;
    assert_eq!(issues.len(), 1 + summary.fail + summary.waived + summary.unknown);
    for issue in issues {
        for member in ["description", "check_name", "fingerprint"] {
            assert!(!issue[member].as_str().unwrap().is_empty());
        }
        assert!(["info", "minor", "major", "critical", "blocker"].contains(&issue["severity"].as_str().unwrap()));
        let path = issue["location"]["path"].as_str().unwrap();
        assert!(!path.is_empty() && !path.starts_with('/') && !path.starts_with("./"), "{path}");
        assert!(issue["location"]["lines"]["begin"].as_u64().unwrap() >= 1);
    }
    let counts = issues[0]["description"].as_str().unwrap();
    assert!(counts.contains(&format!("{} pass, {} fail", summary.pass, summary.fail)), "{counts}");
}

/// Each object keeps to the CRD and fits into etcd; none counts twice.
fn assert_openreports(report: &Report) {
    let document = as_json(report, Format::Openreports);
    let validator = schema("openreports-clusterreport.json");
    let items = document["items"].as_array().unwrap();
    let mut counts = [0; 4];
    let mut names = HashSet::new();
    for item in items {
        assert_keeps_to(&validator, item);
        assert!(item.to_string().len() < 1_500_000, "etcd takes no object of {} bytes", item.to_string().len());
        assert!(names.insert(item["metadata"]["name"].as_str().unwrap()));
        for (count, member) in counts.iter_mut().zip(["pass", "fail", "error", "skip"]) {
            *count += usize::try_from(item["summary"][member].as_u64().unwrap()).unwrap();
        }
    }
    let summary = &report.summary;
    assert_eq!(counts, [summary.pass, summary.fail, summary.unknown, summary.waived + summary.not_applicable]);
}

#[test]
fn each_format_is_readable_by_its_readers() {
    for report in [sample(), report_with_everything(), report(Vec::new(), vec![host("cn-01")])] {
        for format in Format::ALL {
            assert_readable(&report, format);
        }
    }
}

/// A cluster and two hosts, of which one shares a fault with many nodes.
fn fleet() -> Report {
    let mut findings = Vec::new();
    let object = |kind: &str, name: String| Subject {
        kind: kind.into(),
        api_version: Some("v1".into()),
        namespace: (kind == "Pod").then(|| "shop".to_owned()),
        name,
    };
    for number in 0..40 {
        let verdict = if number < 37 { Verdict::Fail } else { Verdict::Pass };
        let mut one = finding("node/cgroup-v1", Severity::Medium, verdict, "cgroup v1 is mounted");
        one.subject = object("Node", format!("cn-{number:02}")).into();
        one.fingerprint = format!("node {number}").into();
        findings.push(one);
    }
    for number in 0..2000 {
        let mut one =
            finding("workload/latest-tag", Severity::Low, Verdict::Fail, &format!("image web:{number} moves"));
        one.subject = object("Pod", format!("web-{number:04}")).into();
        one.fingerprint = format!("pod {number}").into();
        findings.push(one);
    }
    for name in ["cn-00", "cn-01"] {
        let mut one =
            finding("os/no-updates", Severity::High, Verdict::Unknown, "read /etc/os-release: it is not there");
        one.subject = host(name).into();
        one.fingerprint = format!("host {name}").into();
        findings.push(one);
    }
    let mut cluster = host("prod");
    cluster.kind = "cluster".into();
    report(findings, vec![cluster, host("cn-00"), host("cn-01")])
}

#[test]
fn a_fleet_is_readable_in_every_format() {
    for format in Format::ALL {
        assert_readable(&fleet(), format);
    }
}

#[test]
fn a_fault_of_many_nodes_is_told_once() {
    let text = rendered(&fleet(), Format::Table, View { width: Some(80), ..View::default() });
    let nodes = "FAIL  node/cgroup-v1  37 of 40 nodes
  cgroup v1 is mounted
    Node cn-00, Node cn-01, Node cn-02, Node cn-03, Node cn-04, Node cn-05, Node
    cn-06, Node cn-07, … and 29 more
";
    assert!(text.contains(nodes), "{text}");
    assert!(text.contains("FAIL  workload/latest-tag  2000 of 2000 pods\n"), "{text}");
    assert!(text.contains("… and 1992 more: Pod shop/web-0008"), "{text}");
    assert!(text.contains("\n  read /etc/os-release: it is not there\n      os/no-updates (cn-00, cn-01)\n"), "{text}");
    assert!(text.lines().count() < 60, "{text}");
    assert!(
        text.ends_with(
            "cluster prod and 2 hosts: 3 pass, 2037 fail (37 medium, 2000 low), 2 unknown, 0 not-applicable, 0 waived\n"
        ),
        "{text}"
    );
}

#[test]
fn github_says_how_many_annotations_it_does_not_show() {
    let text = rendered(&fleet(), Format::Github, View::default());
    let notices: Vec<&str> = text.lines().filter(|line| line.starts_with("::notice ")).collect();
    assert_eq!(notices.len(), 10);
    assert_eq!(notices[9], "::notice title=scanner::1991 more; the whole report lists them");
}

#[test]
fn every_format_counts_what_is_known_and_says_so() {
    let mut report = sample();
    report.compare_with_baseline(&sample());
    assert!(report.findings.iter().filter(|one| one.verdict == Verdict::Fail).all(|one| !one.counts()));
    for format in Format::ALL {
        assert_readable(&report, format);
        let text = rendered(&report, format, View::default());
        assert!(text.contains("known"), "{}", format.name());
        assert!(!text.contains("::error"), "{}", format.name());
    }
    let text = rendered(&report, Format::Junit, View::default());
    assert!(
        text.contains(" failures=\"0\"") && text.contains("known by the baseline: kubelet uses cgroupfs"),
        "{text}"
    );
}

#[test]
fn an_interrupted_report_says_so_to_every_reader() {
    let mut report = sample();
    report.complete = false;
    let words = [
        "incomplete",
        "\"complete\":false",
        "\"complete\": false",
        "scanner/complete\": \"false\"",
        "Incomplete",
        "run_complete 0",
        "name=\"scanner.complete\" value=\"false\"",
    ];
    for format in Format::ALL.into_iter().filter(|format| *format != Format::Csv) {
        let text = rendered(&report, format, View::default());
        assert!(words.iter().any(|word| text.contains(word)), "{}", format.name());
    }
}

#[test]
fn a_file_of_the_repository_is_annotated_where_it_stands() {
    let mut one: Finding = finding("workload/latest-tag", Severity::High, Verdict::Fail, "image web moves");
    one.evidence =
        vec![crate::reports::evidence("image", "web", scanner::fact::Source::line("deploy/web, a.yaml", 12))];
    let mut report = report(vec![one], vec![host("cn-01")]);
    report.summary = Summary::of(&report.findings);
    let text = rendered(&report, Format::Github, View::default());
    assert!(
        text.starts_with(
            "::error file=deploy/web%2C a.yaml,line=12,title=high workload/latest-tag (cn-01)::image web moves"
        ),
        "{text}"
    );
    let place = &as_json(&report, Format::Sarif)["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "deploy/web%2C%20a.yaml");
    assert_eq!(as_json(&report, Format::Gitlab)[1]["location"]["path"], "deploy/web, a.yaml");
}
