//! Lines exactly as tcpdump 4.99.3 prints them, one packet after another.
//!
//! A [`Printer`] takes packets in order and writes their lines; it keeps only
//! what relative times and TCP sequence numbers need. The output is a pure
//! function of the options and of the packets so far. What an option adds is
//! documented in tcpdump(1). Names are never resolved, as with `-n`.

mod arp;
mod bfd;
mod bgp;
mod bgp_community;
mod bgp_notification;
mod bgp_update;
mod bytes;
mod demux;
mod dhcp;
mod dhcp_option;
mod dhcp_option_name;
mod dns;
mod dns_edns;
mod dns_record;
mod dvmrp;
mod ethernet;
mod gre;
mod group;
mod hex;
mod icmp;
mod icmp6;
mod icmp6_option;
mod icmp_extension;
mod igmp;
mod ip4;
mod ip6;
mod line_protocol;
mod link;
mod llc;
mod lldp;
mod mpls;
mod mptcp;
mod ntp;
mod out;
mod resp;
mod routing;
mod sctp;
mod slow;
mod stp;
mod tcp;
mod tcp_option;
mod text_protocol;
mod time;
mod tunnel;
mod udp;
mod vrrp;
mod words;

use std::collections::BTreeMap;

use super::packet::{LinkType, Packet};
use bytes::{Printed, Truncated};
use out::Out;

/// How much of a packet is shown in hexadecimal or ASCII.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dump {
    /// Nothing.
    #[default]
    None,
    /// `-x`: hexadecimal, without the link header.
    Hex,
    /// `-xx`: hexadecimal, with it.
    HexWithLink,
    /// `-X`: hexadecimal and ASCII, without the link header.
    HexAscii,
    /// `-XX`: hexadecimal and ASCII, with it.
    HexAsciiWithLink,
    /// `-A`: ASCII, without the link header.
    Ascii,
    /// `-AA`: ASCII, with it.
    AsciiWithLink,
}

/// How the time of a packet is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeStyle {
    /// Time of day.
    #[default]
    TimeOfDay,
    /// `-t`: not at all.
    None,
    /// `-tt`: seconds since 1970.
    Unix,
    /// `-ttt`: since the packet before.
    SincePrevious,
    /// `-tttt`: date and time of day.
    DateAndTime,
    /// `-ttttt`: since the first packet.
    SinceFirst,
}

/// What tcpdump's options of the same letters choose.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of tcpdump's command line")]
pub struct PrintOptions {
    /// `-v`, counted.
    pub verbose: u8,
    /// `-e`: the link header too.
    pub link_header: bool,
    /// `-q`: less.
    pub quick: bool,
    /// `-S`: sequence numbers as they are.
    pub absolute_sequence: bool,
    /// `-#`: the number of each packet.
    pub number: bool,
    /// `-K`: checksums are not verified.
    pub skip_checksums: bool,
    /// `--nano`: nine digits of a second.
    pub nanoseconds: bool,
    /// `-t…`.
    pub time: TimeStyle,
    /// `-x`, `-X`, `-A`.
    pub dump: Dump,
    /// Time zone of times of day; UTC where none.
    pub time_zone: Option<jiff::tz::TimeZone>,
}

/// Turns packets into lines.
#[derive(Debug, Default)]
pub struct Printer {
    options: PrintOptions,
    out: Out,
    /// Innermost protocol that was begun, for `[|…]` where the capture ends.
    protocol: &'static str,
    count: u64,
    clock: time::Clock,
    conversations: tcp::Conversations,
    initiators: routing::Initiators,
    /// Length of the link header, once it is known.
    link_header_length: usize,
    /// How deep packets stand in packets.
    depth: u8,
    /// Names of interfaces by index, for cooked captures.
    interface_names: BTreeMap<u32, String>,
}

/// Where the capture ends within one of these, tcpdump forgets how long the
/// link header is, and dumps it too.
const DUMPED_WHOLE: [&str; 22] = [
    "ah",
    "arp",
    "bfd",
    "hsrp",
    "http",
    "icmp",
    "icmp6",
    "igmp",
    "ipcomp",
    "loopback",
    "mpls",
    "ospf2",
    "ospf3",
    "pim",
    "slow",
    "snap",
    "stp",
    "syslog",
    "tftp",
    "vrrp",
    "vxlan",
    "vxlan_gpe",
];

/// How deep packets in packets are followed.
const MAX_DEPTH: u8 = 16;

/// The IP header that a transport protocol lies in.
#[derive(Clone, Copy, Debug)]
pub(super) enum IpHeader<'a> {
    /// IPv4, from its first byte.
    V4(&'a [u8]),
    /// IPv6, from its first byte, extension headers included.
    V6(&'a [u8]),
}

impl Printer {
    /// A printer that has seen no packet yet.
    pub fn new(options: PrintOptions) -> Self {
        Printer { options, ..Printer::default() }
    }

    /// Says what an interface of a cooked capture was called.
    pub fn name_interface(&mut self, index: u32, name: impl Into<String>) {
        self.interface_names.insert(index, name.into());
    }

    /// The lines of the next packet, each with its line end.
    pub fn print(&mut self, packet: &Packet<'_>) -> &[u8] {
        self.print_named(packet, None)
    }

    /// The lines of the next packet, with `name` (of an interface, such as
    /// `default/web-0:eth0`) before the protocol where it is given.
    pub fn print_named(&mut self, packet: &Packet<'_>, name: Option<&str>) -> &[u8] {
        self.out.clear();
        self.count += 1;
        if self.options.number {
            self.out.padded(self.count, 5, b' ');
            self.out.text("  ");
        }
        if self.refuse_invalid(packet) {
            return self.out.bytes();
        }
        self.clock.print(&mut self.out, &self.options, packet);
        if let Some(name) = name {
            self.out.text(name);
            self.out.byte(b' ');
        }
        self.protocol = "";
        self.depth = 0;
        self.link_header_length = 0;
        let header_length = match link::print(self, packet) {
            Ok(header_length) => header_length,
            Err(Truncated) => {
                self.truncated();
                if DUMPED_WHOLE.contains(&self.protocol) { 0 } else { self.link_header_length }
            }
        };
        hex::dump(&mut self.out, self.options.dump, packet.bytes, header_length);
        self.out.byte(b'\n');
        self.out.bytes()
    }

    fn refuse_invalid(&mut self, packet: &Packet<'_>) -> bool {
        let captured = packet.bytes.len();
        let length = usize::try_from(packet.length).unwrap_or(usize::MAX);
        let mut reasons = Vec::new();
        if captured == 0 {
            reasons.push(" caplen==0".to_owned());
        }
        if length == 0 {
            reasons.push(" len==0".to_owned());
        } else if length < captured {
            reasons.push(format!(" len({length}) < caplen({captured})"));
        }
        if captured > MAX_SNAPSHOT {
            reasons.push(format!(" caplen({captured}) > {MAX_SNAPSHOT}"));
        }
        if length > MAX_SNAPSHOT {
            reasons.push(format!(" len({length}) > {MAX_SNAPSHOT}"));
        }
        if reasons.is_empty() {
            return false;
        }
        self.out.text("[Invalid header:");
        self.out.text(&reasons.join(","));
        self.out.text("]\n");
        true
    }

    /// Notes that the capture ended within the protocol.
    fn truncated(&mut self) {
        self.out.text(" [|");
        self.out.text(self.protocol);
        self.out.byte(b']');
    }

    /// Whether bytes that nothing decodes are shown, since no option shows all bytes or less than all.
    fn shows_unknown(&self) -> bool {
        !self.options.quick && matches!(self.options.dump, Dump::None | Dump::Ascii | Dump::AsciiWithLink)
    }

    /// Shows bytes that nothing decodes, unless an option shows all bytes in hexadecimal.
    fn unknown_bytes(&mut self, bytes: &[u8]) {
        if self.shows_unknown() {
            hex::hex_and_ascii(&mut self.out, bytes);
        }
    }

    /// Notes that what was read makes no sense.
    fn invalid(&mut self) {
        self.out.text(" (invalid)");
    }

    /// Notes that less than the header was captured.
    fn header_cut(&mut self, captured: usize, header_length: usize) {
        self.out.text(" [remaining caplen(");
        self.out.length(captured);
        self.out.text(") < header length(");
        self.out.length(header_length);
        self.out.text(")]");
    }

    /// Says whether a checksum is right, as `-v` does of what lies upon IP.
    fn checksum_verdict(&mut self, right: &str, wrong: &str, found: u16, sum: u16) {
        if sum == 0 {
            self.out.text(right);
            return;
        }
        self.out.text(wrong);
        self.out.hex(found, 4);
        self.out.text(" -> 0x");
        self.out.hex(bytes::checksum_should_be(found, sum), 4);
        self.out.text("!] ");
    }

    /// Runs a printer of a packet within a packet, unless they stand too deep.
    fn nested(&mut self, print: impl FnOnce(&mut Self) -> Printed) -> Printed {
        if self.depth >= MAX_DEPTH {
            self.out.text("[too many nested packets]");
            return Ok(());
        }
        self.depth += 1;
        let printed = print(self);
        self.depth -= 1;
        printed
    }
}

/// The longest packet that is believed, in bytes.
const MAX_SNAPSHOT: usize = 262_144;

/// The word for a number in a table, if it is there.
fn word(table: &[(u32, &'static str)], number: impl Into<u32>) -> Option<&'static str> {
    let number = number.into();
    table.iter().find(|(key, _)| *key == number).map(|(_, word)| *word)
}

impl LinkType {
    /// Whether its packets can be printed.
    pub fn is_printable(self) -> bool {
        !matches!(self, LinkType::Other(number) if number != link::PPP)
    }
}
