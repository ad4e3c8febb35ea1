//! The pcap format, draft-ietf-opsawg-pcap, as bytes: little-endian, and with
//! a clock that counts nanoseconds.

use crate::capture::packet::{LinkType, Packet};

const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
const NS_PER_S: u64 = 1_000_000_000;

/// The header of a file.
pub(super) fn header(out: &mut Vec<u8>, link_type: LinkType, snap_length: u32) {
    out.extend_from_slice(&MAGIC_NANOSECONDS.to_le_bytes());
    out.extend_from_slice(&2_u16.to_le_bytes());
    out.extend_from_slice(&4_u16.to_le_bytes());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&snap_length.to_le_bytes());
    out.extend_from_slice(&link_type.number().to_le_bytes());
}

/// A packet; seconds beyond the range of the format stay at its end.
pub(super) fn packet(out: &mut Vec<u8>, packet: &Packet<'_>, bytes: &[u8]) {
    let time = u64::try_from(packet.timestamp_ns).unwrap_or(0);
    let captured = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let seconds = u32::try_from(time / NS_PER_S).unwrap_or(u32::MAX);
    let nanoseconds = u32::try_from(time % NS_PER_S).unwrap_or(0);
    for number in [seconds, nanoseconds, captured, packet.length.max(captured)] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(bytes);
}
