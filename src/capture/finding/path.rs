//! The same packet at several places: where it was seen last, and where its
//! answer was.
//!
//! A packet is known again by what address translation and forwarding leave
//! alone: the identification of IPv4, the numbers and the timestamp of TCP, the
//! data of UDP and ICMP. Tunnels are looked through.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;

use super::decode::{Ip, Transport, u16_at, u32_at};
use super::memory::Recent;
use super::tcp_end::option;

/// How many places are told apart here.
const PLACES: usize = 8;

/// How many packets are remembered.
const MAX_PACKETS: usize = 1 << 16;

/// Numbers of the first packet at each place; 0 where there is none.
type Numbers = [u64; PLACES];

/// What is remembered of packets.
#[derive(Debug)]
pub(super) struct Path {
    /// Whether there are several places at all.
    pub(super) is_followed: bool,
    packets: Recent<u64, Numbers>,
    answers: Recent<u64, Numbers>,
    /// How often a packet was seen at both of two places.
    shared: [[u64; PLACES]; PLACES],
    /// Places that are on one way because whoever captures says so.
    declared: Vec<(u16, u16)>,
}

impl Default for Path {
    fn default() -> Self {
        Path {
            is_followed: false,
            packets: Recent::new(MAX_PACKETS),
            answers: Recent::new(MAX_PACKETS),
            shared: [[0; PLACES]; PLACES],
            declared: Vec::new(),
        }
    }
}

/// Where a request and its answer were seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Way {
    /// Places with the number of the packet there, in its order.
    pub(super) seen: Vec<(u16, u64)>,
    /// Places that share packets with these, and have not seen this one.
    pub(super) not_seen: Vec<u16>,
    /// Places that have seen an answer, with its number.
    pub(super) answered: Vec<(u16, u64)>,
}

impl Path {
    /// Notes where a packet was seen; gives the key that it is known by.
    pub(super) fn packet(&mut self, ip: &Ip<'_>, place: u16, number: u64) -> u64 {
        if !self.is_followed {
            return 0;
        }
        let key = key(ip);
        let at = usize::from(place);
        match self.packets.get(&key) {
            Some(numbers) => {
                for (other, _) in numbers.iter().enumerate().filter(|(other, seen)| *other != at && **seen > 0) {
                    for (from, to) in [(other, at), (at, other)] {
                        if let Some(count) = self.shared.get_mut(from).and_then(|row| row.get_mut(to)) {
                            *count += 1;
                        }
                    }
                }
                note(numbers, place, number);
            }
            None => {
                let mut numbers = Numbers::default();
                note(&mut numbers, place, number);
                self.packets.insert(key, numbers);
            }
        }
        key
    }

    /// Says that two places are on one way.
    pub(super) fn declare(&mut self, first: u16, second: u16) {
        self.declared.extend([(first, second), (second, first)]);
    }

    /// Notes that a request was answered.
    pub(super) fn answered(&mut self, request: u64, place: u16, number: u64) {
        if !self.is_followed {
            return;
        }
        match self.answers.get(&request) {
            Some(numbers) => note(numbers, place, number),
            None => {
                let mut numbers = Numbers::default();
                note(&mut numbers, place, number);
                self.answers.insert(request, numbers);
            }
        }
    }

    /// The way of a request that is known by a key.
    pub(super) fn way(&self, request: u64) -> Option<Way> {
        let numbers = self.packets.peek(&request).filter(|_| self.is_followed)?;
        let mut seen = listed(numbers);
        seen.sort_by_key(|(_, number)| *number);
        let unseen = numbers.iter().enumerate().filter(|(_, number)| **number == 0);
        let unseen = unseen.filter_map(|(place, _)| u16::try_from(place).ok());
        let not_seen = unseen.filter(|place| seen.iter().any(|(from, _)| self.is_linked(*from, *place))).collect();
        let answered = self.answers.peek(&request).map(listed).unwrap_or_default();
        Some(Way { seen, not_seen, answered })
    }

    /// Whether two places are on the way of some packet.
    pub(super) fn is_linked(&self, from: u16, to: u16) -> bool {
        let shared = self.shared.get(usize::from(from)).and_then(|row| row.get(usize::from(to)));
        shared.is_some_and(|count| *count > 0) || self.declared.contains(&(from, to))
    }

    /// Pairs of places where answered requests of the first are never seen at
    /// the second: it cannot be observed there.
    pub(super) fn unobservable(&self) -> Vec<(u16, u16)> {
        let mut passed = [[0_u64; PLACES]; PLACES];
        let mut skipped = [[0_u64; PLACES]; PLACES];
        for (request, answers) in self.answers.iter() {
            let Some(numbers) = self.packets.peek(request) else { continue };
            for (from, _) in listed(numbers) {
                if answers.get(usize::from(from)).is_none_or(|number| *number == 0) {
                    continue;
                }
                for (to, number) in numbers.iter().enumerate() {
                    let table = if *number > 0 { &mut passed } else { &mut skipped };
                    if let Some(count) = table.get_mut(usize::from(from)).and_then(|row| row.get_mut(to)) {
                        *count += 1;
                    }
                }
            }
        }
        let mut pairs = Vec::new();
        for (from, row) in skipped.iter().enumerate() {
            for (to, count) in row.iter().enumerate() {
                let none_passed = passed.get(from).and_then(|row| row.get(to)) == Some(&0);
                if *count > 0 && none_passed && from != to {
                    pairs.extend(u16::try_from(from).ok().zip(u16::try_from(to).ok()));
                }
            }
        }
        pairs
    }
}

fn note(numbers: &mut Numbers, place: u16, number: u64) {
    if let Some(kept) = numbers.get_mut(usize::from(place)).filter(|kept| **kept == 0) {
        *kept = number;
    }
}

fn listed(numbers: &Numbers) -> Vec<(u16, u64)> {
    let seen = numbers.iter().enumerate().filter(|(_, number)| **number > 0);
    seen.filter_map(|(place, number)| Some((u16::try_from(place).ok()?, *number))).collect()
}

/// What stays the same of a packet on its way.
fn key(ip: &Ip<'_>) -> u64 {
    let mut hasher = FixedState::with_seed(0).build_hasher();
    hasher.write_u16(ip.identification);
    match ip.transport {
        Transport::Tcp(segment) => {
            hasher.write_u8(6);
            hasher.write_u32(segment.sequence);
            hasher.write_u32(segment.acknowledgment.unwrap_or(0));
            hasher.write_u8(u8::from(segment.is_syn) | u8::from(segment.is_fin) << 1 | u8::from(segment.is_rst) << 2);
            hasher.write_u32(option(segment.options, 8).and_then(|value| u32_at(value, 0)).unwrap_or(0));
        }
        Transport::Udp { data, .. } => {
            hasher.write_u8(17);
            hasher.write_usize(data.len());
            hasher.write(prefix(data, 0));
        }
        // Type, identifier and number; then data.
        Transport::Icmp4(bytes) | Transport::Icmp6(bytes) => {
            hasher.write_u8(bytes.first().copied().unwrap_or(0));
            hasher.write_u16(u16_at(bytes, 4).unwrap_or(0));
            hasher.write_u16(u16_at(bytes, 6).unwrap_or(0));
            hasher.write(prefix(bytes, 8));
        }
        Transport::Other => {
            hasher.write_u32(ip.length);
            hasher.write_u128(match ip.destination {
                std::net::IpAddr::V4(address) => u32::from(address).into(),
                std::net::IpAddr::V6(address) => address.into(),
            });
        }
    }
    hasher.finish()
}

/// A few bytes from an offset on.
fn prefix(bytes: &[u8], from: usize) -> &[u8] {
    const LENGTH: usize = 48;
    let rest = bytes.get(from..).unwrap_or_default();
    rest.get(..LENGTH).unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::finding::decode::Segment;

    fn packet(sequence: u32, destination: &str) -> Ip<'static> {
        let segment = Segment {
            source_port: 40_000,
            destination_port: 80,
            sequence,
            acknowledgment: None,
            is_syn: true,
            is_fin: false,
            is_rst: false,
            options: &[],
            data_length: 0,
        };
        let source = "10.0.0.2".parse().unwrap();
        let destination = destination.parse().unwrap();
        let transport = Transport::Tcp(segment);
        Ip { source, destination, identification: 7, dont_fragment: true, length: 40, transport }
    }

    #[test]
    fn a_translated_packet_is_known_again_and_its_end_is_found() {
        let mut path = Path { is_followed: true, ..Path::default() };
        for (sequence, places) in [(1, 0..3), (2, 0..2)] {
            for place in places {
                let destination = if place == 0 { "10.96.0.10" } else { "10.244.0.9" };
                path.packet(&packet(sequence, destination), place, u64::from(sequence) * 10 + u64::from(place));
            }
        }
        let key = path.packet(&packet(2, "10.96.0.10"), 0, 99);
        let way = path.way(key).unwrap();
        assert_eq!(way, Way { seen: vec![(0, 20), (1, 21)], not_seen: vec![2], answered: vec![] });
    }

    #[test]
    fn a_place_that_answered_packets_pass_unseen_cannot_observe() {
        let mut path = Path { is_followed: true, ..Path::default() };
        let key = path.packet(&packet(1, "10.0.0.1"), 0, 1);
        path.packet(&packet(1, "10.0.0.1"), 2, 2);
        path.answered(key, 0, 3);
        let pairs = path.unobservable();
        assert!(pairs.contains(&(0, 1)) && !pairs.contains(&(0, 2)), "{pairs:?}");
    }
}
