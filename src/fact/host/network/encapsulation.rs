//! What encapsulations add to a packet, from `rules/data/encapsulation.yaml`.

use std::sync::OnceLock;

use crate::fact::host::document::{Node, parse_yaml};

/// The table as it is built in.
const TABLE: &str = include_str!("../../../../rules/data/encapsulation.yaml");

/// One way of encapsulation of one pod network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::fact) struct Encapsulation {
    /// The pod network, or flannel's backend.
    pub(in crate::fact) of: String,
    /// The device that shows it; empty for a backend.
    pub(in crate::fact) device: String,
    /// Its name, such as `vxlan`.
    pub(in crate::fact) name: String,
    /// The bytes that it adds.
    pub(in crate::fact) overhead: i64,
    /// Whether the device's own MTU means nothing.
    pub(in crate::fact) is_external: bool,
    /// Whether it comes on top of another one.
    pub(in crate::fact) is_added: bool,
}

/// The whole table.
#[derive(Debug, Default)]
pub(in crate::fact) struct Table {
    /// Encapsulations by device.
    pub(in crate::fact) rows: Vec<Encapsulation>,
    /// flannel's backends.
    pub(in crate::fact) backends: Vec<Encapsulation>,
    /// Networks without encapsulation.
    pub(in crate::fact) native: Vec<String>,
}

/// The built-in table, parsed once.
pub(in crate::fact) fn table() -> &'static Table {
    static PARSED: OnceLock<Table> = OnceLock::new();
    PARSED.get_or_init(|| parse_table(TABLE))
}

fn parse_table(text: &str) -> Table {
    let documents = parse_yaml(text).unwrap_or_default();
    let Some(document) = documents.first() else { return Table::default() };
    let list = |name: &str| document.get(name).map(Node::list).unwrap_or_default();
    Table {
        rows: list("rows").iter().filter_map(|row| parse_row(row, "cni")).collect(),
        backends: list("backends").iter().filter_map(|row| parse_row(row, "backend")).collect(),
        native: list("native").iter().filter_map(Node::text).map(str::to_owned).collect(),
    }
}

fn parse_row(row: &Node, of: &str) -> Option<Encapsulation> {
    let text = |name: &str| row.get(name).and_then(Node::text).map(str::to_owned);
    let truth = |name: &str| row.get(name).and_then(Node::bool).unwrap_or(false);
    Some(Encapsulation {
        of: text(of)?,
        device: text("device").unwrap_or_default(),
        name: text("encapsulation")?,
        overhead: row.get("overhead").and_then(Node::int)?,
        is_external: truth("external"),
        is_added: truth("adds"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_built_in_table_is_understood() {
        let lines = TABLE.lines().filter(|line| line.trim_start().starts_with("- {")).count();
        let table = table();
        assert_eq!(table.rows.len() + table.backends.len(), lines);
        assert!(table.native.iter().any(|network| network == "aws-vpc"));
    }

    #[test]
    fn the_projects_own_constants_differ_for_the_same_device() {
        let overhead = |cni: &str| {
            table().rows.iter().find(|row| row.of == cni && row.device == "genev_sys_6081").map(|row| row.overhead)
        };
        assert_eq!(overhead("antrea"), Some(50));
        assert_eq!(overhead("kube-ovn"), Some(100));
    }
}
