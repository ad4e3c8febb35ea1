//! Zones and services of firewalld, firewalld.zone(5) and firewalld.service(5).
//!
//! The files are small XML documents; what is needed of them are the names
//! and attributes of a few elements, so they are scanned for tags.

use crate::fact::host::root::{HostRoot, Outcome};

const ZONES: &[&str] = &["/etc/firewalld/zones", "/usr/lib/firewalld/zones"];
const SERVICES: &[&str] = &["/etc/firewalld/services", "/usr/lib/firewalld/services"];

/// Services of firewalld that concern Kubernetes, for where their files were not recorded.
const KNOWN_SERVICES: &[(&str, &[(&str, &str)])] = &[
    ("kube-apiserver", &[("6443", "tcp")]),
    ("kube-control-plane", &[("6443", "tcp"), ("2379-2380", "tcp"), ("10250", "tcp")]),
    ("kube-control-plane-secure", &[("6443", "tcp"), ("2379-2380", "tcp"), ("10250", "tcp")]),
    ("kubelet", &[("10250", "tcp")]),
    ("kubelet-worker", &[("10250", "tcp")]),
    ("kube-worker", &[("10250", "tcp")]),
    ("etcd-client", &[("2379", "tcp")]),
    ("etcd-server", &[("2380", "tcp")]),
    ("bgp", &[("179", "tcp")]),
    ("wireguard", &[("51820", "udp")]),
];

/// Zones that firewalld ships and that open none of our ports.
const CLOSED_ZONES: &[&str] = &["public", "block", "dmz", "drop", "external", "home", "internal", "work"];

/// Ports from the first to the last of one protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range {
    first: u16,
    last: u16,
    protocol: String,
}

impl Range {
    pub(super) fn holds(&self, port: u16, protocol: &str) -> bool {
        self.protocol == protocol && (self.first..=self.last).contains(&port)
    }
}

/// What a zone lets in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Zone {
    pub(super) path: String,
    pub(super) accepts_all: bool,
    pub(super) open: Vec<Range>,
    services: Vec<String>,
    is_bound: bool,
}

/// The default zone and those that are bound to an interface or a source.
pub(super) fn read_active_zones(root: &HostRoot, default_zone: &str) -> Result<Vec<Zone>, String> {
    let mut zones = vec![read_zone(root, default_zone)?];
    let [etc, _] = ZONES else { return Ok(zones) };
    for name in root.read_folder(etc).found().unwrap_or_default() {
        let Some(name) = name.strip_suffix(".xml").filter(|name| *name != default_zone) else { continue };
        let zone = read_zone(root, name)?;
        if zone.is_bound {
            zones.push(zone);
        }
    }
    Ok(zones)
}

fn read_zone(root: &HostRoot, name: &str) -> Result<Zone, String> {
    if name.contains('/') {
        return Err(format!("read the zone {name}: not a name"));
    }
    for folder in ZONES {
        let path = format!("{folder}/{name}.xml");
        match root.read_text(&path) {
            Outcome::Found(text) => {
                let mut zone = parse_zone(&text);
                for service in std::mem::take(&mut zone.services) {
                    zone.open.extend(read_service(root, &service));
                }
                return Ok(Zone { path, ..zone });
            }
            Outcome::Absent => {}
            Outcome::Unreadable(reason) => return Err(reason),
        }
    }
    let path = format!("/usr/lib/firewalld/zones/{name}.xml");
    match name {
        "trusted" => Ok(Zone { path, accepts_all: true, ..Zone::default() }),
        _ if CLOSED_ZONES.contains(&name) => Ok(Zone { path, ..Zone::default() }),
        _ => Err(format!("read {path}: not recorded")),
    }
}

fn read_service(root: &HostRoot, name: &str) -> Vec<Range> {
    let text = SERVICES.iter().find_map(|folder| root.read_text(&format!("{folder}/{name}.xml")).found());
    if let Some(text) = text.filter(|_| !name.contains('/')) {
        return parse_zone(&text).open;
    }
    let known = KNOWN_SERVICES.iter().find(|(service, _)| *service == name);
    let ports = known.into_iter().flat_map(|(_, ports)| ports.iter());
    ports.filter_map(|(ports, protocol)| parse_range(ports, protocol)).collect()
}

fn parse_zone(text: &str) -> Zone {
    let mut zone = Zone::default();
    for tag in tags(text) {
        let name = tag.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
        match name {
            "zone" => zone.accepts_all = attribute(tag, "target") == Some("ACCEPT"),
            "interface" | "source" => zone.is_bound = true,
            "service" => zone.services.extend(attribute(tag, "name").map(str::to_owned)),
            "port" => {
                let range = attribute(tag, "port").zip(attribute(tag, "protocol"));
                zone.open.extend(range.and_then(|(ports, protocol)| parse_range(ports, protocol)));
            }
            _ => {}
        }
    }
    zone
}

/// The insides of `<…>`, comments left out.
fn tags(text: &str) -> Vec<&str> {
    let mut tags = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        let end = if after.starts_with("!--") { "-->" } else { ">" };
        let Some((tag, tail)) = after.split_once(end) else { break };
        tags.push(tag);
        rest = tail;
    }
    tags
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.match_indices(name).find_map(|(at, _)| {
        let is_start = tag.get(..at).is_some_and(|before| before.ends_with(char::is_whitespace));
        let value = tag.get(at + name.len()..)?.trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|c| is_start && matches!(c, '"' | '\''))?;
        value.get(1..)?.split(quote).next()
    })
}

/// `10250` or `2379-2380`.
fn parse_range(ports: &str, protocol: &str) -> Option<Range> {
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    Some(Range { first: first.trim().parse().ok()?, last: last.trim().parse().ok()?, protocol: protocol.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_ranges_and_services_of_a_zone_are_open() {
        let zone = parse_zone(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<zone>\n  <short>Public</short>\n  <service name=\"ssh\"/>\n  \
             <port port=\"2379-2380\" protocol=\"tcp\"/>\n  <!-- <port port=\"6443\" protocol=\"tcp\"/> -->\n  \
             <forward-port port=\"80\" protocol=\"tcp\" to-port=\"8080\"/>\n</zone>\n",
        );
        assert_eq!(zone.services, ["ssh"]);
        assert!(zone.open.iter().any(|range| range.holds(2380, "tcp")) && zone.open.len() == 1);
        assert!(!zone.accepts_all);
    }

    #[test]
    fn a_target_of_accept_opens_everything() {
        let zone = parse_zone("<zone target=\"ACCEPT\"><source address=\"10.0.0.0/8\"/></zone>");
        assert!(zone.accepts_all && zone.is_bound);
    }

    #[test]
    fn broken_xml_opens_nothing() {
        for text in ["<zone", "<port port=\"99999\" protocol=\"tcp\"/>", "<port port=/>", "<!--", "<"] {
            assert!(parse_zone(text).open.is_empty(), "{text}");
        }
    }
}
