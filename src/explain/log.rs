//! Reads a log, or events, in one pass: a mebibyte is held at a time, and of a
//! line no more than that.

use std::io::{self, ErrorKind, Read};

use super::event;
use super::matcher::Matcher;

/// What is held at a time.
const BLOCK: usize = 1 << 20;

/// The input of `scanner explain -`.
#[derive(Debug)]
pub struct Log {
    buffer: Vec<u8>,
    filled: usize,
    /// Whether the rest of a line that is too long is passed over.
    skips: bool,
    is_ended: bool,
}

impl Default for Log {
    fn default() -> Self {
        Log { buffer: vec![0; BLOCK], filled: 0, skips: false, is_ended: false }
    }
}

impl Log {
    /// Whether the input is events: a document of JSON or YAML, and no log.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn holds_events(&mut self, reader: &mut dyn Read) -> io::Result<bool> {
        // The first bytes may come one by one.
        while !self.is_ended && event::may_begin(self.held()) && self.filled < event::HEAD {
            self.fill(reader)?;
        }
        Ok(event::begins(self.held()))
    }

    fn held(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    /// Reads all events. Gives up with words where the document is broken.
    ///
    /// # Errors
    ///
    /// When it cannot be read or is not what it seems.
    pub fn events(mut self, reader: &mut dyn Read, matcher: &mut Matcher<'_>) -> Result<(), String> {
        let held = self.buffer.split_off(0);
        let held = held.get(..self.filled).unwrap_or_default();
        matcher.input.kind = "events";
        event::read(io::Cursor::new(held).chain(reader), held.first() == Some(&b'{'), matcher)
    }

    /// Reads a piece of a log, where there is none to look at yet.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn read(&mut self, reader: &mut dyn Read) -> io::Result<()> {
        // What was read to tell what it is waits to be looked at.
        if !self.is_ended && memchr::memchr(b'\n', self.held()).is_none() {
            self.fill(reader)?;
        }
        Ok(())
    }

    /// Looks at what was read; false at its end.
    pub fn look(&mut self, matcher: &mut Matcher<'_>) -> bool {
        matcher.input.kind = "log";
        if self.skips {
            let end = memchr::memchr(b'\n', self.held()).map(|at| at + 1);
            self.skips = end.is_none();
            matcher.input.lines += u64::from(end.is_some() || self.is_ended);
            let passed = end.unwrap_or(self.filled);
            matcher.input.bytes += u64::try_from(passed).unwrap_or(u64::MAX);
            self.drop_front(passed);
            return !self.is_ended || self.filled > 0;
        }
        let whole = memchr::memrchr(b'\n', self.held()).map(|at| at + 1);
        match whole {
            Some(end) => {
                matcher.block(self.buffer.get(..end).unwrap_or_default());
                self.drop_front(end);
            }
            None if self.is_ended => {
                let is_line = self.filled > 0;
                matcher.block(self.buffer.get(..self.filled).unwrap_or_default());
                // It has no end that would be counted.
                matcher.input.lines += u64::from(is_line);
                self.filled = 0;
                return false;
            }
            None if self.filled == self.buffer.len() => {
                matcher.block(&self.buffer);
                matcher.input.cut_lines += 1;
                self.skips = true;
                self.filled = 0;
            }
            None => {}
        }
        true
    }

    fn fill(&mut self, reader: &mut dyn Read) -> io::Result<()> {
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        match reader.read(room) {
            Ok(0) => self.is_ended = true,
            Ok(read) => self.filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn drop_front(&mut self, bytes: usize) {
        self.buffer.copy_within(bytes..self.filled, 0);
        self.filled -= bytes;
    }
}
