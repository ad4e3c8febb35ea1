//! Objects from files: YAML or JSON, single objects, documents of one stream,
//! `List`s of all kinds, what `kubectl cluster-info dump` writes; gzip too.
//!
//! Files are read as streams: one object is held at a time. A broken document
//! is a fault with its file and line; the others are still seen, and of the
//! kinds that it may have held not everything is known.

mod json;
mod open;
mod yaml;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};

use super::{Collection, Listing, Request, What};
use crate::fact::Json;
use open::Content;

/// A document that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file, as it was named.
    pub file: String,
    /// Line, counted from 1, where it is known.
    pub line: Option<u64>,
    /// What is wrong.
    pub message: String,
    /// The kinds of objects that it names; none where it shows none.
    pub kinds: Vec<String>,
}

impl Fault {
    /// `FILE:LINE: MESSAGE`
    pub fn text(&self) -> String {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{}{line}: {}", self.file, self.message)
    }

    fn may_hold(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|own| own.trim_end_matches("List") == kind)
    }
}

/// What the files held.
#[derive(Debug)]
pub struct Held {
    /// Objects, each counted once.
    pub objects: u64,
    /// Bytes, as they lie in the files.
    pub bytes: u64,
    /// Documents that could not be read.
    pub faults: Vec<Fault>,
}

/// Objects of files on their way to the collectors.
pub struct Files<'c> {
    collection: &'c Collection,
    seen: Vec<bool>,
    faults: Vec<Fault>,
    inputs: Vec<String>,
    /// Objects that were seen, by a hash of their identity: folders may hold
    /// one twice.
    known: HashSet<u64>,
    bytes: u64,
}

impl<'c> Files<'c> {
    /// Nothing read yet.
    pub fn new(collection: &'c Collection) -> Self {
        let seen = vec![false; collection.requests().len()];
        Files { collection, seen, faults: Vec::new(), inputs: Vec::new(), known: HashSet::new(), bytes: 0 }
    }

    /// Names an input, for the reasons of what the files do not hold.
    pub fn add_input(&mut self, name: &str) {
        self.inputs.push(name.to_owned());
    }

    /// Takes one text, which is its own input.
    pub fn read(&mut self, name: &str, text: &str) {
        self.add_input(name);
        // Reading from memory cannot fail.
        let _ = self.read_from(name, text.as_bytes());
    }

    /// Takes one file.
    ///
    /// # Errors
    /// When it cannot be read; what is wrong with its text is a fault.
    pub fn read_from(&mut self, name: &str, reader: impl Read) -> io::Result<()> {
        self.read_as(name, reader, true)
    }

    /// Takes one file of a folder that need not hold objects, such as a log:
    /// metrics and recorded versions are known by their beginning.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_if_known(&mut self, name: &str, reader: impl Read) -> io::Result<()> {
        self.read_as(name, reader, false)
    }

    fn read_as(&mut self, name: &str, reader: impl Read, are_objects: bool) -> io::Result<()> {
        let (mut reader, content) = open::open(reader)?;
        let ended = match content {
            Content::Metrics => open::read_metrics(&mut reader).map(|text| {
                self.give(|request| request.what == What::Path("/metrics"), &Json::from(text));
            }),
            Content::Empty => Ok(()),
            Content::Json if are_objects => json::read(self, name, &mut reader),
            Content::Yaml if are_objects => yaml::read(self, name, &mut reader),
            Content::Json | Content::Yaml => Ok(()),
        };
        self.bytes += reader.bytes();
        match ended {
            // Broken compression, or a limit: a fault of the file's content.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput
                ) =>
            {
                self.fault(name, None, error.to_string(), Vec::new());
                Ok(())
            }
            ended => ended,
        }
    }

    fn fault(&mut self, file: &str, line: Option<u64>, message: String, kinds: Vec<String>) {
        self.faults.push(Fault { file: file.to_owned(), line, message, kinds });
    }

    /// Takes a whole document: an object, a list, or a version.
    fn document(&mut self, document: &Json) {
        let text = |key: &str| document.get(key).and_then(Json::as_str).unwrap_or_default();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        if kind.is_empty() {
            // `kubectl version` wraps what `/version` answers.
            let version = document.get("serverVersion").unwrap_or(document);
            if version.get("gitVersion").is_some() {
                self.give(|request| request.what == What::Path("/version"), version);
            }
            return;
        }
        match document.get("items").and_then(Json::as_array).filter(|_| kind.ends_with("List")) {
            Some(items) => items.iter().for_each(|item| self.element(api_version, kind, item)),
            None => self.object(api_version, kind, document),
        }
    }

    /// Takes an element of a list, which need not say what it is.
    fn element(&mut self, api_version: &str, list: &str, item: &Json) {
        let own = |key: &str| item.get(key).and_then(Json::as_str);
        if let (Some(api_version), Some(kind)) = (own("apiVersion"), own("kind")) {
            if kind.ends_with("List") && item.get("items").is_some() {
                return self.document(item);
            }
            return self.object(api_version, kind, item);
        }
        if let Json::Object(members) = item {
            // The API server itself leaves out what the list says.
            let mut members = members.clone();
            members.insert_missing("apiVersion", api_version);
            members.insert_missing("kind", list.trim_end_matches("List"));
            let json = Json::Object(members);
            let own = |key: &str| json.get(key).and_then(Json::as_str).unwrap_or_default();
            self.object(own("apiVersion"), own("kind"), &json);
        }
    }

    fn object(&mut self, api_version: &str, kind: &str, json: &Json) {
        let text = |pointer: &str| json.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
        let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
        if kind.is_empty() || !self.known.insert(identity(api_version, kind, namespace, name)) {
            return;
        }
        let fits = |request: &Request| match request.what {
            What::Objects(resource, scope) => resource.is(api_version, kind) && scope.holds(namespace, name),
            What::ObjectsOfFiles => true,
            What::Path(_) => false,
        };
        self.give(fits, json);
    }

    fn give(&mut self, fits: impl Fn(&Request) -> bool, json: &Json) {
        for (request, seen) in self.collection.requests().iter().zip(&mut self.seen) {
            if fits(request) {
                *seen = true;
                self.collection.see(request, json);
            }
        }
    }

    /// Says what the files held: how many objects, and the faults of their
    /// documents.
    pub fn finish(self) -> (usize, Vec<Fault>) {
        let held = self.end();
        (usize::try_from(held.objects).unwrap_or(usize::MAX), held.faults)
    }

    /// Says what the files held.
    pub fn end(self) -> Held {
        let inputs = self.inputs.join(", ");
        for (request, seen) in self.collection.requests().iter().zip(&self.seen) {
            let kind = request.resource().map_or("", |resource| resource.kind);
            let shown = self.faults.iter().find(|fault| !fault.kinds.is_empty() && fault.may_hold(kind));
            let any = self.faults.iter().find(|fault| fault.may_hold(kind));
            match (seen, shown, any) {
                (true, Some(fault), _) if !kind.is_empty() => {
                    self.collection.end_partly(request, format!("read {}", fault.text()));
                }
                (true, ..) => self.collection.end(request, Listing::Complete),
                (false, _, Some(fault)) => {
                    self.collection.end(request, Listing::Unreadable(format!("read {}", fault.text())));
                }
                (false, ..) => self.collection.end(request, Listing::NotRecorded(inputs.clone())),
            }
        }
        let objects = u64::try_from(self.known.len()).unwrap_or(u64::MAX);
        Held { objects, bytes: self.bytes, faults: self.faults }
    }
}

fn identity(api_version: &str, kind: &str, namespace: &str, name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (api_version, kind, namespace, name).hash(&mut hasher);
    hasher.finish()
}

/// The kinds that a broken text names: those of its objects, and perhaps of
/// what these refer to.
fn kinds_of(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let mut kinds: Vec<String> = text
        .match_indices("kind")
        .filter_map(|(at, _)| {
            let rest = text.get(at + 4..)?.trim_start_matches('"').trim_start().strip_prefix(':')?;
            let rest = rest.trim_start().trim_start_matches(['"', '\'']);
            let kind: String = rest.chars().take_while(char::is_ascii_alphanumeric).take(64).collect();
            kind.starts_with(|first: char| first.is_ascii_uppercase()).then_some(kind)
        })
        .filter(|kind| kind != "List")
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

#[cfg(test)]
mod tests;
