//! The text of a rule, data or waiver file as a tree in which each node knows
//! where it stands, so that every fault can be shown with its place.
//!
//! Rule files need little of YAML: aliases, tags and several documents are
//! refused, and size and nesting are bounded, so no file can grow when read.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, ScanError};

/// The largest file, in bytes.
pub(super) const SIZE_LIMIT: usize = 1 << 20;

/// The deepest nesting of lists and mappings.
const DEPTH_LIMIT: usize = 32;

/// A text of a file: one that was parsed when the program was built lies in the
/// program, and is not copied.
pub(super) type Text = Cow<'static, str>;

/// A node and the bytes that it covers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) span: Range<usize>,
}

/// The value of a node.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Scalar { text: Text, style: Style },
    List(Vec<Node>),
    Map(Vec<Member>),
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Quoted,
    Block,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member {
    pub(super) key: Text,
    pub(super) key_span: Range<usize>,
    pub(super) value: Node,
}

/// Why a text is not such a tree.
#[derive(Clone, Debug)]
pub(super) struct YamlError {
    pub(super) message: String,
    pub(super) label: String,
    pub(super) span: Range<usize>,
}

impl Node {
    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The value of a member of a mapping.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(members) => members.iter().find(|member| member.key == key).map(|member| &member.value),
            _ => None,
        }
    }

    /// What this is, for "expected …, found …".
    pub(super) fn describe(&self) -> &'static str {
        match &self.value {
            Value::Scalar { text, style: Style::Plain } if text.is_empty() || text == "~" || text == "null" => {
                "nothing"
            }
            Value::Scalar { .. } => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// Reads a text of one document; an empty one is an empty mapping.
pub(super) fn parse(text: &str) -> Result<Node, YamlError> {
    if text.len() > SIZE_LIMIT {
        return Err(YamlError {
            message: format!("the file has {} bytes", text.len()),
            label: format!("at most {SIZE_LIMIT} are read"),
            span: 0..0,
        });
    }
    let mut builder = Builder { text, parser: Parser::new_from_str(text), duplicates: Vec::new() };
    let root = builder.document()?;
    match builder.duplicates.into_iter().next() {
        Some(duplicate) => Err(duplicate),
        None => Ok(root),
    }
}

struct Builder<'t> {
    text: &'t str,
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    duplicates: Vec<YamlError>,
}

impl<'t> Builder<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Range<usize>), YamlError> {
        loop {
            let (event, span) = match self.parser.next_event() {
                Some(Ok(next)) => next,
                Some(Err(error)) => return Err(self.scan_error(&error)),
                None => return Ok((Event::StreamEnd, self.text.len()..self.text.len())),
            };
            if matches!(event, Event::StreamStart | Event::Comment(..) | Event::Anchor(..)) {
                continue;
            }
            let start = span.start.byte_offset().unwrap_or(0);
            let end = span.end.byte_offset().unwrap_or(start).max(start);
            return Ok((event, start..end));
        }
    }

    fn scan_error(&self, error: &ScanError) -> YamlError {
        let at = error.marker().byte_offset().unwrap_or(self.text.len()).min(self.text.len());
        let mut label = error.info();
        if label.contains("mapping values") {
            label.push_str(": text that holds `: ` or ` #` needs quotes");
        }
        YamlError { message: "this is not YAML".to_owned(), label, span: at..at }
    }

    fn document(&mut self) -> Result<Node, YamlError> {
        let empty = Node { value: Value::Map(Vec::new()), span: 0..0 };
        let (event, _) = self.next()?;
        if !matches!(event, Event::DocumentStart(..)) {
            return Ok(empty);
        }
        let (event, span) = self.next()?;
        let root = self.node(event, span, 0)?;
        self.next()?;
        let (event, span) = self.next()?;
        if matches!(event, Event::DocumentStart(..)) {
            return Err(YamlError {
                message: "a second document".to_owned(),
                label: "a file holds one".to_owned(),
                span,
            });
        }
        let is_blank =
            matches!(&root.value, Value::Scalar { text, style: Style::Plain } if text.is_empty() || text == "~");
        Ok(if is_blank { empty } else { root })
    }

    fn node(&mut self, event: Event<'t>, span: Range<usize>, depth: usize) -> Result<Node, YamlError> {
        let refuse = |message: &str, label: &str| {
            Err(YamlError { message: message.to_owned(), label: label.to_owned(), span: span.clone() })
        };
        if depth > DEPTH_LIMIT {
            return refuse("nested too deeply", "lists and mappings may be nested 32 deep");
        }
        match event {
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, _, Some(_))
            | Event::MappingStart(_, _, Some(_)) => refuse("a YAML tag", "tags are not used here"),
            Event::Scalar(text, style, ..) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                Ok(Node { value: Value::Scalar { text: Cow::Owned(text.into_owned()), style }, span })
            }
            Event::SequenceStart(..) => {
                let mut elements = Vec::new();
                loop {
                    let (event, at) = self.next()?;
                    if matches!(event, Event::SequenceEnd | Event::StreamEnd) {
                        return Ok(Node { value: Value::List(elements), span: span.start..at.end.max(span.end) });
                    }
                    elements.push(self.node(event, at, depth + 1)?);
                }
            }
            Event::MappingStart(..) => self.mapping(span, depth),
            Event::Alias(_) | Event::UnresolvedAlias(_) => refuse("a YAML alias", "aliases are not used here"),
            _ => refuse("this is not YAML", "expected a value"),
        }
    }

    fn mapping(&mut self, span: Range<usize>, depth: usize) -> Result<Node, YamlError> {
        let mut members: Vec<Member> = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if matches!(event, Event::MappingEnd | Event::StreamEnd) {
                return Ok(Node { value: Value::Map(members), span: span.start..at.end.max(span.end) });
            }
            let key = self.node(event, at.clone(), depth + 1)?;
            let Value::Scalar { text: key, .. } = key.value else {
                return Err(YamlError {
                    message: format!("{} as a key", key.describe()),
                    label: "expected a word".to_owned(),
                    span: at,
                });
            };
            let (event, value_at) = self.next()?;
            let value = self.node(event, value_at, depth + 1)?;
            if members.iter().any(|member| member.key == key) {
                self.duplicates.push(YamlError {
                    message: format!("the key `{key}` stands here twice"),
                    label: "already given above".to_owned(),
                    span: at.clone(),
                });
            }
            members.push(Member { key, key_span: at, value });
        }
    }
}
