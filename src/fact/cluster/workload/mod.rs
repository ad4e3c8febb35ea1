//! Workloads: what each topmost owner of pods runs, and what keeps its pods
//! from running.
//!
//! Sources: `PodTemplateSpec` of the kinds in apps/v1 and batch/v1, `PodSpec`
//! and `PodStatus` of core/v1. A pod is folded into its topmost owner: its
//! replica set's deployment, its job's cron job, or a kind that is not known
//! here, such as a Rollout. Owners whose objects were not read are told from
//! what their pods show.

mod bare;
mod owner;
mod runtime_class;
mod template;
mod trouble;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::resource::{
    CRON_JOBS, DAEMON_SETS, DEPLOYMENTS, EVENTS, JOBS, PODS, REPLICA_SETS, RUNTIME_CLASSES, STATEFUL_SETS,
};
use super::{Collector, Element, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Json, ObjectReference, Source};
use bare::BarePods;
use owner::{Key, key};
use runtime_class::RuntimeClasses;
use trouble::Trouble;

pub(super) use owner::{Owners, controller};
pub(super) use template::{containers, spec_path};
pub(super) use trouble::shortened;

/// The topmost owner of a pod by what the pod itself says; none for a bare one.
pub(super) fn top_of(pod: &Object<'_>) -> Option<Arc<ObjectReference>> {
    controller(pod).map(|owner| Owners::default().topmost(&owner, pod.label("pod-template-hash")))
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "workload", facts: FACTS, requests: REQUESTS, start: || Box::new(Workloads::default()) };

const ALL_PODS: Request = Request::all(&PODS);
const ALL_EVENTS: Request = Request::all(&EVENTS);

const REQUESTS: &[Request] = &[
    ALL_PODS,
    Request::metadata(&REPLICA_SETS),
    Request::all(&DEPLOYMENTS),
    Request::all(&DAEMON_SETS),
    Request::all(&STATEFUL_SETS),
    Request::all(&JOBS),
    Request::all(&CRON_JOBS),
    Request::metadata(&RUNTIME_CLASSES),
    ALL_EVENTS,
];

/// Those of the requests that hold workloads.
const HOLDING: &[Request] = &[
    ALL_PODS,
    Request::all(&DEPLOYMENTS),
    Request::all(&DAEMON_SETS),
    Request::all(&STATEFUL_SETS),
    Request::all(&JOBS),
    Request::all(&CRON_JOBS),
];

const WORKLOAD: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the topmost owner, or of the bare pod."),
    Field::new("namespace", Type::Text, "Its namespace."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new(
        "kind",
        Type::Text,
        "Its kind: `Deployment`, `DaemonSet`, `StatefulSet`, `CronJob`, `Job`, `ReplicaSet`, `Pod`, or one that is not known here, such as `Rollout`.",
    ),
    Field::new("replicas", Type::Int, "Replicas that are asked for; absent for kinds that have none."),
    Field::new("images", Type::List(&template::IMAGE), "Images of its containers, init and ephemeral containers."),
    Field::new(
        "volumes",
        Type::List(&template::VOLUME),
        "Volumes of its pods, but for config maps, secrets, projections and downward data.",
    ),
    Field::new("claim_templates", Type::List(&Type::Text), "Of a StatefulSet: names of its claim templates."),
    Field::new("service_account", Type::Text, "Service account; absent for the namespace's default."),
    Field::new("runtime_class", Type::Text, "RuntimeClass. Absent: the runtime's default handler."),
    Field::new(
        "runtime_class_exists",
        Type::Bool,
        "Whether that class is there; unreadable where the classes were not read or not recorded, and nothing else tells.",
    ),
    Field::new("node_selector", Type::Map(&Type::Text), "Labels that its nodes must have."),
    Field::new("tolerations", Type::List(&template::TOLERATION), "Taints that it tolerates."),
    Field::new("host_network", Type::Bool, "True where it uses the node's network; else absent."),
    Field::new("host_pid", Type::Bool, "True where it sees the node's processes; else absent."),
    Field::new("host_ipc", Type::Bool, "True where it uses the node's IPC; else absent."),
    Field::new("host_users", Type::Bool, "False where it has a user namespace of its own; else absent."),
    Field::new(
        "seccomp_annotations",
        Type::List(&Type::Text),
        "Annotations of its pods that set a seccomp profile, other than unconfined, where no field sets one; absent where there is none.",
    ),
    Field::new(
        "failing_pulls",
        Type::List(&trouble::TROUBLE),
        "Those of `pod_problems` of its pods that an image is behind.",
    ),
]);

const FACTS: &[FactDoc] = &[
    FactDoc::new("workloads", Type::List(&WORKLOAD), "One element for each topmost owner of pods, and each bare pod."),
    FactDoc::new(
        "pod_problems",
        Type::List(&trouble::TROUBLE),
        "Containers that wait for something other than their start, folded by topmost owner, container and reason.",
    ),
];

/// A workload on its way.
#[derive(PartialEq)]
struct Workload {
    reference: Arc<ObjectReference>,
    element: Element,
    runtime_class: Option<String>,
}

/// The troubles of an owner's pods, by container and reason.
type Troubles = BTreeMap<(String, String), Trouble>;

/// Pods of one controller, before their topmost owner is known.
struct Group {
    controller: ObjectReference,
    hash: Option<String>,
    workload: Workload,
    troubles: Troubles,
}

#[derive(Default)]
struct Workloads {
    tops: BTreeMap<Key, Workload>,
    bare: BarePods,
    groups: BTreeMap<Key, Group>,
    bare_troubles: BTreeMap<Key, (Arc<ObjectReference>, Troubles)>,
    owners: Owners,
    classes: RuntimeClasses,
    failures: BTreeMap<String, String>,
}

impl Reader for Workloads {
    fn see(&mut self, object: &Object<'_>) {
        if object.is(&PODS) {
            self.pod(object);
        } else if object.is(&EVENTS) {
            self.event(object);
        } else if object.is(&RUNTIME_CLASSES) {
            self.classes.see(object);
        } else {
            if object.is(&REPLICA_SETS) || object.is(&JOBS) {
                self.owners.see(object);
            }
            let is_part = match controller(object) {
                Some(owner) => object.is(&REPLICA_SETS) || (object.is(&JOBS) && owner.kind == "CronJob"),
                None => false,
            };
            // Of a replica set only metadata is asked for; files hold more.
            if !is_part && let Some(workload) = workload(object) {
                self.tops.insert(key(object.reference()), workload);
            }
            self.classes.condition(object);
        }
    }

    fn finish(mut self: Box<Self>, lists: &Lists) -> Facts {
        let mut troubles = std::mem::take(&mut self.bare_troubles);
        for (_, group) in std::mem::take(&mut self.groups) {
            let top = self.owners.topmost(&group.controller, group.hash.as_deref());
            let place = key(&top);
            if !group.troubles.is_empty() {
                let (_, all) = troubles.entry(place.clone()).or_insert_with(|| (Arc::clone(&top), Troubles::new()));
                group.troubles.into_values().for_each(|trouble| take(all, trouble));
            }
            self.tops.entry(place).or_insert_with(|| group.workload.named(top));
        }
        let mut facts = Facts::default();
        let mut problems = Vec::new();
        let mut elements = Vec::new();
        for (_, all) in troubles.values_mut() {
            for trouble in all.values_mut() {
                trouble.learn(&self.failures);
            }
        }
        for (owner, all) in troubles.values() {
            problems.extend(all.values().map(|trouble| trouble.fact(owner)));
        }
        let classes = self.classes;
        let finish = |workload: Workload, pulls: Vec<Fact>| {
            let namespace = workload.reference.namespace.as_deref().unwrap_or_default();
            let exists = workload.runtime_class.as_deref().map(|class| classes.exists(class, namespace, lists));
            let mut element = workload.element.with("failing_pulls", lists.fact(&ALL_PODS, pulls));
            if let Some(exists) = exists {
                element = element.with("runtime_class_exists", exists);
            }
            element.done()
        };
        let mut bare = self.bare.facts(|kind| finish(kind, Vec::new())).peekable();
        for (place, workload) in self.tops {
            elements.extend(std::iter::from_fn(|| bare.next_if(|(own, _)| *own < place)).map(|(_, fact)| fact));
            // One that had a trouble when it came again is told once.
            bare.next_if(|(own, _)| *own == place);
            let own = troubles.get(&place).map(|(_, all)| all.values()).into_iter().flatten();
            let pulls = own.filter(|trouble| trouble.is_pull()).map(|trouble| trouble.fact(&workload.reference));
            let pulls = pulls.collect();
            elements.push(finish(workload, pulls));
        }
        elements.extend(bare.map(|(_, fact)| fact));
        facts.set("pod_problems", lists.fact(&ALL_PODS, problems));
        facts.set("workloads", lists.fact_of_any(HOLDING, elements));
        facts
    }
}

impl Workloads {
    fn pod(&mut self, pod: &Object<'_>) {
        let troubles = trouble::troubles(pod);
        // A static pod's controller is its node.
        match controller(pod).filter(|owner| owner.kind != "Node") {
            None => {
                let is_well = troubles.is_empty();
                if !is_well {
                    let place = self.bare_troubles.entry(key(pod.reference()));
                    let (_, all) = place.or_insert_with(|| (Arc::clone(pod.reference()), Troubles::new()));
                    for trouble in troubles {
                        take(all, trouble);
                    }
                }
                if is_well {
                    self.bare.see(pod, workload);
                } else if let Some(workload) = workload(pod) {
                    self.tops.insert(key(pod.reference()), workload);
                }
            }
            Some(controller) => {
                let place = key(&controller);
                if !self.groups.contains_key(&place) {
                    let Some(workload) = workload(pod) else { return };
                    let hash = pod.label("pod-template-hash").map(str::to_owned);
                    let group = Group { controller, hash, workload, troubles: Troubles::new() };
                    self.groups.insert(place.clone(), group);
                }
                if let Some(group) = self.groups.get_mut(&place) {
                    for trouble in troubles {
                        take(&mut group.troubles, trouble);
                    }
                }
            }
        }
    }

    fn event(&mut self, event: &Object<'_>) {
        let message = event.text("message").or_else(|| event.text("note")).unwrap_or_default();
        if let Some((image, words)) = trouble::parse_failure(message) {
            self.failures.insert(image.to_owned(), shortened(words));
        }
        self.classes.event(event, message);
    }
}

impl Workload {
    /// The same under its topmost owner's name.
    fn named(self, top: Arc<ObjectReference>) -> Self {
        let element = self.element.identified(&top).with("kind", Fact::group(top.kind.as_str()));
        Workload { reference: top, element, runtime_class: self.runtime_class }
    }
}

fn take(all: &mut Troubles, trouble: Trouble) {
    match all.entry(trouble.key()) {
        std::collections::btree_map::Entry::Occupied(mut present) => present.get_mut().join(trouble),
        std::collections::btree_map::Entry::Vacant(place) => {
            place.insert(trouble);
        }
    }
}

/// What an object with a pod template, or a pod, says.
fn workload(object: &Object<'_>) -> Option<Workload> {
    let reference = object.reference();
    let path = spec_path(&reference.kind);
    let spec = object.get(path)?;
    let mut element = Element::of(reference).with("kind", Fact::known(reference.kind.as_str(), object.source(".kind")));
    if matches!(reference.kind.as_str(), "Deployment" | "StatefulSet" | "ReplicaSet") {
        let replicas = match object.get("spec.replicas") {
            Some(_) => object.int_fact(".spec.replicas"),
            None => Fact::known(1_i64, Source::default_of("spec.replicas of apps/v1 is 1")),
        };
        element = element.with("replicas", replicas);
    }
    let templates = object.list("spec.volumeClaimTemplates");
    if !templates.is_empty() {
        let name = |template: &Json| template.pointer("/metadata/name").and_then(Json::as_str).map(Fact::group);
        let names: Vec<Fact> = templates.iter().filter_map(name).collect();
        element = element.with("claim_templates", Fact::known(names, object.source(".spec.volumeClaimTemplates")));
    }
    let runtime_class = spec.get("runtimeClassName").and_then(Json::as_str);
    let runtime_class = runtime_class.filter(|name| !name.is_empty()).map(str::to_owned);
    let element = template::describe(element, object, spec, path);
    Some(Workload { reference: Arc::clone(reference), element, runtime_class })
}

#[cfg(test)]
mod tests;
