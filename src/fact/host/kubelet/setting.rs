//! The table of the kubelet's settings and the order in which they count.
//!
//! A flag wins over the drop-ins and the file, and those over the default.
//! Defaults are those of `KubeletConfiguration` v1beta1, except that a kubelet
//! without `--config` keeps the permissive ones of its old command line
//! (`applyLegacyDefaults` in cmd/kubelet/app/options/options.go), and that
//! distributions pass values of their own.

use super::config::Config;
use crate::fact::flag::{self, Flag};
use crate::fact::host::document::{Node, NodeValue};
use crate::fact::{Fact, Source, Value};

/// Where the defaults are documented.
const CONFIG_API: &str = "https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/";
const FLAG_PAGE: &str = "https://kubernetes.io/docs/reference/command-line-tools-reference/kubelet/";
const K3S_PAGE: &str = "https://docs.k3s.io/cli/agent";

/// The type of a setting.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Bool,
    Int,
    Text,
}

/// One setting: its fact, its flag, and its place in the file.
struct Setting {
    fact: &'static str,
    flag: &'static str,
    path: &'static [&'static str],
    kind: Kind,
    default: fn(&Effective) -> Fact,
}

/// What the kubelet was given.
#[derive(Debug)]
pub(super) struct Effective {
    /// Its flags, in order.
    pub(super) flags: Vec<Flag>,
    /// Its configuration, or why it cannot be known.
    pub(super) config: Result<Config, String>,
    /// The file that `--config` names.
    pub(super) config_path: Option<String>,
    /// Major and minor version.
    pub(super) version: Option<(u64, u64)>,
    /// Who set it up.
    pub(super) distribution: &'static str,
}

const SETTINGS: &[Setting] = &[
    setting("kubelet.kubeconfig", "kubeconfig", &[], Kind::Text, default_kubeconfig),
    setting("kubelet.node_name", "hostname-override", &[], Kind::Text, unset),
    setting("kubelet.container_runtime", "container-runtime", &[], Kind::Text, unset),
    setting("kubelet.endpoint_setting", "container-runtime-endpoint", &["containerRuntimeEndpoint"], Kind::Text, unset),
    setting("kubelet.network_plugin", "network-plugin", &[], Kind::Text, unset),
    setting("kubelet.cni_conf_dir", "cni-conf-dir", &[], Kind::Text, unset),
    setting("kubelet.cni_bin_dir", "cni-bin-dir", &[], Kind::Text, unset),
    setting("kubelet.cgroup_driver", "cgroup-driver", &["cgroupDriver"], Kind::Text, default_cgroup_driver),
    setting("kubelet.cgroup_root", "cgroup-root", &["cgroupRoot"], Kind::Text, unset),
    setting("kubelet.cpu_manager_policy", "cpu-manager-policy", &["cpuManagerPolicy"], Kind::Text, |_| default("none")),
    setting("kubelet.fail_swap_on", "fail-swap-on", &["failSwapOn"], Kind::Bool, default_fail_swap_on),
    setting("kubelet.swap_behavior", "", &["memorySwap", "swapBehavior"], Kind::Text, unset),
    setting("kubelet.fail_cgroup_v1", "fail-cgroupv1", &["failCgroupV1"], Kind::Bool, default_fail_cgroup_v1),
    setting(
        "kubelet.authentication.anonymous.enabled",
        "anonymous-auth",
        &["authentication", "anonymous", "enabled"],
        Kind::Bool,
        |kubelet| kubelet.strict_or_legacy(false, true),
    ),
    setting(
        "kubelet.authentication.webhook.enabled",
        "authentication-token-webhook",
        &["authentication", "webhook", "enabled"],
        Kind::Bool,
        |kubelet| kubelet.strict_or_legacy(true, false),
    ),
    setting("kubelet.authorization.mode", "authorization-mode", &["authorization", "mode"], Kind::Text, |kubelet| {
        kubelet.strict_or_legacy("Webhook", "AlwaysAllow")
    }),
    setting("kubelet.read_only_port", "read-only-port", &["readOnlyPort"], Kind::Int, |kubelet| {
        kubelet.strict_or_legacy(0_i64, 10_255_i64)
    }),
    setting("kubelet.max_pods", "max-pods", &["maxPods"], Kind::Int, |_| default(110_i64)),
    setting("kubelet.container_log_max_size", "container-log-max-size", &["containerLogMaxSize"], Kind::Text, |_| {
        default("10Mi")
    }),
    setting("kubelet.container_log_max_files", "container-log-max-files", &["containerLogMaxFiles"], Kind::Int, |_| {
        default(5_i64)
    }),
    setting("kubelet.rotate_certificates", "rotate-certificates", &["rotateCertificates"], Kind::Bool, |_| {
        default(false)
    }),
    setting("kubelet.server_tls_bootstrap", "rotate-server-certificates", &["serverTLSBootstrap"], Kind::Bool, |_| {
        default(false)
    }),
    setting("kubelet.tls_cert_file", "tls-cert-file", &["tlsCertFile"], Kind::Text, unset),
    setting("kubelet.cert_dir", "cert-dir", &[], Kind::Text, |_| {
        Fact::known("/var/lib/kubelet/pki", Source::default_of(FLAG_PAGE))
    }),
    setting("kubelet.static_pod_path", "pod-manifest-path", &["staticPodPath"], Kind::Text, default_static_pod_path),
];

/// Every setting of the table as an effective value.
pub(super) fn effective_settings(kubelet: &Effective) -> Vec<(&'static str, Fact)> {
    SETTINGS.iter().map(|setting| (setting.fact, kubelet.value_of(setting))).collect()
}

impl Effective {
    fn value_of(&self, setting: &Setting) -> Fact {
        if let Some(flag) = flag::last(&self.flags, setting.flag)
            && !flag.value.is_empty()
        {
            return from_flag(setting, flag);
        }
        if setting.path.is_empty() {
            return (setting.default)(self);
        }
        match &self.config {
            Err(reason) => self.unreadable(reason),
            Ok(config) => match config.at(setting.path) {
                Some((node, source)) if node.text() != Some("") => from_file(setting, node, source),
                _ => (setting.default)(self),
            },
        }
    }

    /// An unreadable fact for what the configuration would have told.
    pub(super) fn unreadable(&self, reason: &str) -> Fact {
        let path = self.config_path.as_deref().unwrap_or("/var/lib/kubelet/config.yaml");
        Fact::unreadable(Source::file(path), reason)
    }

    /// The default with a configuration file, and that of a bare command line.
    fn strict_or_legacy<T: Into<Value>>(&self, strict: T, legacy: T) -> Fact {
        if self.is_rancher() {
            return Fact::known(strict, Source::default_of(K3S_PAGE));
        }
        if self.config_path.is_some() { default(strict) } else { Fact::known(legacy, Source::default_of(FLAG_PAGE)) }
    }

    fn is_rancher(&self) -> bool {
        matches!(self.distribution, "k3s" | "rke2")
    }
}

const fn setting(
    fact: &'static str,
    flag: &'static str,
    path: &'static [&'static str],
    kind: Kind,
    default: fn(&Effective) -> Fact,
) -> Setting {
    Setting { fact, flag, path, kind, default }
}

fn from_flag(setting: &Setting, flag: &Flag) -> Fact {
    let text = flag.value.trim_matches(['"', '\'']);
    let value = match setting.kind {
        Kind::Bool => flag::parse_bool(text).map(Value::Bool),
        Kind::Int => text.parse().ok().map(Value::Int),
        Kind::Text => Some(Value::from(text)),
    };
    match value {
        Some(value) => Fact::known(value, flag.source.clone()),
        None => Fact::unreadable(flag.source.clone(), format!("{} is no value that the flag takes", flag.setting())),
    }
}

fn from_file(setting: &Setting, node: &Node, source: Source) -> Fact {
    let value = match (setting.kind, &node.value) {
        (Kind::Bool, NodeValue::Bool(truth)) => Some(Value::Bool(*truth)),
        (Kind::Int, NodeValue::Int(number)) => Some(Value::Int(*number)),
        (Kind::Text, NodeValue::Text(text)) => Some(Value::from(text.as_str())),
        _ => None,
    };
    match value {
        Some(value) => Fact::known(value, source),
        None => {
            let reason = format!("line {}: {} has a value of the wrong type", node.line, setting.path.join("."));
            Fact::unreadable(source, reason)
        }
    }
}

fn default(value: impl Into<Value>) -> Fact {
    Fact::known(value, Source::default_of(CONFIG_API))
}

fn unset(_: &Effective) -> Fact {
    Fact::absent(Source::default_of(CONFIG_API))
}

fn default_kubeconfig(kubelet: &Effective) -> Fact {
    match kubelet.distribution {
        "k3s" => Fact::known("/var/lib/rancher/k3s/agent/kubelet.kubeconfig", Source::default_of(K3S_PAGE)),
        "rke2" => Fact::known("/var/lib/rancher/rke2/agent/kubelet.kubeconfig", Source::default_of(K3S_PAGE)),
        _ => Fact::absent(Source::default_of(FLAG_PAGE)),
    }
}

/// k3s and RKE2 choose systemd where systemd started them, as their units do.
fn default_cgroup_driver(kubelet: &Effective) -> Fact {
    if kubelet.is_rancher() { Fact::known("systemd", Source::default_of(K3S_PAGE)) } else { default("cgroupfs") }
}

fn default_fail_swap_on(kubelet: &Effective) -> Fact {
    if kubelet.is_rancher() { Fact::known(false, Source::default_of(K3S_PAGE)) } else { default(true) }
}

/// The field came with 1.31 as false and turned to true with 1.35.
fn default_fail_cgroup_v1(kubelet: &Effective) -> Fact {
    match kubelet.version {
        Some(version) => default(version >= (1, 35)),
        None => Fact::unreadable(
            Source::default_of(CONFIG_API),
            "tell the default of failCgroupV1: it depends on the kubelet's version, which is unknown",
        ),
    }
}

fn default_static_pod_path(kubelet: &Effective) -> Fact {
    match kubelet.distribution {
        "k3s" => Fact::known("/var/lib/rancher/k3s/agent/pod-manifests", Source::default_of(K3S_PAGE)),
        "rke2" => Fact::known("/var/lib/rancher/rke2/agent/pod-manifests", Source::default_of(K3S_PAGE)),
        _ => Fact::absent(Source::default_of(CONFIG_API)),
    }
}
