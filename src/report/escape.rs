//! Makes text from the host harmless in a terminal.
//!
//! A file, a host name or a label may carry control characters, ANSI
//! sequences, or characters that turn the direction of the text, so that what
//! is read differs from what is there. They are written as visible escapes.
//! Only the renderers for people use this: the data itself stays as it was
//! read. The characters are the general categories Cc and the
//! `Bidi_Control` and default-ignorable format characters of Unicode (UAX #9,
//! UAX #44), and the line separators.

use std::borrow::Cow;

/// The text on one line, with everything that could drive a terminal visible.
pub fn line(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_hostile) { Cow::Owned(escape(text, |_| false)) } else { Cow::Borrowed(text) }
}

/// The same, where line breaks are meant: they stay.
pub fn lines(text: &str) -> Cow<'_, str> {
    let is_kept = |character| character == '\n';
    if text.chars().any(|character| is_hostile(character) && !is_kept(character)) {
        Cow::Owned(escape(text, is_kept))
    } else {
        Cow::Borrowed(text)
    }
}

fn escape(text: &str, is_kept: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            kept if is_kept(kept) => escaped.push(kept),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            hostile if is_hostile(hostile) => escaped.extend(hostile.escape_unicode()),
            harmless => escaped.push(harmless),
        }
    }
    escaped
}

/// Whether a character moves the cursor, starts a sequence, turns the
/// direction of text, or is not seen at all.
pub fn is_hostile(character: char) -> bool {
    character.is_control()
        // What is no character at all (Unicode, section 23.7): XML and HTML refuse it.
        || u32::from(character) & 0xfffe == 0xfffe
        || matches!(character,
            // Soft hyphen, Arabic letter mark, Mongolian vowel separator.
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            // Zero-width characters and direction marks.
            | '\u{200b}'..='\u{200f}'
            // Line and paragraph separators, direction embeddings and overrides.
            | '\u{2028}'..='\u{202e}'
            // Invisible operators, direction isolates, deprecated controls.
            | '\u{2060}'..='\u{206f}'
            // Byte-order mark, interlinear annotations.
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            // Further ones that are no characters.
            | '\u{fdd0}'..='\u{fdef}'
            // Tags.
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_text_is_not_copied() {
        assert!(matches!(line("kubelet 节点 — größer"), Cow::Borrowed(_)));
    }

    #[test]
    fn an_ansi_sequence_becomes_visible() {
        assert_eq!(line("\x1b[2Jgone"), "\\u{1b}[2Jgone");
        assert_eq!(line("\u{9b}31mred"), "\\u{9b}31mred");
    }

    #[test]
    fn text_cannot_turn_its_direction() {
        assert_eq!(line("a\u{202e}b\u{2066}c"), "a\\u{202e}b\\u{2066}c");
    }

    #[test]
    fn a_line_break_is_visible_unless_it_is_meant() {
        assert_eq!(line("a\nb\tc\r"), "a\\nb\\tc\\r");
        assert_eq!(lines("a\nb\rc"), "a\nb\\rc");
    }
}
