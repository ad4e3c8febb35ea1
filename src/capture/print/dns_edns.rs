//! The OPT record of EDNS, RFC 6891, and its options.

use super::bytes::{Printed, array_at, slice_at, u8_at, u16_at, u32_at, up_to};
use super::{Printer, dns_record, word};

const EDNS_OPTIONS: &[(u32, &str)] = &[
    (1, "LLQ"),
    (2, "UL"),
    (3, "NSID"),
    (5, "DAU"),
    (6, "DHU"),
    (7, "N3U"),
    (8, "ECS"),
    (9, "EXPIRE"),
    (10, "COOKIE"),
    (11, "KEEPALIVE"),
    (12, "PADDING"),
    (13, "CHAIN"),
    (14, "KEY-TAG"),
    (16, "CLIENT-TAG"),
    (17, "SERVER-TAG"),
];

/// The closest name that is trusted, RFC 7901.
const CHAIN: u16 = 13;

/// The size that a sender takes, its flags and its options.
pub(super) fn print(
    printer: &mut Printer,
    message: &[u8],
    (mut at, end): (usize, usize),
    flags: u16,
    size: u16,
) -> Printed {
    printer.out.text(" UDPsize=");
    printer.out.number(size);
    if flags & 0x8000 != 0 {
        printer.out.text(" DO");
    }
    if at >= end {
        return Ok(());
    }
    printer.out.text(" [");
    while at < end {
        let kind = u16_at(message, at)?;
        match word(EDNS_OPTIONS, kind) {
            Some(name) => printer.out.text(name),
            None => {
                printer.out.text("Opt");
                printer.out.number(kind);
            }
        }
        let length = usize::from(u16_at(message, at + 2)?);
        let value = slice_at(message, at + 4, length)?;
        if length > 0 {
            printer.out.byte(b' ');
            edns_value(printer, kind, value)?;
        }
        at += 4 + length;
        if at < end {
            printer.out.byte(b',');
        }
    }
    printer.out.byte(b']');
    Ok(())
}

fn edns_value(printer: &mut Printer, kind: u16, value: &[u8]) -> Printed {
    match kind {
        8 => client_subnet(printer, value)?,
        9 if value.len() == 4 => {
            printer.out.number(u32_at(value, 0)?);
            printer.out.text(" sec");
        }
        9 => printer.invalid(),
        10 if value.len() < 8 || (9..16).contains(&value.len()) || value.len() > 40 => printer.invalid(),
        10 => {
            printer.out.hex_bytes(up_to(value, 8));
            if value.len() > 8 {
                printer.out.byte(b' ');
                printer.out.hex_bytes(value.get(8..).unwrap_or_default());
            }
        }
        11 if value.len() == 2 => {
            let tenths = u16_at(value, 0)?;
            printer.out.number(tenths / 10);
            printer.out.byte(b'.');
            printer.out.number(tenths % 10);
            printer.out.text(" sec");
        }
        11 => printer.invalid(),
        12 => {
            printer.out.byte(b'(');
            printer.out.length(value.len());
            printer.out.byte(b')');
        }
        5 => algorithms(printer, SIGNATURES, value),
        6 => algorithms(printer, DIGESTS, value),
        7 => algorithms(printer, DENIALS, value),
        14 if !value.len().is_multiple_of(2) => printer.invalid(),
        14 => {
            for at in (0..value.len()).step_by(2) {
                printer.out.text(if at > 0 { " " } else { "" });
                printer.out.number(u16_at(value, at)?);
            }
        }
        CHAIN => {
            dns_record::name(printer, value, 0)?;
        }
        _ => printer.out.hex_bytes(value),
    }
    Ok(())
}

/// What a resolver understands, RFC 6975.
fn algorithms(printer: &mut Printer, names: &[(u32, &'static str)], value: &[u8]) {
    for (at, algorithm) in value.iter().enumerate() {
        printer.out.text(if at > 0 { " " } else { "" });
        match word(names, *algorithm) {
            Some(name) => printer.out.text(name),
            None => {
                printer.out.text("Alg_");
                printer.out.number(*algorithm);
            }
        }
    }
}

/// Algorithms of signatures, with the words that tcpdump has for them.
const SIGNATURES: &[(u32, &str)] = &[
    (0, "DELETE"),
    (1, "RSAMD5"),
    (2, "DH"),
    (3, "DS"),
    (5, "RSASHA1"),
    (6, "DSA-NSEC3-SHA1"),
    (7, "RSASHA1-NSEC3-SHA1"),
    (8, "RSASHA256"),
    (10, "RSASHA512"),
    (12, "ECC-GOST"),
    (13, "ECDSAP256SHA256"),
    (14, "ECDSAP384SHA384"),
    (15, "ED25519"),
    (16, "ED448"),
    (252, "INDIRECT"),
    (253, "PRIVATEDNS"),
    (254, "PRIVATEOID"),
];

/// Algorithms of hashed denial of existence, and of digests.
const DENIALS: &[(u32, &str)] = &[(1, "SHA-1")];
const DIGESTS: &[(u32, &str)] = &[(1, "SHA-1"), (2, "SHA-256"), (3, "GOST_R_34.11-94"), (4, "SHA-384")];

/// The client's subnet, RFC 7871.
fn client_subnet(printer: &mut Printer, value: &[u8]) -> Printed {
    if value.len() < 4 {
        printer.invalid();
        return Ok(());
    }
    let (family, source, scope) = (u16_at(value, 0)?, u8_at(value, 2)?, u8_at(value, 3)?);
    let prefix = value.get(4..).unwrap_or_default();
    let bits: u8 = match family {
        1 => 32,
        2 => 128,
        _ => {
            printer.invalid();
            return Ok(());
        }
    };
    if source > bits || scope > bits || usize::from(source).div_ceil(8) != prefix.len() {
        printer.invalid();
        return Ok(());
    }
    let mut padded = [0; 16];
    for (to, from) in padded.iter_mut().zip(prefix) {
        *to = *from;
    }
    if family == 1 {
        printer.out.ipv4(array_at(&padded, 0)?);
    } else {
        printer.out.ipv6(padded);
    }
    for number in [source, scope] {
        printer.out.byte(b'/');
        printer.out.number(number);
    }
    Ok(())
}
