//! The life of a pod that is made for a capture: its start, its end, and what
//! became of it.

use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::Fault;
use super::api::{Api, elements, encode, pods, text};
use super::job::Job;
use super::manifest::LABEL;
use super::pod::{State, state};
use super::stream::Stage;

/// How long it is tried to delete a pod, and how long each time may take.
const LONGEST_DELETE: Duration = Duration::from_secs(40);
const DELETE_ATTEMPT: Duration = Duration::from_secs(8);
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(4));

/// How often it is looked how far a pod is, and how long it may take in silence.
const LOOK: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_secs(4);

/// Waits until the pod runs; false where the end was wanted first.
pub(super) async fn wait_until_running(
    api: &Api,
    job: &Job,
    mut stage: watch::Receiver<Stage>,
    note: &(dyn Fn(&str) + Sync),
) -> Result<bool, Fault> {
    let (namespace, name, container) = job.pod();
    let fault = |reason: String| Fault::Pod { pod: job.shown(), reason };
    let what = format!("get pods/{name} in the namespace {namespace}");
    let until = Instant::now() + job.start;
    let mut tell_at = Instant::now() + PATIENCE;
    loop {
        let pod = api.get(&job.path(), &what).await?.ok_or_else(|| fault("somebody has deleted it".to_owned()))?;
        match state(&pod, container) {
            State::Running => return Ok(true),
            State::Over(reason) => return Err(fault(reason)),
            State::Starting(reason) if Instant::now() >= until => {
                let on = &job.node;
                let waited = job.start.as_secs();
                let warning = warning(api, namespace, name).await.map(|warning| format!(": {warning}"));
                let warning = warning.unwrap_or_default();
                return Err(fault(format!("it did not start on the node {on} within {waited}s: {reason}{warning}")));
            }
            State::Starting(reason) => {
                if Instant::now() >= tell_at {
                    note(&format!("waiting for the pod {} to start: {reason}", job.shown()));
                    tell_at = until;
                }
                if let Ok(Ok(_)) = timeout(LOOK, stage.wait_for(|stage| *stage > Stage::Capturing)).await {
                    return Ok(false);
                }
            }
        }
    }
}

/// The last warning about a pod, where events may be read: a sandbox that
/// cannot be made is told of nowhere else.
async fn warning(api: &Api, namespace: &str, name: &str) -> Option<String> {
    let fields = format!("involvedObject.name={name},type=Warning");
    let path = format!("/api/v1/namespaces/{}/events?limit=100&fieldSelector={}", encode(namespace), encode(&fields));
    let events = timeout(DELETE_ATTEMPT, api.get(&path, "list events")).await.ok()?.ok()??;
    let message = text(elements(&events, "/items").last()?, "/message");
    (!message.is_empty()).then(|| message.chars().take(500).collect())
}

/// What became of a pod whose connection was cut, where it is the reason.
pub(super) async fn why(api: &Api, job: &Job) -> Option<String> {
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
pub(super) async fn clean_up(
    api: &Api,
    job: &Job,
    manifest: &Json,
    stage: &watch::Receiver<Stage>,
    note: &(dyn Fn(&str) + Sync),
) {
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
