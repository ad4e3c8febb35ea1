//! The command line: turns arguments into calls, and outcomes into text and
//! exit codes. The only module that prints, reads the clock or the
//! environment, or exits; one file for each command.

mod audit;
mod capture;
mod cluster_input;
mod convert;
mod diff;
mod exit;
mod explain;
mod explain_look;
mod facts;
mod failure;
mod gate;
mod gate_decision;
mod gate_journey;
mod gate_live;
mod generate;
mod host_name;
mod input;
mod interrupt;
mod manifest_input;
mod object_file;
mod output;
mod rbac;
mod rule_source;
mod rules;
mod saved_report;
mod session;
mod terminal;
mod waivers;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use jiff::Timestamp;

use crate::report::escape;
use exit::Exit;
use terminal::{DisplayArgs, Terminal};

const EXIT_CODES: &str = "\
Exit codes:
  0    judged; nothing failed at or above --fail-on
  1    something failed at or above --fail-on
  2    the command could not run: usage, a broken rule or waiver file, an unreadable input
  3    nothing failed, but something at or above --fail-on is unknown (gate always, audit with --strict)
  130  interrupted; the partial report is marked \"complete\": false";

/// Judges Linux nodes of Kubernetes clusters by declarative rules
///
/// It reads and changes nothing, runs no program, and needs no network.
#[derive(Debug, Parser)]
#[command(name = "scanner", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
struct Arguments {
    #[command(flatten)]
    display: DisplayArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Judge this host by the rules
    #[command(after_help = EXIT_CODES)]
    Audit(Box<audit::AuditArgs>),
    /// Judge whether an upgrade of Kubernetes may go ahead
    #[command(after_help = EXIT_CODES)]
    Gate(Box<gate::GateArgs>),
    /// Write a saved report in other formats
    Convert(convert::ConvertArgs),
    /// Compare two saved reports: what fails anew, what is fixed, what changed
    #[command(after_help = diff::EXIT_CODES)]
    Diff(diff::DiffArgs),
    /// Check waiver files
    #[command(subcommand)]
    Waivers(waivers::WaiversCommand),
    /// Print what would be judged: every fact, its value, and where it was read
    Facts(facts::FactsArgs),
    /// List, read, check and test rules
    #[command(subcommand)]
    Rules(rules::RulesCommand),
    /// Explain a rule, or rank what may be behind an error message, a log or events, and confirm it by the facts
    #[command(after_help = explain::AFTER_HELP)]
    Explain(Box<explain::ExplainArgs>),
    /// Trace packets in a pod's, container's, process's or named network namespace, or of a file, as tcpdump prints them
    Capture(Box<capture::CaptureArgs>),
    /// Print the completions of a shell
    Completions(generate::CompletionsArgs),
    /// Print the manual page
    Man(generate::ManArgs),
}

/// Runs the program.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    std::panic::set_hook(Box::new(report_fault));
    let arguments = match Arguments::try_parse_from(capture::tell_letters_apart(arguments)) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are results; who closed the pipe has read enough.
            let _ = error.print();
            return if error.use_stderr() { Exit::CannotRun } else { Exit::Clean }.into();
        }
    };
    let terminal = Terminal::new(arguments.display);
    let outcome = match &arguments.command {
        Command::Audit(args) => audit::run(args, terminal),
        Command::Gate(args) => gate::run(args, terminal),
        Command::Convert(args) => convert::run(args, terminal),
        Command::Diff(args) => diff::run(args, terminal),
        Command::Waivers(command) => waivers::run(command, terminal),
        Command::Facts(args) => facts::run(args, terminal),
        Command::Rules(command) => rules::run(command, terminal),
        Command::Explain(args) => explain::run(args, terminal),
        Command::Capture(args) => capture::run(args, terminal),
        Command::Completions(args) => generate::completions(args),
        Command::Man(args) => generate::man(args),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let _ = std::io::stderr().write_all(failure.render(terminal.color_stderr).as_bytes());
            Exit::CannotRun.into()
        }
    }
}

/// The most threads that read and judge: more than this only cost memory and
/// the time to start them, on a node whose cores belong to others.
const MAX_THREADS: usize = 8;

/// The stack of each: conditions may nest deeply.
const STACK_BYTES: usize = 8 << 20;

/// Starts the threads; after [`interrupt::Work::begin`] where that is used, so
/// that they leave the signals to it.
fn start_threads() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(cores.min(MAX_THREADS)).stack_size(STACK_BYTES);
    // It can only fail where a pool is there already, which serves as well.
    let _ = pool.build_global();
}

/// A fault of ours in one line; a collector's costs only its own facts.
fn report_fault(fault: &std::panic::PanicHookInfo) {
    let place = fault.location().map(ToString::to_string).unwrap_or_default();
    let message = fault.payload_as_str().unwrap_or("no message");
    let _ = writeln!(std::io::stderr(), "fault in scanner itself, {place}: {}", escape::line(message));
}

/// The clock.
fn now() -> Timestamp {
    Timestamp::now()
}

/// An instant as reports write it, to the second.
fn rfc3339(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
