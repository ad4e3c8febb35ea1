//! Virtual Router Redundancy Protocol, RFC 3768 and 5798, by which keepalived
//! moves virtual addresses; and Cisco's HSRP, RFC 2281.

use super::bytes::{Printed, array_at, checksum, u8_at, u16_at, up_to};
use super::demux::Payload;
use super::words::Words;
use super::{IpHeader, Printer, dns_record, udp};

/// The number of VRRP in IP headers.
const PROTOCOL: u8 = 112;
const KINDS: &Words = &[(1, "Advertisement")];
const SIMPLE: u8 = 1;
const AUTHENTICATIONS: &Words = &[(0, "none"), (1, "simple"), (2, "ah")];

/// An advertisement.
pub(super) fn print(printer: &mut Printer, payload: &Payload<'_>) -> Printed {
    printer.protocol = "vrrp";
    printer.out.text("VRRP");
    let (bytes, length) = (payload.bytes, payload.length);
    let first = u8_at(bytes, 0)?;
    let (version, kind) = (first >> 4, first & 0x0f);
    printer.labelled("v", version);
    printer.out.text(", ");
    printer.word_or_number(KINDS, kind, "unknown type");
    let hops = match payload.header {
        IpHeader::V4(header) => u8_at(header, 8)?,
        IpHeader::V6(header) => u8_at(header, 7)?,
    };
    // Whoever is further than a link away is not believed.
    if hops != 255 {
        printer.labelled(", (ttl ", hops);
        printer.out.byte(b')');
    }
    if !(2..=3).contains(&version) || kind != 1 {
        return Ok(());
    }
    printer.labelled(", vrid ", u8_at(bytes, 1)?);
    printer.labelled(", prio ", u8_at(bytes, 2)?);
    let mut authentication = 0;
    if version == 2 {
        authentication = u8_at(bytes, 4)?;
        printer.out.text(", authtype ");
        match super::word(AUTHENTICATIONS, authentication) {
            Some(word) => printer.out.text(word),
            None => printer.labelled("#", authentication),
        }
        printer.labelled(", intvl ", u8_at(bytes, 5)?);
        printer.out.text("s, length ");
    } else {
        printer.labelled(", intvl ", u16_at(bytes, 4)? & 0x0fff);
        printer.out.text("cs, length ");
    }
    printer.out.length(length);
    if printer.options.verbose == 0 {
        return Ok(());
    }
    if bytes.len() >= length {
        let sum = match version {
            2 => checksum(&[up_to(bytes, length)]),
            _ => udp::transport_checksum(payload, PROTOCOL, length)?,
        };
        if sum != 0 {
            printer.labelled_hex(", (bad vrrp cksum ", u16_at(bytes, 6)?, 1);
            printer.out.byte(b')');
        }
    }
    let end = addresses(printer, payload)?;
    if version == 2 && authentication == SIMPLE {
        printer.out.text(" auth \"");
        printer.text_to_zero(bytes, end, 8)?;
        printer.out.byte(b'"');
    }
    Ok(())
}

/// The virtual addresses; gives where they end.
fn addresses(printer: &mut Printer, payload: &Payload<'_>) -> Result<usize, super::Truncated> {
    let bytes = payload.bytes;
    let count = u8_at(bytes, 3)?;
    printer.out.text(", addrs");
    if count > 1 {
        printer.labelled("(", count);
        printer.out.byte(b')');
    }
    printer.out.byte(b':');
    let mut at = 8;
    for number in 0..count {
        let separator = if number == 0 { b' ' } else { b',' };
        match payload.header {
            IpHeader::V4(_) => {
                let address = array_at(bytes, at)?;
                printer.out.byte(separator);
                printer.out.ipv4(address);
                at += 4;
            }
            IpHeader::V6(_) => {
                let address = array_at(bytes, at)?;
                printer.out.byte(separator);
                printer.out.ipv6(address);
                at += 16;
            }
        }
    }
    Ok(at)
}

/// The port of HSRP.
pub(super) const STANDBY_PORT: u16 = 1985;
const OPERATIONS: &Words = &[(0, "hello"), (1, "coup"), (2, "resign")];
const STATES: &Words = &[(0, "initial"), (1, "learn"), (2, "listen"), (4, "speak"), (8, "standby"), (16, "active")];

/// A message of HSRP.
pub(super) fn standby(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.protocol = "hsrp";
    let version = u8_at(bytes, 0)?;
    printer.labelled("HSRPv", version);
    if version != 0 {
        return Ok(());
    }
    printer.out.byte(b'-');
    printer.word_or_number(OPERATIONS, u8_at(bytes, 1)?, "unknown");
    printer.out.byte(b' ');
    printer.out.length(length);
    printer.out.text(": state=");
    printer.word_or_number(STATES, u8_at(bytes, 2)?, "Unknown");
    printer.labelled(" group=", u8_at(bytes, 6)?);
    printer.out.byte(b' ');
    let reserved = u8_at(bytes, 7)?;
    if reserved != 0 {
        printer.labelled("[reserved=", reserved);
        printer.out.text("!] ");
    }
    let address = array_at(bytes, 16)?;
    printer.out.text("addr=");
    printer.out.ipv4(address);
    if printer.options.verbose > 0 {
        for (label, at) in [(" hellotime=", 3), (" holdtime=", 4)] {
            printer.out.text(label);
            dns_record::duration(printer, u32::from(u8_at(bytes, at)?));
        }
        printer.labelled(" priority=", u8_at(bytes, 5)?);
        printer.out.text(" auth=\"");
        printer.text_to_zero(bytes, 8, 8)?;
        printer.out.byte(b'"');
    }
    Ok(())
}
