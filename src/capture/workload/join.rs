//! One list out of what several sources tell of the same pods and containers.

use super::{Container, Workload};

/// Adds what another source tells: what is not known yet, and of what is known
/// the parts that are missing.
pub(super) fn add(known: &mut Vec<Workload>, told: Vec<Workload>) {
    for workload in told {
        match known.iter_mut().find(|known| is_same(known, &workload)) {
            Some(known) => complete(known, workload),
            None => known.push(workload),
        }
    }
}

/// The same sandbox, the same pod, or a container in common.
fn is_same(one: &Workload, other: &Workload) -> bool {
    let is_id = |id: &Option<String>, workload: &Workload| {
        id.is_some()
            && (*id == workload.sandbox_id || workload.containers.iter().any(|has| Some(&has.id) == id.as_ref()))
    };
    let same_uid = match (&one.pod, &other.pod) {
        (Some(one), Some(other)) => !one.uid.is_empty() && one.uid == other.uid && other.name == one.name,
        _ => false,
    };
    // Two sandboxes of a pod are two: one of them is being deleted.
    let sandboxes_differ = one.sandbox_id.is_some() && other.sandbox_id.is_some() && one.sandbox_id != other.sandbox_id;
    let shares_container =
        one.containers.iter().any(|container| other.containers.iter().any(|has| has.id == container.id));
    is_id(&one.sandbox_id, other)
        || is_id(&other.sandbox_id, one)
        || shares_container
        || (same_uid && !sandboxes_differ)
}

fn complete(known: &mut Workload, told: Workload) {
    if known.pod.is_none() {
        known.pod = told.pod;
    }
    if known.labels.is_empty() {
        known.labels = told.labels;
    }
    known.sandbox_id = known.sandbox_id.take().or(told.sandbox_id);
    known.network_namespace = known.network_namespace.take().or(told.network_namespace);
    known.pid = known.pid.or(told.pid);
    known.is_host_network = known.is_host_network.or(told.is_host_network);
    for container in told.containers {
        add_container(known, container);
    }
}

fn add_container(known: &mut Workload, told: Container) {
    // The sandbox is a container too, and is not shown as one.
    if known.sandbox_id.as_ref() == Some(&told.id) {
        known.pid = known.pid.or(told.pid);
        return;
    }
    match known.containers.iter_mut().find(|container| container.id == told.id) {
        Some(container) => {
            container.pid = container.pid.or(told.pid);
            if container.name.is_empty() {
                container.name = told.name;
            }
        }
        None => known.containers.push(told),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::workload::PodName;

    fn container(id: &str, name: &str, pid: Option<u32>) -> Container {
        Container { id: id.to_owned(), name: name.to_owned(), pid }
    }

    fn pod(uid: &str, sandbox: Option<&str>, containers: Vec<Container>) -> Workload {
        Workload {
            pod: Some(PodName { namespace: "default".to_owned(), name: "web".to_owned(), uid: uid.to_owned() }),
            sandbox_id: sandbox.map(str::to_owned),
            containers,
            ..Workload::default()
        }
    }

    #[test]
    fn sources_complete_one_another() {
        let mut known = vec![pod("u1", Some("s1"), vec![container("c1", "app", None)])];
        let of_cgroup = Workload {
            pid: Some(9),
            containers: vec![container("c1", "", Some(11)), container("s1", "", Some(10))],
            ..Workload::default()
        };
        add(&mut known, vec![of_cgroup]);
        assert_eq!(known.len(), 1);
        assert_eq!(known[0].containers, [container("c1", "app", Some(11))]);
        assert_eq!(known[0].pid, Some(9));
    }

    #[test]
    fn two_sandboxes_of_a_pod_stay_two() {
        let mut known = vec![pod("u1", Some("old"), Vec::new())];
        add(&mut known, vec![pod("u1", Some("new"), Vec::new()), pod("u1", None, vec![container("c", "app", None)])]);
        assert_eq!(known.len(), 2);
        add(&mut known, vec![pod("u2", None, Vec::new())]);
        assert_eq!(known.len(), 3);
    }
}
