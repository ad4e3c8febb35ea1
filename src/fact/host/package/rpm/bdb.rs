//! Berkeley DB hash tables, `Packages` of rpm before 4.16: pages of pairs
//! whose large values lie on chains of overflow pages (Berkeley DB's
//! `src/dbinc/db_page.h`). Numbers have the byte order of the writing machine.

use super::file::{DatabaseFile, Fault, length, number_be, number_le};
use super::{Header, header_of};

const HASH_MAGIC: u32 = 0x0006_1561;
const PAGE_HEAD_BYTES: usize = 26;

// Types of pages and of items on them.
const HASH_PAGES: [u8; 2] = [2, 13];
const OVERFLOW_PAGE: u8 = 7;
const ITEM_ON_PAGE: u8 = 1;
const ITEM_ON_OVERFLOW: u8 = 3;

/// Reads the headers of all packages.
pub(super) fn read_headers(file: &DatabaseFile) -> Result<Vec<Header>, Fault> {
    let meta = file.read(0, 72)?;
    let is_little = match (number_le(&meta, 12), number_be(&meta, 12)) {
        (Some(HASH_MAGIC), _) => true,
        (_, Some(HASH_MAGIC)) => false,
        _ => return Err("not a hash table of Berkeley DB".to_owned()),
    };
    let mut table = Table { file, is_little, page_bytes: 0 };
    let page_bytes = table.number(&meta, 20)?;
    if !page_bytes.is_power_of_two() || !(512..=65_536).contains(&page_bytes) {
        return Err("a database with impossible pages".to_owned());
    }
    if meta.get(24) != Some(&0) {
        return Err("the database is encrypted".to_owned());
    }
    table.page_bytes = length(page_bytes)?;
    let last_page = table.number(&meta, 32)?;
    let mut headers = Vec::new();
    for page in 1..=last_page {
        let head = table.page(page, PAGE_HEAD_BYTES)?;
        if head.get(25).is_some_and(|kind| HASH_PAGES.contains(kind)) {
            table.read_pairs(page, &mut headers)?;
        }
    }
    Ok(headers)
}

struct Table<'a> {
    file: &'a DatabaseFile,
    is_little: bool,
    page_bytes: usize,
}

impl Table<'_> {
    fn number(&self, bytes: &[u8], offset: usize) -> Result<u32, Fault> {
        let number = if self.is_little { number_le(bytes, offset) } else { number_be(bytes, offset) };
        number.ok_or_else(|| "the database has a broken page".to_owned())
    }

    fn small(&self, bytes: &[u8], offset: usize) -> Result<usize, Fault> {
        let two = bytes.get(offset..).and_then(|rest| rest.first_chunk()).ok_or("the database has a broken page")?;
        Ok(usize::from(if self.is_little { u16::from_le_bytes(*two) } else { u16::from_be_bytes(*two) }))
    }

    fn page(&self, page: u32, bytes: usize) -> Result<Vec<u8>, Fault> {
        self.file.read(u64::from(page) * u64::try_from(self.page_bytes).unwrap_or(u64::MAX), bytes)
    }

    /// Reads the values of a page's pairs: every second item.
    fn read_pairs(&self, page: u32, headers: &mut Vec<Header>) -> Result<(), Fault> {
        let bytes = self.page(page, self.page_bytes)?;
        let items = self.small(&bytes, 20)?;
        for item in (1..items).step_by(2) {
            let offset = self.small(&bytes, PAGE_HEAD_BYTES + item * 2)?;
            match bytes.get(offset) {
                Some(&ITEM_ON_OVERFLOW) => {
                    let (first, size) = (self.number(&bytes, offset + 4)?, length(self.number(&bytes, offset + 8)?)?);
                    headers.push(header_of(size, |wanted| self.chain(first, wanted))?);
                }
                // Small values stand on the page itself, up to the item
                // before; the counter of packages is one of them.
                Some(&ITEM_ON_PAGE) => {
                    let end = self.small(&bytes, PAGE_HEAD_BYTES + item * 2 - 2)?;
                    let value = bytes.get(offset + 1..end).unwrap_or(&[]);
                    if value.len() > 8 {
                        headers
                            .push(header_of(value.len(), |wanted| Ok(value.iter().take(wanted).copied().collect()))?);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The first bytes of a value on overflow pages.
    fn chain(&self, first: u32, wanted: usize) -> Result<Vec<u8>, Fault> {
        let mut value = Vec::new();
        let mut page = first;
        while value.len() < wanted && page != 0 {
            let bytes = self.page(page, self.page_bytes)?;
            let used = self.small(&bytes, 22)?;
            if bytes.get(25) != Some(&OVERFLOW_PAGE) || used == 0 {
                return Err("the database has a broken chain of pages".to_owned());
            }
            let part = bytes.get(PAGE_HEAD_BYTES..PAGE_HEAD_BYTES + used);
            value.extend_from_slice(part.ok_or("the database has a broken chain of pages")?);
            page = self.number(&bytes, 16)?;
        }
        value.truncate(wanted);
        Ok(value)
    }
}
