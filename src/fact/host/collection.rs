//! Runs the collectors, so that what was read is there at any moment.
//!
//! A collector starts as soon as those that it needs are done, and sees their
//! facts and no others. A whole look at a host takes milliseconds, but a
//! socket or a network mount may keep one collector waiting. A [`Collection`]
//! is filled on one thread and can be looked at from another, for a partial
//! report. Nothing is lost silently: [`Collection::snapshot`] makes every
//! wanted fact that is not there yet unreadable.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::thread;

use super::{COLLECTORS, Collector, Host};
use crate::fact::{Fact, Facts, catalogue};

/// Runs the collectors that deliver the wanted facts, and those they need.
///
/// `wanted` holds fact paths (`kubelet.cgroup_driver`) or their first
/// segments (`kubelet`); an empty set means every fact.
pub fn collect(host: &Host, wanted: &BTreeSet<String>) -> Facts {
    let collection = Collection::new(wanted);
    collection.run(host);
    collection.into_facts()
}

/// The most threads that read.
const MAX_THREADS: usize = 8;

/// The fewest: one may be waiting for a socket.
const MIN_THREADS: usize = 2;

/// The stack of each: documents may nest deeply.
const STACK_BYTES: usize = 8 << 20;

/// The facts of one host while they are read.
pub struct Collection {
    /// Those that most others wait for come last.
    steps: Vec<Step>,
}

/// One collector and what it found.
struct Step {
    collector: &'static Collector,
    /// The steps whose facts it reads.
    needs: Vec<usize>,
    facts: OnceLock<Facts>,
}

/// The steps that are not done, by their places.
struct Open {
    /// Those that nobody works on.
    waiting: Vec<usize>,
    /// How many are being worked on.
    begun: usize,
}

impl Collection {
    /// A collection of the wanted facts, still empty; see [`collect`].
    pub fn new(wanted: &BTreeSet<String>) -> Self {
        let collectors = needed_collectors(wanted);
        let mut ranked: Vec<(usize, &Collector)> =
            collectors.iter().map(|collector| (longest_chain(collector, &collectors, 0), *collector)).collect();
        ranked.sort_by_key(|(chain, _)| *chain);
        let place = |name: &&str| ranked.iter().position(|(_, collector)| collector.name == *name);
        let step = |collector: &'static Collector| {
            let needs = collector.needs.iter().filter_map(place).collect();
            Step { collector, needs, facts: OnceLock::new() }
        };
        Collection { steps: ranked.iter().map(|(_, collector)| step(collector)).collect() }
    }

    /// The names of its collectors, sorted.
    pub fn collector_names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.steps.iter().map(|step| step.collector.name).collect();
        names.sort_unstable();
        names
    }

    /// Reads the host; returns when everything is there.
    ///
    /// It has threads of its own: one that hangs on a dead network mount must
    /// not keep those from their work that load rules or judge.
    pub fn run(&self, host: &Host) {
        let open = Mutex::new(Open { waiting: (0..self.steps.len()).collect(), begun: 0 });
        let changed = Condvar::new();
        let work = || self.work(host, &open, &changed);
        let cores = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            let start = || thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
            let started = (0..cores.clamp(MIN_THREADS, MAX_THREADS)).filter(|_| start().is_ok()).count();
            if started == 0 {
                work();
            }
        });
    }

    /// Takes one step after the other until none is left.
    fn work(&self, host: &Host, open: &Mutex<Open>, changed: &Condvar) {
        let mut state = open.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let is_ready = |place: &usize| self.at(&[*place]).all(|step| self.is_ready(step));
            if let Some(at) = state.waiting.iter().rposition(is_ready) {
                let place = state.waiting.remove(at);
                state.begun += 1;
                drop(state);
                self.at(&[place]).for_each(|step| self.take(step, host));
                state = open.lock().unwrap_or_else(PoisonError::into_inner);
                state.begun -= 1;
                changed.notify_all();
            } else if state.waiting.is_empty() {
                return;
            } else {
                assert!(state.begun > 0, "collectors need each other in a circle");
                state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn is_ready(&self, step: &Step) -> bool {
        self.at(&step.needs).all(|need| need.facts.get().is_some())
    }

    fn take(&self, step: &Step, host: &Host) {
        let mut earlier = Facts::default();
        for need in self.at(&step.needs) {
            earlier.merge(need.facts.get().cloned().unwrap_or_default());
        }
        let _ = step.facts.set(run(step.collector, host, &earlier));
    }

    fn at(&self, places: &[usize]) -> impl Iterator<Item = &Step> {
        places.iter().filter_map(|place| self.steps.get(*place))
    }

    /// What [`Collection::run`] has read.
    pub fn into_facts(self) -> Facts {
        let mut all = Facts::default();
        self.steps.into_iter().filter_map(|step| step.facts.into_inner()).for_each(|facts| all.merge(facts));
        all
    }

    /// What has been read up to now; every wanted fact that has not is
    /// unreadable for the reason given.
    pub fn snapshot(&self, reason: &str) -> Facts {
        let mut all = Facts::default();
        self.steps.iter().filter_map(|step| step.facts.get()).for_each(|facts| all.merge(facts.clone()));
        for doc in self.steps.iter().flat_map(|step| step.collector.facts) {
            if all.get(doc.path).is_none() {
                all.set(doc.path, Fact::Unreadable { source: None, reason: reason.to_owned() });
            }
        }
        all
    }
}

/// How many collectors stand behind this one, one after the other.
fn longest_chain(collector: &Collector, all: &[&Collector], depth: usize) -> usize {
    assert!(depth < COLLECTORS.len(), "collectors need each other in a circle");
    let followers = all.iter().filter(|other| other.needs.contains(&collector.name));
    followers.map(|follower| 1 + longest_chain(follower, all, depth + 1)).max().unwrap_or(0)
}

/// Runs one collector; facts that it left out, or a panic, become unreadable.
fn run(collector: &Collector, host: &Host, earlier: &Facts) -> Facts {
    let outcome = catch_unwind(AssertUnwindSafe(|| (collector.collect)(host, earlier)));
    catalogue::complete(outcome.ok(), collector.name, collector.facts)
}

fn needed_collectors(wanted: &BTreeSet<String>) -> Vec<&'static Collector> {
    let delivers = |collector: &Collector| wanted.is_empty() || catalogue::delivers(collector.facts, wanted);
    let mut names: BTreeSet<&str> = BTreeSet::new();
    let mut open: Vec<&Collector> = COLLECTORS.iter().filter(|collector| delivers(collector)).collect();
    while let Some(collector) = open.pop() {
        if names.insert(collector.name) {
            open.extend(COLLECTORS.iter().filter(|other| collector.needs.contains(&other.name)));
        }
    }
    COLLECTORS.iter().filter(|collector| names.contains(collector.name)).collect()
}
