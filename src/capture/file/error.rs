//! What can be wrong with a capture file, and at which byte.

use std::io;

/// Why a capture file could not be read on.
#[derive(Debug, thiserror::Error)]
pub enum ReadCapture {
    /// The stream failed.
    #[error("at byte {offset}: {source}")]
    Stream {
        /// Where in the file.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The first bytes are of another kind of file.
    #[error("neither pcap nor pcapng: the file begins with {:02x} {:02x} {:02x} {:02x}", magic[0], magic[1], magic[2], magic[3])]
    UnknownFormat {
        /// The first bytes.
        magic: [u8; 4],
    },
    /// The file ends too early.
    #[error("at byte {offset}: the file ends within {part}")]
    Truncated {
        /// Where the part begins.
        offset: u64,
        /// What is not complete.
        part: &'static str,
    },
    /// A record or block is longer than any that is believed.
    #[error("at byte {offset}: {part} claims {length} bytes; at most {} are read", super::MAX_BLOCK)]
    TooLong {
        /// Where the part begins.
        offset: u64,
        /// What is too long.
        part: &'static str,
        /// How long it says it is.
        length: u64,
    },
    /// A version of the format that is not known.
    #[error("at byte {offset}: version {major}.{minor} of the format is not known")]
    UnknownVersion {
        /// Where the header begins.
        offset: u64,
        /// The version's first number.
        major: u16,
        /// The version's second number.
        minor: u16,
    },
    /// What stands there is not in the format.
    #[error("at byte {offset}: {fault}")]
    Malformed {
        /// Where the record or block begins.
        offset: u64,
        /// What is wrong with it.
        fault: &'static str,
    },
}
