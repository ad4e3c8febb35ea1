//! What is said when packets are written: how to write, what the file tells of
//! the machine and its interfaces, and what goes with each packet.

use std::net::IpAddr;

use jiff::tz::TimeZone;

use super::Rotation;
use crate::capture::direction::Direction;
use crate::capture::packet::LinkType;

/// The form of the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileFormat {
    /// pcapng: names, comments, counters.
    #[default]
    Pcapng,
    /// pcap: packets alone, all of one link type.
    Pcap,
}

/// How to write.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// The form of the files.
    pub format: FileFormat,
    /// The most that is captured of a packet. libpcap refuses files that state
    /// two different limits, so that it is one for all interfaces.
    pub snap_length: u32,
    /// Whether every packet is written at once (`-U`), rather than many
    /// together.
    pub is_unbuffered: bool,
    /// When the next file begins.
    pub rotation: Rotation,
    /// The zone of times in names of files.
    pub time_zone: TimeZone,
    /// Who captured, and how.
    pub section: Section,
}

impl Default for WriteOptions {
    fn default() -> Self {
        WriteOptions {
            format: FileFormat::Pcapng,
            snap_length: 262_144,
            is_unbuffered: false,
            rotation: Rotation::default(),
            time_zone: TimeZone::UTC,
            section: Section::default(),
        }
    }
}

/// What a pcapng file says of the machine and the program that wrote it; what
/// is empty is left out.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// The machine, such as `x86_64`.
    pub hardware: String,
    /// The operating system, such as `Linux 6.1.0`.
    pub system: String,
    /// The program, such as `scanner 0.1.0`.
    pub application: String,
    /// What else a reader should know: the command, the node.
    pub comments: Vec<String>,
}

/// What a pcapng file says of an interface.
#[derive(Clone, Debug)]
pub struct InterfaceDescription {
    /// Its name with where it is: `default/web-0:eth0`.
    pub name: String,
    /// A sentence for people.
    pub description: Option<String>,
    /// Framing of its packets.
    pub link_type: LinkType,
    /// Its hardware address.
    pub hardware_address: Option<[u8; 6]>,
    /// Its addresses, each with the length of its network's prefix.
    pub addresses: Vec<(IpAddr, u8)>,
    /// The filter that packets passed.
    pub filter: Option<String>,
    /// What else a reader should know: pod, namespace, container.
    pub comments: Vec<String>,
}

impl InterfaceDescription {
    /// An interface of which only the name and framing are known.
    pub fn new(name: impl Into<String>, link_type: LinkType) -> Self {
        InterfaceDescription {
            name: name.into(),
            description: None,
            link_type,
            hardware_address: None,
            addresses: Vec::new(),
            filter: None,
            comments: Vec::new(),
        }
    }
}

/// What is written with a packet in pcapng.
#[derive(Clone, Copy, Debug, Default)]
pub struct Notes<'a> {
    /// Which way it went.
    pub direction: Direction,
    /// The same number for the same packet at different interfaces.
    pub packet_id: Option<u64>,
    /// What was found of it.
    pub comments: &'a [&'a str],
}

/// Counters of an interface, as far as they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// When the capture began, in nanoseconds since 1970.
    pub started_ns: i64,
    /// When they were read, in nanoseconds since 1970.
    pub at_ns: i64,
    /// Packets that the interface received.
    pub received: Option<u64>,
    /// Packets that the interface dropped.
    pub dropped_by_interface: Option<u64>,
    /// Packets that the filter let through.
    pub accepted_by_filter: Option<u64>,
    /// Packets that the kernel dropped for want of room.
    pub dropped_by_kernel: Option<u64>,
    /// Packets that were delivered to the program.
    pub delivered: Option<u64>,
}
