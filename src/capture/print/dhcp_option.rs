//! Options of BOOTP and DHCP as `-v` shows them: RFC 2132, and those with a form
//! of their own.

use super::bytes::{Printed, Truncated, array_at, rest, slice_at, u8_at, u16_at, u32_at, up_to};
use super::dhcp_option_name::{self, Form};
use super::{Printer, hex, word};

const PAD: u8 = 0;
const NETBIOS_NODE: u8 = 46;
const OVERLOAD: u8 = 52;
const MESSAGE_TYPE: u8 = 53;
const PARAMETER_REQUEST: u8 = 55;
const CLIENT_ID: u8 = 61;
const USER_CLASS: u8 = 77;
const CLIENT_NAME: u8 = 81;
const RELAY_AGENT: u8 = 82;
const CLASSLESS_ROUTES: [u8; 2] = [121, 249];
const END: u8 = 255;

const MESSAGES: &[(u32, &str)] = &[
    (1, "Discover"),
    (2, "Offer"),
    (3, "Request"),
    (4, "Decline"),
    (5, "ACK"),
    (6, "NACK"),
    (7, "Release"),
    (8, "Inform"),
    (10, "LeaseQuery"),
    (11, "LeaseUnassigned"),
    (12, "LeaseUnknown"),
    (13, "LeaseActive"),
];
const NODES: &[(u32, &str)] = &[(1, "b-node"), (2, "p-node"), (4, "m-node"), (8, "h-node")];
const OVERLOADS: &[(u32, &str)] = &[(1, "file"), (2, "sname"), (3, "file+sname")];
const HARDWARE: &[(u32, &str)] =
    &[(1, "ether"), (6, "ieee802"), (7, "arcnet"), (15, "frelay"), (23, "strip"), (24, "ieee1394")];
const AGENTS: &[(u32, &str)] = &[(1, "Circuit-ID"), (2, "Remote-ID"), (6, "Subscriber-ID")];

/// The options behind the magic cookie, to the end of what was captured.
pub(super) fn print(printer: &mut Printer, bytes: &[u8]) -> Printed {
    let mut at = 0;
    while let Ok(tag) = u8_at(bytes, at) {
        at += 1;
        let is_filling = tag == PAD || tag == END;
        if is_filling && printer.options.verbose < 3 {
            if tag == END {
                return Ok(());
            }
            continue;
        }
        let (name, form) = dhcp_option_name::of(tag);
        let length = if is_filling { 0 } else { u8_at(bytes, at)? };
        at += usize::from(!is_filling);
        header(printer, name, tag, length);
        if tag == PAD {
            let more = rest(bytes, at).iter().take_while(|byte| **byte == PAD).count();
            at += more;
            if more > 0 {
                printer.out.text(", occurs ");
                printer.out.length(more + 1);
            }
        }
        let value = slice_at(bytes, at, length.into())?;
        at += value.len();
        match tag {
            MESSAGE_TYPE if length == 1 => message(printer, value)?,
            PARAMETER_REQUEST => requested(printer, value),
            _ => {
                let left = match form {
                    Form::Special => special(printer, tag, value)?,
                    form => plain(printer, form, value)?,
                };
                if left > 0 {
                    printer.out.text("\n\t  trailing data length ");
                    printer.out.length(left);
                }
            }
        }
    }
    Ok(())
}

fn header(printer: &mut Printer, name: &str, tag: u8, length: u8) {
    printer.out.text("\n\t    ");
    printer.out.text(name);
    printer.out.text(" (");
    printer.out.number(tag);
    printer.out.text("), length ");
    printer.out.number(length);
    if length > 0 {
        printer.out.text(": ");
    }
}

fn message(printer: &mut Printer, value: &[u8]) -> Printed {
    let kind = u8_at(value, 0)?;
    match word(MESSAGES, kind) {
        Some(name) => printer.out.text(name),
        None => {
            printer.out.text("Unknown (");
            printer.out.number(kind);
            printer.out.byte(b')');
        }
    }
    Ok(())
}

fn requested(printer: &mut Printer, tags: &[u8]) {
    for (at, tag) in tags.iter().enumerate() {
        printer.out.text(if at.is_multiple_of(4) { "\n\t      " } else { ", " });
        printer.out.text(dhcp_option_name::of(*tag).0);
        printer.out.text(" (");
        printer.out.number(*tag);
        printer.out.byte(b')');
    }
}

/// Numbers, addresses and text; gives how many bytes are left over.
fn plain(printer: &mut Printer, form: Form, value: &[u8]) -> Result<usize, Truncated> {
    let form = match form {
        Form::BySize if !value.len().is_multiple_of(2) => Form::Bytes,
        Form::BySize if !value.len().is_multiple_of(4) => Form::Shorts,
        Form::BySize => Form::Words,
        form => form,
    };
    let (size, between) = match form {
        Form::Text => {
            quoted(printer, value);
            return Ok(0);
        }
        Form::AddressPairs => (8, b','),
        Form::Addresses | Form::Words | Form::SignedWords => (4, b','),
        Form::Shorts => (2, b','),
        Form::Booleans => (1, b','),
        _ => (1, b'.'),
    };
    let pieces = value.chunks_exact(size);
    let left = pieces.remainder().len();
    for (at, piece) in pieces.enumerate() {
        if at > 0 {
            printer.out.byte(between);
        }
        element(printer, form, piece)?;
    }
    Ok(left)
}

fn element(printer: &mut Printer, form: Form, piece: &[u8]) -> Printed {
    match form {
        Form::AddressPairs => {
            printer.out.byte(b'(');
            printer.out.ipv4(array_at(piece, 0)?);
            printer.out.byte(b':');
            printer.out.ipv4(array_at(piece, 4)?);
            printer.out.byte(b')');
        }
        Form::Addresses => printer.out.ipv4(array_at(piece, 0)?),
        Form::Words => printer.out.number(u32_at(piece, 0)?),
        Form::SignedWords => {
            let number = u32_at(piece, 0)?.cast_signed();
            if number < 0 {
                printer.out.byte(b'-');
            }
            printer.out.number(number.unsigned_abs());
        }
        Form::Shorts => printer.out.number(u16_at(piece, 0)?),
        Form::Booleans => match u8_at(piece, 0)? {
            0 => printer.out.byte(b'N'),
            1 => printer.out.byte(b'Y'),
            other => {
                printer.out.number(other);
                printer.out.byte(b'?');
            }
        },
        _ => printer.out.number(u8_at(piece, 0)?),
    }
    Ok(())
}

fn quoted(printer: &mut Printer, text: &[u8]) {
    printer.out.byte(b'"');
    printer.out.visible(text);
    printer.out.byte(b'"');
}

/// Options with a form of their own; gives how many bytes are left over.
fn special(printer: &mut Printer, tag: u8, value: &[u8]) -> Result<usize, Truncated> {
    match tag {
        NETBIOS_NODE => Ok(named(printer, NODES, value)),
        OVERLOAD => Ok(named(printer, OVERLOADS, value)),
        CLIENT_NAME => client_name(printer, value),
        CLIENT_ID => Ok(client_id(printer, value)),
        RELAY_AGENT => Ok(relay_agent(printer, value)),
        USER_CLASS => Ok(user_class(printer, value)),
        _ if CLASSLESS_ROUTES.contains(&tag) => routes(printer, value),
        _ => {
            printer.out.text("[unknown special tag ");
            printer.out.number(tag);
            printer.out.text(", size ");
            printer.out.length(value.len());
            printer.out.byte(b']');
            Ok(0)
        }
    }
}

fn too_short(printer: &mut Printer, length: u8) {
    printer.out.text("[ERROR: length < ");
    printer.out.number(length);
    printer.out.text(" bytes]");
}

fn named(printer: &mut Printer, names: &[(u32, &'static str)], value: &[u8]) -> usize {
    let Some((first, left)) = value.split_first() else {
        too_short(printer, 1);
        return 0;
    };
    match word(names, *first) {
        Some(name) => printer.out.text(name),
        None => {
            printer.out.byte(b'#');
            printer.out.number(*first);
        }
    }
    left.len()
}

/// RFC 4702.
fn client_name(printer: &mut Printer, value: &[u8]) -> Result<usize, Truncated> {
    const FLAGS: [(u8, u8); 4] = [(1, b'S'), (2, b'O'), (4, b'E'), (8, b'N')];
    if value.len() < 3 {
        too_short(printer, 3);
        return Ok(0);
    }
    let flags = u8_at(value, 0)?;
    if flags & 0xf0 != 0 {
        printer.out.text("[ERROR: MBZ nibble 0x");
        printer.out.hex(flags >> 4, 1);
        printer.out.text(" != 0] ");
    }
    if flags & 0x0f != 0 {
        printer.out.byte(b'[');
        for (_, letter) in FLAGS.iter().filter(|(bit, _)| flags & bit != 0) {
            printer.out.byte(*letter);
        }
        printer.out.text("] ");
    }
    let (first, second) = (u8_at(value, 1)?, u8_at(value, 2)?);
    if first != 0 || second != 0 {
        printer.out.number(first);
        printer.out.byte(b'/');
        printer.out.number(second);
        printer.out.byte(b' ');
    }
    quoted(printer, rest(value, 3));
    Ok(0)
}

fn client_id(printer: &mut Printer, value: &[u8]) -> usize {
    let Some((kind, id)) = value.split_first() else {
        too_short(printer, 1);
        return 0;
    };
    if *kind == 0 {
        quoted(printer, id);
        return 0;
    }
    match word(HARDWARE, *kind) {
        Some(name) => printer.out.text(name),
        None => {
            printer.out.text("hardware-type ");
            printer.out.number(*kind);
            printer.out.byte(b',');
        }
    }
    printer.out.byte(b' ');
    printer.out.hardware_address(id);
    0
}

/// RFC 3046; an option of one byte more is left over.
fn relay_agent(printer: &mut Printer, mut value: &[u8]) -> usize {
    while let [kind, length, content @ ..] = value {
        let size = usize::from(*length);
        printer.out.text("\n\t      ");
        printer.out.text(word(AGENTS, *kind).unwrap_or("Unknown"));
        printer.out.text(" SubOption ");
        printer.out.number(*kind);
        printer.out.text(", length ");
        printer.out.number(*length);
        printer.out.text(": ");
        if size > content.len() {
            printer.out.text("length goes past end of option");
            return 0;
        }
        if word(AGENTS, *kind).is_some() {
            printer.out.visible(up_to(content, size));
        } else {
            hex::unknown(&mut printer.out, "\n\t\t", up_to(content, size));
        }
        value = rest(content, size);
    }
    value.len()
}

/// RFC 3442.
fn routes(printer: &mut Printer, mut value: &[u8]) -> Result<usize, Truncated> {
    if value.len() < 5 {
        too_short(printer, 5);
        return Ok(0);
    }
    let mut is_first = true;
    while let Some((width, after)) = value.split_first() {
        if !is_first {
            printer.out.byte(b',');
        }
        is_first = false;
        if *width > 32 {
            printer.out.text("[ERROR: Mask width (");
            printer.out.number(*width);
            printer.out.text(") > 32]");
            return Ok(0);
        }
        let octets = usize::from(*width).div_ceil(8);
        if after.len() < octets + 4 {
            printer.out.text("[ERROR: Remaining length (");
            printer.out.length(after.len());
            printer.out.text(") < ");
            printer.out.length(octets + 4);
            printer.out.text(" bytes]");
            return Ok(0);
        }
        printer.out.byte(b'(');
        if *width == 0 {
            printer.out.text("default");
        } else {
            let mut network = [0; 4];
            for (to, from) in network.iter_mut().zip(up_to(after, octets)) {
                *to = *from;
            }
            printer.out.ipv4(network);
            printer.out.byte(b'/');
            printer.out.number(*width);
        }
        printer.out.byte(b':');
        printer.out.ipv4(array_at(after, octets)?);
        printer.out.byte(b')');
        value = rest(after, octets + 4);
    }
    Ok(0)
}

/// RFC 3004.
fn user_class(printer: &mut Printer, mut value: &[u8]) -> usize {
    if value.len() < 2 {
        too_short(printer, 2);
        return 0;
    }
    let mut number = 1_u32;
    while let Some((length, after)) = value.split_first() {
        printer.out.text("\n\t      instance#");
        printer.out.number(number);
        printer.out.text(": ");
        let size = usize::from(*length);
        if size == 0 {
            printer.out.text("[ERROR: suboption length must be non-zero]");
            return 0;
        }
        if after.len() < size {
            printer.out.text("[ERROR: invalid option]");
            return 0;
        }
        quoted(printer, up_to(after, size));
        printer.out.text(", length ");
        printer.out.number(*length);
        number += 1;
        value = rest(after, size);
    }
    0
}
