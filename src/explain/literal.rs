//! The piece of plain text that every match of a regular expression holds.
//!
//! A search for all these pieces at once, Aho-Corasick's, passes over a
//! healthy log at the speed of memory; the expressions themselves are tried
//! only on lines that hold their piece.

use regex_syntax::hir::{Hir, HirKind};

/// Pieces that are shorter are in too many lines.
const MIN: usize = 5;

/// Longer ones only cost memory.
const MAX: usize = 24;

/// One of these is in every text that the expression matches; none where that
/// cannot be said.
pub(super) fn required(pattern: &str) -> Option<Vec<String>> {
    let hir = regex_syntax::parse(pattern).ok()?;
    of(&hir).filter(|pieces| shortest(pieces) >= MIN)
}

fn of(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            // Quotes, backslashes and what JSON escapes stand differently in different logs.
            let plain = text.split(|letter: char| !letter.is_ascii() || "\"\\<>&\t\r\n".contains(letter));
            let longest = plain.max_by_key(|piece| piece.len()).filter(|piece| !piece.is_empty())?;
            Some(vec![longest.get(longest.len().saturating_sub(MAX)..)?.to_owned()])
        }
        HirKind::Capture(capture) => of(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => of(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().filter_map(of).max_by_key(|pieces| shortest(pieces)),
        HirKind::Alternation(branches) => {
            let pieces: Option<Vec<_>> = branches.iter().map(of).collect();
            Some(pieces?.concat())
        }
        _ => None,
    }
}

/// The characters that the expression prescribes: the more there are, the less
/// a match is an accident.
pub(super) fn prescribed(pattern: &str) -> usize {
    regex_syntax::parse(pattern).map_or(0, |hir| weight(&hir))
}

fn weight(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Capture(capture) => weight(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => weight(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().map(weight).sum(),
        HirKind::Alternation(branches) => branches.iter().map(weight).min().unwrap_or(0),
        _ => 0,
    }
}

fn shortest(pieces: &[String]) -> usize {
    pieces.iter().map(String::len).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(pattern: &str) -> Option<Vec<String>> {
        required(pattern)
    }

    #[test]
    fn the_longest_piece_is_taken_and_quotes_end_it() {
        assert_eq!(pieces("[Rr]unning with swap"), Some(vec!["unning with swap".to_owned()]));
        assert_eq!(pieces(r#"no runtime for "[^"]+" is configured"#), Some(vec!["no runtime for ".to_owned()]));
        assert_eq!(
            pieces("ErrImagePull|ImagePullBackOff"),
            Some(vec!["ErrImagePull".into(), "ImagePullBackOff".into()])
        );
        assert_eq!(pieces("(unknown)? service"), Some(vec![" service".to_owned()]));
    }

    #[test]
    fn what_an_expression_prescribes_is_counted_whatever_it_matches() {
        assert_eq!(prescribed(r"gate: \S+"), 6);
        assert_eq!(prescribed("gate: (abc|de)?x+"), 7);
        assert_eq!(prescribed("gate: (abc|de)"), 8);
    }

    #[test]
    fn an_expression_without_a_sure_piece_has_none() {
        for pattern in ["[a-z]+", "abc", "(abcdefgh)?", "abcdefgh|x", "("] {
            assert_eq!(pieces(pattern), None, "{pattern}");
        }
    }
}
