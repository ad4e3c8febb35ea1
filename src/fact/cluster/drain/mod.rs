//! What keeps a node from being drained, by the semantics of the eviction API
//! and of kubectl drain.
//!
//! Sources: `PodDisruptionBudget` of policy/v1 and pods;
//! <https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/>.
//! Pods of daemon sets and mirror pods are never drained. Pods that are
//! pending, have ended or are being deleted may be evicted whatever a budget
//! says. Pods are folded by their owner and labels, so that their number does
//! not matter.

mod budget;
mod selector;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::resource::{DISRUPTION_BUDGETS, PODS};
use super::workload::top_of;
use super::{Collector, Element, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Json, ObjectReference, Source};
use budget::{Answer, Budget, Selected};

pub(super) const COLLECTOR: Collector =
    Collector { name: "drain", facts: FACTS, requests: &[BUDGETS, ALL_PODS], start: || Box::new(Drain::default()) };

const BUDGETS: Request = Request::all(&DISRUPTION_BUDGETS);
const ALL_PODS: Request = Request::all(&PODS);

const OBSTACLE: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the budget, of the topmost owner of the pods, or of the bare pod."),
    Field::new("namespace", Type::Text, "Its namespace."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("cause", Type::Text, "`budget`, `overlap` (several budgets select the same pods) or `bare-pod`."),
    Field::new(
        "is_blocked",
        Type::Bool,
        "Whether it keeps a node from being drained for good; of a budget, false where it can allow an eviction.",
    ),
    Field::new("why", Type::Text, "Why, in words; absent where nothing is blocked."),
    Field::new("node", Type::Text, "Of a bare pod: its node."),
]);

const FACTS: &[FactDoc] = &[FactDoc::new(
    "drain_obstacles",
    Type::List(&OBSTACLE),
    "Every disruption budget, all pods that several of them select, and every bare pod.",
)];

/// Labels that are of one pod alone.
const OF_ONE_POD: &[&str] = &["statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"];

/// Pods of one owner with the same labels.
struct Group {
    namespace: String,
    labels: BTreeMap<String, String>,
    owner: Arc<ObjectReference>,
    pods: Selected,
}

#[derive(Default)]
struct Drain {
    budgets: Vec<Budget>,
    groups: BTreeMap<String, Group>,
    bare: Vec<(Arc<ObjectReference>, Fact)>,
}

impl Reader for Drain {
    fn see(&mut self, object: &Object<'_>) {
        if object.is(&PODS) {
            self.pod(object);
        } else {
            self.budgets.push(Budget::read(object));
        }
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut facts = Facts::default();
        let are_pods_known = lists.gap(&ALL_PODS).is_none();
        let mut elements = Vec::new();
        for budget in &self.budgets {
            let selected = self.groups.values().filter(|group| is_selected(budget, group));
            let pods = selected.fold(Selected::default(), |sum, group| Selected {
                healthy: sum.healthy + group.pods.healthy,
                unhealthy: sum.unhealthy + group.pods.unhealthy,
            });
            elements.push(of_budget(budget, budget.answer(are_pods_known.then_some(pods))));
        }
        elements.extend(self.overlaps());
        for (pod, node) in self.bare {
            let why = "no controller makes it again elsewhere, so kubectl drain refuses";
            elements.push(obstacle(&pod, "bare-pod", Ok(Some(why.to_owned()))).with("node", node).done());
        }
        // Budgets alone can be judged by their status.
        let needed: &[&Request] =
            if self.budgets.is_empty() || are_pods_known { &[&BUDGETS, &ALL_PODS] } else { &[&BUDGETS] };
        facts.set("drain_obstacles", lists.fact_of(needed, elements));
        facts
    }
}

impl Drain {
    fn pod(&mut self, pod: &Object<'_>) {
        let is_mirror = pod.annotation("kubernetes.io/config.mirror").is_some();
        let phase = pod.text("status.phase").unwrap_or("Running");
        let has_ended = matches!(phase, "Succeeded" | "Failed");
        if is_mirror || has_ended || pod.get("metadata.deletionTimestamp").is_some() {
            return;
        }
        let owner = top_of(pod);
        if owner.as_ref().is_some_and(|owner| matches!(owner.kind.as_str(), "DaemonSet" | "Node")) {
            return;
        }
        if owner.is_none() {
            self.bare.push((Arc::clone(pod.reference()), pod.text_fact(".spec.nodeName")));
        }
        if phase == "Pending" {
            return;
        }
        let owner = owner.unwrap_or_else(|| Arc::clone(pod.reference()));
        let labels: BTreeMap<String, String> = pod
            .get("metadata.labels")
            .and_then(Json::as_object)
            .into_iter()
            .flatten()
            .filter(|(key, _)| !OF_ONE_POD.contains(key))
            .filter_map(|(key, value)| Some((key.to_owned(), value.as_str()?.to_owned())))
            .collect();
        let namespace = pod.namespace().unwrap_or_default().to_owned();
        let key = format!("{namespace}\0{}\0{}\0{labels:?}", owner.kind, owner.name);
        let group =
            self.groups.entry(key).or_insert_with(|| Group { namespace, labels, owner, pods: Selected::default() });
        if is_ready(pod) {
            group.pods.healthy += 1;
        } else {
            group.pods.unhealthy += 1;
        }
    }

    /// An eviction of a pod that several budgets select is answered with an
    /// error, whatever they allow.
    fn overlaps(&self) -> Vec<Fact> {
        let mut seen: BTreeMap<Arc<ObjectReference>, Fact> = BTreeMap::new();
        for group in self.groups.values() {
            let mut names: Vec<&str> = self
                .budgets
                .iter()
                .filter(|budget| is_selected(budget, group))
                .map(|budget| budget.reference.name.as_str())
                .collect();
            if names.len() < 2 {
                continue;
            }
            names.sort_unstable();
            let why = format!("the budgets {} select the same pods, and evicting one is an error", names.join(" and "));
            seen.insert(Arc::clone(&group.owner), obstacle(&group.owner, "overlap", Ok(Some(why))).done());
        }
        seen.into_values().collect()
    }
}

fn is_selected(budget: &Budget, group: &Group) -> bool {
    budget.reference.namespace.as_deref().unwrap_or_default() == group.namespace
        && budget.selector.selects(&group.labels)
}

/// Ready by its condition; a pod without status, as a file may hold it, is taken as ready.
fn is_ready(pod: &Object<'_>) -> bool {
    let conditions = pod.list("status.conditions");
    let of = |condition: &Json, key: &str| condition.get(key).and_then(Json::as_str).map(str::to_owned);
    let ready = conditions.iter().find(|condition| of(condition, "type").as_deref() == Some("Ready"));
    ready.is_none_or(|ready| of(ready, "status").as_deref() == Some("True"))
}

fn of_budget(budget: &Budget, answer: Answer) -> Fact {
    let why = match answer {
        Answer::Allows => Ok(None),
        Answer::Never(why) => Ok(Some(why)),
        Answer::Unknown(why) => Err(why),
    };
    obstacle(&budget.reference, "budget", why).done()
}

fn obstacle(reference: &Arc<ObjectReference>, cause: &str, why: Result<Option<String>, String>) -> Element {
    let source = || Source::object(reference, if cause == "budget" { ".spec" } else { ".metadata" });
    let is_blocked = match &why {
        Ok(why) => Fact::known(why.is_some(), source()),
        Err(reason) => {
            let name = &reference.name;
            Fact::unreadable(source(), format!("{} {name}: {reason}", reference.kind))
        }
    };
    let why = why.ok().flatten().map_or(Fact::absent(source()), |why| Fact::known(why, source()));
    Element::of(reference)
        .with("cause", Fact::group(cause))
        .with("is_blocked", is_blocked)
        .with("why", why)
        .with("node", Fact::absent(source()))
}
