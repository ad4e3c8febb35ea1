//! Small host trees for the tests of Kubernetes' collectors.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::fact::host::root::HostRoot;
use crate::fact::host::{Host, collect};
use crate::fact::{Fact, Facts, Source};

/// A host tree in a temporary folder.
pub(in crate::fact::host) struct Tree(tempfile::TempDir);

impl Tree {
    /// A tree with these files.
    pub(in crate::fact::host) fn with(files: &[(&str, &str)]) -> Self {
        let tree = Tree(tempfile::tempdir().unwrap());
        for (path, text) in files {
            tree.write(path, text);
        }
        tree
    }

    /// Adds a file.
    pub(in crate::fact::host) fn write(&self, path: &str, text: &str) {
        let place = self.place(path);
        std::fs::write(place, text).unwrap();
    }

    /// Gives a file these permissions.
    pub(in crate::fact::host) fn chmod(&self, path: &str, mode: u32) {
        std::fs::set_permissions(self.place(path), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Adds a symbolic link.
    pub(in crate::fact::host) fn link(&self, path: &str, target: &str) {
        symlink(target, self.place(path)).unwrap();
    }

    /// Adds a process and process 1.
    pub(in crate::fact::host) fn process(&self, pid: u32, executable: &str, arguments: &[&str]) {
        for (pid, executable, arguments) in
            [(1, "/usr/lib/systemd/systemd", &["/sbin/init"][..]), (pid, executable, arguments)]
        {
            let name: String =
                executable.trim_end_matches(" (deleted)").rsplit('/').next().unwrap().chars().take(15).collect();
            self.write(&format!("/proc/{pid}/cmdline"), &format!("{}\0", arguments.join("\0")));
            self.write(&format!("/proc/{pid}/comm"), &format!("{name}\n"));
            self.write(&format!("/proc/{pid}/status"), &format!("Name:\t{name}\nPid:\t{pid}\nPPid:\t1\n"));
            self.write(
                &format!("/proc/{pid}/stat"),
                &format!("{pid} ({name}) S 1 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 5000 0 0\n"),
            );
            let link = self.place(&format!("/proc/{pid}/exe"));
            let _ = std::fs::remove_file(&link);
            symlink(executable, link).unwrap();
        }
    }

    /// What the collectors of Kubernetes say of it.
    pub(in crate::fact::host) fn facts(&self) -> Facts {
        let root = HostRoot::open(self.0.path()).unwrap();
        let host = Host::new(root, Instant::now() + Duration::from_secs(5));
        let wanted = ["kubelet", "node_role", "control_plane", "etcd", "k3s", "certificate"];
        collect(&host, &wanted.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>())
    }

    fn place(&self, path: &str) -> std::path::PathBuf {
        let place = self.0.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(place.parent().unwrap_or(Path::new("/"))).unwrap();
        place
    }
}

/// Where a fact was read, as `path:line`.
pub(in crate::fact::host) fn place(facts: &Facts, path: &str) -> String {
    match facts.get(path).and_then(Fact::source) {
        Some(Source::File { path, line: Some(line) }) => format!("{path}:{line}"),
        Some(Source::File { path, line: None }) => path.clone(),
        Some(Source::Default { .. }) => "default".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Whether a fact is unreadable, and why.
pub(in crate::fact::host) fn reason<'a>(facts: &'a Facts, path: &str) -> Option<&'a str> {
    match facts.get(path) {
        Some(Fact::Unreadable { reason, .. }) => Some(reason),
        _ => None,
    }
}

/// One member of each element of a list, as text; `?` for what could not be read.
pub(in crate::fact::host) fn members(facts: &Facts, path: &str, member: &str) -> Vec<String> {
    let list = facts.get(path).and_then(Fact::list).unwrap_or_else(|| panic!("no list {path}: {:?}", facts.get(path)));
    list.iter().map(|element| element.member(member).and_then(Fact::text).unwrap_or("?").to_owned()).collect()
}
