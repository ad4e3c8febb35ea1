//! `scanner explain`: what a rule means and how to mend it; or what may be
//! behind an error message, a log or events.
//!
//! A log is read once and in bounded memory. Where a host or a cluster is
//! named, the facts that would confirm a cause are read, and only they.

use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;

use super::cluster_input::ClusterArgs;
use super::exit::Exit;
use super::explain_look::look;
use super::failure::{Failure, cause};
use super::input::HostArgs;
use super::interrupt::{Outcome, Work};
use super::output::{Destination, ListFormat};
use super::rule_source::load;
use super::rules::find;
use super::terminal::Terminal;
use crate::capture::finding::CATALOGUE;
use crate::explain::{Known, Log, Looked, Matcher};
use crate::report::explain::{write_explanation, write_symptom};
use crate::report::rule::write_rule;
use crate::report::{View, write_pretty};
use crate::rule::{LoadOptions, Rule, builtin_symptoms};

/// What `--help` says in the end.
pub(super) const AFTER_HELP: &str = "\
Examples:
  scanner explain runtime/cgroup-driver-mismatch
  scanner explain 'kubelet cgroup driver: \"systemd\" is different from docker cgroup driver'
  journalctl -u kubelet -u containerd | scanner explain - --host
  kubectl get events -A -o json | scanner explain - --cluster

Exit codes:
  0    explained, also where no symptom is known
  2    the command could not run: usage, no such rule, an unreadable input
  130  interrupted; what was read until then is explained and marked \"complete\": false";

/// How long a log may be waited for: as long as it takes.
const LOG_PATIENCE: Duration = Duration::from_hours(24 * 365);

/// Explains a rule, or ranks what may be behind a text.
///
/// A text that begins with a dash stands behind --. A log may be of any size,
/// in any form of journalctl, or of a container; events are told from it by
/// themselves. Each cause names the facts that would confirm it; with --host,
/// --root, --facts, --cluster or --objects these are read, and the cause is
/// confirmed, refuted, or could not be looked at.
#[derive(Args, Clone, Debug)]
pub(crate) struct ExplainArgs {
    /// A rule's, symptom's or capture finding's name, an error message, or `-` to read a log or events from stdin
    #[arg(value_name = "NAME_OR_TEXT", required = true)]
    text: Vec<String>,
    /// Confirm the causes by the facts of this host
    #[arg(long, help_heading = "Input")]
    host: bool,
    #[command(flatten)]
    pub(super) root: HostArgs,
    /// Confirm them by a facts document that `scanner facts --format json` wrote (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub(super) facts: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    /// Judge dates at this instant instead of by the clock
    #[arg(long, value_name = "RFC3339", help_heading = "Input")]
    now: Option<Timestamp>,
    /// Form of the explanation of a text, a log or events: table or json
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ListFormat::Table, help_heading = "Output")]
    format: ListFormat,
    /// Write to FILE instead of stdout
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
}

impl ExplainArgs {
    /// Whether this host, or a tree, is to be looked at.
    pub(super) fn is_host_named(&self) -> bool {
        self.host || self.root.root.is_some()
    }

    fn looks(&self) -> bool {
        self.is_host_named() || !self.facts.is_empty() || self.cluster.is_named()
    }
}

/// Runs the command.
pub(crate) fn run(args: &ExplainArgs, terminal: Terminal) -> Result<Exit, Failure> {
    let work = Work::begin();
    super::start_threads();
    let text = args.text.join(" ");
    let is_log = text == "-";
    let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
    if is_log && args.facts.iter().chain(&args.cluster.objects).any(is_stdin) {
        return Err(Failure::new("read a log and facts from stdin").with_help("name a file with --facts or --objects"));
    }
    let mut destination = Destination::open(args.output.as_deref())?;
    let view = if destination.is_stdout() { terminal.view } else { View::default() };
    // The thread that reads the log may outlive this one's patience.
    let rules = load(&LoadOptions { builtin: true, paths: Vec::new(), with_examples: !is_log })?;
    let rules: &'static _ = Box::leak(Box::new(rules));
    let symptoms = builtin_symptoms().map_err(|faults| Failure::faults("load symptoms", faults))?;
    let known = Known::new(rules, Box::leak(Box::new(symptoms))).map_err(Failure::new)?;
    let known: &'static Known<'static> = Box::leak(Box::new(known));
    let mut bytes = Vec::new();
    if is_name(&text) || rules.get(&text).is_some() {
        write_one(find(rules, &text)?, view, &mut bytes)?;
        destination.write(&bytes)?;
        return Ok(Exit::Clean);
    }
    if let Some(symptom) = known.symptom(&text) {
        written(write_symptom(symptom, view, &mut bytes))?;
        destination.write(&bytes)?;
        return Ok(Exit::Clean);
    }
    if let Some(entry) = CATALOGUE.iter().find(|entry| entry.name == text) {
        let rules: Vec<_> = entry.rules.iter().map(|rule| format!("  scanner explain {rule}")).collect();
        let page =
            format!("{}, a finding of scanner capture\n\n{}.\n\n{}\n", entry.name, entry.meaning, rules.join("\n"));
        destination.write(page.as_bytes())?;
        return Ok(Exit::Clean);
    }
    let started_at = super::now();
    let (matcher, outcome) = if is_log {
        read_log(known, started_at, &work, terminal)?
    } else {
        let mut matcher = Matcher::new(known, started_at);
        matcher.text(&text);
        (matcher, Outcome::Done)
    };
    let looked = if args.looks() && outcome == Outcome::Done {
        look(args, rules, &matcher, args.now.unwrap_or(started_at), &work, terminal)?
    } else {
        Looked::default()
    };
    let is_interrupted = outcome == Outcome::Interrupted || work.is_interrupted();
    let explanation = matcher.explain(!is_interrupted, &looked);
    written(match args.format {
        ListFormat::Table => write_explanation(&explanation, view, &mut bytes),
        ListFormat::Json => write_pretty(&explanation, &mut bytes),
    })?;
    destination.write(&bytes)?;
    if explanation.symptoms.is_empty() {
        terminal.note("help: search the rules by name with: scanner rules list");
    } else if !args.looks() {
        terminal.note("help: --host, --cluster and their kin confirm or refute the causes by the facts");
    }
    Ok(if is_interrupted { Exit::Interrupted } else { Exit::Clean })
}

/// Whether a text is meant as a rule's name: `area/bad-pattern`.
fn is_name(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|character| character.is_ascii_alphanumeric() || "-_".contains(character))
    };
    text.split_once('/').is_some_and(|(area, pattern)| is_word(area) && is_word(pattern))
}

fn write_one(rule: &Rule, view: View, bytes: &mut Vec<u8>) -> Result<(), Failure> {
    written(write_rule(rule, view, bytes))
}

fn written(result: std::io::Result<()>) -> Result<(), Failure> {
    result.map_err(|error| Failure::new(format!("write the explanation: {error}")))
}

/// Reads stdin to its end, or until a signal comes; then what was read counts.
fn read_log(
    known: &'static Known<'static>,
    now: Timestamp,
    work: &Work,
    terminal: Terminal,
) -> Result<(Matcher<'static>, Outcome), Failure> {
    let matcher = Arc::new(Mutex::new(Matcher::new(known, now)));
    let (sender, receiver) = channel();
    let outcome = work.wait_for(Instant::now() + LOG_PATIENCE, terminal.shows_progress, {
        let matcher = Arc::clone(&matcher);
        // The receiver is gone only where nobody waits any more.
        move || drop(sender.send(read_stdin(&matcher)))
    });
    if let Ok(Err(failure)) = receiver.try_recv() {
        return Err(failure);
    }
    // Where events are read it is held until their end.
    let held = matcher.try_lock().ok().map(|mut held| std::mem::replace(&mut *held, Matcher::new(known, now)));
    Ok((held.unwrap_or_else(|| Matcher::new(known, now)), outcome))
}

fn read_stdin(matcher: &Mutex<Matcher<'static>>) -> Result<(), Failure> {
    let fault = |error: &std::io::Error| Failure::new(format!("read stdin: {}", cause(error)));
    let mut stdin = std::io::stdin().lock();
    let mut log = Log::default();
    if log.holds_events(&mut stdin).map_err(|error| fault(&error))? {
        let mut matcher = matcher.lock().unwrap_or_else(PoisonError::into_inner);
        let help = "pipe it from: kubectl get events -A -o json";
        return log.events(&mut stdin, &mut matcher).map_err(|why| Failure::new(why).with_help(help));
    }
    loop {
        log.read(&mut stdin).map_err(|error| fault(&error))?;
        if !log.look(&mut matcher.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_from_a_message() {
        assert!(is_name("runtime/cri-plugin-disabled"));
        assert!(!is_name("unknown service runtime.v1.RuntimeService"));
        assert!(!is_name("open /etc/cni/net.d: no such file"));
    }
}
