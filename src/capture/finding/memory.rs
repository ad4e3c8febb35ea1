//! What the analysis remembers, all of it bounded: tables that forget what was
//! not touched for long, and packets as evidence.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;

/// A table of at most twice `capacity` entries, which forgets those that were
/// not touched while `capacity` others were.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    young: HashMap<K, V, RandomState>,
    old: HashMap<K, V, RandomState>,
    capacity: usize,
}

impl<K: Copy + Eq + Hash + Ord, V> Recent<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        Recent { young: HashMap::default(), old: HashMap::default(), capacity }
    }

    /// The value of a key.
    pub(super) fn get(&mut self, key: &K) -> Option<&mut V> {
        if !self.old.is_empty()
            && let Some(value) = self.old.remove(key)
        {
            self.young.insert(*key, value);
        }
        self.young.get_mut(key)
    }

    /// The value of a key, without touching it.
    pub(super) fn peek(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Sets the value of a key, and gives what is forgotten for it, in order.
    pub(super) fn insert(&mut self, key: K, value: V) -> Vec<(K, V)> {
        let mut forgotten = Vec::new();
        if self.young.len() >= self.capacity {
            forgotten = sorted(std::mem::replace(&mut self.old, std::mem::take(&mut self.young)));
        }
        self.old.remove(&key);
        self.young.insert(key, value);
        forgotten
    }

    /// Every entry, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.young.iter().chain(&self.old)
    }

    /// Takes a key out.
    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    /// Everything, in order.
    pub(super) fn drain(&mut self) -> Vec<(K, V)> {
        let mut all = std::mem::take(&mut self.young);
        all.extend(std::mem::take(&mut self.old));
        sorted(all)
    }
}

fn sorted<K: Ord, V>(table: HashMap<K, V, RandomState>) -> Vec<(K, V)> {
    let mut all: Vec<(K, V)> = table.into_iter().collect();
    all.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
    all
}

/// A packet that a finding rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seen {
    /// Its number in the capture, from one.
    pub(super) number: u64,
    pub(super) time_ns: i64,
    /// The same for the same packet at other places; see `path`.
    pub(super) key: u64,
}

/// How many packets are named.
const NAMED: usize = 8;

/// Packets that show the same: all of them counted, and the first ones kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    pub(super) count: u64,
    first: Vec<Seen>,
    /// Time of the packet that was added last.
    last_ns: Option<i64>,
}

impl Evidence {
    pub(super) fn of(seen: Seen) -> Self {
        let mut evidence = Evidence::default();
        evidence.add(seen);
        evidence
    }

    pub(super) fn add(&mut self, seen: Seen) {
        self.count += 1;
        self.last_ns = Some(seen.time_ns);
        self.keep(seen);
    }

    /// Adds a packet, but not the copy of the last one that another device of
    /// the same capture has seen.
    pub(super) fn add_once(&mut self, seen: Seen) -> bool {
        const COPY_NS: i64 = 20_000_000;
        let is_copy = self.last_ns.is_some_and(|last_ns| (0..COPY_NS).contains(&seen.time_ns.saturating_sub(last_ns)));
        if !is_copy {
            self.add(seen);
        }
        !is_copy
    }

    /// Adds what another one has.
    pub(super) fn merge(&mut self, other: &Evidence) {
        self.count += other.count;
        for seen in &other.first {
            self.keep(*seen);
        }
    }

    /// Keeps the lowest numbers, whatever the order they come in.
    fn keep(&mut self, seen: Seen) {
        let at = self.first.partition_point(|kept| kept.number < seen.number);
        if at < NAMED && self.first.get(at).is_none_or(|kept| kept.number != seen.number) {
            self.first.insert(at, seen);
            self.first.truncate(NAMED);
        }
    }

    pub(super) fn first(&self) -> Option<Seen> {
        self.first.first().copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Seen> + '_ {
        self.first.iter().copied()
    }

    pub(super) fn numbers(&self) -> Vec<u64> {
        self.first.iter().map(|seen| seen.number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_forgets_what_was_not_touched() {
        let mut table = Recent::new(2);
        let mut forgotten = Vec::new();
        for key in 0..9 {
            forgotten.extend(table.insert(key, key * 10));
            assert_eq!(table.get(&0), Some(&mut 0));
        }
        assert!(forgotten.contains(&(1, 10)) && !forgotten.contains(&(0, 0)), "{forgotten:?}");
        assert_eq!(forgotten.len() + table.drain().len(), 9);
    }

    #[test]
    fn the_first_packets_are_named_and_all_are_counted() {
        let mut evidence = Evidence::default();
        for number in (1..=20).rev() {
            evidence.add(Seen { number, time_ns: 0, key: 0 });
        }
        assert_eq!((evidence.count, evidence.numbers()), (20, (1..=8).collect()));
    }
}
