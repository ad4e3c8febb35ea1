//! A packet as the analysis sees it: addresses, lengths and the transport
//! header of the innermost packet, found by etherparse, which takes packets
//! that were cut off as far as they go.
//!
//! VXLAN, Geneve, GRE and IP in IP are looked through: a pod's packet is the
//! same on its way through a tunnel.

use std::net::IpAddr;

use etherparse::{
    ArpPacketSlice, EtherType, LaxIpPayloadSlice, LaxNetSlice, LaxSlicedPacket, LinkSlice, TcpSlice, TransportSlice,
    UdpSlice,
};

use crate::capture::packet::{LinkType, Packet};

/// A hardware address.
pub(super) type Mac = [u8; 6];

/// What a packet is.
#[derive(Debug)]
pub(super) struct Decoded<'a> {
    /// Source and destination of an Ethernet frame.
    pub(super) frame: Option<(Mac, Mac)>,
    /// The interface's index in a cooked capture.
    pub(super) interface_index: u32,
    pub(super) network: Network<'a>,
}

/// What a frame carries.
#[derive(Debug)]
pub(super) enum Network<'a> {
    Arp(ArpPacketSlice<'a>),
    Ip(Ip<'a>),
    Other,
}

/// The innermost IP packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ip<'a> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    /// Identification of an IPv4 packet; 0 in IPv6.
    pub(super) identification: u16,
    /// Whether no router may divide it.
    pub(super) dont_fragment: bool,
    /// Its whole length with its header, as it says itself.
    pub(super) length: u32,
    pub(super) transport: Transport<'a>,
}

/// What an IP packet carries.
#[derive(Clone, Copy, Debug)]
pub(super) enum Transport<'a> {
    Tcp(Segment<'a>),
    Udp {
        source_port: u16,
        destination_port: u16,
        data: &'a [u8],
    },
    /// From its first byte.
    Icmp4(&'a [u8]),
    /// From its first byte.
    Icmp6(&'a [u8]),
    /// The rest of a fragment, or another protocol.
    Other,
}

/// A TCP segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    pub(super) sequence: u32,
    pub(super) acknowledgment: Option<u32>,
    pub(super) is_syn: bool,
    pub(super) is_fin: bool,
    pub(super) is_rst: bool,
    pub(super) options: &'a [u8],
    /// Length of its data, also where it was not captured.
    pub(super) data_length: u32,
}

/// How deep tunnels in tunnels are followed.
const MAX_DEPTH: usize = 4;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const TRANSPARENT_ETHERNET: u16 = 0x6558;
const IPIP: u8 = 4;
const IPV6_IN_IP: u8 = 41;
const GRE: u8 = 47;
/// VXLAN by its registered port and by the one that Linux, flannel and Cilium
/// take.
const VXLAN: [u16; 2] = [4789, 8472];
const GENEVE: u16 = 6081;

/// Decodes a packet; none where even its first header is not whole.
pub(super) fn decode<'a>(packet: &Packet<'a>) -> Option<Decoded<'a>> {
    let bytes = packet.bytes;
    let mut interface_index = 0;
    let sliced = match packet.link_type {
        LinkType::Ethernet => LaxSlicedPacket::from_ethernet(bytes).ok()?,
        LinkType::RawIp | LinkType::Ipv4 | LinkType::Ipv6 => LaxSlicedPacket::from_ip(bytes).ok()?,
        LinkType::Loopback => LaxSlicedPacket::from_ip(bytes.get(4..)?).ok()?,
        LinkType::LinuxCooked => typed(u16_at(bytes, 14)?, bytes.get(16..)?),
        LinkType::LinuxCooked2 => {
            interface_index = u32_at(bytes, 4)?;
            typed(u16_at(bytes, 0)?, bytes.get(20..)?)
        }
        LinkType::Other(_) => return None,
    };
    let frame = match &sliced.link {
        Some(LinkSlice::Ethernet2(frame)) => Some((frame.source(), frame.destination())),
        _ => None,
    };
    let network = match &sliced.net {
        Some(LaxNetSlice::Arp(arp)) => Network::Arp(arp.clone()),
        Some(_) => innermost(&sliced, packet.length, 0).map_or(Network::Other, Network::Ip),
        None => Network::Other,
    };
    Some(Decoded { frame, interface_index, network })
}

/// A packet behind an `EtherType`.
fn typed(ether_type: u16, bytes: &[u8]) -> LaxSlicedPacket<'_> {
    LaxSlicedPacket::from_ether_type(EtherType(ether_type), bytes)
}

fn innermost<'a>(sliced: &LaxSlicedPacket<'a>, frame_length: u32, depth: usize) -> Option<Ip<'a>> {
    if depth < MAX_DEPTH
        && let Some(inner) = tunnelled(sliced)
        && let Some(ip) = innermost(&inner, frame_length, depth + 1)
    {
        return Some(ip);
    }
    let (source, destination, identification, dont_fragment, total, header, payload) = match sliced.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) => {
            let header = ip.header();
            let length = u32::from(header.total_len());
            let ends = (header.source_addr().into(), header.destination_addr().into());
            let header_length = u32::from(header.ihl()) * 4;
            let is_whole = header.dont_fragment();
            (ends.0, ends.1, header.identification(), is_whole, length, header_length, ip.payload())
        }
        LaxNetSlice::Ipv6(ip) => {
            let header = ip.header();
            let length = u32::from(header.payload_length());
            let length = if length == 0 { 0 } else { length + 40 };
            let extensions = u32::try_from(ip.extensions().slice().len()).unwrap_or(0);
            let ends = (header.source_addr().into(), header.destination_addr().into());
            (ends.0, ends.1, 0, true, length, 40 + extensions, ip.payload())
        }
        LaxNetSlice::Arp(_) => return None,
    };
    // A length of nothing is that of a packet which the card divides later.
    let captured = u32::try_from(payload.payload.len()).unwrap_or(u32::MAX);
    let length = if total == 0 { header.saturating_add(captured).max(frame_length.saturating_sub(14)) } else { total };
    let transport = if payload.fragmented {
        Transport::Other
    } else {
        transport(sliced.transport.as_ref(), payload, length.saturating_sub(header))
    };
    Some(Ip { source, destination, identification, dont_fragment, length, transport })
}

/// `length` is that of what the IP packet carries.
fn transport<'a>(
    transport: Option<&TransportSlice<'a>>,
    payload: &LaxIpPayloadSlice<'a>,
    length: u32,
) -> Transport<'a> {
    match transport {
        Some(TransportSlice::Tcp(tcp)) => Transport::Tcp(segment(tcp, length)),
        Some(TransportSlice::Udp(udp)) => Transport::Udp {
            source_port: udp.source_port(),
            destination_port: udp.destination_port(),
            data: udp.payload(),
        },
        Some(TransportSlice::Icmpv4(_)) => Transport::Icmp4(payload.payload),
        Some(TransportSlice::Icmpv6(_)) => Transport::Icmp6(payload.payload),
        _ => Transport::Other,
    }
}

fn segment<'a>(tcp: &TcpSlice<'a>, length: u32) -> Segment<'a> {
    let header = tcp.header_slice();
    let header_length = u32::try_from(header.len()).unwrap_or(0);
    Segment {
        source_port: tcp.source_port(),
        destination_port: tcp.destination_port(),
        sequence: tcp.sequence_number(),
        acknowledgment: tcp.ack().then(|| tcp.acknowledgment_number()),
        is_syn: tcp.syn(),
        is_fin: tcp.fin(),
        is_rst: tcp.rst(),
        options: header.get(20..).unwrap_or_default(),
        data_length: length.saturating_sub(header_length),
    }
}

/// The packet within a tunnel's packet.
fn tunnelled<'a>(sliced: &LaxSlicedPacket<'a>) -> Option<LaxSlicedPacket<'a>> {
    if let Some(TransportSlice::Udp(udp)) = &sliced.transport {
        return in_udp(udp);
    }
    let payload = sliced.ip_payload().filter(|payload| !payload.fragmented)?;
    match payload.ip_number.0 {
        IPIP | IPV6_IN_IP => LaxSlicedPacket::from_ip(payload.payload).ok(),
        GRE => in_gre(payload.payload),
        _ => None,
    }
}

fn in_udp<'a>(udp: &UdpSlice<'a>) -> Option<LaxSlicedPacket<'a>> {
    let data = udp.payload();
    let port = udp.destination_port();
    if VXLAN.contains(&port) {
        // RFC 7348 section 5: the flag says that there is a network's number.
        return (data.first()? & 0x08 != 0).then(|| LaxSlicedPacket::from_ethernet(data.get(8..)?).ok()).flatten();
    }
    if port != GENEVE {
        return None;
    }
    // RFC 8926 section 3.4: version, length of the options in words, type.
    let options = usize::from(data.first()? & 0x3f) * 4;
    let inner = data.get(8 + options..)?;
    match u16_at(data, 2)? {
        TRANSPARENT_ETHERNET => LaxSlicedPacket::from_ethernet(inner).ok(),
        ether_type @ (IPV4 | IPV6) => Some(typed(ether_type, inner)),
        _ => None,
    }
}

/// RFC 2784 and 2890: flags say which words are there.
fn in_gre(bytes: &[u8]) -> Option<LaxSlicedPacket<'_>> {
    let flags = u16_at(bytes, 0)?;
    let words = [0x8000, 0x2000, 0x1000].into_iter().filter(|flag| flags & flag != 0).count();
    let inner = bytes.get(4 + words * 4..)?;
    match u16_at(bytes, 2)? {
        _ if flags & 0x0007 != 0 => None,
        TRANSPARENT_ETHERNET => LaxSlicedPacket::from_ethernet(inner).ok(),
        ether_type @ (IPV4 | IPV6) => Some(typed(ether_type, inner)),
        _ => None,
    }
}

/// The two bytes at an offset, in network order.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

/// The four bytes at an offset, in network order.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}
