//! ARP, RFC 826.

use super::bytes::{Printed, Truncated, array_at, slice_at, u8_at, u16_at};
use super::{Printer, ethernet, hex, word};

const HARDWARE: &[(u32, &str)] = &[
    (1, "Ethernet"),
    (6, "TokenRing"),
    (7, "ArcNet"),
    (15, "FrameRelay"),
    (17, "Strip"),
    (19, "ATM"),
    (24, "IEEE 1394"),
    (32, "Infiniband"),
];

const OPERATIONS: &[(u32, &str)] = &[
    (1, "Request"),
    (2, "Reply"),
    (3, "Reverse Request"),
    (4, "Reverse Reply"),
    (8, "Inverse Request"),
    (9, "Inverse Reply"),
    (10, "NACK Reply"),
];

const HEADER: usize = 8;

/// Where the four addresses stand.
struct Addresses<'a> {
    sender_hardware: &'a [u8],
    sender: Option<[u8; 4]>,
    target_hardware: &'a [u8],
    target: Option<[u8; 4]>,
    is_ip: bool,
}

/// An ARP packet.
pub(super) fn print(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.protocol = "arp";
    let (hardware, protocol) = (u16_at(bytes, 0)?, u16_at(bytes, 2)?);
    let (hardware_length, protocol_length) = (u8_at(bytes, 4)?, u8_at(bytes, 5)?);
    let operation = u16_at(bytes, 6)?;
    let (hl, pl) = (usize::from(hardware_length), usize::from(protocol_length));
    let address = |at: usize| -> Result<Option<[u8; 4]>, Truncated> {
        if pl == 4 { array_at(bytes, at).map(Some) } else { Ok(None) }
    };
    slice_at(bytes, HEADER + 2 * hl + pl, pl)?;
    let addresses = Addresses {
        sender_hardware: slice_at(bytes, HEADER, hl)?,
        sender: address(HEADER + hl)?,
        target_hardware: slice_at(bytes, HEADER + hl + pl, hl)?,
        target: address(HEADER + 2 * hl + pl)?,
        is_ip: protocol == 0x0800 || protocol == 0x1000,
    };
    if !printer.options.link_header {
        printer.out.text("ARP, ");
    }
    let verbose = printer.options.verbose > 0;
    if !addresses.is_ip || pl != 4 || hl == 0 || verbose {
        kinds(printer, hardware, hardware_length, protocol, protocol_length);
        if !verbose {
            print_length(printer, length);
            return Ok(());
        }
        printer.out.text(", ");
    }
    match word(OPERATIONS, operation) {
        Some(name) => printer.out.text(name),
        None => {
            printer.out.text("Unknown (");
            printer.out.number(operation);
            printer.out.byte(b')');
        }
    }
    printer.out.byte(b' ');
    if print_operation(printer, operation, &addresses) {
        print_length(printer, length);
    } else {
        hex::hex_and_ascii(&mut printer.out, bytes);
    }
    Ok(())
}

fn print_length(printer: &mut Printer, length: usize) {
    printer.out.text(", length ");
    printer.out.length(length);
}

fn kinds(printer: &mut Printer, hardware: u16, hardware_length: u8, protocol: u16, protocol_length: u8) {
    match word(HARDWARE, hardware) {
        Some(name) => printer.out.text(name),
        None => {
            printer.out.text("Unknown Hardware (");
            printer.out.number(hardware);
            printer.out.byte(b')');
        }
    }
    printer.out.text(" (len ");
    printer.out.number(hardware_length);
    printer.out.text("), ");
    match ethernet::name_of(protocol) {
        Some(name) => printer.out.text(name),
        None => {
            printer.out.text("Unknown Protocol (0x");
            printer.out.hex(protocol, 4);
            printer.out.byte(b')');
        }
    }
    printer.out.text(" (len ");
    printer.out.number(protocol_length);
    printer.out.byte(b')');
}

/// Prints what an operation says; false where it is not known.
fn print_operation(printer: &mut Printer, operation: u16, addresses: &Addresses<'_>) -> bool {
    match operation {
        1 => {
            printer.out.text("who-has ");
            ip(printer, addresses, addresses.target);
            if addresses.target_hardware.iter().any(|byte| *byte != 0) {
                printer.out.text(" (");
                hardware(printer, addresses.target_hardware);
                printer.out.byte(b')');
            }
            printer.out.text(" tell ");
            ip(printer, addresses, addresses.sender);
        }
        2 => {
            ip(printer, addresses, addresses.sender);
            printer.out.text(" is-at ");
            hardware(printer, addresses.sender_hardware);
        }
        3 | 8 => {
            printer.out.text("who-is ");
            hardware(printer, addresses.target_hardware);
            printer.out.text(" tell ");
            hardware(printer, addresses.sender_hardware);
        }
        4 => {
            hardware(printer, addresses.target_hardware);
            printer.out.text(" at ");
            ip(printer, addresses, addresses.target);
        }
        9 => {
            hardware(printer, addresses.sender_hardware);
            printer.out.text(" at ");
            ip(printer, addresses, addresses.sender);
        }
        _ => return false,
    }
    true
}

fn hardware(printer: &mut Printer, address: &[u8]) {
    if address == [0xff; 6] {
        printer.out.text("Broadcast");
    } else if address.is_empty() {
        printer.out.text("<empty>");
    } else {
        printer.out.hardware_address(address);
    }
}

fn ip(printer: &mut Printer, addresses: &Addresses<'_>, address: Option<[u8; 4]>) {
    match address {
        _ if !addresses.is_ip => printer.out.text("<wrong proto type>"),
        Some(address) => printer.out.ipv4(address),
        None => printer.out.text("<wrong len>"),
    }
}
