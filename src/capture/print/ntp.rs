//! Network Time Protocol, RFC 5905.

use jiff::Timestamp;

use super::Printer;
use super::bytes::{Printed, array_at, slice_at, u8_at, u16_at, u32_at};
use super::words::Words;

/// Its port.
pub(super) const PORT: u16 = 123;
const MODES: &Words = &[
    (0, "unspecified"),
    (1, "symmetric active"),
    (2, "symmetric passive"),
    (3, "Client"),
    (4, "Server"),
    (5, "Broadcast"),
    (6, "Control Message"),
    (7, "Reserved"),
];
const LEAPS: &Words = &[(0, ""), (0x40, "+1s"), (0x80, "-1s"), (0xc0, "clock unsynchronized")];
const CONTROL: u8 = 6;
const TIME_LENGTH: usize = 48;
const CONTROL_LENGTH: usize = 12;
/// Seconds from 1900 to 1970.
const TO_1970: i64 = 2_208_988_800;

/// A packet.
pub(super) fn print(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.protocol = "ntp";
    let first = u8_at(bytes, 0)?;
    let mode = first & 7;
    printer.labelled("NTPv", first >> 3 & 7);
    printer.out.text(", ");
    printer.word_or(MODES, mode, "");
    printer.out.text(", length ");
    printer.out.length(length);
    if printer.options.verbose == 0 {
        return Ok(());
    }
    printer.out.text("\n\tLeap indicator: ");
    printer.word_and_number(LEAPS, first & 0xc0, "");
    match mode {
        CONTROL if length < CONTROL_LENGTH => invalid(printer, bytes, length),
        CONTROL => control(printer, bytes, length),
        0..CONTROL if length < TIME_LENGTH => invalid(printer, bytes, length),
        0..CONTROL => times(printer, bytes, length),
        _ => Ok(()),
    }
}

fn invalid(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.invalid();
    slice_at(bytes, 0, length).map(|_| ())
}

fn signed(byte: u8) -> i8 {
    i8::from_be_bytes([byte])
}

fn times(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    let stratum = u8_at(bytes, 1)?;
    printer.labelled(", Stratum ", stratum);
    printer.out.text(match stratum {
        0 => " (unspecified), poll ",
        1 => " (primary reference), poll ",
        2..=15 => " (secondary reference), poll ",
        _ => " (reserved), poll ",
    });
    let poll = signed(u8_at(bytes, 2)?);
    printer.out.text(&poll.to_string());
    match poll {
        0..32 => printer.out.text(&format!(" ({}s)", 1_u64 << poll)),
        -31..0 => printer.out.text(&format!(" (1/{}s)", 1_u64 << -poll)),
        _ => {}
    }
    printer.out.text(&format!(", precision {}", signed(u8_at(bytes, 3)?)));
    for (label, at) in [("\n\tRoot Delay: ", 4), (", Root dispersion: ", 8)] {
        slice_at(bytes, at, 4)?;
        printer.labelled(label, u16_at(bytes, at)?);
        printer.out.byte(b'.');
        printer.out.padded(u64::from(u16_at(bytes, at + 2)?) * 1_000_000 / 65_536, 6, b'0');
    }
    let reference: [u8; 4] = array_at(bytes, 12)?;
    printer.out.text(", Reference-ID: ");
    match stratum {
        0 => printer.out.text("(unspec)"),
        1 => printer.out.visible(&reference),
        62 | 63 => {
            printer.out.ipv4(reference);
            printer.out.text(if stratum == 62 { " INFO_QUERY" } else { " INFO_REPLY" });
            return Ok(());
        }
        _ => printer.labelled_hex("0x", u32::from_be_bytes(reference), 8),
    }
    for (label, at) in [
        ("\n\t  Reference Timestamp:  ", 16),
        ("\n\t  Originator Timestamp: ", 24),
        ("\n\t  Receive Timestamp:    ", 32),
        ("\n\t  Transmit Timestamp:   ", 40),
    ] {
        let instant = array_at(bytes, at)?;
        printer.out.text(label);
        time(printer, u64::from_be_bytes(instant));
    }
    let originator = u64::from_be_bytes(array_at(bytes, 24)?);
    for (label, at) in
        [("\n\t    Originator - Receive Timestamp:  ", 32), ("\n\t    Originator - Transmit Timestamp: ", 40)]
    {
        printer.out.text(label);
        difference(printer, originator, u64::from_be_bytes(array_at(bytes, at)?));
    }
    authentication(printer, bytes, length)
}

/// Seconds, and parts of 2^32 of one, in billionths.
fn number(printer: &mut Printer, fixed: u64) {
    printer.out.number(fixed >> 32);
    printer.out.byte(b'.');
    // In floating point and cut off, as tcpdump computes it.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most a billion, and not negative")]
    let billionths = (f64::from(u32::try_from(fixed & 0xffff_ffff).unwrap_or(0)) / 4_294_967_296.0 * 1e9) as u64;
    printer.out.padded(billionths, 9, b'0');
}

fn time(printer: &mut Printer, fixed: u64) {
    number(printer, fixed);
    let seconds = i64::try_from(fixed >> 32).unwrap_or(0);
    if seconds != 0
        && let Ok(instant) = Timestamp::from_second(seconds - TO_1970)
    {
        printer.out.text(&instant.strftime(" (%Y-%m-%dT%H:%M:%SZ)").to_string());
    }
}

fn difference(printer: &mut Printer, from: u64, to: u64) {
    if from == 0 {
        time(printer, to);
    } else {
        printer.out.byte(if to > from { b'+' } else { b'-' });
        number(printer, to.abs_diff(from));
    }
}

fn authentication(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    let size = match length - TIME_LENGTH {
        0 => return Ok(()),
        4 => 0,
        20 => 16,
        24 => 20,
        more => {
            printer.out.text("\n\t(");
            printer.out.length(more);
            printer.out.text(" more bytes after the header)");
            return Ok(());
        }
    };
    printer.labelled("\n\tKey id: ", u32_at(bytes, TIME_LENGTH)?);
    if size > 0 {
        let digest = slice_at(bytes, TIME_LENGTH + 4, size)?;
        printer.out.text("\n\tAuthentication: ");
        printer.out.hex_bytes(digest);
    }
    Ok(())
}

/// A control message, RFC 9327.
fn control(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    let bits = u8_at(bytes, 1)?;
    printer.out.text(if bits & 0x80 != 0 { ", Response" } else { ", Request" });
    printer.out.text(if bits & 0x40 != 0 { ", Error" } else { ", OK" });
    printer.out.text(if bits & 0x20 != 0 { ", More" } else { ", Last" });
    printer.labelled(", OpCode=", bits & 0x1f);
    printer.labelled("\n\tSequence=", u16_at(bytes, 2)?);
    let status = u16_at(bytes, 4)?;
    printer.labelled_hex(if status == 0 { ", Status=" } else { ", Status=0x" }, status, 1);
    printer.labelled(", Assoc.=", u16_at(bytes, 6)?);
    printer.labelled(", Offset=", u16_at(bytes, 8)?);
    let count = u16_at(bytes, 10)?;
    printer.labelled(", Count=", count);
    let count = usize::from(count);
    if CONTROL_LENGTH + count > length {
        return invalid(printer, bytes, length);
    }
    if count > 0 {
        slice_at(bytes, CONTROL_LENGTH, count)?;
        printer.out.text("\n\tTO-BE-DONE: data not interpreted");
    }
    Ok(())
}
