//! NVIDIA's devices on the PCI bus, with or without a driver.
//!
//! Source: `vendor`, `device`, `class` and the link `driver` beneath
//! `/sys/bus/pci/devices/<address>`, sysfs-bus-pci of the kernel's ABI
//! documentation. Where the bus was not recorded, the driver's own list.

use crate::fact::Source;
use crate::fact::host::root::{HostRoot, Outcome};

pub(super) const PCI: &str = "/sys/bus/pci/devices";

/// The driver's list of GPUs, one folder for each.
const DRIVERS_LIST: &str = "/proc/driver/nvidia/gpus";

/// NVIDIA, PCI-SIG's list of vendors.
const NVIDIA: u32 = 0x10de;

/// What a device is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Gpu,
    NvSwitch,
}

/// One device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Device {
    pub(super) address: String,
    /// Four upper-case hexadecimal digits.
    pub(super) id: Option<String>,
    pub(super) kind: Kind,
    pub(super) driver: Option<String>,
    /// The folder that tells of it.
    pub(super) path: String,
}

impl Device {
    pub(super) fn source(&self) -> Source {
        Source::file(&self.path)
    }
}

/// NVIDIA's GPUs and `NVSwitches`, by their addresses.
pub(super) fn read_devices(root: &HostRoot) -> Outcome<Vec<Device>> {
    match root.read_kernel_folder(PCI) {
        Outcome::Found(addresses) => {
            let mut devices = Vec::new();
            for address in addresses {
                match read_device(root, &address) {
                    Outcome::Found(device) => devices.push(device),
                    Outcome::Absent => {}
                    Outcome::Unreadable(reason) => return Outcome::Unreadable(reason),
                }
            }
            Outcome::Found(devices)
        }
        // A machine without PCI, or a tree without the bus.
        missing => match root.read_folder(DRIVERS_LIST) {
            Outcome::Found(addresses) if !addresses.is_empty() => {
                Outcome::Found(addresses.into_iter().map(of_drivers_list).collect())
            }
            _ => missing.map(|_| Vec::new()),
        },
    }
}

/// The device at an address. Absent: it is none of NVIDIA's that we know.
fn read_device(root: &HostRoot, address: &str) -> Outcome<Device> {
    let path = format!("{PCI}/{address}");
    let number = |name: &str| root.read_text(&format!("{path}/{name}")).map(|text| parse_hexadecimal(&text));
    let vendor = match number("vendor") {
        Outcome::Found(vendor) => vendor,
        Outcome::Absent => return Outcome::Absent,
        Outcome::Unreadable(reason) => return Outcome::Unreadable(reason),
    };
    if vendor != Some(NVIDIA) {
        return Outcome::Absent;
    }
    let class = match number("class") {
        Outcome::Found(class) => class.unwrap_or(0),
        Outcome::Absent => return Outcome::Unreadable(format!("read {path}/class: not recorded")),
        Outcome::Unreadable(reason) => return Outcome::Unreadable(reason),
    };
    let Some(kind) = kind_of(class) else { return Outcome::Absent };
    // A virtual function is a part of a GPU that is there itself, for a machine
    // with vGPU.
    if root.link_metadata(&format!("{path}/physfn")).is_found() {
        return Outcome::Absent;
    }
    let id = number("device").found().flatten().map(|id| format!("{id:04X}"));
    let link = root.read_link(&format!("{path}/driver")).found();
    let driver = link.and_then(|target| target.rsplit('/').next().map(str::to_owned)).filter(|name| !name.is_empty());
    Outcome::Found(Device { address: address.to_owned(), id, kind, driver, path })
}

/// What a class of PCI is: 03 are display controllers (0300 with a console,
/// 0302 without), 0680 are other bridges, which of NVIDIA's are `NVSwitches`.
fn kind_of(class: u32) -> Option<Kind> {
    match class >> 8 {
        0x0300..=0x03ff => Some(Kind::Gpu),
        0x0680 => Some(Kind::NvSwitch),
        _ => None,
    }
}

fn of_drivers_list(address: String) -> Device {
    let path = format!("{DRIVERS_LIST}/{address}");
    Device { address, id: None, kind: Kind::Gpu, driver: Some("nvidia".to_owned()), path }
}

fn parse_hexadecimal(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_display_controllers_are_gpus() {
        assert_eq!(kind_of(0x0003_0200), Some(Kind::Gpu));
        assert_eq!(kind_of(0x0003_0000), Some(Kind::Gpu));
        assert_eq!(kind_of(0x0004_0300), None, "its sound device");
        assert_eq!(kind_of(0x0006_8000), Some(Kind::NvSwitch));
        assert_eq!(kind_of(0x000c_0330), None, "its USB controller");
        assert_eq!(parse_hexadecimal("0x10de\n"), Some(NVIDIA));
    }
}
