//! Tests of [`parse_config`] with the files that the projects install.

use super::*;

const CALICO: &str = r#"{
  "name": "k8s-pod-network",
  "cniVersion": "0.3.1",
  "plugins": [
    {"type": "calico", "mtu": 0, "ipam": {"type": "calico-ipam", "assign_ipv4": "true", "assign_ipv6": "true"}},
    {"type": "portmap", "snat": true},
    {"type": "bandwidth"}
  ]
}"#;

fn types(config: &Config) -> Vec<&str> {
    config.plugins.iter().map(|plugin| plugin.kind.as_str()).collect()
}

#[test]
fn a_list_names_its_plugins_and_their_ipam() {
    let config = parse_config(CALICO, true).unwrap();
    assert_eq!(types(&config), ["calico", "calico-ipam", "portmap", "bandwidth"]);
    assert_eq!(config.network().as_deref(), Some("calico"));
    assert_eq!(config.plugins[0].gives_ipv6, Some(true));
}

#[test]
fn an_mtu_of_zero_means_that_calico_finds_it_out() {
    assert_eq!(parse_config(CALICO, true).unwrap().plugins[0].mtu, None);
}

#[test]
fn amazons_mtu_is_a_text() {
    let text = r#"{"name": "aws-cni", "plugins": [{"type": "aws-cni", "vethPrefix": "eni", "mtu": "9001"}, {"type": "portmap"}]}"#;
    let config = parse_config(text, true).unwrap();
    assert_eq!(config.plugins[0].mtu, Some((9001, 1)));
    assert_eq!(config.network().as_deref(), Some("aws-vpc"));
}

#[test]
fn a_placeholder_that_nobody_filled_in_is_no_mtu() {
    let text = r#"{"name": "n", "plugins": [{"type": "calico", "mtu": "__CNI_MTU__"}]}"#;
    assert_eq!(parse_config(text, true).unwrap().plugins[0].mtu, None);
}

#[test]
fn flannel_calls_bridge_and_host_local_without_naming_them() {
    let text = r#"{"name": "cbr0", "plugins": [{"type": "flannel", "delegate": {"hairpinMode": true, "isDefaultGateway": true}}, {"type": "portmap"}]}"#;
    let config = parse_config(text, true).unwrap();
    assert_eq!(types(&config), ["flannel", "bridge", "host-local", "portmap"]);
    assert_eq!(config.plugins.iter().filter(|plugin| plugin.is_named).count(), 2);
    assert_eq!(config.network().as_deref(), Some("flannel"));
}

#[test]
fn the_network_of_multus_is_that_of_its_delegate() {
    let text = r#"{"cniVersion": "0.3.1", "name": "multus-cni-network", "type": "multus", "kubeconfig": "/etc/cni/net.d/multus.d/multus.kubeconfig",
      "delegates": [{"name": "cbr0", "plugins": [{"type": "flannel"}, {"type": "portmap"}]}]}"#;
    let config = parse_config(text, false).unwrap();
    assert_eq!(types(&config), ["multus", "flannel", "bridge", "host-local", "portmap"]);
    assert_eq!(config.network().as_deref(), Some("flannel"));
    assert!(config.has_multus());
}

#[test]
fn a_macvlan_keeps_its_master_and_mtu() {
    let text = r#"{"name": "storage", "type": "macvlan", "master": "eth1", "mtu": 9000, "ipam": {"type": "dhcp"}}"#;
    let config = parse_config(text, false).unwrap();
    assert_eq!(config.plugins[0].master.as_deref(), Some("eth1"));
    assert_eq!(config.plugins[0].mtu, Some((9000, 1)));
    assert_eq!(types(&config), ["macvlan", "dhcp"]);
}

#[test]
fn ranges_of_host_local_tell_the_family() {
    let text = r#"{"name": "kindnet", "plugins": [{"type": "ptp", "mtu": 1500, "ipam": {"type": "host-local",
      "ranges": [[{"subnet": "10.244.0.0/24"}], [{"subnet": "fd00:10:244::/64"}]]}}]}"#;
    let config = parse_config(text, true).unwrap();
    assert_eq!(config.plugins[0].gives_ipv6, Some(true));
    assert_eq!(config.network().as_deref(), Some("kindnet"));
}

#[test]
fn what_a_runtime_refuses_says_why() {
    assert!(parse_config("{", false).is_err());
    assert!(parse_config("[]", false).is_err());
    assert!(parse_config("{\"name\": \"n\"}", false).unwrap_err().contains("no type"));
    assert!(parse_config("{\"name\": \"n\", \"plugins\": []}", true).unwrap_err().contains("no plugins"));
    assert!(parse_config("{\"plugins\": [{\"type\": \"bridge\"}]}", true).unwrap_err().contains("no name"));
}
