//! Small protocols of nodes: syslog (RFC 3164) and TFTP (RFC 1350), by which
//! nodes are booted, and Ethernet's loop test.

use super::Printer;
use super::bytes::{Printed, Truncated, array_at, rest, slice_at, u8_at, u16_at};
use super::words::Words;

/// The port of syslog.
pub(super) const SYSLOG_PORT: u16 = 514;
const SEVERITIES: &Words = &[
    (0, "emergency"),
    (1, "alert"),
    (2, "critical"),
    (3, "error"),
    (4, "warning"),
    (5, "notice"),
    (6, "info"),
    (7, "debug"),
];
const FACILITIES: &Words = &[
    (0, "kernel"),
    (1, "user"),
    (2, "mail"),
    (3, "daemon"),
    (4, "auth"),
    (5, "syslog"),
    (6, "lpr"),
    (7, "news"),
    (8, "uucp"),
    (9, "cron"),
    (10, "authpriv"),
    (11, "ftp"),
    (12, "ntp"),
    (13, "security"),
    (14, "console"),
    (15, "cron"),
    (16, "local0"),
    (17, "local1"),
    (18, "local2"),
    (19, "local3"),
    (20, "local4"),
    (21, "local5"),
    (22, "local6"),
    (23, "local7"),
];

/// A message of syslog.
pub(super) fn syslog(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.protocol = "syslog";
    if u8_at(bytes, 0)? != b'<' {
        printer.invalid();
        return Ok(());
    }
    let (mut at, mut priority) = (1, 0_u16);
    while at <= 3 {
        let digit = u8_at(bytes, at)?;
        if !digit.is_ascii_digit() {
            break;
        }
        priority = priority * 10 + u16::from(digit - b'0');
        at += 1;
    }
    if u8_at(bytes, at)? != b'>' {
        printer.invalid();
        return Ok(());
    }
    at += 1;
    let (facility, severity) = (priority >> 3 & 0x1f, priority & 7);
    if printer.options.verbose == 0 {
        printer.out.text("SYSLOG ");
        printer.word_or_number(FACILITIES, facility, "unknown");
        printer.out.byte(b'.');
        printer.word_or(SEVERITIES, severity, "");
        printer.out.text(", length: ");
        printer.out.length(length);
        return Ok(());
    }
    printer.out.text("SYSLOG, length: ");
    printer.out.length(length);
    printer.out.text("\n\tFacility ");
    match super::word(FACILITIES, facility) {
        Some(_) => printer.word_and_number(FACILITIES, facility, ""),
        None => printer.out.text(&format!("unknown ({facility}) ({facility})")),
    }
    printer.out.text(", Severity ");
    printer.word_and_number(SEVERITIES, severity, "");
    printer.out.text("\n\tMsg: ");
    printer.text_of(bytes, at, length.saturating_sub(at))?;
    if printer.options.verbose > 1 {
        printer.undecoded("\n\t", bytes, length);
    }
    Ok(())
}

/// The port of TFTP.
pub(super) const TFTP_PORT: u16 = 69;
const OPERATIONS: &Words = &[(1, "RRQ"), (2, "WRQ"), (3, "DATA"), (4, "ACK"), (5, "ERROR"), (6, "OACK")];
const ERRORS: &Words = &[
    (0, "EUNDEF"),
    (1, "ENOTFOUND"),
    (2, "EACCESS"),
    (3, "ENOSPACE"),
    (4, "EBADOP"),
    (5, "EBADID"),
    (6, "EEXISTS"),
    (7, "ENOUSER"),
];

/// A packet of TFTP.
pub(super) fn tftp(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.protocol = "tftp";
    printer.out.text("TFTP, length ");
    printer.out.length(length);
    if length < 2 {
        return Err(Truncated);
    }
    let operation = u16_at(bytes, 0)?;
    printer.out.text(", ");
    let Some(name) = super::word(OPERATIONS, operation) else {
        printer.labelled("tftp-#", operation);
        return Ok(());
    };
    printer.out.text(name);
    let (mut at, is_request) = (2, operation <= 2);
    match operation {
        3 | 4 if length < 4 => return Err(Truncated),
        3 | 4 => printer.labelled(" block ", u16_at(bytes, 2)?),
        5 if length < 4 => return Err(Truncated),
        5 => {
            let error = u16_at(bytes, 2)?;
            match super::word(ERRORS, error) {
                Some(word) => {
                    printer.out.byte(b' ');
                    printer.out.text(word);
                }
                None => {
                    printer.labelled(" tftp-err-#", error);
                    printer.out.text(" \"");
                }
            }
            if length == 4 {
                return Err(Truncated);
            }
            printer.out.text(" \"");
            let ended = text(printer, bytes, 4, length);
            printer.out.byte(b'"');
            ended?;
        }
        _ => {
            if is_request {
                if length == 2 {
                    return Err(Truncated);
                }
                printer.out.text(" \"");
                let ended = text(printer, bytes, at, length);
                printer.out.byte(b'"');
                at = ended?;
                // The mode.
                if at == length {
                    return Err(Truncated);
                }
                printer.out.byte(b' ');
                at = text(printer, bytes, at, length)?;
            }
            while at < length {
                if u8_at(bytes, at)? != 0 {
                    printer.out.byte(b' ');
                }
                at = text(printer, bytes, at, length)?;
            }
        }
    }
    Ok(())
}

/// Text that a zero ends; gives where the next begins.
fn text(printer: &mut Printer, bytes: &[u8], start: usize, length: usize) -> Result<usize, Truncated> {
    for at in start..length {
        match u8_at(bytes, at)? {
            0 => return Ok(at + 1),
            byte => printer.out.visible(&[byte]),
        }
    }
    Err(Truncated)
}

const LOOP_FUNCTIONS: &Words = &[(1, "Reply"), (2, "Forward Data")];

/// Ethernet's loop test, ECMA-74.
pub(super) fn loop_test(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.protocol = "loopback";
    printer.out.text("Loopback");
    let invalid = |printer: &mut Printer, at: usize| {
        printer.invalid();
        slice_at(bytes, at, length - at).map(|_| ())
    };
    if length < 2 {
        return invalid(printer, 0);
    }
    let skipped = u16_at(bytes, 0)?.swap_bytes();
    printer.labelled(", skipCount ", skipped);
    if skipped % 8 != 0 {
        printer.out.text(" (bogus)");
    }
    let skipped = usize::from(skipped);
    if skipped > length - 2 {
        return invalid(printer, 2);
    }
    slice_at(bytes, 2, skipped)?;
    let at = 2 + skipped;
    if length - at < 2 {
        return invalid(printer, at);
    }
    let function = u16_at(bytes, at)?.swap_bytes();
    printer.out.text(", ");
    printer.word_or_number(LOOP_FUNCTIONS, function, " invalid");
    let at = at + 2;
    let size = match function {
        1 => 2,
        2 => 6,
        _ => return slice_at(bytes, at, length - at).map(|_| ()),
    };
    if length - at < size {
        return invalid(printer, at);
    }
    if function == 1 {
        printer.labelled(", receipt number ", u16_at(bytes, at)?.swap_bytes());
    } else {
        let address: [u8; 6] = array_at(bytes, at)?;
        printer.out.text(", forwarding address ");
        printer.out.hardware_address(&address);
    }
    let data = length - at - size;
    printer.out.text(", data (");
    printer.out.length(data);
    printer.out.text(" octets)");
    slice_at(rest(bytes, at + size), 0, data).map(|_| ())
}
