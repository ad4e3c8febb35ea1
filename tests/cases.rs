//! Small host trees with known verdicts, from `fixtures/cases/`: each listed
//! rule gives its verdict, and nothing else fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use scanner::rule::{LoadOptions, RuleSet};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::facts::audit;
use super::objects::{Expected, compare};

/// Part of a host tree.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Layer {
    files: BTreeMap<String, String>,
    links: BTreeMap<String, String>,
    folders: Vec<String>,
    programs: Vec<String>,
    processes: BTreeMap<u32, Program>,
    may_fail: Vec<String>,
}

/// One recorded process.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Program {
    command: Vec<String>,
    #[serde(default)]
    cgroup: Option<String>,
}

/// One tree and its verdicts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    layers: Vec<String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    links: BTreeMap<String, String>,
    #[serde(default)]
    folders: Vec<String>,
    #[serde(default)]
    programs: Vec<String>,
    #[serde(default)]
    processes: BTreeMap<u32, Program>,
    #[serde(default)]
    may_fail: Vec<String>,
    expect: BTreeMap<String, Expected>,
    #[serde(default)]
    #[expect(dead_code, reason = "for the reader of the case")]
    comment: Option<String>,
}

fn write(root: &Path, path: &str, contents: &[u8]) {
    let file = root.join(path.trim_start_matches('/'));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, contents).unwrap();
}

pub(crate) fn build(root: &Path, layer: &Layer) {
    for (path, contents) in &layer.files {
        write(root, path, contents.as_bytes());
    }
    for path in &layer.folders {
        fs::create_dir_all(root.join(path.trim_start_matches('/'))).unwrap();
    }
    for path in &layer.programs {
        write(root, path, b"\x7fELF\x02\x01\x01\0");
        fs::set_permissions(root.join(path.trim_start_matches('/')), fs::Permissions::from_mode(0o755)).unwrap();
    }
    for (path, to) in &layer.links {
        let link = root.join(path.trim_start_matches('/'));
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(to, link).unwrap();
    }
    for (pid, process) in &layer.processes {
        let program = process.command[0].rsplit('/').next().unwrap();
        write(root, &format!("/proc/{pid}/cmdline"), format!("{}\0", process.command.join("\0")).as_bytes());
        write(root, &format!("/proc/{pid}/comm"), format!("{program}\n").as_bytes());
        let stat =
            format!("{pid} ({program}) S 1 {pid} {pid} 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 {} 0 0\n", 1000 + pid);
        write(root, &format!("/proc/{pid}/stat"), stat.as_bytes());
        let cgroup = process.cgroup.clone().unwrap_or_else(|| format!("0::/system.slice/{program}.service"));
        write(root, &format!("/proc/{pid}/cgroup"), format!("{cgroup}\n").as_bytes());
        let exe = root.join(format!("proc/{pid}/exe"));
        let _ = fs::remove_file(&exe);
        symlink(&process.command[0], exe).unwrap();
    }
}

/// What is wrong with the findings of one case, a line each.
fn judge(case: &Case, layers: &BTreeMap<String, Layer>, rules: &RuleSet) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut may_fail: BTreeSet<&str> = case.may_fail.iter().map(String::as_str).collect();
    for name in &case.layers {
        let layer = layers.get(name).unwrap_or_else(|| panic!("case {:?}: no layer {name}", case.name));
        build(folder.path(), layer);
        may_fail.extend(layer.may_fail.iter().map(String::as_str));
    }
    build(
        folder.path(),
        &Layer {
            files: case.files.clone(),
            links: case.links.clone(),
            folders: case.folders.clone(),
            programs: case.programs.clone(),
            processes: case.processes.clone(),
            may_fail: Vec::new(),
        },
    );
    let (_, findings) = audit(folder.path(), rules, &BTreeSet::new());
    let may_fail: Vec<String> = may_fail.into_iter().map(str::to_owned).collect();
    compare(&case.expect, &may_fail, &findings)
}

/// Judges every case of the files of a folder by the layers in its
/// `layers.yaml`; gives how many there are, and what is wrong with them.
pub(crate) fn judge_folder<C: DeserializeOwned, L: DeserializeOwned>(
    folder: &str,
    name: impl Fn(&C) -> &str,
    judge: impl Fn(&C, &BTreeMap<String, L>, &RuleSet) -> Vec<String>,
) -> (usize, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let layers: BTreeMap<String, L> =
        serde_saphyr::from_str(&fs::read_to_string(folder.join("layers.yaml")).unwrap()).unwrap();
    let rules = RuleSet::load(&LoadOptions::default()).expect("the built-in rules load");
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut count, mut report) = (0, String::new());
    for file in files {
        if file.extension().is_none_or(|extension| extension != "yaml") || file.ends_with("layers.yaml") {
            continue;
        }
        let cases: Vec<C> = serde_saphyr::from_str(&fs::read_to_string(&file).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for case in cases {
            count += 1;
            let wrong = judge(&case, &layers, &rules);
            if !wrong.is_empty() {
                let file = file.file_name().unwrap().to_string_lossy();
                report.extend([format!("{file}: {}\n    {}\n", name(&case), wrong.join("\n    "))]);
            }
        }
    }
    (count, report)
}

#[test]
fn every_case_gives_its_verdicts_and_nothing_else_fails() {
    let (count, report) = judge_folder("fixtures/cases", |case: &Case| case.name.as_str(), judge);
    assert!(count > 50, "only {count} cases were found");
    assert!(report.is_empty(), "\n{report}");
}
