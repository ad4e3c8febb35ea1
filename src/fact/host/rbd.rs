//! Ceph block devices that the kernel maps (krbd), and the image features
//! that this host gives new images.
//!
//! Sources: `/etc/ceph/rbdmap` (rbdmap(8)), `rbd default features` of
//! `/etc/ceph/ceph.conf`, as names or as the sum of their bits (rbd(8)), and
//! `/sys/bus/rbd/supported_features`, which kernels from 4.11 on show.

use super::absence::{is_evidence, line_number, not_recorded};
use super::root::{HostRoot, Outcome};
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::{Fact, Facts, Source};

const RBDMAP: &str = "/etc/ceph/rbdmap";
const CONF: &str = "/etc/ceph/ceph.conf";
const SUPPORTED: &str = "/sys/bus/rbd/supported_features";

/// Bits of image features, rbd(8) and include/rbd/features.h.
const FEATURES: &[(&str, u64)] = &[
    ("layering", 1),
    ("striping", 2),
    ("exclusive-lock", 4),
    ("object-map", 8),
    ("fast-diff", 16),
    ("deep-flatten", 32),
    ("journaling", 64),
    ("data-pool", 128),
];

pub(super) const COLLECTOR: Collector = Collector { name: "rbd", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new("rbd.is_mapped_here", Type::Bool, "Whether `/etc/ceph/rbdmap` maps images with the kernel at boot."),
    FactDoc::new(
        "rbd.image_features",
        Type::List(&Type::Text),
        "Features that `rbd default features` of ceph.conf gives new images. Absent: it is unset, or Ceph is not here.",
    ),
    FactDoc::new(
        "rbd.kernel_features",
        Type::List(&Type::Text),
        "Features that this kernel says it maps. Absent: it does not say.",
    ),
];

fn collect(host: &Host, _: &Facts) -> Facts {
    let root = &host.root;
    let mut facts = Facts::default();
    facts.set("rbd.is_mapped_here", read_is_mapped(root));
    facts.set(
        "rbd.image_features",
        match root.read_text(CONF) {
            Outcome::Found(text) => match parse_default_features(&text) {
                Some((features, line)) => features_fact(&features, &Source::line(CONF, line)),
                None => Fact::absent(Source::file(CONF)),
            },
            Outcome::Absent => Fact::absent(Source::file(CONF)),
            Outcome::Unreadable(reason) => Fact::unreadable(Source::file(CONF), reason),
        },
    );
    let supported = root.read_text(SUPPORTED).found().and_then(|text| parse_bits(text.trim()));
    facts.set(
        "rbd.kernel_features",
        match supported {
            Some(bits) => features_fact(&names_of(bits), &Source::line(SUPPORTED, 1)),
            None => Fact::absent(Source::file(SUPPORTED)),
        },
    );
    facts
}

fn features_fact(features: &[&str], source: &Source) -> Fact {
    let names: Vec<Fact> = features.iter().map(|name| Fact::known(*name, source.clone())).collect();
    Fact::known(names, source.clone())
}

fn read_is_mapped(root: &HostRoot) -> Fact {
    match root.read_text(RBDMAP) {
        Outcome::Found(text) => {
            let first = text.lines().position(|line| !line.trim().is_empty() && !line.trim().starts_with('#'));
            let source = first.map_or(Source::file(RBDMAP), |index| Source::line(RBDMAP, line_number(index)));
            Fact::known(first.is_some(), source)
        }
        Outcome::Absent if is_evidence(root, "/etc/ceph") || root.metadata("/etc").is_found() => {
            Fact::known(false, Source::file(RBDMAP))
        }
        Outcome::Absent => Fact::unreadable(Source::file(RBDMAP), not_recorded(RBDMAP)),
        Outcome::Unreadable(reason) => Fact::unreadable(Source::file(RBDMAP), reason),
    }
}

/// The last setting of `rbd default features`, spelt with blanks or underscores.
fn parse_default_features(text: &str) -> Option<(Vec<&'static str>, u32)> {
    let mut found = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.split(['#', ';']).next().unwrap_or_default();
        let Some((key, value)) = line.split_once('=') else { continue };
        if key.trim().replace([' ', '-'], "_") == "rbd_default_features" {
            found = parse_features(value.trim()).map(|features| (features, line_number(index)));
        }
    }
    found
}

fn parse_features(value: &str) -> Option<Vec<&'static str>> {
    if let Some(bits) = parse_bits(value) {
        return Some(names_of(bits));
    }
    let known = |name: &str| FEATURES.iter().find(|(feature, _)| *feature == name).map(|(feature, _)| *feature);
    value.split(',').map(|name| known(name.trim())).collect()
}

fn parse_bits(value: &str) -> Option<u64> {
    match value.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => value.parse().ok(),
    }
}

fn names_of(bits: u64) -> Vec<&'static str> {
    FEATURES.iter().filter(|(_, bit)| bits & bit != 0).map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_names_or_a_sum_of_bits() {
        let all = ["layering", "exclusive-lock", "object-map", "fast-diff", "deep-flatten"];
        assert_eq!(parse_default_features("[global]\nrbd default features = 61\n"), Some((all.to_vec(), 2)));
        assert_eq!(
            parse_default_features("rbd_default_features = layering, exclusive-lock ; old\n").unwrap().0,
            all[..2]
        );
        assert_eq!(parse_default_features("#rbd default features = 61\n"), None);
        assert_eq!(parse_default_features("rbd default features = unheard-of\n"), None);
    }

    #[test]
    fn the_kernel_prints_bits_in_hexadecimal() {
        assert_eq!(names_of(parse_bits("0x3d").unwrap()).len(), 5);
    }
}
