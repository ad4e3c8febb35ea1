//! Why a session of BGP ends, RFC 4271 section 4.5 and RFC 4486.

use super::bytes::{Printed, rest, slice_at, u8_at, u32_at};
use super::words::Words;
use super::{Printer, bgp};

const FAULTS: &Words = &[
    (1, "Message Header Error"),
    (2, "OPEN Message Error"),
    (3, "UPDATE Message Error"),
    (4, "Hold Timer Expired"),
    (5, "Finite State Machine Error"),
    (6, "Cease"),
    (7, "Capability Message Error"),
];
/// What each fault's number behind it means.
const DETAILS: &[(u8, &Words)] = &[
    (1, &[(1, "Connection Not Synchronized"), (2, "Bad Message Length"), (3, "Bad Message Type")]),
    (
        2,
        &[
            (1, "Unsupported Version Number"),
            (2, "Bad Peer AS"),
            (3, "Bad BGP Identifier"),
            (4, "Unsupported Optional Parameter"),
            (5, "Authentication Failure"),
            (6, "Unacceptable Hold Time"),
            (7, "Capability Message Error"),
        ],
    ),
    (
        3,
        &[
            (1, "Malformed Attribute List"),
            (2, "Unrecognized Well-known Attribute"),
            (3, "Missing Well-known Attribute"),
            (4, "Attribute Flags Error"),
            (5, "Attribute Length Error"),
            (6, "Invalid ORIGIN Attribute"),
            (7, "AS Routing Loop"),
            (8, "Invalid NEXT_HOP Attribute"),
            (9, "Optional Attribute Error"),
            (10, "Invalid Network Field"),
            (11, "Malformed AS_PATH"),
        ],
    ),
    (
        5,
        &[(0, "Unspecified Error"), (1, "In OpenSent State"), (2, "In OpenConfirm State"), (3, "In Established State")],
    ),
    (
        6,
        &[
            (1, "Maximum Number of Prefixes Reached"),
            (2, "Administrative Shutdown"),
            (3, "Peer Unconfigured"),
            (4, "Administrative Reset"),
            (5, "Connection Rejected"),
            (6, "Other Configuration Change"),
            (7, "Connection Collision Resolution"),
        ],
    ),
    (
        7,
        &[
            (1, "Invalid Action Value"),
            (2, "Invalid Capability Length"),
            (3, "Malformed Capability Value"),
            (4, "Unsupported Capability Code"),
        ],
    ),
];
const CEASE: u8 = 6;

/// A whole notification.
pub(super) fn print(printer: &mut Printer, message: &[u8]) -> Printed {
    const SIZE: usize = 21;
    slice_at(message, 0, SIZE)?;
    let (fault, detail) = (u8_at(message, 19)?, u8_at(message, 20)?);
    printer.out.text(", ");
    printer.word_and_number(FAULTS, fault, "Unknown Error");
    let Some((_, details)) = DETAILS.iter().find(|(known, _)| *known == fault) else { return Ok(()) };
    printer.out.text(if matches!(fault, 5 | 7) { " subcode " } else { ", subcode " });
    printer.word_and_number(details, detail, "Unknown");
    let data = rest(message, SIZE);
    match (fault, detail) {
        (CEASE, 1) if data.len() >= 7 => {
            bgp::family(printer, ", ", data, 0, 2)?;
            printer.labelled(", Max Prefixes: ", u32_at(data, 3)?);
        }
        // Why a session was shut down, in words: RFC 9003.
        (CEASE, 2 | 4) if !data.is_empty() => {
            let size = usize::from(u8_at(data, 0)?);
            let shown = if size > data.len() - 1 {
                printer.out.text(", invalid Shutdown Communication length");
                0
            } else if size == 0 {
                printer.out.text(", empty Shutdown Communication");
                1
            } else {
                printer.out.text(", Shutdown Communication (length: ");
                printer.out.length(size);
                printer.out.text("): \"");
                printer.text_of(data, 1, size)?;
                printer.out.byte(b'"');
                size + 1
            };
            let left = rest(data, shown);
            if !left.is_empty() {
                printer.out.text(", Data: (length: ");
                printer.out.length(left.len());
                printer.out.byte(b')');
                printer.undecoded("\n\t\t", left, left.len());
            }
        }
        _ => {}
    }
    Ok(())
}
