//! A database file that is read in parts, and never beyond a bound.

use std::cell::Cell;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Why a database cannot be read, as a lowercase fragment.
pub(super) type Fault = String;

/// The most bytes that are read of one database, pages read twice included.
const MAX_READ_BYTES: usize = 256 << 20;

/// A database file.
pub(super) struct DatabaseFile {
    file: File,
    left_bytes: Cell<usize>,
}

impl DatabaseFile {
    pub(super) fn new(file: File) -> Self {
        DatabaseFile { file, left_bytes: Cell::new(MAX_READ_BYTES) }
    }

    /// Exactly these bytes; a fault where the file ends before.
    pub(super) fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, Fault> {
        let bytes = self.read_some(offset, length)?;
        if bytes.len() == length { Ok(bytes) } else { Err("the database is cut off".to_owned()) }
    }

    /// As many of these bytes as there are.
    pub(super) fn read_some(&self, offset: u64, length: usize) -> Result<Vec<u8>, Fault> {
        let left = self.left_bytes.get().checked_sub(length).ok_or("the database is too large")?;
        self.left_bytes.set(left);
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while let Some(open) = bytes.get_mut(filled..).filter(|open| !open.is_empty()) {
            let at = offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
            match self.file.read_at(open, at) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.to_string().to_lowercase()),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

/// A little-endian number at an offset.
pub(super) fn number_le(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|four| u32::from_le_bytes(*four))
}

/// A big-endian number at an offset.
pub(super) fn number_be(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}

/// A number as a length or offset in memory.
pub(super) fn length(number: impl TryInto<usize>) -> Result<usize, Fault> {
    number.try_into().map_err(|_| "the database holds an impossible length".to_owned())
}
