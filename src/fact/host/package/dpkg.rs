//! dpkg's database: paragraphs of `Field: value` in `/var/lib/dpkg/status`,
//! and one file for each package in `status.d/` of distroless images.

use memchr::memchr_iter;

use super::Package;
use crate::fact::host::root::{HostRoot, Outcome};

const STATUS: &str = "/var/lib/dpkg/status";
const STATUS_FOLDER: &str = "/var/lib/dpkg/status.d";

/// The packages that dpkg has installed. Absent: the host has no dpkg.
pub(super) fn read_packages(root: &HostRoot) -> Outcome<Vec<Package>> {
    let status = root.read_text(STATUS).map(|text| parse_status(&text, STATUS));
    let (Outcome::Found(names), Outcome::Found(_) | Outcome::Absent) = (root.read_folder(STATUS_FOLDER), &status)
    else {
        return status;
    };
    let mut packages = status.found().unwrap_or_default();
    for name in names.iter().filter(|name| !name.ends_with(".md5sums")) {
        let path = format!("{STATUS_FOLDER}/{name}");
        match root.read_text(&path) {
            Outcome::Found(text) => packages.extend(parse_status(&text, &path)),
            Outcome::Absent => {}
            Outcome::Unreadable(reason) => return Outcome::Unreadable(reason),
        }
    }
    Outcome::Found(packages)
}

/// The installed packages of a status file. What was removed and left its
/// configuration is not installed; what is half installed is not either.
fn parse_status(text: &str, path: &str) -> Vec<Package> {
    let mut packages = Vec::new();
    let mut paragraph = Paragraph::default();
    let mut start = 0;
    for (number, end) in (1_u32..).zip(memchr_iter(b'\n', text.as_bytes()).chain([text.len()])) {
        let line = text.get(start..end).unwrap_or_default();
        start = end + 1;
        // Most of a megabyte is descriptions and dependencies.
        match line.bytes().next() {
            Some(b'P' | b'V' | b'S') => {}
            Some(first) if !first.is_ascii_whitespace() => continue,
            _ if line.trim().is_empty() => {
                packages.extend(std::mem::take(&mut paragraph).package(path));
                continue;
            }
            _ => continue,
        }
        let Some((field, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match field {
            "Package" => {
                paragraph.name = Some(value);
                paragraph.line = number;
            }
            "Version" => paragraph.version = Some(value),
            "Status" => paragraph.status = Some(value),
            _ => {}
        }
    }
    packages.extend(paragraph.package(path));
    packages
}

#[derive(Default)]
struct Paragraph<'a> {
    name: Option<&'a str>,
    version: Option<&'a str>,
    status: Option<&'a str>,
    line: u32,
}

impl Paragraph<'_> {
    fn package(self, path: &str) -> Option<Package> {
        // A status is three words: what is wanted, errors, and what is.
        // Files of status.d have none; there everything is installed.
        let mut words = self.status.unwrap_or("install ok installed").split_whitespace();
        let wanted = words.next()?;
        let is_installed = words.next_back() == Some("installed");
        is_installed.then_some(Package {
            name: self.name?.to_owned(),
            version: self.version?.to_owned(),
            is_held: wanted == "hold",
            path: path.to_owned(),
            line: Some(self.line),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: &str = "Package: kubelet\nStatus: hold ok installed\nPriority: optional\nVersion: 1.28.2-1.1\nDescription: \
                        Node agent\n Package: not a field\n .\n more\n\nPackage: containerd.io\nStatus: install ok \
                        installed\nVersion: 1.6.33-1\n\nPackage: docker.io\nStatus: deinstall ok config-files\nVersion: \
                        20.10\n\nPackage: runc\nStatus: install ok half-configured\nVersion: 1.1\n";

    #[test]
    fn only_installed_packages_count_and_holds_are_seen() {
        let packages = parse_status(NODE, STATUS);
        let found: Vec<_> = packages.iter().map(|p| (p.name.as_str(), p.version.as_str(), p.is_held, p.line)).collect();
        assert_eq!(found, [("kubelet", "1.28.2-1.1", true, Some(1)), ("containerd.io", "1.6.33-1", false, Some(10))]);
    }

    #[test]
    fn a_paragraph_without_version_or_with_garbage_is_left_out() {
        assert_eq!(parse_status("Package: x\n\n\n:\nStatus:\n\u{FFFD}\u{0}\n", STATUS), []);
    }

    #[test]
    fn files_of_status_d_need_no_status() {
        let tree = tempfile::tempdir().unwrap();
        let folder = tree.path().join("var/lib/dpkg/status.d");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("base"), "Package: base-files\nVersion: 12.4\n").unwrap();
        std::fs::write(folder.join("base.md5sums"), "d41d8cd98f00b204e9800998ecf8427e  x\n").unwrap();
        let root = HostRoot::open(tree.path()).unwrap();
        let packages = read_packages(&root).found().unwrap();
        assert_eq!((packages.len(), packages[0].path.as_str()), (1, "/var/lib/dpkg/status.d/base"));
    }

    #[test]
    fn a_host_without_dpkg_has_no_such_packages() {
        let tree = tempfile::tempdir().unwrap();
        assert_eq!(read_packages(&HostRoot::open(tree.path()).unwrap()), Outcome::Absent);
    }
}
