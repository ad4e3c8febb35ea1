//! Findings of captures: of fixtures with a fault each, literally, and of
//! traffic that these tests make in namespaces of their own (`capture_fault`).
//! `UPDATE=1` rewrites the expected findings.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use etherparse::PacketBuilder;
use scanner::capture::file::Reader;
use scanner::capture::finding::{Analysis, CATALOGUE, Report};
use scanner::capture::packet::{LinkType, Packet};
use scanner::capture::sink::{CapturePoint, Statistics};
use scanner::rule::{LoadOptions, RuleSet};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every fixture with a fault, in order.
fn fixtures() -> Vec<PathBuf> {
    let folder = repository().join("fixtures/captures/faults");
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut captures: Vec<PathBuf> =
        all.filter(|path| path.extension().is_some_and(|end| end == "pcap" || end == "pcapng")).collect();
    captures.sort();
    captures
}

/// What is found in a file, as the command has it.
fn found(file: &[u8]) -> Report {
    let mut reader = Reader::new(file).unwrap();
    let mut analysis = Analysis::new();
    let mut points: Vec<(CapturePoint, Statistics)> = Vec::new();
    while let Some(record) = reader.read().unwrap() {
        let at = match points.iter().position(|(point, _)| point.number == record.number) {
            Some(at) => at,
            None => {
                let (link_type, snap_length) = (record.packet.link_type, record.interface.snap_length);
                let mut point = CapturePoint::new(record.number, link_type, snap_length);
                point.name.clone_from(&record.interface.name);
                point.label.clone_from(&record.interface.name);
                points.push((point, Statistics::default()));
                points.len() - 1
            }
        };
        analysis.observe(&points[at].0, &record.packet);
    }
    points.sort_by_key(|(point, _)| point.number);
    analysis.finish(&points, true)
}

#[test]
fn each_fault_is_found_and_nothing_else() {
    for path in fixtures() {
        let text = found(&fs::read(&path).unwrap()).lines().join("\n") + "\n";
        let expected = path.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expected, &text).unwrap();
        }
        assert_eq!(text, fs::read_to_string(&expected).unwrap(), "{}", path.display());
    }
}

#[test]
fn the_command_says_the_same_as_text_and_keeps_to_its_schema_as_json() {
    let schema = fs::read_to_string(repository().join("reports/capture.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let all = fixtures().into_iter().chain([repository().join("fixtures/captures/x.pcap")]);
    for path in all {
        let run = |arguments: &[&str]| {
            let mut command = Command::cargo_bin("scanner").unwrap();
            command.args(["capture", "-r"]).arg(&path).args(arguments).assert().success().get_output().clone()
        };
        let json = run(&["--format", "json"]).stdout;
        let document: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let faults: Vec<String> =
            validator.iter_errors(&document).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
        assert!(faults.is_empty(), "{}: {faults:?}", path.display());
        if let Ok(expected) = fs::read_to_string(path.with_extension("txt")) {
            let output = run(&[]);
            let notes = String::from_utf8(output.stderr).unwrap();
            assert!(path.ends_with("x.pcap") || notes.ends_with(&expected), "{notes}");
            let silent = run(&["--no-findings"]);
            assert_eq!((silent.stdout, String::from_utf8(silent.stderr).unwrap().lines().count()), (output.stdout, 1));
        }
    }
}

#[test]
fn findings_name_rules_that_there_are() {
    let rules = RuleSet::load(&LoadOptions::default()).unwrap();
    let known: BTreeSet<&str> = rules.rules().iter().map(|rule| rule.name.as_str()).collect();
    for entry in CATALOGUE {
        let unknown: Vec<&&str> = entry.rules.iter().filter(|name| !known.contains(**name)).collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", entry.name);
    }
}

/// A conversation of 10.0.0.1:40000 with 10.0.0.2:80, segment by segment.
#[derive(Default)]
struct Conversation {
    analysis: Analysis,
    number: u16,
    time_ns: i64,
}

impl Conversation {
    /// With a handshake.
    fn begin() -> Self {
        let mut conversation = Conversation::default();
        conversation.segment(0, true, (100, None), "S", 0);
        conversation.segment(1, false, (500, Some(101)), "S", 0);
        conversation.segment(1, true, (101, Some(501)), "", 0);
        conversation
    }

    /// A segment so many milliseconds after the last one.
    fn segment(
        &mut self,
        after_ms: i64,
        is_client: bool,
        (sequence, acknowledgment): (u32, Option<u32>),
        flags: &str,
        length: usize,
    ) {
        self.number += 1;
        self.time_ns += after_ms * 1_000_000;
        self.again(0, is_client, (sequence, acknowledgment), flags, length);
    }

    /// The same packet once more, as another device sees it.
    fn again(
        &mut self,
        after_ms: i64,
        is_client: bool,
        (sequence, acknowledgment): (u32, Option<u32>),
        flags: &str,
        length: usize,
    ) {
        self.time_ns += after_ms * 1_000_000;
        let (source, destination) = if is_client { (1, 2) } else { (2, 1) };
        let (from, to) = if is_client { (40_000, 80) } else { (80, 40_000) };
        let mut header = etherparse::Ipv4Header {
            identification: self.number,
            dont_fragment: true,
            time_to_live: 64,
            source: [10, 0, 0, source],
            destination: [10, 0, 0, destination],
            ..etherparse::Ipv4Header::default()
        };
        header.protocol = etherparse::ip_number::TCP;
        let mut builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, source], [2, 0, 0, 0, 0, destination])
            .ip(etherparse::IpHeaders::Ipv4(header, etherparse::Ipv4Extensions::default()))
            .tcp(from, to, sequence, 64_000);
        for flag in flags.chars() {
            builder = match flag {
                'S' => builder.syn().options(&[etherparse::TcpOptionElement::MaximumSegmentSize(1460)]).unwrap(),
                'F' => builder.fin(),
                _ => builder.rst(),
            };
        }
        if let Some(acknowledgment) = acknowledgment {
            builder = builder.ack(acknowledgment);
        }
        let mut bytes = Vec::new();
        builder.write(&mut bytes, &vec![0; length]).unwrap();
        let point = CapturePoint::new(0, LinkType::Ethernet, 262_144);
        let packet = Packet {
            timestamp_ns: 1_700_000_000_000_000_000 + self.time_ns,
            carried_s: 0,
            length: u32::try_from(bytes.len()).unwrap(),
            bytes: &bytes,
            link_type: LinkType::Ethernet,
        };
        self.analysis.observe(&point, &packet);
    }

    fn kinds(self) -> Vec<(&'static str, Vec<u64>)> {
        let report = self.analysis.finish(&[], true);
        report.findings.into_iter().map(|finding| (finding.kind, finding.packets)).collect()
    }
}

#[test]
fn data_that_is_sent_again_is_a_retransmission_and_its_copy_is_not() {
    let mut talk = Conversation::begin();
    talk.segment(1, true, (101, Some(501)), "", 1000);
    talk.again(1, true, (101, Some(501)), "", 1000);
    talk.segment(300, true, (101, Some(501)), "", 1000);
    talk.segment(1, false, (501, Some(1101)), "", 0);
    assert_eq!(talk.kinds(), [("retransmission", vec![6])]);
}

#[test]
fn reordering_and_keep_alives_are_healthy() {
    let mut talk = Conversation::begin();
    talk.segment(1, true, (1101, Some(501)), "", 1000);
    talk.segment(1, true, (101, Some(501)), "", 1000);
    talk.segment(1, false, (501, Some(2101)), "", 0);
    talk.segment(60_000, true, (2100, Some(501)), "", 1);
    talk.segment(1, false, (501, Some(2101)), "", 0);
    assert_eq!(talk.kinds(), []);
}

#[test]
fn a_peer_that_dies_is_no_black_hole() {
    let mut talk = Conversation::begin();
    talk.segment(1, true, (101, Some(501)), "", 1460);
    talk.segment(1, false, (501, Some(1561)), "", 0);
    talk.segment(1, true, (1561, Some(501)), "", 1460);
    for wait_ms in [200, 400, 800] {
        talk.segment(wait_ms, true, (1561, Some(501)), "", 1460);
    }
    assert_eq!(talk.kinds(), [("data-unacknowledged", vec![7, 8, 9])]);
}

#[test]
fn a_reset_counts_unless_both_have_said_goodbye() {
    let mut talk = Conversation::begin();
    talk.segment(1, true, (101, Some(501)), "", 10);
    talk.segment(1, false, (501, Some(111)), "F", 0);
    talk.segment(1, true, (111, None), "R", 0);
    assert_eq!(talk.kinds(), []);
    let mut talk = Conversation::begin();
    talk.segment(1, true, (101, Some(501)), "", 10);
    talk.segment(1, false, (501, Some(111)), "R", 0);
    assert_eq!(talk.kinds(), [("connection-reset", vec![5])]);
}

#[test]
fn a_capture_that_ends_at_once_has_no_unanswered_syn() {
    let mut talk = Conversation::default();
    talk.segment(0, true, (100, None), "S", 0);
    assert_eq!(talk.kinds(), []);
}
