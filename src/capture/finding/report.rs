//! The findings of a capture in their final order, as data: `scanner.capture/v1`
//! (`reports/capture.schema.json`), and as lines for people.

use jiff::Timestamp;
use serde::Serialize;

use super::Analysis;
use super::catalogue::Weight;
use super::merge::{drops, listed};
use crate::capture::sink::{CapturePoint, Statistics};

/// The name of the JSON form; within `v1` members are only added.
pub const SCHEMA: &str = "scanner.capture/v1";

/// What a capture shows.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// Version of the program.
    pub version: &'static str,
    /// Whether the capture ended by itself; false after an interruption.
    pub complete: bool,
    /// How many packets were looked at.
    pub packets: u64,
    /// Time of the first packet, in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_packet_at: Option<String>,
    /// Time of the last packet, in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_packet_at: Option<String>,
    /// Where packets were captured.
    pub points: Vec<PointReport>,
    /// What was found, the gravest first.
    pub findings: Vec<Finding>,
    /// How many cases found no room among the findings.
    pub further_cases: u64,
    /// What could not be observed, in words.
    pub limits: Vec<String>,
}

/// A point, and what became of its packets.
#[derive(Clone, Debug, Serialize)]
pub struct PointReport {
    /// What it is called.
    pub name: String,
    /// Packets that were captured.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Packets that the kernel dropped for want of room; none where it does not tell.
    pub dropped_by_kernel: Option<u64>,
    /// Packets that the interface dropped; none where it is not known.
    pub dropped_by_interface: Option<u64>,
}

/// One fault between the same ends.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What kind of fault: `syn-unanswered`.
    pub kind: &'static str,
    /// How much it weighs.
    pub severity: Weight,
    /// What happened, in a sentence.
    pub message: String,
    /// What it means and where to look.
    pub meaning: &'static str,
    /// Where it was seen.
    pub points: Vec<String>,
    /// Whose packets it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Whom they are for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The port of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How many connections, queries or messages.
    pub count: u64,
    /// The numbers of the first packets that show it, from one.
    pub packets: Vec<u64>,
    /// How far the packet came, where several points were captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Trail>,
    /// Rules that explain it or are worth a look, the likeliest first.
    pub explained_by: &'static [&'static str],
}

/// The way of one of the packets.
#[derive(Clone, Debug, Serialize)]
pub struct Trail {
    /// Where it was seen, in order.
    pub seen: Vec<Sighting>,
    /// Points on the way that have not seen it.
    pub not_seen: Vec<String>,
    /// Where its answer was seen.
    pub answered: Vec<Sighting>,
    /// What follows from it, in words.
    pub verdict: String,
}

/// A packet at a point.
#[derive(Clone, Debug, Serialize)]
pub struct Sighting {
    /// The point.
    pub point: String,
    /// The number of the packet.
    pub packet: u64,
}

/// What a point is called.
pub(super) fn name_of(point: &CapturePoint) -> String {
    point.name.clone().unwrap_or_else(|| format!("interface {}", point.number))
}

pub(super) fn report(analysis: &Analysis, statistics: &[(CapturePoint, Statistics)], complete: bool) -> Report {
    let mut findings = drops(statistics);
    findings.extend(listed(analysis));
    // The order of the catalogue, which the table keeps, stays among equals.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let points = statistics.iter().map(|(point, statistics)| point_report(analysis, point, *statistics)).collect();
    let instant = |time_ns: i64| Timestamp::from_nanosecond(time_ns.into()).ok().map(|instant| instant.to_string());
    Report {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        complete,
        packets: analysis.packets,
        first_packet_at: analysis.first_ns.and_then(instant),
        last_packet_at: analysis.first_ns.and_then(|_| instant(analysis.last_ns)),
        points,
        findings,
        further_cases: analysis.found.further,
        limits: limits(analysis, statistics),
    }
}

fn point_report(analysis: &Analysis, point: &CapturePoint, statistics: Statistics) -> PointReport {
    let (packets, bytes) = analysis.traffic.get(point.number).copied().unwrap_or_default();
    PointReport {
        name: name_of(point),
        packets,
        bytes,
        dropped_by_kernel: Some(statistics.dropped_by_kernel),
        dropped_by_interface: statistics.dropped_by_interface,
    }
}

fn limits(analysis: &Analysis, statistics: &[(CapturePoint, Statistics)]) -> Vec<String> {
    let name = |place: u16| analysis.places.get(usize::from(place)).map_or("?", |place| place.name.as_str());
    let mut limits: Vec<String> = Vec::new();
    for (point, _) in statistics.iter().filter(|(_, statistics)| statistics.dropped_by_kernel > 0) {
        limits.push(format!("{}: the capture has lost packets; what is missing may have passed", name_of(point)));
    }
    for place in &analysis.found.one_way {
        limits.push(format!(
            "{}: answers of some connections cannot be observed here (an asymmetric way, or eBPF host routing)",
            name(*place)
        ));
    }
    for (from, to) in analysis.found.path.unobservable() {
        if usize::from(to) >= analysis.places.len() || !analysis.found.path.is_linked(from, to) {
            continue;
        }
        limits.push(format!("{}: packets that pass {} and are answered cannot be observed here", name(to), name(from)));
    }
    if analysis.unjudged > 0 {
        limits.push(format!("{} packets of further devices were not judged", analysis.unjudged));
    }
    limits
}

impl Report {
    /// The report as lines for people; nothing of it is escaped yet.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut before = "";
        for finding in &self.findings {
            let severity = finding.severity.name().to_uppercase();
            lines.push(format!("{severity}  {}: {}", finding.kind, finding.message));
            if !finding.packets.is_empty() {
                let numbers: Vec<String> = finding.packets.iter().map(ToString::to_string).collect();
                let points =
                    if self.points.len() > 1 { format!(" at {}", finding.points.join(", ")) } else { String::new() };
                lines.push(format!("  packets {}{points}", numbers.join(", ")));
            }
            if let Some(path) = &finding.path {
                lines.push(format!("  path: {}", path.verdict));
            }
            // What a kind means is said once.
            if finding.kind != before {
                lines.push(format!("  {}", finding.meaning));
                if !finding.explained_by.is_empty() {
                    lines.push(format!("  see {}", finding.explained_by.join(", ")));
                }
            }
            before = finding.kind;
        }
        lines.extend(self.limits.iter().map(|limit| format!("NOTE  {limit}")));
        if self.further_cases > 0 {
            lines.push(format!("NOTE  {} further cases are not listed", self.further_cases));
        }
        let packets = if self.packets == 1 { "packet" } else { "packets" };
        let findings = match self.findings.len() {
            0 => "nothing found".to_owned(),
            1 => "1 finding".to_owned(),
            many => format!("{many} findings"),
        };
        lines.push(format!("{findings} in {} {packets}", self.packets));
        lines
    }
}

impl Weight {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Weight::Info => "info",
            Weight::Low => "low",
            Weight::Medium => "medium",
            Weight::High => "high",
        }
    }
}
