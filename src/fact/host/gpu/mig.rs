//! MIG: live instances, what creates them, and how the device plugin shows them.
//!
//! Sources: `/proc/driver/nvidia/capabilities/gpu<minor>/mig/gi<G>/ci<C>`, of
//! which the folder `mig` is there for every GPU and tells nothing, and each
//! `gi` is a live GPU instance; the table `/proc/driver/nvidia-caps/mig-minors`
//! is static and is not read. Modes and profiles only NVML has. What runs:
//! processes, units, and the folders of `HAMi` and of the driver for DRA.

use std::collections::BTreeMap;

use super::driver::Information;
use super::nvml::{self, Answer, Answers};
use super::pci::Device;
use crate::fact::host::process::Process;
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::host::{Host, unit};
use crate::fact::{Fact, Facts, Source};

const CAPABILITIES: &str = "/proc/driver/nvidia/capabilities";

/// The unit that NVIDIA's mig-parted installs.
const UNIT: &str = "nvidia-mig-manager.service";

/// Folders whose presence shows who creates instances on demand.
const ON_DEMAND: &[(&str, &str)] =
    &[("/var/lib/kubelet/plugins/gpu.nvidia.com", "dra"), ("/usr/local/vgpu/libvgpu.so", "hami")];

pub(super) fn set_facts(host: &Host, facts: &mut Facts) {
    facts.set("gpu.mig_strategy", read_strategy(host));
    facts.set("gpu.mig_keeper", read_keeper(host));
    let on_demand = ON_DEMAND.iter().find(|(path, _)| host.root.metadata(path).is_found());
    let on_demand = match on_demand {
        Some((path, who)) => Fact::known(*who, Source::file(*path)),
        None => Fact::absent(Source::file("/var/lib/kubelet/plugins")),
    };
    facts.set("gpu.mig_on_demand", on_demand);
}

/// Adds what is known of MIG to a GPU's members.
pub(super) fn add_state(
    host: &Host,
    gpu: &Device,
    information: &Information,
    answers: &Outcome<Answers>,
    members: &mut BTreeMap<String, Fact>,
) {
    let live = read_instances(&host.root, information.minor.int());
    let answer = answers
        .as_ref()
        .found()
        .and_then(|answers| answers.of(&gpu.address, information.uuid.text(), information.minor.int()));
    let asked = |value: Option<bool>, answer: &Answer| {
        let source = Source::line(nvml::PATH, answer.line);
        value.map_or_else(|| Fact::absent(source.clone()), |truth| Fact::known(truth, source.clone()))
    };
    let not_asked = || {
        let reason = match answers {
            Outcome::Unreadable(reason) => reason.clone(),
            _ => format!("read {}: MIG's mode is known to NVML alone, which was not asked", gpu.address),
        };
        Fact::unreadable(Source::file(nvml::PATH), reason)
    };
    let instances = live.as_ref().map(BTreeMap::len);
    let enabled = match (answer, instances) {
        (Some(answer), _) => asked(answer.mig_mode.map(|(current, _)| current), answer),
        (None, Some(count)) if count > 0 => Fact::known(true, Source::file(CAPABILITIES)),
        (None, _) => not_asked(),
    };
    let pending = match answer {
        Some(answer) => asked(answer.mig_mode.map(|(_, pending)| pending), answer),
        None => not_asked(),
    };
    let count = |count: Option<usize>| match count {
        Some(count) => Fact::known(i64::try_from(count).unwrap_or(i64::MAX), Source::file(CAPABILITIES)),
        None => Fact::absent(Source::file(CAPABILITIES)),
    };
    let empty = live.as_ref().map(|live| live.values().filter(|compute| **compute == 0).count());
    // A tree may hold NVML's answers and not the folders.
    let by_nvml = answer.filter(|_| live.is_none()).map(|answer| {
        let mut ids: Vec<_> = answer.mig_devices.iter().map(|device| device.gpu_instance).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.len()
    });
    members.insert("mig_enabled".to_owned(), enabled);
    members.insert("mig_pending".to_owned(), pending);
    members.insert("gpu_instances".to_owned(), count(instances.or(by_nvml)));
    members.insert("empty_instances".to_owned(), count(empty.or(by_nvml.map(|_| 0))));
    members.insert("profiles".to_owned(), profiles_fact(answer, instances));
}

fn profiles_fact(answer: Option<&Answer>, instances: Option<usize>) -> Fact {
    match (answer, instances) {
        (Some(answer), _) => {
            let source = Source::line(nvml::PATH, answer.line);
            let mut profiles: Vec<String> =
                answer.mig_devices.iter().filter_map(|device| device.profile.clone()).collect();
            if profiles.len() < answer.mig_devices.len() {
                return Fact::unreadable(source, format!("read {}: a MIG device without a profile", nvml::PATH));
            }
            profiles.sort();
            let list: Vec<Fact> = profiles.into_iter().map(|profile| Fact::known(profile, source.clone())).collect();
            Fact::known(list, source)
        }
        (None, Some(0) | None) => Fact::known(Vec::new(), Source::file(CAPABILITIES)),
        (None, Some(_)) => {
            Fact::unreadable(Source::file(nvml::PATH), "read the profiles of instances: NVML was not asked")
        }
    }
}

/// The live GPU instances of the GPU of a minor, and how many compute
/// instances each has. None: the driver shows no capabilities of it.
fn read_instances(root: &HostRoot, minor: Option<i64>) -> Option<BTreeMap<String, usize>> {
    let folder = format!("{CAPABILITIES}/gpu{}/mig", minor?);
    let names = root.read_folder(&folder).found()?;
    let is_numbered = |name: &str, kind: &str| {
        name.strip_prefix(kind).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let instances = names.into_iter().filter(|name| is_numbered(name, "gi")).map(|name| {
        let inner = root.read_folder(&format!("{folder}/{name}")).found().unwrap_or_default();
        let compute = inner.iter().filter(|inner| is_numbered(inner, "ci")).count();
        (name, compute)
    });
    Some(instances.collect())
}

/// `--mig-strategy`, else `MIG_STRATEGY`, else `none`: the precedence of the
/// device plugin's flags, which urfave/cli reads.
fn read_strategy(host: &Host) -> Fact {
    let processes = match host.processes() {
        Outcome::Found(processes) => processes,
        Outcome::Absent => return Fact::unreadable(Source::file("/proc"), "read /proc: no processes were recorded"),
        Outcome::Unreadable(reason) => return Fact::unreadable(Source::file("/proc"), reason.as_str()),
    };
    let Some(plugin) = processes.iter().find(|process| is_program(process, "nvidia-device-plugin")) else {
        return Fact::absent(Source::file("/proc"));
    };
    if let Some(strategy) = plugin.flag("mig-strategy") {
        return Fact::known(strategy, Source::file(plugin.command_line_path()));
    }
    let path = format!("/proc/{}/environ", plugin.pid);
    match host.root.read_kernel_text(&path) {
        Outcome::Found(text) => {
            let value = text.split('\0').find_map(|variable| variable.strip_prefix("MIG_STRATEGY="));
            match value {
                Some(strategy) => Fact::known(strategy, Source::file(path)),
                None if text.contains("CONFIG_FILE=") || plugin.flag("config-file").is_some() => Fact::unreadable(
                    Source::file(plugin.command_line_path()),
                    "read the device plugin's configuration: its file lies in its container",
                ),
                None => {
                    Fact::known("none", Source::default_of("k8s-device-plugin: mig-strategy is none unless it is set"))
                }
            }
        }
        Outcome::Absent => Fact::unreadable(Source::file(&path), format!("read {path}: not recorded")),
        Outcome::Unreadable(reason) => Fact::unreadable(Source::file(path), reason),
    }
}

/// Names of processes end after 15 bytes, so that an unreadable executable
/// leaves the beginning.
fn is_program(process: &Process, name: &str) -> bool {
    process.program() == name || (process.executable.is_none() && name.get(..15) == Some(process.name.as_str()))
}

fn read_keeper(host: &Host) -> Fact {
    if let Outcome::Found(processes) = host.processes()
        && let Some(manager) = processes.iter().find(|process| is_program(process, "nvidia-mig-manager"))
    {
        return Fact::known("mig-manager", Source::file(manager.command_line_path()));
    }
    match unit::read_unit(&host.root, UNIT) {
        Outcome::Found(unit) if unit.is_enabled && !unit.is_masked => {
            return Fact::known(UNIT, Source::file(unit.path));
        }
        Outcome::Unreadable(reason) => return Fact::unreadable(Source::file(UNIT), reason),
        _ => {}
    }
    match own_unit(&host.root) {
        Some((name, path)) => Fact::known(name, Source::file(path)),
        None if host.processes().is_found() => Fact::absent(Source::file("/etc/systemd/system")),
        None => Fact::unreadable(Source::file("/proc"), "read /proc: no processes were recorded"),
    }
}

/// An administrator's own unit or script that partitions GPUs at boot.
fn own_unit(root: &HostRoot) -> Option<(String, String)> {
    let folder = "/etc/systemd/system";
    let units = root.read_folder_once(folder).found();
    let units = units.iter().flat_map(|names| names.iter()).filter(|name| name.ends_with(".service"));
    let paths = units.map(|name| (name.clone(), format!("{folder}/{name}")));
    let scripts = ["/etc/rc.local", "/etc/rc.d/rc.local"].map(|path| (path.to_owned(), path.to_owned()));
    paths.chain(scripts).find(|(_, path)| {
        let text = root.read_text(path).found().unwrap_or_default();
        text.lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .any(|line| line.contains("nvidia-mig-parted") || (line.contains("nvidia-smi") && line.contains(" mig ")))
    })
}
