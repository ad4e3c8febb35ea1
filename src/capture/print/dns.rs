//! DNS, RFC 1035: questions and counts here, records in [`dns_record`](super::dns_record).

use super::bytes::{Printed, Truncated, slice_at, u8_at, u16_at};
use super::{Printer, dns_record as record, word};

/// What carries a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// UDP, port 53.
    Udp,
    /// TCP, port 53: a length of two bytes stands before the message.
    Tcp,
    /// Multicast DNS, RFC 6762.
    Multicast,
}

const HEADER: usize = 12;
const OPT: u16 = 41;
const INVERSE_QUERY: u16 = 1;

const OPERATIONS: [&str; 16] = [
    "",
    " inv_q",
    " stat",
    " op3",
    " notify",
    " update",
    " op6",
    " op7",
    " op8",
    " updateA",
    " updateD",
    " updateDA",
    " updateM",
    " updateMA",
    " zoneInit",
    " zoneRef",
];

const RESPONSES: &[(u32, &str)] = &[
    (0, ""),
    (1, " FormErr"),
    (2, " ServFail"),
    (3, " NXDomain"),
    (4, " NotImp"),
    (5, " Refused"),
    (6, " YXDomain"),
    (7, " YXRRSet"),
    (8, " NXRRSet"),
    (9, " NotAuth"),
    (10, " NotZone"),
    (11, " Resp11"),
    (12, " Resp12"),
    (13, " Resp13"),
    (14, " Resp14"),
    (15, " NoChange"),
    (16, " BadVers"),
    (17, " Resp17"),
    (23, " BadCookie"),
];

/// How many records of each kind follow.
#[derive(Clone, Copy)]
struct Counts {
    questions: u16,
    answers: u16,
    authorities: u16,
    additional: u16,
}

/// A message of `length` bytes.
pub(super) fn print(printer: &mut Printer, bytes: &[u8], length: usize, carrier: Carrier) -> Printed {
    printer.protocol = "domain";
    let (mut message, mut length) = (bytes, length);
    if carrier == Carrier::Tcp {
        if length < 2 {
            printer.out.text(" [DNS over TCP: length ");
            printer.out.length(length);
            printer.out.text(" < 2]");
            printer.invalid();
            return Ok(());
        }
        length -= 2;
        let prefix = usize::from(u16_at(bytes, 0)?);
        if prefix != length {
            printer.out.text(" [prefix length(");
            printer.out.length(prefix);
            printer.out.text(") != length(");
            printer.out.length(length);
            printer.out.text(")]");
            printer.invalid();
            return Ok(());
        }
        message = bytes.get(2..).unwrap_or_default();
        printer.out.byte(b' ');
    }
    if length < HEADER {
        printer.out.text("domain [length ");
        printer.out.length(length);
        printer.out.text(" < 12]");
        printer.invalid();
        return Ok(());
    }
    slice_at(message, 0, HEADER)?;
    let counts = Counts {
        questions: u16_at(message, 4)?,
        answers: u16_at(message, 6)?,
        authorities: u16_at(message, 8)?,
        additional: u16_at(message, 10)?,
    };
    let flags = u16_at(message, 2)?;
    if flags & 0x8000 != 0 {
        response(printer, message, flags, counts, carrier)?;
    } else {
        request(printer, message, flags, counts, carrier)?;
    }
    printer.out.text(" (");
    printer.out.length(length);
    printer.out.byte(b')');
    Ok(())
}

fn operation(flags: u16) -> &'static str {
    OPERATIONS.get(usize::from(flags >> 11 & 0xf)).copied().unwrap_or_default()
}

fn response(printer: &mut Printer, message: &[u8], flags: u16, counts: Counts, carrier: Carrier) -> Printed {
    printer.out.number(u16_at(message, 0)?);
    printer.out.text(operation(flags));
    let code = response_code(message, flags, counts);
    match word(RESPONSES, code) {
        Some(name) => printer.out.text(name),
        None => {
            printer.out.text(" Resp");
            printer.out.number(code);
        }
    }
    for (bit, is_set, mark) in [(0x0400, true, "*"), (0x0080, false, "-"), (0x0200, true, "|"), (0x0020, true, "$")] {
        if (flags & bit != 0) == is_set {
            printer.out.text(mark);
        }
    }
    if counts.questions != 1 {
        bracketed(printer, counts.questions, "q");
    }
    let mut at = HEADER;
    for number in 0..counts.questions {
        if number > 0 {
            printer.out.byte(b',');
        }
        if printer.options.verbose > 1 {
            printer.out.text(" q:");
            at = question(printer, message, at, carrier)?;
        } else {
            at = record::skip_name(message, at)? + 4;
        }
    }
    printer.out.byte(b' ');
    for (number, separator) in [(counts.answers, "/"), (counts.authorities, "/"), (counts.additional, "")] {
        printer.out.number(number);
        printer.out.text(separator);
    }
    at = section(printer, message, at, counts.answers, "", carrier)?;
    if printer.options.verbose > 1 {
        at = section(printer, message, at, counts.authorities, " ns:", carrier)?;
        section(printer, message, at, counts.additional, " ar:", carrier)?;
    }
    Ok(())
}

fn request(printer: &mut Printer, message: &[u8], flags: u16, counts: Counts, carrier: Carrier) -> Printed {
    printer.out.number(u16_at(message, 0)?);
    printer.out.text(operation(flags));
    printer.out.text(if flags & 0x0100 != 0 { "+" } else { "" });
    printer.out.text(if flags & 0x0010 != 0 { "%" } else { "" });
    // Bits that have no meaning in a request.
    if flags & 0x06cf != 0 {
        printer.out.text(" [b2&3=0x");
        printer.out.hex(flags, 1);
        printer.out.byte(b']');
    }
    if flags >> 11 & 0xf == INVERSE_QUERY {
        if counts.questions != 0 {
            bracketed(printer, counts.questions, "q");
        }
        if counts.answers != 1 {
            bracketed(printer, counts.answers, "a");
        }
    } else {
        if counts.answers != 0 {
            bracketed(printer, counts.answers, "a");
        }
        if counts.questions != 1 {
            bracketed(printer, counts.questions, "q");
        }
    }
    if counts.authorities != 0 {
        bracketed(printer, counts.authorities, "n");
    }
    if counts.additional != 0 {
        bracketed(printer, counts.additional, "au");
    }
    let mut at = HEADER;
    for number in 0..counts.questions {
        if number > 0 && at >= message.len() {
            return Err(Truncated);
        }
        at = question(printer, message, at, carrier)?;
    }
    if printer.options.verbose > 1 {
        let sections = [(counts.answers, ""), (counts.authorities, " ns:"), (counts.additional, " ar:")];
        for (count, label) in sections {
            at = section(printer, message, at, count, label, carrier)?;
        }
    }
    Ok(())
}

fn bracketed(printer: &mut Printer, count: u16, what: &str) {
    printer.out.text(" [");
    printer.out.number(count);
    printer.out.text(what);
    printer.out.byte(b']');
}

/// The response code, with the high bits of an EDNS record where one is
/// captured (RFC 6891 section 6.1.3).
fn response_code(message: &[u8], flags: u16, counts: Counts) -> u16 {
    let code = flags & 0xf;
    extended_code(message, counts).map_or(code, |high| code | high << 4)
}

fn extended_code(message: &[u8], counts: Counts) -> Option<u16> {
    let mut at = HEADER;
    for _ in 0..counts.questions {
        at = record::skip_name(message, at).ok()? + 4;
        message.get(at)?;
    }
    for _ in 0..u32::from(counts.answers) + u32::from(counts.authorities) {
        at = record::skip_name(message, at).ok()? + 8;
        at += 2 + usize::from(u16_at(message, at).ok()?);
        message.get(at)?;
    }
    for _ in 0..counts.additional {
        at = record::skip_name(message, at).ok()?;
        let kind = u16_at(message, at).ok()?;
        if kind == OPT {
            return u8_at(message, at + 4).ok().map(u16::from);
        }
        at += 8;
        at += 2 + usize::from(u16_at(message, at).ok()?);
        message.get(at)?;
    }
    None
}

fn question(printer: &mut Printer, message: &[u8], at: usize, carrier: Carrier) -> Result<usize, Truncated> {
    let behind = record::skip_name(message, at)?;
    let fixed = slice_at(message, behind, 4)?;
    let (kind, class) = (u16_at(fixed, 0)?, u16_at(fixed, 2)?);
    printer.out.byte(b' ');
    record::print_type(printer, kind);
    let is_multicast = carrier == Carrier::Multicast;
    record::print_class(printer, if is_multicast { class & 0x7fff } else { class });
    if is_multicast {
        printer.out.text(if class & 0x8000 != 0 { " (QU)" } else { " (QM)" });
    }
    printer.out.text("? ");
    Ok(record::name(printer, message, at)? + 4)
}

/// Records of one section; the capture may end before the last of them.
fn section(
    printer: &mut Printer,
    message: &[u8],
    mut at: usize,
    count: u16,
    title: &str,
    carrier: Carrier,
) -> Result<usize, Truncated> {
    for number in 0..count {
        // tcpdump tries the first of the answers even where none is captured.
        if at >= message.len() && (number > 0 || !title.is_empty()) {
            return Err(Truncated);
        }
        printer.out.text(if number == 0 { title } else { "," });
        at = record::print(printer, message, at, carrier == Carrier::Multicast)?;
    }
    Ok(at)
}
