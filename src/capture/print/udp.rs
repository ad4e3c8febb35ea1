//! UDP, RFC 768, and which port leads to which printer.

use super::bytes::{Printed, Truncated, checksum, rest, u16_at, up_to};
use super::demux::{self, Payload};
use super::{IpHeader, Printer, bfd, dhcp, dns, ip4, ip6, line_protocol, mpls, ntp, routing, tcp, tunnel, vrrp};

const HEADER: usize = 8;
const DNS: u16 = 53;
const MULTICAST_DNS: u16 = 5353;
const DHCP: [u16; 2] = [67, 68];
/// Linux's old default, which flannel and Cilium keep; tcpdump before 5.0
/// takes it for OTV.
const VXLAN: [u16; 2] = [4789, 8472];
const GENEVE: u16 = 6081;

/// A datagram.
pub(super) fn print(printer: &mut Printer, payload: &Payload<'_>) -> Printed {
    printer.protocol = "udp";
    let (bytes, mut length) = (payload.bytes, payload.length);
    let Ok(destination) = u16_at(bytes, 2) else {
        tcp::ends(printer, payload.header, demux::UDP, None)?;
        printer.out.text(": ");
        return Err(Truncated);
    };
    let source = u16_at(bytes, 0)?;
    tcp::ends(printer, payload.header, demux::UDP, Some((source, destination)))?;
    if length < HEADER {
        printer.out.text("truncated-udp ");
        printer.out.length(length);
        return Ok(());
    }
    let mut claimed = usize::from(u16_at(bytes, 4)?);
    if claimed == 0 && length > 65_535 {
        claimed = length;
    }
    if claimed < HEADER {
        printer.out.text("truncated-udplength ");
        printer.out.length(claimed);
        return Ok(());
    }
    claimed -= HEADER;
    length = (length - HEADER).min(claimed);
    if bytes.len() < HEADER {
        return Err(Truncated);
    }
    let data = rest(bytes, HEADER);
    if printer.options.verbose > 0 && !printer.options.skip_checksums && !payload.is_fragment {
        print_checksum(printer, payload, data.len() >= length, length + HEADER)?;
    }
    if printer.options.quick || !print_known(printer, payload.header, (source, destination), data, length)? {
        print_length(printer, payload, claimed, length);
    }
    Ok(())
}

/// Prints what a port is known for, in the order in which tcpdump tries them;
/// false where it is known for nothing.
fn print_known(
    printer: &mut Printer,
    header: IpHeader<'_>,
    (source, destination): (u16, u16),
    data: &[u8],
    length: usize,
) -> Result<bool, Truncated> {
    let is_port = |port: u16| source == port || destination == port;
    if is_port(DNS) {
        dns::print(printer, data, length, dns::Carrier::Udp)
    } else if is_port(MULTICAST_DNS) {
        dns::print(printer, data, length, dns::Carrier::Multicast)
    } else if is_port(line_protocol::TFTP_PORT) {
        line_protocol::tftp(printer, data, length)
    } else if DHCP.into_iter().any(is_port) {
        dhcp::print(printer, data, length)
    } else if is_port(routing::RIP_PORT) {
        routing::rip(printer, data, length)
    } else if is_port(500) {
        routing::ike(printer, data, header)
    } else if is_port(routing::IKE_TRANSLATED_PORT) {
        routing::ike_translated(printer, data, length, header)
    } else if routing::IKE_PORTS.into_iter().any(is_port) {
        routing::ike(printer, data, header)
    } else if is_port(ntp::PORT) {
        ntp::print(printer, data, length)
    } else if routing::DHCP6_PORTS.into_iter().any(is_port) {
        routing::dhcp6(printer, data)
    } else if routing::RADIUS_PORTS.into_iter().any(is_port) {
        routing::radius(printer, data, length)
    } else if destination == vrrp::STANDBY_PORT {
        vrrp::standby(printer, data, length)
    } else if bfd::is_port(destination) {
        bfd::print(printer, data, length, destination)
    } else if is_port(line_protocol::SYSLOG_PORT) {
        line_protocol::syslog(printer, data, length)
    } else if VXLAN.into_iter().any(is_port) {
        tunnel::vxlan(printer, up_to(data, length), length)
    } else if is_port(GENEVE) {
        tunnel::geneve(printer, up_to(data, length), length)
    } else if is_port(tunnel::VXLAN_GPE_PORT) {
        tunnel::vxlan_gpe(printer, data, length)
    } else if is_port(mpls::PORT) {
        mpls::print(printer, data, length)
    } else {
        return Ok(false);
    }
    .map(|()| true)
}

fn print_length(printer: &mut Printer, payload: &Payload<'_>, claimed: usize, length: usize) {
    if claimed > length && !payload.is_fragment {
        printer.out.text("UDP, bad length ");
        printer.out.length(claimed);
        printer.out.text(" > ");
        printer.out.length(length);
    } else {
        printer.out.text("UDP, length ");
        printer.out.length(claimed);
    }
}

/// Checksums are told from `-vv` on for IPv4, and from `-v` on for IPv6,
/// which needs them.
fn print_checksum(printer: &mut Printer, payload: &Payload<'_>, is_complete: bool, covered: usize) -> Printed {
    let found = u16_at(payload.bytes, 6)?;
    match payload.header {
        IpHeader::V4(_) if printer.options.verbose < 2 => return Ok(()),
        IpHeader::V4(_) if found == 0 => {
            printer.out.text("[no cksum] ");
            return Ok(());
        }
        _ => {}
    }
    if !is_complete {
        return Ok(());
    }
    let sum = transport_checksum(payload, demux::UDP, covered)?;
    printer.checksum_verdict("[udp sum ok] ", "[bad udp cksum 0x", found, sum);
    Ok(())
}

/// The checksum over the pseudo-header and `covered` bytes of a payload.
pub(super) fn transport_checksum(payload: &Payload<'_>, protocol: u8, covered: usize) -> Result<u16, Truncated> {
    let data = up_to(payload.bytes, covered);
    let length = u32::try_from(covered).map_err(|_| Truncated)?;
    Ok(match payload.header {
        IpHeader::V4(header) => {
            let [high, low] = u16::try_from(length & 0xffff).unwrap_or(0).to_be_bytes();
            let pseudo = [0, protocol, high, low];
            checksum(&[&ip4::source(header)?, &ip4::destination(header)?, &pseudo, data])
        }
        IpHeader::V6(header) => {
            let pseudo = [0, 0, 0, protocol];
            let pieces: [&[u8]; 5] =
                [&ip6::source(header)?, &ip6::final_destination(header)?, &length.to_be_bytes(), &pseudo, data];
            checksum(&pieces)
        }
    })
}
