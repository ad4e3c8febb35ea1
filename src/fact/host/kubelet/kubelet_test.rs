//! The kubelet's effective settings out of whole host trees.

use super::tree_test::{Tree, members, place, reason};
use crate::fact::Fact;

const CONFIG: &str = "/var/lib/kubelet/config.yaml";

const KUBEADM: &str = "\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: true
authorization:
  mode: Webhook
cgroupDriver: systemd
featureGates:
  NodeSwap: true
  PodSecurity: true
memorySwap: {}
rotateCertificates: true
staticPodPath: /etc/kubernetes/manifests
";

/// The packages of a Debian node.
fn dpkg(version: &str) -> String {
    format!("Package: kubelet\nStatus: hold ok installed\nArchitecture: amd64\nVersion: {version}\n\n")
}

const UNIT: (&str, &str) = (
    "/lib/systemd/system/kubelet.service",
    "[Unit]\nDescription=kubelet\n[Service]\nExecStart=/usr/bin/kubelet\nRestart=always\n",
);

const DROP_IN: (&str, &str) = (
    "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
    "[Service]\nEnvironment=\"KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf\"\nEnvironment=\"KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml\"\nEnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env\nEnvironmentFile=-/etc/default/kubelet\nExecStart=\nExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS\n",
);

#[test]
fn a_host_with_nothing_of_kubernetes_has_no_kubelet() {
    let facts = Tree::with(&[("/etc/os-release", "ID=debian\n")]).facts();
    assert_eq!(facts.bool("kubelet.present"), Some(false));
    assert!(matches!(facts.get("kubelet.cgroup_driver"), Some(Fact::Absent { .. })));
    assert!(matches!(facts.get("node_role"), Some(Fact::Absent { .. })));
}

#[test]
fn leftovers_of_a_reset_are_no_kubelet() {
    let tree = Tree::with(&[
        ("/etc/cni/net.d/10-flannel.conflist", "{}"),
        ("/var/lib/etcd/member/snap/db", "x"),
        ("/etc/kubernetes/pki/ca.crt", "x"),
        ("/var/lib/kubelet/pki/kubelet.crt", "x"),
    ]);
    assert_eq!(tree.facts().bool("kubelet.present"), Some(false));
}

#[test]
fn the_file_that_omits_settings_takes_the_safe_defaults() {
    let tree = Tree::with(&[(CONFIG, "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n")]);
    tree.process(1200, "/usr/bin/kubelet", &["/usr/bin/kubelet", "--config=/var/lib/kubelet/config.yaml"]);
    let facts = tree.facts();
    assert_eq!(facts.bool("kubelet.authentication.anonymous.enabled"), Some(false));
    assert_eq!(facts.text("kubelet.authorization.mode"), Some("Webhook"));
    assert_eq!(facts.int("kubelet.read_only_port"), Some(0));
    assert_eq!(facts.text("kubelet.cgroup_driver"), Some("cgroupfs"));
    assert_eq!(place(&facts, "kubelet.cgroup_driver"), "default");
    assert_eq!(facts.bool("kubelet.fail_swap_on"), Some(true));
    assert!(matches!(facts.get("kubelet.swap_behavior"), Some(Fact::Absent { .. })));
}

#[test]
fn a_relative_path_is_meant_from_where_the_kubelet_runs() {
    let tree = Tree::with(&[("/srv/node/kubelet.yaml", KUBEADM), ("/srv/node/node.conf", "kind: Config\n")]);
    tree.process(1200, "/usr/bin/kubelet", &["/usr/bin/kubelet", "--config=kubelet.yaml", "--kubeconfig=node.conf"]);
    assert!(matches!(tree.facts().get("kubelet.authorization.mode"), Some(Fact::Unreadable { .. })));
    tree.link("/proc/1200/cwd", "/srv/node");
    let facts = tree.facts();
    assert_eq!(place(&facts, "kubelet.is_joined"), "/srv/node/node.conf");
    assert_eq!(place(&facts, "kubelet.authorization.mode"), "/srv/node/kubelet.yaml:9");
}

#[test]
fn flags_alone_take_the_legacy_defaults() {
    let tree = Tree::with(&[]);
    tree.process(1200, "/usr/bin/kubelet", &["/usr/bin/kubelet", "--kubeconfig=/etc/kubernetes/kubelet.conf"]);
    let facts = tree.facts();
    assert_eq!(facts.bool("kubelet.authentication.anonymous.enabled"), Some(true));
    assert_eq!(facts.bool("kubelet.authentication.webhook.enabled"), Some(false));
    assert_eq!(facts.text("kubelet.authorization.mode"), Some("AlwaysAllow"));
    assert_eq!(facts.int("kubelet.read_only_port"), Some(10_255));
}

#[test]
fn a_flag_wins_over_the_file_and_is_cited() {
    let tree = Tree::with(&[(CONFIG, KUBEADM)]);
    tree.process(
        1200,
        "/usr/bin/kubelet",
        &["/usr/bin/kubelet", "--config", CONFIG, "--cgroup-driver", "cgroupfs", "--feature-gates=NodeSwap=false"],
    );
    let facts = tree.facts();
    assert_eq!(facts.text("kubelet.cgroup_driver"), Some("cgroupfs"));
    assert_eq!(place(&facts, "kubelet.cgroup_driver"), "/proc/1200/cmdline");
    assert_eq!(members(&facts, "kubelet.feature_gate_settings", "setting"), ["NodeSwap=false", "PodSecurity=true"]);
    assert_eq!(place(&facts, "kubelet.authorization.mode"), "/var/lib/kubelet/config.yaml:9");
}

#[test]
fn drop_ins_merge_in_lexical_order_and_only_conf_files_count() {
    let head = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
    let tree = Tree::with(&[
        (CONFIG, KUBEADM),
        (
            "/etc/kubernetes/kubelet.conf.d/10-a.conf",
            &format!("{head}maxPods: 50\nfeatureGates:\n  PodSecurity: null\n"),
        ),
        (
            "/etc/kubernetes/kubelet.conf.d/20-b.conf",
            &format!("{head}maxPods: 60\nauthentication:\n  anonymous:\n    enabled: true\n"),
        ),
        ("/etc/kubernetes/kubelet.conf.d/30-c.conf.bak", &format!("{head}maxPods: 70\n")),
        ("/etc/kubernetes/kubelet.conf.d/README", "not yaml: ["),
    ]);
    tree.process(
        1200,
        "/usr/bin/kubelet",
        &["/usr/bin/kubelet", "--config=/var/lib/kubelet/config.yaml", "--config-dir=/etc/kubernetes/kubelet.conf.d"],
    );
    let facts = tree.facts();
    assert_eq!(facts.int("kubelet.max_pods"), Some(60));
    assert_eq!(place(&facts, "kubelet.max_pods"), "/etc/kubernetes/kubelet.conf.d/20-b.conf:3");
    assert_eq!(facts.bool("kubelet.authentication.anonymous.enabled"), Some(true));
    assert_eq!(facts.bool("kubelet.authentication.webhook.enabled"), Some(true), "the main file's key stays");
    assert_eq!(members(&facts, "kubelet.feature_gate_settings", "name"), ["NodeSwap"], "null deletes");
}

#[test]
fn a_drop_in_that_does_not_say_what_it_is_leaves_the_settings_unknown() {
    let tree = Tree::with(&[(CONFIG, KUBEADM), ("/k.d/10-a.conf", "maxPods: 50\n")]);
    tree.process(1200, "/usr/bin/kubelet", &["kubelet", "--config=/var/lib/kubelet/config.yaml", "--config-dir=/k.d"]);
    let facts = tree.facts();
    let why = reason(&facts, "kubelet.cgroup_driver").expect("unreadable");
    assert!(why.contains("/k.d/10-a.conf") && why.contains("apiVersion is missing"), "got {why}");
}

#[test]
fn an_unknown_version_or_kind_of_the_file_is_unknown_and_not_a_default() {
    for text in ["apiVersion: kubelet.config.k8s.io/v1alpha1\nkind: KubeletConfiguration\n", "kind: Pod\n", "a: [", ""]
    {
        let tree = Tree::with(&[(CONFIG, text)]);
        tree.process(1200, "/usr/bin/kubelet", &["kubelet", "--config=/var/lib/kubelet/config.yaml"]);
        let facts = tree.facts();
        assert!(reason(&facts, "kubelet.authentication.anonymous.enabled").is_some(), "{text:?}");
    }
}

#[test]
fn a_value_of_the_wrong_type_is_unknown() {
    let tree = Tree::with(&[(CONFIG, "failSwapOn: \"false\"\nreadOnlyPort: none\n")]);
    tree.process(1200, "/usr/bin/kubelet", &["kubelet", "--config=/var/lib/kubelet/config.yaml"]);
    let facts = tree.facts();
    assert_eq!(reason(&facts, "kubelet.fail_swap_on"), Some("line 1: failSwapOn has a value of the wrong type"));
    assert!(reason(&facts, "kubelet.read_only_port").is_some());
}

#[test]
fn kubeadms_unit_is_put_together_from_its_files() {
    let tree = Tree::with(&[
        UNIT,
        DROP_IN,
        (CONFIG, KUBEADM),
        ("/etc/kubernetes/kubelet.conf", "apiVersion: v1\nkind: Config\n"),
        (
            "/var/lib/kubelet/kubeadm-flags.env",
            "KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=unix:///run/containerd/containerd.sock --pod-infra-container-image=registry.k8s.io/pause:3.9\"\n",
        ),
        ("/etc/default/kubelet", "KUBELET_EXTRA_ARGS=--node-labels=node-role.kubernetes.io/edge=,zone=a\n"),
        ("/var/lib/dpkg/status", &dpkg("1.29.4-2.1")),
    ]);
    let facts = tree.facts();
    assert_eq!(facts.bool("kubelet.present"), Some(true));
    assert_eq!(facts.text("kubelet.distribution"), Some("kubeadm"));
    assert_eq!(facts.text("kubelet.version"), Some("1.29.4"));
    assert_eq!(facts.bool("kubelet.is_joined"), Some(true));
    assert_eq!(facts.text("kubelet.config_path"), Some(CONFIG));
    assert_eq!(facts.text("kubelet.endpoint"), Some("unix:///run/containerd/containerd.sock"));
    assert!(members(&facts, "kubelet.flags", "name").contains(&"pod-infra-container-image".to_owned()));
    assert_eq!(members(&facts, "kubelet.node_labels", "name"), ["node-role.kubernetes.io/edge", "zone"]);
    assert_eq!(facts.bool("kubelet.asks_cri_for_cgroup_driver"), Some(false));
    assert_eq!(facts.bool("kubelet.fail_cgroup_v1"), Some(false));
}

#[test]
fn kubeadms_files_alone_tell_the_command() {
    let tree = Tree::with(&[
        (CONFIG, KUBEADM),
        ("/var/lib/kubelet/kubeadm-flags.env", "KUBELET_KUBEADM_ARGS=\"--network-plugin=cni\"\n"),
        ("/var/lib/dpkg/status", &dpkg("1.23.17-1.1")),
    ]);
    let facts = tree.facts();
    assert_eq!(facts.text("kubelet.cgroup_driver"), Some("systemd"));
    assert_eq!(facts.text("kubelet.network_plugin"), Some("cni"));
    assert_eq!(place(&facts, "kubelet.network_plugin"), "/var/lib/kubelet/kubeadm-flags.env:1");
    assert_eq!(facts.text("kubelet.endpoint"), Some("unix:///var/run/dockershim.sock"));
    assert!(reason(&facts, "kubelet.running").is_some(), "no process was recorded");
}

#[test]
fn a_bare_unit_without_kubeadms_files_is_no_kubelet_on_legacy_defaults() {
    let facts = Tree::with(&[UNIT]).facts();
    assert_eq!(facts.bool("kubelet.present"), Some(true));
    assert!(reason(&facts, "kubelet.authentication.anonymous.enabled").is_some());
}

#[test]
fn a_binary_alone_is_a_kubelet_whose_settings_are_unknown() {
    let facts = Tree::with(&[("/usr/bin/kubelet", "\u{7f}ELF")]).facts();
    assert_eq!(facts.bool("kubelet.present"), Some(true));
    assert!(reason(&facts, "kubelet.read_only_port").is_some());
    assert!(reason(&facts, "kubelet.version").is_some());
    assert_eq!(facts.bool("kubelet.is_joined"), Some(false));
}

#[test]
fn a_missing_configuration_file_is_unknown_and_not_a_default() {
    let tree = Tree::with(&[]);
    tree.process(1200, "/usr/bin/kubelet", &["kubelet", "--config=/var/lib/kubelet/config.yaml"]);
    let facts = tree.facts();
    assert_eq!(reason(&facts, "kubelet.cgroup_driver"), Some("read /var/lib/kubelet/config.yaml: no such file"));
}

#[test]
fn an_installed_package_says_nothing_of_a_kubelet_put_there_by_hand() {
    let status = "Package: kubelet\nStatus: install ok installed\nVersion: 1.29.3-1.1\n";
    let tree = Tree::with(&[("/var/lib/dpkg/status", status)]);
    tree.process(1200, "/usr/bin/kubelet", &["kubelet", "--kubeconfig=/k"]);
    assert_eq!(tree.facts().text("kubelet.version"), Some("1.29.3"));
    tree.process(1200, "/usr/local/bin/kubelet", &["kubelet", "--kubeconfig=/k"]);
    assert_eq!(tree.facts().text("kubelet.version"), None);
}

#[test]
fn a_replaced_binary_is_seen() {
    let tree = Tree::with(&[]);
    tree.process(1200, "/usr/bin/kubelet (deleted)", &["/usr/bin/kubelet", "--kubeconfig=/k"]);
    let facts = tree.facts();
    assert_eq!(facts.bool("kubelet.is_binary_replaced"), Some(true));
    assert_eq!(facts.int("kubelet.pid"), Some(1200));
}

#[test]
fn the_courses_unit_for_crio_has_an_endpoint_without_a_scheme() {
    let unit = "[Service]\nExecStart=/k8s/kubernetes/bin/kubelet $KUBELET_OPTS --container-runtime=remote --container-runtime-endpoint=/var/run/crio/crio.sock --cgroup-driver=systemd\n";
    let facts = Tree::with(&[("/lib/systemd/system/kubelet.service", unit)]).facts();
    assert_eq!(facts.text("kubelet.endpoint"), Some("unix:///var/run/crio/crio.sock"));
    assert_eq!(facts.text("kubelet.endpoint_setting"), Some("/var/run/crio/crio.sock"));
    assert_eq!(facts.text("kubelet.container_runtime"), Some("remote"));
    assert_eq!(facts.text("kubelet.cgroup_driver"), Some("systemd"));
}

#[test]
fn rke2_tells_its_version_by_its_folder_and_its_flags_are_built_in() {
    let conf = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\ncgroupDriver: systemd\n";
    let tree = Tree::with(&[
        ("/etc/rancher/rke2/config.yaml", "server: https://10.0.0.1:9345\nkubelet-arg: [max-pods=200]\n"),
        ("/var/lib/rancher/rke2/agent/etc/kubelet.conf.d/00-rke2-defaults.conf", conf),
    ]);
    tree.process(
        1000,
        "/var/lib/rancher/rke2/data/v1.34.2-rke2r1-5ab0ee9ccaba/bin/kubelet",
        &[
            "kubelet",
            "--config-dir=/var/lib/rancher/rke2/agent/etc/kubelet.conf.d",
            "--containerd=/run/k3s/containerd/containerd.sock",
            "--max-pods=200",
        ],
    );
    let facts = tree.facts();
    assert_eq!(facts.text("kubelet.version"), Some("1.34.2+rke2r1"));
    assert_eq!(facts.text("kubelet.distribution"), Some("rke2"));
    assert_eq!(facts.text("kubelet.endpoint"), Some("unix:///run/k3s/containerd/containerd.sock"));
    assert_eq!(facts.bool("kubelet.authentication.anonymous.enabled"), Some(false));
    let built_in: Vec<Option<bool>> = facts
        .get("kubelet.flags")
        .and_then(Fact::list)
        .unwrap()
        .iter()
        .map(|flag| flag.member("is_built_in").and_then(Fact::bool))
        .collect();
    assert_eq!(built_in, [Some(true), Some(true), Some(false)]);
}

#[test]
fn k3s_carries_the_kubelet_with_the_arguments_that_it_is_told() {
    let tree = Tree::with(&[(
        "/etc/rancher/k3s/config.yaml",
        "kubelet-arg:\n- anonymous-auth=true\n- read-only-port=10255\n",
    )]);
    tree.process(900, "/var/lib/rancher/k3s/data/abc/bin/k3s", &["/usr/local/bin/k3s", "server"]);
    let facts = tree.facts();
    assert_eq!(facts.bool("kubelet.running"), Some(true));
    assert_eq!(facts.bool("kubelet.authentication.anonymous.enabled"), Some(true));
    assert_eq!(place(&facts, "kubelet.read_only_port"), "/etc/rancher/k3s/config.yaml:3");
    assert_eq!(facts.bool("kubelet.fail_swap_on"), Some(false));
    assert_eq!(facts.text("node_role"), Some("control-plane"));
}

#[test]
fn microk8s_keeps_the_arguments_in_a_file() {
    let tree = Tree::with(&[(
        "/var/snap/microk8s/current/args/kubelet",
        "--anonymous-auth=false\n--authorization-mode=Webhook\n--read-only-port=0\n",
    )]);
    tree.process(700, "/snap/microk8s/6089/kubelite", &["/snap/microk8s/6089/kubelite", "--kubelet-args-file=/x"]);
    let facts = tree.facts();
    assert_eq!(facts.text("kubelet.distribution"), Some("microk8s"));
    assert_eq!(facts.bool("kubelet.running"), Some(true));
    assert_eq!(facts.bool("kubelet.authentication.anonymous.enabled"), Some(false));
    assert_eq!(place(&facts, "kubelet.authorization.mode"), "/var/snap/microk8s/current/args/kubelet:2");
}

#[test]
fn defaults_turn_with_the_version() {
    for (version, fails, asks) in
        [("1.34.2-1.1", false, true), ("1.35.0-1.1", true, true), ("1.30.2-1.1", false, false)]
    {
        let facts = Tree::with(&[(CONFIG, KUBEADM), ("/var/lib/dpkg/status", &dpkg(version))]).facts();
        assert_eq!(facts.bool("kubelet.fail_cgroup_v1"), Some(fails), "{version}");
        assert_eq!(facts.bool("kubelet.asks_cri_for_cgroup_driver"), Some(asks), "{version}");
    }
    let facts = Tree::with(&[(CONFIG, KUBEADM)]).facts();
    assert!(reason(&facts, "kubelet.fail_cgroup_v1").is_some());
    assert!(reason(&facts, "kubelet.endpoint").is_some());
}

#[test]
fn openshifts_kubelet_is_told_apart() {
    let unit = "[Service]\nExecStart=/usr/local/bin/kubenswrapper /usr/bin/kubelet --config=/etc/kubernetes/kubelet.conf --node-labels=node.openshift.io/os_id=rhcos\n";
    let tree = Tree::with(&[("/etc/systemd/system/kubelet.service", unit), ("/etc/kubernetes/kubelet.conf", KUBEADM)]);
    let facts = tree.facts();
    assert_eq!(facts.text("kubelet.distribution"), Some("openshift"));
    assert_eq!(facts.text("kubelet.cgroup_driver"), Some("systemd"));
}

#[test]
fn hostile_contents_are_unknown_and_nothing_breaks() {
    let nested = "[".repeat(100_000);
    for text in ["\u{0}\u{1}\u{fffd}", nested.as_str(), "a: &a [*a]\n", "cgroupDriver: 99999999999999999999999\n"] {
        let tree = Tree::with(&[
            (CONFIG, text),
            ("/var/lib/kubelet/kubeadm-flags.env", text),
            ("/etc/kubernetes/manifests/kube-apiserver.yaml", text),
            ("/etc/kubernetes/admin.conf", text),
            ("/etc/rancher/k3s/config.yaml", ""),
        ]);
        tree.process(1200, "/usr/bin/kubelet", &["kubelet", "--config=/var/lib/kubelet/config.yaml"]);
        let facts = tree.facts();
        assert!(facts.bool("kubelet.present") == Some(true));
        assert!(facts.text("kubelet.cgroup_driver").is_none(), "{:?}", facts.get("kubelet.cgroup_driver"));
    }
}
