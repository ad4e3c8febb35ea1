//! DNS over UDP (RFC 1035): queries without answers, failures, late answers,
//! and names that do not exist.
//!
//! A search list makes resolvers ask for names that do not exist (RFC 8499,
//! `ndots` of resolv.conf(5)); such an answer counts only where no shorter form
//! of the name was found.

use std::net::IpAddr;

use super::catalogue::Kind;
use super::decode::{Ip, u16_at};
use super::found::{About, Case, Found};
use super::memory::{Evidence, Recent, Seen};

/// The port of name servers.
pub(super) const PORT: u16 = 53;

const MAX_QUERIES: usize = 1 << 14;

/// A query that is not answered by the end counts if it is older than this: no
/// resolver has asked again before.
const PATIENCE_NS: i64 = 5_000_000_000;

/// An answer that takes longer is slow. Resolvers give up after 5 s.
const SLOW_NS: i64 = 1_000_000_000;

/// Who asks whom, by port and number of the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    place: u16,
    client: (IpAddr, u16),
    server: IpAddr,
    id: u16,
}

#[derive(Clone, Debug)]
struct Query {
    name: String,
    kind: u16,
    evidence: Evidence,
    seen: Seen,
    /// When it was asked for again under another number, or by the same one.
    asked_again_ns: Option<i64>,
}

/// What was asked last, whoever was asked.
#[derive(Clone, Debug)]
struct Asked {
    key: Key,
    time_ns: i64,
}

/// A place, who asks there, and a hash of the name.
type Asker = (u16, IpAddr, u64);

/// A server, the name that it does not know, and its answers.
type Missing = (IpAddr, String, Evidence);

/// All queries.
#[derive(Debug)]
pub(super) struct Queries {
    pending: Recent<Key, Query>,
    /// By place, client, type and a hash of the name.
    last: Recent<(u16, IpAddr, u16, u64), Asked>,
    /// Names that do not exist, by client; with the server.
    missing: Recent<Asker, Missing>,
    /// Hashes of names that exist, by client.
    existing: Recent<Asker, ()>,
}

impl Default for Queries {
    fn default() -> Self {
        Queries {
            pending: Recent::new(MAX_QUERIES),
            last: Recent::new(MAX_QUERIES),
            missing: Recent::new(1 << 10),
            existing: Recent::new(MAX_QUERIES),
        }
    }
}

/// The header and the question of a message.
struct Message {
    id: u16,
    is_answer: bool,
    code: u8,
    name: String,
    kind: u16,
}

impl Queries {
    /// Takes a message; says what it shows.
    pub(super) fn observe(
        &mut self,
        found: &mut Found,
        place: u16,
        ip: &Ip<'_>,
        ports: (u16, u16),
        data: &[u8],
        seen: Seen,
    ) -> Option<&'static str> {
        let message = parse(data)?;
        let (source, destination) = ((ip.source, ports.0), (ip.destination, ports.1));
        if message.is_answer && ports.0 == PORT {
            let key = Key { place, client: destination, server: ip.source, id: message.id };
            return self.answer(found, key, &message, seen);
        }
        if message.is_answer || ports.1 != PORT {
            return None;
        }
        let key = Key { place, client: source, server: ip.destination, id: message.id };
        self.ask(found, key, message, seen)
    }

    fn ask(&mut self, found: &mut Found, key: Key, message: Message, seen: Seen) -> Option<&'static str> {
        let mut is_again = false;
        let subject = (key.place, key.client.0, message.kind, hash(&message.name));
        if let Some(asked) = self.last.get(&subject)
            && let Some(before) = self.pending.get(&asked.key)
            // Two lookups at once are two, and no repeat.
            && seen.time_ns.saturating_sub(asked.time_ns) > SLOW_NS / 2
        {
            before.asked_again_ns.get_or_insert(seen.time_ns);
            is_again = true;
        }
        self.last.insert(subject, Asked { key, time_ns: seen.time_ns });
        if let Some(same) = self.pending.get(&key).filter(|query| query.name == message.name) {
            let is_new = same.evidence.add_once(seen);
            return (is_again && is_new).then_some("asked again");
        }
        let Message { name, kind, .. } = message;
        let query = Query { name, kind, evidence: Evidence::of(seen), seen, asked_again_ns: None };
        for (key, query) in self.pending.insert(key, query) {
            unanswered(found, &key, &query, seen.time_ns);
        }
        is_again.then_some("asked again")
    }

    fn answer(&mut self, found: &mut Found, key: Key, message: &Message, seen: Seen) -> Option<&'static str> {
        let query = self.pending.remove(&key)?;
        found.path.answered(query.seen.key, key.place, seen.number);
        let about = |kind| About::new(kind, key.place, key.client.0, key.server).port(PORT);
        let took_ns = seen.time_ns.saturating_sub(query.seen.time_ns);
        if took_ns > SLOW_NS {
            let mut evidence = query.evidence.clone();
            evidence.add(seen);
            let milliseconds = u64::try_from(took_ns / 1_000_000).unwrap_or(0);
            let case = Case { evidence, cases: 1, most: milliseconds, least: milliseconds, ..Case::default() };
            found.add(about(Kind::DnsSlow), &case);
        }
        let evidence = || Evidence::of(seen);
        match message.code {
            0 => {
                self.existing.insert((key.place, key.client.0, hash(&query.name)), ());
                None
            }
            3 => {
                let subject = (key.place, key.client.0, hash(&query.name));
                match self.missing.get(&subject) {
                    Some((_, _, evidence)) => evidence.add(seen),
                    None => {
                        let missing = (key.server, query.name, evidence());
                        let forgotten = self.missing.insert(subject, missing);
                        self.judge_missing(found, forgotten);
                    }
                }
                None
            }
            code => {
                let case = Case { evidence: evidence(), cases: 1, ..Case::default() };
                found.add(about(Kind::DnsFailure).detail(code_name(code)), &case);
                Some("DNS failure")
            }
        }
    }

    /// A router or host does not deliver a query: that is an answer too.
    pub(super) fn reject(&mut self, place: u16, client: (IpAddr, u16), server: IpAddr, id: u16) {
        self.pending.remove(&Key { place, client, server, id });
    }

    /// Judges what is left.
    pub(super) fn finish(&mut self, found: &mut Found, end_ns: i64) {
        for (key, query) in self.pending.drain() {
            unanswered(found, &key, &query, end_ns);
        }
        let missing = self.missing.drain();
        self.judge_missing(found, missing);
    }

    fn judge_missing(&self, found: &mut Found, missing: Vec<(Asker, Missing)>) {
        for ((place, client, _), (server, name, evidence)) in missing {
            let mut shorter = name.as_str();
            // A name that has addresses of one version is told not to exist by
            // servers that take the other version's question for another name.
            let mut exists = self.existing.peek(&(place, client, hash(&name))).is_some();
            while let Some((before, _)) = shorter.rsplit_once('.') {
                shorter = before;
                exists |= self.existing.peek(&(place, client, hash(shorter))).is_some();
            }
            if !exists {
                let case = Case { cases: evidence.count, evidence, ..Case::default() };
                found.add(About::new(Kind::DnsNoSuchName, place, client, server).port(PORT).detail(name), &case);
            }
        }
    }
}

/// A query that is forgotten without an answer.
fn unanswered(found: &mut Found, key: &Key, query: &Query, now_ns: i64) {
    let waited_ns = query.asked_again_ns.unwrap_or(now_ns).saturating_sub(query.seen.time_ns);
    if query.asked_again_ns.is_none() && query.evidence.count < 2 && waited_ns < PATIENCE_NS {
        return;
    }
    let repeated_after = query.asked_again_ns.map_or(0, |_| u64::try_from(waited_ns / 1_000_000).unwrap_or(0));
    let case = Case {
        evidence: query.evidence.clone(),
        cases: 1,
        most: repeated_after,
        least: repeated_after,
        ..Case::default()
    };
    let about = About::new(Kind::DnsTimeout, key.place, key.client.0, key.server).port(PORT);
    found.add(about.detail(format!("{} {}", type_name(query.kind), query.name)), &case);
}

fn hash(name: &str) -> u64 {
    use std::hash::BuildHasher;
    foldhash::fast::FixedState::with_seed(1).hash_one(name)
}

/// RFC 1035 section 4.1; only the first question, which is the only one in use.
fn parse(data: &[u8]) -> Option<Message> {
    let (id, flags) = (u16_at(data, 0)?, u16_at(data, 2)?);
    // Standard queries only; other operations have no question of this form.
    if (flags >> 11) & 0xf != 0 || u16_at(data, 4)? == 0 {
        return None;
    }
    let mut name = String::new();
    let mut at = 12;
    loop {
        let length = usize::from(*data.get(at)?);
        at += 1;
        match length {
            0 => break,
            1..=63 if name.len() < 256 => {}
            _ => return None,
        }
        if !name.is_empty() {
            name.push('.');
        }
        let label = data.get(at..at + length)?;
        name.extend(label.iter().map(|byte| match byte.to_ascii_lowercase() {
            letter if letter.is_ascii_graphic() => char::from(letter),
            _ => '?',
        }));
        at += length;
    }
    let code = u8::try_from(flags & 0xf).unwrap_or(0);
    Some(Message { id, is_answer: flags & 0x8000 != 0, code, name, kind: u16_at(data, at)? })
}

/// The number of a query that begins so.
pub(super) fn id_of(data: &[u8]) -> Option<u16> {
    u16_at(data, 0)
}

fn code_name(code: u8) -> String {
    match code {
        1 => "FORMERR".to_owned(),
        2 => "SERVFAIL".to_owned(),
        4 => "NOTIMP".to_owned(),
        5 => "REFUSED".to_owned(),
        other => format!("code {other}"),
    }
}

fn type_name(kind: u16) -> String {
    match kind {
        1 => "A".to_owned(),
        5 => "CNAME".to_owned(),
        12 => "PTR".to_owned(),
        15 => "MX".to_owned(),
        16 => "TXT".to_owned(),
        28 => "AAAA".to_owned(),
        33 => "SRV".to_owned(),
        65 => "HTTPS".to_owned(),
        other => format!("type {other}"),
    }
}
