//! rtnetlink(7): interfaces, addresses, the default route, and the numbers that
//! a namespace has for others. Only questions are asked; nothing is changed.
//!
//! A socket stays in the namespace of the thread that opened it, also when it
//! is used by another one later.

use std::io::{self, Error};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkInfo, LinkMessage};
use netlink_packet_route::nsid::{NsidAttribute, NsidMessage};
use netlink_packet_route::route::{RouteAttribute, RouteHeader, RouteMessage};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, setsockopt, socket,
    sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use super::Interface;
use super::interface::Counters;

/// Longer than any message of the kernel, which fills pages of 32 KiB.
const BUFFER: usize = 128 << 10;

/// The longest that an answer is waited for, in seconds; the kernel's come at once.
const LONGEST_WAIT_S: i64 = 5;

/// A namespace has fewer interfaces, addresses and routes together.
const MAX_MESSAGES: usize = 4 << 20;

/// A socket to ask the kernel.
#[derive(Debug)]
pub struct Socket {
    descriptor: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Socket {
    /// Opens a socket in the calling thread's namespace.
    ///
    /// # Errors
    /// If the kernel gives none.
    pub fn open() -> io::Result<Self> {
        let protocol = SockProtocol::NetlinkRoute;
        let descriptor = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
        bind(descriptor.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
        setsockopt(&descriptor, sockopt::ReceiveTimeout, &TimeVal::seconds(LONGEST_WAIT_S))?;
        Ok(Socket { descriptor, sequence: 0, buffer: vec![0; BUFFER] })
    }

    /// All interfaces, by their number.
    ///
    /// # Errors
    /// If the kernel does not answer.
    pub fn interfaces(&mut self) -> io::Result<Vec<Interface>> {
        let mut interfaces = Vec::new();
        self.ask(RouteNetlinkMessage::GetLink(LinkMessage::default()), true, |answer| {
            if let RouteNetlinkMessage::NewLink(link) = answer {
                interfaces.push(interface(link));
            }
        })?;
        interfaces.sort_by_key(|interface: &Interface| interface.index);
        self.ask(RouteNetlinkMessage::GetAddress(AddressMessage::default()), true, |answer| {
            if let RouteNetlinkMessage::NewAddress(address) = answer
                && let Some(network) = network(&address)
                && let Some(of) = interfaces.iter_mut().find(|interface| interface.index == address.header.index)
            {
                of.addresses.push(network);
            }
        })?;
        Ok(interfaces)
    }

    /// What an interface has counted; none where it is gone.
    ///
    /// # Errors
    /// If the kernel does not answer.
    pub fn counters(&mut self, index: u32) -> io::Result<Option<Counters>> {
        let mut counters = None;
        let mut request = LinkMessage::default();
        request.header.index = index;
        let asked = self.ask(RouteNetlinkMessage::GetLink(request), false, |answer| {
            if let RouteNetlinkMessage::NewLink(link) = answer {
                counters = Some(interface(link).counters);
            }
        });
        match asked {
            Err(error) if error.raw_os_error() == Some(nix::libc::ENODEV) => Ok(None),
            asked => asked.map(|()| counters),
        }
    }

    /// The device of the default route with the least metric, of IPv4 if it has one.
    ///
    /// # Errors
    /// If the kernel does not answer.
    pub fn default_device(&mut self) -> io::Result<Option<u32>> {
        let mut best: Option<((bool, u32), u32)> = None;
        self.ask(RouteNetlinkMessage::GetRoute(RouteMessage::default()), true, |answer| {
            if let RouteNetlinkMessage::NewRoute(route) = answer
                && let Some((rank, device)) = default_route(&route)
                && best.is_none_or(|(known, _)| rank < known)
            {
                best = Some((rank, device));
            }
        })?;
        Ok(best.map(|(_, device)| device))
    }

    /// The number that this socket's namespace has for another one; none where
    /// it has none.
    ///
    /// # Errors
    /// If the kernel does not answer.
    pub fn id_of(&mut self, namespace: impl AsFd) -> io::Result<Option<i32>> {
        let descriptor = u32::try_from(namespace.as_fd().as_raw_fd()).map_err(Error::other)?;
        let mut request = NsidMessage::default();
        request.attributes.push(NsidAttribute::Fd(descriptor));
        let mut id = None;
        self.ask(RouteNetlinkMessage::GetNsId(request), false, |answer| {
            if let RouteNetlinkMessage::NewNsId(answer) = answer {
                id = answer.attributes.iter().find_map(|attribute| match attribute {
                    NsidAttribute::Id(id) if *id >= 0 => Some(*id),
                    _ => None,
                });
            }
        })?;
        Ok(id)
    }

    /// Asks, and hands every part of the answer on.
    fn ask(
        &mut self,
        request: RouteNetlinkMessage,
        is_dump: bool,
        mut take: impl FnMut(RouteNetlinkMessage),
    ) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut message = NetlinkMessage::from(request);
        message.header.flags = if is_dump { NLM_F_REQUEST | NLM_F_DUMP } else { NLM_F_REQUEST };
        message.header.sequence_number = self.sequence;
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        send(self.descriptor.as_raw_fd(), &bytes, MsgFlags::empty())?;
        for _ in 0..MAX_MESSAGES {
            let received = recv(self.descriptor.as_raw_fd(), &mut self.buffer, MsgFlags::empty())?;
            let mut rest = self.buffer.get(..received).unwrap_or_default();
            while !rest.is_empty() {
                let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest).map_err(Error::other)?;
                let length = usize::try_from(message.header.length).map_err(Error::other)?;
                // Messages are padded to four bytes; a length of nothing would never end.
                rest = rest.get(length.max(16).next_multiple_of(4)..).unwrap_or_default();
                if message.header.sequence_number != self.sequence {
                    continue;
                }
                match message.payload {
                    NetlinkPayload::Done(_) => return Ok(()),
                    NetlinkPayload::Error(error) => return error.code.map_or(Ok(()), |_| Err(error.to_io())),
                    NetlinkPayload::InnerMessage(answer) => take(answer),
                    _ => {}
                }
                if !is_dump {
                    return Ok(());
                }
            }
        }
        Err(Error::other("rtnetlink answers without end"))
    }
}

fn interface(message: LinkMessage) -> Interface {
    let flags = message.header.flags;
    let mut interface = Interface {
        index: message.header.index,
        is_up: flags.contains(LinkFlags::Up),
        is_loopback: flags.contains(LinkFlags::Loopback),
        ..Interface::default()
    };
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => interface.name = name,
            LinkAttribute::Mtu(mtu) => interface.mtu = mtu,
            LinkAttribute::Address(address) => interface.hardware_address = address.try_into().ok(),
            // Zero is nothing: a tunnel without a device beneath it.
            LinkAttribute::Link(link) => interface.link = (link > 0).then_some(link),
            LinkAttribute::LinkNetNsId(id) => interface.link_namespace = Some(id),
            LinkAttribute::Controller(master) => interface.master = Some(master),
            LinkAttribute::LinkInfo(parts) => {
                interface.kind = parts.iter().find_map(|part| match part {
                    LinkInfo::Kind(kind) => Some(kind.to_string()),
                    _ => None,
                });
            }
            LinkAttribute::Stats64(stats) => {
                interface.counters = Counters {
                    packets: stats.rx_packets.wrapping_add(stats.tx_packets),
                    missed: stats.rx_missed_errors.wrapping_add(stats.rx_fifo_errors),
                };
            }
            _ => {}
        }
    }
    interface
}

fn network(message: &AddressMessage) -> Option<IpNet> {
    let local = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    let address = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Address(address) => Some(*address),
        _ => None,
    });
    // Of a point-to-point device, the address is the other end's.
    IpNet::new(local.or(address)?, message.header.prefix_len).ok()
}

/// The device of a default route of the main table; IPv4 is before IPv6, then
/// the least metric.
fn default_route(message: &RouteMessage) -> Option<((bool, u32), u32)> {
    let header = &message.header;
    if header.destination_prefix_length != 0 || header.table != RouteHeader::RT_TABLE_MAIN {
        return None;
    }
    let is_ipv6 = header.address_family == netlink_packet_route::AddressFamily::Inet6;
    let mut metric = 0;
    let mut device = None;
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Priority(priority) => metric = *priority,
            RouteAttribute::Oif(index) => device = Some(*index),
            RouteAttribute::MultiPath(hops) => device = device.or(hops.first().map(|hop| hop.interface_index)),
            _ => {}
        }
    }
    device.map(|device| ((is_ipv6, metric), device))
}
