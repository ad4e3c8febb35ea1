//! Which pods belong to a Deployment, StatefulSet or DaemonSet, by what their
//! controllers write on them.
//!
//! Pods of a Deployment are `NAME-HASH-xxxxx` with the label
//! `pod-template-hash: HASH`; of a StatefulSet `NAME-ORDINAL` with
//! `statefulset.kubernetes.io/pod-name`; of a DaemonSet `NAME-xxxxx` with
//! `controller-revision-hash` and no label of a StatefulSet. Where labels are
//! not known, names must do.

use std::str::FromStr;

use crate::capture::workload::Workload;

/// What owns pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerKind {
    /// `deploy/`.
    Deployment,
    /// `sts/`.
    StatefulSet,
    /// `ds/`.
    DaemonSet,
}

impl FromStr for OwnerKind {
    type Err = ();

    /// kubectl's names and short names.
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "deploy" | "deployment" | "deployments" => Ok(OwnerKind::Deployment),
            "sts" | "statefulset" | "statefulsets" => Ok(OwnerKind::StatefulSet),
            "ds" | "daemonset" | "daemonsets" => Ok(OwnerKind::DaemonSet),
            _ => Err(()),
        }
    }
}

impl OwnerKind {
    /// All of them.
    pub(super) const ALL: [OwnerKind; 3] = [OwnerKind::Deployment, OwnerKind::StatefulSet, OwnerKind::DaemonSet];

    /// As kubectl writes it short.
    pub fn short(self) -> &'static str {
        match self {
            OwnerKind::Deployment => "deploy",
            OwnerKind::StatefulSet => "sts",
            OwnerKind::DaemonSet => "ds",
        }
    }
}

/// The characters of random names and hashes, `k8s.io/apimachinery/pkg/util/rand`.
const SAFE: &str = "bcdfghjklmnpqrstvwxz2456789";

/// The length of the random end of a pod's name.
const RANDOM: usize = 5;

/// The name of the owner of that kind that a pod has, if it has one.
pub(super) fn owner_of(kind: OwnerKind, workload: &Workload) -> Option<&str> {
    let pod = workload.pod.as_ref()?;
    let label = |key: &str| workload.labels.get(key).map(String::as_str);
    let knows_labels = !workload.labels.is_empty();
    let (before, last) = pod.name.rsplit_once('-')?;
    let is_random = last.len() == RANDOM && is_safe(last);
    match kind {
        OwnerKind::Deployment => {
            let (name, hash) = before.rsplit_once('-')?;
            let is_hash = match label("pod-template-hash") {
                Some(told) => told == hash,
                None => !knows_labels && (6..=10).contains(&hash.len()) && is_safe(hash),
            };
            (is_random && is_hash).then_some(name)
        }
        OwnerKind::StatefulSet => {
            let is_ordinal = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
            let is_told = label("statefulset.kubernetes.io/pod-name").is_some_and(|told| told == pod.name);
            (is_ordinal && (is_told || !knows_labels)).then_some(before)
        }
        OwnerKind::DaemonSet => {
            let is_told =
                label("controller-revision-hash").is_some() && label("statefulset.kubernetes.io/pod-name").is_none();
            let by_name = !knows_labels && owner_of(OwnerKind::Deployment, workload).is_none();
            (is_random && (is_told || by_name)).then_some(before)
        }
    }
}

fn is_safe(text: &str) -> bool {
    text.chars().all(|character| SAFE.contains(character))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::workload::PodName;

    fn pod(name: &str, labels: &[(&str, &str)]) -> Workload {
        Workload {
            pod: Some(PodName { namespace: "shop".to_owned(), name: name.to_owned(), uid: String::new() }),
            labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            ..Workload::default()
        }
    }

    fn owners(workload: &Workload) -> Vec<String> {
        let of = |kind: OwnerKind| owner_of(kind, workload).map(|name| format!("{}/{name}", kind.short()));
        OwnerKind::ALL.into_iter().filter_map(of).collect()
    }

    #[test]
    fn labels_tell_the_owner() {
        let deployed = pod("web-api-7d4b9c6f5-x2x9k", &[("pod-template-hash", "7d4b9c6f5"), ("app", "web")]);
        assert_eq!(owners(&deployed), ["deploy/web-api"]);
        let labels = [("statefulset.kubernetes.io/pod-name", "db-0"), ("controller-revision-hash", "db-5d9")];
        assert_eq!(owners(&pod("db-0", &labels)), ["sts/db"]);
        assert_eq!(owners(&pod("kube-proxy-x7x2p", &[("controller-revision-hash", "5c9f")])), ["ds/kube-proxy"]);
        assert_eq!(owners(&pod("web-0", &[("app", "web")])), Vec::<String>::new(), "a bare pod with a number");
    }

    #[test]
    fn names_tell_it_where_labels_are_not_known() {
        assert_eq!(owners(&pod("web-7d4b9c6f5-x2x9k", &[])), ["deploy/web"]);
        assert_eq!(owners(&pod("db-12", &[])), ["sts/db"]);
        assert_eq!(owners(&pod("kube-proxy-x7x2p", &[])), ["ds/kube-proxy"]);
        assert_eq!(owners(&pod("busybox", &[])), Vec::<String>::new());
    }
}
