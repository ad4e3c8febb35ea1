//! Kernel modules: loaded, built in, or loadable, and what loads them at boot.
//!
//! Sources: `/proc/modules`, `/sys/module`, `modules.builtin` and `modules.dep`
//! below `/lib/modules/<release>`, and what a module does when it is there,
//! since built-in modules without parameters do not appear in `/sys/module`
//! and a kernel without modules has none of these files. `-` and `_` mean the
//! same in names (modprobe(8)); names here have `_`. For the boot see [`boot`].

mod boot;
mod list;

use std::collections::{BTreeMap, BTreeSet};

use super::absence::not_recorded;
use super::root::{HostRoot, Outcome};
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Source, Value};
use list::{PROC_FILE_SYSTEMS, PROC_MODULES, Sources, read_sources};

pub(super) const COLLECTOR: Collector = Collector { name: "module", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "module",
        Type::Map(&Type::Object(MODULE)),
        "Kernel modules by name (with `_`): those that are loaded, those that something loads at boot, and those that nodes may need.",
    ),
    FactDoc::new("kernel.has_modules", Type::Bool, "Whether this kernel can load modules: `/proc/modules` is there."),
];

const MODULE: &[Field] = &[
    Field::new("available", Type::Bool, "It is loaded or built in, by any sign of it"),
    Field::new("loaded", Type::Bool, "It is listed in /proc/modules"),
    Field::new("built_in", Type::Bool, "It is part of the kernel, by modules.builtin"),
    Field::new("loadable", Type::Bool, "modules.dep of the running kernel has it"),
    Field::new("loaded_at_boot", Type::Bool, "It is built in, or something loads it at boot on this system"),
];

/// Modules that rules ask for; they always have an answer.
const WANTED: &[&str] = &[
    "br_netfilter",
    "ceph",
    "dummy",
    "fuse",
    "geneve",
    "ip_vs",
    "ip_vs_lc",
    "ip_vs_rr",
    "ip_vs_sh",
    "ip_vs_wrr",
    "ipip",
    "iscsi_tcp",
    "kvm",
    "kvm_amd",
    "kvm_intel",
    "nf_conntrack",
    "nf_conntrack_ipv4",
    "nf_tables",
    "nfs",
    "nfsd",
    "nouveau",
    "nvidia",
    "nvidia_uvm",
    "overlay",
    "rbd",
    "tun",
    "veth",
    "vxlan",
    "wireguard",
    "xt_set",
    "zram",
];

/// What is there when a module is, whether or not it was built in.
const PROBES: &[Probe] = &[
    Probe { module: "br_netfilter", path: "/proc/sys/net/bridge/bridge-nf-call-iptables", shows_absence: true },
    Probe { module: "ip_vs", path: "/proc/net/ip_vs", shows_absence: false },
    Probe { module: "nf_conntrack", path: "/proc/sys/net/netfilter/nf_conntrack_max", shows_absence: false },
    Probe { module: "kvm", path: "/sys/class/misc/kvm", shows_absence: false },
    Probe { module: "rbd", path: "/sys/bus/rbd", shows_absence: false },
    Probe { module: "nvidia", path: "/proc/driver/nvidia/version", shows_absence: false },
    Probe { module: "zram", path: "/sys/class/zram-control", shows_absence: false },
    Probe { module: "tun", path: "/sys/class/misc/tun", shows_absence: false },
];

/// Modules that announce themselves as a file system, and its name.
const FILE_SYSTEMS: &[(&str, &str)] =
    &[("overlay", "overlay"), ("nfs", "nfs"), ("nfsd", "nfsd"), ("ceph", "ceph"), ("fuse", "fuse")];

struct Probe {
    module: &'static str,
    path: &'static str,
    /// Whether the path's absence means that the module is not there.
    shows_absence: bool,
}

fn collect(host: &Host, _: &Facts) -> Facts {
    let root = &host.root;
    let sources = read_sources(root);
    let at_boot = boot::read_boot(host);
    let mut names: BTreeSet<String> = WANTED.iter().map(|name| (*name).to_owned()).collect();
    if let Outcome::Found(loaded) = &sources.loaded {
        names.extend(loaded.keys().cloned());
    }
    names.extend(at_boot.modules.keys().cloned());
    let modules: BTreeMap<String, Fact> = names
        .into_iter()
        .map(|name| {
            let module = module_fact(root, &sources, &at_boot, &name);
            (name, module)
        })
        .collect();
    let mut facts = Facts::default();
    facts.set("module", Fact::group(Value::Map(modules)));
    facts.set(
        "kernel.has_modules",
        match &sources.loaded {
            Outcome::Found(_) => Fact::known(true, Source::file(PROC_MODULES)),
            Outcome::Absent if root.has_kernel_files() => Fact::known(false, Source::file(PROC_MODULES)),
            Outcome::Absent => Fact::unreadable(Source::file(PROC_MODULES), not_recorded(PROC_MODULES)),
            Outcome::Unreadable(reason) => Fact::unreadable(Source::file(PROC_MODULES), reason.as_str()),
        },
    );
    facts
}

fn module_fact(root: &HostRoot, sources: &Sources, at_boot: &boot::AtBoot, name: &str) -> Fact {
    let members = BTreeMap::from([
        ("available".to_owned(), available(root, sources, name)),
        ("loaded".to_owned(), loaded(root, sources, name)),
        ("built_in".to_owned(), listed(&sources.built_in, &sources.folder, "modules.builtin", name)),
        ("loadable".to_owned(), loadable(root, sources, name)),
        ("loaded_at_boot".to_owned(), loaded_at_boot(root, sources, at_boot, name)),
    ]);
    Fact::group(Value::Map(members))
}

fn listed(list: &Outcome<BTreeMap<String, u32>>, folder: &str, file: &str, name: &str) -> Fact {
    let path = format!("{folder}/{file}");
    match list {
        Outcome::Found(modules) => match modules.get(name) {
            Some(line) => Fact::known(true, Source::line(path, *line)),
            None => Fact::known(false, Source::file(path)),
        },
        Outcome::Absent => Fact::unreadable(Source::file(path.clone()), not_recorded(&path)),
        Outcome::Unreadable(reason) => Fact::unreadable(Source::file(path), reason.as_str()),
    }
}

fn loaded(root: &HostRoot, sources: &Sources, name: &str) -> Fact {
    let source = Source::file(PROC_MODULES);
    match &sources.loaded {
        Outcome::Found(modules) => match modules.get(name) {
            Some(line) => Fact::known(true, Source::line(PROC_MODULES, *line)),
            None => Fact::known(false, source),
        },
        // A kernel without modules loads none.
        Outcome::Absent if root.has_kernel_files() => Fact::known(false, source),
        Outcome::Absent => Fact::unreadable(source, not_recorded(PROC_MODULES)),
        Outcome::Unreadable(reason) => Fact::unreadable(source, reason.as_str()),
    }
}

fn loadable(root: &HostRoot, sources: &Sources, name: &str) -> Fact {
    if matches!(sources.loaded, Outcome::Absent) && root.has_kernel_files() {
        return Fact::known(false, Source::file(PROC_MODULES));
    }
    listed(&sources.loadable, &sources.folder, "modules.dep", name)
}

/// Loaded or built in, by the first sign that tells; "no" needs a sign too.
fn available(root: &HostRoot, sources: &Sources, name: &str) -> Fact {
    let in_sys = format!("/sys/module/{name}");
    if root.metadata(&in_sys).is_found() {
        return Fact::known(true, Source::file(in_sys));
    }
    if let Outcome::Found(modules) = &sources.loaded
        && let Some(line) = modules.get(name)
    {
        return Fact::known(true, Source::line(PROC_MODULES, *line));
    }
    if let Outcome::Found(modules) = &sources.built_in
        && let Some(line) = modules.get(name)
    {
        return Fact::known(true, Source::line(format!("{}/modules.builtin", sources.folder), *line));
    }
    let lists_were_read = root.has_kernel_files() || sources.loaded.is_found() || sources.loadable.is_found();
    if let Some((probe, is_there)) = probe(root, sources, name)
        && (is_there || lists_were_read)
    {
        return Fact::known(is_there, probe);
    }
    match (&sources.loaded, &sources.built_in) {
        (Outcome::Found(_), Outcome::Found(_)) => Fact::known(false, Source::file(PROC_MODULES)),
        (Outcome::Unreadable(reason), _) | (_, Outcome::Unreadable(reason)) => {
            Fact::unreadable(Source::file(PROC_MODULES), reason.as_str())
        }
        _ => Fact::unreadable(Source::file(PROC_MODULES), not_recorded(PROC_MODULES)),
    }
}

/// What the module's work shows, where it shows anything.
fn probe(root: &HostRoot, sources: &Sources, name: &str) -> Option<(Source, bool)> {
    for (_, file_system) in FILE_SYSTEMS.iter().filter(|(module, _)| *module == name) {
        if let Outcome::Found(known) = &sources.file_systems {
            let line = known.get(*file_system);
            let source = line.map_or(Source::file(PROC_FILE_SYSTEMS), |line| Source::line(PROC_FILE_SYSTEMS, *line));
            return Some((source, line.is_some()));
        }
    }
    PROBES.iter().filter(|probe| probe.module == name).find_map(|probe| match root.read_kernel(probe.path) {
        Outcome::Found(_) => Some((Source::file(probe.path), true)),
        // The folder is missing with its file, so the folder above decides whether anybody looked.
        _ if root.metadata(probe.path).is_found() => Some((Source::file(probe.path), true)),
        _ if probe.shows_absence && has_grandparent(root, probe.path) => Some((Source::file(probe.path), false)),
        _ => None,
    })
}

fn has_grandparent(root: &HostRoot, path: &str) -> bool {
    let above = path.rsplit_once('/').and_then(|(folder, _)| folder.rsplit_once('/')).map_or("/", |(above, _)| above);
    root.metadata(above).is_found() && !root.metadata(path).is_found()
}

fn loaded_at_boot(root: &HostRoot, sources: &Sources, at_boot: &boot::AtBoot, name: &str) -> Fact {
    if let Outcome::Found(modules) = &sources.built_in
        && let Some(line) = modules.get(name)
    {
        return Fact::known(true, Source::line(format!("{}/modules.builtin", sources.folder), *line));
    }
    if let Some(source) = at_boot.modules.get(name) {
        return Fact::known(true, source.clone());
    }
    // What works in a kernel without modules is built in.
    if matches!(sources.loaded, Outcome::Absent) && root.has_kernel_files() {
        return match available(root, sources, name) {
            Fact::Known { value: Value::Bool(true), source } => Fact::Known { value: Value::Bool(true), source },
            other => other,
        };
    }
    match &at_boot.unread {
        None => Fact::known(false, Source::file("/etc/modules-load.d")),
        Some(reason) => Fact::unreadable(Source::file("/etc/modules-load.d"), reason.as_str()),
    }
}
