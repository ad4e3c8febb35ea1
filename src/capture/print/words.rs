//! Words for numbers and for sets of bits, as all printers write them.

use super::bytes::{Printed, u8_at};
use super::{Printer, hex, word};

/// A table of words by number, or by bits.
pub(super) type Words = [(u32, &'static str)];

impl Printer {
    /// The word for a number; where there is none, `unknown`.
    pub(super) fn word_or(&mut self, words: &Words, number: impl Into<u32>, unknown: &str) {
        self.out.text(word(words, number).unwrap_or(unknown));
    }

    /// The word for a number; where there is none, `before` and the number in parentheses.
    pub(super) fn word_or_number(&mut self, words: &Words, number: impl Into<u32>, before: &str) {
        let number = number.into();
        match word(words, number) {
            Some(word) => self.out.text(word),
            None => {
                self.out.text(before);
                self.out.text(" (");
                self.out.number(number);
                self.out.byte(b')');
            }
        }
    }

    /// The word for a number, and the number in parentheses behind it.
    pub(super) fn word_and_number(&mut self, words: &Words, number: impl Into<u32>, unknown: &str) {
        let number = number.into();
        self.word_or(words, number, unknown);
        self.out.text(" (");
        self.out.number(number);
        self.out.byte(b')');
    }

    /// The words for the bits that are set, with commas between; `none` where no bit has one.
    pub(super) fn bits(&mut self, words: &Words, set: impl Into<u32>, none: &str) {
        let set = set.into();
        let mut separator = "";
        for (bits, text) in words {
            if *bits != 0 && set & bits == *bits {
                self.out.text(separator);
                self.out.text(text);
                separator = ", ";
            }
        }
        if separator.is_empty() {
            self.out.text(none);
        }
    }

    /// `: ` or the like and a number: a label and its value.
    pub(super) fn labelled(&mut self, label: &str, number: impl Into<u64>) {
        self.out.text(label);
        self.out.number(number);
    }

    /// A label and a number in hexadecimal.
    pub(super) fn labelled_hex(&mut self, label: &str, number: impl Into<u64>, width: usize) {
        self.out.text(label);
        self.out.hex(number, width);
    }

    /// Text of at most `length` bytes, up to the first zero.
    pub(super) fn text_to_zero(&mut self, bytes: &[u8], at: usize, length: usize) -> Printed {
        for place in at..at.saturating_add(length) {
            match u8_at(bytes, place)? {
                0 => break,
                byte => self.out.visible(&[byte]),
            }
        }
        Ok(())
    }

    /// Text of `length` bytes.
    pub(super) fn text_of(&mut self, bytes: &[u8], at: usize, length: usize) -> Printed {
        for place in at..at.saturating_add(length) {
            self.out.visible(&[u8_at(bytes, place)?]);
        }
        Ok(())
    }

    /// Bytes that are not decoded, in hexadecimal on lines that begin with `before`.
    pub(super) fn undecoded(&mut self, before: &str, bytes: &[u8], length: usize) {
        hex::unknown(&mut self.out, before, super::bytes::up_to(bytes, length));
    }
}
