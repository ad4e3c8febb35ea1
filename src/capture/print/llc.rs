//! Logical link control, IEEE 802.2, and SNAP: what lies behind an Ethernet
//! length in place of a type, spanning tree above all.

use super::bytes::{Truncated, rest, slice_at, u8_at, u16_at};
use super::words::Words;
use super::{Printer, ethernet, ip4, stp};

const SERVICE_POINTS: &Words = &[
    (0x00, "Null"),
    (0xff, "Global"),
    (0x02, "802.1B I"),
    (0x03, "802.1B G"),
    (0x06, "IP"),
    (0x04, "SNA"),
    (0x0e, "ProWay NM"),
    (0x42, "STP"),
    (0x4e, "RS511"),
    (0x7e, "ISO8208"),
    (0x8e, "ProWay"),
    (0xaa, "SNAP"),
    (0xe0, "IPX"),
    (0xf0, "NetBeui"),
    (0xfe, "OSI"),
];
const COMMANDS: &Words = &[
    (0x03, "ui"),
    (0xe3, "test"),
    (0xaf, "xid"),
    (0x63, "ua"),
    (0x43, "disc"),
    (0x0f, "dm"),
    (0x6f, "sabme"),
    (0x87, "frmr"),
];
const FLAGS: &Words =
    &[(0, "Command"), (1, "Response"), (0x10, "Poll"), (0x11, "Final"), (0x100, "Poll"), (0x101, "Final")];
const SUPERVISORY: &Words = &[(0, "Receiver Ready"), (1, "Receiver not Ready"), (2, "Reject")];
const UNNUMBERED_INFORMATION: u16 = 0x03;
const EXCHANGE_IDENTIFICATION: u16 = 0xaf;
const POLL: u16 = 0x10;
const SNAP: u8 = 0xaa;
const SPANNING_TREE: u8 = 0x42;
const IP: u8 = 0x06;

/// Who assigned a protocol number of SNAP.
pub(super) const ORGANISATIONS: &Words = &[
    (0x00_0000, "Ethernet"),
    (0x00_000c, "Cisco"),
    (0x00_005e, "IANA"),
    (0x00_0081, "Nortel Networks SONMP"),
    (0x00_00f8, "Cisco bridged"),
    (0x00_80c2, "Ethernet bridged"),
    (0x00_a03e, "ATM Forum"),
    (0x00_e02f, "DOCSIS Spanning Tree"),
    (0x08_0007, "Appletalk"),
    (0x00_9069, "Juniper"),
    (0x08_0009, "Hewlett-Packard"),
    (0x00_120f, "IEEE 802.3 Private"),
    (0x00_12bb, "ANSI/TIA"),
    (0x00_1b21, "DCBX"),
    (0x00_2320, "Nicira Networks"),
    (0x5c_16c7, "Big Switch Networks"),
    (0xb0_d2f5, "Vello Systems"),
    (0x00_2481, "HP"),
    (0x00_04ea, "HP-Labs"),
    (0x74_8771, "Infoblox Inc"),
    (0xa4_2305, "Open Networking Lab"),
    (0x00_049f, "Freescale"),
    (0x00_15ad, "Netronome"),
    (0x00_1018, "Broadcom"),
    (0x00_e004, "PMC-Sierra"),
    (0xd0_f0db, "Ericsson"),
];
const ETHERNET: u32 = 0;
const CISCO: u32 = 0x00_000c;
const CISCO_BRIDGED: u32 = 0x00_00f8;
const APPLETALK: u32 = 0x08_0007;
const BRIDGED: u32 = 0x00_80c2;
const CISCO_PROTOCOLS: &Words =
    &[(0x2000, "CDP"), (0x2003, "VTP"), (0x2004, "DTP"), (0x0111, "UDLD"), (0x010b, "PVST"), (0x010c, "VLAN Bridge")];
const BRIDGED_PROTOCOLS: &Words = &[
    (1, "Ethernet + FCS"),
    (7, "Ethernet w/o FCS"),
    (2, "802.4 + FCS"),
    (8, "802.4 w/o FCS"),
    (3, "Token Ring + FCS"),
    (9, "Token Ring w/o FCS"),
    (4, "FDDI + FCS"),
    (10, "FDDI w/o FCS"),
    (5, "802.6 + FCS"),
    (11, "802.6 w/o FCS"),
    (14, "BPDU"),
];

/// The addresses of the frame that a packet lies in, destination first.
type Addresses<'a> = Option<&'a [u8]>;

/// A packet; gives the length of its header. What nothing decodes is shown as bytes.
pub(super) fn print(
    printer: &mut Printer,
    bytes: &[u8],
    length: usize,
    addresses: Addresses<'_>,
) -> Result<usize, Truncated> {
    printer.protocol = "llc";
    let available = bytes.len().min(length);
    let is_unnumbered = bytes.get(2).is_some_and(|control| control & 3 == 3);
    if available < 3 || (!is_unnumbered && available < 4) {
        printer.truncated();
        super::hex::hex_and_ascii(&mut printer.out, bytes);
        return Ok(available);
    }
    let (destination, source) = (u8_at(bytes, 0)?, u8_at(bytes, 1)?);
    let (control, header) =
        if is_unnumbered { (u16::from(u8_at(bytes, 2)?), 3) } else { (u16_at(bytes, 2)?.swap_bytes(), 4) };
    let points = (destination & 0xfe, source & 0xfe);
    // Novell's frames, which have no such header.
    let is_raw = (destination, source) == (0xff, 0xff);
    if printer.options.link_header && !is_raw {
        head(printer, (destination, source), control, is_unnumbered);
    }
    if printer.depth == 0 {
        printer.link_header_length += header + if points == (SNAP, SNAP) { 5 } else { 0 };
    }
    let (payload, left) = (rest(bytes, header), length - header);
    if control == UNNUMBERED_INFORMATION && points.0 == points.1 {
        match points.0 {
            SNAP => {
                if !snap(printer, payload, left, addresses)? {
                    printer.unknown_bytes(bytes);
                }
                return Ok(header + 5);
            }
            SPANNING_TREE => return stp::print(printer, payload, left).map(|()| header),
            IP => return ip4::print(printer, payload, left).map(|()| header),
            _ => {}
        }
    }
    if !printer.options.link_header {
        stations(printer, points, addresses);
    }
    let is_response = u16::from(source & 1);
    if is_unnumbered {
        printer.out.text("Unnumbered, ");
        let command = control & 0xef;
        match super::word(COMMANDS, command) {
            Some(word) => printer.out.text(word),
            None => printer.out.hex(command, 2),
        }
        flags(printer, is_response | control & POLL, length);
        if control & !POLL == EXCHANGE_IDENTIFICATION && identification(printer, payload, left)? {
            return Ok(header);
        }
    } else if control & 3 == 1 {
        printer.out.text("Supervisory, ");
        printer.word_or(SUPERVISORY, control >> 2 & 3, "?");
        printer.labelled(", rcv seq ", control >> 9);
        flags(printer, is_response | control & 0x100, length);
        return Ok(header);
    } else {
        printer.labelled("Information, send seq ", control >> 1 & 0x7f);
        printer.labelled(", rcv seq ", control >> 9);
        flags(printer, is_response | control & 0x100, length);
    }
    printer.unknown_bytes(bytes);
    Ok(header)
}

/// The header, with `-e`.
fn head(printer: &mut Printer, (destination, source): (u8, u8), control: u16, is_unnumbered: bool) {
    printer.out.text("LLC, dsap ");
    printer.word_or(SERVICE_POINTS, destination & 0xfe, "Unknown");
    printer.labelled_hex(" (0x", destination & 0xfe, 2);
    printer.out.text(if destination & 1 == 0 { ") Individual, ssap " } else { ") Group, ssap " });
    printer.word_or(SERVICE_POINTS, source & 0xfe, "Unknown");
    printer.labelled_hex(" (0x", source & 0xfe, 2);
    printer.out.text(if source & 1 == 0 { ") Command, ctrl 0x" } else { ") Response, ctrl 0x" });
    printer.out.hex(control, if is_unnumbered { 2 } else { 4 });
    printer.out.text(": ");
}

fn stations(printer: &mut Printer, (destination, source): (u8, u8), addresses: Addresses<'_>) {
    let (to, from) = addresses.and_then(|both| both.split_at_checked(6)).unzip();
    let name = |printer: &mut Printer, label: &str, point: u8| match super::word(SERVICE_POINTS, point) {
        Some(word) => printer.out.text(word),
        None => printer.labelled_hex(label, point, 2),
    };
    if let Some(from) = from {
        printer.out.hardware_address(super::bytes::up_to(from, 6));
        printer.out.byte(b' ');
    }
    if source != destination {
        name(printer, "Unknown SSAP 0x", source);
        printer.out.byte(b' ');
    }
    if source != destination || from.is_some() {
        printer.out.text("> ");
    }
    if let Some(to) = to {
        printer.out.hardware_address(to);
        printer.out.byte(b' ');
    }
    name(printer, "Unknown DSAP 0x", destination);
    printer.out.byte(b' ');
}

fn flags(printer: &mut Printer, flags: u16, length: usize) {
    printer.out.text(", Flags [");
    printer.word_or(FLAGS, flags, "?");
    printer.out.text("], length ");
    printer.out.length(length);
}

/// Whether nothing else is to be shown of an exchange of identification.
fn identification(printer: &mut Printer, payload: &[u8], left: usize) -> Result<bool, Truncated> {
    if left == 0 {
        return Ok(true);
    }
    if payload.is_empty() {
        printer.truncated();
        return Ok(true);
    }
    if u8_at(payload, 0)? != 0x81 {
        return Ok(false);
    }
    if payload.len().min(left) < 3 {
        printer.truncated();
        super::hex::hex_and_ascii(&mut printer.out, payload);
    } else {
        printer.labelled_hex(": ", u8_at(payload, 1)?, 2);
        printer.labelled_hex(" ", u8_at(payload, 2)?, 2);
    }
    Ok(true)
}

/// Organisation and protocol; false where what follows is not decoded.
fn snap(printer: &mut Printer, bytes: &[u8], length: usize, addresses: Addresses<'_>) -> Result<bool, Truncated> {
    const HEADER: usize = 5;
    printer.protocol = "snap";
    slice_at(bytes, 0, HEADER)?;
    if length < HEADER {
        return Err(Truncated);
    }
    let organisation = u32::from(u8_at(bytes, 0)?) << 16 | u32::from(u16_at(bytes, 1)?);
    let protocol = u16_at(bytes, 3)?;
    let left = length - HEADER;
    let name = match organisation {
        ETHERNET | CISCO_BRIDGED | APPLETALK => ethernet::name_of(protocol),
        CISCO => super::word(CISCO_PROTOCOLS, protocol),
        BRIDGED => super::word(BRIDGED_PROTOCOLS, protocol),
        _ => None,
    };
    let describe = |printer: &mut Printer, before: &str, has_organisation: bool| {
        printer.out.text(before);
        if has_organisation {
            printer.out.text("oui ");
            printer.word_or(ORGANISATIONS, organisation, "Unknown");
            printer.labelled_hex(" (0x", organisation, 6);
            printer.out.text("), ");
        }
        printer.out.text(if organisation == ETHERNET { "ethertype " } else { "pid " });
        printer.out.text(name.unwrap_or("Unknown"));
        printer.labelled_hex(" (0x", protocol, 4);
        printer.out.byte(b')');
        ethernet::print_length(printer, left);
    };
    if printer.options.link_header {
        describe(printer, "", true);
    }
    let payload = rest(bytes, HEADER);
    let is_printed = match (organisation, protocol) {
        (ETHERNET | CISCO_BRIDGED, _) => ethernet::print_known(printer, protocol, payload, left)?,
        (CISCO, 0x010b | 0x010c) | (BRIDGED, 14) => stp::print(printer, payload, left).map(|()| true)?,
        (BRIDGED, 1 | 7) => {
            let (inner, inner_length) = (slice_at(payload, 0, 2).map(|_| rest(payload, 2))?, left.saturating_sub(2));
            printer.nested(|printer| ethernet::print(printer, inner, inner_length).map(|_| ()))?;
            true
        }
        _ => false,
    };
    if !is_printed && !printer.options.link_header {
        if let Some((to, from)) = addresses.and_then(|both| both.split_at_checked(6)) {
            printer.out.hardware_address(super::bytes::up_to(from, 6));
            printer.out.text(" > ");
            printer.out.hardware_address(to);
            printer.out.byte(b' ');
        }
        describe(printer, "SNAP, ", organisation != ETHERNET);
    }
    Ok(is_printed)
}
