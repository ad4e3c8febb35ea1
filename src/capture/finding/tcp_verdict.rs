//! What became of a TCP connection: judged when it is forgotten, when its
//! ports are used anew, and at the end of the capture.

use std::net::IpAddr;

use super::catalogue::Kind;
use super::found::{About, Case, Found};
use super::memory::{Evidence, Recent};
use super::tcp::{Connection, Key};
use super::tcp_end::{End, ahead};

/// Without an answer for so long, a SYN is unanswered also where it was sent
/// only once.
const PATIENCE_NS: i64 = 3_000_000_000;

/// Smaller segments than this fit through every link (RFC 791 asks for 576
/// bytes).
const SMALL: u32 = 512;

/// The most that IP and TCP headers and their options differ by, in what a
/// limit of segments is compared with.
const OPTIONS: u32 = 60;

/// What passed so long before shows that the way was whole.
const JUST_NS: i64 = 5_000_000_000;

/// A gap that is open for so long is no reordering, and was not yet filled by a
/// repeat either.
const GAP_NS: i64 = 1_000_000_000;

/// Where full-sized segments are not known, they are at least so long.
const USUAL_SEGMENT: u32 = 1_000;

type Passed = Recent<(u16, IpAddr, IpAddr), u32>;

/// Adds what a connection shows to what was found.
pub(super) fn judge(found: &mut Found, key: &Key, connection: &Connection, end_ns: i64, passed: &Passed) {
    let [first, second] = key.ends;
    let (first, second) = ((first, &connection.first), (second, &connection.second));
    // Without a handshake, servers are known by their lower ports.
    let is_client_second = second.1.syn.count > 0
        || first.1.syn_answer.count > 0
        || (first.1.syn.count == 0 && second.1.syn_answer.count == 0 && second.0.1 > first.0.1);
    let (client, server) = if is_client_second { (second, first) } else { (first, second) };
    let about = |kind| About::new(kind, key.place, client.0.0, server.0.0).port(server.0.1);
    if judge_handshake(found, connection, client.1, server.1, end_ns, &about) {
        return;
    }
    if let Some((seen, had_ended)) = connection.reset
        && !had_ended
    {
        let has_data = client.1.data_segments + server.1.data_segments > 0;
        let case = Case { evidence: Evidence::of(seen), cases: 1, is_confirmed: has_data, ..Case::default() };
        found.add(about(Kind::ConnectionReset), &case);
    }
    for (sender, receiver) in [(client, server), (server, client)] {
        let about = |kind| About::new(kind, key.place, sender.0.0, receiver.0.0).port(server.0.1);
        let known = passed.peek(&(key.place, sender.0.0, receiver.0.0)).copied().unwrap_or(0);
        if !judge_stuck(found, connection, (sender.1, receiver.1), known, &about) {
            judge_repeats(found, sender.1, &about);
        }
        judge_gap(found, sender.1, receiver.1, &about);
    }
}

/// Judges connections that did not come about; true where that is so.
fn judge_handshake(
    found: &mut Found,
    connection: &Connection,
    client: &End,
    server: &End,
    end_ns: i64,
    about: &impl Fn(Kind) -> About,
) -> bool {
    if let Some(refused) = connection.refused {
        let mut evidence = client.syn.clone();
        evidence.add(refused);
        found.add(about(Kind::ConnectionRefused), &Case { evidence, cases: 1, ..Case::default() });
        return true;
    }
    if connection.established_ns.is_some() || connection.reset.is_some() || server.data_segments > 0 {
        return false;
    }
    let Some(first) = client.syn.first() else { return false };
    let waited_ns = end_ns.saturating_sub(first.time_ns);
    if server.syn_answer.count > 1 {
        let evidence = server.syn_answer.clone();
        found.add(about(Kind::HandshakeIncomplete), &Case { evidence, cases: 1, ..Case::default() });
    } else if server.syn_answer.count == 0
        && !connection.is_rejected
        && (client.syn.count > 1 || waited_ns >= PATIENCE_NS)
    {
        let evidence = client.syn.clone();
        found.add(about(Kind::SynUnanswered), &Case { evidence, cases: 1, ..Case::default() });
    }
    true
}

/// Judges a segment that was sent again without an acknowledgment; true where
/// that explains the repeats.
fn judge_stuck(
    found: &mut Found,
    connection: &Connection,
    (sender, receiver): (&End, &End),
    known: u32,
    about: &impl Fn(Kind) -> About,
) -> bool {
    let Some(stuck) = sender.stuck.as_ref().filter(|stuck| stuck.evidence.count > 1) else { return false };
    // Each end's limit follows from the MTU of its own interface.
    let limits = [receiver.segment_limit, sender.segment_limit];
    let limit = limits.into_iter().flatten().map(u32::from).min().unwrap_or(u32::MAX);
    let segment = stuck.data_length.min(limit);
    let is_full = if limit == u32::MAX { segment >= USUAL_SEGMENT } else { segment + OPTIONS >= limit };
    let passed = sender.longest_passed.max(known);
    let since = stuck.evidence.first().map_or(i64::MAX, |seen| seen.time_ns);
    // The handshake's packets have just passed.
    let begun_ns = connection.established_ns.map(|begun_ns| since.saturating_sub(begun_ns));
    let has_just_begun = begun_ns.is_some_and(|age_ns| (0..JUST_NS).contains(&age_ns));
    let case = Case {
        evidence: stuck.evidence.clone(),
        cases: 1,
        most: u64::from(stuck.packet_length.saturating_sub(stuck.data_length).saturating_add(segment)),
        least: u64::from(sender.told_mtu.unwrap_or(0)),
        of: 0,
        is_confirmed: stuck.is_divided || receiver.last_ns > since || has_just_begun,
    };
    if is_full && stuck.dont_fragment && segment > SMALL && (passed < segment || stuck.is_divided) {
        found.add(about(Kind::MtuBlackHole), &case);
        return true;
    }
    if connection.reset.is_some() || stuck.is_divided {
        return false;
    }
    found.add(about(Kind::DataUnacknowledged), &Case { most: u64::from(stuck.data_length), least: 0, ..case });
    true
}

/// Judges repeats that were acknowledged at last.
fn judge_repeats(found: &mut Found, sender: &End, about: &impl Fn(Kind) -> About) {
    // What is sent again in smaller pieces, as a router has asked, is no loss.
    if sender.sent_again.count > 0 && sender.told_mtu.is_none() {
        let evidence = sender.sent_again.clone();
        let case = Case { cases: evidence.count, of: sender.data_segments, evidence, ..Case::default() };
        found.add(about(Kind::Retransmission), &case);
    }
}

/// At the receiver: full-sized segments never come, smaller ones behind them do.
fn judge_gap(found: &mut Found, sender: &End, receiver: &End, about: &impl Fn(Kind) -> About) {
    let limits = [receiver.segment_limit, sender.segment_limit];
    let limit = limits.into_iter().flatten().map(u32::from).min();
    let (Some(gap), Some(limit)) = (sender.gap, limit) else { return };
    let waited_ns = receiver.last_ns.max(sender.last_ns).saturating_sub(gap.seen.time_ns).max(gap.silence_ns);
    // What the receiver has acknowledged was only missed by the capture.
    let is_missed = receiver.acknowledged.is_some_and(|acknowledged| ahead(acknowledged, gap.start) > 0);
    let is_only_small = sender.longest_sent + OPTIONS < limit && limit > SMALL;
    let length = u32::try_from(ahead(gap.end, gap.start)).unwrap_or(0);
    if waited_ns < GAP_NS || is_missed || !is_only_small || length + OPTIONS < limit {
        return;
    }
    let evidence = match receiver.duplicate_acknowledgments.count {
        _ if gap.is_bare => Evidence::of(gap.seen),
        0 | 1 => return,
        _ => receiver.duplicate_acknowledgments.clone(),
    };
    let case = Case { evidence, cases: 1, most: u64::from(limit) + 40, is_confirmed: true, ..Case::default() };
    found.add(about(Kind::MtuBlackHole), &case);
}
