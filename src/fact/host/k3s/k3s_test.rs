//! k3s and RKE2 out of whole host trees.

use crate::fact::Fact;
use crate::fact::host::kubelet::tree_test::{Tree, members, place, reason};

/// The unit as the installer writes it.
const UNIT: &str = "[Service]\nType=notify\nEnvironmentFile=-/etc/default/%N\nEnvironmentFile=-/etc/systemd/system/k3s.service.env\nExecStart=/usr/local/bin/k3s \\\n    server \\\n\t'--docker' \\\n\t'--flannel-backend=ipsec' \\\n\n";

const UNIT_PATH: &str = "/etc/systemd/system/k3s.service";
const ENVIRONMENT: &str = "/etc/systemd/system/k3s.service.env";

#[test]
fn the_installers_unit_tells_role_and_options() {
    let facts = Tree::with(&[(UNIT_PATH, UNIT), ("/var/lib/rancher/k3s/server/db/state.db", "SQLite")]).facts();
    assert_eq!(facts.text("k3s.role"), Some("server"));
    assert_eq!(facts.bool("k3s.docker"), Some(true));
    assert_eq!(facts.text("k3s.flannel_backend"), Some("ipsec"));
    assert_eq!(facts.text("k3s.datastore"), Some("sqlite"));
    assert_eq!(facts.bool("k3s.token_is_set"), Some(false));
    assert!(reason(&facts, "k3s.version").is_some());
    assert_eq!(facts.text("kubelet.endpoint"), Some("unix:///run/k3s/cri-dockerd/cri-dockerd.sock"));
}

#[test]
fn an_agents_unit_has_no_data_store() {
    let unit = UNIT.replace("server", "agent");
    let facts = Tree::with(&[("/etc/systemd/system/k3s-agent.service", &unit)]).facts();
    assert_eq!(facts.text("k3s.role"), Some("agent"));
    assert!(matches!(facts.get("k3s.datastore"), Some(Fact::Absent { .. })));
    assert!(matches!(facts.get("k3s.flannel_backend"), Some(Fact::Absent { .. })));
}

#[test]
fn the_courses_token_is_weak_and_never_shown() {
    let environment = "K3S_TOKEN='k3s_token'\nK3S_DATASTORE_ENDPOINT='http://10.0.0.5:2379,http://10.0.0.6:2379'\n";
    let tree = Tree::with(&[(UNIT_PATH, UNIT), (ENVIRONMENT, environment)]);
    tree.chmod(ENVIRONMENT, 0o600);
    let facts = tree.facts();
    assert_eq!(facts.text("k3s.token_weakness"), Some("short"));
    assert_eq!(place(&facts, "k3s.token_weakness"), "/etc/systemd/system/k3s.service.env:1");
    assert_eq!(facts.bool("k3s.token_is_exposed"), Some(false));
    assert_eq!(facts.text("k3s.datastore"), Some("external"));
    assert_eq!(members(&facts, "etcd.urls", "url"), ["http://10.0.0.5:2379", "http://10.0.0.6:2379"]);
    let shown = serde_json::to_string(&facts).unwrap();
    assert!(!shown.contains("k3s_token"), "the token became a value");
}

#[test]
fn a_password_of_an_external_data_store_never_becomes_a_value() {
    let environment = "K3S_DATASTORE_ENDPOINT='mysql://root:hunter2@tcp(10.0.0.5:3306)/k3s'\n";
    let facts = Tree::with(&[(UNIT_PATH, UNIT), (ENVIRONMENT, environment)]).facts();
    assert_eq!(facts.text("k3s.datastore"), Some("external"));
    assert!(!serde_json::to_string(&facts).unwrap().contains("hunter2"));
}

#[test]
fn a_strong_token_is_exposed_where_others_may_read_it() {
    let environment = "K3S_TOKEN=4c1f0e7b9d2a86533f7708c9b1d4e2a0\n";
    for (mode, is_exposed) in [(0o644, true), (0o600, false)] {
        let tree = Tree::with(&[(UNIT_PATH, UNIT), (ENVIRONMENT, environment)]);
        tree.chmod(ENVIRONMENT, mode);
        let facts = tree.facts();
        assert!(matches!(facts.get("k3s.token_weakness"), Some(Fact::Absent { .. })));
        assert_eq!(facts.bool("k3s.token_is_exposed"), Some(is_exposed), "{mode:o}");
    }
    let unit = UNIT.replace("--docker", "--token=4c1f0e7b9d2a86533f7708c9b1d4e2a0");
    let facts = Tree::with(&[(UNIT_PATH, &unit)]).facts();
    assert_eq!(facts.bool("k3s.token_is_exposed"), Some(true));
}

#[test]
fn the_command_line_wins_over_the_configuration_and_that_over_the_environment() {
    let tree = Tree::with(&[
        (ENVIRONMENT, "K3S_NODE_NAME=from-environment\nK3S_FLANNEL_BACKEND=vxlan\n"),
        ("/etc/rancher/k3s/config.yaml", "flannel-backend: host-gw\nnode-name: from-file\n"),
        ("/etc/rancher/k3s/config.yaml.d/10-name.yaml", "node-name: from-drop-in\n"),
    ]);
    tree.process(900, "/usr/local/bin/k3s", &["/usr/local/bin/k3s", "server", "--flannel-backend=wireguard-native"]);
    let facts = tree.facts();
    assert_eq!(facts.text("k3s.flannel_backend"), Some("wireguard-native"));
    assert_eq!(facts.text("kubelet.node_name"), Some("from-drop-in"));
}

#[test]
fn a_server_that_joins_has_embedded_etcd() {
    let config = "server: https://10.0.0.1:6443\ntls-san: [k.example.org]\n";
    let facts = Tree::with(&[(UNIT_PATH, UNIT), ("/etc/rancher/k3s/config.yaml", config)]).facts();
    assert_eq!(facts.text("k3s.role"), Some("server"));
    assert_eq!(facts.text("k3s.datastore"), Some("etcd"));
}

#[test]
fn no_trace_of_the_data_store_is_unknown_and_not_sqlite() {
    let facts = Tree::with(&[(UNIT_PATH, UNIT)]).facts();
    assert!(reason(&facts, "k3s.datastore").is_some());
}

#[test]
fn a_configuration_that_is_broken_leaves_the_options_unknown() {
    let facts = Tree::with(&[(UNIT_PATH, UNIT), ("/etc/rancher/k3s/config.yaml", "token: [\n")]).facts();
    assert_eq!(facts.bool("k3s.present"), Some(true));
    assert!(reason(&facts, "k3s.docker").is_some_and(|why| why.contains("config.yaml")));
    assert!(reason(&facts, "kubelet.read_only_port").is_some());
}

#[test]
fn rke2_servers_have_etcd_and_agents_are_told_by_their_unit() {
    let unit = |role: &str| format!("[Service]\nExecStart=/usr/local/bin/rke2 {role}\n");
    let facts = Tree::with(&[("/usr/local/lib/systemd/system/rke2-server.service", &unit("server"))]).facts();
    assert_eq!(facts.text("k3s.datastore"), Some("etcd"));
    let facts = Tree::with(&[("/usr/local/lib/systemd/system/rke2-agent.service", &unit("agent"))]).facts();
    assert_eq!(facts.text("k3s.role"), Some("agent"));
}
