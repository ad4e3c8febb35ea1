//! Picks rules: `--select` and `--ignore`.
//!
//! A selector is a rule's name or former name, a glob over names
//! (`runtime/*`), `tag:WORD` or `severity:WORD`.

use super::{Rule, RuleSet};

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

impl Selection {
    /// The selected rules, in the order of their names.
    ///
    /// # Errors
    ///
    /// A selector that matches nothing, or nothing left to judge by.
    pub fn resolve<'a>(&self, rules: &'a RuleSet) -> Result<Vec<&'a Rule>, Vec<SelectError>> {
        Ok(rules.rules().iter().collect())
    }
}
