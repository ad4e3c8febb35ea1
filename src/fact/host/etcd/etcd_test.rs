//! etcd out of whole host trees.

use crate::fact::Fact;
use crate::fact::host::kubelet::tree_test::{Tree, members, place, reason};

/// The course's unit, its flags given twice.
const UNIT: &str = "\
[Unit]
Description=etcd
[Service]
Type=notify
ExecStart=/usr/bin/etcd --name etcd1 \\
  --heartbeat-interval 300 \\
  --election-timeout 1500 \\
  --initial-advertise-peer-urls http://10.0.0.5:2380 \\
  --listen-peer-urls http://10.0.0.5:2380 \\
  --listen-client-urls http://10.0.0.5:2379,http://127.0.0.1:2379 \\
  --advertise-client-urls http://10.0.0.5:2379 \\
  --data-dir /var/lib/etcd \\
  --initial-cluster etcd1=http://10.0.0.5:2380,etcd2=http://10.0.0.6:2380,etcd3=http://10.0.0.7:2380 \\
  --initial-cluster-state new \\
  --heartbeat-interval=100 \\
  --election-timeout=500 \\
  --auto-compaction-retention=1 \\
  --quota-backend-bytes=171798691840
";

const STATIC_POD: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: etcd
  namespace: kube-system
spec:
  containers:
  - command:
    - etcd
    - --advertise-client-urls=https://10.0.0.5:2379
    - --client-cert-auth=true
    - --listen-client-urls=https://127.0.0.1:2379,https://10.0.0.5:2379
    - --listen-metrics-urls=http://127.0.0.1:2381
    - --initial-cluster=m1=https://10.0.0.5:2380
    - --trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt
    image: registry.k8s.io/etcd:3.5.24-0
    name: etcd
";

#[test]
fn the_courses_unit_is_plaintext_with_flags_given_twice() {
    let facts = Tree::with(&[("/etc/systemd/system/etcd.service", UNIT)]).facts();
    assert_eq!(facts.text("etcd.kind"), Some("unit"));
    let plaintext: Vec<Option<bool>> = facts
        .get("etcd.urls")
        .and_then(Fact::list)
        .unwrap()
        .iter()
        .map(|url| url.member("is_plaintext").and_then(Fact::bool))
        .collect();
    assert_eq!(plaintext, [Some(true), Some(false), Some(true), Some(true), Some(true)]);
    assert_eq!(members(&facts, "etcd.duplicate_flags", "name"), ["election-timeout", "heartbeat-interval"]);
    assert_eq!(facts.int("etcd.heartbeat_interval"), Some(100));
    assert_eq!(facts.int("etcd.election_timeout"), Some(500));
    assert_eq!(facts.int("etcd.quota_backend_bytes"), Some(171_798_691_840));
    assert_eq!(facts.get("etcd.initial_members").and_then(Fact::list).map(<[Fact]>::len), Some(3));
    assert_eq!(facts.bool("etcd.client_cert_auth"), Some(false));
    assert_eq!(facts.bool("etcd.listens_beyond_host"), Some(true));
}

#[test]
fn kubeadms_static_pod_is_encrypted_and_its_metrics_do_not_count() {
    let facts = Tree::with(&[("/etc/kubernetes/manifests/etcd.yaml", STATIC_POD)]).facts();
    assert_eq!(facts.text("etcd.version"), Some("3.5.24"));
    assert_eq!(place(&facts, "etcd.version"), "/etc/kubernetes/manifests/etcd.yaml:16");
    assert!(members(&facts, "etcd.urls", "url").iter().all(|url| url.starts_with("https://")));
    assert_eq!(facts.bool("etcd.client_cert_auth"), Some(true));
    assert_eq!(facts.int("etcd.quota_backend_bytes"), Some(2_147_483_648));
    assert_eq!(place(&facts, "etcd.quota_backend_bytes"), "default");
}

#[test]
fn a_ca_alone_makes_the_clients_certificate_mandatory() {
    let pod = STATIC_POD.replace("    - --client-cert-auth=true\n", "");
    let facts = Tree::with(&[("/etc/kubernetes/manifests/etcd.yaml", &pod)]).facts();
    assert_eq!(facts.bool("etcd.client_cert_auth"), Some(true));
}

#[test]
fn kubeadms_second_member_does_not_know_how_many_there_are() {
    let pod = STATIC_POD.replace(
        "--initial-cluster=m1=https://10.0.0.5:2380",
        "--initial-cluster=m1=https://10.0.0.5:2380,m2=https://10.0.0.6:2380\n    - --initial-cluster-state=existing",
    );
    let facts = Tree::with(&[("/etc/kubernetes/manifests/etcd.yaml", &pod)]).facts();
    assert!(reason(&facts, "etcd.initial_members").is_some());
}

#[test]
fn a_configuration_file_makes_etcd_ignore_flags_and_environment() {
    let unit = "[Service]\nEnvironment=ETCD_QUOTA_BACKEND_BYTES=17179869184\nExecStart=/opt/etcd-v3.5.24-linux-amd64/etcd --config-file=/etc/etcd/etcd.yml --heartbeat-interval=900\n";
    let config = "listen-client-urls: http://0.0.0.0:2379\nheartbeat-interval: 200\n";
    let facts = Tree::with(&[("/etc/systemd/system/etcd.service", unit), ("/etc/etcd/etcd.yml", config)]).facts();
    assert_eq!(facts.int("etcd.heartbeat_interval"), Some(200));
    assert_eq!(place(&facts, "etcd.heartbeat_interval"), "/etc/etcd/etcd.yml:2");
    assert_eq!(facts.int("etcd.quota_backend_bytes"), Some(2_147_483_648));
    assert_eq!(members(&facts, "etcd.urls", "url"), ["http://0.0.0.0:2379"]);
}

#[test]
fn the_packages_environment_file_counts() {
    let unit = "[Service]\nEnvironmentFile=-/etc/etcd/etcd.conf\nExecStart=/usr/bin/etcd\n";
    let environment = "ETCD_LISTEN_CLIENT_URLS=\"http://0.0.0.0:2379\"\nETCD_ELECTION_TIMEOUT=300\n";
    let facts =
        Tree::with(&[("/usr/lib/systemd/system/etcd.service", unit), ("/etc/etcd/etcd.conf", environment)]).facts();
    assert_eq!(facts.int("etcd.election_timeout"), Some(300));
    assert_eq!(place(&facts, "etcd.election_timeout"), "/etc/etcd/etcd.conf:2");
    assert_eq!(facts.bool("etcd.listens_beyond_host"), Some(true));
}

#[test]
fn data_left_behind_is_no_etcd() {
    let facts = Tree::with(&[("/var/lib/etcd/member/snap/db", "x")]).facts();
    assert_eq!(facts.bool("etcd.present"), Some(false));
}

#[test]
fn k3s_embedded_etcd_has_a_configuration_file() {
    let config = "advertise-client-urls: https://10.0.0.5:2379\nlisten-client-urls: https://127.0.0.1:2379,https://10.0.0.5:2379\nclient-transport-security:\n  client-cert-auth: true\n  trusted-ca-file: /ca.crt\n";
    let tree = Tree::with(&[
        ("/etc/rancher/k3s/config.yaml", "cluster-init: true\n"),
        ("/var/lib/rancher/k3s/server/db/etcd/config", config),
    ]);
    let facts = tree.facts();
    assert_eq!(facts.text("etcd.kind"), Some("k3s"));
    assert_eq!(facts.bool("etcd.client_cert_auth"), Some(true));
    assert!(reason(&facts, "etcd.version").is_some());
}

#[test]
fn an_installed_package_says_nothing_of_an_etcd_put_there_by_hand() {
    let status = "Package: etcd-server\nStatus: install ok installed\nVersion: 3.4.23-4\n";
    let tree = Tree::with(&[("/var/lib/dpkg/status", status)]);
    tree.process(900, "/usr/bin/etcd", &["etcd", "--data-dir=/d"]);
    assert_eq!(tree.facts().text("etcd.version"), Some("3.4.23"));
    tree.process(900, "/usr/local/bin/etcd", &["etcd", "--data-dir=/d"]);
    assert_eq!(
        reason(&tree.facts(), "etcd.version"),
        Some("tell the version of /usr/local/bin/etcd: no package installed it")
    );
    tree.process(900, "/opt/etcd-v3.5.21-linux-amd64/etcd", &["etcd", "--data-dir=/d"]);
    assert_eq!(tree.facts().text("etcd.version"), Some("3.5.21"));
    let unit = "[Service]\nExecStart=/opt/etcd/etcd --data-dir=/d\n";
    let facts = Tree::with(&[("/var/lib/dpkg/status", status), ("/etc/systemd/system/etcd.service", unit)]).facts();
    assert_eq!(facts.text("etcd.version"), None);
}
