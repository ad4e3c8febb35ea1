//! Regular expressions in rules: `matches` and symptoms. Their size is bounded.

use regex_syntax::hir::{Class, Hir, HirKind};
use regex_syntax::utf8::Utf8Sequences;

/// The largest one, in bytes of its automaton.
const SIZE_LIMIT: usize = 1 << 20;

/// The deepest nesting.
const NEST_LIMIT: u32 = 50;

/// An automaton of so many states is far below [`SIZE_LIMIT`]: a state and what
/// belongs to it take less than 64 bytes.
const SMALL_STATES: usize = SIZE_LIMIT / 128;

/// Compiles a regular expression.
pub(crate) fn compile_pattern(pattern: &str) -> Result<regex::Regex, String> {
    let builder = regex::RegexBuilder::new(pattern).size_limit(SIZE_LIMIT).nest_limit(NEST_LIMIT).build();
    builder.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        error => error.to_string().lines().last().unwrap_or_default().trim().to_owned(),
    })
}

/// Why a regular expression cannot be compiled, if it cannot. Most need not be
/// compiled to know it, which takes ten times as long as to read them.
pub(crate) fn check_pattern(pattern: &str) -> Result<(), String> {
    let mut parser = regex_syntax::ParserBuilder::new().nest_limit(NEST_LIMIT).build();
    match parser.parse(pattern) {
        Ok(tree) if states(&tree) <= SMALL_STATES => Ok(()),
        _ => compile_pattern(pattern).map(drop),
    }
}

/// How many states the automaton of a tree has at most: one for each byte that
/// is told apart, and some between them.
fn states(tree: &Hir) -> usize {
    let sum = |trees: &[Hir]| trees.iter().fold(trees.len() + 2, |sum, tree| sum.saturating_add(states(tree)));
    match tree.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() + 1,
        HirKind::Class(Class::Bytes(class)) => class.ranges().len() + 1,
        HirKind::Class(Class::Unicode(class)) => {
            let sequences = class.iter().flat_map(|range| Utf8Sequences::new(range.start(), range.end()));
            sequences.map(|sequence| sequence.len() + 1).sum::<usize>() + 2
        }
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).max(repetition.min).saturating_add(1);
            let times = usize::try_from(times).unwrap_or(usize::MAX);
            states(&repetition.sub).saturating_add(2).saturating_mul(times)
        }
        HirKind::Capture(capture) => states(&capture.sub).saturating_add(2),
        HirKind::Concat(trees) | HirKind::Alternation(trees) => sum(trees),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_refused_exactly_where_it_cannot_be_compiled() {
        let deep = "(".repeat(60) + "a" + &")".repeat(60);
        let patterns = [
            "",
            "a",
            "^x$",
            r#"kubelet cgroup driver: "?\w+"? is different from"#,
            r"(?i)a|b|[^c]\d+\s*.*",
            "(",
            "a{2",
            "a{2,1}",
            "[z-a]",
            r"\q",
            r"\w{400}",
            r"(\w{50}){50}",
            "(a{1000}){1000}",
            "a{5000}",
            r"(?-u:\xff)",
            "*",
            &deep,
        ];
        for pattern in patterns {
            assert_eq!(check_pattern(pattern), compile_pattern(pattern).map(drop), "{pattern}");
        }
    }

    #[test]
    fn what_is_let_through_uncompiled_is_far_from_too_large() {
        let repeated = |part: &str| {
            let doubled = (0..).map(|power| part.repeat(1 << power));
            doubled.take_while(|pattern| is_small(pattern)).last().unwrap_or_default()
        };
        for part in ["ab", ".", r"\w", r"\d+", "[^a]?", "(x|y)", r"\pL", "é", "(?i)k", r"\b"] {
            let largest = repeated(part);
            let built = regex::RegexBuilder::new(&largest).size_limit(SIZE_LIMIT / 2).build();
            assert!(built.is_ok(), "{part} {} times", largest.len() / part.len());
        }
    }

    fn is_small(pattern: &str) -> bool {
        regex_syntax::parse(pattern).is_ok_and(|tree| states(&tree) <= SMALL_STATES)
    }
}
