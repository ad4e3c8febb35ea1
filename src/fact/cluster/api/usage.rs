//! What one object says of the APIs that it was written in: its own API
//! version where a file holds it, the versions in `metadata.managedFields`,
//! and that of the last-applied annotation of kubectl.
//!
//! Only the first is the present. The others are history: the API server
//! converts an object to every version that it serves, and the entries of a
//! manager that is long gone stay for ever. An object whose kind a live API
//! serves in a version without successor alone is present, too.

use std::collections::BTreeMap;

use super::lifecycle;
use crate::fact::catalogue::{Field, Type};
use crate::fact::cluster::Element;
use crate::fact::{Fact, Json, ObjectReference, Source};

/// The members of an object that uses an API with an end.
pub const API_OBJECT: &[Field] = &[
    Field::new("name", Type::Text, "Name of the object."),
    Field::new("namespace", Type::Text, "Its namespace; absent where it has none or the file leaves it to the reader."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("kind", Type::Text, "Its kind."),
    Field::new(
        "owner",
        Type::Text,
        "Who has to change it, such as `Helm release shop/web`; absent where nothing says it.",
    ),
    Field::new(
        "uses",
        Type::List(&Type::Object(API_USE)),
        "The API versions it was written in, the strongest evidence first.",
    ),
];

/// The members of one use.
pub const API_USE: &[Field] = &[
    Field::new("api_version", Type::Text, "The API version, such as `extensions/v1beta1`."),
    Field::new(
        "how",
        Type::Text,
        "How it is known: `written` (in the file), `release` (of Helm), `served` (by the API, in that version only), `managedFields` or `last-applied`.",
    ),
    Field::new(
        "is_present",
        Type::Bool,
        "Whether it is in use now: written, of a release, or served in no other version. The others are history.",
    ),
    Field::new("by", Type::Text, "The manager of a managedFields entry, the release, or the file."),
    Field::new("at", Type::Text, "When the manager wrote it."),
    Field::new("deprecated", Type::Text, "The first minor that calls it deprecated; absent where none does."),
    Field::new("removed", Type::Text, "The first minor that no longer serves it; absent where none is known."),
    Field::new("replacement", Type::Text, "What serves the kind instead; absent where the kind is gone."),
];

/// Where an object was found.
#[derive(Clone, Copy, Debug)]
pub enum Origin<'a> {
    /// Dumped from a cluster, into a file: kubectl writes the version that it
    /// asked for.
    Dump,
    /// Listed from a live API, in the newest version that it serves.
    Live {
        /// That version, such as `batch/v1`.
        api_version: &'a str,
        /// The kind, which lists of metadata do not say.
        kind: &'a str,
    },
    /// A file of a checkout.
    Manifest {
        /// The file, as it was named.
        file: &'a str,
        /// The line of its apiVersion.
        line: u32,
    },
    /// The manifest of a deployed Helm release.
    Release(&'a str),
}

/// Kinds that the control plane writes by itself; nobody applies them again.
const MADE_BY_THE_SYSTEM: &[&str] =
    &["ControllerRevision", "CSINode", "CSIStorageCapacity", "ComponentStatus", "Event", "Lease", "VolumeAttachment"];

/// What an object says of APIs with an end; none where it says nothing.
pub fn read(json: &Json, origin: Origin<'_>) -> Option<Fact> {
    let text = |pointer: &str| json.pointer(pointer).and_then(Json::as_str);
    let (own, kind) = match origin {
        Origin::Live { api_version, kind } => (api_version, kind),
        _ => (text("/apiVersion")?, text("/kind")?),
    };
    let is_of_checkout = matches!(origin, Origin::Manifest { .. } | Origin::Release(_));
    if !is_of_checkout && is_made_by_the_system(kind, json) {
        return None;
    }
    let name = text("/metadata/name").or(text("/metadata/generateName")).unwrap_or("(no name)");
    let reference = ObjectReference {
        api_version: own.to_owned(),
        kind: kind.to_owned(),
        namespace: text("/metadata/namespace").filter(|namespace| !namespace.is_empty()).map(str::to_owned),
        name: name.to_owned(),
    }
    .into();
    let mut uses = Vec::new();
    let object = |path: &'static str| Source::object(&reference, path);
    let written = |source, how, by: Option<&str>| known_use(own, kind, source, how, by, None);
    uses.extend(match origin {
        Origin::Dump => written(object(".apiVersion"), "written", None),
        Origin::Live { .. } => lifecycle::find(own, kind)
            .filter(|api| lifecycle::has_no_successor(own, api))
            .and_then(|_| written(object(".metadata.name"), "served", None)),
        Origin::Manifest { file, line } => written(Source::line(file, line), "written", Some(file)),
        Origin::Release(release) => written(object(".apiVersion"), "release", Some(release)),
    });
    if !is_of_checkout {
        for entry in json.pointer("/metadata/managedFields").and_then(Json::as_array).into_iter().flatten() {
            let text = |key: &str| entry.get(key).and_then(Json::as_str);
            let source = object(".metadata.managedFields");
            uses.extend(text("apiVersion").and_then(|api_version| {
                known_use(api_version, kind, source, "managedFields", text("manager"), text("time"))
            }));
        }
        if let Some(api_version) = last_applied(json, kind) {
            let source = object(".metadata.annotations");
            uses.extend(known_use(&api_version, kind, source, "last-applied", None, None));
        }
    }
    if uses.is_empty() {
        return None;
    }
    let owner = owner(json).map_or(Fact::Absent { source: None }, |owner| Fact::known(owner, object(".metadata")));
    let element = Element::of(&reference).with("kind", Fact::group(kind)).with("owner", owner);
    Some(element.with("uses", Fact::group(uses)).done())
}

/// A use, if the table knows an end of that API.
fn known_use(
    api_version: &str,
    kind: &str,
    source: Source,
    how: &str,
    by: Option<&str>,
    at: Option<&str>,
) -> Option<Fact> {
    let api = lifecycle::find(api_version, kind)?;
    let optional = |text: Option<&str>| text.map_or(Fact::Absent { source: None }, Fact::group);
    let is_present = matches!(how, "written" | "release" | "served");
    let members = BTreeMap::from(
        [
            ("api_version", Fact::known(api_version, source)),
            ("how", Fact::group(how)),
            ("is_present", Fact::group(is_present)),
            ("by", optional(by)),
            ("at", optional(at)),
            ("deprecated", optional(api.deprecated.as_deref())),
            ("removed", optional(api.removed.as_deref())),
            ("replacement", optional(api.replacement.as_deref())),
        ]
        .map(|(name, fact)| (name.to_owned(), fact)),
    );
    Some(Fact::group(members))
}

/// The API version in the annotation that `kubectl apply` leaves.
fn last_applied(json: &Json, kind: &str) -> Option<String> {
    let annotations = json.pointer("/metadata/annotations")?;
    let text = annotations.get("kubectl.kubernetes.io/last-applied-configuration")?.as_str()?;
    let applied: Json = serde_json::from_str(text).ok()?;
    let is_same_kind = applied.get("kind").and_then(Json::as_str) == Some(kind);
    applied.get("apiVersion").and_then(Json::as_str).filter(|_| is_same_kind).map(str::to_owned)
}

/// Whether a component of the cluster wrote it, or another object owns it.
fn is_made_by_the_system(kind: &str, json: &Json) -> bool {
    let has = |map: &str, key: &str| json.pointer(map).is_some_and(|map| map.get(key).is_some());
    let is_controlled = json
        .pointer("/metadata/ownerReferences")
        .and_then(Json::as_array)
        .is_some_and(|owners| owners.iter().any(|owner| owner.get("controller").and_then(Json::as_bool) == Some(true)));
    let is_applied = has("/metadata/annotations", "kubectl.kubernetes.io/last-applied-configuration");
    is_controlled
        || MADE_BY_THE_SYSTEM.contains(&kind)
        // Each Service has one by itself.
        || (kind == "Endpoints" && !is_applied)
        || has("/metadata/labels", "endpointslice.kubernetes.io/managed-by")
        || has("/metadata/labels", "kube-aggregator.kubernetes.io/automanaged")
        || has("/metadata/annotations", "apf.kubernetes.io/autoupdate-spec")
}

/// Who keeps an object, by the marks of the tools that apply it.
fn owner(json: &Json) -> Option<String> {
    let text = |map: &str, key: &str| json.pointer(map)?.get(key)?.as_str();
    let label = |key: &str| text("/metadata/labels", key);
    let annotation = |key: &str| text("/metadata/annotations", key);
    if let Some(release) = annotation("meta.helm.sh/release-name") {
        let namespace = annotation("meta.helm.sh/release-namespace").unwrap_or("default");
        return Some(format!("Helm release {namespace}/{release}"));
    }
    let tracked = annotation("argocd.argoproj.io/tracking-id").and_then(|id| id.split(':').next());
    if let Some(application) = tracked.or_else(|| label("argocd.argoproj.io/instance")) {
        return Some(format!("Argo CD application {application}"));
    }
    if let Some(name) = label("kustomize.toolkit.fluxcd.io/name") {
        return Some(format!("Flux kustomization {name}"));
    }
    label("helm.toolkit.fluxcd.io/name").map(|name| format!("Flux Helm release {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::json::json;

    fn hows(object: &Json, origin: Origin<'_>) -> Vec<String> {
        let fact = read(object, origin);
        let uses = fact.as_ref().and_then(|fact| fact.member("uses")).and_then(Fact::list).unwrap_or_default();
        let text = |fact: &Fact, name| fact.member(name).and_then(Fact::text).unwrap_or_default().to_owned();
        uses.iter().map(|fact| format!("{} {}", text(fact, "how"), text(fact, "api_version"))).collect()
    }

    fn ingress(api_version: &str) -> Json {
        let applied = r#"{"apiVersion":"extensions/v1beta1","kind":"Ingress"}"#;
        json!({"apiVersion": api_version, "kind": "Ingress", "metadata": {
            "name": "web", "namespace": "shop",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied},
            "managedFields": [
                {"manager": "nginx-ingress-controller", "apiVersion": "networking.k8s.io/v1beta1", "time": "2021-05-01T00:00:00Z"},
                {"manager": "kubectl", "apiVersion": "networking.k8s.io/v1"}]}})
    }

    #[test]
    fn an_object_of_a_live_api_has_only_a_history() {
        let history = ["managedFields networking.k8s.io/v1beta1", "last-applied extensions/v1beta1"];
        let live = |api_version| Origin::Live { api_version, kind: "Ingress" };
        assert_eq!(hows(&ingress("meta.k8s.io/v1"), live("networking.k8s.io/v1beta1")), history);
        assert_eq!(hows(&ingress("networking.k8s.io/v1"), Origin::Dump), history);
        assert_eq!(hows(&ingress("networking.k8s.io/v1beta1"), Origin::Dump).len(), 3);
    }

    #[test]
    fn an_object_of_a_kind_that_ends_is_present_in_a_live_api() {
        let object = json!({"metadata": {"name": "gpu"}});
        let live = |api_version, kind| hows(&object, Origin::Live { api_version, kind });
        // Classic DRA is gone with 1.32, and objects of alpha versions are not converted.
        assert_eq!(live("resource.k8s.io/v1alpha3", "PodSchedulingContext"), ["served resource.k8s.io/v1alpha3"]);
        assert_eq!(live("scheduling.k8s.io/v1alpha1", "Workload"), ["served scheduling.k8s.io/v1alpha1"]);
        assert_eq!(live("resource.k8s.io/v1alpha2", "ResourceClass"), ["served resource.k8s.io/v1alpha2"]);
        assert_eq!(live("policy/v1beta1", "PodDisruptionBudget"), [""; 0], "1.20 has no other version yet");
    }

    #[test]
    fn a_manifest_counts_by_its_own_version_alone() {
        let origin = Origin::Manifest { file: "web.yaml", line: 3 };
        assert_eq!(hows(&ingress("networking.k8s.io/v1beta1"), origin), ["written networking.k8s.io/v1beta1"]);
        assert_eq!(hows(&ingress("networking.k8s.io/v1"), origin), [""; 0]);
    }

    #[test]
    fn what_the_control_plane_writes_itself_is_nobodys_to_change() {
        let owner = json!([{"kind": "DaemonSet", "name": "kube-proxy", "controller": true}]);
        let revision = json!({"apiVersion": "apps/v1beta1", "kind": "ControllerRevision", "metadata": {"name": "x", "ownerReferences": owner}});
        assert!(read(&revision, Origin::Dump).is_none());
        let endpoints = json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "web"}});
        assert!(read(&endpoints, Origin::Dump).is_none());
        assert!(read(&endpoints, Origin::Manifest { file: "e.yaml", line: 1 }).is_some());
    }

    #[test]
    fn a_broken_annotation_says_nothing() {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{"}, "managedFields": "none"}});
        assert!(read(&object, Origin::Dump).is_none());
    }

    #[test]
    fn the_keeper_of_an_object_is_named() {
        let owner = |metadata: Json| super::owner(&json!({"metadata": metadata})).unwrap_or_default();
        assert_eq!(
            owner(
                json!({"annotations": {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop"}})
            ),
            "Helm release shop/web"
        );
        assert_eq!(
            owner(
                json!({"annotations": {"argocd.argoproj.io/tracking-id": "shop:networking.k8s.io/Ingress:shop/web"}})
            ),
            "Argo CD application shop"
        );
        assert_eq!(owner(json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}})), "Flux kustomization apps");
    }
}
