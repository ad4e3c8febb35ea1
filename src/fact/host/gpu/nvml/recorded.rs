//! The answers of NVML in a recorded tree: `/nvml.json`, docs/recorded-gpu.md.
//!
//! A member that is `null` is not supported by the GPU; one that is left out
//! was not recorded.

use super::{Answer, Answers, MigDevice, profile_of};
use crate::fact::Source;
use crate::fact::host::document::{Node, NodeValue, parse_json};
use crate::fact::host::root::{HostRoot, Outcome};

pub(super) const PATH: &str = "/nvml.json";

/// The recorded answers. Absent: there are none.
pub(super) fn read_answers(root: &HostRoot) -> Outcome<Answers> {
    root.read_text(PATH).and_then(|text| match parse_json(&text) {
        Ok(document) => Outcome::Found(parse_answers(&document)),
        Err(error) => Outcome::Unreadable(format!("read {PATH}: {error}")),
    })
}

fn parse_answers(document: &Node) -> Answers {
    let devices = document.get("devices").map(Node::list).unwrap_or_default();
    Answers {
        devices: devices.iter().map(parse_answer).collect(),
        refusal: document.get("error").and_then(Node::text).map(str::to_owned),
        problems: Vec::new(),
        source: Source::file(PATH),
    }
}

fn parse_answer(node: &Node) -> Answer {
    let text = |path: &[&str]| node.at(path).and_then(Node::text).map(str::to_owned);
    let mig_mode = parse_mode(node, "mig_mode");
    Answer {
        source: Source::line(PATH, node.line),
        uuid: text(&["uuid"]),
        minor: node.get("minor_number").and_then(Node::int),
        bus_id: text(&["pci", "bus_id"]),
        mig_devices: parse_mig_devices(node, &mig_mode),
        mig_mode,
        ecc_enabled: parse_mode(node, "ecc_mode").map(|(current, _)| current),
        ecc_uncorrected: member(node, &["ecc_errors", "volatile", "uncorrected"], Node::int),
        row_remap_pending: member(node, &["remapped_rows", "pending"], truth),
        row_remap_failed: member(node, &["remapped_rows", "failure"], truth),
        pages_pending: member(node, &["retired_pages", "pending"], truth),
    }
}

/// A mode now and after the next reset: `{current, pending}`.
fn parse_mode(node: &Node, name: &str) -> Outcome<(bool, bool)> {
    let pending = node.at(&[name, "pending"]).and_then(truth);
    member(node, &[name, "current"], truth).map(|current| (current, pending.unwrap_or(current)))
}

fn parse_mig_devices(node: &Node, mode: &Outcome<(bool, bool)>) -> Outcome<Vec<MigDevice>> {
    match node.get("mig_devices") {
        Some(Node { value: NodeValue::List(devices), .. }) => {
            Outcome::Found(devices.iter().map(parse_mig_device).collect())
        }
        _ => match mode {
            Outcome::Found((true, _)) => not_recorded("mig_devices"),
            Outcome::Found((false, _)) => Outcome::Found(Vec::new()),
            other => other.as_ref().map(|_| Vec::new()),
        },
    }
}

fn parse_mig_device(node: &Node) -> MigDevice {
    let profile = node.get("profile").and_then(Node::text).map(str::to_owned);
    MigDevice {
        gpu_instance: node.get("gpu_instance_id").and_then(Node::int),
        compute_instance: node.get("compute_instance_id").and_then(Node::int),
        profile: profile.or_else(|| profile_of(node.get("name").and_then(Node::text)?)),
    }
}

/// A member at a path. Absent: it or a group on the way is null.
fn member<T>(node: &Node, path: &[&str], read: impl Fn(&Node) -> Option<T>) -> Outcome<T> {
    let mut at = node;
    for name in path {
        match at.get(name) {
            Some(Node { value: NodeValue::Null, .. }) => return Outcome::Absent,
            Some(inner) => at = inner,
            None => return not_recorded(&path.join(".")),
        }
    }
    match read(at) {
        Some(value) => Outcome::Found(value),
        None => Outcome::Unreadable(format!(
            "read {PATH}: line {}: {} has a value of the wrong type",
            at.line,
            path.join(".")
        )),
    }
}

fn not_recorded<T>(name: &str) -> Outcome<T> {
    Outcome::Unreadable(format!("read {PATH}: {name} was not recorded"))
}

/// NVML's 0 and 1, or a truth.
fn truth(node: &Node) -> Option<bool> {
    match node.value {
        NodeValue::Bool(truth) => Some(truth),
        NodeValue::Int(number) => Some(number != 0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> Answer {
        parse_answers(&parse_json(text).unwrap()).devices.into_iter().next().unwrap()
    }

    #[test]
    fn what_is_null_is_not_supported_and_what_is_left_out_was_not_recorded() {
        let answer = first(r#"{"devices": [{"mig_mode": null, "remapped_rows": {"pending": false, "failure": 1}}]}"#);
        assert_eq!(answer.mig_mode, Outcome::Absent);
        assert_eq!(answer.mig_devices, Outcome::Absent);
        assert_eq!(answer.row_remap_pending, Outcome::Found(false));
        assert_eq!(answer.row_remap_failed, Outcome::Found(true));
        assert!(matches!(answer.ecc_enabled, Outcome::Unreadable(_)));
    }

    #[test]
    fn modes_have_a_present_and_a_coming_value() {
        let answer =
            first(r#"{"devices": [{"mig_mode": {"current": 1, "pending": 0}, "ecc_mode": {"current": true}}]}"#);
        assert_eq!(answer.mig_mode, Outcome::Found((true, false)));
        assert!(matches!(answer.mig_devices, Outcome::Unreadable(_)), "MIG is on, and its devices were not recorded");
        assert_eq!(answer.ecc_enabled, Outcome::Found(true));
        assert!(matches!(first(r#"{"devices": [{"mig_mode": {"current": "x"}}]}"#).mig_mode, Outcome::Unreadable(_)));
    }

    #[test]
    fn a_refusal_is_kept_in_nvmls_words() {
        let answers = parse_answers(&parse_json(r#"{"error": "Driver/library version mismatch"}"#).unwrap());
        assert_eq!(answers.refusal.as_deref(), Some("Driver/library version mismatch"));
        assert!(answers.devices.is_empty());
    }
}
