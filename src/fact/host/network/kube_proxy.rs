//! kube-proxy: whether it runs here, its mode, and the modules that ipvs needs.
//!
//! Flags come before the configuration file's `mode` and `ipvs.scheduler`
//! (<https://kubernetes.io/docs/reference/config-api/kube-proxy-config.v1alpha1/>).
//! The file of a kube-proxy in a pod lies in the pod's `ConfigMap` volume. k3s
//! has it inside and passes it `--kube-proxy-arg`.

use std::collections::BTreeMap;

use super::read::interface;
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::document::{Node, parse_yaml};
use crate::fact::host::process::Process;
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::host::{Collector, Host};
use crate::fact::{Fact, Facts, Source};

/// Reads kube-proxy.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "kube_proxy", facts: FACTS, needs: &["interface", "k3s"], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "kube_proxy.present",
        Type::Bool,
        "Whether kube-proxy, alone or inside of k3s, runs on this host, or its configuration is mounted by a pod of this node.",
    ),
    FactDoc::new(
        "kube_proxy.mode",
        Type::Text,
        "iptables, ipvs, nftables …: the process's --proxy-mode, else its configuration file's `mode`, else the default, iptables. \
         Absent: no kube-proxy. Unreadable: it runs, but its configuration cannot be seen.",
    ),
    FactDoc::new(
        "kube_proxy.ipvs_scheduler",
        Type::Text,
        "The scheduler of ipvs mode: --ipvs-scheduler, else `ipvs.scheduler`, else the default, rr. Absent: the mode is not ipvs.",
    ),
    FactDoc::new(
        "kube_proxy.ipvs_modules",
        Type::List(&Type::Object(MODULE)),
        "The kernel modules that ipvs mode needs: ip_vs and the one of its scheduler. Absent: the mode is not ipvs.",
    ),
];

const MODULE: &[Field] = &[
    Field::new("name", Type::Text, "its name"),
    Field::new(
        "is_missing",
        Type::Bool,
        "whether it is neither loaded nor built in, and the kernel could not load it on demand either",
    ),
];

/// Where the kubelet keeps the volumes of pods.
const PODS: &str = "/var/lib/kubelet/pods";
const DEFAULT: &str = "kube-proxy, --proxy-mode and --ipvs-scheduler";

/// A setting and where it stands.
type Setting = (String, Source);

/// What a kube-proxy is set to.
#[derive(Debug, Default, PartialEq)]
struct Settings {
    mode: Option<Setting>,
    scheduler: Option<Setting>,
}

impl Settings {
    /// These settings; where they say nothing, the others'.
    fn or(self, others: Settings) -> Settings {
        Settings { mode: self.mode.or(others.mode), scheduler: self.scheduler.or(others.scheduler) }
    }
}

fn collect(host: &Host, earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    let process = host.processes().as_ref().map(|all| all.iter().find(|p| p.program() == "kube-proxy").cloned());
    let (present, settings) = match process {
        Outcome::Found(Some(process)) => {
            (Fact::known(true, Source::file(process.command_line_path())), of_process(&host.root, &process))
        }
        other => match of_k3s(earlier).or_else(|| read_volumes(&host.root, None)) {
            Some((settings, source)) => (Fact::known(true, source), Outcome::Found(settings)),
            None => match (by_trace(earlier), other) {
                (Some((settings, source)), _) => (Fact::known(true, source), Outcome::Found(settings)),
                (None, Outcome::Found(_)) => (Fact::known(false, Source::file("/proc")), Outcome::Absent),
                (None, Outcome::Absent) => {
                    let reason = "read /proc: no processes were recorded".to_owned();
                    (Fact::unreadable(Source::file("/proc"), reason.clone()), Outcome::Unreadable(reason))
                }
                (None, Outcome::Unreadable(reason)) => {
                    (Fact::unreadable(Source::file("/proc"), reason.clone()), Outcome::Unreadable(reason))
                }
            },
        },
    };
    let source = present.source().cloned().unwrap_or_else(|| Source::file("/proc"));
    facts.set("kube_proxy.present", present);
    set_settings(&mut facts, earlier, settings, &source);
    facts
}

fn set_settings(facts: &mut Facts, earlier: &Facts, settings: Outcome<Settings>, source: &Source) {
    let default = |value: &str| (value.to_owned(), Source::default_of(DEFAULT));
    let settings = match settings {
        Outcome::Found(settings) => settings,
        Outcome::Absent => return set_all(facts, &Fact::absent(source.clone())),
        Outcome::Unreadable(reason) => return set_all(facts, &Fact::unreadable(source.clone(), reason)),
    };
    let (mode, mode_source) = settings.mode.unwrap_or_else(|| default("iptables"));
    facts.set("kube_proxy.mode", Fact::known(&*mode, mode_source.clone()));
    if mode == "ipvs" {
        let (scheduler, scheduler_source) = settings.scheduler.unwrap_or_else(|| default("rr"));
        let names = ["ip_vs".to_owned(), format!("ip_vs_{scheduler}")];
        let modules: Vec<Fact> = names.iter().map(|name| module_fact(earlier, name, &scheduler_source)).collect();
        facts.set("kube_proxy.ipvs_scheduler", Fact::known(scheduler, scheduler_source));
        facts.set("kube_proxy.ipvs_modules", Fact::known(modules, mode_source));
    } else {
        facts.set("kube_proxy.ipvs_scheduler", Fact::absent(mode_source.clone()));
        facts.set("kube_proxy.ipvs_modules", Fact::absent(mode_source));
    }
}

fn set_all(facts: &mut Facts, fact: &Fact) {
    for path in ["kube_proxy.mode", "kube_proxy.ipvs_scheduler", "kube_proxy.ipvs_modules"] {
        facts.set(path, fact.clone());
    }
}

/// Flags of the process, else its configuration file.
fn of_process(root: &HostRoot, process: &Process) -> Outcome<Settings> {
    let source = Source::file(process.command_line_path());
    let flag = |name: &str| {
        process.flag(name).filter(|value| !value.is_empty()).map(|value| (value.to_owned(), source.clone()))
    };
    let flags = Settings { mode: flag("proxy-mode"), scheduler: flag("ipvs-scheduler") };
    let Some(path) = process.flag("config") else { return Outcome::Found(flags) };
    if process.cgroups.iter().any(|line| line.contains("kubepods")) || process.cgroups.is_empty() {
        let uid = process.cgroups.iter().find_map(|line| parse_pod_uid(line));
        if let Some((settings, _)) = read_volumes(root, uid.as_deref()) {
            return Outcome::Found(flags.or(settings));
        }
    } else {
        match root.read_text(path) {
            Outcome::Found(text) => return Outcome::Found(flags.or(parse_settings(&text, path))),
            Outcome::Unreadable(reason) if flags.mode.is_none() => return Outcome::Unreadable(reason),
            _ => {}
        }
    }
    match flags.mode {
        Some(_) => Outcome::Found(flags),
        None => {
            Outcome::Unreadable(format!("read kube-proxy's configuration {path}: it is in a volume that is not there"))
        }
    }
}

/// The configuration in the volume of a kube-proxy pod (kubeadm's name of it).
fn read_volumes(root: &HostRoot, uid: Option<&str>) -> Option<(Settings, Source)> {
    let uids = match uid {
        Some(uid) => vec![uid.to_owned()],
        None => root.read_folder(PODS).found()?,
    };
    uids.iter().find_map(|uid| {
        let path = format!("{PODS}/{uid}/volumes/kubernetes.io~configmap/kube-proxy/config.conf");
        let text = root.read_text(&path).found()?;
        Some((parse_settings(&text, &path), Source::file(path)))
    })
}

/// k3s runs kube-proxy inside of itself, unless it is told not to.
fn of_k3s(earlier: &Facts) -> Option<(Settings, Source)> {
    if earlier.text("k3s.distribution") != Some("k3s") {
        return None;
    }
    let settings = earlier.get("k3s.settings").and_then(Fact::list).unwrap_or_default();
    let named = |name: &str| {
        settings
            .iter()
            .filter(|setting| setting.member("name").and_then(Fact::text) == Some(name))
            .filter_map(|setting| setting.member("value"))
            .filter_map(|value| Some((value.text()?, value.source()?.clone())))
            .collect::<Vec<_>>()
    };
    if named("disable-kube-proxy").last().is_some_and(|(value, _)| *value != "false") {
        return None;
    }
    let argument = |name: &str| {
        let prefix = format!("{name}=");
        named("kube-proxy-arg")
            .into_iter()
            .rev()
            .find_map(|(value, source)| Some((value.trim_start_matches('-').strip_prefix(&prefix)?.to_owned(), source)))
    };
    let source = earlier.get("k3s.distribution")?.source().cloned().unwrap_or_else(|| Source::file("/proc"));
    Some((Settings { mode: argument("proxy-mode"), scheduler: argument("ipvs-scheduler") }, source))
}

/// Where kube-proxy itself cannot be seen: the device that ipvs mode makes.
fn by_trace(earlier: &Facts) -> Option<(Settings, Source)> {
    interface(earlier, "kube-ipvs0")?;
    let source = Source::file("/sys/class/net/kube-ipvs0");
    Some((Settings { mode: Some(("ipvs".to_owned(), source.clone())), scheduler: None }, source))
}

fn parse_settings(text: &str, path: &str) -> Settings {
    let documents = parse_yaml(text).unwrap_or_default();
    let setting = |at: &[&str]| {
        let node = documents.iter().find_map(|document| document.at(at))?;
        let value = Node::text(node).filter(|value| !value.is_empty())?;
        Some((value.to_owned(), Source::line(path, node.line)))
    };
    Settings { mode: setting(&["mode"]), scheduler: setting(&["ipvs", "scheduler"]) }
}

/// The pod's uid in a cgroup path; systemd's slices write it with underscores.
fn parse_pod_uid(cgroup: &str) -> Option<String> {
    cgroup
        .split(['/', '-'])
        .find_map(|part| {
            let uid = part.strip_prefix("pod")?.trim_end_matches(".slice").replace('_', "-");
            (uid.len() == 36 || uid.len() == 32).then_some(uid)
        })
        .or_else(|| {
            let (_, rest) = cgroup.split_once("/pod")?;
            rest.split('/').next().map(str::to_owned)
        })
}

/// Whether a module of ipvs mode is missing. The kernel loads these by itself
/// when kube-proxy asks for them, so one that can be loaded is not missing.
fn module_fact(earlier: &Facts, name: &str, source: &Source) -> Fact {
    let module = earlier.get("module").and_then(|modules| modules.member(name));
    let member = |member: &str| module.and_then(|module| module.member(member));
    let is_missing = match (member("available"), member("loadable").and_then(Fact::bool)) {
        (Some(Fact::Known { source, .. }), loadable) => {
            let is_there = member("available").and_then(Fact::bool) == Some(true) || loadable == Some(true);
            Fact::known(!is_there, source.clone().unwrap_or_else(|| Source::file("/proc/modules")))
        }
        (Some(unread), _) => unread.clone(),
        (None, _) => {
            Fact::unreadable(Source::file("/proc/modules"), format!("tell whether the module {name} is there"))
        }
    };
    Fact::group(BTreeMap::from([
        ("name".to_owned(), Fact::known(name, source.clone())),
        ("is_missing".to_owned(), is_missing),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nipvs:\n  scheduler: \"sh\"\n\
                          mode: \"ipvs\"\n";

    #[test]
    fn the_configuration_names_mode_and_scheduler_with_their_lines() {
        let settings = parse_settings(CONFIG, "/c");
        assert_eq!(settings.mode, Some(("ipvs".to_owned(), Source::line("/c", 5))));
        assert_eq!(settings.scheduler, Some(("sh".to_owned(), Source::line("/c", 4))));
    }

    #[test]
    fn an_empty_mode_is_the_default() {
        let mut facts = Facts::default();
        let settings = parse_settings("mode: \"\"\nipvs:\n  scheduler: \"\"\n", "/c");
        set_settings(&mut facts, &Facts::default(), Outcome::Found(settings), &Source::file("/proc"));
        assert_eq!(facts.text("kube_proxy.mode"), Some("iptables"));
        assert!(matches!(facts.get("kube_proxy.ipvs_modules"), Some(Fact::Absent { .. })));
    }

    #[test]
    fn a_flag_comes_before_the_file() {
        let flags = Settings { mode: Some(("nftables".to_owned(), Source::file("/proc/9/cmdline"))), scheduler: None };
        let settings = flags.or(parse_settings(CONFIG, "/c"));
        assert_eq!(settings.mode.map(|(mode, _)| mode).as_deref(), Some("nftables"));
        assert_eq!(settings.scheduler.map(|(scheduler, _)| scheduler).as_deref(), Some("sh"));
    }

    #[test]
    fn the_pod_of_a_process_is_in_its_cgroup_in_either_driver() {
        let systemd = "0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod0b1c2d3e_4f50_6172_8394_a5b6c7d8e9f0.slice/x.scope";
        assert_eq!(parse_pod_uid(systemd).as_deref(), Some("0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0"));
        let cgroupfs = "11:memory:/kubepods/besteffort/pod0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0/abc";
        assert_eq!(parse_pod_uid(cgroupfs).as_deref(), Some("0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0"));
        assert_eq!(parse_pod_uid("0::/system.slice/kubelet.service"), None);
    }

    #[test]
    fn k3s_passes_arguments_on() {
        let mut facts = Facts::default();
        let setting = |name: &str, value: &str| {
            Fact::group(BTreeMap::from([
                ("name".to_owned(), Fact::group(name)),
                ("value".to_owned(), Fact::known(value, Source::line("/etc/rancher/k3s/config.yaml", 2))),
            ]))
        };
        facts.set("k3s.distribution", Fact::known("k3s", Source::file("/proc/7/cmdline")));
        facts.set("k3s.settings", Fact::group(vec![setting("kube-proxy-arg", "proxy-mode=ipvs")]));
        let (settings, _) = of_k3s(&facts).unwrap();
        assert_eq!(settings.mode.map(|(mode, _)| mode).as_deref(), Some("ipvs"));
        facts.set("k3s.settings", Fact::group(vec![setting("disable-kube-proxy", "true")]));
        assert_eq!(of_k3s(&facts), None);
    }

    #[test]
    fn a_module_that_can_be_loaded_is_not_missing() {
        let mut facts = Facts::default();
        let set = |facts: &mut Facts, available: bool, loadable: Option<bool>| {
            facts.set("module.ip_vs.available", Fact::group(available));
            match loadable {
                Some(loadable) => facts.set("module.ip_vs.loadable", Fact::group(loadable)),
                None => {
                    facts.set("module.ip_vs.loadable", Fact::unreadable(Source::file("/lib/modules"), "not recorded"))
                }
            }
            let source = Source::file("/c");
            module_fact(facts, "ip_vs", &source).member("is_missing").and_then(Fact::bool)
        };
        assert_eq!(set(&mut facts, true, None), Some(false));
        assert_eq!(set(&mut facts, false, Some(true)), Some(false));
        assert_eq!(set(&mut facts, false, Some(false)), Some(true));
        // It runs in this mode and its module is not there, whatever could be loaded.
        assert_eq!(set(&mut facts, false, None), Some(true));
    }
}
