//! flannel: `net-conf.json` of its config map
//! (<https://github.com/flannel-io/flannel/blob/master/Documentation/configuration.md>).

use std::sync::Arc;

use super::{Mtu, Wrapping, bytes};
use crate::fact::cluster::{Element, Object};
use crate::fact::host::encapsulation::table;
use crate::fact::{Fact, Json, ObjectReference, Source};

const PLACE: &str = ".data['net-conf.json']";

/// What flannel is told.
#[derive(Default)]
pub(super) struct Flannel {
    config: Option<Config>,
}

struct Config {
    reference: Arc<ObjectReference>,
    json: Json,
}

impl Flannel {
    pub(super) fn see_config(&mut self, object: &Object<'_>) {
        let text = object.get("data").and_then(|data| data.get("net-conf.json")).and_then(Json::as_str);
        if let Some(json) = text.and_then(|text| serde_json::from_str(text).ok()) {
            self.config = Some(Config { reference: Arc::clone(object.reference()), json });
        }
    }

    pub(super) fn source(&self) -> Option<Source> {
        self.config.as_ref().map(Config::source)
    }

    /// The backend, and the pods' part of the MTU that is configured: flannel
    /// takes the overhead off what it is told.
    pub(super) fn wrapping_and_mtu(&self) -> (Option<Wrapping>, Option<Mtu>) {
        let Some(config) = &self.config else { return (None, None) };
        // Without a type the backend is udp.
        let backend = config.json.pointer("/Backend/Type").and_then(Json::as_str).unwrap_or("udp").to_ascii_lowercase();
        let row = table().backends.iter().find(|row| row.of == backend);
        let wrapping =
            row.map(|row| Wrapping { name: row.name.clone(), overhead: row.overhead, source: config.source() });
        let outer = config.json.pointer("/Backend/MTU").and_then(bytes);
        let mtu = outer.zip(row).map(|(outer, row)| Mtu {
            bytes: outer - row.overhead,
            setting: "Backend.MTU of net-conf.json, less what the backend adds",
            source: config.source(),
        });
        (wrapping, mtu)
    }

    /// flannel's networks; the ranges of nodes must lie in them.
    pub(super) fn pools(&self) -> Vec<Fact> {
        let Some(config) = &self.config else { return Vec::new() };
        let is_v6_on = config.json.get("EnableIPv6").and_then(Json::as_bool).unwrap_or(false);
        ["Network", "IPv6Network"]
            .iter()
            .filter(|key| is_v6_on || **key == "Network")
            .filter_map(|key| config.json.get(key).and_then(Json::as_str))
            .filter(|cidr| !cidr.is_empty())
            .map(|cidr| {
                Element::of(&config.reference)
                    .with("cidr", Fact::known(cidr, config.source()))
                    .with("is_disabled", Fact::known(false, config.source()))
                    .with("overlaps", Fact::group(Vec::new()))
                    .done()
            })
            .collect()
    }
}

impl Config {
    fn source(&self) -> Source {
        Source::object(&self.reference, PLACE)
    }
}
