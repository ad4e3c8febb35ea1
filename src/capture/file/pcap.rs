//! The pcap format, draft-ietf-opsawg-pcap: a header of 24 bytes, then each
//! packet behind a header of 16. The writer's order of bytes and the unit of
//! its clock show in the first four bytes.

use std::io::Read;

use super::input::{ByteOrder, Input, index};
use super::{Clock, Found, Interface, LinkType, ReadCapture};

/// The header of a file, its first four bytes not counted.
const HEADER: usize = 20;
const RECORD_HEADER: usize = 16;
const MAJOR: u16 = 2;
const NEWEST_MINOR: u16 = 4;
/// The upper bits tell of frame check sequences.
const LINK_TYPE_BITS: u32 = 0x03ff_ffff;

/// What the header of a file says.
#[derive(Debug)]
pub(super) struct File {
    order: ByteOrder,
    minor: u16,
    interface: Interface,
}

impl File {
    /// Reads the header behind the first four bytes.
    pub(super) fn begin<R: Read>(
        magic: [u8; 4],
        input: &mut Input<R>,
        block: &mut Vec<u8>,
    ) -> Result<Self, ReadCapture> {
        let (order, clock) = match magic {
            [0xa1, 0xb2, 0xc3, 0xd4] => (ByteOrder::Big, Clock::MICROSECONDS),
            [0xd4, 0xc3, 0xb2, 0xa1] => (ByteOrder::Little, Clock::MICROSECONDS),
            [0xa1, 0xb2, 0x3c, 0x4d] => (ByteOrder::Big, Clock::NANOSECONDS),
            [0x4d, 0x3c, 0xb2, 0xa1] => (ByteOrder::Little, Clock::NANOSECONDS),
            _ => return Err(ReadCapture::UnknownFormat { magic }),
        };
        let part = "the file's header";
        input.read(block, HEADER, part)?;
        let fields =
            || Some((order.u16(block, 0)?, order.u16(block, 2)?, order.u32(block, 12)?, order.u32(block, 16)?));
        let (major, minor, snap_length, link_type) = fields().ok_or(ReadCapture::Truncated { offset: 0, part })?;
        if major != MAJOR || minor > NEWEST_MINOR {
            return Err(ReadCapture::UnknownVersion { offset: 0, major, minor });
        }
        let link_type = LinkType::from_number(link_type & LINK_TYPE_BITS);
        Ok(File { order, minor, interface: Interface::new(link_type, snap_length, clock) })
    }

    /// All packets have the same one.
    pub(super) fn interface(&self) -> &Interface {
        &self.interface
    }

    /// Reads the next packet.
    pub(super) fn read<R: Read>(
        &self,
        input: &mut Input<R>,
        block: &mut Vec<u8>,
    ) -> Result<Option<Found>, ReadCapture> {
        let offset = input.offset();
        let part = "the header of a packet";
        if !input.read_or_end(block, RECORD_HEADER, part)? {
            return Ok(None);
        }
        let number = |at| self.order.u32(block, at).ok_or(ReadCapture::Truncated { offset, part });
        let (second, fraction, mut captured, mut length) = (number(0)?, number(4)?, number(8)?, number(12)?);
        // Before version 2.3 the two lengths stood the other way round, and
        // some writers of 2.3 kept to that.
        if self.minor < 3 || (self.minor == 3 && captured > length) {
            std::mem::swap(&mut captured, &mut length);
        }
        input.read(block, index(captured), "a packet")?;
        let clock = self.interface.clock;
        let timestamp_ns = Clock { offset_s: second.into(), ..clock }.nanoseconds(fraction.into());
        // A limit that the header states holds, as libpcap has it.
        let limit = if self.interface.snap_length == 0 { usize::MAX } else { index(self.interface.snap_length) };
        // Its second holds more than one where the file is broken or forged.
        let carried_s = fraction / if clock == Clock::NANOSECONDS { 1_000_000_000 } else { 1_000_000 };
        Ok(Some(Found { timestamp_ns, carried_s, length, bytes: 0..block.len().min(limit), interface: 0 }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MAX_BLOCK, Reader};
    use super::*;

    /// A file of one packet with each number in the order that `number` writes.
    fn file(magic: u32, minor: u16, lengths: [u32; 2], order: ByteOrder) -> Vec<u8> {
        let big = order == ByteOrder::Big;
        let n4 = |number: u32| if big { number.to_be_bytes() } else { number.to_le_bytes() };
        let n2 = |number: u16| if big { number.to_be_bytes() } else { number.to_le_bytes() };
        let header =
            [n4(magic).to_vec(), n2(2).to_vec(), n2(minor).to_vec(), vec![0; 8], n4(4).to_vec(), n4(1).to_vec()];
        let record = [n4(1_700_000_000), n4(5), n4(lengths[0]), n4(lengths[1])].concat();
        [header.concat(), record, b"packet".to_vec()].concat()
    }

    fn first(bytes: &[u8]) -> Result<(i64, u32, Vec<u8>), String> {
        let mut reader = Reader::new(bytes).map_err(|error| error.to_string())?;
        let record = reader.read().map_err(|error| error.to_string())?;
        let packet = record.ok_or("no packet")?.packet;
        Ok((packet.timestamp_ns, packet.length, packet.bytes.to_vec()))
    }

    #[test]
    fn both_orders_of_bytes_and_both_clocks_are_read() {
        for order in [ByteOrder::Big, ByteOrder::Little] {
            let packet = (1_700_000_000_000_005_000, 60, b"pack".to_vec());
            assert_eq!(first(&file(0xa1b2_c3d4, 4, [6, 60], order)), Ok(packet));
            let packet = (1_700_000_000_000_000_005, 60, b"pack".to_vec());
            assert_eq!(first(&file(0xa1b2_3c4d, 4, [6, 60], order)), Ok(packet));
        }
    }

    #[test]
    fn old_versions_have_the_lengths_the_other_way_round() {
        let old = first(&file(0xa1b2_c3d4, 2, [60, 6], ByteOrder::Big));
        assert_eq!(old, first(&file(0xa1b2_c3d4, 4, [6, 60], ByteOrder::Big)));
        let error = first(&file(0xa1b2_c3d4, 5, [6, 60], ByteOrder::Big)).unwrap_err();
        assert_eq!(error, "at byte 0: version 2.5 of the format is not known");
    }

    #[test]
    fn an_error_names_the_byte_and_ends_the_file() {
        let whole = file(0xa1b2_c3d4, 4, [6, 60], ByteOrder::Little);
        let mut reader = Reader::new(&whole[..whole.len() - 1]).unwrap();
        assert_eq!(reader.read().unwrap_err().to_string(), "at byte 40: the file ends within a packet");
        assert!(reader.read().unwrap().is_none());
        let mut reader = Reader::new(&whole[..30]).unwrap();
        assert_eq!(reader.read().unwrap_err().to_string(), "at byte 24: the file ends within the header of a packet");
        let huge = file(0xa1b2_c3d4, 4, [u32::MAX, 60], ByteOrder::Little);
        let error = first(&huge).unwrap_err();
        assert_eq!(error, format!("at byte 40: a packet claims 4294967295 bytes; at most {MAX_BLOCK} are read"));
    }
}
