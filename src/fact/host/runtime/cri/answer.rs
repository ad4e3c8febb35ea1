//! Facts of what a runtime answered, its loaded configuration among them.
//!
//! In: answers of Version, Status (verbose) and `RuntimeConfig`. Out: facts
//! `cri.*`. The loaded configuration is the JSON text `config` of Status: what
//! containerd works with, whatever its files say by now.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::fact::host::runtime::containerd::{RUNC_SHIMS, group, list};
use crate::fact::{Fact, Facts, Source};

use super::client::Answer;
use super::message::{RuntimeConfigResponse, StatusResponse};

/// Sets every fact that an answer gives.
pub(super) fn set_answer(answer: &Answer, facts: &mut Facts) {
    let version = |text: &str| Fact::known(text, Source::cri("Version"));
    facts.set("cri.message", Fact::absent(Source::cri("Version")));
    facts.set("cri.runtime_name", version(&answer.version.runtime_name));
    facts.set("cri.runtime_version", version(&answer.version.runtime_version));
    facts.set("cri.api_version", version(answer.api));
    set_runtime_config(answer, facts);
    match &answer.status {
        Some(Ok(status)) => {
            set_conditions(status, facts);
            set_loaded(status.info.get("config").map(String::as_str), facts);
        }
        Some(Err(reason)) => set_unreadable(&format!("ask Status: {reason}"), facts),
        None => set_unreadable("ask Status: not asked", facts),
    }
}

/// Facts of Status.
pub(super) const OF_STATUS: &[&str] = &[
    "is_runtime_ready",
    "is_network_ready",
    "network_message",
    "deprecations",
    "default_handler",
    "handlers",
    "sandbox_image",
    "cni_conf_dir",
    "cni_bin_dirs",
];

fn set_unreadable(reason: &str, facts: &mut Facts) {
    for name in OF_STATUS {
        facts.set(&format!("cri.{name}"), Fact::unreadable(source(), reason));
    }
}

fn source() -> Source {
    Source::cri("Status")
}

fn set_runtime_config(answer: &Answer, facts: &mut Facts) {
    let asked = || Source::cri("RuntimeConfig");
    let (answers, driver) = match &answer.runtime_config {
        Some(Ok(None)) => (Fact::known(false, asked()), Fact::absent(asked())),
        Some(Ok(Some(config))) => {
            let driver = parse_driver(*config);
            let fact = driver.map_or_else(|| Fact::absent(asked()), |driver| Fact::known(driver, asked()));
            (Fact::known(driver.is_some(), asked()), fact)
        }
        Some(Err(reason)) => {
            let fact = Fact::unreadable(asked(), format!("ask RuntimeConfig: {reason}"));
            (fact.clone(), fact)
        }
        None => {
            let fact = Fact::unreadable(asked(), "ask RuntimeConfig: not asked");
            (fact.clone(), fact)
        }
    };
    facts.set("cri.answers_runtime_config", answers);
    facts.set("cri.cgroup_driver", driver);
}

/// Without the `linux` message nothing is said, though it would decode to 0, SYSTEMD.
fn parse_driver(config: RuntimeConfigResponse) -> Option<&'static str> {
    match config.linux?.cgroup_driver {
        0 => Some("systemd"),
        1 => Some("cgroupfs"),
        _ => None,
    }
}

fn set_conditions(status: &StatusResponse, facts: &mut Facts) {
    let conditions = status.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let find = |name: &str| conditions.iter().find(|condition| condition.r#type == name);
    let truth = |name: &str| {
        find(name).map_or_else(|| Fact::absent(source()), |condition| Fact::known(condition.status, source()))
    };
    facts.set("cri.is_runtime_ready", truth("RuntimeReady"));
    facts.set("cri.is_network_ready", truth("NetworkReady"));
    let message = find("NetworkReady").map(|condition| condition.message.as_str()).filter(|text| !text.is_empty());
    facts.set(
        "cri.network_message",
        message.map_or_else(|| Fact::absent(source()), |message| Fact::known(message, source())),
    );
    let warned = find("ContainerdHasNoDeprecationWarnings").filter(|condition| !condition.status);
    let warnings: BTreeMap<String, String> =
        warned.and_then(|condition| serde_json::from_str(&condition.message).ok()).unwrap_or_default();
    facts.set("cri.deprecations", list(warnings.into_values().map(|text| Fact::known(text, source()))));
}

/// The loaded configuration, as containerd 1.4 to 2.4 print it; other
/// runtimes have none, or another.
fn set_loaded(config: Option<&str>, facts: &mut Facts) {
    let parsed: Option<Json> = config.and_then(|text| serde_json::from_str(text).ok());
    let containerd = parsed.as_ref().and_then(|config| config.get("containerd"));
    let (Some(config), Some(containerd)) = (&parsed, containerd) else {
        for name in ["default_handler", "handlers", "sandbox_image", "cni_conf_dir", "cni_bin_dirs"] {
            facts.set(&format!("cri.{name}"), Fact::absent(source()));
        }
        return;
    };
    let default = containerd.get("defaultRuntimeName").and_then(Json::as_str).unwrap_or_default();
    facts.set("cri.default_handler", text_fact(containerd.get("defaultRuntimeName")));
    facts.set("cri.handlers", handlers(containerd.get("runtimes"), default));
    facts.set("cri.sandbox_image", text_fact(config.get("sandboxImage")));
    let cni = config.get("cni");
    facts.set("cri.cni_conf_dir", text_fact(cni.and_then(|cni| cni.get("confDir"))));
    let dirs = cni.and_then(|cni| cni.get("binDirs")).and_then(Json::as_array);
    let dir = cni.and_then(|cni| cni.get("binDir"));
    let dirs = dirs.into_iter().flatten().chain(dir).filter_map(Json::as_str).filter(|dir| !dir.is_empty());
    facts.set("cri.cni_bin_dirs", list(dirs.map(|dir| Fact::known(dir, source()))));
}

fn text_fact(json: Option<&Json>) -> Fact {
    match json.and_then(Json::as_str).filter(|text| !text.is_empty()) {
        Some(text) => Fact::known(text, source()),
        None => Fact::absent(source()),
    }
}

/// Handlers, the default first, then by name.
fn handlers(runtimes: Option<&Json>, default: &str) -> Fact {
    let by_name: BTreeMap<&str, &Json> =
        runtimes.and_then(Json::as_object).into_iter().flatten().map(|(name, json)| (name.as_str(), json)).collect();
    let first = by_name.get_key_value(default);
    let rest = by_name.iter().filter(|(name, _)| **name != default);
    list(first.into_iter().chain(rest).map(|(name, json)| handler(name, json, default)))
}

fn handler(name: &str, json: &Json, default: &str) -> Fact {
    let shim = json.get("runtimeType").and_then(Json::as_str).unwrap_or_default();
    let option = |name: &str| json.get("options").and_then(|options| options.get(name));
    let driver = if RUNC_SHIMS.contains(&shim) {
        let is_systemd = option("SystemdCgroup").and_then(Json::as_bool).unwrap_or(false);
        Fact::known(if is_systemd { "systemd" } else { "cgroupfs" }, source())
    } else {
        Fact::absent(source())
    };
    let privileged = json.get("privileged_without_host_devices").and_then(Json::as_bool).unwrap_or(false);
    group([
        ("name", Fact::known(name, source())),
        ("type", Fact::known(shim, source())),
        ("cgroup_driver", driver),
        ("binary", text_fact(option("BinaryName"))),
        ("path", text_fact(json.get("runtimePath"))),
        ("snapshotter", text_fact(json.get("snapshotter"))),
        ("is_default", Fact::known(name == default, source())),
        ("privileged_without_host_devices", Fact::known(privileged, source())),
    ])
}

#[cfg(test)]
mod tests {
    use super::super::message::{LinuxRuntimeConfiguration, RuntimeCondition, RuntimeStatus, VersionResponse};
    use super::*;

    /// Cut from what containerd 2.4-beta and 1.6.20 answer.
    const LOADED: &str = r#"{"cni":{"binDir":"","binDirs":["/usr/lib/cni"],"confDir":"/etc/cni/net.d"},
        "containerd":{"defaultRuntimeName":"runc","runtimes":{
            "kata":{"runtimeType":"io.containerd.kata.v2","options":null},
            "runc":{"runtimeType":"io.containerd.runc.v2","options":{"BinaryName":"","SystemdCgroup":true}}}}}"#;

    fn answered(runtime_config: Option<RuntimeConfigResponse>, info: &str) -> Facts {
        let status = StatusResponse {
            status: Some(RuntimeStatus {
                conditions: vec![
                    RuntimeCondition { r#type: "RuntimeReady".to_owned(), status: true, ..Default::default() },
                    RuntimeCondition {
                        r#type: "ContainerdHasNoDeprecationWarnings".to_owned(),
                        message: r#"{"io.containerd.deprecation/cgroup-v1":"The support for cgroup v1 is deprecated"}"#
                            .to_owned(),
                        ..Default::default()
                    },
                ],
            }),
            info: [("config".to_owned(), info.to_owned())].into(),
        };
        let version = VersionResponse { runtime_name: "containerd".to_owned(), ..Default::default() };
        let answer = Answer { api: "v1", version, status: Some(Ok(status)), runtime_config: Some(Ok(runtime_config)) };
        let mut facts = Facts::default();
        set_answer(&answer, &mut facts);
        facts
    }

    #[test]
    fn the_loaded_configuration_gives_handlers_with_the_default_first() {
        let facts = answered(None, LOADED);
        let handlers = facts.get("cri.handlers").and_then(Fact::list).expect("handlers");
        let drivers: Vec<_> = handlers
            .iter()
            .map(|handler| {
                (handler.member("name").and_then(Fact::text), handler.member("cgroup_driver").and_then(Fact::text))
            })
            .collect();
        assert_eq!(drivers, [(Some("runc"), Some("systemd")), (Some("kata"), None)]);
        assert_eq!(facts.bool("cri.answers_runtime_config"), Some(false));
        assert_eq!(facts.get("cri.deprecations").and_then(Fact::list).map(<[Fact]>::len), Some(1));
        assert!(matches!(facts.get("cri.sandbox_image"), Some(Fact::Absent { .. })), "2.x does not tell");
    }

    #[test]
    fn an_answer_without_the_linux_message_is_not_systemd() {
        let facts = answered(Some(RuntimeConfigResponse { linux: None }), LOADED);
        assert_eq!(facts.bool("cri.answers_runtime_config"), Some(false));
        assert!(matches!(facts.get("cri.cgroup_driver"), Some(Fact::Absent { .. })));
        let systemd = Some(LinuxRuntimeConfiguration { cgroup_driver: 0 });
        let facts = answered(Some(RuntimeConfigResponse { linux: systemd }), LOADED);
        assert_eq!(facts.text("cri.cgroup_driver"), Some("systemd"));
    }

    #[test]
    fn garbage_in_info_is_no_configuration() {
        for info in ["", "{", "[1]", "{\"containerd\": 3}", "{\"containerd\": {\"runtimes\": [1]}}"] {
            answered(None, info);
        }
    }
}
