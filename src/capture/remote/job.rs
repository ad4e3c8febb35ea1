//! One node's part: a pod for it, the program in it, and the pod's end.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value as Json;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};

use super::Fault;
use super::api::{Api, elements, encode, pods, text};
use super::manifest::{CONTAINER, LABEL};
use super::pod::{State, state};
use super::stream::{Attention, Lines, Outcome, Stage, relay};

/// How long it is tried to delete a pod, and how long each time may take.
const LONGEST_DELETE: Duration = Duration::from_secs(40);
const DELETE_ATTEMPT: Duration = Duration::from_secs(8);
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(4));

/// How often it is looked how far a pod is.
const LOOK: Duration = Duration::from_millis(400);

/// Where the program is run.
#[derive(Clone, Debug)]
pub enum Helper {
    /// In a pod that is made for it, by its manifest.
    Made(Json),
    /// In one that is there: its namespace, name and container.
    Existing(String, String, String),
}

/// What to run on a node.
#[derive(Clone, Debug)]
pub struct Job {
    /// The node.
    pub node: String,
    /// In which pod.
    pub helper: Helper,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// How long the pod may take to start.
    pub start: Duration,
    /// A sign of life on stdin, how often it is sent, and what asks for the end.
    pub sign: u8,
    /// See `sign`.
    pub every: Duration,
    /// See `sign`.
    pub end: u8,
}

impl Job {
    /// Namespace, name and container.
    fn pod(&self) -> (&str, &str, &str) {
        match &self.helper {
            Helper::Made(manifest) => {
                (text(manifest, "/metadata/namespace"), text(manifest, "/metadata/name"), CONTAINER)
            }
            Helper::Existing(namespace, name, container) => (namespace, name, container),
        }
    }

    fn shown(&self) -> String {
        let (namespace, name, _) = self.pod();
        format!("{namespace}/{name}")
    }

    fn path(&self) -> String {
        let (namespace, name, _) = self.pod();
        pods(namespace, &format!("/{}", encode(name)))
    }
}

/// A pod that is there, as what the program can be run in on its node.
///
/// # Errors
/// If it is not there, does not run, or does not see the node's processes.
pub async fn existing(api: &Api, namespace: &str, name: &str) -> Result<(String, Helper), Fault> {
    let what = format!("get pods/{name} in the namespace {namespace}");
    let path = pods(namespace, &format!("/{}", encode(name)));
    let fault = |reason: String| Fault::Pod { pod: format!("{namespace}/{name}"), reason };
    let pod = api.get(&path, &what).await?.ok_or_else(|| fault("there is none".to_owned()))?;
    let chosen =
        pod.pointer("/metadata/annotations").and_then(|all| all.get("kubectl.kubernetes.io/default-container"));
    let containers = elements(&pod, "/spec/containers");
    let first = containers.first().map(|container| text(container, "/name")).unwrap_or_default();
    let container = chosen.and_then(Json::as_str).unwrap_or(first);
    match state(&pod, container) {
        State::Running => {}
        State::Starting(reason) | State::Over(reason) => return Err(fault(format!("it does not run: {reason}"))),
    }
    if pod.pointer("/spec/hostPID").and_then(Json::as_bool) != Some(true) {
        return Err(fault("it does not see the node's processes (hostPID), whose networks are looked for".to_owned()));
    }
    let node = text(&pod, "/spec/nodeName").to_owned();
    Ok((node, Helper::Existing(namespace.to_owned(), name.to_owned(), container.to_owned())))
}

/// Runs a program on a node until it ends, or the end is wanted; deletes the
/// pod that was made for it, whatever happens. `note` takes lines for people.
///
/// # Errors
/// If it did not run, or not to its end.
pub async fn run(
    api: &Api,
    job: &Job,
    stdout: mpsc::Sender<Bytes>,
    stage: watch::Receiver<Stage>,
    note: &(dyn Fn(&str) + Sync),
) -> Result<Outcome, Fault> {
    let Helper::Made(manifest) = &job.helper else { return capture(api, job, stdout, stage, note).await };
    let (namespace, ..) = job.pod();
    // It is not given up half-way: the server might make the pod later.
    match api.create(&pods(namespace, ""), manifest, &format!("create pods in the namespace {namespace}")).await {
        Err(fault @ Fault::Api { code: Some(400..500), .. }) => return Err(fault),
        // Whether it was made is not known.
        Err(fault) => {
            clean_up(api, job, manifest, &stage, note).await;
            return Err(fault);
        }
        Ok(_) => {}
    }
    let mut ends = stage.clone();
    let outcome = tokio::select! {
        started = wait_until_running(api, job, stage.clone()) => match started {
            Ok(true) => capture(api, job, stdout, stage.clone(), note).await,
            Ok(false) => Ok(Outcome::Left),
            Err(fault) => Err(fault),
        },
        Ok(_) = ends.wait_for(|stage| *stage == Stage::Hurrying) => Ok(Outcome::Left),
    };
    clean_up(api, job, manifest, &stage, note).await;
    outcome
}

/// Waits until the pod runs; false where the end was wanted first.
async fn wait_until_running(api: &Api, job: &Job, mut stage: watch::Receiver<Stage>) -> Result<bool, Fault> {
    let (namespace, name, container) = job.pod();
    let fault = |reason: String| Fault::Pod { pod: job.shown(), reason };
    let what = format!("get pods/{name} in the namespace {namespace}");
    let until = Instant::now() + job.start;
    loop {
        let pod = api.get(&job.path(), &what).await?.ok_or_else(|| fault("somebody has deleted it".to_owned()))?;
        match state(&pod, container) {
            State::Running => return Ok(true),
            State::Over(reason) => return Err(fault(reason)),
            State::Starting(reason) if Instant::now() >= until => {
                let node = &job.node;
                let waited = job.start.as_secs();
                return Err(fault(format!("it did not start on the node {node} within {waited}s: {reason}")));
            }
            State::Starting(_) => {
                if let Ok(Ok(_)) = timeout(LOOK, stage.wait_for(|stage| *stage > Stage::Capturing)).await {
                    return Ok(false);
                }
            }
        }
    }
}

/// Runs the program in the pod.
async fn capture(
    api: &Api,
    job: &Job,
    stdout: mpsc::Sender<Bytes>,
    stage: watch::Receiver<Stage>,
    note: &(dyn Fn(&str) + Sync),
) -> Result<Outcome, Fault> {
    let (namespace, name, container) = job.pod();
    let arguments: Vec<String> = job.command.iter().map(|argument| format!("&command={}", encode(argument))).collect();
    let path = format!(
        "{}/exec?stdin=true&stdout=true&stderr=true&tty=false&container={}{}",
        job.path(),
        encode(container),
        arguments.concat()
    );
    let what = format!("create pods/exec of {name} in the namespace {namespace}");
    let connection = api.connect(&path, &what).await?;
    let attention = Attention { sign: job.sign, every: job.every, end: job.end };
    let mut stderr = Lines::new(note);
    let outcome = relay(connection, &attention, &stdout, &mut stderr, stage).await;
    // What reads it ends now, and does not wait for what follows here.
    drop(stdout);
    let error = stderr.error();
    match outcome {
        Outcome::Lost(_) if error.is_some() => Err(Fault::Program(error.unwrap_or_default())),
        Outcome::Lost(reason) => Err(Fault::Lost { pod: job.shown(), reason: why(api, job).await.unwrap_or(reason) }),
        Outcome::NotStarted(reason) => Err(Fault::Pod { pod: job.shown(), reason }),
        Outcome::Code(0 | 130) | Outcome::Left => Ok(outcome),
        Outcome::Code(code) => Err(Fault::Program(error.unwrap_or_else(|| {
            format!("capture on the node {}: the program there has ended with code {code}", job.node)
        }))),
    }
}

/// What became of a pod whose connection was cut, where it is the reason.
async fn why(api: &Api, job: &Job) -> Option<String> {
    let (_, _, container) = job.pod();
    match timeout(DELETE_ATTEMPT, api.get(&job.path(), "get pods")).await {
        Ok(Ok(Some(pod))) => match state(&pod, container) {
            State::Over(reason) => Some(format!("the pod is over: {reason}")),
            State::Running | State::Starting(_) => None,
        },
        Ok(Ok(None)) => Some("somebody has deleted the pod".to_owned()),
        _ => None,
    }
}

/// Deletes the pod, and what is left of others that have ended.
async fn clean_up(api: &Api, job: &Job, manifest: &Json, stage: &watch::Receiver<Stage>, note: &(dyn Fn(&str) + Sync)) {
    let (namespace, name, _) = job.pod();
    let what = format!("delete pods/{name} in the namespace {namespace}");
    let until = Instant::now() + LONGEST_DELETE;
    let mut pause = PAUSES.0;
    let failed = loop {
        let reason = match timeout(DELETE_ATTEMPT, api.delete(&job.path(), &what)).await {
            Ok(Ok(())) => break None,
            Ok(Err(fault)) => fault.to_string(),
            Err(_) => format!("{what}: no answer came for {}s", DELETE_ATTEMPT.as_secs()),
        };
        if Instant::now() + pause >= until {
            break Some(reason);
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    };
    if let Some(reason) = failed {
        let deadline_s = manifest.pointer("/spec/activeDeadlineSeconds").and_then(Json::as_u64).unwrap_or(0);
        note(&format!(
            "error: failed to {reason}\n\
             help: it ends by itself soon, and {deadline_s}s after its start at the latest; to delete it: kubectl delete pod -n {namespace} {name}"
        ));
    } else if *stage.borrow() < Stage::Hurrying {
        let _ = timeout(DELETE_ATTEMPT, sweep(api, namespace)).await;
    }
}

/// Deletes pods of captures whose makers could not: only those that are over,
/// and only where that is allowed.
async fn sweep(api: &Api, namespace: &str) {
    let selector = format!("{}={}", LABEL.0, LABEL.1);
    let Ok(all) = api.list(&pods(namespace, ""), &selector, 100, "list pods").await else { return };
    for pod in all.iter().filter(|pod| matches!(text(pod, "/status/phase"), "Failed" | "Succeeded")) {
        let _ = api.delete(&pods(namespace, &format!("/{}", encode(text(pod, "/metadata/name")))), "delete pods").await;
    }
}
