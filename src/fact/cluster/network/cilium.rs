//! Cilium: the config map `cilium-config`
//! (<https://docs.cilium.io/en/stable/network/concepts/routing/>).

use std::collections::BTreeMap;

use super::{Mtu, Wrapping};
use crate::fact::cluster::Object;
use crate::fact::host::encapsulation::table;
use crate::fact::{Json, Source};

/// What `IPsec` adds without an authentication key of unusual length.
const IPSEC_OVERHEAD: i64 = 77;

/// What Cilium is told.
#[derive(Default)]
pub(super) struct Cilium {
    settings: BTreeMap<String, (String, Source)>,
    source: Option<Source>,
    /// Whether pods get addresses of their node's range.
    pub(super) uses_node_ranges: bool,
}

impl Cilium {
    pub(super) fn see_config(&mut self, object: &Object<'_>) {
        const KEYS: &[&str] =
            &["mtu", "tunnel", "tunnel-protocol", "routing-mode", "enable-wireguard", "enable-ipsec", "ipam"];
        self.source = Some(object.source(".data"));
        for key in KEYS {
            let value = object.get("data").and_then(|data| data.get(key)).and_then(Json::as_str);
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                let source = object.source(format!(".data['{key}']"));
                self.settings.insert((*key).to_owned(), (value.to_owned(), source));
            }
        }
        self.uses_node_ranges = self.get("ipam") == Some("kubernetes");
    }

    pub(super) fn source(&self) -> Option<Source> {
        self.source.clone()
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(|(value, _)| value.as_str())
    }

    fn place(&self, keys: &[&str]) -> Option<Source> {
        let of_key = keys.iter().find_map(|key| self.settings.get(*key).map(|(_, source)| source.clone()));
        of_key.or_else(|| self.source.clone())
    }

    /// The tunnel, and the pods' part of the MTU that is configured: Cilium
    /// takes the overhead off what it is told.
    pub(super) fn wrapping_and_mtu(&self) -> (Option<Wrapping>, Option<Mtu>) {
        let wrapping = self.wrapping();
        let mtu = self.settings.get("mtu").and_then(|(value, source)| {
            let outer: i64 = value.parse().ok().filter(|outer| *outer > 0)?;
            Some(Mtu {
                bytes: outer - wrapping.as_ref()?.overhead,
                setting: "mtu of cilium-config, less what the tunnel adds",
                source: source.clone(),
            })
        });
        (wrapping, mtu)
    }

    fn wrapping(&self) -> Option<Wrapping> {
        let source = self.place(&["routing-mode", "tunnel-protocol", "tunnel"])?;
        // Up to 1.13 `tunnel` said both; since then the mode is tunnel by default, the protocol vxlan.
        let protocol = match (self.get("routing-mode"), self.get("tunnel")) {
            (Some("native"), _) | (None, Some("disabled")) => None,
            (_, tunnel) => Some(self.get("tunnel-protocol").or(tunnel).unwrap_or("vxlan")),
        };
        let row = |name: &str| table().rows.iter().find(|row| row.of == "cilium" && row.name == name);
        let mut wrapping = match protocol {
            None => Wrapping { name: "none".to_owned(), overhead: 0, source },
            Some(protocol) => {
                let row = row(protocol)?;
                Wrapping { name: row.name.clone(), overhead: row.overhead, source }
            }
        };
        let mut add = |name: &str, overhead: i64| {
            wrapping.overhead += overhead;
            wrapping.name =
                if wrapping.name == "none" { name.to_owned() } else { format!("{} and {name}", wrapping.name) };
        };
        if self.get("enable-wireguard") == Some("true") {
            add("wireguard", row("wireguard")?.overhead);
        }
        if self.get("enable-ipsec") == Some("true") {
            add("ipsec", IPSEC_OVERHEAD);
        }
        Some(wrapping)
    }
}
