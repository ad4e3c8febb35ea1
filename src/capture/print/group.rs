//! Group records of multicast listeners, which IGMP (RFC 3376) and MLD
//! (RFC 3810) share but for the size of addresses.

use super::bytes::{Printed, array_at, u8_at, u16_at};
use super::{Printer, word};

/// What tells the two protocols apart.
pub(super) struct Protocol {
    /// Before the number of a kind of record that is not known.
    unknown_record: &'static str,
    /// Length of an address, in bytes.
    address_length: usize,
    /// Prints the address at an offset.
    print_address: fn(&mut Printer, &[u8], usize) -> Printed,
}

/// IGMP version 3.
pub(super) const IGMP: Protocol = Protocol {
    unknown_record: " [v3-report-#",
    address_length: 4,
    print_address: |printer, bytes, at| {
        printer.out.ipv4(array_at(bytes, at)?);
        Ok(())
    },
};

/// MLD version 2.
pub(super) const MLD: Protocol = Protocol {
    unknown_record: " [v2-report-#",
    address_length: 16,
    print_address: |printer, bytes, at| {
        printer.out.ipv6(array_at(bytes, at)?);
        Ok(())
    },
};

const RECORDS: &[(u32, &str)] = &[(1, "is_in"), (2, "is_ex"), (3, "to_in"), (4, "to_ex"), (5, "allow"), (6, "block")];

/// The records of a report, which start after eight bytes; with `-v` each of
/// them.
pub(super) fn print_records(printer: &mut Printer, bytes: &[u8], length: usize, protocol: &Protocol) -> Printed {
    let records = u16_at(bytes, 6)?;
    printer.out.text(", ");
    printer.out.number(records);
    printer.out.text(" group record(s)");
    if printer.options.verbose == 0 {
        return Ok(());
    }
    let header = 4 + protocol.address_length;
    let mut at = 8;
    for _ in 0..records {
        if length < at + header {
            printer.out.text(" [invalid number of groups]");
            return Ok(());
        }
        printer.out.text(" [gaddr ");
        (protocol.print_address)(printer, bytes, at + 4)?;
        printer.out.byte(b' ');
        let kind = u8_at(bytes, at)?;
        match word(RECORDS, kind) {
            Some(name) => printer.out.text(name),
            None => {
                printer.out.text(protocol.unknown_record);
                printer.out.number(kind);
                printer.out.byte(b']');
            }
        }
        let sources = usize::from(u16_at(bytes, at + 2)?);
        let next = at + header + sources * protocol.address_length;
        if length < next {
            printer.out.text(" [invalid number of sources ");
            printer.out.length(sources);
            printer.out.byte(b']');
            return Ok(());
        }
        print_sources(printer, bytes, at + header, sources, protocol)?;
        at = next;
        printer.out.byte(b']');
    }
    Ok(())
}

/// The sources at an offset: their number, or with `-vv` each of them.
pub(super) fn print_sources(
    printer: &mut Printer,
    bytes: &[u8],
    at: usize,
    sources: usize,
    protocol: &Protocol,
) -> Printed {
    if printer.options.verbose < 2 {
        printer.out.text(", ");
        printer.out.length(sources);
        printer.out.text(" source(s)");
        return Ok(());
    }
    printer.out.text(" {");
    for source in 0..sources {
        printer.out.byte(b' ');
        (protocol.print_address)(printer, bytes, at + source * protocol.address_length)?;
    }
    printer.out.text(" }");
    Ok(())
}
