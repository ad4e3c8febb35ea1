//! Link Layer Discovery Protocol, IEEE 802.1AB: what a switch says of itself
//! to the nodes on its ports. What organisations add is shown as bytes.

use super::bytes::{Printed, Truncated, array_at, rest, slice_at, u8_at, u16_at, u32_at};
use super::words::Words;
use super::{Printer, llc};

const KINDS: &Words = &[
    (0, "End"),
    (1, "Chassis ID"),
    (2, "Port ID"),
    (3, "Time to Live"),
    (4, "Port Description"),
    (5, "System Name"),
    (6, "System Description"),
    (7, "System Capabilities"),
    (8, "Management Address"),
    (127, "Organization specific"),
];
const SYSTEM_NAME: u16 = 5;
const CHASSIS: &Words = &[
    (1, "Chassis component"),
    (2, "Interface alias"),
    (3, "Port component"),
    (4, "MAC address"),
    (5, "Network address"),
    (6, "Interface name"),
    (7, "Local"),
];
const PORTS: &Words = &[
    (1, "Interface alias"),
    (2, "Port component"),
    (3, "MAC address"),
    (4, "Network Address"),
    (5, "Interface Name"),
    (6, "Agent circuit ID"),
    (7, "Local"),
];
const CAPABILITIES: &Words = &[
    (0x01, "Other"),
    (0x02, "Repeater"),
    (0x04, "Bridge"),
    (0x08, "WLAN AP"),
    (0x10, "Router"),
    (0x20, "Telephone"),
    (0x40, "Docsis"),
    (0x80, "Station Only"),
];
const FAMILIES: &Words = &[
    (0, "Reserved"),
    (1, "IPv4"),
    (2, "IPv6"),
    (3, "NSAP"),
    (4, "HDLC"),
    (5, "BBN 1822"),
    (6, "802"),
    (7, "E.163"),
    (8, "E.164"),
    (9, "F.69"),
    (10, "X.121"),
    (11, "Novell IPX"),
    (12, "Appletalk"),
    (13, "Decnet IV"),
    (14, "Banyan Vines"),
    (15, "E.164 with NSAP subaddress"),
];
const INTERFACE_NUMBERS: &Words = &[(2, "Interface Index"), (3, "System Port Number")];

/// A frame.
pub(super) fn print(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.protocol = "lldp";
    printer.out.text("LLDP, length ");
    printer.out.length(length);
    let verbose = printer.options.verbose;
    let mut at = 0;
    while at + 2 <= length {
        let head = u16_at(bytes, at)?;
        let (kind, size) = (head >> 9, usize::from(head & 0x1ff));
        at += 2;
        if verbose > 0 {
            printer.out.text("\n\t");
            printer.word_or(KINDS, kind, "Unknown");
            printer.labelled(" TLV (", kind);
            printer.out.text("), length ");
            printer.out.length(size);
        }
        if kind == 0 || size == 0 {
            break;
        }
        let value = slice_at(bytes, at, size)?;
        if length - at < size {
            return Err(Truncated);
        }
        let is_known = if verbose > 0 {
            print_value(printer, kind, value)?
        } else {
            if kind == SYSTEM_NAME {
                named(printer, ": ", value)?;
            }
            true
        };
        if verbose > 1 || !is_known {
            printer.undecoded("\n\t  ", value, size);
        }
        at += size;
    }
    Ok(())
}

fn named(printer: &mut Printer, before: &str, value: &[u8]) -> Printed {
    printer.out.text(before);
    printer.text_to_zero(value, 0, value.len())
}

/// Whether the kind is known.
fn print_value(printer: &mut Printer, kind: u16, value: &[u8]) -> Result<bool, Truncated> {
    match kind {
        1 => return identifier(printer, value, CHASSIS, 4, 5),
        2 => return identifier(printer, value, PORTS, 3, 4),
        3 => {
            printer.labelled(": TTL ", u16_at(value, 0)?);
            printer.out.byte(b's');
        }
        4 | SYSTEM_NAME => named(printer, ": ", value)?,
        6 => named(printer, "\n\t  ", value)?,
        7 => {
            slice_at(value, 0, 4)?;
            for (label, at) in [("\n\t  System  Capabilities [", 0), ("\n\t  Enabled Capabilities [", 2)] {
                let capabilities = u16_at(value, at)?;
                printer.out.text(label);
                printer.bits(CAPABILITIES, capabilities, "none");
                printer.labelled_hex("] (0x", capabilities, 4);
                printer.out.byte(b')');
            }
        }
        8 => management(printer, value)?,
        127 => {
            let organisation = u32::from(u8_at(value, 0)?) << 16 | u32::from(u16_at(value, 1)?);
            printer.out.text(": OUI ");
            printer.word_or(llc::ORGANISATIONS, organisation, "Unknown");
            printer.labelled_hex(" (0x", organisation, 6);
            printer.out.byte(b')');
            return Ok(false);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// A chassis or a port; false where its kind is not known.
fn identifier(
    printer: &mut Printer,
    value: &[u8],
    kinds: &Words,
    hardware: u8,
    network: u8,
) -> Result<bool, Truncated> {
    slice_at(value, 0, 2)?;
    let kind = u8_at(value, 0)?;
    printer.out.text("\n\t  Subtype ");
    printer.word_and_number(kinds, kind, "Unknown");
    printer.out.text(": ");
    match kind {
        _ if kind == hardware => printer.out.hardware_address(slice_at(value, 1, 6)?),
        _ if kind == network => address(printer, "", rest(value, 1))?,
        1..=7 => printer.text_to_zero(value, 1, value.len() - 1)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// An address behind its family, RFC 1700.
fn address(printer: &mut Printer, before: &str, value: &[u8]) -> Printed {
    let family = u8_at(value, 0)?;
    let size = match family {
        1 => 4,
        2 => 16,
        6 => 6,
        _ => 0,
    };
    slice_at(value, 1, size)?;
    printer.out.text(before);
    printer.out.text("AFI ");
    printer.word_and_number(FAMILIES, family, "Unknown");
    printer.out.text(if size > 0 { ": " } else { ", no AF printer !" });
    match family {
        1 => printer.out.ipv4(array_at(value, 1)?),
        2 => printer.out.ipv6(array_at(value, 1)?),
        _ => printer.out.hardware_address(slice_at(value, 1, size)?),
    }
    Ok(())
}

fn management(printer: &mut Printer, value: &[u8]) -> Printed {
    let size = u8_at(value, 0)?;
    let inner = slice_at(value, 1, usize::from(size))?;
    address(printer, &format!("\n\t  Management Address length {size}, "), inner)?;
    let number = rest(value, 1 + usize::from(size));
    slice_at(number, 0, 5)?;
    let kind = u8_at(number, 0)?;
    printer.out.text("\n\t  ");
    printer.word_or(INTERFACE_NUMBERS, kind, "Unknown");
    printer.labelled(" Interface Numbering (", kind);
    printer.labelled("): ", u32_at(number, 1)?);
    let object = rest(number, 5);
    if let Some(size) = object.first() {
        slice_at(object, 1, usize::from(*size))?;
        if *size > 0 {
            printer.labelled("\n\t  OID length ", *size);
            printer.text_to_zero(object, 1, usize::from(*size))?;
        }
    }
    Ok(())
}
