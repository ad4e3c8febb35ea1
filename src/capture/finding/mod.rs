//! What is wrong with the traffic of a capture, live or from a file: a pure
//! function of its packets.
//!
//! An [`Analysis`] takes packets in the order of time and keeps a bounded
//! memory of connections, queries and stations. At the end its [`Report`] says
//! what was found, each finding with the numbers of packets that show it, the
//! rules of the audit that explain it and, where several points were captured,
//! how far the packets have come. It judges only what packets show: what passes
//! a point unseen is named as such.

mod catalogue;
mod decode;
mod dns;
mod found;
mod icmp;
mod memory;
mod merge;
mod message;
mod neighbor;
mod path;
mod report;
mod tcp;
mod tcp_end;
mod tcp_verdict;

use super::packet::Packet;
use super::sink::{CapturePoint, Hop, Statistics};
pub use catalogue::{CATALOGUE, Entry, Kind, Weight};
use decode::{Network, Transport};
use found::Found;
use memory::Seen;
pub use report::{Finding, PointReport, Report, SCHEMA, Sighting, Trail};

/// How many places are told apart; packets of further ones are not judged.
const MAX_PLACES: usize = 64;

/// Where packets are seen: a point, or one device of a point that captures all.
#[derive(Clone, Debug)]
struct Place {
    point: usize,
    interface_index: u32,
    name: String,
    hop: Hop,
    pod: Option<(String, String)>,
}

/// Takes packets, and says at the end what they show.
#[derive(Debug, Default)]
pub struct Analysis {
    places: Vec<Place>,
    last_place: Option<u16>,
    /// What the last packet is known again by; 0 where nobody looks.
    last_key: u64,
    connections: tcp::Connections,
    queries: dns::Queries,
    pings: icmp::Pings,
    neighbors: neighbor::Neighbors,
    found: Found,
    packets: u64,
    first_ns: Option<i64>,
    last_ns: i64,
    /// Packets of places beyond the most that are told apart.
    unjudged: u64,
    /// Packets and bytes of each point.
    traffic: Vec<(u64, u64)>,
}

impl Analysis {
    /// An analysis that has seen no packet yet.
    pub fn new() -> Self {
        Analysis::default()
    }

    /// Takes the next packet; in a few words what it shows, if anything is
    /// wrong with it.
    pub fn observe(&mut self, point: &CapturePoint, packet: &Packet<'_>) -> Option<&'static str> {
        self.packets += 1;
        self.last_key = 0;
        let time_ns = packet.timestamp_ns;
        self.first_ns.get_or_insert(time_ns);
        // Clocks may be set back; what has passed stays so.
        self.last_ns = self.last_ns.max(time_ns);
        self.count(point, packet);
        let decoded = decode::decode(packet)?;
        let Some(place) = self.place(point, decoded.interface_index) else {
            self.unjudged += 1;
            return None;
        };
        let mut seen = Seen { number: self.packets, time_ns, key: 0 };
        let ip = match &decoded.network {
            Network::Arp(arp) => return self.neighbors.arp(&mut self.found, place, arp, seen),
            Network::Other => return None,
            Network::Ip(ip) => ip,
        };
        seen.key = self.found.path.packet(ip, place, seen.number);
        self.last_key = seen.key;
        self.neighbors.packet(place, &decoded, ip);
        let (found, connections, queries) = (&mut self.found, &mut self.connections, &mut self.queries);
        match ip.transport {
            Transport::Tcp(segment) => connections.observe(found, place, ip, &segment, seen),
            Transport::Udp { source_port, destination_port, data } => {
                if source_port != dns::PORT && destination_port != dns::PORT {
                    return None;
                }
                queries.observe(found, place, ip, (source_port, destination_port), data, seen)
            }
            Transport::Icmp4(message) => {
                let mut touched = icmp::Touched { pings: &mut self.pings, connections, queries };
                icmp::observe(found, &mut touched, place, ip, (message, false), seen)
            }
            Transport::Icmp6(message) => {
                self.neighbors.discovery(found, place, &decoded, ip, message, seen);
                let mut touched = icmp::Touched { pings: &mut self.pings, connections, queries };
                icmp::observe(found, &mut touched, place, ip, (message, true), seen)
            }
            Transport::Other => None,
        }
    }

    /// A number that the packet taken last shares with the same packet at
    /// other points; none where there is one point, or it is no IP packet.
    pub fn packet_id(&self) -> Option<u64> {
        (self.last_key != 0).then_some(self.last_key)
    }

    /// Judges what is left, and reports. `is_complete` is whether the capture
    /// ended by itself.
    pub fn finish(mut self, statistics: &[(CapturePoint, Statistics)], is_complete: bool) -> Report {
        self.connections.finish(&mut self.found, self.last_ns);
        self.queries.finish(&mut self.found, self.last_ns);
        self.pings.finish(&mut self.found, self.last_ns);
        self.neighbors.finish(&mut self.found);
        report::report(&self, statistics, is_complete)
    }

    fn count(&mut self, point: &CapturePoint, packet: &Packet<'_>) {
        if point.number >= self.traffic.len() && point.number < MAX_PLACES {
            self.traffic.resize(point.number + 1, (0, 0));
        }
        if let Some((packets, bytes)) = self.traffic.get_mut(point.number) {
            *packets += 1;
            *bytes += u64::from(packet.length);
        }
    }

    /// The place of a packet; a new one where it was not met yet.
    fn place(&mut self, point: &CapturePoint, interface_index: u32) -> Option<u16> {
        let is_same = |place: &Place| place.point == point.number && place.interface_index == interface_index;
        let last = self.last_place.filter(|last| self.places.get(usize::from(*last)).is_some_and(is_same));
        if last.is_some() {
            return last;
        }
        let at = match self.places.iter().position(is_same) {
            Some(at) => at,
            None if self.places.len() >= MAX_PLACES => return None,
            None => self.add_place(point, interface_index),
        };
        self.last_place = u16::try_from(at).ok();
        self.last_place
    }

    fn add_place(&mut self, point: &CapturePoint, interface_index: u32) -> usize {
        let at = self.places.len();
        let mut name = report::name_of(point);
        if interface_index > 0 {
            use std::fmt::Write;
            let _ = write!(name, " device {interface_index}");
        }
        let place = Place { point: point.number, interface_index, name, hop: point.hop, pod: point.pod.clone() };
        for (other, known) in self.places.iter().enumerate() {
            let is_one_way = place.hop != Hop::None
                && known.hop != Hop::None
                && (place.pod == known.pod || place.pod.is_none() || known.pod.is_none());
            if let (true, Ok(first), Ok(second)) = (is_one_way, u16::try_from(other), u16::try_from(at)) {
                self.found.path.declare(first, second);
            }
        }
        self.neighbors.place(point.hardware_address.filter(|_| interface_index == 0));
        self.places.push(place);
        // Points have labels where there are several.
        self.found.path.is_followed |= self.places.len() > 1 || point.label.is_some() || interface_index > 0;
        at
    }
}
