//! The bridges of Docker's networks and the MTU that their containers get.
//!
//! In: `/sys/class/net`, and the MTU that dockerd is told. Out: the list
//! `docker.bridges`. The kernel shows 1500 on a bridge without ports whatever
//! Docker set, so the default bridge's MTU is dockerd's setting, and that of
//! a bridge without ports is nobody's.

use std::collections::BTreeMap;

use crate::fact::host::Host;
use crate::fact::host::root::Outcome;
use crate::fact::{Fact, Source};

/// Reads the bridges; `bridge` and `mtu` are those of the default network.
pub(super) fn read_bridges(host: &Host, bridge: &Fact, mtu: &Fact) -> Fact {
    let folder = "/sys/class/net";
    let names = match host.root.read_folder(folder) {
        Outcome::Found(names) => names,
        Outcome::Absent => {
            return Fact::unreadable(Source::file(folder), format!("read {folder}: it was not recorded"));
        }
        Outcome::Unreadable(reason) => return Fact::unreadable(Source::file(folder), reason),
    };
    let default = bridge.text().unwrap_or("docker0");
    let of_docker = names.iter().filter(|name| *name == default || is_network(name));
    let bridges = of_docker.map(|name| {
        let interface = format!("{folder}/{name}");
        let mtu = if name == default { mtu.clone() } else { read_mtu(host, &interface) };
        Fact::group(BTreeMap::from([
            ("name".to_owned(), Fact::known(name.as_str(), Source::file(&interface))),
            ("mtu".to_owned(), mtu),
            ("ports".to_owned(), read_ports(host, &interface)),
        ]))
    });
    Fact::known(bridges.collect::<Vec<_>>(), Source::file(folder))
}

/// Docker names the bridge of a network after the first 12 digits of its id.
fn is_network(name: &str) -> bool {
    name.strip_prefix("br-").is_some_and(|id| id.len() == 12 && id.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

fn read_mtu(host: &Host, interface: &str) -> Fact {
    let path = format!("{interface}/mtu");
    match host.root.read_text(&path) {
        Outcome::Found(text) => match text.trim().parse::<i64>() {
            Ok(mtu) => Fact::known(mtu, Source::line(path, 1)),
            Err(_) => Fact::unreadable(Source::file(&path), format!("read {path}: it is not a number")),
        },
        Outcome::Absent => Fact::unreadable(Source::file(&path), format!("read {path}: it was not recorded")),
        Outcome::Unreadable(reason) => Fact::unreadable(Source::file(path), reason),
    }
}

/// The ports of a bridge: the folder `brif`, which only a bridge has. Where it
/// was not recorded, a bridge that is up has at least one.
fn read_ports(host: &Host, interface: &str) -> Fact {
    let path = format!("{interface}/brif");
    match host.root.read_folder(&path) {
        Outcome::Found(names) => Fact::known(i64::try_from(names.len()).unwrap_or(i64::MAX), Source::file(path)),
        Outcome::Absent => {
            let state = format!("{interface}/operstate");
            match host.root.read_text(&state).found().as_deref().map(str::trim) {
                Some("down") => Fact::known(0_i64, Source::line(state, 1)),
                Some("up") => Fact::known(1_i64, Source::line(state, 1)),
                _ => Fact::unreadable(Source::file(&path), format!("read {path}: it was not recorded")),
            }
        }
        Outcome::Unreadable(reason) => Fact::unreadable(Source::file(path), reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dockers_own_names_are_its_networks() {
        assert!(is_network("br-0a1b2c3d4e5f"));
        assert!(!is_network("br-ex") && !is_network("br0") && !is_network("br-0a1b2c3d4e5g") && !is_network("docker0"));
    }
}
