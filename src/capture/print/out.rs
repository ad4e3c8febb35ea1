//! The line that is being written: bytes, with fast numbers and addresses.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A growing line.
#[derive(Debug, Default)]
pub(super) struct Out {
    bytes: Vec<u8>,
}

const HEX: &[u8; 16] = b"0123456789abcdef";

impl Out {
    /// What was written so far.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets what was written, and keeps its room.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Takes back what was written after the first `length` bytes.
    pub(super) fn cut(&mut self, length: usize) {
        self.bytes.truncate(length);
    }

    /// Text as it is.
    pub(super) fn text(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// One byte as it is.
    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// A whole number.
    pub(super) fn number(&mut self, number: impl Into<u64>) {
        self.padded(number.into(), 1, b'0');
    }

    /// A whole number of at least `width` digits, filled with `fill`.
    pub(super) fn padded(&mut self, mut number: u64, width: usize, fill: u8) {
        let mut digits = [0_u8; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            if let (Some(digit), Ok(value)) = (digits.get_mut(at), u8::try_from(number % 10)) {
                *digit = b'0' + value;
            }
            number /= 10;
            if number == 0 {
                break;
            }
        }
        let written = digits.get(at..).unwrap_or_default();
        for _ in written.len()..width {
            self.bytes.push(fill);
        }
        self.bytes.extend_from_slice(written);
    }

    /// A length, which `usize` has and lines print as any number.
    pub(super) fn length(&mut self, length: usize) {
        self.padded(u64::try_from(length).unwrap_or(u64::MAX), 1, b'0');
    }

    /// A number in hexadecimal, of at least `width` digits.
    pub(super) fn hex(&mut self, number: impl Into<u64>, width: usize) {
        let number = number.into();
        let digits = (64 - number.leading_zeros()).div_ceil(4).max(1);
        let digits = usize::try_from(digits).unwrap_or(16).max(width);
        for place in (0..digits).rev() {
            let nibble = if place < 16 { (number >> (place * 4)) & 0xf } else { 0 };
            self.nibble(nibble);
        }
    }

    fn nibble(&mut self, nibble: u64) {
        let digit = usize::try_from(nibble & 0xf).ok().and_then(|at| HEX.get(at));
        self.bytes.push(digit.copied().unwrap_or(b'?'));
    }

    /// Bytes in hexadecimal without anything between them.
    pub(super) fn hex_bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hex(*byte, 2);
        }
    }

    /// A hardware address, its bytes in hexadecimal with colons between.
    pub(super) fn hardware_address(&mut self, bytes: &[u8]) {
        for (at, byte) in bytes.iter().enumerate() {
            if at > 0 {
                self.bytes.push(b':');
            }
            self.hex(*byte, 2);
        }
    }

    /// An IPv4 address.
    pub(super) fn ipv4(&mut self, address: [u8; 4]) {
        for (at, byte) in address.iter().enumerate() {
            if at > 0 {
                self.bytes.push(b'.');
            }
            self.number(*byte);
        }
    }

    /// An IPv6 address in the form of RFC 5952; the last four bytes as IPv4
    /// where the address maps or translates one.
    pub(super) fn ipv6(&mut self, address: [u8; 16]) {
        let address = Ipv6Addr::from(address);
        let segments = address.segments();
        let (start, run) = longest_zero_run(&segments);
        let is_compatible = start == 0 && (run == 6 || (run == 5 && segments.get(5) == Some(&0xffff)));
        let shown = if is_compatible { 6 } else { 8 };
        let mut at = 0;
        while at < shown {
            if run > 1 && at == start {
                self.text("::");
                at += run;
                continue;
            }
            if at > 0 && (run <= 1 || at != start + run) {
                self.bytes.push(b':');
            }
            if let Some(segment) = segments.get(at) {
                self.hex(*segment, 1);
            }
            at += 1;
        }
        if is_compatible {
            if !self.bytes.ends_with(b":") {
                self.bytes.push(b':');
            }
            let last = address.octets();
            let [.., a, b, c, d] = last;
            self.ipv4(Ipv4Addr::new(a, b, c, d).octets());
        }
    }

    /// Captured text: as tcpdump shows it, with `^` and `M-` for what cannot
    /// be printed.
    pub(super) fn visible(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let mut byte = *byte;
            if byte >= 0x80 {
                self.text("M-");
                byte &= 0x7f;
            }
            if !(0x20..0x7f).contains(&byte) {
                self.bytes.push(b'^');
                byte ^= 0x40;
            }
            self.bytes.push(byte);
        }
    }
}

/// Where the longest run of zeros starts, and how long it is; the first of
/// several equally long.
fn longest_zero_run(segments: &[u16; 8]) -> (usize, usize) {
    let (mut best, mut start, mut run) = ((0, 0), 0, 0);
    for (at, segment) in segments.iter().enumerate() {
        if *segment == 0 {
            if run == 0 {
                start = at;
            }
            run += 1;
            if run > best.1 {
                best = (start, run);
            }
        } else {
            run = 0;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Out)) -> String {
        let mut out = Out::default();
        write(&mut out);
        String::from_utf8(out.bytes).unwrap()
    }

    #[test]
    fn numbers_are_filled_to_their_width() {
        assert_eq!(written(|out| out.padded(7, 3, b'0')), "007");
        assert_eq!(written(|out| out.number(0_u8)), "0");
        assert_eq!(written(|out| out.hex(0x1a_u8, 4)), "001a");
    }

    #[test]
    fn ipv6_addresses_leave_out_the_longest_run_of_zeros() {
        for text in [
            "fd00::2",
            "::",
            "::1",
            "fe80::b299:28ff:fec8:d66c",
            "1:0:2::3",
            "ff02::1:ff00:3",
            "1:2:3:4:5:6:7:8",
            "1::",
        ] {
            let address: Ipv6Addr = text.parse().unwrap();
            assert_eq!(written(|out| out.ipv6(address.octets())), text);
        }
    }

    #[test]
    fn mapped_addresses_end_in_ipv4() {
        let address: Ipv6Addr = "::ffff:10.1.2.3".parse().unwrap();
        assert_eq!(written(|out| out.ipv6(address.octets())), "::ffff:10.1.2.3");
    }

    #[test]
    fn control_characters_of_a_packet_are_shown_not_sent() {
        assert_eq!(written(|out| out.visible(b"a\x1b[31m\x80")), "a^[[31mM-^@");
    }
}
