//! The driver's library: libnvidia-ml, whose file name carries its version.
//!
//! Source: the link `libnvidia-ml.so.1` in the folders of libraries of the
//! driver's root. With a driver container that root is `/run/nvidia/driver`,
//! and the host has no library of its own; one that lies elsewhere (32 bit,
//! CUDA's compatibility package, containers) does not count.

use crate::fact::host::absence::not_recorded;
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::{Fact, Facts, Source};

/// The root of a driver container, then the host's own.
const ROOTS: &[&str] = &["/run/nvidia/driver", ""];

/// Folders of 64-bit libraries: Debian's, Red Hat's, openSUSE's.
const FOLDERS: &[&str] =
    &["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/lib64", "/usr/lib/wsl/lib"];

const NAME: &str = "libnvidia-ml.so.";

/// The driver's library.
#[derive(Debug)]
pub(super) struct Library {
    /// Path of the link that programs load.
    pub(super) path: String,
    /// The root that it lies in, as it is shown.
    root: &'static str,
    /// The version of the file that the link leads to.
    version: Option<String>,
}

pub(super) fn set_facts(root: &HostRoot, facts: &mut Facts) {
    let place = Source::file(FOLDERS.first().copied().unwrap_or_default());
    let (version, driver_root) = match find(root) {
        Outcome::Found(library) => {
            let source = Source::file(&library.path);
            let version = match library.version {
                Some(version) => Fact::known(version, source.clone()),
                None => Fact::unreadable(source.clone(), format!("read {}: no version in its name", library.path)),
            };
            (version, Fact::known(library.root, source))
        }
        Outcome::Absent => (Fact::absent(place.clone()), Fact::absent(place)),
        Outcome::Unreadable(reason) => (Fact::unreadable(place.clone(), reason), Fact::absent(place)),
    };
    facts.set("gpu.library_version", version);
    facts.set("gpu.driver_root", driver_root);
}

/// The library in the driver's root. Absent: it is not installed.
pub(super) fn find(root: &HostRoot) -> Outcome<Library> {
    let mut was_recorded = root.has_kernel_files();
    for driver_root in ROOTS {
        for folder in FOLDERS {
            let folder = format!("{driver_root}{folder}");
            let names = match root.read_folder_once(&folder) {
                Outcome::Found(names) => names,
                Outcome::Absent => continue,
                Outcome::Unreadable(reason) => return Outcome::Unreadable(reason),
            };
            was_recorded = true;
            if let Some((path, version)) = find_in(root, &folder, &names) {
                let root = if driver_root.is_empty() { "/" } else { driver_root };
                return Outcome::Found(Library { path, root, version });
            }
        }
    }
    let place = FOLDERS.first().copied().unwrap_or_default();
    if was_recorded { Outcome::Absent } else { Outcome::Unreadable(not_recorded(place)) }
}

/// The library in a folder: its link and the version of the file that it
/// leads to, on Debian over `/etc/alternatives`; without a link, the only file.
fn find_in(root: &HostRoot, folder: &str, names: &[String]) -> Option<(String, Option<String>)> {
    let link = format!("{folder}/{NAME}1");
    let last = |path: &str| path.rsplit('/').next().and_then(version_of);
    // A recorded tree may hold the link and not the file.
    let written = || root.read_link(&link).found().as_deref().and_then(last);
    let version = root.resolve(&link).found().as_deref().and_then(last).or_else(written);
    if version.is_some() || root.metadata(&link).is_found() {
        return Some((link, version));
    }
    let mut files = names.iter().filter_map(|name| Some((format!("{folder}/{name}"), Some(version_of(name)?))));
    let found = files.next()?;
    files.next().is_none().then_some(found)
}

fn version_of(name: &str) -> Option<String> {
    name.strip_prefix(NAME).filter(|version| super::driver::is_version(version)).map(str::to_owned)
}
