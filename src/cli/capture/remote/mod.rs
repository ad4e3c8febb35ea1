//! `scanner capture --cluster`: the capture runs on the targets' nodes, in pods,
//! and what it captures comes here.
//!
//! The nodes always send pcapng. One node's is written as it comes where a file
//! is all that is wanted ([`copy`]); else it is read here, so that several nodes
//! are one capture, and printed by the clock of this machine ([`merged`]).

mod command;
mod copy;
mod merged;
mod option;
mod plan;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

use super::signal::Signals;
use super::{CaptureArgs, End, Sinks};
use crate::capture::remote::{self, Api, Fault, Job, Outcome, Stage};
use crate::cli::cluster_input::{access, failure};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Destination;
use crate::cli::terminal::Terminal;
use crate::fact::cluster::client;
pub(super) use option::RemoteArgs;
use plan::Plan;

/// How long to wait for a connection to the API server.
const CONNECT: Duration = Duration::from_secs(10);

/// How many messages of a node wait to be read.
const WAITING: usize = 64;

/// How often it is looked whether the end is wanted.
const LOOK: Duration = Duration::from_millis(50);

/// What a node sends, to be read by its name.
struct Incoming {
    node: String,
    receiver: mpsc::Receiver<Bytes>,
}

/// Captures on the nodes until something ends it.
pub(super) fn run(args: &CaptureArgs, signals: &Signals, terminal: Terminal) -> Result<Exit, Failure> {
    let (targets, filter) = args.live.targets(&args.words)?;
    super::live::check_filter(&filter)?;
    let settings = &args.remote;
    let access = access(
        settings.kubeconfig.as_deref(),
        settings.context.as_deref(),
        settings.as_user.as_deref(),
        &settings.as_group,
    );
    let server = access.resolve().map_err(|fault| failure(&fault))?;
    let wishes = plan::wishes(&targets, args, server.namespace())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = runtime.map_err(|error| Failure::new(format!("start asking: {error}")))?;
    let (sender, stage) = watch::channel(Stage::Capturing);
    let stop = Arc::new(AtomicBool::new(false));
    let note = move |text: &str| terminal.note(text);
    let planned = runtime.block_on(async {
        let client = server.client(CONNECT).map_err(|fault| failure(&fault))?;
        let api = Api::new(client, client::Fault::words);
        tokio::spawn(follow(sender, signals.count(), Arc::clone(&stop)));
        let mut ends = stage.clone();
        tokio::select! {
            plans = plan::plan(&api, &wishes, args, &note) => plans.map(|plans| Some((api, plans))),
            _ = ends.wait_for(|stage| *stage > Stage::Capturing) => Ok(None),
        }
    });
    let Some((api, plans)) = planned? else { return Ok(Exit::Interrupted) };
    let copies = args.record.copies(&args.print) && plans.len() == 1;
    let jobs: Vec<Job> = plans.iter().map(|plan| plan::job(plan, args, &filter, copies, &note)).collect();
    if settings.dry_run {
        return dry_run(&jobs, terminal);
    }
    let receiving = if copies { Receiving::Copy(args.record.open_copy()?) } else { Receiving::Merge };
    let sinks = if copies { None } else { Some(Sinks::open(args, terminal)?) };
    let (incoming, capturing) = start(runtime, api, jobs, stage, terminal)?;
    let end = match (receiving, &sinks) {
        (Receiving::Copy(mut file), _) => copy::receive(&mut file, incoming, &stop)
            .and(file.finish())
            .map_or_else(|error| super::end_of_sink(&super::record::to_io(error)), |()| Ok(End::Complete)),
        (Receiving::Merge, Some(sinks)) => {
            merged::receive(incoming, &Plan::named(&plans, args), args.packets, sinks, &stop, signals)
        }
        (Receiving::Merge, None) => Ok(End::Complete),
    };
    let outcomes = capturing.join().unwrap_or_default();
    conclude(end, outcomes, signals, terminal)
}

/// What is done with what comes.
enum Receiving {
    Copy(crate::capture::write::Copy),
    Merge,
}

/// What became of a node's part.
type Outcomes = Vec<Result<Outcome, Fault>>;

/// Starts all parts, on a thread of their own.
fn start(
    runtime: Runtime,
    api: Api,
    jobs: Vec<Job>,
    stage: watch::Receiver<Stage>,
    terminal: Terminal,
) -> Result<(Vec<Incoming>, std::thread::JoinHandle<Outcomes>), Failure> {
    let are_several = jobs.len() > 1;
    let mut incoming = Vec::new();
    let mut outgoing = Vec::new();
    for job in jobs {
        let (sender, receiver) = mpsc::channel(WAITING);
        incoming.push(Incoming { node: job.node.clone(), receiver });
        outgoing.push((job, sender));
    }
    let thread = std::thread::Builder::new().name("cluster".to_owned());
    let started = thread.spawn(move || {
        let outcomes = runtime.block_on(async {
            let parts = outgoing.into_iter().map(|(job, sender)| {
                let (api, stage) = (api.clone(), stage.clone());
                async move {
                    let prefix = if are_several { format!("{}: ", job.node) } else { String::new() };
                    let note = |text: &str| terminal.note(&format!("{prefix}{text}"));
                    remote::run(&api, &job, sender, stage, &note).await
                }
            });
            futures_util::future::join_all(parts).await
        });
        // A look-up of a name may still hang.
        runtime.shutdown_background();
        outcomes
    });
    let started = started.map_err(|error| Failure::new(format!("start capturing: {error}")))?;
    Ok((incoming, started))
}

/// Tells all parts how much the end is wanted: by signals, or because nobody
/// wants more.
async fn follow(sender: watch::Sender<Stage>, count: Arc<AtomicU32>, stop: Arc<AtomicBool>) {
    loop {
        let stage = match count.load(Ordering::Relaxed) {
            0 if !stop.load(Ordering::Relaxed) => Stage::Capturing,
            0 | 1 => Stage::Ending,
            _ => Stage::Hurrying,
        };
        sender.send_if_modified(|known| std::mem::replace(known, stage) != stage);
        tokio::time::sleep(LOOK).await;
    }
}

/// The pods that would be made, and what would be run in them.
fn dry_run(jobs: &[Job], terminal: Terminal) -> Result<Exit, Failure> {
    let mut text = String::new();
    for job in jobs {
        let command = command::shell(&job.command);
        match &job.helper {
            remote::Helper::Made(manifest) => {
                let yaml = serde_saphyr::to_string(manifest);
                let yaml = yaml.map_err(|error| Failure::new(format!("write the pod as YAML: {error}")))?;
                let separator = if text.is_empty() { "" } else { "---\n" };
                let what = "# By exec is run in it, as long as somebody attends to it:";
                text.extend([separator, what, "\n#   ", &command, "\n", &yaml]);
            }
            remote::Helper::Existing { namespace, name, .. } => {
                terminal.note(&format!("no pod would be made; by exec is run in {namespace}/{name}: {command}"));
            }
        }
    }
    Destination::Stdout.write(text.as_bytes())?;
    Ok(Exit::Clean)
}

/// The exit code of it all, and what went wrong.
fn conclude(
    end: Result<End, Failure>,
    outcomes: Outcomes,
    signals: &Signals,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let mut failures: Vec<Failure> = Vec::new();
    for fault in outcomes.into_iter().filter_map(Result::err) {
        failures.push(Failure::new(fault.to_string()).with_help_if(fault.help()));
    }
    let end = match end {
        Ok(end) => end,
        // What the nodes say is the reason where there are both.
        Err(failure) if failures.is_empty() => return Err(failure),
        Err(failure) => {
            failures.push(failure);
            End::Complete
        }
    };
    let mut failures = failures.into_iter();
    if let Some(first) = failures.next() {
        for further in failures {
            terminal.error(further.render(terminal.color_stderr).trim_end());
        }
        return Err(first);
    }
    Ok(if signals.is_interrupted() { Exit::Interrupted } else { end.exit() })
}
