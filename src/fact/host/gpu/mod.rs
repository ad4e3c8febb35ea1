//! NVIDIA GPUs, without asking nvidia-smi: PCI devices, driver, MIG.
//!
//! Sources: `/sys/bus/pci/devices`, `/proc/driver/nvidia`, the driver's
//! libraries, running processes, and the answers of NVML ([`nvml`]). A GPU is a PCI display device of NVIDIA; its sound device and
//! its USB controller are none. GPUs of Tegra are no PCI devices and have
//! another driver, those of WSL2 are Windows': neither is looked at.

mod cdi;
mod client;
mod declaration;
mod driver;
mod kernel_log;
mod library;
mod memory;
mod mig;
mod nvml;
mod pci;
mod plugin;
#[cfg(test)]
mod tests;
mod toolkit;
mod xid;

use std::collections::BTreeMap;

use super::absence::not_recorded;
use super::root::Outcome;
use super::{Collector, Host};
use crate::fact::{Fact, Facts, Source};
use driver::Information;
use nvml::Answers;
use pci::{Device, Kind, PCI};

/// Reads NVIDIA's GPUs.
pub(super) const COLLECTOR: Collector = Collector { name: "gpu", facts: declaration::FACTS, needs: &[], collect };

pub(super) use toolkit::COLLECTOR as TOOLKIT;

/// The driver that gives a device to a virtual machine.
const PASS_THROUGH: &str = "vfio-pci";

/// What cannot be told where the devices cannot be listed.
const OF_DEVICES: &[&str] = &[
    "gpu.present",
    "gpu.devices",
    "gpu.count",
    "gpu.mig_instances",
    "gpu.nvswitches",
    "gpu.clients",
    "gpu.nvml_error",
];

fn collect(host: &Host, _: &Facts) -> Facts {
    let mut facts = Facts::default();
    driver::set_facts(host, &mut facts);
    mig::set_facts(host, &mut facts);
    plugin::set_facts(host, &mut facts);
    cdi::set_facts(&host.root, &mut facts);
    let devices = match pci::read_devices(&host.root) {
        Outcome::Found(devices) => devices,
        Outcome::Absent => Vec::new(),
        Outcome::Unreadable(reason) => {
            let may_log = facts.text("gpu.driver_version").is_some();
            for path in OF_DEVICES.iter().chain(xid::FACTS.iter().filter(|_| !may_log)) {
                facts.set(path, Fact::unreadable(Source::file(PCI), reason.as_str()));
            }
            if may_log {
                xid::set_facts(&host.root, true, &mut facts);
            }
            return facts;
        }
    };
    let gpus: Vec<&Device> = devices.iter().filter(|device| device.kind == Kind::Gpu).collect();
    let own: Vec<&&Device> = gpus.iter().filter(|gpu| gpu.driver.as_deref() != Some(PASS_THROUGH)).collect();
    let source = own.first().map_or(Source::file(PCI), |gpu| gpu.source());
    facts.set("gpu.present", Fact::known(!own.is_empty(), source));
    let may_log = !own.is_empty() || facts.text("gpu.driver_version").is_some();
    xid::set_facts(&host.root, may_log, &mut facts);
    let count = |number: usize| Fact::known(i64::try_from(number).unwrap_or(i64::MAX), Source::file(PCI));
    facts.set("gpu.count", count(own.len()));
    let gpus: Vec<(&Device, Information)> =
        gpus.into_iter().map(|gpu| (gpu, driver::read_information(&host.root, &gpu.address))).collect();
    let of_driver = gpus.iter().filter(|(gpu, _)| gpu.driver.as_deref() == Some("nvidia"));
    let minors: Vec<Option<i64>> = of_driver.map(|(_, information)| information.minor.int()).collect();
    let answers = nvml::read_answers(host, &minors);
    facts.set("gpu.nvml_error", nvml::refusal_fact(&answers));
    let mut instances = Vec::new();
    let list: Vec<Fact> =
        gpus.iter().map(|(gpu, information)| device_fact(host, gpu, information, &answers, &mut instances)).collect();
    // Only where a change waits for them are they looked for.
    let is_pending = |gpu: &Fact| {
        let mode = |name: &str| gpu.member(name).and_then(Fact::bool);
        mode("mig_pending").is_some() && mode("mig_pending") != mode("mig_enabled")
    };
    let clients =
        if list.iter().any(is_pending) { client::read_clients(host) } else { Fact::absent(Source::file(PCI)) };
    facts.set("gpu.clients", clients);
    facts.set("gpu.devices", Fact::known(list, Source::file(PCI)));
    let switches = devices.iter().filter(|device| device.kind == Kind::NvSwitch).count();
    facts.set("gpu.nvswitches", count(switches));
    facts.set("gpu.mig_instances", Fact::known(instances, Source::file(mig::CAPABILITIES)));
    facts
}

fn device_fact(
    host: &Host,
    gpu: &Device,
    information: &Information,
    answers: &Outcome<Answers>,
    instances: &mut Vec<Fact>,
) -> Fact {
    let source = gpu.source();
    let text = |text: Option<&str>| {
        text.map_or_else(|| Fact::absent(source.clone()), |text| Fact::known(text, source.clone()))
    };
    let not_recorded = || Fact::unreadable(source.clone(), not_recorded(&format!("{}/device", gpu.path)));
    let mut members = BTreeMap::from([
        ("name".to_owned(), Fact::known(gpu.address.as_str(), source.clone())),
        ("id".to_owned(), gpu.id.as_deref().map_or_else(not_recorded, |id| Fact::known(id, source.clone()))),
        ("driver".to_owned(), text(gpu.driver.as_deref())),
        ("is_passed_through".to_owned(), Fact::known(gpu.driver.as_deref() == Some(PASS_THROUGH), source.clone())),
        ("model".to_owned(), information.model.clone()),
        ("uuid".to_owned(), information.uuid.clone()),
        ("minor".to_owned(), information.minor.clone()),
    ]);
    let answer = answers
        .as_ref()
        .found()
        .and_then(|answers| answers.of(&gpu.address, information.uuid.text(), information.minor.int()));
    let silence = nvml::silence(answers, &gpu.address);
    let asked = answer.ok_or(&silence);
    mig::add_state(host, gpu, &information.minor, asked, &mut members, instances);
    memory::add_state(asked, &mut members);
    Fact::known(members, source)
}
