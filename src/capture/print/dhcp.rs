//! BOOTP and DHCP, RFC 951 and 2131: the header; options with `-v` are not
//! told yet.

use super::bytes::{Printed, array_at, slice_at, u8_at, u16_at, u32_at};
use super::{Printer, word};

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
    if flags & 0x7fff != 0 || printer.options.verbose > 1 {
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
    Ok(())
}

fn labelled(printer: &mut Printer, label: &str, number: u64) {
    printer.out.text(label);
    printer.out.number(number);
}
