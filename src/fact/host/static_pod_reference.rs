//! Static pods that refer to objects of the API: Secrets, config maps, service
//! accounts, claims ([`crate::fact::pod_reference`]).
//!
//! Source: the files of the static pod folder, as the kubelet runs them.
//! Absent: there is no such folder. Unreadable: the folder, or one of its
//! files, could not be read.

use std::collections::BTreeMap;

use super::root::{FileKind, Outcome};
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::pod_reference::api_references;
use crate::fact::{Fact, Facts, Json, Source};

pub(super) const COLLECTOR: Collector =
    Collector { name: "static_pod_reference", facts: FACTS, needs: &["kubelet"], collect };

/// kubeadm's folder, looked at where the kubelet names none.
const KUBEADM_FOLDER: &str = "/etc/kubernetes/manifests";

const FACTS: &[FactDoc] = &[FactDoc::new(
    "static_pods.references",
    Type::List(&Type::Object(&[
        Field::new("pod", Type::Text, "Name of the pod."),
        Field::new("reference", Type::Text, "What it refers to, such as `config map settings`."),
    ])),
    "What static pods refer to in the API. Absent: there is no folder of static pods.",
)];

fn collect(host: &Host, earlier: &Facts) -> Facts {
    let path = earlier.text("kubelet.static_pod_path").unwrap_or(KUBEADM_FOLDER).trim_end_matches('/');
    let mut facts = Facts::default();
    facts.set("static_pods.references", read_references(host, path));
    facts
}

fn read_references(host: &Host, path: &str) -> Fact {
    let root = &host.root;
    let folder = || Source::file(path);
    let names = match root.read_folder(path) {
        Outcome::Found(names) => names,
        Outcome::Absent => return Fact::absent(folder()),
        Outcome::Unreadable(why) => return Fact::unreadable(folder(), why),
    };
    let mut elements = Vec::new();
    for name in names.iter().filter(|name| !name.starts_with('.')) {
        let file = format!("{path}/{name}");
        if matches!(root.metadata(&file), Outcome::Found(found) if found.kind == FileKind::Folder) {
            continue;
        }
        match root.read_text(&file) {
            Outcome::Found(text) => match parse_references(&text, &file) {
                Ok(found) => elements.extend(found),
                Err(why) => return Fact::unreadable(Source::file(file.as_str()), format!("read {file}: {why}")),
            },
            Outcome::Absent => {}
            Outcome::Unreadable(why) => return Fact::unreadable(Source::file(file), why),
        }
    }
    Fact::known(elements, folder())
}

/// The references of the pods in one file.
fn parse_references(text: &str, path: &str) -> Result<Vec<Fact>, String> {
    let documents: Vec<Json> = serde_saphyr::from_multiple(text).map_err(|error| error.to_string())?;
    let mut elements = Vec::new();
    for pod in documents.iter().filter(|document| document.get("kind").and_then(Json::as_str) == Some("Pod")) {
        let name = pod.pointer("/metadata/name").and_then(Json::as_str).unwrap_or_default();
        for reference in pod.get("spec").map(api_references).unwrap_or_default() {
            let word = reference.split(' ').next_back().unwrap_or_default().to_owned();
            let word = word.trim_matches(['(', ')']);
            let line = text.lines().position(|line| !word.is_empty() && line.contains(word));
            let source = match line.and_then(|at| u32::try_from(at + 1).ok()) {
                Some(line) => Source::line(path, line),
                None => Source::file(path),
            };
            let members = BTreeMap::from([
                ("pod".to_owned(), Fact::known(name, source.clone())),
                ("reference".to_owned(), Fact::known(reference, source)),
            ]);
            elements.push(Fact::group(members));
        }
    }
    Ok(elements)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: kube-vip\nspec:\n  serviceAccountName: vip\n  containers:\n    - name: vip\n";

    #[test]
    fn a_reference_has_its_line() {
        let found = parse_references(POD, "/etc/kubernetes/manifests/vip.yaml").unwrap();
        assert_eq!(found.len(), 1);
        let reference = found[0].member("reference").unwrap();
        assert_eq!(reference.text(), Some("service account vip"));
        assert!(matches!(reference.source(), Some(Source::File { line: Some(4 | 6), .. })));
    }

    #[test]
    fn what_is_no_pod_refers_to_nothing_and_what_is_broken_is_said() {
        assert_eq!(parse_references("kind: ConfigMap\n", "x"), Ok(Vec::new()));
        assert!(parse_references("kind: [\n", "x").is_err());
    }
}
