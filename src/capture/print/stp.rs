//! Spanning tree, IEEE 802.1D, 802.1w, 802.1s and 802.1aq, which bridges with
//! `stp on` speak.

use super::Printer;
use super::bytes::{Printed, slice_at, u8_at, u16_at, u32_at};
use super::words::Words;

const PROTOCOLS: &Words = &[(0, "802.1d"), (2, "802.1w"), (3, "802.1s"), (4, "802.1aq")];
const RAPID: u8 = 2;
const MULTIPLE: u8 = 3;
const SHORTEST_PATH: u8 = 4;
const KINDS: &Words = &[(0, "Config"), (2, "Rapid STP"), (0x80, "Topology Change")];
const FLAGS: &Words = &[
    (0x01, "Topology change"),
    (0x02, "Proposal"),
    (0x10, "Learn"),
    (0x20, "Forward"),
    (0x40, "Agreement"),
    (0x80, "Topology change ACK"),
];
const ROLES: &Words = &[(0, "Unknown"), (1, "Alternate"), (2, "Root"), (3, "Designated")];
/// Length of a configuration, with the length of version 1 behind it.
const RAPID_LENGTH: usize = 36;
const MULTIPLE_LENGTH: usize = 102;
const SHORTEST_PATH_LENGTH: usize = 87;
const INSTANCE: usize = 16;

/// A bridge protocol data unit.
pub(super) fn print(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.protocol = "stp";
    if length < 4 {
        printer.invalid();
        return Ok(());
    }
    if u16_at(bytes, 0)? != 0 {
        printer.out.text("unknown STP version, length ");
        printer.out.length(length);
        return Ok(());
    }
    let version = u8_at(bytes, 2)?;
    printer.out.text("STP ");
    if super::word(PROTOCOLS, version).is_none() {
        printer.labelled_hex("Unknown STP protocol (0x", version, 2);
        printer.out.byte(b')');
        return Ok(());
    }
    printer.word_or(PROTOCOLS, version, "");
    let kind = u8_at(bytes, 3)?;
    printer.out.text(", ");
    match super::word(KINDS, kind) {
        Some(word) => printer.out.text(word),
        None => {
            printer.labelled_hex("Unknown BPDU Type (0x", kind, 2);
            printer.out.byte(b')');
        }
    }
    match (kind, version) {
        (0, _) if length < RAPID_LENGTH - 1 => printer.invalid(),
        (2, RAPID) if length < RAPID_LENGTH => printer.invalid(),
        (0, _) | (2, RAPID) => configuration(printer, bytes, length, version)?,
        (2, MULTIPLE | SHORTEST_PATH) => multiple(printer, bytes, length, version)?,
        _ => {}
    }
    Ok(())
}

/// Priority and address.
fn bridge(printer: &mut Printer, label: &str, bytes: &[u8], at: usize) -> Printed {
    let bridge = slice_at(bytes, at, 8)?;
    printer.out.text(label);
    let (priority, address) = bridge.split_at(2);
    printer.out.hex_bytes(priority);
    printer.out.byte(b'.');
    printer.out.hardware_address(address);
    Ok(())
}

/// Times are parts of 256 of a second.
fn times(printer: &mut Printer, bytes: &[u8]) -> Printed {
    let labels = [("\n\tmessage-age ", 27), ("s, max-age ", 29), ("s, hello-time ", 31), ("s, forwarding-delay ", 33)];
    slice_at(bytes, 27, 8)?;
    for (label, at) in labels {
        printer.out.text(label);
        printer.out.text(&format!("{:.2}", f64::from(u16_at(bytes, at)?) / 256.0));
    }
    printer.out.byte(b's');
    Ok(())
}

fn role(flags: u8) -> u8 {
    flags >> 2 & 3
}

fn configuration(printer: &mut Printer, bytes: &[u8], length: usize, version: u8) -> Printed {
    let flags = u8_at(bytes, 4)?;
    printer.out.text(", Flags [");
    printer.bits(FLAGS, flags, "none");
    printer.out.byte(b']');
    let port = u16_at(bytes, 25)?;
    bridge(printer, ", bridge-id ", bytes, 17)?;
    printer.labelled_hex(".", port, 4);
    printer.out.text(", length ");
    printer.out.length(length);
    if printer.options.verbose == 0 {
        return Ok(());
    }
    times(printer, bytes)?;
    let cost = u32_at(bytes, 13)?;
    bridge(printer, "\n\troot-id ", bytes, 5)?;
    printer.labelled(", root-pathcost ", cost);
    if version == RAPID {
        printer.out.text(", port-role ");
        printer.word_or(ROLES, role(flags), "Unknown");
    }
    Ok(())
}

/// 802.1s: one tree for all, and one for each instance.
fn multiple(printer: &mut Printer, bytes: &[u8], length: usize, version: u8) -> Printed {
    if length < MULTIPLE_LENGTH || u8_at(bytes, 35)? != 0 {
        printer.invalid();
        return Ok(());
    }
    let size = usize::from(u16_at(bytes, 36)?) + 2;
    if length < RAPID_LENGTH + size {
        printer.invalid();
        return Ok(());
    }
    let flags = u8_at(bytes, 4)?;
    printer.out.text(", CIST Flags [");
    printer.bits(FLAGS, flags, "none");
    printer.out.text("], length ");
    printer.out.length(length);
    if printer.options.verbose > 0 {
        common_tree(printer, bytes, flags)?;
        instances(printer, bytes, (size - 2).saturating_sub(64))?;
    }
    if version == SHORTEST_PATH {
        // tcpdump reads the length here, two bytes before the part begins.
        let part = usize::from(u16_at(bytes, 36 + size)?) + 2;
        if length < RAPID_LENGTH + size + part || part < SHORTEST_PATH_LENGTH {
            printer.invalid();
        } else if printer.options.verbose > 0 {
            shortest_path(printer, bytes, RAPID_LENGTH + size)?;
        }
    }
    Ok(())
}

fn common_tree(printer: &mut Printer, bytes: &[u8], flags: u8) -> Printed {
    printer.out.text("\n\tport-role ");
    printer.word_or(ROLES, role(flags), "Unknown");
    bridge(printer, ", CIST root-id ", bytes, 5)?;
    printer.labelled(", CIST ext-pathcost ", u32_at(bytes, 13)?);
    bridge(printer, "\n\tCIST regional-root-id ", bytes, 17)?;
    printer.labelled_hex(", CIST port-id ", u16_at(bytes, 25)?, 4);
    printer.out.byte(b',');
    times(printer, bytes)?;
    printer.labelled("\n\tv3len ", u16_at(bytes, 36)?);
    printer.out.text(", MCID Name ");
    printer.text_to_zero(bytes, 39, 32)?;
    printer.labelled(", rev ", u16_at(bytes, 71)?);
    printer.out.text(",\n\t\tdigest ");
    printer.out.hex_bytes(slice_at(bytes, 73, 16)?);
    printer.labelled(", CIST int-root-pathcost ", u32_at(bytes, 89)?);
    bridge(printer, ",\n\tCIST bridge-id ", bytes, 93)?;
    printer.labelled(", CIST remaining-hops ", u8_at(bytes, 101)?);
    Ok(())
}

fn instances(printer: &mut Printer, bytes: &[u8], size: usize) -> Printed {
    for number in 0..size / INSTANCE {
        let at = MULTIPLE_LENGTH + number * INSTANCE;
        let flags = u8_at(bytes, at)?;
        printer.labelled("\n\tMSTI ", u16_at(bytes, at + 1)? & 0x0fff);
        printer.out.text(", Flags [");
        printer.bits(FLAGS, flags, "none");
        printer.out.text("], port-role ");
        printer.word_or(ROLES, role(flags), "Unknown");
        let cost = u32_at(bytes, at + 9)?;
        bridge(printer, "\n\t\tMSTI regional-root-id ", bytes, at + 1)?;
        printer.labelled(", pathcost ", cost);
        printer.labelled("\n\t\tMSTI bridge-prio ", u8_at(bytes, at + 13)? >> 4);
        printer.labelled(", port-prio ", u8_at(bytes, at + 14)? >> 4);
        printer.labelled(", hops ", u8_at(bytes, at + 15)?);
    }
    Ok(())
}

/// 802.1aq.
fn shortest_path(printer: &mut Printer, bytes: &[u8], at: usize) -> Printed {
    printer.labelled("\n\tv4len ", u16_at(bytes, at)?);
    printer.out.text(", AUXMCID Name ");
    printer.text_to_zero(bytes, at + 3, 32)?;
    printer.labelled(", Rev ", u16_at(bytes, at + 35)?);
    printer.out.text(",\n\t\tdigest ");
    printer.out.hex_bytes(slice_at(bytes, at + 37, 16)?);
    let agreement = u8_at(bytes, at + 53)?;
    printer.labelled("\n\tAgreement num ", agreement >> 6);
    printer.labelled(", Discarded Agreement num ", agreement >> 4 & 3);
    printer.labelled(", Agreement valid-flag ", agreement >> 3 & 1);
    printer.labelled(",\n\tRestricted role-flag: ", agreement >> 2 & 1);
    for (name, place) in [("Format id ", at + 55), ("Convention id ", at + 56)] {
        printer.out.text(", ");
        printer.labelled(name, u8_at(bytes, place)? >> 4);
        printer.labelled(" cap ", u8_at(bytes, place)?);
    }
    printer.labelled(",\n\tEdge count ", u16_at(bytes, at + 57)?);
    printer.out.text(", Agreement digest ");
    printer.out.hex_bytes(slice_at(bytes, at + 67, 20)?);
    Ok(())
}
