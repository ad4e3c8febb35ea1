//! The pcapng format, draft-ietf-opsawg-pcapng: blocks of a type and a length,
//! which stands at both ends. A section header sets the order of bytes and
//! forgets the interfaces before it; blocks of other types are passed over.

use std::io::Read;

use super::input::{ByteOrder, Input, index};
use super::{Clock, Found, Interface, LinkType, ReadCapture, Resolution};

/// The type of a section header, the same in both orders of bytes.
pub(super) const MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
/// Obsolete, and written by old versions of Wireshark.
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Type and length before a block's body; the length again behind it.
const HEADER: usize = 8;
const TRAILER: usize = 4;

const END_OF_OPTIONS: u16 = 0;
const NAME: u16 = 2;
const RESOLUTION: u16 = 9;
const OFFSET: u16 = 14;

/// More are refused, so that a file of nothing else takes no room without end.
const MAX_INTERFACES: usize = 65_536;
/// More of a name is cut off; Linux has names of 15 bytes.
const MAX_NAME: usize = 256;

/// The section that is being read.
#[derive(Debug)]
pub(super) struct File {
    order: ByteOrder,
    interfaces: Vec<Interface>,
    /// How many interfaces the sections before this one had.
    forgotten: usize,
}

impl File {
    /// Reads the first section header behind its type.
    pub(super) fn begin<R: Read>(input: &mut Input<R>, block: &mut Vec<u8>) -> Result<Self, ReadCapture> {
        let mut file = File { order: ByteOrder::Little, interfaces: Vec::new(), forgotten: 0 };
        let offset = input.offset().saturating_sub(4);
        input.read(block, 4, "a block's header")?;
        let length: [u8; 4] = block.as_slice().try_into().unwrap_or_default();
        file.section(input, block, offset, length)?;
        Ok(file)
    }

    /// An interface of this section.
    pub(super) fn interface(&self, number: usize) -> Option<&Interface> {
        self.interfaces.get(number)
    }

    /// The number of this section's first interface in the whole file.
    pub(super) fn first_number(&self) -> usize {
        self.forgotten
    }

    /// How many interfaces the file has had so far.
    pub(super) fn interface_count(&self) -> usize {
        self.forgotten.saturating_add(self.interfaces.len())
    }

    /// Reads blocks up to the next packet.
    pub(super) fn read<R: Read>(
        &mut self,
        input: &mut Input<R>,
        block: &mut Vec<u8>,
    ) -> Result<Option<Found>, ReadCapture> {
        loop {
            let offset = input.offset();
            if !input.read_or_end(block, HEADER, "a block's header")? {
                return Ok(None);
            }
            let (kind, length) = self.order.u32(block, 0).zip(self.order.u32(block, 4)).unwrap_or_default();
            if kind == SECTION {
                let length = block.get(4..).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
                self.section(input, block, offset, length)?;
                continue;
            }
            let body = body_length(length, offset)?;
            let is_known = matches!(kind, INTERFACE | PACKET | SIMPLE_PACKET | ENHANCED_PACKET);
            if is_known {
                input.read(block, body, "a block")?;
            } else {
                input.skip(u64::from(length).saturating_sub(12), "a block")?;
            }
            self.end_of_block(input, length, offset)?;
            let malformed = |fault| ReadCapture::Malformed { offset, fault };
            match kind {
                INTERFACE if self.interfaces.len() >= MAX_INTERFACES => {
                    return Err(malformed("the section has more than 65536 interfaces"));
                }
                INTERFACE => {
                    let interface = interface(self.order, block);
                    self.interfaces.push(interface.ok_or(malformed("an interface's block is too short"))?);
                }
                _ if is_known => return self.packet(kind, block).map(Some).map_err(malformed),
                _ => {}
            }
        }
    }

    /// Reads the body of a section header, which the order of its length
    /// depends on.
    fn section<R: Read>(
        &mut self,
        input: &mut Input<R>,
        block: &mut Vec<u8>,
        offset: u64,
        length: [u8; 4],
    ) -> Result<(), ReadCapture> {
        const FIXED: usize = 16;
        input.read(block, FIXED, "a section's header")?;
        self.order = match block.get(..4) {
            Some([0x1a, 0x2b, 0x3c, 0x4d]) => ByteOrder::Big,
            Some([0x4d, 0x3c, 0x2b, 0x1a]) => ByteOrder::Little,
            _ => return Err(ReadCapture::Malformed { offset, fault: "a section's order of bytes is not known" }),
        };
        self.forgotten = self.forgotten.saturating_add(self.interfaces.len());
        self.interfaces.clear();
        let (major, minor) = self.order.u16(block, 4).zip(self.order.u16(block, 6)).unwrap_or_default();
        if major != 1 || (minor != 0 && minor != 2) {
            return Err(ReadCapture::UnknownVersion { offset, major, minor });
        }
        let length = self.order.u32(&length, 0).unwrap_or_default();
        let options = body_length(length, offset)?.checked_sub(FIXED);
        let options = options.ok_or(ReadCapture::Malformed { offset, fault: "a section's header is too short" })?;
        input.skip(u64::try_from(options).unwrap_or(u64::MAX), "a section's header")?;
        self.end_of_block(input, length, offset)
    }

    fn end_of_block<R: Read>(&self, input: &mut Input<R>, length: u32, offset: u64) -> Result<(), ReadCapture> {
        let mut trailer = Vec::new();
        input.read(&mut trailer, TRAILER, "a block's last length")?;
        if self.order.u32(&trailer, 0) == Some(length) {
            return Ok(());
        }
        Err(ReadCapture::Malformed { offset, fault: "a block's two lengths differ" })
    }

    /// Where the packet stands in a block.
    fn packet(&self, kind: u32, block: &[u8]) -> Result<Found, &'static str> {
        let number = |at| self.order.u32(block, at).ok_or("a packet's block is too short");
        let ticks = |at| Ok::<_, &'static str>(u64::from(number(at)?) << 32 | u64::from(number(at + 4)?));
        let known = |number: usize| self.interfaces.get(number).ok_or("a packet names an interface that is not known");
        if kind == SIMPLE_PACKET {
            let length = number(0)?;
            let limit = known(0)?.snap_length;
            let captured = if limit == 0 { length } else { length.min(limit) };
            let bytes = range(4, captured, block)?;
            // The format has no time here.
            return Ok(Found { timestamp_ns: 0, length, bytes, interface: 0 });
        }
        let interface = if kind == PACKET {
            self.order.u16(block, 0).map(usize::from).ok_or("a packet's block is too short")?
        } else {
            index(number(0)?)
        };
        let clock = known(interface)?.clock;
        let bytes = range(20, number(12)?, block)?;
        Ok(Found { timestamp_ns: clock.nanoseconds(ticks(4)?), length: number(16)?, bytes, interface })
    }
}

/// The length of a block's body, of the block's.
fn body_length(length: u32, offset: u64) -> Result<usize, ReadCapture> {
    if !length.is_multiple_of(4) {
        return Err(ReadCapture::Malformed { offset, fault: "a block's length is no multiple of four" });
    }
    let body = index(length).checked_sub(HEADER + TRAILER);
    body.ok_or(ReadCapture::Malformed { offset, fault: "a block is shorter than its own header" })
}

fn range(start: usize, captured: u32, block: &[u8]) -> Result<std::ops::Range<usize>, &'static str> {
    let end = start.checked_add(index(captured)).filter(|end| *end <= block.len());
    Ok(start..end.ok_or("a packet is longer than its block")?)
}

/// An interface's block; options that are broken off say nothing.
fn interface(order: ByteOrder, block: &[u8]) -> Option<Interface> {
    let mut interface = Interface {
        link_type: LinkType::from_number(order.u16(block, 0)?.into()),
        snap_length: order.u32(block, 4)?,
        name: None,
        clock: Clock::MICROSECONDS,
    };
    let mut at = 8;
    while let Some((code, length)) = order.u16(block, at).zip(order.u16(block, at + 2)) {
        let length = usize::from(length);
        let Some(value) = block.get(at + 4..at + 4 + length) else { break };
        match (code, value) {
            (END_OF_OPTIONS, _) => break,
            (NAME, _) => {
                let name = value.get(..MAX_NAME).unwrap_or(value);
                interface.name = Some(String::from_utf8_lossy(name).trim_end_matches('\0').to_owned());
            }
            (RESOLUTION, [value]) if value & 0x80 != 0 => {
                interface.clock.resolution = Resolution::Binary(value & 0x7f);
            }
            (RESOLUTION, [value]) => interface.clock.resolution = Resolution::Decimal(*value),
            (OFFSET, _) => interface.clock.offset_s = order.i64(value, 0).unwrap_or_default(),
            _ => {}
        }
        at += 4 + length.next_multiple_of(4);
    }
    Some(interface)
}
