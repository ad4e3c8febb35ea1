//! ICMP, RFC 792.

use super::bytes::{Printed, array_at, checksum, checksum_should_be, rest, u8_at, u16_at, u32_at, up_to};
use super::demux::{self, Payload};
use super::{Printer, icmp_extension, ip4};

/// Where the quoted packet starts.
const QUOTED: usize = 8;

/// What stands before and after the address of an unreachable destination.
const UNREACHABLE: [(&str, &str); 16] = [
    ("net ", " unreachable"),
    ("host ", " unreachable"),
    ("", ""),
    ("", ""),
    ("", ""),
    ("", " unreachable - source route failed"),
    ("net ", " unreachable - unknown"),
    ("host ", " unreachable - unknown"),
    ("", " unreachable - source host isolated"),
    ("net ", " unreachable - admin prohibited"),
    ("host ", " unreachable - admin prohibited"),
    ("net ", " unreachable - tos prohibited"),
    ("host ", " unreachable - tos prohibited"),
    ("host ", " unreachable - admin prohibited filter"),
    ("host ", " unreachable - host precedence violation"),
    ("host ", " unreachable - precedence cutoff"),
];

/// A message.
pub(super) fn print(printer: &mut Printer, payload: &Payload<'_>) -> Printed {
    printer.protocol = "icmp";
    let (bytes, length) = (payload.bytes, payload.length);
    let (kind, code) = (u8_at(bytes, 0)?, u8_at(bytes, 1)?);
    // The words come before the bytes that they need, so that a truncated
    // message says nothing but its protocol.
    let start = printer.out.bytes().len();
    printer.out.text("ICMP ");
    if let Err(truncated) = words(printer, bytes, kind, code) {
        printer.out.cut(start);
        return Err(truncated);
    }
    printer.out.text(", length ");
    printer.out.length(length);
    if printer.options.verbose == 0 {
        return Ok(());
    }
    if !payload.is_fragment && bytes.len() >= length {
        let sum = checksum(&[up_to(bytes, length)]);
        if sum != 0 {
            let found = u16_at(bytes, 2)?;
            printer.out.text(" (wrong icmp cksum ");
            printer.out.hex(found, 1);
            printer.out.text(" (->");
            printer.out.hex(checksum_should_be(found, sum), 1);
            printer.out.text(")!)");
        }
    }
    if matches!(kind, 3 | 4 | 5 | 11 | 12) {
        printer.out.text("\n\t");
        let quoted = rest(bytes, QUOTED);
        let claimed = usize::from(u16_at(quoted, 2)?);
        printer.nested(|printer| ip4::print(printer, up_to(quoted, claimed), claimed))?;
    }
    if matches!(kind, 3 | 11 | 12) {
        icmp_extension::print(printer, bytes, length)?;
    }
    Ok(())
}

fn words(printer: &mut Printer, bytes: &[u8], kind: u8, code: u8) -> Printed {
    match kind {
        0 | 8 => {
            printer.out.text(if kind == 8 { "echo request" } else { "echo reply" });
            identified(printer, bytes, ", id ", ", seq ")?;
        }
        3 => unreachable(printer, bytes, code)?,
        5 => redirect(printer, bytes, code)?,
        11 => {
            let _: [u8; 4] = array_at(bytes, QUOTED + 16)?;
            match code {
                0 => printer.out.text("time exceeded in-transit"),
                1 => printer.out.text("ip reassembly time exceeded"),
                _ => {
                    printer.out.text("time exceeded-#");
                    printer.out.number(code);
                }
            }
        }
        12 if code > 0 => {
            printer.out.text("parameter problem - code ");
            printer.out.number(code);
        }
        12 => {
            printer.out.text("parameter problem - octet ");
            printer.out.number(u8_at(bytes, 4)?);
        }
        13 => {
            printer.out.text("time stamp query");
            identified(printer, bytes, " id ", " seq ")?;
        }
        14 => {
            printer.out.text("time stamp reply");
            identified(printer, bytes, " id ", " seq ")?;
            for (text, at) in [(": org ", 8), (", recv ", 12), (", xmit ", 16)] {
                printer.out.text(text);
                time_of_day(printer, u32_at(bytes, at)?);
            }
        }
        18 => {
            printer.out.text("address mask is 0x");
            printer.out.hex(u32_at(bytes, 8)?, 8);
        }
        9 => advertisement(printer, bytes)?,
        _ => match super::word(
            &[
                (4, "source quench"),
                (10, "router solicitation"),
                (15, "information request"),
                (16, "information reply"),
                (17, "address mask request"),
            ],
            kind,
        ) {
            Some(name) => printer.out.text(name),
            None => {
                printer.out.text("type-#");
                printer.out.number(kind);
            }
        },
    }
    Ok(())
}

/// Routers that can be used, RFC 1256, and for how many seconds.
fn advertisement(printer: &mut Printer, bytes: &[u8]) -> Printed {
    printer.out.text("router advertisement lifetime ");
    let lifetime = u16_at(bytes, 6)?;
    let (hours, minutes, seconds) = (lifetime / 3600, lifetime / 60 % 60, lifetime % 60);
    printer.out.text(&match (hours, minutes) {
        (0, 0) => seconds.to_string(),
        (0, _) => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    });
    let (count, size) = (u8_at(bytes, 4)?, u8_at(bytes, 5)?);
    printer.labelled(" ", count);
    printer.out.byte(b':');
    if size != 2 {
        printer.labelled(" [size ", size);
        printer.out.byte(b']');
        return Ok(());
    }
    for number in 0..usize::from(count) {
        let at = QUOTED + number * 8;
        let (router, preference) = (array_at(bytes, at)?, u32_at(bytes, at + 4)?);
        printer.out.text(" {");
        printer.out.ipv4(router);
        printer.labelled(" ", preference);
        printer.out.byte(b'}');
    }
    Ok(())
}

fn identified(printer: &mut Printer, bytes: &[u8], id: &str, sequence: &str) -> Printed {
    printer.out.text(id);
    printer.out.number(u16_at(bytes, 4)?);
    printer.out.text(sequence);
    printer.out.number(u16_at(bytes, 6)?);
    Ok(())
}

fn unreachable(printer: &mut Printer, bytes: &[u8], code: u8) -> Printed {
    let quoted = rest(bytes, QUOTED);
    let destination = ip4::destination(quoted)?;
    match code {
        2 => {
            printer.out.ipv4(destination);
            printer.out.text(" protocol ");
            printer.out.number(u8_at(quoted, 9)?);
            printer.out.text(" unreachable");
        }
        3 => {
            let protocol = u8_at(quoted, 9)?;
            let port = u16_at(quoted, usize::from(u8_at(quoted, 0)? & 0xf) * 4 + 2)?;
            printer.out.ipv4(destination);
            demux::print_port(printer, protocol, port);
            printer.out.text(" unreachable");
        }
        4 => {
            let mtu = u16_at(bytes, 6)?;
            printer.out.ipv4(destination);
            printer.out.text(" unreachable - need to frag");
            if mtu > 0 {
                printer.out.text(" (mtu ");
                printer.out.number(mtu);
                printer.out.byte(b')');
            }
        }
        _ => match UNREACHABLE.get(usize::from(code)) {
            Some((before, after)) => {
                printer.out.text(before);
                printer.out.ipv4(destination);
                printer.out.text(after);
            }
            None => {
                printer.out.ipv4(destination);
                printer.out.text(" unreachable - #");
                printer.out.number(code);
            }
        },
    }
    Ok(())
}

fn redirect(printer: &mut Printer, bytes: &[u8], code: u8) -> Printed {
    let destination = ip4::destination(rest(bytes, QUOTED))?;
    match code {
        0 | 1 => printer.out.text("redirect "),
        2 | 3 => printer.out.text("redirect-tos "),
        _ => {
            printer.out.text("redirect-#");
            printer.out.number(code);
            printer.out.byte(b' ');
        }
    }
    printer.out.ipv4(destination);
    printer.out.text(match code {
        0 | 2 => " to net ",
        1 | 3 => " to host ",
        _ => " to ",
    });
    printer.out.ipv4(array_at(bytes, 4)?);
    Ok(())
}

/// Milliseconds since midnight.
fn time_of_day(printer: &mut Printer, milliseconds: u32) {
    let seconds = milliseconds / 1000;
    for (number, behind) in [(seconds / 3600, b':'), (seconds / 60 % 60, b':'), (seconds % 60, b'.')] {
        printer.out.padded(number.into(), 2, b'0');
        printer.out.byte(behind);
    }
    printer.out.padded((milliseconds % 1000).into(), 3, b'0');
}
