//! What is kept of a symptom while a log goes by: counts, instants, one
//! sample, and for how long it lasted.

use std::collections::HashSet;
use std::sync::OnceLock;

use regex::Regex;

use super::SeenSymptom;
use super::known::Sign;
use super::stamp::Stamp;
use crate::finding::Subject;

/// Characters of a sample.
const SAMPLE: usize = 300;

/// Subjects that are named.
const SUBJECTS: usize = 5;

/// Subjects that are told apart.
const DISTINCT: usize = 10_000;

/// A symptom that was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    count: u64,
    first_line: u64,
    specificity: usize,
    sample: String,
    first: Option<Stamp>,
    last: Option<Stamp>,
    /// Whether every line had an instant.
    is_dated: bool,
    /// When the episode at hand began, and its last line.
    episode: Option<(i64, i64)>,
    /// How long the longest episode was.
    longest: i64,
    subjects: Vec<Subject>,
    distinct: HashSet<Subject>,
}

/// One line, or event, that shows a symptom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Occurrence<'o> {
    pub(super) line: u64,
    pub(super) text: &'o str,
    pub(super) specificity: usize,
    pub(super) count: u64,
    pub(super) first: Option<Stamp>,
    pub(super) last: Option<Stamp>,
    pub(super) subject: Option<&'o Subject>,
}

impl Seen {
    pub(super) fn is_new(&self) -> bool {
        self.count == 0
    }

    pub(super) fn specificity(&self) -> usize {
        self.specificity
    }

    pub(super) fn add(&mut self, occurrence: Occurrence<'_>, fleeting: Option<i64>) {
        if self.is_new() {
            self.first_line = occurrence.line;
            self.is_dated = true;
        }
        if occurrence.specificity > self.specificity {
            self.specificity = occurrence.specificity;
            self.sample = without_secrets(&cut(occurrence.text));
        }
        self.count = self.count.saturating_add(occurrence.count);
        self.first = earlier(self.first, occurrence.first);
        self.last = self.last.max(occurrence.last);
        match (occurrence.first, occurrence.last) {
            (Some(first), Some(last)) => self.prolong(first.second, last.second, fleeting.unwrap_or(0)),
            _ => self.is_dated = false,
        }
        if let Some(subject) = occurrence.subject
            && self.distinct.len() < DISTINCT
            && self.distinct.insert(subject.clone())
            && self.subjects.len() < SUBJECTS
        {
            self.subjects.push(subject.clone());
        }
    }

    /// Lines that are less than the limit apart are of one episode.
    fn prolong(&mut self, first: i64, last: i64, limit: i64) {
        let begun = match self.episode {
            Some((begun, end)) if (first - end).abs() <= limit => begun.min(first),
            _ => first,
        };
        let end = self.episode.filter(|(earlier, _)| *earlier == begun).map_or(last, |(_, end)| end.max(last));
        self.episode = Some((begun, end));
        self.longest = self.longest.max(end - begun);
    }

    /// Whether it ended by itself each time, and long before the log did.
    pub(super) fn is_over(&self, limit: i64, end: Option<Stamp>) -> bool {
        let (Some(last), Some(end)) = (self.last, end) else { return false };
        self.is_dated && self.longest <= limit && end.second - last.second > limit
    }

    pub(super) fn told(&self, sign: &Sign<'_>) -> SeenSymptom {
        SeenSymptom {
            symptom: sign.name().to_owned(),
            title: sign.title().to_owned(),
            count: self.count,
            first_line: self.first_line,
            first_seen: self.first.map(Stamp::text),
            last_seen: self.last.map(Stamp::text),
            specificity: self.specificity,
            sample: self.sample.clone(),
            subjects: self.subjects.clone(),
            more_subjects: u64::try_from(self.distinct.len().saturating_sub(self.subjects.len())).unwrap_or(u64::MAX),
        }
    }
}

/// The earlier of two instants; one that is not known says nothing.
pub(super) fn earlier(this: Option<Stamp>, that: Option<Stamp>) -> Option<Stamp> {
    match (this, that) {
        (Some(this), Some(that)) => Some(this.min(that)),
        (this, that) => this.or(that),
    }
}

fn cut(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(SAMPLE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Logs hold passwords and tokens now and then; a report is passed around.
fn without_secrets(text: &str) -> String {
    static SECRET: OnceLock<Option<Regex>> = OnceLock::new();
    let pattern = r#"(?i)((?:password|passwd|token|secret[-_]?key|api[-_]?key)[\\"']*\s*[=:]\s*[\\"']*|bearer\s+)[^\s"'\\,;&]{6,}"#;
    match SECRET.get_or_init(|| Regex::new(pattern).ok()) {
        Some(secret) => secret.replace_all(text, "$1(left out)").into_owned(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(seen: &mut Seen, at: i64) {
        let stamp = Stamp::parse("2026-11-25T10:00:00Z").map(|stamp| Stamp { second: stamp.second + at, ..stamp });
        let occurrence =
            Occurrence { line: 1, text: "x", specificity: 1, count: 1, first: stamp, last: stamp, subject: None };
        seen.add(occurrence, Some(600));
    }

    fn end(at: i64) -> Option<Stamp> {
        Stamp::parse("2026-11-25T10:00:00Z").map(|stamp| Stamp { second: stamp.second + at, ..stamp })
    }

    #[test]
    fn what_ended_by_itself_after_each_start_is_over() {
        let mut seen = Seen::default();
        for at in [0, 10, 300, 90_000, 90_030] {
            add(&mut seen, at);
        }
        assert!(seen.is_over(600, end(100_000)));
        assert!(!seen.is_over(600, end(90_100)), "the log ends too early to tell");
        assert!(!seen.is_over(600, None));
    }

    #[test]
    fn what_lasted_is_not_over() {
        let mut seen = Seen::default();
        for at in 0..20 {
            add(&mut seen, at * 60);
        }
        assert!(!seen.is_over(600, end(100_000)));
    }

    #[test]
    fn a_sample_shows_no_secret() {
        for line in
            ["--token=K10abcdef::server:123456 x", "password: \"hunter22\"", "Authorization: Bearer eyJhbGciOi.abc"]
        {
            let told = without_secrets(line);
            assert!(told.contains("(left out)") && !told.contains("hunter") && !told.contains("eyJ"), "{told}");
        }
        assert_eq!(without_secrets("secret \"db\" not found; token expired"), "secret \"db\" not found; token expired");
    }
}
