//! One CNI configuration: a `.conflist`, or a `.conf` or `.json` with a single plugin.
//!
//! The CNI specification, section 1, and libcni, which the runtimes load
//! them with. Multus' `delegates` are configurations within a configuration.

use super::known;
use crate::fact::host::document::{Node, NodeValue, parse_json};

/// How deep delegates may lie in each other.
const MAX_DEPTH: usize = 4;

/// A configuration that the runtime can load.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Config {
    /// The network's name.
    pub(super) name: Option<String>,
    /// The plugins, delegates after the plugin that has them.
    pub(super) plugins: Vec<Plugin>,
}

/// One plugin, and what of it matters for the network.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Plugin {
    /// Its type, the name of its executable.
    pub(super) kind: String,
    /// Line of its type.
    pub(super) line: u32,
    /// Whether it is named in the file, and not just called by a named one.
    pub(super) is_named: bool,
    /// Whether it gives addresses (`ipam`) and makes no device.
    pub(super) is_ipam: bool,
    /// `mtu` and its line, if it is a number above 0 or a text of one.
    pub(super) mtu: Option<(i64, u32)>,
    /// `master`, the device that it hangs on.
    pub(super) master: Option<String>,
    /// `bridge`, the device that it plugs pods into.
    pub(super) bridge: Option<String>,
    /// Whether its addresses include IPv6, where it tells.
    pub(super) gives_ipv6: Option<bool>,
}

impl Config {
    /// The plugin that makes the pod's device: the first that is neither
    /// Multus, nor an IPAM, nor an addition to another one.
    pub(super) fn main_plugin(&self) -> Option<&Plugin> {
        let makes = |plugin: &&Plugin| !plugin.is_ipam && !known::is_chained(&plugin.kind);
        self.plugins
            .iter()
            .find(|plugin| makes(plugin) && !is_multus(&plugin.kind))
            .or_else(|| self.plugins.iter().find(makes))
            .or_else(|| self.plugins.first())
    }

    /// The device that the plugin `bridge` plugs pods into; its default is
    /// `cni0` (<https://www.cni.dev/plugins/current/main/bridge/>).
    pub(super) fn bridge(&self) -> Option<String> {
        let plugin = self.main_plugin().filter(|plugin| plugin.kind == "bridge")?;
        Some(plugin.bridge.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| "cni0".to_owned()))
    }

    /// The network that it belongs to.
    pub(super) fn network(&self) -> Option<String> {
        let plugin = self.main_plugin()?;
        if is_multus(&plugin.kind) {
            return Some("multus".to_owned());
        }
        Some(known::of_plugin(self.name.as_deref(), &plugin.kind, plugin.bridge.as_deref()))
    }

    /// Whether Multus is in it, which takes the other files as its delegates.
    pub(super) fn has_multus(&self) -> bool {
        self.plugins.iter().any(|plugin| is_multus(&plugin.kind))
    }
}

fn is_multus(kind: &str) -> bool {
    kind == "multus" || kind == "multus-shim"
}

/// Parses a configuration as libcni does.
///
/// # Errors
/// When a runtime would refuse it; the text says why, with the line.
pub(super) fn parse_config(text: &str, is_list: bool) -> Result<Config, String> {
    let document = parse_json(text).map_err(|fault| fault.to_string())?;
    if !matches!(document.value, NodeValue::Map(_)) {
        return Err("line 1: not a JSON object".to_owned());
    }
    let name = document.get("name").and_then(Node::text).filter(|name| !name.is_empty()).map(str::to_owned);
    let mut plugins = Vec::new();
    if is_list {
        if name.is_none() {
            return Err(format!("line {}: it has no name", document.line));
        }
        let Some(list) = document.get("plugins").filter(|list| !list.list().is_empty()) else {
            return Err(format!("line {}: it has no plugins", document.line));
        };
        for plugin in list.list() {
            read_plugin(plugin, &mut plugins, 0)?;
        }
    } else {
        read_plugin(&document, &mut plugins, 0)?;
    }
    Ok(Config { name, plugins })
}

fn read_plugin(node: &Node, plugins: &mut Vec<Plugin>, depth: usize) -> Result<(), String> {
    let Some(kind) = node.get("type").filter(|kind| kind.text().is_some_and(|text| !text.is_empty())) else {
        return Err(format!("line {}: a plugin has no type", node.line));
    };
    let text_of = |name: &str| node.get(name).and_then(Node::text).map(str::to_owned);
    let name = kind.text().unwrap_or_default().to_owned();
    let ipam = node.get("ipam");
    plugins.push(Plugin {
        kind: name.clone(),
        line: kind.line,
        is_named: true,
        mtu: node.get("mtu").and_then(|mtu| Some((positive(mtu)?, mtu.line))),
        master: text_of("master"),
        bridge: text_of("bridge"),
        gives_ipv6: ipam.and_then(gives_ipv6),
        ..Plugin::default()
    });
    let has_ipam = ipam.and_then(|ipam| ipam.get("type")).filter(|kind| kind.text().is_some_and(|t| !t.is_empty()));
    if let Some(kind) = has_ipam {
        let name = kind.text().unwrap_or_default().to_owned();
        plugins.push(Plugin { kind: name, line: kind.line, is_named: true, is_ipam: true, ..Plugin::default() });
    }
    if name == "flannel" {
        push_flannel_delegates(node, kind.line, plugins);
    }
    if depth < MAX_DEPTH {
        for delegate in node.get("delegates").map(Node::list).unwrap_or_default() {
            // A delegate may itself be a list of plugins.
            match delegate.get("plugins").map(Node::list) {
                Some(list) => list.iter().try_for_each(|plugin| read_plugin(plugin, plugins, depth + 1))?,
                None => read_plugin(delegate, plugins, depth + 1)?,
            }
        }
    }
    Ok(())
}

/// The flannel plugin calls another one, `bridge` unless `delegate.type`
/// names it, with `host-local` for the addresses.
fn push_flannel_delegates(node: &Node, line: u32, plugins: &mut Vec<Plugin>) {
    let delegate = node.get("delegate");
    let named = delegate.and_then(|delegate| delegate.get("type")).and_then(|kind| Some((kind.text()?, kind.line)));
    let (kind, line_of_kind) = named.unwrap_or(("bridge", line));
    let bridge = delegate.and_then(|delegate| delegate.get("bridge")).and_then(Node::text).unwrap_or("cni0");
    plugins.push(Plugin {
        kind: kind.to_owned(),
        line: line_of_kind,
        is_named: named.is_some(),
        bridge: (kind == "bridge").then(|| bridge.to_owned()),
        ..Plugin::default()
    });
    plugins.push(Plugin { kind: "host-local".to_owned(), line, is_ipam: true, ..Plugin::default() });
}

/// A number above 0; Amazon's plugin writes it as text, Calico's 0 means "find out".
fn positive(node: &Node) -> Option<i64> {
    let number = node.int().or_else(|| node.text().and_then(|text| text.trim().parse().ok()))?;
    (number > 0).then_some(number)
}

/// Whether an `ipam` section gives IPv6 addresses: `assign_ipv6` of
/// calico-ipam, the ranges of host-local and whereabouts.
fn gives_ipv6(ipam: &Node) -> Option<bool> {
    if let Some(assign) = ipam.get("assign_ipv6") {
        return Some(assign.bool() == Some(true) || assign.text() == Some("true"));
    }
    let kind = ipam.get("type").and_then(Node::text)?;
    if kind == "calico-ipam" {
        return Some(false);
    }
    let mut ranges: Vec<&Node> = ["subnet", "range"].iter().filter_map(|name| ipam.get(name)).collect();
    for set in ipam.get("ranges").map(Node::list).unwrap_or_default() {
        ranges.extend(set.list().iter().chain(std::iter::once(set)).filter_map(|range| range.get("subnet")));
    }
    let texts: Vec<&str> = ranges.into_iter().filter_map(Node::text).filter(|text| *text != "usePodCidr").collect();
    (!texts.is_empty()).then(|| texts.iter().any(|text| text.contains(':')))
}

#[cfg(test)]
#[path = "config_test.rs"]
mod tests;
