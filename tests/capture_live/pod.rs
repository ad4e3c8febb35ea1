//! Pods of a real containerd: found by its CRI, and without it.
//!
//! The daemon has its own configuration, folders and socket in a temporary
//! folder, and its network in the outer namespace of a lab, where the bridge of
//! its pods is too. Pods are made over CRI, as the kubelet makes them.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};

use super::lab::{Running, busybox_root, can_capture, must, run};

#[derive(Clone, PartialEq, prost::Message)]
struct RunPodSandbox {
    #[prost(message, optional, tag = "1")]
    config: Option<PodSandboxConfig>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PodSandboxConfig {
    #[prost(message, optional, tag = "1")]
    metadata: Option<PodMetadata>,
    #[prost(map = "string, string", tag = "6")]
    labels: HashMap<String, String>,
    #[prost(message, optional, tag = "8")]
    linux: Option<LinuxPodSandboxConfig>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct LinuxPodSandboxConfig {
    #[prost(string, tag = "1")]
    cgroup_parent: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PodMetadata {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    uid: String,
    #[prost(string, tag = "3")]
    namespace: String,
}

/// A message whose first field is an identifier: answers of what was made, and
/// requests to start, stop and remove it.
#[derive(Clone, PartialEq, prost::Message)]
struct Id {
    #[prost(string, tag = "1")]
    id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct CreateContainer {
    #[prost(string, tag = "1")]
    pod_sandbox_id: String,
    #[prost(message, optional, tag = "2")]
    config: Option<ContainerConfig>,
    #[prost(message, optional, tag = "3")]
    sandbox_config: Option<PodSandboxConfig>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ContainerConfig {
    #[prost(message, optional, tag = "1")]
    metadata: Option<Id>,
    #[prost(message, optional, tag = "2")]
    image: Option<Id>,
    #[prost(string, repeated, tag = "3")]
    command: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Nothing {}

const IMAGE: &str = "scanner.test/busybox:1";
const BRIDGE: &str = "scanbr0";

/// A node: a network namespace with a containerd in it.
struct Node {
    network: String,
    daemon: Option<Child>,
    folder: tempfile::TempDir,
    sandboxes: Vec<String>,
    runtime: tokio::runtime::Runtime,
}

/// A pod that runs.
struct Pod {
    sandbox: String,
    address: String,
}

impl Node {
    fn start(tag: &str) -> Node {
        let network = format!("scan{}{tag}", std::process::id());
        must("ip", &["netns", "add", &network]);
        must("ip", &["-n", &network, "link", "set", "lo", "up"]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut node = Node { network, daemon: None, folder, sandboxes: Vec::new(), runtime };
        node.configure();
        node.start_daemon();
        let image = docker_archive(node.folder.path());
        must("ctr", &["-a", &node.socket(), "-n", "k8s.io", "images", "import", "--snapshotter", "native", &image]);
        node
    }

    fn socket(&self) -> String {
        self.folder.path().join("containerd.sock").display().to_string()
    }

    fn configure(&self) {
        let folder = self.folder.path().display();
        let config = format!(
            "version = 2\nroot = \"{folder}/root\"\nstate = \"{folder}/state\"\n[grpc]\naddress = \"{}\"\n\
             [plugins.\"io.containerd.grpc.v1.cri\"]\nrestrict_oom_score_adj = true\nsandbox_image = \"{IMAGE}\"\n\
             [plugins.\"io.containerd.grpc.v1.cri\".cni]\nbin_dir = \"/usr/lib/cni\"\nconf_dir = \"{folder}/cni\"\n\
             [plugins.\"io.containerd.grpc.v1.cri\".containerd]\nsnapshotter = \"native\"\n\
             [plugins.\"io.containerd.internal.v1.opt\"]\npath = \"{folder}/opt\"\n",
            self.socket()
        );
        fs::write(self.folder.path().join("config.toml"), config).unwrap();
        fs::create_dir(self.folder.path().join("cni")).unwrap();
        let network = serde_json::json!({"cniVersion": "0.4.0", "name": "scanner-test", "plugins": [{
            "type": "bridge", "bridge": BRIDGE, "isGateway": true, "ipam": {"type": "host-local",
            "dataDir": format!("{folder}/ipam"), "ranges": [[{"subnet": "10.98.0.0/24"}]],
            "routes": [{"dst": "0.0.0.0/0"}]}}]});
        fs::write(self.folder.path().join("cni/10-test.conflist"), network.to_string()).unwrap();
    }

    fn start_daemon(&mut self) {
        let log = self.folder.path().join("log");
        let config = self.folder.path().join("config.toml");
        let child = Command::new("nsenter")
            .arg(format!("--net=/run/netns/{}", self.network))
            .args(["containerd", "--config", config.to_str().unwrap(), "--address", &self.socket()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        self.daemon = Some(child);
        let until = Instant::now() + Duration::from_mins(1);
        while !fs::read_to_string(&log).unwrap().contains("containerd successfully booted") {
            assert!(Instant::now() < until, "containerd did not start: {}", fs::read_to_string(&log).unwrap());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn signal_daemon(&self, signal: nix::sys::signal::Signal) {
        let pid = i32::try_from(self.daemon.as_ref().unwrap().id()).unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
    }

    fn call<Q, A>(&self, method: &str, request: Q) -> A
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        let socket = PathBuf::from(self.socket());
        let path: PathAndQuery = format!("/runtime.v1.RuntimeService/{method}").parse().unwrap();
        let asked = self.runtime.block_on(async {
            let connector = tower::service_fn(move |_| {
                let socket = socket.clone();
                async move { tokio::net::UnixStream::connect(socket).await.map(TokioIo::new) }
            });
            let channel: Channel = Endpoint::from_static("http://localhost").connect_with_connector_lazy(connector);
            let mut client = tonic::client::Grpc::new(channel);
            client.ready().await.unwrap();
            let codec = tonic_prost::ProstCodec::<Q, A>::default();
            let call = client.unary(tonic::Request::new(request), path, codec);
            tokio::time::timeout(Duration::from_mins(1), call).await
        });
        asked.unwrap().unwrap_or_else(|status| panic!("{method}: {status}\n{}", self.log())).into_inner()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Runs a pod with one container `app`.
    fn run_pod(&mut self, namespace: &str, name: &str, labels: &[(&str, &str)]) -> Pod {
        let number = self.sandboxes.len() + 1;
        let uid = format!("f2c5a0f2-7e0c-4b57-9a5c-{number:012}");
        let metadata = PodMetadata { name: name.to_owned(), uid: uid.clone(), namespace: namespace.to_owned() };
        let mut labels: HashMap<_, _> =
            labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        labels.insert("io.kubernetes.pod.name".to_owned(), name.to_owned());
        // The test's own, so that nothing is left among the kubelet's groups.
        let linux = LinuxPodSandboxConfig { cgroup_parent: format!("/{}/pod{uid}", self.network) };
        let config = PodSandboxConfig { metadata: Some(metadata), labels, linux: Some(linux) };
        let sandbox: Id = self.call("RunPodSandbox", RunPodSandbox { config: Some(config.clone()) });
        self.sandboxes.push(sandbox.id.clone());
        let id = |text: &str| Some(Id { id: text.to_owned() });
        let command = ["/bin/sleep", "300"].map(str::to_owned).to_vec();
        let request = CreateContainer {
            pod_sandbox_id: sandbox.id.clone(),
            config: Some(ContainerConfig { metadata: id("app"), image: id(IMAGE), command }),
            sandbox_config: Some(config),
        };
        let container: Id = self.call("CreateContainer", request);
        let _: Nothing = self.call("StartContainer", container);
        Pod { sandbox: sandbox.id, address: format!("10.98.0.{}", number + 1) }
    }

    fn delete_pod(&self, sandbox: &str) {
        let id = || Id { id: sandbox.to_owned() };
        let _: Nothing = self.call("StopPodSandbox", id());
        let _: Nothing = self.call("RemovePodSandbox", id());
    }

    /// The command line of the program on this node.
    fn scanner(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{}", self.network));
        command.args([env!("CARGO_BIN_EXE_scanner"), "capture"]);
        command
    }

    fn capture(&self, arguments: &[&str]) -> Running {
        let mut command = self.scanner();
        command.args(arguments).args(["--runtime-endpoint", &self.socket()]);
        Running::start(&mut command, "listening on")
    }

    fn list(&self) -> String {
        let output = self.scanner().args(["list", "--runtime-endpoint", &self.socket()]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn ping(&self, address: &str, count: u32) {
        let count = count.to_string();
        let network = format!("--net=/run/netns/{}", self.network);
        must("nsenter", &[&network, "busybox", "ping", "-c", &count, "-i", "0.05", "-W", "10", address]);
        std::thread::sleep(Duration::from_millis(150));
    }

    /// Captures two packets of a pod with these arguments.
    fn sees(&self, arguments: &[&str], address: &str) -> String {
        let capture = self.capture(&[arguments, &["-c", "2", "icmp"]].concat());
        self.ping(address, 1);
        let captured = capture.wait();
        assert_eq!((captured.code, captured.lines.lines().count()), (Some(0), 2), "{arguments:?}: {captured:?}");
        captured.notes
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.daemon.is_some() && !std::thread::panicking() {
            for sandbox in std::mem::take(&mut self.sandboxes) {
                self.delete_pod(&sandbox);
            }
        }
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        self.sweep();
        let _ = run("ip", &["netns", "delete", &self.network]);
    }
}

impl Node {
    /// Removes what pods have left where a test has failed.
    fn sweep(&self) {
        let own = self.folder.path().display().to_string();
        for entry in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
            let folder = fs::read_link(entry.path().join("cwd")).unwrap_or_default();
            if folder.starts_with(self.folder.path()) {
                let init = fs::read_to_string(folder.join("init.pid")).unwrap_or_default();
                let shim = entry.file_name().to_string_lossy().into_owned();
                for pid in [shim, init] {
                    if let Ok(pid) = pid.trim().parse::<i32>().map(nix::unistd::Pid::from_raw) {
                        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
                    }
                }
            }
        }
        let mounts = fs::read_to_string("/proc/mounts").unwrap();
        for mount in mounts.lines().filter_map(|line| line.split(' ').nth(1)).filter(|path| path.starts_with(&own)) {
            let _ = run("umount", &["-l", mount]);
        }
        remove_groups(Path::new(&format!("/sys/fs/cgroup/{}", self.network)));
    }
}

/// Removes a control group with those in it, from the innermost on.
fn remove_groups(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        if entry.path().is_dir() {
            remove_groups(&entry.path());
        }
    }
    let _ = fs::remove_dir(folder);
}

/// An image as `docker save` writes it: a layer, its configuration, and a manifest.
fn docker_archive(folder: &Path) -> String {
    let layer = fs::read(busybox_root(folder)).unwrap();
    let digest = Sha256::digest(&layer).iter().fold(String::new(), |digest, byte| digest + &format!("{byte:02x}"));
    let image = folder.join("image");
    fs::create_dir(&image).unwrap();
    fs::write(image.join("layer.tar"), layer).unwrap();
    let config = serde_json::json!({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/sleep", "300"]},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{digest}")]}});
    fs::write(image.join("config.json"), config.to_string()).unwrap();
    let manifest = serde_json::json!([{"Config": "config.json", "RepoTags": [IMAGE], "Layers": ["layer.tar"]}]);
    fs::write(image.join("manifest.json"), manifest.to_string()).unwrap();
    let archive = folder.join("image.tar").display().to_string();
    must("tar", &["-C", image.to_str().unwrap(), "-cf", &archive, "manifest.json", "config.json", "layer.tar"]);
    archive
}

fn can_run_pods() -> bool {
    let has_plugins = fs::metadata("/usr/lib/cni/bridge").is_ok();
    if !has_plugins {
        eprintln!("skipped: no CNI plugins (apt-get install containernetworking-plugins)");
    }
    has_plugins && can_capture(&["containerd", "ctr", "runc", "nsenter"])
}

#[test]
fn pods_of_containerd_are_found_by_their_names_and_seen_until_they_are_deleted() {
    if !can_run_pods() {
        return;
    }
    let mut node = Node::start("n");
    let web = node.run_pod("shop", "web-7d4b9c6f5-x2x9k", &[("app", "web"), ("pod-template-hash", "7d4b9c6f5")]);
    let db = node.run_pod("shop", "db-0", &[("app", "db"), ("statefulset.kubernetes.io/pod-name", "db-0")]);

    let list = node.list();
    let row = list.lines().find(|line| line.starts_with("shop/db-0")).unwrap_or_else(|| panic!("{list}"));
    assert!(row.contains(" app ") && row.contains(" eth0 ") && row.ends_with("containerd"), "{row}");
    assert!(row.contains(" veth") && row.contains(&format!(" {}/24", db.address)), "{row}");

    node.sees(&["pod/db-0", "-n", "shop"], &db.address);
    node.sees(&["shop/db-0"], &db.address);
    node.sees(&["sts/db"], &db.address);
    node.sees(&["deploy/web"], &web.address);
    node.sees(&["-l", "app=web"], &web.address);
    node.sees(&["container/db-0/app"], &db.address);
    node.sees(&[&format!("container/{}", &db.sandbox[..12])], &db.address);

    let refused = node.scanner().args(["pod/db-1", "--runtime-endpoint", &node.socket()]).output().unwrap();
    let refused = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.contains("there is no pod db-1 on this node; there are: shop/db-0, "), "{refused}");

    // Both pods at once, each named in its lines; one of them goes away meanwhile.
    let capture = node.capture(&["shop/db-0", "deploy/web", "-t", "icmp"]);
    node.ping(&db.address, 1);
    node.ping(&web.address, 1);
    node.delete_pod(&db.sandbox);
    node.sandboxes.retain(|sandbox| *sandbox != db.sandbox);
    node.ping(&web.address, 1);
    std::thread::sleep(Duration::from_secs(1));
    capture.signal("INT");
    let captured = capture.wait();
    assert_eq!(captured.code, Some(130), "{}", captured.notes);
    let of = |name: &str| captured.lines.lines().filter(|line| line.starts_with(name)).count();
    assert_eq!((of("shop/db-0:eth0 IP "), of("shop/web-7d4b9c6f5-x2x9k:eth0 IP ")), (2, 4), "{}", captured.lines);
    assert!(captured.notes.contains("shop/db-0:eth0: the capture ends there"), "{}", captured.notes);
    let namespaces = must("ip", &["netns", "list"]);
    assert!(node.list().contains("shop/web-7d4b9c6f5-x2x9k"), "{namespaces}");
}

#[test]
fn pods_are_found_where_their_runtime_hangs_and_where_it_is_dead() {
    if !can_run_pods() {
        return;
    }
    let mut node = Node::start("h");
    let pod = node.run_pod("shop", "web-0", &[]);
    node.signal_daemon(nix::sys::signal::Signal::SIGSTOP);
    let started = Instant::now();
    node.sees(&["pod/web-0", "-n", "shop"], &pod.address);
    assert!(started.elapsed() < Duration::from_secs(30), "a runtime that hangs is waited for too long");
    let output = node.scanner().args(["list", "--runtime-endpoint", &node.socket()]).output().unwrap();
    let (list, notes) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(list.lines().any(|line| line.starts_with("shop/web-0") && line.contains(" app ")), "{list}");
    assert!(notes.contains("no answer within 2.0 s"), "{notes}");

    node.signal_daemon(nix::sys::signal::Signal::SIGKILL);
    node.daemon.take().unwrap().wait().unwrap();
    node.sees(&["shop/web-0"], &pod.address);
    // It comes back, takes its pods over, and can remove them.
    node.start_daemon();
    node.sees(&["shop/web-0"], &pod.address);
}
