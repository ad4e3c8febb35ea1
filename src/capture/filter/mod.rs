//! Filters as everyone knows them, pcap-filter(7).
//!
//! libpcap compiles the expression for the framing of the packets; what was
//! compiled runs here, over packets from any file. A bad expression is an
//! error that says where in it the fault is, which libpcap does not.

mod fault;
mod program;

use pcap::{Capture, Linktype};

pub use fault::BadFilter;
use program::Instruction;

use super::packet::{LinkType, Packet};

/// A compiled filter for packets of one framing.
#[derive(Clone, Debug)]
pub struct Filter {
    program: Vec<Instruction>,
}

impl Filter {
    /// Compiles an expression.
    ///
    /// # Errors
    /// If the expression is none, or makes no sense for such packets.
    pub fn compile(expression: &str, link_type: LinkType) -> Result<Self, BadFilter> {
        let compiled = compile(expression, link_type)
            .map_err(|message| fault::locate(expression, message, |part| compile(part, link_type).map(|_| ())))?;
        Ok(Filter { program: compiled })
    }

    /// Whether a packet passes.
    pub fn passes(&self, packet: &Packet<'_>) -> bool {
        program::passes(&self.program, packet.bytes, packet.length)
    }
}

/// The data link type of a handle. It has numbers of its own for some framings
/// (<https://www.tcpdump.org/linktypes.html>): on Linux, raw IP is 12.
fn data_link_type(link_type: LinkType) -> Linktype {
    match link_type {
        LinkType::RawIp => Linktype(12),
        other => Linktype(i32::try_from(other.number()).unwrap_or(i32::MAX)),
    }
}

fn compile(expression: &str, link_type: LinkType) -> Result<Vec<Instruction>, String> {
    let handle = Capture::dead(data_link_type(link_type)).map_err(|error| message_of(&error))?;
    let compiled = handle.compile(expression, true).map_err(|error| message_of(&error))?;
    let parse = |text: String| Instruction::parse(&text).ok_or_else(|| format!("compiled to an unknown step: {text}"));
    compiled.get_instructions().iter().map(|instruction| parse(instruction.to_string())).collect()
}

/// What libpcap says, without the crate's own words around it.
pub(super) fn message_of(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(message) => message.clone(),
        pcap::Error::InvalidString => "a filter holds no NUL byte".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(bytes: &[u8], link_type: LinkType) -> Packet<'_> {
        Packet { timestamp_ns: 0, carried_s: 0, length: u32::try_from(bytes.len()).unwrap(), bytes, link_type }
    }

    /// UDP from 10.0.0.1:5000 to 10.0.0.2:53, without a link header.
    const UDP: [u8; 28] =
        [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x13, 0x88, 0, 53, 0, 8, 0, 0];

    #[test]
    fn a_filter_chooses_by_the_framing() {
        let ethernet: Vec<u8> = [&[0; 12][..], &[8, 0], &UDP].concat();
        for (bytes, link_type) in [(&UDP[..], LinkType::RawIp), (&UDP, LinkType::Ipv4), (&ethernet, LinkType::Ethernet)]
        {
            let passes =
                |expression: &str| Filter::compile(expression, link_type).unwrap().passes(&packet(bytes, link_type));
            assert!(passes(""));
            assert!(passes("udp port 53 and src host 10.0.0.1"), "{link_type:?}");
            assert!(passes("ip[8] = 64"), "{link_type:?}");
            assert!(!passes("tcp or udp dst port 54"), "{link_type:?}");
        }
    }

    #[test]
    fn a_bad_filter_says_where() {
        let bad = |expression: &str| Filter::compile(expression, LinkType::Ethernet).unwrap_err();
        assert_eq!(bad("tcp prot 80").place, 4..8);
        assert_eq!(bad("tcp prot 80").message, "syntax error");
    }
}
