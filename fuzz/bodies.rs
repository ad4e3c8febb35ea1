//! What is fuzzed, as plain functions of bytes: the fuzz targets call them, and
//! so does a test that needs no fuzzer (`tests/fuzz.rs`).
//!
//! Parsers are reached as a hostile host reaches them: bytes in a file beneath
//! a root. So nothing has to be public for the fuzzer alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use scanner::fact::host::document::{parse_json, parse_toml, parse_yaml};
use scanner::fact::host::root::HostRoot;
use scanner::fact::host::{Host, collect};
use scanner::rule::waiver::Waivers;
use scanner::rule::{LoadOptions, RuleSet};

/// Files of a host whose parsers are fuzzed, and the facts read from them.
pub const HOST_FILES: &[(&str, &str)] = &[
    ("etc/os-release", "os"),
    ("etc/containerd/config.toml", "containerd"),
    ("etc/crio/crio.conf.d/10-fuzz.conf", "crio"),
    ("etc/docker/daemon.json", "docker"),
    ("etc/crictl.yaml", "crictl"),
    ("var/lib/kubelet/config.yaml", "kubelet"),
    ("var/lib/kubelet/kubeadm-flags.env", "kubelet"),
    ("etc/systemd/system/kubelet.service", "kubelet"),
    ("proc/4242/cmdline", "kubelet"),
    ("etc/rancher/k3s/config.yaml", "k3s"),
    ("etc/sysctl.d/99-fuzz.conf", "sysctl_persisted"),
    ("etc/cni/net.d/10-fuzz.conflist", "cni"),
    ("etc/fstab", "swap"),
    ("proc/1/mounts", "mount"),
    ("proc/swaps", "swap"),
    ("proc/net/tcp", "port"),
    ("proc/net/route", "network"),
    ("proc/cmdline", "kernel"),
    ("proc/modules", "module"),
    ("lib/modules/6.1.0/modules.builtin", "module"),
    ("etc/exports", "nfs"),
    ("etc/apt/sources.list.d/fuzz.sources", "repository"),
    ("etc/yum.repos.d/fuzz.repo", "repository"),
    ("var/lib/dpkg/status", "package"),
    ("var/lib/rpm/rpmdb.sqlite", "package"),
    ("var/lib/kubelet/pki/kubelet-client-current.pem", "certificate"),
    ("usr/bin/runc", "runc"),
];

/// One file of a host: the first byte says which.
pub fn host_file(bytes: &[u8]) {
    let Some((choice, contents)) = bytes.split_first() else { return };
    let (path, fact) = HOST_FILES[usize::from(*choice) % HOST_FILES.len()];
    let folder = tempfile::tempdir().expect("a folder can be made");
    place(folder.path(), path, contents);
    // A collector reads kernel facts to interpret others, so that a few lines
    // of a host are always there.
    place(folder.path(), "proc/sys/kernel/osrelease", b"6.1.0\n");
    let host = Host::new(HostRoot::open(folder.path()).expect("it is there"), Instant::now() + Duration::from_secs(5));
    let facts = collect(&host, &BTreeSet::from([fact.to_owned()]));
    let text = serde_json::to_string(&facts).expect("facts can be written");
    assert!(text.len() < 256 << 20, "facts grow beyond their file");
    // The runner turns the panic of a collector into unreadable facts.
    let collectors = scanner::fact::host::COLLECTORS.iter();
    for collector in collectors {
        let reason = format!("\"the collector {} failed\"", collector.name);
        assert!(!text.contains(&reason), "{reason} on {path}");
    }
}

/// A YAML, JSON or TOML document.
pub fn document(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = parse_yaml(&text);
    let _ = parse_json(&text);
    let _ = parse_toml(&text);
}

/// A rule file with its CEL, and the same bytes as a waiver file.
pub fn rule_file(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    place(folder.path(), "fuzz/fuzz.yaml", bytes);
    let options = LoadOptions { builtin: false, paths: vec![folder.path().to_owned()], with_examples: true };
    if let Err(faults) = RuleSet::load(&options) {
        for fault in faults {
            let _ = fault.render(false);
        }
    }
    let _ = Waivers::parse(&String::from_utf8_lossy(bytes), "fuzz.yaml");
}

fn place(root: &Path, path: &str, contents: &[u8]) {
    let file = root.join(path);
    fs::create_dir_all(file.parent().expect("a file has a folder")).expect("a folder can be made");
    fs::write(file, contents).expect("a file can be written");
}
