//! Overlay networks: VXLAN (RFC 7348) and Geneve (RFC 8926).

use super::bytes::{Printed, Truncated, rest, slice_at, u8_at, u16_at, u32_at};
use super::{Printer, ethernet, ip4, ip6};

/// The three bytes of a network identifier at an offset.
fn identifier(bytes: &[u8], at: usize) -> Result<u32, Truncated> {
    let high = u32::from(u8_at(bytes, at)?) << 16;
    Ok(high | u32::from(u16_at(bytes, at + 1)?))
}

/// A VXLAN packet; the inner frame takes a line of its own.
pub(super) fn vxlan(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    const HEADER: usize = 8;
    printer.protocol = "vxlan";
    printer.out.text("VXLAN");
    if length < HEADER {
        printer.invalid();
        return Ok(());
    }
    let flags = u8_at(bytes, 0)?;
    printer.out.text(if flags & 0x08 != 0 { ", flags [I] (0x" } else { ", flags [.] (0x" });
    printer.out.hex(flags, 2);
    printer.out.text("), vni ");
    printer.out.number(identifier(bytes, 4)?);
    printer.out.byte(b'\n');
    slice_at(bytes, 0, HEADER)?;
    printer.nested(|printer| ethernet::print(printer, rest(bytes, HEADER), length - HEADER).map(|_| ()))
}

/// The port of VXLAN-GPE.
pub(super) const VXLAN_GPE_PORT: u16 = 4790;
const VXLAN_GPE_FLAGS: [(u8, &str); 4] = [(0x08, "I"), (0x04, "P"), (0x02, "B"), (0x01, "O")];

/// VXLAN with a protocol in its header, as Cisco proposed it.
pub(super) fn vxlan_gpe(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    const HEADER: usize = 8;
    printer.protocol = "vxlan_gpe";
    printer.out.text("VXLAN-GPE, ");
    if length < HEADER {
        printer.out.text(" (len ");
        printer.out.length(length);
        printer.out.text(" < 8)");
        printer.invalid();
        return Ok(());
    }
    let flags = u8_at(bytes, 0)?;
    printer.out.text("flags [");
    if VXLAN_GPE_FLAGS.iter().all(|(bit, _)| flags & bit == 0) {
        printer.out.text("none");
    }
    for (_, letter) in VXLAN_GPE_FLAGS.iter().filter(|(bit, _)| flags & bit != 0) {
        printer.out.text(letter);
    }
    printer.out.text("], ");
    let (protocol, network) = (u8_at(bytes, 3)?, identifier(bytes, 4)?);
    u8_at(bytes, 7)?;
    printer.labelled("vni ", network);
    printer.out.text(if printer.options.verbose > 0 { "\n    " } else { ": " });
    let (inner, left) = (rest(bytes, HEADER), length - HEADER);
    printer.nested(|printer| match protocol {
        1 => ip4::print(printer, inner, left),
        2 => ip6::print(printer, inner, left),
        3 => ethernet::print(printer, inner, left).map(|_| ()),
        _ => {
            printer.out.text("ERROR: unknown-next-protocol");
            printer.invalid();
            Ok(())
        }
    })
}

const GENEVE_FLAGS: [(u8, &str); 8] =
    [(0x80, "O"), (0x40, "C"), (0x20, "R1"), (0x10, "R2"), (0x08, "R3"), (0x04, "R4"), (0x02, "R5"), (0x01, "R6")];

/// A Geneve packet; the inner packet stays on the line, but for `-v`.
pub(super) fn geneve(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    const HEADER: usize = 8;
    printer.protocol = "geneve";
    printer.out.text("Geneve");
    if length < HEADER {
        printer.out.text(" [length ");
        printer.out.length(length);
        printer.out.text(" < 8]");
        printer.invalid();
        return Ok(());
    }
    slice_at(bytes, 0, HEADER)?;
    let first = u8_at(bytes, 0)?;
    if first >> 6 != 0 {
        printer.out.text(" ERROR: unknown-version ");
        printer.out.number(first >> 6);
        return Ok(());
    }
    let flags = u8_at(bytes, 1)?;
    printer.out.text(", Flags [");
    if flags == 0 {
        printer.out.text("none");
    }
    for (bit, name) in GENEVE_FLAGS {
        if flags & bit != 0 {
            printer.out.text(name);
        }
    }
    printer.out.text("], vni 0x");
    printer.out.hex(identifier(bytes, 4)?, 1);
    let reserved = u8_at(bytes, 7)?;
    if reserved != 0 {
        printer.out.text(", rsvd 0x");
        printer.out.hex(reserved, 1);
    }
    let protocol = u16_at(bytes, 2)?;
    ethernet::print_inner_type(printer, protocol);
    let options = usize::from(first & 0x3f) * 4;
    let left = length - HEADER;
    if left < options {
        printer.out.text(" truncated-geneve - ");
        printer.out.length(options - left);
        printer.out.text(" bytes missing");
        return Ok(());
    }
    let values = slice_at(bytes, HEADER, options)?;
    if options > 0 {
        printer.out.text(", options [");
        if printer.options.verbose > 0 {
            geneve_options(printer, values)?;
        } else {
            printer.out.length(options);
            printer.out.text(" bytes");
        }
        printer.out.byte(b']');
    }
    printer.out.text(if printer.options.verbose == 0 { ": " } else { "\n\t" });
    let (inner, inner_length) = (rest(bytes, HEADER + options), left - options);
    printer.nested(|printer| match protocol {
        0x0800 => ip4::print(printer, inner, inner_length),
        0x86dd => ip6::print(printer, inner, inner_length),
        0x6558 => ethernet::print(printer, inner, inner_length).map(|_| ()),
        0x0806 => super::arp::print(printer, inner, inner_length),
        other => {
            printer.out.text("geneve-proto-0x");
            printer.out.hex(other, 1);
            Ok(())
        }
    })
}

fn option_class(class: u16) -> &'static str {
    match class {
        0x0000..=0x00ff => "Standard",
        0x0100 => "Linux",
        0x0101 => "Open vSwitch",
        0x0102 => "Open Virtual Networking (OVN)",
        0x0103 => "In-band Network Telemetry (INT)",
        0x0104 => "VMware",
        0xfff0.. => "Experimental",
        _ => "Unknown",
    }
}

fn geneve_options(printer: &mut Printer, bytes: &[u8]) -> Printed {
    let mut at = 0;
    while at < bytes.len() {
        if at > 0 {
            printer.out.text(", ");
        }
        let (class, kind) = (u16_at(bytes, at)?, u8_at(bytes, at + 2)?);
        let size = 4 + usize::from(u8_at(bytes, at + 3)? & 0x1f) * 4;
        printer.out.text("class ");
        printer.out.text(option_class(class));
        printer.out.text(" (0x");
        printer.out.hex(class, 1);
        printer.out.text(") type 0x");
        printer.out.hex(kind, 1);
        printer.out.text(if kind & 0x80 != 0 { "(C) len " } else { " len " });
        printer.out.length(size);
        if at + size > bytes.len() {
            printer.out.text(" [bad length]");
            return Ok(());
        }
        if printer.options.verbose > 1 && size > 4 {
            printer.out.text(" data");
            for word in (at + 4..at + size).step_by(4) {
                printer.out.byte(b' ');
                printer.out.hex(u32_at(bytes, word)?, 8);
            }
        }
        at += size;
    }
    Ok(())
}
