//! What was found so far: cases of the same kind between the same ends are one
//! finding, which counts them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::catalogue::Kind;
use super::memory::Evidence;
use super::path::Path;

/// What makes two cases one finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct About {
    pub(super) kind: Kind,
    /// Where it was seen.
    pub(super) place: u16,
    pub(super) from: Option<IpAddr>,
    pub(super) to: Option<IpAddr>,
    /// The port of `to`; 0 where there is none.
    pub(super) port: u16,
    /// What else tells cases apart: a code, a name.
    pub(super) detail: String,
}

impl About {
    pub(super) fn new(kind: Kind, place: u16, from: IpAddr, to: IpAddr) -> Self {
        About { kind, place, from: Some(from), to: Some(to), port: 0, detail: String::new() }
    }

    pub(super) fn port(self, port: u16) -> Self {
        About { port, ..self }
    }

    pub(super) fn detail(self, detail: impl Into<String>) -> Self {
        About { detail: detail.into(), ..self }
    }
}

/// The cases of one finding.
#[derive(Clone, Debug, Default)]
pub(super) struct Case {
    pub(super) evidence: Evidence,
    /// How many connections, queries or the like.
    pub(super) cases: u64,
    /// Out of how many, where that is known.
    pub(super) of: u64,
    /// A size in bytes or a time in milliseconds: what did not pass, or the most.
    pub(super) most: u64,
    /// The size that passed, or the least.
    pub(super) least: u64,
    /// Something that makes it worse or certain.
    pub(super) is_confirmed: bool,
}

/// How many findings are kept apart; further ones are only counted.
const MAX_FINDINGS: usize = 2_000;

/// Everything that was found, and the ways of packets.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) cases: BTreeMap<About, Case>,
    /// Cases that had no room.
    pub(super) further: u64,
    /// Places where only one direction of some connections is seen.
    pub(super) one_way: BTreeSet<u16>,
    pub(super) path: Path,
}

impl Found {
    /// Adds a case.
    pub(super) fn add(&mut self, about: About, case: &Case) {
        if self.cases.len() >= MAX_FINDINGS && !self.cases.contains_key(&about) {
            self.further += 1;
            return;
        }
        let kept = self.cases.entry(about).or_default();
        kept.evidence.merge(&case.evidence);
        kept.cases += case.cases;
        kept.of += case.of;
        kept.least = match kept.least {
            0 => case.least,
            least if case.least == 0 => least,
            least => least.min(case.least),
        };
        kept.most = kept.most.max(case.most);
        kept.is_confirmed |= case.is_confirmed;
    }
}
