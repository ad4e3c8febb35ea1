//! Bidirectional Forwarding Detection, RFC 5880 and 5883, which routers of
//! clusters watch each other with beside BGP.

use super::Printer;
use super::bytes::{Printed, rest, slice_at, u8_at, u32_at};
use super::words::Words;

/// Ports of control packets, RFC 5881, 5883 and 7130, and their names.
const PORTS: &Words = &[(3784, "Control"), (4784, "Multihop"), (6784, "Lag")];
const ECHO_PORT: u16 = 3785;
const HEADER: usize = 24;
const AUTHENTICATION: u8 = 0x04;

const DIAGNOSTICS: &Words = &[
    (0, "No Diagnostic"),
    (1, "Control Detection Time Expired"),
    (2, "Echo Function Failed"),
    (3, "Neighbor Signaled Session Down"),
    (4, "Forwarding Plane Reset"),
    (5, "Path Down"),
    (6, "Concatenated Path Down"),
    (7, "Administratively Down"),
    (8, "Reverse Concatenated Path Down"),
];
const FLAGS_0: &Words = &[
    (0x80, "I Hear You"),
    (0x40, "Demand"),
    (0x20, "Poll"),
    (0x10, "Final"),
    (0x08, "Control Plane Independent"),
    (0x04, "Authentication Present"),
    (0x02, "Reserved"),
    (0x01, "Reserved"),
];
const FLAGS_1: &Words = &[
    (0x20, "Poll"),
    (0x10, "Final"),
    (0x08, "Control Plane Independent"),
    (0x04, "Authentication Present"),
    (0x02, "Demand"),
    (0x01, "Multipoint"),
];
const STATES: &Words = &[(0, "AdminDown"), (1, "Down"), (2, "Init"), (3, "Up")];
const AUTHENTICATIONS: &Words = &[
    (1, "Simple Password"),
    (2, "Keyed MD5"),
    (3, "Meticulous Keyed MD5"),
    (4, "Keyed SHA1"),
    (5, "Meticulous Keyed SHA1"),
];

/// Whether a datagram to this port is one of BFD.
pub(super) fn is_port(port: u16) -> bool {
    port == ECHO_PORT || super::word(PORTS, port).is_some()
}

/// A packet to one of the ports.
pub(super) fn print(printer: &mut Printer, bytes: &[u8], length: usize, port: u16) -> Printed {
    printer.protocol = "bfd";
    if port == ECHO_PORT {
        printer.out.text("BFD, Echo, length: ");
        printer.out.length(length);
        undecoded(printer, bytes, length);
        return Ok(());
    }
    slice_at(bytes, 0, HEADER)?;
    let (first, flags) = (u8_at(bytes, 0)?, u8_at(bytes, 1)?);
    let version = first >> 5;
    printer.labelled("BFDv", version);
    if version > 1 {
        printer.out.text(", Control, length: ");
        printer.out.length(length);
        undecoded(printer, bytes, length);
        return Ok(());
    }
    let is_verbose = printer.options.verbose > 0;
    if is_verbose {
        printer.out.text(", length: ");
        printer.out.length(length);
    }
    printer.out.text(if is_verbose { "\n\t" } else { ", " });
    if version == 0 {
        printer.out.text("Control");
    } else {
        printer.word_or(PORTS, port, "");
        printer.out.text(", State ");
        printer.word_or(STATES, flags >> 6, "");
    }
    printer.out.text(", Flags: [");
    match version {
        0 => printer.bits(FLAGS_0, flags, "none"),
        _ => printer.bits(FLAGS_1, flags & 0x3f, "none"),
    }
    if !is_verbose {
        printer.out.text("], length: ");
        printer.out.length(length);
        return Ok(());
    }
    let diagnostic = first & 0x1f;
    printer.out.text("], Diagnostic: ");
    printer.word_or(DIAGNOSTICS, diagnostic, "unknown");
    printer.labelled_hex(" (0x", diagnostic, 2);
    printer.out.byte(b')');
    timers(printer, bytes)?;
    if flags & AUTHENTICATION != 0 {
        authentication(printer, rest(bytes, HEADER))?;
    }
    Ok(())
}

fn undecoded(printer: &mut Printer, bytes: &[u8], length: usize) {
    if printer.options.verbose > 0 {
        printer.undecoded("\n\t", bytes, length);
    }
}

/// Intervals are microseconds.
fn timers(printer: &mut Printer, bytes: &[u8]) -> Printed {
    let multiplier = u8_at(bytes, 2)?;
    printer.labelled("\n\tDetection Timer Multiplier: ", multiplier);
    printer.labelled(" (", u32::from(multiplier).wrapping_mul(u32_at(bytes, 12)?) / 1000);
    printer.labelled(" ms Detection time), BFD Length: ", u8_at(bytes, 3)?);
    printer.labelled_hex("\n\tMy Discriminator: 0x", u32_at(bytes, 4)?, 8);
    printer.labelled_hex(", Your Discriminator: 0x", u32_at(bytes, 8)?, 8);
    for (label, at) in [
        ("\n\t  Desired min Tx Interval:    ", 12),
        ("\n\t  Required min Rx Interval:   ", 16),
        ("\n\t  Required min Echo Interval: ", 20),
    ] {
        printer.out.text(label);
        printer.out.padded(u64::from(u32_at(bytes, at)? / 1000), 4, b' ');
        printer.out.text(" ms");
    }
    Ok(())
}

fn authentication(printer: &mut Printer, bytes: &[u8]) -> Printed {
    slice_at(bytes, 0, 4)?;
    let (kind, length) = (u8_at(bytes, 0)?, u8_at(bytes, 1)?);
    printer.out.text("\n\tAuthentication: ");
    printer.word_and_number(AUTHENTICATIONS, kind, "Unknown");
    printer.labelled(", length: ", length);
    printer.labelled("\n\t  Auth Key ID: ", u8_at(bytes, 2)?);
    let (right, label, size) = match kind {
        1 => (4..=19, ", Password: ", 0),
        2 | 3 => (24..=24, "\n\t  Digest: ", 16),
        4 | 5 => (28..=28, "\n\t  Hash: ", 20),
        _ => return Ok(()),
    };
    if !right.contains(&length) {
        printer.labelled("[invalid length ", length);
        printer.out.byte(b']');
        return Ok(());
    }
    if size == 0 {
        printer.out.text(label);
        return printer.text_of(bytes, 3, usize::from(length) - 3);
    }
    printer.labelled_hex(", Sequence Number: 0x", u32_at(bytes, 4)?, 8);
    let digest = slice_at(bytes, 8, size)?;
    printer.out.text(label);
    printer.out.hex_bytes(digest);
    Ok(())
}
