//! Certificate authorities of the cluster, as far as the API publishes them:
//! what clients trust the API server by, and what it trusts clients by.
//!
//! Sources: `ConfigMap` `kube-root-ca.crt` of kube-system, which the controller
//! manager writes to every namespace since 1.20; `ConfigMap`
//! `extension-apiserver-authentication`, which the API server writes for its
//! extensions. Of other certificates, and of all keys, the API shows nothing.

use super::resource::CONFIG_MAPS;
use super::{Collector, Element, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::certificate::parse_pem;
use crate::fact::{Fact, Facts, Json};

pub(super) const COLLECTOR: Collector = Collector {
    name: "certificate-authority",
    facts: FACTS,
    requests: &[ROOT, AUTHENTICATION],
    start: || Box::new(Authorities::default()),
};

const ROOT: Request = Request::named(&CONFIG_MAPS, "kube-system", "kube-root-ca.crt");
const AUTHENTICATION: Request = Request::named(&CONFIG_MAPS, "kube-system", "extension-apiserver-authentication");

/// Keys of the two, and what the authority is for.
const KEYS: [(&str, &str, &str); 3] = [
    ("kube-root-ca.crt", "ca.crt", "the API server"),
    ("extension-apiserver-authentication", "client-ca-file", "clients"),
    ("extension-apiserver-authentication", "requestheader-client-ca-file", "the front proxy"),
];

const AUTHORITY: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the ConfigMap."),
    Field::new("namespace", Type::Text, "Its namespace."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("key", Type::Text, "Key of the ConfigMap that holds it."),
    Field::new("purpose", Type::Text, "Whose certificates it signs: `the API server`, `clients`, `the front proxy`."),
    Field::new("not_after", Type::Text, "Until when it holds; of several the one that lasts longest."),
]);

const FACTS: &[FactDoc] = &[FactDoc::new(
    "certificate_authorities",
    Type::List(&AUTHORITY),
    "Authorities that the API publishes; empty where the files hold none of the ConfigMaps.",
)];

#[derive(Default)]
struct Authorities {
    elements: Vec<Fact>,
}

impl Reader for Authorities {
    fn see(&mut self, map: &Object<'_>) {
        let data = map.get("data");
        for (name, key, purpose) in KEYS.iter().filter(|(name, ..)| *name == map.name()) {
            let Some(pem) = data.and_then(|data| data.get(key)).and_then(Json::as_str) else { continue };
            let source = map.source(format!(".data['{key}']"));
            let not_after = match parse_pem(pem.as_bytes()) {
                Ok(certificate) => Fact::known(certificate.not_after.to_string(), source.clone()),
                Err(reason) => Fact::unreadable(source.clone(), format!("{key} of ConfigMap {name}: {reason}")),
            };
            let element = Element::of(map.reference())
                .with("key", Fact::known(*key, source.clone()))
                .with("purpose", Fact::known(*purpose, source))
                .with("not_after", not_after);
            self.elements.push(element.done());
        }
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut facts = Facts::default();
        facts.set("certificate_authorities", lists.fact_with_gaps(&[&ROOT, &AUTHENTICATION], self.elements));
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::json::json;

    /// An authority of a test, valid until 2026-12-10; its key is gone.
    const PEM: &str = include_str!("certificate.pem");

    fn not_after(pem: &str) -> Fact {
        let map =
            json!({"metadata": {"name": "kube-root-ca.crt", "namespace": "kube-system"}, "data": {"ca.crt": pem}});
        let mut authorities = Authorities::default();
        authorities.see(&Object::new(&ROOT, &map));
        authorities.elements[0].member("not_after").cloned().unwrap()
    }

    #[test]
    fn the_root_authority_tells_its_end() {
        assert_eq!(not_after(PEM).text(), Some("2026-12-10T00:00:00Z"));
    }

    #[test]
    fn what_is_no_certificate_is_unreadable() {
        for wrong in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "redacted"] {
            assert!(matches!(not_after(wrong), Fact::Unreadable { .. }), "{wrong:?}");
        }
    }
}
