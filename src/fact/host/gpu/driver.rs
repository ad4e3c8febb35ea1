//! The driver: which kernel module is loaded, and what it says of each GPU.
//!
//! Sources: `/proc/driver/nvidia/version` (`NVRM version: NVIDIA UNIX x86_64
//! Kernel Module  535.230.02 …` or `… Open Kernel Module for x86_64 …`, which
//! nv-procfs.c of open-gpu-kernel-modules writes), `/sys/module/nvidia/version`,
//! `/proc/modules`, and `information` of each GPU.

use super::library;
use crate::fact::host::Host;
use crate::fact::host::absence::not_recorded;
use crate::fact::host::root::{FileKind, HostRoot, Outcome};
use crate::fact::{Fact, Facts, Source};

const VERSION: &str = "/proc/driver/nvidia/version";
const MODULE_VERSION: &str = "/sys/module/nvidia/version";
const MODULES: &str = "/proc/modules";

/// Where the GPU Operator's driver container says that it is done.
const READY: &[&str] = &["/run/nvidia/validations/.driver-ctr-ready", "/run/nvidia/validations/driver-ready"];

/// What the driver says of one GPU.
#[derive(Debug)]
pub(super) struct Information {
    pub(super) model: Fact,
    pub(super) uuid: Fact,
    pub(super) minor: Fact,
}

pub(super) fn set_facts(host: &Host, facts: &mut Facts) {
    let root = &host.root;
    facts.set("gpu.driver_version", read_version(root));
    facts.set("gpu.nouveau_loaded", read_nouveau(root));
    facts.set("gpu.driver_container_starting", read_container(root));
    facts.set("gpu.fabric_manager_running", read_fabric_manager(host));
    facts.set("gpu.fabric_manager_version", read_fabric_manager_version(host));
    library::set_facts(root, facts);
}

fn read_version(root: &HostRoot) -> Fact {
    match root.read_text(VERSION) {
        Outcome::Found(text) => match parse_version(&text) {
            Some(version) => Fact::known(version, Source::line(VERSION, 1)),
            None => Fact::unreadable(Source::line(VERSION, 1), format!("read {VERSION}: no version in it")),
        },
        Outcome::Unreadable(reason) => Fact::unreadable(Source::file(VERSION), reason),
        Outcome::Absent => match root.read_text(MODULE_VERSION) {
            Outcome::Found(text) => Fact::known(text.trim(), Source::line(MODULE_VERSION, 1)),
            Outcome::Unreadable(reason) => Fact::unreadable(Source::file(MODULE_VERSION), reason),
            Outcome::Absent => not_loaded(root),
        },
    }
}

/// Whether it is really not loaded, by the list of modules.
fn not_loaded(root: &HostRoot) -> Fact {
    match root.read_kernel_text(MODULES) {
        Outcome::Found(text) if names_module(&text, "nvidia") => {
            Fact::unreadable(Source::file(VERSION), not_recorded(VERSION))
        }
        Outcome::Unreadable(_) if !root.has_kernel_files() => {
            Fact::unreadable(Source::file(VERSION), not_recorded(VERSION))
        }
        _ => Fact::absent(Source::file(VERSION)),
    }
}

fn read_nouveau(root: &HostRoot) -> Fact {
    match root.read_kernel_text(MODULES) {
        Outcome::Found(text) => Fact::known(names_module(&text, "nouveau"), Source::file(MODULES)),
        Outcome::Absent if root.metadata("/sys/module/nouveau").is_found() => {
            Fact::known(true, Source::file("/sys/module/nouveau"))
        }
        Outcome::Absent => Fact::known(false, Source::file(MODULES)),
        Outcome::Unreadable(reason) => Fact::unreadable(Source::file(MODULES), reason),
    }
}

fn names_module(modules: &str, name: &str) -> bool {
    modules.lines().any(|line| line.split_whitespace().next() == Some(name))
}

/// The Operator's validator writes one of the files of [`READY`] when the
/// driver's container is done; its folder is there from the start.
fn read_container(root: &HostRoot) -> Fact {
    let folder = "/run/nvidia/validations";
    let is_here = matches!(root.metadata(folder), Outcome::Found(found) if found.kind == FileKind::Folder);
    let is_ready = READY.iter().any(|path| root.metadata(path).is_found());
    Fact::known(is_here && !is_ready, Source::file(folder))
}

fn read_fabric_manager(host: &Host) -> Fact {
    let source = Source::file("/proc");
    match host.processes() {
        Outcome::Found(processes) => {
            let manager = processes.iter().find(|process| process.program().starts_with("nv-fabricmanage"));
            let source = manager.map_or(source, |process| Source::file(process.command_line_path()));
            Fact::known(manager.is_some(), source)
        }
        Outcome::Absent => Fact::unreadable(source, "read /proc: no processes were recorded"),
        Outcome::Unreadable(reason) => Fact::unreadable(source, reason.as_str()),
    }
}

/// NVIDIA's packages and Ubuntu's, which name the branch too:
/// `nvidia-fabricmanager-580`, version `580.95.05-1`.
fn read_fabric_manager_version(host: &Host) -> Fact {
    let names = ["nvidia-fabricmanager", "nvidia-fabric-manager"];
    let is_it = |name: &str| {
        let branch = names.iter().find_map(|known| name.strip_prefix(known));
        branch.is_some_and(|rest| rest.is_empty() || rest.starts_with('-') && !rest.ends_with("-dev"))
    };
    let source = Source::default_of("packages of the host");
    match host.packages() {
        Outcome::Found(packages) => match packages.iter().find(|package| is_it(&package.name)) {
            Some(package) => {
                let version = package.version.rsplit(':').next().unwrap_or_default();
                let version = version.split(['-', '+', '~']).next().unwrap_or_default();
                Fact::known(version, Source::File { path: package.path.clone(), line: package.line })
            }
            None => Fact::absent(source),
        },
        Outcome::Absent => Fact::absent(source),
        Outcome::Unreadable(reason) => Fact::unreadable(source, reason.as_str()),
    }
}

/// The version in the line that the module writes, between its kind and the
/// date of its build.
pub(super) fn parse_version(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with("NVRM version:"))?;
    let (_, rest) = line.split_once("Kernel Module")?;
    rest.split_whitespace().find(|word| is_version(word)).map(str::to_owned)
}

/// Two or three numbers with dots between, such as `580.95.05`.
pub(super) fn is_version(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (2..=3).contains(&parts.len()) && parts.iter().all(is_number)
}

/// What the driver says of the GPU at an address, `/proc/driver/nvidia/gpus`.
pub(super) fn read_information(root: &HostRoot, address: &str) -> Information {
    let path = format!("/proc/driver/nvidia/gpus/{address}/information");
    let text = match root.read_text(&path) {
        Outcome::Found(text) => text,
        Outcome::Absent => {
            let absent = || Fact::absent(Source::file(&path));
            return Information { model: absent(), uuid: absent(), minor: absent() };
        }
        Outcome::Unreadable(reason) => {
            let unreadable = || Fact::unreadable(Source::file(&path), reason.as_str());
            return Information { model: unreadable(), uuid: unreadable(), minor: unreadable() };
        }
    };
    let value = |key: &str| {
        (1_u32..).zip(text.lines()).find_map(|(number, line)| {
            let value = line.split_once(':').filter(|(name, _)| name.trim() == key)?.1.trim();
            Some((value, Source::line(&path, number)))
        })
    };
    let absent = || Fact::absent(Source::file(&path));
    Information {
        model: value("Model").map_or_else(absent, |(model, source)| Fact::known(model, source)),
        // The driver learns it when somebody first opens the device.
        uuid: value("GPU UUID").map_or_else(absent, |(uuid, source)| {
            if uuid.contains('?') {
                Fact::unreadable(source, format!("read {path}: nobody has opened the GPU yet"))
            } else {
                Fact::known(uuid, source)
            }
        }),
        minor: value("Device Minor").map_or_else(absent, |(minor, source)| match minor.parse::<i64>() {
            Ok(minor) => Fact::known(minor, source),
            Err(_) => Fact::unreadable(source, format!("read {path}: the minor is no number")),
        }),
    }
}
