//! Joins hosts to the nodes of a cluster: one tree in which a node leads to
//! the facts of its host.
//!
//! A host is a node's if they agree on the most telling of what both sides
//! know: machine id and name, machine id, system UUID, name. Clones share a
//! machine id or UUID, so one that several nodes share tells nothing.

use std::collections::BTreeSet;

use super::{Fact, Facts, Value};

/// What a host gets of its node: lists of the cluster with one element for
/// each node, and what the host's is called among its own facts.
const OF_NODE: [(&str, &str); 2] = [("nodes", "node_object"), ("gpu_nodes", "gpu_node")];

/// What tells a host's node: it has to be read of both for the join.
pub const JOINING: [&str; 6] = [
    "nodes",
    "machine.id",
    "machine.product_uuid",
    "kubelet.hostname_override",
    "hostname.name",
    "hostname.static_name",
];

/// Puts a host's facts at its node, as `nodes[].host`, the node among the
/// host's facts, as `node_object` and `gpu_node`, and gives the node's name;
/// none where no node or more than one fits. Of the facts, only those
/// that lie within the wanted paths are kept: there may be many hosts.
pub fn join(cluster: &mut Facts, host: &mut Facts, wanted: &BTreeSet<String>) -> Option<String> {
    let nodes = cluster.get("nodes")?.list()?;
    let at = find(nodes, host)?;
    let node = nodes.get(at)?;
    let name = node.member("name")?.text()?.to_owned();
    // The kubelet itself tells the API its version, where no package or path does.
    if matches!(host.get("kubelet.version"), Some(Fact::Unreadable { .. }))
        && let Some(version @ Fact::Known { .. }) = node.member("kubelet_version")
    {
        host.set("kubelet.version", version.clone());
    }
    for (list, own) in OF_NODE {
        let of_node = |element: &&Fact| element.member("name").and_then(Fact::text) == Some(name.as_str());
        let element = match cluster.get(list) {
            Some(Fact::Unreadable { source, reason }) => {
                Some(Fact::Unreadable { source: source.clone(), reason: reason.clone() })
            }
            other => other.and_then(Fact::list).and_then(|elements| elements.iter().find(of_node)).cloned(),
        };
        if let Some(element) = element {
            host.set(own, element);
        }
    }
    let is_of_node = |path: &&String| OF_NODE.iter().any(|(_, own)| path.split('.').next() == Some(own));
    let kept = host.only(wanted.iter().filter(|path| !is_of_node(path)));
    let kept = kept.into_group();
    if let Some(Fact::Known { value: Value::List(nodes), .. }) = cluster.get_mut("nodes")
        && let Some(Fact::Known { value: Value::Map(members), .. }) = nodes.get_mut(at)
    {
        members.insert("host".to_owned(), kept);
    }
    Some(name)
}

fn find(nodes: &[Fact], host: &Facts) -> Option<usize> {
    let machine_id = host.text("machine.id").map(str::to_ascii_lowercase);
    let uuid = host.text("machine.product_uuid").map(str::to_ascii_lowercase);
    let names: Vec<&str> = ["kubelet.hostname_override", "hostname.name", "hostname.static_name"]
        .iter()
        .filter_map(|path| host.text(path))
        .collect();
    let same = |node: &Fact, member: &str, own: &Option<String>| {
        let theirs = node.member(member).and_then(Fact::text).filter(|text| !text.is_empty());
        theirs.is_some_and(|theirs| own.as_deref() == Some(theirs.to_ascii_lowercase().as_str()))
    };
    let is_named = |node: &Fact| {
        let name = node.member("name").and_then(Fact::text);
        name.is_some_and(|name| names.iter().any(|own| own.eq_ignore_ascii_case(name)))
    };
    let only = |fits: &dyn Fn(&Fact) -> bool| {
        let mut fitting = nodes.iter().enumerate().filter(|(_, node)| fits(node)).map(|(at, _)| at);
        fitting.next().filter(|_| fitting.next().is_none())
    };
    only(&|node| same(node, "machine_id", &machine_id) && is_named(node))
        .or_else(|| only(&|node| same(node, "machine_id", &machine_id)))
        .or_else(|| only(&|node| same(node, "system_uuid", &uuid)))
        .or_else(|| only(&is_named))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn node(name: &str, machine_id: &str, uuid: &str) -> Fact {
        let member = |key: &str, value: &str| (key.to_owned(), Fact::group(value));
        Fact::group(BTreeMap::from([
            member("name", name),
            member("machine_id", machine_id),
            member("system_uuid", uuid),
        ]))
    }

    fn cluster(nodes: Vec<Fact>) -> Facts {
        let mut facts = Facts::default();
        facts.set("nodes", Fact::group(nodes));
        facts
    }

    fn host(machine_id: &str, uuid: &str, name: &str) -> Facts {
        let mut facts = Facts::default();
        facts.set("machine.id", Fact::group(machine_id));
        facts.set("machine.product_uuid", Fact::group(uuid));
        facts.set("hostname.name", Fact::group(name));
        facts.set("kubelet.version", Fact::group("v1.36.2"));
        facts
    }

    fn joined(nodes: Vec<Fact>, host: &Facts) -> Option<String> {
        join(&mut cluster(nodes), &mut host.clone(), &BTreeSet::new())
    }

    #[test]
    fn a_machine_id_tells_more_than_a_name() {
        let nodes = vec![node("a", "m1", "u1"), node("b", "m2", "u2")];
        assert_eq!(joined(nodes.clone(), &host("m2", "", "a")).as_deref(), Some("b"));
        assert_eq!(joined(nodes.clone(), &host("", "U1", "x")).as_deref(), Some("a"), "UUIDs differ in case");
        assert_eq!(joined(nodes.clone(), &host("", "", "B")).as_deref(), Some("b"));
        assert_eq!(joined(nodes, &host("m9", "u9", "c")), None);
    }

    #[test]
    fn clones_that_share_a_machine_id_are_told_apart_by_name() {
        let nodes = vec![node("a", "m1", "u1"), node("b", "m1", "u1")];
        assert_eq!(joined(nodes.clone(), &host("m1", "u1", "b")).as_deref(), Some("b"));
        assert_eq!(joined(nodes, &host("m1", "u1", "c")), None);
    }

    #[test]
    fn the_node_tells_a_version_that_the_host_does_not() {
        let version = |own: Fact| {
            let mut host = host("m1", "u1", "a");
            host.set("kubelet.version", own);
            let mut node = node("a", "m1", "u1");
            if let Fact::Known { value: Value::Map(members), .. } = &mut node {
                members.insert("kubelet_version".to_owned(), Fact::group("v1.20.2"));
            }
            join(&mut cluster(vec![node]), &mut host, &BTreeSet::new());
            host.text("kubelet.version").map(str::to_owned)
        };
        let unreadable = Fact::Unreadable { source: None, reason: "no package names it".to_owned() };
        assert_eq!(version(unreadable).as_deref(), Some("v1.20.2"));
        assert_eq!(version(Fact::group("1.20.15")).as_deref(), Some("1.20.15"));
    }

    #[test]
    fn only_what_is_wanted_of_a_host_is_kept() {
        let mut cluster = cluster(vec![node("a", "m1", "u1")]);
        let of_gpus = Fact::group(BTreeMap::from([
            ("name".to_owned(), Fact::group("a")),
            ("product".to_owned(), Fact::group("NVIDIA-A30")),
        ]));
        cluster.set("gpu_nodes", Fact::group(vec![of_gpus]));
        let wanted = BTreeSet::from(["kubelet.version".to_owned(), "gpu_node.product".to_owned()]);
        let mut host = host("m1", "u1", "a");
        join(&mut cluster, &mut host, &wanted);
        assert_eq!(host.text("node_object.name"), Some("a"));
        assert_eq!(host.text("gpu_node.product"), Some("NVIDIA-A30"));
        let joined = cluster.get("nodes").and_then(Fact::list).and_then(|nodes| nodes[0].member("host")).unwrap();
        assert_eq!(
            joined.member("kubelet").and_then(|kubelet| kubelet.member("version")).and_then(Fact::text),
            Some("v1.36.2")
        );
        assert!(joined.member("machine").is_none());
    }
}
