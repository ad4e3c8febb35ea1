//! Configurations of pod networks as their installers write them.

use std::collections::BTreeSet;

use crate::fact::cluster::Collection;
use crate::fact::cluster::file::Files;
use crate::fact::{Fact, Facts};

fn read(documents: &str) -> Facts {
    let wanted = BTreeSet::from(["pod_network".to_owned()]);
    let collection = Collection::new(&wanted);
    let mut files = Files::new(&collection);
    files.read("objects.yaml", &format!("---\n{documents}"));
    let (_, faults) = files.finish();
    assert!(faults.is_empty(), "{faults:?}");
    collection.facts("not read")
}

/// Plugin, encapsulation, overhead and configured MTU.
fn summary(facts: &Facts) -> String {
    let text = |path: &str| facts.text(path).unwrap_or("-").to_owned();
    let number = |path: &str| facts.int(path).map_or("-".to_owned(), |number| number.to_string());
    format!(
        "{} {} {} {}",
        text("pod_network.cni"),
        text("pod_network.encapsulation"),
        number("pod_network.encapsulation_overhead"),
        number("pod_network.mtu"),
    )
}

const CALICO_CONFIG: &str = "
{apiVersion: v1, kind: ConfigMap, metadata: {name: calico-config, namespace: kube-system}, data: {calico_backend: bird, veth_mtu: '1440'}}
---
";
const CALICO_NODE: &str = "
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: calico-node, namespace: kube-system}, spec: {template: {spec: {containers: [
  {name: calico-node, image: 'docker.io/calico/node:v3.26.4', env: [{name: FELIX_BPFENABLED, value: 'false'}]}]}}}}
---
";
const IPIP_POOL: &str = "
{apiVersion: crd.projectcalico.org/v1, kind: IPPool, metadata: {name: default-ipv4-ippool}, spec: {cidr: 10.244.0.0/16, ipipMode: Always, vxlanMode: Never}}
---
";

#[test]
fn calicos_manifest_sets_an_mtu_and_its_pool_an_encapsulation() {
    let facts = read(&[CALICO_CONFIG, CALICO_NODE, IPIP_POOL].concat());
    assert_eq!(summary(&facts), "calico ipip 20 1440");
    assert_eq!(facts.text("pod_network.version"), Some("3.26.4"));
    assert!(matches!(facts.get("pod_network.dataplane"), Some(Fact::Absent { .. })));
    assert_eq!(facts.bool("pod_network.ignores_node_ranges"), Some(true));
}

#[test]
fn an_mtu_of_zero_is_found_by_calico_itself() {
    let facts = read(&[&CALICO_CONFIG.replace("1440", "0"), IPIP_POOL].concat());
    assert_eq!(summary(&facts), "calico ipip 20 -");
}

#[test]
fn the_operators_installation_sets_mtu_and_data_plane() {
    let facts = read(
        "{apiVersion: operator.tigera.io/v1, kind: Installation, metadata: {name: default}, spec: {calicoNetwork: {mtu: 8950, \
         linuxDataplane: BPF, ipPools: [{cidr: 10.244.0.0/16, encapsulation: VXLANCrossSubnet}]}}}",
    );
    assert_eq!(summary(&facts), "calico vxlan 50 8950");
    assert_eq!(facts.text("pod_network.dataplane"), Some("calico-ebpf"));
}

#[test]
fn calico_leaves_room_for_the_widest_encapsulation_that_is_enabled() {
    let felix = "{apiVersion: crd.projectcalico.org/v1, kind: FelixConfiguration, metadata: {name: default}, \
                 spec: {wireguardEnabled: true, wireguardMTU: 1400, vxlanMTU: 1450, bpfEnabled: true}}\n---\n";
    let facts = read(&[CALICO_NODE, IPIP_POOL, felix].concat());
    assert_eq!(summary(&facts), "calico wireguard 60 -");
    let tunnels = facts.get("pod_network.tunnel_mtus").and_then(Fact::list).unwrap();
    let settings: Vec<_> =
        tunnels.iter().map(|tunnel| tunnel.member("setting").and_then(Fact::text).unwrap()).collect();
    assert_eq!(settings, ["wireguardMTU"], "no pool uses VXLAN");
    assert_eq!(facts.text("pod_network.dataplane"), Some("calico-ebpf"));
}

#[test]
fn pools_that_overlap_name_each_other_and_both_api_groups_are_one() {
    let again = IPIP_POOL.replace("crd.projectcalico.org/v1", "projectcalico.org/v3");
    let second = IPIP_POOL.replace("default-ipv4-ippool", "second").replace("10.244.0.0/16", "10.244.128.0/17");
    let facts = read(&[IPIP_POOL, &again, &second].concat());
    let pools = facts.get("pod_network.pools").and_then(Fact::list).unwrap();
    assert_eq!(pools.len(), 2);
    for (pool, other) in pools.iter().zip(["second", "default-ipv4-ippool"]) {
        assert_eq!(pool.member("overlaps").and_then(Fact::list).unwrap()[0].text(), Some(other));
    }
}

#[test]
fn flannel_takes_the_overhead_off_the_mtu_that_it_is_told() {
    let config = |backend: &str| {
        format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: kube-flannel-cfg, namespace: kube-flannel}}, data: {{net-conf.json: \
             '{{\"Network\": \"10.244.0.0/16\", \"Backend\": {backend}}}'}}}}"
        )
    };
    assert_eq!(summary(&read(&config("{\"Type\": \"vxlan\"}"))), "flannel vxlan 50 -");
    assert_eq!(summary(&read(&config("{\"Type\": \"vxlan\", \"MTU\": 9000}"))), "flannel vxlan 50 8950");
    assert_eq!(summary(&read(&config("{\"Type\": \"host-gw\"}"))), "flannel none 0 -");
    assert_eq!(summary(&read(&config("{}"))), "flannel udp 28 -");
}

#[test]
fn cilium_says_how_it_routes_in_the_words_of_its_version() {
    let config = |data: &str| {
        format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: cilium-config, namespace: kube-system}}, data: {{{data}}}}}"
        )
    };
    for (data, expected) in [
        ("routing-mode: tunnel, tunnel-protocol: geneve", "cilium geneve 50 -"),
        ("tunnel: disabled", "cilium none 0 -"),
        ("tunnel: vxlan, mtu: '1500'", "cilium vxlan 50 1450"),
        ("routing-mode: native, enable-wireguard: 'true', mtu: '9000'", "cilium wireguard 80 8920"),
        ("cluster-name: default", "cilium vxlan 50 -"),
    ] {
        assert_eq!(summary(&read(&config(data))), expected, "{data}");
    }
}

#[test]
fn a_configuration_that_an_earlier_network_left_behind_is_not_in_force() {
    let cilium = "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: cilium, namespace: kube-system}, spec: {template: {spec: {containers: [\
                  {name: cilium-agent, image: 'quay.io/cilium/cilium:v1.18.3@sha256:00'}]}}}}\n---\n";
    let facts = read(&[CALICO_CONFIG, cilium].concat());
    assert_eq!(facts.text("pod_network.cni"), Some("cilium"));
    assert_eq!(facts.text("pod_network.version"), Some("1.18.3"));
    assert_eq!(facts.text("pod_network.dataplane"), Some("cilium"));
    assert_eq!(facts.int("pod_network.mtu"), None);
}

#[test]
fn canal_is_calicos_policy_over_flannels_network() {
    let facts = read(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: canal-config, namespace: kube-system}, data: {veth_mtu: '1450', net-conf.json: \
         '{\"Network\": \"10.42.0.0/16\", \"Backend\": {\"Type\": \"vxlan\"}}'}}",
    );
    assert_eq!(facts.text("pod_network.cni"), Some("canal"));
    assert_eq!(facts.text("pod_network.encapsulation"), Some("vxlan"));
}

#[test]
fn without_any_network_nothing_is_known() {
    let facts = read("{apiVersion: v1, kind: Namespace, metadata: {name: default}}");
    assert!(matches!(facts.get("pod_network.cni"), Some(Fact::Absent { .. })));
    assert_eq!(facts.get("pod_network.pools").and_then(Fact::list).map(<[Fact]>::len), Some(0));
}
