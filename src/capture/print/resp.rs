//! The protocol of Redis, <https://redis.io/docs/reference/protocol-spec/>.

use super::Printer;
use super::bytes::{Printed, Truncated, rest, u8_at, up_to};

/// Its port.
pub(super) const PORT: u16 = 6379;
/// How deep arrays in arrays are followed, and how many empty values are shown.
const MAX_DEPTH: usize = 64;

/// A segment.
pub(super) fn print(printer: &mut Printer, data: &[u8], length: usize) -> Printed {
    printer.protocol = "resp";
    printer.out.text(": RESP");
    // Where the capture ends before the packet, so does this.
    let data = up_to(data, length);
    let mut at = 0;
    while at < length {
        at = value(printer, data, at, 0)?;
    }
    Ok(())
}

/// A value; gives where the next one starts.
fn value(printer: &mut Printer, data: &[u8], at: usize, depth: usize) -> Result<usize, Truncated> {
    match u8_at(data, at)? {
        b'+' | b':' | b'-' => {
            let end = line_end(data, at + 1)?;
            segment(printer, data, at + 1, end);
            Ok(end + 2)
        }
        b'$' => {
            let (length, at) = length(data, at + 1)?;
            let Some(size) = told(printer, length) else { return Ok(at) };
            if size == 0 {
                printer.out.text(" empty");
            } else {
                super::bytes::slice_at(data, at, size)?;
                segment(printer, data, at, at + size);
            }
            Ok(line_end(data, at + size)? + 2)
        }
        b'*' => {
            let (length, mut at) = length(data, at + 1)?;
            let Some(count) = told(printer, length) else { return Ok(at) };
            if count == 0 {
                printer.out.text(" empty");
            }
            if depth >= MAX_DEPTH {
                return Err(Truncated);
            }
            for _ in 0..count {
                at = value(printer, data, at, depth + 1)?;
            }
            Ok(at)
        }
        _ => {
            let start = blanks(data, at)?;
            let end = start + rest(data, start).iter().position(|byte| is_end(*byte)).ok_or(Truncated)?;
            segment(printer, data, start, end);
            Ok(blanks_if_any(data, end))
        }
    }
}

fn is_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Where text begins behind line ends; none need be there, but something must.
fn blanks(data: &[u8], at: usize) -> Result<usize, Truncated> {
    let next = blanks_if_any(data, at);
    if next == at && at >= data.len() { Err(Truncated) } else { Ok(next) }
}

fn blanks_if_any(data: &[u8], at: usize) -> usize {
    at + rest(data, at).iter().take_while(|byte| is_end(**byte)).count()
}

fn segment(printer: &mut Printer, data: &[u8], start: usize, end: usize) {
    printer.out.text(" \"");
    printer.out.visible(data.get(start..end).unwrap_or_default());
    printer.out.byte(b'"');
}

/// Where a carriage return and a line feed stand.
fn line_end(data: &[u8], start: usize) -> Result<usize, Truncated> {
    let found = rest(data, start).windows(2).position(|pair| pair == b"\r\n");
    found.map(|at| start + at).ok_or(Truncated)
}

/// A length, or why it is none.
#[derive(Clone, Copy)]
enum Length {
    Is(usize),
    Null,
    TooLarge,
    Negative,
    Invalid,
}

/// What is to be read, or what is told in its place.
fn told(printer: &mut Printer, length: Length) -> Option<usize> {
    printer.out.text(match length {
        Length::Is(length) => return Some(length),
        Length::Null => " null",
        Length::TooLarge => " length too large",
        Length::Negative => " length negative and not -1",
        Length::Invalid => " invalid",
    });
    None
}

/// A length and where it ends.
fn length(data: &[u8], start: usize) -> Result<(Length, usize), Truncated> {
    let is_negative = u8_at(data, start)? == b'-';
    let mut at = start + usize::from(is_negative);
    let digits = rest(data, at).iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = data.get(at..at + digits).unwrap_or_default();
    at += digits;
    if u8_at(data, at)? != b'\r' || digits == 0 {
        return Ok((Length::Invalid, at + 1));
    }
    if u8_at(data, at + 1)? != b'\n' {
        return Ok((Length::Invalid, at + 2));
    }
    let number = std::str::from_utf8(number).ok().and_then(|digits| digits.parse::<i32>().ok());
    let length = match (number.and_then(|number| usize::try_from(number).ok()), is_negative) {
        (Some(1), true) => Length::Null,
        (_, true) => Length::Negative,
        (None, false) => Length::TooLarge,
        (Some(length), false) => Length::Is(length),
    };
    Ok((length, at + 2))
}
