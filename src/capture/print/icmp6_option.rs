//! Options of neighbour discovery, RFC 4861 section 4.6, 4191 and 8106.

use super::bytes::{Printed, Truncated, array_at, rest, u8_at, u16_at, u32_at};
use super::{Printer, word};

const OPTIONS: &[(u32, &str)] = &[
    (1, "source link-address"),
    (2, "destination link-address"),
    (3, "prefix info"),
    (4, "redirected header"),
    (5, "mtu"),
    (7, "advertisement interval"),
    (8, "homeagent information"),
    (24, "route info"),
    (25, "rdnss"),
    (31, "dnssl"),
];

/// Options of neighbour discovery, with `-v`.
pub(super) fn print(printer: &mut Printer, bytes: &[u8], start: usize) -> Printed {
    if printer.options.verbose == 0 {
        return Ok(());
    }
    let mut at = start;
    while at < bytes.len() {
        let kind = u8_at(bytes, at)?;
        let units = u8_at(bytes, at + 1)?;
        let size = usize::from(units) * 8;
        if units == 0 || at + size > bytes.len() {
            return Err(Truncated);
        }
        printer.out.text("\n\t  ");
        printer.out.text(word(OPTIONS, kind).unwrap_or("unknown"));
        printer.out.text(" option (");
        printer.out.number(kind);
        printer.out.text("), length ");
        printer.out.length(size);
        printer.out.text(" (");
        printer.out.number(units);
        printer.out.text("): ");
        let option = bytes.get(at..at + size).unwrap_or_default();
        if !print_option(printer, option, kind, units)? {
            super::hex::unknown(&mut printer.out, "\n\t  ", rest(option, 2));
            if printer.options.verbose <= 1 {
                return Ok(());
            }
        } else if printer.options.verbose > 1 {
            super::hex::unknown(&mut printer.out, "\n\t    ", rest(option, 2));
        }
        at += size;
    }
    Ok(())
}

fn print_option(printer: &mut Printer, option: &[u8], kind: u8, units: u8) -> Result<bool, Truncated> {
    match kind {
        1 | 2 => printer.out.hardware_address(rest(option, 2)),
        3 => {
            printer.out.ipv6(array_at(option, 16)?);
            printer.out.byte(b'/');
            printer.out.number(u8_at(option, 2)?);
            printer.out.text(if units == 4 { "" } else { "badlen" });
            flags_in_words(
                printer,
                ", Flags [",
                u8_at(option, 3)?,
                &[(0x80, "onlink"), (0x40, "auto"), (0x20, "router")],
            );
            printer.out.text(", valid time ");
            lifetime(printer, u32_at(option, 4)?);
            printer.out.text(", pref. time ");
            lifetime(printer, u32_at(option, 8)?);
        }
        8 => {
            printer.out.text(" preference ");
            printer.out.number(u16_at(option, 4)?);
            printer.out.text(", lifetime ");
            printer.out.number(u16_at(option, 6)?);
        }
        5 => {
            printer.out.byte(b' ');
            printer.out.number(u32_at(option, 4)?);
            printer.out.text(if units == 1 { "" } else { "bad option length" });
        }
        7 => {
            printer.out.byte(b' ');
            printer.out.number(u32_at(option, 4)?);
            printer.out.text("ms");
        }
        24 => {
            let mut prefix = [0; 16];
            for (to, from) in prefix.iter_mut().zip(rest(option, 8)) {
                *to = *from;
            }
            printer.out.byte(b' ');
            printer.out.ipv6(prefix);
            printer.out.byte(b'/');
            printer.out.number(u8_at(option, 2)?);
            printer.out.text(", pref=");
            printer.out.text(preference(u8_at(option, 3)?));
            printer.out.text(", lifetime=");
            lifetime(printer, u32_at(option, 4)?);
        }
        25 => {
            printer.out.text(" lifetime ");
            printer.out.number(u32_at(option, 4)?);
            printer.out.text("s,");
            for at in 0..usize::from(units.saturating_sub(1) / 2) {
                printer.out.text(" addr: ");
                printer.out.ipv6(array_at(option, 8 + at * 16)?);
            }
        }
        31 => {
            printer.out.text(" lifetime ");
            printer.out.number(u32_at(option, 4)?);
            printer.out.text("s, domain(s):");
            let mut at = 8;
            while option.get(at).is_some_and(|length| *length != 0) {
                printer.out.byte(b' ');
                at = super::dns_record::name(printer, option, at)?;
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn lifetime(printer: &mut Printer, seconds: u32) {
    if seconds == u32::MAX {
        printer.out.text("infinity");
    } else {
        printer.out.number(seconds);
        printer.out.byte(b's');
    }
}

/// `, Flags [a, b]`: the names of the bits that are set.
pub(super) fn flags_in_words(printer: &mut Printer, before: &str, flags: u8, names: &[(u8, &str)]) {
    printer.out.text(before);
    let mut separator = "";
    for (bit, name) in names {
        if flags & bit != 0 {
            printer.out.text(separator);
            printer.out.text(name);
            separator = ", ";
        }
    }
    printer.out.text(if separator.is_empty() { "none]" } else { "]" });
}

/// The preference of a router, RFC 4191.
pub(super) fn preference(flags: u8) -> &'static str {
    match flags >> 3 & 3 {
        0 => "medium",
        1 => "high",
        2 => "*reserved*",
        _ => "low",
    }
}
