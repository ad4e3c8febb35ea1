//! Blocks of the pcapng format, draft-ietf-opsawg-pcapng, as bytes. Always in
//! little-endian order, and with clocks that count nanoseconds.

use std::net::IpAddr;

use super::{Direction, InterfaceDescription, Notes, Section, Statistics};
use crate::capture::packet::Packet;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const NAMES: u32 = 4;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

const ORDER: u32 = 0x1a2b_3c4d;
const UNKNOWN_LENGTH: u64 = u64::MAX;
/// `if_tsresol`: 10 to the power of minus nine.
const NANOSECONDS: u8 = 9;

/// Options of every block.
const COMMENT: u16 = 1;

/// A block: its body, between type and length, and length again.
fn block(out: &mut Vec<u8>, kind: u32, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    u32(out, kind);
    u32(out, 0);
    body(out);
    let length = u32::try_from(out.len().saturating_sub(start) + 4).unwrap_or(u32::MAX);
    if let Some(place) = out.get_mut(start + 4..start + 8) {
        place.copy_from_slice(&length.to_le_bytes());
    }
    u32(out, length);
}

fn u16(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn u32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

/// Bytes, and zeros up to a multiple of four.
fn padded(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes);
    let padding = bytes.len().next_multiple_of(4) - bytes.len();
    out.resize(out.len() + padding, 0);
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
    u16(out, code);
    u16(out, u16::try_from(value.len()).unwrap_or(u16::MAX));
    padded(out, value);
}

/// Text, cut between characters where it is too long.
fn text(out: &mut Vec<u8>, code: u16, text: &str) {
    const MAX: usize = 32_768;
    let end = text.floor_char_boundary(MAX.min(text.len()));
    option(out, code, text.get(..end).unwrap_or_default().as_bytes());
}

fn texts(out: &mut Vec<u8>, code: u16, all: &[String]) {
    for one in all {
        text(out, code, one);
    }
}

fn end_of_options(out: &mut Vec<u8>) {
    u32(out, 0);
}

/// The two halves of a time, the upper one first.
fn time(timestamp_ns: i64) -> [u8; 8] {
    // In the order of this file the lower half would come first.
    u64::try_from(timestamp_ns).unwrap_or(0).rotate_left(32).to_le_bytes()
}

/// A section header, section 4.1.
pub(super) fn section(out: &mut Vec<u8>, section: &Section) {
    block(out, SECTION, |out| {
        u32(out, ORDER);
        u16(out, 1);
        u16(out, 0);
        out.extend_from_slice(&UNKNOWN_LENGTH.to_le_bytes());
        texts(out, COMMENT, &section.comments);
        for (code, value) in [(2, &section.hardware), (3, &section.system), (4, &section.application)] {
            if !value.is_empty() {
                text(out, code, value);
            }
        }
        end_of_options(out);
    });
}

/// An interface description, section 4.2.
pub(super) fn interface(out: &mut Vec<u8>, interface: &InterfaceDescription, snap_length: u32) {
    block(out, INTERFACE, |out| {
        u16(out, u16::try_from(interface.link_type.number()).unwrap_or(u16::MAX));
        u16(out, 0);
        u32(out, snap_length);
        texts(out, COMMENT, &interface.comments);
        text(out, 2, &interface.name);
        if let Some(description) = &interface.description {
            text(out, 3, description);
        }
        for (address, prefix) in &interface.addresses {
            match address {
                IpAddr::V4(address) => {
                    let mask = u32::MAX.checked_shl(32_u32.saturating_sub((*prefix).into())).unwrap_or(0);
                    option(out, 4, &[address.octets(), mask.to_be_bytes()].concat());
                }
                IpAddr::V6(address) => option(out, 5, &[&address.octets()[..], &[*prefix]].concat()),
            }
        }
        if let Some(hardware_address) = interface.hardware_address {
            option(out, 6, &hardware_address);
        }
        option(out, 9, &[NANOSECONDS]);
        if let Some(filter) = interface.filter.as_deref().filter(|filter| !filter.is_empty()) {
            // The first byte says that the rest is a filter's text.
            option(out, 11, &[b"\0", filter.as_bytes()].concat());
        }
        end_of_options(out);
    });
}

/// A packet, section 4.3.
pub(super) fn packet(out: &mut Vec<u8>, interface: u32, packet: &Packet<'_>, bytes: &[u8], notes: &Notes<'_>) {
    block(out, ENHANCED_PACKET, |out| {
        u32(out, interface);
        out.extend_from_slice(&time(packet.timestamp_ns));
        let captured = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        u32(out, captured);
        u32(out, packet.length.max(captured));
        padded(out, bytes);
        let mut has_options = false;
        for comment in notes.comments {
            text(out, COMMENT, comment);
            has_options = true;
        }
        let direction = match notes.direction {
            Direction::Unknown => None,
            Direction::In => Some(1_u32),
            Direction::Out => Some(2),
        };
        if let Some(direction) = direction {
            option(out, 2, &direction.to_le_bytes());
            has_options = true;
        }
        if let Some(id) = notes.packet_id {
            option(out, 5, &id.to_le_bytes());
            has_options = true;
        }
        if has_options {
            end_of_options(out);
        }
    });
}

/// Names of addresses, section 4.5.
pub(super) fn names(out: &mut Vec<u8>, names: &[(IpAddr, String)]) {
    const IPV4: u16 = 1;
    const IPV6: u16 = 2;
    const MAX_NAME: usize = 1024;
    block(out, NAMES, |out| {
        for (address, name) in names {
            // A record ends its names with a zero byte.
            let name: Vec<u8> = name.bytes().filter(|byte| *byte != 0).take(MAX_NAME).chain([0]).collect();
            match address {
                IpAddr::V4(address) => option(out, IPV4, &[&address.octets()[..], &name].concat()),
                IpAddr::V6(address) => option(out, IPV6, &[&address.octets()[..], &name].concat()),
            }
        }
        end_of_options(out);
    });
}

/// Counters of an interface, section 4.6.
pub(super) fn statistics(out: &mut Vec<u8>, interface: u32, statistics: &Statistics) {
    block(out, STATISTICS, |out| {
        u32(out, interface);
        out.extend_from_slice(&time(statistics.at_ns));
        option(out, 2, &time(statistics.started_ns));
        option(out, 3, &time(statistics.at_ns));
        let counters = [
            (4, statistics.received),
            (5, statistics.dropped_by_interface),
            (6, statistics.accepted_by_filter),
            (7, statistics.dropped_by_kernel),
            (8, statistics.delivered),
        ];
        for (code, counter) in counters {
            if let Some(counter) = counter {
                option(out, code, &counter.to_le_bytes());
            }
        }
        end_of_options(out);
    });
}
