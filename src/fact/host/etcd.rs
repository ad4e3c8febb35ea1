//! etcd on this host: static pod, systemd unit, process, or the one inside
//! k3s and RKE2.
//!
//! Flags win over the environment (`ETCD_*`); a `--config-file` replaces
//! both: <https://etcd.io/docs/v3.6/op-guide/configuration/>.

use super::kubelet::FLAG;
use super::{Collector, Host};
use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};

const URL: Type = Type::Object(&[
    Field::new("url", Type::Text, "the URL"),
    Field::new("setting", Type::Text, "the setting that names it, such as `--listen-client-urls`"),
    Field::new("is_plaintext", Type::Bool, "it is `http` and reaches beyond this host"),
]);

const DUPLICATE: Type = Type::Object(&[
    Field::new("name", Type::Text, "the flag's name"),
    Field::new("values", Type::List(&Type::Text), "its values, in order; the last one wins"),
]);

/// What this collector delivers.
const FACTS: &[FactDoc] = &[
    FactDoc::new("etcd.present", Type::Bool, "an etcd member is set up on this host"),
    FactDoc::new("etcd.kind", Type::Text, "`static-pod`, `process`, `unit`, `k3s` or `rke2`"),
    FactDoc::new("etcd.version", Type::Text, "version of its image, process or package"),
    FactDoc::new("etcd.flags", Type::List(&FLAG), "its flags, in order"),
    FactDoc::new(
        "etcd.duplicate_flags",
        Type::List(&DUPLICATE),
        "flags that are given more than once with different values",
    ),
    FactDoc::new(
        "etcd.urls",
        Type::List(&URL),
        "URLs that this member listens on and advertises, and those that the API server or k3s here reaches etcd by; metrics left out",
    ),
    FactDoc::new("etcd.listens_beyond_host", Type::Bool, "clients of other hosts can reach this member"),
    FactDoc::new("etcd.client_cert_auth", Type::Bool, "clients must show a certificate"),
    FactDoc::new("etcd.peer_client_cert_auth", Type::Bool, "peers must show a certificate"),
    FactDoc::new(
        "etcd.quota_backend_bytes",
        Type::Int,
        "size limit of the database in bytes; 0 or unset means the default of 2 GiB",
    ),
    FactDoc::new("etcd.heartbeat_interval", Type::Int, "milliseconds between heartbeats"),
    FactDoc::new("etcd.election_timeout", Type::Int, "milliseconds until an election"),
    FactDoc::new("etcd.initial_members", Type::List(&Type::Text), "names in initial-cluster, learners not told apart"),
    FactDoc::new("etcd.data_dir", Type::Text, "folder of the database"),
];

/// The collector of `etcd.*`.
pub(super) const COLLECTOR: Collector = Collector { name: "etcd", facts: FACTS, needs: &["control_plane"], collect };

fn collect(_host: &Host, _earlier: &Facts) -> Facts {
    Facts::default()
}
