//! The kubelet's version, told without running it.
//!
//! In this order: the path of the running binary or of the unit's (releases
//! unpacked side by side), the packages, the folders of RKE2 and MicroK8s.

use crate::fact::host::Host;
use crate::fact::host::process::Process;
use crate::fact::host::root::Outcome;
use crate::fact::version::Version;
use crate::fact::{Fact, Source};

/// Packages that hold a kubelet, by their exact names.
const PACKAGES: &[&str] = &[
    "kubelet",
    "kubernetes-node",
    "kubernetes-kubelet",
    "hyperkube",
    "rke2-agent",
    "rke2-server",
    "rke2-common",
    "k3s",
    "k3s-server",
    "k3s-agent",
];

/// Folder of RKE2's releases, each named for its version.
const RKE2_DATA: &str = "/var/lib/rancher/rke2/data";

/// The version, or why it is unknown.
pub(in crate::fact::host) fn kubelet_version(host: &Host, process: Option<&Process>) -> Fact {
    if let Some(process) = process
        && let Some(executable) = &process.executable
        && let Some(version) = parse_version_in_path(executable)
    {
        return Fact::known(version, Source::file(format!("/proc/{}/exe", process.pid)));
    }
    if process.is_none_or(|process| process.by_hand().is_none())
        && let Some(fact) = from_packages(host)
    {
        return fact;
    }
    for path in ["/usr/bin/kubelet", "/usr/local/bin/kubelet", "/usr/local/bin/k3s", "/opt/bin/kubelet"] {
        if let Outcome::Found(target) = host.root.resolve(path)
            && let Some(version) = parse_version_in_path(&target)
        {
            return Fact::known(version, Source::file(path));
        }
    }
    if let Some(fact) = from_folders(host) {
        return fact;
    }
    let reason = match host.packages() {
        Outcome::Unreadable(why) => why.clone(),
        _ => "tell the kubelet's version: no package, path or folder names it".to_owned(),
    };
    Fact::unreadable(Source::file("/usr/bin/kubelet"), reason)
}

/// The version in an image's tag: what follows the last colon after the last
/// slash, a digest set aside.
pub(in crate::fact::host) fn parse_image_version(image: &str) -> Option<String> {
    let image = image.split('@').next().unwrap_or(image);
    let name = image.rsplit('/').next().unwrap_or(image);
    let (_, tag) = name.rsplit_once(':')?;
    clean_version(tag)
}

/// Major and minor of a version fact.
pub(in crate::fact::host) fn minor_of(fact: &Fact) -> Option<(u64, u64)> {
    let version = Version::parse(fact.text()?)?;
    Some((version.major(), version.minor()))
}

/// The version that a folder or a file is named for, the folders first.
pub(in crate::fact::host) fn parse_version_in_path(path: &str) -> Option<String> {
    path.split('/').rev().skip(1).chain(path.rsplit('/').take(1)).find_map(parse_version_in_name)
}

/// Three numbers that stand at the begin of a name, or behind a dash or a `v`.
fn parse_version_in_name(name: &str) -> Option<String> {
    let starts = name.char_indices().filter(|(_, character)| character.is_ascii_digit()).map(|(start, _)| start);
    starts.into_iter().find_map(|start| {
        let (before, text) = name.split_at_checked(start)?;
        let is_start = before.is_empty() || before.ends_with('-') || before == "v" || before.ends_with("-v");
        let version = if is_start { clean_version(text) } else { None };
        version.filter(|version| version.matches('.').count() >= 2)
    })
}

/// A version of three numbers with what distributors of Kubernetes add, in
/// one spelling: `1.34.2+rke2r1`.
pub(in crate::fact::host) fn clean_version(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches('v');
    let text = match text.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => text,
    };
    let end = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let (numbers, rest) = text.split_at_checked(end)?;
    let numbers = numbers.trim_end_matches('.');
    if numbers.split('.').count() < 2 || numbers.split('.').any(|number| number.parse::<u32>().is_err()) {
        return None;
    }
    let rest = rest.trim_start_matches(['-', '~', '+', '.']);
    let word: String =
        rest.chars().take_while(|character| character.is_ascii_alphanumeric() || *character == '.').collect();
    if word.starts_with("k3s") || word.starts_with("rke2") {
        return Some(format!("{numbers}+{word}"));
    }
    if ["alpha", "beta", "rc"].iter().any(|stage| word.starts_with(stage)) {
        return Some(format!("{numbers}-{word}"));
    }
    Some(numbers.to_owned())
}

fn from_packages(host: &Host) -> Option<Fact> {
    let Outcome::Found(packages) = host.packages() else { return None };
    for name in PACKAGES {
        if let Some(package) = packages.iter().find(|package| package.name == *name)
            && let Some(version) = clean_version(&package.version)
        {
            let source = match package.line {
                Some(line) => Source::line(&package.path, line),
                None => Source::file(&package.path),
            };
            return Some(Fact::known(version, source));
        }
    }
    // SUSE and Fedora name the packages for the minor: kubernetes1.30-kubelet.
    let by_minor = packages.iter().find(|package| {
        let rest = package.name.strip_prefix("kubernetes1.").unwrap_or_default();
        rest.ends_with("-kubelet") || (!rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    })?;
    clean_version(&by_minor.version).map(|version| Fact::known(version, Source::file(&by_minor.path)))
}

fn from_folders(host: &Host) -> Option<Fact> {
    if let Outcome::Found(names) = host.root.read_folder(RKE2_DATA) {
        let versions: Vec<String> = names.iter().filter_map(|name| clean_version(name)).collect();
        // Several releases lie there during an upgrade; only one is told.
        if let [version] = versions.as_slice() {
            return Some(Fact::known(version.as_str(), Source::file(RKE2_DATA)));
        }
    }
    let path = "/snap/microk8s/current/meta/snap.yaml";
    let Outcome::Found(text) = host.root.read_text(path) else { return None };
    let (index, line) = text.lines().enumerate().find(|(_, line)| line.starts_with("version:"))?;
    let version = clean_version(line.trim_start_matches("version:").trim().trim_matches(['"', '\'']))?;
    let line = u32::try_from(index + 1).ok()?;
    Some(Fact::known(version, Source::line(path, line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_the_version_that_it_is_named_for() {
        for (path, version) in [
            ("/var/lib/rancher/rke2/data/v1.34.2-rke2r1-5ab0ee9ccaba/bin/kubelet", Some("1.34.2+rke2r1")),
            ("/opt/kubernetes-1.23.3/bin/kubelet", Some("1.23.3")),
            ("/usr/local/bin/kubelet-v1.29.1", Some("1.29.1")),
            ("/usr/local/bin/k3s-v1.30.4+k3s1", Some("1.30.4+k3s1")),
            ("/usr/bin/kubelet", None),
            ("/var/lib/rancher/k3s/data/3.1415/bin/k3s", None),
            ("/snap/microk8s/6089/kubelite", None),
        ] {
            assert_eq!(parse_version_in_path(path).as_deref(), version, "{path}");
        }
    }

    #[test]
    fn a_packages_revision_is_set_aside() {
        for (text, version) in [
            ("1.28.2-00", "1.28.2"),
            ("1.30.1-1.1", "1.30.1"),
            ("0:1.20.2-16.oe2203", "1.20.2"),
            ("1.28.2~rke2r1-0.el8", "1.28.2+rke2r1"),
            ("1.31.0-rc.1", "1.31.0-rc.1"),
        ] {
            assert_eq!(clean_version(text).as_deref(), Some(version), "{text}");
        }
    }

    #[test]
    fn an_images_tag_stands_after_the_registrys_port_and_before_the_digest() {
        assert_eq!(parse_image_version("registry:5000/kube-apiserver:v1.28.2@sha256:00").as_deref(), Some("1.28.2"));
        assert_eq!(parse_image_version("registry.k8s.io/etcd:3.5.12-0").as_deref(), Some("3.5.12"));
        assert_eq!(parse_image_version("registry:5000/kube-apiserver"), None);
        assert_eq!(parse_image_version("registry.k8s.io/kube-apiserver@sha256:abc"), None);
    }
}
