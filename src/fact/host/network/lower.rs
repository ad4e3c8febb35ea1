//! What the uplink lies upon: slaves of a bond, the parent of a VLAN, ports of a bridge.

use std::collections::{BTreeMap, BTreeSet};

use super::read::{interface, interfaces, interfaces_unreadable, mtu_of};
use crate::fact::{Fact, Facts, Source};

/// How many devices lie below each other at most; more is a loop.
const MAX_DEPTH: usize = 8;

/// What the uplink lies upon. Of a bridge only physical ports, bonds and
/// VLANs count: the ports of virtual machines are not below it.
pub(super) fn lower_devices(earlier: &Facts, uplink: &str) -> Fact {
    if let Some(reason) = interfaces_unreadable(earlier) {
        return Fact::unreadable(Source::file("/sys/class/net"), reason);
    }
    let mut found = Vec::new();
    let mut seen = BTreeSet::from([uplink.to_owned()]);
    let mut level = vec![uplink.to_owned()];
    for _ in 0..MAX_DEPTH {
        let mut next = Vec::new();
        for upper in &level {
            for name in lower_names(earlier, upper) {
                let Some(device) = interface(earlier, &name) else { continue };
                let Some(mtu) = mtu_of(device) else { continue };
                if is_part_of_uplink(device) && seen.insert(name.clone()) {
                    let source = Source::file(format!("/sys/class/net/{name}/mtu"));
                    found.push(Fact::group(BTreeMap::from([
                        ("interface".to_owned(), Fact::known(&*name, source.clone())),
                        ("mtu".to_owned(), Fact::known(mtu, source)),
                    ])));
                    next.push(name);
                }
            }
        }
        level = next;
    }
    Fact::known(found, Source::file(format!("/sys/class/net/{uplink}")))
}

fn lower_names(earlier: &Facts, upper: &str) -> Vec<String> {
    let listed = interface(earlier, upper).and_then(|device| device.member("lower")).and_then(Fact::list);
    let mut names: Vec<String> = listed.unwrap_or_default().iter().filter_map(Fact::text).map(str::to_owned).collect();
    // A recorded tree may hold the links `master` and not the links `lower_*`.
    names.extend(
        interfaces(earlier)
            .filter(|(_, device)| device.member("master").and_then(Fact::text) == Some(upper))
            .map(|(name, _)| name.to_owned()),
    );
    names
}

fn is_part_of_uplink(device: &Fact) -> bool {
    device.member("is_physical").and_then(Fact::bool) == Some(true)
        || matches!(device.member("kind").and_then(Fact::text), Some("ethernet" | "bond" | "vlan" | "team"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Value;

    fn device(mtu: i64, members: &[(&str, Value)]) -> Fact {
        let mut all = BTreeMap::from([("mtu".to_owned(), Fact::group(mtu))]);
        all.extend(members.iter().map(|(name, value)| ((*name).to_owned(), Fact::group(value.clone()))));
        Fact::group(all)
    }

    fn devices(all: Vec<(&str, Fact)>) -> Facts {
        let mut facts = Facts::default();
        facts.set(
            "interface",
            Fact::group(all.into_iter().map(|(name, d)| (name.to_owned(), d)).collect::<BTreeMap<_, _>>()),
        );
        facts
    }

    #[test]
    fn below_a_vlan_on_a_bond_lie_the_bond_and_its_slaves() {
        let lower = |names: &[&str]| Value::List(names.iter().map(|&name| Fact::group(name)).collect());
        let facts = devices(vec![
            ("bond0.100", device(9000, &[("kind", "vlan".into()), ("lower", lower(&["bond0"]))])),
            ("bond0", device(9000, &[("kind", "bond".into()), ("lower", lower(&["eno1", "eno2"]))])),
            ("eno1", device(9000, &[("is_physical", true.into())])),
            ("eno2", device(1500, &[("is_physical", true.into())])),
        ]);
        let below = lower_devices(&facts, "bond0.100");
        let names: Vec<_> =
            below.list().unwrap().iter().map(|l| l.member("interface").unwrap().text().unwrap()).collect();
        assert_eq!(names, ["bond0", "eno1", "eno2"]);
    }

    #[test]
    fn virtual_machines_on_the_uplinks_bridge_do_not_lie_below_it() {
        let lower = Value::List(vec![Fact::group("eth0"), Fact::group("vnet0")]);
        let facts = devices(vec![
            ("br0", device(1500, &[("kind", "bridge".into()), ("lower", lower)])),
            ("eth0", device(1500, &[("is_physical", true.into())])),
            ("vnet0", device(1400, &[("kind", "tap".into())])),
        ]);
        assert_eq!(lower_devices(&facts, "br0").list().map(<[Fact]>::len), Some(1));
    }
}
