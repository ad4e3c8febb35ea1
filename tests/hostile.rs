//! A host that means harm: links that lead out, FIFOs and endless files where
//! configuration is expected, bombs and garbage. The audit ends, nothing fails
//! to be told, and nothing of what lies outside is read.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use scanner::fact::Facts;
use scanner::fact::host::root::HostRoot;
use scanner::fact::host::{Host, collect};

const SECRET: &str = "outside-of-the-root-4711";

/// Files that collectors read.
const FILES: [&str; 22] = [
    "etc/os-release",
    "etc/hostname",
    "etc/machine-id",
    "etc/fstab",
    "etc/exports",
    "etc/crictl.yaml",
    "etc/containerd/config.toml",
    "etc/crio/crio.conf",
    "etc/docker/daemon.json",
    "etc/sysctl.d/10-x.conf",
    "etc/modules-load.d/x.conf",
    "etc/cni/net.d/10-x.conflist",
    "etc/apt/sources.list",
    "etc/yum.repos.d/x.repo",
    "etc/systemd/system/kubelet.service",
    "etc/kubernetes/kubelet.conf",
    "etc/kubernetes/manifests/x.yaml",
    "etc/rancher/k3s/config.yaml",
    "var/lib/kubelet/config.yaml",
    "var/lib/dpkg/status",
    "var/lib/rpm/Packages",
    "proc/swaps",
];

fn collect_all(root: &Path) -> (Facts, Duration) {
    let start = Instant::now();
    let host = Host::new(HostRoot::open(root).unwrap(), start + Duration::from_secs(20));
    let facts = collect(&host, &BTreeSet::new());
    (facts, start.elapsed())
}

/// Puts something at the path of every file.
fn tree(put: impl Fn(usize, &Path)) -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    for (number, file) in FILES.iter().enumerate() {
        let path = tree.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        put(number, &path);
    }
    tree
}

/// The audit of a tree is quick, complete, and tells nothing from outside.
fn assert_harmless(what: &str, root: &Path) {
    let (facts, took) = collect_all(root);
    assert!(took < Duration::from_secs(20), "{what}: took {took:?}");
    let text = serde_json::to_string(&facts).unwrap();
    assert!(!text.contains(SECRET), "{what}: read outside of the root");
    assert!(!text.contains("the collector "), "{what}: a collector failed or left a fact out");
}

#[test]
fn links_out_of_the_root_lead_nowhere() {
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    fs::write(&secret, format!("ID={SECRET}\nNAME={SECRET}\n")).unwrap();
    let up = format!("{}{}", "../".repeat(40), secret.display().to_string().trim_start_matches('/'));
    let tree = tree(|number, path| {
        let target = if number % 2 == 0 { secret.display().to_string() } else { up.clone() };
        symlink(target, path).unwrap();
    });
    assert_harmless("links", tree.path());
}

#[test]
fn links_in_a_circle_end() {
    let tree = tree(|_, path| {
        let name = path.file_name().unwrap();
        symlink(format!("./{}", name.to_string_lossy()), path).unwrap();
    });
    assert_harmless("circles", tree.path());
}

#[test]
fn fifos_do_not_block() {
    let tree = tree(|_, path| {
        nix::unistd::mkfifo(path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    });
    assert_harmless("FIFOs", tree.path());
}

#[test]
fn files_of_ten_gibibytes_are_refused() {
    let tree = tree(|_, path| fs::File::create(path).unwrap().set_len(10 << 30).unwrap());
    assert_harmless("sparse files", tree.path());
}

#[test]
fn bombs_depth_and_garbage_are_bounded() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.extend([format!("a{level}: &a{level} [{aliases}]\n")]);
    }
    let deep = ["[".repeat(100_000), "{\"a\":".repeat(100_000), format!("a = {}", "[".repeat(100_000))];
    let garbage: Vec<u8> = (0..200_000_u32).map(|at| u8::try_from((at * 7919 + at / 251) % 256).unwrap()).collect();
    for turn in 0..5 {
        let tree = tree(|number, path| {
            let bytes: &[u8] = match (number + turn) % 5 {
                0 => bomb.as_bytes(),
                1 => deep[0].as_bytes(),
                2 => deep[1].as_bytes(),
                3 => deep[2].as_bytes(),
                _ => &garbage,
            };
            fs::write(path, bytes).unwrap();
        });
        assert_harmless("bombs", tree.path());
    }
}
