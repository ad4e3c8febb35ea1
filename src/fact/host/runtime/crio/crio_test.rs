//! Tests of the collector `crio` on small trees.

use super::super::tree::{Tree, texts};
use super::*;

#[test]
fn every_file_of_the_folder_is_read_whatever_its_name() {
    let tree = Tree::of(&[
        ("/usr/bin/crio", ""),
        ("/etc/crio/crio.conf.d/10-crio.conf", "[crio.runtime]\ncgroup_manager = \"systemd\"\n"),
        (
            "/etc/crio/crio.conf.d/10-crio.conf.bak",
            "[crio.runtime]\nconmon_cgroup = \"pod\"\ncgroup_manager = \"cgroupfs\"\n",
        ),
    ]);
    let facts = tree.collect(&COLLECTOR, &Facts::default());
    assert_eq!(
        facts.get("crio.cgroup_driver"),
        Some(&Fact::known("cgroupfs", Source::line("/etc/crio/crio.conf.d/10-crio.conf.bak", 3)))
    );
    assert_eq!(facts.bool("crio.conmon_cgroup_is_valid"), Some(true));
}

#[test]
fn files_are_read_in_the_order_of_a_walk() {
    // By whole path, `a.conf` would come before `a/x`, because a dot sorts before a slash.
    let tree = Tree::of(&[
        ("/usr/bin/crio", ""),
        ("/etc/crio/crio.conf", ""),
        ("/etc/crio/crio.conf.d/a/x", ""),
        ("/etc/crio/crio.conf.d/a.conf", ""),
    ]);
    let facts = tree.collect(&COLLECTOR, &Facts::default());
    assert_eq!(
        texts(&facts, "crio.config_paths"),
        ["/etc/crio/crio.conf", "/etc/crio/crio.conf.d/a/x", "/etc/crio/crio.conf.d/a.conf"]
    );
}

#[test]
fn without_files_crio_uses_systemd() {
    let tree = Tree::of(&[("/usr/bin/crio", "")]);
    let facts = tree.collect(&COLLECTOR, &Facts::default());
    assert_eq!(facts.text("crio.cgroup_driver"), Some("systemd"));
    assert!(matches!(facts.get("crio.cgroup_driver").unwrap().source(), Some(Source::Default { .. })));
    assert_eq!(facts.text("crio.endpoint"), Some("unix:///var/run/crio/crio.sock"));
    assert_eq!(texts(&facts, "crio.cni_bin_dirs"), ["/opt/cni/bin"]);
    assert!(matches!(facts.get("crio.pause_image"), Some(Fact::Unreadable { .. })));
}

#[test]
fn the_services_environment_wins_over_files_and_flags_over_both() {
    let tree = Tree::of(&[
        (
            "/usr/lib/systemd/system/crio.service",
            "[Service]\nEnvironmentFile=-/etc/sysconfig/crio\nExecStart=/usr/bin/crio $CRIO_CONFIG_OPTIONS\n",
        ),
        (
            "/etc/sysconfig/crio",
            "# options\nCONTAINER_CGROUP_MANAGER=cgroupfs\nCRIO_CONFIG_OPTIONS=--pause-image=registry.example/pause:3.10\n",
        ),
        (
            "/etc/crio/crio.conf",
            "[crio.runtime]\ncgroup_manager = \"systemd\"\n[crio.image]\npause_image = \"k8s.gcr.io/pause:3.2\"\n",
        ),
    ]);
    let facts = tree.collect(&COLLECTOR, &Facts::default());
    assert_eq!(facts.get("crio.cgroup_driver"), Some(&Fact::known("cgroupfs", Source::line("/etc/sysconfig/crio", 2))));
    assert_eq!(facts.text("crio.pause_image"), Some("registry.example/pause:3.10"));
}

#[test]
fn a_damaged_file_makes_all_settings_unreadable() {
    let tree = Tree::of(&[("/usr/bin/crio", ""), ("/etc/crio/crio.conf.d/99-x.conf", "[crio.runtime\n")]);
    let facts = tree.collect(&COLLECTOR, &Facts::default());
    for path in CONFIGURED {
        assert!(matches!(facts.get(path), Some(Fact::Unreadable { .. })), "{path}");
    }
}

#[test]
fn the_version_file_tells_the_version_where_no_package_does() {
    let tree = Tree::of(&[("/usr/local/bin/crio", ""), ("/var/lib/crio/version", "\"1.27.3\"\n")]);
    let facts = tree.collect(&COLLECTOR, &Facts::default());
    assert_eq!(facts.text("crio.version"), Some("1.27.3"));
    assert_eq!(facts.bool("crio.answers_runtime_config"), Some(false));
    assert_eq!(facts.text("crio.default_handler"), Some("runc"));
}

#[test]
fn conmons_cgroup_may_keep_crio_from_starting() {
    let tree = Tree::of(&[
        ("/usr/bin/crio", ""),
        ("/etc/crio/crio.conf", "[crio.runtime]\ncgroup_manager = \"cgroupfs\"\nconmon_cgroup = \"system.slice\"\n"),
    ]);
    assert_eq!(tree.collect(&COLLECTOR, &Facts::default()).bool("crio.conmon_cgroup_is_valid"), Some(false));
}
