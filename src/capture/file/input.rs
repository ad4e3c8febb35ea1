//! The stream that a capture file is read from, and numbers in both orders of
//! bytes.

use std::io::{self, BufReader, Read};

use super::{MAX_BLOCK, ReadCapture};

/// How many bytes tell the format.
pub(super) const MAGIC: usize = 4;

/// A stream that knows how far it was read.
#[derive(Debug)]
pub(super) struct Input<R> {
    stream: BufReader<R>,
    offset: u64,
}

impl<R: Read> Input<R> {
    /// A stream that was not read from yet.
    pub(super) fn new(stream: R) -> Self {
        Input { stream: BufReader::new(stream), offset: 0 }
    }

    /// How many bytes were read.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads exactly `length` bytes to `to`, in place of what it holds.
    pub(super) fn read(&mut self, to: &mut Vec<u8>, length: usize, part: &'static str) -> Result<(), ReadCapture> {
        let offset = self.offset;
        if self.read_or_end(to, length, part)? { Ok(()) } else { Err(ReadCapture::Truncated { offset, part }) }
    }

    /// The same, but false where the stream has ended before the first byte.
    pub(super) fn read_or_end(
        &mut self,
        to: &mut Vec<u8>,
        length: usize,
        part: &'static str,
    ) -> Result<bool, ReadCapture> {
        let offset = self.offset;
        let wanted = u64::try_from(length).unwrap_or(u64::MAX);
        if length > MAX_BLOCK {
            return Err(ReadCapture::TooLong { offset, part, length: wanted });
        }
        to.clear();
        // Grows with what comes, not with what a length claims.
        let read = (&mut self.stream).take(wanted).read_to_end(to);
        let read = read.map_err(|source| ReadCapture::Stream { offset, source })?;
        self.offset = offset.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        if read == 0 && length > 0 {
            return Ok(false);
        }
        if read < length {
            return Err(ReadCapture::Truncated { offset, part });
        }
        Ok(true)
    }

    /// Passes over bytes without keeping them.
    pub(super) fn skip(&mut self, length: u64, part: &'static str) -> Result<(), ReadCapture> {
        let offset = self.offset;
        let skipped = io::copy(&mut (&mut self.stream).take(length), &mut io::sink());
        let skipped = skipped.map_err(|source| ReadCapture::Stream { offset, source })?;
        self.offset = offset.saturating_add(skipped);
        if skipped < length { Err(ReadCapture::Truncated { offset, part }) } else { Ok(()) }
    }
}

/// The order of the bytes of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    /// The lowest first.
    Little,
    /// The highest first.
    Big,
}

impl ByteOrder {
    /// The number of two bytes at an offset.
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = array(bytes, at)?;
        Some(if self == ByteOrder::Big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    /// The number of four bytes at an offset.
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = array(bytes, at)?;
        Some(if self == ByteOrder::Big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// The number of eight bytes at an offset.
    pub(super) fn i64(self, bytes: &[u8], at: usize) -> Option<i64> {
        let bytes = array(bytes, at)?;
        Some(if self == ByteOrder::Big { i64::from_be_bytes(bytes) } else { i64::from_le_bytes(bytes) })
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// A length as the index that it is.
pub(super) fn index(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
