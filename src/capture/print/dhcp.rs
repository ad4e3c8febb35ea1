//! BOOTP and DHCP, RFC 951 and 2131.

use super::bytes::{Printed, Truncated, array_at, rest, slice_at, u8_at, u16_at, u32_at, up_to};
use super::{Printer, dhcp_option, word};

/// Where the vendor's part begins, RFC 951 section 3.
const VENDOR: usize = 236;

/// What options of RFC 2132 begin with.
const COOKIE: u32 = 0x6382_5363;

/// A message.
pub(super) fn print(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.protocol = "bootp";
    let operation = u8_at(bytes, 0)?;
    printer.out.text("BOOTP/DHCP, ");
    match word(&[(1, "Request"), (2, "Reply")], operation) {
        Some(name) => printer.out.text(name),
        None => {
            printer.out.text("unknown (0x");
            printer.out.hex(operation, 2);
            printer.out.byte(b')');
        }
    }
    let (hardware, size) = (u8_at(bytes, 1)?, u8_at(bytes, 2)?);
    if hardware == 1 && size == 6 && operation == 1 {
        printer.out.text(" from ");
        printer.out.hardware_address(slice_at(bytes, 28, 6)?);
    }
    printer.out.text(", length ");
    printer.out.length(length);
    if printer.options.verbose == 0 {
        return Ok(());
    }
    u16_at(bytes, 8)?;
    if hardware != 1 {
        labelled(printer, ", htype ", hardware.into());
    }
    if size != 6 {
        labelled(printer, ", hlen ", size.into());
    }
    let hops = u8_at(bytes, 3)?;
    if hops != 0 {
        labelled(printer, ", hops ", hops.into());
    }
    let transaction = u32_at(bytes, 4)?;
    if transaction != 0 {
        printer.out.text(", xid 0x");
        printer.out.hex(transaction, 1);
    }
    let seconds = u16_at(bytes, 8)?;
    if seconds != 0 {
        labelled(printer, ", secs ", seconds.into());
    }
    let flags = u16_at(bytes, 10)?;
    printer.out.text(if flags & 0x8000 != 0 { ", Flags [Broadcast]" } else { ", Flags [none]" });
    if printer.options.verbose > 1 {
        printer.out.text(" (0x");
        printer.out.hex(flags, 4);
        printer.out.byte(b')');
    }
    for (name, at) in [("Client-IP", 12), ("Your-IP", 16), ("Server-IP", 20), ("Gateway-IP", 24)] {
        let address: [u8; 4] = array_at(bytes, at)?;
        if address != [0; 4] {
            printer.out.text("\n\t  ");
            printer.out.text(name);
            printer.out.byte(b' ');
            printer.out.ipv4(address);
        }
    }
    if hardware == 1 && size == 6 {
        printer.out.text("\n\t  Client-Ethernet-Address ");
        printer.out.hardware_address(slice_at(bytes, 28, 6)?);
    }
    text(printer, "sname", bytes, 44, 64)?;
    text(printer, "file", bytes, 108, 128)?;
    match u32_at(bytes, VENDOR)? {
        COOKIE => {
            printer.out.text("\n\t  Vendor-rfc1048 Extensions\n\t    Magic Cookie 0x");
            printer.out.hex(COOKIE, 8);
            dhcp_option::print(printer, rest(bytes, VENDOR + 4))
        }
        0 => Ok(()),
        other => {
            printer.out.text("\n\t  Vendor-#0x");
            printer.out.hex(other, 1);
            Ok(())
        }
    }
}

/// A text that a zero byte ends; left out where it is empty.
fn text(printer: &mut Printer, label: &str, bytes: &[u8], at: usize, size: usize) -> Printed {
    if u8_at(bytes, at)? == 0 {
        return Ok(());
    }
    let field = up_to(rest(bytes, at), size);
    let end = field.iter().position(|byte| *byte == 0);
    printer.out.text("\n\t  ");
    printer.out.text(label);
    printer.out.text(" \"");
    printer.out.visible(up_to(field, end.unwrap_or(field.len())));
    printer.out.byte(b'"');
    if end.is_some() { Ok(()) } else { Err(Truncated) }
}

fn labelled(printer: &mut Printer, label: &str, number: u64) {
    printer.out.text(label);
    printer.out.number(number);
}
