//! What is judged: this host, a tree under `--root`, facts documents.
//!
//! What is named is what is judged; nothing named means this host.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use clap::Args;
use jiff::SignedDuration;

use super::failure::Failure;
use super::interrupt::{Outcome, Work};
use super::terminal::Terminal;
use crate::fact::Facts;
use crate::fact::host::root::HostRoot;
use crate::fact::host::{Collection, Host};
use crate::report::facts::{FACTS_SCHEMA, FactsDocument};

/// The most bytes that are read of a file that the user names.
const MAX_NAMED_BYTES: u64 = 256 << 20;

/// How long a socket of the host may take, at most.
const SOCKET_PATIENCE: Duration = Duration::from_secs(3);

/// Which host, and for how long.
#[derive(Args, Clone, Debug)]
pub(crate) struct HostArgs {
    /// Look at the host tree under DIR instead of /: a mounted host (/host in a pod) or a recorded tree
    #[arg(long, value_name = "DIR", help_heading = "Input")]
    pub(crate) root: Option<PathBuf>,
    /// How long the whole run may take; what does not answer in time is unknown [default: 30s, or 5m for a live cluster]
    #[arg(long, value_name = "DURATION", value_parser = parse_timeout, help_heading = "Input")]
    timeout: Option<Duration>,
}

impl HostArgs {
    /// How long the run may take, by default.
    pub(crate) fn limit(&self, is_cluster_live: bool) -> Duration {
        self.timeout.unwrap_or(if is_cluster_live { Duration::from_mins(5) } else { Duration::from_secs(30) })
    }
}

/// A host whose root is open.
pub(crate) struct OpenHost {
    host: Arc<Host>,
    name: String,
    started: Instant,
    timeout: Duration,
}

/// The facts of one host and its name.
#[derive(Debug)]
pub(crate) struct NamedFacts {
    pub(crate) name: String,
    pub(crate) facts: Facts,
}

/// What reading a host gave.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) host: NamedFacts,
}

/// Opens the host under the root.
pub(crate) fn open_host(args: &HostArgs, started: Instant, timeout: Duration) -> Result<OpenHost, Failure> {
    let path = args.root.as_deref().unwrap_or(Path::new("/"));
    let root = HostRoot::open(path).map_err(|error| {
        Failure::file("open the root", path, &error).with_help("name a folder that holds a host's /etc, /proc and /var")
    })?;
    let host = Host::new(root, started + timeout.min(SOCKET_PATIENCE));
    let name = super::host_name::read(&host.root, path);
    Ok(OpenHost { host: Arc::new(host), name, started, timeout })
}

/// Reads what nearly every fact needs, on a thread of its own, while rules are
/// still being loaded.
pub(crate) fn read_ahead(open: &OpenHost) {
    let host = Arc::clone(&open.host);
    std::thread::spawn(move || {
        host.processes();
        host.packages();
    });
}

/// A host whose facts are being read.
pub(crate) struct Underway {
    collection: Arc<Collection>,
    name: String,
    deadline: Instant,
    timeout: Duration,
}

/// Reads the wanted facts of a host.
pub(crate) fn read_host(open: OpenHost, wanted: &BTreeSet<String>, work: &Work, terminal: Terminal) -> Reading {
    start_reading(open, wanted, work).finish(work, terminal)
}

/// Begins to read the wanted facts of a host; an empty set means every fact.
pub(crate) fn start_reading(open: OpenHost, wanted: &BTreeSet<String>, work: &Work) -> Underway {
    let OpenHost { host, name, started, timeout } = open;
    let collection = Arc::new(Collection::new(wanted));
    let shared = Arc::clone(&collection);
    work.start(move || shared.run(&host));
    Underway { collection, name, deadline: started + timeout, timeout }
}

impl Underway {
    /// Waits until the facts are there, or for the deadline or a signal.
    pub(crate) fn finish(self, work: &Work, terminal: Terminal) -> Reading {
        let Underway { collection, name, deadline, timeout } = self;
        let outcome = work.wait(deadline, terminal.shows_progress);
        let reason = match outcome {
            Outcome::Done | Outcome::Interrupted => "not read before the run was interrupted".to_owned(),
            Outcome::TimedOut => {
                let limit = SignedDuration::try_from(timeout).unwrap_or(SignedDuration::MAX);
                format!("not read within the --timeout of {limit:#}")
            }
        };
        // Only a thread that still reads holds it too.
        let facts = Arc::try_unwrap(collection).map_or_else(|shared| shared.snapshot(&reason), Collection::into_facts);
        Reading { host: NamedFacts { name, facts } }
    }
}

/// Reads the facts documents of one file; `-` is stdin. None where the run was
/// interrupted meanwhile: a pipe may keep it waiting.
pub(crate) fn read_facts(
    path: &Path,
    deadline: Instant,
    work: &Work,
    terminal: Terminal,
) -> Result<Option<Vec<NamedFacts>>, Failure> {
    let (sender, receiver) = channel();
    let outcome = work.wait_for(deadline, terminal.shows_progress, {
        let path = path.to_owned();
        // The receiver is gone only where nobody waits any more.
        move || drop(sender.send(parse_facts(&path)))
    });
    match (outcome, receiver.try_recv()) {
        (Outcome::Interrupted, _) => Ok(None),
        (Outcome::Done, Ok(parsed)) => {
            let (hosts, cluster) = parsed?;
            if cluster.is_some() && !path.is_file() {
                let fault = Failure::new("read the facts of a cluster from a pipe");
                return Err(fault.with_help("name a file with --facts"));
            }
            Ok(Some(hosts))
        }
        _ => Err(Failure::new(format!("read {}: it took longer than --timeout", path.display()))),
    }
}

/// The hosts of a file of facts documents, and its cluster.
fn parse_facts(path: &Path) -> Result<(Vec<NamedFacts>, Option<NamedFacts>), Failure> {
    let help = "write it with: scanner facts --format json --output FILE";
    let text = read_named(path)?;
    let (mut hosts, mut cluster, mut documents) = (Vec::new(), None, 0_usize);
    for document in serde_json::Deserializer::from_str(&text).into_iter::<FactsDocument>() {
        let document = document.map_err(|error| {
            Failure::new(format!("read the facts document {}: {error}", path.display())).with_help(help)
        })?;
        if document.schema != FACTS_SCHEMA {
            let what = format!(
                "read the facts document {}: its schema is {:?}, not {FACTS_SCHEMA:?}",
                path.display(),
                document.schema
            );
            return Err(Failure::new(what).with_help(help));
        }
        documents += 1;
        match (document.host, document.cluster) {
            (Some(host), _) => hosts.push(NamedFacts { name: host.name, facts: document.facts }),
            (None, Some(named)) => cluster = Some(NamedFacts { name: named.name, facts: document.facts }),
            (None, None) => {
                let what = format!("read the facts document {}: it names neither a host nor a cluster", path.display());
                return Err(Failure::new(what).with_help(help));
            }
        }
    }
    if documents == 0 {
        return Err(Failure::new(format!("read the facts document {}: it is empty", path.display())).with_help(help));
    }
    Ok((hosts, cluster))
}

/// The facts of a cluster among the documents of files, if there are any. They
/// are needed before any host is judged, so that they cannot come from a pipe.
pub(crate) fn read_cluster_facts(paths: &[PathBuf]) -> Result<Option<NamedFacts>, Failure> {
    // A pipe would keep it waiting here, where no signal and no deadline ends it.
    for path in paths.iter().filter(|path| path.is_file()) {
        let mut start = Vec::new();
        let read = open_named(path).and_then(|file| file.take(4096).read_to_end(&mut start));
        read.map_err(|error| Failure::file("read", path, &error))?;
        let start = String::from_utf8_lossy(&start);
        let head = start.split("\"facts\"").next().unwrap_or_default();
        if head.contains("\"cluster\"")
            && let (_, Some(cluster)) = parse_facts(path)?
        {
            return Ok(Some(cluster));
        }
    }
    Ok(None)
}

/// The text of a file that the user named; `-` is stdin.
pub(crate) fn read_named(path: &Path) -> Result<String, Failure> {
    let fault = |error: &std::io::Error| Failure::file("read", path, error);
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(MAX_NAMED_BYTES + 1).read_to_end(&mut bytes).map_err(|error| fault(&error))?;
    } else {
        let file = open_named(path).map_err(|error| fault(&error))?;
        file.take(MAX_NAMED_BYTES + 1).read_to_end(&mut bytes).map_err(|error| fault(&error))?;
    }
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_NAMED_BYTES) {
        return Err(Failure::new(format!("read {}: it is larger than 256 MiB", path.display())));
    }
    String::from_utf8(bytes).map_err(|_| Failure::new(format!("read {}: it is not UTF-8 text", path.display())))
}

#[expect(clippy::disallowed_methods, reason = "the user's own input, not a file of the host that is judged")]
fn open_named(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::File::open(path)
}

/// Parses a duration, as flags take it.
pub(crate) fn parse_timeout(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<u64>().ok().map(Duration::from_secs);
    let duration =
        seconds.or_else(|| text.parse::<SignedDuration>().ok().and_then(|duration| duration.try_into().ok()));
    match duration {
        Some(duration) if !duration.is_zero() && duration <= Duration::from_hours(24) => Ok(duration),
        _ => Err("expected a duration up to a day, such as 30s or 2m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_a_duration_or_a_number_of_seconds() {
        assert_eq!(parse_timeout("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_timeout("2m"), Ok(Duration::from_mins(2)));
        assert_eq!(parse_timeout("45"), Ok(Duration::from_secs(45)));
        for wrong in ["", "0", "-5s", "soon", "99999999999h", "100000"] {
            assert!(parse_timeout(wrong).is_err(), "{wrong}");
        }
    }
}
