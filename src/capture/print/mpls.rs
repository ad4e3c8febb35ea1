//! Label stacks, RFC 3032, on links and in UDP and GRE.

use super::bytes::{Printed, rest, slice_at, u8_at, u32_at};
use super::{Printer, ip4, ip6};

/// The port of MPLS in UDP, RFC 7510.
pub(super) const PORT: u16 = 6635;
const ENTRY: usize = 4;
const RESERVED: [&str; 4] = ["IPv4 explicit NULL", "router alert", "IPv6 explicit NULL", "implicit NULL"];

/// A stack, and what stands below it.
pub(super) fn print(printer: &mut Printer, bytes: &[u8], length: usize) -> Printed {
    printer.protocol = "mpls";
    printer.out.text("MPLS");
    let is_verbose = printer.options.verbose > 0;
    let mut at = 0;
    let label = loop {
        if length - at < ENTRY {
            printer.invalid();
            return slice_at(bytes, at, length - at).map(|_| ());
        }
        let entry = u32_at(bytes, at)?;
        let label = entry >> 12;
        printer.labelled(if at > 0 && is_verbose { "\n\t(label " } else { " (label " }, label);
        let name = usize::try_from(label).ok().and_then(|label| RESERVED.get(label));
        if let Some(name) = name.filter(|_| is_verbose) {
            printer.out.text(" (");
            printer.out.text(name);
            printer.out.byte(b')');
        }
        printer.labelled(", tc ", entry >> 9 & 7);
        if entry & 0x100 != 0 {
            printer.out.text(", [S]");
        }
        printer.labelled(", ttl ", entry & 0xff);
        printer.out.byte(b')');
        at += ENTRY;
        if entry & 0x100 != 0 {
            break label;
        }
    };
    let (inner, left) = (rest(bytes, at), length - at);
    let first = match label {
        0 | 3 => 0x45,
        2 => 0x60,
        // Nothing says what follows but its own first byte.
        _ if left == 0 => return Ok(()),
        _ => u8_at(inner, 0)?,
    };
    let separator = if is_verbose { "\n\t" } else { " " };
    match first {
        0x45..=0x4f => {
            printer.out.text(separator);
            printer.nested(|printer| ip4::print(printer, inner, left))
        }
        0x60..=0x6f => {
            printer.out.text(separator);
            printer.nested(|printer| ip6::print(printer, inner, left))
        }
        _ => {
            printer.unknown_bytes(super::bytes::up_to(inner, left));
            Ok(())
        }
    }
}
