//! The version of the API server: `/version` of the API itself, or recorded
//! beside the objects.

use std::sync::Arc;

use super::{Collector, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::{Fact, Facts, Source};

pub(super) const COLLECTOR: Collector =
    Collector { name: "version", facts: FACTS, requests: &[REQUEST], start: || Box::new(Version::default()) };

const REQUEST: Request = Request::path("/version");

const FACTS: &[FactDoc] = &[FactDoc::new(
    "cluster.version",
    Type::Text,
    "The API server's version, such as `v1.36.2` or `v1.30.0+k3s1`. Unreadable where nothing says it.",
)];

#[derive(Default)]
struct Version {
    served: Option<Fact>,
}

impl Reader for Version {
    fn see(&mut self, object: &Object<'_>) {
        if let Some(version) = object.text("gitVersion") {
            let source = Source::object(&Arc::clone(object.reference()), ".gitVersion");
            self.served = Some(Fact::known(version, source));
        }
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let reason = || lists.gap(&REQUEST).unwrap_or_else(|| "nothing says the version of the API server".to_owned());
        let version = self.served.unwrap_or_else(|| Fact::Unreadable { source: None, reason: reason() });
        let mut facts = Facts::default();
        facts.set("cluster.version", version);
        facts
    }
}
