//! TCP options, RFC 9293 section 3.1 and the registry of option kinds.

use super::bytes::{Printed, Truncated, rest, slice_at, u8_at, u16_at, u32_at, up_to};
use super::{Printer, mptcp, word};

const NAMES: &[(u32, &str)] = &[
    (0, "eol"),
    (1, "nop"),
    (2, "mss"),
    (3, "wscale"),
    (4, "sackOK"),
    (5, "sack"),
    (6, "echo"),
    (7, "echoreply"),
    (8, "TS"),
    (11, "cc"),
    (12, "ccnew"),
    (13, "ccecho"),
    (19, "md5"),
    (20, "scps"),
    (28, "uto"),
    (29, "tcp-ao"),
    (30, "mptcp"),
    (34, "tfo"),
    (254, "exp"),
];

/// What options need of the segment that they stand in.
#[derive(Clone, Copy)]
pub(super) struct Segment {
    /// The bits that say what the segment is for.
    pub(super) flags: u8,
    /// What selective acknowledgments are relative to.
    pub(super) sack_base: u32,
    /// Whether all of it was captured.
    pub(super) is_complete: bool,
}

/// The options; false where they are malformed, which ends the line.
pub(super) fn print(printer: &mut Printer, bytes: &[u8], length: usize, segment: Segment) -> Result<bool, Truncated> {
    let mut at = 0;
    while at < length {
        if at > 0 {
            printer.out.byte(b',');
        }
        let kind = u8_at(bytes, at)?;
        if kind <= 1 {
            printer.out.text(if kind == 0 { "eol" } else { "nop" });
            at += 1;
            if kind == 0 {
                return Ok(true);
            }
            continue;
        }
        let size = usize::from(u8_at(bytes, at + 1)?);
        if size < 2 || at + size > length {
            return Ok(malformed(printer, at));
        }
        match word(NAMES, kind) {
            Some(name) => printer.out.text(name),
            None => {
                printer.out.text("unknown-");
                printer.out.number(kind);
            }
        }
        let used = match value(printer, kind, bytes, (at + 2, size - 2), segment) {
            Ok(Some(used)) => used,
            Ok(None) => return Ok(malformed(printer, at)),
            Err(Truncated) => {
                printer.protocol = "tcp";
                printer.truncated();
                // As tcpdump has it where options stood before.
                printer.out.text(if at > 0 { ">" } else { "" });
                return Ok(false);
            }
        };
        if used + 2 != size {
            printer.out.text("[len ");
            printer.out.length(size);
            printer.out.byte(b']');
        }
        at += 2 + used;
    }
    Ok(true)
}

fn malformed(printer: &mut Printer, at: usize) -> bool {
    printer.out.text(if at > 0 { "[bad opt]]" } else { "[bad opt]" });
    false
}

/// The value of an option at `at`, `size` bytes long; gives how much of it
/// was used, or none where it does not fit its kind.
fn value(
    printer: &mut Printer,
    kind: u8,
    bytes: &[u8],
    (at, size): (usize, usize),
    segment: Segment,
) -> Result<Option<usize>, Truncated> {
    let fixed = match kind {
        2 | 20 | 28 => 2,
        3 => 1,
        4 => 0,
        6 | 7 | 11 | 12 | 13 => 4,
        8 => 8,
        19 => 16,
        _ => size,
    };
    if fixed > size {
        return Ok(None);
    }
    // What must be captured before anything of the value is shown.
    let needed = match kind {
        5 => 0,
        29 | 254 => size.min(2),
        _ if word(NAMES, kind).is_none() => 0,
        _ => fixed,
    };
    slice_at(bytes, at, needed)?;
    match kind {
        2 => spaced(printer, u16_at(bytes, at)?.into()),
        3 => spaced(printer, u8_at(bytes, at)?.into()),
        6 | 7 | 11 | 12 | 13 => spaced(printer, u32_at(bytes, at)?),
        5 => sack(printer, bytes, at, size, segment.sack_base)?,
        8 => {
            printer.out.text(" val ");
            printer.out.number(u32_at(bytes, at)?);
            printer.out.text(" ecr ");
            printer.out.number(u32_at(bytes, at + 4)?);
        }
        19 => {
            let digest = slice_at(bytes, at, 16)?;
            // Its key would be needed, and all of the segment.
            printer.out.text(if segment.is_complete {
                " shared secret not supplied with -M"
            } else {
                " snaplen too short"
            });
            printer.out.text(", can't check - ");
            printer.out.hex_bytes(digest);
        }
        20 => {
            printer.out.text(" cap ");
            printer.out.hex(u8_at(bytes, at)?, 2);
            printer.out.text(" id ");
            printer.out.number(u8_at(bytes, at + 1)?);
        }
        28 => {
            let timeout = u16_at(bytes, at)?;
            printer.out.text(" 0x");
            printer.out.hex(timeout, 1);
            printer.out.byte(b' ');
            let unit = if timeout & 1 == 1 { 60 } else { 1 };
            printer.out.number(u32::from(timeout >> 1) * unit);
        }
        29 => authentication(printer, bytes, at, size)?,
        30 => {
            // The option as a whole, its kind and length included.
            let is_valid = mptcp::print(printer, rest(bytes, at - 2), size + 2, segment.flags)?;
            return Ok(is_valid.then_some(size));
        }
        34 => {
            printer.out.byte(b' ');
            fast_open(printer, slice_at(bytes, at, size)?, false);
        }
        254 => {
            if size < 2 {
                return Ok(None);
            }
            let magic = u16_at(slice_at(bytes, at, size)?, 0)?;
            printer.out.byte(b'-');
            if magic == 0xf989 {
                fast_open(printer, slice_at(bytes, at + 2, size - 2)?, true);
            } else {
                printer.out.hex(magic, 4);
            }
        }
        4 => {}
        _ if size > 0 => {
            printer.out.text(" 0x");
            hex_bytes(printer, bytes, at, size)?;
        }
        _ => {}
    }
    Ok(Some(fixed))
}

fn spaced(printer: &mut Printer, number: u32) {
    printer.out.byte(b' ');
    printer.out.number(number);
}

fn sack(printer: &mut Printer, bytes: &[u8], at: usize, size: usize, base: u32) -> Printed {
    if !size.is_multiple_of(8) {
        printer.out.text(" invalid sack");
        return Ok(());
    }
    printer.out.byte(b' ');
    printer.out.length(size / 8);
    printer.out.byte(b' ');
    for block in (at..at + size).step_by(8) {
        let (start, end) = (u32_at(bytes, block)?, u32_at(bytes, block + 4)?);
        printer.out.byte(b'{');
        printer.out.number(start.wrapping_sub(base));
        printer.out.byte(b':');
        printer.out.number(end.wrapping_sub(base));
        printer.out.byte(b'}');
    }
    Ok(())
}

/// TCP-AO, RFC 5925.
fn authentication(printer: &mut Printer, bytes: &[u8], at: usize, size: usize) -> Printed {
    if size < 2 {
        printer.invalid();
        return Ok(());
    }
    printer.out.text(" keyid ");
    printer.out.number(u8_at(bytes, at)?);
    printer.out.text(" rnextkeyid ");
    printer.out.number(u8_at(bytes, at + 1)?);
    if size > 2 {
        printer.out.text(" mac 0x");
        hex_bytes(printer, bytes, at + 2, size - 2)?;
    }
    Ok(())
}

/// TCP Fast Open, RFC 7413.
fn fast_open(printer: &mut Printer, cookie: &[u8], is_experimental: bool) {
    if is_experimental {
        printer.out.text("tfo");
    }
    if cookie.is_empty() {
        printer.out.text(if is_experimental { " cookiereq" } else { "cookiereq" });
    } else if !cookie.len().is_multiple_of(2) || !(4..=16).contains(&cookie.len()) {
        printer.out.text(if is_experimental { " invalid" } else { "invalid" });
    } else {
        printer.out.text(if is_experimental { " cookie " } else { "cookie " });
        printer.out.hex_bytes(cookie);
    }
}

/// Bytes in hexadecimal, as many as were captured.
fn hex_bytes(printer: &mut Printer, bytes: &[u8], at: usize, size: usize) -> Printed {
    printer.out.hex_bytes(up_to(rest(bytes, at), size));
    slice_at(bytes, at, size).map(|_| ())
}
