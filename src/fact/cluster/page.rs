//! Cuts a list as it arrives into its objects, so that one of them is held at
//! a time and never the list.
//!
//! In: chunks of a JSON document `{"kind": …, "metadata": {…}, "items": […]}`,
//! or of an array. Out: the members that are not `items`, and the elements of
//! `items` or the array, each as the bytes of one JSON value. What is within
//! them is for `serde_json`.

use memchr::{memchr_iter, memchr2};

/// The most bytes of one value. An API server takes no request above 3 MiB,
/// and etcd no object above 1.5.
const MAX_VALUE_BYTES: usize = 32 << 20;

/// A whole value of the list.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// A member that is not `items`.
    Member(&'a str, &'a [u8]),
    /// What begins with an element of `items` and may end before or behind it:
    /// who parses it from there answers how many bytes it took. Of nothing, it
    /// is given again as a whole.
    Open(&'a [u8]),
    /// An element of `items`.
    Item(&'a [u8]),
}

/// Where in the document the next byte is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Start,
    /// Before a key of the document, or its end.
    Key,
    /// Within a key.
    InKey,
    Colon,
    /// Before the value of a member.
    Value,
    InValue,
    /// Before an element of `items`, or their end.
    Item,
    InItem,
    End,
}

/// A list that is being read.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    /// Bytes from the value at hand on.
    buffer: Vec<u8>,
    /// How many of them were looked at.
    at: usize,
    place: Place,
    key: String,
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// Whether the document is an array.
    is_array: bool,
    /// Line breaks before the value at hand.
    lines: usize,
}

impl Splitter {
    /// Takes the next bytes, and does not look at them yet.
    pub(super) fn add(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    /// How many bytes it holds.
    pub(super) fn held(&self) -> usize {
        self.buffer.len()
    }

    /// Takes the next bytes and gives the values that they complete.
    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        give: &mut impl FnMut(Part<'_>) -> Result<usize, String>,
    ) -> Result<(), String> {
        self.add(chunk);
        self.cut(give)
    }

    /// Gives the values that the bytes complete.
    pub(super) fn cut(&mut self, give: &mut impl FnMut(Part<'_>) -> Result<usize, String>) -> Result<(), String> {
        let (mut start, mut counted) = (0, 0);
        while let Some(byte) = self.buffer.get(self.at).copied() {
            match self.place {
                Place::End => break,
                Place::InKey | Place::InValue | Place::InItem => {
                    let is_fresh = self.place == Place::InItem && self.at == start && self.depth == 0;
                    let open = if is_fresh { self.buffer.get(start..).unwrap_or_default() } else { &[] };
                    let taken = if open.is_empty() { 0 } else { give(Part::Open(open))?.min(open.len()) };
                    self.at += taken;
                    if taken == 0 && !self.advance() {
                        break;
                    }
                    let passed = self.buffer.get(counted..start).unwrap_or_default();
                    self.lines += memchr_iter(b'\n', passed).count();
                    counted = start;
                    let value = self.buffer.get(start..self.at).unwrap_or_default();
                    match self.place {
                        Place::InItem if taken > 0 => {}
                        Place::InItem => drop(give(Part::Item(value))?),
                        Place::InValue => drop(give(Part::Member(&self.key, value))?),
                        _ => self.key = serde_json::from_slice(value).map_err(|error| error.to_string())?,
                    }
                    self.place = match self.place {
                        Place::InItem => Place::Item,
                        Place::InValue => Place::Key,
                        _ => Place::Colon,
                    };
                    start = self.at;
                }
                _ if byte.is_ascii_whitespace() => {
                    self.at += 1;
                    start = self.at;
                }
                _ => {
                    self.step(byte)?;
                    start = if matches!(self.place, Place::InKey | Place::InValue | Place::InItem) {
                        self.at
                    } else {
                        self.at += 1;
                        self.at
                    };
                }
            }
        }
        self.lines += memchr_iter(b'\n', self.buffer.get(counted..start).unwrap_or_default()).count();
        self.buffer.drain(..start);
        self.at -= start;
        if self.buffer.len() > MAX_VALUE_BYTES {
            return Err(format!("an object of it is larger than {} MiB", MAX_VALUE_BYTES >> 20));
        }
        Ok(())
    }

    /// Whether the document came to its end.
    pub(super) fn is_whole(&self) -> bool {
        self.place == Place::End
    }

    /// Whether nothing of a document has come.
    pub(super) fn is_before(&self) -> bool {
        self.place == Place::Start
    }

    /// Line breaks before the value that was given last, or is at hand.
    pub(super) fn lines(&self) -> usize {
        self.lines
    }

    /// What follows the document, or is left where it broke.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    /// Takes one byte between values.
    fn step(&mut self, byte: u8) -> Result<(), String> {
        let next = match (self.place, byte) {
            (Place::Start, b'[') => {
                self.is_array = true;
                Place::Item
            }
            (Place::Item, b']') if self.is_array => Place::End,
            (Place::Start, b'{') | (Place::Item, b']') => Place::Key,
            (Place::Key, b',') => Place::Key,
            (Place::Key, b'"') => Place::InKey,
            (Place::Key, b'}') => Place::End,
            (Place::Colon, b':') => Place::Value,
            (Place::Value, b'[') if self.key == "items" => Place::Item,
            (Place::Value, _) => Place::InValue,
            (Place::Item, b',') => Place::Item,
            (Place::Item, b'{') => Place::InItem,
            _ => return Err("it is no list of objects in JSON".to_owned()),
        };
        self.place = next;
        Ok(())
    }

    /// Goes on to the end of the value at hand; false where it is not there yet.
    fn advance(&mut self) -> bool {
        loop {
            if self.in_string {
                if self.is_escaped {
                    if self.at >= self.buffer.len() {
                        return false;
                    }
                    self.at += 1;
                    self.is_escaped = false;
                }
                let rest = self.buffer.get(self.at..).unwrap_or_default();
                let Some(found) = memchr2(b'"', b'\\', rest) else {
                    self.at = self.buffer.len();
                    return false;
                };
                let is_quote = rest.get(found) == Some(&b'"');
                self.at += found + 1;
                if is_quote {
                    self.in_string = false;
                    if self.depth == 0 {
                        return true;
                    }
                } else {
                    self.is_escaped = true;
                }
                continue;
            }
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            let is_telling = |byte: &u8| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']' | b',');
            let Some(found) = rest.iter().position(is_telling) else {
                self.at = self.buffer.len();
                return false;
            };
            match rest.get(found) {
                Some(b'"') => self.in_string = true,
                Some(b'{' | b'[') => self.depth += 1,
                // A number or a word ends where its surroundings go on.
                Some(_) if self.depth == 0 => {
                    self.at += found;
                    return true;
                }
                Some(b',') => {}
                _ => self.depth -= 1,
            }
            self.at += found + 1;
            if self.depth == 0 && !self.in_string {
                return true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a document is cut into when it comes in chunks of some size.
    fn cut(text: &str, size: usize) -> Result<Vec<String>, String> {
        let (mut splitter, mut parts) = (Splitter::default(), Vec::new());
        for chunk in text.as_bytes().chunks(size) {
            splitter.push(chunk, &mut |part| {
                parts.push(match part {
                    Part::Member(key, value) => format!("{key}={}", String::from_utf8_lossy(value).trim()),
                    Part::Item(item) => String::from_utf8_lossy(item).into_owned(),
                    Part::Open(_) => return Ok(0),
                });
                Ok(0)
            })?;
        }
        if splitter.is_whole() { Ok(parts) } else { Err("cut short".to_owned()) }
    }

    const LIST: &str = r#" {"kind":"PodList", "metadata":{"continue":"a\"]}\\","remainingItemCount": 2 },
        "items" : [ {"a":"}]\\\"{"} ,{"b":[{}, [1]]}], "n": 12, "last":null }  "#;

    #[test]
    fn a_list_is_cut_the_same_wherever_its_chunks_end() {
        let whole = cut(LIST, LIST.len()).unwrap();
        assert_eq!(
            whole,
            [
                r#"kind="PodList""#,
                r#"metadata={"continue":"a\"]}\\","remainingItemCount": 2 }"#,
                r#"{"a":"}]\\\"{"}"#,
                r#"{"b":[{}, [1]]}"#,
                "n=12",
                "last=null"
            ]
        );
        for size in 1..LIST.len() {
            assert_eq!(cut(LIST, size).unwrap(), whole, "chunks of {size}");
        }
    }

    #[test]
    fn a_list_of_nothing_is_whole() {
        assert_eq!(cut(r#"{"kind":"PodList","items":[]}"#, 3).unwrap(), [r#"kind="PodList""#]);
        assert_eq!(cut(r#"{"items":null}"#, 1).unwrap(), ["items=null"]);
    }

    #[test]
    fn what_ends_early_or_is_no_list_is_told() {
        assert_eq!(cut(r#"{"kind":"PodList","items":[{"a":1}"#, 5), Err("cut short".to_owned()));
        for wrong in ["<html>", "7", r#"{"items":[7]}"#, r#"{"a" 1}"#, "{]"] {
            assert!(cut(wrong, 2).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_element_that_is_parsed_where_it_begins_is_not_given_again() {
        let mut splitter = Splitter::default();
        let mut whole = Vec::new();
        for chunk in [r#"{"items":[{"a":1},{"b":[2"#, "]},{}]}"] {
            splitter
                .push(chunk.as_bytes(), &mut |part| match part {
                    Part::Open(bytes) => Ok(bytes.iter().position(|byte| *byte == b'}').map_or(0, |at| at + 1)),
                    part => {
                        whole.push(format!("{part:?}"));
                        Ok(0)
                    }
                })
                .unwrap();
        }
        assert!(splitter.is_whole());
        assert_eq!(whole, [format!("{:?}", Part::Item(br#"{"b":[2]}"#))], "it was not whole when it began");
    }

    #[test]
    fn what_follows_a_document_is_left() {
        let mut splitter = Splitter::default();
        let mut items = Vec::new();
        splitter
            .push(b"[{},\n\n{}] {\"next", &mut |part| {
                items.extend(matches!(part, Part::Item(_)).then(|| format!("{part:?}")));
                Ok(0)
            })
            .unwrap();
        assert!(splitter.is_whole());
        assert_eq!((items.len(), splitter.lines(), splitter.rest()), (2, 2, b" {\"next".to_vec()));
    }

    #[test]
    fn recorded_pages_are_cut_into_their_objects() {
        for name in ["nodes", "pods-page-1", "pods-metadata-list", "events"] {
            let path = format!("{}/fixtures/clusters/lab/{name}.json", env!("CARGO_MANIFEST_DIR"));
            #[expect(clippy::disallowed_methods, reason = "a fixture")]
            let text = std::fs::read_to_string(path).unwrap();
            let json: serde_json::Value = serde_json::from_str(&text).unwrap();
            let items = json["items"].as_array().unwrap();
            let cut = cut(&text, 1000).unwrap();
            let cut: Vec<serde_json::Value> = cut.iter().filter_map(|part| serde_json::from_str(part).ok()).collect();
            assert_eq!(cut, *items, "{name}");
        }
    }
}
