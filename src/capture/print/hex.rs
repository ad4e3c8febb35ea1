//! The bytes of a packet in hexadecimal and ASCII: `-x`, `-X`, `-A`.

use super::Dump;
use super::bytes::rest;
use super::out::Out;

const BYTES_PER_LINE: usize = 16;

/// Writes what the option asks for, after the line of the packet.
pub(super) fn dump(out: &mut Out, dump: Dump, bytes: &[u8], header_length: usize) {
    let payload = rest(bytes, header_length);
    match dump {
        Dump::None => {}
        Dump::Hex => hex(out, payload),
        Dump::HexWithLink => hex(out, bytes),
        Dump::HexAscii => hex_and_ascii(out, payload),
        Dump::HexAsciiWithLink => hex_and_ascii(out, bytes),
        Dump::Ascii if !payload.is_empty() => ascii(out, payload),
        Dump::Ascii => {}
        Dump::AsciiWithLink => ascii(out, bytes),
    }
}

fn start_line(out: &mut Out, line: usize) {
    out.text("\n\t0x");
    out.hex(u64::try_from(line * BYTES_PER_LINE).unwrap_or(0), 4);
    out.text(": ");
}

fn pairs(out: &mut Out, line: &[u8]) {
    for pair in line.chunks(2) {
        out.byte(b' ');
        out.hex_bytes(pair);
    }
}

fn hex(out: &mut Out, bytes: &[u8]) {
    for (number, line) in bytes.chunks(BYTES_PER_LINE).enumerate() {
        start_line(out, number);
        pairs(out, line);
    }
}

/// Hexadecimal and ASCII, as unknown protocols are shown too.
pub(super) fn hex_and_ascii(out: &mut Out, bytes: &[u8]) {
    for (number, line) in bytes.chunks(BYTES_PER_LINE).enumerate() {
        start_line(out, number);
        pairs(out, line);
        let written = line.len() * 2 + line.len().div_ceil(2);
        // Eight pairs with their blanks take 40 columns.
        for _ in written..40 {
            out.byte(b' ');
        }
        out.text("  ");
        for byte in line {
            out.byte(if byte.is_ascii_graphic() { *byte } else { b'.' });
        }
    }
}

fn ascii(out: &mut Out, bytes: &[u8]) {
    out.byte(b'\n');
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            // A carriage return before a line feed, or among the last two bytes, is left out.
            b'\r' => {
                if at + 2 < bytes.len() && bytes.get(at + 1) != Some(&b'\n') {
                    out.byte(b'.');
                }
            }
            b'\t' | b'\n' | b' ' => out.byte(*byte),
            _ if byte.is_ascii_graphic() => out.byte(*byte),
            _ => out.byte(b'.'),
        }
    }
}

/// Bytes of an unknown part in hexadecimal, each line after `before`.
pub(super) fn unknown(out: &mut Out, before: &str, bytes: &[u8]) {
    for (number, line) in bytes.chunks(BYTES_PER_LINE).enumerate() {
        out.text(before);
        out.text("0x");
        out.hex(u64::try_from(number * BYTES_PER_LINE).unwrap_or(0), 4);
        out.text(": ");
        pairs(out, line);
    }
}
