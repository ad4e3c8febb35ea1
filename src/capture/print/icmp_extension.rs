//! What routers add to errors of ICMP, RFC 4884: the labels of the packet that
//! they dropped (RFC 4950), above all.

use super::Printer;
use super::bytes::{Printed, checksum, rest, slice_at, u8_at, u16_at, u32_at, up_to};
use super::words::Words;

/// Where extensions begin: behind the header and 128 bytes of the quoted packet.
const START: usize = 136;
const HEADER: usize = 4;
const OBJECTS: &Words = &[(1, "MPLS Stack Entry"), (2, "Interface Identification")];
const LABELS: u8 = 1;

/// The extensions of a message of `length` bytes, if it has any.
pub(super) fn print(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    if length <= START {
        return Ok(());
    }
    printer.protocol = "icmp";
    slice_at(bytes, 0, START + HEADER + 1)?;
    let (extension, mut left) = (rest(bytes, START), length - START);
    let sum = (extension.len() >= left).then(|| checksum(&[up_to(extension, left)]));
    // Old routers do not say where the quoted packet ends; the checksum tells.
    if u8_at(bytes, 5)? == 0 && sum.is_some_and(|sum| sum != 0) {
        return Ok(());
    }
    let version = u8_at(extension, 0)? >> 4;
    printer.labelled("\n\tICMP Multi-Part extension v", version);
    if version != 2 {
        printer.out.text(" packet not supported");
        return Ok(());
    }
    if let Some(sum) = sum {
        printer.labelled_hex(", checksum 0x", u16_at(extension, 2)?, 4);
        printer.out.text(if sum == 0 { " (correct), length " } else { " (incorrect), length " });
        printer.out.length(left);
    }
    left = left.saturating_sub(HEADER);
    let mut at = HEADER;
    while left > HEADER {
        slice_at(extension, at, HEADER)?;
        let size = usize::from(u16_at(extension, at)?);
        let (class, kind) = (u8_at(extension, at + 2)?, u8_at(extension, at + 3)?);
        printer.out.text("\n\t  ");
        printer.word_or(OBJECTS, class, "unknown");
        printer.labelled(" Object (", class);
        printer.labelled("), Class-Type: ", kind);
        printer.out.text(", length ");
        printer.out.length(size);
        left -= HEADER;
        at += HEADER;
        let Some(size) = size.checked_sub(HEADER).filter(|_| class != 0) else { break };
        if (class, kind) == (LABELS, 1) {
            let entry = u32_at(extension, at)?;
            printer.labelled("\n\t    label ", entry >> 12);
            printer.labelled(", tc ", entry >> 9 & 7);
            printer.labelled(if entry & 0x100 != 0 { ", [S], ttl " } else { ", ttl " }, entry & 0xff);
        } else {
            printer.undecoded("\n\t    ", rest(extension, at), size);
        }
        if left < size {
            break;
        }
        left -= size;
        at += size;
    }
    Ok(())
}
