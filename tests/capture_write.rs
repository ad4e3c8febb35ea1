//! Written captures, read back by tshark, capinfos and tcpdump, and what is
//! left of one when the disk is full. Where a program is missing, or root,
//! the test says so and does nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]
#![allow(clippy::print_stderr)]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;
use scanner::capture::file::Reader;
use scanner::capture::packet::{LinkType, Packet};
use scanner::capture::write::{
    Direction, FileFormat, InterfaceDescription, Notes, Section, Statistics, WriteCapture, WriteOptions, Writer,
};

/// What a program prints; none, with the reason said, where it is missing.
fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let Ok(output) = Command::new(program).args(arguments).env("TZ", "UTC").output() else {
        eprintln!("skipped: {program} is not installed");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}{text}");
    Some(text)
}

fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

fn described() -> Section {
    Section {
        hardware: "x86_64".to_owned(),
        system: "Linux 6.1.0".to_owned(),
        application: "scanner 0.1.0".to_owned(),
        comments: vec!["scanner capture default/web-0 --path".to_owned(), "node cn-01".to_owned()],
    }
}

/// Two points, names, comments, counters, and the 64 packets of the fixture.
fn write(path: &Path, format: FileFormat) {
    let options = WriteOptions { format, section: described(), ..WriteOptions::default() };
    let mut writer = Writer::to_file(path.to_str().unwrap(), options, now()).unwrap();
    let pod = writer
        .add_interface(InterfaceDescription {
            description: Some("eth0 of the pod".to_owned()),
            hardware_address: Some([0x0a, 0x58, 0x0a, 0xf4, 1, 2]),
            addresses: vec![("10.244.1.2".parse().unwrap(), 24), ("fd00::2".parse().unwrap(), 64)],
            filter: Some("tcp port 80".to_owned()),
            comments: vec!["pod default/web-0".to_owned()],
            ..InterfaceDescription::new("default/web-0:eth0", LinkType::Ethernet)
        })
        .unwrap();
    let host = writer.add_interface(InterfaceDescription::new("veth1a2b", LinkType::Ethernet)).unwrap();
    writer.add_names([("10.244.1.2".parse().unwrap(), "web-0.default".to_owned())]).unwrap();
    writer.add_names([("fd00::2".parse().unwrap(), "web-0.default".to_owned())]).unwrap();
    let file = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/captures/x.pcap")).unwrap();
    let mut reader = Reader::new(file.as_slice()).unwrap();
    let mut number = 0_u64;
    while let Some(record) = reader.read().unwrap() {
        number += 1;
        let packet = Packet { timestamp_ns: record.packet.timestamp_ns + 789, ..record.packet };
        let comments: &[&str] = if number == 5 { &["the first SYN"] } else { &[] };
        let direction = if number.is_multiple_of(2) { Direction::In } else { Direction::Out };
        let notes = Notes { direction, packet_id: Some(number), comments };
        let _ = writer.write(if number.is_multiple_of(2) { pod } else { host }, &packet, &notes, now()).unwrap();
    }
    let counters = Statistics {
        started_ns: 1_700_000_000_000_000_000,
        at_ns: 1_700_000_009_000_000_001,
        received: Some(70),
        dropped_by_interface: Some(1),
        accepted_by_filter: Some(64),
        dropped_by_kernel: Some(2),
        delivered: Some(62),
    };
    writer.statistics(pod, &counters).unwrap();
    writer.statistics(host, &Statistics { received: Some(9), ..counters }).unwrap();
    writer.finish().unwrap();
}

#[test]
fn tshark_finds_names_comments_and_directions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pcapng");
    write(&path, FileFormat::Pcapng);
    let file = path.to_str().unwrap();
    let fields = ["frame.interface_name", "frame.comment", "frame.packet_flags_direction", "frame.time_epoch"];
    let wanted = fields.iter().flat_map(|field| ["-e", field]);
    let arguments: Vec<&str> = ["-r", file, "-T", "fields", "-E", "separator=|"].into_iter().chain(wanted).collect();
    let Some(text) = output_of("tshark", &arguments) else { return };
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 64);
    assert_eq!(lines[4], "veth1a2b|the first SYN|0x00000002|1700000004.123456789");
    assert_eq!(lines[5], "default/web-0:eth0||0x00000001|1700000005.123456789");
    // The names in the file serve without any resolver.
    let resolved = output_of("tshark", &["-r", file, "-N", "n", "-c", "5", "-Y", "frame.number == 5"]).unwrap();
    assert!(resolved.contains("web-0.default"), "{resolved}");
}

#[test]
fn capinfos_finds_the_interfaces_and_their_counters() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pcapng");
    write(&path, FileFormat::Pcapng);
    let Some(text) = output_of("capinfos", &[path.to_str().unwrap()]) else { return };
    for part in [
        "File timestamp precision:  nanoseconds (9)",
        "Capture oper-sys:    Linux 6.1.0",
        "Capture application: scanner 0.1.0",
        "Capture comment:     scanner capture default/web-0 --path",
        "Number of interfaces in file: 2",
        "Name = default/web-0:eth0",
        "Description = eth0 of the pod",
        "Time precision = nanoseconds (9)",
        "Filter string = tcp port 80",
        "Number of stat entries = 1",
        "Number of packets = 32",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn tcpdump_reads_both_forms() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/captures/x.txt")).unwrap();
    for format in [FileFormat::Pcapng, FileFormat::Pcap] {
        let path = folder.path().join("a");
        write(&path, format);
        let Some(text) = output_of("tcpdump", &["-n", "-r", path.to_str().unwrap()]) else { return };
        // The fixture's text leaves out a few packets.
        assert!(expected.lines().all(|line| text.contains(line)), "{format:?}:\n{text}");
    }
}

/// A file system of one MiB, which ends with the test.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(at).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(SmallDisk(at.to_owned()));
        }
        eprintln!("skipped: only root can mount a small file system");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_ends_the_capture_with_an_error_and_a_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    for format in [FileFormat::Pcapng, FileFormat::Pcap] {
        let Some(_disk) = SmallDisk::mount(folder.path()) else { return };
        let path = folder.path().join("a");
        let options = WriteOptions { format, ..WriteOptions::default() };
        let mut writer = Writer::to_file(path.to_str().unwrap(), options, now()).unwrap();
        let number = writer.add_interface(InterfaceDescription::new("eth0", LinkType::Ethernet)).unwrap();
        // No divisor of a page, so that the disk ends within a packet.
        let bytes = [0x5a; 1013];
        let packet =
            Packet { timestamp_ns: 1, carried_s: 0, length: 1500, bytes: &bytes, link_type: LinkType::Ethernet };
        let error = (0..4_000).find_map(|_| writer.write(number, &packet, &Notes::default(), now()).err()).unwrap();
        drop(writer);
        assert_eq!(error.help(), Some("bound what is kept with -C and -W, or cut packets with -s"), "{error}");
        let WriteCapture::Write { kept_bytes, .. } = error else { panic!("{error}") };
        let file = fs::read(&path).unwrap();
        assert_eq!(u64::try_from(file.len()).unwrap(), kept_bytes);
        let mut reader = Reader::new(file.as_slice()).unwrap();
        let mut packets = 0;
        while reader.read().unwrap().is_some() {
            packets += 1;
        }
        assert!(packets > 900, "{packets} packets were kept");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        if let Some(text) = output_of("capinfos", &["-c", "-M", path.to_str().unwrap()]) {
            assert!(text.contains(&format!("Number of packets:   {packets}")), "{text}");
        }
    }
}
