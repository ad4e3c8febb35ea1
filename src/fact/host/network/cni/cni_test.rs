//! Tests of the collector `cni` on small trees.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use super::*;

/// A tree of files; a name that ends in `*` becomes executable without it.
fn host(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let place = folder.path().join(path.trim_end_matches('*'));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, text).unwrap();
        if path.ends_with('*') {
            fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    let root = HostRoot::open(folder.path()).unwrap();
    (folder, Host::new(root, Instant::now()))
}

fn facts_of(files: &[(&str, &str)]) -> Facts {
    let (_folder, host) = host(files);
    collect(&host, &Facts::default())
}

fn executable(facts: &Facts, kind: &str) -> Option<bool> {
    let plugins = facts.get("cni.plugins")?.list()?;
    plugins
        .iter()
        .find(|plugin| plugin.member("type").and_then(Fact::text) == Some(kind))?
        .member("is_executable")?
        .bool()
}

const BRIDGE: &str = r#"{"name": "mynet", "cniVersion": "1.0.0", "plugins": [
  {"type": "bridge", "bridge": "cni0", "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.88.0.0/16"}]]}},
  {"type": "portmap"}]}"#;
const FLANNEL: &str = r#"{"name": "cbr0", "plugins": [{"type": "flannel"}, {"type": "portmap"}]}"#;

#[test]
fn the_first_valid_file_by_the_bytes_of_its_name_wins() {
    let facts = facts_of(&[
        ("etc/cni/net.d/00-broken.conflist", "{"),
        ("etc/cni/net.d/100-crio-bridge.conflist", BRIDGE),
        ("etc/cni/net.d/10-flannel.conflist", FLANNEL),
        ("etc/cni/net.d/README", "no configuration"),
    ]);
    // '-' (0x2d) sorts before '0' (0x30), so 10- comes before 100-.
    assert_eq!(facts.text("cni.config.path"), Some("/etc/cni/net.d/10-flannel.conflist"));
    assert_eq!(facts.get("cni.configs").and_then(Fact::list).map(<[Fact]>::len), Some(3));
    assert_eq!(facts.text("network.cni"), Some("flannel"));
    assert_eq!(facts.bool("network.uses_bridge"), Some(true));
}

#[test]
fn a_plugin_that_no_folder_holds_is_missing() {
    let facts = facts_of(&[
        ("etc/cni/net.d/10-mynet.conflist", BRIDGE),
        ("opt/cni/bin/bridge*", ""),
        ("opt/cni/bin/host-local*", ""),
    ]);
    assert_eq!(executable(&facts, "bridge"), Some(true));
    assert_eq!(executable(&facts, "host-local"), Some(true));
    assert_eq!(executable(&facts, "portmap"), Some(false));
}

#[test]
fn a_plugin_without_execute_permission_is_none() {
    let facts = facts_of(&[
        ("etc/cni/net.d/10-mynet.conflist", BRIDGE),
        ("opt/cni/bin/bridge*", ""),
        ("opt/cni/bin/host-local*", ""),
        ("opt/cni/bin/portmap", ""),
    ]);
    assert_eq!(executable(&facts, "portmap"), Some(false));
}

#[test]
fn a_recorded_tree_that_lost_all_permissions_says_nothing_against_its_plugins() {
    let facts = facts_of(&[
        ("etc/cni/net.d/10-mynet.conflist", BRIDGE),
        ("opt/cni/bin/bridge", ""),
        ("opt/cni/bin/host-local", ""),
        ("opt/cni/bin/portmap", ""),
    ]);
    assert_eq!(executable(&facts, "portmap"), Some(true));
}

#[test]
fn plugins_are_unknown_where_their_folder_was_not_recorded() {
    let facts = facts_of(&[("etc/cni/net.d/10-mynet.conflist", BRIDGE)]);
    assert_eq!(executable(&facts, "bridge"), None);
}

#[test]
fn what_flannel_calls_unnamed_is_unknown_where_it_was_not_recorded() {
    let facts = facts_of(&[
        ("etc/cni/net.d/10-flannel.conflist", FLANNEL),
        ("opt/cni/bin/flannel*", ""),
        ("opt/cni/bin/portmap*", ""),
    ]);
    assert_eq!(executable(&facts, "flannel"), Some(true));
    assert_eq!(executable(&facts, "bridge"), None);
}

#[test]
fn an_empty_folder_has_no_configuration() {
    let facts = facts_of(&[("etc/cni/net.d/.keep", "")]);
    assert_eq!(facts.get("cni.configs").and_then(Fact::list), Some(&[][..]));
    assert!(matches!(facts.get("cni.config"), Some(Fact::Absent { .. })));
    assert!(matches!(facts.get("network.cni"), Some(Fact::Absent { .. })));
}

#[test]
fn a_tree_without_the_folder_above_says_nothing_about_configurations() {
    let facts = facts_of(&[("etc/kubernetes/kubelet.conf", "")]);
    assert!(matches!(facts.get("cni.configs"), Some(Fact::Unreadable { .. })));
    assert!(matches!(facts.get("network.cni"), Some(Fact::Unreadable { .. })));
}

#[test]
fn the_folders_of_the_runtime_are_used() {
    let (_folder, host) = host(&[("srv/cni/net.d/10-flannel.conflist", FLANNEL), ("srv/cni/bin/flannel*", "")]);
    let mut earlier = Facts::default();
    let source = Source::line("/etc/containerd/config.toml", 9);
    earlier.set("runtime.cni_conf_dir", Fact::known("/srv/cni/net.d", source.clone()));
    earlier.set("runtime.cni_bin_dirs", Fact::known(vec![Fact::known("/srv/cni/bin", source.clone())], source));
    let facts = collect(&host, &earlier);
    assert_eq!(facts.text("network.cni"), Some("flannel"));
    assert_eq!(executable(&facts, "flannel"), Some(true));
    assert_eq!(executable(&facts, "portmap"), Some(false));
}

#[test]
fn k3s_has_folders_of_its_own() {
    let mut earlier = Facts::default();
    earlier.set("k3s.distribution", Fact::group("k3s"));
    assert_eq!(conf_dir(&earlier).text(), Some("/var/lib/rancher/k3s/agent/etc/cni/net.d"));
    earlier.set("k3s.distribution", Fact::group("rke2"));
    assert_eq!(conf_dir(&earlier).text(), Some("/etc/cni/net.d"));
}

#[test]
fn containerd_needs_loopback_even_if_nobody_names_it() {
    let (_folder, host) = host(&[("etc/cni/net.d/10-mynet.conflist", BRIDGE), ("opt/cni/bin/loopback*", "")]);
    let mut earlier = Facts::default();
    earlier.set("runtime.name", Fact::group("containerd"));
    assert_eq!(executable(&collect(&host, &earlier), "loopback"), Some(true));
}
