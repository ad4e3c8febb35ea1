//! Small readers that the network's collectors share.
//!
//! A missing file means two things: on the running machine that the kernel
//! has no such thing, in a recorded tree perhaps only that nobody recorded
//! it. The folder that would hold it decides.

use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::{Fact, Facts, Source, Value};

/// Text of a file below `/proc/net` of the host's network namespace, and its
/// path: process 1's, so that a container of ours does not answer for the
/// host; the reader's own where process 1 has none.
pub(super) fn read_net(root: &HostRoot, name: &str) -> (String, Outcome<String>) {
    let of_init = format!("/proc/1/net/{name}");
    match root.read_text(&of_init) {
        Outcome::Absent => {
            let own = format!("/proc/net/{name}");
            let text = recorded(root, &own, root.read_text(&own));
            (own, text)
        }
        read => (of_init, read),
    }
}

/// Turns an absence into "not recorded" where the folder of a recorded tree
/// that would hold the file is missing too.
pub(super) fn recorded<T>(root: &HostRoot, path: &str, read: Outcome<T>) -> Outcome<T> {
    if !matches!(read, Outcome::Absent) || root.is_live() {
        return read;
    }
    let folder = path.rsplit_once('/').map_or("/", |(folder, _)| folder);
    if root.metadata(folder).is_found() {
        Outcome::Absent
    } else {
        Outcome::Unreadable(format!("read {path}: {folder} was not recorded"))
    }
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
