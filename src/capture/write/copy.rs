//! A pcapng file that comes from elsewhere, written as it is: block by block, so
//! that it is valid wherever it breaks off.

use std::io::{self, Write};

use super::WriteCapture;
use super::output::Output;

/// The type of the first block.
const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// A block has its length twice and its type; none is longer than this.
const LENGTHS: std::ops::RangeInclusive<usize> = 12..=(32 << 20);

/// Writes the bytes of a pcapng file.
#[derive(Debug)]
pub struct Copy {
    output: Output,
    /// The beginning of a block that has not come to its end.
    rest: Vec<u8>,
    has_begun: bool,
}

impl Copy {
    /// Opens a file for it.
    ///
    /// # Errors
    /// If it cannot be opened, or what stands there is not ours.
    pub fn to_file(path: &str) -> Result<Self, WriteCapture> {
        Ok(Copy { output: Output::file(path)?, rest: Vec::new(), has_begun: false })
    }

    /// Writes to a stream that is called `name` in errors.
    pub fn to_stream(name: &str, stream: Box<dyn Write + Send>) -> Self {
        Copy { output: Output::stream(name, stream), rest: Vec::new(), has_begun: false }
    }

    /// Takes more bytes, and writes the blocks that are whole.
    ///
    /// # Errors
    /// If writing fails, or the bytes are of no such file.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), WriteCapture> {
        self.rest.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(block) = self.block(at)? {
            at += block.len();
            let block = block.to_vec();
            self.has_begun = true;
            self.output.block(|out| out.extend_from_slice(&block))?;
        }
        self.rest.drain(..at);
        self.output.flush()
    }

    /// The block that begins at an offset, once it is whole.
    fn block(&self, at: usize) -> Result<Option<&[u8]>, WriteCapture> {
        let Some((kind, left)) = self.rest.get(at..).and_then(|rest| rest.split_first_chunk::<4>()) else {
            return Ok(None);
        };
        // In the order of bytes that our writer always has.
        let Some(length) = left.first_chunk().map(|length| u32::from_le_bytes(*length)) else { return Ok(None) };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if (!self.has_begun && *kind != SECTION) || !LENGTHS.contains(&length) || !length.is_multiple_of(4) {
            let source = io::Error::new(io::ErrorKind::InvalidData, "what comes is no capture file");
            let kept_bytes = self.output.length();
            return Err(WriteCapture::Write { path: self.output.name().to_owned(), source, kept_bytes });
        }
        Ok(self.rest.get(at..at + length))
    }

    /// Writes everything and closes the file; a block that has not come to its
    /// end is left out.
    ///
    /// # Errors
    /// If writing fails.
    pub fn finish(self) -> Result<(), WriteCapture> {
        self.output.finish()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the files are of the tests")]

    use super::super::{InterfaceDescription, Notes, WriteOptions, Writer};
    use super::*;
    use crate::capture::packet::{LinkType, Packet};

    fn capture() -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a").to_str().unwrap().to_owned();
        let now = jiff::Timestamp::from_second(1_700_000_000).unwrap();
        let mut writer = Writer::to_file(&path, WriteOptions::default(), now).unwrap();
        let number = writer.add_interface(InterfaceDescription::new("a:eth0", LinkType::Ethernet)).unwrap();
        for bytes in [&b"one"[..], b"another"] {
            let packet = Packet { timestamp_ns: 1, carried_s: 0, length: 60, bytes, link_type: LinkType::Ethernet };
            let _ = writer.write(number, &packet, &Notes::default(), now).unwrap();
        }
        writer.finish().unwrap();
        std::fs::read(&path).unwrap()
    }

    fn copied(capture: &[u8], piece: usize) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b").to_str().unwrap().to_owned();
        let mut copy = Copy::to_file(&path).unwrap();
        capture.chunks(piece).for_each(|piece| copy.take(piece).unwrap());
        copy.finish().unwrap();
        std::fs::read(&path).unwrap()
    }

    #[test]
    fn a_file_comes_unchanged_whatever_its_pieces_are() {
        let capture = capture();
        for piece in [1, 3, 7, 64, capture.len()] {
            assert_eq!(copied(&capture, piece), capture);
        }
    }

    #[test]
    fn what_breaks_off_ends_with_a_whole_block() {
        let capture = capture();
        let cut = copied(&capture[..capture.len() - 5], 9);
        let mut reader = crate::capture::file::Reader::new(cut.as_slice()).unwrap();
        assert_eq!(reader.read().unwrap().unwrap().packet.bytes, b"one");
        assert!(reader.read().unwrap().is_none(), "the second packet is not whole");
    }

    #[test]
    fn what_is_no_capture_is_refused() {
        let mut copy = Copy::to_stream("stdout", Box::new(io::sink()));
        assert!(copy.take(b"sh: scanner: not found\n").is_err());
    }
}
