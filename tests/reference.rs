//! The reference in `docs/rules`: it is what the rules' files say now, and the
//! map of the course names only what is there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use scanner::capture::finding::CATALOGUE;
use scanner::report::reference::course;
use scanner::rule::{LoadOptions, RuleSet, builtin_symptoms};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The texts of all files beneath a folder, by their paths in it.
fn pages(folder: &Path) -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                pages.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    pages
}

#[test]
fn the_reference_says_what_the_rules_say() {
    let folder = tempfile::tempdir().unwrap();
    let mut scanner = Command::new(assert_cmd::cargo::cargo_bin!("scanner"));
    let output = scanner.args(["rules", "docs"]).arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (written, stored) = (pages(folder.path()), pages(&repository().join("docs/rules")));
    let names: BTreeSet<&String> = written.keys().chain(stored.keys()).collect();
    let differing: Vec<_> = names.into_iter().filter(|name| written.get(*name) != stored.get(*name)).collect();
    assert!(differing.is_empty(), "docs/rules is not what the rules say; renew it with `make docs`: {differing:?}");
}

#[test]
fn the_map_of_the_course_names_only_what_is_there() {
    let rules = RuleSet::load(&LoadOptions::default()).unwrap_or_else(|faults| panic!("{}", faults[0].render(false)));
    let symptoms = builtin_symptoms().unwrap_or_else(|faults| panic!("{}", faults[0].render(false)));
    let is_rule = |name: &String| rules.rules().iter().any(|rule| rule.name == *name);
    let is_symptom = |name: &String| {
        symptoms.iter().any(|symptom| symptom.name == *name)
            || rules.rules().iter().any(|rule| rule.name == *name && !rule.symptoms.is_empty())
    };
    let is_finding = |name: &String| CATALOGUE.iter().any(|entry| entry.name == name);
    let chapters = course().unwrap();
    let mut faults = Vec::new();
    let mut ids = BTreeSet::new();
    for row in chapters.iter().flat_map(|chapter| &chapter.rows) {
        let unknown = (row.rules.iter().filter(|name| !is_rule(name)))
            .chain(row.symptoms.iter().filter(|name| !is_symptom(name)))
            .chain(row.capture.iter().filter(|name| !is_finding(name)));
        faults.extend(unknown.map(|name| format!("{}: there is no {name}", row.id)));
        let is_empty = row.rules.is_empty() && row.symptoms.is_empty() && row.capture.is_empty();
        if is_empty && row.left_out.as_deref().is_none_or(str::is_empty) {
            faults.push(format!("{}: neither judged nor left out with a reason", row.id));
        }
        if !ids.insert(&row.id) {
            faults.push(format!("{}: twice", row.id));
        }
    }
    assert!(faults.is_empty(), "docs/course.yaml:\n{}", faults.join("\n"));
    let counts: Vec<_> = chapters.iter().map(|chapter| chapter.rows.len()).collect();
    assert_eq!(counts, [24, 65, 45, 39, 6, 7, 18], "every statement of the course is listed");
}
