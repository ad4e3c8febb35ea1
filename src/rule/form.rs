//! A form of a rule: the expressions and texts that judge one kind of target.

use std::collections::BTreeSet;

use super::expression::{Expression, Kind};
use super::template::Template;
use super::verdict::Severity;

/// What judges a host, a cluster or an upgrade.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) when: Option<Expression>,
    pub(super) each: Option<Each>,
    pub(super) subject: Option<Expression>,
    pub(super) expect: Expression,
    pub(super) severity: Vec<Case<Severity>>,
    pub(super) message: Vec<Case<Template>>,
    pub(super) evidence: Vec<Expression>,
    pub(super) fix: Vec<Case<Template>>,
}

/// A list of subjects, and the name that each is bound to.
#[derive(Debug)]
pub(super) struct Each {
    pub(super) list: Expression,
    pub(super) name: String,
    pub(super) key: Option<Expression>,
}

/// A value and the condition that it is used under.
#[derive(Debug)]
pub(super) struct Case<T> {
    pub(super) when: Option<Expression>,
    pub(super) value: T,
}

impl Form {
    /// Every expression of the form.
    pub(super) fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let each = self.each.iter().flat_map(|each| std::iter::once(&each.list).chain(&each.key));
        let cases = conditions(&self.severity).chain(conditions(&self.message)).chain(conditions(&self.fix));
        let texts = self.message.iter().chain(&self.fix).flat_map(|case| case.value.holes());
        self.when
            .iter()
            .chain(each)
            .chain(&self.subject)
            .chain(std::iter::once(&self.expect))
            .chain(&self.evidence)
            .chain(cases)
            .chain(texts)
    }

    /// Catalogue paths of the facts that it reads.
    pub(super) fn facts(&self) -> BTreeSet<&'static str> {
        self.expressions().flat_map(|expression| expression.facts.iter().copied()).collect()
    }
}

impl Each {
    /// The kind of an element.
    pub(super) fn element(&self) -> Kind {
        match &self.list.kind {
            Kind::List(element) => (**element).clone(),
            _ => Kind::Any,
        }
    }
}

fn conditions<T>(cases: &[Case<T>]) -> impl Iterator<Item = &Expression> {
    cases.iter().filter_map(|case| case.when.as_ref())
}
