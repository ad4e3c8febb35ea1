//! The workloads, volumes and classes of manifests, as facts: by the same
//! collectors that see those of a cluster.
//!
//! A checkout often holds one object several times, for its environments: each
//! is judged. Where a fact was read is told by file and line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::manifest::Place;
use crate::fact::cluster::{Collection, Listing};
use crate::fact::{Fact, Facts, Json, ObjectReference, Source, Value};

/// Facts that manifests tell.
const TOLD: &[&str] =
    &["workloads", "in_tree_volumes", "master_uses", "provisioners", "zoned_cron_jobs", "unready_services"];

/// Kinds of which a checkout need not hold those that the cluster has.
const ELSEWHERE: [&str; 2] = ["CSIDriver", "CSINode"];

/// Kind, namespace and name.
type Key = (String, String, String);

/// What manifests hold.
#[derive(Debug, Default)]
pub(super) struct Workloads {
    layers: Vec<Layer>,
    elsewhere: Vec<Json>,
}

/// Objects of which none is there twice.
struct Layer {
    collection: Collection,
    places: BTreeMap<Key, (String, usize, String)>,
}

impl fmt::Debug for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Layer").field("places", &self.places).finish_non_exhaustive()
    }
}

impl Layer {
    fn new() -> Self {
        let wanted: BTreeSet<String> = TOLD.iter().map(|path| (*path).to_owned()).collect();
        Layer { collection: Collection::new(&wanted), places: BTreeMap::new() }
    }

    /// Where a fact stands in a file: the line that holds its value, else the
    /// last key of its path, else that of the object.
    fn located(&self, reference: &ObjectReference, path: &str, value: Option<&Value>) -> Option<Source> {
        let key = (reference.kind.clone(), reference.namespace.clone().unwrap_or_default(), reference.name.clone());
        let (file, line, text) = self.places.get(&key)?;
        let place = Place { file, line: *line, text };
        let text_of = value.and_then(|value| if let Value::Text(text) = value { Some(text.as_str()) } else { None });
        let key = path.rsplit('.').next().and_then(|last| last.split('[').next());
        let marks = [text_of.filter(|text| text.len() > 3), key.filter(|key| !key.is_empty()), Some("apiVersion")];
        let mark = marks.into_iter().flatten().find(|mark| text.contains(mark))?;
        Some(Source::line(place.file, place.line_of(|line| line.contains(mark))))
    }

    /// Puts files and lines in the place of objects.
    fn locate(&self, fact: &mut Fact) {
        let place = match fact {
            Fact::Known { source: Some(Source::Object { object, path }), value } => {
                self.located(object, path, Some(value))
            }
            Fact::Absent { source: Some(Source::Object { object, path }) }
            | Fact::Unreadable { source: Some(Source::Object { object, path }), .. } => {
                self.located(object, path, None)
            }
            _ => None,
        };
        match fact {
            Fact::Known { source, value } => {
                *source = place.or(source.take());
                if let Value::Twin(twin) = value {
                    *value = Value::Map(twin.to_map());
                }
                match value {
                    Value::List(elements) => elements.iter_mut().for_each(|element| self.locate(element)),
                    Value::Map(members) => members.values_mut().for_each(|member| self.locate(member)),
                    _ => {}
                }
            }
            Fact::Absent { source } | Fact::Unreadable { source, .. } => *source = place.or(source.take()),
        }
    }
}

impl Workloads {
    /// Takes one object.
    pub(super) fn object(&mut self, place: Place<'_>, api_version: &str, json: &Json) {
        let text = |pointer: &str| json.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
        let key = (text("/kind"), text("/metadata/namespace"), text("/metadata/name"));
        if ELSEWHERE.contains(&key.0.as_str()) {
            self.elsewhere.push(json.clone());
            return;
        }
        // The kinds of apps/v1 began there.
        let api_version = if api_version == "extensions/v1beta1" { "apps/v1" } else { api_version };
        let free = self.layers.iter().position(|layer| !layer.places.contains_key(&key));
        let at = free.unwrap_or_else(|| {
            self.layers.push(Layer::new());
            self.layers.len() - 1
        });
        if let Some(layer) = self.layers.get_mut(at)
            && layer.collection.take(api_version, json)
        {
            layer.places.insert(key, (place.file.to_owned(), place.line, place.text.to_owned()));
        }
    }

    /// The facts; `faults` are documents that may have held more.
    pub(super) fn finish(mut self, faults: &[String]) -> Facts {
        if self.layers.is_empty() {
            self.layers.push(Layer::new());
        }
        let mut lists: BTreeMap<&str, Vec<Fact>> = BTreeMap::new();
        for layer in &self.layers {
            let mut told: Vec<&str> = Vec::new();
            for json in &self.elsewhere {
                layer.collection.take(json.get("apiVersion").and_then(Json::as_str).unwrap_or_default(), json);
                told.extend(json.get("kind").and_then(Json::as_str));
            }
            for request in layer.collection.requests() {
                let kind = request.resource().map_or("", |resource| resource.kind);
                let is_told = !ELSEWHERE.contains(&kind) || told.contains(&kind);
                let ended = if is_told { Listing::Complete } else { Listing::NotRecorded("--manifests".to_owned()) };
                layer.collection.end(request, ended);
            }
            let mut facts = layer.collection.facts("it was not read");
            for path in TOLD {
                let Some(fact) = facts.get_mut(path) else { continue };
                layer.locate(fact);
                if let Fact::Known { value: Value::List(elements), .. } = fact {
                    lists.entry(path).or_default().append(elements);
                }
            }
        }
        let mut facts = Facts::default();
        for path in TOLD {
            let mut elements = lists.remove(path).unwrap_or_default();
            let fault = |reason: &String| Fact::unreadable(Source::default_of("--manifests"), reason.clone());
            elements.extend(faults.iter().map(fault));
            facts.set(path, Fact::group(elements));
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::manifest::Manifests;

    fn workloads(files: &[(&str, &str)]) -> Vec<String> {
        let mut manifests = Manifests::default();
        for (name, text) in files {
            manifests.file(name, text);
        }
        let (_, facts) = manifests.finish();
        let image = |workload: &Fact| {
            let image = workload.member("images")?.list()?.first()?.member("name")?;
            match image.source()? {
                Source::File { path, line } => Some(format!("{path}:{} {}", line.unwrap_or(0), image.text()?)),
                _ => None,
            }
        };
        facts.get("workloads").and_then(Fact::list).unwrap_or_default().iter().filter_map(image).collect()
    }

    const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
        - name: web
          image: k8s.gcr.io/web:1
";

    #[test]
    fn an_image_is_told_by_its_line_and_every_copy_of_an_object_is_seen() {
        let files = [("a.yaml", DEPLOYMENT), ("b.yaml", &DEPLOYMENT.replace("web:1", "web:2"))];
        assert_eq!(workloads(&files), ["a.yaml:9 k8s.gcr.io/web:1", "b.yaml:9 k8s.gcr.io/web:2"]);
    }

    #[test]
    fn every_kind_with_a_pod_template_is_seen() {
        let spec = |path: &str| {
            let pod = "{containers: [{name: a, image: registry.example.org/a}]}";
            path.rsplit('.').fold(pod.to_owned(), |inner, key| format!("{{{key}: {inner}}}"))
        };
        for (api, kind, path) in [
            ("v1", "Pod", "spec"),
            ("apps/v1", "ReplicaSet", "spec.template.spec"),
            ("apps/v1", "StatefulSet", "spec.template.spec"),
            ("apps/v1", "DaemonSet", "spec.template.spec"),
            ("extensions/v1beta1", "Deployment", "spec.template.spec"),
            ("batch/v1", "Job", "spec.template.spec"),
            ("batch/v1beta1", "CronJob", "spec.jobTemplate.spec.template.spec"),
        ] {
            let text = spec(path);
            let text =
                format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: a}}\n{}\n", &text[1..text.len() - 1]);
            assert_eq!(workloads(&[("a.yaml", &text)]), ["a.yaml:4 registry.example.org/a"], "{kind}");
        }
    }

    #[test]
    fn whether_a_driver_is_installed_a_checkout_need_not_tell() {
        let class = "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: a}\nprovisioner: kubernetes.io/aws-ebs\n";
        let driver = "apiVersion: storage.k8s.io/v1\nkind: CSIDriver\nmetadata: {name: ebs.csi.aws.com}\n";
        let has_driver = |files: &[&str]| {
            let mut manifests = Manifests::default();
            for text in files {
                manifests.file("a.yaml", text);
            }
            let (_, facts) = manifests.finish();
            facts.get("in_tree_volumes").and_then(Fact::list).unwrap()[0].member("has_driver").cloned().unwrap()
        };
        assert!(matches!(has_driver(&[class]), Fact::Unreadable { .. }));
        assert_eq!(has_driver(&[class, driver]).bool(), Some(true));
    }
}
