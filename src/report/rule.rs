//! Rules for people: the list, and one rule in full.

use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};

use super::wrap::wrap;
use super::{View, escape};
use crate::rule::{Rule, Target};

/// Writes the rules as a table: name, severity, target, title.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_list(rules: &[&Rule], view: View, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["RULE", "SEVERITY", "TARGET", "TITLE"]);
    if let Some(width) = view.width {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    }
    for rule in rules {
        table.add_row([
            escape::line(&rule.name).into_owned(),
            severities(rule),
            targets(rule),
            escape::line(&rule.title).into_owned(),
        ]);
    }
    // A name that is cut in two cannot be copied; only titles are wrapped.
    for column in table.column_iter_mut().take(3) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    for line in table.lines() {
        // The style pads each cell on both sides.
        writeln!(out, "{}", line.strip_prefix(' ').unwrap_or(&line).trim_end())?;
    }
    Ok(())
}

/// Writes one rule in full.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_rule(rule: &Rule, view: View, out: &mut dyn Write) -> io::Result<()> {
    let style = |style: Style| if view.color { style } else { Style::new() };
    let bold = style(Style::new().bold());
    let label = style(AnsiColor::Cyan.on_default());
    writeln!(out, "{bold}{}{bold:#}", escape::line(&rule.name))?;
    let mut section = |name: &str, text: &str| -> io::Result<()> {
        writeln!(out, "\n{label}{name}{label:#}")?;
        for line in wrap(&escape::lines(text), view.width.map(|width| width.saturating_sub(2))) {
            writeln!(out, "  {line}")?;
        }
        Ok(())
    };
    section("what", &rule.title)?;
    let mut nature = format!("severity: {}\njudges: {}", severities(rule), targets(rule));
    for (name, words) in [("tags", &rule.tags), ("former names", &rule.aliases)] {
        if !words.is_empty() {
            let _ = write!(nature, "\n{name}: {}", words.join(", "));
        }
    }
    section("kind", &nature)?;
    section("why", &rule.why)?;
    if let Some(when) = &rule.when {
        section("applies when", when)?;
    }
    section("expects", &rule.expect)?;
    for fix in &rule.fix {
        let name = fix.when.as_ref().map_or_else(|| "fix".to_owned(), |when| format!("fix, when {}", one_line(when)));
        section(&name, &fix.text)?;
    }
    if !rule.symptoms.is_empty() {
        section("symptoms", &rule.symptoms.join("\n"))?;
    }
    section("references", &rule.references.join("\n"))?;
    let examples: Vec<_> =
        rule.examples.iter().map(|example| format!("{}: {}", verdicts(example), example.name)).collect();
    if !examples.is_empty() {
        section("examples", &examples.join("\n"))?;
    }
    section("file", &rule.path)
}

fn verdicts(example: &crate::rule::example::Example) -> String {
    example.verdicts.iter().map(|verdict| verdict.name()).collect::<Vec<_>>().join(", ")
}

/// Every severity that the rule can give, the worst first.
pub fn severities(rule: &Rule) -> String {
    rule.severities.iter().map(|severity| severity.name()).collect::<Vec<_>>().join(" / ")
}

pub(super) fn targets(rule: &Rule) -> String {
    let mut targets = vec![match rule.target {
        Target::Host => "host",
        Target::Cluster => "cluster",
        Target::Gate => "gate",
    }];
    if rule.has_cluster_form {
        targets.push("cluster");
    }
    if rule.gate {
        targets.push("gate");
    }
    targets.join(", ")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
