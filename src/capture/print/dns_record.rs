//! Names and resource records of DNS messages.

use super::bytes::{Printed, Truncated, array_at, rest, slice_at, u8_at, u16_at, u32_at};
use super::{Printer, dns_edns, word};

const TYPES: &[(u32, &str)] = &[
    (1, "A"),
    (2, "NS"),
    (3, "MD"),
    (4, "MF"),
    (5, "CNAME"),
    (6, "SOA"),
    (7, "MB"),
    (8, "MG"),
    (9, "MR"),
    (10, "NULL"),
    (11, "WKS"),
    (12, "PTR"),
    (13, "HINFO"),
    (14, "MINFO"),
    (15, "MX"),
    (16, "TXT"),
    (17, "RP"),
    (18, "AFSDB"),
    (19, "X25"),
    (20, "ISDN"),
    (21, "RT"),
    (22, "NSAP"),
    (23, "NSAP_PTR"),
    (24, "SIG"),
    (25, "KEY"),
    (26, "PX"),
    (27, "GPOS"),
    (28, "AAAA"),
    (29, "LOC"),
    (30, "NXT"),
    (31, "EID"),
    (32, "NIMLOC"),
    (33, "SRV"),
    (34, "ATMA"),
    (35, "NAPTR"),
    (36, "KX"),
    (37, "CERT"),
    (38, "A6"),
    (39, "DNAME"),
    (40, "SINK"),
    (41, "OPT"),
    (42, "APL"),
    (43, "DS"),
    (44, "SSHFP"),
    (45, "IPSECKEY"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (99, "SPF"),
    (100, "UINFO"),
    (101, "UID"),
    (102, "GID"),
    (103, "UNSPEC"),
    (249, "TKEY"),
    (250, "TSIG"),
    (251, "IXFR"),
    (252, "AXFR"),
    (253, "MAILB"),
    (254, "MAILA"),
    (255, "ANY"),
    (256, "URI"),
];

const CLASSES: &[(u32, &str)] = &[(1, "IN"), (3, "CHAOS"), (4, "HS"), (255, "ANY")];

/// The name of a record type.
pub(super) fn print_type(printer: &mut Printer, kind: u16) {
    match word(TYPES, kind) {
        Some(name) => printer.out.text(name),
        None => {
            printer.out.text("Type");
            printer.out.number(kind);
        }
    }
}

/// The name of a class, unless it is the Internet's.
pub(super) fn print_class(printer: &mut Printer, class: u16) {
    if class == 1 {
        return;
    }
    match word(CLASSES, class) {
        Some(name) => {
            printer.out.byte(b' ');
            printer.out.text(name);
        }
        None => {
            printer.out.text(" (Class ");
            printer.out.number(class);
            printer.out.byte(b')');
        }
    }
}

/// Where the name at an offset ends.
pub(super) fn skip_name(message: &[u8], mut at: usize) -> Result<usize, Truncated> {
    loop {
        let length = u8_at(message, at)?;
        at += 1;
        match length {
            0 => return Ok(at),
            1..=0x3f => at += usize::from(length),
            // A pointer ends the name, RFC 1035 section 4.1.4.
            0xc0.. => return Ok(at + 1),
            _ => return Err(Truncated),
        }
    }
}

/// The longest name, RFC 1035 section 2.3.4.
const MAX_NAME: usize = 255;

/// Prints the name at an offset; gives where it ends.
pub(super) fn name(printer: &mut Printer, message: &[u8], start: usize) -> Result<usize, Truncated> {
    let (mut at, mut end) = (start, None);
    // Pointers go back, each further than the last.
    let mut limit = start;
    let mut shown = 0_usize;
    if u8_at(message, at)? == 0 {
        printer.out.byte(b'.');
        return Ok(at + 1);
    }
    loop {
        let length = u8_at(message, at)?;
        at += 1;
        match length {
            0 => {
                if shown > MAX_NAME {
                    printer.out.text("<DOMAIN NAME TOO LONG>");
                }
                return Ok(end.unwrap_or(at));
            }
            1..=0x3f => {
                let length = usize::from(length);
                let wanted = length.min(MAX_NAME.saturating_sub(shown));
                let label = slice_at(message, at, wanted);
                printer.out.visible(label.unwrap_or(rest(message, at)));
                label?;
                shown += length;
                if shown <= MAX_NAME {
                    printer.out.byte(b'.');
                }
                shown += 1;
                at += length;
            }
            0xc0.. => {
                let target = usize::from(u16_at(message, at - 1)? & 0x3fff);
                end.get_or_insert(at + 1);
                if target >= limit {
                    printer.out.text("<BAD PTR>");
                    return Err(Truncated);
                }
                limit = target;
                at = target;
            }
            0x40..=0x7f => {
                printer.labelled("<ELT ", length & 0x3f);
                printer.out.byte(b'>');
                return Err(Truncated);
            }
            _ => {
                printer.out.text("<BAD LABEL TYPE>");
                return Err(Truncated);
            }
        }
    }
}

/// Prints the record at an offset; gives where it ends.
pub(super) fn print(
    printer: &mut Printer,
    message: &[u8],
    start: usize,
    is_multicast: bool,
) -> Result<usize, Truncated> {
    let verbose = printer.options.verbose;
    let at = if verbose > 0 {
        printer.out.byte(b' ');
        name(printer, message, start)?
    } else {
        skip_name(message, start)?
    };
    let Ok(fixed) = slice_at(message, at, 10) else { return Ok(message.len()) };
    let (kind, class) = (u16_at(fixed, 0)?, u16_at(fixed, 2)?);
    let plain_class = if is_multicast { class & 0x7fff } else { class };
    if kind != OPT {
        print_class(printer, plain_class);
    }
    if is_multicast && class & 0x8000 != 0 {
        printer.out.text(" (Cache flush)");
    }
    if kind != OPT && verbose > 2 {
        printer.out.text(" [");
        duration(printer, u32_at(fixed, 4)?);
        printer.out.byte(b']');
    }
    let length = usize::from(u16_at(fixed, 8)?);
    let at = at + 10;
    printer.out.byte(b' ');
    print_type(printer, kind);
    slice_at(message, at, length)?;
    let end = at + length;
    data(printer, message, kind, (at, end), u16_at(fixed, 6)?, plain_class)?;
    Ok(end)
}

const OPT: u16 = 41;

fn data(
    printer: &mut Printer,
    message: &[u8],
    kind: u16,
    (at, end): (usize, usize),
    edns_flags: u16,
    class: u16,
) -> Printed {
    match kind {
        1 => {
            let address = array_at(message, at)?;
            printer.out.byte(b' ');
            printer.out.ipv4(address);
        }
        28 => {
            let address = array_at(message, at)?;
            printer.out.byte(b' ');
            printer.out.ipv6(address);
        }
        2 | 5 | 12 | 39 => {
            printer.out.byte(b' ');
            name(printer, message, at)?;
        }
        6 if printer.options.verbose > 0 => {
            printer.out.byte(b' ');
            let at = name(printer, message, at)?;
            printer.out.byte(b' ');
            let at = name(printer, message, at)?;
            let numbers = slice_at(message, at, 20)?;
            for field in 0..5 {
                printer.out.byte(b' ');
                printer.out.number(u32_at(numbers, field * 4)?);
            }
        }
        15 => {
            printer.out.byte(b' ');
            let preference = u16_at(message, at)?;
            name(printer, message, at + 2)?;
            printer.out.byte(b' ');
            printer.out.number(preference);
        }
        16 => texts(printer, message, at, end)?,
        33 => {
            printer.out.byte(b' ');
            let fixed = slice_at(message, at, 6)?;
            name(printer, message, at + 6)?;
            printer.out.byte(b':');
            printer.out.number(u16_at(fixed, 4)?);
            printer.out.byte(b' ');
            printer.out.number(u16_at(fixed, 0)?);
            printer.out.byte(b' ');
            printer.out.number(u16_at(fixed, 2)?);
        }
        256 => {
            let fixed = slice_at(message, at, 4)?;
            printer.out.byte(b' ');
            printer.out.number(u16_at(fixed, 0)?);
            printer.out.byte(b' ');
            printer.out.number(u16_at(fixed, 2)?);
            printer.out.byte(b' ');
            printer.out.visible(slice_at(message, at + 4, end.saturating_sub(at + 4))?);
        }
        OPT => dns_edns::print(printer, message, (at, end), edns_flags, class)?,
        _ => {}
    }
    Ok(())
}

fn texts(printer: &mut Printer, message: &[u8], mut at: usize, end: usize) -> Printed {
    while at < end {
        let length = usize::from(u8_at(message, at)?);
        printer.out.text(" \"");
        printer.out.visible(slice_at(message, at + 1, length)?);
        printer.out.byte(b'"');
        at += 1 + length;
    }
    Ok(())
}

/// Seconds in years, weeks, days, hours, minutes and seconds.
pub(super) fn duration(printer: &mut Printer, mut seconds: u32) {
    if seconds == 0 {
        printer.out.text("0s");
        return;
    }
    for (unit, letter) in [(31_536_000, b'y'), (604_800, b'w'), (86_400, b'd'), (3_600, b'h'), (60, b'm'), (1, b's')] {
        if seconds >= unit {
            printer.out.number(seconds / unit);
            printer.out.byte(letter);
            seconds %= unit;
        }
    }
}
