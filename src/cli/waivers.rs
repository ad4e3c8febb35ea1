//! `scanner waivers check`: whether waiver files are valid, and which waivers
//! are of no use.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};

use super::exit::Exit;
use super::failure::Failure;
use super::output::Destination;
use super::rule_source::{RuleArgs, read_waivers};
use super::saved_report::read_report;
use super::terminal::Terminal;
use crate::finding::Verdict;
use crate::report::{Report, escape};
use crate::rule::RuleSet;
use crate::rule::waiver::Waiver;

/// A waiver that ends within this time is pointed out.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The exit codes, for `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0    every file is valid
  1    with --strict: some waiver is expired, names no rule, or covers nothing of --report
  2    a file is not valid, or could not be read";

/// What to do with waivers.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum WaiversCommand {
    /// Check waiver files: every fault with its line, then what is expired, names no rule or covers nothing
    #[command(after_help = EXIT_CODES)]
    Check(CheckArgs),
}

/// Which waivers to check, and against what.
#[derive(Args, Clone, Debug)]
pub(crate) struct CheckArgs {
    /// Waiver files
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Say which waivers cover nothing of this JSON report
    #[arg(long, value_name = "REPORT")]
    report: Option<PathBuf>,
    /// Judge the last days at this instant instead of by the clock
    #[arg(long, value_name = "RFC3339")]
    now: Option<Timestamp>,
    /// Exit with 1 if a waiver is of no use
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    rules: RuleArgs,
}

/// Runs the command.
pub(crate) fn run(command: &WaiversCommand, terminal: Terminal) -> Result<Exit, Failure> {
    let WaiversCommand::Check(args) = command;
    let now = args.now.unwrap_or_else(super::now);
    let files = read_waivers(&args.files)?;
    let report = args.report.as_deref().map(read_report).transpose()?;
    let rules = args.rules.load(false)?;
    let (mut text, mut count, mut useless) = (String::new(), 0, 0);
    for file in &files {
        for waiver in &file.waivers {
            let (state, is_useful) = state(waiver, &rules, report.as_ref(), now);
            count += 1;
            useless += usize::from(!is_useful);
            let line = format!("{}:{}: {} until {}: {state}", file.path, waiver.line, waiver.rule, waiver.expires);
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{}", escape::line(&line));
        }
    }
    Destination::Stdout.write(text.as_bytes())?;
    let exit = if args.strict && useless > 0 { Exit::Failed } else { Exit::Clean };
    terminal.note(&format!("waivers: exit {}: {count} checked, {useless} of no use", exit.code()));
    Ok(exit)
}

/// What is to be said of a waiver, and whether it is of use.
fn state(waiver: &Waiver, rules: &RuleSet, report: Option<&Report>, now: Timestamp) -> (String, bool) {
    if waiver.is_expired(now) {
        return ("expired, no longer waives".to_owned(), false);
    }
    if !rules.rules().iter().any(|rule| waiver.names(&rule.name)) {
        let renamed = rules.rules().iter().find(|rule| rule.aliases.iter().any(|alias| waiver.names(alias)));
        let hint = renamed.map(|rule| format!("; it is called {} now", rule.name)).unwrap_or_default();
        return (format!("names no rule{hint}"), false);
    }
    let soon = if waiver.is_expired(now + SOON) { ", expires within 30 days" } else { "" };
    let Some(report) = report else { return (format!("valid{soon}"), true) };
    let covered = report
        .findings
        .iter()
        .filter(|finding| matches!(finding.verdict, Verdict::Fail | Verdict::Waived))
        .filter(|finding| {
            let subject = &finding.subject;
            waiver.covers(&finding.rule, &subject.kind, subject.namespace.as_deref(), &subject.name)
        })
        .count();
    match covered {
        0 => (format!("covers nothing of the report{soon}"), false),
        1 => (format!("covers 1 failure{soon}"), true),
        many => (format!("covers {many} failures{soon}"), true),
    }
}
