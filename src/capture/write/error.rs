//! What can go wrong when packets are written.

use std::io;

/// Why a capture could not be written on.
#[derive(Debug, thiserror::Error)]
pub enum WriteCapture {
    /// The file could not be opened.
    #[error("open {path}: {source}")]
    Open {
        /// Which.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// What stands there is not ours to overwrite.
    #[error("open {path}: {reason}")]
    Refused {
        /// Which.
        path: String,
        /// What it is.
        reason: String,
    },
    /// The file could not be written; what it holds so far can be read.
    #[error("write {path}: {source}; its first {kept_bytes} bytes are a whole capture file")]
    Write {
        /// Which.
        path: String,
        /// What the system said: `ENOSPC` where the disk is full.
        source: io::Error,
        /// How long the file is now.
        kept_bytes: u64,
    },
    /// Who reads the stream has closed it, as Wireshark does when it has
    /// enough.
    #[error("write {path}: its reader has closed it")]
    ReaderGone {
        /// Which.
        path: String,
    },
    /// pcap has one link type for all packets.
    #[error("write {path}: pcap holds one link type, and {first} and {second} are captured; pcapng holds both")]
    MixedLinkTypes {
        /// Which.
        path: String,
        /// The number of the first interface's.
        first: u32,
        /// The number of the other's.
        second: u32,
    },
    /// A packet of an interface that was not described.
    #[error("write {path}: interface {interface} was not described")]
    UnknownInterface {
        /// Which file.
        path: String,
        /// Its number.
        interface: u32,
    },
}

impl WriteCapture {
    /// What the user can do about it.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            WriteCapture::Open { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("name a file in a folder that exists")
            }
            WriteCapture::Refused { .. } => Some("captures hold secrets: name a file that is yours, or a new one"),
            WriteCapture::Write { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("bound what is kept with -C and -W, or cut packets with -s")
            }
            WriteCapture::MixedLinkTypes { .. } => Some("leave out --pcap, or capture on one interface"),
            _ => None,
        }
    }
}
