//! The control plane of Kubernetes on this host: its components, their
//! versions and flags, and what they leave readable.
//!
//! In come static pods, running processes, units, and k3s' and RKE2's
//! configuration; components' flags are documented at
//! <https://kubernetes.io/docs/reference/command-line-tools-reference/>.

use super::{Collector, Host};
use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};

const COMPONENT: Type = Type::Object(&[
    Field::new("name", Type::Text, "such as `kube-apiserver`"),
    Field::new(
        "version",
        Type::Text,
        "version of its image or package, without the leading v; absent where nothing tells it",
    ),
    Field::new("kind", Type::Text, "`static-pod`, `process`, `unit`, `k3s` or `rke2`"),
]);

const COMPONENT_FLAG: Type = Type::Object(&[
    Field::new("component", Type::Text, "such as `kube-apiserver`"),
    Field::new("version", Type::Text, "version of the component; absent where nothing tells it"),
    Field::new("name", Type::Text, "name without dashes"),
    Field::new("value", Type::Text, "value; `true` for a flag that stands alone"),
    Field::new("setting", Type::Text, "as it would be typed: `--port=0`"),
]);

const COMPONENT_GATE: Type = Type::Object(&[
    Field::new("component", Type::Text, "such as `kube-apiserver`"),
    Field::new("version", Type::Text, "version of the component; absent where nothing tells it"),
    Field::new("name", Type::Text, "name of the gate"),
    Field::new("enabled", Type::Bool, "the value that it is set to"),
    Field::new("setting", Type::Text, "as it would be typed: `RemoveSelfLink=false`"),
]);

const KUBECONFIG: Type = Type::Object(&[
    Field::new("path", Type::Text, "where it lies"),
    Field::new("mode", Type::Text, "permission bits, such as `0600`"),
    Field::new("is_readable_by_others", Type::Bool, "others than its owner's group may read it"),
]);

/// What this collector delivers.
const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "control_plane.present",
        Type::Bool,
        "an API server, controller manager or scheduler is set up on this host",
    ),
    FactDoc::new("control_plane.has_apiserver", Type::Bool, "an API server is set up on this host"),
    FactDoc::new(
        "control_plane.distribution",
        Type::Text,
        "`kubeadm`, `k3s`, `rke2`, `k0s`, `microk8s`, `openshift` or `other`",
    ),
    FactDoc::new("control_plane.version", Type::Text, "version of the API server, else of the newest other component"),
    FactDoc::new("control_plane.components", Type::List(&COMPONENT), "the components that are set up here"),
    FactDoc::new(
        "control_plane.flags",
        Type::List(&COMPONENT_FLAG),
        "flags of all these components, in order; secrets left out",
    ),
    FactDoc::new(
        "control_plane.feature_gates",
        Type::List(&COMPONENT_GATE),
        "feature gates that these components are given",
    ),
    FactDoc::new(
        "node_role",
        Type::Text,
        "`control-plane` or `worker`, by what is set up here; absent without a kubelet",
    ),
    FactDoc::new(
        "control_plane.admin_kubeconfigs",
        Type::List(&KUBECONFIG),
        "admin.conf, super-admin.conf, k3s.yaml and rke2.yaml, with their permissions",
    ),
    FactDoc::new("control_plane.audit.enabled", Type::Bool, "the API server writes an audit log or sends one"),
    FactDoc::new("control_plane.audit.policy_path", Type::Text, "the audit policy"),
    FactDoc::new(
        "control_plane.audit.drops_everything",
        Type::Bool,
        "the first rule of the policy matches every request with level None",
    ),
    FactDoc::new(
        "control_plane.audit.secrets_level",
        Type::Text,
        "the highest level at which requests for Secrets can be logged: None, Metadata, Request, RequestResponse",
    ),
    FactDoc::new(
        "control_plane.encryption.enabled",
        Type::Bool,
        "Secrets are encrypted in etcd: the first provider for them is not identity",
    ),
    FactDoc::new("control_plane.encryption.provider", Type::Text, "the first provider for Secrets"),
    FactDoc::new("control_plane.backup.newest", Type::Text, "instant of the newest snapshot file"),
    FactDoc::new("control_plane.backup.job", Type::Text, "unit or cron file that makes snapshots"),
];

/// The collector of `control_plane.*`.
pub(super) const COLLECTOR: Collector = Collector { name: "control_plane", facts: FACTS, needs: &["kubelet"], collect };

fn collect(_host: &Host, _earlier: &Facts) -> Facts {
    Facts::default()
}
