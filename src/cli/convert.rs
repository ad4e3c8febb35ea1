//! `scanner convert`: writes a saved report in other formats.

use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use super::output::OutputArgs;
use super::saved_report::read_report;
use super::terminal::Terminal;

/// Writes a report that was saved with --format json or jsonl in other
/// formats; nothing is judged again, and the exit code is 0 whatever it says.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConvertArgs {
    /// The saved report, `-` for stdin
    #[arg(value_name = "REPORT")]
    saved: PathBuf,
    #[command(flatten)]
    outputs: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(args: &ConvertArgs, terminal: Terminal) -> Result<Exit, Failure> {
    let report = read_report(&args.saved)?;
    args.outputs.open(terminal)?.write(&report)?;
    Ok(Exit::Clean)
}
