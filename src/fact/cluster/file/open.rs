//! What a file holds, told by its first bytes: gzip, a byte order mark, JSON,
//! YAML, or metrics.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

/// The most bytes that are read of one file, after unpacking: more than any
/// cluster's, and an end for what unpacks without one.
const MAX_BYTES: u64 = 16 << 30;

/// The most bytes of a text that has to be held whole.
const MAX_TEXT_BYTES: u64 = 256 << 20;

/// Bytes that are read at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// What kind of text a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Json,
    Yaml,
    /// The text form of Prometheus, as `/metrics` has it.
    Metrics,
    Empty,
}

/// A file that is being read.
pub(super) struct Opened<'r> {
    reader: Box<dyn BufRead + 'r>,
    left: u64,
}

impl Opened<'_> {
    /// How much was read by now.
    pub(super) fn bytes(&self) -> u64 {
        MAX_BYTES - self.left
    }

    /// The next bytes; none at the end.
    pub(super) fn chunk(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is larger than 16 GiB"));
        }
        self.reader.fill_buf()
    }

    /// Says how many of the last bytes were taken.
    pub(super) fn take(&mut self, count: usize) {
        self.left = self.left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        self.reader.consume(count);
    }
}

/// Opens a file: unpacks it, passes over a byte order mark, and looks at its
/// beginning.
pub(super) fn open<'r>(reader: impl Read + 'r) -> io::Result<(Opened<'r>, Content)> {
    let mut reader = BufReader::with_capacity(CHUNK_BYTES, reader);
    let is_packed = reader.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    let reader: Box<dyn BufRead + 'r> = if is_packed {
        Box::new(BufReader::with_capacity(CHUNK_BYTES, MultiGzDecoder::new(reader)))
    } else {
        Box::new(reader)
    };
    let mut opened = Opened { reader, left: MAX_BYTES };
    // A pipe may give its first bytes one at a time.
    let start = opened.chunk()?;
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = start {
        opened = decode(opened)?;
    } else if start.starts_with(&[0xef, 0xbb, 0xbf]) {
        opened.take(3);
    }
    let content = content(&mut opened)?;
    Ok((opened, content))
}

fn content(opened: &mut Opened<'_>) -> io::Result<Content> {
    loop {
        let chunk = opened.chunk()?;
        let Some(at) = chunk.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) else {
            if chunk.is_empty() {
                return Ok(Content::Empty);
            }
            // Empty lines before YAML would be lines all the same.
            if chunk.len() < CHUNK_BYTES {
                return Ok(Content::Yaml);
            }
            let length = chunk.len();
            opened.take(length);
            continue;
        };
        let rest = chunk.get(at..).unwrap_or_default();
        let inner = rest.get(1..).unwrap_or_default().iter().find(|byte| !byte.is_ascii_whitespace());
        return Ok(match rest {
            // `{a: b}` is YAML, and only YAML.
            [b'{', ..] if matches!(inner, None | Some(b'"' | b'}')) => Content::Json,
            [b'[', ..] if matches!(inner, None | Some(b'{' | b']')) => Content::Json,
            rest if rest.starts_with(b"==== START") => Content::Json,
            rest if rest.starts_with(b"# HELP ") || rest.starts_with(b"# TYPE ") => Content::Metrics,
            _ => Content::Yaml,
        });
    }
}

/// A text in UTF-16, as PowerShell writes it.
fn decode(mut opened: Opened<'_>) -> io::Result<Opened<'_>> {
    let mut bytes = Vec::new();
    opened.reader.by_ref().take(MAX_TEXT_BYTES).read_to_end(&mut bytes)?;
    let is_little = bytes.starts_with(&[0xff, 0xfe]);
    let units = bytes.get(2..).unwrap_or_default().chunks_exact(2).map(|pair| match pair {
        [low, high] if is_little => u16::from_le_bytes([*low, *high]),
        [high, low] => u16::from_be_bytes([*high, *low]),
        _ => 0,
    });
    let text: String = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    Ok(Opened { reader: Box::new(Cursor::new(text.into_bytes())), left: MAX_BYTES })
}

/// The whole text of a file of metrics.
pub(super) fn read_metrics(opened: &mut Opened<'_>) -> io::Result<String> {
    let mut bytes = Vec::new();
    loop {
        let chunk = opened.chunk()?;
        if chunk.is_empty() {
            return Ok(String::from_utf8_lossy(&bytes).into_owned());
        }
        bytes.extend_from_slice(chunk);
        let length = chunk.len();
        opened.take(length);
        if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_TEXT_BYTES) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is larger than 256 MiB"));
        }
    }
}
