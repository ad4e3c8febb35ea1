//! Whole clusters with known verdicts, from `fixtures/clusters/NAME/`: each
//! rule that `expected.yaml` lists gives its verdict, and nothing else fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use scanner::rule::{LoadOptions, RuleSet};

use super::objects::{Expected, audit_objects, compare};

#[test]
fn every_cluster_gives_its_verdicts_and_nothing_else_fails() {
    let rules = RuleSet::load(&LoadOptions::default()).expect("the built-in rules load");
    let clusters = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/clusters");
    let (mut count, mut report) = (0, String::new());
    for cluster in fs::read_dir(clusters).unwrap() {
        let folder = cluster.unwrap().path();
        let Ok(verdicts) = fs::read_to_string(folder.join("expected.yaml")) else { continue };
        let verdicts: BTreeMap<String, Expected> =
            serde_saphyr::from_str(&verdicts).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|end| end != "md") && !file.ends_with("expected.yaml"));
        files.sort();
        let texts: Vec<(String, String)> = files
            .iter()
            .map(|file| (file.file_name().unwrap().display().to_string(), fs::read_to_string(file).unwrap()))
            .collect();
        let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let wrong = compare(&verdicts, &[], &audit_objects(&texts, &BTreeMap::new(), &rules));
        count += 1;
        if !wrong.is_empty() {
            report.extend([format!("{}:\n    {}\n", folder.display(), wrong.join("\n    "))]);
        }
    }
    assert!(count > 0, "no cluster was found");
    assert!(report.is_empty(), "\n{report}");
}
