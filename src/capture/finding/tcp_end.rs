//! One end of a TCP connection: what it has sent and acknowledged, as far as it
//! was seen.
//!
//! A segment is *sent again* if all its bytes were seen before, or if it fills
//! a gap that was open for longer than reordering explains. Keep-alives and
//! copies of one packet, which a capture of several devices holds, are neither.

use super::decode::{Ip, Segment, u16_at, u32_at};
use super::found::Found;
use super::memory::{Evidence, Seen};

/// Reordering is over after this; no sender waits for less before it repeats
/// (the least time-out of Linux, `TCP_RTO_MIN`).
const REORDERING_NS: i64 = 200_000_000;

/// Copies of one packet at several devices are no further apart.
const COPY_NS: i64 = 20_000_000;

/// What one end has sent.
#[derive(Debug, Default)]
pub(super) struct End {
    /// The number of its SYN.
    pub(super) initial: Option<u32>,
    /// The number behind the highest byte that it has sent.
    next: Option<u32>,
    /// What it has acknowledged last.
    pub(super) acknowledged: Option<u32>,
    /// The largest segment that it takes, from its SYN.
    pub(super) segment_limit: Option<u16>,
    /// SYN without acknowledgment: this end is the client.
    pub(super) syn: Evidence,
    /// SYN with acknowledgment.
    pub(super) syn_answer: Evidence,
    pub(super) has_ended: bool,
    /// Segments with data, all of them and those that were sent again.
    pub(super) data_segments: u64,
    pub(super) sent_again: Evidence,
    /// A segment that is sent again and again.
    pub(super) stuck: Option<Stuck>,
    /// Bytes that have never come here, though later ones have.
    pub(super) gap: Option<Gap>,
    /// Repeated acknowledgments of this end since the last new one.
    pub(super) duplicate_acknowledgments: Evidence,
    /// Length of the longest data segment that was acknowledged, and of the
    /// longest that waits for it, with its end.
    pub(super) longest_passed: u32,
    longest_waiting: (u32, u32),
    pub(super) longest_sent: u32,
    pub(super) last_ns: i64,
    /// What a router says is the largest packet.
    pub(super) told_mtu: Option<u32>,
    recent: [Copied; 4],
}

/// A segment that waits for its acknowledgment.
#[derive(Clone, Debug)]
pub(super) struct Stuck {
    sequence: u32,
    pub(super) data_length: u32,
    pub(super) packet_length: u32,
    pub(super) dont_fragment: bool,
    pub(super) evidence: Evidence,
    /// It was acknowledged at last, in smaller pieces.
    pub(super) is_divided: bool,
}

/// Bytes that were passed over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) seen: Seen,
    /// How long its sender was silent before.
    pub(super) silence_ns: i64,
    /// Only the number of an empty segment shows that there were bytes.
    pub(super) is_bare: bool,
}

/// What tells a packet from a later one with the same bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Copied {
    identification: u16,
    flags: u8,
    sequence: u32,
    acknowledgment: u32,
    data_length: u32,
    timestamp: u32,
    time_ns: i64,
}

/// How much further one number is than the other.
pub(super) fn ahead(of: u32, from: u32) -> i32 {
    of.wrapping_sub(from).cast_signed()
}

impl End {
    pub(super) fn is_copy(&mut self, ip: &Ip<'_>, segment: &Segment<'_>, time_ns: i64) -> bool {
        let timestamp = option(segment.options, 8).and_then(|value| u32_at(value, 0)).unwrap_or(0);
        let flags = [segment.is_syn, segment.is_fin, segment.is_rst, segment.acknowledgment.is_some()];
        let copied = Copied {
            identification: ip.identification,
            flags: flags.iter().fold(0, |bits, flag| bits << 1 | u8::from(*flag)),
            sequence: segment.sequence,
            acknowledgment: segment.acknowledgment.unwrap_or(0),
            data_length: segment.data_length,
            timestamp,
            time_ns,
        };
        // Without a number that grows with each packet, only the time tells.
        let within = if ip.identification == 0 && timestamp == 0 { COPY_NS / 10 } else { COPY_NS };
        let is_same = |before: &Copied| {
            Copied { time_ns, ..*before } == copied && (0..within).contains(&time_ns.saturating_sub(before.time_ns))
        };
        let is_pure_acknowledgment = segment.data_length == 0 && flags == [false, false, false, true];
        if !is_pure_acknowledgment && self.recent.iter().any(is_same) {
            return true;
        }
        self.recent.rotate_right(1);
        if let Some(first) = self.recent.first_mut() {
            *first = copied;
        }
        false
    }

    pub(super) fn syn(
        &mut self,
        other: &mut End,
        found: &mut Found,
        place: u16,
        segment: &Segment<'_>,
        seen: Seen,
    ) -> Option<&'static str> {
        let is_again = self.initial.replace(segment.sequence) == Some(segment.sequence);
        self.next = Some(segment.sequence.wrapping_add(1).wrapping_add(segment.data_length));
        self.segment_limit = option(segment.options, 2).and_then(|value| u16_at(value, 0));
        if segment.acknowledgment.is_none() {
            self.syn.add(seen);
            return is_again.then_some("SYN sent again");
        }
        self.syn_answer.add(seen);
        self.acknowledged = segment.acknowledgment;
        if let Some(syn) = other.syn.first() {
            found.path.answered(syn.key, place, seen.number);
        }
        is_again.then_some("SYN answered again")
    }

    /// Takes an acknowledgment of the other end's data; gives the length of
    /// the longest segment that it shows to have passed.
    pub(super) fn acknowledge(
        &mut self,
        other: &mut End,
        acknowledgment: u32,
        segment: &Segment<'_>,
        seen: Seen,
    ) -> Option<u32> {
        let progress = self.acknowledged.map_or(1, |before| ahead(acknowledgment, before));
        if progress == 0 && segment.data_length == 0 && !segment.is_fin && other.longest_waiting.1 > 0 {
            self.duplicate_acknowledgments.add(seen);
        }
        if progress <= 0 {
            return None;
        }
        self.acknowledged = Some(acknowledgment);
        self.duplicate_acknowledgments = Evidence::default();
        if let Some(stuck) = &mut other.stuck {
            let covered = ahead(acknowledgment, stuck.sequence);
            let whole = i32::try_from(stuck.data_length).unwrap_or(i32::MAX);
            if covered >= whole && !stuck.is_divided {
                other.stuck = None;
            } else if covered > 0 {
                let is_one_segment = self.segment_limit.is_none_or(|limit| stuck.data_length <= limit.into());
                stuck.is_divided |= is_one_segment;
                if !stuck.is_divided {
                    other.stuck = None;
                }
            }
        }
        let (end, length) = other.longest_waiting;
        if length == 0 || ahead(acknowledgment, end) < 0 {
            return None;
        }
        other.longest_waiting = (0, 0);
        other.longest_passed = other.longest_passed.max(length);
        Some(length)
    }

    pub(super) fn data(
        &mut self,
        other: &End,
        ip: &Ip<'_>,
        segment: &Segment<'_>,
        silence_ns: i64,
        seen: Seen,
    ) -> Option<&'static str> {
        self.has_ended |= segment.is_fin;
        if segment.data_length == 0 {
            let behind = segment.sequence.wrapping_add(u32::from(segment.is_fin));
            if let Some(start) = self.next.filter(|next| ahead(segment.sequence, *next) > 0)
                && self.gap.is_none()
            {
                self.gap = Some(Gap { start, end: segment.sequence, seen, silence_ns, is_bare: true });
            }
            if self.gap.is_none() && (segment.is_fin || self.next.is_none()) {
                self.next = Some(self.next.map_or(behind, |next| if ahead(behind, next) > 0 { behind } else { next }));
            }
            return None;
        }
        self.data_segments += 1;
        self.longest_sent = self.longest_sent.max(segment.data_length);
        let end = segment.sequence.wrapping_add(segment.data_length);
        let next = self.next.unwrap_or(segment.sequence);
        let fin_end = end.wrapping_add(u32::from(segment.is_fin));
        if ahead(fin_end, next) > 0 || self.next.is_none() {
            self.next = Some(fin_end);
        }
        if segment.data_length > self.longest_waiting.1 {
            self.longest_waiting = (end, segment.data_length);
        }
        let distance = ahead(segment.sequence, next);
        if self.gap.is_some_and(|gap| gap.is_bare) {
            self.gap = None;
        }
        if distance > 0 && self.gap.is_none() {
            self.gap = Some(Gap { start: next, end: segment.sequence, seen, silence_ns, is_bare: false });
        }
        if distance >= 0 {
            return None;
        }
        if let Some(gap) = self.gap
            && ahead(segment.sequence, gap.start) >= 0
            && ahead(gap.end, segment.sequence) > 0
        {
            return self.fill(gap, end, other, segment, seen);
        }
        let is_keep_alive = segment.data_length <= 1 && distance == -1;
        if is_keep_alive || ahead(end, next) > 0 {
            return None;
        }
        self.sent_again.add(seen);
        if other.acknowledged.is_none_or(|acknowledged| ahead(end, acknowledged) > 0) {
            self.repeat(ip, segment, seen);
        }
        Some("sent again")
    }

    /// A segment comes for bytes that were passed over.
    fn fill(&mut self, gap: Gap, end: u32, other: &End, segment: &Segment<'_>, seen: Seen) -> Option<&'static str> {
        let is_whole = ahead(end, gap.end) >= 0 && segment.sequence == gap.start;
        self.gap = match segment.sequence == gap.start {
            _ if is_whole => None,
            true => Some(Gap { start: end, ..gap }),
            false => Some(Gap { end: segment.sequence, ..gap }),
        };
        let is_late = seen.time_ns.saturating_sub(gap.seen.time_ns) >= REORDERING_NS;
        if !is_late && other.duplicate_acknowledgments.count < 3 {
            return None;
        }
        self.sent_again.add(seen);
        Some("sent again, lost before")
    }

    fn repeat(&mut self, ip: &Ip<'_>, segment: &Segment<'_>, seen: Seen) {
        match &mut self.stuck {
            Some(stuck) if stuck.sequence == segment.sequence && !stuck.is_divided => stuck.evidence.add(seen),
            Some(stuck) if stuck.is_divided || ahead(segment.sequence, stuck.sequence) > 0 => {}
            _ => {
                self.stuck = Some(Stuck {
                    sequence: segment.sequence,
                    data_length: segment.data_length,
                    packet_length: ip.length,
                    dont_fragment: ip.dont_fragment,
                    evidence: Evidence::of(seen),
                    is_divided: false,
                });
            }
        }
    }
}

/// The value of an option of a segment, by its kind.
pub(super) fn option(mut options: &[u8], wanted: u8) -> Option<&[u8]> {
    loop {
        match options {
            [0, ..] | [] => return None,
            [1, rest @ ..] => options = rest,
            [kind, length, ..] => {
                let length = usize::from(*length);
                if length < 2 {
                    return None;
                }
                if *kind == wanted {
                    return options.get(2..length);
                }
                options = options.get(length..)?;
            }
            _ => return None,
        }
    }
}
