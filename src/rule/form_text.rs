//! The forms of a rule as texts, for its page in the reference.

use super::form::Form;
use super::{FixCase, Rule, Target};

/// One form of a rule, as its file writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormText {
    /// What it judges: `host`, `cluster` or `gate`.
    pub target: &'static str,
    /// When it applies.
    pub when: Option<String>,
    /// The list that it goes through, and the name of an element.
    pub each: Option<(String, String)>,
    /// What holds where there is no fault.
    pub expect: String,
    /// The facts that it shows.
    pub evidence: Vec<String>,
    /// How to mend it.
    pub fix: Vec<FixCase>,
}

impl Rule {
    /// Its forms, the first one first.
    pub fn forms(&self) -> Vec<FormText> {
        let target = Target::ALL.into_iter().find_map(|(name, target)| (target == self.target).then_some(name));
        let first = text(target.unwrap_or_default(), &self.form);
        std::iter::once(first).chain(self.cluster.as_ref().map(|form| text("cluster", form))).collect()
    }
}

fn text(target: &'static str, form: &Form) -> FormText {
    FormText {
        target,
        when: form.when.as_ref().map(|when| when.source.to_string()),
        each: form.each.as_ref().map(|each| (each.list.source.to_string(), each.name.clone())),
        expect: form.expect.source.to_string(),
        evidence: form.evidence.iter().map(|piece| piece.source.to_string()).collect(),
        fix: fixes(form),
    }
}

/// The ways to mend it, as written.
pub(super) fn fixes(form: &Form) -> Vec<FixCase> {
    let case = |fix: &super::form::Case<super::template::Template>| FixCase {
        when: fix.when.as_ref().map(|when| when.source.to_string()),
        text: fix.value.source.trim().to_owned(),
    };
    form.fix.iter().map(case).collect()
}
