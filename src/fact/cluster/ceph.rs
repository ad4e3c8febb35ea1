//! Ceph in a cluster: what Rook runs, and how Ceph's CSI drivers reach it.
//!
//! Sources: ceph.rook.io/v1, which a cluster may lack; config maps that hold
//! `config.json` with `clusterID` and `monitors`, as ceph-csi and Rook write
//! them; names of secrets, never their data.

use super::resource::{CEPH_BLOCK_POOLS, CEPH_CLUSTERS, CEPH_FILESYSTEMS, CEPH_OBJECT_STORES, CONFIG_MAPS};
use super::{Collector, Lists, Object, Reader, Request};
use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};

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
struct Ceph {}

impl Reader for Ceph {
    fn see(&mut self, _: &Object<'_>) {}

    fn finish(self: Box<Self>, _: &Lists) -> Facts {
        Facts::default()
    }
}
