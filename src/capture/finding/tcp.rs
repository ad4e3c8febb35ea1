//! TCP connections (RFC 9293): follows both ends of each as far as they are
//! seen at one place. What becomes of it is judged in `tcp_verdict`.

use std::net::IpAddr;

use super::decode::{Ip, Segment};
use super::found::Found;
use super::memory::{Recent, Seen};
use super::tcp_end::End;
use super::tcp_verdict;

/// How many connections are followed at once; those that were silent longest
/// are judged and forgotten.
const MAX_CONNECTIONS: usize = 1 << 16;

/// A connection at a place, its ends in a fixed order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) place: u16,
    pub(super) ends: [(IpAddr, u16); 2],
}

impl Key {
    /// The key, and which of its ends is the source.
    fn new(place: u16, source: (IpAddr, u16), destination: (IpAddr, u16)) -> (Self, bool) {
        let is_second = source > destination;
        let ends = if is_second { [destination, source] } else { [source, destination] };
        (Key { place, ends }, is_second)
    }
}

/// What is known of a connection.
#[derive(Debug, Default)]
pub(super) struct Connection {
    /// In the order of the key.
    pub(super) first: End,
    pub(super) second: End,
    /// When the handshake was complete.
    pub(super) established_ns: Option<i64>,
    /// A SYN was answered by a reset.
    pub(super) refused: Option<Seen>,
    /// An established connection was reset; whether one side had said goodbye.
    pub(super) reset: Option<(Seen, bool)>,
    /// A router has said that it does not deliver.
    pub(super) is_rejected: bool,
}

/// All connections.
#[derive(Debug)]
pub(super) struct Connections {
    table: Recent<Key, Connection>,
    /// The longest data segment that has passed from one address to another.
    passed: Recent<(u16, IpAddr, IpAddr), u32>,
}

impl Default for Connections {
    fn default() -> Self {
        Connections { table: Recent::new(MAX_CONNECTIONS), passed: Recent::new(MAX_CONNECTIONS) }
    }
}

impl Connections {
    /// Takes a segment; says what it shows.
    pub(super) fn observe(
        &mut self,
        found: &mut Found,
        place: u16,
        ip: &Ip<'_>,
        segment: &Segment<'_>,
        seen: Seen,
    ) -> Option<&'static str> {
        let ends = ((ip.source, segment.source_port), (ip.destination, segment.destination_port));
        let (key, is_second) = Key::new(place, ends.0, ends.1);
        let is_new_attempt = |connection: &Connection| {
            let own = if is_second { &connection.second } else { &connection.first };
            segment.is_syn && segment.acknowledgment.is_none() && own.initial != Some(segment.sequence)
        };
        match self.table.get(&key) {
            Some(connection) if is_new_attempt(connection) => {
                // The ports are used anew.
                let before = std::mem::take(connection);
                tcp_verdict::judge(found, &key, &before, seen.time_ns, &self.passed);
            }
            Some(_) => {}
            None => {
                for (key, connection) in self.table.insert(key, Connection::default()) {
                    tcp_verdict::judge(found, &key, &connection, seen.time_ns, &self.passed);
                }
            }
        }
        let connection = self.table.get(&key)?;
        let (own, other) = if is_second {
            (&mut connection.second, &mut connection.first)
        } else {
            (&mut connection.first, &mut connection.second)
        };
        if own.is_copy(ip, segment, seen.time_ns) {
            return None;
        }
        let silence_ns = if own.last_ns == 0 { 0 } else { seen.time_ns.saturating_sub(own.last_ns) };
        own.last_ns = seen.time_ns;
        if segment.is_syn {
            return own.syn(other, found, place, segment, seen);
        }
        if segment.is_rst {
            let was_asked = other.syn.count > 0 && own.syn_answer.count == 0 && connection.established_ns.is_none();
            if was_asked {
                connection.refused.get_or_insert(seen);
                if let Some(syn) = other.syn.first() {
                    found.path.answered(syn.key, place, seen.number);
                }
                return Some("connection refused");
            }
            let had_ended = own.has_ended || other.has_ended;
            connection.reset.get_or_insert((seen, had_ended));
            return (!had_ended).then_some("connection reset");
        }
        if own.syn.count > 0 && segment.acknowledgment.is_some() {
            connection.established_ns.get_or_insert(seen.time_ns);
            if other.syn_answer.count == 0 {
                // It has had an answer that is not seen here.
                found.one_way.insert(place);
            }
        }
        if let Some(acknowledgment) = segment.acknowledgment
            && let Some(passed) = own.acknowledge(other, acknowledgment, segment, seen)
        {
            let pair = (place, ip.destination, ip.source);
            match self.passed.get(&pair) {
                Some(known) => *known = passed.max(*known),
                None => drop(self.passed.insert(pair, passed)),
            }
        }
        own.data(other, ip, segment, silence_ns, seen)
    }

    /// A router does not deliver a packet of this connection.
    pub(super) fn reject(
        &mut self,
        place: u16,
        source: (IpAddr, u16),
        destination: (IpAddr, u16),
        next_mtu: Option<u32>,
    ) {
        let (key, is_second) = Key::new(place, source, destination);
        let Some(connection) = self.table.get(&key) else { return };
        match next_mtu {
            Some(mtu) => {
                let end = if is_second { &mut connection.second } else { &mut connection.first };
                end.told_mtu = Some(mtu);
            }
            None => connection.is_rejected = true,
        }
    }

    /// Judges what is left.
    pub(super) fn finish(&mut self, found: &mut Found, end_ns: i64) {
        for (key, connection) in self.table.drain() {
            tcp_verdict::judge(found, &key, &connection, end_ns, &self.passed);
        }
    }
}
