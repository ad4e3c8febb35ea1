//! Symptoms: error texts that are known but are no fault of one rule, with
//! their possible causes. A symptom is one YAML file, `symptoms/NAME.yaml`;
//! `docs/rule-format.md` describes it. A cause is a rule, something to be seen
//! in a capture, or a check of its own, which is written as a rule is.

use std::sync::Arc;

use include_dir::{Dir, include_dir};

use super::diagnostic::Diagnostic;
use super::file::{self, RuleFile};
use super::{Rule, data};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/symptoms");

/// An error text and what may be behind it.
#[derive(Debug)]
pub struct Symptom {
    /// The name of its file.
    pub name: String,
    /// What has happened, as one sentence.
    pub title: String,
    /// Regular expressions of the texts that it is known by.
    pub patterns: Vec<String>,
    /// Where it is harmless as long as it ends by itself, as at a start: within how many minutes.
    pub fleeting_minutes: Option<u32>,
    /// What it means.
    pub why: String,
    /// What may be behind it, the likeliest first.
    pub causes: Vec<Cause>,
    /// Where to read more.
    pub references: Vec<String>,
}

/// What may be behind a symptom.
#[derive(Debug)]
pub enum Cause {
    /// What a rule judges, by its name.
    Rule(String),
    /// What `scanner capture` would find, by the finding's name.
    Capture(String),
    /// What facts can tell though no rule judges it: a rule in form, which fails where this is the cause.
    Check(Arc<Rule>),
    /// What no fact can tell.
    Told {
        /// The cause as one sentence.
        title: String,
        /// What to do.
        fix: String,
    },
}

/// The built-in symptoms, in the order of their names.
///
/// # Errors
///
/// Every fault of every file.
pub fn builtin_symptoms() -> Result<Vec<Symptom>, Vec<Diagnostic>> {
    let tables = data::builtin();
    let names = tables.names();
    let (mut symptoms, mut faults) = (Vec::new(), Vec::new());
    for file in FILES.files() {
        let name = file.path().file_stem().and_then(|name| name.to_str());
        let (Some(name), Some(text)) = (name, file.contents_utf8()) else { continue };
        let path = format!("symptoms/{name}.yaml");
        let file = RuleFile { path, name: name.to_owned(), text: text.into(), tree: &[], is_builtin: true };
        match file::symptom::read(&file, &names) {
            Ok(symptom) => symptoms.push(symptom),
            Err(more) => faults.extend(more),
        }
    }
    symptoms.sort_by(|this, that| this.name.cmp(&that.name));
    if faults.is_empty() { Ok(symptoms) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str) -> Result<Symptom, Vec<Diagnostic>> {
        let path = "symptoms/x.yaml".to_owned();
        file::symptom::read(
            &RuleFile { path, name: "x".to_owned(), text: text.into(), tree: &[], is_builtin: true },
            &[],
        )
    }

    #[test]
    fn every_built_in_symptom_is_sound() {
        let symptoms = builtin_symptoms()
            .unwrap_or_else(|faults| panic!("{}", faults.iter().map(|f| f.render(false)).collect::<String>()));
        assert!(symptoms.len() > 10);
    }

    #[test]
    fn a_check_is_read_as_a_rule_is_and_its_faults_are_told_in_place() {
        let good = "title: a\npatterns: [abcd]\nwhy: b\ncauses:\n  - title: swap is on\n    target: host\n    expect: swap.active.size() == 0\n    message: it is\n    evidence: [swap.active]\n    fix: none\nreferences: [https://kubernetes.io/]\n";
        let symptom = read(good).unwrap_or_else(|faults| panic!("{}", faults[0].render(false)));
        assert!(
            matches!(&symptom.causes[..], [Cause::Check(rule)] if rule.name == "symptoms/x/1" && rule.title == "swap is on")
        );
        let faults = read("title: a\npatterns: ['(']\nwhy: b\ncauses:\n  - title: swap is on\n    target: host\n    expect: swap.activ.size() == 0\n    message: it is\n    evidence: [swap.active]\n    fix: none\nreferences: [https://kubernetes.io/]\n").expect_err("two faults");
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 7]);
    }
}
