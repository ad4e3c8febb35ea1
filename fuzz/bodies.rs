//! What is fuzzed, as plain functions of bytes: the fuzz targets call them, and
//! so does a test that needs no fuzzer (`tests/fuzz.rs`).
//!
//! Parsers are reached as a hostile host reaches them: bytes in a file beneath
//! a root. So nothing has to be public for the fuzzer alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use scanner::capture::file::Reader;
use scanner::capture::finding::Analysis;
use scanner::capture::packet::{LinkType, Packet};
use scanner::capture::print::{Dump, PrintOptions, Printer};
use scanner::capture::sink::CapturePoint;
use scanner::fact::host::document::{parse_json, parse_toml, parse_yaml};
use scanner::fact::host::root::HostRoot;
use scanner::fact::host::{Host, collect};
use scanner::rule::waiver::Waivers;
use scanner::rule::{LoadOptions, RuleSet};

/// Files of a host whose parsers are fuzzed, and the facts read from them.
pub const HOST_FILES: &[(&str, &str)] = &[
    ("etc/os-release", "os"),
    ("etc/containerd/config.toml", "containerd"),
    ("etc/crio/crio.conf.d/10-fuzz.conf", "crio"),
    ("etc/docker/daemon.json", "docker"),
    ("etc/crictl.yaml", "crictl"),
    ("var/lib/kubelet/config.yaml", "kubelet"),
    ("var/lib/kubelet/kubeadm-flags.env", "kubelet"),
    ("etc/systemd/system/kubelet.service", "kubelet"),
    ("proc/4242/cmdline", "kubelet"),
    ("etc/rancher/k3s/config.yaml", "k3s"),
    ("etc/sysctl.d/99-fuzz.conf", "sysctl_persisted"),
    ("etc/cni/net.d/10-fuzz.conflist", "cni"),
    ("etc/fstab", "swap"),
    ("proc/1/mounts", "mount"),
    ("proc/swaps", "swap"),
    ("proc/net/tcp", "port"),
    ("proc/net/route", "network"),
    ("proc/cmdline", "kernel"),
    ("proc/modules", "module"),
    ("lib/modules/6.1.0/modules.builtin", "module"),
    ("etc/exports", "nfs"),
    ("etc/apt/sources.list.d/fuzz.sources", "repository"),
    ("etc/yum.repos.d/fuzz.repo", "repository"),
    ("var/lib/dpkg/status", "package"),
    ("var/lib/rpm/rpmdb.sqlite", "package"),
    ("var/lib/kubelet/pki/kubelet-client-current.pem", "certificate"),
    ("usr/bin/runc", "runc"),
];

/// One file of a host: the first byte says which.
pub fn host_file(bytes: &[u8]) {
    let Some((choice, contents)) = bytes.split_first() else { return };
    let (path, fact) = HOST_FILES[usize::from(*choice) % HOST_FILES.len()];
    let folder = tempfile::tempdir().expect("a folder can be made");
    place(folder.path(), path, contents);
    // A collector reads kernel facts to interpret others, so that a few lines
    // of a host are always there.
    place(folder.path(), "proc/sys/kernel/osrelease", b"6.1.0\n");
    let host = Host::new(HostRoot::open(folder.path()).expect("it is there"), Instant::now() + Duration::from_secs(5));
    let facts = collect(&host, &BTreeSet::from([fact.to_owned()]));
    let text = serde_json::to_string(&facts).expect("facts can be written");
    assert!(text.len() < 256 << 20, "facts grow beyond their file");
    // The runner turns the panic of a collector into unreadable facts.
    let collectors = scanner::fact::host::COLLECTORS.iter();
    for collector in collectors {
        let reason = format!("\"the collector {} failed\"", collector.name);
        assert!(!text.contains(&reason), "{reason} on {path}");
    }
}

/// A YAML, JSON or TOML document.
pub fn document(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = parse_yaml(&text);
    let _ = parse_json(&text);
    let _ = parse_toml(&text);
}

/// A rule file with its CEL, and the same bytes as a waiver file.
pub fn rule_file(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    place(folder.path(), "fuzz/fuzz.yaml", bytes);
    let options = LoadOptions { builtin: false, paths: vec![folder.path().to_owned()], with_examples: true };
    if let Err(faults) = RuleSet::load(&options) {
        for fault in faults {
            let _ = fault.render(false);
        }
    }
    let _ = Waivers::parse(&String::from_utf8_lossy(bytes), "fuzz.yaml");
}

/// A capture file of either format: read, printed, and searched for faults.
pub fn capture_file(bytes: &[u8]) {
    let Ok(mut reader) = Reader::new(bytes) else { return };
    let mut consumer = Consumer::new();
    while let Ok(Some(record)) = reader.read() {
        let mut point = CapturePoint::new(record.number, record.packet.link_type, record.interface.snap_length);
        point.name.clone_from(&record.interface.name);
        point.label.clone_from(&record.interface.name);
        consumer.take(&point, &record.packet);
    }
    consumer.finish();
}

/// Link types by the first byte of `packet`.
const LINK_TYPES: [u32; 8] = [1, 101, 113, 276, 0, 228, 229, 147];

/// Packets, each behind a byte that says which link type, and two that say how
/// long it is: printed, and searched for faults.
pub fn packet(bytes: &[u8]) {
    let mut consumer = Consumer::new();
    let mut left = bytes;
    let mut timestamp_ns = 1_700_000_000_000_000_000;
    while let [kind, high, low, rest @ ..] = left {
        let link_type = LinkType::from_number(LINK_TYPES[usize::from(*kind) % LINK_TYPES.len()]);
        let captured = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (bytes, after) = rest.split_at(captured);
        // Lengths on the wire beyond what was captured, too.
        let length = u32::try_from(captured).expect("it has 16 bits") + u32::from(*kind >> 3);
        // Half a second on, so that time-outs and reordering are reached.
        timestamp_ns += 500_000_000;
        let point = CapturePoint::new(usize::from(*kind % 3), link_type, 262_144);
        consumer.take(&point, &Packet { timestamp_ns, carried_s: 0, length, bytes, link_type });
        left = after;
    }
    consumer.finish();
}

/// Everything that packets are handed to.
struct Consumer {
    printers: Vec<Printer>,
    analysis: Analysis,
}

impl Consumer {
    fn new() -> Self {
        let plain = PrintOptions::default();
        let verbose =
            PrintOptions { verbose: 3, link_header: true, dump: Dump::HexAsciiWithLink, ..PrintOptions::default() };
        let quick = PrintOptions { quick: true, verbose: 1, dump: Dump::Ascii, ..PrintOptions::default() };
        Consumer { printers: [plain, verbose, quick].map(Printer::new).into(), analysis: Analysis::new() }
    }

    fn take(&mut self, point: &CapturePoint, packet: &Packet<'_>) {
        for printer in &mut self.printers {
            let lines = printer.print_named(packet, point.label.as_deref());
            assert!(lines.ends_with(b"\n"), "a line does not end");
            assert!(lines.len() < (packet.bytes.len() + 512) * 300, "lines grow beyond their packet");
        }
        self.analysis.observe(point, packet);
    }

    fn finish(self) {
        let text = serde_json::to_string(&self.analysis.finish(&[], true)).expect("findings can be written");
        assert!(text.len() < 32 << 20, "findings grow without bound");
    }
}

fn place(root: &Path, path: &str, contents: &[u8]) {
    let file = root.join(path);
    fs::create_dir_all(file.parent().expect("a file has a folder")).expect("a folder can be made");
    fs::write(file, contents).expect("a file can be written");
}
