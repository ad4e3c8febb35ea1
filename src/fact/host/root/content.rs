//! What stands in an opened file or folder, bounded.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;

use rustix::fs::Dir;
use rustix::io::Errno;

use super::{FileKind, MAX_FOLDER_NAMES, Metadata, Refusal, name};

/// Refuses what is not a regular file.
pub(super) fn check_kind(opened: &OwnedFd) -> Result<(), Refusal> {
    match Metadata::of(&rustix::fs::fstat(opened)?).kind {
        FileKind::File => Ok(()),
        other => Err(Refusal::Reason(format!("{}, not a file", other.noun()))),
    }
}

/// Reads a file to its end, or refuses it where it is larger than the bound.
/// Files of the kernel say size 0, so only the reading itself tells.
pub(super) fn read_up_to(file: File, max_bytes: u64) -> Result<Vec<u8>, Refusal> {
    let too_large = || Refusal::Reason(format!("larger than {} MiB", max_bytes >> 20));
    let stat = rustix::fs::fstat(&file)?;
    let size_bytes = u64::try_from(stat.st_size).unwrap_or(0);
    if size_bytes > max_bytes {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size_bytes).unwrap_or(0) + 1);
    file.take(max_bytes + 1).read_to_end(&mut bytes).map_err(|error| match Errno::from_io_error(&error) {
        Some(errno) => Refusal::Errno(errno),
        None => Refusal::Reason(error.to_string()),
    })?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= max_bytes) { Ok(bytes) } else { Err(too_large()) }
}

/// The names in a folder, sorted by bytes.
pub(super) fn names_in(folder: &OwnedFd) -> Result<Vec<String>, Refusal> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
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
