//! The facts of the kubelet: their names, types and meanings.
//!
//! All of them are effective values: what the running kubelet works with, or
//! would work with if it were started now.

use crate::fact::catalogue::{FactDoc, Field, Type};

/// A flag that a component was given.
pub(in crate::fact::host) const FLAG: Type = Type::Object(&[
    Field::new("name", Type::Text, "name without dashes, such as `cgroup-driver`"),
    Field::new("value", Type::Text, "value; `true` for a flag that stands alone"),
    Field::new("setting", Type::Text, "as it would be typed: `--cgroup-driver=systemd`"),
]);

/// A flag of the kubelet.
const KUBELET_FLAG: Type = Type::Object(&[
    Field::new("name", Type::Text, "name without dashes, such as `cgroup-driver`"),
    Field::new("value", Type::Text, "value; `true` for a flag that stands alone"),
    Field::new("setting", Type::Text, "as it would be typed: `--cgroup-driver=systemd`"),
    Field::new("is_built_in", Type::Bool, "RKE2 passes it by itself, and its next release may not"),
]);

/// A feature gate that a component was given.
const GATE: Type = Type::Object(&[
    Field::new("name", Type::Text, "name of the gate, such as `NodeSwap`"),
    Field::new("enabled", Type::Bool, "the value that it is set to"),
    Field::new("setting", Type::Text, "as it would be typed: `NodeSwap=true`"),
]);

const LABEL: Type = Type::Object(&[
    Field::new("name", Type::Text, "key of the label"),
    Field::new("value", Type::Text, "its value; empty for a mere mark"),
]);

/// What this collector delivers.
pub(super) const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "kubelet.present",
        Type::Bool,
        "a kubelet is set up on this host: its process, its unit, its binary, or the file that it joins the cluster with; data left behind by a reset is not a kubelet",
    ),
    FactDoc::new(
        "kubelet.is_joined",
        Type::Bool,
        "it has a kubeconfig, so that it belongs to a cluster; false after `kubeadm reset`",
    ),
    FactDoc::new(
        "kubelet.running",
        Type::Bool,
        "a process is the kubelet, or carries it (k3s, kubelite); unreadable where no processes were recorded",
    ),
    FactDoc::new(
        "kubelet.distribution",
        Type::Text,
        "who set it up: `kubeadm`, `k3s`, `rke2`, `k0s`, `microk8s`, `openshift`, `other`",
    ),
    FactDoc::new(
        "kubelet.version",
        Type::Text,
        "version without the leading v, suffixes such as `+k3s1` kept; unreadable where nothing on the host tells it",
    ),
    FactDoc::new("kubelet.pid", Type::Int, "process id of the kubelet; absent while it does not run"),
    FactDoc::new(
        "kubelet.flags",
        Type::List(&KUBELET_FLAG),
        "flags of the running process, else of the unit with its drop-ins and environment files; of k3s and RKE2: what they pass on as kubelet-arg",
    ),
    FactDoc::new(
        "kubelet.config_path",
        Type::Text,
        "the file named by `--config`; absent where the kubelet runs by flags alone",
    ),
    FactDoc::new(
        "kubelet.config_dir",
        Type::Text,
        "the folder named by `--config-dir`, whose `*.conf` files are merged over the file",
    ),
    FactDoc::new("kubelet.config_api_version", Type::Text, "apiVersion of the configuration file"),
    FactDoc::new("kubelet.kubeconfig", Type::Text, "the kubeconfig that it talks to the API server with"),
    FactDoc::new(
        "kubelet.node_name",
        Type::Text,
        "`--hostname-override`, or k3s' and RKE2's node-name; absent: the kubelet takes the host's name",
    ),
    FactDoc::new("kubelet.node_labels", Type::List(&LABEL), "labels that it gives its Node on registration"),
    FactDoc::new(
        "kubelet.container_runtime",
        Type::Text,
        "`--container-runtime` (`docker` or `remote`), a flag up to 1.26; absent where it is not given",
    ),
    FactDoc::new(
        "kubelet.endpoint",
        Type::Text,
        "CRI endpoint with its scheme: flag, file, or the default of this version; the dockershim's socket where dockershim is used",
    ),
    FactDoc::new(
        "kubelet.endpoint_setting",
        Type::Text,
        "the CRI endpoint as it is written, the scheme perhaps missing; absent where the default holds",
    ),
    FactDoc::new("kubelet.network_plugin", Type::Text, "`--network-plugin`, a flag up to 1.23"),
    FactDoc::new("kubelet.cni_conf_dir", Type::Text, "`--cni-conf-dir`, a flag up to 1.23"),
    FactDoc::new("kubelet.cni_bin_dir", Type::Text, "`--cni-bin-dir`, a flag up to 1.23"),
    FactDoc::new(
        "kubelet.cgroup_driver",
        Type::Text,
        "`systemd` or `cgroupfs`, as flags, files or the default say; where asks_cri_for_cgroup_driver holds and the runtime answers, the runtime's answer wins",
    ),
    FactDoc::new("kubelet.cgroup_root", Type::Text, "`cgroupRoot`, below which kubepods lies"),
    FactDoc::new(
        "kubelet.asks_cri_for_cgroup_driver",
        Type::Bool,
        "the gate KubeletCgroupDriverFromCRI is in force: on by default from 1.31, locked from 1.34",
    ),
    FactDoc::new("kubelet.cpu_manager_policy", Type::Text, "`cpuManagerPolicy`: `none` or `static`"),
    FactDoc::new("kubelet.fail_swap_on", Type::Bool, "`failSwapOn`"),
    FactDoc::new("kubelet.swap_behavior", Type::Text, "`memorySwap.swapBehavior`; absent where it is unset"),
    FactDoc::new(
        "kubelet.fail_cgroup_v1",
        Type::Bool,
        "`failCgroupV1`: refuses to start on cgroup v1; there since 1.31, true by default from 1.35",
    ),
    FactDoc::new("kubelet.feature_gates", Type::Map(&Type::Bool), "feature gates that are set, by name"),
    FactDoc::new("kubelet.feature_gate_settings", Type::List(&GATE), "the same gates as a list, each with its source"),
    FactDoc::new(
        "kubelet.authentication.anonymous.enabled",
        Type::Bool,
        "requests without credentials are served; true by default only where no configuration file is given",
    ),
    FactDoc::new("kubelet.authentication.webhook.enabled", Type::Bool, "bearer tokens are checked by the API server"),
    FactDoc::new(
        "kubelet.authorization.mode",
        Type::Text,
        "`Webhook` or `AlwaysAllow`; the latter by default only where no configuration file is given",
    ),
    FactDoc::new(
        "kubelet.read_only_port",
        Type::Int,
        "port of the unauthenticated API; 0 is off; 10255 by default only where no configuration file is given",
    ),
    FactDoc::new("kubelet.max_pods", Type::Int, "`maxPods`"),
    FactDoc::new("kubelet.container_log_max_size", Type::Text, "`containerLogMaxSize`, a quantity"),
    FactDoc::new("kubelet.container_log_max_files", Type::Int, "`containerLogMaxFiles`"),
    FactDoc::new("kubelet.rotate_certificates", Type::Bool, "the kubelet renews its client certificate"),
    FactDoc::new(
        "kubelet.server_tls_bootstrap",
        Type::Bool,
        "the kubelet asks the API server for its serving certificate and renews it",
    ),
    FactDoc::new(
        "kubelet.tls_cert_file",
        Type::Text,
        "serving certificate given by hand; absent: the kubelet makes its own",
    ),
    FactDoc::new("kubelet.cert_dir", Type::Text, "`--cert-dir`, where the kubelet keeps its certificates"),
    FactDoc::new("kubelet.static_pod_path", Type::Text, "folder or file of static pods; absent where there is none"),
    FactDoc::new(
        "kubelet.is_binary_replaced",
        Type::Bool,
        "the running kubelet's binary was removed or replaced on disk",
    ),
    FactDoc::new(
        "kubelet.config_changed_since_start",
        Type::Bool,
        "the configuration file is younger than the process; only of the running machine",
    ),
];
