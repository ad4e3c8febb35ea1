//! Pods without an owner. Whoever makes a hundred thousand of them makes them
//! alike: each is held as its name, and what they are once for all of a kind.

use std::collections::HashMap;
use std::sync::Arc;

use super::Workload;
use super::owner::Key;
use crate::fact::cluster::Object;
use crate::fact::{Fact, Kin, ObjectReference, Twin, Value};

/// The kind of all of them.
pub(super) const KIND: &str = "Pod";

/// Bare pods that were seen.
#[derive(Default)]
pub(super) struct BarePods {
    kinds: Vec<Workload>,
    /// Places of the kinds, by the mark of their members.
    places: HashMap<u64, Vec<usize>>,
    /// Place of the kind, and name, in the order in which they came.
    pods: Vec<(usize, Box<str>)>,
}

impl BarePods {
    /// Takes a pod; `read` gives what an object is as a workload.
    pub(super) fn see(&mut self, pod: &Object<'_>, read: impl Fn(&Object<'_>) -> Option<Workload>) {
        let nameless = ObjectReference { name: String::new(), ..ObjectReference::clone(pod.reference()) };
        let Some(workload) = read(&pod.as_if(Arc::new(nameless))) else { return };
        let places = self.places.entry(workload.element.mark()).or_default();
        let is_same = |at: &&usize| self.kinds.get(**at).is_some_and(|kind| *kind == workload);
        let at = places.iter().find(is_same).copied().unwrap_or_else(|| {
            let at = self.kinds.len();
            places.push(at);
            self.kinds.push(workload);
            at
        });
        self.pods.push((at, Box::from(pod.name())));
    }

    /// The pods in the order of their keys, as facts that `finish` completes;
    /// of one that came twice the last.
    pub(super) fn facts(self, finish: impl Fn(Workload) -> Fact) -> impl Iterator<Item = (Key, Fact)> {
        let mut pods = self.pods;
        let references: Vec<Arc<ObjectReference>> = self.kinds.iter().map(|kind| Arc::clone(&kind.reference)).collect();
        let kinds: Vec<Option<Arc<Kin>>> = self
            .kinds
            .into_iter()
            .map(|kind| {
                let reference = Arc::clone(&kind.reference);
                match finish(kind) {
                    Fact::Known { value: Value::Map(members), .. } => Some(Arc::new(Kin::new(reference, members))),
                    _ => None,
                }
            })
            .collect();
        let namespace = |at: usize| references.get(at).and_then(|of| of.namespace.clone()).unwrap_or_default();
        let namespaces: Vec<String> = (0..references.len()).map(namespace).collect();
        let space = |at: usize| namespaces.get(at).map_or("", String::as_str);
        pods.sort_by(|(kind, name), (other, next)| (space(*kind), name).cmp(&(space(*other), next)));
        // The last of equal ones came last.
        pods.reverse();
        pods.dedup_by(|(kind, name), (other, next)| (space(*kind), &*name) == (space(*other), &*next));
        pods.reverse();
        pods.into_iter().filter_map(move |(at, name)| {
            let kin = Arc::clone(kinds.get(at)?.as_ref()?);
            let key = (KIND.to_owned(), namespaces.get(at)?.clone(), name.to_string());
            Some((key, Fact::group(Value::Twin(Twin::new(name, kin)))))
        })
    }
}
