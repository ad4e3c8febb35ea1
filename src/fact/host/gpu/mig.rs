//! MIG: live instances, what creates them, and how the device plugin shows them.
//!
//! Sources: `/proc/driver/nvidia/capabilities/gpu<minor>/mig/gi<G>/ci<C>`, of
//! which the folder `mig` is there for every GPU and tells nothing, and each
//! `gi` is a live GPU instance; the table `/proc/driver/nvidia-caps/mig-minors`
//! is static and is not read. Modes and profiles only NVML has. What runs:
//! processes, units, and the folders of `HAMi` and of the driver for DRA.

use std::collections::BTreeMap;

use super::driver::Information;
use super::nvml::{self, Answer, Answers, MigDevice};
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
    information: &Information,
    answers: &Outcome<Answers>,
    members: &mut BTreeMap<String, Fact>,
    instances: &mut Vec<Fact>,
) {
    let live = read_instances(&host.root, &information.minor);
    let answer = answers
        .as_ref()
        .found()
        .and_then(|answers| answers.of(&gpu.address, information.uuid.text(), information.minor.int()));
    let asked = |value: Option<bool>, answer: &Answer| {
        let source = answer.source.clone();
        value.map_or_else(|| Fact::absent(source.clone()), |truth| Fact::known(truth, source.clone()))
    };
    let not_asked = || {
        let reason = match answers {
            Outcome::Unreadable(reason) => reason.clone(),
            _ => format!("read {}: MIG's mode is known to NVML alone, which was not asked", gpu.address),
        };
        Fact::unreadable(Source::file(nvml::PATH), reason)
    };
    // A tree may hold NVML's answers and not the folders.
    let by_nvml = || answer.map_or(Outcome::Absent, |answer| Outcome::Found(of_answer(answer)));
    let (live, source) = match live {
        Outcome::Found(live) => (Outcome::Found(live), Source::file(CAPABILITIES)),
        missing => match by_nvml() {
            Outcome::Absent => (missing, Source::file(CAPABILITIES)),
            found => (found, answer.map_or_else(|| Source::file(nvml::PATH), |answer| answer.source.clone())),
        },
    };
    let enabled = match (answer, live.as_ref().found()) {
        (Some(answer), _) => asked(answer.mig_mode.map(|(current, _)| current), answer),
        (None, Some(live)) if !live.is_empty() => Fact::known(true, source.clone()),
        (None, _) => not_asked(),
    };
    let pending = match answer {
        Some(answer) => asked(answer.mig_mode.map(|(_, pending)| pending), answer),
        None => not_asked(),
    };
    let count =
        |count: Outcome<usize>| fact_of(source.clone(), count.map(|count| i64::try_from(count).unwrap_or(i64::MAX)));
    let empty = live.as_ref().map(|live| live.values().filter(|compute| compute.is_empty()).count());
    members.insert("mig_enabled".to_owned(), enabled);
    members.insert("mig_pending".to_owned(), pending);
    members.insert("gpu_instances".to_owned(), count(live.as_ref().map(BTreeMap::len)));
    members.insert("empty_instances".to_owned(), count(empty));
    members.insert("profiles".to_owned(), profiles_fact(answer, &live));
    match &live {
        Outcome::Found(live) => add_instances(gpu, live, answer, &source, instances),
        Outcome::Absent => {}
        Outcome::Unreadable(reason) => instances.push(Fact::unreadable(source, reason.as_str())),
    }
}

/// The compute instances of each live GPU instance, by their ids.
type Instances = BTreeMap<i64, Vec<i64>>;

/// What NVML says of instances: it lists MIG devices, which are compute
/// instances, so that a GPU instance without one is not seen.
fn of_answer(answer: &Answer) -> Instances {
    let mut live = Instances::new();
    for (index, device) in answer.mig_devices.iter().enumerate() {
        let gpu_instance = device.gpu_instance.unwrap_or_else(|| i64::try_from(index).unwrap_or(i64::MAX));
        live.entry(gpu_instance).or_default().push(device.compute_instance.unwrap_or(0));
    }
    live
}

fn add_instances(gpu: &Device, live: &Instances, answer: Option<&Answer>, source: &Source, instances: &mut Vec<Fact>) {
    let profile = |gpu_instance: i64, compute: i64| {
        let Some(answer) = answer else {
            return Fact::unreadable(source.clone(), "read the profiles of instances: NVML was not asked");
        };
        let is_this = |device: &&MigDevice| {
            device.gpu_instance == Some(gpu_instance) && device.compute_instance.unwrap_or(0) == compute
        };
        match answer.mig_devices.iter().find(is_this).and_then(|device| device.profile.as_deref()) {
            Some(profile) => Fact::known(profile, answer.source.clone()),
            None => {
                Fact::unreadable(answer.source.clone(), format!("read NVML: no profile of instance {gpu_instance}"))
            }
        }
    };
    for (gpu_instance, compute) in live {
        let name = format!("{}/gi{gpu_instance}", gpu.address);
        let ids: Vec<Option<i64>> =
            if compute.is_empty() { vec![None] } else { compute.iter().copied().map(Some).collect() };
        for id in ids {
            let number = |number: Option<i64>| {
                number.map_or_else(|| Fact::absent(source.clone()), |number| Fact::known(number, source.clone()))
            };
            let name = id.map_or_else(|| name.clone(), |id| format!("{name}/ci{id}"));
            let profile = id.map_or_else(|| Fact::absent(source.clone()), |id| profile(*gpu_instance, id));
            let members = BTreeMap::from([
                ("name".to_owned(), Fact::known(name, source.clone())),
                ("gpu".to_owned(), Fact::known(gpu.address.as_str(), source.clone())),
                ("gpu_instance".to_owned(), number(Some(*gpu_instance))),
                ("compute_instance".to_owned(), number(id)),
                ("profile".to_owned(), profile),
            ]);
            instances.push(Fact::known(members, source.clone()));
        }
    }
}

fn profiles_fact(answer: Option<&Answer>, live: &Outcome<Instances>) -> Fact {
    match (answer, live) {
        (Some(answer), _) => {
            let source = answer.source.clone();
            let mut profiles: Vec<String> =
                answer.mig_devices.iter().filter_map(|device| device.profile.clone()).collect();
            if profiles.len() < answer.mig_devices.len() {
                return Fact::unreadable(source, "read NVML: a MIG device without a profile");
            }
            profiles.sort();
            let list: Vec<Fact> = profiles.into_iter().map(|profile| Fact::known(profile, source.clone())).collect();
            Fact::known(list, source)
        }
        (None, Outcome::Found(live)) if live.is_empty() => Fact::known(Vec::new(), Source::file(CAPABILITIES)),
        (None, Outcome::Absent) => Fact::known(Vec::new(), Source::file(CAPABILITIES)),
        (None, Outcome::Unreadable(reason)) => Fact::unreadable(Source::file(CAPABILITIES), reason.as_str()),
        (None, Outcome::Found(_)) => {
            Fact::unreadable(Source::file(nvml::PATH), "read the profiles of instances: NVML was not asked")
        }
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
