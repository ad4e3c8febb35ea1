//! Which way a packet went, as the interface sees it.
//!
//! libpcap does not say it of Ethernet, so it is told by addresses: an interface
//! sends from its own, and the host's end of a pair receives what the far end
//! sends. Cooked headers say it themselves (packet(7), `sll_pkttype`). Where
//! neither is sure, as of a port of a bridge, nothing is said.

use super::packet::{LinkType, Packet};

/// Which way a packet went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Not known.
    #[default]
    Unknown,
    /// Received by the interface.
    In,
    /// Sent by it.
    Out,
}

/// What the direction of a point's packets is told by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// Only by what packets say themselves.
    #[default]
    Unknown,
    /// All go one way, for only those are captured.
    Always(Direction),
    /// Packets from this address are sent, those to it or to a group received.
    Own([u8; 6]),
    /// A port of a bridge, which also forwards what is from and for others.
    Port([u8; 6]),
    /// The interface at the other end of the wire has this address.
    Far([u8; 6]),
}

/// `sll_pkttype` of what this machine sent.
const OUTGOING: u16 = 4;

impl Side {
    /// Which way a packet went.
    pub fn direction(self, packet: &Packet<'_>) -> Direction {
        let bytes = packet.bytes;
        let kind = match packet.link_type {
            LinkType::LinuxCooked => bytes.first_chunk().map(|kind| u16::from_be_bytes(*kind)),
            LinkType::LinuxCooked2 => bytes.get(10).map(|kind| u16::from(*kind)),
            _ => None,
        };
        match (self, kind, bytes.first_chunk::<6>(), bytes.get(6..12)) {
            (Side::Always(way), ..) => way,
            (_, Some(OUTGOING), ..) => Direction::Out,
            (_, Some(0..OUTGOING), ..) => Direction::In,
            (_, None, Some(to), Some(from)) if packet.link_type == LinkType::Ethernet => self.by_address(*to, from),
            _ => Direction::Unknown,
        }
    }

    fn by_address(self, to: [u8; 6], from: &[u8]) -> Direction {
        // The bit of groups, IEEE 802: broadcast has it too.
        let is_for_group = to[0] & 1 == 1;
        match self {
            // A loopback device has no address, and sends to itself.
            Side::Own(own) | Side::Port(own) | Side::Far(own) if own == [0; 6] => Direction::Unknown,
            Side::Own(own) | Side::Port(own) if from == own => Direction::Out,
            Side::Own(own) | Side::Port(own) if to == own => Direction::In,
            Side::Own(_) if is_for_group => Direction::In,
            Side::Far(far) if from == far => Direction::In,
            Side::Far(far) if to == far || is_for_group => Direction::Out,
            _ => Direction::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: [u8; 6] = [2, 0, 0, 0, 0, 1];
    const GATEWAY: [u8; 6] = [2, 0, 0, 0, 0, 2];
    const ALL: [u8; 6] = [0xff; 6];

    fn ethernet(side: Side, from: [u8; 6], to: [u8; 6]) -> Direction {
        let bytes = [to, from].concat();
        side.direction(&Packet {
            timestamp_ns: 0,
            carried_s: 0,
            length: 60,
            bytes: &bytes,
            link_type: LinkType::Ethernet,
        })
    }

    #[test]
    fn an_interface_sends_from_its_own_address() {
        let own = Side::Own(POD);
        assert_eq!(ethernet(own, POD, GATEWAY), Direction::Out);
        assert_eq!(ethernet(own, POD, ALL), Direction::Out);
        assert_eq!(ethernet(own, GATEWAY, POD), Direction::In);
        assert_eq!(ethernet(own, GATEWAY, ALL), Direction::In);
        assert_eq!(ethernet(own, GATEWAY, GATEWAY), Direction::Unknown, "promiscuous");
        assert_eq!(ethernet(Side::Port(POD), GATEWAY, ALL), Direction::Unknown, "a bridge forwards it either way");
    }

    #[test]
    fn the_end_on_the_host_receives_what_the_pod_sends() {
        let far = Side::Far(POD);
        assert_eq!(ethernet(far, POD, GATEWAY), Direction::In);
        assert_eq!(ethernet(far, GATEWAY, POD), Direction::Out);
        assert_eq!(ethernet(far, GATEWAY, ALL), Direction::Out);
        assert_eq!(ethernet(Side::Own([0; 6]), [0; 6], [0; 6]), Direction::Unknown, "loopback");
    }

    #[test]
    fn cooked_headers_say_it_and_short_packets_say_nothing() {
        let cooked = |link_type, bytes: &[u8]| {
            Side::Unknown.direction(&Packet { timestamp_ns: 0, carried_s: 0, length: 60, bytes, link_type })
        };
        assert_eq!(cooked(LinkType::LinuxCooked, &[0, 4]), Direction::Out);
        assert_eq!(cooked(LinkType::LinuxCooked, &[0, 1]), Direction::In);
        assert_eq!(cooked(LinkType::LinuxCooked2, &[8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 4]), Direction::Out);
        assert_eq!(cooked(LinkType::LinuxCooked, &[0, 9]), Direction::Unknown);
        for link_type in [LinkType::LinuxCooked, LinkType::LinuxCooked2, LinkType::Ethernet, LinkType::RawIp] {
            assert_eq!(cooked(link_type, &[]), Direction::Unknown);
        }
    }
}
