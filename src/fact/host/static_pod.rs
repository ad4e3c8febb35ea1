//! Static pods: the manifests that the kubelet runs without an API server.
//!
//! Every file of the folder that does not begin with a dot is one, whatever
//! its name: a backup beside the original is run too,
//! <https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/>.

use super::document::{self, Node};
use super::root::{FileKind, HostRoot, Outcome};
use crate::fact::{Facts, Source};

/// kubeadm's folder, looked at where the kubelet names none.
const KUBEADM_FOLDER: &str = "/etc/kubernetes/manifests";

/// A container of a static pod.
#[derive(Clone, Debug)]
pub(super) struct Container {
    /// File that it stands in.
    pub(super) path: String,
    /// Name of its pod.
    pub(super) pod: String,
    /// Image, with the line that it stands on.
    pub(super) image: Option<(String, Source)>,
    /// Command and arguments, each with its line.
    pub(super) command: Vec<(String, Source)>,
}

/// A manifest that could not be read.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    pub(super) path: String,
    pub(super) reason: String,
}

/// The static pods of this host.
#[derive(Clone, Debug, Default)]
pub(super) struct StaticPods {
    pub(super) containers: Vec<Container>,
    pub(super) broken: Vec<Broken>,
}

/// Reads the folder that the kubelet names, or kubeadm's. Absent: there is no
/// such folder.
pub(super) fn read_static_pods(root: &HostRoot, facts: &Facts) -> Outcome<StaticPods> {
    let path = facts.text("kubelet.static_pod_path").unwrap_or(KUBEADM_FOLDER).trim_end_matches('/');
    let kind = match root.metadata(path) {
        Outcome::Found(found) => found.kind,
        Outcome::Absent => return Outcome::Absent,
        Outcome::Unreadable(why) => return Outcome::Unreadable(why),
    };
    let paths = if kind == FileKind::Folder {
        match root.read_folder(path) {
            Outcome::Found(names) => {
                names.iter().filter(|name| !name.starts_with('.')).map(|name| format!("{path}/{name}")).collect()
            }
            Outcome::Absent => return Outcome::Absent,
            Outcome::Unreadable(why) => return Outcome::Unreadable(why),
        }
    } else {
        vec![path.to_owned()]
    };
    let mut pods = StaticPods::default();
    for path in paths {
        read_manifest(root, path, &mut pods);
    }
    Outcome::Found(pods)
}

fn read_manifest(root: &HostRoot, path: String, pods: &mut StaticPods) {
    // Folders within are not read by the kubelet.
    if matches!(root.metadata(&path), Outcome::Found(found) if found.kind == FileKind::Folder) {
        return;
    }
    let parsed = match root.read_text(&path) {
        Outcome::Found(text) => parse_pod(&text, &path).map_err(|why| format!("read {path}: {why}")),
        Outcome::Absent => return,
        Outcome::Unreadable(why) => Err(why),
    };
    match parsed {
        Ok(containers) => pods.containers.extend(containers),
        Err(reason) => pods.broken.push(Broken { path, reason }),
    }
}

/// The containers of a manifest; none where it is not a Pod.
pub(super) fn parse_pod(text: &str, path: &str) -> Result<Vec<Container>, String> {
    let documents = document::parse_yaml(text).map_err(|error| error.to_string())?;
    let mut containers = Vec::new();
    for pod in documents.iter().filter(|document| document.get("kind").and_then(Node::text) == Some("Pod")) {
        let name = pod.at(&["metadata", "name"]).and_then(Node::text).unwrap_or_default();
        for container in pod.at(&["spec", "containers"]).map(Node::list).unwrap_or_default() {
            let place = |node: &Node| Source::line(path, node.line);
            let text = |node: &Node| node.text().map(|text| (text.to_owned(), place(node)));
            let words = |key: &str| container.get(key).map(Node::list).unwrap_or_default().iter().filter_map(text);
            containers.push(Container {
                path: path.to_owned(),
                pod: name.to_owned(),
                image: container.get("image").and_then(text),
                command: split_shell(words("command").chain(words("args")).collect()),
            });
        }
    }
    Ok(containers)
}

impl Container {
    /// The Kubernetes component or etcd that it runs, by its program, else by
    /// its image: RKE2 starts some of them by arguments alone.
    pub(super) fn component(&self) -> Option<&'static str> {
        let mut words = self.command.iter().map(|(word, _)| word.rsplit('/').next().unwrap_or(word));
        let program = words.find_map(|word| COMPONENTS.iter().find(|component| **component == word));
        let image = self.image.as_ref().map(|(image, _)| image.split(['@', ':']).next().unwrap_or(image));
        let by_image = || {
            let name = image?.rsplit('/').next()?;
            COMPONENTS.iter().find(|component| **component == name)
        };
        let by_pod = || {
            let is_flags = self.command.first().is_some_and(|(word, _)| word.starts_with('-'));
            COMPONENTS.iter().find(|component| is_flags && **component == self.pod)
        };
        program.or_else(by_image).or_else(by_pod).copied()
    }
}

/// The programs of the control plane, and etcd.
const COMPONENTS: &[&str] =
    &["kube-apiserver", "kube-controller-manager", "kube-scheduler", "cloud-controller-manager", "etcd"];

/// What `sh -c` runs, split at its spaces, the line kept.
fn split_shell(command: Vec<(String, Source)>) -> Vec<(String, Source)> {
    let is_shell = command.first().is_some_and(|(word, _)| word.ends_with("/sh") || word == "sh" || word == "bash");
    if !is_shell {
        return command;
    }
    let split = |(text, source): (String, Source)| -> Vec<(String, Source)> {
        text.split_whitespace().map(|word| (word.to_owned(), source.clone())).collect()
    };
    command.into_iter().flat_map(split).collect()
}
