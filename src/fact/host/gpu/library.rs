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

pub(super) fn set_facts(root: &HostRoot, facts: &mut Facts) {
    let mut was_recorded = root.has_kernel_files();
    for driver_root in ROOTS {
        for folder in FOLDERS {
            let folder = format!("{driver_root}{folder}");
            let names = match root.read_folder(&folder) {
                Outcome::Found(names) => names,
                Outcome::Absent => continue,
                Outcome::Unreadable(reason) => {
                    facts.set("gpu.library_version", Fact::unreadable(Source::file(&folder), reason));
                    facts.set("gpu.driver_root", Fact::absent(Source::file(folder)));
                    return;
                }
            };
            was_recorded = true;
            if let Some((version, path)) = version_in(root, &folder, &names) {
                let shown = if driver_root.is_empty() { "/" } else { driver_root };
                facts.set("gpu.library_version", Fact::known(version, Source::file(&path)));
                facts.set("gpu.driver_root", Fact::known(shown, Source::file(path)));
                return;
            }
        }
    }
    let place = FOLDERS.first().copied().unwrap_or_default();
    let missing = if was_recorded {
        Fact::absent(Source::file(place))
    } else {
        Fact::unreadable(Source::file(place), not_recorded(place))
    };
    facts.set("gpu.library_version", missing);
    facts.set("gpu.driver_root", Fact::absent(Source::file(place)));
}

/// The version that the link leads to; without a link, that of the only file.
fn version_in(root: &HostRoot, folder: &str, names: &[String]) -> Option<(String, String)> {
    let link = format!("{folder}/{NAME}1");
    if let Some(target) = root.read_link(&link).found()
        && let Some(version) = version_of(target.rsplit('/').next()?)
    {
        return Some((version, link));
    }
    let mut versions = names.iter().filter_map(|name| Some((version_of(name)?, format!("{folder}/{name}"))));
    let found = versions.next()?;
    versions.next().is_none().then_some(found)
}

fn version_of(name: &str) -> Option<String> {
    name.strip_prefix(NAME).filter(|version| super::driver::is_version(version)).map(str::to_owned)
}
