//! Tests of the collector `pod_network`, by the cases of real nodes.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use super::*;
use crate::fact::host::root::HostRoot;

/// Devices by name, MTU and whether they are up.
fn earlier(network: &str, devices: &[(&str, i64, bool)], uplink_mtu: i64) -> Facts {
    let mut facts = Facts::default();
    let all = devices.iter().map(|(name, mtu, is_up)| {
        let members =
            BTreeMap::from([("mtu".to_owned(), Fact::group(*mtu)), ("is_up".to_owned(), Fact::group(*is_up))]);
        ((*name).to_owned(), Fact::group(members))
    });
    facts.set("interface", Fact::group(all.collect::<BTreeMap<_, _>>()));
    facts.set("network.cni", Fact::known(network, Source::file("/etc/cni/net.d/10-x.conflist")));
    facts.set("network.uplink_mtu", Fact::group(uplink_mtu));
    facts
}

fn collected(earlier: &Facts, files: &[(&str, &str)]) -> Facts {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let place = folder.path().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, text).unwrap();
    }
    collect(&Host::new(HostRoot::open(folder.path()).unwrap(), Instant::now()), earlier)
}

fn pod_and_overhead(facts: &Facts) -> (Option<i64>, Option<i64>) {
    (facts.int("network.pod_mtu"), facts.int("network.encapsulation_overhead"))
}

#[test]
fn calico_takes_what_felix_wrote_where_its_configuration_says_nothing() {
    let earlier = earlier("calico", &[("ens3", 1500, true), ("vxlan.calico", 1450, true)], 1500);
    let facts = collected(&earlier, &[("var/lib/calico/mtu", "1450\n")]);
    assert_eq!(pod_and_overhead(&facts), (Some(1450), Some(50)));
}

#[test]
fn the_mtu_of_calicos_configuration_comes_before_felix() {
    let mut earlier = earlier("calico", &[("ens3", 1500, true), ("vxlan.calico", 1450, true)], 1500);
    earlier.set("cni.config.mtu", Fact::group(1480_i64));
    let facts = collected(&earlier, &[("var/lib/calico/mtu", "1450\n")]);
    assert_eq!(pod_and_overhead(&facts), (Some(1480), Some(50)));
}

#[test]
fn tunl0_counts_only_while_it_is_up() {
    let down = earlier("calico", &[("eth0", 1500, true), ("tunl0", 1480, false), ("cali1", 1500, true)], 1500);
    assert_eq!(collected(&down, &[]).int("network.encapsulation_overhead"), Some(0));
    let up = earlier("calico", &[("eth0", 1500, true), ("tunl0", 1480, true), ("cali1", 1480, true)], 1500);
    assert_eq!(pod_and_overhead(&collected(&up, &[])), (Some(1480), Some(20)));
}

#[test]
fn of_two_encapsulations_the_wider_one_counts() {
    let both = earlier("calico", &[("eth0", 1500, true), ("tunl0", 1480, true), ("wireguard.cali", 1440, true)], 1500);
    let facts = collected(&both, &[("var/lib/calico/mtu", "1440")]);
    assert_eq!(facts.text("network.encapsulation"), Some("wireguard"));
    assert_eq!(pod_and_overhead(&facts), (Some(1440), Some(60)));
}

#[test]
fn vxlan_over_ipv6_adds_twenty_more() {
    let facts = collected(&earlier("calico", &[("vxlan-v6.calico", 1430, true)], 1500), &[]);
    assert_eq!(facts.int("network.encapsulation_overhead"), Some(70));
}

#[test]
fn canal_is_calico_over_flannels_device() {
    let canal = earlier("calico", &[("eth0", 1500, true), ("flannel.1", 1450, true), ("cali1", 1450, true)], 1500);
    assert_eq!(pod_and_overhead(&collected(&canal, &[])), (Some(1450), Some(50)));
}

#[test]
fn flannel_takes_the_mtu_of_subnet_env() {
    let flannel = earlier("flannel", &[("eth0", 1460, true), ("flannel.1", 1450, true)], 1460);
    let facts = collected(&flannel, &[("run/flannel/subnet.env", "FLANNEL_MTU=1450\n")]);
    assert_eq!(pod_and_overhead(&facts), (Some(1450), Some(50)));
}

#[test]
fn flannels_host_gateway_adds_nothing() {
    let earlier = earlier("flannel", &[("eth0", 1500, true), ("cni0", 1500, true)], 1500);
    let facts = collected(&earlier, &[("run/flannel/subnet.env", "FLANNEL_MTU=1500\n")]);
    assert_eq!(facts.text("network.encapsulation"), Some("none"));
}

#[test]
fn ciliums_devices_keep_the_uplinks_mtu_and_the_route_takes_the_overhead_off() {
    let earlier = earlier("cilium", &[("eth0", 1500, true), ("cilium_vxlan", 1500, true), ("lxc1", 1500, true)], 1500);
    let facts = collected(&earlier, &[]);
    assert_eq!(pod_and_overhead(&facts), (Some(1450), Some(50)));
    assert_eq!(facts.get("network.tunnels").and_then(Fact::list), Some(&[][..]));
}

#[test]
fn ciliums_wireguard_comes_on_top_of_its_tunnel() {
    let devices = [("cilium_vxlan", 1500, true), ("cilium_wg0", 1420, true), ("lxc1", 1500, true)];
    let facts = collected(&earlier("cilium", &devices, 1500), &[]);
    assert_eq!(facts.int("network.encapsulation_overhead"), Some(130));
}

#[test]
fn open_vswitchs_tunnel_of_65000_is_no_pod_mtu() {
    let earlier =
        earlier("kube-ovn", &[("eth0", 1500, true), ("genev_sys_6081", 65000, true), ("ovn0", 1400, true)], 1500);
    let facts = collected(&earlier, &[]);
    assert_eq!(pod_and_overhead(&facts), (Some(1400), Some(100)));
    assert_eq!(facts.get("network.tunnels").and_then(Fact::list), Some(&[][..]));
}

#[test]
fn amazons_plugin_wraps_nothing() {
    let mut earlier = earlier("aws-vpc", &[("eth0", 9001, true), ("eni0a1b2c3d4e5", 9001, true)], 9001);
    earlier.set("cni.config.mtu", Fact::group(9001_i64));
    assert_eq!(pod_and_overhead(&collected(&earlier, &[])), (Some(9001), Some(0)));
}

#[test]
fn a_recorded_tree_without_devices_shows_the_encapsulation_by_what_felix_took_off() {
    let facts = collected(&earlier("calico", &[("ens3", 1500, true)], 1500), &[("var/lib/calico/mtu", "1450\n")]);
    assert_eq!(facts.text("network.encapsulation"), Some("vxlan"));
    let unclear = collected(&earlier("calico", &[("ens3", 1500, true)], 1500), &[("var/lib/calico/mtu", "1400\n")]);
    assert_eq!(unclear.text("network.encapsulation"), None);
}

#[test]
fn without_a_cni_nothing_is_said() {
    let facts = collected(&Facts::default(), &[]);
    assert!(matches!(facts.get("network.pod_mtu"), Some(Fact::Absent { .. })));
}

#[test]
fn calicos_pattern_knows_predictable_names_and_no_bonds() {
    for name in ["eno1", "ens3", "enp1s0", "eth0", "enP4p65s0", "ibs2", "wlan0"] {
        assert!(matches_mtu_pattern(name), "{name}");
    }
    for name in ["bond0", "bond0.100", "p1p1", "br0", "team0", "em1", "en0", "tailscale0"] {
        assert!(!matches_mtu_pattern(name), "{name}");
    }
}

#[test]
fn a_macvlan_is_held_against_its_own_master() {
    let mut earlier = earlier("calico", &[("eth0", 1500, true), ("eth1", 9000, true)], 1500);
    let path = "/etc/cni/net.d/20-storage.conf";
    let config = BTreeMap::from([("path".to_owned(), Fact::known(path, Source::file(path)))]);
    earlier.set("cni.configs", Fact::group(vec![Fact::group(config)]));
    let text = r#"{"name": "storage", "type": "macvlan", "master": "eth1", "mtu": 9000}"#;
    let facts = collected(&earlier, &[("etc/cni/net.d/20-storage.conf", text)]);
    let attachment = &facts.get("network.attachments").unwrap().list().unwrap()[0];
    assert_eq!(attachment.member("master_mtu").and_then(Fact::int), Some(9000));
}

/// A cable of a pod on a bridge of the name that the configuration gives it.
#[test]
fn the_pods_of_a_plain_bridge_have_what_their_cables_have() {
    let mut earlier = earlier("bridge", &[("eth0", 1400, true)], 1400);
    assert_eq!(pod_and_overhead(&collected(&earlier, &[])), (None, Some(0)));
    let cable =
        BTreeMap::from([("mtu".to_owned(), Fact::group(1350_i64)), ("master".to_owned(), Fact::group("k8sbr0"))]);
    earlier.set("interface", Fact::group(BTreeMap::from([("veth1".to_owned(), Fact::group(cable))])));
    earlier.set("cni.config.bridge", Fact::group("k8sbr0"));
    let facts = collected(&earlier, &[]);
    assert_eq!(facts.int("network.pod_mtu"), Some(1350));
    assert_eq!(facts.get("network.pod_interfaces").and_then(Fact::list).map(<[Fact]>::len), Some(1));
    earlier.set("cni.config.mtu", Fact::group(1400_i64));
    assert_eq!(collected(&earlier, &[]).int("network.pod_mtu"), Some(1400));
}
