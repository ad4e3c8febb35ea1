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

/// About a line of a table of the kernel.
const LINE_BYTES: usize = 128;

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
    if size_bytes > max_bytes {
        return Err(too_large(max_bytes));
    }
    // One byte more than there are: the end is found without making room.
    let expected = if size_bytes == 0 { KERNEL_FILE_BYTES } else { usize::try_from(size_bytes).unwrap_or(0) + 1 };
    let mut bytes = Vec::with_capacity(expected);
    file.take(max_bytes + 1).read_to_end(&mut bytes).map_err(|error| refusal(&error))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= max_bytes) {
        Ok(bytes)
    } else {
        Err(too_large(max_bytes))
    }
}

/// The text of a file up to the first line with which it does not go on, which
/// belongs to it. It is asked for in parts of about a line: the kernel writes
/// no more than it is asked for.
pub(super) fn read_lines(mut file: impl Read, goes_on: fn(&str) -> bool, max_bytes: u64) -> Result<String, Refusal> {
    let mut bytes = Vec::new();
    let mut part = [0; LINE_BYTES];
    let mut line_start = 0;
    loop {
        let length = match file.read(&mut part) {
            Ok(0) => return Ok(to_text(&bytes)),
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(refusal(&error)),
        };
        bytes.extend_from_slice(part.get(..length).unwrap_or_default());
        if u64::try_from(bytes.len()).is_ok_and(|length| length > max_bytes) {
            return Err(too_large(max_bytes));
        }
        while let Some(end) = bytes.get(line_start..).and_then(|rest| memchr::memchr(b'\n', rest)) {
            let end = line_start + end + 1;
            if !goes_on(&to_text(bytes.get(line_start..end).unwrap_or_default())) {
                bytes.truncate(end);
                return Ok(to_text(&bytes));
            }
            line_start = end;
        }
    }
}

fn refusal(error: &std::io::Error) -> Refusal {
    Errno::from_io_error(error).map_or_else(|| Refusal::Reason(error.to_string()), Refusal::Errno)
}

fn too_large(max_bytes: u64) -> Refusal {
    Refusal::Reason(format!("larger than {} MiB", max_bytes >> 20))
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
    Ok(names.into_iter().map(name::into_text).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its lines one by one, as the kernel does, and counts them.
    struct Table<'t>(Vec<&'t [u8]>, usize);

    impl Read for Table<'_> {
        fn read(&mut self, part: &mut [u8]) -> std::io::Result<usize> {
            let Some(line) = self.0.get_mut(self.1) else { return Ok(0) };
            let length = line.len().min(part.len());
            part[..length].copy_from_slice(&line[..length]);
            *line = &line[length..];
            self.1 += usize::from(line.is_empty());
            Ok(length)
        }
    }

    fn goes_on(line: &str) -> bool {
        !line.starts_with("end")
    }

    #[test]
    fn a_table_is_read_no_further_than_to_the_line_that_ends_it() {
        let long = [b"a".repeat(700), b"\n".to_vec()].concat();
        let mut table = Table(vec![b"head\n", &long, b"\n", b"end 1\n", b"b\n", b"c\n"], 0);
        let text = read_lines(&mut table, goes_on, 1000).ok();
        assert_eq!(text, Some(format!("head\n{}\nend 1\n", "a".repeat(700)).replacen("\nend", "\n\nend", 1)));
        assert_eq!(table.1, 4, "the last two lines are not asked for");
    }

    #[test]
    fn a_table_without_such_a_line_is_read_to_its_end_and_within_bounds() {
        let read = |lines: Vec<&[u8]>, max_bytes| read_lines(Table(lines, 0), goes_on, max_bytes).ok();
        assert_eq!(read(vec![b"a\n", b"b"], 10).as_deref(), Some("a\nb"));
        assert_eq!(read(vec![], 10).as_deref(), Some(""));
        assert_eq!(read(vec![b"a\xff\n"], 10).as_deref(), Some("a\u{fffd}\n"));
        assert_eq!(read(vec![b"0123456789", b"0"], 10), None);
    }
}
