//! Picks rules: `--select` and `--ignore`.
//!
//! A selector is a rule's name or former name, a glob over names
//! (`runtime/*`), `tag:WORD` or `severity:WORD`.

use globset::GlobBuilder;

use super::diagnostic::did_you_mean;
use super::{Rule, RuleSet, Severity};

/// What to judge by, as the user said it.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Selectors of rules to use; none means all.
    pub select: Vec<String>,
    /// Selectors of rules to leave out.
    pub ignore: Vec<String>,
}

/// A selector that cannot be used, as one line with the nearest valid one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SelectError {
    /// What is wrong.
    pub message: String,
    /// What may have been meant.
    pub help: Option<String>,
}

impl SelectError {
    fn new(message: impl Into<String>, help: Option<String>) -> Self {
        SelectError { message: message.into(), help }
    }
}

impl Selection {
    /// The selected rules, in the order of their names.
    ///
    /// # Errors
    ///
    /// A selector that matches nothing, or nothing left to judge by.
    pub fn resolve<'a>(&self, rules: &'a RuleSet) -> Result<Vec<&'a Rule>, Vec<SelectError>> {
        let mut errors = Vec::new();
        let mut chosen = vec![self.select.is_empty(); rules.rules().len()];
        for (selectors, choose) in [(&self.select, true), (&self.ignore, false)] {
            for selector in selectors {
                match matching(selector, rules) {
                    Ok(matched) => {
                        chosen.iter_mut().zip(matched).filter(|(_, matched)| *matched).for_each(|(chosen, _)| {
                            *chosen = choose;
                        });
                    }
                    Err(error) => errors.push(error),
                }
            }
        }
        let selected: Vec<&Rule> =
            rules.rules().iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(rule, _)| rule).collect();
        if errors.is_empty() && selected.is_empty() {
            errors.push(SelectError::new("no rule is left to judge by", None));
        }
        if errors.is_empty() { Ok(selected) } else { Err(errors) }
    }
}

/// For each rule, whether the selector means it; at least one.
fn matching(selector: &str, rules: &RuleSet) -> Result<Vec<bool>, SelectError> {
    let rules = rules.rules();
    let matched: Vec<bool> = if let Some(tag) = selector.strip_prefix("tag:") {
        rules.iter().map(|rule| rule.tags.iter().any(|own| own == tag)).collect()
    } else if let Some(word) = selector.strip_prefix("severity:") {
        let Some(severity) = Severity::named(word) else {
            let help = did_you_mean(word, Severity::ALL.map(Severity::name));
            return Err(SelectError::new(format!("there is no severity `{word}`"), help));
        };
        rules.iter().map(|rule| rule.severities.contains(&severity)).collect()
    } else {
        let glob = GlobBuilder::new(selector).build();
        let glob = glob.map_err(|_| SelectError::new(format!("`{selector}` is no name nor glob"), None))?;
        let glob = glob.compile_matcher();
        rules
            .iter()
            .map(|rule| glob.is_match(&rule.name) || rule.aliases.iter().any(|alias| glob.is_match(alias)))
            .collect()
    };
    if matched.contains(&true) {
        return Ok(matched);
    }
    let help = match selector.strip_prefix("tag:") {
        Some(tag) => did_you_mean(tag, rules.iter().flat_map(|rule| rule.tags.iter().map(String::as_str)))
            .map(|help| help.replacen('`', "`tag:", 1)),
        None => did_you_mean(selector, rules.iter().map(|rule| rule.name.as_str()))
            .or_else(|| by_last_part(selector, rules)),
    };
    Err(SelectError::new(format!("no rule matches `{selector}`"), help))
}

/// A name whose area was left out or is another.
fn by_last_part(selector: &str, rules: &[Rule]) -> Option<String> {
    let last = selector.rsplit('/').next()?;
    let rule = rules.iter().find(|rule| rule.name.rsplit('/').next() == Some(last))?;
    Some(format!("did you mean `{}`?", rule.name))
}
