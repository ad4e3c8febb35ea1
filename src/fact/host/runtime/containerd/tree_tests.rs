//! The collector over small trees: which file it takes, what that imports,
//! registries beneath `config_path`, and what it says without a version.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::COLLECTOR;
use crate::fact::host::Host;
use crate::fact::host::root::HostRoot;
use crate::fact::{Fact, Facts, Source};

const SYSTEMD: &str = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\nruntime_type = \"io.containerd.runc.v2\"\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\nSystemdCgroup = true\n";

fn package(version: &str) -> String {
    format!("Package: containerd.io\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n")
}

fn collect(files: &[(&str, &str)]) -> Facts {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = folder.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    let root = HostRoot::open(folder.path()).expect("a root");
    let host = Host::new(root, Instant::now() + Duration::from_secs(5));
    let mut earlier = Facts::default();
    let endpoint = "unix:///run/containerd/containerd.sock";
    earlier.set("kubelet.endpoint", Fact::known(endpoint, Source::file("/x")));
    (COLLECTOR.collect)(&host, &earlier)
}

fn with(version: &str, files: &[(&str, &str)]) -> Facts {
    let status = package(version);
    let mut all = vec![("/var/lib/dpkg/status", status.as_str())];
    all.extend_from_slice(files);
    collect(&all)
}

fn is_unreadable(facts: &Facts, path: &str) -> bool {
    matches!(facts.get(path), Some(Fact::Unreadable { .. }))
}

fn texts(facts: &Facts, path: &str) -> Vec<String> {
    let list = facts.get(path).and_then(Fact::list).unwrap_or_default();
    list.iter().map(|fact| fact.text().unwrap_or("?").to_owned()).collect()
}

/// `member` of each element.
fn members(facts: &Facts, path: &str, member: &str) -> Vec<String> {
    let list = facts.get(path).and_then(Fact::list).unwrap_or_default();
    list.iter().map(|fact| fact.member(member).and_then(Fact::text).unwrap_or("?").to_owned()).collect()
}

#[test]
fn a_value_carries_the_file_and_line_that_won() {
    let facts = with("1.7.28-1", &[("/etc/containerd/config.toml", SYSTEMD)]);
    assert_eq!(facts.text("containerd.cgroup_driver"), Some("systemd"));
    let source = facts.get("containerd.cgroup_driver").and_then(Fact::source);
    assert_eq!(source, Some(&Source::line("/etc/containerd/config.toml", 5)));
    assert_eq!(facts.int("containerd.config_version"), Some(2));
    assert_eq!(facts.text("containerd.sandbox_image"), Some("registry.k8s.io/pause:3.8"));
}

#[test]
fn without_a_version_only_what_all_versions_agree_on_is_known() {
    let facts = collect(&[("/etc/containerd/config.toml", SYSTEMD)]);
    assert_eq!(facts.bool("containerd.present"), Some(true), "the kubelet calls it, and its file is there");
    assert!(is_unreadable(&facts, "containerd.version"));
    assert_eq!(facts.text("containerd.cgroup_driver"), Some("systemd"));
    assert_eq!(facts.bool("containerd.cri.enabled"), Some(true));
    assert!(is_unreadable(&facts, "containerd.sandbox_image"), "each version has another default");
    let old = SYSTEMD.replace("version = 2", "version = 3");
    let facts = collect(&[("/etc/containerd/config.toml", &old)]);
    assert!(is_unreadable(&facts, "containerd.cgroup_driver"), "2.1 ignores it and 2.3 does not");
}

#[test]
fn registry_tables_beside_config_path_are_a_fault_in_every_version() {
    let text = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\nsystemd_cgroup = true\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/c\"\n[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"docker.io\"]\nendpoint = [\"https://x\"]\n";
    let facts = collect(&[("/etc/containerd/config.toml", text)]);
    assert!(is_unreadable(&facts, "containerd.cri.load_faults"), "systemd_cgroup stops 1.x alone");
    assert_eq!(members(&facts, "containerd.cri.registry_faults", "setting"), ["registry.mirrors"]);
}

#[test]
fn a_generated_file_tells_whose_it_is() {
    let config = "/var/lib/rancher/k3s/agent/etc/containerd/config.toml";
    let facts = collect(&[(config, SYSTEMD)]);
    assert_eq!(facts.text("containerd.supervisor"), Some("k3s"));
    assert_eq!(facts.text("containerd.config_path"), Some(config));
    assert!(matches!(facts.get("containerd.reported_cgroup_driver"), Some(Fact::Absent { .. })), "version 2 is 1.x");
}

#[test]
fn conf_d_is_read_only_where_a_file_imports_it() {
    let drop_in = ("/etc/containerd/conf.d/10.toml", SYSTEMD);
    let without = with("2.2.5-1", &[("/etc/containerd/config.toml", "version = 3\n"), drop_in]);
    assert_eq!(without.text("containerd.cgroup_driver"), Some("cgroupfs"));
    let main = "version = 2\nimports = [\"/etc/containerd/conf.d/*.toml\"]\n";
    let imported = with("2.2.5-1", &[("/etc/containerd/config.toml", main), drop_in]);
    assert_eq!(imported.text("containerd.cgroup_driver"), Some("systemd"));
    assert_eq!(
        texts(&imported, "containerd.config_files"),
        ["/etc/containerd/config.toml", "/etc/containerd/conf.d/10.toml"]
    );
    let alone = with("2.2.5-1", &[drop_in]);
    assert_eq!(alone.text("containerd.cgroup_driver"), Some("cgroupfs"));
}

#[test]
fn a_relative_pattern_starts_at_the_working_directory_in_old_versions() {
    let files = [
        ("/etc/containerd/config.toml", "version = 2\nimports = [\"conf.d/*.toml\"]\n"),
        ("/etc/containerd/conf.d/10.toml", SYSTEMD),
    ];
    assert_eq!(with("1.6.20~ds1-1", &files).text("containerd.cgroup_driver"), Some("cgroupfs"));
    assert_eq!(with("1.6.33-1", &files).text("containerd.cgroup_driver"), Some("systemd"));
    assert_eq!(with("2.1.5-1", &files).text("containerd.cgroup_driver"), Some("systemd"));
}

#[test]
fn a_missing_import_stops_the_daemon_unless_it_is_a_pattern() {
    let main = |import: &str| format!("version = 2\nimports = [\"{import}\"]\n");
    let missing = with("1.7.28-1", &[("/etc/containerd/config.toml", &main("gone.toml"))]);
    assert_eq!(
        members(&missing, "containerd.start_faults", "problem"),
        ["open /etc/containerd/gone.toml: no such file or directory"]
    );
    assert_eq!(missing.bool("containerd.cri.enabled"), Some(false));
    let pattern = with("1.7.28-1", &[("/etc/containerd/config.toml", &main("gone/*.toml"))]);
    assert_eq!(pattern.bool("containerd.cri.enabled"), Some(true));
}

#[test]
fn imports_of_imports_come_after_their_neighbours_and_circles_end() {
    let facts = with(
        "2.1.5-1",
        &[
            ("/etc/containerd/config.toml", "version = 2\nimports = [\"a.toml\", \"b.toml\", \"config.toml\"]\n"),
            ("/etc/containerd/a.toml", "version = 2\nimports = [\"c.toml\"]\n"),
            ("/etc/containerd/b.toml", "version = 2\n"),
            ("/etc/containerd/c.toml", SYSTEMD),
        ],
    );
    let files = ["config", "a", "b", "c"].map(|name| format!("/etc/containerd/{name}.toml"));
    assert_eq!(texts(&facts, "containerd.config_files"), files);
    assert_eq!(facts.text("containerd.cgroup_driver"), Some("systemd"));
}

#[test]
fn a_file_that_is_no_toml_makes_everything_unreadable() {
    let facts = with("1.7.28-1", &[("/etc/containerd/config.toml", "version = 2\n[plugins\n")]);
    for path in ["containerd.cgroup_driver", "containerd.cri.enabled", "containerd.removed_properties"] {
        assert!(is_unreadable(&facts, path), "{path}");
    }
    assert_eq!(facts.bool("containerd.present"), Some(true));
}

#[test]
fn a_configuration_of_megabytes_is_not_followed() {
    let huge = format!("version = 2\n# {}\n", "x".repeat(3 << 20));
    assert!(is_unreadable(&with("1.7.28-1", &[("/etc/containerd/config.toml", &huge)]), "containerd.handlers"));
}

#[test]
fn a_folder_that_was_not_recorded_is_not_an_absent_file() {
    assert!(is_unreadable(&with("1.7.28-1", &[]), "containerd.cgroup_driver"));
    let recorded = with("1.7.28-1", &[("/etc/containerd/.keep", "")]);
    assert_eq!(recorded.text("containerd.cgroup_driver"), Some("cgroupfs"), "built-in defaults");
    assert!(matches!(recorded.get("containerd.config_path"), Some(Fact::Absent { .. })));
}

#[test]
fn hosts_without_verified_tls_are_found_in_tables_and_in_certs_d() {
    let main =
        "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/etc/containerd/certs.d\"\n";
    let hosts = "server = \"http://plain.example\"\n[host.\"https://harbor.example\"]\nskip_verify = true\n[host.\"http://127.0.0.1:5000\"]\n[host.\"https://ok.example\".header]\nAuthorization = \"Basic c2VjcmV0\"\n";
    let files = [("/etc/containerd/config.toml", main), ("/etc/containerd/certs.d/harbor.example/hosts.toml", hosts)];
    let facts = with("1.7.28-1", &files);
    assert_eq!(
        members(&facts, "containerd.registry.insecure", "host"),
        ["plain.example", "127.0.0.1:5000", "harbor.example"]
    );
    assert_eq!(members(&facts, "containerd.registry.credentials", "kind"), ["header"]);
    let tables = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"docker.io\"]\nendpoint = [\"http://admin:secret@mirror.example\", \"https://ok.example\"]\n[plugins.\"io.containerd.grpc.v1.cri\".registry.configs.\"harbor.example\".tls]\ninsecure_skip_verify = true\n[plugins.\"io.containerd.grpc.v1.cri\".registry.configs.\"harbor.example\".auth]\nusername = \"admin\"\npassword = \"Harbor12345\"\n";
    let facts = with("1.7.28-1", &[("/etc/containerd/config.toml", tables)]);
    assert_eq!(members(&facts, "containerd.registry.insecure", "problem"), ["http", "skip_verify"]);
    assert_eq!(members(&facts, "containerd.registry.credentials", "host"), ["harbor.example"]);
    let all = format!("{facts:?}");
    assert!(!all.contains("Harbor12345") && !all.contains("secret@"), "no secret becomes a fact");
    // 2.x has no `configs.tls` any more: it verifies, and the setting is lost.
    let facts = with("2.1.5-1", &[("/etc/containerd/config.toml", tables)]);
    assert_eq!(members(&facts, "containerd.registry.insecure", "problem"), ["http"]);
}

#[test]
fn the_default_folders_of_hosts_count_from_2_2_on() {
    let hosts = "[host.\"https://harbor.example\"]\nskip_verify = true\n";
    let files = [
        ("/etc/containerd/config.toml", "version = 3\n"),
        ("/etc/containerd/certs.d/harbor.example/hosts.toml", hosts),
    ];
    assert!(members(&with("2.1.5-1", &files), "containerd.registry.insecure", "host").is_empty());
    assert_eq!(members(&with("2.2.5-1", &files), "containerd.registry.insecure", "host"), ["harbor.example"]);
}

#[test]
fn the_files_of_a_real_containerd_without_changes_have_no_remarks() {
    for (version, text) in [
        ("1.6.20-1", include_str!("testdata/1.6.20-default.toml")),
        ("2.4.0-1", include_str!("testdata/2.4-default.toml")),
    ] {
        let facts = with(version, &[("/etc/containerd/config.toml", text)]);
        for path in
            ["start_faults", "cri.load_faults", "ignored_properties", "misplaced_properties", "removed_properties"]
        {
            let list = facts.get(&format!("containerd.{path}")).and_then(Fact::list);
            assert_eq!(list.map(<[Fact]>::len), Some(0), "{version} {path}");
        }
        assert_eq!(facts.text("containerd.cgroup_driver"), Some("cgroupfs"));
        assert_eq!(texts(&facts, "containerd.cni_bin_dirs"), ["/opt/cni/bin"]);
        assert_eq!(facts.text("containerd.snapshotter"), Some("overlayfs"));
    }
}

#[test]
fn debians_package_looks_for_plugins_where_debian_installs_them() {
    let dirs = |version: &str, config: &str| {
        texts(&with(version, &[("/etc/containerd/config.toml", config)]), "containerd.cni_bin_dirs")
    };
    assert_eq!(dirs("1.6.20~ds1-1+deb12u3", "version = 2\n"), ["/opt/cni/bin"]);
    assert_eq!(dirs("1.7.24~ds1-6+deb13u1", "version = 2\n"), ["/usr/lib/cni"]);
    assert_eq!(dirs("2.1.9+ds1-5", "version = 3\n"), ["/usr/lib/cni", "/opt/cni/bin"]);
    assert_eq!(dirs("1.7.24-0ubuntu1~24.04.2", "version = 2\n"), ["/opt/cni/bin"]);
    let set = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".cni]\nbin_dir = \"/srv/cni\"\n";
    assert_eq!(dirs("1.7.24~ds1-6+deb13u1", set), ["/srv/cni"]);
}

/// As `containerd config dump` of 2.1.9 has it.
#[test]
fn containerd_2_takes_a_snapshotter_of_version_2_over_only_beside_runtimes() {
    let cri = "plugins.\"io.containerd.grpc.v1.cri\".containerd";
    let alone = format!("version = 2\n[{cri}]\nsnapshotter = \"native\"\n");
    let facts = with("2.1.9-1", &[("/etc/containerd/config.toml", &alone)]);
    assert_eq!(facts.text("containerd.snapshotter"), Some("overlayfs"));
    assert_eq!(
        members(&facts, "containerd.ignored_properties", "problem"),
        ["it is taken over only beside `runtimes`"]
    );
    let beside = format!("{alone}[{cri}.runtimes.runc]\nruntime_type = \"io.containerd.runc.v2\"\n");
    let facts = with("2.1.9-1", &[("/etc/containerd/config.toml", &beside)]);
    assert_eq!(facts.text("containerd.snapshotter"), Some("native"));
    assert!(members(&facts, "containerd.ignored_properties", "problem").is_empty());
}

/// As `containerd config dump` of 2.1.9 has it.
#[test]
fn a_drop_in_of_version_1_counts_as_of_the_version_of_the_files_before() {
    let main = "version = 2\nimports = [\"conf.d/*.toml\"]\n[plugins.\"io.containerd.grpc.v1.cri\"]\nsandbox_image = \"a/pause:7\"\n";
    let old = "[plugins.cri.registry]\nconfig_path = \"/etc/certs\"\n";
    let with_main = |main: &str| {
        let files = [("/etc/containerd/config.toml", main), ("/etc/containerd/conf.d/10.toml", old)];
        let facts = with("2.1.9-1", &files);
        let text = |path: &str| facts.text(path).map(str::to_owned);
        (text("containerd.sandbox_image"), text("containerd.registry.config_path"))
    };
    assert_eq!(with_main(main), (Some("a/pause:7".to_owned()), Some("/etc/certs".to_owned())));
    let newer = "version = 3\nimports = [\"conf.d/*.toml\"]\n[plugins.\"io.containerd.cri.v1.images\".pinned_images]\nsandbox = \"a/pause:8\"\n";
    assert_eq!(with_main(newer), (Some("a/pause:8".to_owned()), None));
}
