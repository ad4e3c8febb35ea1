//! `scanner facts`: prints what would be judged, and where it was read.
//!
//! As JSON it is a document for a host and one for a cluster, the cluster's
//! first: hosts are joined to its nodes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use super::cluster_input::ClusterArgs;
use super::exit::Exit;
use super::failure::Failure;
use super::input::{HostArgs, open_host, read_host};
use super::interrupt::Work;
use super::output::{Destination, ListFormat};
use super::terminal::Terminal;
use crate::fact::catalogue;
use crate::report::facts::{Collector, FACTS_SCHEMA, FactsDocument, Named, write_list};
use crate::report::{View, write_pretty};

/// Prints every fact of this host, or of what is named, its value, and where it was read.
#[derive(Args, Clone, Debug)]
pub(crate) struct FactsArgs {
    /// Read only these facts and groups, such as kubelet or runtime.version
    #[arg(value_name = "FACT")]
    wanted: Vec<String>,
    #[command(flatten)]
    root: HostArgs,
    /// Read this host too, beside a cluster
    #[arg(long, help_heading = "Input")]
    host: bool,
    #[command(flatten)]
    cluster: ClusterArgs,
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
    if args.cluster.namespace.is_some() {
        return Err(Failure::new("print the facts of one namespace").with_help("name facts instead of --namespace"));
    }
    let mut destination = Destination::open(args.output.as_deref())?;
    let limit = args.root.limit(args.cluster.is_live());
    let is_host_read = !args.cluster.is_named() || args.host || args.root.root.is_some();
    let host = if is_host_read {
        Some(read_host(open_host(&args.root, started, limit)?, &wanted, &work, terminal).host)
    } else {
        None
    };
    let cluster = args.cluster.read(&wanted, (started, limit), &work, terminal)?;
    let broken = cluster.as_ref().map_or(0, |cluster| cluster.broken_documents);
    let is_interrupted = work.is_interrupted();
    let named = |name: String| Some(Named { name });
    let cluster = cluster.map(|cluster| (named(cluster.name), None, cluster.facts));
    let host = host.map(|host| (None, named(host.name), host.facts));
    let mut bytes = Vec::new();
    let mut written = Ok(());
    for (cluster, host, facts) in cluster.into_iter().chain(host) {
        // Others were read because these depend on them.
        let facts = if wanted.is_empty() { facts } else { facts.only(&wanted) };
        written = written.and(match args.format {
            ListFormat::Table => {
                let view = if destination.is_stdout() { terminal.view } else { View::default() };
                write_list(&facts, view, &mut bytes)
            }
            ListFormat::Json => {
                let document = FactsDocument {
                    schema: FACTS_SCHEMA.to_owned(),
                    scanner: Collector { version: env!("CARGO_PKG_VERSION").to_owned() },
                    cluster,
                    host,
                    complete: !is_interrupted,
                    collected_at: super::rfc3339(started_at),
                    facts,
                };
                write_pretty(&document, &mut bytes)
            }
        });
    }
    written.map_err(|error| Failure::new(format!("write the facts: {error}")))?;
    destination.write(&bytes)?;
    if is_interrupted {
        terminal.note("facts: exit 130: interrupted; what was not read is marked unreadable");
        return Ok(Exit::Interrupted);
    }
    if broken > 0 {
        terminal.note("facts: exit 2: not all of --objects could be read");
        return Ok(Exit::CannotRun);
    }
    Ok(Exit::Clean)
}

/// A misspelt fact would otherwise give an empty list.
fn refuse_unknown(wanted: &BTreeSet<String>) -> Result<(), Failure> {
    let is_known = |name: &str| catalogue::joined().any(|doc| catalogue::overlap(doc.path, name));
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
