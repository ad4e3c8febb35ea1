//! What the runtime itself says: the Container Runtime Interface, asked over
//! its Unix socket with a deadline.
//!
//! In: the kubelet's endpoint, else the runtimes' default sockets. Out: the
//! facts `cri.*`. Only a live machine is asked; of a recorded tree all of
//! them are unreadable. Nothing is asked that changes anything: `Version`,
//! `Status` and `RuntimeConfig` alone. Truth: `runtime.v1` of
//! <https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto>.

mod answer;
mod client;
mod declaration;
mod message;
pub mod pod;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::fact::host::root::{FileKind, Outcome};
use crate::fact::host::{Collector, Host};
use crate::fact::{Fact, Facts, Source};

use super::containerd::{group, list};
use client::{Answer, Failure};
use declaration::FACTS;

/// Asks the runtime.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "cri", facts: FACTS, needs: &["kubelet"], collect };

/// Where the runtimes listen by default.
pub const DEFAULT_SOCKETS: &[&str] = &[
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/cri-dockerd.sock",
    "/run/k3s/containerd/containerd.sock",
    "/run/k0s/containerd.sock",
    "/var/snap/microk8s/common/run/containerd.sock",
];

/// The longest that the kubelet's runtime is waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The longest that another socket is waited for.
const NEIGHBOUR_WAIT: Duration = Duration::from_secs(2);

/// A silence that is shorter proves nothing: the run had no more time.
const SHORTEST_SILENCE: Duration = Duration::from_millis(1900);

/// What `Version` and `RuntimeConfig` tell; with what `Status` tells, everything but
/// the endpoint and the list of sockets.
const OF_VERSION: &[&str] =
    &["status", "message", "runtime_name", "runtime_version", "api_version", "answers_runtime_config", "cgroup_driver"];

fn collect(host: &Host, earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    if !host.root.is_live() {
        let fact = Fact::unreadable(Source::cri("Version"), "ask CRI: a recorded tree has no sockets");
        for doc in FACTS {
            facts.set(doc.path, fact.clone());
        }
        set_recorded_endpoint(earlier, &mut facts);
        return facts;
    }
    let others = existing_sockets(host);
    let endpoint = match earlier.get("kubelet.endpoint") {
        Some(Fact::Unreadable { source, reason }) => {
            let fact = Fact::Unreadable { source: source.clone(), reason: reason.clone() };
            set_all(&mut facts, &fact);
            facts.set("cri.endpoint", fact);
            None
        }
        Some(fact @ Fact::Known { .. }) => kubelet_socket(fact, &mut facts),
        _ => {
            let first = others.first().cloned();
            if first.is_none() {
                let absent = Fact::absent(Source::file("/run"));
                set_all(&mut facts, &absent);
                facts.set("cri.endpoint", absent);
            }
            first.map(|path| (Source::file(&path), path))
        }
    };
    let mut sockets = Vec::new();
    if let Some((source, path)) = &endpoint {
        let outcome = ask(host, path, LONGEST_WAIT, true);
        sockets.push(socket_fact(path, &outcome));
        facts.set("cri.endpoint", Fact::known(path.as_str(), source.clone()));
        set_outcome(path, outcome, &mut facts);
    }
    let resolved = |path: &str| host.root.resolve(path).found().unwrap_or_else(|| path.to_owned());
    let own = endpoint.as_ref().map(|(_, path)| resolved(path));
    for path in others.iter().filter(|path| Some(resolved(path)) != own) {
        sockets.push(socket_fact(path, &ask(host, path, NEIGHBOUR_WAIT, false)));
    }
    // Where the kubelet's socket is missing, it is not among those that exist.
    sockets.retain(|socket| socket.member("status").and_then(Fact::text) != Some("missing"));
    facts.set("cri.sockets", list(sockets));
    facts
}

/// The kubelet's endpoint of a recorded tree, though nobody is asked there.
fn set_recorded_endpoint(earlier: &Facts, facts: &mut Facts) {
    if let Some(fact @ Fact::Known { .. }) = earlier.get("kubelet.endpoint")
        && let Some((source, path)) = socket_of(fact)
    {
        facts.set("cri.endpoint", Fact::known(path, source));
    }
}

fn kubelet_socket(endpoint: &Fact, facts: &mut Facts) -> Option<(Source, String)> {
    let socket = socket_of(endpoint);
    if socket.is_none() {
        let source = endpoint.source().cloned().unwrap_or_else(|| Source::cri("Version"));
        let reason = format!("ask {}: not a Unix socket", endpoint.text().unwrap_or_default());
        let fact = Fact::unreadable(source, reason);
        set_all(facts, &fact);
        facts.set("cri.endpoint", fact);
    }
    socket
}

/// The path of `unix:///run/x.sock`, or of a path without its scheme.
fn socket_of(endpoint: &Fact) -> Option<(Source, String)> {
    let text = endpoint.text()?;
    let path = text.strip_prefix("unix://").unwrap_or(text);
    let source = endpoint.source().cloned().unwrap_or_else(|| Source::cri("Version"));
    path.starts_with('/').then(|| (source, path.to_owned()))
}

fn existing_sockets(host: &Host) -> Vec<String> {
    DEFAULT_SOCKETS
        .iter()
        .filter(|path| host.root.metadata(path).found().is_some_and(|metadata| metadata.kind == FileKind::Socket))
        .map(|path| (*path).to_owned())
        .collect()
}

fn ask(host: &Host, path: &str, longest: Duration, wants_all: bool) -> Result<Answer, Failure> {
    match host.root.metadata(path) {
        Outcome::Found(metadata) if metadata.kind == FileKind::Socket => {}
        Outcome::Found(_) => return Err(Failure::Refused(format!("{path} is not a socket"))),
        Outcome::Absent => return Err(Failure::Missing),
        Outcome::Unreadable(reason) => return Err(Failure::Forbidden(reason)),
    }
    let socket: PathBuf = match host.root.socket_path(path) {
        Outcome::Found(socket) => socket,
        Outcome::Absent => return Err(Failure::Missing),
        Outcome::Unreadable(reason) => return Err(Failure::Forbidden(reason)),
    };
    client::ask(&socket, host.deadline.min(Instant::now() + longest), wants_all)
}

fn status_of(outcome: &Result<Answer, Failure>) -> Result<&'static str, String> {
    Ok(match outcome {
        Ok(answer) if answer.api == "v1" => "answering",
        Ok(_) => "old",
        Err(Failure::Missing) => "missing",
        Err(Failure::Refused(_)) => "refused",
        Err(Failure::Unimplemented(_)) => "unimplemented",
        Err(Failure::Timeout(waited)) if *waited >= SHORTEST_SILENCE => "timeout",
        Err(Failure::Error(_)) => "error",
        Err(failure @ (Failure::Timeout(_) | Failure::Forbidden(_))) => return Err(failure.describe()),
    })
}

fn socket_fact(path: &str, outcome: &Result<Answer, Failure>) -> Fact {
    let source = || Source::file(path);
    let status = match status_of(outcome) {
        Ok(status) => Fact::known(status, source()),
        Err(reason) => Fact::unreadable(source(), format!("ask {path}: {reason}")),
    };
    let name = match outcome {
        Ok(answer) => Fact::known(answer.version.runtime_name.as_str(), Source::cri("Version")),
        Err(_) => Fact::absent(Source::cri("Version")),
    };
    group([("path", Fact::known(path, source())), ("status", status), ("runtime_name", name)])
}

fn set_all(facts: &mut Facts, fact: &Fact) {
    for name in OF_VERSION.iter().chain(answer::OF_STATUS) {
        facts.set(&format!("cri.{name}"), fact.clone());
    }
}

fn set_outcome(path: &str, outcome: Result<Answer, Failure>, facts: &mut Facts) {
    let status = status_of(&outcome);
    match outcome {
        Ok(answer) => answer::set_answer(&answer, facts),
        Err(failure) => {
            let reason = format!("ask {path}: {}", failure.describe());
            set_all(facts, &Fact::unreadable(Source::cri("Version"), reason.as_str()));
            facts.set("cri.message", Fact::known(failure.describe(), Source::cri("Version")));
        }
    }
    if let Ok(status) = status {
        facts.set("cri.status", Fact::known(status, Source::cri("Version")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_path_with_or_without_its_scheme() {
        let path = |text: &str| socket_of(&Fact::known(text, Source::file("/x"))).map(|(_, path)| path);
        assert_eq!(path("unix:///run/containerd/containerd.sock").as_deref(), Some("/run/containerd/containerd.sock"));
        assert_eq!(path("/run/crio/crio.sock").as_deref(), Some("/run/crio/crio.sock"));
        assert_eq!(path("tcp://127.0.0.1:9000"), None);
    }

    #[test]
    fn a_silence_that_the_run_cut_short_proves_nothing() {
        let silent = |waited| status_of(&Err(Failure::Timeout(waited)));
        assert_eq!(silent(Duration::from_secs(10)), Ok("timeout"));
        assert!(silent(Duration::from_millis(300)).is_err());
    }
}
