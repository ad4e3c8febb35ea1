//! SCTP, RFC 9260.

use super::bytes::{Printed, Truncated, rest, slice_at, u8_at, u16_at, u32_at};
use super::demux::{self, Payload};
use super::{Printer, tcp, word};

/// Channels of `ForCES`, RFC 5811, whose messages are not decoded.
const FORWARDING_CHANNELS: &[(u32, &str)] = &[(6704, "[ForCES HP]"), (6705, "[ForCES MP]"), (6706, "[ForCES LP]")];
const HEADER: usize = 12;
const CHUNK: usize = 4;

const CHUNKS: &[(u32, &str)] = &[
    (0, "DATA"),
    (1, "INIT"),
    (2, "INIT ACK"),
    (3, "SACK"),
    (4, "HB REQ"),
    (5, "HB ACK"),
    (6, "ABORT"),
    (7, "SHUTDOWN"),
    (8, "SHUTDOWN ACK"),
    (9, "OP ERR"),
    (10, "COOKIE ECHO"),
    (11, "COOKIE ACK"),
    (12, "ECN ECHO"),
    (13, "ECN CWR"),
    (14, "SHUTDOWN COMPLETE"),
    (0xc0, "FOR CUM TSN"),
    (0xc1, "REL CTRL ACK"),
    (0xc2, "REL CTRL"),
];

const PAYLOADS: &[(u32, &str)] = &[
    (1, "ISDN Q.921"),
    (2, "M2UA"),
    (3, "M3UA"),
    (4, "SUA"),
    (5, "M2PA"),
    (6, "V5.2"),
    (7, "H.248"),
    (8, "BICC"),
    (9, "TALI"),
    (10, "DUA"),
    (11, "ASAP"),
    (12, "ENRP"),
    (13, "H.323"),
    (14, "Q.IPC"),
    (15, "SIMCO"),
    (16, "DDPSC"),
    (17, "DDPSSC"),
    (18, "S1AP"),
    (19, "RUA"),
    (20, "HNBAP"),
    (21, "ForCES HP"),
    (22, "ForCES MP"),
    (23, "ForCES LP"),
    (24, "SBc-AP"),
    (25, "NBAP"),
    (27, "X2AP"),
];

/// A packet, from its ports.
pub(super) fn print(printer: &mut Printer, payload: &Payload<'_>) -> Printed {
    printer.protocol = "sctp";
    let (bytes, length) = (payload.bytes, payload.length);
    if length < HEADER {
        printer.out.text("truncated-sctp - ");
        printer.out.length(HEADER - length);
        printer.out.text(" bytes missing!");
        return Ok(());
    }
    slice_at(bytes, 0, HEADER)?;
    let (source, destination) = (u16_at(bytes, 0)?, u16_at(bytes, 2)?);
    tcp::ends(printer, payload.header, demux::SCTP, Some((source, destination)))?;
    printer.out.text("sctp");
    for channel in [source, destination].into_iter().filter_map(|port| word(FORWARDING_CHANNELS, port)) {
        printer.out.text(channel);
    }
    let (mut at, mut left, mut number) = (HEADER, length - HEADER, 0_u32);
    let mut separator = if printer.options.verbose >= 2 { "\n\t" } else { " (" };
    while left > 0 {
        number += 1;
        let Some(size) = chunk_size(printer, bytes, at, left, separator, number)? else { return Ok(()) };
        let chunk = slice_at(bytes, at, size)?;
        start(printer, separator, number);
        let kind = u8_at(chunk, 0)?;
        printer.out.byte(b'[');
        match word(CHUNKS, kind) {
            Some(name) => printer.out.text(name),
            None => {
                printer.out.text("Unknown chunk type: 0x");
                printer.out.hex(kind, 1);
            }
        }
        printer.out.text("] ");
        if !print_chunk(printer, chunk, kind, size)? {
            return Ok(());
        }
        if printer.options.verbose < 2 {
            separator = ", (";
        }
        let padded = size.next_multiple_of(4);
        if padded > size && at + padded > bytes.len() {
            return Err(Truncated);
        }
        at += padded;
        left = left.saturating_sub(padded);
    }
    Ok(())
}

fn start(printer: &mut Printer, separator: &str, number: u32) {
    printer.out.text(separator);
    printer.out.number(number);
    printer.out.text(") ");
}

/// The length of the chunk at an offset; none, with the reason printed,
/// where it cannot be.
fn chunk_size(
    printer: &mut Printer,
    bytes: &[u8],
    at: usize,
    left: usize,
    separator: &str,
    number: u32,
) -> Result<Option<usize>, Truncated> {
    if left < CHUNK {
        start(printer, separator, number);
        printer.out.text("[chunk descriptor cut off at end of packet]");
        return Ok(None);
    }
    let size = usize::from(u16_at(bytes, at + 2)?);
    let fault = if size < CHUNK {
        ", < size of chunk descriptor]"
    } else if left < size.next_multiple_of(4) - size {
        ", > remaining data in packet]"
    } else {
        return Ok(Some(size));
    };
    start(printer, separator, number);
    printer.out.text("[Bad chunk length ");
    printer.out.length(size);
    printer.out.text(fault);
    Ok(None)
}

fn bracketed(printer: &mut Printer, name: &str, number: impl Into<u64>) {
    printer.out.byte(b'[');
    printer.out.text(name);
    printer.out.number(number);
    printer.out.text("] ");
}

fn bogus(printer: &mut Printer, size: usize) {
    printer.out.text("bogus chunk length ");
    printer.out.length(size);
    printer.out.byte(b']');
}

/// What a chunk says; false where it is shorter than its kind needs.
fn print_chunk(printer: &mut Printer, chunk: &[u8], kind: u8, size: usize) -> Result<bool, Truncated> {
    let needed = match kind {
        0 => 17,
        1 | 2 => 20,
        3 => 16,
        _ => CHUNK,
    };
    match kind {
        0 => {
            let flags = u8_at(chunk, 1)?;
            for (bit, mark) in [(4, "(U)"), (2, "(B)"), (1, "(E)")] {
                if flags & bit != 0 {
                    printer.out.text(mark);
                }
            }
            if flags & 7 != 0 {
                printer.out.byte(b' ');
            }
            if size < 16 {
                bogus(printer, size);
                return Ok(false);
            }
            data(printer, chunk)?;
            if size < needed {
                bogus(printer, size);
                return Ok(false);
            }
            if printer.options.verbose >= 2 {
                printer.out.text("[Payload");
                if printer.shows_unknown() {
                    printer.out.byte(b':');
                    printer.unknown_bytes(rest(chunk, 16));
                }
                printer.out.byte(b']');
            }
        }
        _ if size < needed => {
            bogus(printer, size);
            return Ok(false);
        }
        1 | 2 => {
            bracketed(printer, "init tag: ", u32_at(chunk, 4)?);
            bracketed(printer, "rwnd: ", u32_at(chunk, 8)?);
            bracketed(printer, "OS: ", u16_at(chunk, 12)?);
            bracketed(printer, "MIS: ", u16_at(chunk, 14)?);
            bracketed(printer, "init TSN: ", u32_at(chunk, 16)?);
        }
        3 => return acknowledgment(printer, chunk, size),
        _ => {}
    }
    Ok(true)
}

fn data(printer: &mut Printer, chunk: &[u8]) -> Printed {
    bracketed(printer, "TSN: ", u32_at(chunk, 4)?);
    bracketed(printer, "SID: ", u16_at(chunk, 8)?);
    bracketed(printer, "SSEQ ", u16_at(chunk, 10)?);
    printer.out.text("[PPID ");
    let payload = u32_at(chunk, 12)?;
    match word(PAYLOADS, payload) {
        Some(name) => printer.out.text(name),
        None => {
            printer.out.text("0x");
            printer.out.hex(payload, 1);
        }
    }
    printer.out.text("] ");
    Ok(())
}

fn acknowledgment(printer: &mut Printer, chunk: &[u8], size: usize) -> Result<bool, Truncated> {
    let cumulative = u32_at(chunk, 4)?;
    let (gaps, duplicates) = (u16_at(chunk, 12)?, u16_at(chunk, 14)?);
    bracketed(printer, "cum ack ", cumulative);
    bracketed(printer, "a_rwnd ", u32_at(chunk, 8)?);
    bracketed(printer, "#gap acks ", gaps);
    bracketed(printer, "#dup tsns ", duplicates);
    let mut at = 16;
    for gap in 1..=u32::from(gaps) {
        if at >= size {
            break;
        }
        let Ok(range) = slice_at(chunk, at, 4) else {
            bogus(printer, size);
            return Ok(false);
        };
        printer.out.text("\n\t\t[gap ack block #");
        printer.out.number(gap);
        printer.out.text(": start = ");
        printer.out.number(cumulative.wrapping_add(u32::from(u16_at(range, 0)?)));
        printer.out.text(", end = ");
        printer.out.number(cumulative.wrapping_add(u32::from(u16_at(range, 2)?)));
        printer.out.text("] ");
        at += 4;
    }
    for duplicate in 1..=u32::from(duplicates) {
        if at >= size {
            break;
        }
        let Ok(number) = u32_at(chunk, at) else {
            bogus(printer, size);
            return Ok(false);
        };
        printer.out.text("\n\t\t[dup TSN #");
        printer.out.number(duplicate);
        printer.out.text(": ");
        printer.out.number(number);
        printer.out.text("] ");
        at += 4;
    }
    Ok(true)
}
