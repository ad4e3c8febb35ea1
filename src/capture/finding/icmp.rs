//! ICMP (RFC 792, RFC 4443): what routers and hosts say of packets that they
//! do not deliver, and pings without answers.

use std::net::IpAddr;

use etherparse::{LaxNetSlice, LaxSlicedPacket};

use super::catalogue::Kind;
use super::decode::{Ip, u16_at, u32_at};
use super::dns;
use super::found::{About, Case, Found};
use super::memory::{Evidence, Recent, Seen};
use super::tcp::Connections;

/// A ping without an answer counts if it is older than this.
const PATIENCE_NS: i64 = 2_000_000_000;

/// How many pings of one program may wait for their answers.
const MAX_WAITING: usize = 64;

/// How many programs that ping are followed at once.
const MAX_PINGS: usize = 1 << 13;

/// Who pings whom, with the program's number.
type Key = (u16, IpAddr, IpAddr, u16);

/// Pings of one program.
#[derive(Debug, Default)]
struct Ping {
    sent: u64,
    waiting: Vec<(u16, Seen)>,
    lost: Evidence,
}

/// All pings.
#[derive(Debug)]
pub(super) struct Pings {
    table: Recent<Key, Ping>,
}

impl Default for Pings {
    fn default() -> Self {
        Pings { table: Recent::new(MAX_PINGS) }
    }
}

impl Pings {
    /// A request (`true`) or an answer.
    fn observe(&mut self, found: &mut Found, place: u16, ip: &Ip<'_>, is_request: bool, message: &[u8], seen: Seen) {
        let Some((id, number)) = u16_at(message, 4).zip(u16_at(message, 6)) else { return };
        if !is_request {
            let key = (place, ip.destination, ip.source, id);
            let Some(ping) = self.table.get(&key) else { return };
            let Some(at) = ping.waiting.iter().position(|(waiting, _)| *waiting == number) else { return };
            let (_, request) = ping.waiting.remove(at);
            found.path.answered(request.key, place, seen.number);
            return;
        }
        let key = (place, ip.source, ip.destination, id);
        if self.table.get(&key).is_none() {
            for (key, ping) in self.table.insert(key, Ping::default()) {
                judge(found, key, ping, seen.time_ns);
            }
        }
        let Some(ping) = self.table.get(&key) else { return };
        // The same ping at another device of one capture.
        if ping.waiting.iter().any(|(waiting, _)| *waiting == number) {
            return;
        }
        ping.sent += 1;
        if ping.waiting.len() >= MAX_WAITING {
            let (_, oldest) = ping.waiting.remove(0);
            ping.lost.add(oldest);
        }
        ping.waiting.push((number, seen));
    }

    /// Judges what is left.
    pub(super) fn finish(&mut self, found: &mut Found, end_ns: i64) {
        for (key, ping) in self.table.drain() {
            judge(found, key, ping, end_ns);
        }
    }
}

fn judge(found: &mut Found, (place, from, to, _): Key, mut ping: Ping, now_ns: i64) {
    for (_, waiting) in &ping.waiting {
        if now_ns.saturating_sub(waiting.time_ns) >= PATIENCE_NS {
            ping.lost.add(*waiting);
        }
    }
    // One in many may be lost on a healthy network.
    let is_lost = ping.lost.count > 1 || (ping.lost.count == 1 && ping.sent == 1);
    if !is_lost || is_multicast(to) {
        return;
    }
    let case = Case { cases: ping.lost.count, of: ping.sent, evidence: ping.lost, ..Case::default() };
    found.add(About::new(Kind::EchoUnanswered, place, from, to), &case);
}

fn is_multicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_multicast() || address.octets().ends_with(&[255]),
        IpAddr::V6(address) => address.is_multicast(),
    }
}

/// What an error message means.
enum Meaning {
    Unreachable(&'static str),
    TooBig(u32),
    TtlExceeded,
}

/// What errors touch.
pub(super) struct Touched<'a> {
    pub(super) pings: &'a mut Pings,
    pub(super) connections: &'a mut Connections,
    pub(super) queries: &'a mut dns::Queries,
}

/// Takes a message of ICMP, or of that of IPv6 where `is_v6`; says what it shows.
pub(super) fn observe(
    found: &mut Found,
    touched: &mut Touched<'_>,
    place: u16,
    ip: &Ip<'_>,
    (message, is_v6): (&[u8], bool),
    seen: Seen,
) -> Option<&'static str> {
    let (kind, code) = (*message.first()?, *message.get(1)?);
    match (is_v6, kind) {
        (false, 8) | (true, 128) => {
            touched.pings.observe(found, place, ip, true, message, seen);
            return None;
        }
        (false, 0) | (true, 129) => {
            touched.pings.observe(found, place, ip, false, message, seen);
            return None;
        }
        _ => {}
    }
    let meaning = if is_v6 { meaning_v6(kind, code, message)? } else { meaning_v4(kind, code, message)? };
    let quoted = quoted(message.get(8..)?)?;
    let evidence = Evidence::of(seen);
    let case = Case { evidence, cases: 1, ..Case::default() };
    // The quoted packet was sent by whom the message is for.
    let about = |kind| About::new(kind, place, ip.source, quoted.destination.0);
    match meaning {
        Meaning::TooBig(mtu) => {
            let case = Case { most: quoted.length.into(), least: mtu.into(), ..case };
            found.add(about(Kind::FragmentationNeeded), &case);
            touched.connections.reject(place, quoted.source, quoted.destination, Some(mtu));
            Some("fragmentation needed")
        }
        Meaning::TtlExceeded => {
            found.add(about(Kind::TtlExceeded), &case);
            Some("hops exhausted")
        }
        Meaning::Unreachable(what) => {
            let about = about(Kind::Unreachable).port(quoted.destination.1).detail(what);
            found.add(about, &case);
            touched.connections.reject(place, quoted.source, quoted.destination, None);
            if quoted.destination.1 == dns::PORT
                && let Some(id) = quoted.id
            {
                touched.queries.reject(place, quoted.source, quoted.destination.0, id);
            }
            Some("unreachable")
        }
    }
}

/// RFC 792, RFC 1812 section 5.2.7.
fn meaning_v4(kind: u8, code: u8, message: &[u8]) -> Option<Meaning> {
    match (kind, code) {
        (3, 4) => Some(Meaning::TooBig(u16_at(message, 6)?.into())),
        (3, 0 | 6) => Some(Meaning::Unreachable("network unreachable")),
        (3, 1 | 7) => Some(Meaning::Unreachable("host unreachable")),
        (3, 2) => Some(Meaning::Unreachable("protocol unreachable")),
        (3, 3) => Some(Meaning::Unreachable("port unreachable")),
        (3, 9 | 10 | 13) => Some(Meaning::Unreachable("administratively prohibited")),
        (3, _) => Some(Meaning::Unreachable("unreachable")),
        (11, 0) => Some(Meaning::TtlExceeded),
        _ => None,
    }
}

/// RFC 4443 section 3.
fn meaning_v6(kind: u8, code: u8, message: &[u8]) -> Option<Meaning> {
    match (kind, code) {
        (2, _) => Some(Meaning::TooBig(u32_at(message, 4)?)),
        (1, 0) => Some(Meaning::Unreachable("no route")),
        (1, 1 | 5 | 6) => Some(Meaning::Unreachable("administratively prohibited")),
        (1, 3) => Some(Meaning::Unreachable("host unreachable")),
        (1, 4) => Some(Meaning::Unreachable("port unreachable")),
        (1, _) => Some(Meaning::Unreachable("unreachable")),
        (3, 0) => Some(Meaning::TtlExceeded),
        _ => None,
    }
}

/// The packet that an error is about, as far as it is quoted.
struct Quoted {
    source: (IpAddr, u16),
    destination: (IpAddr, u16),
    length: u32,
    /// The number of a DNS query.
    id: Option<u16>,
}

fn quoted(bytes: &[u8]) -> Option<Quoted> {
    let sliced = LaxSlicedPacket::from_ip(bytes).ok()?;
    let (source, destination, length): (IpAddr, IpAddr, u32) = match sliced.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) => {
            let header = ip.header();
            (header.source_addr().into(), header.destination_addr().into(), header.total_len().into())
        }
        LaxNetSlice::Ipv6(ip) => {
            let header = ip.header();
            let length = u32::from(header.payload_length()) + 40;
            (header.source_addr().into(), header.destination_addr().into(), length)
        }
        LaxNetSlice::Arp(_) => return None,
    };
    let payload = sliced.ip_payload()?;
    let has_ports = matches!(payload.ip_number.0, 6 | 17) && !payload.fragmented;
    let port = |at| if has_ports { u16_at(payload.payload, at).unwrap_or(0) } else { 0 };
    let id = (payload.ip_number.0 == 17).then(|| dns::id_of(payload.payload.get(8..)?)).flatten();
    Some(Quoted { source: (source, port(0)), destination: (destination, port(2)), length, id })
}
