//! TCP, RFC 9293, with numbers relative to the start of each conversation.

use std::collections::HashMap;

use super::bytes::{Printed, Truncated, rest, slice_at, u8_at, u16_at, u32_at, up_to};
use super::demux::{self, Payload};
use super::{IpHeader, Printer, bgp, dns, ip4, ip6, resp, tcp_option, text_protocol, udp};

const HEADER: usize = 20;
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;
const URG: u8 = 0x20;

/// Flags by rising bit, as they are printed.
const FLAGS: [(u8, u8); 8] =
    [(FIN, b'F'), (SYN, b'S'), (RST, b'R'), (0x08, b'P'), (ACK, b'.'), (URG, b'U'), (0x40, b'E'), (0x80, b'W')];

/// How many conversations are remembered; beyond it, all are forgotten and
/// numbers start absolute again.
const MAX_CONVERSATIONS: usize = 1 << 18;

/// First numbers of each conversation, by its ends in a fixed order.
#[derive(Debug, Default)]
pub(super) struct Conversations {
    known: HashMap<Ends, Base, std::hash::BuildHasherDefault<Fnv>>,
}

/// Two ends: addresses and ports, the end with the lower port first.
type Ends = ([u8; 16], [u8; 16], u32);

/// The numbers that each end's numbers are relative to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Base {
    sequence: u32,
    acknowledgment: u32,
}

/// FNV-1a: short keys, many look-ups, and a bounded table.
#[derive(Debug)]
pub(super) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl std::hash::Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            self.0 = (self.0 ^ u64::from_le_bytes(word)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
        }
    }
}

/// One segment's numbers, as they are printed.
struct Numbers {
    sequence: u32,
    acknowledgment: u32,
    /// What selective acknowledgments are relative to.
    sack_base: u32,
}

/// `a.p > b.q: `, or the ports alone where another header stands between.
pub(super) fn ends(printer: &mut Printer, header: IpHeader<'_>, protocol: u8, ports: Option<(u16, u16)>) -> Printed {
    let is_direct = match header {
        IpHeader::V4(bytes) => u8_at(bytes, 9)? == protocol,
        IpHeader::V6(bytes) => ip6::next_header(bytes)? == protocol,
    };
    let Some((source, destination)) = ports else {
        match header {
            IpHeader::V4(bytes) => ip4::addresses(printer, bytes)?,
            IpHeader::V6(bytes) => ip6::addresses(printer, bytes)?,
        }
        return Ok(());
    };
    if is_direct {
        match header {
            IpHeader::V4(bytes) => printer.out.ipv4(ip4::source(bytes)?),
            IpHeader::V6(bytes) => printer.out.ipv6(ip6::source(bytes)?),
        }
        printer.out.byte(b'.');
    }
    printer.out.number(source);
    printer.out.text(" > ");
    if is_direct {
        match header {
            IpHeader::V4(bytes) => printer.out.ipv4(ip4::destination(bytes)?),
            IpHeader::V6(bytes) => printer.out.ipv6(ip6::destination(bytes)?),
        }
        printer.out.byte(b'.');
    }
    printer.out.number(destination);
    printer.out.text(": ");
    Ok(())
}

/// A segment.
pub(super) fn print(printer: &mut Printer, payload: &Payload<'_>) -> Printed {
    printer.protocol = "tcp";
    let (bytes, length) = (payload.bytes, payload.length);
    let Ok(destination) = u16_at(bytes, 2) else {
        ends(printer, payload.header, demux::TCP, None)?;
        printer.out.byte(b':');
        return Err(Truncated);
    };
    let source = u16_at(bytes, 0)?;
    ends(printer, payload.header, demux::TCP, Some((source, destination)))?;
    slice_at(bytes, 0, HEADER)?;
    let header_length = usize::from(u8_at(bytes, 12)? >> 4) * 4;
    if header_length < HEADER {
        printer.out.text(" tcp ");
        difference(printer, length, header_length);
        printer.out.text(" [bad hdr length ");
        printer.out.length(header_length);
        printer.out.text(" - too short, < 20]");
        return Ok(());
    }
    if printer.options.quick {
        printer.out.text("tcp ");
        difference(printer, length, header_length);
        if header_length > length {
            too_long(printer, header_length, length);
        }
        return Ok(());
    }
    let flags = u8_at(bytes, 13)?;
    print_flags(printer, flags);
    let numbers = numbers(printer, payload, (source, destination), flags)?;
    if header_length > length {
        too_long(printer, header_length, length);
        return Ok(());
    }
    if printer.options.verbose > 0 && !printer.options.skip_checksums && !payload.is_fragment && bytes.len() >= length {
        print_checksum(printer, payload)?;
    }
    let data_length = length - header_length;
    if printer.options.verbose > 1 || data_length > 0 || flags & (SYN | FIN | RST) != 0 {
        printer.out.text(", seq ");
        printer.out.number(numbers.sequence);
        if data_length > 0 {
            printer.out.byte(b':');
            let data = u32::try_from(data_length).unwrap_or(u32::MAX);
            printer.out.number(numbers.sequence.wrapping_add(data));
        }
    }
    if flags & ACK != 0 {
        printer.out.text(", ack ");
        printer.out.number(numbers.acknowledgment);
    }
    printer.out.text(", win ");
    printer.out.number(u16_at(bytes, 14)?);
    if flags & URG != 0 {
        printer.out.text(", urg ");
        printer.out.number(u16_at(bytes, 18)?);
    }
    if header_length > HEADER {
        printer.out.text(", options [");
        if !tcp_option::print(
            printer,
            up_to(rest(bytes, HEADER), header_length - HEADER),
            header_length - HEADER,
            tcp_option::Segment { flags, sack_base: numbers.sack_base, is_complete: bytes.len() >= length },
        )? {
            return Ok(());
        }
        printer.out.byte(b']');
    }
    printer.out.text(", length ");
    printer.out.length(data_length);
    if data_length == 0 {
        return Ok(());
    }
    if bytes.len() < header_length {
        printer.header_cut(bytes.len(), header_length);
        return Err(Truncated);
    }
    let data = up_to(rest(bytes, header_length), data_length);
    if flags & RST != 0 && printer.options.verbose > 0 {
        print_reset_text(printer, data, data_length);
        return Ok(());
    }
    print_data(printer, (source, destination), data, data_length)
}

fn difference(printer: &mut Printer, length: usize, less: usize) {
    // tcpdump counts in 32 bits without a sign.
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    let less = u32::try_from(less).unwrap_or(u32::MAX);
    printer.out.number(length.wrapping_sub(less));
}

fn too_long(printer: &mut Printer, header_length: usize, length: usize) {
    printer.out.text(" [bad hdr length ");
    printer.out.length(header_length);
    printer.out.text(" - too long, > ");
    printer.out.length(length);
    printer.out.byte(b']');
}

fn print_flags(printer: &mut Printer, flags: u8) {
    printer.out.text("Flags [");
    if flags == 0 {
        printer.out.text("none");
    }
    for (bit, letter) in FLAGS {
        if flags & bit != 0 {
            printer.out.byte(letter);
        }
    }
    printer.out.byte(b']');
}

/// The numbers to print: relative once the conversation is known, which any
/// segment with an acknowledgment begins, and each SYN begins anew.
fn numbers(
    printer: &mut Printer,
    payload: &Payload<'_>,
    (source, destination): (u16, u16),
    flags: u8,
) -> Result<Numbers, Truncated> {
    let (sequence, acknowledgment) = (u32_at(payload.bytes, 4)?, u32_at(payload.bytes, 8)?);
    if printer.options.absolute_sequence || flags & ACK == 0 {
        return Ok(Numbers { sequence, acknowledgment, sack_base: 0 });
    }
    let (from, to) = match payload.header {
        IpHeader::V4(header) => (widen(ip4::source(header)?), widen(ip4::destination(header)?)),
        IpHeader::V6(header) => (ip6::source(header)?, ip6::destination(header)?),
    };
    let is_reverse = source > destination || (source == destination && from > to);
    let key = if is_reverse {
        (to, from, u32::from(destination) << 16 | u32::from(source))
    } else {
        (from, to, u32::from(source) << 16 | u32::from(destination))
    };
    let known = &mut printer.conversations.known;
    let is_new = !known.contains_key(&key);
    if is_new && known.len() >= MAX_CONVERSATIONS {
        known.clear();
    }
    let base = known.entry(key).or_default();
    if is_new || flags & SYN != 0 {
        let before = acknowledgment.wrapping_sub(1);
        *base = if is_reverse {
            Base { sequence: before, acknowledgment: sequence }
        } else {
            Base { sequence, acknowledgment: before }
        };
        let sack_base = if is_reverse { base.sequence } else { base.acknowledgment };
        return Ok(Numbers { sequence, acknowledgment, sack_base });
    }
    let (own, other) =
        if is_reverse { (base.acknowledgment, base.sequence) } else { (base.sequence, base.acknowledgment) };
    Ok(Numbers {
        sequence: sequence.wrapping_sub(own),
        acknowledgment: acknowledgment.wrapping_sub(other),
        sack_base: other,
    })
}

fn widen(address: [u8; 4]) -> [u8; 16] {
    let [a, b, c, d] = address;
    [0xff, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

fn print_checksum(printer: &mut Printer, payload: &Payload<'_>) -> Printed {
    let found = u16_at(payload.bytes, 16)?;
    let sum = udp::transport_checksum(payload, demux::TCP, payload.length)?;
    printer.out.text(", cksum 0x");
    printer.out.hex(found, 4);
    if sum == 0 {
        printer.out.text(" (correct)");
    } else {
        printer.out.text(" (incorrect -> 0x");
        printer.out.hex(super::bytes::checksum_should_be(found, sum), 4);
        printer.out.byte(b')');
    }
    Ok(())
}

/// A reset may say why in words, RFC 9293 section 3.5.3.
fn print_reset_text(printer: &mut Printer, data: &[u8], length: usize) {
    const SHOWN: usize = 30;
    printer.out.text(if data.len() < length { " [!RST" } else { " [RST" });
    printer.out.text(if length > SHOWN { "+ " } else { " " });
    printer.out.visible(up_to(data, SHOWN));
    printer.out.byte(b']');
}

fn print_data(printer: &mut Printer, (source, destination): (u16, u16), data: &[u8], length: usize) -> Printed {
    let is_port = |port: u16| source == port || destination == port;
    if is_port(53) {
        return dns::print(printer, data, length, dns::Carrier::Tcp);
    }
    if is_port(bgp::PORT) {
        return bgp::print(printer, data);
    }
    if is_port(resp::PORT) {
        return resp::print(printer, data, length);
    }
    if is_port(22) {
        return text_protocol::print_ssh(printer, data, length);
    }
    if let Some(protocol) = text_protocol::of_port(source, destination) {
        printer.out.text(": ");
        text_protocol::print(printer, protocol, data, length)?;
    }
    Ok(())
}
