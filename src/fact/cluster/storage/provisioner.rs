//! Who makes volumes: workloads that announce a provisioner's name.
//!
//! Sources: the environment and arguments of containers. Programs built on
//! sig-storage-lib-external-provisioner take their name from the environment
//! `PROVISIONER_NAME` or an argument `-provisioner`; a CSI driver is told by
//! its `CSIDriver` object. Images are copied and renamed freely: what is given
//! `PROVISIONER_NAME`, `NFS_SERVER` and `NFS_PATH` is the NFS provisioner,
//! whatever its image is called.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::fact::catalogue::{Field, Type};
use crate::fact::cluster::image::Image;
use crate::fact::cluster::workload::containers;
use crate::fact::cluster::{Element, Object};
use crate::fact::{Fact, Json, ObjectReference, Source};

pub(super) const PROVISIONER: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the workload."),
    Field::new("namespace", Type::Text, "Its namespace."),
    Field::new("subject", Type::Map(&Type::Text), "Identity of the workload, for `subject`."),
    Field::new(
        "announces",
        Type::Text,
        "The name that it is given to serve; unreadable where a config map or secret gives it. Absent: none is given.",
    ),
    Field::new(
        "product",
        Type::Text,
        "What it is, by the last part of its image's path, such as `nfs-client-provisioner`; unreadable where only its behaviour tells that it is an NFS provisioner.",
    ),
    Field::new("image", Type::Text, "Its image as it is written."),
    Field::new("repository", Type::Text, "Registry and path of the image."),
    Field::new("tag", Type::Text, "The image's tag. Absent: none is named."),
    Field::new("digests", Type::List(&Type::Text), "Digests of the image: as it is written, and as its pods run it."),
    Field::new("replicas", Type::Int, "Replicas that are asked for; absent for kinds that have none."),
    Field::new("servers", Type::List(&Type::Text), "NFS servers that it is given, in its environment and its volumes."),
    Field::new("claims", Type::Int, "How many claims have a class of it."),
    Field::new("pending_claims", Type::Int, "How many of these are pending."),
]);

/// Arguments that name the provisioner.
const FLAGS: [&str; 3] = ["provisioner", "provisioner-name", "drivername"];

/// A workload that announces a name.
pub(super) struct Provisioner {
    pub(super) reference: Arc<ObjectReference>,
    /// The name; none where it is given by a config map.
    pub(super) announces: Option<String>,
    pub(super) digests: BTreeSet<String>,
    element: Element,
}

impl Provisioner {
    /// What a pod's specification makes of its workload.
    pub(super) fn read(object: &Object<'_>, spec: &Json, path: &str, owner: &Arc<ObjectReference>) -> Option<Self> {
        containers(spec).find_map(|(place, container)| {
            let at = |field: &str| object.source(format!(".{path}.{place}.{field}"));
            let written = container.get("image").and_then(Json::as_str)?;
            let image = Image::parse(written);
            let base = image.repository.rsplit('/').next().unwrap_or_default();
            let announces = announced_name(container, &at);
            if announces.is_none() && (!base.ends_with("provisioner") || base.starts_with("csi-")) {
                return None;
            }
            let is_nfs = ["PROVISIONER_NAME", "NFS_SERVER", "NFS_PATH"].iter().all(|name| has_env(container, name));
            let product = if base.contains("provisioner") || !is_nfs {
                Fact::known(base, at("image"))
            } else {
                Fact::unreadable(
                    at("image"),
                    format!("{written} behaves as an NFS provisioner; its name tells no version"),
                )
            };
            let name = announces.as_ref().and_then(Fact::text).map(str::to_owned);
            let mut element = Element::of(owner)
                .with("product", product)
                .with("image", Fact::known(written, at("image")))
                .with("repository", Fact::known(format!("{}/{}", image.registry, image.repository), at("image")))
                .with("servers", Fact::group(servers(object, spec, container, path, &at)));
            if let Some(announces) = announces {
                element = element.with("announces", announces);
            }
            if let Some(tag) = image.tag {
                element = element.with("tag", Fact::known(tag, at("image")));
            }
            if matches!(owner.kind.as_str(), "Deployment" | "StatefulSet") && object.get("spec.template").is_some() {
                let replicas = object.get("spec.replicas").and_then(Json::as_i64).unwrap_or(1);
                element = element.with("replicas", Fact::known(replicas, object.source(".spec.replicas")));
            }
            Some(Provisioner {
                reference: Arc::clone(owner),
                announces: name,
                digests: image.digest.map(str::to_owned).into_iter().collect(),
                element,
            })
        })
    }

    /// Takes the digests of the images that a pod of it runs.
    pub(super) fn run_by(&mut self, pod: &Object<'_>) {
        for status in pod.list("status.containerStatuses") {
            let id = status.get("imageID").and_then(Json::as_str).unwrap_or_default();
            if let Some((_, digest)) = id.rsplit_once('@') {
                self.digests.insert(digest.to_owned());
            }
        }
    }

    /// Whether it is given a name that cannot be read here.
    pub(super) fn is_hidden(&self) -> bool {
        self.element.get("announces").is_some_and(|name| matches!(name, Fact::Unreadable { .. }))
    }

    /// The NFS servers that it is given.
    pub(super) fn servers(&self) -> &[Fact] {
        self.element.get("servers").and_then(Fact::list).unwrap_or_default()
    }

    /// The element of the list.
    pub(super) fn fact(&self, claims: i64, pending: i64) -> Fact {
        let source = Source::object(&self.reference, ".metadata.name");
        let digests: Vec<Fact> =
            self.digests.iter().map(|digest| Fact::known(digest.as_str(), source.clone())).collect();
        self.element
            .clone()
            .with("digests", Fact::group(digests))
            .with("claims", Fact::known(claims, source.clone()))
            .with("pending_claims", Fact::known(pending, source))
            .done()
    }
}

/// Every text among arguments and environment that may be a provisioner's
/// name: of a workload that announces one in a way that is not known here.
pub(super) fn names(spec: &Json, found: &mut BTreeSet<String>) {
    for (_, container) in containers(spec) {
        let at = |_: &str| Source::default_of("not kept");
        if let Some(Fact::Known { .. }) = announced_name(container, &at) {
            found.extend(announced_name(container, &at).as_ref().and_then(Fact::text).map(str::to_owned));
        }
        let values = env(container).filter_map(|(_, value)| value);
        for text in arguments(container).chain(values) {
            let text = text.rsplit('=').next().unwrap_or_default();
            if may_be_name(text) && found.len() < 50_000 {
                found.insert(text.to_owned());
            }
        }
    }
}

/// A qualified name such as `fuseim.pri/ifs`, or a CSI driver's.
fn may_be_name(text: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._/".contains(&byte);
    let starts_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    (3..128).contains(&text.len())
        && starts_well
        && text.contains('.')
        && text.matches('/').count() < 2
        && text.bytes().all(is_fit)
}

fn arguments(container: &Json) -> impl Iterator<Item = &str> {
    ["command", "args"].into_iter().flat_map(move |field| {
        let list = container.get(field).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        list.iter().filter_map(Json::as_str)
    })
}

/// Names of the environment and their values, where these are written out.
fn env(container: &Json) -> impl Iterator<Item = (&str, Option<&str>)> {
    let list = container.get("env").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    list.iter()
        .filter_map(|variable| Some((variable.get("name")?.as_str()?, variable.get("value").and_then(Json::as_str))))
}

fn has_env(container: &Json, name: &str) -> bool {
    env(container).any(|(known, _)| known == name)
}

fn announced_name(container: &Json, at: &impl Fn(&str) -> Source) -> Option<Fact> {
    if let Some((_, value)) = env(container).find(|(name, _)| *name == "PROVISIONER_NAME") {
        return Some(match value {
            Some(value) => Fact::known(value, at("env")),
            None => Fact::unreadable(at("env"), "PROVISIONER_NAME comes from a config map, a secret or a field"),
        });
    }
    let mut words = arguments(container).peekable();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix('-').map(|flag| flag.trim_start_matches('-')) else { continue };
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
        if FLAGS.contains(&name) {
            let value = value.or_else(|| words.peek().copied()).filter(|value| !value.starts_with('-'))?;
            return Some(Fact::known(value, at("args")));
        }
    }
    None
}

fn servers(object: &Object<'_>, spec: &Json, container: &Json, path: &str, at: &impl Fn(&str) -> Source) -> Vec<Fact> {
    let from_env = env(container).filter(|(name, _)| *name == "NFS_SERVER").filter_map(|(_, value)| value);
    let mut servers: Vec<Fact> = from_env.map(|server| Fact::known(server, at("env"))).collect();
    let volumes = spec.get("volumes").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    for (index, volume) in volumes.iter().enumerate() {
        if let Some(server) = volume.pointer("/nfs/server").and_then(Json::as_str) {
            servers.push(Fact::known(server, object.source(format!(".{path}.volumes[{index}].nfs.server"))));
        }
    }
    servers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_paths_and_addresses() {
        for name in ["fuseim.pri/ifs", "rbd.csi.ceph.com", "k8s-sigs.io/nfs-subdir-external-provisioner"] {
            assert!(may_be_name(name), "{name}");
        }
        for other in ["/var/lib/kubelet", "10.0.0.1", "nginx", "A.b", "https://x.example.com"] {
            assert!(!may_be_name(other), "{other}");
        }
    }
}
