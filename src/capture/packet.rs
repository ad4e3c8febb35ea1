//! One captured packet, whatever file or device it came from.

/// The framing of a packet's first bytes, by its number in the registry of
/// link types (<https://www.tcpdump.org/linktypes.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkType {
    /// `LINKTYPE_NULL` (0): an address family in the byte order of the host.
    Loopback,
    /// `LINKTYPE_ETHERNET` (1).
    Ethernet,
    /// `LINKTYPE_RAW` (101), and 12, 14: an IP packet.
    RawIp,
    /// `LINKTYPE_LINUX_SLL` (113): cooked capture.
    LinuxCooked,
    /// `LINKTYPE_IPV4` (228).
    Ipv4,
    /// `LINKTYPE_IPV6` (229).
    Ipv6,
    /// `LINKTYPE_LINUX_SLL2` (276): cooked capture with the interface's index.
    LinuxCooked2,
    /// A link type that is not decoded.
    Other(u32),
}

impl LinkType {
    /// The link type of a number.
    pub fn from_number(number: u32) -> Self {
        match number {
            0 => LinkType::Loopback,
            1 => LinkType::Ethernet,
            12 | 14 | 101 => LinkType::RawIp,
            113 => LinkType::LinuxCooked,
            228 => LinkType::Ipv4,
            229 => LinkType::Ipv6,
            276 => LinkType::LinuxCooked2,
            other => LinkType::Other(other),
        }
    }

    /// The number that files hold.
    pub fn number(self) -> u32 {
        match self {
            LinkType::Loopback => 0,
            LinkType::Ethernet => 1,
            LinkType::RawIp => 101,
            LinkType::LinuxCooked => 113,
            LinkType::Ipv4 => 228,
            LinkType::Ipv6 => 229,
            LinkType::LinuxCooked2 => 276,
            LinkType::Other(number) => number,
        }
    }
}

/// One captured packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Instant of the capture, in nanoseconds since 1970.
    pub timestamp_ns: i64,
    /// How many of its seconds a file had in the parts of a second, where none should be.
    pub carried_s: u32,
    /// Length on the wire, in bytes.
    pub length: u32,
    /// What was captured of it, from its first byte.
    pub bytes: &'a [u8],
    /// Framing of the first bytes.
    pub link_type: LinkType,
}
