//! Packets of live interfaces, by libpcap.
//!
//! In: an open namespace and the names of interfaces in it. Out: handles that
//! are read without waiting, and poll(2) says when. Rings are as advised for
//! `TPACKET_V3`: a block is handed over when it is full or [`BLOCK_TIMEOUT`] has
//! passed. Times are nanoseconds. What libpcap says an interface has dropped
//! comes from `/sys` of another namespace, so rtnetlink is asked instead.

mod merge;
mod privilege;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use pcap::{Active, Capture, Direction, Linktype, Precision};

pub use merge::Merge;
pub use privilege::drop_capabilities;

use super::direction::{Direction as PacketDirection, Side};
use super::filter::message_of;
use super::netns::{Interface, Namespace, Socket};
use super::packet::{LinkType, Packet};
use super::sink::{CapturePoint, Statistics};

/// The longest that a packet waits in a block that is not full.
pub const BLOCK_TIMEOUT: Duration = Duration::from_millis(100);

/// The most that is captured of a packet if nothing is said, as tcpdump does.
pub const SNAP_LENGTH: u32 = 262_144;

/// The name of the device that stands for all interfaces.
pub const ANY: &str = "any";

/// How packets are captured.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The most that is captured of a packet, in bytes.
    pub snap_length: u32,
    /// The size of the ring of each interface, in bytes.
    pub ring_bytes: u32,
    /// Which way packets go.
    pub direction: Way,
    /// Whether packets for others are captured too.
    pub is_promiscuous: bool,
    /// Whether each packet is handed over at once, in place of full blocks.
    pub is_immediate: bool,
    /// The filter, as in pcap-filter(7); empty for everything.
    pub filter: String,
}

/// `-Q`: which way packets go, as the interface sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// Both ways.
    #[default]
    Both,
    /// Received by it.
    In,
    /// Sent by it.
    Out,
}

/// Why an interface cannot be captured from.
#[derive(Debug, thiserror::Error)]
pub enum OpenInterface {
    /// There is none of that name.
    #[error("capture on {name}: there is no such interface; there are: {}", there.join(", "))]
    Missing {
        /// The name.
        name: String,
        /// What there is.
        there: Vec<String>,
    },
    /// libpcap refuses.
    #[error("capture on {name}: {message}")]
    Refused {
        /// The interface.
        name: String,
        /// In libpcap's words.
        message: String,
    },
    /// The filter makes no sense there.
    #[error("{0}")]
    Filter(#[from] super::filter::BadFilter),
}

/// An interface that is captured from.
pub struct Live {
    /// Where that is.
    pub point: CapturePoint,
    handle: Capture<Active>,
    socket: Socket,
    /// Its number; none of `any`.
    index: Option<u32>,
    missed_before: u64,
    passed_before: u64,
}

/// What reading gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Nothing is left in the ring.
    Empty,
    /// There may be more.
    More,
    /// There will be no more, with the reason.
    Over(String),
}

/// Opens interfaces of a namespace, on a thread within it.
///
/// # Errors
/// If the namespace cannot be entered, or one of them cannot be opened.
pub fn open(
    namespace: &Namespace,
    points: Vec<(String, CapturePoint)>,
    there: &[Interface],
    settings: &Settings,
) -> Result<Vec<Live>, OpenInterface> {
    let all = points.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    let opened =
        namespace.inside(|| points.into_iter().map(|(name, point)| open_here(&name, point, there, settings)).collect());
    opened.unwrap_or_else(|error| Err(OpenInterface::Refused { name: all, message: error.to_string() }))
}

fn open_here(
    name: &str,
    mut point: CapturePoint,
    there: &[Interface],
    settings: &Settings,
) -> Result<Live, OpenInterface> {
    let interface = there.iter().find(|interface| interface.name == name);
    if interface.is_none() && name != ANY {
        let there = there.iter().map(|interface| interface.name.clone()).collect();
        return Err(OpenInterface::Missing { name: name.to_owned(), there });
    }
    let refused = |message: String| OpenInterface::Refused { name: name.to_owned(), message };
    let fault = |error: pcap::Error| refused(message_of(&error));
    let mut socket = Socket::open().map_err(|error| refused(format!("ask rtnetlink: {error}")))?;
    let bytes = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let handle = Capture::from_device(name)
        .map_err(fault)?
        .snaplen(bytes(settings.snap_length))
        .promisc(settings.is_promiscuous && name != ANY)
        .timeout(i32::try_from(BLOCK_TIMEOUT.as_millis()).unwrap_or(i32::MAX))
        .buffer_size(bytes(settings.ring_bytes))
        .immediate_mode(settings.is_immediate)
        .precision(Precision::Nano)
        .open()
        .map_err(fault)?;
    let mut handle = handle.setnonblock().map_err(fault)?;
    if name == ANY {
        // Version 1 does not say which interface it was.
        let cooked2 = i32::try_from(LinkType::LinuxCooked2.number()).unwrap_or(i32::MAX);
        handle.set_datalink(Linktype(cooked2)).map_err(fault)?;
    }
    match settings.direction {
        Way::Both => {}
        Way::In => handle.direction(Direction::In).map_err(fault)?,
        Way::Out => handle.direction(Direction::Out).map_err(fault)?,
    }
    let link_type = LinkType::from_number(u32::try_from(handle.get_datalink().0).unwrap_or(u32::MAX));
    if !settings.filter.is_empty() {
        // The error of the handle says nothing of the place.
        super::filter::Filter::compile(&settings.filter, link_type)?;
        handle.filter(&settings.filter, true).map_err(fault)?;
        point.filter = Some(settings.filter.clone());
    }
    point.link_type = link_type;
    point.snap_length = settings.snap_length;
    if name == ANY {
        point.interface_names = names(there);
    }
    if let Some(interface) = interface {
        point.hardware_address = interface.hardware_address;
        point.addresses.clone_from(&interface.addresses);
    }
    point.side = side(point.side, interface, settings.direction);
    let index = interface.map(|interface| interface.index);
    let counters = index.and_then(|index| socket.counters(index).ok().flatten()).unwrap_or_default();
    Ok(Live { point, handle, socket, index, missed_before: counters.missed, passed_before: counters.packets })
}

/// What tells the direction of packets; a pair's far end, where it is known,
/// before the interface's own address.
fn side(known: Side, interface: Option<&Interface>, way: Way) -> Side {
    match (way, known, interface) {
        (Way::In, ..) => Side::Always(PacketDirection::In),
        (Way::Out, ..) => Side::Always(PacketDirection::Out),
        (Way::Both, Side::Unknown, Some(interface)) => match interface.hardware_address {
            Some(own) if interface.master.is_some() => Side::Port(own),
            Some(own) => Side::Own(own),
            None => Side::Unknown,
        },
        (Way::Both, known, _) => known,
    }
}

impl Live {
    /// Hands over at most `limit` packets that are in the ring, and does not wait.
    ///
    /// # Errors
    /// If `take` fails.
    pub fn drain(
        &mut self,
        limit: usize,
        mut take: impl FnMut(&CapturePoint, &Packet<'_>) -> io::Result<bool>,
    ) -> io::Result<Drained> {
        for _ in 0..limit {
            match self.handle.next_packet() {
                Ok(packet) => {
                    let packet = Packet {
                        timestamp_ns: nanoseconds(packet.header),
                        carried_s: 0,
                        length: packet.header.len,
                        bytes: packet.data,
                        link_type: self.point.link_type,
                    };
                    if !take(&self.point, &packet)? {
                        return Ok(Drained::More);
                    }
                }
                Err(pcap::Error::TimeoutExpired) => return Ok(Drained::Empty),
                Err(pcap::Error::NoMorePackets) => return Ok(Drained::Over("no more packets".to_owned())),
                Err(error) => return Ok(Drained::Over(message_of(&error))),
            }
        }
        Ok(Drained::More)
    }

    /// What became of the packets up to now, but how many the sinks were given.
    pub fn statistics(&mut self) -> Statistics {
        let told = self.handle.stats().ok();
        let number = |of: fn(&pcap::Stat) -> u32| told.as_ref().map_or(0, |stat| u64::from(of(stat)));
        let counters = self.index.and_then(|index| self.socket.counters(index).ok().flatten());
        Statistics {
            captured: 0,
            received: number(|stat| stat.received),
            dropped_by_kernel: number(|stat| stat.dropped),
            dropped_by_interface: counters.map(|counters| counters.missed.saturating_sub(self.missed_before)),
        }
    }

    /// How many packets have passed the interface, whatever the filter says;
    /// unknown of `any`, and where it is gone.
    pub fn passed(&mut self) -> Option<u64> {
        let counters = self.socket.counters(self.index?).ok()??;
        Some(counters.packets.saturating_sub(self.passed_before))
    }

    /// Reads the names of the interfaces of `any` again, and says whether there
    /// are others now.
    pub fn refresh_names(&mut self) -> bool {
        let Ok(interfaces) = self.socket.interfaces() else { return false };
        let names = names(&interfaces);
        let is_new = names != self.point.interface_names;
        self.point.interface_names = names;
        is_new
    }
}

impl AsFd for Live {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

fn names(interfaces: &[Interface]) -> Vec<(u32, String)> {
    interfaces.iter().map(|interface| (interface.index, interface.name.clone())).collect()
}

/// With [`Precision::Nano`] the microseconds are nanoseconds.
fn nanoseconds(header: &pcap::PacketHeader) -> i64 {
    header.ts.tv_sec.saturating_mul(1_000_000_000).saturating_add(header.ts.tv_usec)
}
