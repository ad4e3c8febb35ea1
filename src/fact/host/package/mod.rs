//! Installed packages from the databases of dpkg and rpm, without running them.
//!
//! dpkg: `/var/lib/dpkg/status` and `status.d/`. rpm: `/var/lib/rpm`,
//! `/usr/lib/sysimage/rpm` or `/usr/share/rpm`, as SQLite (`rpmdb.sqlite`),
//! NDB (`Packages.db`) or Berkeley DB hash (`Packages`).

mod dpkg;
mod fact;
mod hold;
mod rpm;

use super::root::{HostRoot, Outcome};

pub(super) use fact::COLLECTOR;
pub use hold::{Hold, Holds, read_holds};

/// One installed package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Name, such as `containerd.io`.
    pub name: String,
    /// Version as its manager prints it, epoch included: `1:1.2-3`.
    pub version: String,
    /// Whether dpkg holds it, or dnf's versionlock, an exclude, a pin or a
    /// lock of zypper names it.
    pub is_held: bool,
    /// Database that it was read from.
    pub path: String,
    /// Line, for dpkg's status file.
    pub line: Option<u32>,
}

/// Reads all installed packages. Absent: the host has neither database.
pub fn read_packages(root: &HostRoot) -> Outcome<Vec<Package>> {
    let packages = match dpkg::read_packages(root) {
        // Debian's own `rpm` leaves an empty database beside dpkg's.
        Outcome::Found(packages) if packages.is_empty() => match rpm::read_packages(root) {
            Outcome::Found(of_rpm) if !of_rpm.is_empty() => Outcome::Found(of_rpm),
            _ => Outcome::Found(packages),
        },
        Outcome::Absent => rpm::read_packages(root),
        other => other,
    };
    packages.map(|mut packages| {
        let holds = read_holds(root);
        for package in &mut packages {
            package.is_held |= holds.of(&package.name).is_some();
        }
        packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        packages
    })
}
