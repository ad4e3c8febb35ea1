//! The pods and containers that a runtime has, for whoever looks for one.
//!
//! In: the path of a Unix socket. Out: pods and their containers, and of one
//! of them the process and the network namespace, which runtimes tell only in
//! the JSON text `info` of a verbose answer. Messages by hand, as in
//! [`message`](super::message).

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tokio::runtime::Runtime;
use tonic::client::Grpc;
use tonic::transport::Channel;

use super::client::{Failure, ask_version, call, connect};

/// A runtime that is being asked.
pub struct Session {
    runtime: Runtime,
    client: Grpc<Channel>,
    service: &'static str,
    wait: Duration,
    /// What it calls itself: `containerd`, `cri-o`.
    pub name: String,
}

/// A pod as the runtime lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Identifier of the sandbox.
    pub id: String,
    /// Name of the pod.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its unique identifier.
    pub uid: String,
    /// Whether the sandbox is ready; others are being deleted.
    pub is_ready: bool,
    /// Its labels, the kubelet's own among them.
    pub labels: BTreeMap<String, String>,
}

/// A running container as the runtime lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// Identifier.
    pub id: String,
    /// Identifier of its pod's sandbox.
    pub pod_id: String,
    /// Name within the pod.
    pub name: String,
}

/// Where the processes of a sandbox or container are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The first process.
    pub pid: Option<u32>,
    /// Path of the network namespace.
    pub network_namespace: Option<String>,
    /// Whether it uses the node's network; none where it was not told.
    pub is_host_network: Option<bool>,
}

impl Session {
    /// Asks a socket who listens there; every later call may take as long,
    /// unless [`Session::set_wait`] says otherwise.
    ///
    /// # Errors
    /// If nobody answers in time, or it is no CRI.
    pub fn open(socket: &Path, wait: Duration) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| format!("start asking: {error}"))?;
        let deadline = Instant::now() + wait;
        let opened = runtime.block_on(async {
            let mut client = connect(socket.to_owned(), deadline).await?;
            let (_, service, version) = ask_version(&mut client, deadline).await?;
            Ok::<_, Failure>((client, service, version.runtime_name))
        });
        let (client, service, name) = opened.map_err(|failure| failure.describe())?;
        Ok(Session { runtime, client, service, wait, name })
    }

    /// How long each later call may take.
    pub fn set_wait(&mut self, wait: Duration) {
        self.wait = wait;
    }

    /// Its pods.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn pods(&mut self) -> Result<Vec<Pod>, String> {
        let answer: ListPodSandboxResponse = self.call("ListPodSandbox", ListRequest {})?;
        let pod = |sandbox: PodSandbox| {
            let metadata = sandbox.metadata.unwrap_or_default();
            Pod {
                id: sandbox.id,
                name: metadata.name,
                namespace: metadata.namespace,
                uid: metadata.uid,
                is_ready: sandbox.state == 0,
                labels: sandbox.labels.into_iter().collect(),
            }
        };
        Ok(answer.items.into_iter().map(pod).collect())
    }

    /// Its running containers.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn containers(&mut self) -> Result<Vec<Container>, String> {
        const RUNNING: i32 = 1;
        let answer: ListContainersResponse = self.call("ListContainers", ListRequest {})?;
        let running = answer.containers.into_iter().filter(|container| container.state == RUNNING);
        let container = |listed: ListedContainer| Container {
            id: listed.id,
            pod_id: listed.pod_sandbox_id,
            name: listed.metadata.unwrap_or_default().name,
        };
        Ok(running.map(container).collect())
    }

    /// Where a pod's sandbox is.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn pod_place(&mut self, id: &str) -> Result<Place, String> {
        const NODE: i32 = 2;
        let request = StatusRequest { id: id.to_owned(), verbose: true };
        let answer: PodSandboxStatusResponse = self.call("PodSandboxStatus", request)?;
        let mut place = parse_place(answer.info.get("info").map(String::as_str).unwrap_or_default());
        let options = answer.status.and_then(|status| status.linux?.namespaces?.options);
        place.is_host_network = options.map(|options| options.network == NODE).or(place.is_host_network);
        Ok(place)
    }

    /// Where a container is.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn container_place(&mut self, id: &str) -> Result<Place, String> {
        let request = StatusRequest { id: id.to_owned(), verbose: true };
        let answer: ContainerStatusResponse = self.call("ContainerStatus", request)?;
        Ok(parse_place(answer.info.get("info").map(String::as_str).unwrap_or_default()))
    }

    fn call<Q, A>(&mut self, method: &str, request: Q) -> Result<A, String>
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        let deadline = Instant::now() + self.wait;
        let asked = self.runtime.block_on(call(&mut self.client, self.service, method, request, deadline));
        asked.map_err(|failure| format!("ask {method}: {}", failure.describe()))
    }
}

/// What `info` says: `pid`, and the namespaces of the OCI specification. CRI-O
/// without infra containers has no `pid`; before 1.18 it said nothing else.
fn parse_place(info: &str) -> Place {
    let info: Json = serde_json::from_str(info).unwrap_or_default();
    let pid = info.get("pid").and_then(Json::as_u64).and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0);
    let namespaces = info.pointer("/runtimeSpec/linux/namespaces").and_then(Json::as_array);
    let network = namespaces
        .and_then(|all| all.iter().find(|namespace| namespace.get("type").and_then(Json::as_str) == Some("network")));
    let path = network.and_then(|namespace| namespace.get("path")).and_then(Json::as_str);
    Place {
        pid,
        network_namespace: path.filter(|path| path.starts_with('/')).map(str::to_owned),
        // A specification with namespaces, none of them for the network.
        is_host_network: namespaces.map(|_| network.is_none()),
    }
}

/// Lists everything; all filters are optional.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
struct ListRequest {}

/// Asks for a sandbox or a container.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct StatusRequest {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(bool, tag = "2")]
    verbose: bool,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
struct ListPodSandboxResponse {
    #[prost(message, repeated, tag = "1")]
    items: Vec<PodSandbox>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
struct PodSandbox {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(message, optional, tag = "2")]
    metadata: Option<PodSandboxMetadata>,
    /// 0 is ready.
    #[prost(int32, tag = "3")]
    state: i32,
    #[prost(map = "string, string", tag = "5")]
    labels: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
struct PodSandboxMetadata {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    uid: String,
    #[prost(string, tag = "3")]
    namespace: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
struct PodSandboxStatusResponse {
    #[prost(message, optional, tag = "1")]
    status: Option<PodSandboxStatus>,
    #[prost(map = "string, string", tag = "2")]
    info: HashMap<String, String>,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
struct PodSandboxStatus {
    #[prost(message, optional, tag = "6")]
    linux: Option<LinuxPodSandboxStatus>,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
struct LinuxPodSandboxStatus {
    #[prost(message, optional, tag = "1")]
    namespaces: Option<Namespaces>,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
struct Namespaces {
    #[prost(message, optional, tag = "2")]
    options: Option<NamespaceOption>,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
struct NamespaceOption {
    /// `NamespaceMode`: 0 the pod's own, 2 the node's.
    #[prost(int32, tag = "1")]
    network: i32,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
struct ListContainersResponse {
    #[prost(message, repeated, tag = "1")]
    containers: Vec<ListedContainer>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
struct ListedContainer {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    pod_sandbox_id: String,
    #[prost(message, optional, tag = "3")]
    metadata: Option<ContainerMetadata>,
    /// 1 is running.
    #[prost(int32, tag = "6")]
    state: i32,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
struct ContainerMetadata {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
struct ContainerStatusResponse {
    #[prost(map = "string, string", tag = "2")]
    info: HashMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containerd_tells_pid_and_namespace() {
        let info = r#"{"pid":812,"runtimeSpec":{"linux":{"namespaces":[{"type":"pid"},
            {"type":"network","path":"/var/run/netns/cni-08438afc-6d3c-7a3b-9d0e-2b1d7a6c5e4f"}]}}}"#;
        let place = parse_place(info);
        assert_eq!(place.pid, Some(812));
        let path = "/var/run/netns/cni-08438afc-6d3c-7a3b-9d0e-2b1d7a6c5e4f";
        assert_eq!(place.network_namespace.as_deref(), Some(path));
        assert_eq!(place.is_host_network, Some(false));
    }

    #[test]
    fn crio_without_an_infra_container_tells_the_namespace_alone() {
        let info = r#"{"runtimeSpec":{"linux":{"namespaces":[{"type":"network",
            "path":"/var/run/netns/3f1c7f6e-8d7b-4c39-8b0e-5a0f2a3c9d11"}]}}}"#;
        let place = parse_place(info);
        assert_eq!((place.pid, place.is_host_network), (None, Some(false)));
        assert!(place.network_namespace.is_some());
    }

    #[test]
    fn a_specification_without_a_network_namespace_is_of_the_nodes_network() {
        let place = parse_place(r#"{"pid":0,"runtimeSpec":{"linux":{"namespaces":[{"type":"ipc"}]}}}"#);
        assert_eq!(place, Place { is_host_network: Some(true), ..Place::default() });
        assert_eq!(parse_place("not JSON"), Place::default());
    }
}
