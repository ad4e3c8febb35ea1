//! `scanner rules`: lists, shows, checks and tests rules, and writes their
//! reference.

use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::exit::Exit;
use super::failure::Failure;
use super::output::{Destination, ListFormat};
use super::rbac;
use super::rule_source::{RuleArgs, load};
use super::terminal::Terminal;
use crate::report::reference::{course, course_page, index, rule_page, symptoms_page};
use crate::report::rule::{write_list, write_rule};
use crate::report::{escape, write_pretty};
use crate::rule::{LoadOptions, Rule, RuleSet, builtin_symptoms, example};

/// Pages of the reference beside those of the rules.
const FURTHER: &[(&str, &str)] = &[
    ("symptoms.md", "Symptoms that are no fault of one rule, with their causes"),
    ("course.md", "The map of the course: what it says, and which rules judge it"),
];

/// Lists, shows, checks and tests rules.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// List the rules: name, severity, target, title
    List(ListArgs),
    /// Show one rule in full
    Show(ShowArgs),
    /// Check rule files without judging anything; all faults are told at once
    Check(PathArgs),
    /// Run the examples of rule files; without PATH, of the built-in rules
    Test(TestArgs),
    /// Write the reference of the rules as Markdown, a page for each
    Docs(DocsArgs),
    /// Print the read-only `ClusterRole` that judging a cluster by the rules takes
    Rbac(RbacArgs),
}

/// Which rules to list, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    rules: RuleArgs,
    /// Form of the list: table or json
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ListFormat::Table)]
    format: ListFormat,
}

/// Which rule to show.
#[derive(Args, Clone, Debug)]
pub(crate) struct ShowArgs {
    /// The rule's name or former name
    name: String,
    /// Add rule files or folders to the built-in set (repeatable)
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
}

/// Which rule files.
#[derive(Args, Clone, Debug)]
pub(crate) struct PathArgs {
    /// Rule files or folders of them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// Whose examples to run.
#[derive(Args, Clone, Debug)]
pub(crate) struct TestArgs {
    /// Rule files or folders of them
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// The rules whose rights to print.
#[derive(Args, Clone, Debug)]
pub(crate) struct RbacArgs {
    #[command(flatten)]
    rules: RuleArgs,
}

/// Where to write the reference.
#[derive(Args, Clone, Debug)]
pub(crate) struct DocsArgs {
    /// The folder; it is made if it is not there
    #[arg(value_name = "DIR", default_value = "rules-reference")]
    folder: PathBuf,
    #[command(flatten)]
    rules: RuleArgs,
}

/// Runs the command.
pub(crate) fn run(command: &RulesCommand, terminal: Terminal) -> Result<Exit, Failure> {
    super::start_threads();
    match command {
        RulesCommand::List(args) => list(args, terminal)?,
        RulesCommand::Show(args) => show(args, terminal)?,
        RulesCommand::Check(args) => {
            // The process is about to end: giving back each piece would only take time.
            let rules = ManuallyDrop::new(load_paths(&args.paths)?);
            terminal.note(&format!("rules: {} checked, no fault found", count(&rules)));
        }
        RulesCommand::Test(args) => test(args, terminal)?,
        RulesCommand::Docs(args) => docs(args, terminal)?,
        RulesCommand::Rbac(args) => rbac::run(&args.rules)?,
    }
    Ok(Exit::Clean)
}

fn list(args: &ListArgs, terminal: Terminal) -> Result<(), Failure> {
    let rules = args.rules.load(false)?;
    let selected = args.rules.select(&rules)?;
    let mut bytes = Vec::new();
    let written = match args.format {
        ListFormat::Table => write_list(&selected, terminal.view, &mut bytes),
        ListFormat::Json => {
            let rules: Vec<_> = selected.iter().map(|rule| as_json(rule)).collect();
            write_pretty(&rules, &mut bytes)
        }
    };
    written.map_err(|error| Failure::new(format!("write the list: {error}")))?;
    Destination::Stdout.write(&bytes)
}

fn as_json(rule: &Rule) -> serde_json::Value {
    serde_json::json!({
        "rule": rule.name,
        "title": rule.title,
        "severities": rule.severities,
        "tags": rule.tags,
        "why": rule.why,
        "references": rule.references,
        "path": rule.path,
    })
}

fn show(args: &ShowArgs, terminal: Terminal) -> Result<(), Failure> {
    let rules = load(&LoadOptions { builtin: true, paths: args.rules.clone(), with_examples: true })?;
    let rule = find(&rules, &args.name)?;
    let mut bytes = Vec::new();
    write_rule(rule, terminal.view, &mut bytes).map_err(|error| Failure::new(format!("write the rule: {error}")))?;
    Destination::Stdout.write(&bytes)
}

/// The rule of that name, or an error with the nearest one.
pub(crate) fn find<'a>(rules: &'a RuleSet, name: &str) -> Result<&'a Rule, Failure> {
    rules.get(name).ok_or_else(|| {
        let near = rules
            .rules()
            .iter()
            .map(|rule| (strsim::damerau_levenshtein(&rule.name, name), &rule.name))
            .min()
            .filter(|(distance, _)| *distance <= name.len().max(6) / 2)
            .map(|(_, near)| format!("did you mean {near}?"));
        Failure::new(format!("find the rule {}", escape::line(name)))
            .with_help("list the names with: scanner rules list")
            .with_help_if(near)
    })
}

fn load_paths(paths: &[PathBuf]) -> Result<RuleSet, Failure> {
    let args = RuleArgs { rules: paths.to_vec(), no_builtin_rules: true, ..RuleArgs::default() };
    args.load(true)
}

fn test(args: &TestArgs, terminal: Terminal) -> Result<(), Failure> {
    let rules = if args.paths.is_empty() {
        load(&LoadOptions { builtin: true, paths: Vec::new(), with_examples: true })?
    } else {
        load_paths(&args.paths)?
    };
    let mut report = String::new();
    let (mut examples, mut failures) = (0, 0);
    for rule in rules.rules() {
        let failed = example::run(&rules, rule);
        examples += rule.examples.len();
        failures += failed.len();
        for failure in failed {
            use std::fmt::Write;
            let place = format!("{}:{}", failure.path, failure.line);
            let _ = writeln!(report, "FAIL  {place}: example {:?}\n{}\n", failure.example, indented(&failure.message));
        }
    }
    Destination::Stdout.write(escape::lines(&report).as_bytes())?;
    if failures > 0 {
        let what = format!("confirm the examples: {failures} of {examples} give another answer");
        return Err(Failure::new(what).with_help("mend the rule or its example"));
    }
    terminal.note(&format!("rules: {examples} examples of {} give what they say", count(&rules)));
    Ok(())
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("      {line}")).collect::<Vec<_>>().join("\n")
}

fn count(rules: &RuleSet) -> String {
    match rules.rules().len() {
        1 => "1 rule".to_owned(),
        several => format!("{several} rules"),
    }
}

fn docs(args: &DocsArgs, terminal: Terminal) -> Result<(), Failure> {
    let rules = args.rules.load(true)?;
    let selected = args.rules.select(&rules)?;
    for rule in &selected {
        write_page(&args.folder, &format!("{}.md", rule.name), &rule_page(rule))?;
    }
    // What is told of the course and of symptoms rests on all built-in rules.
    let further: &[(&str, &str)] = if args.rules.are_all() { FURTHER } else { &[] };
    if args.rules.are_all() {
        let symptoms = builtin_symptoms().map_err(|faults| Failure::faults("load symptoms", faults))?;
        write_page(&args.folder, "symptoms.md", &symptoms_page(&symptoms))?;
        write_page(&args.folder, "course.md", &course_page(&course().map_err(Failure::new)?, &selected))?;
    }
    write_page(&args.folder, "README.md", &index(&selected, further))?;
    terminal.note(&format!("rules: wrote {} pages to {}", selected.len() + 1 + further.len(), args.folder.display()));
    Ok(())
}

fn write_page(folder: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|error| Failure::file("make the folder", parent, &error))?;
    }
    std::fs::write(&path, text).map_err(|error| Failure::file("write", &path, &error))
}
