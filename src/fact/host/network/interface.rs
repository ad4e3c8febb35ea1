//! The network devices, from `/sys/class/net`.
//!
//! Documentation/ABI/testing/sysfs-class-net and sysfs(5). sysfs shows the
//! devices of the network namespace of whoever mounted it, so on the running
//! machine it counts only where this process shares process 1's namespace.

use std::collections::BTreeMap;

use super::read::{fact_of, other_namespace};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::host::{Collector, Host};
use crate::fact::{Fact, Facts, Source};

/// Reads the network devices.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "interface", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[FactDoc::new(
    "interface",
    Type::Map(&Type::Object(INTERFACE)),
    "The network devices of the host's network namespace, by name. Source: `/sys/class/net/<name>/`, \
     Documentation/ABI/testing/sysfs-class-net. Unreadable: sysfs is not mounted under the root, or is not that of the host's namespace.",
)];

const INTERFACE: &[Field] = &[
    Field::new("mtu", Type::Int, "the largest packet that it sends, in bytes, without the link-layer header; `mtu`"),
    Field::new(
        "kind",
        Type::Text,
        "ethernet, loopback, bond, team, vlan, bridge, veth, vxlan, geneve, wireguard, ipip, gre, sit, tun, tap, dummy, macvlan, \
         ipvlan, wlan, infiniband …; absent where the files do not tell",
    ),
    Field::new("is_up", Type::Bool, "whether it is switched on; IFF_UP in `flags`, else by `operstate`"),
    Field::new(
        "state",
        Type::Text,
        "its operational state as the kernel says it: up, down, unknown, lowerlayerdown …; `operstate`",
    ),
    Field::new(
        "is_physical",
        Type::Bool,
        "whether a device of the machine, or of its hypervisor, is behind it; the link `device`",
    ),
    Field::new("master", Type::Text, "the bond, bridge or team that it belongs to; absent where it belongs to none"),
    Field::new(
        "lower",
        Type::List(&Type::Text),
        "the devices that it lies upon: a bond's slaves, a bridge's ports, a VLAN's parent",
    ),
];

const FOLDER: &str = "/sys/class/net";

/// `IFF_UP` of netdevice(7).
const UP: u32 = 0x1;
/// `IFF_NOARP` of netdevice(7): dummy devices have it.
const NO_ARP: u32 = 0x80;
/// `IFF_TUN` of tun(4), in `tun_flags`.
const TUN: u32 = 0x1;

fn collect(host: &Host, _earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    facts.set("interface", read_interfaces(&host.root));
    facts
}

fn read_interfaces(root: &HostRoot) -> Fact {
    let source = Source::file(FOLDER);
    if let Some(reason) = other_namespace(root, FOLDER) {
        return Fact::unreadable(source, reason);
    }
    match root.read_kernel_folder(FOLDER) {
        Outcome::Found(names) => Fact::group(
            // `bonding_masters` is a file of the bonding driver, not a device.
            names
                .into_iter()
                .filter(|name| name != "bonding_masters")
                .map(|name| {
                    let device = read_interface(root, &name);
                    (name, device)
                })
                .collect::<BTreeMap<_, _>>(),
        ),
        Outcome::Absent => Fact::unreadable(source, format!("list {FOLDER}: no such folder")),
        Outcome::Unreadable(reason) => Fact::unreadable(source, reason),
    }
}

fn read_interface(root: &HostRoot, name: &str) -> Fact {
    let folder = format!("{FOLDER}/{name}");
    let entries = root.read_folder(&folder).found().unwrap_or_default();
    let has = |entry: &str| entries.iter().any(|known| known == entry);
    let read = |entry: &str| match root.read_text(&format!("{folder}/{entry}")) {
        Outcome::Found(text) => Outcome::Found(text.trim().to_owned()),
        Outcome::Absent => Outcome::Unreadable(format!("read {folder}/{entry}: no such file")),
        Outcome::Unreadable(reason) => Outcome::Unreadable(reason),
    };
    let source = |entry: &str| Source::file(format!("{folder}/{entry}"));
    let flags = read("flags").found().and_then(|text| parse_hexadecimal(&text));
    let state = read("operstate");

    let mut members = BTreeMap::new();
    let mtu = match read("mtu") {
        Outcome::Found(text) => match text.parse::<i64>() {
            Ok(mtu) => Outcome::Found(mtu),
            Err(_) => Outcome::Unreadable(format!("read {folder}/mtu: not a number")),
        },
        Outcome::Absent => Outcome::Absent,
        Outcome::Unreadable(reason) => Outcome::Unreadable(reason),
    };
    members.insert("mtu".to_owned(), fact_of(source("mtu"), mtu));
    members.insert("is_up".to_owned(), is_up(&source, flags, &state));
    members.insert("state".to_owned(), fact_of(source("operstate"), state));
    members.insert("is_physical".to_owned(), Fact::known(has("device"), source("device")));
    members.insert("master".to_owned(), read_master(root, &folder, has("master")));
    members.insert(
        "lower".to_owned(),
        Fact::known(
            entries
                .iter()
                .filter_map(|entry| entry.strip_prefix("lower_"))
                .map(|lower| Fact::known(lower, source(&format!("lower_{lower}"))))
                .collect::<Vec<_>>(),
            Source::file(&*folder),
        ),
    );
    let signs = Signs {
        name,
        entries: &entries,
        device_type: read("uevent").found().and_then(|text| parse_device_type(&text)),
        hardware_type: read("type").found().and_then(|text| text.parse().ok()),
        tun_flags: if has("tun_flags") { read("tun_flags").found().and_then(|t| parse_hexadecimal(&t)) } else { None },
        flags,
        is_linked: is_linked(read("ifindex").found(), read("iflink").found()),
    };
    members.insert(
        "kind".to_owned(),
        match signs.kind() {
            Some(kind) => Fact::known(kind, Source::file(&*folder)),
            None => Fact::absent(Source::file(&*folder)),
        },
    );
    Fact::group(members)
}

fn is_up(source: &impl Fn(&str) -> Source, flags: Option<u32>, state: &Outcome<String>) -> Fact {
    if let Some(flags) = flags {
        return Fact::known(flags & UP != 0, source("flags"));
    }
    match state {
        // Tunnels have no carrier to watch, so theirs is "unknown" while they are up.
        Outcome::Found(state) => Fact::known(state == "up" || state == "unknown", source("operstate")),
        Outcome::Absent => Fact::absent(source("operstate")),
        Outcome::Unreadable(reason) => Fact::unreadable(source("operstate"), reason.clone()),
    }
}

fn read_master(root: &HostRoot, folder: &str, is_there: bool) -> Fact {
    let path = format!("{folder}/master");
    let source = Source::file(&*path);
    if !is_there {
        return Fact::absent(source);
    }
    fact_of(source, root.read_link(&path).map(|link| link.rsplit('/').next().unwrap_or_default().to_owned()))
}

/// What the files say about the kind of a device.
#[derive(Default)]
struct Signs<'a> {
    name: &'a str,
    entries: &'a [String],
    /// `DEVTYPE` of `uevent`.
    device_type: Option<String>,
    /// `type`, an `ARPHRD_` number of `linux/if_arp.h`.
    hardware_type: Option<u32>,
    tun_flags: Option<u32>,
    flags: Option<u32>,
    /// Whether `iflink` names another device than itself.
    is_linked: bool,
}

impl Signs<'_> {
    fn kind(&self) -> Option<&str> {
        let has = |entry: &str| self.entries.iter().any(|known| known == entry);
        if let Some(kind) = self.device_type.as_deref() {
            return Some(kind);
        }
        for (entry, kind) in [("bonding", "bond"), ("bridge", "bridge"), ("wireless", "wlan"), ("phy80211", "wlan")] {
            if has(entry) {
                return Some(kind);
            }
        }
        if let Some(flags) = self.tun_flags {
            return Some(if flags & TUN == TUN { "tun" } else { "tap" });
        }
        // The ARPHRD_ numbers of linux/if_arp.h.
        match self.hardware_type? {
            32 => Some("infiniband"),
            768 => Some("ipip"),
            769 => Some("ip6tnl"),
            772 => Some("loopback"),
            776 => Some("sit"),
            778 => Some("gre"),
            1 if has("device") => Some("ethernet"),
            1 if self.is_linked => Some("veth"),
            1 if self.flags.is_some_and(|flags| flags & NO_ARP != 0) => Some("dummy"),
            1 if self.name.starts_with("team") => Some("team"),
            _ => None,
        }
    }
}

/// The `DEVTYPE` line of a `uevent` file, which the driver of the device sets.
fn parse_device_type(uevent: &str) -> Option<String> {
    uevent.lines().find_map(|line| line.strip_prefix("DEVTYPE=")).map(|kind| kind.trim().to_owned())
}

fn parse_hexadecimal(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()
}

fn is_linked(index: Option<String>, link: Option<String>) -> bool {
    matches!((index, link), (Some(index), Some(link)) if index != link && link != "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_names_its_kind_in_uevent() {
        assert_eq!(parse_device_type("DEVTYPE=vxlan\nINTERFACE=flannel.1\nIFINDEX=4\n").as_deref(), Some("vxlan"));
        assert_eq!(parse_device_type("INTERFACE=eth0\nIFINDEX=2\n"), None);
    }

    #[test]
    fn the_kind_follows_from_the_files_where_no_driver_names_it() {
        let entries = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let nothing = Vec::new();
        let tunnel = Signs { hardware_type: Some(768), entries: &nothing, ..Signs::default() };
        assert_eq!(tunnel.kind(), Some("ipip"));
        let device = entries(&["device", "mtu"]);
        assert_eq!(Signs { hardware_type: Some(1), entries: &device, ..Signs::default() }.kind(), Some("ethernet"));
        assert_eq!(
            Signs { hardware_type: Some(1), entries: &nothing, is_linked: true, ..Signs::default() }.kind(),
            Some("veth")
        );
        let dummy = Signs { hardware_type: Some(1), flags: Some(0x82), entries: &nothing, ..Signs::default() };
        assert_eq!(dummy.kind(), Some("dummy"));
        let bond = entries(&["bonding", "lower_eno1"]);
        assert_eq!(Signs { hardware_type: Some(1), entries: &bond, ..Signs::default() }.kind(), Some("bond"));
        assert_eq!(Signs { entries: &nothing, ..Signs::default() }.kind(), None);
    }

    #[test]
    fn flags_decide_over_the_operational_state() {
        let source = |entry: &str| Source::file(entry);
        let unknown = Outcome::Found("unknown".to_owned());
        assert_eq!(is_up(&source, Some(0x80), &unknown).bool(), Some(false));
        assert_eq!(is_up(&source, None, &unknown).bool(), Some(true));
        assert_eq!(is_up(&source, None, &Outcome::Found("down".to_owned())).bool(), Some(false));
        assert_eq!(is_up(&source, None, &Outcome::Unreadable("no".to_owned())).bool(), None);
    }

    #[test]
    fn numbers_of_the_kernel_are_hexadecimal() {
        assert_eq!(parse_hexadecimal("0x1003\n"), Some(0x1003));
        assert_eq!(parse_hexadecimal("garbage"), None);
        assert_eq!(parse_hexadecimal("0xfffffffff"), None);
    }
}
