//! IGMP, RFC 1112, 2236 and 3376.

use super::bytes::{Printed, array_at, checksum, u8_at, u16_at, u32_at, up_to};
use super::{Printer, dvmrp, group};

/// A message.
pub(super) fn print(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.protocol = "igmp";
    if printer.options.quick {
        printer.out.text("igmp");
        return Ok(());
    }
    let kind = u8_at(bytes, 0)?;
    match kind {
        0x11 if length >= 12 => {
            printer.out.text("igmp query v3");
            query(printer, bytes, length)?;
        }
        0x11 => old_query(printer, bytes, length)?,
        0x12 => {
            with_group(printer, "igmp v1 report ", bytes)?;
            if length != 8 {
                wrong_length(printer, length);
            }
        }
        0x16 => with_group(printer, "igmp v2 report ", bytes)?,
        0x17 => with_group(printer, "igmp leave ", bytes)?,
        0x22 => {
            printer.out.text("igmp v3 report");
            if length < 16 || !length.is_multiple_of(4) {
                invalid_length(printer, length);
            } else {
                group::print_records(printer, bytes, length, &group::IGMP)?;
            }
        }
        0x1f => trace(printer, "mtrace", bytes, length)?,
        0x1e => trace(printer, "mresp", bytes, length)?,
        0x13 => {
            printer.out.text("igmp dvmrp");
            dvmrp::print(printer, bytes, length)?;
        }
        0x14 => printer.out.text("igmp pimv1"),
        other => {
            printer.out.text("igmp-");
            printer.out.number(other);
        }
    }
    if printer.options.verbose > 0 && length >= 4 && bytes.len() >= length && checksum(&[up_to(bytes, length)]) != 0 {
        printer.out.text(" bad igmp cksum ");
        printer.out.hex(u16_at(bytes, 2)?, 1);
        printer.out.byte(b'!');
    }
    Ok(())
}

/// A request or an answer of a multicast traceroute.
fn trace(printer: &mut Printer, name: &str, bytes: &[u8], length: usize) -> Printed {
    if length < 24 {
        invalid_length(printer, length);
        return Ok(());
    }
    let (source, destination, reply) = (array_at(bytes, 8)?, array_at(bytes, 12)?, array_at(bytes, 16)?);
    let identifier = u32_at(bytes, 20)?;
    printer.out.text(name);
    printer.labelled(" ", identifier & 0x00ff_ffff);
    printer.out.text(": ");
    for (address, after) in [(source, " to "), (destination, " reply-to "), (reply, "")] {
        printer.out.ipv4(address);
        printer.out.text(after);
    }
    if reply[0] >> 4 == 0xe {
        printer.labelled(" with-ttl ", identifier >> 24);
    }
    Ok(())
}

fn with_group(printer: &mut Printer, text: &str, bytes: &[u8]) -> Printed {
    printer.out.text(text);
    printer.out.ipv4(array_at(bytes, 4)?);
    Ok(())
}

fn wrong_length(printer: &mut Printer, length: usize) {
    printer.out.text(" [len ");
    printer.out.length(length);
    printer.out.byte(b']');
}

fn invalid_length(printer: &mut Printer, length: usize) {
    printer.out.text(" [invalid len ");
    printer.out.length(length);
    printer.out.byte(b']');
}

fn old_query(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.out.text("igmp query");
    let time = u8_at(bytes, 1)?;
    printer.out.text(if time == 0 { " v1" } else { " v2" });
    if time != 0 && time != 100 {
        printer.out.text(" [max resp time ");
        printer.out.number(time);
        printer.out.byte(b']');
    }
    if u32_at(bytes, 4)? != 0 {
        with_group(printer, " [gaddr ", bytes)?;
        printer.out.byte(b']');
    }
    if length != 8 {
        wrong_length(printer, length);
    }
    Ok(())
}

fn query(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    if !length.is_multiple_of(4) {
        invalid_length(printer, length);
        return Ok(());
    }
    let code = u8_at(bytes, 1)?;
    if code != 100 {
        // Floating point, RFC 3376 section 4.1.1; tenths of a second.
        let tenths = if code < 128 {
            u32::from(code)
        } else {
            (u32::from(code & 0x0f) | 0x10) << (u32::from(code & 0x70) / 16 + 3)
        };
        printer.out.text(" [max resp time ");
        if tenths < 600 {
            printer.out.number(tenths / 10);
            printer.out.byte(b'.');
            printer.out.number(tenths % 10);
            printer.out.byte(b's');
        } else {
            super::dns_record::duration(printer, tenths / 10);
        }
        printer.out.byte(b']');
    }
    if u32_at(bytes, 4)? == 0 {
        return Ok(());
    }
    with_group(printer, " [gaddr ", bytes)?;
    let sources = usize::from(u16_at(bytes, 10)?);
    if sources > 0 {
        if length < 12 + sources * 4 {
            printer.out.text(" [invalid number of sources]");
        } else {
            group::print_sources(printer, bytes, 12, sources, &group::IGMP)?;
        }
    }
    printer.out.byte(b']');
    Ok(())
}
