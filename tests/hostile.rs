//! A host that means harm: links that lead out, FIFOs and endless files where
//! configuration is expected, bombs and garbage. The audit ends with a verdict
//! of every rule, nothing fails to be told, and nothing outside is read.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use scanner::rule::{LoadOptions, RuleSet};

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

static RULES: LazyLock<RuleSet> = LazyLock::new(|| RuleSet::load(&LoadOptions::default()).unwrap());

/// Facts and findings as JSON, and the time that they took.
fn audit(root: &Path) -> (String, String, Duration) {
    LazyLock::force(&RULES);
    let start = Instant::now();
    let (facts, findings) = super::facts::audit(root, &RULES, &BTreeSet::new());
    let took = start.elapsed();
    let judged: BTreeSet<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
    assert!(judged.contains("os/end-of-life") && judged.len() > 50, "only {} rules were judged", judged.len());
    (serde_json::to_string(&facts).unwrap(), serde_json::to_string(&findings).unwrap(), took)
}

/// What a file would tell, in its own form, if it were read.
fn telling(file: &str) -> String {
    let secret = format!("{SECRET}-{}", file.replace('/', "."));
    match file {
        "etc/os-release" => format!("ID=debian\nNAME={secret}\n"),
        "etc/fstab" => format!("/dev/{secret} /data ext4 defaults 0 0\n"),
        "etc/exports" => format!("/{secret} *(rw)\n"),
        "etc/crictl.yaml" => format!("runtime-endpoint: unix:///run/{secret}.sock\n"),
        "etc/containerd/config.toml" => {
            format!("version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\nsandbox_image = \"{secret}\"\n")
        }
        "etc/crio/crio.conf" => format!("[crio.runtime]\ncgroup_manager = \"{secret}\"\n"),
        "etc/docker/daemon.json" => format!("{{\"registry-mirrors\": [\"http://{secret}\"]}}"),
        "etc/sysctl.d/10-x.conf" => format!("net.ipv4.ip_forward = {secret}\n"),
        "etc/cni/net.d/10-x.conflist" => {
            format!("{{\"name\": \"{secret}\", \"cniVersion\": \"1.0.0\", \"plugins\": [{{\"type\": \"{secret}\"}}]}}")
        }
        "etc/apt/sources.list" => format!("deb http://{secret}/ stable main\n"),
        "etc/yum.repos.d/x.repo" => format!("[x]\nbaseurl=http://{secret}/\n"),
        "etc/systemd/system/kubelet.service" => format!(
            "[Service]\nExecStart=/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml --root-dir=/{secret}\n"
        ),
        "etc/rancher/k3s/config.yaml" => format!("data-dir: /{secret}\n"),
        "var/lib/kubelet/config.yaml" => {
            format!("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nstaticPodPath: /{secret}\n")
        }
        "var/lib/dpkg/status" => {
            format!("Package: kubelet\nStatus: install ok installed\nVersion: 1.35.3-{secret}\n\n")
        }
        "proc/swaps" => format!("Filename Type Size Used Priority\n/{secret} file 1 0 -2\n"),
        _ => format!("{secret}\n"),
    }
}

/// Puts something at the path of every file.
fn tree(put: impl Fn(usize, &Path)) -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    for (number, file) in FILES.iter().enumerate() {
        let path = tree.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        put(number, &path);
    }
    // Some configuration is read only where its program is installed.
    let programs = tree.path().join("usr/bin");
    fs::create_dir_all(&programs).unwrap();
    for name in ["kubelet", "crictl", "containerd", "crio", "dockerd"] {
        fs::write(programs.join(name), b"\x7fELF\x02\x01\x01\0").unwrap();
        fs::set_permissions(programs.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    tree
}

/// The audit of a tree is quick, complete, and tells nothing from outside.
fn assert_harmless(what: &str, root: &Path) {
    // k3s' configuration hides the kubelet's own, so each is read once.
    for hides_kubelet in [true, false] {
        if !hides_kubelet {
            fs::remove_dir_all(root.join("etc/rancher")).unwrap();
        }
        let (facts, findings, took) = audit(root);
        assert!(took < Duration::from_secs(20), "{what}: took {took:?}");
        for (kind, text) in [("facts", &facts), ("findings", &findings)] {
            // The links' own targets hold no secret, so that it can only come from a file.
            assert!(!text.contains(SECRET), "{what}: the {kind} tell what lies outside of the root");
        }
        assert!(!facts.contains("the collector "), "{what}: a collector failed or left a fact out");
    }
}

#[test]
fn what_a_file_within_the_root_tells_is_told() {
    let tree = tree(|number, path| fs::write(path, telling(FILES[number])).unwrap());
    let (with_k3s, _, _) = audit(tree.path());
    fs::remove_dir_all(tree.path().join("etc/rancher")).unwrap();
    let facts = with_k3s + &audit(tree.path()).0;
    let silent: Vec<&str> =
        FILES.into_iter().filter(|file| !facts.contains(&format!("{SECRET}-{}", file.replace('/', ".")))).collect();
    // Without this, the tests of links could pass on contents that no collector tells.
    assert!(silent.len() <= 6, "only these say nothing: {silent:?}");
}

#[test]
fn links_out_of_the_root_lead_nowhere() {
    let outside = tempfile::tempdir().unwrap();
    let tree = tree(|number, path| {
        let secret = outside.path().join(number.to_string());
        fs::write(&secret, telling(FILES[number])).unwrap();
        let absolute = secret.display().to_string();
        let target = if number % 2 == 0 { absolute } else { format!("{}{absolute}", "../".repeat(40)) };
        symlink(target, path).unwrap();
    });
    assert_harmless("links", tree.path());
}

#[test]
fn folders_that_link_out_of_the_root_lead_nowhere() {
    let outside = tree(|number, path| fs::write(path, telling(FILES[number])).unwrap());
    let inside = tempfile::tempdir().unwrap();
    for (number, folder) in ["etc", "var", "proc"].into_iter().enumerate() {
        let absolute = outside.path().join(folder).display().to_string();
        let target = if number % 2 == 0 { absolute } else { format!("{}{absolute}", "../".repeat(40)) };
        symlink(target, inside.path().join(folder)).unwrap();
    }
    assert_harmless("linked folders", inside.path());
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
