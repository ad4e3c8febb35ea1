//! Installed packages from the databases of dpkg and rpm, without running them.
//!
//! dpkg: `/var/lib/dpkg/status` and `status.d/`. rpm: `/var/lib/rpm` or
//! `/usr/lib/sysimage/rpm`, as SQLite (`rpmdb.sqlite`), NDB (`Packages.db`) or
//! Berkeley DB hash (`Packages`).

use super::root::{HostRoot, Outcome};

/// One installed package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Name, such as `containerd.io`.
    pub name: String,
    /// Version as its manager prints it, epoch included: `1:1.2-3`.
    pub version: String,
    /// Whether dpkg holds it or dnf's versionlock names it.
    pub is_held: bool,
    /// Database that it was read from.
    pub path: String,
    /// Line, for dpkg's status file.
    pub line: Option<u32>,
}

/// Reads all installed packages. Absent: the host has neither database.
pub fn read_packages(_root: &HostRoot) -> Outcome<Vec<Package>> {
    todo!()
}
