//! What routers and security gateways say to each other: the first line of
//! OSPF, PIM, EIGRP, RIP, IKE and RADIUS, which `-v` does not add to here.

use super::bytes::{Printed, array_at, rest, slice_at, u8_at, u16_at, u32_at};
use super::words::Words;
use super::{IpHeader, Printer, demux, ip4, ip6};

const OSPF_KINDS: &Words =
    &[(1, "Hello"), (2, "Database Description"), (3, "LS-Request"), (4, "LS-Update"), (5, "LS-Ack")];
const OSPF_DIGEST: u16 = 2;

/// OSPF, RFC 2328 and 5340.
pub(super) fn ospf(printer: &mut Printer, payload: &demux::Payload<'_>) -> Printed {
    let is_v4 = matches!(payload.header, IpHeader::V4(_));
    printer.protocol = if is_v4 { "ospf2" } else { "ospf3" };
    let bytes = payload.bytes;
    let mut length = u32::try_from(payload.length).unwrap_or(u32::MAX);
    // The digest behind the packet does not count.
    if is_v4 && u16_at(bytes, 14)? == OSPF_DIGEST {
        length = length.wrapping_sub(16);
    }
    let kind = u8_at(bytes, 1)?;
    printer.labelled("OSPFv", u8_at(bytes, 0)?);
    printer.out.text(", ");
    match super::word(OSPF_KINDS, kind) {
        Some(word) => printer.out.text(word),
        None if is_v4 => printer.labelled("unknown LS-type ", kind),
        None => {
            printer.labelled("unknown packet type (", kind);
            printer.out.byte(b')');
        }
    }
    printer.labelled(", length ", length);
    Ok(())
}

const PIM_KINDS: &Words = &[
    (0, "Hello"),
    (1, "Register"),
    (2, "Register Stop"),
    (3, "Join / Prune"),
    (4, "Bootstrap"),
    (5, "Assert"),
    (6, "Graft"),
    (7, "Graft Acknowledgement"),
    (8, "Candidate RP Advertisement"),
    (9, "Prune Refresh"),
    (10, "DF Election"),
    (11, "ECMP Redirect"),
];

/// Protocol Independent Multicast, RFC 7761.
pub(super) fn pim(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.protocol = "pim";
    let first = u8_at(bytes, 0)?;
    printer.labelled("PIMv", first >> 4);
    if first >> 4 == 2 {
        printer.out.text(", ");
        printer.word_or(PIM_KINDS, first & 0x0f, "Unknown Type");
    }
    printer.out.text(", length ");
    printer.out.length(length);
    Ok(())
}

const EIGRP_KINDS: &Words = &[(1, "Update"), (3, "Query"), (4, "Reply"), (5, "Hello"), (6, "IPX SAP"), (7, "Probe")];

/// EIGRP, RFC 7868.
pub(super) fn eigrp(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.protocol = "eigrp";
    slice_at(bytes, 0, 20)?;
    let version = u8_at(bytes, 0)?;
    if version != 2 {
        printer.labelled("EIGRP version ", version);
        printer.out.text(" packet not supported");
        return Ok(());
    }
    printer.out.text("EIGRP ");
    printer.word_or_number(EIGRP_KINDS, u8_at(bytes, 1)?, "unknown");
    printer.out.text(", length: ");
    printer.out.length(length);
    Ok(())
}

/// The port of RIP.
pub(super) const RIP_PORT: u16 = 520;
const RIP_KINDS: &Words =
    &[(1, "Request"), (2, "Response"), (3, "Trace on"), (4, "Trace off"), (5, "Poll"), (6, "Poll Entry")];

/// RIP, RFC 2453.
pub(super) fn rip(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.protocol = "rip";
    let available = super::bytes::up_to(bytes, length);
    slice_at(available, 0, 4)?;
    let version = u8_at(bytes, 1)?;
    printer.labelled("RIPv", version);
    if version == 0 {
        printer.undecoded("\n\t", bytes, length);
        return Ok(());
    }
    printer.out.text(", ");
    printer.word_or_number(RIP_KINDS, u8_at(bytes, 0)?, "unknown command");
    printer.out.text(", length: ");
    printer.out.length(length);
    Ok(())
}

/// Ports of IKE.
pub(super) const IKE_PORTS: [u16; 3] = [500, 7500, 8500];
/// The port of IKE and ESP through address translation, RFC 3948.
pub(super) const IKE_TRANSLATED_PORT: u16 = 4500;
const EXCHANGES: &Words = &[
    (0, "none"),
    (1, "base"),
    (2, "ident"),
    (3, "auth"),
    (4, "agg"),
    (5, "inf"),
    (32, "oakley-quick"),
    (33, "oakley-newgroup"),
    (34, "ikev2_init"),
    (35, "ikev2_auth"),
    (36, "child_sa"),
    (37, "inf2"),
];
/// How many exchanges are remembered.
const MAX_INITIATORS: usize = 20;

/// Who began the exchanges of `IKEv1` that were seen.
#[derive(Debug, Default)]
pub(super) struct Initiators {
    /// Cookies, and the initiator's and the responder's address.
    known: Vec<([u8; 8], [u8; 16], [u8; 16])>,
    next: usize,
}

/// IKE, RFC 2408 and 7296.
pub(super) fn ike(printer: &mut Printer, bytes: &[u8], header: IpHeader<'_>) -> Printed {
    printer.protocol = "isakmp";
    slice_at(bytes, 0, 28)?;
    printer.out.text("isakmp");
    let version = u8_at(bytes, 17)?;
    let message = slice_at(bytes, 20, 4)?;
    if printer.options.verbose > 0 {
        printer.labelled(" ", version >> 4);
        printer.labelled(".", version & 0x0f);
        printer.out.text(" msgid ");
        printer.out.hex_bytes(message);
    }
    if printer.options.verbose > 1 {
        printer.out.text(" cookie ");
        printer.out.hex_bytes(slice_at(bytes, 0, 8)?);
        printer.out.text("->");
        printer.out.hex_bytes(slice_at(bytes, 8, 8)?);
    }
    printer.out.byte(b':');
    let is_first = message == [0; 4];
    let flags = u8_at(bytes, 19)?;
    let letters: &[(u8, u8)] = match version >> 4 {
        1 => {
            printer.out.text(if is_first { " phase 1" } else { " phase 2/others" });
            let side = side(printer, bytes, header)?;
            printer.out.text(side);
            &[(0x01, b'E'), (0x02, b'C')]
        }
        2 => {
            printer.out.text(if is_first { " parent_sa" } else { " child_sa " });
            &[(0x08, b'I'), (0x10, b'V'), (0x20, b'R')]
        }
        _ => return Ok(()),
    };
    let exchange = u8_at(bytes, 18)?;
    printer.out.byte(b' ');
    match super::word(EXCHANGES, exchange) {
        Some(word) => printer.out.text(word),
        None => printer.labelled("#", exchange),
    }
    if flags != 0 {
        printer.out.byte(b'[');
        for (_, letter) in letters.iter().filter(|(bit, _)| flags & bit != 0) {
            printer.out.byte(*letter);
        }
        printer.out.byte(b']');
    }
    Ok(())
}

/// Which side of an exchange of `IKEv1` a message is from, by its first message.
fn side(printer: &mut Printer, bytes: &[u8], header: IpHeader<'_>) -> Result<&'static str, super::Truncated> {
    let (source, destination) = match header {
        IpHeader::V4(header) => (widen(ip4::source(header)?), widen(ip4::destination(header)?)),
        IpHeader::V6(header) => (ip6::source(header)?, ip6::destination(header)?),
    };
    let cookie: [u8; 8] = array_at(bytes, 0)?;
    let initiators = &mut printer.initiators;
    if let Some((_, initiator, responder)) = initiators.known.iter().find(|(known, ..)| *known == cookie) {
        return Ok(match (*initiator == source, *responder == source) {
            (true, _) if *responder == destination => " I",
            (_, true) if *initiator == destination => " R",
            _ => " ?",
        });
    }
    if slice_at(bytes, 8, 8)? != [0; 8] {
        return Ok(" ?");
    }
    let exchange = (cookie, source, destination);
    match initiators.known.get_mut(initiators.next) {
        Some(oldest) => *oldest = exchange,
        None => initiators.known.push(exchange),
    }
    initiators.next = (initiators.next + 1) % MAX_INITIATORS;
    Ok(" I")
}

fn widen(address: [u8; 4]) -> [u8; 16] {
    std::net::Ipv4Addr::from(address).to_ipv6_mapped().octets()
}

/// IKE or ESP in UDP.
pub(super) fn ike_translated(printer: &mut Printer, bytes: &[u8], length: usize, header: IpHeader<'_>) -> Printed {
    printer.protocol = "isakmp_rfc3948";
    if length == 1 && u8_at(bytes, 0)? == 0xff {
        printer.out.text("isakmp-nat-keep-alive");
        return Ok(());
    }
    if length < 4 {
        return Err(super::Truncated);
    }
    if u32_at(bytes, 0)? == 0 {
        printer.out.text("NONESP-encap: ");
        return ike(printer, rest(bytes, 4), header);
    }
    printer.out.text("UDP-encap: ");
    demux::security(printer, bytes, length)
}

/// Ports of RADIUS, its accounting, and changes of authorization.
pub(super) const RADIUS_PORTS: [u16; 6] = [1645, 1812, 1646, 1813, 1700, 3799];
const RADIUS_KINDS: &Words = &[
    (1, "Access-Request"),
    (2, "Access-Accept"),
    (3, "Access-Reject"),
    (4, "Accounting-Request"),
    (5, "Accounting-Response"),
    (11, "Access-Challenge"),
    (12, "Status-Server"),
    (13, "Status-Client"),
    (40, "Disconnect-Request"),
    (41, "Disconnect-ACK"),
    (42, "Disconnect-NAK"),
    (43, "CoA-Request"),
    (44, "CoA-ACK"),
    (45, "CoA-NAK"),
    (255, "Reserved"),
];

/// RADIUS, RFC 2865.
pub(super) fn radius(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    const HEADER: usize = 20;
    printer.protocol = "radius";
    slice_at(bytes, 0, HEADER)?;
    let claimed = usize::from(u16_at(bytes, 2)?);
    if claimed < HEADER {
        return Err(super::Truncated);
    }
    printer.out.text("RADIUS, ");
    printer.word_and_number(RADIUS_KINDS, u8_at(bytes, 0)?, "Unknown Command");
    printer.labelled_hex(", id: 0x", u8_at(bytes, 1)?, 2);
    printer.out.text(" length: ");
    printer.out.length(claimed.min(length));
    Ok(())
}

/// Ports of DHCP for IPv6.
pub(super) const DHCP6_PORTS: [u16; 2] = [546, 547];
const DHCP6_KINDS: &Words = &[
    (1, "solicit"),
    (2, "advertise"),
    (3, "request"),
    (4, "confirm"),
    (5, "renew"),
    (6, "rebind"),
    (7, "reply"),
    (8, "release"),
    (9, "decline"),
    (10, "reconfigure"),
    (11, "inf-req"),
    (12, "relay-fwd"),
    (13, "relay-reply"),
    (14, "leasequery"),
    (15, "leasequery-reply"),
];

/// DHCP for IPv6, RFC 8415.
pub(super) fn dhcp6(printer: &mut Printer, bytes: &[u8]) -> Printed {
    printer.protocol = "dhcp6";
    printer.out.text("dhcp6");
    slice_at(bytes, 0, 4)?;
    let kind = u8_at(bytes, 0)?;
    printer.out.byte(b' ');
    match super::word(DHCP6_KINDS, kind) {
        Some(word) => printer.out.text(word),
        None => printer.labelled("msgtype-", kind),
    }
    Ok(())
}
