//! Ethernet frames, VLAN tags, and what an `EtherType` leads to.

use super::bytes::{Printed, Truncated, rest, slice_at, u16_at, up_to};
use super::{Printer, arp, ip4, ip6, line_protocol, llc, lldp, mpls, slow};

const ADDRESS: usize = 6;
const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const REVERSE_ARP: u16 = 0x8035;
const IPV6: u16 = 0x86dd;
const SLOW: u16 = 0x8809;
const LLDP: u16 = 0x88cc;
const LOOP_TEST: u16 = 0x9000;
const MPLS: u16 = 0x8847;
const MPLS_MULTICAST: u16 = 0x8848;
const VLAN: [u16; 4] = [0x8100, 0x88a8, 0x9100, 0x9200];
/// Up to here the field is a length, IEEE 802.3.
const MAX_LENGTH_VALUE: u16 = 1500;

/// `EtherType`s and their names, IEEE registry.
const NAMES: &[(u32, &str)] = &[
    (0x0800, "IPv4"),
    (0x8100, "802.1Q"),
    (0x88a8, "802.1Q-QinQ"),
    (0x9100, "802.1Q-9100"),
    (0x9200, "802.1Q-9200"),
    (0x88e5, "802.1AE MACsec"),
    (0x0806, "ARP"),
    (0x8035, "Reverse ARP"),
    (0x6558, "TEB"),
    (0x809b, "Appletalk"),
    (0x80f3, "Appletalk ARP"),
    (0x8137, "IPX"),
    (0x86dd, "IPv6"),
    (0x8847, "MPLS unicast"),
    (0x8848, "MPLS multicast"),
    (0x880b, "PPP"),
    (0x8808, "MPCP"),
    (0x8809, "Slow Protocols"),
    (0x8863, "PPPoE D"),
    (0x8864, "PPPoE S"),
    (0x888e, "EAPOL"),
    (0x8899, "Realtek protocols"),
    (0x886f, "MS NLB heartbeat"),
    (0x8870, "Jumbo"),
    (0x894f, "NSH"),
    (0x9000, "Loopback"),
    (0x88a2, "AoE"),
    (0x88f7, "PTP"),
    (0x88cc, "LLDP"),
    (0x88ca, "TIPC"),
    (0x8902, "CFM"),
];

/// The name of an `EtherType`.
pub(super) fn name_of(ether_type: u16) -> Option<&'static str> {
    super::word(NAMES, ether_type)
}

/// The type that a tunnel names, with `-e`.
pub(super) fn print_inner_type(printer: &mut Printer, ether_type: u16) {
    if printer.options.link_header {
        printer.out.text(", proto ");
        printer.out.text(name_of(ether_type).unwrap_or("unknown"));
        printer.out.text(" (0x");
        printer.out.hex(ether_type, 4);
        printer.out.byte(b')');
    }
}

/// A frame, from its destination address; gives the length of its header.
pub(super) fn print(printer: &mut Printer, bytes: &[u8], length: usize) -> Result<usize, Truncated> {
    printer.protocol = "ether";
    if bytes.len() < 2 * ADDRESS + 2 {
        printer.truncated();
        return Ok(bytes.len());
    }
    if length < bytes.len() {
        printer.out.text("[length ");
        printer.out.length(length);
        printer.out.text(" < caplen ");
        printer.out.length(bytes.len());
        printer.out.byte(b']');
        printer.invalid();
        return Ok(length);
    }
    if printer.options.link_header {
        addresses(printer, bytes)?;
    }
    let mut at = 2 * ADDRESS;
    let mut is_length_printed = false;
    let mut ether_type = u16_at(bytes, at)?;
    at += 2;
    while VLAN.contains(&ether_type) {
        if bytes.len() < at + 4 || length < at + 4 {
            printer.protocol = "vlan";
            printer.truncated();
            return Ok(bytes.len());
        }
        if printer.options.link_header {
            type_name(printer, ether_type);
            if is_length_printed {
                printer.out.text(", ");
            } else {
                print_length(printer, length);
                is_length_printed = true;
            }
            tag(printer, u16_at(bytes, at)?);
        }
        ether_type = u16_at(bytes, at + 2)?;
        at += 4;
    }
    let (payload, inner) = (rest(bytes, at), length.saturating_sub(at));
    if ether_type <= MAX_LENGTH_VALUE {
        let claimed = usize::from(ether_type).min(inner);
        if printer.options.link_header {
            printer.out.text("802.3");
            if !is_length_printed {
                print_length(printer, claimed);
            }
        }
        if printer.depth == 0 {
            printer.link_header_length = at;
        }
        return llc::print(printer, up_to(payload, claimed), claimed, bytes.get(..2 * ADDRESS))
            .map(|header| at + header);
    }
    if printer.options.link_header {
        type_name(printer, ether_type);
        if is_length_printed {
            printer.out.text(", ");
        } else {
            print_length(printer, length);
        }
    }
    if printer.depth == 0 {
        printer.link_header_length = at;
    }
    print_typed(printer, ether_type, payload, inner, Some((bytes, length)))?;
    Ok(at)
}

pub(super) fn print_length(printer: &mut Printer, length: usize) {
    printer.out.text(", length ");
    printer.out.length(length);
    printer.out.text(": ");
}

fn addresses(printer: &mut Printer, frame: &[u8]) -> Printed {
    printer.out.hardware_address(slice_at(frame, ADDRESS, ADDRESS)?);
    printer.out.text(" > ");
    printer.out.hardware_address(slice_at(frame, 0, ADDRESS)?);
    printer.out.text(", ");
    Ok(())
}

fn type_name(printer: &mut Printer, ether_type: u16) {
    let name = name_of(ether_type);
    if !printer.options.quick {
        printer.out.text("ethertype ");
        printer.out.text(name.unwrap_or("Unknown"));
        printer.out.text(" (0x");
        printer.out.hex(ether_type, 4);
        printer.out.byte(b')');
    } else if let Some(name) = name {
        printer.out.text(name);
    } else {
        printer.out.text("Unknown Ethertype (0x");
        printer.out.hex(ether_type, 4);
        printer.out.byte(b')');
    }
}

/// Tag control information, IEEE 802.1Q: priority, eligibility, identifier.
fn tag(printer: &mut Printer, control: u16) {
    printer.out.text("vlan ");
    printer.out.number(control & 0xfff);
    printer.out.text(", p ");
    printer.out.number(control >> 13);
    if control & 0x1000 != 0 {
        printer.out.text(", DEI");
    }
    printer.out.text(", ");
}

/// What an `EtherType` stands before. Where it is not known, the frame's
/// addresses are told even without `-e`, and the bytes are shown.
pub(super) fn print_typed(
    printer: &mut Printer,
    ether_type: u16,
    payload: &[u8],
    length: usize,
    frame: Option<(&[u8], usize)>,
) -> Printed {
    if !print_known(printer, ether_type, payload, length)? {
        if let Some((frame, frame_length)) = frame
            && !printer.options.link_header
        {
            addresses(printer, frame)?;
            type_name(printer, ether_type);
            print_length(printer, frame_length);
        }
        printer.unknown_bytes(payload);
    }
    Ok(())
}

/// Prints what an `EtherType` stands before; false where it is not decoded.
pub(super) fn print_known(
    printer: &mut Printer,
    ether_type: u16,
    payload: &[u8],
    length: usize,
) -> Result<bool, Truncated> {
    match ether_type {
        IPV4 => ip4::print(printer, payload, length),
        IPV6 => ip6::print(printer, payload, length),
        ARP | REVERSE_ARP => arp::print(printer, payload, length),
        SLOW => slow::print(printer, payload, length),
        LLDP => lldp::print(printer, payload, length),
        LOOP_TEST => line_protocol::loop_test(printer, payload, length),
        MPLS | MPLS_MULTICAST => mpls::print(printer, payload, length),
        _ => return Ok(false),
    }
    .map(|()| true)
}
