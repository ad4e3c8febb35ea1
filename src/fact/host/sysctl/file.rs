//! What the files of sysctl.d set at boot.
//!
//! systemd-sysctl(8) sorts the `*.conf` of all folders by file name; of files
//! with one name the first folder wins; later lines win. It does not read
//! `/etc/sysctl.conf`: distributions link to it as `99-sysctl.conf`, except
//! Debian 13. Without systemd, `sysctl --system` of procps reads the file last.

use std::collections::BTreeMap;

use super::super::absence::{is_evidence, not_recorded};
use super::line::{Setting, parse_settings};
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::{Fact, Source};

/// Folders by falling precedence, sysctl.d(5).
const FOLDERS: &[&str] =
    &["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"];
const SYSCTL_CONF: &str = "/etc/sysctl.conf";
const LINK: &str = "99-sysctl.conf";

/// The settings of all files in the order in which they are applied.
pub(super) struct Files {
    settings: Vec<(String, Setting)>,
    /// Why there may be more than these.
    unread: Option<String>,
}

impl Files {
    /// The value that holds after boot: the last explicit line, else the last glob that matches.
    pub(super) fn value_of(&self, key: &str) -> Fact {
        let folder = Source::file("/etc/sysctl.d");
        let of_key = || self.settings.iter().rev().filter(|(_, setting)| setting.matches(key));
        let is_exempt = of_key().any(|(_, setting)| !setting.is_glob() && setting.value.is_none());
        let explicit = of_key().find(|(_, setting)| !setting.is_glob() && setting.value.is_some());
        let found = explicit
            .or_else(|| of_key().find(|(_, setting)| setting.is_glob() && !is_exempt && setting.value.is_some()));
        match (found, &self.unread) {
            // A file that could not be read may say otherwise.
            (_, Some(reason)) if self.hides_files() || found.is_none() => Fact::unreadable(folder, reason.as_str()),
            (Some((path, setting)), _) => {
                Fact::known(setting.value.clone().unwrap_or_default(), Source::line(path.as_str(), setting.line))
            }
            (None, _) => Fact::absent(folder),
        }
    }

    fn hides_files(&self) -> bool {
        self.unread.as_ref().is_some_and(|reason| !reason.ends_with("not recorded"))
    }
}

pub(super) fn read_files(root: &HostRoot) -> Files {
    let mut files = Files { settings: Vec::new(), unread: None };
    // By name, so that the folder of higher precedence and the order both come out right.
    let mut paths: BTreeMap<String, String> = BTreeMap::new();
    for folder in FOLDERS {
        match root.read_folder(folder) {
            Outcome::Found(names) => {
                for name in names.into_iter().filter(|name| name.strip_suffix(".conf").is_some()) {
                    let path = format!("{folder}/{name}");
                    paths.entry(name).or_insert(path);
                }
            }
            Outcome::Absent => {}
            Outcome::Unreadable(reason) => {
                files.unread.get_or_insert(reason);
            }
        }
    }
    let mut ordered: Vec<String> = Vec::new();
    match conf_file(root, paths.contains_key(LINK)) {
        ConfFile::Unread => ordered.extend(paths.into_values()),
        ConfFile::AsLink => {
            paths.insert(LINK.to_owned(), SYSCTL_CONF.to_owned());
            ordered.extend(paths.into_values());
        }
        ConfFile::Last => {
            ordered.extend(paths.into_values());
            ordered.push(SYSCTL_CONF.to_owned());
        }
    }
    for path in ordered {
        add_file(root, &path, &mut files);
    }
    if files.unread.is_none() && !is_evidence(root, "/etc/sysctl.d") {
        files.unread = Some(not_recorded("/etc/sysctl.d"));
    }
    files
}

fn add_file(root: &HostRoot, path: &str, files: &mut Files) {
    // A link to /dev/null masks a file of a later folder.
    if root.read_link(path) == Outcome::Found("/dev/null".to_owned()) {
        return;
    }
    match root.read_text(path) {
        Outcome::Found(text) => {
            files.settings.extend(parse_settings(&text).into_iter().map(|setting| (path.to_owned(), setting)));
        }
        Outcome::Absent => {}
        Outcome::Unreadable(reason) => {
            files.unread.get_or_insert(reason);
        }
    }
}

/// How `/etc/sysctl.conf` is read at boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConfFile {
    Unread,
    AsLink,
    Last,
}

fn conf_file(root: &HostRoot, has_link: bool) -> ConfFile {
    if has_link || !root.metadata(SYSCTL_CONF).is_found() {
        return ConfFile::Unread;
    }
    if root.is_live() {
        let is_systemd = root.metadata("/run/systemd/system").is_found();
        return if is_systemd { ConfFile::Unread } else { ConfFile::Last };
    }
    // Recordings seldom keep links, so the distribution decides whether there is one.
    let release = root.read_text("/etc/os-release").or_else_absent(|| root.read_text("/usr/lib/os-release"));
    let has_no_link = release.found().is_some_and(|text| is_debian_13(&text));
    if has_no_link { ConfFile::Unread } else { ConfFile::AsLink }
}

/// Debian 13 and newer have no link to `/etc/sysctl.conf`.
fn is_debian_13(os_release: &str) -> bool {
    let value = |key: &str| {
        let line = os_release.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.trim().trim_matches('"'))
    };
    let is_debian = value("ID=") == Some("debian");
    let version = value("VERSION_ID=").and_then(|version| version.parse::<u32>().ok());
    is_debian && version.is_none_or(|version| version >= 13)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(contents: &[(&str, &str)]) -> Files {
        let settings = contents
            .iter()
            .flat_map(|(path, text)| parse_settings(text).into_iter().map(|setting| ((*path).to_owned(), setting)));
        Files { settings: settings.collect(), unread: None }
    }

    #[test]
    fn a_later_file_overrides_and_is_named_with_its_line() {
        let files = files(&[
            ("/etc/sysctl.d/99-kubernetes-cri.conf", "net.ipv4.ip_forward = 1\n"),
            ("/etc/sysctl.d/99-zz-hardening.conf", "# CIS\nnet.ipv4.ip_forward = 0\n"),
        ]);
        let fact = files.value_of("net.ipv4.ip_forward");
        assert_eq!(fact.text(), Some("0"));
        assert_eq!(fact.source(), Some(&Source::line("/etc/sysctl.d/99-zz-hardening.conf", 2)));
    }

    #[test]
    fn an_explicit_line_beats_a_later_glob() {
        let files = files(&[("a", "net.ipv4.conf.all.rp_filter = 0\n"), ("b", "net.ipv4.conf.*.rp_filter = 1\n")]);
        assert_eq!(files.value_of("net.ipv4.conf.all.rp_filter").text(), Some("0"));
        assert_eq!(files.value_of("net.ipv4.conf.default.rp_filter").text(), Some("1"));
    }

    #[test]
    fn an_exempt_key_is_not_set_by_a_glob() {
        let files = files(&[("a", "net.ipv4.conf.*.rp_filter = 1\n-net.ipv4.conf.all.rp_filter\n")]);
        assert!(matches!(files.value_of("net.ipv4.conf.all.rp_filter"), Fact::Absent { .. }));
    }

    #[test]
    fn debian_13_has_no_link_to_sysctl_conf() {
        assert!(is_debian_13("ID=debian\nVERSION_ID=\"13\"\n"));
        assert!(is_debian_13("PRETTY_NAME=\"Debian GNU/Linux forky/sid\"\nID=debian\n"));
        assert!(!is_debian_13("ID=debian\nVERSION_ID=\"12\"\n"));
        assert!(!is_debian_13("ID=ubuntu\nVERSION_ID=\"24.04\"\n"));
    }
}
