//! Texts with `{{ CEL }}` in them: messages and fixes.

use std::ops::Range;

use super::expression::{Evaluator, Expression, Fault, Names, message};
use super::hole::closing;

/// A text whose holes are filled when it is rendered.
#[derive(Debug)]
pub(super) struct Template {
    /// As it is written.
    pub(super) source: String,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(Range<usize>),
    Hole(Expression),
}

impl Template {
    /// Reads a template and checks its holes; faults are at bytes of `source`.
    pub(super) fn compile(source: &str, names: Names<'_>) -> Result<Template, Vec<Fault>> {
        let mut parts = Vec::new();
        let mut faults = Vec::new();
        let mut at = 0;
        while let Some(open) = source.get(at..).and_then(|rest| rest.find("{{")).map(|found| at + found) {
            parts.push(Part::Text(at..open));
            let inside = open + 2;
            let Some(close) = closing(source, inside) else {
                faults.push(Fault {
                    span: open..inside,
                    message: "the template is not closed".to_owned(),
                    label: "expected `}}` behind it".to_owned(),
                    help: None,
                });
                at = source.len();
                break;
            };
            match Expression::compile(source.get(inside..close).unwrap_or_default(), names) {
                Ok(hole) => parts.push(Part::Hole(hole)),
                Err(inner) => faults.extend(
                    inner
                        .into_iter()
                        .map(|fault| Fault { span: fault.span.start + inside..fault.span.end + inside, ..fault }),
                ),
            }
            at = close + 2;
        }
        parts.push(Part::Text(at..source.len()));
        if faults.is_empty() { Ok(Template { source: source.to_owned(), parts }) } else { Err(faults) }
    }

    /// The expressions in it.
    pub(super) fn holes(&self) -> impl Iterator<Item = &Expression> {
        self.parts.iter().filter_map(|part| match part {
            Part::Hole(hole) => Some(hole),
            Part::Text(_) => None,
        })
    }

    /// The text with its holes filled.
    pub(super) fn render<'f>(&'f self, evaluator: &mut Evaluator<'f>) -> String {
        let mut text = String::with_capacity(self.source.len());
        for part in &self.parts {
            match part {
                Part::Text(range) => text.push_str(self.source.get(range.clone()).unwrap_or_default()),
                Part::Hole(hole) => text.push_str(&message(&evaluator.evaluate(&hole.root))),
            }
        }
        text.trim().to_owned()
    }
}
