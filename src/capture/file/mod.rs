//! Capture files, packet by packet: pcap and pcapng, told apart by their
//! first bytes.
//!
//! A [`Reader`] takes any stream and holds one record at a time, of at most
//! [`MAX_BLOCK`] bytes, and no more of it than really came. Files are foreign:
//! whatever they hold, reading ends with packets or with an error that names
//! the byte where it went wrong.

mod error;
mod input;
mod option;
mod pcap;
mod pcapng;

use std::io::Read;

pub use error::ReadCapture;
use input::Input;
use ipnet::IpNet;

use super::packet::{LinkType, Packet};
use super::sink::{CapturePoint, Hop};

/// The longest record or block that is read, in bytes.
pub const MAX_BLOCK: usize = 16 << 20;

/// Where packets were captured: an interface of a pcapng file, or all that
/// the header of a pcap file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Framing of its packets.
    pub link_type: LinkType,
    /// How much of each packet was captured at most; 0 where there was no limit.
    pub snap_length: u32,
    /// What it was called, where the file says it.
    pub name: Option<String>,
    /// What it is, in words.
    pub description: Option<String>,
    /// Its hardware address.
    pub hardware_address: Option<[u8; 6]>,
    /// Its addresses.
    pub addresses: Vec<IpNet>,
    /// The filter that packets passed.
    pub filter: Option<String>,
    /// What else the file says of it, a few of it.
    pub comments: Vec<String>,
    clock: Clock,
}

/// The beginnings of comments of ours on interfaces: the pod, by namespace and
/// name; where it stands on the way of packets; interfaces by their numbers.
pub const POD: &str = "pod ";
/// See [`POD`].
pub const HOP: &str = "hop ";
/// See [`POD`].
pub const INTERFACES: &str = "interfaces ";

impl Interface {
    /// An interface of which only the framing is known.
    fn new(link_type: LinkType, snap_length: u32, clock: Clock) -> Self {
        Interface {
            link_type,
            snap_length,
            name: None,
            description: None,
            hardware_address: None,
            addresses: Vec::new(),
            filter: None,
            comments: Vec::new(),
            clock,
        }
    }

    /// The point that packets of this interface passed.
    pub fn point(&self, number: usize) -> CapturePoint {
        let mut point = CapturePoint::new(number, self.link_type, self.snap_length);
        point.name.clone_from(&self.name);
        point.description.clone_from(&self.description);
        point.filter.clone_from(&self.filter);
        point.hardware_address = self.hardware_address;
        point.addresses.clone_from(&self.addresses);
        for comment in &self.comments {
            if let Some((namespace, name)) = comment.strip_prefix(POD).and_then(|pod| pod.split_once('/')) {
                point.pod = Some((namespace.to_owned(), name.to_owned()));
            } else if let Some(words) = comment.strip_prefix(HOP) {
                point.hop = Hop::of_words(words);
            } else if let Some(names) = comment.strip_prefix(INTERFACES) {
                let named = names.split(' ').filter_map(|pair| pair.split_once('='));
                let named = named.filter_map(|(index, name)| Some((index.parse().ok()?, name.to_owned())));
                point.interface_names = named.collect();
            }
        }
        point
    }
}

/// What a file has counted of an interface's packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Packets that the filter let through.
    pub accepted_by_filter: Option<u64>,
    /// Packets that the kernel dropped for want of room.
    pub dropped_by_kernel: Option<u64>,
    /// Packets that the interface dropped.
    pub dropped_by_interface: Option<u64>,
}

/// What the timestamps of an interface count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Clock {
    resolution: Resolution,
    /// Seconds to add to each.
    offset_s: i64,
}

/// The length of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resolution {
    /// A second divided so many times by ten.
    Decimal(u8),
    /// A second divided so many times by two.
    Binary(u8),
}

const NS_PER_S: i128 = 1_000_000_000;

impl Clock {
    const MICROSECONDS: Clock = Clock { resolution: Resolution::Decimal(6), offset_s: 0 };
    const NANOSECONDS: Clock = Clock { resolution: Resolution::Decimal(9), offset_s: 0 };

    /// Nanoseconds since 1970; the last instant of the range where a file
    /// claims one beyond it.
    fn nanoseconds(self, ticks: u64) -> i64 {
        let ticks = i128::from(ticks);
        let since_offset = match self.resolution {
            Resolution::Binary(bits) => (ticks * NS_PER_S).checked_shr(bits.into()).unwrap_or(0),
            Resolution::Decimal(digits) => match 10_i128.checked_pow(digits.into()) {
                Some(ticks_per_s) => ticks * NS_PER_S / ticks_per_s,
                // Longer than any count of 64 bits reaches.
                None => 0,
            },
        };
        let instant = since_offset + i128::from(self.offset_s) * NS_PER_S;
        i64::try_from(instant).unwrap_or(if instant < 0 { i64::MIN } else { i64::MAX })
    }
}

/// A packet, and the interface that it passed.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The packet.
    pub packet: Packet<'a>,
    /// Where it was captured.
    pub interface: &'a Interface,
    /// Which interface of the file that is, from zero, whatever section it is in.
    pub number: usize,
    /// How many interfaces the file has named so far.
    pub interface_count: usize,
}

/// Reads the packets of a capture file in their order.
#[derive(Debug)]
pub struct Reader<R> {
    input: Input<R>,
    format: Format,
    /// The record or block that was read last.
    block: Vec<u8>,
    has_ended: bool,
}

#[derive(Debug)]
enum Format {
    Pcap(pcap::File),
    Pcapng(pcapng::File),
}

/// Where a packet stands in the block that was read last.
struct Found {
    timestamp_ns: i64,
    carried_s: u32,
    length: u32,
    bytes: std::ops::Range<usize>,
    interface: usize,
}

impl<R: Read> Reader<R> {
    /// Reads the header of a file.
    ///
    /// # Errors
    /// If the stream fails, or is not the beginning of a capture file.
    pub fn new(stream: R) -> Result<Self, ReadCapture> {
        let mut input = Input::new(stream);
        let mut block = Vec::new();
        input.read(&mut block, input::MAGIC, "the file's first four bytes")?;
        let magic: [u8; input::MAGIC] = block.as_slice().try_into().unwrap_or_default();
        let format = if magic == pcapng::MAGIC {
            Format::Pcapng(pcapng::File::begin(&mut input, &mut block)?)
        } else {
            Format::Pcap(pcap::File::begin(magic, &mut input, &mut block)?)
        };
        Ok(Reader { input, format, block, has_ended: false })
    }

    /// The next packet; none after the last one, and after an error.
    ///
    /// # Errors
    /// If the stream fails or ends within a packet, or what it holds is not
    /// in the format.
    pub fn read(&mut self) -> Result<Option<Record<'_>>, ReadCapture> {
        if self.has_ended {
            return Ok(None);
        }
        // Until it is known that there is a packet: an error ends the file.
        self.has_ended = true;
        let found = match &mut self.format {
            Format::Pcap(file) => file.read(&mut self.input, &mut self.block)?,
            Format::Pcapng(file) => file.read(&mut self.input, &mut self.block)?,
        };
        let Some(found) = found else { return Ok(None) };
        self.has_ended = false;
        let (interface, first, interface_count) = match &self.format {
            Format::Pcap(file) => (Some(file.interface()), 0, 1),
            Format::Pcapng(file) => (file.interface(found.interface), file.first_number(), file.interface_count()),
        };
        // Formats give only ranges and interfaces that they have looked at.
        let Some((interface, bytes)) = interface.zip(self.block.get(found.bytes)) else { return Ok(None) };
        let Found { timestamp_ns, carried_s, length, .. } = found;
        let packet = Packet { timestamp_ns, carried_s, length, bytes, link_type: interface.link_type };
        Ok(Some(Record { packet, interface, number: first.saturating_add(found.interface), interface_count }))
    }

    /// The interfaces of this section by their numbers in the whole file, also
    /// those that no packet has passed.
    pub fn interfaces(&self) -> Vec<(usize, &Interface)> {
        match &self.format {
            Format::Pcap(file) => vec![(0, file.interface())],
            Format::Pcapng(file) => file.interfaces(),
        }
    }

    /// What the file has counted up to now of the packets of an interface,
    /// which is known by its number in the whole file.
    pub fn counted(&self, number: usize) -> Option<Counted> {
        match &self.format {
            Format::Pcap(_) => None,
            Format::Pcapng(file) => file.counted(number),
        }
    }

    /// The interface of a pcap file, which its header describes.
    pub fn pcap_interface(&self) -> Option<&Interface> {
        match &self.format {
            Format::Pcap(file) => Some(file.interface()),
            Format::Pcapng(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_of_any_length_become_nanoseconds() {
        let clock = |resolution, offset_s| Clock { resolution, offset_s };
        assert_eq!(Clock::MICROSECONDS.nanoseconds(1_700_000_000_123_456), 1_700_000_000_123_456_000);
        assert_eq!(clock(Resolution::Decimal(0), 0).nanoseconds(7), 7_000_000_000);
        assert_eq!(clock(Resolution::Decimal(12), 0).nanoseconds(1_999), 1);
        assert_eq!(clock(Resolution::Decimal(127), 3).nanoseconds(u64::MAX), 3_000_000_000);
        assert_eq!(clock(Resolution::Binary(1), -1).nanoseconds(3), 500_000_000);
        assert_eq!(clock(Resolution::Binary(127), 0).nanoseconds(u64::MAX), 0);
        assert_eq!(clock(Resolution::Decimal(0), i64::MIN).nanoseconds(0), i64::MIN);
        assert_eq!(clock(Resolution::Decimal(0), i64::MAX).nanoseconds(u64::MAX), i64::MAX);
    }

    #[test]
    fn what_is_no_capture_is_refused() {
        let error = |bytes: &[u8]| Reader::new(bytes).unwrap_err().to_string();
        assert_eq!(error(b""), "at byte 0: the file ends within the file's first four bytes");
        assert_eq!(error(b"\x7fELF and so on"), "neither pcap nor pcapng: the file begins with 7f 45 4c 46");
    }
}
