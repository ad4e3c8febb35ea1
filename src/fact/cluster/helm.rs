//! Objects of deployed Helm releases, as their charts wrote them. Read only
//! where the user asks for it (`--helm`): Helm keeps releases in Secrets.
//!
//! Source: Secrets of type `helm.sh/release.v1`, whose `data.release` is JSON
//! in gzip in base64 twice (<https://helm.sh/docs/topics/advanced/>, "Storage
//! backends"). The server selects those of the status deployed; of several of
//! one release the newest revision counts. Only the manifest is looked at.

use std::collections::BTreeMap;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;

use super::api::usage::{API_OBJECT, Origin, read};
use super::resource::SECRETS;
use super::{Collector, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::{Fact, Facts, Json, Source};

pub(super) const COLLECTOR: Collector =
    Collector { name: "helm", facts: FACTS, requests: &[REQUEST], start: || Box::new(Releases::default()) };

const REQUEST: Request = Request::all(&SECRETS).with_labels("owner=helm,status=deployed");

const FACTS: &[FactDoc] = &[FactDoc::new(
    "helm_objects",
    Type::List(&Type::Object(API_OBJECT)),
    "Objects of deployed Helm releases that use an API with an end. Absent without --helm.",
)];

/// The most bytes of one release: a Secret holds a mebibyte, packed.
const MAX_RELEASE_BYTES: u64 = 64 << 20;

#[derive(Default)]
struct Releases {
    /// Revision and objects, by namespace and name.
    newest: BTreeMap<(String, String), (u64, Vec<Fact>)>,
}

impl Reader for Releases {
    fn see(&mut self, secret: &Object<'_>) {
        // Files are not filtered by labels.
        if secret.label("owner") != Some("helm") || secret.label("status") != Some("deployed") {
            return;
        }
        let name = secret.label("name").unwrap_or(secret.name()).to_owned();
        let namespace = secret.namespace().unwrap_or_default().to_owned();
        let revision = secret.label("version").and_then(|revision| revision.parse().ok()).unwrap_or(0);
        let key = (namespace, name);
        if self.newest.get(&key).is_some_and(|(newest, _)| *newest >= revision) {
            return;
        }
        let release = format!("Helm release {}/{} revision {revision}", key.0, key.1);
        let documents = secret
            .text("data.release")
            .ok_or("it holds no release")
            .and_then(manifest)
            .and_then(|text| serde_saphyr::from_multiple::<Json>(&text).map_err(|_| "its manifest is not YAML"));
        let objects = match documents {
            Ok(documents) => documents.iter().filter_map(|object| read(object, Origin::Release(&release))).collect(),
            Err(why) => vec![Fact::unreadable(Source::default_of("--helm"), format!("read the {release}: {why}"))],
        };
        self.newest.insert(key, (revision, objects));
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut facts = Facts::default();
        let objects = self.newest.into_values().flat_map(|(_, objects)| objects).collect();
        facts.set("helm_objects", lists.fact_with_gaps(&[&REQUEST], objects));
        facts
    }
}

/// What is read of a release.
#[derive(serde::Deserialize)]
struct Release {
    manifest: String,
}

/// The manifest of a release.
fn manifest(release: &str) -> Result<String, &'static str> {
    let inner = STANDARD.decode(release.trim()).map_err(|_| "it is not base64")?;
    let packed = STANDARD.decode(inner.trim_ascii()).map_err(|_| "it is not base64 within base64")?;
    let mut bytes = Vec::new();
    if packed.starts_with(&[0x1f, 0x8b]) {
        let mut unpacked = GzDecoder::new(packed.as_slice()).take(MAX_RELEASE_BYTES + 1);
        unpacked.read_to_end(&mut bytes).map_err(|_| "it is not gzip")?;
    } else {
        bytes = packed;
    }
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_RELEASE_BYTES) {
        return Err("it is larger than 64 MiB");
    }
    serde_json::from_slice::<Release>(&bytes).map(|release| release.manifest).map_err(|_| "it is no release of Helm 3")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::json::json;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn secret(revision: u64, api_version: &str) -> Json {
        let manifest = format!(
            "---\n# Source: web/templates/ingress.yaml\napiVersion: {api_version}\nkind: Ingress\nmetadata:\n  name: web\n"
        );
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(json!({"name": "web", "manifest": manifest}).to_string().as_bytes()).unwrap();
        let release = STANDARD.encode(STANDARD.encode(gzip.finish().unwrap()));
        json!({"kind": "Secret", "type": "helm.sh/release.v1", "data": {"release": release}, "metadata": {
            "name": format!("sh.helm.release.v1.web.v{revision}"), "namespace": "shop",
            "labels": {"owner": "helm", "status": "deployed", "name": "web", "version": revision.to_string()}}})
    }

    fn objects(secrets: &[Json]) -> usize {
        let mut releases = Releases::default();
        for secret in secrets {
            releases.see(&Object::new(&REQUEST, secret));
        }
        releases.newest.into_values().map(|(_, objects)| objects.len()).sum()
    }

    #[test]
    fn a_release_shows_what_its_chart_wrote() {
        assert_eq!(objects(&[secret(1, "networking.k8s.io/v1beta1")]), 1);
        assert_eq!(objects(&[secret(1, "networking.k8s.io/v1")]), 0);
    }

    // FairwindsOps/pluto#330: several revisions are marked as deployed.
    #[test]
    fn of_several_deployed_revisions_the_newest_counts() {
        let (old, new) = (secret(3, "networking.k8s.io/v1beta1"), secret(10, "networking.k8s.io/v1"));
        assert_eq!(objects(&[old.clone(), new.clone()]), 0);
        assert_eq!(objects(&[new, old]), 0);
    }

    #[test]
    fn a_release_that_cannot_be_unpacked_is_said() {
        let mut broken = secret(2, "v1");
        broken.as_object_mut().unwrap().insert("data", json!({"release": "!"}));
        let mut releases = Releases::default();
        releases.see(&Object::new(&REQUEST, &secret(1, "networking.k8s.io/v1")));
        releases.see(&Object::new(&REQUEST, &broken));
        let left: Vec<Fact> = releases.newest.into_values().flat_map(|(_, objects)| objects).collect();
        let Some(Fact::Unreadable { reason, .. }) = left.first() else { panic!("{left:?}") };
        assert_eq!(reason, "read the Helm release shop/web revision 2: it is not base64");
        for release in ["", "!", "aGk=", "SDRzSUFBQT0="] {
            assert!(manifest(release).is_err(), "{release}");
        }
    }
}
