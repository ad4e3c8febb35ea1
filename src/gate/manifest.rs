//! Manifests of a checkout: YAML or JSON files whose documents are objects as
//! they will be applied.
//!
//! Files that hold no object are passed over: a checkout has many. A file that
//! would hold one and cannot be parsed is a fault, unless it is a template,
//! which is counted: it only becomes a manifest when it is rendered.

use super::workload::Workloads;
use crate::fact::cluster::api::usage::{self, Origin};
use crate::fact::{Fact, Facts, Json, Source};

/// What the files of a checkout say of APIs and workloads.
#[derive(Debug, Default)]
pub struct Manifests {
    objects: Vec<Fact>,
    workloads: Workloads,
    /// How many objects were read.
    pub read: usize,
    /// How many files are templates, which were not judged.
    pub templates: usize,
    /// Documents that could not be parsed, each with file, line and cause.
    pub faults: Vec<String>,
}

/// How many levels of `List`s in `List`s are followed.
const MAX_NESTING: usize = 8;

/// Where a document stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The file, as it was named.
    pub(super) file: &'a str,
    /// The document's first line.
    pub(super) line: usize,
    /// Its text.
    pub(super) text: &'a str,
}

impl Manifests {
    /// Takes one file, by the name that the user knows it by.
    pub fn file(&mut self, name: &str, text: &str) {
        let mut is_template = false;
        for (line, document) in documents(text) {
            match parse(document) {
                Ok(parsed) => {
                    let place = Place { file: name, line, text: document };
                    for json in &parsed {
                        self.object(place, json, 0);
                    }
                }
                Err(_) if !is_manifest(document) => {}
                Err(_) if document.contains("{{") || document.contains("{%") => is_template = true,
                Err(error) => {
                    let cause = error.lines().next().unwrap_or_default().to_owned();
                    self.faults.push(format!("read {name}:{line}: {cause}"));
                }
            }
        }
        self.templates += usize::from(is_template);
    }

    fn object(&mut self, place: Place<'_>, json: &Json, depth: usize) {
        let text = |key: &str| json.get(key).and_then(Json::as_str);
        let (Some(api_version), Some(kind)) = (text("apiVersion"), text("kind")) else { return };
        let items = json.get("items").and_then(Json::as_array).filter(|_| kind.ends_with("List"));
        if let Some(items) = items.filter(|_| depth < MAX_NESTING) {
            for item in items {
                self.object(place, item, depth + 1);
            }
            return;
        }
        self.read += 1;
        let line = place.line_of(|line| line.contains("apiVersion") && line.contains(api_version));
        self.objects.extend(usage::read(json, Origin::Manifest { file: place.file, line }));
        self.workloads.object(place, api_version, json);
    }

    /// The objects that use an API with an end, and the facts of workloads. A
    /// document that could not be parsed is an element that could not be read
    /// in every list.
    pub fn finish(self) -> (Fact, Facts) {
        let mut objects = self.objects;
        let fault = |reason: &String| Fact::unreadable(Source::default_of("--manifests"), reason.clone());
        objects.extend(self.faults.iter().map(fault));
        (Fact::group(objects), self.workloads.finish(&self.faults))
    }
}

impl Place<'_> {
    /// The line of the file that is told by something; the document's first
    /// where none is.
    pub(super) fn line_of(&self, is_told: impl Fn(&str) -> bool) -> u32 {
        let offset = self.text.lines().position(is_told).unwrap_or(0);
        u32::try_from(self.line + offset).unwrap_or(u32::MAX)
    }
}

/// The documents of a stream, each with the number of its first line.
fn documents(text: &str) -> Vec<(usize, &str)> {
    let mut documents = Vec::new();
    let (mut start, mut first_line, mut at) = (0, 1, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let is_separator =
            line.strip_prefix("---").is_some_and(|rest| rest.starts_with([' ', '\t', '\r', '\n']) || rest.is_empty());
        if is_separator {
            documents.push((first_line, text.get(start..at).unwrap_or_default()));
            (start, first_line) = (at, number + 1);
        }
        at += line.len();
    }
    documents.push((first_line, text.get(start..).unwrap_or_default()));
    documents
}

fn parse(document: &str) -> Result<Vec<Json>, String> {
    if document.trim_start().starts_with(['{', '[']) && !document.trim_start().starts_with("{{") {
        let stream = serde_json::Deserializer::from_str(document).into_iter::<Json>();
        if let Ok(values) = stream.collect::<Result<Vec<_>, _>>() {
            return Ok(values);
        }
    }
    serde_saphyr::from_multiple::<Json>(document).map_err(|error| error.to_string())
}

/// Whether a text that cannot be parsed means to be an object.
fn is_manifest(document: &str) -> bool {
    let has = |key: &str| {
        document.lines().any(|line| {
            let line = line.trim_start_matches([' ', '-', '{', '"', '\'']);
            line.strip_prefix(key).is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
        })
    };
    has("apiVersion") && has("kind")
}

#[cfg(test)]
mod tests {
    use super::*;

    const INGRESS: &str = "apiVersion: networking.k8s.io/v1beta1\nkind: Ingress\nmetadata:\n  name: web\n";

    fn read(text: &str) -> Manifests {
        let mut manifests = Manifests::default();
        manifests.file("web.yaml", text);
        manifests
    }

    fn places(manifests: Manifests) -> Vec<String> {
        let (fact, _) = manifests.finish();
        let place = |element: &Fact| {
            let written = element.member("uses").and_then(Fact::list)?.first()?.member("api_version")?;
            match written.source()? {
                Source::File { path, line } => Some(format!("{path}:{}", line.unwrap_or(0))),
                _ => None,
            }
        };
        fact.list().unwrap_or_default().iter().filter_map(place).collect()
    }

    #[test]
    fn every_document_has_its_own_line() {
        let text = format!("# a comment\n{INGRESS}---\nkind: Deployment\napiVersion: apps/v1\n---\n{INGRESS}");
        let manifests = read(&text);
        assert_eq!(manifests.read, 3);
        assert_eq!(places(manifests), ["web.yaml:2", "web.yaml:10"]);
    }

    #[test]
    fn lists_and_json_are_read_as_well() {
        let list = r#"{"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": {"name": "x"}}]}"#;
        assert_eq!(places(read(list)), ["web.yaml:2"]);
    }

    #[test]
    fn a_template_is_counted_and_another_broken_file_is_a_fault() {
        let template = "apiVersion: {{ .Values.api }}\nkind: Ingress\n{{- if .x }}\nmetadata: {}\n{{ end }}\n";
        let manifests = read(template);
        assert_eq!((manifests.templates, manifests.faults.len()), (1, 0));
        let broken = read("apiVersion: v1\nkind: Pod\n  bad: [\n");
        assert_eq!((broken.templates, broken.faults.len()), (0, 1));
        let (objects, workloads) = broken.finish();
        for list in [Some(&objects), workloads.get("workloads")] {
            assert!(matches!(list.and_then(Fact::list), Some([Fact::Unreadable { .. }])), "{list:?}");
        }
    }

    #[test]
    fn what_is_no_object_is_passed_over() {
        for text in ["", "---\n", "image: {{ x }}\n", "a: [\n", "name: CI\non: push\n", "!tag {x: 1}\n", "- 1\n- 2\n"] {
            let manifests = read(text);
            assert_eq!((manifests.read, manifests.templates, manifests.faults.len()), (0, 0, 0), "{text}");
        }
    }
}
