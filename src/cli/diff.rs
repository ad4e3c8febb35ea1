//! `scanner diff`: what changed between two saved reports.

use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use super::output::{Destination, ListFormat};
use super::saved_report::read_report;
use super::terminal::Terminal;
use crate::finding::{Severity, Verdict};
use crate::report::compare::{Change, ChangeKind, changes};
use crate::report::diff::{write_json, write_table};

/// The exit codes, for `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    nothing fails anew at or above --fail-on
  1    something does
  2    the command could not run: usage, or a file that is no report
  3    with --strict: nothing fails anew, but something at or above --fail-on is unknown now or was not judged again";

/// Compares two saved reports: what fails anew, what is fixed, what has another verdict.
#[derive(Args, Clone, Debug)]
pub(crate) struct DiffArgs {
    /// The older report (JSON or JSON lines), `-` for stdin
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The newer report
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Exit with 1 if something fails anew at or above this severity
    #[arg(long, value_name = "SEVERITY", default_value = "high", value_parser = ["critical", "high", "medium", "low", "info", "none"], help_heading = "Verdict")]
    fail_on: String,
    /// Exit with 3 if something at or above --fail-on is unknown now, or was not judged again
    #[arg(long, help_heading = "Verdict")]
    strict: bool,
    /// Form of the list
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ListFormat::Table, help_heading = "Output")]
    format: ListFormat,
    /// Write to FILE instead of stdout
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &DiffArgs, terminal: Terminal) -> Result<Exit, Failure> {
    let (old, new) = (read_report(&args.old)?, read_report(&args.new)?);
    for (path, report) in [(&args.old, &old), (&args.new, &new)] {
        if !report.complete {
            terminal.note(&format!("warning: {} is of a run that was interrupted", path.display()));
        }
    }
    let changes = changes(&old, &new);
    let mut destination = Destination::open(args.output.as_deref())?;
    let mut bytes = Vec::new();
    let written = match args.format {
        ListFormat::Table => write_table(&old, &new, &changes, &mut bytes),
        ListFormat::Json => write_json(&old, &new, &changes, &mut bytes),
    };
    written.map_err(|error| Failure::new(format!("write the changes: {error}")))?;
    destination.write(&bytes)?;
    let (exit, reason) = decide(&changes, Severity::named(&args.fail_on), args.strict);
    terminal.note(&format!("diff: exit {}: {reason}", exit.code()));
    Ok(exit)
}

fn decide(changes: &[Change], fail_on: Option<Severity>, is_strict: bool) -> (Exit, String) {
    let Some(fail_on) = fail_on else { return (Exit::Clean, "nothing counts with --fail-on none".to_owned()) };
    let name = fail_on.name();
    let count = |is_counted: &dyn Fn(&Change) -> bool| {
        let is_severe = |change: &&Change| change.new.or(change.old).is_some_and(|finding| finding.severity >= fail_on);
        changes.iter().filter(is_severe).filter(|change| is_counted(change)).count()
    };
    let new = count(&|change| change.kind == ChangeKind::New);
    if new > 0 {
        return (Exit::Failed, format!("{new} failed anew at or above {name}"));
    }
    let unknown = count(&|change| {
        change.kind == ChangeKind::NotJudged || change.new.is_some_and(|new| new.verdict == Verdict::Unknown)
    });
    if is_strict && unknown > 0 {
        return (Exit::Unknown, format!("{unknown} at or above {name} unknown now or not judged again"));
    }
    (Exit::Clean, format!("nothing failed anew at or above {name} ({unknown} unknown now or not judged again)"))
}
