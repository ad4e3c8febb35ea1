//! YAML: documents of a stream, each read by itself, and the elements of the
//! `List`s that kubectl prints, each read by itself as well.
//!
//! Text is read as Kubernetes' programs read it ([`crate::fact::host::document`]),
//! which also bounds nesting, aliases and size of each piece.

use std::io;

use serde_json::Number;

use crate::fact::Json;

use super::open::Opened;
use super::{Files, kinds_of};
use crate::fact::host::document::{Node, NodeValue, parse_yaml};

/// The most bytes of one document that is no list, or of one element.
const MAX_PIECE_BYTES: usize = 64 << 20;

/// Reads all documents of a stream.
pub(super) fn read(files: &mut Files<'_>, name: &str, reader: &mut Opened<'_>) -> io::Result<()> {
    let mut stream = Stream { name, line: 0, head: Piece::default(), items: None, kindless: Vec::new() };
    let mut line = Vec::new();
    loop {
        let chunk = reader.chunk()?;
        if chunk.is_empty() {
            break;
        }
        let (part, is_whole) = match memchr::memchr(b'\n', chunk) {
            Some(end) => (chunk.get(..=end).unwrap_or_default(), true),
            None => (chunk, false),
        };
        line.extend_from_slice(part);
        let length = part.len();
        reader.take(length);
        if line.len() > MAX_PIECE_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a line of it is larger than 64 MiB"));
        }
        if is_whole {
            stream.line(files, &line);
            line.clear();
        }
    }
    stream.line(files, &line);
    stream.end_document(files);
    Ok(())
}

/// Lines that are read together.
#[derive(Default)]
struct Piece {
    text: Vec<u8>,
    /// The line on which it begins.
    line: u64,
}

impl Piece {
    fn add(&mut self, line: &[u8], number: u64) {
        if self.text.is_empty() {
            self.line = number;
        }
        // What goes beyond is refused when it is parsed.
        if self.text.len() <= MAX_PIECE_BYTES {
            self.text.extend_from_slice(line);
        }
    }

    /// Whether it holds more than comments, directives and empty lines.
    fn says_something(&self) -> bool {
        self.text.split(|byte| *byte == b'\n').any(|line| {
            let line = line.trim_ascii();
            !line.is_empty() && !line.starts_with(b"#") && !line.starts_with(b"%") && line != b"---"
        })
    }
}

struct Stream<'n> {
    name: &'n str,
    line: u64,
    /// The document without the elements of its list.
    head: Piece,
    /// The element at hand, within a list whose elements begin their lines.
    items: Option<Piece>,
    /// Elements that do not say what they are: what follows the list may.
    kindless: Vec<Json>,
}

impl Stream<'_> {
    fn line(&mut self, files: &mut Files<'_>, line: &[u8]) {
        self.line += 1;
        let is_mark =
            |mark: &[u8]| line.strip_prefix(mark).is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace));
        if is_mark(b"---") {
            // Directives and comments before it belong to what follows.
            if self.items.is_some() || self.head.says_something() {
                self.end_document(files);
            }
        } else if is_mark(b"...") {
            self.end_document(files);
            return;
        }
        let Some(item) = &mut self.items else {
            if line.trim_ascii_end() == b"items:" {
                self.items = Some(Piece::default());
            } else {
                self.head.add(line, self.line);
            }
            return;
        };
        match line.first() {
            Some(b'-') if line.get(1).is_none_or(u8::is_ascii_whitespace) => {
                let before = std::mem::take(item);
                item.add(b" ", self.line);
                item.add(line.get(1..).unwrap_or_default(), self.line);
                self.end_item(files, &before);
            }
            Some(b' ' | b'\t') if item.text.is_empty() && !line.trim_ascii().is_empty() => {
                // Elements that are indented: the document is read as a whole.
                self.items = None;
                self.head.add(b"items:\n", self.line - 1);
                self.head.add(line, self.line);
            }
            None | Some(b' ' | b'\t' | b'\r' | b'\n' | b'#') => item.add(line, self.line),
            Some(_) => {
                let before = self.items.take().unwrap_or_default();
                self.end_item(files, &before);
                // The lines between are its list: they stand for themselves in the line numbers.
                let gap = usize::try_from(self.line.saturating_sub(self.head.line)).unwrap_or(0);
                let lines = memchr::memchr_iter(b'\n', &self.head.text).count();
                if !self.head.text.is_empty() {
                    self.head.text.extend(std::iter::repeat_n(b'\n', gap.saturating_sub(lines)));
                }
                self.head.add(line, self.line);
            }
        }
    }

    fn end_item(&mut self, files: &mut Files<'_>, piece: &Piece) {
        for json in self.parse(files, piece) {
            if json.get("kind").is_some() {
                files.element("", "List", &json);
            } else {
                self.kindless.push(json);
            }
        }
    }

    fn end_document(&mut self, files: &mut Files<'_>) {
        if let Some(item) = self.items.take() {
            self.end_item(files, &item);
        }
        let head = std::mem::take(&mut self.head);
        let kindless = std::mem::take(&mut self.kindless);
        for json in self.parse(files, &head) {
            let text = |key: &str| json.get(key).and_then(Json::as_str).unwrap_or_default();
            for item in &kindless {
                files.element(text("apiVersion"), text("kind"), item);
            }
            if kindless.is_empty() {
                files.document(&json);
            }
        }
    }

    fn parse(&self, files: &mut Files<'_>, piece: &Piece) -> Vec<Json> {
        if !piece.says_something() {
            return Vec::new();
        }
        let mut fault = |line: u64, message: String| {
            files.fault(self.name, Some(piece.line + line - 1), message, kinds_of(&piece.text));
        };
        if piece.text.len() > MAX_PIECE_BYTES {
            fault(1, "the document is larger than 64 MiB".to_owned());
            return Vec::new();
        }
        let text = match std::str::from_utf8(&piece.text) {
            Ok(text) => text,
            Err(error) => {
                let valid = piece.text.get(..error.valid_up_to()).unwrap_or_default();
                let lines = memchr::memchr_iter(b'\n', valid).count();
                fault(u64::try_from(lines).unwrap_or(0) + 1, "it is not UTF-8 text".to_owned());
                return Vec::new();
            }
        };
        match parse_yaml(text) {
            Ok(nodes) => nodes.into_iter().map(json).collect(),
            Err(error) => {
                fault(u64::from(error.line).max(1), error.message);
                Vec::new()
            }
        }
    }
}

fn json(node: Node) -> Json {
    match node.value {
        NodeValue::Null => Json::Null,
        NodeValue::Bool(truth) => Json::Bool(truth),
        NodeValue::Int(number) => Json::from(number),
        NodeValue::Float(number) => Number::from_f64(number).map_or(Json::Null, Json::Number),
        NodeValue::Text(text) => Json::from(text),
        NodeValue::List(elements) => elements.into_iter().map(json).collect(),
        NodeValue::Map(members) => {
            Json::Object(members.into_iter().map(|(key, value)| (key.into(), json(value))).collect())
        }
    }
}
