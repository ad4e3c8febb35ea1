//! The reference of the rules as Markdown: a page for each rule, an index by
//! area, the symptoms that are no rule's, and the map of the course.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use super::rule::{severities, targets};
use crate::rule::{Cause, FixCase, Rule, Symptom};

/// What the course says and what is made of it; `docs/course.yaml`.
const COURSE: &str = include_str!("../../docs/course.yaml");

/// A chapter of the course.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chapter {
    /// Its name.
    pub chapter: String,
    /// What it says, one statement after the other.
    pub rows: Vec<Row>,
}

/// One statement of the course.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Identifies it.
    pub id: String,
    /// The section.
    pub at: String,
    /// The statement.
    pub says: String,
    /// The rules that judge it.
    #[serde(default)]
    pub rules: Vec<String>,
    /// The symptoms by which it is known: of rules, or with a file of their own.
    #[serde(default)]
    pub symptoms: Vec<String>,
    /// The findings of a capture that show it.
    #[serde(default)]
    pub capture: Vec<String>,
    /// Why there is no more.
    #[serde(default)]
    pub left_out: Option<String>,
}

/// The course, chapter by chapter.
///
/// # Errors
/// When the file is not of this form.
pub fn course() -> Result<Vec<Chapter>, String> {
    serde_saphyr::from_str(COURSE).map_err(|error| format!("read docs/course.yaml: {error}"))
}

/// The page of a rule.
pub fn rule_page(rule: &Rule) -> String {
    let mut page = format!("# {}\n\n{}.\n\n", rule.name, rule.title.trim_end_matches('.'));
    let _ = writeln!(page, "| | |\n|---|---|\n| severity | {} |\n| judges | {} |", severities(rule), targets(rule));
    for (name, words) in [("tags", &rule.tags), ("former names", &rule.aliases)] {
        if !words.is_empty() {
            let _ = writeln!(page, "| {name} | {} |", words.join(", "));
        }
    }
    let _ = write!(page, "\n## Why\n\n{}\n\n", rule.why.trim());
    let forms = rule.forms();
    for form in &forms {
        let _ = write!(page, "## Fails when, for a {}\n\n", form.target);
        if let Some(when) = &form.when {
            let _ = write!(page, "It applies when:\n\n{}\n", fenced("cel", when));
        }
        match &form.each {
            Some((list, name)) => {
                let _ = write!(page, "For each `{name}` of:\n\n{}\nthis does not hold:\n\n", fenced("cel", list));
            }
            None => page.push_str("This does not hold:\n\n"),
        }
        let _ = write!(
            page,
            "{}\nEvidence:\n\n{}\n",
            fenced("cel", &form.expect),
            fenced("cel", &form.evidence.join("\n"))
        );
    }
    page.push_str("## Fix\n\n");
    let mut told: Vec<&FixCase> = Vec::new();
    for fix in forms.iter().flat_map(|form| &form.fix) {
        if told.contains(&fix) {
            continue;
        }
        told.push(fix);
        if let Some(when) = &fix.when {
            let _ = write!(page, "When `{}`:\n\n", one_line(when));
        }
        let _ = writeln!(page, "{}", fenced("text", &fix.text));
    }
    if !rule.symptoms.is_empty() {
        let _ = write!(page, "## Symptoms\n\n{}\n", fenced("text", &rule.symptoms.join("\n")));
    }
    if !rule.examples.is_empty() {
        page.push_str("## Examples\n\n");
        for example in &rule.examples {
            let verdicts: Vec<_> = example.verdicts.iter().map(|verdict| verdict.name()).collect();
            let _ = writeln!(page, "* {}: {}", verdicts.join(", "), escaped(&example.name));
        }
        page.push('\n');
    }
    page.push_str("## References\n\n");
    for reference in &rule.references {
        let _ = writeln!(page, "* <{reference}>");
    }
    page
}

/// The index: the rules of one area after the other, and further pages.
pub fn index(rules: &[&Rule], further: &[(&str, &str)]) -> String {
    let mut page = format!("# Rules\n\n{} rules, by area.\n", rules.len());
    for (name, what) in further {
        let _ = write!(page, "\n[{what}]({name})\n");
    }
    let mut areas: BTreeMap<&str, Vec<&Rule>> = BTreeMap::new();
    for rule in rules {
        areas.entry(rule.name.split('/').next().unwrap_or_default()).or_default().push(rule);
    }
    for (area, rules) in areas {
        let _ = write!(page, "\n## {area}\n\n| rule | severity | judges | title |\n|---|---|---|---|\n");
        for rule in rules {
            let title = escaped(&rule.title);
            let _ =
                writeln!(page, "| [{0}]({0}.md) | {1} | {2} | {title} |", rule.name, severities(rule), targets(rule));
        }
    }
    page
}

/// The symptoms that have files of their own.
pub fn symptoms_page(symptoms: &[Symptom]) -> String {
    let mut page =
        "# Symptoms that are no fault of one rule\n\n`scanner explain` knows them, and ranks these causes.\n"
            .to_owned();
    for symptom in symptoms {
        let _ = write!(page, "\n## {}\n\n{}.\n\n{}\n\n", symptom.name, escaped(&symptom.title), symptom.why.trim());
        if let Some(minutes) = symptom.fleeting_minutes {
            let _ = write!(page, "Harmless where it ends by itself within {minutes} minutes, as at a start.\n\n");
        }
        for (at, cause) in symptom.causes.iter().enumerate() {
            let _ = match cause {
                Cause::Rule(name) => writeln!(page, "{}. [{name}]({name}.md)", at + 1),
                Cause::Capture(name) => writeln!(page, "{}. `{name}`, as `scanner capture` finds it", at + 1),
                Cause::Check(rule) => {
                    let fix: Vec<_> = rule.fix.iter().map(|fix| one_line(&fix.text)).collect();
                    writeln!(
                        page,
                        "{}. {}, which facts tell. {}",
                        at + 1,
                        escaped(&rule.title),
                        escaped(&fix.join(" "))
                    )
                }
                Cause::Told { title, fix } => {
                    writeln!(page, "{}. {}. {}", at + 1, escaped(title), escaped(&one_line(fix)))
                }
            };
        }
        let _ = write!(page, "\nKnown by:\n\n{}\n", fenced("text", &symptom.patterns.join("\n")));
        for reference in &symptom.references {
            let _ = writeln!(page, "* <{reference}>");
        }
    }
    page
}

/// The map of the course.
pub fn course_page(chapters: &[Chapter], rules: &[&Rule]) -> String {
    let rows = || chapters.iter().flat_map(|chapter| &chapter.rows);
    let without =
        rows().filter(|row| row.rules.is_empty() && row.symptoms.is_empty() && row.capture.is_empty()).count();
    let mut page = format!(
        "# What the course says, and what judges it\n\nOf {} statements {without} are left out, each with its reason. \
         What comes after a reason is judged in part.\n",
        rows().count()
    );
    let is_rule = |name: &str| rules.iter().any(|rule| rule.name == name);
    for chapter in chapters {
        let _ = write!(
            page,
            "\n## {}\n\n| | section | it says | rules | symptoms | capture | left out |\n|---|---|---|---|---|---|---|\n",
            chapter.chapter
        );
        for row in &chapter.rows {
            let links = |names: &[String], link: &dyn Fn(&str) -> String| {
                names.iter().map(|name| format!("[{name}]({})", link(name))).collect::<Vec<_>>().join(", ")
            };
            let of_symptom =
                |name: &str| if is_rule(name) { format!("{name}.md#symptoms") } else { format!("symptoms.md#{name}") };
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} | {} | {} | {} |",
                row.id,
                row.at,
                escaped(&row.says),
                links(&row.rules, &|name| format!("{name}.md")),
                links(&row.symptoms, &of_symptom),
                row.capture.join(", "),
                escaped(row.left_out.as_deref().unwrap_or_default()),
            );
        }
    }
    page
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Words in which Markdown finds nothing of its own.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if "|*_`<>[]\\".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// A block of code whose fence the text cannot close.
fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end())
}
