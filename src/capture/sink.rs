//! What takes packets: a printer, a writer of files, an analysis.
//!
//! Whoever captures or reads hands each packet, in the order of time, to every
//! sink, with the point that it passed, and at the end what was lost.

use std::io;

use ipnet::IpNet;

use super::direction::Side;
use super::packet::{LinkType, Packet};

/// Where packets were captured: an interface in a network namespace, or an
/// interface of a capture file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturePoint {
    /// Which one of the run it is, from zero.
    pub number: usize,
    /// What it is called in lines and files, such as `default/web-0:eth0`.
    pub name: Option<String>,
    /// What it is called in lines; none where there is only one point, so that
    /// lines are those of tcpdump.
    pub label: Option<String>,
    /// What it is, in words.
    pub description: Option<String>,
    /// Framing of its packets.
    pub link_type: LinkType,
    /// How much of each packet was captured at most; 0 where there was no limit.
    pub snap_length: u32,
    /// The filter that its packets passed.
    pub filter: Option<String>,
    /// Address of the interface.
    pub hardware_address: Option<[u8; 6]>,
    /// Its IP addresses.
    pub addresses: Vec<IpNet>,
    /// The pod, by namespace and name.
    pub pod: Option<(String, String)>,
    /// Where it stands on the way of a packet.
    pub hop: Hop,
    /// What tells which way its packets went.
    pub side: Side,
    /// Of `any`: the interfaces by their numbers, which packets bear.
    pub interface_names: Vec<(u32, String)>,
}

/// Where a point stands on the way of a packet out of a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hop {
    /// Nothing is known of a way, or it is not part of one.
    #[default]
    None,
    /// An interface within the namespace that is looked at.
    Inside,
    /// The host's end of it.
    HostSide,
    /// A device that the node leaves by.
    Uplink,
}

impl Hop {
    const WORDS: [(Hop, &str); 3] = [(Hop::Inside, "inside"), (Hop::HostSide, "host side"), (Hop::Uplink, "uplink")];

    /// In the words that capture files have for it.
    pub fn words(self) -> Option<&'static str> {
        Hop::WORDS.iter().find(|(hop, _)| *hop == self).map(|(_, words)| *words)
    }

    /// The one that such words mean.
    pub fn of_words(text: &str) -> Self {
        Hop::WORDS.iter().find(|(_, words)| *words == text).map_or(Hop::None, |(hop, _)| *hop)
    }
}

impl CapturePoint {
    /// A point of which only the framing is known.
    pub fn new(number: usize, link_type: LinkType, snap_length: u32) -> Self {
        CapturePoint {
            number,
            name: None,
            label: None,
            description: None,
            link_type,
            snap_length,
            filter: None,
            hardware_address: None,
            addresses: Vec::new(),
            pod: None,
            hop: Hop::None,
            side: Side::Unknown,
            interface_names: Vec::new(),
        }
    }
}

/// What became of the packets of a point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Handed to the sinks.
    pub captured: u64,
    /// Passed the filter, whether or not there was room for them.
    pub received: u64,
    /// Passed the filter, and found no room in the ring.
    pub dropped_by_kernel: u64,
    /// Dropped by the interface before anybody could see them; unknown where
    /// the kernel does not tell, as of a file.
    pub dropped_by_interface: Option<u64>,
}

/// Whether a sink takes more packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Wants {
    /// It does.
    More,
    /// It has all that it was to take, and the capture ends.
    NoMore,
}

/// Takes packets.
pub trait Sink {
    /// Learns of a point before its packets come.
    ///
    /// # Errors
    /// As for a packet.
    fn begin(&mut self, _point: &CapturePoint) -> io::Result<()> {
        Ok(())
    }

    /// Takes the next packet.
    ///
    /// # Errors
    /// If what the packet is written to fails.
    fn packet(&mut self, point: &CapturePoint, packet: &Packet<'_>) -> io::Result<Wants>;

    /// Shows what was held back: no packet waits to be taken.
    ///
    /// # Errors
    /// As for a packet.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Notes what became of the packets up to now, from time to time.
    ///
    /// # Errors
    /// As for a packet.
    fn progress(&mut self, _statistics: &[(CapturePoint, Statistics)]) -> io::Result<()> {
        Ok(())
    }

    /// Says that there were more packets, which were not handed over.
    fn cut_short(&mut self) {}

    /// Ends: after it there are no packets.
    ///
    /// # Errors
    /// As for a packet.
    fn finish(&mut self, statistics: &[(CapturePoint, Statistics)]) -> io::Result<()>;
}
