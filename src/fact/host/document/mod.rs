//! Configuration documents with line numbers: YAML, JSON and TOML as one tree.
//!
//! Collectors look things up in a [`Node`] and cite the line that they found.
//! Foreign text: sizes, nesting and aliases are bounded, and a document that
//! cannot be parsed is an error with its line, never an empty document.

mod json;
mod toml;
mod yaml;

pub use json::parse_json;
pub use toml::parse_toml;
pub use yaml::parse_yaml;

/// The deepest nesting that is read.
const MAX_DEPTH: usize = 64;

/// The most values that a document may have, those that aliases repeat included.
const MAX_NODES: usize = 200_000;

/// The most bytes of text that aliases may repeat.
const MAX_COPIED_BYTES: usize = 4 << 20;

/// A value in a document and the line that it stands on.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Line of the value (for a member of a map: of its key), counted from 1.
    pub line: u32,
    /// The value.
    pub value: NodeValue,
}

/// The value of a node.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeValue {
    /// YAML `null` or `~`, JSON `null`.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text, dates included.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Members in the order of the document; keys are unique.
    Map(Vec<(String, Node)>),
}

/// Why a text is not a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct DocumentError {
    /// Line of the fault, counted from 1.
    pub line: u32,
    /// What is wrong, as a lowercase fragment.
    pub message: String,
}

impl Node {
    /// The member of that name, if this is a map that has it.
    pub fn get(&self, name: &str) -> Option<&Node> {
        match &self.value {
            NodeValue::Map(members) => members.iter().find(|(key, _)| key == name).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The node at a path of member names.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, name| node.get(name))
    }

    /// The text, if it is text.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            NodeValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The truth, if it is a boolean.
    pub fn bool(&self) -> Option<bool> {
        match self.value {
            NodeValue::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// The number, if it is whole.
    pub fn int(&self) -> Option<i64> {
        match self.value {
            NodeValue::Int(number) => Some(number),
            _ => None,
        }
    }

    /// A single value as it would be written in a flag; none for a list, a map
    /// and null.
    pub fn scalar(&self) -> Option<String> {
        match &self.value {
            NodeValue::Text(text) => Some(text.clone()),
            NodeValue::Bool(truth) => Some(truth.to_string()),
            NodeValue::Int(number) => Some(number.to_string()),
            NodeValue::Float(number) => Some(number.to_string()),
            NodeValue::Null | NodeValue::List(_) | NodeValue::Map(_) => None,
        }
    }

    /// The elements, if it is a list; otherwise none.
    pub fn list(&self) -> &[Node] {
        match &self.value {
            NodeValue::List(elements) => elements,
            _ => &[],
        }
    }

    /// The members, if it is a map; otherwise none.
    pub fn members(&self) -> &[(String, Node)] {
        match &self.value {
            NodeValue::Map(members) => members,
            _ => &[],
        }
    }
}

impl DocumentError {
    fn new(line: u32, message: impl Into<String>) -> Self {
        DocumentError { line, message: message.into() }
    }
}

/// What a document may cost; counted while it is built.
#[derive(Default)]
struct Budget {
    nodes: usize,
    copied_bytes: usize,
}

impl Budget {
    /// One more node at this depth.
    fn add_node(&mut self, depth: usize, line: u32) -> Result<(), DocumentError> {
        if depth > MAX_DEPTH {
            return Err(DocumentError::new(line, format!("nested more than {MAX_DEPTH} levels deep")));
        }
        self.add(1, 0, line)
    }

    fn add(&mut self, nodes: usize, copied_bytes: usize, line: u32) -> Result<(), DocumentError> {
        self.nodes = self.nodes.saturating_add(nodes);
        self.copied_bytes = self.copied_bytes.saturating_add(copied_bytes);
        if self.nodes > MAX_NODES {
            return Err(DocumentError::new(line, format!("more than {MAX_NODES} values")));
        }
        if self.copied_bytes > MAX_COPIED_BYTES {
            return Err(DocumentError::new(line, "aliases expand to too much text"));
        }
        Ok(())
    }
}

/// A line number as nodes keep it.
fn line_number(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}
