//! One node's part: a pod for it, the program in it, and the pod's end.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value as Json;
use tokio::sync::{mpsc, watch};

use super::Fault;
use super::api::{Api, elements, encode, pods, text};
use super::life::{clean_up, wait_until_running, why};
use super::manifest::{CONTAINER, ROOT};
use super::pod::{State, state};
use super::stream::{Attention, Lines, Outcome, Stage, relay};

/// Where the program is run.
#[derive(Clone, Debug)]
pub enum Helper {
    /// In a pod that is made for it, by its manifest.
    Made(Json),
    /// In one that is there.
    Existing {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The container.
        container: String,
        /// Where the node's root is in it.
        root: String,
    },
}

impl Helper {
    /// Where the node's root is in the pod.
    pub fn root(&self) -> &str {
        match self {
            Helper::Made(_) => ROOT,
            Helper::Existing { root, .. } => root,
        }
    }
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
    pub(super) fn pod(&self) -> (&str, &str, &str) {
        match &self.helper {
            Helper::Made(manifest) => {
                (text(manifest, "/metadata/namespace"), text(manifest, "/metadata/name"), CONTAINER)
            }
            Helper::Existing { namespace, name, container, .. } => (namespace, name, container),
        }
    }

    pub(super) fn shown(&self) -> String {
        let (namespace, name, _) = self.pod();
        format!("{namespace}/{name}")
    }

    pub(super) fn path(&self) -> String {
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
    let helper = Helper::Existing {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        container: container.to_owned(),
        root: root_in(&pod, container),
    };
    Ok((node, helper))
}

/// Where a container has the node's root: mounted, or by its first process.
fn root_in(pod: &Json, container: &str) -> String {
    let mut volumes = elements(pod, "/spec/volumes").iter();
    let volume = volumes.find(|volume| text(volume, "/hostPath/path") == "/").map(|volume| text(volume, "/name"));
    let mut containers = elements(pod, "/spec/containers").iter();
    let mounts = containers.find(|of| text(of, "/name") == container).map(|of| elements(of, "/volumeMounts"));
    let mut mounts = mounts.unwrap_or_default().iter();
    let mount = mounts.find(|mount| Some(text(mount, "/name")) == volume && text(mount, "/subPath").is_empty());
    mount.map_or("/proc/1/root", |mount| text(mount, "/mountPath")).to_owned()
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
    let outcome = run_in_made(api, job, manifest, stdout.clone(), stage.clone(), note).await;
    match (outcome, without_propagation(job)) {
        (Err(Fault::Pod { reason, .. }), Some((job, manifest))) if reason.contains(NOT_SHARED) => {
            run_in_made(api, &job, &manifest, stdout, stage, note).await
        }
        (outcome, _) => outcome,
    }
}

/// What runtimes say where mounts of the node's root do not propagate, as on
/// nodes without systemd.
const NOT_SHARED: &str = "not a shared or slave mount";

/// The same with a pod of another name, as the first may still be there, that
/// does not see what is mounted later.
fn without_propagation(job: &Job) -> Option<(Job, Json)> {
    let Helper::Made(manifest) = &job.helper else { return None };
    let (_, name, _) = job.pod();
    let other = format!("{name}-2");
    let mut manifest = manifest.clone();
    *manifest.pointer_mut("/metadata/name")? = Json::from(other.as_str());
    let container = manifest.pointer_mut("/spec/containers/0")?;
    for mount in container.get_mut("volumeMounts")?.as_array_mut()? {
        mount.as_object_mut()?.remove("mountPropagation");
    }
    for argument in container.get_mut("command")?.as_array_mut()? {
        if argument == name {
            *argument = Json::from(other.as_str());
        }
    }
    let renamed = |argument: &String| match argument.strip_suffix(name) {
        Some(flag) if flag.ends_with('=') => format!("{flag}{other}"),
        _ => argument.clone(),
    };
    let command = job.command.iter().map(renamed).collect();
    Some((Job { helper: Helper::Made(manifest.clone()), command, ..job.clone() }, manifest))
}

async fn run_in_made(
    api: &Api,
    job: &Job,
    manifest: &Json,
    stdout: mpsc::Sender<Bytes>,
    stage: watch::Receiver<Stage>,
    note: &(dyn Fn(&str) + Sync),
) -> Result<Outcome, Fault> {
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
        started = wait_until_running(api, job, stage.clone(), note) => match started {
            Ok(true) => capture(api, job, stdout, stage.clone(), note).await,
            Ok(false) => Ok(Outcome::Left),
            Err(fault) => Err(fault),
        },
        Ok(_) = ends.wait_for(|stage| *stage == Stage::Hurrying) => Ok(Outcome::Left),
    };
    clean_up(api, job, manifest, &stage, note).await;
    outcome
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_root_of_the_node_is_where_it_is_mounted() {
        let volumes = json!([{"name": "x", "hostPath": {"path": "/var"}}, {"name": "root", "hostPath": {"path": "/"}}]);
        let mounts = json!([{"name": "x", "mountPath": "/x"}, {"name": "root", "mountPath": "/node"}]);
        let pod =
            json!({"spec": {"volumes": volumes, "containers": [{"name": "a"}, {"name": "b", "volumeMounts": mounts}]}});
        assert_eq!((root_in(&pod, "a").as_str(), root_in(&pod, "b").as_str()), ("/proc/1/root", "/node"));
    }

    #[test]
    fn without_propagation_it_is_another_pod() {
        let settings = crate::capture::remote::Settings {
            name: "scanner-capture-1".to_owned(),
            namespace: "scanner".to_owned(),
            node: "cn-01".to_owned(),
            image: "x".to_owned(),
            program: "scanner".to_owned(),
            is_privileged: false,
            api_minor: None,
            duration_s: 30,
            start_s: 120,
        };
        let job = Job {
            node: "cn-01".to_owned(),
            helper: Helper::Made(crate::capture::remote::manifest(&settings)),
            command: vec!["--attended=scanner-capture-1".to_owned()],
            start: Duration::ZERO,
            sign: 0,
            every: Duration::ZERO,
            end: 0,
        };
        let (other, manifest) = without_propagation(&job).unwrap();
        assert_eq!(
            (other.shown().as_str(), other.command.concat().as_str()),
            ("scanner/scanner-capture-1-2", "--attended=scanner-capture-1-2")
        );
        assert_eq!(manifest["spec"]["containers"][0]["command"][3], "scanner-capture-1-2");
        assert!(!manifest.to_string().contains("mountPropagation"));
    }
}
