//! Border Gateway Protocol, RFC 4271, by which Calico, Cilium and `MetalLB` tell
//! routes. A segment's messages are found by their markers, as those that began
//! in an earlier segment cannot be read. `-v` tells them.

use super::bytes::{Printed, Truncated, array_at, rest, slice_at, u8_at, u16_at, u32_at};
use super::words::Words;
use super::{Printer, bgp_notification, bgp_update};

/// Its port.
pub(super) const PORT: u16 = 179;
const HEADER: usize = 19;
const MARKER: [u8; 16] = [0xff; 16];
const KINDS: &Words = &[(1, "Open"), (2, "Update"), (3, "Notification"), (4, "Keepalive"), (5, "Route Refresh")];

/// Families of addresses, of those that BGP carries.
pub(super) const FAMILIES: &Words = &[
    (0, "Reserved"),
    (1, "IPv4"),
    (2, "IPv6"),
    (3, "NSAP"),
    (6, "802"),
    (11, "Novell IPX"),
    (25, "VPLS"),
    (196, "Layer-2 VPN"),
];
/// What the routes of a family are for.
pub(super) const SUBFAMILIES: &Words = &[
    (0, "Reserved"),
    (1, "Unicast"),
    (2, "Multicast"),
    (3, "Unicast+Multicast"),
    (4, "labeled Unicast"),
    (5, "Multicast VPN"),
    (64, "Tunnel"),
    (65, "VPLS"),
    (66, "MDT"),
    (70, "EVPN"),
    (128, "labeled VPN Unicast"),
    (129, "labeled VPN Multicast"),
    (130, "labeled VPN Unicast+Multicast"),
    (132, "Route Target Routing Information"),
];
const OPTIONS: &Words = &[(1, "Authentication Information"), (2, "Capabilities Advertisement")];
const CAPABILITIES_OPTION: u8 = 2;
const CAPABILITIES: &Words = &[
    (1, "Multiprotocol Extensions"),
    (2, "Route Refresh"),
    (3, "Cooperative Route Filtering"),
    (4, "Multiple Routes to a Destination"),
    (5, "Extended Next Hop Encoding"),
    (8, "Multiple Labels"),
    (64, "Graceful Restart"),
    (65, "32-Bit AS Number"),
    (67, "Dynamic Capability"),
    (68, "Multisession BGP"),
    (69, "Multiple Paths"),
    (70, "Enhanced Route Refresh"),
    (71, "Long-lived Graceful Restart"),
    (128, "Route Refresh (Cisco)"),
];
const DIRECTIONS: &Words = &[(1, "Receive"), (2, "Send"), (3, "Both")];

/// A segment.
pub(super) fn print(printer: &mut Printer, data: &[u8]) -> Printed {
    printer.protocol = "bgp";
    printer.out.text(": BGP");
    if printer.options.verbose == 0 {
        return Ok(());
    }
    let (mut at, mut expected) = (0, 0);
    while let Some(first) = data.get(at) {
        let marker = data.get(at..at + MARKER.len());
        if *first == 0xff && marker.is_none() {
            break;
        }
        if marker != Some(&MARKER) {
            at += 1;
            continue;
        }
        slice_at(data, at, HEADER)?;
        if at != expected {
            printer.truncated();
        }
        let size = u16_at(data, at + 16)?;
        if usize::from(size) < HEADER {
            printer.labelled("\nmessage length ", size);
            printer.out.text(" < 19");
            printer.invalid();
            break;
        }
        let kind = u8_at(data, at + 18)?;
        let Ok(message) = slice_at(data, at, usize::from(size)) else {
            printer.out.text("\n[|BGP ");
            printer.word_or(KINDS, kind, "Unknown Message Type");
            printer.out.byte(b']');
            break;
        };
        print_message(printer, kind, message);
        at += message.len();
        expected = at;
    }
    Ok(())
}

/// A whole message. One that is cut within ends there, and the next is told.
fn print_message(printer: &mut Printer, kind: u8, message: &[u8]) {
    printer.out.text("\n\t");
    printer.word_or(KINDS, kind, "Unknown");
    printer.labelled(" Message (", kind);
    printer.out.text("), length: ");
    printer.out.length(message.len());
    let outcome = match kind {
        1 => open(printer, message),
        2 => bgp_update::print(printer, message),
        3 => bgp_notification::print(printer, message),
        4 => Ok(()),
        5 => refresh(printer, message),
        other => {
            printer.labelled("\n\t  no Message ", other);
            printer.out.text(" decoder");
            printer.undecoded("\n\t  ", message, message.len());
            Ok(())
        }
    };
    if outcome == Err(Truncated) {
        printer.truncated();
    }
}

/// `AFI IPv4 (1), SAFI Unicast (1)`, of a family at an offset and what it is for at another.
pub(super) fn family(printer: &mut Printer, before: &str, bytes: &[u8], at: usize, subfamily_at: usize) -> Printed {
    let (family, subfamily) = (u16_at(bytes, at)?, u8_at(bytes, subfamily_at)?);
    printer.out.text(before);
    printer.out.text("AFI ");
    printer.word_and_number(FAMILIES, family, "Unknown");
    printer.out.text(", SAFI ");
    printer.word_and_number(SUBFAMILIES, subfamily, "Unknown");
    Ok(())
}

fn open(printer: &mut Printer, message: &[u8]) -> Printed {
    const SIZE: usize = 29;
    slice_at(message, 0, SIZE)?;
    printer.labelled("\n\t  Version ", u8_at(message, 19)?);
    printer.labelled(", my AS ", u16_at(message, 20)?);
    printer.labelled(", Holdtime ", u16_at(message, 22)?);
    printer.out.text("s, ID ");
    printer.out.ipv4(array_at(message, 24)?);
    let length = usize::from(u8_at(message, 28)?);
    printer.out.text("\n\t  Optional parameters, length: ");
    printer.out.length(length);
    let options = rest(message, SIZE);
    let mut at = 0;
    while at < length {
        let (kind, size) = (u8_at(options, at)?, u8_at(options, at + 1)?);
        at += 2;
        if at + usize::from(size) > length {
            printer.labelled("\n\t     Option ", kind);
            printer.labelled(", length: ", size);
            printer.out.text(", goes past the end of the options");
            break;
        }
        printer.out.text("\n\t    Option ");
        printer.word_and_number(OPTIONS, kind, "Unknown");
        printer.labelled(", length: ", size);
        if kind == CAPABILITIES_OPTION {
            capabilities(printer, rest(options, at), usize::from(size))?;
        } else {
            printer.labelled("\n\t      no decoder for option ", kind);
        }
        at += usize::from(size);
    }
    Ok(())
}

/// Those of an option; the last may reach beyond it.
fn capabilities(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    let mut at = 0;
    while at < length {
        let (kind, size) = (u8_at(bytes, at)?, u8_at(bytes, at + 1)?);
        printer.out.text("\n\t      ");
        printer.word_and_number(CAPABILITIES, kind, "Unknown");
        printer.labelled(", length: ", size);
        let size = usize::from(size);
        let value = slice_at(bytes, at + 2, size)?;
        if !capability(printer, kind, value)? {
            return Ok(());
        }
        if printer.options.verbose > 1 && size > 0 {
            printer.undecoded("\n\t\t", value, size);
        }
        at += 2 + size;
    }
    Ok(())
}

/// False where a value is too short, which ends them.
fn capability(printer: &mut Printer, kind: u8, value: &[u8]) -> Result<bool, Truncated> {
    let needed = match kind {
        1 | 65 => 4,
        64 => 2,
        _ => 0,
    };
    if value.len() < needed {
        printer.out.text(" (too short, < ");
        printer.out.length(needed);
        printer.out.byte(b')');
        return Ok(false);
    }
    match kind {
        1 => family(printer, "\n\t\t", value, 0, 3)?,
        8 => {
            for entry in value.chunks_exact(4) {
                family(printer, "\n\t\t", entry, 0, 2)?;
                printer.labelled(", Count: ", u8_at(entry, 3)?);
            }
        }
        64 => {
            let flags = u16_at(value, 0)?;
            printer.out.text("\n\t\tRestart Flags: [");
            printer.out.text(if flags & 0x8000 != 0 { "R" } else { "none" });
            printer.labelled("], Restart Time ", flags & 0x0fff);
            printer.out.byte(b's');
            for entry in rest(value, 2).chunks_exact(4) {
                family(printer, "\n\t\t  ", entry, 0, 2)?;
                printer.out.text(", Forwarding state preserved: ");
                printer.out.text(if u8_at(entry, 3)? & 0x80 != 0 { "yes" } else { "no" });
            }
        }
        2 | 71 | 128 => {}
        65 => printer.labelled("\n\t\t 4 Byte AS ", u32_at(value, 0)?),
        69 if value.is_empty() => printer.out.text(" (bogus)"),
        69 => {
            for entry in value.chunks(4) {
                if entry.len() < 4 {
                    printer.invalid();
                    break;
                }
                family(printer, "\n\t\t", entry, 0, 2)?;
                printer.out.text(", Send/Receive: ");
                let direction = u8_at(entry, 3)?;
                match super::word(DIRECTIONS, direction) {
                    Some(word) => printer.out.text(word),
                    None => {
                        printer.labelled_hex("Bogus (0x", direction, 2);
                        printer.out.byte(b')');
                    }
                }
            }
        }
        other => {
            printer.labelled("\n\t\tno decoder for Capability ", other);
            if printer.options.verbose <= 1 {
                printer.undecoded("\n\t\t", value, value.len());
            }
        }
    }
    Ok(true)
}

fn refresh(printer: &mut Printer, message: &[u8]) -> Printed {
    slice_at(message, 0, 23)?;
    family(printer, "\n\t  ", message, 19, 22)?;
    if printer.options.verbose > 1 {
        printer.undecoded("\n\t  ", message, message.len());
    }
    Ok(())
}
