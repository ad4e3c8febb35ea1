//! From an IP protocol number to its printer.

use super::bytes::{Printed, Truncated, rest, slice_at, u8_at, u16_at, u32_at};
use super::{IpHeader, Printer, ethernet, gre, icmp, icmp6, igmp, ip4, ip6, routing, sctp, tcp, udp, vrrp};

/// TCP, RFC 9293.
pub(super) const TCP: u8 = 6;
/// UDP, RFC 768.
pub(super) const UDP: u8 = 17;
/// SCTP, RFC 9260.
pub(super) const SCTP: u8 = 132;
const ICMP: u8 = 1;
const IGMP: u8 = 2;
const IPV4: u8 = 4;
const IPV6: u8 = 41;
const GRE: u8 = 47;
const ESP: u8 = 50;
const AH: u8 = 51;
const ICMPV6: u8 = 58;
const NONE: u8 = 59;
const EIGRP: u8 = 88;
const OSPF: u8 = 89;
const PIM: u8 = 103;
const COMPRESSION: u8 = 108;
const VRRP: u8 = 112;
const ETHERNET: u8 = 143;

/// Names of protocols in IP headers, as `-v` shows them.
pub(super) const NAMES: &[(u32, &str)] = &[
    (0, "Options"),
    (1, "ICMP"),
    (2, "IGMP"),
    (4, "IPIP"),
    (6, "TCP"),
    (8, "EGP"),
    (9, "IGRP"),
    (17, "UDP"),
    (33, "DCCP"),
    (41, "IPv6"),
    (43, "Routing"),
    (44, "Fragment"),
    (46, "RSVP"),
    (47, "GRE"),
    (50, "ESP"),
    (51, "AH"),
    (55, "Mobile IP"),
    (58, "ICMPv6"),
    (62, "Mobile IP (old)"),
    (88, "EIGRP"),
    (89, "OSPF"),
    (103, "PIM"),
    (108, "Compressed IP"),
    (112, "VRRP"),
    (113, "PGM"),
    (132, "SCTP"),
    (135, "Mobility"),
    (143, "Ethernet"),
];

/// What lies behind an IP header.
pub(super) struct Payload<'a> {
    /// What is captured of it.
    pub(super) bytes: &'a [u8],
    /// Its length by the header.
    pub(super) length: usize,
    /// The header that it lies in.
    pub(super) header: IpHeader<'a>,
    /// Whether more fragments follow.
    pub(super) is_fragment: bool,
}

/// ` udp port 53`, or ` protocol 132 port 53` for what is not TCP or UDP.
pub(super) fn print_port(printer: &mut Printer, protocol: u8, port: u16) {
    match protocol {
        TCP => printer.out.text(" tcp port "),
        UDP => printer.out.text(" udp port "),
        other => {
            printer.out.text(" protocol ");
            printer.out.number(other);
            printer.out.text(" port ");
        }
    }
    printer.out.number(port);
}

/// Whether the protocol's own printer starts with addresses and ports.
pub(super) fn has_ports(protocol: u8) -> bool {
    // 33 is DCCP.
    matches!(protocol, TCP | UDP | SCTP | 33)
}

/// Prints the payload of an IP packet.
pub(super) fn print(printer: &mut Printer, mut protocol: u8, mut payload: Payload<'_>) -> Printed {
    let is_v4 = matches!(payload.header, IpHeader::V4(_));
    if protocol == AH {
        let advance = authentication(printer, payload.bytes)?;
        protocol = u8_at(payload.bytes, 0)?;
        payload.bytes = rest(payload.bytes, advance);
        payload.length = payload.length.saturating_sub(advance);
    }
    match protocol {
        TCP => tcp::print(printer, &payload),
        UDP => udp::print(printer, &payload),
        SCTP => sctp::print(printer, &payload),
        ICMP if is_v4 => icmp::print(printer, &payload),
        ICMPV6 if !is_v4 => icmp6::print(printer, &payload),
        IGMP if is_v4 => igmp::print(printer, payload.bytes, payload.length),
        ICMP | IGMP => {
            requires(printer, protocol, "IPv4");
            Ok(())
        }
        ICMPV6 => {
            requires(printer, protocol, "IPv6");
            Ok(())
        }
        IPV4 => printer.nested(|printer| ip4::print(printer, payload.bytes, payload.length)),
        IPV6 => printer.nested(|printer| ip6::print(printer, payload.bytes, payload.length)),
        GRE => printer.nested(|printer| gre::print(printer, payload.bytes, payload.length)),
        ESP => security(printer, payload.bytes, payload.length),
        COMPRESSION => {
            printer.protocol = "ipcomp";
            printer.labelled_hex("IPComp(cpi=0x", u16_at(payload.bytes, 2)?, 4);
            printer.out.byte(b')');
            Ok(())
        }
        OSPF => routing::ospf(printer, &payload),
        PIM => routing::pim(printer, payload.bytes, payload.length),
        EIGRP => routing::eigrp(printer, payload.bytes, payload.length),
        VRRP => vrrp::print(printer, &payload),
        ETHERNET if !is_v4 => {
            printer.nested(|printer| ethernet::print(printer, payload.bytes, payload.length).map(|_| ()))
        }
        NONE => {
            printer.out.text("no next header");
            Ok(())
        }
        other => {
            printer.out.text(" ip-proto-");
            printer.out.number(other);
            printer.out.byte(b' ');
            printer.out.length(payload.length);
            Ok(())
        }
    }
}

fn requires(printer: &mut Printer, protocol: u8, version: &str) {
    printer.out.byte(b'[');
    printer.out.text(super::word(NAMES, protocol).unwrap_or("unknown"));
    printer.out.text(" requires ");
    printer.out.text(version);
    printer.out.byte(b']');
    printer.invalid();
}

/// The Authentication Header, RFC 4302; gives its length.
fn authentication(printer: &mut Printer, bytes: &[u8]) -> Result<usize, Truncated> {
    printer.protocol = "ah";
    let size = u8_at(bytes, 1)?;
    let length = (usize::from(size) + 2) * 4;
    printer.out.text("AH(");
    if printer.options.verbose > 0 {
        printer.labelled("length=", size);
        printer.out.byte(b'(');
        printer.out.length(length);
        printer.out.text("-bytes),");
    }
    let reserved = u16_at(bytes, 2)?;
    if reserved != 0 {
        printer.labelled_hex("reserved=0x", reserved, 1);
        printer.out.text("[MustBeZero],");
    }
    printer.labelled_hex("spi=0x", u32_at(bytes, 4)?, 8);
    printer.labelled_hex(",seq=0x", u32_at(bytes, 8)?, 1);
    printer.out.text(",icv=0x");
    for at in 12..length {
        printer.out.hex(u8_at(bytes, at)?, 2);
    }
    printer.out.text("): ");
    Ok(length)
}

/// Encapsulating Security Payload, RFC 4303: only what is not encrypted.
pub(super) fn security(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.protocol = "esp";
    slice_at(bytes, 0, 8)?;
    printer.labelled_hex("ESP(spi=0x", u32_at(bytes, 0)?, 8);
    printer.labelled_hex(",seq=0x", u32_at(bytes, 4)?, 1);
    printer.out.text("), length ");
    printer.out.length(length);
    Ok(())
}
