//! Ranges of pod addresses that overlap with those of other nodes, with the
//! range of Services or with addresses of nodes.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::fact::cluster::{Element, Object};
use crate::fact::{Fact, Source};

/// The most conflicts that a node is given.
const MOST_NAMED: usize = 4;

/// One range or address and whose it is.
struct Claim {
    owner: String,
    range: IpNet,
    is_pods: bool,
}

/// What claims addresses, in the order of addresses once it is sorted.
#[derive(Default)]
pub(super) struct Claims {
    claims: Vec<Claim>,
}

impl Claims {
    pub(super) fn see(&mut self, object: &Object<'_>) {
        let owner = || format!("node {}", object.name());
        for text in pod_ranges(object) {
            if let Ok(range) = text.parse::<IpNet>() {
                let range = range.trunc();
                self.claims.push(Claim { owner: owner(), range, is_pods: true });
            }
        }
        for address in object.list("status.addresses") {
            let member = |key: &str| address.get(key).and_then(|value| value.as_str());
            let address = member("address").filter(|_| member("type") == Some("InternalIP"));
            if let Some(range) = address.and_then(|text| text.parse::<IpAddr>().ok()).map(IpNet::from) {
                self.claims.push(Claim { owner: owner(), range, is_pods: false });
            }
        }
    }

    pub(super) fn add_services(&mut self, ranges: &[IpNet]) {
        let claim = |range: &IpNet| Claim { owner: "Services".to_owned(), range: *range, is_pods: false };
        self.claims.extend(ranges.iter().map(claim));
    }

    /// Sorted, so that conflicts are neighbours.
    pub(super) fn sort(&mut self) {
        self.claims.sort_by_key(|claim| (claim.range.network(), claim.range.prefix_len()));
    }

    /// What the ranges of a node overlap with.
    pub(super) fn conflicts(&self, node: &str, ranges: &[(IpNet, String)], source: &Source) -> Fact {
        let mut found = Vec::new();
        for (range, text) in ranges {
            // Everything that begins before this range ends; what ends before it begins is left out.
            let end = self.claims.partition_point(|claim| claim.range.network() <= range.broadcast());
            let own = format!("node {node}");
            let mut is_own_seen = false;
            for claim in self.claims.iter().take(end).rev().filter(|claim| overlap(&claim.range, range)) {
                if claim.is_pods && claim.owner == own && claim.range == *range && !is_own_seen {
                    is_own_seen = true;
                    continue;
                }
                if found.len() < MOST_NAMED {
                    let known = |text: String| Fact::known(text, source.clone());
                    let element = Element::new()
                        .with("cidr", known(text.clone()))
                        .with("with", known(claim.range.to_string()))
                        .with("of", known(claim.owner.clone()));
                    found.push(element.done());
                }
            }
        }
        Fact::known(found, source.clone())
    }
}

fn overlap(this: &IpNet, that: &IpNet) -> bool {
    this.contains(that) || that.contains(this)
}

/// `podCIDRs`; in objects from before 1.16 only `podCIDR`.
pub(super) fn pod_ranges<'a>(object: &Object<'a>) -> Vec<&'a str> {
    let ranges: Vec<&str> = object.list("spec.podCIDRs").iter().filter_map(|json| json.as_str()).collect();
    if ranges.is_empty() {
        object.text("spec.podCIDR").into_iter().filter(|text| !text.is_empty()).collect()
    } else {
        ranges
    }
}

#[cfg(test)]
mod tests {
    use crate::fact::json::json;

    use super::*;
    use crate::fact::cluster::Request;
    use crate::fact::cluster::resource::NODES;

    const NODE: Request = Request::all(&NODES);

    /// Whose addresses the ranges of the first node overlap with.
    fn conflicts(nodes: &[(&str, &[&str], &str)], services: &[&str]) -> Vec<String> {
        let mut claims = Claims::default();
        for (name, ranges, address) in nodes {
            let json = json!({
                "metadata": {"name": name},
                "spec": {"podCIDRs": ranges},
                "status": {"addresses": [{"type": "InternalIP", "address": address}]},
            });
            claims.see(&Object::new(&NODE, &json));
        }
        claims.add_services(&services.iter().map(|range| range.parse().unwrap()).collect::<Vec<_>>());
        claims.sort();
        let (name, ranges, _) = nodes[0];
        let own: Vec<_> = ranges.iter().map(|text| (text.parse().unwrap(), (*text).to_owned())).collect();
        let found = claims.conflicts(name, &own, &Source::default_of("a test"));
        let of = |conflict: &Fact| conflict.member("of").and_then(Fact::text).unwrap().to_owned();
        found.list().unwrap().iter().map(of).collect()
    }

    #[test]
    fn a_range_overlaps_with_others_but_not_with_itself() {
        let a = ("a", &["10.244.1.0/24", "2001:db8:1::/64"][..], "192.0.2.11");
        assert!(conflicts(&[a, ("b", &["10.244.2.0/24"], "192.0.2.12")], &["10.96.0.0/12"]).is_empty());
        assert_eq!(conflicts(&[a, ("b", &["10.244.1.0/24"], "192.0.2.12")], &[]), ["node b"]);
        assert_eq!(conflicts(&[a, ("b", &["10.244.0.0/16"], "192.0.2.12")], &[]), ["node b"], "a wider range");
        assert_eq!(conflicts(&[a, ("b", &[], "10.244.1.7")], &[]), ["node b"], "another node's address");
        assert_eq!(conflicts(&[a], &["10.244.0.0/12"]), ["Services"]);
        assert_eq!(conflicts(&[("a", &["192.0.2.0/24"], "192.0.2.11")], &[]), ["node a"], "its own address");
    }
}
