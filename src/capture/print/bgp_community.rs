//! Extended communities of BGP, RFC 4360: what routes of VPNs are for, and
//! where they come from.

use super::Printer;
use super::bytes::{Printed, array_at, slice_at, u16_at, u32_at};
use super::words::Words;

const KINDS: &Words = &[
    (0x0002, "target"),
    (0x0102, "target"),
    (0x0202, "target"),
    (0x0003, "origin"),
    (0x0103, "origin"),
    (0x0203, "origin"),
    (0x4004, "link-BW"),
    (0x0005, "ospf-domain"),
    (0x0105, "ospf-domain"),
    (0x0205, "ospf-domain"),
    (0x8005, "ospf-domain"),
    (0x0306, "ospf-route-type"),
    (0x8000, "ospf-route-type"),
    (0x030c, "encapsulation"),
    (0x0107, "ospf-router-id"),
    (0x8001, "ospf-router-id"),
    (0x800a, "layer2-info"),
    (0x8800, "eigrp-general-route (flag, tag)"),
    (0x8801, "eigrp-route-metric (AS, delay)"),
    (0x8802, "eigrp-route-metric (reliability, nexthop, bandwidth)"),
    (0x8803, "eigrp-route-metric (load, MTU)"),
    (0x8804, "eigrp-external-route (remote-AS, remote-ID)"),
    (0x8805, "eigrp-external-route (remote-proto, remote-metric)"),
    (0x0009, "source-AS"),
    (0x010b, "vrf-route-import"),
    (0x000a, "l2vpn-id"),
    (0xf10a, "l2vpn-id"),
];
const FLAGS: &Words = &[(0x8000, "vendor-specific"), (0x4000, "non-transitive")];
/// Kinds of tunnels, RFC 9012.
const TUNNELS: &Words = &[
    (1, "L2TPv3 over IP"),
    (2, "GRE"),
    (3, "Transmit Tunnel"),
    (4, "IPsec"),
    (5, "IP in IP with IPsec"),
    (6, "MPLS in IP with IPsec"),
    (7, "IP in IP"),
    (8, "VXLAN"),
    (9, "NVGRE"),
    (10, "MPLS"),
    (11, "MPLS in GRE"),
    (12, "VXLAN GPE"),
    (13, "MPLS in UDP"),
    (14, "IPv6"),
];
const SIZE: usize = 8;

/// The value of an attribute; each community takes a line.
pub(super) fn print(printer: &mut Printer, value: &[u8]) -> Printed {
    if !value.len().is_multiple_of(SIZE) {
        printer.out.text("invalid len");
        return Ok(());
    }
    for community in value.chunks_exact(SIZE) {
        let kind = u16_at(community, 0)?;
        printer.out.text("\n\t    ");
        printer.word_or(KINDS, kind, "unknown extd community typecode");
        printer.labelled_hex(" (0x", kind, 4);
        printer.out.text("), Flags [");
        printer.bits(FLAGS, kind, "none");
        printer.out.text("]: ");
        print_one(printer, kind, community)?;
    }
    Ok(())
}

fn print_one(printer: &mut Printer, kind: u16, community: &[u8]) -> Printed {
    match kind {
        // A system of two bytes and a number of four, which may be an address.
        0x0002 | 0x0003 | 0x000a => {
            printer.out.number(u16_at(community, 2)?);
            printer.labelled(":", u32_at(community, 4)?);
            printer.out.text(" (= ");
            printer.out.ipv4(array_at(community, 4)?);
            printer.out.byte(b')');
        }
        0x0102 | 0x0103 | 0xf10a | 0x010b => {
            printer.out.ipv4(array_at(community, 2)?);
            printer.labelled(":", u16_at(community, 6)?);
        }
        0x0202 | 0x0203 => {
            printer.out.number(u32_at(community, 2)?);
            printer.labelled(":", u16_at(community, 6)?);
        }
        // Bytes in a second, as a number in floating point.
        0x4004 => {
            let bits = f32::from_bits(u32_at(community, 4)?) * 8.0 / 1_000_000.0;
            printer.out.text(&format!("bandwidth: {bits:.3} Mbps"));
        }
        0x0005 | 0x0105 | 0x0205 | 0x8005 | 0x0107 | 0x8001 => printer.out.ipv4(array_at(community, 2)?),
        0x0009 => printer.labelled("AS ", u16_at(community, 2)?),
        0x030c => {
            printer.out.text("Tunnel type: ");
            printer.word_or(TUNNELS, u16_at(community, 6)?, "unknown encaps");
        }
        _ => printer.out.hex_bytes(slice_at(community, 2, 6)?),
    }
    Ok(())
}
