//! What stands in an opened file or folder, bounded.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;

use rustix::fs::Dir;
use rustix::io::Errno;

use super::{FileKind, MAX_FOLDER_NAMES, Metadata, Refusal, name};

/// What a file of the kernel is expected to hold at most, in bytes; the others
/// say their size.
const KERNEL_FILE_BYTES: usize = 2048;

/// The size of a regular file, in bytes; anything else is refused.
pub(super) fn check_kind(opened: &OwnedFd) -> Result<u64, Refusal> {
    let metadata = Metadata::of(&rustix::fs::fstat(opened)?);
    match metadata.kind {
        FileKind::File => Ok(metadata.size_bytes),
        other => Err(Refusal::Reason(format!("{}, not a file", other.noun()))),
    }
}

/// Reads a file of some size to its end, or refuses it where it is larger than
/// the bound. Files of the kernel say size 0, so only the reading itself tells.
pub(super) fn read_up_to(file: File, size_bytes: u64, max_bytes: u64) -> Result<Vec<u8>, Refusal> {
    let too_large = || Refusal::Reason(format!("larger than {} MiB", max_bytes >> 20));
    if size_bytes > max_bytes {
        return Err(too_large());
    }
    // One byte more than there are: the end is found without making room.
    let expected = if size_bytes == 0 { KERNEL_FILE_BYTES } else { usize::try_from(size_bytes).unwrap_or(0) + 1 };
    let mut bytes = Vec::with_capacity(expected);
    file.take(max_bytes + 1).read_to_end(&mut bytes).map_err(|error| match Errno::from_io_error(&error) {
        Some(errno) => Refusal::Errno(errno),
        None => Refusal::Reason(error.to_string()),
    })?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= max_bytes) { Ok(bytes) } else { Err(too_large()) }
}

/// The names in a folder, sorted by bytes.
pub(super) fn names_in(folder: OwnedFd) -> Result<Vec<String>, Refusal> {
    let mut names = Vec::new();
    for entry in Dir::new(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        if names.len() >= MAX_FOLDER_NAMES {
            return Err(Refusal::Reason(format!("more than {MAX_FOLDER_NAMES} names")));
        }
        names.push(name.to_vec());
    }
    names.sort_unstable();
    Ok(names.iter().map(|name| name::to_text(name)).collect())
}

/// Bytes as text, without a byte-order mark.
pub(super) fn to_text(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    // Looking for faults costs more than making sure that there are none.
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// An error number in words, as errno(3) names it.
pub(super) fn say(errno: Errno) -> String {
    let text = std::io::Error::from_raw_os_error(errno.raw_os_error()).to_string();
    let words = text.split(" (os error").next().unwrap_or(&text);
    words.to_lowercase()
}
