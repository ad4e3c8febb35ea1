//! Captures: read from files of both formats, and printed byte for byte as
//! tcpdump prints them, but for the differences listed here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use scanner::capture::file::Reader;
use scanner::capture::packet::{LinkType, Packet};
use scanner::capture::print::{Dump, PrintOptions, Printer, TimeStyle};

/// A packet that is printed otherwise on purpose.
struct Difference {
    /// Its number in `x.pcap`, from one.
    packet: usize,
    /// What is printed of it without options.
    printed: &'static str,
    /// Why it is not what tcpdump prints.
    reason: &'static str,
}

const DIFFERENCES: &[Difference] = &[Difference {
    packet: 25,
    printed: "22:13:44.123456 IP 10.244.1.2.5000 > 192.168.10.5.8472: VXLAN, flags [I] (0x08), vni 1\n\
                  IP 10.244.1.2.40000 > 10.244.2.3.80: Flags [S], seq 1, win 64240, \
                  options [mss 1460,sackOK,TS val 1000 ecr 0,nop,wscale 7], length 0\n",
    reason: "flannel and Cilium send VXLAN to port 8472; tcpdump 4.99 takes it for OTV, 5.0 no longer",
}];

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/captures").join(name)).unwrap()
}

/// What each packet of a file is printed as.
fn printed(file: &[u8], options: PrintOptions) -> Vec<String> {
    let mut printer = Printer::new(options);
    let mut reader = Reader::new(file).unwrap();
    let mut texts = Vec::new();
    while let Some(record) = reader.read().unwrap() {
        let name = record.interface.name.clone();
        texts.push(String::from_utf8(printer.print_named(&record.packet, name.as_deref()).to_vec()).unwrap());
    }
    texts
}

fn compare(name: &str, options: PrintOptions) {
    let packets = printed(&fixture("x.pcap"), options);
    assert_eq!(packets.len(), 64);
    let is_compared = |number: usize| DIFFERENCES.iter().all(|difference| difference.packet != number);
    let compared = packets.iter().enumerate().filter(|(at, _)| is_compared(at + 1));
    let ours: String = compared.map(|(_, text)| text.as_str()).collect();
    assert_equal(&ours, name);
}

/// Compares line by line with what tcpdump prints, so that a failure shows the line.
fn assert_equal(ours: &str, name: &str) {
    let theirs = String::from_utf8(fixture(name)).unwrap();
    for (line, (our, their)) in ours.lines().zip(theirs.lines()).enumerate() {
        assert_eq!(our, their, "{name}, line {}", line + 1);
    }
    assert!(ours == theirs, "{name}: one is longer than the other");
}

#[test]
fn lines_are_those_of_tcpdump() {
    compare("x.txt", PrintOptions::default());
}

#[test]
fn verbose_lines_are_those_of_tcpdump() {
    compare("x-v.txt", PrintOptions { verbose: 1, ..PrintOptions::default() });
    compare("x-vv.txt", PrintOptions { verbose: 2, ..PrintOptions::default() });
}

#[test]
fn link_headers_are_those_of_tcpdump() {
    compare("x-e.txt", PrintOptions { link_header: true, ..PrintOptions::default() });
}

#[test]
fn dumps_are_those_of_tcpdump() {
    compare("x-X.txt", PrintOptions { dump: Dump::HexAscii, ..PrintOptions::default() });
}

#[test]
fn what_clusters_route_and_bridge_with_is_printed_as_by_tcpdump() {
    let cases = [
        ("cluster.txt", PrintOptions::default()),
        ("cluster-v.txt", PrintOptions { verbose: 1, ..PrintOptions::default() }),
        ("cluster-vv.txt", PrintOptions { verbose: 2, ..PrintOptions::default() }),
        ("cluster-e.txt", PrintOptions { link_header: true, ..PrintOptions::default() }),
        ("cluster-q.txt", PrintOptions { quick: true, ..PrintOptions::default() }),
        ("cluster-X.txt", PrintOptions { dump: Dump::HexAscii, ..PrintOptions::default() }),
        ("cluster-A.txt", PrintOptions { dump: Dump::Ascii, ..PrintOptions::default() }),
    ];
    for (name, options) in cases {
        assert_equal(&printed(&fixture("cluster.pcap"), options).concat(), name);
    }
}

#[test]
fn first_lines_of_routers_are_those_of_tcpdump() {
    let link_header = PrintOptions { link_header: true, ..PrintOptions::default() };
    for (name, options) in [("routing.txt", PrintOptions::default()), ("routing-e.txt", link_header)] {
        assert_equal(&printed(&fixture("routing.pcap"), options).concat(), name);
    }
}

#[test]
fn parts_of_a_second_beyond_it_stay_where_a_file_has_them() {
    let mut file = fixture("x.pcap");
    file[28..32].copy_from_slice(&1_000_001_u32.to_le_bytes());
    let first = printed(&file, PrintOptions { time: TimeStyle::Unix, ..PrintOptions::default() }).remove(0);
    assert!(first.starts_with("1700000000.1000001 ARP"), "{first}");
}

#[test]
fn deliberate_differences_are_as_documented() {
    let packets = printed(&fixture("x.pcap"), PrintOptions::default());
    for Difference { packet, printed, reason } in DIFFERENCES {
        assert_eq!(packets[packet - 1], *printed, "packet {packet}: {reason}");
    }
}

#[test]
fn interfaces_of_pcapng_are_told_apart() {
    let arp = "ARP, Request who-has 10.244.1.1 tell 10.244.1.2, length 28\n";
    let named = [format!("22:13:20.123456 default/web:eth0 {arp}"), format!("22:13:20.123457 host:veth1 {arp}")];
    assert_eq!(printed(&fixture("same.pcapng"), PrintOptions::default()), named);
    let interfaces = |name: &str| {
        let file = fixture(name);
        let mut reader = Reader::new(file.as_slice()).unwrap();
        let mut interfaces = Vec::new();
        while let Some(record) = reader.read().unwrap() {
            interfaces.push((record.interface.link_type, record.interface.snap_length));
        }
        interfaces
    };
    assert_eq!(interfaces("snap.pcapng"), [(LinkType::Ethernet, 262_144), (LinkType::Ethernet, 128)]);
    assert_eq!(interfaces("lt.pcapng"), [(LinkType::Ethernet, 262_144), (LinkType::RawIp, 262_144)]);
}

/// Numbers as a writer of the order of bytes writes them.
#[derive(Clone, Copy)]
struct Writer {
    is_big: bool,
}

impl Writer {
    fn n2(self, number: u16) -> Vec<u8> {
        if self.is_big { number.to_be_bytes().to_vec() } else { number.to_le_bytes().to_vec() }
    }

    fn n4(self, number: u32) -> Vec<u8> {
        if self.is_big { number.to_be_bytes().to_vec() } else { number.to_le_bytes().to_vec() }
    }

    fn n8(self, number: i64) -> Vec<u8> {
        if self.is_big { number.to_be_bytes().to_vec() } else { number.to_le_bytes().to_vec() }
    }

    fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let length = self.n4(u32::try_from(body.len() + 12).unwrap());
        [self.n4(kind), length.clone(), body.to_vec(), length].concat()
    }

    fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
        [self.n2(code), self.n2(u16::try_from(value.len()).unwrap()), value.to_vec(), padding].concat()
    }

    /// A section of one interface that counts ticks of 1/1024 second from
    /// the 100th second of 1970 on, and a packet of each kind of block.
    fn section(self) -> Vec<u8> {
        let section = [self.n4(0x1a2b_3c4d), self.n2(1), self.n2(0), vec![0xff; 8]].concat();
        let options = [
            self.option(2, b"eth0"),
            self.option(9, &[0x8a]),
            self.option(14, &self.n8(100)),
            self.option(0, b""),
            self.option(2, b"not any more"),
        ];
        let interface = [self.n2(101), self.n2(0), self.n4(6), options.concat()].concat();
        let ticks = [self.n4(0), self.n4(512)].concat();
        let sizes = [self.n4(5), self.n4(60)].concat();
        let bytes = b"bytes\0\0\0".to_vec();
        [
            self.block(0x0a0d_0d0a, &section),
            self.block(0x0000_0bad, b"unknown!"),
            self.block(1, &interface),
            self.block(6, &[self.n4(0), ticks.clone(), sizes.clone(), bytes.clone()].concat()),
            self.block(4, b"names..."),
            self.block(2, &[self.n2(0), self.n2(7), ticks, sizes, bytes].concat()),
            self.block(3, &[self.n4(9), b"simple\0\0".to_vec()].concat()),
        ]
        .concat()
    }
}

#[test]
fn sections_of_both_orders_follow_one_another_in_pcapng() {
    let file = [Writer { is_big: true }.section(), Writer { is_big: false }.section()].concat();
    let mut reader = Reader::new(file.as_slice()).unwrap();
    for _ in 0..2 {
        for (timestamp_ns, length, bytes) in
            [(100_500_000_000, 60, &b"bytes"[..]), (100_500_000_000, 60, b"bytes"), (0, 9, b"simple")]
        {
            let record = reader.read().unwrap().unwrap();
            let packet = record.packet;
            assert_eq!((packet.timestamp_ns, packet.length, packet.bytes), (timestamp_ns, length, bytes));
            assert_eq!((packet.link_type, record.interface.name.as_deref()), (LinkType::RawIp, Some("eth0")));
        }
    }
    assert!(reader.read().unwrap().is_none());
}

#[test]
fn faults_of_pcapng_name_the_byte() {
    let writer = Writer { is_big: false };
    let whole = writer.section();
    let fault = |block: &[u8]| {
        let file = [&whole, block].concat();
        let mut reader = Reader::new(file.as_slice()).unwrap();
        for _ in 0..3 {
            reader.read().unwrap().unwrap();
        }
        let error = reader.read().unwrap_err().to_string();
        assert!(reader.read().unwrap().is_none(), "an error ends the file");
        error.replace(&format!("at byte {}: ", whole.len()), "here: ")
    };
    let enhanced = |interface, captured| {
        [writer.n4(interface), vec![0; 8], writer.n4(captured), writer.n4(60), b"bytes\0\0\0".to_vec()].concat()
    };
    assert_eq!(fault(&writer.block(6, &enhanced(1, 5))), "here: a packet names an interface that is not known");
    assert_eq!(fault(&writer.block(6, &enhanced(0, 9))), "here: a packet is longer than its block");
    assert_eq!(fault(&writer.block(6, b"\0\0\0\0")), "here: a packet's block is too short");
    assert_eq!(fault(&writer.block(1, b"")), "here: an interface's block is too short");
    assert_eq!(fault(b"\x06\0\0\0\x0b\0\0\0"), "here: a block's length is no multiple of four");
    assert_eq!(fault(b"\x06\0\0\0\x08\0\0\0"), "here: a block is shorter than its own header");
    assert_eq!(fault(b"\x06\0\0\0\x0c\0\0\0\x10\0\0\0"), "here: a block's two lengths differ");
    assert_eq!(fault(b"\x06\0\0\0"), "here: the file ends within a block's header");
    let after_header = format!("at byte {}: ", whole.len() + 8);
    assert_eq!(
        fault(b"\x06\0\0\0\0\0\0\x40"),
        format!("{after_header}a block claims 1073741812 bytes; at most 16777216 are read")
    );
    assert_eq!(fault(b"\x99\0\0\0\0\0\0\x40"), format!("{after_header}the file ends within a block"));
}

/// Options that between them reach every part of the printer.
fn every_option() -> Vec<PrintOptions> {
    let dumps = [Dump::None, Dump::Hex, Dump::HexWithLink, Dump::HexAscii, Dump::HexAsciiWithLink, Dump::Ascii];
    let verbose = (0..4).map(|verbose| PrintOptions { verbose, ..PrintOptions::default() });
    let dumped = dumps.into_iter().map(|dump| PrintOptions {
        verbose: 3,
        link_header: true,
        absolute_sequence: true,
        number: true,
        nanoseconds: true,
        time: TimeStyle::SinceFirst,
        dump,
        ..PrintOptions::default()
    });
    verbose.chain(dumped).chain([PrintOptions { quick: true, verbose: 1, ..PrintOptions::default() }]).collect()
}

const LINK_TYPES: [u32; 8] = [0, 1, 101, 113, 228, 229, 276, 147];

/// Reads a file to its end, and prints what it holds; whatever it holds.
fn read_and_print(file: &[u8]) {
    let Ok(mut reader) = Reader::new(file) else { return };
    let mut printer = Printer::new(PrintOptions { verbose: 3, ..PrintOptions::default() });
    while let Ok(Some(record)) = reader.read() {
        printer.print_named(&record.packet, record.interface.name.as_deref());
    }
}

/// Where to write which byte, and where to cut.
fn damage() -> impl Strategy<Value = (Vec<(prop::sample::Index, u8)>, prop::sample::Index)> {
    (prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), any::<prop::sample::Index>())
}

fn damaged(
    bytes: &[u8],
    (writes, cut): &(Vec<(prop::sample::Index, u8)>, prop::sample::Index),
    is_cut: bool,
) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, byte) in writes {
        let at = at.index(bytes.len());
        bytes[at] = *byte;
    }
    if is_cut {
        bytes.truncate(cut.index(bytes.len()));
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_packet_makes_the_printer_panic(damage in damage(), is_cut: bool, link_type in 0..LINK_TYPES.len(), length: u32) {
        let file = fixture("x.pcap");
        let mut reader = Reader::new(file.as_slice()).unwrap();
        let mut printers: Vec<Printer> = every_option().into_iter().map(Printer::new).collect();
        while let Some(record) = reader.read().unwrap() {
            let bytes = damaged(record.packet.bytes, &damage, is_cut);
            let captured = u32::try_from(bytes.len()).unwrap();
            let ethernet = Packet { bytes: &bytes, length: record.packet.length.max(captured), ..record.packet };
            let other = LinkType::from_number(LINK_TYPES[link_type]);
            // Without the Ethernet header, the packet of an IP link.
            let inner = bytes.get(14..).unwrap_or_default();
            let ip = Packet { bytes: inner, link_type: other, ..ethernet };
            let any_length = Packet { length: captured.saturating_add(length % 0x0004_0000), ..ethernet };
            for printer in &mut printers {
                for packet in [&ethernet, &ip, &any_length] {
                    prop_assert!(printer.print(packet).ends_with(b"\n"));
                }
            }
        }
    }

    #[test]
    fn no_bytes_make_the_printer_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), length in 0_u32..300, timestamp_ns: i64) {
        for options in every_option() {
            let mut printer = Printer::new(options);
            for link_type in LINK_TYPES.map(LinkType::from_number) {
                let packet = Packet { timestamp_ns, carried_s: 0, length, bytes: &bytes, link_type };
                prop_assert!(printer.print(&packet).ends_with(b"\n"));
            }
        }
    }

    #[test]
    fn no_file_makes_the_readers_panic(damage in damage(), is_cut: bool, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let sections = [Writer { is_big: true }.section(), Writer { is_big: false }.section()].concat();
        for file in [fixture("x.pcap"), fixture("same.pcapng"), fixture("lt.pcapng"), sections] {
            read_and_print(&damaged(&file, &damage, is_cut));
            read_and_print(&[&file[..24], &bytes].concat());
        }
        read_and_print(&bytes);
    }
}
