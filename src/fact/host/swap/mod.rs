//! Swap: what is on now; for what the next boot turns on see [`boot`].
//!
//! Source: `/proc/swaps`, `proc_swaps(5)`, which lists zram devices too.

mod boot;

use std::collections::BTreeMap;

use super::absence::{fact_of, line_number};
use super::root::Outcome;
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Source, Value};

const SWAPS: &str = "/proc/swaps";

pub(super) const COLLECTOR: Collector = Collector { name: "swap", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "swap.is_on",
        Type::Bool,
        "Whether any swap space is active. Source: `/proc/swaps`; a table with only its header, or a kernel without swap, is false.",
    ),
    FactDoc::new("swap.active", Type::List(&Type::Object(ACTIVE)), "Active swap spaces."),
    FactDoc::new(
        "swap.at_boot",
        Type::List(&Type::Object(AT_BOOT)),
        "What turns swap on at the next boot: fstab, enabled .swap units, zram-generator, zram services, dphys-swapfile.",
    ),
];

const ACTIVE: &[Field] = &[
    Field::new("device", Type::Text, "Device or file"),
    Field::new("kind", Type::Text, "`partition` or `file`, as the kernel says"),
    Field::new("is_zram", Type::Bool, "It is compressed memory"),
    Field::new("size_bytes", Type::Int, "Size in bytes; the kernel prints KiB"),
];

const AT_BOOT: &[Field] = &[
    Field::new("kind", Type::Text, "`fstab`, `unit`, `zram-generator`, `zram-service` or `swapfile-service`"),
    Field::new("setting", Type::Text, "The line or unit that does it"),
];

fn collect(host: &Host, _: &Facts) -> Facts {
    let mut facts = Facts::default();
    let swaps = match host.root.read_kernel_text(SWAPS) {
        // CONFIG_SWAP=n: such a kernel has no table and no swap.
        Outcome::Absent if host.root.has_kernel_files() => Outcome::Found(String::new()),
        Outcome::Absent => Outcome::Unreadable(super::absence::not_recorded(SWAPS)),
        swaps => swaps,
    };
    let active = swaps.map(|text| parse_swaps(&text));
    let source = match &active {
        Outcome::Found(spaces) => spaces.first().map_or(Source::file(SWAPS), |space| Source::line(SWAPS, space.line)),
        _ => Source::file(SWAPS),
    };
    facts.set("swap.is_on", fact_of(source, active.as_ref().map(|spaces| !spaces.is_empty())));
    let list = active.map(|spaces| spaces.iter().map(space_fact).collect::<Vec<_>>());
    facts.set("swap.active", fact_of(Source::file(SWAPS), list));
    facts.set("swap.at_boot", boot::read_at_boot(&host.root));
    facts
}

/// One active swap space.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Space {
    device: String,
    kind: String,
    size_bytes: i64,
    line: u32,
}

fn space_fact(space: &Space) -> Fact {
    let source = Source::line(SWAPS, space.line);
    let members = BTreeMap::from([
        ("device".to_owned(), Fact::known(space.device.as_str(), source.clone())),
        ("kind".to_owned(), Fact::known(space.kind.as_str(), source.clone())),
        ("is_zram".to_owned(), Fact::known(space.device.contains("/zram"), source.clone())),
        ("size_bytes".to_owned(), Fact::known(space.size_bytes, source.clone())),
    ]);
    Fact::known(Value::Map(members), source)
}

/// The lines after the header: device, type, size in KiB, used, priority.
fn parse_swaps(text: &str) -> Vec<Space> {
    let space = |(index, line): (usize, &str)| {
        let mut fields = line.split_whitespace();
        let device = fields.next().filter(|device| *device != "Filename")?;
        let kind = fields.next()?;
        let kib: i64 = fields.next()?.parse().ok()?;
        Some(Space {
            device: device.replace("\\040", " "),
            kind: kind.to_owned(),
            size_bytes: kib.saturating_mul(1024),
            line: line_number(index),
        })
    };
    text.lines().enumerate().filter_map(space).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

    #[test]
    fn a_table_with_only_its_header_is_no_swap() {
        assert_eq!(parse_swaps(HEADER), []);
        assert_eq!(parse_swaps(""), []);
    }

    #[test]
    fn zram_counts_as_swap() {
        let text = format!("{HEADER}/dev/zram0                              partition\t4194300\t\t0\t\t100\n");
        let spaces = parse_swaps(&text);
        assert_eq!((spaces[0].device.as_str(), spaces[0].size_bytes, spaces[0].line), ("/dev/zram0", 4_294_963_200, 2));
    }

    #[test]
    fn garbage_is_no_swap() {
        assert_eq!(parse_swaps("\u{fffd}\u{fffd} x y\n/dev/sda2 partition notanumber\n"), []);
    }
}
