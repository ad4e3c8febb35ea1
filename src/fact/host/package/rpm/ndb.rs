//! rpm's own database of SUSE systems, `Packages.db`: slots that point to
//! blobs, all little-endian (rpm's `lib/backend/ndb/rpmpkg.c`).

use super::file::{DatabaseFile, Fault, length, number_le};
use super::{Header, MAX_PACKAGES, header_of};

const MAGIC: &[u8] = b"RpmP";
const SLOT_MAGIC: &[u8] = b"Slot";
const BLOB_MAGIC: &[u8] = b"BlbS";

const PAGE_BYTES: usize = 4096;
const HEADER_BYTES: usize = 32;
const SLOT_BYTES: usize = 16;
const BLOCK_BYTES: u64 = 16;
const BLOB_HEAD_BYTES: usize = 16;

/// Reads the headers of all packages.
pub(super) fn read_headers(file: &DatabaseFile) -> Result<Vec<Header>, Fault> {
    let head = file.read(0, HEADER_BYTES)?;
    if !head.starts_with(MAGIC) || number_le(&head, 4) != Some(0) {
        return Err("not a database of rpm's ndb".to_owned());
    }
    let pages = length(number_le(&head, 12).unwrap_or(0))?;
    if pages > MAX_PACKAGES * SLOT_BYTES / PAGE_BYTES {
        return Err("the database is too large".to_owned());
    }
    let slots = file.read(0, pages * PAGE_BYTES)?;
    let mut headers = Vec::new();
    for slot in slots.get(HEADER_BYTES..).unwrap_or(&[]).chunks_exact(SLOT_BYTES) {
        if !slot.starts_with(SLOT_MAGIC) {
            return Err("the database has a broken slot".to_owned());
        }
        let (index, block) = (number_le(slot, 4).unwrap_or(0), number_le(slot, 8).unwrap_or(0));
        if index == 0 || block == 0 {
            continue;
        }
        let offset = u64::from(block) * BLOCK_BYTES;
        let blob = file.read(offset, BLOB_HEAD_BYTES)?;
        if !blob.starts_with(BLOB_MAGIC) || number_le(&blob, 4) != Some(index) {
            return Err("the database has a broken blob".to_owned());
        }
        let size = length(number_le(&blob, 12).unwrap_or(0))?;
        headers.push(header_of(size, |wanted| file.read(offset + 16, wanted))?);
    }
    Ok(headers)
}
