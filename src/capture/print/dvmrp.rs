//! Distance Vector Multicast Routing Protocol, RFC 1075, in IGMP.

use super::bytes::{Printed, array_at, rest, u8_at, u32_at};
use super::words::Words;
use super::{Printer, dns_record};

const KINDS: &Words = &[
    (1, "Probe"),
    (2, "Report"),
    (3, "Ask-neighbors(old)"),
    (4, "Neighbors(old)"),
    (5, "Ask-neighbors2"),
    (6, "Neighbors2"),
    (7, "Prune"),
    (8, "Graft"),
    (9, "Graft-ACK"),
];
const FLAGS: [(u8, &str); 5] =
    [(0x01, "/tunnel"), (0x02, "/srcrt"), (0x40, "/querier"), (0x20, "/disabled"), (0x10, "/down")];
/// The header of IGMP before each message.
const HEADER: usize = 8;

/// A message, from the header of IGMP.
pub(super) fn print(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.protocol = "dvmrp";
    if length < HEADER {
        too_short(printer, " [length ", length, "8");
        return Ok(());
    }
    let kind = u8_at(bytes, 1)?;
    printer.out.byte(b' ');
    match super::word(KINDS, kind) {
        Some(word) => printer.out.text(word),
        None => {
            printer.labelled("[type ", kind);
            printer.out.byte(b']');
        }
    }
    let (message, left) = (rest(bytes, HEADER), length - HEADER);
    match kind {
        1 if printer.options.verbose > 0 => probe(printer, message, left),
        2 if printer.options.verbose > 1 => report(printer, message, left),
        4 => neighbors(printer, message, left, None),
        6 => neighbors(printer, message, left, Some((u8_at(bytes, 7)?, u8_at(bytes, 6)?))),
        7..=9 => {
            let (source, group) = (array_at(message, 0)?, array_at(message, 4)?);
            printer.out.text(" src ");
            printer.out.ipv4(source);
            printer.out.text(" grp ");
            printer.out.ipv4(group);
            if kind == 7 {
                printer.out.text(" timer ");
                dns_record::duration(printer, u32_at(message, 8)?);
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn too_short(printer: &mut Printer, before: &str, length: usize, needed: &str) {
    printer.out.text(before);
    printer.out.length(length);
    printer.out.text(" < ");
    printer.out.text(needed);
    printer.out.byte(b']');
    printer.invalid();
}

fn probe(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    if length < 4 {
        too_short(printer, " [full length ", length, "4");
        return Ok(());
    }
    let is_long = printer.options.verbose > 1;
    printer.out.text(if is_long { "\n\t" } else { " " });
    printer.labelled("genid ", u32_at(bytes, 0)?);
    let mut at = 4;
    while is_long && at < length {
        if length - at < 4 {
            too_short(printer, "[remaining length ", length - at, "4");
            return Ok(());
        }
        let neighbor = array_at(bytes, at)?;
        printer.out.text("\n\tneighbor ");
        printer.out.ipv4(neighbor);
        at += 4;
    }
    Ok(())
}

/// Routes, of which only the bytes that are not zero stand there.
fn report(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    let mut at = 0;
    while at < length {
        if length - at < 3 {
            too_short(printer, " [length ", length - at, "3");
            return Ok(());
        }
        let [b, c, d]: [u8; 3] = array_at(bytes, at)?;
        let width = match (b, c, d) {
            (_, _, 1..) => 4,
            (_, 1.., _) => 3,
            (1.., _, _) => 2,
            _ => 1,
        };
        printer.out.text("\n\tMask ");
        printer.out.ipv4([0xff, b, c, d]);
        at += 3;
        loop {
            if length - at < width + 1 {
                printer.out.text("\n\t  [Truncated Report]");
                printer.invalid();
                return Ok(());
            }
            let mut origin = [0; 4];
            for (place, to) in origin.iter_mut().take(width).enumerate() {
                *to = u8_at(bytes, at + place)?;
            }
            let metric = u8_at(bytes, at + width)?;
            printer.out.text("\n\t  ");
            printer.out.ipv4(origin);
            printer.labelled(" metric ", metric & 0x7f);
            at += width + 1;
            if metric & 0x80 != 0 {
                break;
            }
        }
    }
    Ok(())
}

/// Neighbours of each interface; the second form has a version and flags.
fn neighbors(printer: &mut Printer, bytes: &[u8], length: usize, version: Option<(u8, u8)>) -> Printed {
    if let Some((major, minor)) = version {
        printer.labelled(" (v ", major);
        printer.labelled(".", minor);
        printer.out.text("):");
    }
    let (head, needed) = if version.is_some() { (8, "8") } else { (7, "7") };
    let mut at = 0;
    while at < length {
        if length - at < head {
            too_short(printer, " [length ", length - at, needed);
            return Ok(());
        }
        let interface: [u8; 4] = array_at(bytes, at)?;
        let (metric, threshold) = (u8_at(bytes, at + 4)?, u8_at(bytes, at + 5)?);
        let flags = if version.is_some() { u8_at(bytes, at + 6)? } else { 0 };
        let count = u8_at(bytes, at + head - 1)?;
        at += head;
        for _ in 0..count {
            if version.is_some() && at == length {
                printer.out.text(" [invalid ncount]");
                printer.invalid();
                return Ok(());
            }
            if length - at < 4 {
                too_short(printer, " [length ", length - at, "4");
                return Ok(());
            }
            printer.out.text(" [");
            printer.out.ipv4(interface);
            printer.out.text(" ->");
            let neighbor = array_at(bytes, at)?;
            printer.out.byte(b' ');
            printer.out.ipv4(neighbor);
            printer.labelled(if version.is_some() { " (" } else { ", (" }, metric);
            printer.labelled("/", threshold);
            for (_, word) in FLAGS.iter().filter(|(bit, _)| flags & bit != 0) {
                printer.out.text(word);
            }
            printer.out.text(")]");
            at += 4;
        }
    }
    Ok(())
}
