//! Reading the configuration file and what it imports, breadth first.
//!
//! In: the main file's path. Out: the files in the order of merging, or why
//! they cannot be read. Truth: `LoadConfig` and `resolveImports` of
//! containerd's server configuration.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use globset::{GlobBuilder, GlobMatcher};

use crate::fact::host::document::parse_toml;
use crate::fact::host::root::{HostRoot, Outcome};

use super::merge::{ConfigFile, Remark};
use super::property::Property;

/// The most files that are followed; a circle is broken by its paths, a
/// hostile tree of imports by this.
const MAX_FILES: usize = 256;

/// The most text in all files together, in bytes; each is kept as a tree for
/// each release that may run.
const MAX_TEXT_BYTES: usize = 2 << 20;

/// The configuration's files.
#[derive(Clone, Debug, Default)]
pub(super) struct Loaded {
    /// Files in the order of merging, the main file first.
    pub(super) files: Vec<ConfigFile>,
    /// Imports that are not there, so that the daemon does not start.
    pub(super) missing: Vec<Remark>,
}

/// Reads the main file and its imports.
pub(super) fn read_files(root: &HostRoot, main: &str, globs_from_working_directory: bool) -> Outcome<Loaded> {
    let mut loaded = Loaded::default();
    let mut seen = BTreeSet::new();
    let mut text_bytes = 0;
    let mut waiting: VecDeque<(String, Option<Property>)> = VecDeque::from([(main.to_owned(), None)]);
    while let Some((path, import)) = waiting.pop_front() {
        if !seen.insert(path.clone()) {
            continue;
        }
        if loaded.files.len() >= MAX_FILES {
            return Outcome::Unreadable(format!("read {main}: it imports more than {MAX_FILES} files"));
        }
        let text = match (root.read_text(&path), import) {
            (Outcome::Found(text), _) => text,
            (Outcome::Absent, None) => return Outcome::Absent,
            (Outcome::Absent, Some(import)) => {
                let problem = format!("open {path}: no such file or directory");
                loaded.missing.push(Remark { property: "imports".to_owned(), problem, place: import });
                continue;
            }
            (Outcome::Unreadable(reason), _) => return Outcome::Unreadable(reason),
        };
        text_bytes += text.len();
        if text_bytes > MAX_TEXT_BYTES {
            return Outcome::Unreadable(format!("read {path}: more than {MAX_TEXT_BYTES} bytes of configuration"));
        }
        let file: Arc<str> = Arc::from(path.as_str());
        let document = match parse_toml(&text) {
            Ok(node) => Property::of(&node, &file),
            Err(fault) => return Outcome::Unreadable(format!("read {path}: {fault}")),
        };
        let imports = document.get("imports").map(Property::elements).unwrap_or_default();
        for import in imports {
            let Some(pattern) = import.text() else { continue };
            match resolve_import(root, &path, pattern, globs_from_working_directory) {
                Outcome::Found(paths) => waiting.extend(paths.into_iter().map(|path| (path, Some(import.clone())))),
                Outcome::Absent => {}
                Outcome::Unreadable(reason) => return Outcome::Unreadable(reason),
            }
        }
        loaded.files.push(ConfigFile { path: file, document });
    }
    Outcome::Found(loaded)
}

/// The paths that one import means. Only a pattern with `*` may match nothing.
fn resolve_import(
    root: &HostRoot,
    parent: &str,
    pattern: &str,
    globs_from_working_directory: bool,
) -> Outcome<Vec<String>> {
    let is_glob = pattern.contains('*');
    let path = if pattern.starts_with('/') {
        clean(pattern)
    } else if is_glob && globs_from_working_directory {
        clean(&format!("/{pattern}"))
    } else {
        let folder = parent.rsplit_once('/').map_or("", |(folder, _)| folder);
        clean(&format!("{folder}/{pattern}"))
    };
    if is_glob { expand(root, &path) } else { Outcome::Found(vec![path]) }
}

/// An absolute path without `.`, `..` and doubled slashes.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The paths that match a pattern, sorted, folder by folder.
fn expand(root: &HostRoot, pattern: &str) -> Outcome<Vec<String>> {
    let mut found = vec![String::new()];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let Some(matcher) = part.contains(['*', '?', '[']).then(|| matcher(part)).flatten() else {
            for path in &mut found {
                path.push('/');
                path.push_str(part);
            }
            continue;
        };
        let mut deeper = Vec::new();
        for folder in found {
            let listed = if folder.is_empty() { "/" } else { &folder };
            match root.read_folder(listed) {
                Outcome::Found(names) => {
                    let matching = names.into_iter().filter(|name| matcher.is_match(name));
                    deeper.extend(matching.map(|name| format!("{folder}/{name}")));
                }
                Outcome::Absent => {}
                Outcome::Unreadable(reason) => return Outcome::Unreadable(reason),
            }
            if deeper.len() > MAX_FILES {
                return Outcome::Unreadable(format!("read {pattern}: more than {MAX_FILES} files match"));
            }
        }
        found = deeper;
    }
    // A pattern that ends in a fixed name matches only where that is there.
    found.retain(|path| !matches!(root.metadata(path), Outcome::Absent));
    Outcome::Found(found)
}

/// Go's patterns have no `{a,b}`.
fn matcher(part: &str) -> Option<GlobMatcher> {
    let literal_braces = part.replace('{', "\\{").replace('}', "\\}");
    GlobBuilder::new(&literal_braces).backslash_escape(true).build().ok().map(|glob| glob.compile_matcher())
}
