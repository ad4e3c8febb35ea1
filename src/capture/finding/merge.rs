//! From cases to findings: cases that several places have seen become one, and
//! the way of a packet becomes words.

use std::collections::BTreeSet;

use super::catalogue::Kind;
use super::found::{About, Case};
use super::message::{is_absence, message, rules, weight};
use super::path::Way;
use super::report::{Finding, Sighting, Trail, name_of};
use super::{Analysis, Place};
use crate::capture::sink::{CapturePoint, Hop, Statistics};

/// Packets of a finding that is listed, at every place, and what it is about.
type Covered<'a> = (BTreeSet<(u16, u64)>, &'a About);

/// What the counters of the points show.
pub(super) fn drops(statistics: &[(CapturePoint, Statistics)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (point, statistics) in statistics {
        let lost = [
            (Kind::KernelDrops, statistics.dropped_by_kernel),
            (Kind::InterfaceDrops, statistics.dropped_by_interface.unwrap_or(0)),
        ];
        for (kind, cases) in lost.into_iter().filter(|(_, cases)| *cases > 0) {
            let about = About { kind, place: 0, from: None, to: None, port: 0, detail: String::new() };
            let case = Case { cases, of: statistics.received, ..Case::default() };
            findings.push(finding(&about, &case, vec![name_of(point)], None));
        }
    }
    findings
}

/// The cases, those that several places have seen as one.
pub(super) fn listed(analysis: &Analysis) -> Vec<Finding> {
    let mut cases: Vec<(&About, &Case)> = analysis.found.cases.iter().collect();
    let place = |place: u16| analysis.places.get(usize::from(place));
    // The inner end of a way comes first: its packets tell what the pod saw.
    let rank = |about: &About| place(about.place).map_or(u8::MAX, |place| rank_of(place.hop));
    let position = |kind: Kind| super::CATALOGUE.iter().position(|entry| entry.kind == kind);
    cases.sort_by_key(|(about, case)| (position(about.kind), rank(about), case.evidence.first(), *about));
    let mut findings: Vec<Finding> = Vec::new();
    let mut covered: Vec<Covered<'_>> = Vec::new();
    for (about, case) in cases {
        let name = place(about.place).map(|place| place.name.clone()).unwrap_or_default();
        let is_same = |(packets, known): &Covered<'_>| {
            let is_alike = About { place: known.place, kind: known.kind, ..about.clone() } == **known;
            let is_copy = case.evidence.iter().any(|seen| packets.contains(&(about.place, seen.number)));
            family(known.kind) == family(about.kind) && known.place != about.place && (is_alike || is_copy)
        };
        if analysis.found.path.is_followed
            && let Some(at) = covered.iter().position(is_same)
        {
            if let Some(finding) = findings.get_mut(at).filter(|finding| !finding.points.contains(&name)) {
                finding.points.push(name);
            }
            continue;
        }
        let ways: Vec<Way> = case.evidence.iter().filter_map(|seen| analysis.found.path.way(seen.key)).collect();
        covered.push((ways.iter().flat_map(|way| way.seen.iter().copied()).collect(), about));
        let trail = is_absence(about.kind).then(|| ways.first().map(|way| trail(analysis, way))).flatten();
        findings.push(finding(about, case, vec![name], trail));
    }
    findings
}

/// Kinds that one fault shows as at different places: where the answer is
/// lost, the client sees none, and the server repeats it.
fn family(kind: Kind) -> Kind {
    if kind == Kind::HandshakeIncomplete { Kind::SynUnanswered } else { kind }
}

fn rank_of(hop: Hop) -> u8 {
    match hop {
        Hop::Inside => 0,
        Hop::HostSide => 1,
        Hop::Uplink => 2,
        Hop::None => 3,
    }
}

fn finding(about: &About, case: &Case, points: Vec<String>, path: Option<Trail>) -> Finding {
    let entry = about.kind.entry();
    Finding {
        kind: entry.name,
        severity: weight(about, case),
        message: message(about, case),
        meaning: entry.meaning,
        points,
        from: about.from.map(|address| address.to_string()),
        to: about.to.map(|address| address.to_string()),
        port: Some(about.port).filter(|port| *port > 0),
        count: case.cases,
        packets: case.evidence.numbers(),
        path,
        explained_by: rules(about),
    }
}

fn trail(analysis: &Analysis, way: &Way) -> Trail {
    let name = |place: &u16| analysis.places.get(usize::from(*place)).map(|place: &Place| place.name.clone());
    let names = |places: &[u16]| places.iter().filter_map(name).collect::<Vec<_>>();
    let sighting = |(place, packet): &(u16, u64)| Some(Sighting { point: name(place)?, packet: *packet });
    let unobservable = analysis.found.path.unobservable();
    let origin = way.seen.first().map(|(place, _)| *place);
    let is_hidden = |place: &u16| origin.is_some_and(|origin| unobservable.contains(&(origin, *place)));
    let (hidden, missing): (Vec<u16>, Vec<u16>) = way.not_seen.iter().partition(|place| is_hidden(place));
    let last = way.seen.last().and_then(|(place, _)| name(place)).unwrap_or_default();
    let verdict = if let Some((place, number)) = way.answered.last() {
        let answered = name(place).unwrap_or_default();
        format!("the answer is at {answered} (packet {number}) and goes no further: it is lost on the way back")
    } else if !missing.is_empty() {
        format!("it is at {last} and not at {}: it vanishes in between", names(&missing).join(", "))
    } else if !hidden.is_empty() {
        format!(
            "it is at {last}; what follows cannot be observed here: {} does not see packets that are answered either \
             (another way, or eBPF host routing)",
            names(&hidden).join(", ")
        )
    } else if way.seen.len() == analysis.places.len() {
        format!("it passes every point, at last {last}: it is lost, or not answered, beyond")
    } else {
        format!("it is at {last} and at no point behind it; no other packet shows whether it should be")
    };
    Trail {
        seen: way.seen.iter().filter_map(sighting).collect(),
        not_seen: names(&way.not_seen),
        answered: way.answered.iter().filter_map(sighting).collect(),
        verdict,
    }
}
