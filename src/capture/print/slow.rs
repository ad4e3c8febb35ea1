//! Slow protocols, IEEE 802.3 annex 57A: LACP, by which bonds are made, and
//! its markers.

use super::Printer;
use super::bytes::{Printed, rest, slice_at, u8_at, u16_at, u32_at};
use super::words::Words;

const LACP: u8 = 1;
const MARKER: u8 = 2;
const PROTOCOLS: &Words = &[(1, "LACP"), (2, "MARKER"), (3, "OAM")];
const VALUES: &Words = &[
    (0x100, "Terminator"),
    (0x101, "Actor Information"),
    (0x102, "Partner Information"),
    (0x103, "Collector Information"),
    (0x200, "Terminator"),
    (0x201, "Marker Information"),
];
const STATES: &Words = &[
    (0x01, "Activity"),
    (0x02, "Timeout"),
    (0x04, "Aggregation"),
    (0x08, "Synchronization"),
    (0x10, "Collecting"),
    (0x20, "Distributing"),
    (0x40, "Default"),
    (0x80, "Expired"),
];
/// Type and length.
const HEADER: usize = 2;

/// A frame, from its subtype.
pub(super) fn print(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.protocol = "slow";
    let is_verbose = printer.options.verbose > 0;
    let too_short = if is_verbose { "\n\t\t packet is too short" } else { " (packet is too short)" };
    if length < 1 {
        printer.out.text(too_short);
        return Ok(());
    }
    let protocol = u8_at(bytes, 0)?;
    let has_version = matches!(protocol, LACP | MARKER);
    if has_version {
        if length < 2 {
            printer.out.text(too_short);
            return Ok(());
        }
        let version = u8_at(bytes, 1)?;
        printer.word_or(PROTOCOLS, protocol, "");
        if version != 1 {
            printer.labelled(" version ", version);
            printer.out.text(" packet not supported");
            return Ok(());
        }
        printer.labelled("v", version);
    } else {
        printer.word_or_number(PROTOCOLS, protocol, "unknown");
    }
    printer.out.text(", length ");
    printer.out.length(length);
    match protocol {
        LACP | MARKER if is_verbose => {
            let is_whole = values(printer, rest(bytes, 2), length - 2, protocol)?;
            if !is_whole {
                printer.out.text("\n\t\t packet is too short");
            }
        }
        1..=3 => {}
        _ => printer.undecoded("\n\t", bytes, length),
    }
    Ok(())
}

/// Types, lengths and values; false where the last is longer than the packet.
fn values(printer: &mut Printer, bytes: &[u8], length: usize, protocol: u8) -> Result<bool, super::Truncated> {
    let mut at = 0;
    while at < length {
        if length - at < HEADER {
            return Ok(false);
        }
        let (kind, size) = (u8_at(bytes, at)?, u8_at(bytes, at + 1)?);
        printer.out.text("\n\t");
        let number = u32::from(protocol) << 8 | u32::from(kind);
        printer.word_or(VALUES, number, "Unknown");
        printer.labelled_hex(" TLV (0x", kind, 2);
        printer.labelled("), length ", size);
        if kind == 0 {
            return Ok(true);
        }
        let size = usize::from(size);
        if size < HEADER {
            printer.out.text("\n\t    ERROR: illegal length - should be >= 2");
            return Ok(true);
        }
        if length - at < size {
            return Ok(false);
        }
        let value = rest(slice_at(bytes, at, size)?, HEADER);
        let is_known = self::value(printer, number, value)?;
        if printer.options.verbose > 1 || !is_known {
            printer.undecoded("\n\t  ", value, value.len());
        }
        at += size;
    }
    Ok(true)
}

/// Whether a value's kind is known.
fn value(printer: &mut Printer, kind: u32, value: &[u8]) -> Result<bool, super::Truncated> {
    let expected = match kind {
        0x101 | 0x102 => 18,
        0x103 | 0x201 => 14,
        _ => return Ok(false),
    };
    if value.len() != expected {
        printer.out.text("\n\t    ERROR: illegal length - should be ");
        printer.out.length(expected + HEADER);
        return Ok(true);
    }
    match kind {
        0x103 => printer.labelled("\n\t  Max Delay ", u16_at(value, 0)?),
        0x201 => {
            printer.out.text("\n\t  Request System ");
            printer.out.hardware_address(slice_at(value, 2, 6)?);
            printer.labelled(", Request Port ", u16_at(value, 0)?);
            printer.labelled_hex(", Request Transaction ID 0x", u32_at(value, 8)?, 8);
        }
        _ => {
            printer.out.text("\n\t  System ");
            printer.out.hardware_address(slice_at(value, 2, 6)?);
            printer.labelled(", System Priority ", u16_at(value, 0)?);
            printer.labelled(", Key ", u16_at(value, 8)?);
            printer.labelled(", Port ", u16_at(value, 12)?);
            printer.labelled(", Port Priority ", u16_at(value, 10)?);
            printer.out.text("\n\t  State Flags [");
            printer.bits(STATES, u8_at(value, 14)?, "none");
            printer.out.byte(b']');
        }
    }
    Ok(true)
}
