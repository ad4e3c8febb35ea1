//! The table `Packages` of `rpmdb.sqlite`, read page by page without a lock
//! or a byte written, <https://www.sqlite.org/fileformat2.html>.
//!
//! The library would create files beside the database (it is in WAL mode)
//! and would need all of it in memory; only the beginnings of its blobs are
//! needed. Pages that stand in the write-ahead log win over the file's.

use std::collections::{BTreeSet, HashMap};

use super::file::{DatabaseFile, Fault, length, number_be};
use super::{Header, MAX_PACKAGES, header_of};

const MAGIC: &[u8] = b"SQLite format 3\0";
const WAL_MAGIC: u32 = 0x377f_0682;
const WAL_HEAD_BYTES: u64 = 32;
const FRAME_HEAD_BYTES: u64 = 24;

const INTERIOR: u8 = 5;
const LEAF: u8 = 13;

/// The most bytes of a row of the schema that are looked at.
const MAX_SCHEMA_ROW_BYTES: usize = 4096;

/// Reads the headers of all packages.
pub(super) fn read_headers(file: &DatabaseFile, wal: Option<&DatabaseFile>) -> Result<Vec<Header>, Fault> {
    let head = file.read(0, 100)?;
    if !head.starts_with(MAGIC) {
        return Err("not a database of SQLite".to_owned());
    }
    let page_bytes = match head.get(16..18).and_then(|two| two.first_chunk()).map(|two| u16::from_be_bytes(*two)) {
        Some(1) => 65_536,
        Some(size) if size >= 512 && size.is_power_of_two() => usize::from(size),
        _ => return Err("a database with impossible pages".to_owned()),
    };
    let reserved = head.get(20).copied().map_or(0, usize::from);
    let usable =
        page_bytes.checked_sub(reserved).filter(|usable| *usable >= 480).ok_or("a database with impossible pages")?;
    let newer = wal.map(|wal| read_wal(wal, page_bytes)).transpose()?.unwrap_or_default();
    let database = Database { file, wal, newer, page_bytes, usable };
    let root = database.find_table("Packages")?;
    let mut headers = Vec::new();
    database.each_row(root, &mut |row| {
        if headers.len() >= MAX_PACKAGES {
            return Err("the database has too many packages".to_owned());
        }
        let start = database.payload(row, 32)?;
        let columns = columns(&start).ok_or("the database has a broken row")?;
        let (at, size) = *columns.get(1).ok_or("the database has a broken row")?;
        headers.push(header_of(size, |wanted| {
            let payload = database.payload(row, at + wanted)?;
            Ok(payload.get(at..).unwrap_or(&[]).to_vec())
        })?);
        Ok(())
    })?;
    Ok(headers)
}

/// Where the newest committed state of each page stands in the log.
fn read_wal(wal: &DatabaseFile, page_bytes: usize) -> Result<HashMap<u32, u64>, Fault> {
    let head = wal.read_some(0, 32)?;
    let mut committed = HashMap::new();
    // The lowest bit of the magic tells the checksums' byte order.
    if number_be(&head, 0).map(|magic| magic & !1) != Some(WAL_MAGIC) {
        return Ok(committed);
    }
    let frame_bytes = FRAME_HEAD_BYTES + u64::try_from(page_bytes).unwrap_or(u64::MAX);
    let mut open = Vec::new();
    for frame in 0_u64.. {
        let offset = WAL_HEAD_BYTES + frame.saturating_mul(frame_bytes);
        let frame_head = wal.read_some(offset, 24)?;
        // A frame of an earlier round has other salts.
        if frame_head.len() < 24 || frame_head.get(8..16) != head.get(16..24) {
            break;
        }
        let (Some(page), Some(commit)) = (number_be(&frame_head, 0), number_be(&frame_head, 4)) else { break };
        open.push((page, offset + FRAME_HEAD_BYTES));
        if commit != 0 {
            committed.extend(open.drain(..));
        }
    }
    Ok(committed)
}

struct Database<'a> {
    file: &'a DatabaseFile,
    wal: Option<&'a DatabaseFile>,
    newer: HashMap<u32, u64>,
    page_bytes: usize,
    /// Bytes of a page without those that extensions reserved.
    usable: usize,
}

/// A row's payload: its size, what stands on the leaf, and the first
/// overflow page.
struct Row<'a> {
    size: usize,
    local: &'a [u8],
    overflow: Option<u32>,
}

impl Database<'_> {
    fn page(&self, page: u32) -> Result<Vec<u8>, Fault> {
        if let (Some(wal), Some(offset)) = (self.wal, self.newer.get(&page)) {
            return wal.read(*offset, self.page_bytes);
        }
        let before = page.checked_sub(1).ok_or("the database has a broken page")?;
        self.file.read(u64::from(before) * u64::try_from(self.page_bytes).unwrap_or(u64::MAX), self.page_bytes)
    }

    /// The first page of a table, from the schema on page 1.
    fn find_table(&self, name: &str) -> Result<u32, Fault> {
        let mut found = None;
        self.each_row(1, &mut |row| {
            let row = self.payload(row, MAX_SCHEMA_ROW_BYTES)?;
            let columns = columns(&row).ok_or("the database has a broken row")?;
            let text = |column: usize| {
                let (at, size) = *columns.get(column)?;
                row.get(at..at.checked_add(size)?)
            };
            if text(0) == Some(b"table") && text(1) == Some(name.as_bytes()) {
                found = text(3)
                    .filter(|bytes| bytes.len() <= 4)
                    .map(|bytes| bytes.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)));
            }
            Ok(())
        })?;
        found.ok_or_else(|| format!("the database has no table {name}"))
    }

    /// Visits the rows of a table's tree, each page at most once.
    fn each_row(&self, root: u32, visit: &mut dyn FnMut(&Row) -> Result<(), Fault>) -> Result<(), Fault> {
        let mut waiting = vec![root];
        let mut seen = BTreeSet::new();
        while let Some(number) = waiting.pop() {
            if !seen.insert(number) {
                return Err("the database's pages lead in a circle".to_owned());
            }
            let page = self.page(number)?;
            // Page 1 begins with the head of the file.
            let start = if number == 1 { 100 } else { 0 };
            let kind = page.get(start).copied();
            let cells = usize::from(small(&page, start + 3)?);
            let pointers = start + if kind == Some(INTERIOR) { 12 } else { 8 };
            match kind {
                Some(INTERIOR) => {
                    waiting.push(big(&page, start + 8)?);
                    for cell in (0..cells).rev() {
                        let offset = usize::from(small(&page, pointers + cell * 2)?);
                        waiting.push(big(&page, offset)?);
                    }
                }
                Some(LEAF) => {
                    for cell in 0..cells {
                        let offset = usize::from(small(&page, pointers + cell * 2)?);
                        visit(&self.row(page.get(offset..).unwrap_or(&[]))?)?;
                    }
                }
                _ => return Err("the database has a page of another kind".to_owned()),
            }
        }
        Ok(())
    }

    /// A cell of a leaf: size, row number, and as much as stays on the page.
    fn row<'b>(&self, cell: &'b [u8]) -> Result<Row<'b>, Fault> {
        let broken = || "the database has a broken cell".to_owned();
        let (size, after_size) = varint(cell).ok_or_else(broken)?;
        let (_, payload) = varint(after_size).ok_or_else(broken)?;
        let size = length(size)?;
        let most = self.usable - 35;
        let local = if size <= most {
            size
        } else {
            let least = (self.usable - 12) * 32 / 255 - 23;
            let wanted = least + (size - least) % (self.usable - 4);
            if wanted <= most { wanted } else { least }
        };
        let overflow = if local < size { Some(big(payload, local)?) } else { None };
        Ok(Row { size, local: payload.get(..local).ok_or_else(broken)?, overflow })
    }

    /// The first bytes of a row's payload.
    fn payload(&self, row: &Row, wanted: usize) -> Result<Vec<u8>, Fault> {
        let wanted = wanted.min(row.size);
        let mut payload = row.local.get(..wanted.min(row.local.len())).unwrap_or(&[]).to_vec();
        let mut next = row.overflow;
        while payload.len() < wanted {
            let page = self.page(next.filter(|page| *page != 0).ok_or("the database is cut off")?)?;
            let part = page.get(4..self.usable).unwrap_or(&[]);
            payload.extend(part.iter().take(wanted - payload.len()));
            next = number_be(&page, 0);
        }
        Ok(payload)
    }
}

/// Where each column of a record stands, and its length in bytes.
fn columns(record: &[u8]) -> Option<Vec<(usize, usize)>> {
    let (head_bytes, _) = varint(record)?;
    let mut at = usize::try_from(head_bytes).ok()?;
    let mut types = varint(record.get(..at)?)?.1;
    let mut columns = Vec::new();
    while !types.is_empty() {
        let (kind, rest) = varint(types)?;
        types = rest;
        let size = match kind {
            1..=4 => usize::try_from(kind).ok()?,
            5 => 6,
            6 | 7 => 8,
            12.. => usize::try_from((kind - 12) / 2).ok()?,
            _ => 0,
        };
        columns.push((at, size));
        at = at.checked_add(size)?;
    }
    Some(columns)
}

/// A number of one to nine bytes, seven bits in each but the last.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (position, byte) in bytes.iter().enumerate().take(9) {
        let rest = bytes.get(position + 1..)?;
        if position == 8 {
            return Some((number << 8 | u64::from(*byte), rest));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((number, rest));
        }
    }
    None
}

fn small(bytes: &[u8], offset: usize) -> Result<u16, Fault> {
    let two = bytes.get(offset..).and_then(|rest| rest.first_chunk());
    two.map(|two| u16::from_be_bytes(*two)).ok_or_else(|| "the database has a broken page".to_owned())
}

fn big(bytes: &[u8], offset: usize) -> Result<u32, Fault> {
    number_be(bytes, offset).ok_or_else(|| "the database has a broken page".to_owned())
}
