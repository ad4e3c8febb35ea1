//! flannel's own files: `subnet.env` and, in k3s, its configuration.

use crate::fact::host::Host;
use crate::fact::host::document::parse_json;
use crate::fact::host::root::Outcome;
use crate::fact::{Facts, Source};

/// Written by flanneld when it starts.
const SUBNET_FILE: &str = "/run/flannel/subnet.env";

/// Written by k3s for the flannel inside of it.
const K3S_CONFIG: &str = "/var/lib/rancher/k3s/agent/etc/flannel/net-conf.json";

/// `FLANNEL_MTU`, the MTU that flannel gives to the pods.
pub(super) fn read_subnet_mtu(host: &Host) -> Outcome<(i64, Source)> {
    match host.root.read_text(SUBNET_FILE) {
        Outcome::Found(text) => match parse_subnet_mtu(&text) {
            Some((mtu, line)) => Outcome::Found((mtu, Source::line(SUBNET_FILE, line))),
            None => Outcome::Unreadable(format!("read {SUBNET_FILE}: it has no FLANNEL_MTU")),
        },
        Outcome::Absent => Outcome::Absent,
        Outcome::Unreadable(reason) => Outcome::Unreadable(reason),
    }
}

/// flannel's backend by its name: k3s' flag, else k3s' file.
pub(super) fn read_backend(host: &Host, earlier: &Facts) -> Option<(String, Source)> {
    let text = host.root.read_text(K3S_CONFIG).found();
    let of_file = text.and_then(|text| parse_backend(&text)).map(|(name, line)| (name, Source::line(K3S_CONFIG, line)));
    of_file.or_else(|| {
        let fact = earlier.get("k3s.flannel_backend")?;
        Some((fact.text()?.to_owned(), fact.source()?.clone()))
    })
}

/// Parses `subnet.env`: lines of `NAME=value`.
fn parse_subnet_mtu(text: &str) -> Option<(i64, u32)> {
    (1_u32..)
        .zip(text.lines())
        .filter_map(|(number, line)| {
            Some((line.trim().strip_prefix("FLANNEL_MTU=")?.trim_matches(['"', '\'']).parse().ok()?, number))
        })
        .last()
}

fn parse_backend(text: &str) -> Option<(String, u32)> {
    let document = parse_json(text).ok()?;
    let kind = document.at(&["Backend", "Type"])?;
    Some((kind.text()?.to_lowercase(), kind.line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mtu_of_subnet_env_keeps_its_line() {
        let text =
            "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n";
        assert_eq!(parse_subnet_mtu(text), Some((1450, 3)));
        assert_eq!(parse_subnet_mtu("FLANNEL_MTU=many\n"), None);
        assert_eq!(parse_subnet_mtu(""), None);
    }

    #[test]
    fn k3s_names_its_backend_in_a_file() {
        let text = "{\n\t\"Network\": \"10.42.0.0/16\",\n\t\"Backend\": {\n\t\"Type\": \"vxlan\"\n}\n}\n";
        assert_eq!(parse_backend(text), Some(("vxlan".to_owned(), 4)));
        assert_eq!(parse_backend("{"), None);
    }
}
