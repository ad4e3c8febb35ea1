//! What an ELF binary tells about itself: the libraries that it needs, the
//! symbols that it asks for and offers, and Go's build information.
//!
//! In: the bytes of a program or library, read in pieces and never run. Out:
//! an [`Elf`]. Foreign bytes: sizes and counts are bounded. Truth: elf(5), and
//! Go's `debug/buildinfo` for the section `.go.buildinfo`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

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
    /// What looks like a version in its read-only data; see [`excerpt`].
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
    parse_elf(&ReadCache::new(Bounded { file }))
}

/// Reads what a binary tells. Symbols and libraries always; read-only data
/// only of Go programs.
pub(super) fn parse_elf<'data, R: ReadRef<'data>>(bytes: R) -> Result<Elf, ElfError> {
    match FileKind::parse(bytes) {
        Ok(FileKind::Elf64) => parse_class::<FileHeader64<Endianness>, R>(bytes),
        Ok(FileKind::Elf32) => parse_class::<FileHeader32<Endianness>, R>(bytes),
        _ => Err(ElfError::NotElf),
    }
}

fn parse_class<'data, Class, R>(bytes: R) -> Result<Elf, ElfError>
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
    let section = |name: &str| {
        let section = file.section_by_name(name).filter(|section| section.size() <= MAX_SECTION_BYTES);
        section.and_then(|section| section.data().ok()).unwrap_or_default()
    };
    elf.go_build_information = section(".go.buildinfo").to_vec();
    if !elf.go_build_information.is_empty() {
        elf.read_only_data = excerpt(section(".rodata"));
    }
    Ok(elf)
}

/// What looks like a version in some megabytes of data, so that patterns need
/// not look at all of it: from the byte before a number of `0.` to `2.` up to
/// the next zero byte or line feed, again and again.
fn excerpt(data: &[u8]) -> Vec<u8> {
    let mut excerpt = Vec::new();
    for dot in memchr::memchr_iter(b'.', data) {
        let Some(number) = dot.checked_sub(1).filter(|at| matches!(data.get(*at), Some(b'0'..=b'2'))) else { continue };
        let is_prefixed = number.checked_sub(1).and_then(|at| data.get(at)) == Some(&b'v');
        let Some(before) = number.checked_sub(1 + usize::from(is_prefixed)) else { continue };
        if data.get(before).is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.') {
            continue;
        }
        let rest = data.get(before..).unwrap_or_default();
        let rest = rest.get(..MAX_VERSION_BYTES).unwrap_or(rest);
        // The byte before is often a zero itself.
        let end = memchr::memchr2(0, b'\n', rest.get(1..).unwrap_or_default()).map_or(rest.len(), |end| end + 2);
        excerpt.extend_from_slice(rest.get(..end).unwrap_or(rest));
    }
    excerpt
}

/// A file of which no more than [`MAX_ELF_BYTES`] are believed, so that a
/// sparse file of terabytes cannot ask for as much memory.
struct Bounded {
    file: File,
}

impl ReadCacheOps for Bounded {
    fn len(&mut self) -> Result<u64, ()> {
        self.file.metadata().map(|metadata| metadata.len().min(MAX_ELF_BYTES)).map_err(|_| ())
    }

    fn seek(&mut self, position: u64) -> Result<u64, ()> {
        Seek::seek(&mut self.file, SeekFrom::Start(position)).map_err(|_| ())
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ()> {
        Read::read(&mut self.file, buffer).map_err(|_| ())
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> Result<(), ()> {
        Read::read_exact(&mut self.file, buffer).map_err(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_keeps_what_looks_like_a_version() {
        let data = b"text\0\01.1.5+ds1\0more 10.2.3\0v1.1.12-0-g51d5e946\0x.y\0 1.2.8\nASCII\0";
        assert_eq!(excerpt(data), b"\x001.1.5+ds1\0\0v1.1.12-0-g51d5e946\0 1.2.8\n");
        assert_eq!(excerpt(b"1.2.3\0"), b"");
        assert_eq!(excerpt(b".\0."), b"");
    }
}
