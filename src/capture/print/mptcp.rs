//! Multipath TCP, RFC 6824 and 8684: the option of a segment.

use super::bytes::{Printed, Truncated, array_at, rest, slice_at, u8_at, u16_at, u32_at};
use super::{Printer, word};

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

const SUBTYPES: &[(u32, &str)] = &[
    (0, "capable"),
    (1, "join"),
    (2, "dss"),
    (3, "add-addr"),
    (4, "rem-addr"),
    (5, "prio"),
    (6, "fail"),
    (7, "fast-close"),
];

/// The option from its kind on, `length` bytes; false where its length does not
/// fit what it says.
pub(super) fn print(printer: &mut Printer, option: &[u8], length: usize, flags: u8) -> Result<bool, Truncated> {
    if length < 3 {
        return Ok(false);
    }
    let subtype = u8_at(option, 2)? >> 4;
    printer.out.byte(b' ');
    printer.out.length(length);
    printer.out.byte(b' ');
    printer.out.text(word(SUBTYPES, subtype).unwrap_or("unknown"));
    match subtype {
        0 => capable(printer, option, length, flags),
        1 => join(printer, option, length, flags),
        2 => data_sequence(printer, option, length, flags),
        3 => add_address(printer, option, length),
        4 if length < 4 => Ok(false),
        4 => {
            printer.out.text(" id");
            for at in 3..length {
                labelled(printer, " ", u8_at(option, at)?);
            }
            Ok(true)
        }
        5 if length != 3 && length != 4 => Ok(false),
        5 => {
            printer.out.text(if u8_at(option, 2)? & 1 != 0 { " backup" } else { " non-backup" });
            if length == 4 {
                labelled(printer, " id ", u8_at(option, 3)?);
            }
            Ok(true)
        }
        6 | 7 if length != 12 => Ok(false),
        6 => {
            labelled(printer, " seq ", u64_at(option, 4)?);
            Ok(true)
        }
        7 => {
            hex(printer, " key 0x", u64_at(option, 4)?);
            Ok(true)
        }
        _ => Ok(true),
    }
}

fn u64_at(bytes: &[u8], at: usize) -> Result<u64, Truncated> {
    array_at(bytes, at).map(u64::from_be_bytes)
}

fn labelled(printer: &mut Printer, label: &str, number: impl Into<u64>) {
    printer.out.text(label);
    printer.out.number(number);
}

fn hex(printer: &mut Printer, label: &str, number: impl Into<u64>) {
    printer.out.text(label);
    printer.out.hex(number, 1);
}

fn capable(printer: &mut Printer, option: &[u8], length: usize, flags: u8) -> Result<bool, Truncated> {
    let fits = match length {
        4 | 12 => flags & SYN != 0,
        20 | 22 => flags & (SYN | ACK) == ACK,
        _ => false,
    };
    if !fits {
        return Ok(false);
    }
    let version = u8_at(option, 2)? & 0x0f;
    if version > 1 {
        labelled(printer, " Unknown Version (", version);
        printer.out.byte(b')');
        return Ok(true);
    }
    labelled(printer, " v", version);
    if u8_at(option, 3)? & 0x80 != 0 {
        printer.out.text(" csum");
    }
    if length >= 12 {
        hex(printer, " {0x", u64_at(option, 4)?);
        if length >= 20 {
            hex(printer, ",0x", u64_at(option, 12)?);
        }
        printer.out.byte(b'}');
    }
    Ok(true)
}

fn join(printer: &mut Printer, option: &[u8], length: usize, flags: u8) -> Result<bool, Truncated> {
    let fits = match length {
        12 => flags & SYN != 0,
        16 => flags & (SYN | ACK) == SYN | ACK,
        24 => flags & ACK != 0,
        _ => false,
    };
    if !fits {
        return Ok(false);
    }
    if length != 24 {
        if u8_at(option, 2)? & 1 != 0 {
            printer.out.text(" backup");
        }
        labelled(printer, " id ", u8_at(option, 3)?);
    }
    match length {
        12 => {
            hex(printer, " token 0x", u32_at(option, 4)?);
            hex(printer, " nonce 0x", u32_at(option, 8)?);
            Ok(true)
        }
        16 => {
            hex(printer, " hmac 0x", u64_at(option, 4)?);
            hex(printer, " nonce 0x", u32_at(option, 12)?);
            Ok(true)
        }
        _ => {
            printer.out.text(" hmac 0x");
            printer.out.hex_bytes(slice_at(option, 4, 20)?);
            Ok(true)
        }
    }
}

/// What is left of the signal of data, as it is read.
struct Left<'a> {
    bytes: &'a [u8],
    length: usize,
}

impl Left<'_> {
    /// The next number of `size` bytes; none where the option ends before.
    fn number(&mut self, size: usize) -> Result<Option<u64>, Truncated> {
        if self.length < size {
            return Ok(None);
        }
        let number = match size {
            8 => u64_at(self.bytes, 0)?,
            4 => u32_at(self.bytes, 0)?.into(),
            _ => u16_at(self.bytes, 0)?.into(),
        };
        self.bytes = rest(self.bytes, size);
        self.length -= size;
        Ok(Some(number))
    }
}

fn data_sequence(printer: &mut Printer, option: &[u8], length: usize, flags: u8) -> Result<bool, Truncated> {
    if length < 4 || flags & SYN != 0 {
        return Ok(false);
    }
    let signal = u8_at(option, 3)?;
    if signal & 0x10 != 0 {
        printer.out.text(" fin");
    }
    let mut left = Left { bytes: rest(option, 4), length: length - 4 };
    if signal & 0x01 != 0 {
        printer.out.text(" ack ");
        let Some(number) = left.number(if signal & 0x02 != 0 { 8 } else { 4 })? else { return Ok(false) };
        printer.out.number(number);
    }
    if signal & 0x04 != 0 {
        printer.out.text(" seq ");
        let Some(number) = left.number(if signal & 0x08 != 0 { 8 } else { 4 })? else { return Ok(false) };
        printer.out.number(number);
        for (label, size) in [(" subseq ", 4), (" len ", 2)] {
            let Some(number) = left.number(size)? else { return Ok(false) };
            labelled(printer, label, number);
        }
        if let Some(checksum) = left.number(2)? {
            hex(printer, " csum 0x", checksum);
        }
    }
    Ok(left.length == 0)
}

fn add_address(printer: &mut Printer, option: &[u8], length: usize) -> Result<bool, Truncated> {
    // Address, port, code of authentication: which of them are there.
    let (is_v6, has_port, has_code) = match length {
        8 => (false, false, false),
        10 => (false, true, false),
        16 => (false, false, true),
        18 => (false, true, true),
        20 => (true, false, false),
        22 => (true, true, false),
        28 => (true, false, true),
        30 => (true, true, true),
        _ => return Ok(false),
    };
    let version = match u8_at(option, 2)? & 0x0f {
        6 => "v0-ip6",
        4 => "v0-ip4",
        1 => "v1-echo",
        0 => "v1",
        _ => "[bad version/echo]",
    };
    printer.out.byte(b' ');
    printer.out.text(version);
    labelled(printer, " id ", u8_at(option, 3)?);
    printer.out.byte(b' ');
    let mut at = 4;
    address(printer, option, &mut at, is_v6)?;
    if has_port {
        labelled(printer, ":", u16_at(option, at)?);
        at += 2;
    }
    if has_code {
        hex(printer, " hmac 0x", u64_at(option, at)?);
    }
    Ok(true)
}

fn address(printer: &mut Printer, option: &[u8], at: &mut usize, is_v6: bool) -> Printed {
    if is_v6 {
        printer.out.ipv6(array_at(option, *at)?);
        *at += 16;
    } else {
        printer.out.ipv4(array_at(option, *at)?);
        *at += 4;
    }
    Ok(())
}
