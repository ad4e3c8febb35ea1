//! Rules: YAML files whose conditions are CEL, checked when they are loaded.
//!
//! The format is documented in `docs/rule-format.md`. [`RuleSet::load`] reads
//! the rules built into the binary and those of the user, checks each against
//! the catalogue of facts, and gives all errors of all files at once.
//! [`select`] picks rules by name, tag and severity; [`judge`] applies one rule
//! to facts; [`example`] runs the examples that each rule carries; [`waiver`]
//! reads accepted exceptions.

mod builtin;
mod data;
pub mod diagnostic;
mod evidence;
pub mod example;
mod expression;
mod file;
mod form;
mod form_text;
mod hole;
pub mod judge;
mod load;
pub mod select;
mod symptom;
mod template;
#[cfg(test)]
mod tests;
mod tree;
mod verdict;
pub mod waiver;
mod yaml;

use std::collections::BTreeSet;

pub use diagnostic::Diagnostic;
pub use evidence::Evidence;
pub use form_text::FormText;
pub use load::LoadOptions;
pub use symptom::{Cause, Symptom, builtin_symptoms};
pub use verdict::{Severity, Verdict};

use expression::World;
use jiff::Timestamp;
use judge::Judgement;

use crate::fact::Facts;

/// What a rule judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A Linux host.
    Host,
    /// A Kubernetes cluster.
    Cluster,
    /// Moving a cluster to another Kubernetes version.
    Gate,
}

impl Target {
    /// Every target and the word for it in a rule file.
    pub(crate) const ALL: [(&'static str, Target); 3] =
        [("host", Target::Host), ("cluster", Target::Cluster), ("gate", Target::Gate)];

    /// The target of that word.
    pub(crate) fn named(word: &str) -> Option<Target> {
        Target::ALL.into_iter().find_map(|(name, target)| (name == word).then_some(target))
    }
}

/// Which form of a rule judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormKind {
    /// The one that its `target` names.
    First,
    /// The one under `cluster`.
    Cluster,
}

/// One rule.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file, or told by it")]
pub struct Rule {
    /// `area/bad-pattern`, from its path.
    pub name: String,
    /// The bad pattern as one sentence.
    pub title: String,
    /// The severity without conditions: the worst that its cases can give.
    pub severity: Severity,
    /// Every severity that its cases can give, the worst first.
    pub severities: Vec<Severity>,
    /// What its first form judges.
    pub target: Target,
    /// Whether it also has a form that judges the cluster.
    pub has_cluster_form: bool,
    /// Whether `scanner gate` counts it too.
    pub gate: bool,
    /// Whether the gate judges the workloads of manifests by it, too.
    pub manifests: bool,
    /// Words for `--select tag:WORD`.
    pub tags: Vec<String>,
    /// What goes wrong, and how it shows.
    pub why: String,
    /// How to mend it, as written: templates are not filled in.
    pub fix: Vec<FixCase>,
    /// Regular expressions of error texts that this fault is known by.
    pub symptoms: Vec<String>,
    /// Where to read more.
    pub references: Vec<String>,
    /// Former names.
    pub aliases: Vec<String>,
    /// Its examples; empty where they were not loaded.
    pub examples: Vec<example::Example>,
    /// The file that it came from: `rules/…` for a built-in rule.
    pub path: String,
    /// Whether it is part of the binary.
    pub is_builtin: bool,
    /// The text of `when`, for people.
    pub when: Option<String>,
    /// The text of `expect`, for people.
    pub expect: String,
    form: form::Form,
    cluster: Option<form::Form>,
}

/// One way to mend a fault, and when it is the one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixCase {
    /// The condition, as written; none for the one that always holds.
    pub when: Option<String>,
    /// The text, with its templates as written.
    pub text: String,
}

/// The rules of one run, in the order of their names.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    digest: String,
    /// The tables of `rules/data`, as one group.
    data: data::Tables,
}

impl RuleSet {
    /// Reads and checks rules.
    ///
    /// # Errors
    ///
    /// Every fault of every file, in the order of files and lines.
    pub fn load(options: &LoadOptions) -> Result<RuleSet, Vec<Diagnostic>> {
        load::load(options, None)
    }

    /// Reads and checks rules to judge hosts alone by: built-in rules that
    /// judge something else are left out, unread, and so are the forms of the
    /// others that judge a cluster.
    ///
    /// # Errors
    ///
    /// As [`RuleSet::load`].
    pub fn load_for_hosts(options: &LoadOptions) -> Result<RuleSet, Vec<Diagnostic>> {
        load::load(options, Some(Target::Host))
    }

    /// All rules, in the order of their names.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of that name or former name.
    pub fn get(&self, name: &str) -> Option<&Rule> {
        self.rules
            .iter()
            .find(|rule| rule.name == name)
            .or_else(|| self.rules.iter().find(|rule| rule.aliases.iter().any(|alias| alias == name)))
    }

    /// `sha256:…` over the files of all rules and data, in a fixed order.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Judges facts by one form of a rule; `beside` are those of the other
    /// side of a join. Each judgement is given as it is made.
    pub(crate) fn judge(
        &self,
        rule: &Rule,
        form: FormKind,
        (facts, beside): (&Facts, Option<&Facts>),
        now: Timestamp,
        give: &mut dyn FnMut(Judgement),
    ) {
        let form = match form {
            FormKind::First => &rule.form,
            FormKind::Cluster => rule.cluster.as_ref().unwrap_or(&rule.form),
        };
        judge::judge(form, World { facts, beside, data: &self.data, now, missing_is_absent: false }, give);
    }

    /// The age of the tables of `rules/data` at `now`, in days: of the oldest
    /// of those whose dates are judged by, with its name.
    pub fn data_age_days(&self, now: Timestamp) -> Option<(String, i64)> {
        let ages = self.data.dates().filter_map(|(name, date)| {
            let made = expression::instant(date).ok()?;
            Some((name.to_owned(), now.duration_since(made).as_secs().div_euclid(86_400)))
        });
        ages.max_by_key(|(_, age)| *age)
    }

    /// The catalogue paths of the facts that these rules read.
    pub fn facts_needed(&self, selected: &[&Rule]) -> BTreeSet<String> {
        let _ = self;
        selected.iter().flat_map(|rule| rule.facts()).map(str::to_owned).collect()
    }
}

impl Rule {
    /// The catalogue paths of the facts that it reads, in all of its forms.
    pub fn facts(&self) -> BTreeSet<&'static str> {
        std::iter::once(&self.form).chain(&self.cluster).flat_map(form::Form::facts).collect()
    }
}
