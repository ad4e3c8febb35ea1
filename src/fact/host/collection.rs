//! Runs the collectors, so that what was read is there at any moment.
//!
//! A whole look at a host takes milliseconds, but a socket or a network mount
//! may keep one collector waiting. A [`Collection`] is filled on one thread
//! and can be looked at from another, for a partial report. Nothing is lost
//! silently: [`Collection::snapshot`] makes every wanted fact that is not
//! there yet unreadable.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError, RwLock};

use rayon::prelude::*;

use super::{COLLECTORS, Collector, Host};
use crate::fact::{Fact, Facts, Source};

/// Runs the collectors that deliver the wanted facts, and those they need.
///
/// `wanted` holds fact paths (`kubelet.cgroup_driver`) or their first
/// segments (`kubelet`); an empty set means every fact.
pub fn collect(host: &Host, wanted: &BTreeSet<String>) -> Facts {
    let collection = Collection::new(wanted.clone());
    collection.run(host);
    collection.into_facts()
}

/// The facts of one host while they are read.
#[derive(Debug)]
pub struct Collection {
    wanted: BTreeSet<String>,
    /// Facts of finished steps, which later collectors may need.
    finished: RwLock<Facts>,
    /// Facts of collectors of the step that is under way.
    fresh: Mutex<Vec<Facts>>,
}

impl Collection {
    /// A collection of the wanted facts, still empty; see [`collect`].
    pub fn new(wanted: BTreeSet<String>) -> Self {
        Collection { wanted, finished: RwLock::default(), fresh: Mutex::default() }
    }

    /// Reads the host; returns when everything is there.
    pub fn run(&self, host: &Host) {
        let mut waiting = needed_collectors(&self.wanted);
        let mut done: BTreeSet<&str> = BTreeSet::new();
        while !waiting.is_empty() {
            let (ready, later): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|collector| collector.needs.iter().all(|need| done.contains(need)));
            assert!(!ready.is_empty(), "collectors need each other in a circle");
            {
                let earlier = self.finished.read().unwrap_or_else(PoisonError::into_inner);
                ready.par_iter().for_each(|collector| {
                    let facts = run(collector, host, &earlier);
                    self.fresh.lock().unwrap_or_else(PoisonError::into_inner).push(facts);
                });
            }
            let mut finished = self.finished.write().unwrap_or_else(PoisonError::into_inner);
            for facts in self.fresh.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
                finished.merge(facts);
            }
            done.extend(ready.iter().map(|collector| collector.name));
            waiting = later;
        }
    }

    /// What [`Collection::run`] has read.
    pub fn into_facts(self) -> Facts {
        self.finished.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what [`Collection::run`] has read, once it has returned.
    pub fn take(&self) -> Facts {
        std::mem::take(&mut *self.finished.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// What has been read up to now; every wanted fact that has not is
    /// unreadable for the reason given.
    pub fn snapshot(&self, reason: &str) -> Facts {
        let mut facts = self.finished.read().unwrap_or_else(PoisonError::into_inner).clone();
        for part in self.fresh.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            facts.merge(part.clone());
        }
        for doc in needed_collectors(&self.wanted).iter().flat_map(|collector| collector.facts) {
            if facts.get(doc.path).is_none() {
                facts.set(doc.path, Fact::Unreadable { source: None, reason: reason.to_owned() });
            }
        }
        facts
    }
}

/// Runs one collector; facts that it left out, or a panic, become unreadable.
fn run(collector: &Collector, host: &Host, earlier: &Facts) -> Facts {
    let outcome = catch_unwind(AssertUnwindSafe(|| (collector.collect)(host, earlier)));
    let failed = outcome.is_err();
    let mut facts = outcome.unwrap_or_default();
    for doc in collector.facts {
        if facts.get(doc.path).is_none() {
            let reason = if failed {
                format!("the collector {} failed", collector.name)
            } else {
                format!("the collector {} said nothing of it", collector.name)
            };
            facts.set(doc.path, Fact::unreadable(Source::default_of("scanner itself"), reason));
        }
    }
    facts
}

fn needed_collectors(wanted: &BTreeSet<String>) -> Vec<&'static Collector> {
    let delivers = |collector: &Collector| {
        wanted.is_empty()
            || collector
                .facts
                .iter()
                .any(|doc| wanted.iter().any(|path| is_within(path, doc.path) || is_within(doc.path, path)))
    };
    let mut names: BTreeSet<&str> = BTreeSet::new();
    let mut open: Vec<&Collector> = COLLECTORS.iter().filter(|collector| delivers(collector)).collect();
    while let Some(collector) = open.pop() {
        if names.insert(collector.name) {
            open.extend(COLLECTORS.iter().filter(|other| collector.needs.contains(&other.name)));
        }
    }
    COLLECTORS.iter().filter(|collector| names.contains(collector.name)).collect()
}

/// Whether `path` is `group` or lies beneath it.
fn is_within(path: &str, group: &str) -> bool {
    path.strip_prefix(group).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
