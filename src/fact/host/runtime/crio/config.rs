//! CRI-O's configuration files and their merge.
//!
//! In: the texts of `crio.conf` and of the files in `crio.conf.d`, in the order
//! in which crio reads them. Out: each option with the file and line that
//! won. Every file is laid over the one before, option by option, and so are
//! the tables of runtime handlers. Truth: crio.conf(5) and CRI-O's
//! `pkg/config/config.go` (`UpdateFromFile`, `UpdateFromPath`).

use crate::fact::Source;
use crate::fact::host::document::{Node, NodeValue};

/// One configuration file.
#[derive(Debug)]
pub(super) struct ConfigFile {
    /// Its path on the host.
    pub(super) path: String,
    /// Its content.
    pub(super) document: Node,
}

/// Files in the order in which crio reads them; a later one wins.
#[derive(Debug, Default)]
pub(super) struct Merged {
    /// The files.
    pub(super) files: Vec<ConfigFile>,
}

impl Merged {
    /// The last text of an option.
    pub(super) fn text(&self, table: &[&str], option: &str) -> Option<(String, Source)> {
        self.last(table, option, |node| match &node.value {
            NodeValue::Text(text) => Some(text.clone()),
            NodeValue::Bool(truth) => Some(truth.to_string()),
            NodeValue::Int(number) => Some(number.to_string()),
            _ => None,
        })
    }

    /// The last list of texts of an option, each with its line.
    pub(super) fn list(&self, table: &[&str], option: &str) -> Option<(Vec<(String, Source)>, Source)> {
        self.files.iter().rev().find_map(|file| {
            let node = file.document.at(table)?.get(option)?;
            let NodeValue::List(elements) = &node.value else { return None };
            let texts = elements
                .iter()
                .filter_map(|element| Some((element.text()?.to_owned(), Source::line(&file.path, element.line))));
            Some((texts.collect(), Source::line(&file.path, node.line)))
        })
    }

    /// Names of the tables beneath a table, over all files, each with the place
    /// where it first stands.
    pub(super) fn tables(&self, table: &[&str]) -> Vec<(String, Source)> {
        let mut names: Vec<(String, Source)> = Vec::new();
        for file in &self.files {
            for (name, node) in file.document.at(table).map(Node::members).unwrap_or_default() {
                if !names.iter().any(|(known, _)| known == name) {
                    names.push((name.clone(), Source::line(&file.path, node.line)));
                }
            }
        }
        names.sort_by(|one, other| one.0.cmp(&other.0));
        names
    }

    /// An option of a handler. A later file that has the handler's table
    /// replaces it as a whole.
    pub(super) fn handler(&self, handler: &str, option: &str) -> Option<(String, Source)> {
        let table = ["crio", "runtime", "runtimes", handler];
        let (file, handler) = self.files.iter().rev().find_map(|file| Some((file, file.document.at(&table)?)))?;
        let node = handler.get(option)?;
        Some((node.text()?.to_owned(), Source::line(&file.path, node.line)))
    }

    fn last<T>(&self, table: &[&str], option: &str, read: impl Fn(&Node) -> Option<T>) -> Option<(T, Source)> {
        self.files.iter().rev().find_map(|file| {
            let node = file.document.at(table)?.get(option)?;
            Some((read(node)?, Source::line(&file.path, node.line)))
        })
    }
}

/// Whether crio starts with this cgroup of conmon: with cgroupfs it must be
/// empty or `pod`, with systemd empty, `pod` or a slice.
pub(super) fn is_valid_conmon_cgroup(conmon_cgroup: &str, cgroup_manager: &str) -> bool {
    // systemd's names of units are case-sensitive.
    let is_slice = conmon_cgroup.rsplit_once('.').is_some_and(|(_, kind)| kind == "slice");
    matches!(conmon_cgroup, "" | "pod") || (cgroup_manager == "systemd" && is_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::host::document::parse_toml;

    fn merged(files: &[(&str, &str)]) -> Merged {
        let files = files
            .iter()
            .map(|(path, text)| ConfigFile { path: (*path).to_owned(), document: parse_toml(text).unwrap() });
        Merged { files: files.collect() }
    }

    const RUNTIME: &[&str] = &["crio", "runtime"];

    #[test]
    fn an_editors_backup_wins_over_the_file_it_was_made_of() {
        let merged = merged(&[
            ("/etc/crio/crio.conf.d/10-crio.conf", "[crio.runtime]\ncgroup_manager = \"systemd\"\n"),
            ("/etc/crio/crio.conf.d/10-crio.conf.bak", "[crio.runtime]\n\ncgroup_manager = \"cgroupfs\"\n"),
        ]);
        assert_eq!(
            merged.text(RUNTIME, "cgroup_manager"),
            Some(("cgroupfs".to_owned(), Source::line("/etc/crio/crio.conf.d/10-crio.conf.bak", 3)))
        );
    }

    #[test]
    fn a_file_that_does_not_name_an_option_leaves_it() {
        let merged = merged(&[
            ("/a", "[crio.runtime]\ncgroup_manager = \"cgroupfs\"\nconmon_cgroup = \"pod\"\n"),
            ("/b", "[crio.image]\npause_image = \"registry.k8s.io/pause:3.10\"\n"),
        ]);
        assert_eq!(merged.text(RUNTIME, "conmon_cgroup").unwrap().0, "pod");
        assert_eq!(merged.text(&["crio", "image"], "pause_image").unwrap().1, Source::line("/b", 2));
        assert_eq!(merged.text(RUNTIME, "default_runtime"), None);
    }

    #[test]
    fn handlers_of_all_files_count() {
        let merged = merged(&[
            ("/a", "[crio.runtime.runtimes.runc]\nruntime_path = \"/usr/bin/runc\"\n"),
            (
                "/b",
                "[crio.runtime.runtimes.kata]\nruntime_type = \"vm\"\nruntime_path = \"/usr/bin/containerd-shim-kata-v2\"\n",
            ),
        ]);
        let names: Vec<_> = merged.tables(&["crio", "runtime", "runtimes"]).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["kata", "runc"]);
    }

    #[test]
    fn conmons_cgroup_must_suit_the_manager() {
        assert!(is_valid_conmon_cgroup("", "cgroupfs"));
        assert!(is_valid_conmon_cgroup("pod", "cgroupfs"));
        assert!(!is_valid_conmon_cgroup("system.slice", "cgroupfs"));
        assert!(is_valid_conmon_cgroup("system.slice", "systemd"));
        assert!(!is_valid_conmon_cgroup("conmon", "systemd"));
    }
}
