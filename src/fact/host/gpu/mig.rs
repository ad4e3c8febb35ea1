//! MIG: live instances, what creates them, and how the device plugin shows them.
//!
//! Sources: `/proc/driver/nvidia/capabilities/gpu<minor>/mig/gi<G>/ci<C>`, of
//! which the folder `mig` is there for every GPU and tells nothing, and each
//! `gi` is a live GPU instance; the table `/proc/driver/nvidia-caps/mig-minors`
//! is static and is not read. Modes and profiles only NVML has. What runs:
//! processes, units, and the folders of `HAMi` and of the driver for DRA.

use std::collections::BTreeMap;

use super::nvml::{Answer, MigDevice};
use super::pci::Device;
use super::plugin::is_program;
use crate::fact::host::absence::fact_of;
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::host::{Host, unit};
use crate::fact::{Fact, Facts, Source};

pub(super) const CAPABILITIES: &str = "/proc/driver/nvidia/capabilities";

/// The unit that NVIDIA's mig-parted installs.
const UNIT: &str = "nvidia-mig-manager.service";

/// Folders whose presence shows who creates instances on demand.
const ON_DEMAND: &[(&str, &str)] =
    &[("/var/lib/kubelet/plugins/gpu.nvidia.com", "dra"), ("/usr/local/vgpu/libvgpu.so", "hami")];

pub(super) fn set_facts(host: &Host, facts: &mut Facts) {
    facts.set("gpu.mig_keeper", read_keeper(host));
    let on_demand = ON_DEMAND.iter().find(|(path, _)| host.root.metadata(path).is_found());
    let on_demand = match on_demand {
        Some((path, who)) => Fact::known(*who, Source::file(*path)),
        None => Fact::absent(Source::file("/var/lib/kubelet/plugins")),
    };
    facts.set("gpu.mig_on_demand", on_demand);
}

/// Adds what is known of MIG to a GPU's members, and its instances to the list
/// of all.
pub(super) fn add_state(
    host: &Host,
    gpu: &Device,
    minor: &Fact,
    asked: Result<&Answer, &(Source, String)>,
    members: &mut BTreeMap<String, Fact>,
    instances: &mut Vec<Fact>,
) {
    // A tree may hold NVML's answers and not the folders.
    let (live, source) = match (read_instances(&host.root, minor), asked) {
        (Outcome::Found(live), _) => (Outcome::Found(live), Source::file(CAPABILITIES)),
        (missing, Ok(answer)) => match &answer.mig_devices {
            Outcome::Found(devices) => (Outcome::Found(of_devices(devices)), answer.source.clone()),
            _ => (missing, Source::file(CAPABILITIES)),
        },
        (missing, Err(_)) => (missing, Source::file(CAPABILITIES)),
    };
    let mode = |pick: fn(&(bool, bool)) -> bool| match asked {
        Ok(answer) => fact_of(answer.source.clone(), answer.mig_mode.as_ref().map(pick)),
        Err((source, reason)) => Fact::unreadable(source.clone(), reason.as_str()),
    };
    let enabled = match (mode(|(current, _)| *current), live.as_ref().found()) {
        (Fact::Unreadable { .. }, Some(live)) if !live.is_empty() => Fact::known(true, source.clone()),
        (mode, _) => mode,
    };
    let count =
        |count: Outcome<usize>| fact_of(source.clone(), count.map(|count| i64::try_from(count).unwrap_or(i64::MAX)));
    let empty = live.as_ref().map(|live| live.values().filter(|compute| compute.is_empty()).count());
    members.insert("mig_enabled".to_owned(), enabled);
    members.insert("mig_pending".to_owned(), mode(|(_, pending)| *pending));
    members.insert("gpu_instances".to_owned(), count(live.as_ref().map(BTreeMap::len)));
    members.insert("empty_instances".to_owned(), count(empty));
    members.insert("profiles".to_owned(), profiles_fact(asked, &live));
    match &live {
        Outcome::Found(live) => add_instances(gpu, live, asked, &source, instances),
        Outcome::Absent => {}
        Outcome::Unreadable(reason) => instances.push(Fact::unreadable(source, reason.as_str())),
    }
}

/// The compute instances of each live GPU instance, by their ids.
type Instances = BTreeMap<i64, Vec<i64>>;

/// NVML lists MIG devices, which are compute instances, so that a GPU instance
/// without one is not seen.
fn of_devices(devices: &[MigDevice]) -> Instances {
    let mut live = Instances::new();
    for (index, device) in devices.iter().enumerate() {
        let gpu_instance = device.gpu_instance.unwrap_or_else(|| i64::try_from(index).unwrap_or(i64::MAX));
        live.entry(gpu_instance).or_default().push(device.compute_instance.unwrap_or(0));
    }
    live
}

fn add_instances(
    gpu: &Device,
    live: &Instances,
    asked: Result<&Answer, &(Source, String)>,
    source: &Source,
    instances: &mut Vec<Fact>,
) {
    let nothing = || Fact::absent(source.clone());
    let number = |number: i64| Fact::known(number, source.clone());
    let named = unnumbered(live, asked);
    for (index, device) in named.iter().flat_map(|devices| devices.iter()).enumerate() {
        let name = format!("{}/mig{index}", gpu.address);
        instances.push(instance_fact(
            gpu,
            name,
            [nothing(), nothing(), profile_fact(asked, device.profile.as_deref())],
        ));
    }
    for (gpu_instance, compute) in live {
        let name = format!("{}/gi{gpu_instance}", gpu.address);
        if compute.is_empty() {
            instances.push(instance_fact(gpu, name, [number(*gpu_instance), nothing(), nothing()]));
            continue;
        }
        for id in compute.iter().filter(|_| named.is_none()) {
            let profile = profile_fact(asked, profile_in(asked, *gpu_instance, *id));
            let name = format!("{name}/ci{id}");
            instances.push(instance_fact(gpu, name, [number(*gpu_instance), number(*id), profile]));
        }
    }
}

fn instance_fact(gpu: &Device, name: String, [gpu_instance, compute_instance, profile]: [Fact; 3]) -> Fact {
    let source = profile.source().cloned().unwrap_or_else(|| Source::file(CAPABILITIES));
    let members = BTreeMap::from([
        ("name".to_owned(), Fact::known(name, source.clone())),
        ("gpu".to_owned(), Fact::known(gpu.address.as_str(), source.clone())),
        ("gpu_instance".to_owned(), gpu_instance),
        ("compute_instance".to_owned(), compute_instance),
        ("profile".to_owned(), profile),
    ]);
    Fact::known(members, source)
}

/// The MIG devices that NVML named without the ids of their instances, as many
/// as there are: which instance is which cannot be told then.
fn unnumbered<'a>(live: &Instances, asked: Result<&'a Answer, &(Source, String)>) -> Option<&'a [MigDevice]> {
    let Outcome::Found(devices) = &asked.ok()?.mig_devices else { return None };
    let count: usize = live.values().map(Vec::len).sum();
    let is_it = devices.len() == count && devices.iter().all(|device| device.gpu_instance.is_none());
    is_it.then_some(devices.as_slice())
}

fn profile_in<'a>(asked: Result<&'a Answer, &(Source, String)>, gpu_instance: i64, compute: i64) -> Option<&'a str> {
    let Outcome::Found(devices) = &asked.ok()?.mig_devices else { return None };
    let is_this = |device: &&MigDevice| {
        device.gpu_instance == Some(gpu_instance) && device.compute_instance.unwrap_or(0) == compute
    };
    devices.iter().find(is_this)?.profile.as_deref()
}

fn profile_fact(asked: Result<&Answer, &(Source, String)>, profile: Option<&str>) -> Fact {
    match (asked, profile) {
        (Ok(answer), Some(profile)) => Fact::known(profile, answer.source.clone()),
        (Ok(answer), None) => Fact::unreadable(answer.source.clone(), "ask NVML for a profile: it does not tell"),
        (Err((source, reason)), _) => Fact::unreadable(source.clone(), reason.as_str()),
    }
}

fn profiles_fact(asked: Result<&Answer, &(Source, String)>, live: &Outcome<Instances>) -> Fact {
    let none = || Fact::known(Vec::new(), Source::file(CAPABILITIES));
    match (asked, live) {
        (Ok(answer), _) => {
            let source = answer.source.clone();
            let devices = match &answer.mig_devices {
                Outcome::Found(devices) => devices,
                Outcome::Absent => return none(),
                Outcome::Unreadable(reason) => return Fact::unreadable(source, reason.as_str()),
            };
            let mut profiles: Vec<&str> = devices.iter().filter_map(|device| device.profile.as_deref()).collect();
            if profiles.len() < devices.len() {
                return Fact::unreadable(source, "ask NVML for profiles: a MIG device has none in its name");
            }
            profiles.sort_unstable();
            let list: Vec<Fact> = profiles.into_iter().map(|profile| Fact::known(profile, source.clone())).collect();
            Fact::known(list, source)
        }
        (Err(_), Outcome::Found(live)) if live.is_empty() => none(),
        (Err(_), Outcome::Absent) => none(),
        (Err(_), Outcome::Unreadable(reason)) => Fact::unreadable(Source::file(CAPABILITIES), reason.as_str()),
        (Err((source, reason)), Outcome::Found(_)) => Fact::unreadable(source.clone(), reason.as_str()),
    }
}

/// The live instances of the GPU of a minor. Absent: the driver shows no
/// capabilities of it.
fn read_instances(root: &HostRoot, minor: &Fact) -> Outcome<Instances> {
    let minor = match minor {
        Fact::Unreadable { reason, .. } => return Outcome::Unreadable(reason.clone()),
        minor => match minor.int() {
            Some(minor) => minor,
            None => return Outcome::Absent,
        },
    };
    let folder = format!("{CAPABILITIES}/gpu{minor}/mig");
    let id_of = |name: &str, kind: &str| name.strip_prefix(kind).and_then(|rest| rest.parse::<i64>().ok());
    root.read_folder(&folder).and_then(|names| {
        let mut live = Instances::new();
        for name in names {
            let Some(gpu_instance) = id_of(&name, "gi") else { continue };
            let compute = match root.read_folder(&format!("{folder}/{name}")) {
                Outcome::Found(names) => names.iter().filter_map(|name| id_of(name, "ci")).collect(),
                // It was destroyed meanwhile.
                Outcome::Absent => continue,
                Outcome::Unreadable(reason) => return Outcome::Unreadable(reason),
            };
            live.insert(gpu_instance, compute);
        }
        Outcome::Found(live)
    })
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
