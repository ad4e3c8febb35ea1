//! Configuration documents with line numbers: YAML, JSON and TOML as one tree.
//!
//! Collectors look things up in a [`Node`] and cite the line that they found.
//! Foreign text: sizes, nesting and aliases are bounded, and a document that
//! cannot be parsed is an error with its line, never an empty document.

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

/// Parses a YAML stream into its documents; JSON is YAML too.
///
/// # Errors
/// When the text is not YAML, repeats a key, or goes beyond the bounds on
/// size, nesting and aliases.
pub fn parse_yaml(_text: &str) -> Result<Vec<Node>, DocumentError> {
    todo!()
}

/// Parses one JSON document.
///
/// # Errors
/// When the text is not JSON, repeats a key, or nests too deeply.
pub fn parse_json(_text: &str) -> Result<Node, DocumentError> {
    todo!()
}

/// Parses a TOML document.
///
/// # Errors
/// When the text is not TOML 1.0 or nests too deeply.
pub fn parse_toml(_text: &str) -> Result<Node, DocumentError> {
    todo!()
}
