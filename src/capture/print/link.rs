//! The first header of a packet, by its link type.

use super::bytes::{Truncated, array_at, rest, u8_at, u16_at, u32_at, up_to};
use super::{Printer, ethernet, ip4, ip6, mpls};
use crate::capture::packet::{LinkType, Packet};

/// Prints a packet from its first byte, and gives the length of its link
/// header.
pub(super) fn print(printer: &mut Printer, packet: &Packet<'_>) -> Result<usize, Truncated> {
    let length = usize::try_from(packet.length).unwrap_or(usize::MAX);
    match packet.link_type {
        LinkType::Ethernet => ethernet::print(printer, packet.bytes, length),
        LinkType::RawIp | LinkType::Ipv4 | LinkType::Ipv6 => raw(printer, packet.bytes, length),
        LinkType::LinuxCooked => cooked(printer, packet.bytes, length),
        LinkType::LinuxCooked2 => cooked2(printer, packet.bytes, length),
        LinkType::Loopback => loopback(printer, packet.bytes, length),
        LinkType::Other(PPP) => point_to_point(printer, packet.bytes, length),
        LinkType::Other(_) => {
            printer.unknown_bytes(packet.bytes);
            Ok(0)
        }
    }
}

/// `LINKTYPE_PPP`, of which network packets are decoded.
pub(super) const PPP: u32 = 9;
const PPP_PROTOCOLS: &[(u32, &str)] = &[(0x21, "IP"), (0x57, "IP6"), (0x0281, "MPLS"), (0x0283, "MPLS")];

/// PPP, RFC 1662: address and control, which may be left out, and the protocol.
fn point_to_point(printer: &mut Printer, bytes: &[u8], length: usize) -> Result<usize, Truncated> {
    const DUMPED_FROM: usize = 4;
    printer.protocol = "ppp";
    printer.link_header_length = DUMPED_FROM;
    let at = if u16_at(bytes, 0)? == 0xff03 { 2 } else { 0 };
    let (protocol, header) = match u8_at(bytes, at)? {
        odd if odd % 2 == 1 => (u16::from(odd), at + 1),
        _ => (u16_at(bytes, at)?, at + 2),
    };
    let Some(name) = super::word(PPP_PROTOCOLS, protocol) else {
        printer.unknown_bytes(bytes);
        return Ok(0);
    };
    if printer.options.link_header {
        printer.out.text(name);
        printer.labelled_hex(" (0x", protocol, 4);
        printer.out.text("), length ");
        printer.out.length(length);
        printer.out.text(": ");
    }
    let (inner, left) = (rest(bytes, header), length.saturating_sub(header));
    match protocol {
        0x21 => ip4::print(printer, inner, left)?,
        0x57 => ip6::print(printer, inner, left)?,
        _ => mpls::print(printer, inner, left)?,
    }
    Ok(DUMPED_FROM)
}

fn raw(printer: &mut Printer, bytes: &[u8], length: usize) -> Result<usize, Truncated> {
    printer.protocol = "raw";
    if printer.options.link_header {
        printer.out.text("ip: ");
    }
    match u8_at(bytes, 0)? >> 4 {
        4 => ip4::print(printer, bytes, length)?,
        6 => ip6::print(printer, bytes, length)?,
        other => {
            printer.out.text("unknown ip ");
            printer.out.number(other);
        }
    }
    Ok(0)
}

/// `LINKTYPE_NULL`: the family is in the byte order of whoever captured.
fn loopback(printer: &mut Printer, bytes: &[u8], length: usize) -> Result<usize, Truncated> {
    const HEADER: usize = 4;
    printer.protocol = "null";
    let family: [u8; 4] = array_at(bytes, 0)?;
    let (little, big) = (u32::from_le_bytes(family), u32::from_be_bytes(family));
    let family = if little & 0xffff_0000 == 0 { little } else { big };
    let name = match family {
        2 => "IPv4",
        10 | 24 | 28 | 30 => "IPv6",
        _ => "Unknown",
    };
    let inner = length.saturating_sub(HEADER);
    if printer.options.link_header {
        printer.out.text(if printer.options.quick { "" } else { "AF " });
        printer.out.text(name);
        if !printer.options.quick {
            printer.out.text(" (");
            printer.out.number(family);
            printer.out.byte(b')');
        }
        // Its own header counts here.
        printer.out.text(", length ");
        printer.out.length(length);
        printer.out.text(": ");
    }
    match family {
        2 => ip4::print(printer, rest(bytes, HEADER), inner)?,
        10 | 24 | 28 | 30 => ip6::print(printer, rest(bytes, HEADER), inner)?,
        _ => printer.unknown_bytes(rest(bytes, HEADER)),
    }
    Ok(HEADER)
}

const COOKED_KINDS: &[(u32, &str)] = &[(0, "In"), (1, "B"), (2, "M"), (3, "P"), (4, "Out")];

/// `LINKTYPE_LINUX_SLL`: kind, hardware type, address and protocol.
fn cooked(printer: &mut Printer, bytes: &[u8], length: usize) -> Result<usize, Truncated> {
    const HEADER: usize = 16;
    printer.protocol = "sll";
    if bytes.len() < HEADER {
        return Err(Truncated);
    }
    let protocol = u16_at(bytes, 14)?;
    if printer.options.link_header {
        let kind = u32::from(u16_at(bytes, 0)?);
        let kind = super::word(COOKED_KINDS, kind).unwrap_or("?");
        // To the right here, and to the left in the second version.
        for _ in kind.len()..3 {
            printer.out.byte(b' ');
        }
        printer.out.text(kind);
        printer.out.byte(b' ');
        if u16_at(bytes, 4)? == 6 {
            address(printer, bytes, 6, 6)?;
        }
        if !printer.options.quick {
            ethertype(printer, protocol, length);
        }
    }
    ethernet::print_typed(printer, protocol, rest(bytes, HEADER), length.saturating_sub(HEADER), None)?;
    Ok(HEADER)
}

/// `LINKTYPE_LINUX_SLL2`: the index of the interface too.
fn cooked2(printer: &mut Printer, bytes: &[u8], length: usize) -> Result<usize, Truncated> {
    const HEADER: usize = 20;
    printer.protocol = "sll2";
    if bytes.len() < HEADER {
        return Err(Truncated);
    }
    let protocol = u16_at(bytes, 0)?;
    let index = u32_at(bytes, 4)?;
    let kind = u8_at(bytes, 10)?;
    // The name of an index is the capturing host's matter: what was recorded
    // with the packet, and nothing of the host that reads.
    let name = printer.interface_names.get(&index).cloned().unwrap_or_else(|| "?".to_owned());
    pad(printer, &name, 5);
    printer.out.byte(b' ');
    pad(printer, super::word(COOKED_KINDS, kind).unwrap_or("?"), 3);
    printer.out.byte(b' ');
    if printer.options.link_header {
        printer.out.text("ifindex ");
        printer.out.number(index);
        printer.out.byte(b' ');
        address(printer, bytes, u16::from(u8_at(bytes, 11)?), 12)?;
        ethertype(printer, protocol, length);
    }
    ethernet::print_typed(printer, protocol, rest(bytes, HEADER), length.saturating_sub(HEADER), None)?;
    Ok(HEADER)
}

fn ethertype(printer: &mut Printer, protocol: u16, length: usize) {
    printer.out.text("ethertype ");
    printer.out.text(ethernet::name_of(protocol).unwrap_or("Unknown"));
    printer.out.text(" (0x");
    printer.out.hex(protocol, 4);
    printer.out.byte(b')');
    ethernet::print_length(printer, length);
}

fn address(printer: &mut Printer, bytes: &[u8], length: u16, at: usize) -> Result<(), Truncated> {
    let length = usize::from(length).min(8);
    if length > 0 {
        let address: [u8; 8] = array_at(bytes, at)?;
        printer.out.hardware_address(up_to(&address, length));
        printer.out.byte(b' ');
    }
    Ok(())
}

fn pad(printer: &mut Printer, text: &str, width: usize) {
    printer.out.text(text);
    for _ in text.len()..width {
        printer.out.byte(b' ');
    }
}
