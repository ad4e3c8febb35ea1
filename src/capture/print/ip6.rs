//! IPv6 and its extension headers, RFC 8200.

use super::bytes::{Printed, Truncated, array_at, rest, slice_at, u8_at, u16_at, u32_at, up_to};
use super::demux::{self, Payload};
use super::{IpHeader, Printer, word};

const HEADER: usize = 40;
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;

/// The source address of a header.
pub(super) fn source(header: &[u8]) -> Result<[u8; 16], Truncated> {
    array_at(header, 8)
}

/// The destination address of a header.
pub(super) fn destination(header: &[u8]) -> Result<[u8; 16], Truncated> {
    array_at(header, 24)
}

/// The protocol of the first header behind the fixed one.
pub(super) fn next_header(header: &[u8]) -> Result<u8, Truncated> {
    u8_at(header, 6)
}

/// `a > b`, without a colon.
pub(super) fn addresses(printer: &mut Printer, header: &[u8]) -> Printed {
    printer.out.ipv6(source(header)?);
    printer.out.text(" > ");
    printer.out.ipv6(destination(header)?);
    Ok(())
}

/// The address that checksums count as the destination: the last one of a
/// routing header, where there is one, RFC 8200 section 8.1.
pub(super) fn final_destination(packet: &[u8]) -> Result<[u8; 16], Truncated> {
    let (mut protocol, mut at) = (next_header(packet)?, HEADER);
    while let HOP_BY_HOP | DESTINATION | ROUTING | FRAGMENT = protocol {
        let header = rest(packet, at);
        let length = match protocol {
            FRAGMENT => 8,
            _ => (usize::from(u8_at(header, 1)?) + 1) * 8,
        };
        if protocol == ROUTING && u8_at(header, 3)? > 0 {
            // Type 4, segment routing, lists its segments last one first.
            let start = if u8_at(header, 2)? == 4 { 8 } else { length.saturating_sub(16) };
            return array_at(header, start);
        }
        protocol = u8_at(header, 0)?;
        at += length;
    }
    destination(packet)
}

/// What the walk over extension headers has seen.
#[derive(Default)]
struct Walk {
    has_hop_by_hop: bool,
    has_extension: bool,
    is_fragment: bool,
    jumbo: Option<usize>,
}

/// A packet, from its first byte.
pub(super) fn print(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.protocol = "ip6";
    slice_at(bytes, 0, HEADER)?;
    if length < HEADER {
        printer.out.text("truncated-ip6 ");
        printer.out.length(length);
        return Ok(());
    }
    if !printer.options.link_header {
        printer.out.text("IP6 ");
    }
    let version = u8_at(bytes, 0)? >> 4;
    if version != 6 {
        printer.out.text("version error: ");
        printer.out.number(version);
        printer.out.text(" != 6");
        return Ok(());
    }
    let claimed = usize::from(u16_at(bytes, 4)?);
    let total = if claimed == 0 { length + HEADER } else { claimed + HEADER };
    if claimed != 0 && length < total {
        printer.out.text("truncated-ip6 - ");
        printer.out.length(total - length);
        printer.out.text(" bytes missing!");
    }
    let protocol = next_header(bytes)?;
    if printer.options.verbose > 0 {
        verbose(printer, bytes, protocol, claimed)?;
    }
    walk(printer, up_to(bytes, total), protocol, claimed, total)
}

fn verbose(printer: &mut Printer, bytes: &[u8], protocol: u8, claimed: usize) -> Printed {
    let flow = u32_at(bytes, 0)?;
    printer.out.byte(b'(');
    if flow & 0x0ff0_0000 != 0 {
        printer.out.text("class 0x");
        printer.out.hex((flow & 0x0ff0_0000) >> 20, 2);
        printer.out.text(", ");
    }
    if flow & 0x000f_ffff != 0 {
        printer.out.text("flowlabel 0x");
        printer.out.hex(flow & 0x000f_ffff, 5);
        printer.out.text(", ");
    }
    printer.out.text("hlim ");
    printer.out.number(u8_at(bytes, 7)?);
    printer.out.text(", next-header ");
    printer.out.text(word(demux::NAMES, protocol).unwrap_or("unknown"));
    printer.out.text(" (");
    printer.out.number(protocol);
    printer.out.text(") payload length: ");
    printer.out.length(claimed);
    printer.out.text(") ");
    Ok(())
}

fn walk(printer: &mut Printer, packet: &[u8], mut protocol: u8, claimed: usize, total: usize) -> Printed {
    let mut seen = Walk::default();
    let (mut at, mut advance) = (0, HEADER);
    let mut left = total;
    while at < packet.len() && advance > 0 {
        if left < advance {
            return Err(Truncated);
        }
        at += advance;
        left -= advance;
        if at == HEADER && !demux::has_ports(protocol) {
            addresses(printer, packet)?;
            printer.out.text(": ");
        }
        let header = rest(packet, at);
        let stepped = match protocol {
            HOP_BY_HOP if seen.has_hop_by_hop => {
                printer.out.text("[The Hop-by-Hop Options header was already found]");
                printer.invalid();
                return Ok(());
            }
            HOP_BY_HOP if seen.has_extension => {
                printer.out.text("[The Hop-by-Hop Options header don't follow the IPv6 header]");
                printer.invalid();
                return Ok(());
            }
            HOP_BY_HOP => {
                seen.has_hop_by_hop = true;
                let step = options(printer, header, "HBH ", Some((claimed, &mut seen)))?;
                if claimed == 0 && seen.jumbo.is_none() {
                    printer.out.text("[No valid Jumbo Payload Hop-by-Hop option found]");
                    printer.invalid();
                    return Ok(());
                }
                step
            }
            DESTINATION => options(printer, header, "DSTOPT ", None)?,
            FRAGMENT => {
                let step = fragment(printer, header, claimed, at)?;
                if step.is_none_or(|step| packet.len() <= at + step) {
                    return Ok(());
                }
                seen.is_fragment = true;
                step
            }
            ROUTING => routing(printer, header)?,
            _ => return payload(printer, packet, protocol, at, left, (claimed, &seen)),
        };
        let Some(step) = stepped else { return Ok(()) };
        seen.has_extension = true;
        protocol = u8_at(header, 0)?;
        advance = step;
        printer.protocol = "ip6";
    }
    Ok(())
}

fn payload(
    printer: &mut Printer,
    packet: &[u8],
    protocol: u8,
    at: usize,
    left: usize,
    (claimed, seen): (usize, &Walk),
) -> Printed {
    let mut length = left;
    let mut bytes = rest(packet, at);
    if let Some(jumbo) = seen.jumbo {
        length = (jumbo + HEADER).checked_sub(at).ok_or(Truncated)?;
        // Without a length in the header, what came is what was counted so far.
        let came = left + at - HEADER;
        if came < jumbo + HEADER {
            printer.out.text("truncated-ip6 - ");
            printer.out.length(jumbo + HEADER - came);
            printer.out.text(" bytes missing!");
        }
        bytes = up_to(bytes, length);
    } else if claimed == 0 {
        if seen.has_extension {
            return Err(Truncated);
        }
        length = 0;
        bytes = &[];
    }
    let payload = Payload { bytes, length, header: IpHeader::V6(packet), is_fragment: seen.is_fragment };
    demux::print(printer, protocol, payload)
}

/// Hop-by-hop or destination options; gives their length, or none where they
/// end early.
fn options(
    printer: &mut Printer,
    header: &[u8],
    name: &str,
    mut hop_by_hop: Option<(usize, &mut Walk)>,
) -> Result<Option<usize>, Truncated> {
    let length = (usize::from(u8_at(header, 1)?) + 1) * 8;
    printer.protocol = if hop_by_hop.is_some() { "hbhopt" } else { "dstopt" };
    printer.out.text(name);
    let (mut at, verbose) = (2, printer.options.verbose > 0);
    while at < length {
        let kind = u8_at(header, at)?;
        let size = if kind == 0 {
            1
        } else if at + 1 < length {
            usize::from(u8_at(header, at + 1)?) + 2
        } else {
            printer.truncated();
            return Ok(None);
        };
        if at + size > length {
            printer.truncated();
            return Ok(None);
        }
        match kind {
            0 if verbose => printer.out.text("(pad1)"),
            1 if verbose => printer.out.text("(padn)"),
            0 | 1 => {}
            5 if size != 4 => {
                printer.out.text("(rtalert: invalid len ");
                printer.out.length(size - 2);
                printer.out.byte(b')');
                printer.truncated();
                return Ok(None);
            }
            5 if verbose => {
                printer.out.text("(rtalert: 0x");
                printer.out.hex(u16_at(header, at + 2)?, 4);
                printer.out.text(") ");
            }
            5 => {}
            0xc2 if size == 6 => jumbo(printer, u32_at(header, at + 2)?, &mut hop_by_hop),
            _ if verbose => {
                printer.out.text("(opt_type 0x");
                printer.out.hex(kind, 2);
                printer.out.text(": len=");
                printer.out.length(size - 2);
                printer.out.byte(b')');
            }
            _ => {}
        }
        at += size;
    }
    if verbose {
        printer.out.byte(b' ');
    }
    Ok(Some(length))
}

/// The jumbo payload option, RFC 2675.
fn jumbo(printer: &mut Printer, length: u32, hop_by_hop: &mut Option<(usize, &mut Walk)>) {
    let fault = match hop_by_hop {
        None => " - not a hop-by-hop option",
        Some((_, seen)) if seen.jumbo.is_some() => " - already seen",
        Some((claimed, _)) if *claimed != 0 => " - payload len != 0",
        Some(_) if length < 65_536 => " - < 65536",
        Some((_, seen)) => {
            seen.jumbo = usize::try_from(length).ok();
            ""
        }
    };
    if printer.options.verbose > 0 {
        printer.out.text("(jumbo: ");
        printer.out.number(length);
        printer.out.text(fault);
        printer.out.text(") ");
    }
}

/// A fragment header; none for all but the first fragment.
fn fragment(printer: &mut Printer, header: &[u8], claimed: usize, at: usize) -> Result<Option<usize>, Truncated> {
    const LENGTH: usize = 8;
    printer.protocol = "frag6";
    let offset = u16_at(header, 2)? & 0xfff8;
    printer.out.text("frag (");
    if printer.options.verbose > 0 {
        printer.out.text("0x");
        printer.out.hex(u32_at(header, 4)?, 8);
        printer.out.byte(b':');
    }
    printer.out.number(offset);
    printer.out.byte(b'|');
    printer.out.length((HEADER + claimed).wrapping_sub(at + LENGTH));
    printer.out.byte(b')');
    if offset != 0 {
        return Ok(None);
    }
    printer.out.byte(b' ');
    Ok(Some(LENGTH))
}

/// A routing header: types 0 and 2, and segment routing (RFC 8754).
fn routing(printer: &mut Printer, header: &[u8]) -> Result<Option<usize>, Truncated> {
    printer.protocol = "rt6";
    printer.out.text("RT6");
    let length = u8_at(header, 1)?;
    let kind = u8_at(header, 2)?;
    printer.out.text(" (len=");
    printer.out.number(length);
    printer.out.text(", type=");
    printer.out.number(kind);
    if kind == 0 {
        printer.out.text(" [Deprecated]");
    }
    printer.out.text(", segleft=");
    printer.out.number(u8_at(header, 3)?);
    let verbose = printer.options.verbose > 0;
    match kind {
        0 | 2 => {
            let reserved = u32_at(header, 4)?;
            if reserved != 0 || verbose {
                printer.out.text(", rsv=0x");
                printer.out.hex(reserved, 1);
            }
        }
        4 => {
            printer.out.text(", last-entry=");
            printer.out.number(u8_at(header, 4)?);
            let flags = u8_at(header, 5)?;
            if flags != 0 || verbose {
                printer.out.text(", flags=0x");
                printer.out.hex(flags, 1);
            }
            printer.out.text(", tag=");
            printer.out.hex(u16_at(header, 6)?, 1);
        }
        _ => {
            printer.out.text(" (unknown type)");
            printer.invalid();
            return Ok(None);
        }
    }
    if length % 2 == 1 {
        printer.out.text(" (invalid length ");
        printer.out.number(length);
        printer.out.byte(b')');
        printer.invalid();
        return Ok(None);
    }
    for at in 0..usize::from(length / 2) {
        printer.out.text(", [");
        printer.out.length(at);
        printer.out.byte(b']');
        printer.out.ipv6(array_at(header, 8 + at * 16)?);
    }
    printer.out.text(") ");
    Ok(Some((usize::from(length) + 1) * 8))
}

/// The protocol behind all extension headers of a quoted packet, and where
/// its header starts.
pub(super) fn upper_layer(packet: &[u8]) -> Result<(u8, usize), Truncated> {
    let (mut protocol, mut at) = (next_header(packet)?, HEADER);
    loop {
        let step = match protocol {
            FRAGMENT => 8,
            HOP_BY_HOP | DESTINATION | ROUTING => (usize::from(u8_at(packet, at + 1)?) + 1) * 8,
            _ => return Ok((protocol, at)),
        };
        protocol = u8_at(packet, at)?;
        at += step;
    }
}
