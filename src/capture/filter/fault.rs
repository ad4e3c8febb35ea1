//! Where in an expression a fault is.
//!
//! libpcap says only that there is a syntax error. The fault is at the first
//! word from which on no continuation makes an expression: so the beginnings of
//! the expression are compiled, each with a few continuations.

use std::ops::Range;

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadFilter {
    /// What is wrong, in libpcap's words.
    pub message: String,
    /// The bytes of the expression that are; beyond its last one where
    /// something is missing.
    pub place: Range<usize>,
}

/// What may follow a good beginning; after each of them open brackets are
/// closed.
const CONTINUATIONS: &[&str] =
    &["", " 1", " host 1.2.3.4", " 1.2.3.4", " tcp", " port 1", " 1:1:1:1:1:1", " 0 = 1", " = 1", " proto 1", "-2"];

/// How many words are tried at most: each costs a few compilations.
const MAX_WORDS: usize = 200;

/// Finds the fault that `compile` has found somewhere in the expression.
pub(super) fn locate(expression: &str, message: String, compile: impl Fn(&str) -> Result<(), String>) -> BadFilter {
    const SYNTAX: &str = "syntax error";
    let words = words(expression);
    let end = expression.trim_end().len();
    if !message.contains(SYNTAX) {
        let place = quoted(&message, expression, &words).or_else(|| {
            // The first beginning that has the same fault.
            let is_faulty =
                |word: &&Range<usize>| compile(expression.get(..word.end).unwrap_or_default()) == Err(message.clone());
            words.iter().take(MAX_WORDS).find(is_faulty).cloned()
        });
        return BadFilter { place: place.unwrap_or(0..end), message };
    }
    let is_good = |word: &Range<usize>| {
        let beginning = expression.get(..word.end).unwrap_or_default();
        let closing = closing(beginning);
        CONTINUATIONS.iter().any(|continuation| {
            [format!("{beginning}{continuation}{closing}"), format!("{beginning}{continuation}{closing} = 1")]
                .iter()
                .any(|whole| compile(whole).map_or_else(|message| !message.contains(SYNTAX), |()| true))
        })
    };
    let first_bad = words.iter().take(MAX_WORDS).find(|word| !is_good(word)).cloned();
    BadFilter { message: SYNTAX.to_owned(), place: first_bad.unwrap_or(end..end) }
}

/// What the message names, where it stands in the expression.
fn quoted(message: &str, expression: &str, words: &[Range<usize>]) -> Option<Range<usize>> {
    let parts = message.split(['\'', '"', ' ']).filter(|part| !part.is_empty());
    let is_named = |word: &&Range<usize>| {
        let text = expression.get((*word).clone()).unwrap_or_default();
        // Short words stand in messages by chance.
        text.len() > 1 && parts.clone().any(|part| part == text) && !matches!(text, "host" | "port" | "proto" | "net")
    };
    words.iter().rev().find(is_named).cloned()
}

/// The brackets that a beginning leaves open, closed.
fn closing(beginning: &str) -> String {
    let mut open = Vec::new();
    for character in beginning.chars() {
        match character {
            '(' => open.push(')'),
            '[' => open.push(']'),
            ')' | ']' => {
                open.pop();
            }
            _ => {}
        }
    }
    open.iter().rev().collect()
}

/// Words, and each sign between them.
fn words(expression: &str) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    let mut joins = false;
    for (at, character) in expression.char_indices() {
        let end = at + character.len_utf8();
        let is_of_word = character.is_alphanumeric() || matches!(character, '.' | ':' | '/' | '-' | '_' | '\\');
        match words.last_mut() {
            Some(word) if joins && is_of_word => word.end = end,
            _ if !character.is_whitespace() => words.push(at..end),
            _ => {}
        }
        joins = is_of_word;
    }
    words
}

#[cfg(test)]
mod tests {
    use crate::capture::filter::Filter;
    use crate::capture::packet::LinkType;

    fn marked(expression: &str) -> String {
        let bad = Filter::compile(expression, LinkType::Ethernet).unwrap_err();
        format!("{}<{}>: {}", &expression[..bad.place.start], &expression[bad.place.clone()], bad.message)
    }

    #[test]
    fn a_syntax_error_is_at_the_first_word_that_cannot_stand_there() {
        assert_eq!(marked("tcp prot 80"), "tcp <prot>: syntax error");
        assert_eq!(marked("tcp and and udp"), "tcp and <and>: syntax error");
        assert_eq!(marked("tcp)"), "tcp<)>: syntax error");
        assert_eq!(marked("hostt 1.2.3.4"), "<hostt>: syntax error");
        assert_eq!(marked("(tcp or udp) and prot 1"), "(tcp or udp) and <prot>: syntax error");
        assert_eq!(marked("port 80 @ tcp"), "port 80 <@>: syntax error");
    }

    #[test]
    fn an_end_that_comes_too_early_is_behind_the_last_word() {
        assert_eq!(marked("tcp port "), "tcp port<>: syntax error");
        assert_eq!(marked("(tcp"), "(tcp<>: syntax error");
        assert_eq!(marked("tcp[13] &"), "tcp[13] &<>: syntax error");
        assert_eq!(marked("ether host"), "ether host<>: syntax error");
    }

    #[test]
    fn a_name_or_number_that_means_nothing_is_marked() {
        assert_eq!(marked("tcp port 99999"), "tcp port <99999>: illegal port number 99999 > 65535");
        assert_eq!(
            marked("udp and net 10.0.0.1/8"),
            "udp and net <10.0.0.1/8>: non-network bits set in \"10.0.0.1/8\""
        );
        assert_eq!(marked("ip proto foo"), "ip proto <foo>: unknown ip proto 'foo'");
        assert_eq!(marked("ether host 1.2.3.4"), "ether host <1.2.3.4>: illegal link layer address");
    }
}
