//! Faults in a user's file: where they are, what was expected, and the nearest
//! valid name.

use std::ops::Range;
use std::sync::Arc;

/// One fault in a rule, data or waiver file.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// The file, as the user named it.
    pub path: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What was expected, shown beside the caret.
    pub label: String,
    /// What to do, such as the nearest valid name.
    pub help: Option<String>,
    /// The text of the file.
    pub text: Arc<str>,
    /// The bytes that are wrong.
    pub span: Range<usize>,
}

impl Diagnostic {
    /// The fault as text of several lines: file, line, column, caret.
    pub fn render(&self, color: bool) -> String {
        let _ = color;
        format!("{}:{}:{}: {}", self.path, self.line, self.column, self.message)
    }
}
