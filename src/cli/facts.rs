//! `scanner facts`: prints what would be judged, and where it was read.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use super::input::{HostArgs, open_host, read_host};
use super::interrupt::{Outcome, Work};
use super::output::{Destination, ListFormat};
use super::terminal::Terminal;
use crate::fact::{Facts, catalogue};
use crate::report::facts::{Collector, FACTS_SCHEMA, FactsDocument, NamedHost, write_list};
use crate::report::{View, write_pretty};

/// Prints every fact of this host, its value, and where it was read.
#[derive(Args, Clone, Debug)]
pub(crate) struct FactsArgs {
    /// Read only these facts and groups, such as kubelet or runtime.version
    #[arg(value_name = "FACT")]
    wanted: Vec<String>,
    #[command(flatten)]
    host: HostArgs,
    /// Form of the list: table or json (a document that audit --facts judges)
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ListFormat::Table, help_heading = "Output")]
    format: ListFormat,
    /// Write to FILE instead of stdout
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &FactsArgs, terminal: Terminal) -> Result<Exit, Failure> {
    let work = Work::begin();
    super::start_threads();
    let (started, started_at) = (Instant::now(), super::now());
    let wanted: BTreeSet<String> = args.wanted.iter().cloned().collect();
    refuse_unknown(&wanted)?;
    let mut destination = Destination::open(args.output.as_deref())?;
    let mut reading = read_host(open_host(&args.host, started, args.host.limit(false))?, &wanted, &work, terminal);
    if !wanted.is_empty() {
        // Others were read because these depend on them.
        reading.host.facts = only(&wanted, &reading.host.facts);
    }
    let is_interrupted = reading.outcome == Outcome::Interrupted;
    let mut bytes = Vec::new();
    let written = match args.format {
        ListFormat::Table => {
            let view = if destination.is_stdout() { terminal.view } else { View::default() };
            write_list(&reading.host.facts, view, &mut bytes)
        }
        ListFormat::Json => {
            let document = FactsDocument {
                schema: FACTS_SCHEMA.to_owned(),
                scanner: Collector { version: env!("CARGO_PKG_VERSION").to_owned() },
                host: NamedHost { name: reading.host.name },
                complete: !is_interrupted,
                collected_at: super::rfc3339(started_at),
                facts: reading.host.facts,
            };
            write_pretty(&document, &mut bytes)
        }
    };
    written.map_err(|error| Failure::new(format!("write the facts: {error}")))?;
    destination.write(&bytes)?;
    if is_interrupted {
        terminal.note("facts: exit 130: interrupted; what was not read is marked unreadable");
        return Ok(Exit::Interrupted);
    }
    Ok(Exit::Clean)
}

fn only(wanted: &BTreeSet<String>, facts: &Facts) -> Facts {
    let mut only = Facts::default();
    for path in wanted {
        if let Some(fact) = facts.get(path) {
            only.set(path, fact.clone());
        }
    }
    only
}

/// A misspelt fact would otherwise give an empty list.
fn refuse_unknown(wanted: &BTreeSet<String>) -> Result<(), Failure> {
    let is_within =
        |path: &str, group: &str| path.strip_prefix(group).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let is_known = |name: &str| catalogue::joined().any(|doc| is_within(doc.path, name) || is_within(name, doc.path));
    match wanted.iter().find(|name| !is_known(name)) {
        Some(name) => {
            let near = catalogue::joined()
                .map(|doc| (strsim::damerau_levenshtein(doc.path, name), doc.path))
                .min()
                .map(|(_, path)| format!("did you mean {path}?"));
            Err(Failure::new(format!("find the fact {name}")).with_help_if(near))
        }
        None => Ok(()),
    }
}
