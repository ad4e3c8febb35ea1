//! Options of pcapng blocks, draft-ietf-opsawg-pcapng section 3.5: what a file
//! says of an interface and of its counters. Options that are broken off, and
//! those of impossible lengths, say nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::input::ByteOrder;
use super::{Clock, Counted, Interface, LinkType, Resolution};

const END_OF_OPTIONS: u16 = 0;
const COMMENT: u16 = 1;

/// Options of an interface, section 4.2.
const NAME: u16 = 2;
const DESCRIPTION: u16 = 3;
const IPV4_ADDRESS: u16 = 4;
const IPV6_ADDRESS: u16 = 5;
const HARDWARE_ADDRESS: u16 = 6;
const RESOLUTION: u16 = 9;
const FILTER: u16 = 11;
const OFFSET: u16 = 14;

/// Options of statistics, section 4.6.
const DROPPED_BY_INTERFACE: u16 = 5;
const ACCEPTED_BY_FILTER: u16 = 6;
const DROPPED_BY_KERNEL: u16 = 7;

/// More of a name is cut off; Linux has names of 15 bytes.
const MAX_NAME: usize = 256;

/// The options of a block from an offset on.
fn options(order: ByteOrder, block: &[u8], start: usize) -> impl Iterator<Item = (u16, &[u8])> {
    let mut at = start;
    std::iter::from_fn(move || {
        let (code, length) = order.u16(block, at).zip(order.u16(block, at.checked_add(2)?))?;
        let length = usize::from(length);
        let value = block.get(at + 4..at + 4 + length)?;
        at += 4 + length.next_multiple_of(4);
        (code != END_OF_OPTIONS).then_some((code, value))
    })
}

/// An interface's block; `room` is how many bytes of descriptions, filters,
/// addresses and comments are still kept of this file.
pub(super) fn interface(order: ByteOrder, block: &[u8], room: &mut usize) -> Option<Interface> {
    let link_type = LinkType::from_number(order.u16(block, 0)?.into());
    let mut interface = Interface::new(link_type, order.u32(block, 4)?, Clock::MICROSECONDS);
    for (code, value) in options(order, block, 8) {
        match (code, value) {
            (NAME, _) => interface.name = Some(text(value.get(..MAX_NAME).unwrap_or(value))),
            (HARDWARE_ADDRESS, _) => interface.hardware_address = value.try_into().ok(),
            (RESOLUTION, [value]) if value & 0x80 != 0 => {
                interface.clock.resolution = Resolution::Binary(value & 0x7f);
            }
            (RESOLUTION, [value]) => interface.clock.resolution = Resolution::Decimal(*value),
            (OFFSET, _) => interface.clock.offset_s = order.i64(value, 0).unwrap_or_default(),
            (COMMENT | DESCRIPTION | IPV4_ADDRESS | IPV6_ADDRESS | FILTER, _) if value.len() < *room => {
                *room -= value.len() + 1;
                describe(&mut interface, code, value);
            }
            _ => {}
        }
    }
    Some(interface)
}

fn describe(interface: &mut Interface, code: u16, value: &[u8]) {
    match (code, value) {
        (COMMENT, _) => interface.comments.push(text(value)),
        (DESCRIPTION, _) => interface.description = Some(text(value)),
        (IPV4_ADDRESS | IPV6_ADDRESS, _) => interface.addresses.extend(address(code, value)),
        // The first byte says that the rest is a filter's text, and not its code.
        (FILTER, [0, filter @ ..]) => interface.filter = Some(text(filter)),
        _ => {}
    }
}

fn address(code: u16, value: &[u8]) -> Option<IpNet> {
    if code == IPV6_ADDRESS {
        let (address, prefix) = value.split_first_chunk::<16>()?;
        return IpNet::new(IpAddr::V6(Ipv6Addr::from(*address)), *prefix.first()?).ok();
    }
    let (address, mask) = value.split_first_chunk::<4>()?;
    let mask = u32::from_be_bytes(*mask.first_chunk()?);
    IpNet::new(IpAddr::V4(Ipv4Addr::from(*address)), u8::try_from(mask.leading_ones()).ok()?).ok()
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim_end_matches('\0').to_owned()
}

/// The number of an interface and its counters, in the body of a block of
/// statistics.
pub(super) fn statistics(order: ByteOrder, block: &[u8]) -> Option<(u32, Counted)> {
    let interface = order.u32(block, 0)?;
    let mut counted = Counted::default();
    for (code, value) in options(order, block, 12) {
        let number = (value.len() == 8).then(|| order.i64(value, 0)).flatten();
        // A counter is unsigned, and has the same bits.
        let number = number.map(i64::cast_unsigned);
        match code {
            DROPPED_BY_INTERFACE => counted.dropped_by_interface = number,
            ACCEPTED_BY_FILTER => counted.accepted_by_filter = number,
            DROPPED_BY_KERNEL => counted.dropped_by_kernel = number,
            _ => {}
        }
    }
    Some((interface, counted))
}
