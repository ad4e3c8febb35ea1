//! The control plane out of whole host trees.

use crate::fact::Fact;
use crate::fact::host::kubelet::tree_test::{Tree, members, place, reason};

const APISERVER: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: kube-apiserver
  namespace: kube-system
spec:
  containers:
  - command:
    - kube-apiserver
    - --advertise-address=10.0.0.5
    - --insecure-port=0
    - --feature-gates=RemoveSelfLink=false,TTLAfterFinished=true
    image: registry.example.org:5000/kube-apiserver:v1.23.8
    name: kube-apiserver
";

const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";

#[test]
fn a_static_pod_tells_version_flags_and_gates_with_their_lines() {
    let facts = Tree::with(&[(MANIFEST, APISERVER), ("/etc/kubernetes/kubelet.conf", "kind: Config\n")]).facts();
    assert_eq!(facts.bool("control_plane.present"), Some(true));
    assert_eq!(facts.text("control_plane.version"), Some("1.23.8"));
    assert_eq!(members(&facts, "control_plane.flags", "name"), ["advertise-address", "insecure-port", "feature-gates"]);
    assert_eq!(
        members(&facts, "control_plane.feature_gates", "setting"),
        ["RemoveSelfLink=false", "TTLAfterFinished=true"]
    );
    let flags = facts.get("control_plane.flags").and_then(Fact::list).unwrap();
    let source = flags[1].source().unwrap();
    assert_eq!(*source, crate::fact::Source::line(MANIFEST, 11));
    assert_eq!(facts.text("node_role"), Some("control-plane"));
}

#[test]
fn a_backup_beside_the_manifest_is_run_too() {
    let tree = Tree::with(&[
        (MANIFEST, &APISERVER.replace("RemoveSelfLink=false,", "")),
        ("/etc/kubernetes/manifests/kube-apiserver.yaml.bak", APISERVER),
        ("/etc/kubernetes/manifests/.kube-apiserver.yaml.swp", "b0VIM\u{0}"),
    ]);
    let facts = tree.facts();
    assert_eq!(members(&facts, "control_plane.components", "name"), ["kube-apiserver", "kube-apiserver"]);
    assert!(members(&facts, "control_plane.feature_gates", "name").contains(&"RemoveSelfLink".to_owned()));
}

#[test]
fn a_broken_manifest_is_unknown_and_still_a_control_plane() {
    let facts = Tree::with(&[(MANIFEST, "kind: [")]).facts();
    assert_eq!(facts.bool("control_plane.present"), Some(true));
    assert_eq!(members(&facts, "control_plane.flags", "name"), ["?"]);
    assert!(reason(&facts, "control_plane.version").is_some());
}

#[test]
fn a_worker_has_an_empty_manifests_folder() {
    let tree =
        Tree::with(&[("/etc/kubernetes/manifests/.keep", ""), ("/etc/kubernetes/kubelet.conf", "kind: Config\n")]);
    let facts = tree.facts();
    assert_eq!(facts.bool("control_plane.present"), Some(false));
    assert_eq!(facts.text("node_role"), Some("worker"));
}

#[test]
fn a_folder_that_was_not_recorded_makes_no_worker() {
    let facts = Tree::with(&[("/etc/kubernetes/kubelet.conf", "kind: Config\n")]).facts();
    assert_eq!(facts.bool("control_plane.present"), Some(false));
    assert!(reason(&facts, "node_role").is_some());
}

#[test]
fn an_image_by_digest_has_no_version() {
    let image = "registry.k8s.io/kube-apiserver@sha256:0123456789abcdef";
    let facts =
        Tree::with(&[(MANIFEST, &APISERVER.replace("registry.example.org:5000/kube-apiserver:v1.23.8", image))])
            .facts();
    assert!(reason(&facts, "control_plane.version").is_some_and(|why| why.contains("kube-apiserver")));
}

#[test]
fn a_unit_of_a_cluster_set_up_by_hand_counts() {
    let unit = "[Service]\nExecStart=/opt/k8s/bin/kube-apiserver \\\n  --insecure-port=8080 \\\n  --etcd-servers=http://10.0.0.6:2379\n";
    let facts = Tree::with(&[("/etc/systemd/system/kube-apiserver.service", unit)]).facts();
    assert_eq!(members(&facts, "control_plane.components", "kind"), ["unit"]);
    assert_eq!(members(&facts, "etcd.urls", "url"), ["http://10.0.0.6:2379"]);
    assert_eq!(facts.bool("etcd.present"), Some(false));
}

#[test]
fn k3s_passes_arguments_on_to_its_components() {
    let config = "kube-apiserver-arg:\n- feature-gates=RemoveSelfLink=false\n";
    let facts =
        Tree::with(&[("/etc/rancher/k3s/config.yaml", config), ("/etc/rancher/k3s/k3s.yaml", "kind: Config\n")])
            .facts();
    assert_eq!(members(&facts, "control_plane.feature_gates", "setting"), ["RemoveSelfLink=false"]);
    assert_eq!(facts.text("control_plane.distribution"), Some("k3s"));
}

#[test]
fn kubeconfigs_show_their_permissions() {
    let tree = Tree::with(&[
        (MANIFEST, APISERVER),
        ("/etc/kubernetes/admin.conf", "kind: Config\n"),
        ("/etc/kubernetes/super-admin.conf", "kind: Config\n"),
    ]);
    tree.chmod("/etc/kubernetes/admin.conf", 0o600);
    tree.chmod("/etc/kubernetes/super-admin.conf", 0o644);
    let facts = tree.facts();
    let kubeconfigs = facts.get("control_plane.admin_kubeconfigs").and_then(Fact::list).unwrap();
    let exposed: Vec<Option<bool>> =
        kubeconfigs.iter().map(|kubeconfig| kubeconfig.member("is_readable_by_others").and_then(Fact::bool)).collect();
    assert_eq!(exposed, [Some(false), Some(true)]);
    assert_eq!(members(&facts, "control_plane.admin_kubeconfigs", "mode"), ["0600", "0644"]);
}

#[test]
fn the_mode_that_k3s_will_give_counts_beside_the_mode_of_today() {
    let tree = Tree::with(&[
        ("/etc/rancher/k3s/k3s.yaml", "kind: Config\n"),
        ("/etc/systemd/system/k3s.service", "[Service]\nExecStart=/usr/local/bin/k3s server\n"),
        ("/etc/systemd/system/k3s.service.env", "K3S_KUBECONFIG_MODE=\"644\"\n"),
    ]);
    tree.chmod("/etc/rancher/k3s/k3s.yaml", 0o600);
    let facts = tree.facts();
    assert_eq!(members(&facts, "control_plane.admin_kubeconfigs", "mode"), ["0600", "0644"]);
}

#[test]
fn certificates_are_those_in_use() {
    let pem = include_str!("certificate/client.pem");
    let kubelet_conf = "users:\n- user:\n    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem\n";
    let tree = Tree::with(&[
        (MANIFEST, APISERVER),
        ("/var/lib/kubelet/config.yaml", "kind: KubeletConfiguration\nrotateCertificates: true\n"),
        ("/etc/kubernetes/kubelet.conf", kubelet_conf),
        ("/var/lib/kubelet/pki/kubelet-client-current.pem", pem),
        ("/var/lib/kubelet/pki/kubelet-client-2025-01-01-00-00-00.pem", pem),
        ("/etc/kubernetes/pki/apiserver.crt", pem),
        ("/etc/kubernetes/pki/apiserver.key", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"),
        ("/etc/kubernetes/pki/etcd/ca.crt", "garbage"),
    ]);
    let facts = tree.facts();
    assert_eq!(members(&facts, "certificate.kubelet", "path"), ["/var/lib/kubelet/pki/kubelet-client-current.pem"]);
    assert_eq!(members(&facts, "certificate.kubelet", "not_after"), ["2027-10-01T00:00:00Z"]);
    assert_eq!(members(&facts, "certificate.kubelet", "rotation_deadline"), ["2027-08-25T12:00:00Z"]);
    assert_eq!(members(&facts, "certificate.control_plane", "path"), ["/etc/kubernetes/pki/apiserver.crt", "?"]);
    assert_eq!(place(&facts, "control_plane.present"), MANIFEST);
}

#[test]
fn a_worker_has_no_certificates_of_the_control_plane() {
    let tree = Tree::with(&[
        ("/etc/kubernetes/kubelet.conf", "kind: Config\n"),
        ("/etc/kubernetes/manifests/.keep", ""),
        ("/etc/kubernetes/pki/ca.crt", include_str!("certificate/client.pem")),
    ]);
    assert!(matches!(tree.facts().get("certificate.control_plane"), Some(Fact::Absent { .. })));
}
