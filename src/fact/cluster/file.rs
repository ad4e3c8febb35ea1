//! Objects from files: YAML or JSON, single objects, documents of one stream,
//! and `List`s.
//!
//! A broken document is a fault with its file and line; the others are still
//! seen.

use serde_json::Value as Json;

use super::{Collection, Listing, Request, What};

/// A document that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file, as it was named.
    pub file: String,
    /// Line, counted from 1, where it is known.
    pub line: Option<u64>,
    /// What is wrong.
    pub message: String,
}

/// Objects of files on their way to the collectors.
pub struct Files<'c> {
    collection: &'c Collection,
    seen: Vec<bool>,
    faults: Vec<Fault>,
    names: Vec<String>,
    objects: usize,
}

impl<'c> Files<'c> {
    /// Nothing read yet.
    pub fn new(collection: &'c Collection) -> Self {
        let seen = vec![false; collection.requests().len()];
        Files { collection, seen, faults: Vec::new(), names: Vec::new(), objects: 0 }
    }

    /// Takes one file: JSON, or YAML of one or more documents.
    pub fn read(&mut self, name: &str, text: &str) {
        self.names.push(name.to_owned());
        if text.trim_start().starts_with(['{', '[']) {
            for document in serde_json::Deserializer::from_str(text).into_iter::<Json>() {
                match document {
                    Ok(document) => self.document(&document),
                    Err(error) => {
                        let line = u64::try_from(error.line()).ok();
                        self.faults.push(Fault { file: name.to_owned(), line, message: error.to_string() });
                        break;
                    }
                }
            }
            return;
        }
        match serde_saphyr::from_multiple::<Json>(text) {
            Ok(documents) => documents.iter().for_each(|document| self.document(document)),
            Err(error) => self.faults.push(Fault { file: name.to_owned(), line: None, message: error.to_string() }),
        }
    }

    fn document(&mut self, document: &Json) {
        let text = |key: &str| document.get(key).and_then(Json::as_str).unwrap_or_default();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        if let Some(items) = document.get("items").and_then(Json::as_array).filter(|_| kind.ends_with("List")) {
            let of_list = kind.trim_end_matches("List");
            for item in items {
                let own = |key: &str| item.get(key).and_then(Json::as_str);
                if let (Some(api_version), Some(kind)) = (own("apiVersion"), own("kind")) {
                    self.object(api_version, kind, item);
                } else if let Json::Object(members) = item {
                    // The API server itself leaves out what the list says.
                    let mut members = members.clone();
                    members.entry("apiVersion").or_insert_with(|| api_version.into());
                    members.entry("kind").or_insert_with(|| of_list.into());
                    self.document(&Json::Object(members));
                }
            }
            return;
        }
        if kind.is_empty() && document.get("gitVersion").is_some() {
            self.give(|request| request.what == What::Path("/version"), document);
            return;
        }
        self.object(api_version, kind, document);
    }

    fn object(&mut self, api_version: &str, kind: &str, json: &Json) {
        self.objects += 1;
        let text = |pointer: &str| json.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
        let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
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

    /// Says what the files held, and gives the faults of their documents.
    pub fn finish(self) -> (usize, Vec<Fault>) {
        let names = self.names.join(", ");
        for (request, seen) in self.collection.requests().iter().zip(&self.seen) {
            let listing = match (seen, self.faults.first()) {
                // What a broken document held is not known.
                (_, Some(fault)) => {
                    let line = fault.line.map(|line| format!(":{line}")).unwrap_or_default();
                    Listing::Unreadable(format!("read {}{line}: {}", fault.file, fault.message))
                }
                (true, None) => Listing::Complete,
                (false, None) => Listing::NotRecorded(names.clone()),
            };
            self.collection.end(request, listing);
        }
        (self.objects, self.faults)
    }
}
