//! What an ELF binary tells about itself: the libraries that it needs, the
//! symbols that it asks for and offers, and Go's build information.
//!
//! In: the bytes of a program or library, read in pieces and never run. Out:
//! an [`Elf`]. Foreign bytes: sizes and counts are bounded. Truth: elf(5), and
//! Go's `debug/buildinfo` for the section `.go.buildinfo`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use object::Endianness;
use object::elf::{DT_NEEDED, FileHeader32, FileHeader64};
use object::read::elf::{ElfFile, FileHeader};
use object::read::{FileKind, Object, ObjectSection, ObjectSymbol, ReadCache, ReadCacheOps, ReadRef};

/// The most of a file that is looked at, in bytes; runc has 10 to 20 MiB.
const MAX_ELF_BYTES: u64 = 64 << 20;

/// The largest section that is read as a whole, in bytes.
const MAX_SECTION_BYTES: u64 = 16 << 20;

/// The most bytes of something that looks like a version; longer than any
/// pattern of a version can match, so that two excerpts never make one.
const MAX_VERSION_BYTES: usize = 160;

/// The bytes that are read at once.
const PIECE_BYTES: usize = 128 << 10;

/// The bytes that are read at once of tables and names.
const BLOCK_BYTES: u64 = 16 << 10;

/// The most symbols that are read.
const MAX_SYMBOLS: usize = 65_536;

/// What a binary tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Elf {
    /// Shared libraries that it needs (`DT_NEEDED`); empty for a static one.
    pub(super) needed: Vec<String>,
    /// Dynamic symbols that another library has to give.
    pub(super) undefined: BTreeSet<String>,
    /// Dynamic symbols that it gives.
    pub(super) defined: BTreeSet<String>,
    /// What looks like a version in its read-only data; see
    /// [`read_excerpt`].
    pub(super) read_only_data: Vec<u8>,
    /// Go's build information; empty where it is no Go program.
    pub(super) go_build_information: Vec<u8>,
}

/// Why bytes are not an ELF binary that can be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ElfError {
    /// It is something else, a script for example.
    #[error("not an ELF binary")]
    NotElf,
    /// Its tables are damaged.
    #[error("damaged ELF binary: {0}")]
    Damaged(#[source] object::Error),
}

/// Reads what a binary tells from an open file, in pieces.
pub(super) fn read_elf(file: File) -> Result<Elf, ElfError> {
    let data = file.try_clone();
    let excerpt = |offset, size| data.as_ref().map(|file| read_excerpt(file, offset, size)).unwrap_or_default();
    parse_elf(&ReadCache::new(Bounded::new(file)), excerpt)
}

/// Reads what a binary tells. Symbols and libraries always; read-only data
/// only of Go programs, by a function of its place and size.
pub(super) fn parse_elf<'data, R>(bytes: R, excerpt: impl FnOnce(u64, u64) -> Vec<u8>) -> Result<Elf, ElfError>
where
    R: ReadRef<'data>,
{
    match FileKind::parse(bytes) {
        Ok(FileKind::Elf64) => parse_class::<FileHeader64<Endianness>, R>(bytes, excerpt),
        Ok(FileKind::Elf32) => parse_class::<FileHeader32<Endianness>, R>(bytes, excerpt),
        _ => Err(ElfError::NotElf),
    }
}

fn parse_class<'data, Class, R>(bytes: R, excerpt: impl FnOnce(u64, u64) -> Vec<u8>) -> Result<Elf, ElfError>
where
    Class: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let file = ElfFile::<Class, R>::parse(bytes).map_err(ElfError::Damaged)?;
    let mut elf = Elf::default();
    let dynamic = file.elf_dynamic_table().map_err(ElfError::Damaged)?;
    for part in dynamic.iter().take(MAX_SYMBOLS).filter(|part| part.tag == DT_NEEDED) {
        let name = dynamic.string(part).map_err(ElfError::Damaged)?;
        elf.needed.push(String::from_utf8_lossy(name).into_owned());
    }
    for symbol in file.dynamic_symbols().take(MAX_SYMBOLS) {
        let Ok(name) = symbol.name() else { continue };
        let side = if symbol.is_undefined() { &mut elf.undefined } else { &mut elf.defined };
        side.insert(name.to_owned());
    }
    let section = |name: &str| file.section_by_name(name).filter(|section| section.size() <= MAX_SECTION_BYTES);
    let information = section(".go.buildinfo").and_then(|section| section.data().ok());
    elf.go_build_information = information.map(<[u8]>::to_vec).unwrap_or_default();
    if !elf.go_build_information.is_empty()
        && let Some((offset, size)) = section(".rodata").and_then(|section| section.file_range())
    {
        elf.read_only_data = excerpt(offset, size);
    }
    Ok(elf)
}

/// What looks like a version in a part of a file, read piece by piece: some
/// megabytes at once would cost more in fresh memory than in reading.
fn read_excerpt(file: &File, offset: u64, size: u64) -> Vec<u8> {
    let (mut excerpt, mut piece) = (Vec::new(), vec![0; PIECE_BYTES]);
    let mut done = 0;
    while done < size {
        let length = usize::try_from(size - done).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        let Some(piece) = piece.get_mut(..length) else { break };
        if file.read_exact_at(piece, offset + done).is_err() {
            break;
        }
        // What begins near the end of a piece is whole in the next one.
        let is_last = u64::try_from(length).is_ok_and(|length| done + length >= size);
        let step = if is_last { length } else { length - MAX_VERSION_BYTES };
        take_excerpt(piece, step, &mut excerpt);
        done = done.saturating_add(u64::try_from(step).unwrap_or(u64::MAX));
    }
    excerpt
}

/// What looks like a version and begins before `limit`: from the byte before
/// a number of `0.` to `2.` up to the next zero byte or line feed.
fn take_excerpt(data: &[u8], limit: usize, excerpt: &mut Vec<u8>) {
    for dot in memchr::memchr_iter(b'.', data) {
        let Some(number) = dot.checked_sub(1).filter(|at| matches!(data.get(*at), Some(b'0'..=b'2'))) else { continue };
        let is_prefixed = number.checked_sub(1).and_then(|at| data.get(at)) == Some(&b'v');
        let Some(before) = number.checked_sub(1 + usize::from(is_prefixed)).filter(|at| *at < limit) else { continue };
        if data.get(before).is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.') {
            continue;
        }
        let rest = data.get(before..).unwrap_or_default();
        let rest = rest.get(..MAX_VERSION_BYTES).unwrap_or(rest);
        // The byte before is often a zero itself.
        let end = memchr::memchr2(0, b'\n', rest.get(1..).unwrap_or_default()).map_or(rest.len(), |end| end + 2);
        excerpt.extend_from_slice(rest.get(..end).unwrap_or(rest));
    }
}

/// A file of which no more than [`MAX_ELF_BYTES`] are believed, so that a
/// sparse file of terabytes cannot ask for as much memory. It is read by
/// blocks: names of symbols are asked for one by one and lie side by side.
struct Bounded {
    file: File,
    position: u64,
    block: Vec<u8>,
    block_starts_at: u64,
}

impl Bounded {
    fn new(file: File) -> Self {
        Bounded { file, position: 0, block: Vec::new(), block_starts_at: 0 }
    }

    /// What the block holds from the position on.
    fn at_hand(&self) -> &[u8] {
        let offset = self.position.checked_sub(self.block_starts_at).and_then(|offset| usize::try_from(offset).ok());
        offset.and_then(|offset| self.block.get(offset..)).unwrap_or_default()
    }

    fn fill(&mut self) -> std::io::Result<()> {
        self.block_starts_at = self.position - self.position % BLOCK_BYTES;
        self.block.clear();
        Seek::seek(&mut self.file, SeekFrom::Start(self.block_starts_at))?;
        Read::take(&self.file, BLOCK_BYTES).read_to_end(&mut self.block).map(|_| ())
    }
}

impl ReadCacheOps for Bounded {
    fn len(&mut self) -> Result<u64, ()> {
        self.file.metadata().map(|metadata| metadata.len().min(MAX_ELF_BYTES)).map_err(|_| ())
    }

    fn seek(&mut self, position: u64) -> Result<u64, ()> {
        self.position = position;
        Ok(position)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ()> {
        if self.at_hand().is_empty() {
            self.fill().map_err(|_| ())?;
        }
        let length = Read::read(&mut self.at_hand(), buffer).map_err(|_| ())?;
        self.position = self.position.saturating_add(u64::try_from(length).map_err(|_| ())?);
        Ok(length)
    }

    fn read_exact(&mut self, mut buffer: &mut [u8]) -> Result<(), ()> {
        while !buffer.is_empty() {
            let length = self.read(buffer)?;
            if length == 0 {
                return Err(());
            }
            buffer = buffer.get_mut(length..).ok_or(())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The excerpt of a file that holds these bytes.
    fn excerpt(data: &[u8]) -> Vec<u8> {
        use std::io::Write;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(data).unwrap();
        read_excerpt(&file, 0, u64::try_from(data.len()).unwrap())
    }

    #[test]
    fn an_excerpt_keeps_what_looks_like_a_version() {
        let data = b"text\0\x001.1.5+ds1\0more 10.2.3\0v1.1.12-0-g51d5e946\0x.y\0 1.2.8\nASCII\0";
        assert_eq!(excerpt(data), b"\x001.1.5+ds1\0\0v1.1.12-0-g51d5e946\0 1.2.8\n");
        assert_eq!(excerpt(b"1.2.3\0"), b"");
        assert_eq!(excerpt(b".\0."), b"");
    }

    #[test]
    fn blocks_give_the_bytes_of_the_file_wherever_they_are_asked_for() {
        use std::io::Write;
        let bytes: Vec<u8> = (0..BLOCK_BYTES * 3 + 7).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let mut bounded = Bounded::new(file);
        for (at, length) in [(0, 4), (BLOCK_BYTES - 2, 5), (3, 9), (5, bytes.len() - 5), (BLOCK_BYTES * 3 + 6, 1)] {
            let mut buffer = vec![0; length];
            bounded.seek(at).unwrap();
            bounded.read_exact(&mut buffer).unwrap();
            assert_eq!(buffer, &bytes[usize::try_from(at).unwrap()..][..length], "{at}");
        }
        bounded.seek(BLOCK_BYTES * 3 + 6).unwrap();
        assert_eq!(bounded.read_exact(&mut [0; 2]), Err(()), "behind the end");
    }

    #[test]
    fn a_version_on_the_border_of_two_pieces_is_found_once_and_whole() {
        for border in PIECE_BYTES - MAX_VERSION_BYTES - 9..PIECE_BYTES + 9 {
            let mut data = vec![0; border];
            data.extend_from_slice(b"1.1.12+ds1\0");
            data.resize(PIECE_BYTES * 2, 0);
            assert_eq!(excerpt(&data), b"\x001.1.12+ds1\0", "{border}");
        }
    }
}
