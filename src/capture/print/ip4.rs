//! IPv4, RFC 791.

use super::bytes::{
    Printed, Truncated, array_at, checksum, checksum_should_be, rest, slice_at, u8_at, u16_at, u32_at, up_to,
};
use super::demux::{self, Payload};
use super::{IpHeader, Printer, word};

const HEADER: usize = 20;
const MORE_FRAGMENTS: u16 = 0x2000;
const DONT_FRAGMENT: u16 = 0x4000;
const RESERVED: u16 = 0x8000;
const OFFSET_MASK: u16 = 0x1fff;

/// The source address of a header.
pub(super) fn source(header: &[u8]) -> Result<[u8; 4], Truncated> {
    array_at(header, 12)
}

/// The destination address of a header.
pub(super) fn destination(header: &[u8]) -> Result<[u8; 4], Truncated> {
    array_at(header, 16)
}

/// `a > b`, without a colon.
pub(super) fn addresses(printer: &mut Printer, header: &[u8]) -> Printed {
    printer.out.ipv4(source(header)?);
    printer.out.text(" > ");
    printer.out.ipv4(destination(header)?);
    Ok(())
}

/// A packet, from its first byte.
pub(super) fn print(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.protocol = "ip";
    let version = u8_at(bytes, 0)? >> 4;
    if version != 4 {
        if version == 6 {
            printer.out.text("IP6, wrong link-layer encapsulation");
        } else {
            printer.out.text("IP");
            printer.out.number(version);
        }
        printer.invalid();
        return Ok(());
    }
    if !printer.options.link_header {
        printer.out.text("IP ");
    }
    slice_at(bytes, 0, HEADER)?;
    if length < HEADER {
        {
            say(printer, "truncated-ip ", length);
            return Ok(());
        }
    }
    let header_length = usize::from(u8_at(bytes, 0)? & 0xf) * 4;
    if header_length < HEADER {
        {
            say(printer, "bad-hlen ", header_length);
            return Ok(());
        }
    }
    let mut total = usize::from(u16_at(bytes, 2)?);
    if length < total {
        printer.out.text("truncated-ip - ");
        printer.out.length(total - length);
        printer.out.text(" bytes missing! ");
    }
    if total < header_length {
        if total != 0 {
            {
                say(printer, "bad-len ", total);
                return Ok(());
            }
        }
        // Segmentation offload: the device fills the length in.
        total = length;
    }
    let packet = up_to(bytes, total);
    let offset = u16_at(packet, 6)?;
    let protocol = u8_at(packet, 9)?;
    if printer.options.verbose > 0 && !verbose(printer, packet, header_length, offset, protocol)? {
        addresses(printer, packet)?;
        printer.out.text(": ");
        return Err(Truncated);
    }
    if offset & OFFSET_MASK != 0 {
        addresses(printer, packet)?;
        printer.out.text(": ip-proto-");
        printer.out.number(protocol);
        return Ok(());
    }
    if !demux::has_ports(protocol) {
        addresses(printer, packet)?;
        printer.out.text(": ");
    }
    if packet.len() < header_length {
        printer.header_cut(packet.len(), header_length);
        return Err(Truncated);
    }
    let payload = Payload {
        bytes: rest(packet, header_length),
        length: total.saturating_sub(header_length),
        header: IpHeader::V4(packet),
        is_fragment: offset & MORE_FRAGMENTS != 0,
    };
    demux::print(printer, protocol, payload)
}

fn say(printer: &mut Printer, text: &str, number: usize) {
    printer.out.text(text);
    printer.out.length(number);
}

/// What `-v` adds; false where the options end before their length.
fn verbose(
    printer: &mut Printer,
    packet: &[u8],
    header_length: usize,
    offset: u16,
    protocol: u8,
) -> Result<bool, Truncated> {
    let service = u8_at(packet, 1)?;
    printer.out.text("(tos 0x");
    printer.out.hex(service, 1);
    printer.out.text(match service & 3 {
        1 => ",ECT(1)",
        2 => ",ECT(0)",
        3 => ",CE",
        _ => "",
    });
    let hops = u8_at(packet, 8)?;
    if hops > 0 {
        printer.out.text(", ttl ");
        printer.out.number(hops);
    }
    printer.out.text(", id ");
    printer.out.number(u16_at(packet, 4)?);
    printer.out.text(", offset ");
    printer.out.number((offset & OFFSET_MASK) * 8);
    printer.out.text(", flags [");
    let mut separator = "";
    for (bit, name) in [(MORE_FRAGMENTS, "+"), (DONT_FRAGMENT, "DF"), (RESERVED, "rsvd")] {
        if offset & bit != 0 {
            printer.out.text(separator);
            printer.out.text(name);
            separator = ", ";
        }
    }
    printer.out.text(if separator.is_empty() { "none], proto " } else { "], proto " });
    printer.out.text(word(demux::NAMES, protocol).unwrap_or("unknown"));
    printer.out.text(" (");
    printer.out.number(protocol);
    printer.out.text("), length ");
    printer.out.number(u16_at(packet, 2)?);
    let mut is_complete = true;
    if header_length > HEADER {
        printer.out.text(", options (");
        if options(printer, rest(packet, HEADER), header_length - HEADER).is_err() {
            printer.out.text(" [truncated-option]");
            is_complete = false;
        }
        printer.out.byte(b')');
    }
    if !printer.options.skip_checksums && packet.len() >= header_length {
        let sum = checksum(&[up_to(packet, header_length)]);
        if sum != 0 {
            let found = u16_at(packet, 10)?;
            printer.out.text(", bad cksum ");
            printer.out.hex(found, 1);
            printer.out.text(" (->");
            printer.out.hex(checksum_should_be(found, sum), 1);
            printer.out.text(")!");
        }
    }
    printer.out.text(")\n    ");
    Ok(is_complete)
}

const OPTIONS: &[(u32, &str)] = &[
    (0, "EOL"),
    (1, "NOP"),
    (68, "timestamp"),
    (130, "security"),
    (7, "RR"),
    (137, "SSRR"),
    (131, "LSRR"),
    (148, "RA"),
    (82, "traceroute"),
];

fn options(printer: &mut Printer, bytes: &[u8], mut length: usize) -> Printed {
    let mut at = 0;
    let mut separator = "";
    while length > 0 {
        printer.out.text(separator);
        separator = ",";
        let code = u8_at(bytes, at)?;
        match word(OPTIONS, code) {
            Some(name) => printer.out.text(name),
            None => {
                printer.out.text("unknown ");
                printer.out.number(code);
            }
        }
        let option_length = if code <= 1 { 1 } else { usize::from(u8_at(bytes, at + 1)?) };
        if (code > 1 && option_length < 2) || option_length > length {
            bad(printer, "length", option_length);
            return Ok(());
        }
        let option = slice_at(bytes, at, option_length)?;
        match code {
            0 => return Ok(()),
            7 | 131 | 137 => route(printer, option)?,
            68 => timestamps(printer, option)?,
            148 if option_length < 4 => bad(printer, "length", option_length),
            148 => {
                let value = u16_at(option, 2)?;
                if value != 0 {
                    printer.out.text(" value ");
                    printer.out.number(value);
                }
            }
            _ => {}
        }
        at += option_length;
        length -= option_length;
    }
    Ok(())
}

fn bad(printer: &mut Printer, what: &str, number: usize) {
    printer.out.text(" [bad ");
    printer.out.text(what);
    printer.out.byte(b' ');
    printer.out.length(number);
    printer.out.byte(b']');
}

/// Record route and source routes, RFC 791 section 3.1.
fn route(printer: &mut Printer, option: &[u8]) -> Printed {
    let length = option.len();
    if length < 3 {
        bad(printer, "length", length);
        return Ok(());
    }
    if !(length + 1).is_multiple_of(4) {
        bad(printer, "length", length);
    }
    let next = usize::from(u8_at(option, 2)?);
    let index = next.wrapping_sub(1);
    if index < 3 || !index.wrapping_add(1).is_multiple_of(4) || index > length + 1 {
        bad(printer, "ptr", next);
    }
    for at in (3..length).step_by(4) {
        let address = array_at(option, at)?;
        printer.out.byte(b' ');
        printer.out.ipv4(address);
        if index > at {
            printer.out.byte(b',');
        }
    }
    Ok(())
}

/// The timestamp option, RFC 791 section 3.1.
fn timestamps(printer: &mut Printer, option: &[u8]) -> Printed {
    let length = option.len();
    if length < 4 {
        bad(printer, "length", length);
        return Ok(());
    }
    printer.out.text(" TS{");
    let kind = u8_at(option, 3)? & 0xf;
    let hop = if kind == 0 { 4 } else { 8 };
    if !(length - 4).is_multiple_of(hop) {
        printer.out.text("[bad length ");
        printer.out.length(length);
        printer.out.byte(b']');
    }
    let next = usize::from(u8_at(option, 2)?);
    let index = next.wrapping_sub(1);
    if index < 4 || !index.wrapping_sub(4).is_multiple_of(hop) || index > length + 1 {
        printer.out.text("[bad ptr ");
        printer.out.length(next);
        printer.out.byte(b']');
    }
    let mut at = 0;
    if let Some(name) = word(&[(0, "TSONLY"), (1, "TS+ADDR"), (3, "PRESPEC")], kind) {
        printer.out.text(name);
        at = 4;
        while at < length {
            let entry = slice_at(option, at, hop)?;
            printer.out.text(if index == at { " ^ " } else { " " });
            printer.out.number(u32_at(entry, hop - 4)?);
            printer.out.byte(b'@');
            if hop == 8 {
                printer.out.ipv4(array_at(entry, 0)?);
            }
            at += hop;
        }
    } else {
        printer.out.text("[bad ts type ");
        printer.out.number(kind);
        printer.out.byte(b']');
    }
    if index == at {
        printer.out.text(" ^ ");
    }
    let missed = u8_at(option, 3)? >> 4;
    if missed > 0 {
        printer.out.text(" [");
        printer.out.number(missed);
        printer.out.text(" hops not recorded]} ");
    } else {
        printer.out.byte(b'}');
    }
    Ok(())
}
