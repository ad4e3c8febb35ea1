//! Finds symptoms in lines and events and keeps count of them.

use std::borrow::Cow;
use std::cell::OnceCell;

use jiff::Timestamp;

use super::known::Known;
use super::seen::{Occurrence, Seen, earlier};
use super::stamp::{self, Stamp};
use super::{Input, SeenSymptom};
use crate::finding::Subject;

/// What has been found so far.
#[derive(Debug)]
pub struct Matcher<'k> {
    known: &'k Known<'k>,
    pub(super) now: Timestamp,
    pub(super) input: Input,
    seen: Vec<Seen>,
    first: Option<Stamp>,
    last: Option<Stamp>,
    /// Patterns to try on the line at hand.
    candidates: Vec<usize>,
    /// Symptoms that the line at hand has shown, and how specific the match is.
    shown: Vec<(usize, usize)>,
}

/// What is known of an event beside its text.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) subject: Option<Subject>,
    pub(super) count: u64,
    pub(super) first: Option<Stamp>,
    pub(super) last: Option<Stamp>,
}

impl<'k> Matcher<'k> {
    /// A matcher that has seen nothing; logs that state no year are read at `now`.
    pub fn new(known: &'k Known<'k>, now: Timestamp) -> Self {
        Matcher {
            known,
            now,
            input: Input { kind: "text", ..Input::default() },
            seen: vec![Seen::default(); known.signs.len()],
            first: None,
            last: None,
            candidates: Vec::new(),
            shown: Vec::new(),
        }
    }

    /// Looks at a text that the user gives as one.
    pub fn text(&mut self, text: &str) {
        self.input.lines = 1;
        self.input.bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.line(text.as_bytes(), 1);
    }

    /// Looks at whole lines, the first of which has a number.
    pub(super) fn block(&mut self, block: &[u8]) {
        let mut from = 0;
        let mut counted = 0;
        while let Some(found) = block.get(from..).and_then(|rest| self.known.pieces.find(rest)) {
            let at = from + found.start();
            let start = memchr::memrchr(b'\n', block.get(..at).unwrap_or_default()).map_or(0, |at| at + 1);
            let end = memchr::memchr(b'\n', block.get(at..).unwrap_or_default()).map_or(block.len(), |end| at + end);
            self.input.lines += lines(block.get(counted..start).unwrap_or_default());
            counted = start;
            self.line(block.get(start..end).unwrap_or_default(), self.input.lines + 1);
            from = end.max(from + 1);
        }
        self.input.lines += lines(block.get(counted..).unwrap_or_default());
        self.input.bytes += u64::try_from(block.len()).unwrap_or(u64::MAX);
        self.date(block);
    }

    /// Takes note of when the lines of a block were written.
    fn date(&mut self, block: &[u8]) {
        if self.first.is_none() {
            let head = block.split(|byte| *byte == b'\n').take(20);
            self.first = head.into_iter().find_map(|line| stamp::find(line, self.now));
        }
        let body = block.strip_suffix(b"\n").unwrap_or(block);
        let start = memchr::memrchr(b'\n', body).map_or(0, |at| at + 1);
        let last = body.get(start..).and_then(|line| stamp::find(line, self.now));
        // journalctl -r turns a log round.
        self.first = earlier(self.first, last);
        self.last = self.last.max(last).max(self.first);
    }

    /// Looks at one line.
    fn line(&mut self, line: &[u8], number: u64) {
        self.find(line);
        if self.shown.is_empty() {
            return;
        }
        let at = stamp::find(line, self.now);
        self.first = earlier(self.first, at);
        self.last = self.last.max(at);
        let about = About { subject: None, count: 1, first: at, last: at };
        self.keep(line, number, &about);
    }

    /// Looks at one event.
    pub(super) fn event(&mut self, text: &str, about: &About) {
        self.input.lines += 1;
        self.first = earlier(self.first, about.first);
        self.last = self.last.max(about.last);
        self.find(text.as_bytes());
        self.keep(text.as_bytes(), self.input.lines, about);
    }

    /// Fills `shown` with the symptoms of a line.
    fn find(&mut self, line: &[u8]) {
        self.candidates.clear();
        self.shown.clear();
        for found in self.known.pieces.find_overlapping_iter(line) {
            let of_piece = self.known.patterns_of.get(found.pattern().as_usize());
            self.candidates.extend(of_piece.into_iter().flatten());
        }
        self.candidates.sort_unstable();
        self.candidates.dedup();
        if self.candidates.is_empty() {
            return;
        }
        let text = without_escapes(line);
        for pattern in self.candidates.iter().filter_map(|at| self.known.patterns.get(*at)) {
            let shown = self.shown.iter().position(|(sign, _)| *sign == pattern.sign);
            let best = shown.and_then(|at| self.shown.get_mut(at)).map(|(_, specificity)| specificity);
            match best {
                Some(best) if *best >= pattern.specificity || !pattern.regex.is_match(&text) => {}
                Some(best) => *best = pattern.specificity,
                None if pattern.regex.is_match(&text) => self.shown.push((pattern.sign, pattern.specificity)),
                None => {}
            }
        }
    }

    /// Counts the symptoms that a line has shown.
    fn keep(&mut self, line: &[u8], number: u64, about: &About) {
        let text = OnceCell::new();
        for (sign, specificity) in &self.shown {
            let (Some(seen), Some(known)) = (self.seen.get_mut(*sign), self.known.signs.get(*sign)) else { continue };
            let text = if *specificity > seen.specificity() {
                text.get_or_init(|| String::from_utf8_lossy(line)).as_ref()
            } else {
                ""
            };
            let occurrence = Occurrence {
                line: number,
                text,
                specificity: *specificity,
                count: about.count,
                first: about.first,
                last: about.last,
                subject: about.subject.as_ref(),
            };
            seen.add(occurrence, known.fleeting_seconds());
        }
    }

    /// The symptoms that count and those that are over, by the numbers of their signs.
    pub(super) fn told(&self) -> (Vec<(usize, SeenSymptom)>, Vec<SeenSymptom>) {
        let (mut symptoms, mut set_aside) = (Vec::new(), Vec::new());
        for (at, (seen, sign)) in
            self.seen.iter().zip(&self.known.signs).enumerate().filter(|(_, (seen, _))| !seen.is_new())
        {
            let told = seen.told(sign);
            match sign.fleeting_seconds() {
                Some(limit) if seen.is_over(limit, self.last) => set_aside.push(told),
                _ => symptoms.push((at, told)),
            }
        }
        (symptoms, set_aside)
    }

    /// What was read.
    pub(super) fn input(&self) -> Input {
        Input { first_seen: self.first.map(Stamp::text), last_seen: self.last.map(Stamp::text), ..self.input.clone() }
    }

    pub(super) fn known(&self) -> &'k Known<'k> {
        self.known
    }
}

fn lines(bytes: &[u8]) -> u64 {
    u64::try_from(memchr::memchr_iter(b'\n', bytes).count()).unwrap_or(u64::MAX)
}

/// The text that was meant: programs quote what others said, once or more
/// often, `\"` and `\\\"`; JSON writes some characters as `\u0026`.
fn without_escapes(line: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', line).is_none() {
        return Cow::Borrowed(line);
    }
    let mut text = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (before, from) = rest.split_at(at);
        text.extend_from_slice(before);
        let slashes = from.iter().take_while(|byte| **byte == b'\\').count();
        let after = from.get(slashes..).unwrap_or_default();
        rest = match after.first() {
            Some(b'"' | b'\'' | b'/') => after,
            Some(b'u') => match after.get(1..5).and_then(hexadecimal) {
                Some(byte) => {
                    text.push(byte);
                    after.get(5..).unwrap_or_default()
                }
                None => after,
            },
            // `\n` and `\t` part words.
            Some(b'n' | b't') => {
                text.push(b' ');
                after.get(1..).unwrap_or_default()
            }
            _ => {
                text.push(b'\\');
                after
            }
        };
    }
    text.extend_from_slice(rest);
    Cow::Owned(text)
}

/// A character of ASCII that four hexadecimal digits name.
fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let code = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    u8::try_from(code).ok().filter(u8::is_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &str) -> String {
        String::from_utf8_lossy(&without_escapes(line.as_bytes())).into_owned()
    }

    #[test]
    fn quotes_are_read_as_meant_however_often_they_were_quoted() {
        assert_eq!(text(r#"err="no runtime for \"nvidia\" is""#), r#"err="no runtime for "nvidia" is""#);
        assert_eq!(text(r#"{"MESSAGE":"err=\"for \\\"nvidia\\\" is\""}"#), r#"{"MESSAGE":"err="for "nvidia" is""}"#);
        assert_eq!(text(r"a \u003ctype\u003e b\nc \u00e9"), r"a <type> b c u00e9");
        assert_eq!(text(r"C:\x \"), r"C:\x \");
    }
}
