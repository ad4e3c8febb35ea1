//! The header of an installed rpm, as the databases keep it: two counts, an
//! index of tags, and their data, all big-endian (rpm's `docs/manual/hregions.md`).

/// What of a header is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    /// `RPMTAG_NAME`.
    pub(super) name: String,
    /// `[epoch:]version-release`; an epoch of 0 is left out, as rpm prints it.
    pub(super) version: String,
}

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;

const INT32: u32 = 4;
const STRING: u32 = 6;

/// More tags than any header has.
const MAX_TAGS: usize = 4096;

/// Reads a header, of which the end may be cut off; none where what is
/// wanted is not in it.
pub(super) fn parse_header(bytes: &[u8]) -> Option<Header> {
    let tags = usize::try_from(number(bytes, 0)?).ok().filter(|tags| *tags <= MAX_TAGS)?;
    let index = bytes.get(8..8 + tags * 16)?;
    let data = bytes.get(8 + tags * 16..)?;
    let mut header = Header::default();
    let (mut version, mut release, mut epoch) = (None, None, 0);
    for entry in index.chunks_exact(16) {
        let (tag, kind) = (number(entry, 0)?, number(entry, 4)?);
        let offset = usize::try_from(number(entry, 8)?).ok()?;
        match (tag, kind) {
            (NAME, STRING) => header.name = text(data, offset)?,
            (VERSION, STRING) => version = Some(text(data, offset)?),
            (RELEASE, STRING) => release = Some(text(data, offset)?),
            (EPOCH, INT32) => epoch = number(data, offset)?,
            _ => {}
        }
    }
    if header.name.is_empty() {
        return None;
    }
    header.version = format!("{}-{}", version?, release?);
    if epoch != 0 {
        header.version = format!("{epoch}:{}", header.version);
    }
    Some(header)
}

fn number(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}

/// A text up to its NUL, which must be there: else it may have been cut off.
fn text(data: &[u8], offset: usize) -> Option<String> {
    let rest = data.get(offset..)?;
    let end = rest.iter().take(1024).position(|byte| *byte == 0)?;
    rest.get(..end).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}
