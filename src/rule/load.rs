//! Reads rule files: those in the binary and those of the user.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::data::{self, Tables};
use super::file::{self, Extent, RuleFile};
use super::{Diagnostic, Rule, RuleSet, Target, builtin, example, yaml};

/// How deep folders of rules may lie in each other.
const FOLDER_DEPTH: usize = 16;

/// Which rules to load, and how much of them.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Whether to load the rules of the binary.
    pub builtin: bool,
    /// Files and folders of the user.
    pub paths: Vec<PathBuf>,
    /// Whether to keep the examples of built-in rules (the user's are always
    /// read and run).
    pub with_examples: bool,
}

impl Default for LoadOptions {
    fn default() -> Self {
        LoadOptions { builtin: true, paths: Vec::new(), with_examples: false }
    }
}

/// Reads rules; with `target`, of the built-in ones only those that judge it,
/// and of those for hosts only the form that judges a host.
pub(super) fn load(options: &LoadOptions, target: Option<Target>) -> Result<RuleSet, Vec<Diagnostic>> {
    let tables = data::builtin();
    let mut files = if options.builtin { builtin_rules(target) } else { Vec::new() };
    let mut faults = Vec::new();
    for path in &options.paths {
        user_rules(path, &mut files, &mut faults);
    }
    let names = tables.names();
    let read_one = |file: &RuleFile| {
        let extent = Extent {
            with_examples: options.with_examples || !file.is_builtin,
            with_cluster: target != Some(Target::Host) || !file.is_builtin,
        };
        let rule = file::read(file, &names, extent)?;
        run_examples(file, &tables, rule)
    };
    let read_all = || files.par_iter().map(read_one).collect::<Vec<_>>();
    let (read, digest) = if options.builtin && options.paths.is_empty() {
        (read_all(), builtin::DIGEST.to_owned())
    } else {
        rayon::join(read_all, || digest(options.builtin, files.iter().filter(|file| !file.is_builtin)))
    };
    if options.with_examples && options.builtin {
        faults.extend(tables.faults().into_iter().map(|(path, text, error)| {
            Diagnostic::new(path, &Arc::from(text), error.span, error.message, error.label)
        }));
    }
    let mut rules = Vec::new();
    for result in read {
        match result {
            Ok(rule) => rules.push(rule),
            Err(more) => faults.extend(more),
        }
    }
    rules.sort_by(|this: &Rule, that| this.name.cmp(&that.name));
    refuse_duplicates(&files, &mut faults);
    if faults.is_empty() { Ok(RuleSet { rules, digest, data: tables }) } else { Err(faults) }
}

/// A user's rule must give what its examples say.
fn run_examples(file: &RuleFile, data: &Tables, rule: Rule) -> Result<Rule, Vec<Diagnostic>> {
    if file.is_builtin {
        return Ok(rule);
    }
    let failures = example::run_with(data, &rule);
    if failures.is_empty() {
        return Ok(rule);
    }
    let span_of = |name: &str| {
        rule.examples.iter().find(|example| example.name == name).map_or(0..0, |example| example.span.clone())
    };
    Err(failures
        .into_iter()
        .map(|failure| {
            let message = format!("the example `{}` does not give what it says", failure.example);
            Diagnostic::new(&file.path, &Arc::from(&*file.text), span_of(&failure.example), message, failure.message)
        })
        .collect())
}

/// Over the tables and rules, each framed so that no two lists are alike.
fn digest<'f>(with_builtin: bool, users: impl Iterator<Item = &'f RuleFile>) -> String {
    let mut digest = Sha256::new();
    let rules = if with_builtin { builtin::rules() } else { Vec::new() };
    let tables = builtin::tables();
    let tables = tables.iter().map(|table| (table.name, table.text));
    let builtin = tables.chain(rules.iter().map(|rule| (rule.name, rule.text)));
    for (name, text) in builtin.chain(users.map(|file| (file.name.as_str(), file.text.as_ref()))) {
        digest.update(format!("{} {name}\n{}\n", name.len(), text.len()));
        digest.update(text);
    }
    let mut text = String::from("sha256:");
    for byte in digest.finalize() {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn builtin_rules(target: Option<Target>) -> Vec<RuleFile> {
    builtin::rules()
        .into_iter()
        .filter(|rule| target.is_none() || rule.target.is_none() || rule.target == target)
        .map(|rule| RuleFile {
            path: format!("rules/{}.yaml", rule.name),
            name: rule.name.to_owned(),
            text: Cow::Borrowed(rule.text),
            tree: rule.tree,
            is_builtin: true,
        })
        .collect()
}

/// The rule files of a path that the user named.
fn user_rules(path: &Path, files: &mut Vec<RuleFile>, faults: &mut Vec<Diagnostic>) {
    let mut found = Vec::new();
    if let Err(error) = find_files(path, 0, &mut found) {
        faults.push(unreadable(path, &error));
        return;
    }
    if found.is_empty() {
        let nothing = io::Error::other("there is no rule file (*.yaml) in it");
        faults.push(unreadable(path, &nothing));
    }
    found.sort();
    let texts: Vec<_> = found.par_iter().map(|path| read_text(path)).collect();
    for (path, text) in found.iter().zip(texts) {
        match text {
            Ok(text) => files.push(RuleFile {
                name: name_of(path),
                path: path.display().to_string(),
                text: Cow::Owned(text),
                tree: &[],
                is_builtin: false,
            }),
            Err(error) => faults.push(unreadable(path, &error)),
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    let path = path.display().to_string();
    Diagnostic::new(&path, &Arc::from(""), 0..0, format!("read {path}: {error}"), "cannot be read")
}

/// `area/bad-pattern`: the name of the file in its folder.
fn name_of(path: &Path) -> String {
    let part = |path: Option<&Path>| path.and_then(Path::file_stem).and_then(|name| name.to_str()).map(str::to_owned);
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let area = part(absolute.parent()).unwrap_or_else(|| "rules".to_owned());
    format!("{area}/{}", part(Some(path)).unwrap_or_default())
}

/// A folder's rule files; the tables in a folder `data` are none.
#[expect(clippy::disallowed_methods, reason = "the user's rule files lie where scanner runs, not on the judged host")]
fn find_files(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if !std::fs::metadata(path)?.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let is_folder = kind.is_dir() || (!kind.is_file() && std::fs::metadata(&path)?.is_dir());
        let is_rule = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if is_folder && depth < FOLDER_DEPTH && path.file_name().is_none_or(|name| name != "data") {
            find_files(&path, depth + 1, found)?;
        } else if is_rule && !is_folder {
            found.push(path);
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the user's rule files lie where scanner runs, not on the judged host")]
fn read_text(path: &Path) -> io::Result<String> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    if metadata.len() > yaml::SIZE_LIMIT as u64 {
        return Err(io::Error::other(format!("larger than {} bytes", yaml::SIZE_LIMIT)));
    }
    std::fs::read_to_string(path)
}

fn refuse_duplicates(files: &[RuleFile], faults: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<&str, &RuleFile> = BTreeMap::new();
    for file in files {
        let Some(earlier) = seen.insert(&file.name, file) else { continue };
        let message = format!("a second rule `{}`", file.name);
        let help =
            earlier.is_builtin.then(|| "rename it, or leave the built-in rules out with --no-builtin-rules".to_owned());
        let label = format!("the first is {}", earlier.path);
        faults.push(Diagnostic::new(&file.path, &Arc::from(&*file.text), 0..0, message, label).with_help(help));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::expression::is_stored;
    use crate::rule::tree;

    #[test]
    fn the_digest_of_the_build_is_that_of_its_files() {
        assert_eq!(builtin::DIGEST, digest(true, std::iter::empty()));
    }

    #[test]
    fn a_tree_of_the_build_is_what_its_text_parses_to() {
        let rules = builtin::rules();
        assert!(rules.len() > 100);
        for rule in rules {
            let parsed = yaml::parse(tree::without_examples(rule.text)).unwrap();
            assert_eq!(tree::read(&mut &rule.tree[..]), Some(parsed), "{}", rule.name);
            assert!(rule.target.is_some(), "{}", rule.name);
        }
    }

    #[test]
    fn no_expression_of_a_built_in_rule_is_parsed_when_it_is_loaded() {
        let rules = load(&LoadOptions::default(), None).unwrap();
        for rule in rules.rules() {
            let forms = std::iter::once(&rule.form).chain(&rule.cluster);
            for expression in forms.flat_map(super::super::form::Form::expressions) {
                assert!(is_stored(&expression.source), "{}: {}", rule.name, expression.source);
            }
        }
    }

    #[test]
    fn an_audit_of_hosts_leaves_the_other_built_in_rules_unread() {
        let all = load(&LoadOptions::default(), None).unwrap();
        let of_hosts = load(&LoadOptions::default(), Some(Target::Host)).unwrap();
        let names = |rules: Vec<&Rule>| rules.into_iter().map(|rule| rule.name.clone()).collect::<Vec<_>>();
        let expected = names(all.rules().iter().filter(|rule| rule.target == Target::Host).collect());
        assert_eq!(names(of_hosts.rules().iter().collect()), expected);
        assert_eq!(of_hosts.digest(), all.digest());
        for rule in of_hosts.rules() {
            let whole = all.get(&rule.name).unwrap();
            let told = |rule: &Rule| (rule.has_cluster_form, rule.severities.clone(), rule.severity, rule.fix.clone());
            assert_eq!(told(rule), told(whole), "{}", rule.name);
            assert!(rule.cluster.is_none(), "{}", rule.name);
        }
        assert!(of_hosts.rules().iter().any(|rule| rule.has_cluster_form));
    }
}
