//! Live capture on real parts: namespaces and veth pairs that the tests make,
//! tcpdump beside it on the same traffic, pods on a containerd of the tests'
//! own, containers on Podman.
//!
//! Needs root and the packages that `make test` installs; a test says so and
//! does nothing where something is missing. Whatever a test makes has the
//! number of its process in its name and is removed at its end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]
#![allow(clippy::print_stderr, missing_docs)]

pub(crate) mod lab;
mod pod;
mod runtime;

use std::fs;
use std::time::{Duration, Instant};

use lab::{Captured, Lab, can_capture, run, start_capture};

#[test]
fn lines_are_those_of_tcpdump_beside_it() {
    if !can_capture(&["tcpdump"]) {
        return;
    }
    // Without times: each socket has its own for packets that are sent.
    let lab = Lab::new("td");
    let device = lab.inner("eth0");
    let tcpdump = lab.start_tcpdump(&["-n", "-i", "eth0", "-t", "-c", "12", "not ip6"]);
    let capture = start_capture(&[&device, "-t", "-c", "12", "not", "ip6"]);
    lab.ping(4);
    lab.connect();
    let (ours, theirs) = (capture.wait(), tcpdump.wait());
    assert_eq!(ours.code, Some(0), "{}", ours.notes);
    assert_eq!(ours.lines, theirs.lines, "{}", ours.notes);
    assert_eq!(ours.lines.lines().count(), 12);
    assert!(
        ours.notes.contains("12 packets captured") && ours.notes.contains("0 packets dropped by kernel"),
        "{}",
        ours.notes
    );
}

#[test]
fn any_names_the_interface_in_each_line_as_tcpdump_does() {
    if !can_capture(&["tcpdump"]) {
        return;
    }
    let lab = Lab::new("an");
    let tcpdump = lab.start_tcpdump(&["-n", "-i", "any", "-t", "-c", "4", "icmp"]);
    let capture = start_capture(&[&lab.inner(""), "-i", "any", "-t", "-c", "4", "icmp"]);
    lab.ping(4);
    let (ours, theirs) = (capture.wait(), tcpdump.wait());
    assert_eq!(ours.lines, theirs.lines, "{}", ours.notes);
    assert!(ours.lines.starts_with("eth0  In  IP 10.99."), "{}", ours.lines);
    assert!(ours.notes.contains("link-type LINUX_SLL2"), "{}", ours.notes);
}

#[test]
fn direction_and_snap_length_are_heeded() {
    if !can_capture(&[]) {
        return;
    }
    let lab = Lab::new("di");
    let capture = start_capture(&[&lab.inner("eth0"), "-Q", "in", "-s", "60", "-e", "-c", "2", "icmp"]);
    lab.ping(3);
    let ours = capture.wait();
    assert_eq!(ours.lines.matches("echo request").count(), 2, "{}{}", ours.lines, ours.notes);
    assert!(ours.lines.contains("length 98: "), "the length on the wire: {}", ours.lines);
    assert!(ours.notes.contains("snapshot length 60 bytes"), "{}", ours.notes);
}

#[test]
fn the_path_of_a_packet_is_merged_in_the_order_of_time() {
    if !can_capture(&[]) {
        return;
    }
    // The lab's outer namespace plays the node, so that this machine stays as it is.
    let lab = Lab::new("pa");
    lab.outer(&["ip", "link", "add", "up0", "type", "bridge"]);
    lab.outer(&["ip", "address", "add", "192.0.2.9/24", "dev", "up0"]);
    lab.outer(&["ip", "link", "set", "up0", "up"]);
    lab.outer(&["ip", "route", "add", "default", "dev", "up0"]);
    let capture = lab.start_capture_outside(&[&lab.inner(""), "--path", "--duration", "30s", "-c", "4", "icmp"]);
    lab.ping(2);
    let ours = capture.wait();
    let (inside, outside) = (format!("netns/{}:eth0", lab.name()), format!("node:{}", lab.host_end()));
    let hops: Vec<&str> = ours.lines.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(hops, [&outside, &inside, &inside, &outside], "{}{}", ours.lines, ours.notes);
    assert!(ours.notes.contains("listening on node:up0"), "{}", ours.notes);
    assert!(ours.notes.contains(&format!("  {inside}: 2 captured")), "{}", ours.notes);
}

#[test]
fn signals_end_with_statistics_and_the_files_are_whole() {
    if !can_capture(&["tcpdump"]) {
        return;
    }
    let lab = Lab::new("si");
    for signal in ["INT", "TERM"] {
        let file = lab.folder.path().join(format!("{signal}.pcapng"));
        let path = file.to_str().unwrap().to_owned();
        let capture = start_capture(&[&lab.inner("eth0"), "-w", &path, "--print", "icmp"]);
        lab.ping(2);
        capture.signal(signal);
        let ours = capture.wait();
        assert_eq!(ours.code, Some(130), "{}", ours.notes);
        assert!(ours.notes.contains("4 packets captured"), "{}", ours.notes);
        let read = run("tcpdump", &["-n", "-r", &path]);
        assert_eq!(read.lines.lines().count(), 4, "{}", read.notes);
        assert_eq!(read.lines, ours.lines);
    }
}

#[test]
fn a_file_says_which_way_packets_went_and_which_are_the_same() {
    if !can_capture(&["tshark"]) {
        return;
    }
    let lab = Lab::new("wa");
    lab.outer(&["ip", "link", "add", "up0", "type", "bridge"]);
    lab.outer(&["ip", "address", "add", "192.0.2.9/24", "dev", "up0"]);
    lab.outer(&["ip", "link", "set", "up0", "up"]);
    lab.outer(&["ip", "route", "add", "default", "dev", "up0"]);
    let file = lab.folder.path().join("way.pcapng");
    let path = file.to_str().unwrap().to_owned();
    let capture =
        lab.start_capture_outside(&[&lab.inner(""), "--path", "-w", &path, "--duration", "30s", "-c", "4", "icmp"]);
    lab.ping(2);
    assert_eq!(capture.wait().code, Some(0));
    let fields = ["frame.interface_name", "frame.packet_flags_direction", "frame.packet_id", "icmp.type"];
    let fields: Vec<&str> = fields.iter().flat_map(|field| ["-e", field]).collect();
    let read = run("tshark", &[&["-r", &path, "-T", "fields"], &fields[..]].concat());
    let rows: Vec<Vec<&str>> = read.lines.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows.len(), 4, "{}", read.notes);
    for row in &rows {
        // The outer end pings: a request goes out of its device and into the inner one.
        let is_inside = row[0].starts_with("netns/");
        let goes_in = is_inside == (row[3] == "8");
        assert_eq!(row[1], if goes_in { "0x00000001" } else { "0x00000002" }, "{}", read.lines);
    }
    assert_eq!((rows[0][2], rows[2][2]), (rows[1][2], rows[3][2]), "{}", read.lines);
    assert_ne!(rows[0][2], rows[2][2], "{}", read.lines);
}

#[test]
fn no_capability_is_left_once_packets_are_read() {
    if !can_capture(&[]) {
        return;
    }
    let lab = Lab::new("ca");
    let capture = start_capture(&[&lab.inner("eth0"), "icmp"]);
    // It is told what is listened on before the last rights are given up.
    let until = Instant::now() + Duration::from_secs(20);
    let rights = || {
        let tasks = fs::read_dir(format!("/proc/{}/task", capture.pid())).unwrap();
        let status = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("status")).unwrap_or_default());
        let is_right = |line: &&str| ["CapEff", "CapPrm", "CapInh"].iter().any(|name| line.starts_with(name));
        status.flat_map(|text| text.lines().filter(is_right).map(str::to_owned).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    while rights().iter().any(|line| !line.ends_with("\t0000000000000000")) {
        assert!(Instant::now() < until, "{:?}", rights());
        std::thread::sleep(Duration::from_millis(20));
    }
    capture.signal("TERM");
    assert_eq!(capture.wait().code, Some(130));
}

#[test]
fn nothing_is_left_behind_by_a_kill() {
    if !can_capture(&[]) {
        return;
    }
    let lab = Lab::new("ki");
    let sockets = || lab.read_inside("/proc/thread-self/net/packet").lines().count();
    let mounts = || fs::read_to_string("/proc/mounts").unwrap().matches(lab.name()).count();
    assert_eq!(sockets(), 1, "the heading alone");
    let before = mounts();
    let capture = start_capture(&[&lab.inner("eth0")]);
    assert_eq!(sockets(), 2);
    capture.signal("KILL");
    assert_eq!(capture.wait().code, None);
    assert_eq!((sockets(), mounts()), (1, before));
}

#[test]
fn a_namespace_that_is_deleted_ends_the_capture() {
    if !can_capture(&[]) {
        return;
    }
    for interface in ["eth0", "any"] {
        let mut lab = Lab::new(if interface == "any" { "ga" } else { "ge" });
        let capture = start_capture(&[&lab.inner(""), "-i", interface, "icmp"]);
        lab.ping(1);
        lab.delete_inner();
        let ours = capture.wait();
        assert_eq!(ours.code, Some(0), "{}", ours.notes);
        assert_eq!(ours.lines.lines().count(), 2, "{}", ours.lines);
        assert!(ours.notes.contains("the capture ends there"), "{}", ours.notes);
    }
}

#[test]
fn a_process_is_a_target_and_its_end_ends_the_capture() {
    if !can_capture(&["busybox"]) {
        return;
    }
    let lab = Lab::new("pi");
    let mut sleeper = lab.start_inside(&["busybox", "sleep", "300"]);
    let until = Instant::now() + Duration::from_secs(10);
    let is_inside = || {
        let inode =
            |path: String| fs::metadata(path).map(|metadata| std::os::unix::fs::MetadataExt::ino(&metadata)).ok();
        inode(format!("/proc/{}/ns/net", sleeper.id())) == inode(format!("/run/netns/{}", lab.name()))
    };
    while !is_inside() {
        assert!(Instant::now() < until, "ip netns exec is slow");
        std::thread::sleep(Duration::from_millis(10));
    }
    let capture = start_capture(&[&format!("pid/{}", sleeper.id()), "icmp"]);
    lab.ping(1);
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    let ours = capture.wait();
    assert_eq!((ours.code, ours.lines.lines().count()), (Some(0), 2), "{}{}", ours.lines, ours.notes);
    assert!(ours.notes.contains("its network namespace is gone"), "{}", ours.notes);
}

#[test]
fn a_filter_that_nothing_matches_is_told_from_silence() {
    if !can_capture(&[]) {
        return;
    }
    let lab = Lab::new("no");
    let capture = start_capture(&[&lab.inner("eth0"), "--duration", "60", "tcp", "port", "81"]);
    lab.ping(2);
    capture.signal("INT");
    let ours = capture.wait();
    assert!(ours.notes.contains("0 packets captured"), "{}", ours.notes);
    assert!(ours.notes.contains("meanwhile, and none of them matched the filter"), "{}", ours.notes);
}

#[test]
fn a_wrong_name_interface_or_filter_says_what_there_is() {
    if !can_capture(&[]) {
        return;
    }
    let lab = Lab::new("wr");
    let refused = |arguments: &[&str]| {
        let Captured { code, notes, .. } = run(env!("CARGO_BIN_EXE_scanner"), &[&["capture"], arguments].concat());
        assert_eq!(code, Some(2), "{arguments:?}: {notes}");
        notes
    };
    assert!(refused(&["netns/no-such"]).contains(lab.name()), "names of namespaces");
    assert!(refused(&[&lab.inner(""), "-i", "eth7"]).contains("there is no such interface; there are: lo, eth0"));
    assert!(refused(&[&lab.inner(""), "tcp", "prot", "80"]).contains("tcp prot 80\n      ^^^^\n"));
    assert!(refused(&["pid/4194304"]).contains("there is none"));
    assert!(refused(&["pod/no-such-pod"]).contains("there is no pod no-such-pod on this node"));
}
