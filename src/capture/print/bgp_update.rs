//! Routes that BGP tells and withdraws, RFC 4271 and 4760. Those of VPNs and
//! EVPN and the like are shown as bytes.

use super::bytes::{Printed, Truncated, array_at, rest, slice_at, u8_at, u16_at, u32_at, up_to};
use super::words::Words;
use super::{Printer, bgp, bgp_community};

const HEADER: usize = 19;
const ATTRIBUTES: &Words = &[
    (1, "Origin"),
    (2, "AS Path"),
    (17, "AS4 Path"),
    (3, "Next Hop"),
    (4, "Multi Exit Discriminator"),
    (5, "Local Preference"),
    (6, "Atomic Aggregate"),
    (7, "Aggregator"),
    (18, "Aggregator4"),
    (8, "Community"),
    (9, "Originator ID"),
    (10, "Cluster List"),
    (11, "DPA"),
    (12, "Advertisers"),
    (13, "RCID Path / Cluster ID"),
    (14, "Multi-Protocol Reach NLRI"),
    (15, "Multi-Protocol Unreach NLRI"),
    (16, "Extended Community"),
    (22, "PMSI Tunnel"),
    (23, "Tunnel Encapsulation"),
    (24, "Traffic Engineering"),
    (25, "IPv6 Extended Community"),
    (26, "Accumulated IGP Metric"),
    (27, "PE Distinguisher Label"),
    (28, "Entropy Label"),
    (32, "Large Community"),
    (128, "Attribute Set"),
    (255, "Reserved for development"),
];
const EXTENDED_LENGTH: u8 = 0x10;
const AS4_PATH: u8 = 17;
const LARGE_COMMUNITY: u8 = 32;
const ORIGINS: &Words = &[(0, "IGP"), (1, "EGP"), (2, "Incomplete")];
const COMMUNITIES: &Words =
    &[(0xffff_ff01, " NO_EXPORT"), (0xffff_ff02, " NO_ADVERTISE"), (0xffff_ff03, " NO_EXPORT_SUBCONFED")];
const SEGMENT_OPENS: &Words = &[(2, ""), (1, "{ "), (3, "( "), (4, "({ ")];
const SEGMENT_CLOSES: &Words = &[(2, ""), (1, "}"), (3, ")"), (4, "})")];

/// The version of IP whose prefixes a list holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    V4,
    V6,
}

/// A whole update.
pub(super) fn print(printer: &mut Printer, message: &[u8]) -> Printed {
    let withdrawn = usize::from(u16_at(message, HEADER)?);
    let mut at = HEADER + 2;
    let routes = slice_at(message, at, withdrawn)?;
    if withdrawn > 1 {
        printer.out.text("\n\t  Withdrawn routes:");
        prefixes(printer, routes, Version::V4, "\n\t    ")?;
    }
    at += withdrawn;
    let length = usize::from(u16_at(message, at)?);
    at += 2;
    if withdrawn != 1 && length == 0 && message.len() == at {
        printer.out.text("\n\t  End-of-Rib Marker (empty NLRI)");
        return Ok(());
    }
    attributes(printer, slice_at(message, at, length)?)?;
    let updated = rest(message, at + length);
    if !updated.is_empty() {
        printer.out.text("\n\t  Updated routes:");
        prefixes(printer, updated, Version::V4, "\n\t    ")?;
    }
    Ok(())
}

fn attributes(printer: &mut Printer, bytes: &[u8]) -> Printed {
    let mut at = 0;
    while at < bytes.len() {
        let too_short = |printer: &mut Printer, text: &str| printer.out.text(text);
        let (Ok(flags), Ok(kind)) = (u8_at(bytes, at), u8_at(bytes, at + 1)) else {
            too_short(printer, "\n\t  [path attrs too short]");
            break;
        };
        at += 2;
        let (size, wide) =
            if flags & EXTENDED_LENGTH != 0 { (u16_at(bytes, at), 2) } else { (u8_at(bytes, at).map(u16::from), 1) };
        let Ok(size) = size else {
            too_short(printer, "\n\t  [path attrs too short]");
            break;
        };
        at += wide;
        printer.out.text("\n\t  ");
        printer.word_and_number(ATTRIBUTES, kind, "Unknown Attribute");
        printer.labelled(", length: ", size);
        if flags != 0 {
            printer.out.text(", Flags [");
            for (bit, letter) in [(0x80, b'O'), (0x40, b'T'), (0x20, b'P'), (EXTENDED_LENGTH, b'E')] {
                if flags & bit != 0 {
                    printer.out.byte(letter);
                }
            }
            if flags & 0x0f != 0 {
                printer.labelled_hex("+", flags & 0x0f, 1);
            }
            printer.out.text("]: ");
        }
        let Ok(value) = slice_at(bytes, at, usize::from(size)) else {
            too_short(printer, " [path attrs too short]");
            break;
        };
        attribute(printer, kind, value)?;
        if printer.options.verbose > 1 && !value.is_empty() && kind != LARGE_COMMUNITY {
            printer.undecoded("\n\t    ", value, value.len());
        }
        at += value.len();
    }
    Ok(())
}

fn attribute(printer: &mut Printer, kind: u8, value: &[u8]) -> Printed {
    let is_right = match kind {
        1 => value.len() == 1,
        2 | AS4_PATH => value.len().is_multiple_of(2),
        3 | 4 | 5 | 9 => value.len() == 4,
        6 => value.is_empty(),
        7 => matches!(value.len(), 6 | 8),
        18 => value.len() == 8,
        8 | 10 => value.len().is_multiple_of(4),
        LARGE_COMMUNITY => !value.is_empty() && value.len().is_multiple_of(12),
        _ => true,
    };
    if !is_right {
        printer.out.text("invalid len");
        return Ok(());
    }
    match kind {
        1 => printer.word_or(ORIGINS, u8_at(value, 0)?, "Unknown Origin Typecode"),
        2 | AS4_PATH => path(printer, kind, value)?,
        3 | 9 => printer.out.ipv4(array_at(value, 0)?),
        4 | 5 => printer.out.number(u32_at(value, 0)?),
        6 => {}
        7 | 18 => {
            let (system, router) =
                if value.len() == 6 { (u32::from(u16_at(value, 0)?), 2) } else { (u32_at(value, 0)?, 4) };
            printer.labelled(" AS #", system);
            printer.out.text(", origin ");
            printer.out.ipv4(array_at(value, router)?);
        }
        8 => communities(printer, value)?,
        10 => {
            for (number, router) in value.chunks_exact(4).enumerate() {
                printer.out.text(if number == 0 { "" } else { ", " });
                printer.out.ipv4(array_at(router, 0)?);
            }
        }
        14 => reachable(printer, value)?,
        15 => {
            let Some(version) = family(printer, value)? else { return Ok(()) };
            if value.len() == 3 {
                printer.out.text("\n\t      End-of-Rib Marker (empty NLRI)");
            }
            prefixes(printer, rest(value, 3), version, "\n\t      ")?;
        }
        16 => bgp_community::print(printer, value)?,
        LARGE_COMMUNITY => {
            printer.out.text("\n\t    ");
            for (number, community) in value.chunks_exact(12).enumerate() {
                printer.labelled(if number == 0 { "" } else { ", " }, u32_at(community, 0)?);
                printer.labelled(":", u32_at(community, 4)?);
                printer.labelled(":", u32_at(community, 8)?);
            }
        }
        other => {
            printer.labelled("\n\t    no Attribute ", other);
            printer.out.text(" decoder");
            if printer.options.verbose <= 1 {
                printer.undecoded("\n\t    ", value, value.len());
            }
        }
    }
    Ok(())
}

fn communities(printer: &mut Printer, value: &[u8]) -> Printed {
    let count = value.len() / 4;
    for (number, community) in value.chunks_exact(4).enumerate() {
        let community = u32_at(community, 0)?;
        if let Some(word) = super::word(COMMUNITIES, community) {
            printer.out.text(word);
            continue;
        }
        printer.out.number(community >> 16);
        printer.labelled(":", community & 0xffff);
        if number + 1 < count {
            printer.out.text(", ");
        }
    }
    Ok(())
}

/// Systems on the way, in two bytes each where the path can be read so, else in four.
fn path(printer: &mut Printer, kind: u8, value: &[u8]) -> Printed {
    if value.is_empty() {
        printer.out.text("empty");
        return Ok(());
    }
    let width = if kind != AS4_PATH && is_path_of_two_bytes(value) { 2 } else { 4 };
    let mut at = 0;
    while at < value.len() {
        let segment = u8_at(value, at)?;
        printer.word_or(SEGMENT_OPENS, segment, "?");
        let count = usize::from(u8_at(value, at + 1)?);
        at += 2;
        for _ in 0..count {
            let system = if width == 2 { u32::from(u16_at(value, at)?) } else { u32_at(value, at)? };
            printer.out.number(system);
            printer.out.byte(b' ');
            at += width;
        }
        printer.word_or(SEGMENT_CLOSES, segment, "?");
    }
    Ok(())
}

fn is_path_of_two_bytes(value: &[u8]) -> bool {
    let mut at = 0;
    while let Some(segment) = value.get(at) {
        let Some(count) = value.get(at + 1).filter(|_| (1..=4).contains(segment)) else { return false };
        at += 2 + usize::from(*count) * 2;
    }
    at == value.len()
}

/// A family; none where its routes are not decoded.
fn family(printer: &mut Printer, value: &[u8]) -> Result<Option<Version>, Truncated> {
    let (family, subfamily) = (u16_at(value, 0)?, u8_at(value, 2)?);
    printer.out.text("\n\t    AFI: ");
    printer.word_and_number(bgp::FAMILIES, family, "Unknown AFI");
    printer.out.text(if subfamily > 128 { ", vendor specific SAFI: " } else { ", SAFI: " });
    printer.word_and_number(bgp::SUBFAMILIES, subfamily, "Unknown SAFI");
    Ok(match (family, subfamily) {
        (1, 1..=3) => Some(Version::V4),
        (2, 1..=3) => Some(Version::V6),
        _ => None,
    })
}

/// Routes of any family, RFC 4760, behind the next hops.
fn reachable(printer: &mut Printer, value: &[u8]) -> Printed {
    let Some(version) = family(printer, value)? else { return Ok(()) };
    let length = u8_at(value, 3)?;
    let mut hops = slice_at(value, 4, usize::from(length))?;
    if !hops.is_empty() {
        printer.out.text("\n\t    nexthop: ");
    }
    let mut separator = "";
    while !hops.is_empty() {
        printer.out.text(separator);
        separator = ", ";
        let size = if version == Version::V4 { 4 } else { 16 };
        match (version, array_at(hops, 0), array_at(hops, 0)) {
            (Version::V4, Ok(hop), _) => printer.out.ipv4(hop),
            (Version::V6, _, Ok(hop)) => printer.out.ipv6(hop),
            _ => printer.out.text("invalid len"),
        }
        hops = rest(hops, size);
    }
    printer.labelled(", nh-length: ", length);
    let mut at = 4 + usize::from(length);
    let points = u8_at(value, at)?;
    at += 1;
    if points == 0 {
        printer.out.text(", no SNPA");
    } else {
        printer.labelled("\n\t    ", points);
        printer.out.text(" SNPA");
    }
    for _ in 0..points {
        let size = u8_at(value, at)?;
        printer.labelled("\n\t      ", size);
        printer.out.text(" bytes");
        slice_at(value, at + 1, usize::from(size))?;
        at += 1 + usize::from(size);
    }
    prefixes(printer, rest(value, at), version, "\n\t      ")
}

/// Prefixes, each on a line that begins with `before`, with the number of a path where they have them.
fn prefixes(printer: &mut Printer, bytes: &[u8], version: Version, before: &str) -> Printed {
    let longest = if version == Version::V4 { 32 } else { 128 };
    let has_paths = has_paths(bytes, longest);
    let mut at = 0;
    while at < bytes.len() {
        let mut number = None;
        if has_paths {
            let Ok(path) = u32_at(bytes, at) else { break };
            number = Some(path);
            at += 4;
        }
        let length = u8_at(bytes, at)?;
        if length > longest {
            printer.out.text("\n\t    (illegal prefix length)");
            break;
        }
        let size = usize::from(length).div_ceil(8);
        let mut address = [0; 16];
        for (to, from) in address.iter_mut().zip(slice_at(bytes, at + 1, size)?) {
            *to = *from;
        }
        // Bits beyond the length do not count.
        if let Some(last) = address.get_mut(size.saturating_sub(1)).filter(|_| length % 8 != 0) {
            *last &= !(0xff >> (length % 8));
        }
        printer.out.text(before);
        match version {
            Version::V4 => printer.out.ipv4(array_at(up_to(&address, 4), 0)?),
            Version::V6 => printer.out.ipv6(address),
        }
        printer.labelled("/", length);
        if let Some(number) = number {
            printer.labelled("   Path Id: ", number);
        }
        at += 1 + size;
    }
    Ok(())
}

/// Whether numbers of paths stand before the prefixes, RFC 7911, which nothing
/// in the message says: they do where it can be read so and not otherwise.
fn has_paths(bytes: &[u8], longest: u8) -> bool {
    let reads_with = |number: usize| {
        let mut at = 0;
        while at < bytes.len() {
            at += number;
            let Some(length) = bytes.get(at) else { break };
            if *length > longest || (number == 0 && *length == 0) {
                return false;
            }
            at += 1 + usize::from(*length).div_ceil(8);
        }
        at <= bytes.len()
    };
    bytes.len() >= 5 && reads_with(4) && !reads_with(0)
}
