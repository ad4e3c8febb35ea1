//! kube-proxy: whether it runs here, its mode, and the modules that ipvs needs.
//!
//! Flags come before the configuration file's `mode` and `ipvs.scheduler`
//! (<https://kubernetes.io/docs/reference/config-api/kube-proxy-config.v1alpha1/>).
//! The file of a kube-proxy in a pod lies in the pod's `ConfigMap` volume. k3s
//! has it inside and passes it `--kube-proxy-arg`.

mod settings;

use std::collections::BTreeMap;

use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::root::Outcome;
use crate::fact::host::{Collector, Host};
use crate::fact::{Fact, Facts, Source};
use settings::{Settings, by_trace, of_k3s, of_process, read_volumes};

/// Reads kube-proxy.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "kube_proxy", facts: FACTS, needs: &["interface", "k3s", "module"], collect };

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

const DEFAULT: &str = "kube-proxy, --proxy-mode and --ipvs-scheduler";

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
    use super::settings::parse_settings;
    use super::*;

    #[test]
    fn an_empty_mode_is_the_default() {
        let mut facts = Facts::default();
        let settings = parse_settings("mode: \"\"\nipvs:\n  scheduler: \"\"\n", "/c");
        set_settings(&mut facts, &Facts::default(), Outcome::Found(settings), &Source::file("/proc"));
        assert_eq!(facts.text("kube_proxy.mode"), Some("iptables"));
        assert!(matches!(facts.get("kube_proxy.ipvs_modules"), Some(Fact::Absent { .. })));
    }

    #[test]
    fn a_module_that_can_be_loaded_is_not_missing() {
        let mut facts = Facts::default();
        let set = |facts: &mut Facts, available: bool, loadable: Option<bool>| {
            facts.set("module.ip_vs.available", Fact::group(available));
            let unread = Fact::unreadable(Source::file("/lib/modules"), "not recorded");
            facts.set("module.ip_vs.loadable", loadable.map_or(unread, Fact::group));
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
