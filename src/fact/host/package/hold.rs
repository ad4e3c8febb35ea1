//! What keeps a package manager from changing a package: dnf's and yum's
//! versionlock and excludes, apt's pins, zypper's locks. dpkg's own holds
//! stand in its database.

use super::super::repository::IniFile;
use crate::fact::Source;
use crate::fact::host::root::{HostRoot, Outcome};

/// Files of names that versionlock keeps, dnf-plugins-core and yum's plugin.
const VERSION_LOCKS: &[&str] = &["/etc/dnf/plugins/versionlock.list", "/etc/yum/pluginconf.d/versionlock.list"];

/// dnf5's versionlock.
const VERSION_LOCK_TOML: &str = "/etc/dnf/versionlock.toml";

/// Configurations whose `[main]` may exclude packages, yum.conf(5), dnf.conf(5).
const MAIN_FILES: &[&str] = &["/etc/yum.conf", "/etc/dnf/dnf.conf"];

const REPOSITORY_FOLDERS: &[&str] = &["/etc/yum.repos.d", "/etc/dnf/libdnf5.conf.d"];

const ZYPPER_LOCKS: &str = "/etc/zypp/locks";

/// A pattern of package names and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// A name, or a glob such as `kube*`.
    pub pattern: String,
    /// File and line.
    pub source: Source,
}

/// All holds of a host, and why they may not be all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// What is held.
    pub holds: Vec<Hold>,
    /// Why a file of holds could not be read, if one could not.
    pub unreadable: Option<String>,
}

impl Holds {
    /// What holds a package of this name, if anything does.
    pub fn of(&self, name: &str) -> Option<&Hold> {
        self.holds.iter().find(|hold| is_match(&hold.pattern, name))
    }

    fn add(&mut self, pattern: &str, path: &str, line: u32) {
        self.holds.push(Hold { pattern: pattern.to_owned(), source: Source::line(path, line) });
    }

    fn read(&mut self, root: &HostRoot, path: &str, parse: fn(&mut Holds, &str, &str)) {
        match root.read_text(path) {
            Outcome::Found(text) => parse(self, &text, path),
            Outcome::Absent => {}
            Outcome::Unreadable(reason) => self.unreadable = Some(reason),
        }
    }

    fn read_folder(&mut self, root: &HostRoot, folder: &str, parse: fn(&mut Holds, &str, &str)) {
        match root.read_folder(folder) {
            Outcome::Found(names) => {
                for name in names.iter().filter(|name| !name.starts_with('.') && !name.ends_with('~')) {
                    self.read(root, &format!("{folder}/{name}"), parse);
                }
            }
            Outcome::Absent => {}
            Outcome::Unreadable(reason) => self.unreadable = Some(reason),
        }
    }
}

/// Reads every hold of the host.
pub fn read_holds(root: &HostRoot) -> Holds {
    let mut holds = Holds::default();
    for path in VERSION_LOCKS {
        holds.read(root, path, parse_version_lock);
    }
    holds.read(root, VERSION_LOCK_TOML, parse_version_lock_toml);
    for path in MAIN_FILES {
        holds.read(root, path, parse_excludes);
    }
    for folder in REPOSITORY_FOLDERS {
        holds.read_folder(root, folder, parse_excludes);
    }
    holds.read(root, "/etc/apt/preferences", parse_pins);
    holds.read_folder(root, "/etc/apt/preferences.d", parse_pins);
    holds.read(root, ZYPPER_LOCKS, parse_zypper_locks);
    holds
}

fn is_match(pattern: &str, name: &str) -> bool {
    if !pattern.contains(['*', '?', '[']) {
        return pattern == name;
    }
    globset::Glob::new(pattern).is_ok_and(|glob| glob.compile_matcher().is_match(name))
}

/// Lines such as `kubelet-0:1.27.3-0.*` (dnf), `0:kubelet-1.27.3-0.*` (yum)
/// or a mere name; `!` locks a package out instead.
fn parse_version_lock(holds: &mut Holds, text: &str, path: &str) {
    for (number, line) in (1_u32..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let after_epoch = match line.split_once(':') {
            Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => rest,
            _ => line,
        };
        // The last two dashes divide name, version and release.
        let mut parts = after_epoch.rsplitn(3, '-').skip(2);
        holds.add(parts.next().unwrap_or(after_epoch), path, number);
    }
}

fn parse_version_lock_toml(holds: &mut Holds, text: &str, path: &str) {
    match super::super::document::parse_toml(text) {
        Ok(document) => {
            for package in document.get("packages").map(super::super::document::Node::list).unwrap_or_default() {
                if let Some((name, line)) = package.get("name").and_then(|name| Some((name.text()?, name.line))) {
                    holds.add(name, path, line);
                }
            }
        }
        Err(error) => holds.unreadable = Some(format!("parse {path}: {error}")),
    }
}

/// `exclude=` and `excludepkgs=` of `[main]` and of repositories: the
/// documented way to keep Kubernetes' packages is the one in `kubernetes.repo`.
fn parse_excludes(holds: &mut Holds, text: &str, path: &str) {
    for setting in IniFile::parse(text).settings {
        if matches!(setting.key.as_str(), "exclude" | "excludepkgs") {
            for pattern in setting.value.split([',', ' ', '\t', '\n']).filter(|pattern| !pattern.is_empty()) {
                holds.add(pattern, path, setting.line);
            }
        }
    }
}

/// Paragraphs of `apt_preferences(5)`. A negative priority keeps a package from
/// being installed; a pin to one version keeps it from being replaced.
fn parse_pins(holds: &mut Holds, text: &str, path: &str) {
    let mut packages: Option<(u32, &str)> = None;
    let (mut pin, mut priority) = ("", 0_i64);
    for (number, line) in (1_u32..).zip(text.lines().chain(std::iter::once(""))) {
        if line.starts_with('#') {
            continue;
        }
        match line.split_once(':').map(|(field, value)| (field.trim().to_ascii_lowercase(), value.trim())) {
            Some((field, value)) => match field.as_str() {
                "package" => packages = Some((number, value)),
                "pin" => pin = value,
                "pin-priority" => priority = value.parse().unwrap_or(0),
                _ => {}
            },
            None if line.trim().is_empty() => {
                let keeps = priority < 0 || (priority > 0 && pin.starts_with("version"));
                if let Some((line, names)) = packages.take().filter(|_| keeps) {
                    // A package may be pinned for one architecture only: `kubelet:amd64`.
                    for name in names.split_whitespace().filter(|name| *name != "*") {
                        holds.add(name.split(':').next().unwrap_or(name), path, line);
                    }
                }
                (pin, priority) = ("", 0);
            }
            None => {}
        }
    }
}

/// Paragraphs of `type:`, `match_type:`, `case_sensitive:` and `solvable_name:`.
fn parse_zypper_locks(holds: &mut Holds, text: &str, path: &str) {
    for (number, line) in (1_u32..).zip(text.lines()) {
        if let Some(name) = line.trim().strip_prefix("solvable_name:") {
            holds.add(name.trim(), path, number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(parse: fn(&mut Holds, &str, &str), text: &str) -> Vec<(String, u32)> {
        let mut holds = Holds::default();
        parse(&mut holds, text, "/x");
        let line = |source: &Source| if let Source::File { line: Some(line), .. } = source { *line } else { 0 };
        holds.holds.iter().map(|hold| (hold.pattern.clone(), line(&hold.source))).collect()
    }

    #[test]
    fn versionlock_lines_of_dnf_and_yum_give_names() {
        let text = "# Added lock\nkubelet-0:1.27.3-0.*\n0:kubeadm-1.27.3-0.*\n!kubectl-0:1.28.0-0.*\ncontainerd.io\n";
        let found = patterns(parse_version_lock, text);
        assert_eq!(found, [("kubelet".into(), 2), ("kubeadm".into(), 3), ("containerd.io".into(), 5)]);
        let toml = "version = \"1.0\"\n[[packages]]\nname = \"kubelet\"\n";
        assert_eq!(patterns(parse_version_lock_toml, toml), [("kubelet".into(), 3)]);
    }

    #[test]
    fn excludes_of_main_and_of_a_repository_are_found() {
        let text = "[kubernetes]\nname=Kubernetes\nexclude=kubelet kubeadm,kubectl\n  cri-tools\n";
        let names: Vec<_> = patterns(parse_excludes, text).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["kubelet", "kubeadm", "kubectl", "cri-tools"]);
        let mut holds = Holds::default();
        parse_excludes(&mut holds, "[main]\nexcludepkgs=kube*\n", "/x");
        assert!(holds.of("kubelet").is_some() && holds.of("containerd").is_none());
    }

    #[test]
    fn pins_that_keep_a_package_are_found() {
        let text = "Package: kubelet kubeadm\nPin: version 1.27.*\nPin-Priority: 1000\n\nPackage: *\nPin: release \
                    o=Docker\nPin-Priority: -1\n\nExplanation: x\nPackage: snapd:amd64\nPin: release \
                    a=*\nPin-Priority: -10\n\nPackage: git\nPin: release a=backports\nPin-Priority: 600";
        let names: Vec<_> = patterns(parse_pins, text).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["kubelet", "kubeadm", "snapd"]);
    }

    #[test]
    fn zypper_s_locks_are_found() {
        let text = "\ntype: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: kubelet\n";
        assert_eq!(patterns(parse_zypper_locks, text), [("kubelet".into(), 5)]);
    }
}
