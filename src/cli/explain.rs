//! `scanner explain`: what a rule means and how to mend it; or which rules an
//! error message or a log points to.
//!
//! A log is read once, line by line, in bounded memory. A rule is found where
//! one of its symptoms, the regular expressions of its file, matches a line.

use std::io::{BufRead, Read};

use clap::Args;
use regex::{Regex, RegexSet, RegexSetBuilder};

use super::exit::Exit;
use super::failure::{Failure, cause};
use super::output::Destination;
use super::rule_source::load;
use super::rules::find;
use super::terminal::Terminal;
use crate::report::rule::{severities, write_rule};
use crate::report::{View, escape};
use crate::rule::{LoadOptions, Rule, RuleSet};

/// The bytes of a line that are looked at; what follows is skipped.
const MAX_LINE_BYTES: u64 = 64 << 10;

/// The bytes of a matching line that are shown.
const SHOWN_CHARACTERS: usize = 200;

/// Explains a rule, or finds the rules that a text points to.
#[derive(Args, Clone, Debug)]
pub(crate) struct ExplainArgs {
    /// A rule's name, an error message, or `-` to read a log from stdin
    #[arg(value_name = "NAME_OR_TEXT", required = true, allow_hyphen_values = true)]
    text: Vec<String>,
}

/// Runs the command.
pub(crate) fn run(args: &ExplainArgs, terminal: Terminal) -> Result<Exit, Failure> {
    super::start_threads();
    let text = args.text.join(" ");
    let mut bytes = Vec::new();
    let is_log = text == "-";
    let rules = load(&LoadOptions { builtin: true, paths: Vec::new(), with_examples: !is_log })?;
    if is_log {
        let matches = search(&rules, std::io::stdin().lock())?;
        write_matches(&matches, terminal, &mut bytes);
    } else if is_name(&text) {
        write_one(find(&rules, &text)?, terminal.view, &mut bytes)?;
    } else if let Some(rule) = rules.get(&text) {
        write_one(rule, terminal.view, &mut bytes)?;
    } else {
        let matches = search(&rules, text.as_bytes())?;
        write_matches(&matches, terminal, &mut bytes);
    }
    Destination::Stdout.write(&bytes)?;
    Ok(Exit::Clean)
}

/// Whether a text is meant as a rule's name: `area/bad-pattern`.
fn is_name(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|character| character.is_ascii_alphanumeric() || "-_".contains(character))
    };
    text.split_once('/').is_some_and(|(area, pattern)| is_word(area) && is_word(pattern))
}

fn write_one(rule: &Rule, view: View, bytes: &mut Vec<u8>) -> Result<(), Failure> {
    write_rule(rule, view, bytes).map_err(|error| Failure::new(format!("write the rule: {error}")))
}

/// A rule that a text points to.
struct Match<'a> {
    rule: &'a Rule,
    /// Lines that match one of its symptoms.
    lines: usize,
    /// Number of the first of them, counted from 1.
    first_number: usize,
    /// The first of them.
    first_line: String,
    /// Characters of its longest match: a long one is no accident.
    length: usize,
}

/// The rules whose symptoms match a line of the text, the likeliest first.
fn search(rules: &RuleSet, mut text: impl BufRead) -> Result<Vec<Match<'_>>, Failure> {
    let symptoms: Vec<(&Rule, &str)> = rules
        .rules()
        .iter()
        .flat_map(|rule| rule.symptoms.iter().map(move |symptom| (rule, symptom.as_str())))
        .collect();
    let set = compile(&symptoms)?;
    let mut matches: Vec<Match> = Vec::new();
    let mut line = Vec::new();
    let mut number = 0;
    while read_line(&mut text, &mut line).map_err(|error| Failure::new(format!("read stdin: {}", cause(&error))))? {
        number += 1;
        let line = String::from_utf8_lossy(&line);
        let mut counted: Vec<&str> = Vec::new();
        for (rule, symptom) in set.matches(&line).iter().filter_map(|index| symptoms.get(index)) {
            let length = match_length(symptom, &line);
            let known = matches.iter_mut().find(|found| found.rule.name == rule.name);
            let is_new_line = !counted.contains(&rule.name.as_str());
            counted.push(&rule.name);
            match known {
                Some(found) => {
                    found.lines += usize::from(is_new_line);
                    found.length = found.length.max(length);
                }
                None => matches.push(Match {
                    rule,
                    lines: 1,
                    first_number: number,
                    first_line: line.trim().chars().take(SHOWN_CHARACTERS).collect(),
                    length,
                }),
            }
        }
    }
    // The longest match says most; then the worse fault; then the more frequent.
    matches.sort_by_key(|found| {
        use std::cmp::Reverse;
        (Reverse(found.length), Reverse(found.rule.severity), Reverse(found.lines), found.rule.name.clone())
    });
    Ok(matches)
}

fn compile(symptoms: &[(&Rule, &str)]) -> Result<RegexSet, Failure> {
    RegexSetBuilder::new(symptoms.iter().map(|(_, symptom)| symptom))
        .size_limit(64 << 20)
        .build()
        .map_err(|error| Failure::new(format!("compile the symptoms of the rules: {error}")))
}

/// The characters that a symptom covers in a line.
fn match_length(symptom: &str, line: &str) -> usize {
    let found = Regex::new(symptom).ok().and_then(|symptom| symptom.find(line).map(|found| found.len()));
    found.unwrap_or(0)
}

/// Reads a line of bounded length into the buffer; false at the end.
fn read_line(text: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    let read = text.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', line)?;
    if read == 0 {
        return Ok(false);
    }
    if line.last() != Some(&b'\n') {
        text.skip_until(b'\n')?;
    }
    Ok(true)
}

fn write_matches(matches: &[Match], terminal: Terminal, bytes: &mut Vec<u8>) {
    use std::fmt::Write;
    let mut text = String::new();
    if matches.is_empty() {
        text.push_str("No rule knows this text as a symptom.\n");
        terminal.note("help: search the rules by name with: scanner rules list");
    }
    for found in matches {
        let rule = found.rule;
        let lines = if found.lines == 1 { "1 line".to_owned() } else { format!("{} lines", found.lines) };
        let _ = writeln!(text, "{}  ({})", escape::line(&rule.name), severities(rule));
        let _ = writeln!(text, "  {}", escape::line(&rule.title));
        let _ = writeln!(text, "  {lines}, first line {}: {}", found.first_number, escape::line(&found.first_line));
        let _ = writeln!(text, "  more: scanner explain {}\n", escape::line(&rule.name));
    }
    bytes.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_from_a_message() {
        assert!(is_name("runtime/cri-plugin-disabled"));
        assert!(!is_name("unknown service runtime.v1.RuntimeService"));
        assert!(!is_name("open /etc/cni/net.d: no such file"));
    }

    #[test]
    fn a_line_without_end_is_cut_and_the_next_one_is_read() {
        let mut text = vec![b'x'; 200_000];
        text.extend_from_slice(b"\nnext\nlast");
        let mut reader = std::io::BufReader::new(text.as_slice());
        let mut line = Vec::new();
        assert!(read_line(&mut reader, &mut line).unwrap());
        assert_eq!(line.len(), 65_536);
        assert!(read_line(&mut reader, &mut line).unwrap());
        assert_eq!(line, b"next\n");
        assert!(read_line(&mut reader, &mut line).unwrap());
        assert_eq!(line, b"last");
        assert!(!read_line(&mut reader, &mut line).unwrap());
    }
}
