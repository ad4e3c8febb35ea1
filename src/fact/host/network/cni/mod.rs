//! The CNI: the configuration in force, its network, and its executables.
//!
//! In come the runtime's folders, the configurations in them, and the traces
//! of networks on the node; out come `cni.*`, `network.cni`,
//! `network.uses_bridge` and `network.pod_ipv6`. The CNI specification,
//! <https://www.cni.dev/docs/spec/>; the runtime takes the first valid file
//! by the bytes of its name, and no other.

mod config;
mod declaration;
mod executable;
mod folder;
pub(super) mod known;
mod trace;

use std::collections::BTreeMap;

use super::read::fact_of;
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::host::{Collector, Host};
use crate::fact::{Fact, Facts, Source};
use config::Config;
use executable::{Folders, Found};
use folder::{ConfigFile, bin_dirs, conf_dir, read_configs};
use trace::Traces;

/// Reads the CNI.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "cni", facts: declaration::FACTS, needs: &["interface", "kubelet", "k3s", "runtime"], collect };

fn collect(host: &Host, earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    let conf_dir = conf_dir(earlier);
    let bin_dirs = bin_dirs(earlier);
    let folder = conf_dir.text().unwrap_or("/etc/cni/net.d").to_owned();
    let traces = Traces::look(host, earlier);
    facts.set("cni.conf_dir", conf_dir);
    facts.set("cni.bin_dirs", bin_dirs.clone());
    facts.set("cni.is_needed", is_needed(host, earlier));

    match read_configs(&host.root, &folder) {
        Outcome::Found(files) => {
            let all = files.iter().map(|file| config_fact(file, &traces)).collect::<Vec<_>>();
            facts.set("cni.configs", Fact::known(all, Source::file(&*folder)));
            let first = files.iter().find_map(|file| Some((file, file.parsed.as_ref().ok()?)));
            set_config(&mut facts, host, first, &traces, &bin_dirs, earlier);
            if first.is_none() {
                set_by_traces(&mut facts, &folder, &traces);
            }
        }
        Outcome::Absent => {
            facts.set("cni.configs", Fact::known(Vec::new(), Source::file(&*folder)));
            set_config(&mut facts, host, None, &traces, &bin_dirs, earlier);
            set_by_traces(&mut facts, &folder, &traces);
        }
        Outcome::Unreadable(reason) => {
            let unread = Fact::unreadable(Source::file(&*folder), reason);
            // A host without a kubelet and without a trace has no network of pods.
            let is_plain = traces.networks.is_empty() && earlier.bool("kubelet.present") == Some(false);
            let rest = if is_plain { Fact::absent(Source::file(&*folder)) } else { unread.clone() };
            for path in ["cni.config", "cni.plugins", "network.pod_ipv6"] {
                facts.set(path, rest.clone());
            }
            if is_plain || !traces.networks.is_empty() {
                set_by_traces(&mut facts, &folder, &traces);
            } else {
                facts.set("network.cni", unread.clone());
                facts.set("network.uses_bridge", unread.clone());
            }
            facts.set("cni.configs", unread);
        }
    }
    facts
}

/// Whether a kubelet of this host has joined a cluster and leaves the pods'
/// network to the CNI. Before 1.24 dockershim did so only when it was told to.
fn is_needed(host: &Host, earlier: &Facts) -> Fact {
    const KUBECONFIG: &str = "/etc/kubernetes/kubelet.conf";
    let present = match earlier.get("kubelet.present") {
        Some(fact @ Fact::Known { .. }) if fact.bool() == Some(false) => return fact.clone(),
        Some(fact @ Fact::Known { .. }) => fact,
        Some(unread) => return unread.clone(),
        None => return Fact::absent(Source::file("/usr/bin/kubelet")),
    };
    let uses_dockershim = earlier.text("runtime.name") == Some("docker")
        && earlier.text("kubelet.endpoint").is_none_or(|endpoint| endpoint.contains("dockershim"));
    if uses_dockershim && earlier.text("kubelet.network_plugin") != Some("cni") {
        return Fact::known(false, Source::default_of("kubelet up to 1.23, --network-plugin"));
    }
    if earlier.bool("kubelet.running") == Some(true) {
        let source = earlier.get("kubelet.running").and_then(Fact::source).cloned();
        return Fact::known(true, source.unwrap_or_else(|| Source::file("/proc")));
    }
    let path = earlier.text("kubelet.kubeconfig").unwrap_or(KUBECONFIG);
    match host.root.metadata(path) {
        Outcome::Found(_) => Fact::known(true, Source::file(path)),
        Outcome::Absent => Fact::known(false, present.source().cloned().unwrap_or_else(|| Source::file(path))),
        Outcome::Unreadable(reason) => Fact::unreadable(Source::file(path), reason),
    }
}

fn config_fact(file: &ConfigFile, traces: &Traces) -> Fact {
    let source = Source::file(&*file.path);
    let mut members = BTreeMap::from([
        ("path".to_owned(), Fact::known(&*file.path, source.clone())),
        ("is_valid".to_owned(), Fact::known(file.parsed.is_ok(), source.clone())),
    ]);
    let mut put = |name: &str, fact: Fact| members.insert(name.to_owned(), fact);
    match &file.parsed {
        Ok(config) => {
            let types: Vec<&str> = config.plugins.iter().map(|plugin| plugin.kind.as_str()).collect();
            let network = config.network();
            let mains: Vec<&str> =
                config.plugins.iter().filter(|plugin| !plugin.is_ipam).map(|plugin| plugin.kind.as_str()).collect();
            let is_leftover = known::is_leftover(&file.name, config.name.as_deref(), &mains);
            put("problem", Fact::absent(source.clone()));
            put("name", option_fact(config.name.clone(), &source));
            put("is_idle", Fact::known(traces.is_idle(network.as_deref()), source.clone()));
            put("bridge", option_fact(config.bridge(), &source));
            put("network", option_fact(network, &source));
            put("is_leftover", Fact::known(is_leftover, source.clone()));
            put("has_multus", Fact::known(config.has_multus(), source.clone()));
            put(
                "mtu",
                match config.plugins.iter().find_map(|plugin| plugin.mtu) {
                    Some((mtu, line)) => Fact::known(mtu, Source::line(&*file.path, line)),
                    None => Fact::absent(source.clone()),
                },
            );
            put(
                "types",
                Fact::known(
                    types.into_iter().map(|t| Fact::known(t, source.clone())).collect::<Vec<_>>(),
                    source.clone(),
                ),
            );
        }
        Err(problem) => {
            put("problem", Fact::known(&**problem, source.clone()));
            for name in ["name", "bridge", "network", "is_idle", "is_leftover", "has_multus", "mtu", "types"] {
                put(name, Fact::absent(source.clone()));
            }
        }
    }
    Fact::group(members)
}

fn option_fact(text: Option<String>, source: &Source) -> Fact {
    fact_of(source.clone(), text.map_or(Outcome::Absent, Outcome::Found))
}

/// Sets what follows from the configuration in force.
fn set_config(
    facts: &mut Facts,
    host: &Host,
    first: Option<(&ConfigFile, &Config)>,
    traces: &Traces,
    bin_dirs: &Fact,
    earlier: &Facts,
) {
    let folder = facts.text("cni.conf_dir").unwrap_or("/etc/cni/net.d").to_owned();
    let Some((file, config)) = first else {
        for path in ["cni.config", "cni.plugins", "network.pod_ipv6"] {
            facts.set(path, Fact::absent(Source::file(&*folder)));
        }
        return;
    };
    let source = Source::file(&*file.path);
    facts.set("cni.config", config_fact(file, traces));
    let needs_loopback = earlier.text("runtime.name") == Some("containerd");
    facts.set("cni.plugins", plugins_fact(&host.root, file, config, bin_dirs, needs_loopback));
    let network = config.network().unwrap_or_default();
    facts.set("network.uses_bridge", uses_bridge(&network, &source));
    facts.set(
        "network.pod_ipv6",
        match config.plugins.iter().find_map(|plugin| plugin.gives_ipv6) {
            Some(gives) => Fact::known(gives, source.clone()),
            None => pod_ipv6_by_subnet_file(&host.root, &network, &source),
        },
    );
    facts.set("network.cni", Fact::known(network, source));
}

fn uses_bridge(network: &str, source: &Source) -> Fact {
    match known::by_name(network) {
        Some(known) => Fact::known(known.uses_bridge, source.clone()),
        None => Fact::unreadable(
            source.clone(),
            format!("tell whether the CNI plugin {network} uses a Linux bridge: the plugin is not known"),
        ),
    }
}

/// Flannel writes the pods' IPv6 network, where it has one, beside the IPv4 one.
fn pod_ipv6_by_subnet_file(root: &HostRoot, network: &str, source: &Source) -> Fact {
    const PATH: &str = "/run/flannel/subnet.env";
    if network != "flannel" {
        return Fact::absent(source.clone());
    }
    fact_of(
        Source::file(PATH),
        root.read_text(PATH).map(|text| text.lines().any(|line| line.starts_with("FLANNEL_IPV6_SUBNET="))),
    )
}

/// Without a configuration in force, the traces on the node tell the network.
fn set_by_traces(facts: &mut Facts, folder: &str, traces: &Traces) {
    if let Some((network, source)) = traces.networks.first() {
        facts.set("network.uses_bridge", uses_bridge(network, source));
        facts.set("network.cni", Fact::known(*network, source.clone()));
    } else {
        facts.set("network.uses_bridge", Fact::absent(Source::file(folder)));
        facts.set("network.cni", Fact::absent(Source::file(folder)));
    }
}

fn plugins_fact(root: &HostRoot, file: &ConfigFile, config: &Config, bin_dirs: &Fact, needs_loopback: bool) -> Fact {
    let paths: Vec<String> =
        bin_dirs.list().unwrap_or_default().iter().filter_map(Fact::text).map(str::to_owned).collect();
    let folders = Folders::look(root, &paths);
    let mut wanted: Vec<(&str, u32, bool)> =
        config.plugins.iter().map(|plugin| (plugin.kind.as_str(), plugin.line, plugin.is_named)).collect();
    // containerd sets the loopback up with a plugin of its own accord.
    if needs_loopback {
        wanted.push(("loopback", 1, false));
    }
    let mut seen = Vec::new();
    let mut plugins = Vec::new();
    for (kind, line, is_named) in wanted {
        if seen.contains(&kind) {
            continue;
        }
        seen.push(kind);
        let source = Source::line(&*file.path, line);
        let (is_executable, place) = match folders.find(kind, is_named) {
            Found::Executable(path) => (Fact::known(true, source.clone()), format!("{kind} is {path}")),
            Found::NotExecutable(path) => {
                (Fact::known(false, source.clone()), format!("{kind}: {path} is not an executable file"))
            }
            Found::Missing => (Fact::known(false, source.clone()), format!("{kind} is not in {}", paths.join(", "))),
            Found::Unknown(reason) => (Fact::unreadable(source.clone(), reason), format!("{kind}: unknown")),
        };
        plugins.push(Fact::group(BTreeMap::from([
            ("type".to_owned(), Fact::known(kind, source.clone())),
            ("is_executable".to_owned(), is_executable),
            ("setting".to_owned(), Fact::known(place, source)),
        ])));
    }
    Fact::known(plugins, Source::file(&*file.path))
}

#[cfg(test)]
#[path = "cni_test.rs"]
mod tests;
