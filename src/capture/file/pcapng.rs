//! The pcapng format, draft-ietf-opsawg-pcapng: blocks of a type and a length,
//! which stands at both ends. A section header sets the order of bytes and
//! forgets the interfaces before it; blocks of other types are passed over.

use std::collections::BTreeMap;
use std::io::Read;

use super::input::{ByteOrder, Input, index};
use super::{Counted, Found, Interface, ReadCapture, option};

/// The type of a section header, the same in both orders of bytes.
pub(super) const MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
/// Obsolete, and written by old versions of Wireshark.
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

/// Type and length before a block's body; the length again behind it.
const HEADER: usize = 8;
const TRAILER: usize = 4;

/// More are refused, so that a file of nothing else takes no room without end.
const MAX_INTERFACES: usize = 65_536;
/// What is kept in all of what interfaces are described by, beside their names.
const MAX_DESCRIPTIONS: usize = 4 << 20;

/// The section that is being read.
#[derive(Debug)]
pub(super) struct File {
    order: ByteOrder,
    interfaces: Vec<Interface>,
    /// How many interfaces the sections before this one had.
    forgotten: usize,
    /// How much of descriptions is still kept.
    room: usize,
    /// The last counters of interfaces, by their numbers in the whole file.
    counted: BTreeMap<usize, Counted>,
}

impl File {
    /// Reads the first section header behind its type.
    pub(super) fn begin<R: Read>(input: &mut Input<R>, block: &mut Vec<u8>) -> Result<Self, ReadCapture> {
        let mut file = File {
            order: ByteOrder::Little,
            interfaces: Vec::new(),
            forgotten: 0,
            room: MAX_DESCRIPTIONS,
            counted: BTreeMap::new(),
        };
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

    /// The interfaces of this section.
    pub(super) fn interfaces(&self) -> Vec<(usize, &Interface)> {
        let numbered = self.interfaces.iter().enumerate();
        numbered.map(|(number, interface)| (self.forgotten.saturating_add(number), interface)).collect()
    }

    /// What was counted of an interface, by its number in the whole file.
    pub(super) fn counted(&self, number: usize) -> Option<Counted> {
        self.counted.get(&number).copied()
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
            let is_known = matches!(kind, INTERFACE | PACKET | SIMPLE_PACKET | STATISTICS | ENHANCED_PACKET);
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
                    let interface = option::interface(self.order, block, &mut self.room);
                    self.interfaces.push(interface.ok_or(malformed("an interface's block is too short"))?);
                }
                STATISTICS => self.count(block),
                _ if is_known => return self.packet(kind, block).map(Some).map_err(malformed),
                _ => {}
            }
        }
    }

    fn count(&mut self, block: &[u8]) {
        let Some((interface, counted)) = option::statistics(self.order, block) else { return };
        let is_known = index(interface) < self.interfaces.len();
        let number = self.forgotten.saturating_add(index(interface));
        if is_known && (self.counted.len() < MAX_INTERFACES || self.counted.contains_key(&number)) {
            self.counted.insert(number, counted);
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
            return Ok(Found { timestamp_ns: 0, carried_s: 0, length, bytes, interface: 0 });
        }
        let interface = if kind == PACKET {
            self.order.u16(block, 0).map(usize::from).ok_or("a packet's block is too short")?
        } else {
            index(number(0)?)
        };
        let clock = known(interface)?.clock;
        let bytes = range(20, number(12)?, block)?;
        let timestamp_ns = clock.nanoseconds(ticks(4)?);
        Ok(Found { timestamp_ns, carried_s: 0, length: number(16)?, bytes, interface })
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
