//! Protocols of text lines: HTTP and those like it.

use super::Printer;
use super::bytes::Printed;

/// A protocol of text lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextProtocol {
    /// Its name, in lower case as `[|…]` shows it.
    name: &'static str,
    /// Words that begin a request; none where every segment is shown.
    requests: &'static [&'static str],
    /// Whether a response's code is its second word.
    is_code_second: bool,
}

const HTTP: TextProtocol = TextProtocol {
    name: "http",
    requests: &[
        "GET",
        "PUT",
        "COPY",
        "HEAD",
        "LOCK",
        "MOVE",
        "POLL",
        "POST",
        "BCOPY",
        "BMOVE",
        "MKCOL",
        "TRACE",
        "LABEL",
        "MERGE",
        "DELETE",
        "SEARCH",
        "UNLOCK",
        "REPORT",
        "UPDATE",
        "NOTIFY",
        "BDELETE",
        "CONNECT",
        "OPTIONS",
        "CHECKIN",
        "PROPFIND",
        "CHECKOUT",
        "CCM_POST",
        "SUBSCRIBE",
        "PROPPATCH",
        "BPROPFIND",
        "BPROPPATCH",
        "UNCHECKOUT",
        "MKACTIVITY",
        "MKWORKSPACE",
        "UNSUBSCRIBE",
        "RPC_CONNECT",
        "VERSION-CONTROL",
        "BASELINE-CONTROL",
    ],
    is_code_second: true,
};
const SMTP: TextProtocol = TextProtocol { name: "smtp", requests: &[], is_code_second: false };
const FTP: TextProtocol = TextProtocol { name: "ftp", requests: &[], is_code_second: false };

/// The protocol that a port is known for.
pub(super) fn of_port(source: u16, destination: u16) -> Option<TextProtocol> {
    let is_port = |port: u16| source == port || destination == port;
    if is_port(25) {
        Some(SMTP)
    } else if is_port(21) {
        Some(FTP)
    } else if is_port(80) || is_port(8080) {
        Some(HTTP)
    } else {
        None
    }
}

/// The version that both sides of SSH begin with, RFC 4253 section 4.2; nothing
/// of what follows.
pub(super) fn print_ssh(printer: &mut Printer, data: &[u8], length: usize) -> Printed {
    printer.protocol = "ssh";
    for (at, letter) in b"SSH-".iter().enumerate() {
        if super::bytes::u8_at(data, at)? != *letter {
            return Ok(());
        }
    }
    for at in 4..length {
        let byte = super::bytes::u8_at(data, at)?;
        let is_end = byte == b'\n' || (byte == b'\r' && super::bytes::u8_at(data, at + 1) == Ok(b'\n'));
        if is_end {
            show(printer, ": SSH: ", data, 0, at);
        }
        if is_end || !(byte.is_ascii_graphic() || byte == b' ') {
            break;
        }
    }
    Ok(())
}

/// Longest word that is looked at.
const MAX_WORD: usize = 128;

/// The first line of a segment; with `-v`, every line of it.
pub(super) fn print(printer: &mut Printer, protocol: TextProtocol, data: &[u8], length: usize) -> Printed {
    printer.protocol = protocol.name;
    printer.out.text(&protocol.name.to_ascii_uppercase());
    if !is_message(protocol, data) {
        return Ok(());
    }
    if printer.options.verbose == 0 {
        line(printer, ": ", data, 0, length)?;
        return Ok(());
    }
    printer.out.text(", length: ");
    printer.out.length(length);
    let mut at = 0;
    while at < length {
        match line(printer, "\n\t", data, at, length)? {
            Some(next) => at = next,
            None => break,
        }
    }
    Ok(())
}

/// Whether a segment begins a request or response, as against the middle of
/// a body.
fn is_message(protocol: TextProtocol, data: &[u8]) -> bool {
    if protocol.requests.is_empty() {
        return true;
    }
    let Some((word, next)) = word(data, 0) else { return false };
    if protocol.requests.iter().any(|request| word.eq_ignore_ascii_case(request.as_bytes())) {
        return true;
    }
    let code = if protocol.is_code_second { self::word(data, next).map(|(word, _)| word) } else { Some(word) };
    code.is_some_and(|code| code.len() == 3 && code.iter().all(u8::is_ascii_digit))
}

/// The word at an offset and where the next one starts; none where there is
/// no word or it does not end.
fn word(data: &[u8], start: usize) -> Option<(&[u8], usize)> {
    let bytes = data.get(start..)?;
    let end = bytes.iter().position(|byte| !byte.is_ascii_graphic())?;
    let ended_by = *bytes.get(end)?;
    if end == 0 || end > MAX_WORD || !ended_by.is_ascii_whitespace() {
        return None;
    }
    let blanks = bytes.get(end..)?.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
    Some((bytes.get(..end)?, start + end + blanks))
}

/// One line; gives where the next starts, or none where what follows is not
/// text or not complete.
fn line(
    printer: &mut Printer,
    before: &str,
    data: &[u8],
    start: usize,
    length: usize,
) -> Result<Option<usize>, super::Truncated> {
    let mut at = start;
    while at < length {
        let byte = super::bytes::u8_at(data, at)?;
        let next = match byte {
            b'\n' => at + 1,
            b'\r' if at + 1 >= length => return Ok(None),
            b'\r' if super::bytes::u8_at(data, at + 1)? == b'\n' => at + 2,
            b'\t' | 0x20..=0x7e => {
                at += 1;
                continue;
            }
            _ => return Ok(None),
        };
        show(printer, before, data, start, at);
        return Ok(Some(next));
    }
    show(printer, before, data, start, at);
    printer.truncated();
    Ok(None)
}

fn show(printer: &mut Printer, before: &str, data: &[u8], start: usize, end: usize) {
    printer.out.text(before);
    for byte in data.get(start..end).unwrap_or_default() {
        printer.out.byte(*byte);
    }
}
