//! Ceph in a cluster: what Rook runs, and how Ceph's CSI drivers reach it.
//!
//! Sources: ceph.rook.io/v1, which a cluster may lack; config maps that hold
//! `config.json` with `clusterID` and `monitors`, as ceph-csi and Rook write
//! them; names of secrets, never their data.

use super::image::Image;
use super::resource::{CEPH_BLOCK_POOLS, CEPH_CLUSTERS, CEPH_FILESYSTEMS, CEPH_OBJECT_STORES, CONFIG_MAPS};
use super::{Collector, Element, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Json};

pub(super) const COLLECTOR: Collector = Collector {
    name: "ceph",
    facts: FACTS,
    requests: &[CLUSTERS, POOLS, FILESYSTEMS, STORES, CSI_CONFIG, ROOK_CSI_CONFIG],
    start: || Box::new(Ceph::default()),
};

const CLUSTERS: Request = Request::all(&CEPH_CLUSTERS);
const POOLS: Request = Request::all(&CEPH_BLOCK_POOLS);
const FILESYSTEMS: Request = Request::all(&CEPH_FILESYSTEMS);
const STORES: Request = Request::all(&CEPH_OBJECT_STORES);
const CSI_CONFIG: Request = Request { fields: "metadata.name=ceph-csi-config", ..Request::all(&CONFIG_MAPS) };
const ROOK_CSI_CONFIG: Request = Request { fields: "metadata.name=rook-ceph-csi-config", ..Request::all(&CONFIG_MAPS) };

/// Names of the config maps that ceph-csi and Rook write.
const CONFIG_NAMES: [&str; 2] = ["ceph-csi-config", "rook-ceph-csi-config"];

const CLUSTER: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the CephCluster."),
    Field::new("namespace", Type::Text, "Its namespace."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("version", Type::Text, "Version of Ceph: as its status says it, else from the image's tag."),
]);

const POOL: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the object that makes the pool."),
    Field::new("namespace", Type::Text, "Its namespace."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("pool", Type::Text, "Which of its pools: `spec`, `metadataPool`, `dataPools[0]` …"),
    Field::new("size", Type::Int, "Copies of each object; absent for an erasure-coded pool."),
    Field::new("requires_safe_size", Type::Bool, "requireSafeReplicaSize. Absent: it is not set, which means true."),
]);

const ACCESS: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the config map."),
    Field::new("namespace", Type::Text, "Its namespace."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("cluster_id", Type::Text, "The cluster's id."),
    Field::new("monitors", Type::List(&Type::Text), "Addresses of its monitors."),
    Field::new(
        "ports",
        Type::List(&Type::Int),
        "Ports of the monitors, each once: 6789 speaks the old protocol, 3300 the new one.",
    ),
]);

const FACTS: &[FactDoc] = &[
    FactDoc::new("ceph_clusters", Type::List(&CLUSTER), "Every CephCluster of Rook."),
    FactDoc::new("ceph_pools", Type::List(&POOL), "Every pool that Rook makes."),
    FactDoc::new("ceph_monitors", Type::List(&ACCESS), "The clusters that ceph-csi is told of."),
];

#[derive(Default)]
struct Ceph {
    clusters: Vec<Fact>,
    pools: Vec<Fact>,
    monitors: Vec<Fact>,
}

impl Reader for Ceph {
    fn see(&mut self, object: &Object<'_>) {
        if object.is(&CEPH_CLUSTERS) {
            self.clusters.push(cluster(object));
        } else if object.is(&CONFIG_MAPS) {
            // Files are not filtered by the name that the API is asked for.
            if CONFIG_NAMES.contains(&object.name()) {
                self.monitors.extend(monitors(object));
            }
        } else {
            self.pools.extend(pools(object));
        }
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut facts = Facts::default();
        facts.set("ceph_clusters", lists.fact(&CLUSTERS, self.clusters));
        facts.set("ceph_pools", lists.fact_of(&[&POOLS, &FILESYSTEMS, &STORES], self.pools));
        facts.set("ceph_monitors", lists.fact_of(&[&CSI_CONFIG, &ROOK_CSI_CONFIG], self.monitors));
        facts
    }
}

fn cluster(object: &Object<'_>) -> Fact {
    let image = object.text("spec.cephVersion.image");
    let version = match (object.text("status.version.version"), image) {
        (Some(version), _) => Fact::known(version, object.source(".status.version.version")),
        (None, Some(image)) => {
            let source = object.source(".spec.cephVersion.image");
            match Image::parse(image).version() {
                Some(version) => Fact::known(version, source),
                None => Fact::unreadable(source, format!("{image} has no version for a tag")),
            }
        }
        (None, None) => Fact::absent(object.source(".spec.cephVersion.image")),
    };
    Element::of(object.reference()).with("version", version).done()
}

/// The pools of a block pool, a file system or an object store.
fn pools(object: &Object<'_>) -> Vec<Fact> {
    let mut found = Vec::new();
    let mut add = |name: &str, path: &str, pool: &Json| {
        let mut element = Element::of(object.reference()).with("pool", Fact::group(name));
        if let Some(size) = pool.pointer("/replicated/size").and_then(Json::as_i64).filter(|size| *size > 0) {
            element = element.with("size", Fact::known(size, object.source(format!(".{path}.replicated.size"))));
        }
        if let Some(safe) = pool.pointer("/replicated/requireSafeReplicaSize").and_then(Json::as_bool) {
            let source = object.source(format!(".{path}.replicated.requireSafeReplicaSize"));
            element = element.with("requires_safe_size", Fact::known(safe, source));
        }
        found.push(element.done());
    };
    if object.is(&CEPH_BLOCK_POOLS) {
        if let Some(spec) = object.get("spec") {
            add("spec", "spec", spec);
        }
        return found;
    }
    for name in ["metadataPool", "dataPool"] {
        if let Some(pool) = object.get(&format!("spec.{name}")) {
            add(name, &format!("spec.{name}"), pool);
        }
    }
    for (index, pool) in object.list("spec.dataPools").iter().enumerate() {
        add(&format!("dataPools[{index}]"), &format!("spec.dataPools[{index}]"), pool);
    }
    found
}

/// The clusters of a `config.json`, or of Rook's `csi-cluster-config-json`.
fn monitors(object: &Object<'_>) -> Vec<Fact> {
    const KEYS: [&str; 2] = ["config.json", "csi-cluster-config-json"];
    let data = object.get("data");
    let mut found = Vec::new();
    for key in KEYS {
        let Some(text) = data.and_then(|data| data.get(key)).and_then(Json::as_str) else { continue };
        let source = object.source(format!(".data['{key}']"));
        let Ok(Json::Array(clusters)) = serde_json::from_str::<Json>(text) else {
            found.push(Fact::unreadable(source, format!("{}: {key} is no list in JSON", object.describe())));
            continue;
        };
        for cluster in &clusters {
            let id = cluster.get("clusterID").and_then(Json::as_str).unwrap_or_default();
            let list = cluster.get("monitors").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
            // Addresses may stand together in one text, with commas.
            let addresses = list.iter().filter_map(Json::as_str).flat_map(|text| text.split(',')).map(str::trim);
            let addresses: Vec<&str> = addresses.filter(|address| !address.is_empty()).collect();
            let mut ports: Vec<i64> = addresses.iter().filter_map(|address| port(address)).collect();
            ports.sort_unstable();
            ports.dedup();
            let known = |address: &&str| Fact::known(*address, source.clone());
            let element = Element::of(object.reference())
                .with("cluster_id", Fact::known(id, source.clone()))
                .with("monitors", Fact::known(addresses.iter().map(known).collect::<Vec<_>>(), source.clone()))
                .with("ports", Fact::group(ports.into_iter().map(Fact::group).collect::<Vec<_>>()));
            found.push(element.done());
        }
    }
    found
}

/// The port of `10.0.0.1:6789`, `v2:10.0.0.1:3300/0` or `[fd00::1]:6789`.
fn port(address: &str) -> Option<i64> {
    let address = address.trim_matches(['[', ']']);
    address.rsplit_once(':')?.1.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_monitors_port_tells_its_protocol() {
        let told = [
            ("10.0.0.1:6789", Some(6789)),
            ("v2:10.0.0.1:3300/0", Some(3300)),
            ("[fd00::1]:6789", Some(6789)),
            ("mon-a", None),
        ];
        for (address, expected) in told {
            assert_eq!(port(address), expected, "{address}");
        }
    }
}
