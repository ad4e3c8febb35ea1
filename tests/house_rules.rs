//! The rules of the house, each one a test: where code lives, how it is laid
//! out, and what a rule file brings along.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use scanner::rule::{LoadOptions, Rule, RuleSet, Verdict};

/// Which modules a module may use; itself always.
const IMPORTS: &[(&str, &[&str])] = &[
    ("fact", &[]),
    ("rule", &["fact"]),
    ("finding", &["fact", "rule"]),
    ("evaluate", &["fact", "rule", "finding"]),
    ("gate", &["fact", "rule", "finding"]),
    ("explain", &["fact", "rule", "finding"]),
    ("report", &["fact", "rule", "finding", "explain"]),
    ("capture", &["fact"]),
    ("cli", &["fact", "rule", "finding", "evaluate", "gate", "explain", "report", "capture"]),
];

/// All that `capture` may use of `fact`: the door to the host, and the names of pods.
const CAPTURE_OF_FACT: [&str; 2] = ["crate::fact::host::root", "crate::fact::host::runtime"];

/// The most lines of a file, its tests not counted.
const MAX_LINES: usize = 400;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file beneath a folder, in order.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&repository().join(folder), &mut found);
    found.retain(|path| path.extension().is_some_and(|end| end == extension));
    found.sort();
    found
}

fn sources() -> Vec<(String, String)> {
    let name = |path: &Path| path.strip_prefix(repository()).unwrap().display().to_string();
    files("src", "rs").iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

/// The part of a file that is not its tests.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests").next().unwrap()
}

/// The first module of a source file: `src/fact/host/root.rs` is of `fact`.
fn module_of(name: &str) -> &str {
    name.trim_start_matches("src/").split(['/', '.']).next().unwrap()
}

/// The top-level modules that a text names as `crate::MODULE`, also in braces.
fn imports_of(text: &str) -> BTreeSet<&str> {
    let mut imports = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(group) => {
                let group = group.split("};").next().unwrap();
                let words = group.split([',', '\n', '{', '}']).map(str::trim);
                imports.extend(words.filter_map(|word| word.split("::").next()).filter(|word| !word.is_empty()));
            }
            None => {
                imports
                    .extend(rest.split(|character: char| !character.is_ascii_lowercase() && character != '_').next());
            }
        }
    }
    imports.retain(|import| IMPORTS.iter().any(|(module, _)| module == import));
    imports
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn imports_point_one_way() {
    let mut faults = Vec::new();
    for (name, text) in sources() {
        let module = module_of(&name);
        let Some((_, allowed)) = IMPORTS.iter().find(|(known, _)| *known == module) else {
            if !matches!(module, "lib" | "main" | "bin") {
                faults.push(format!("{name}: say in tests/house_rules.rs what {module} may import"));
            }
            continue;
        };
        for import in imports_of(without_tests(&text)) {
            // The catalogue is declared beside the collectors, and rules are checked against it.
            if import != module && !allowed.contains(&import) {
                faults.push(format!("{name}: {module} imports {import}; it may import {allowed:?}"));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn capture_knows_the_host_and_no_facts() {
    let mut faults = Vec::new();
    for (name, text) in sources().iter().filter(|(name, _)| module_of(name) == "capture") {
        for (at, _) in without_tests(text).match_indices("crate::fact") {
            if !CAPTURE_OF_FACT.iter().any(|allowed| text[at..].starts_with(allowed)) {
                faults.push(format!("{name}: of fact, capture may import {CAPTURE_OF_FACT:?}"));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let mut faults = Vec::new();
    for (name, text) in sources() {
        if !text.starts_with("//! ") {
            faults.push(format!("{name}: begin with a //! paragraph: what it is for, where the truth is documented"));
        }
    }
    assert_none(&faults);
}

#[test]
fn no_file_is_too_long_to_read() {
    let mut faults = Vec::new();
    for (name, text) in sources() {
        let lines = without_tests(&text).lines().count();
        if lines > MAX_LINES {
            faults.push(format!("{name}: {lines} lines without tests; split it (at most {MAX_LINES})"));
        }
    }
    assert_none(&faults);
}

#[test]
fn no_program_is_run() {
    let mut faults = Vec::new();
    // A test may compile the library that it asks.
    for (name, text) in sources().into_iter().filter(|(name, _)| !name.ends_with("/tests.rs")) {
        for word in ["Command::new", "std::process::Command", "nix::unistd::exec", "nix::unistd::fork"] {
            if text.contains(word) {
                faults.push(format!("{name}: {word}: scanner reads; it does not run programs"));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn only_cli_prints_reads_the_clock_or_the_environment_or_exits() {
    let mut faults = Vec::new();
    for (name, text) in sources() {
        if matches!(module_of(&name), "cli" | "main" | "bin") {
            continue;
        }
        let words = ["println!", "eprintln!", "print!(", "io::stdout", "io::stderr", "env::var", "process::exit"];
        for word in words.into_iter().chain(["SystemTime::now", "Timestamp::now", "Zoned::now"]) {
            if without_tests(&text).contains(word) {
                faults.push(format!("{name}: {word} belongs in cli"));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn every_test_file_is_part_of_the_one_test_program() {
    let program = fs::read_to_string(repository().join("tests/integration.rs")).unwrap();
    let mut faults = Vec::new();
    for path in files("tests", "rs") {
        let parent = path.parent().unwrap();
        let name = path.file_stem().unwrap().to_string_lossy();
        let is_top = parent.ends_with("tests") && name != "integration";
        if is_top && !program.lines().any(|line| line == format!("mod {name};")) {
            faults.push(format!("tests/integration.rs: add mod {name};"));
        }
    }
    assert_none(&faults);
}

fn built_in() -> RuleSet {
    RuleSet::load(&LoadOptions { with_examples: true, ..LoadOptions::default() }).expect("the built-in rules load")
}

fn rule_faults(rule: &Rule) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |condition: bool, text: &str| {
        if condition {
            faults.push(format!("{}: {text}", rule.path));
        }
    };
    let shows = |verdict: Verdict| rule.examples.iter().any(|example| example.verdicts.contains(&verdict));
    fault(rule.title.is_empty() || rule.title.ends_with('.'), "the title is a sentence without a full stop");
    fault(rule.title.chars().count() > 120, "the title has at most 120 characters");
    fault(rule.why.split_whitespace().count() < 8, "why says what goes wrong and how it shows");
    fault(rule.fix.iter().all(|fix| fix.text.trim().is_empty()), "fix says how to mend it");
    fault(rule.references.is_empty(), "references name primary documentation");
    fault(rule.references.iter().any(|url| !url.starts_with("https://")), "references are https URLs");
    fault(rule.examples.len() < 4, "at least four examples");
    fault(!shows(Verdict::Fail), "an example that fails");
    fault(!shows(Verdict::Pass), "an example that passes");
    fault(!shows(Verdict::Unknown), "an example that is unknown");
    fault(!rule.examples.iter().any(|example| example.left_out), "an example with left_out: true");
    let pattern = rule.name.split('/').nth(1).unwrap_or_default();
    let commands = ["ensure-", "use-", "disable-", "enable-", "check-", "do-not-"];
    fault(commands.iter().any(|word| pattern.starts_with(word)), "the name states the bad pattern, not a command");
    faults
}

#[test]
fn every_rule_is_complete() {
    let rules = built_in();
    let faults: Vec<String> = rules.rules().iter().flat_map(rule_faults).collect();
    assert_none(&faults);
}

#[test]
fn every_rule_file_is_in_an_area_and_loaded() {
    let rules = built_in();
    let areas = ["os", "kernel", "node", "runtime", "kubelet", "network", "gpu", "security", "storage"];
    let further = ["control-plane", "cluster", "workload", "upgrade"];
    let loaded: BTreeSet<&str> = rules.rules().iter().map(|rule| rule.path.as_str()).collect();
    let mut faults = Vec::new();
    for path in files("rules", "yaml") {
        let name = path.strip_prefix(repository()).unwrap().display().to_string();
        let area = name.split('/').nth(1).unwrap_or_default();
        if area == "data" {
            continue;
        }
        if !areas.contains(&area) && !further.contains(&area) {
            faults.push(format!("{name}: {area} is no area"));
        }
        if name.split('/').count() != 3 || !loaded.contains(name.as_str()) {
            faults.push(format!("{name}: a rule is rules/<area>/<bad-pattern>.yaml, and is built in"));
        }
    }
    assert_none(&faults);
}

#[test]
fn names_former_names_and_titles_are_unique() {
    let rules = built_in();
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    let mut faults = Vec::new();
    for rule in rules.rules() {
        let names = std::iter::once(&rule.name).chain(&rule.aliases).chain([&rule.title]);
        for name in names {
            if let Some(other) = owners.insert(name, &rule.name) {
                faults.push(format!("{}: {name:?} is taken by {other}", rule.path));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn every_data_file_has_its_source_and_date() {
    let mut faults = Vec::new();
    for path in files("rules/data", "yaml") {
        let text = fs::read_to_string(&path).unwrap();
        for key in ["source:", "date:"] {
            if !text.lines().any(|line| line.starts_with(key)) {
                faults.push(format!("{}: {key} is missing", path.display()));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn every_fixture_has_a_readme_a_root_and_what_is_expected() {
    let mut faults = Vec::new();
    for entry in fs::read_dir(repository().join("fixtures/hosts")).unwrap() {
        let fixture = entry.unwrap().path();
        for part in ["README.md", "expected.yaml", "root"] {
            if !fixture.join(part).exists() {
                faults.push(format!("{}: {part} is missing", fixture.display()));
            }
        }
    }
    assert_none(&faults);
}
