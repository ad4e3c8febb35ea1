//! Small host trees for the tests of the runtimes' collectors.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Instant;

use crate::fact::host::root::HostRoot;
use crate::fact::host::{Collector, Host};
use crate::fact::{Facts, Value};

/// A host of the files of a list, kept as long as its folder.
pub(super) struct Tree {
    folder: tempfile::TempDir,
}

impl Tree {
    /// A tree of text files.
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let tree = Tree { folder: tempfile::tempdir().unwrap() };
        for (path, text) in files {
            tree.put(path, text.as_bytes());
        }
        tree
    }

    /// Adds a file.
    pub(super) fn put(&self, path: &str, bytes: &[u8]) {
        let place = self.folder.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, bytes).unwrap();
    }

    /// Adds a symbolic link.
    pub(super) fn link(&self, path: &str, target: &str) {
        let place = self.folder.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        symlink(target, place).unwrap();
    }

    /// Adds a process.
    pub(super) fn process(&self, pid: u32, command: &str) {
        let name = command.split_whitespace().next().unwrap().rsplit('/').next().unwrap();
        self.put(&format!("/proc/{pid}/cmdline"), command.replace(' ', "\0").as_bytes());
        self.put(&format!("/proc/{pid}/comm"), format!("{name}\n").as_bytes());
        self.put(
            &format!("/proc/{pid}/stat"),
            format!("{pid} ({name}) S 1 {pid} {pid} 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 99 0 0\n").as_bytes(),
        );
        self.put(&format!("/proc/{pid}/status"), format!("Name:\t{name}\nPid:\t{pid}\nPPid:\t1\n").as_bytes());
    }

    /// What a collector says of it, given earlier facts.
    pub(super) fn collect(&self, collector: &Collector, earlier: &Facts) -> Facts {
        let host = Host::new(HostRoot::open(self.folder.path()).unwrap(), Instant::now());
        (collector.collect)(&host, earlier)
    }
}

/// Texts of a list of facts.
pub(super) fn texts(facts: &Facts, path: &str) -> Vec<String> {
    let list = facts.get(path).and_then(crate::fact::Fact::list).unwrap_or_default();
    list.iter().filter_map(|fact| fact.text().map(str::to_owned)).collect()
}

/// Earlier facts, all from one source.
pub(super) fn earlier(facts: &[(&str, Value)]) -> Facts {
    let mut all = Facts::default();
    for (path, value) in facts {
        all.set(path, crate::fact::Fact::known(value.clone(), crate::fact::Source::file("/earlier")));
    }
    all
}
