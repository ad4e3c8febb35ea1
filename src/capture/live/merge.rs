//! Packets of several interfaces in the order of time.
//!
//! Blocks of rings arrive late by up to their time-out, each at its own time:
//! packets are held back until no older one can come.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;

use crate::capture::packet::{LinkType, Packet};

/// Room for held packets; with more, the oldest go on before their time.
const MAX_BYTES: usize = 64 << 20;

/// What a held packet takes beside its bytes, roughly.
const OVERHEAD: usize = 64;

/// Holds packets back.
#[derive(Debug, Default)]
pub struct Merge {
    held: BinaryHeap<Reverse<Held>>,
    bytes: usize,
    count: u64,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    timestamp_ns: i64,
    /// Packets of one instant stay in the order they came in.
    order: u64,
    point: usize,
    length: u32,
    link_type: u32,
    bytes: Box<[u8]>,
}

impl Merge {
    /// Holds a packet of a point back.
    pub fn push(&mut self, point: usize, packet: &Packet<'_>) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(packet.bytes.len() + OVERHEAD);
        self.held.push(Reverse(Held {
            timestamp_ns: packet.timestamp_ns,
            order: self.count,
            point,
            length: packet.length,
            link_type: packet.link_type.number(),
            bytes: packet.bytes.into(),
        }));
    }

    /// Hands on what is not younger than `until_ns`, as long as `take` wants more.
    ///
    /// # Errors
    /// If `take` fails.
    pub fn release(
        &mut self,
        until_ns: i64,
        mut take: impl FnMut(usize, &Packet<'_>) -> io::Result<bool>,
    ) -> io::Result<()> {
        while let Some(Reverse(oldest)) = self.held.peek() {
            if oldest.timestamp_ns > until_ns && self.bytes <= MAX_BYTES {
                break;
            }
            let Some(Reverse(held)) = self.held.pop() else { break };
            self.bytes = self.bytes.saturating_sub(held.bytes.len() + OVERHEAD);
            let packet = Packet {
                timestamp_ns: held.timestamp_ns,
                carried_s: 0,
                length: held.length,
                bytes: &held.bytes,
                link_type: LinkType::from_number(held.link_type),
            };
            if !take(held.point, &packet)? {
                break;
            }
        }
        Ok(())
    }

    /// Whether nothing is held back.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(timestamp_ns: i64, bytes: &[u8]) -> Packet<'_> {
        Packet { timestamp_ns, carried_s: 0, length: 1, bytes, link_type: LinkType::Ethernet }
    }

    fn released(merge: &mut Merge, until_ns: i64, limit: usize) -> Vec<(usize, i64)> {
        let mut all = Vec::new();
        merge
            .release(until_ns, |point, packet| {
                all.push((point, packet.timestamp_ns));
                Ok(all.len() < limit)
            })
            .unwrap();
        all
    }

    #[test]
    fn packets_come_out_in_the_order_of_time() {
        let mut merge = Merge::default();
        for (point, timestamp_ns) in [(0, 30), (0, 50), (1, 10), (1, 40), (1, 30)] {
            merge.push(point, &packet(timestamp_ns, &[1]));
        }
        assert_eq!(released(&mut merge, 40, 9), [(1, 10), (0, 30), (1, 30), (1, 40)]);
        assert!(!merge.is_empty());
        merge.push(1, &packet(45, &[1]));
        assert_eq!(released(&mut merge, i64::MAX, 9), [(1, 45), (0, 50)]);
        assert!(merge.is_empty());
    }

    #[test]
    fn a_taker_that_has_enough_leaves_the_rest() {
        let mut merge = Merge::default();
        merge.push(0, &packet(1, &[]));
        merge.push(0, &packet(2, &[]));
        assert_eq!(released(&mut merge, 9, 1), [(0, 1)]);
        assert_eq!(released(&mut merge, 9, 9), [(0, 2)]);
    }

    #[test]
    fn what_is_held_stays_within_bounds() {
        let mut merge = Merge::default();
        let big = vec![0; 1 << 20];
        for timestamp_ns in 0..70 {
            merge.push(0, &packet(timestamp_ns, &big));
        }
        let gone = released(&mut merge, -1, usize::MAX);
        assert_eq!(gone.first(), Some(&(0, 0)));
        assert!((6..10).contains(&gone.len()), "{}", gone.len());
    }
}
