//! Neighbours on the link (ARP, RFC 826; neighbour discovery, RFC 4861):
//! requests without answers, and addresses that two stations answer for.
//!
//! A request goes to all and its answer to one. So a place sees the requests of
//! stations whose answers it never sees; only those of a station whose own
//! traffic passes here can be judged.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::catalogue::Kind;
use super::decode::{Decoded, Ip, Mac, u16_at};
use super::found::{About, Case, Found};
use super::memory::{Evidence, Recent, Seen};
use etherparse::ArpPacketSlice;

/// Linux asks three times, a second apart, and gives up
/// (`mcast_solicit` of arp(7)).
const ATTEMPTS: u64 = 3;

const MAX_STATIONS: usize = 1 << 12;

/// Two stations that answer one request do so within this.
const ANSWERS_NS: i64 = 1_000_000_000;

/// Who asks for whom.
type Key = (u16, IpAddr, IpAddr);

#[derive(Debug, Default)]
struct Request {
    asker: Mac,
    /// Since the last answer.
    unanswered: Evidence,
}

/// What is known of the stations of the link.
#[derive(Debug)]
pub(super) struct Neighbors {
    requests: Recent<Key, Request>,
    /// Stations that send or get unicast packets here.
    present: Recent<(u16, Mac), ()>,
    /// Addresses that packets came from.
    alive: Recent<(u16, IpAddr), ()>,
    /// Who answered last for an address.
    owners: Recent<(u16, IpAddr), (Mac, Seen)>,
    /// The address of the interface, by place, where it is known.
    own: Vec<Option<Mac>>,
    /// The station that was noted last: most packets follow one of their kind.
    last: Option<(u16, Mac, Mac, IpAddr)>,
}

impl Default for Neighbors {
    fn default() -> Self {
        Neighbors {
            requests: Recent::new(MAX_STATIONS),
            present: Recent::new(MAX_STATIONS),
            alive: Recent::new(MAX_STATIONS),
            owners: Recent::new(MAX_STATIONS),
            own: Vec::new(),
            last: None,
        }
    }
}

impl Neighbors {
    /// Says what the address of the next place's interface is.
    pub(super) fn place(&mut self, own: Option<Mac>) {
        self.own.push(own);
    }

    /// Notes who is there.
    pub(super) fn packet(&mut self, place: u16, decoded: &Decoded<'_>, ip: &Ip<'_>) {
        let Some((source, destination)) = decoded.frame else { return };
        let noted = (place, source, destination, ip.source);
        if is_group(destination) || self.last.replace(noted) == Some(noted) {
            return;
        }
        for station in [source, destination] {
            if self.present.get(&(place, station)).is_none() {
                self.present.insert((place, station), ());
            }
        }
        if self.alive.get(&(place, ip.source)).is_none() {
            self.alive.insert((place, ip.source), ());
        }
    }

    /// Takes a packet of ARP; says what it shows.
    pub(super) fn arp(
        &mut self,
        found: &mut Found,
        place: u16,
        arp: &ArpPacketSlice<'_>,
        seen: Seen,
    ) -> Option<&'static str> {
        let address = |bytes: &[u8]| Some(IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)));
        let asker: Mac = arp.sender_hw_addr().try_into().ok()?;
        let (sender, target) = (address(arp.sender_protocol_addr())?, address(arp.target_protocol_addr())?);
        let is_probe = sender.is_unspecified() || sender == target;
        match arp.operation().0 {
            1 if !is_probe => {
                self.ask(found, (place, sender, target), asker, seen);
                None
            }
            2 if sender != target => self.answer(found, (place, target, sender), asker, seen),
            _ => None,
        }
    }

    /// Takes a neighbour solicitation or advertisement.
    pub(super) fn discovery(
        &mut self,
        found: &mut Found,
        place: u16,
        decoded: &Decoded<'_>,
        ip: &Ip<'_>,
        message: &[u8],
        seen: Seen,
    ) {
        const SOLICITATION: u8 = 135;
        const ADVERTISEMENT: u8 = 136;
        let (Some(kind), Some(bytes)) = (message.first(), message.get(8..24)) else { return };
        let Some(target) = <[u8; 16]>::try_from(bytes).ok().map(|octets| IpAddr::from(Ipv6Addr::from(octets))) else {
            return;
        };
        let Some((station, _)) = decoded.frame else { return };
        if *kind == SOLICITATION && !ip.source.is_unspecified() {
            self.ask(found, (place, ip.source, target), station, seen);
        } else if *kind == ADVERTISEMENT && u16_at(message, 4).is_some() {
            // Solicited or not, to one or to all: the station is there.
            self.requests.remove(&(place, ip.destination, target));
            self.alive.insert((place, target), ());
        }
    }

    fn ask(&mut self, found: &mut Found, key: Key, asker: Mac, seen: Seen) {
        if self.requests.get(&key).is_none() {
            for (key, request) in self.requests.insert(key, Request { asker, ..Request::default() }) {
                self.judge(found, key, &request, false);
            }
        }
        if let Some(request) = self.requests.get(&key) {
            request.unanswered.add_once(seen);
        }
    }

    fn answer(&mut self, found: &mut Found, key: Key, station: Mac, seen: Seen) -> Option<&'static str> {
        let (place, asker, owner) = key;
        self.requests.remove(&key);
        let mut remark = None;
        if let Some((before, answered)) = self.owners.get(&(place, owner))
            && *before != station
            && seen.time_ns.saturating_sub(answered.time_ns) < ANSWERS_NS
        {
            let mut evidence = Evidence::of(*answered);
            evidence.add(seen);
            let stations = format!("{} and {}", written(*before), written(station));
            let case = Case { evidence, cases: 1, ..Case::default() };
            found.add(About::new(Kind::DuplicateAddress, place, asker, owner).detail(stations), &case);
            remark = Some("a second station answers");
        }
        self.owners.insert((place, owner), (station, seen));
        remark
    }

    /// Judges what is left.
    pub(super) fn finish(&mut self, found: &mut Found) {
        let requests = self.requests.drain();
        for (key, request) in &requests {
            let others = requests.iter().filter(|((place, ..), _)| *place == key.0);
            let is_alone = others.into_iter().all(|(_, other)| other.asker == request.asker);
            self.judge(found, *key, request, is_alone);
        }
    }

    /// `is_alone`: no other station asks here.
    fn judge(&self, found: &mut Found, (place, asker, target): Key, request: &Request, is_alone: bool) {
        if request.unanswered.count < ATTEMPTS || self.alive.peek(&(place, target)).is_some() {
            return;
        }
        let is_own = match self.own.get(usize::from(place)).copied().flatten() {
            Some(own) => own == request.asker,
            None => {
                let sees_unicast = self.present.iter().any(|((at, _), ())| *at == place);
                self.present.peek(&(place, request.asker)).is_some() || (is_alone && !sees_unicast)
            }
        };
        if !is_own {
            return;
        }
        let evidence = request.unanswered.clone();
        let case = Case { cases: evidence.count, evidence, ..Case::default() };
        found.add(About::new(Kind::ArpUnanswered, place, asker, target), &case);
    }
}

fn is_group(address: Mac) -> bool {
    address.first().is_some_and(|first| first & 1 != 0)
}

fn written(address: Mac) -> String {
    let bytes: Vec<String> = address.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(":")
}
