//! The executables of CNI plugins, which the runtime looks for by their type.
//!
//! A recorded tree may hold none of them, or hold them without their
//! permissions; both are told apart from a plugin that is missing.

use crate::fact::host::root::{FileKind, HostRoot, Outcome};

/// Execute permission of anyone.
const EXECUTE: u32 = 0o111;

/// The folders of plugins, as they can be searched on this host.
pub(super) struct Folders<'a> {
    root: &'a HostRoot,
    paths: &'a [String],
    /// Why nothing can be said about a plugin that is not found.
    unknown: Option<String>,
    /// Whether the tree lost the permissions of its files.
    has_no_modes: bool,
}

/// Where a plugin was found.
pub(super) enum Found {
    /// It is an executable file in this place.
    Executable(String),
    /// It is a file that may not be executed.
    NotExecutable(String),
    /// It is in none of the folders.
    Missing,
    /// Nothing can be said, for this reason.
    Unknown(String),
}

impl<'a> Folders<'a> {
    /// Looks at the folders themselves.
    pub(super) fn look(root: &'a HostRoot, paths: &'a [String]) -> Self {
        let is_recorded = !root.has_kernel_files();
        let mut unknown = None;
        let mut is_one_there = false;
        let mut modes = Vec::new();
        for path in paths {
            match root.read_folder(path) {
                Outcome::Found(names) => {
                    is_one_there = true;
                    let files = names.iter().filter(|name| !name.starts_with('.'));
                    modes.extend(
                        files.filter_map(|name| root.metadata(&format!("{path}/{name}")).found()).map(|stat| stat.mode),
                    );
                }
                Outcome::Absent => {}
                Outcome::Unreadable(reason) => unknown = Some(reason),
            }
        }
        if !is_one_there && is_recorded && unknown.is_none() {
            unknown = Some(format!("list {}: not recorded", paths.join(", ")));
        }
        let has_no_modes = is_recorded && modes.iter().all(|mode| mode & EXECUTE == 0);
        Folders { root, paths, unknown, has_no_modes }
    }

    /// Looks for the executable of a plugin type. One that the configuration
    /// does not name (`is_named` is false) may be left out of a recorded tree.
    pub(super) fn find(&self, kind: &str, is_named: bool) -> Found {
        // libcni refuses a type with a slash, so none leads out of the folders.
        if kind.contains('/') {
            return Found::Missing;
        }
        let mut not_executable = None;
        for folder in self.paths {
            let path = format!("{folder}/{kind}");
            match self.root.metadata(&path) {
                Outcome::Found(stat) if stat.kind == FileKind::File => {
                    if stat.mode & EXECUTE != 0 || self.has_no_modes {
                        return Found::Executable(path);
                    }
                    not_executable = Some(path);
                }
                Outcome::Found(_) => not_executable = Some(path),
                Outcome::Absent => {}
                Outcome::Unreadable(reason) => return Found::Unknown(reason),
            }
        }
        match (not_executable, &self.unknown) {
            (Some(path), _) => Found::NotExecutable(path),
            (None, Some(reason)) => Found::Unknown(reason.clone()),
            (None, None) if !is_named && !self.root.has_kernel_files() => {
                Found::Unknown(format!("look for {kind} in {}: it may not have been recorded", self.paths.join(", ")))
            }
            (None, None) => Found::Missing,
        }
    }
}
