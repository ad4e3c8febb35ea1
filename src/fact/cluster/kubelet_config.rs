//! The kubelets' configuration that kubeadm keeps in the cluster: the config
//! map `kubelet-config` of kube-system, up to 1.23 `kubelet-config-1.23`.
//!
//! It is what `kubeadm join` and `kubeadm upgrade node` write to
//! `/var/lib/kubelet/config.yaml`; flags and drop-ins of a node come after it and
//! are not visible here. Defaults are those of a configuration file
//! (KubeletConfiguration, kubelet.config.k8s.io/v1beta1).

use super::resource::CONFIG_MAPS;
use super::{Collector, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::version::Version;
use crate::fact::{Fact, Facts, Json, Source, Value};

pub(super) const COLLECTOR: Collector =
    Collector { name: "kubelet_config", facts: FACTS, requests: REQUESTS, start: || Box::new(Configs::default()) };

const SYSTEM: &str = "kube-system";
const PRESENT_NAME: Request = Request::named(&CONFIG_MAPS, SYSTEM, "kubelet-config");

/// Up to 1.23 the name carries the minor version, and older ones stay behind.
const REQUESTS: &[Request] = &[
    PRESENT_NAME,
    Request::named(&CONFIG_MAPS, SYSTEM, "kubelet-config-1.23"),
    Request::named(&CONFIG_MAPS, SYSTEM, "kubelet-config-1.22"),
    Request::named(&CONFIG_MAPS, SYSTEM, "kubelet-config-1.21"),
    Request::named(&CONFIG_MAPS, SYSTEM, "kubelet-config-1.20"),
    Request::named(&CONFIG_MAPS, SYSTEM, "kubelet-config-1.19"),
];

const KEY: &str = ".data.kubelet";
const DOCUMENTED: &str = "KubeletConfiguration, kubelet.config.k8s.io/v1beta1";

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "kubelet_config.present",
        Type::Bool,
        "Whether the cluster keeps a configuration for its kubelets, as kubeadm does. What it leaves out has the default of a file.",
    ),
    FactDoc::new("kubelet_config.authentication.anonymous.enabled", Type::Bool, "`authentication.anonymous.enabled`."),
    FactDoc::new("kubelet_config.authentication.webhook.enabled", Type::Bool, "`authentication.webhook.enabled`."),
    FactDoc::new("kubelet_config.authorization.mode", Type::Text, "`authorization.mode`."),
    FactDoc::new("kubelet_config.read_only_port", Type::Int, "`readOnlyPort`; 0 is off."),
    FactDoc::new("kubelet_config.rotate_certificates", Type::Bool, "`rotateCertificates`."),
    FactDoc::new("kubelet_config.server_tls_bootstrap", Type::Bool, "`serverTLSBootstrap`."),
    FactDoc::new("kubelet_config.cgroup_driver", Type::Text, "`cgroupDriver`. Absent: it is not set."),
    FactDoc::new("kubelet_config.fail_cgroup_v1", Type::Bool, "`failCgroupV1`. Absent: it is not set."),
    FactDoc::new("kubelet_config.fail_swap_on", Type::Bool, "`failSwapOn`."),
];

#[derive(Default)]
struct Configs {
    /// The newest one, by the minor in its name.
    newest: Option<(Option<Version>, Config)>,
}

struct Config {
    json: Result<Json, String>,
    source: Source,
}

impl Reader for Configs {
    fn see(&mut self, object: &Object<'_>) {
        let Some(text) = object.get("data").and_then(|data| data.get("kubelet")).and_then(Json::as_str) else { return };
        let minor = object.name().strip_prefix("kubelet-config-").and_then(Version::parse);
        // The name without a version is the newest.
        let is_newer = match (&self.newest, &minor) {
            (None, _) | (Some(_), None) => true,
            (Some((None, _)), Some(_)) => false,
            (Some((Some(seen), _)), Some(minor)) => minor > seen,
        };
        if is_newer {
            let json = serde_saphyr::from_str::<Json>(text)
                .map_err(|error| format!("read {KEY} of {}: {error}", object.describe()));
            self.newest = Some((minor, Config { json, source: object.source(KEY) }));
        }
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut facts = Facts::default();
        let Some((_, config)) = self.newest else {
            let looked = Source::default_of("kubeadm keeps the kubelets' configuration in kube-system/kubelet-config");
            for doc in FACTS {
                facts.set(
                    doc.path,
                    match lists.gap(&PRESENT_NAME) {
                        Some(reason) => Fact::Unreadable { source: None, reason },
                        None if doc.path == "kubelet_config.present" => Fact::known(false, looked.clone()),
                        None => Fact::absent(looked.clone()),
                    },
                );
            }
            return facts;
        };
        match &config.json {
            Err(reason) => {
                for doc in FACTS {
                    facts.set(doc.path, Fact::unreadable(config.source.clone(), reason.clone()));
                }
            }
            Ok(json) => set(&mut facts, json, &config.source),
        }
        facts
    }
}

fn set(facts: &mut Facts, json: &Json, source: &Source) {
    let or_default = |pointer: &str, default: Option<Value>| match json.pointer(pointer).and_then(scalar) {
        Some(value) => Fact::known(value, source.clone()),
        None => match default {
            Some(default) => Fact::known(default, Source::default_of(DOCUMENTED)),
            None => Fact::absent(source.clone()),
        },
    };
    facts.set("kubelet_config.present", Fact::known(true, source.clone()));
    for (path, pointer, default) in [
        ("authentication.anonymous.enabled", "/authentication/anonymous/enabled", Some(false.into())),
        ("authentication.webhook.enabled", "/authentication/webhook/enabled", Some(true.into())),
        ("authorization.mode", "/authorization/mode", Some("Webhook".into())),
        ("read_only_port", "/readOnlyPort", Some(0_u32.into())),
        ("rotate_certificates", "/rotateCertificates", Some(false.into())),
        ("server_tls_bootstrap", "/serverTLSBootstrap", Some(false.into())),
        ("cgroup_driver", "/cgroupDriver", None),
        ("fail_cgroup_v1", "/failCgroupV1", None),
        ("fail_swap_on", "/failSwapOn", Some(true.into())),
    ] {
        facts.set(&format!("kubelet_config.{path}"), or_default(pointer, default));
    }
}

fn scalar(json: &Json) -> Option<Value> {
    match json {
        Json::Bool(truth) => Some((*truth).into()),
        Json::Number(number) => number.as_i64().map(Value::Int),
        Json::String(text) if !text.is_empty() => Some(text.as_str().into()),
        _ => None,
    }
}
