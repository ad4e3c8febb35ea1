//! The kubelet's configuration file and its drop-in folder.
//!
//! `--config` names a `KubeletConfiguration` as YAML or JSON. `--config-dir`
//! names a folder whose `*.conf` files, in lexical order of the walk, patch it
//! by RFC 7386: maps are merged, lists and scalars replaced, null deletes:
//! <https://kubernetes.io/docs/tasks/administer-cluster/kubelet-config-file/>.

use crate::fact::Source;
use crate::fact::host::document::{self, Node, NodeValue};
use crate::fact::host::root::{HostRoot, Outcome};

/// The group and version that every kubelet reads. `v1alpha1` holds
/// credential providers; a KubeletConfiguration of it never existed.
const API_VERSION: &str = "kubelet.config.k8s.io/v1beta1";

/// How deep a drop-in folder is walked.
const DROP_IN_DEPTH: usize = 8;

/// One document of the configuration.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) path: String,
    pub(super) document: Node,
}

/// The file and its drop-ins, later ones winning.
#[derive(Clone, Debug, Default)]
pub(super) struct Config {
    pub(super) layers: Vec<Layer>,
}

impl Config {
    /// The value at a path and the file that it stands in, as merging all
    /// layers would give it; none where it is unset, null included.
    pub(super) fn at(&self, path: &[&str]) -> Option<(&Node, Source)> {
        for layer in self.layers.iter().rev() {
            match find(&layer.document, path) {
                Found::Here(node) => return Some((node, Source::line(&layer.path, node.line))),
                Found::Deleted => return None,
                Found::NotMentioned => {}
            }
        }
        None
    }

    /// The members of a map, merged key by key, in the order of their names.
    pub(super) fn members(&self, path: &[&str]) -> Vec<(String, &Node, Source)> {
        let mut names: Vec<&str> = Vec::new();
        for layer in &self.layers {
            if let Some(map) = layer.document.at(path) {
                names.extend(map.members().iter().map(|(name, _)| name.as_str()));
            }
        }
        names.sort_unstable();
        names.dedup();
        let mut members = Vec::new();
        for name in names {
            let full: Vec<&str> = path.iter().copied().chain([name]).collect();
            if let Some((node, source)) = self.at(&full) {
                members.push((name.to_owned(), node, source));
            }
        }
        members
    }
}

enum Found<'a> {
    Here(&'a Node),
    Deleted,
    NotMentioned,
}

fn find<'a>(document: &'a Node, path: &[&str]) -> Found<'a> {
    let mut node = document;
    for name in path {
        match &node.value {
            NodeValue::Map(_) => match node.get(name) {
                Some(member) => node = member,
                None => return Found::NotMentioned,
            },
            _ => return Found::Deleted,
        }
    }
    if node.value == NodeValue::Null { Found::Deleted } else { Found::Here(node) }
}

/// Reads the file and, where there is one, its drop-in folder. The error is
/// the reason why the kubelet's settings cannot be known.
pub(super) fn read_config(root: &HostRoot, path: Option<&str>, folder: Option<&str>) -> Result<Config, String> {
    let mut config = Config::default();
    if let Some(path) = path {
        match root.read_text(path) {
            Outcome::Found(text) => {
                let document = parse_config(&text).map_err(|why| format!("read {path}: {why}"))?;
                config.layers.push(Layer { path: path.to_owned(), document });
            }
            Outcome::Absent => return Err(format!("read {path}: no such file")),
            Outcome::Unreadable(why) => return Err(why),
        }
    }
    if let Some(folder) = folder {
        config.layers.extend(read_drop_ins(root, folder)?);
    }
    Ok(config)
}

fn read_drop_ins(root: &HostRoot, folder: &str) -> Result<Vec<Layer>, String> {
    let mut paths = match root.walk(folder, DROP_IN_DEPTH) {
        Outcome::Found(paths) => paths,
        // The kubelet creates no folder and does without one.
        Outcome::Absent => return Ok(Vec::new()),
        Outcome::Unreadable(why) => return Err(why),
    };
    paths.retain(|path| path.ends_with(".conf"));
    // The kubelet walks folder by folder, so it sorts by name, not by path.
    paths.sort_by(|left, right| left.split('/').cmp(right.split('/')));
    let mut layers = Vec::new();
    for path in paths {
        match root.read_text(&path) {
            Outcome::Found(text) => {
                let document = parse_drop_in(&text).map_err(|why| format!("read {path}: {why}"))?;
                layers.push(Layer { path, document });
            }
            Outcome::Absent => {}
            Outcome::Unreadable(why) => return Err(why),
        }
    }
    Ok(layers)
}

/// Parses the file that `--config` names. One that does not say what it is is
/// taken for what the flag says; one that says something else is refused.
pub(super) fn parse_config(text: &str) -> Result<Node, String> {
    let document = only_document(text)?;
    check_kind(&document, false)?;
    Ok(document)
}

/// Parses a drop-in: each has to name its kind, or the kubelet does not start.
pub(super) fn parse_drop_in(text: &str) -> Result<Node, String> {
    let document = only_document(text)?;
    check_kind(&document, true)?;
    Ok(document)
}

fn only_document(text: &str) -> Result<Node, String> {
    let documents = document::parse_yaml(text).map_err(|error| error.to_string())?;
    let mut documents = documents.into_iter().filter(|document| document.value != NodeValue::Null);
    match documents.next() {
        Some(document) if matches!(document.value, NodeValue::Map(_)) => Ok(document),
        Some(document) => Err(format!("line {}: it holds no KubeletConfiguration", document.line)),
        None => Err("it is empty, which no kubelet accepts".to_owned()),
    }
}

fn check_kind(document: &Node, is_required: bool) -> Result<(), String> {
    for (key, expected) in [("apiVersion", API_VERSION), ("kind", "KubeletConfiguration")] {
        match document.get(key) {
            Some(node) if node.text() == Some(expected) => {}
            Some(node) => {
                let found = node.text().unwrap_or("not text");
                return Err(format!("line {}: {key} is {found:?}, and no kubelet knows it", node.line));
            }
            None if is_required => return Err(format!("{key} is missing, which no kubelet accepts in a drop-in")),
            None => {}
        }
    }
    Ok(())
}
