//! Where the parts of an expression stand in its source.

use std::ops::Range;
use std::sync::Arc;

use cel::common::ast::SourceInfo;
use cel::parser::PrattParser;

use super::parse::NESTING;

/// Where the parts of an expression stand in its source.
///
/// The parser gives places only with errors, so the same text is parsed again
/// with an error behind it: the numbers of the parts are the same. That
/// happens only when there is a fault to show.
pub(crate) struct Places<'s> {
    source: &'s str,
    table: Option<Arc<SourceInfo>>,
}

impl<'s> Places<'s> {
    pub(crate) fn new(source: &'s str) -> Self {
        Places { source, table: None }
    }

    /// The bytes of the token that stands for a part: a name, a dot, an operator.
    pub(crate) fn of(&mut self, id: u64) -> Range<usize> {
        if self.table.is_none() {
            let with_error = format!("{}\n]", self.source);
            let errors = PrattParser::default().max_recursion_depth(NESTING).parse(&with_error).err();
            self.table = errors.and_then(|errors| errors.errors.into_iter().find_map(|error| error.source_info));
        }
        let range = self.table.as_ref().and_then(|table| table.offset_for(id));
        let bound = |offset: u32| usize::try_from(offset).unwrap_or(0).min(self.source.len());
        range.map_or(0..self.source.len(), |(start, end)| bound(start)..bound(end))
    }

    /// The name that follows a dot, or that `has(…)` asks for.
    pub(crate) fn of_member(&mut self, id: u64, name: &str) -> Range<usize> {
        let dot = self.of(id);
        let after = self.source.get(dot.end..).unwrap_or_default();
        if self.source.get(dot.clone()) == Some("has") {
            // The macro took the dot's number for itself.
            let inside = after.get(..closing_bracket(after)).unwrap_or_default();
            return inside.rfind(name).map_or(dot.clone(), |at| dot.end + at..dot.end + at + name.len());
        }
        match after.find(name) {
            Some(at) if after.get(..at).is_some_and(|gap| gap.trim().is_empty()) => {
                dot.end + at..dot.end + at + name.len()
            }
            _ => dot,
        }
    }

    /// The name before the bracket of a call with a receiver.
    pub(crate) fn of_call(&mut self, id: u64, name: &str) -> Range<usize> {
        let bracket = self.of(id);
        let before = self.source.get(..bracket.start).unwrap_or_default();
        match before.rfind(name) {
            Some(at) if before.get(at + name.len()..).is_some_and(|gap| gap.trim().is_empty()) => at..at + name.len(),
            _ => bracket,
        }
    }
}

/// Where the first bracket of a text closes.
fn closing_bracket(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth <= 1 => return at,
            b')' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}
