//! What a pod template says: images, volumes, and where its pods may run.
//!
//! Source: `PodSpec` of core/v1,
//! <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/>.

use crate::fact::catalogue::{Field, Type};
use crate::fact::cluster::image::Image;
use crate::fact::cluster::{Element, Object};
use crate::fact::json::Members;
use crate::fact::{Fact, Json, Value};

pub(super) const IMAGE: Type = Type::Object(&[
    Field::new("container", Type::Text, "Name of the container."),
    Field::new("name", Type::Text, "The image as it is written."),
    Field::new("registry", Type::Text, "Host and port of the registry; `docker.io` where none is named."),
    Field::new("repository", Type::Text, "Path in the registry, without the implied `library/`."),
    Field::new("base", Type::Text, "Last segment of the path, such as `nfs-client-provisioner`."),
    Field::new("tag", Type::Text, "Tag. Absent: none is named."),
    Field::new("digest", Type::Text, "Digest, such as `sha256:…`. Absent: none is named."),
    Field::new("version", Type::Text, "Version that the tag begins with. Absent: it begins with none."),
]);

pub(super) const TOLERATION: Type = Type::Object(&[
    Field::new("key", Type::Text, "Key of the taint. Absent: every key."),
    Field::new("operator", Type::Text, "`Equal` or `Exists`."),
    Field::new("value", Type::Text, "Value of the taint."),
    Field::new("effect", Type::Text, "Effect. Absent: every effect."),
]);

pub(super) const VOLUME: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the volume."),
    Field::new(
        "kind",
        Type::Text,
        "Its source as the API names it: `hostPath`, `nfs`, `emptyDir`, `persistentVolumeClaim`, `csi`, `gitRepo` …",
    ),
    Field::new("path", Type::Text, "Of `hostPath` and `nfs`: the path."),
    Field::new(
        "type",
        Type::Text,
        "Of `hostPath`: what must be there, such as `Socket`; absent where nothing is checked.",
    ),
    Field::new("server", Type::Text, "Of `nfs`: the server."),
    Field::new("driver", Type::Text, "Of `csi` and `flexVolume`: the driver."),
    Field::new("claim", Type::Text, "Of `persistentVolumeClaim`: name of the claim."),
]);

/// Kinds of containers in a pod's specification.
pub(in crate::fact::cluster) const CONTAINERS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// Volumes that the API server fills; they tell nothing of nodes or storage.
const FROM_API: [&str; 4] = ["configMap", "secret", "projected", "downwardAPI"];

/// Where the pod's specification lies in an object of that kind.
pub(in crate::fact::cluster) fn spec_path(kind: &str) -> &'static str {
    match kind {
        "Pod" => "spec",
        "CronJob" => "spec.jobTemplate.spec.template.spec",
        _ => "spec.template.spec",
    }
}

/// Each container with the path of its list and its index.
pub(in crate::fact::cluster) fn containers(spec: &Json) -> impl Iterator<Item = (String, &Json)> {
    CONTAINERS.iter().flat_map(move |list| {
        let found = spec.get(list).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        found.iter().enumerate().map(move |(index, container)| (format!("{list}[{index}]"), container))
    })
}

/// Adds what a pod's specification says to the element of its workload.
pub(super) fn describe(mut element: Element, object: &Object<'_>, spec: &Json, path: &str) -> Element {
    let at = |field: &str| object.source(format!(".{path}.{field}"));
    let images = containers(spec).filter_map(|(place, container)| image(object, container, &format!("{path}.{place}")));
    element = element.with("images", Fact::group(images.collect::<Vec<_>>()));
    let volumes = spec.get("volumes").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    let volumes = volumes.iter().enumerate().filter_map(|(index, volume)| {
        let place = format!(".{path}.volumes[{index}]");
        self::volume(object, volume, &place)
    });
    element = element.with("volumes", Fact::group(volumes.collect::<Vec<_>>()));
    for (field, member) in [("serviceAccountName", "service_account"), ("runtimeClassName", "runtime_class")] {
        if let Some(text) = text(spec, field) {
            element = element.with(member, Fact::known(text, at(field)));
        }
    }
    for (field, member, telling) in [
        ("hostNetwork", "host_network", true),
        ("hostPID", "host_pid", true),
        ("hostIPC", "host_ipc", true),
        ("hostUsers", "host_users", false),
    ] {
        if spec.get(field).and_then(Json::as_bool) == Some(telling) {
            element = element.with(member, Fact::known(telling, at(field)));
        }
    }
    let seccomp = seccomp_annotations(object, spec, path);
    if !seccomp.is_empty() {
        element = element.with("seccomp_annotations", Fact::group(seccomp));
    }
    if let Some(labels) = spec.get("nodeSelector").and_then(Json::as_object) {
        let member = |(key, value): (&str, &Json)| Some((key.to_owned(), Fact::group(value.as_str()?)));
        let labels = Value::Map(labels.iter().filter_map(member).collect());
        element = element.with("node_selector", Fact::known(labels, at("nodeSelector")));
    }
    let tolerations = spec.get("tolerations").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    if !tolerations.is_empty() {
        let tolerations: Vec<Fact> = tolerations.iter().map(toleration).collect();
        element = element.with("tolerations", Fact::known(tolerations, at("tolerations")));
    }
    element
}

/// The annotations of pods that such an object makes.
fn annotations<'j>(object: &Object<'j>, path: &str) -> Option<&'j Members> {
    let template = path.strip_suffix("spec").unwrap_or_default();
    object.get(&format!("{template}metadata.annotations"))?.as_object()
}

/// Annotations that set a seccomp profile where no field does: the API server
/// copied them into the fields of pods up to 1.26, and nothing reads them since
/// (<https://kubernetes.io/docs/tutorials/security/seccomp/>).
fn seccomp_annotations(object: &Object<'_>, spec: &Json, path: &str) -> Vec<Fact> {
    const OF_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
    const OF_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
    let has_field = |json: &Json| json.pointer("/securityContext/seccompProfile").is_some_and(|field| !field.is_null());
    let is_lost = |key: &str| {
        if has_field(spec) {
            return false;
        }
        let name = key.strip_prefix(OF_CONTAINER);
        let concerned = |container: &&Json| name.is_none_or(|name| text(container, "name") == Some(name));
        let all: Vec<&Json> = containers(spec).map(|(_, container)| container).filter(concerned).collect();
        all.iter().any(|container| !has_field(container))
    };
    let lost = annotations(object, path).into_iter().flatten().filter(|(key, value)| {
        let is_profile = *key == OF_POD || key.starts_with(OF_CONTAINER);
        is_profile && value.as_str() != Some("unconfined") && is_lost(key)
    });
    let template = path.strip_suffix("spec").unwrap_or_default();
    let source = || object.source(format!(".{template}metadata.annotations"));
    lost.map(|(key, value)| Fact::known(format!("{key}: {}", value.as_str().unwrap_or_default()), source())).collect()
}

fn text<'j>(json: &'j Json, field: &str) -> Option<&'j str> {
    json.get(field).and_then(Json::as_str).filter(|text| !text.is_empty())
}

fn image(object: &Object<'_>, container: &Json, path: &str) -> Option<Fact> {
    let name = text(container, "image")?;
    let parts = Image::parse(name);
    let base = parts.repository.rsplit('/').next().unwrap_or_default();
    let mut element = Element::new()
        .with("name", Fact::known(name, object.source(format!(".{path}.image"))))
        .with("registry", Fact::group(parts.registry))
        .with("repository", Fact::group(parts.repository))
        .with("base", Fact::group(base));
    let optional = [
        ("container", text(container, "name")),
        ("tag", parts.tag),
        ("digest", parts.digest),
        ("version", parts.version()),
    ];
    for (member, value) in optional {
        if let Some(value) = value {
            element = element.with(member, Fact::group(value));
        }
    }
    Some(element.done())
}

fn volume(object: &Object<'_>, volume: &Json, path: &str) -> Option<Fact> {
    let (kind, source) = volume.as_object()?.iter().find(|(key, value)| *key != "name" && value.is_object())?;
    if FROM_API.contains(&kind) {
        return None;
    }
    let mut element = Element::new().with("kind", Fact::known(kind, object.source(format!("{path}.{kind}"))));
    if let Some(name) = text(volume, "name") {
        element = element.with("name", Fact::group(name));
    }
    for (field, member) in
        [("path", "path"), ("type", "type"), ("server", "server"), ("driver", "driver"), ("claimName", "claim")]
    {
        if let Some(value) = text(source, field) {
            element = element.with(member, Fact::known(value, object.source(format!("{path}.{kind}.{field}"))));
        }
    }
    Some(element.done())
}

fn toleration(toleration: &Json) -> Fact {
    let mut element = Element::new().with("operator", Fact::group(text(toleration, "operator").unwrap_or("Equal")));
    for field in ["key", "value", "effect"] {
        if let Some(value) = text(toleration, field) {
            element = element.with(field, Fact::group(value));
        }
    }
    element.done()
}
