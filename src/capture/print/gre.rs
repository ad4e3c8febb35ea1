//! GRE, RFC 2784 and 2890; version 1 is PPTP's, RFC 2637.

use super::bytes::{Printed, Truncated, rest, u8_at, u16_at, u32_at};
use super::{Printer, ethernet, ip4, ip6, mpls};

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGMENT: u16 = 0x0080;

const FLAGS: [(u16, &str); 7] = [
    (CHECKSUM, "checksum present"),
    (ROUTING, "routing present"),
    (KEY, "key present"),
    (SEQUENCE, "sequence# present"),
    (0x0800, "source routing present"),
    (0x0700, "recursion count"),
    (ACKNOWLEDGMENT, "ack present"),
];

/// A packet, from its flags.
pub(super) fn print(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.protocol = "gre";
    let flags = u16_at(bytes, 0)?;
    if length < 2 {
        return Err(Truncated);
    }
    let version = flags & 7;
    printer.out.text("GREv");
    printer.out.number(version);
    if version > 1 {
        printer.out.text(" ERROR: unknown-version");
        return Ok(());
    }
    if printer.options.verbose > 0 {
        print_flags(printer, flags);
    }
    let protocol = u16_at(bytes, 2)?;
    let mut at = 4;
    if version == 0 && flags & (CHECKSUM | ROUTING) != 0 {
        if printer.options.verbose > 0 {
            printer.out.text(", sum 0x");
            printer.out.hex(u16_at(bytes, at)?, 1);
        }
        printer.out.text(", off 0x");
        printer.out.hex(u16_at(bytes, at + 2)?, 1);
        at += 4;
    }
    for (bit, text) in
        [(KEY, if version == 0 { ", key=0x" } else { ", call " }), (SEQUENCE, ", seq "), (ACKNOWLEDGMENT, ", ack ")]
    {
        if flags & bit == 0 || (bit == ACKNOWLEDGMENT && version == 0) {
            continue;
        }
        let number = u32_at(bytes, at)?;
        printer.out.text(text);
        match (bit, version) {
            (KEY, 0) => printer.out.hex(number, 1),
            (KEY, _) => printer.out.number(number & 0xffff),
            _ => printer.out.number(number),
        }
        at += 4;
    }
    if version == 0 && flags & ROUTING != 0 {
        at = routing(printer, bytes, at, length)?;
    }
    if version == 1 && flags & SEQUENCE == 0 {
        printer.out.text(", no-payload");
    }
    ethernet::print_inner_type(printer, protocol);
    printer.out.text(", length ");
    printer.out.length(length);
    if version == 1 && flags & SEQUENCE == 0 {
        return Ok(());
    }
    printer.out.text(if printer.options.verbose == 0 { ": " } else { "\n\t" });
    let left = length.checked_sub(at).ok_or(Truncated)?;
    let inner = rest(bytes, at);
    match protocol {
        0x0800 => ip4::print(printer, inner, left),
        0x86dd => ip6::print(printer, inner, left),
        0x6558 => ethernet::print(printer, inner, left).map(|_| ()),
        0x8847 if version == 0 => mpls::print(printer, inner, left),
        other => {
            printer.out.text("gre-proto-0x");
            printer.out.hex(other, 1);
            Ok(())
        }
    }
}

/// Source routes, RFC 1701, of which the kind is told; gives where they end.
fn routing(printer: &mut Printer, bytes: &[u8], mut at: usize, length: usize) -> Result<usize, Truncated> {
    loop {
        let (family, size) = (u16_at(bytes, at)?, usize::from(u8_at(bytes, at + 3)?));
        at += 4;
        if at > length {
            return Err(Truncated);
        }
        if family == 0 && size == 0 {
            return Ok(at);
        }
        printer.labelled_hex(", (rtaf=0x", family, 1);
        printer.out.byte(b')');
        at += size;
        if at > length {
            return Err(Truncated);
        }
    }
}

fn print_flags(printer: &mut Printer, flags: u16) {
    printer.out.text(", Flags [");
    let mut separator = "";
    for (bit, name) in FLAGS {
        if flags & bit == bit {
            printer.out.text(separator);
            printer.out.text(name);
            separator = ", ";
        }
    }
    printer.out.text(if separator.is_empty() { "none]" } else { "]" });
}
