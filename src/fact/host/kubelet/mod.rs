//! The kubelet: whether there is one, and what it effectively works with.
//!
//! In comes the process, the unit with its environment files, the file named
//! by `--config` and its drop-in folder; out come effective values. Flags win
//! over drop-ins, those over the file, and that over the documented default
//! of the version: <https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/>.

mod command;
mod config;
mod declaration;
mod endpoint;
#[cfg(test)]
mod kubelet_test;
mod presence;
mod setting;
#[cfg(test)]
pub(super) mod tree_test;
mod version;

use std::collections::BTreeMap;

use super::k3s::{K3s, find_k3s};
use super::root::Outcome;
use super::{Collector, Host};
use crate::fact::host::document::NodeValue;
use crate::fact::{Fact, Facts, Source};
use command::Command;
use setting::Effective;

pub(super) use crate::fact::flag::{Flag, Gate, element, last, parse_bool, parse_flags, parse_gates};
pub(super) use command::is_of_host;
pub(super) use declaration::FLAG;
pub(super) use version::{clean_version, kubelet_version, parse_image_version, parse_version_in_path};

/// The collector of `kubelet.*`.
pub(super) const COLLECTOR: Collector = Collector { name: "kubelet", facts: declaration::FACTS, needs: &[], collect };

fn collect(host: &Host, _earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    let found = find_k3s(host);
    let k3s = match &found {
        Outcome::Found(k3s) => Some(k3s),
        _ => None,
    };
    let is_without_agent = k3s.is_some_and(|k3s| k3s.setting("disable-agent").is_some_and(|flag| flag.value == "true"));
    let command = if is_without_agent { None } else { command::find_command(host, k3s) };
    let command = command.map(|command| with_absolute_paths(host, command));
    let present = match (&found, is_without_agent) {
        (_, true) => Fact::known(false, Source::file("/usr/bin/kubelet")),
        (Outcome::Unreadable(why), _) if command.is_none() => {
            Fact::unreadable(Source::file("/etc/rancher"), why.clone())
        }
        _ => presence::presence(host, command.as_ref()),
    };
    facts.set("kubelet.present", present.clone());
    if present.bool() != Some(true) {
        let fact = match present {
            Fact::Known { .. } => Fact::absent(Source::file("/usr/bin/kubelet")),
            unknown => unknown,
        };
        set_unset(&mut facts, &fact);
        return facts;
    }
    facts.set("kubelet.is_joined", presence::joined(host, command.as_ref(), k3s));
    facts.set("kubelet.running", presence::running(host, command.as_ref()));
    let process = command.as_ref().and_then(|command| command.process.as_ref());
    let version = kubelet_version(host, process);
    facts.set("kubelet.version", version.clone());
    match command {
        Some(command) => set_command(&mut facts, host, &command, k3s, &version),
        None => {
            let why = "read the kubelet's settings: no process, unit or configuration of it was found";
            set_unset(&mut facts, &Fact::unreadable(Source::file("/var/lib/kubelet"), why));
        }
    }
    facts
}

/// Gives every fact that was not set yet the same answer.
fn set_unset(facts: &mut Facts, fact: &Fact) {
    for doc in declaration::FACTS {
        if facts.get(doc.path).is_none() {
            facts.set(doc.path, fact.clone());
        }
    }
}

fn set_command(facts: &mut Facts, host: &Host, command: &Command, k3s: Option<&K3s>, version: &Fact) {
    let distribution = presence::distribution(host, command, k3s);
    facts.set("kubelet.distribution", Fact::known(distribution, command.source.clone()));
    set_process(facts, command);
    let flags = match &command.flags {
        Ok(flags) => flags.clone(),
        Err(why) => {
            set_unset(facts, &Fact::unreadable(command.source.clone(), why.clone()));
            return;
        }
    };
    let kubelet = read_effective(host, flags, distribution, version);
    set_flags(facts, &kubelet, command, k3s);
    for (path, fact) in setting::effective_settings(&kubelet) {
        facts.set(path, fact);
    }
    set_gates(facts, &kubelet);
    let of = |path: &str| facts.get(path).cloned().unwrap_or_else(|| Fact::absent(command.source.clone()));
    let uses_docker = k3s.is_some_and(|k3s| k3s.setting("docker").is_some_and(|docker| docker.value == "true"));
    let endpoint =
        endpoint::endpoint(&kubelet, &of("kubelet.endpoint_setting"), &of("kubelet.container_runtime"), uses_docker);
    facts.set("kubelet.endpoint", endpoint);
    facts.set("kubelet.config_changed_since_start", changed_since_start(host, command, kubelet.config_path.as_deref()));
}

/// Flags whose value is a path, which may be relative.
const PATH_FLAGS: &[&str] = &[
    "bootstrap-kubeconfig",
    "cert-dir",
    "client-ca-file",
    "config",
    "config-dir",
    "kubeconfig",
    "pod-manifest-path",
    "root-dir",
    "tls-cert-file",
    "tls-private-key-file",
];

/// The command with relative paths taken from where the kubelet runs.
fn with_absolute_paths(host: &Host, mut command: Command) -> Command {
    if let (Some(process), Ok(flags)) = (&command.process, &mut command.flags) {
        for flag in flags.iter_mut().filter(|flag| PATH_FLAGS.contains(&flag.name.as_str()) && !flag.value.is_empty()) {
            flag.value = process.absolute(&host.root, &flag.value);
        }
    }
    command
}

fn read_effective(host: &Host, flags: Vec<Flag>, distribution: &'static str, version: &Fact) -> Effective {
    let named = |name: &str| last(&flags, name).map(|flag| flag.value.clone()).filter(|path| !path.is_empty());
    let config_path = named("config");
    let config_dir = named("config-dir").or_else(|| match distribution {
        // k3s names the folder inside its process, so no command line shows it.
        "k3s" => Some("/var/lib/rancher/k3s/agent/etc/kubelet.conf.d".to_owned()),
        "rke2" => Some("/var/lib/rancher/rke2/agent/etc/kubelet.conf.d".to_owned()),
        _ => None,
    });
    let config = config::read_config(&host.root, config_path.as_deref(), config_dir.as_deref());
    Effective { config, config_path, version: version::minor_of(version), distribution, flags }
}

fn set_process(facts: &mut Facts, command: &Command) {
    let Some(process) = &command.process else {
        facts.set("kubelet.pid", Fact::absent(Source::file("/proc")));
        facts.set("kubelet.is_binary_replaced", Fact::absent(Source::file("/proc")));
        return;
    };
    facts.set("kubelet.pid", Fact::known(process.pid, Source::file(process.command_line_path())));
    let source = Source::file(format!("/proc/{}/exe", process.pid));
    let replaced = match &process.executable {
        Some(_) => Fact::known(process.is_executable_deleted, source),
        None => Fact::unreadable(source, format!("read /proc/{}/exe: not recorded, or permission denied", process.pid)),
    };
    facts.set("kubelet.is_binary_replaced", replaced);
}

fn flag_fact(flag: &Flag, is_built_in: bool) -> Fact {
    let mut members = flag.members();
    members.push(("is_built_in", Fact::known(is_built_in, flag.source.clone())));
    element(members, &flag.source)
}

fn set_flags(facts: &mut Facts, kubelet: &Effective, command: &Command, k3s: Option<&K3s>) {
    let own: Vec<Flag> = k3s.map(|k3s| k3s.arguments_of("kubelet-arg")).unwrap_or_default();
    let is_built_in =
        |flag: &Flag| kubelet.distribution == "rke2" && !own.iter().any(|argument| argument.name == flag.name);
    let elements: Vec<Fact> = kubelet.flags.iter().map(|flag| flag_fact(flag, is_built_in(flag))).collect();
    facts.set("kubelet.flags", Fact::known(elements, command.source.clone()));
    for (path, name) in [("kubelet.config_path", "config"), ("kubelet.config_dir", "config-dir")] {
        let fact = match last(&kubelet.flags, name).filter(|flag| !flag.value.is_empty()) {
            Some(flag) => Fact::known(flag.value.as_str(), flag.source.clone()),
            None => Fact::absent(command.source.clone()),
        };
        facts.set(path, fact);
    }
    let api_version = match &kubelet.config {
        Err(why) => kubelet.unreadable(why),
        Ok(config) => match config.at(&["apiVersion"]) {
            Some((node, source)) => Fact::known(node.text().unwrap_or_default(), source),
            None => Fact::absent(command.source.clone()),
        },
    };
    facts.set("kubelet.config_api_version", api_version);
    let mut labels = Vec::new();
    for flag in kubelet.flags.iter().filter(|flag| flag.name == "node-labels") {
        for label in flag.value.split(',').filter(|label| !label.is_empty()) {
            let (name, value) = label.split_once('=').unwrap_or((label, ""));
            let part = |text: &str| Fact::known(text, flag.source.clone());
            labels.push(element(vec![("name", part(name)), ("value", part(value))], &flag.source));
        }
    }
    facts.set("kubelet.node_labels", Fact::known(labels, command.source.clone()));
}

/// Gates of the file and of the flag; the flag wins gate by gate.
fn set_gates(facts: &mut Facts, kubelet: &Effective) {
    let gates = match &kubelet.config {
        Err(why) => Err(kubelet.unreadable(why)),
        Ok(config) => {
            let mut gates: BTreeMap<String, Gate> = BTreeMap::new();
            for (name, node, source) in config.members(&["featureGates"]) {
                if let NodeValue::Bool(is_enabled) = node.value {
                    gates.insert(name.clone(), Gate { name, is_enabled, source });
                }
            }
            gates.extend(parse_gates(&kubelet.flags).into_iter().map(|gate| (gate.name.clone(), gate)));
            Ok(gates.into_values().collect::<Vec<_>>())
        }
    };
    let asks = endpoint::asks_cri_for_cgroup_driver(kubelet, gates.as_deref().ok());
    facts.set("kubelet.asks_cri_for_cgroup_driver", asks);
    let gates = match gates {
        Ok(gates) => gates,
        Err(unreadable) => {
            facts.set("kubelet.feature_gates", unreadable.clone());
            facts.set("kubelet.feature_gate_settings", unreadable);
            return;
        }
    };
    let by_name: BTreeMap<String, Fact> =
        gates.iter().map(|gate| (gate.name.clone(), Fact::known(gate.is_enabled, gate.source.clone()))).collect();
    facts.set("kubelet.feature_gates", Fact::group(by_name));
    let elements: Vec<Fact> = gates.iter().map(|gate| element(gate.members(), &gate.source)).collect();
    facts.set("kubelet.feature_gate_settings", Fact::group(elements));
}

/// Whether the configuration is younger than the process. Recorded trees have
/// no times of their own.
fn changed_since_start(host: &Host, command: &Command, config_path: Option<&str>) -> Fact {
    let source = Source::file(config_path.unwrap_or("/proc"));
    if !host.root.is_live() {
        return Fact::unreadable(source, "compare the times of process and file: a recorded tree keeps none");
    }
    let started = command.process.as_ref().and_then(|process| started_unix_s(host, process.started_ticks?));
    match (started, config_path.map(|path| host.root.metadata(path))) {
        (Some(started), Some(Outcome::Found(file))) => Fact::known(file.modified_unix_s > started, source),
        (Some(_), Some(Outcome::Unreadable(why))) => Fact::unreadable(source, why),
        _ => Fact::absent(source),
    }
}

/// A start in clock ticks after boot as an instant; `btime` of `proc_stat(5)` is
/// the boot, and a tick is 10 ms on every architecture that runs Kubernetes.
fn started_unix_s(host: &Host, ticks: u64) -> Option<i64> {
    let text = host.root.read_text("/proc/stat").found()?;
    let boot: i64 = text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    boot.checked_add(i64::try_from(ticks / 100).ok()?)
}
