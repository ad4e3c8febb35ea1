//! What the network's collectors share: facts from outcomes, and the devices
//! that the collector `interface` found.

use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::{Fact, Facts, Source, Value};

/// Why a file that shows the network namespace of its reader is not the
/// host's: this process runs in a namespace of its own.
pub(super) fn other_namespace(root: &HostRoot, path: &str) -> Option<String> {
    if !root.is_live() {
        return None;
    }
    let of_init = root.read_link("/proc/1/ns/net").found()?;
    let own = root.read_link("/proc/self/ns/net").found()?;
    (of_init != own).then(|| format!("read {path}: it is not the host's network namespace"))
}

/// A fact from an outcome: what is absent stays absent.
pub(super) fn fact_of<T: Into<Value>>(source: Source, read: Outcome<T>) -> Fact {
    match read {
        Outcome::Found(value) => Fact::known(value, source),
        Outcome::Absent => Fact::absent(source),
        Outcome::Unreadable(reason) => Fact::unreadable(source, reason),
    }
}

/// The devices that the collector `interface` found, by name; none where it
/// could not look.
pub(super) fn interfaces(facts: &Facts) -> impl Iterator<Item = (&str, &Fact)> {
    let members = match facts.get("interface").and_then(Fact::value) {
        Some(Value::Map(members)) => Some(members),
        _ => None,
    };
    members.into_iter().flatten().map(|(name, device)| (name.as_str(), device))
}

/// The device of that name.
pub(super) fn interface<'a>(facts: &'a Facts, name: &str) -> Option<&'a Fact> {
    facts.get("interface")?.member(name)
}

/// The known MTU of a device.
pub(super) fn mtu_of(device: &Fact) -> Option<i64> {
    device.member("mtu").and_then(Fact::int)
}

/// Whether the devices were looked at, and the reason where they were not.
pub(super) fn interfaces_unreadable(facts: &Facts) -> Option<String> {
    match facts.get("interface") {
        Some(Fact::Unreadable { reason, .. }) => Some(reason.clone()),
        Some(Fact::Known { .. }) => None,
        _ => Some("read /sys/class/net: no such folder".to_owned()),
    }
}
