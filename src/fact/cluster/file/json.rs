//! JSON: objects, lists and arrays, one after the other in one stream, with
//! the logs between them that `kubectl cluster-info dump` writes.

use std::io;

use crate::fact::Json;
use crate::fact::json::Members;
use memchr::memmem;

use super::open::Opened;
use super::{Files, kinds_of};
use crate::fact::cluster::page::{Part, Splitter};

/// The first bytes of a container's log in a dump, and of its end.
const LOG_START: &[u8] = b"====";
const LOG_END: &[u8] = b"\n==== END logs";

/// Reads all documents of a stream.
pub(super) fn read(files: &mut Files<'_>, name: &str, reader: &mut Opened<'_>) -> io::Result<()> {
    let mut stream = Stream { name, documents: Documents::default(), line: 1, skips: None };
    loop {
        let chunk = reader.chunk()?;
        if chunk.is_empty() {
            stream.end(files);
            return Ok(());
        }
        let mut pending = chunk.to_vec();
        let length = chunk.len();
        reader.take(length);
        while !pending.is_empty() {
            pending = stream.push(files, &pending);
        }
    }
}

/// What is passed over, and the bytes of it that may be the start of its end.
enum Skip {
    /// A log.
    Log(Vec<u8>),
    /// What follows a fault, until an object begins a line.
    Fault(Vec<u8>),
}

struct Stream<'n> {
    name: &'n str,
    documents: Documents,
    /// Line on which the document at hand begins.
    line: usize,
    skips: Option<Skip>,
}

impl Stream<'_> {
    /// Takes bytes and gives back those that belong to what follows.
    fn push(&mut self, files: &mut Files<'_>, bytes: &[u8]) -> Vec<u8> {
        match self.skips.take() {
            Some(Skip::Log(held)) => return self.skip(held, bytes, LOG_END, Skip::Log),
            Some(Skip::Fault(held)) => return self.skip(held, bytes, b"\n{", Skip::Fault),
            None => {}
        }
        if self.documents.splitter.is_before() {
            let blank = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let (blank, rest) = bytes.split_at_checked(blank).unwrap_or((bytes, &[]));
            self.line += count_lines(blank);
            if rest.starts_with(LOG_START) {
                self.skips = Some(Skip::Log(Vec::new()));
                return rest.to_vec();
            }
            if rest.is_empty() {
                return Vec::new();
            }
            if !blank.is_empty() {
                return rest.to_vec();
            }
        }
        let ended = self.documents.push(files, bytes, (self.name, self.line));
        match ended {
            Err(message) => {
                let line = self.line + self.documents.splitter.lines();
                let rest = self.documents.splitter.rest();
                let kinds = self.documents.kinds(&rest);
                files.fault(self.name, u64::try_from(line).ok(), message, kinds);
                self.documents = Documents::default();
                self.line = line;
                self.skips = Some(Skip::Fault(Vec::new()));
                rest
            }
            Ok(()) if self.documents.splitter.is_whole() => {
                let lines = self.documents.splitter.lines();
                let rest = self.documents.splitter.rest();
                std::mem::take(&mut self.documents).finish(files);
                self.line += lines;
                rest
            }
            Ok(()) => Vec::new(),
        }
    }

    /// Passes over everything until a mark; the mark's last byte is kept where
    /// an object begins with it.
    fn skip(&mut self, mut held: Vec<u8>, bytes: &[u8], mark: &[u8], again: fn(Vec<u8>) -> Skip) -> Vec<u8> {
        held.extend_from_slice(bytes);
        let Some(at) = memmem::find(&held, mark) else {
            let keep = held.len().saturating_sub(mark.len() - 1);
            self.line += count_lines(held.get(..keep).unwrap_or_default());
            held.drain(..keep);
            self.skips = Some(again(held));
            return Vec::new();
        };
        let mut end = at + mark.len();
        if mark == LOG_END {
            // The rest of its line names the container.
            let Some(rest) = held.get(end..).and_then(|rest| memchr::memchr(b'\n', rest)) else {
                self.line += count_lines(held.get(..at).unwrap_or_default());
                held.drain(..at);
                self.skips = Some(again(held));
                return Vec::new();
            };
            end += rest;
        } else {
            end -= 1;
        }
        self.line += count_lines(held.get(..end).unwrap_or_default());
        held.split_off(end)
    }

    /// The stream is at its end.
    fn end(&mut self, files: &mut Files<'_>) {
        if self.skips.is_none() && !self.documents.splitter.is_before() {
            let line = self.line + self.documents.splitter.lines();
            let rest = self.documents.splitter.rest();
            let kinds = self.documents.kinds(&rest);
            files.fault(self.name, u64::try_from(line).ok(), "the document breaks off".to_owned(), kinds);
        }
    }
}

/// One document while it is read.
#[derive(Default)]
struct Documents {
    splitter: Splitter,
    members: Members,
    /// Elements that do not say what they are, while the list has not either.
    kindless: Vec<Json>,
}

impl Documents {
    fn push(&mut self, files: &mut Files<'_>, bytes: &[u8], (name, first): (&str, usize)) -> Result<(), String> {
        let mut splitter = std::mem::take(&mut self.splitter);
        // The line of a broken element is known only after the push.
        let mut broken: Vec<(String, Vec<String>, usize)> = Vec::new();
        let ended = splitter.push(bytes, &mut |part| {
            match part {
                Part::Member(key, bytes) => {
                    let value: Json = serde_json::from_slice(bytes).map_err(|error| plain(&error))?;
                    self.members.insert(key, value);
                }
                Part::Open(_) => {}
                Part::Item(bytes) => match serde_json::from_slice::<Json>(bytes) {
                    Ok(item) => self.item(files, item),
                    Err(error) => broken.push((plain(&error), kinds_of(bytes), error.line())),
                },
            }
            Ok(0)
        });
        for (message, kinds, line) in broken {
            files.fault(name, u64::try_from(first + splitter.lines() + line - 1).ok(), message, kinds);
        }
        self.splitter = splitter;
        ended
    }

    fn item(&mut self, files: &mut Files<'_>, item: Json) {
        let kind = self.members.get("kind").and_then(Json::as_str);
        if item.get("kind").is_some() || kind.is_some() {
            let api_version = self.members.get("apiVersion").and_then(Json::as_str).unwrap_or_default();
            files.element(api_version, kind.unwrap_or("List"), &item);
        } else {
            self.kindless.push(item);
        }
    }

    fn kinds(&self, rest: &[u8]) -> Vec<String> {
        let kind = self.members.get("kind").and_then(Json::as_str).filter(|kind| *kind != "List");
        kind.map_or_else(|| kinds_of(rest), |kind| vec![kind.to_owned()])
    }

    fn finish(self, files: &mut Files<'_>) {
        let text = |key: &str| self.members.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        for item in &self.kindless {
            files.element(&api_version, &kind, item);
        }
        if !kind.ends_with("List") {
            files.document(&Json::Object(self.members));
        }
    }
}

/// The words of an error without its place, which is told before them.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

fn count_lines(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count()
}
