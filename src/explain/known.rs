//! All symptoms that are known, ready to be searched for.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::bytes::{Regex, RegexBuilder};

use super::literal;
use crate::rule::{Cause, Rule, RuleSet, Symptom};

/// The largest program of one expression.
const SIZE_LIMIT: usize = 1 << 20;

/// The symptoms of a set of rules, and those that are no rule's.
#[derive(Debug)]
pub struct Known<'r> {
    pub(super) rules: &'r RuleSet,
    pub(super) signs: Vec<Sign<'r>>,
    pub(super) patterns: Vec<Pattern>,
    /// Finds the pieces of text of all patterns at once.
    pub(super) pieces: AhoCorasick,
    /// The patterns of each piece.
    pub(super) patterns_of: Vec<Vec<usize>>,
}

/// A symptom that is searched for.
#[derive(Debug)]
pub(super) enum Sign<'r> {
    /// Of one rule.
    Rule(&'r Rule),
    /// With a file of its own.
    Symptom(&'r Symptom),
}

impl Sign<'_> {
    pub(super) fn name(&self) -> &str {
        match self {
            Sign::Rule(rule) => &rule.name,
            Sign::Symptom(symptom) => &symptom.name,
        }
    }

    pub(super) fn title(&self) -> &str {
        match self {
            Sign::Rule(rule) => &rule.title,
            Sign::Symptom(symptom) => &symptom.title,
        }
    }

    /// Seconds within which it has to end by itself to be harmless.
    pub(super) fn fleeting_seconds(&self) -> Option<i64> {
        match self {
            Sign::Rule(_) => None,
            Sign::Symptom(symptom) => symptom.fleeting_minutes.map(|minutes| i64::from(minutes) * 60),
        }
    }
}

/// One expression, and the symptom that it belongs to.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) regex: Regex,
    pub(super) sign: usize,
    /// Characters that it prescribes.
    pub(super) specificity: usize,
}

impl<'r> Known<'r> {
    /// Prepares the search.
    ///
    /// # Errors
    ///
    /// An expression that cannot be searched for, and a cause that is no rule.
    pub fn new(rules: &'r RuleSet, symptoms: &'r [Symptom]) -> Result<Self, String> {
        let of_rules = rules.rules().iter().filter(|rule| !rule.symptoms.is_empty()).map(Sign::Rule);
        let signs: Vec<Sign<'r>> = of_rules.chain(symptoms.iter().map(Sign::Symptom)).collect();
        let mut patterns = Vec::new();
        let mut pieces: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (sign, known) in signs.iter().enumerate() {
            let texts = match known {
                Sign::Rule(rule) => &rule.symptoms,
                Sign::Symptom(symptom) => &symptom.patterns,
            };
            for text in texts {
                let fault = |why: &str| format!("search for the symptom {text:?} of {}: {why}", known.name());
                let regex = RegexBuilder::new(text).size_limit(SIZE_LIMIT).build();
                let regex = regex.map_err(|error| fault(&error.to_string()))?;
                let required = literal::required(text).ok_or_else(|| fault("it holds no text that is sure"))?;
                for piece in required {
                    pieces.entry(piece).or_default().push(patterns.len());
                }
                patterns.push(Pattern { regex, sign, specificity: literal::prescribed(text) });
            }
        }
        for symptom in symptoms {
            let missing = symptom.causes.iter().find_map(|cause| match cause {
                Cause::Rule(name) if rules.get(name).is_none() => Some(name),
                _ => None,
            });
            if let Some(name) = missing {
                return Err(format!("explain the symptom {}: there is no rule {name}", symptom.name));
            }
        }
        let (texts, patterns_of): (Vec<String>, Vec<Vec<usize>>) = pieces.into_iter().unzip();
        let pieces = AhoCorasick::builder().kind(Some(AhoCorasickKind::DFA)).build(texts);
        let pieces = pieces.map_err(|error| format!("prepare the search for symptoms: {error}"))?;
        Ok(Known { rules, signs, patterns, pieces, patterns_of })
    }

    /// The symptom of that name that has a file of its own.
    pub fn symptom(&self, name: &str) -> Option<&'r Symptom> {
        self.signs.iter().find_map(|sign| match sign {
            Sign::Symptom(symptom) if symptom.name == name => Some(*symptom),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{LoadOptions, builtin_symptoms};

    #[test]
    fn every_symptom_can_be_searched_for_and_every_cause_is_there() {
        let rules =
            RuleSet::load(&LoadOptions::default()).unwrap_or_else(|faults| panic!("{}", faults[0].render(false)));
        let symptoms = builtin_symptoms().unwrap_or_else(|faults| panic!("{}", faults[0].render(false)));
        let known = Known::new(&rules, &symptoms).unwrap();
        assert!(known.signs.len() > 90);
        for sign in symptoms.iter().flat_map(|symptom| &symptom.causes) {
            if let Cause::Capture(name) = sign {
                assert!(name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-'), "{name}");
            }
        }
    }
}
