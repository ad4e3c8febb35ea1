//! How long it takes to load 300 rules, and to judge a host by the built-in
//! ones. The bars: 300 rules in under 20 ms.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs
)]

use std::collections::BTreeSet;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use scanner::evaluate::{Context, evaluate};
use scanner::fact::Facts;
use scanner::fact::host::root::HostRoot;
use scanner::fact::host::{Host, collect};
use scanner::finding::Subject;
use scanner::rule::select::Selection;
use scanner::rule::{LoadOptions, RuleSet};

/// A healthy node, whose facts touch most rules.
const FIXTURE: &str = "fixtures/hosts/ubuntu-24.04-containerd-2.3/root";

/// The built-in rules again and again, until there are 300, as a user's
/// folder. A user's rule needs an example, which is run: one that says nothing
/// stands for those of the rule. The expressions of built-in rules are parsed
/// when the program is built, so each is written with other spaces here.
fn three_hundred_rules(with_cluster: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut texts = built_in_texts();
    if !with_cluster {
        for (_, text) in &mut texts {
            let first = text.split("\ncluster:").next().unwrap().to_owned();
            *text = first;
        }
    }
    let rules: Vec<(String, String)> = texts.iter().filter_map(with_one_example).collect();
    for number in 0..300 {
        let (name, text) = &rules[number % rules.len()];
        let file = folder.path().join(format!("round-{}", number / rules.len())).join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    folder
}

/// Name and text of each built-in rule, without examples and former names.
fn built_in_texts() -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for area in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")).unwrap() {
        let area = area.unwrap();
        if area.file_name() == "data" {
            continue;
        }
        for rule in std::fs::read_dir(area.path()).unwrap() {
            let rule = rule.unwrap();
            let text = std::fs::read_to_string(rule.path()).unwrap();
            let text = text.split("\nexamples:").next().unwrap();
            let lines: Vec<_> = text.lines().filter(|line| !line.starts_with("aliases:")).collect();
            texts.push((rule.file_name().into_string().unwrap(), with_other_spaces(&lines.join("\n"))));
        }
    }
    texts.sort();
    texts
}

/// The same rule with expressions that are none of the built-in ones.
fn with_other_spaces(text: &str) -> String {
    let mut text = text.to_owned();
    for before in [" && ", " || ", " == ", " != ", " < ", " >= "] {
        text = text.replace(before, &format!(" {before}"));
    }
    for call in ["has(", "size(", "exists(", "all(", "filter(", "map(", "version(", "default(", "lifecycle("] {
        text = text.replace(call, &format!("{call} "));
    }
    text
}

/// The rule with an example without facts, and the verdict that this gives.
fn with_one_example((name, text): &(String, String)) -> Option<(String, String)> {
    ["unknown", "not-applicable", "pass", "fail"].iter().find_map(|verdict| {
        let text = format!("{text}\nexamples:\n  - {{name: nothing is known, verdict: {verdict}, facts: {{}}}}\n");
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("one")).unwrap();
        std::fs::write(folder.path().join("one").join(name), &text).unwrap();
        let options = LoadOptions { builtin: false, paths: vec![folder.path().to_owned()], with_examples: false };
        RuleSet::load(&options).ok().map(|_| (name.clone(), text))
    })
}

fn load(criterion: &mut Criterion) {
    criterion.bench_function("load the built-in rules", |bencher| {
        bencher.iter(|| RuleSet::load(black_box(&LoadOptions::default())).unwrap());
    });
    // What is loaded is kept to the end of a run, and never dropped there.
    for (name, with_cluster) in
        [("load 300 rules of one form", false), ("load 300 rules, most with a form for clusters too", true)]
    {
        let folder = three_hundred_rules(with_cluster);
        let options = LoadOptions { builtin: false, paths: vec![folder.path().to_owned()], with_examples: false };
        criterion.bench_function(name, |bencher| {
            bencher.iter_with_large_drop(|| RuleSet::load(black_box(&options)).unwrap());
        });
    }
}

fn facts_of_fixture() -> Facts {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(FIXTURE);
    let host = Host::new(HostRoot::open(&root).unwrap(), Instant::now() + Duration::from_secs(5));
    collect(&host, &BTreeSet::new())
}

fn judge(criterion: &mut Criterion) {
    let rules = RuleSet::load(&LoadOptions::default()).unwrap();
    let selected = Selection::default().resolve(&rules).unwrap();
    let facts = facts_of_fixture();
    let subject = Subject { kind: "host".into(), api_version: None, namespace: None, name: "node".into() };
    let context = Context {
        now: "2026-11-23T00:00:00Z".parse().unwrap(),
        targets: vec![subject],
        gate: false,
        judged_nodes: Vec::new(),
    };
    criterion.bench_function("judge a node by the built-in rules", |bencher| {
        bencher.iter_batched(
            || (),
            |()| black_box(evaluate(&rules, &selected, black_box(&facts), None, &context)),
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("read a recorded node", |bencher| bencher.iter(facts_of_fixture));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).measurement_time(Duration::from_secs(3));
    targets = load, judge
}
criterion_main!(benches);
