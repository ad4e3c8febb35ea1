//! Events, as `kubectl get events -o json` or `-o yaml` prints them: a `List`
//! or an `EventList`, single ones, or one after the other; of core/v1 and of
//! events.k8s.io/v1, whose fields are named otherwise.
//!
//! JSON is read as a stream, one event at a time.

use std::fmt;
use std::io::Read;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

use super::matcher::{About, Matcher};
use super::stamp::Stamp;
use crate::finding::Subject;

/// The bytes by which events are told from a log.
pub(super) const HEAD: usize = 4096;

/// The largest document of YAML: it has to be held.
const MAX_YAML: u64 = 64 << 20;

/// Whether more bytes have to be seen to tell.
pub(super) fn may_begin(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    text.is_empty() || text.starts_with(b"{") || b"apiVersion:".starts_with(text) || text.starts_with(b"apiVersion:")
}

/// Whether a document begins so that holds events.
pub(super) fn begins(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    if text.starts_with(b"apiVersion:") {
        return true;
    }
    if !text.starts_with(b"{") {
        return false;
    }
    // A line of journalctl -o json or of a container's log is an object too, and no Kubernetes object.
    let first = text.get(1..).unwrap_or_default().trim_ascii_start();
    let is_named = [&b"\"apiVersion\""[..], b"\"kind\"", b"\"items\"", b"\"metadata\""];
    is_named.iter().any(|name| first.starts_with(name))
        && !text.starts_with(b"{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io")
}

pub(super) fn read(mut reader: impl Read, is_json: bool, matcher: &mut Matcher<'_>) -> Result<(), String> {
    let fault = |why: String| format!("read the events: {why}");
    if !is_json {
        let mut text = String::new();
        reader.by_ref().take(MAX_YAML + 1).read_to_string(&mut text).map_err(|error| fault(error.to_string()))?;
        if u64::try_from(text.len()).is_ok_and(|length| length > MAX_YAML) {
            return Err(fault("the document is larger than 64 MiB; as JSON it may be of any size".to_owned()));
        }
        let documents: Vec<Json> = serde_saphyr::from_multiple(&text).map_err(|error| fault(error.to_string()))?;
        for document in documents {
            match document.get("items").and_then(Json::as_array) {
                Some(items) => items.iter().for_each(|item| one(item, matcher)),
                None => one(&document, matcher),
            }
        }
        matcher.input.bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
        return Ok(());
    }
    let mut counted = Counted { reader, bytes: 0 };
    let mut stream = serde_json::Deserializer::from_reader(std::io::BufReader::with_capacity(1 << 16, &mut counted));
    // It is at an end where nothing but blanks is left.
    while stream.end().is_err() {
        Document(matcher).deserialize(&mut stream).map_err(|error| fault(error.to_string()))?;
    }
    drop(stream);
    matcher.input.bytes = counted.bytes;
    Ok(())
}

struct Counted<R> {
    reader: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.bytes += u64::try_from(read).unwrap_or(0);
        Ok(read)
    }
}

/// A list of events, whose elements are looked at one by one, or an event.
struct Document<'m, 'k>(&'m mut Matcher<'k>);

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an event or a list of events")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut event = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            match key.as_str() {
                "items" => members.next_value_seed(Items(self.0))?,
                // Who wrote which field of it, which may be long.
                "metadata" => drop(members.next_value::<IgnoredAny>()?),
                _ => drop(event.insert(key, members.next_value()?)),
            }
        }
        one(&Json::Object(event), self.0);
        Ok(())
    }
}

struct Items<'m, 'k>(&'m mut Matcher<'k>);

impl<'de> DeserializeSeed<'de> for Items<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<Json>()? {
            one(&item, self.0);
        }
        Ok(())
    }
}

/// Looks at one event; what is none says nothing.
fn one(event: &Json, matcher: &mut Matcher<'_>) {
    let text = |keys: &[&str]| keys.iter().find_map(|key| event.pointer(key)?.as_str());
    let Some(message) = text(&["/message", "/note"]) else { return };
    let count = ["/series/count", "/count", "/deprecatedCount"].iter().find_map(|key| event.pointer(key)?.as_u64());
    let stamp = |keys: &[&str]| keys.iter().find_map(|key| Stamp::parse(event.pointer(key)?.as_str()?));
    let first = stamp(&["/firstTimestamp", "/deprecatedFirstTimestamp", "/eventTime"]);
    let last = stamp(&["/series/lastObservedTime", "/lastTimestamp", "/deprecatedLastTimestamp", "/eventTime"]);
    let subject = event.get("involvedObject").or_else(|| event.get("regarding")).and_then(|object| {
        let member = |key: &str| object.get(key).and_then(Json::as_str).map(str::to_owned);
        Some(Subject {
            kind: member("kind")?,
            api_version: member("apiVersion"),
            namespace: member("namespace"),
            name: member("name")?,
        })
    });
    let about = About { subject, count: count.unwrap_or(1).max(1), first: first.or(last), last: last.or(first) };
    matcher.event(&format!("{}: {message}", text(&["/reason"]).unwrap_or_default()), &about);
}
