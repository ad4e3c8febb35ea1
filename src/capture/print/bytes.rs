//! Reading of captured bytes, where every byte may be missing.

/// A field lies beyond what was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Truncated;

/// A result of printing: done, or the capture ended first.
pub(super) type Printed = Result<(), Truncated>;

/// The byte at an offset.
pub(super) fn u8_at(bytes: &[u8], at: usize) -> Result<u8, Truncated> {
    bytes.get(at).copied().ok_or(Truncated)
}

/// The two bytes at an offset, in network order.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Truncated> {
    array_at(bytes, at).map(u16::from_be_bytes)
}

/// The four bytes at an offset, in network order.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Truncated> {
    array_at(bytes, at).map(u32::from_be_bytes)
}

/// As many bytes as the result has, at an offset.
pub(super) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Truncated> {
    slice_at(bytes, at, N)?.try_into().map_err(|_| Truncated)
}

/// So many bytes at an offset.
pub(super) fn slice_at(bytes: &[u8], at: usize, length: usize) -> Result<&[u8], Truncated> {
    bytes.get(at..at.checked_add(length).ok_or(Truncated)?).ok_or(Truncated)
}

/// What is captured from an offset on.
pub(super) fn rest(bytes: &[u8], at: usize) -> &[u8] {
    bytes.get(at..).unwrap_or_default()
}

/// The first bytes, at most so many.
pub(super) fn up_to(bytes: &[u8], length: usize) -> &[u8] {
    bytes.get(..length).unwrap_or(bytes)
}

/// The Internet checksum (RFC 1071) of several pieces; 0 if the checksum that
/// they contain is right.
pub(super) fn checksum(pieces: &[&[u8]]) -> u16 {
    let mut sum = 0_u64;
    for piece in pieces {
        let mut pairs = piece.chunks_exact(2);
        for pair in &mut pairs {
            if let [high, low] = pair {
                sum += u64::from(u16::from_be_bytes([*high, *low]));
            }
        }
        if let [last] = pairs.remainder() {
            sum += u64::from(*last) << 8;
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

/// The checksum that should have stood in place of `found`, where the sum
/// over all came out as `sum`.
pub(super) fn checksum_should_be(found: u16, sum: u16) -> u16 {
    let mut should = u32::from(found) + u32::from(sum);
    while should > 0xffff {
        should = (should & 0xffff) + (should >> 16);
    }
    u16::try_from(should).unwrap_or(0)
}
