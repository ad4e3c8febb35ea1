//! Tests of the collector `docker` on small trees.

use super::super::tree::{Tree, earlier, texts};
use super::*;
use crate::fact::Value;

/// `CentOS` 7's own unit of Docker 1.13, cut to what is read.
const CENTOS_UNIT: &str = "[Service]\nEnvironmentFile=-/etc/sysconfig/docker\nEnvironmentFile=-/etc/sysconfig/docker-network\n\
ExecStart=/usr/bin/dockerd-current \\\n          --add-runtime docker-runc=/usr/libexec/docker/docker-runc-current \\\n          \
--exec-opt native.cgroupdriver=systemd \\\n          $OPTIONS \\\n          $DOCKER_NETWORK_OPTIONS\n";

fn on_v2() -> Facts {
    earlier(&[("cgroup.version", Value::from("v2")), ("init.is_systemd", Value::from(true))])
}

#[test]
fn centos_unit_already_sets_the_cgroup_driver() {
    let tree = Tree::of(&[
        ("/usr/lib/systemd/system/docker.service", CENTOS_UNIT),
        ("/etc/sysconfig/docker", "# flags\nOPTIONS='--selinux-enabled --log-driver=journald --live-restore'\n"),
        ("/etc/sysconfig/docker-network", "DOCKER_NETWORK_OPTIONS=\"--mtu=1450\"\n"),
    ]);
    let facts = tree.collect(&COLLECTOR, &earlier(&[("cgroup.version", Value::from("v1"))]));
    assert_eq!(facts.text("docker.cgroup_driver"), Some("systemd"));
    assert_eq!(facts.text("docker.log_driver"), Some("journald"));
    assert_eq!(facts.bool("docker.live_restore"), Some(true));
    assert_eq!(facts.int("docker.mtu"), Some(1450));
    assert_eq!(facts.get("docker.mtu").unwrap().source(), Some(&Source::line("/etc/sysconfig/docker-network", 1)));
    assert_eq!(facts.get("docker.flag_conflicts").and_then(Fact::list).map(<[Fact]>::len), Some(0));
}

#[test]
fn the_same_driver_in_daemon_json_keeps_docker_from_starting() {
    let tree = Tree::of(&[
        ("/usr/lib/systemd/system/docker.service", CENTOS_UNIT),
        ("/etc/docker/daemon.json", "{\n  \"exec-opts\": [\"native.cgroupdriver=systemd\"],\n  \"runtimes\": {}\n}\n"),
    ]);
    let facts = tree.collect(&COLLECTOR, &on_v2());
    let conflicts = facts.get("docker.flag_conflicts").and_then(Fact::list).unwrap();
    assert_eq!(conflicts.len(), 1);
    assert_eq!(
        conflicts[0].member("directive"),
        Some(&Fact::known("exec-opts", Source::line("/etc/docker/daemon.json", 2)))
    );
}

#[test]
fn a_drop_in_that_resets_exec_start_takes_its_flags_away() {
    let tree = Tree::of(&[
        (
            "/lib/systemd/system/docker.service",
            "[Service]\nExecStart=/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock\n",
        ),
        (
            "/etc/systemd/system/docker.service.d/hosts.conf",
            "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd --containerd=/run/containerd/containerd.sock\n",
        ),
        ("/etc/docker/daemon.json", "{\"hosts\": [\"fd://\", \"tcp://127.0.0.1:2375\"]}"),
    ]);
    let facts = tree.collect(&COLLECTOR, &on_v2());
    assert_eq!(facts.get("docker.flag_conflicts").and_then(Fact::list).map(<[Fact]>::len), Some(0));
    assert_eq!(facts.text("docker.containerd"), Some("/run/containerd/containerd.sock"));
}

#[test]
fn the_default_driver_follows_cgroup_version_and_init() {
    let tree = Tree::of(&[("/usr/bin/dockerd", "")]);
    let driver = |version: &str, is_systemd: bool| {
        let earlier =
            earlier(&[("cgroup.version", Value::from(version)), ("init.is_systemd", Value::from(is_systemd))]);
        tree.collect(&COLLECTOR, &earlier).text("docker.cgroup_driver").map(str::to_owned)
    };
    assert_eq!(driver("v2", true).as_deref(), Some("systemd"));
    assert_eq!(driver("v2", false).as_deref(), Some("cgroupfs"));
    assert_eq!(driver("v1", true).as_deref(), Some("cgroupfs"));
    assert_eq!(driver("hybrid", true).as_deref(), Some("cgroupfs"));
    let unknown = tree.collect(&COLLECTOR, &Facts::default());
    assert!(matches!(unknown.get("docker.cgroup_driver"), Some(Fact::Unreadable { .. })));
}

#[test]
fn config_file_names_another_daemon_json() {
    let tree = Tree::of(&[("/opt/docker.json", "{\"registry-mirrors\": [\"https://mirror.example\"]}")]);
    tree.process(700, "/usr/bin/dockerd --config-file /opt/docker.json");
    let facts = tree.collect(&COLLECTOR, &on_v2());
    assert_eq!(facts.bool("docker.running"), Some(true));
    assert_eq!(facts.text("docker.config_path"), Some("/opt/docker.json"));
    assert_eq!(texts(&facts, "docker.registry_mirrors"), ["https://mirror.example"]);
}

#[test]
fn an_installed_package_says_nothing_of_a_daemon_put_there_by_hand() {
    let status = "Package: docker.io\nStatus: install ok installed\nVersion: 20.10.24+dfsg1-1\n";
    let version = |program: &str| {
        let tree = Tree::of(&[("/var/lib/dpkg/status", status)]);
        tree.process(700, "dockerd -H fd://");
        tree.link("/proc/700/exe", program);
        tree.collect(&COLLECTOR, &on_v2()).text("docker.version").map(str::to_owned)
    };
    assert_eq!(version("/usr/sbin/dockerd").as_deref(), Some("20.10.24+dfsg1-1"));
    assert_eq!(version("/usr/local/bin/dockerd"), None);
}

#[test]
fn a_damaged_daemon_json_makes_its_facts_unreadable() {
    let tree = Tree::of(&[("/usr/bin/dockerd", ""), ("/etc/docker/daemon.json", "{\"mtu\": 1450,")]);
    let facts = tree.collect(&COLLECTOR, &on_v2());
    assert_eq!(facts.bool("docker.present"), Some(true));
    for path in CONFIGURED {
        assert!(matches!(facts.get(path), Some(Fact::Unreadable { .. })), "{path}");
    }
}

#[test]
fn an_empty_daemon_json_sets_nothing() {
    let tree = Tree::of(&[("/usr/bin/dockerd", ""), ("/etc/docker/daemon.json", "\n")]);
    let facts = tree.collect(&COLLECTOR, &on_v2());
    assert_eq!(facts.int("docker.mtu"), Some(1500));
}

#[test]
fn a_file_left_behind_does_not_make_a_docker() {
    let tree = Tree::of(&[("/etc/docker/daemon.json", "{}"), ("/usr/bin/containerd", "")]);
    tree.process(1, "/sbin/init");
    let facts = tree.collect(&COLLECTOR, &on_v2());
    assert_eq!(facts.bool("docker.present"), Some(false));
}

#[test]
fn an_empty_tree_says_nothing_of_docker() {
    let facts = Tree::of(&[]).collect(&COLLECTOR, &Facts::default());
    assert!(matches!(facts.get("docker.present"), Some(Fact::Unreadable { .. })));
    assert!(matches!(facts.get("docker.running"), Some(Fact::Unreadable { .. })));
}

#[test]
fn a_bridge_counts_its_ports() {
    let tree = Tree::of(&[
        ("/usr/bin/dockerd", ""),
        ("/etc/docker/daemon.json", "{\"mtu\": 1400}"),
        ("/sys/class/net/docker0/mtu", "1500\n"),
        ("/sys/class/net/docker0/operstate", "down\n"),
        ("/sys/class/net/br-0a1b2c3d4e5f/mtu", "1500\n"),
        ("/sys/class/net/br-0a1b2c3d4e5f/brif/veth1/.keep", ""),
        ("/sys/class/net/eth0/mtu", "1450\n"),
    ]);
    let facts = tree.collect(&COLLECTOR, &on_v2());
    let bridges = facts.get("docker.bridges").and_then(Fact::list).unwrap();
    let seen: Vec<_> = bridges
        .iter()
        .map(|bridge| {
            let number = |name: &str| bridge.member(name).and_then(Fact::int);
            (bridge.member("name").and_then(Fact::text), number("mtu"), number("ports"))
        })
        .collect();
    assert_eq!(seen, [(Some("br-0a1b2c3d4e5f"), Some(1500), Some(1)), (Some("docker0"), Some(1400), Some(0))]);
}
