//! Files as users have them, and what becomes of their objects.

use std::collections::BTreeSet;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::fact::{Fact, Facts};

const NODE: &str =
    r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"a"},"status":{"nodeInfo":{"kubeletVersion":"v1.36.2"}}}"#;

/// The facts of files, and the faults as they are told.
fn read(files: &[(&str, &[u8])]) -> (Facts, Vec<String>) {
    let wanted = BTreeSet::from(["nodes".to_owned(), "cluster.version".to_owned()]);
    let collection = Collection::new(&wanted);
    let mut reading = Files::new(&collection);
    for (name, bytes) in files {
        reading.add_input(name);
        reading.read_from(name, *bytes).unwrap();
    }
    let faults = reading.end().faults.iter().map(Fault::text).collect();
    (collection.facts("not read"), faults)
}

/// The names of the nodes; of those that are unreadable, why.
fn names(facts: &Facts) -> Vec<String> {
    match facts.get("nodes").unwrap() {
        Fact::Unreadable { reason, .. } => vec![format!("unreadable: {reason}")],
        nodes => nodes.list().unwrap().iter().map(name).collect(),
    }
}

fn name(node: &Fact) -> String {
    match node {
        Fact::Unreadable { reason, .. } => format!("unreadable: {reason}"),
        node => node.member("name").and_then(Fact::text).unwrap().to_owned(),
    }
}

/// The nodes of a text that has no fault.
fn nodes(text: impl AsRef<[u8]>) -> Vec<String> {
    let (facts, faults) = read(&[("x", text.as_ref())]);
    assert_eq!(faults, [] as [String; 0]);
    names(&facts)
}

#[test]
fn single_objects_streams_arrays_and_lists_are_read_as_json() {
    let other = NODE.replace("\"a\"", "\"b\"");
    assert_eq!(nodes(NODE), ["a"]);
    assert_eq!(nodes(format!("{NODE}\n{other}")), ["a", "b"]);
    assert_eq!(nodes(format!("{NODE}{other}")), ["a", "b"]);
    assert_eq!(nodes(format!("[{NODE},{other}]")), ["a", "b"]);
    // kubectl sorts the keys; the API server does not, and its items do not say what they are.
    assert_eq!(nodes(format!(r#"{{"apiVersion":"v1","items":[{NODE},{other}],"kind":"List"}}"#)), ["a", "b"]);
    assert_eq!(nodes(r#"{"kind":"NodeList","apiVersion":"v1","items":[{"metadata":{"name":"c"}}]}"#), ["c"]);
    assert_eq!(nodes(r#"{"items":[{"metadata":{"name":"c"}}],"apiVersion":"v1","kind":"NodeList"}"#), ["c"]);
    assert_eq!(
        nodes(format!(r#"{{"kind":"List","items":[{{"kind":"List","apiVersion":"v1","items":[{NODE}]}}]}}"#)),
        ["a"]
    );
}

#[test]
fn documents_and_lists_are_read_as_yaml() {
    let node = |name: &str| format!("apiVersion: v1\nkind: Node\nmetadata:\n  name: {name}\n");
    assert_eq!(nodes(node("a")), ["a"]);
    let documents =
        format!("# comment\n%YAML 1.2\n---\n{}---\n# nothing\n---\n\n--- # b\n{}...\n", node("a"), node("b"));
    assert_eq!(nodes(documents), ["a", "b"]);
    let list = "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Node\n  metadata:\n    name: a\n    annotations:\n      text: |\n        ---x\n\n        y\n- kind: Node\n  apiVersion: v1\n  metadata: {name: b}\nkind: List\nmetadata:\n  resourceVersion: \"\"\n";
    assert_eq!(nodes(list), ["a", "b"]);
    assert_eq!(nodes("kind: NodeList\napiVersion: v1\nitems:\n- metadata:\n    name: a\n"), ["a"]);
    assert_eq!(nodes("apiVersion: v1\nitems:\n- metadata: {name: a}\nkind: NodeList\n"), ["a"]);
    assert_eq!(nodes("kind: List\nitems:\n  - {kind: Node, apiVersion: v1, metadata: {name: a}}\n"), ["a"]);
    assert_eq!(nodes("{kind: Node, apiVersion: v1, metadata: {name: a}}"), ["a"]);
    assert_eq!(nodes(list.replace('\n', "\r\n")), ["a", "b"]);
    assert_eq!(nodes(format!("\u{feff}{list}")), ["a", "b"]);
}

#[test]
fn packed_files_and_those_of_powershell_are_read() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(NODE.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    assert_eq!(nodes(&packed), ["a"]);
    let wide: Vec<u8> = [0xfeff].into_iter().chain(NODE.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(nodes(wide), ["a"]);
    let (facts, faults) = read(&[("x.gz", &packed[..packed.len() / 2])]);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(names(&facts)[0].starts_with("unreadable: read x.gz: "), "{:?}", names(&facts));
}

#[test]
fn a_dump_of_cluster_info_holds_objects_between_logs() {
    let dump = format!(
        "{{\"kind\":\"NodeList\",\"apiVersion\":\"v1\",\"items\":[{}]}}\n==== START logs for container x of pod kube-system/y ====\n{{\"not\": json\n---\n==== END logs for container x of pod kube-system/y ====\n{NODE}\n",
        r#"{"metadata":{"name":"c"}}"#
    );
    assert_eq!(nodes(dump), ["c", "a"]);
}

#[test]
fn an_object_that_files_hold_twice_counts_once() {
    let (facts, _) = read(&[("x", NODE.as_bytes()), ("y", NODE.as_bytes())]);
    assert_eq!(names(&facts), ["a"]);
}

#[test]
fn a_broken_document_is_told_by_its_line_and_the_others_are_seen() {
    let text = "kind: Node\napiVersion: v1\nmetadata: {name: a}\n---\nkind: Node\nmetadata:\n  name: b\n name: c\n---\nkind: Node\napiVersion: v1\nmetadata: {name: d}\n";
    let (facts, faults) = read(&[("x.yaml", text.as_bytes())]);
    assert_eq!(faults.len(), 1);
    assert!(faults[0].starts_with("x.yaml:8: "), "{faults:?}");
    assert_eq!(names(&facts), ["a".to_owned(), "d".to_owned(), format!("unreadable: read {}", faults[0])]);
}

#[test]
fn a_broken_element_of_a_list_is_told_by_its_line_and_the_others_are_seen() {
    let text = "apiVersion: v1\nitems:\n- kind: Node\n  apiVersion: v1\n  metadata: {name: a}\n- kind: Pod\n  metadata: {name: [}\n- kind: Node\n  apiVersion: v1\n  metadata: {name: b}\nkind: List\n";
    let (facts, faults) = read(&[("x.yaml", text.as_bytes())]);
    assert!(faults.len() == 1 && faults[0].starts_with("x.yaml:7: "), "{faults:?}");
    assert_eq!(names(&facts), ["a", "b"], "it is of another kind");
    let text = format!(
        "{{\"kind\":\"List\",\"items\":[\n{NODE},\n{{\"kind\":\"Pod\" 7}},\n{}]}}",
        NODE.replace("\"a\"", "\"b\"")
    );
    let (facts, faults) = read(&[("x.json", text.as_bytes())]);
    assert!(faults.len() == 1 && faults[0].starts_with("x.json:"), "{faults:?}");
    assert_eq!(names(&facts), ["a", "b"]);
}

#[test]
fn a_broken_document_of_a_stream_of_json_does_not_take_the_next_along() {
    let text = format!("{NODE}\n{{\"kind\":\"Pod\",\n \"x\" 7}}\n{}\n", NODE.replace("\"a\"", "\"b\""));
    let (facts, faults) = read(&[("x.json", text.as_bytes())]);
    assert_eq!(names(&facts), ["a", "b"], "{faults:?}");
    assert!(faults.len() == 1 && faults[0].starts_with("x.json:3: "), "{faults:?}");
}

#[test]
fn what_breaks_off_is_told() {
    let (facts, faults) = read(&[("x.json", &NODE.as_bytes()[..50])]);
    assert_eq!(faults, ["x.json:1: the document breaks off"]);
    assert_eq!(names(&facts), ["unreadable: read x.json:1: the document breaks off"]);
}

#[test]
fn a_document_that_shows_no_kind_leaves_unknown_only_what_nothing_else_holds() {
    let (facts, faults) = read(&[("a.json", NODE.as_bytes()), ("b.yaml", b"{{ template }}: [\n")]);
    assert_eq!((names(&facts), faults.len()), (vec!["a".to_owned()], 1));
    let (facts, _) = read(&[("b.yaml", b"{{ template }}: [\n")]);
    assert!(names(&facts)[0].starts_with("unreadable: read b.yaml:1"), "{:?}", names(&facts));
}

#[test]
fn hostile_yaml_is_a_fault_and_no_bomb() {
    let mut bomb = "kind: Node\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = level - 1;
        bomb.extend([format!("a{level}: &a{level} [{}]\n", vec![format!("*a{before}"); 10].join(", "))]);
    }
    let (_, faults) = read(&[("bomb.yaml", bomb.as_bytes())]);
    assert!(faults.len() == 1 && faults[0].starts_with("bomb.yaml:"), "{faults:?}");
    let (_, faults) = read(&[("binary", b"kind: Node\nname: \xff\xfe\n")]);
    assert_eq!(faults, ["binary:2: it is not UTF-8 text"]);
    let (_, faults) = read(&[("deep.json", "{\"a\":".repeat(100_000).as_bytes())]);
    assert_eq!(faults.len(), 1, "{faults:?}");
}

#[test]
fn a_recorded_version_is_known_in_each_of_its_forms() {
    let version = |text: &str| {
        let (facts, faults) = read(&[("x", text.as_bytes()), ("y", NODE.as_bytes())]);
        assert_eq!(faults, [] as [String; 0]);
        facts.text("cluster.version").map(str::to_owned)
    };
    let recorded = include_str!("../../../../fixtures/clusters/lab/version.json");
    assert_eq!(version(recorded).as_deref(), Some("v1.36.2"));
    assert_eq!(
        version(r#"{"clientVersion":{"gitVersion":"v1.2.3"},"serverVersion":{"gitVersion":"v1.36.1"}}"#).as_deref(),
        Some("v1.36.1")
    );
    assert_eq!(version("serverVersion:\n  gitVersion: v1.36.0\n").as_deref(), Some("v1.36.0"));
}

#[test]
fn nothing_and_logs_hold_nothing() {
    for text in ["", "\n\n", "# only a comment\n", "---\n---\n"] {
        let (facts, faults) = read(&[("x", text.as_bytes())]);
        assert_eq!((names(&facts), faults.len()), (vec!["unreadable: x holds no Node".to_owned()], 0), "{text:?}");
    }
    let collection = Collection::new(&BTreeSet::new());
    let mut files = Files::new(&collection);
    files.read_if_known("logs.txt", &b"E1123 [{: broken\n"[..]).unwrap();
    assert_eq!(files.end().faults, []);
}
