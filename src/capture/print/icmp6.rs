//! `ICMPv6`, RFC 4443, and what lies upon it: neighbour discovery (RFC 4861)
//! and multicast listeners (RFC 3810).

use super::bytes::{Printed, Truncated, array_at, rest, u8_at, u16_at, u32_at};
use super::demux::{self, Payload};
use super::icmp6_option::{flags_in_words, preference};
use super::{Printer, group, icmp6_option, ip6, udp, word};

const ICMPV6: u8 = 58;
/// Where the quoted packet starts.
const QUOTED: usize = 8;

const TYPES: &[(u32, &str)] = &[
    (1, "destination unreachable"),
    (2, "packet too big"),
    (3, "time exceeded in-transit"),
    (4, "parameter problem"),
    (128, "echo request"),
    (129, "echo reply"),
    (130, "multicast listener query"),
    (131, "multicast listener report"),
    (132, "multicast listener done"),
    (133, "router solicitation"),
    (134, "router advertisement"),
    (135, "neighbor solicitation"),
    (136, "neighbor advertisement"),
    (137, "redirect"),
    (138, "router renumbering"),
    (143, "multicast listener report v2"),
];

const UNREACHABLE: &[(u32, &str)] = &[
    (0, "unreachable route"),
    (1, " unreachable prohibited"),
    (2, "beyond scope"),
    (3, "unreachable address"),
    (4, "unreachable port"),
];

/// A message.
pub(super) fn print(printer: &mut Printer, payload: &Payload<'_>) -> Printed {
    printer.protocol = "icmp6";
    let (bytes, length) = (payload.bytes, payload.length);
    if length == 0 {
        printer.out.text("ICMP6, length 0");
        printer.invalid();
        return Ok(());
    }
    let verbose = printer.options.verbose > 0;
    if verbose && !payload.is_fragment && bytes.len() >= length {
        let found = u16_at(bytes, 2)?;
        let sum = udp::transport_checksum(payload, ICMPV6, length)?;
        printer.checksum_verdict("[icmp6 sum ok] ", "[bad icmp6 cksum 0x", found, sum);
    }
    let (kind, code) = (u8_at(bytes, 0)?, u8_at(bytes, 1)?);
    printer.out.text("ICMP6, ");
    match word(TYPES, kind) {
        Some(name) => printer.out.text(name),
        None => {
            printer.out.text("unknown icmp6 type (");
            printer.out.number(kind);
            printer.out.byte(b')');
        }
    }
    if verbose && (133..=137).contains(&kind) {
        print_length(printer, length);
    }
    if !details(printer, bytes, length, kind, code)? {
        print_length(printer, length);
        return Ok(());
    }
    if !verbose {
        print_length(printer, length);
    }
    Ok(())
}

fn print_length(printer: &mut Printer, length: usize) {
    printer.out.text(", length ");
    printer.out.length(length);
}

/// What a type adds; false where it is not known.
fn details(printer: &mut Printer, bytes: &[u8], length: usize, kind: u8, code: u8) -> Result<bool, Truncated> {
    match kind {
        1 => unreachable(printer, bytes, code)?,
        2 => {
            printer.out.text(", mtu ");
            printer.out.number(u32_at(bytes, 4)?);
        }
        3 => match code {
            0 => {
                printer.out.text(" for ");
                printer.out.ipv6(ip6::destination(rest(bytes, QUOTED))?);
            }
            1 => printer.out.text(" (reassembly)"),
            _ => {
                printer.out.text(", unknown code (");
                printer.out.number(code);
                printer.out.byte(b')');
            }
        },
        4 => parameter_problem(printer, bytes, code)?,
        128 | 129 => {
            printer.out.text(", id ");
            printer.out.number(u16_at(bytes, 4)?);
            printer.out.text(", seq ");
            printer.out.number(u16_at(bytes, 6)?);
        }
        130..=132 => listener(printer, bytes, length, kind)?,
        133 => icmp6_option::print(printer, bytes, 8)?,
        134 => advertisement(printer, bytes)?,
        135 => {
            printer.out.text(", who has ");
            printer.out.ipv6(array_at(bytes, 8)?);
            icmp6_option::print(printer, bytes, 24)?;
        }
        136 => {
            printer.out.text(", tgt is ");
            printer.out.ipv6(array_at(bytes, 8)?);
            if printer.options.verbose > 0 {
                let flags = u8_at(bytes, 4)?;
                flags_in_words(
                    printer,
                    ", Flags [",
                    flags,
                    &[(0x80, "router"), (0x40, "solicited"), (0x20, "override")],
                );
            }
            icmp6_option::print(printer, bytes, 24)?;
        }
        137 => {
            printer.out.text(", ");
            printer.out.ipv6(array_at(bytes, 24)?);
            printer.out.text(" to ");
            printer.out.ipv6(array_at(bytes, 8)?);
            icmp6_option::print(printer, bytes, 40)?;
        }
        138 => {}
        143 if length < 8 => {
            printer.out.text(" [invalid len ");
            printer.out.length(length);
            printer.out.byte(b']');
        }
        143 => group::print_records(printer, bytes, length, &group::MLD)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn unreachable(printer: &mut Printer, bytes: &[u8], code: u8) -> Printed {
    printer.out.text(", ");
    match word(UNREACHABLE, code) {
        Some(name) => printer.out.text(name),
        None => {
            printer.out.text("unknown unreach code (");
            printer.out.number(code);
            printer.out.byte(b')');
        }
    }
    let quoted = rest(bytes, QUOTED);
    match code {
        0 | 1 | 3 => {
            printer.out.byte(b' ');
            printer.out.ipv6(ip6::destination(quoted)?);
        }
        2 => {
            printer.out.byte(b' ');
            printer.out.ipv6(ip6::destination(quoted)?);
            printer.out.text(", source address ");
            printer.out.ipv6(ip6::source(quoted)?);
        }
        4 => {
            let (protocol, at) = ip6::upper_layer(quoted)?;
            let port = u16_at(quoted, at + 2)?;
            printer.out.text(", ");
            printer.out.ipv6(ip6::destination(quoted)?);
            demux::print_port(printer, protocol, port);
            if protocol != demux::TCP && protocol != demux::UDP {
                printer.out.text(" unreachable");
            }
        }
        _ => {}
    }
    Ok(())
}

fn parameter_problem(printer: &mut Printer, bytes: &[u8], code: u8) -> Printed {
    match word(&[(0, ", erroneous"), (1, ", next header"), (2, ", option"), (3, ", incomplete header chain")], code) {
        Some(text) => {
            printer.out.text(text);
            printer.out.text(" - octet ");
            printer.out.number(u32_at(bytes, 4)?);
        }
        None => {
            printer.out.text(", code-#");
            printer.out.number(code);
        }
    }
    Ok(())
}

/// The older listener messages, RFC 2710, and queries of the newer.
fn listener(printer: &mut Printer, bytes: &[u8], length: usize, kind: u8) -> Printed {
    if kind == 130 && length != 24 {
        if length < 28 {
            printer.out.text(" unknown-version (len ");
            printer.out.length(length);
            printer.out.text(") ");
            return Ok(());
        }
        printer.out.text(" v2");
        return query(printer, bytes, length);
    }
    printer.out.text("max resp delay: ");
    printer.out.number(u16_at(bytes, 4)?);
    printer.out.text(" addr: ");
    printer.out.ipv6(array_at(bytes, 8)?);
    Ok(())
}

fn query(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    let code = u16_at(bytes, 4)?;
    let milliseconds =
        if code < 32_768 { u32::from(code) } else { (u32::from(code & 0x0fff) | 0x1000) << ((code >> 12 & 7) + 3) };
    if printer.options.verbose > 0 {
        printer.out.text(" [max resp delay=");
        printer.out.number(milliseconds);
        printer.out.byte(b']');
    }
    printer.out.text(" [gaddr ");
    printer.out.ipv6(array_at(bytes, 8)?);
    if printer.options.verbose > 0 {
        let flags = u8_at(bytes, 24)?;
        if flags & 8 != 0 {
            printer.out.text(" sflag");
        }
        if flags & 7 != 0 {
            printer.out.text(" robustness=");
            printer.out.number(flags & 7);
        }
        let interval = u8_at(bytes, 25)?;
        let seconds = if interval < 128 {
            u32::from(interval)
        } else {
            (u32::from(interval & 0x0f) | 0x10) << (u32::from(interval & 0x70) / 16 + 3)
        };
        printer.out.text(" qqi=");
        printer.out.number(seconds);
    }
    let sources = usize::from(u16_at(bytes, 26)?);
    if sources > 0 {
        if length < 28 + sources * 16 {
            printer.out.text(" [invalid number of sources]");
        } else {
            group::print_sources(printer, bytes, 28, sources, &group::MLD)?;
        }
    }
    printer.out.byte(b']');
    Ok(())
}

fn advertisement(printer: &mut Printer, bytes: &[u8]) -> Printed {
    if printer.options.verbose == 0 {
        return Ok(());
    }
    printer.out.text("\n\thop limit ");
    printer.out.number(u8_at(bytes, 4)?);
    let flags = u8_at(bytes, 5)?;
    let names = [(0x80, "managed"), (0x40, "other stateful"), (0x20, "home agent"), (0x02, "ipv6 only")];
    flags_in_words(printer, ", Flags [", flags, &names);
    printer.out.text(", pref ");
    printer.out.text(preference(flags));
    printer.out.text(", router lifetime ");
    printer.out.number(u16_at(bytes, 6)?);
    printer.out.text("s, reachable time ");
    printer.out.number(u32_at(bytes, 8)?);
    printer.out.text("ms, retrans timer ");
    printer.out.number(u32_at(bytes, 12)?);
    printer.out.text("ms");
    icmp6_option::print(printer, bytes, 16)
}
