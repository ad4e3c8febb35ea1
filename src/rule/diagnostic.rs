//! Faults in a user's file: where they are, what was expected, and the nearest
//! valid name.

use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

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
    /// A fault at some bytes of a text.
    pub(super) fn new(
        path: &str,
        text: &Arc<str>,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        let span = within(text, span);
        let before = text.get(..span.start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Diagnostic {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            message: message.into(),
            label: label.into(),
            help: None,
            text: Arc::clone(text),
            span,
        }
    }

    /// Says what to do.
    pub(super) fn with_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    /// The fault as text of several lines: file, line, column, caret.
    pub fn render(&self, color: bool) -> String {
        // A caret needs the lines around it, not the whole file.
        let start = self.text.get(..self.span.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let end = self
            .text
            .get(self.span.end..)
            .and_then(|after| after.find('\n'))
            .map_or(self.text.len(), |at| self.span.end + at);
        let excerpt = self.text.get(start..end).unwrap_or_default();
        let span = self.span.start - start..self.span.end - start;
        let snippet = Snippet::source(excerpt)
            .line_start(self.line)
            .path(&self.path)
            .annotation(AnnotationKind::Primary.span(span).label(&self.label));
        let mut group = Level::ERROR.primary_title(&self.message).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.decor_style(DecorStyle::Ascii).render(&[group])
    }
}

/// The span on character boundaries of the text, and of one line.
fn within(text: &str, span: Range<usize>) -> Range<usize> {
    let start = floor(text, span.start);
    let end = floor(text, span.end).max(start);
    let line_end = text.get(start..end).and_then(|covered| covered.find('\n')).map_or(end, |at| start + at);
    start..line_end
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The valid name that is nearest to a misspelt one, if any is near.
pub(super) fn nearest<'a>(name: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A name that was put in the wrong place or cut short is meant as well as
    // a misspelt one; a third of the letters may differ.
    let mut best: Option<(usize, &str)> = None;
    for candidate in valid {
        let distance = strsim::damerau_levenshtein(name, candidate);
        let limit = (name.chars().count().max(candidate.chars().count()) / 3).max(1);
        if distance <= limit && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// "did you mean `x`?", where a valid name is near.
pub(super) fn did_you_mean<'a>(name: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(name, valid).map(|near| format!("did you mean `{near}`?"))
}
