//! `scanner capture --cluster` as a user meets it: the program against an API
//! server that makes pods, refuses them, cannot pull, evicts, cuts connections
//! and fails to delete; and once with the real program at the other end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]
#![allow(clippy::print_stderr, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::cluster::server::{Ask, Reply, Server, Step};

const BINARY: &str = env!("CARGO_BIN_EXE_scanner");

/// A cluster of a test: two nodes, and the pods of a shop.
#[derive(Clone)]
struct Cluster {
    /// What the program in a pod does, by the node.
    steps: Vec<(&'static str, Vec<Step>)>,
    /// What is answered in place of the usual, by the first words of `METHOD PATH`.
    instead: Vec<(&'static str, Reply)>,
    /// The state of a pod that was made.
    status: Value,
    made: Arc<Mutex<Vec<Value>>>,
}

impl Cluster {
    fn new(steps: Vec<Step>) -> Self {
        let running = json!({"phase": "Running", "containerStatuses": [{"name": "capture", "state": {"running": {}}}]});
        Cluster { steps: vec![("", steps)], instead: Vec::new(), status: running, made: Arc::default() }
    }

    fn instead(mut self, of: &'static str, reply: Reply) -> Self {
        self.instead.push((of, reply));
        self
    }

    fn start(self) -> Server {
        Server::start(move |ask| self.answer(ask))
    }

    fn answer(&self, ask: &Ask) -> Reply {
        let asked = format!("{} {}", ask.method, ask.path);
        if let Some((_, reply)) = self.instead.iter().find(|(of, _)| asked.starts_with(of)) {
            return reply.clone();
        }
        let words: Vec<&str> = ask.path.trim_start_matches('/').split('/').collect();
        match (ask.method.as_str(), words.as_slice()) {
            ("GET", ["api", "v1", "nodes", name]) => Reply::json(&node(name)),
            ("GET", ["api", "v1", "namespaces", "shop", "pods", name @ ("web-0" | "web-1" | "proxy")]) => {
                Reply::json(&pod(name))
            }
            ("GET", ["api", "v1", "namespaces", "shop", "pods"]) => {
                assert!(matches!(ask.parameter("labelSelector").as_deref(), Some("" | "app=web")), "{}", ask.query);
                Reply::json(&json!({"items": [pod("web-0"), pod("web-1")]}))
            }
            ("GET", ["apis", "apps", "v1", "namespaces", "shop", "statefulsets", "web"]) => Reply::json(
                &json!({"metadata": {"name": "web", "uid": "u"}, "spec": {"selector": {"matchLabels": {"app": "web"}}}}),
            ),
            ("POST", ["api", "v1", "namespaces", _, "pods"]) => {
                let made: Value = serde_json::from_slice(&ask.body).unwrap();
                self.made.lock().unwrap().push(made.clone());
                Reply::json(&made)
            }
            ("GET", ["api", "v1", "namespaces", _, "pods"]) => Reply::json(&json!({"items": []})),
            ("GET", ["api", "v1", "namespaces", _, "pods", name]) => match self.made_pod(name) {
                Some(mut pod) => {
                    pod["status"] = self.status.clone();
                    Reply::json(&pod)
                }
                None => Reply::status(404, "NotFound", &format!("pods {name:?} not found")),
            },
            ("GET", ["api", "v1", "namespaces", _, "pods", name, "exec"]) => {
                let node = self.made_pod(name).map(|pod| pod["spec"]["nodeName"].as_str().unwrap().to_owned());
                let node = node.unwrap_or_default();
                let steps = self.steps.iter().rev().find(|(of, _)| node.starts_with(of)).unwrap();
                Reply::Exec(steps.1.clone())
            }
            ("DELETE", ["api", "v1", "namespaces", _, "pods", _]) => Reply::json(&json!({"kind": "Status"})),
            _ => Reply::not_found(),
        }
    }

    fn made_pod(&self, name: &str) -> Option<Value> {
        self.made.lock().unwrap().iter().find(|pod| pod["metadata"]["name"] == name).cloned()
    }
}

fn node(name: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"kubernetes.io/os": "linux"}},
        "status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"operatingSystem": "linux"},
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}}})
}

/// `web-0` and `web-1` of a stateful set, each on a node of its own.
fn pod(name: &str) -> Value {
    let node = if name == "web-1" { "cn-02" } else { "cn-01" };
    json!({"metadata": {"name": name, "namespace": "shop", "labels": {"app": "web"},
            "ownerReferences": [{"kind": "StatefulSet", "name": "web", "uid": "u", "controller": true}]},
        "spec": {"nodeName": node, "hostNetwork": name == "proxy"}, "status": {"phase": "Running", "podIP": "10.0.0.7"}})
}

/// A folder with a kubeconfig for a server.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(server: &Server) -> Self {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        fs::write(place.path("authority.pem"), &server.authority).unwrap();
        let cluster = json!({"server": server.url(), "certificate-authority": "authority.pem"});
        let config = json!({"current-context": "lab", "clusters": [{"name": "lab", "cluster": cluster}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "tester", "namespace": "shop"}}],
            "users": [{"name": "tester", "user": {"token": "secret-token"}}]});
        fs::write(place.path("kubeconfig"), config.to_string()).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(["capture", "--kubeconfig"]).arg(self.path("kubeconfig")).args(arguments);
        command.stdin(Stdio::null()).env_clear().env("HOME", self.folder.path()).env("TZ", "UTC");
        command.current_dir(self.folder.path());
        command
    }

    fn capture(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

const WEB_0: [&str; 3] = ["pod/web-0", "--image", "registry.example/scanner:1"];

fn with<'a>(further: &[&'a str]) -> Vec<&'a str> {
    [&WEB_0[..], further].concat()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/captures").join(name)
}

/// What a program on a node would write: a capture of ours with a pod's name.
fn pcapng(name: &str) -> Bytes {
    use scanner::capture::file::Reader;
    use scanner::capture::packet::LinkType;
    use scanner::capture::write::{InterfaceDescription, Notes, WriteOptions, Writer};
    let file = tempfile::NamedTempFile::new().unwrap();
    let now = jiff::Timestamp::from_second(1_700_000_000).unwrap();
    let mut writer = Writer::to_file(file.path().to_str().unwrap(), WriteOptions::default(), now).unwrap();
    let mut interface = InterfaceDescription::new(name, LinkType::Ethernet);
    interface.comments.extend(name.starts_with("shop/").then(|| format!("pod {}", name.trim_end_matches(":eth0"))));
    let number = writer.add_interface(interface).unwrap();
    let mut reader = Reader::new(fs::File::open(fixture("x.pcap")).unwrap()).unwrap();
    while let Some(record) = reader.read().unwrap() {
        let _ = writer.write(number, &record.packet, &Notes::default(), now).unwrap();
    }
    writer.finish().unwrap();
    fs::read(file.path()).unwrap().into()
}

/// What this program prints of the same packets in a file.
fn lines_of_file() -> String {
    stdout(
        &Command::new(BINARY).args(["capture", "-n", "-r"]).arg(fixture("x.pcap")).env("TZ", "UTC").output().unwrap(),
    )
}

/// What was asked with a method, by the last word of its path.
fn asked(server: &Server, method: &str) -> Vec<String> {
    let asked = server.asked().into_iter().filter(|ask| ask.method == method);
    asked.map(|ask| ask.path.rsplit('/').next().unwrap().to_owned()).collect()
}

fn assert_deleted(server: &Server, cluster: &Cluster) {
    let made: Vec<String> =
        cluster.made.lock().unwrap().iter().map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect();
    assert!(!made.is_empty());
    for name in made {
        assert!(asked(server, "DELETE").contains(&name), "{name} is left");
    }
}

#[test]
fn lines_come_from_a_pod_that_is_made_on_the_node_and_deleted() {
    let capture = pcapng("shop/web-0:eth0");
    let (first, second) = capture.split_at(capture.len() / 2 + 1);
    let cluster = Cluster::new(vec![
        Step::Stderr("listening on shop/web-0:eth0, link-type EN10MB\n".to_owned()),
        Step::Stdout(Bytes::copy_from_slice(first)),
        Step::Wait(Duration::from_millis(200)),
        Step::Stdout(Bytes::copy_from_slice(second)),
        Step::Exit(0),
    ]);
    let server = cluster.clone().start();
    let output =
        Place::new(&server).capture(&with(&["-n", "-i", "eth0", "-s", "2000", "--duration", "30s", "tcp or udp"]));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    // The same printer has the same packets from a file.
    assert!(stdout(&output) == lines_of_file(), "{}", stdout(&output));
    assert!(stderr(&output).contains("listening on shop/web-0:eth0"), "{}", stderr(&output));
    assert_deleted(&server, &cluster);

    let made = cluster.made.lock().unwrap()[0].clone();
    assert_eq!(made["spec"]["nodeName"], "cn-01");
    assert_eq!(made["metadata"]["namespace"], "scanner");
    assert_eq!(made["spec"]["activeDeadlineSeconds"], 30 + 60 + 120);
    assert_eq!(made["spec"]["containers"][0]["image"], "registry.example/scanner:1");
    let name = made["metadata"]["name"].as_str().unwrap();
    let exec = server.asked().into_iter().find(|ask| ask.path.ends_with("/exec")).unwrap();
    let attended = format!("--attended={name}");
    let expected = [
        "scanner",
        "capture",
        "--root",
        "/host",
        &attended,
        "-w",
        "-",
        "--no-findings",
        "--duration",
        "30s",
        "-i",
        "eth0",
        "-s",
        "2000",
        "pod/shop/web-0",
        "tcp or udp",
    ];
    assert_eq!(exec.parameters("command"), expected);
    assert_eq!(exec.parameter("stdin").as_deref(), Some("true"));
    assert_eq!(exec.parameter("tty").as_deref(), Some("false"), "a terminal would change bytes");
    assert!(server.asked().iter().all(|ask| ask.header("authorization") == "Bearer secret-token"));
}

#[test]
fn a_file_is_written_as_it_comes() {
    let capture = pcapng("shop/web-0:eth0");
    let pieces: Vec<Step> = capture.chunks(777).map(|piece| Step::Stdout(Bytes::copy_from_slice(piece))).collect();
    let notes = Step::Stderr("3 packets captured\n".to_owned());
    let cluster = Cluster::new([pieces, vec![notes, Step::Exit(0)]].concat());
    let server = cluster.clone().start();
    let place = Place::new(&server);
    let output = place.capture(&with(&["-w", "x.pcapng"]));
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(0), ""), "{}", stderr(&output));
    assert_eq!(stderr(&output), "3 packets captured\n");
    assert!(fs::read(place.path("x.pcapng")).unwrap() == capture);
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&fs::metadata(place.path("x.pcapng")).unwrap()) & 0o777, 0o600);
    let output = place.capture(&with(&["-w", "-"]));
    assert!(output.stdout == capture, "{}", stderr(&output));
    assert_deleted(&server, &cluster);
}

#[test]
fn several_nodes_are_one_capture_in_which_lines_say_the_pod() {
    let node = |name: &str| vec![Step::Stdout(pcapng(name)), Step::Wait(Duration::from_millis(300)), Step::Exit(0)];
    for target in [&["sts/web"][..], &["-l", "app=web"], &["pod/web-0", "shop/web-1"]] {
        let mut cluster = Cluster::new(Vec::new());
        cluster.steps = vec![("cn-01", node("shop/web-0:eth0")), ("cn-02", node("shop/web-1:eth0"))];
        let server = cluster.clone().start();
        let place = Place::new(&server);
        let output =
            place.capture(&[target, &["--image", "x", "-t", "-c", "6", "--print", "-w", "both.pcapng"]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let lines = stdout(&output);
        let labels: Vec<&str> = lines.lines().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(labels.len(), 6);
        for label in ["shop/web-0:eth0", "shop/web-1:eth0"] {
            assert_eq!(labels.iter().filter(|known| **known == label).count(), 3, "in the order of time: {lines}");
        }
        assert_deleted(&server, &cluster);
        let read = Command::new(BINARY).args(["capture", "-t", "-r"]).arg(place.path("both.pcapng")).output().unwrap();
        assert_eq!(stdout(&read), lines);
    }
}

/// Runs, and gives what stderr says; the exit code is that of failures.
fn refused(cluster: &Cluster, arguments: &[&str]) -> (String, Server) {
    let server = cluster.clone().start();
    let output = Place::new(&server).capture(arguments);
    assert_eq!(output.status.code(), Some(2), "{}{}", stdout(&output), stderr(&output));
    (stderr(&output), server)
}

#[test]
fn what_the_server_refuses_is_told_with_what_to_do() {
    let create = "POST /api/v1/namespaces/scanner/pods";
    let denied =
        r#"pods is forbidden: User "tester" cannot create resource "pods" in API group "" in the namespace "scanner""#;
    let pod_security = r#"pods "x" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true, hostPID=true)"#;
    for (reply, says, helps) in [
        (
            Reply::status(403, "Forbidden", denied),
            r#"create pods in the namespace scanner: forbidden: User "tester" cannot create resource "pods""#,
            "docs/capture.md lists the rights",
        ),
        (
            Reply::status(403, "Forbidden", pod_security),
            r#"forbidden: violates PodSecurity "baseline:latest": host namespaces"#,
            "kubectl label namespace scanner pod-security.kubernetes.io/enforce=privileged",
        ),
        (
            Reply::status(404, "NotFound", r#"namespaces "scanner" not found"#),
            r#"create pods in the namespace scanner: namespaces "scanner" not found"#,
            "kubectl create namespace scanner",
        ),
    ] {
        let (text, server) = refused(&Cluster::new(Vec::new()).instead(create, reply), &WEB_0);
        assert!(text.contains(says) && text.contains(helps), "{text}");
        assert!(asked(&server, "DELETE").is_empty(), "nothing was made");
    }
    let get = "GET /api/v1/namespaces/shop/pods/web-0";
    let denied = r#"pods "web-0" is forbidden: User "tester" cannot get resource "pods" in API group "" in the namespace "shop""#;
    let (text, _) = refused(&Cluster::new(Vec::new()).instead(get, Reply::status(403, "Forbidden", denied)), &WEB_0);
    assert!(text.starts_with("error: failed to get pods/web-0 in the namespace shop: forbidden: User"), "{text}");
}

#[test]
fn a_program_that_may_not_be_run_leaves_no_pod() {
    let mut cluster = Cluster::new(Vec::new());
    cluster.steps = vec![("", vec![Step::NotFound])];
    let (text, server) = refused(&cluster, &WEB_0);
    assert!(text.contains("executable file not found in $PATH") && text.contains("--program"), "{text}");
    assert_deleted(&server, &cluster);

    let count = Arc::new(AtomicUsize::new(0));
    let cluster = Cluster::new(Vec::new());
    let (counted, answering) = (Arc::clone(&count), cluster.clone());
    let server = Server::start(move |ask| {
        if ask.path.ends_with("/exec") {
            counted.fetch_add(1, Ordering::Relaxed);
            let denied = r#"pods "x" is forbidden: User "tester" cannot get resource "pods/exec" in API group "" in the namespace "scanner""#;
            return Reply::status(403, "Forbidden", denied);
        }
        answering.answer(ask)
    });
    let output = Place::new(&server).capture(&WEB_0);
    let text = stderr(&output);
    assert_eq!((output.status.code(), count.load(Ordering::Relaxed)), (Some(2), 1), "{text}");
    assert!(text.contains("create pods/exec of") && text.contains("cannot get resource"), "{text}");
    assert_deleted(&server, &cluster);
}

#[test]
fn a_pod_that_does_not_start_says_why_and_is_deleted() {
    let waiting = |reason: &str, message: &str| {
        let state = json!({"waiting": {"reason": reason, "message": message}});
        json!({"phase": "Pending", "containerStatuses": [{"name": "capture", "state": state}]})
    };
    let pull = waiting("ErrImagePull", "rpc error: code = NotFound desc = registry.example/scanner:1: not found");
    let refused_by_kubelet =
        json!({"phase": "Failed", "reason": "OutOfcpu", "message": "Node didn't have enough resource: cpu"});
    let late = waiting("ContainerCreating", "");
    for (status, says) in [
        (pull, "ErrImagePull: rpc error: code = NotFound desc = registry.example/scanner:1: not found"),
        (refused_by_kubelet, "OutOfcpu: Node didn't have enough resource: cpu"),
        (late, "it did not start on the node cn-01 within 1s: ContainerCreating"),
    ] {
        let cluster = Cluster { status, ..Cluster::new(Vec::new()) };
        let (text, server) = refused(&cluster, &with(&["--start-timeout", "1s"]));
        assert!(text.contains("failed to run the pod scanner/scanner-capture-") && text.contains(says), "{text}");
        assert_deleted(&server, &cluster);
    }
}

#[test]
fn a_connection_that_is_cut_leaves_a_whole_file_and_no_pod() {
    let capture = pcapng("shop/web-0:eth0");
    let most = Bytes::copy_from_slice(&capture[..capture.len() - 30]);
    let cluster = Cluster::new(vec![Step::Stdout(most), Step::Cut]);
    let server = cluster.clone().start();
    let place = Place::new(&server);
    let output = place.capture(&with(&["-w", "x.pcapng"]));
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("failed to stay connected to the pod scanner/scanner-capture-"),
        "{}",
        stderr(&output)
    );
    assert!(stderr(&output).contains("what was captured until then is written"));
    let file = fs::read(place.path("x.pcapng")).unwrap();
    assert!(capture.starts_with(&file));
    let read = Command::new(BINARY).args(["capture", "--count", "-r"]).arg(place.path("x.pcapng")).output().unwrap();
    assert_eq!(read.status.code(), Some(0), "{}", stderr(&read));
    let whole = 64;
    assert_eq!(stdout(&read), format!("{} packets\n", whole - 1));
    assert_deleted(&server, &cluster);

    let output = place.capture(&WEB_0);
    assert_eq!(
        (output.status.code(), stdout(&output).lines().count()),
        (Some(2), lines_of_file().lines().count() - 1),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_pod_that_is_evicted_says_so() {
    let cluster = Cluster::new(vec![Step::Stdout(pcapng("a:eth0")), Step::Wait(Duration::from_millis(300)), Step::Cut]);
    let (answering, has_run) = (cluster.clone(), Mutex::new(false));
    let server = Server::start(move |ask| {
        let mut has_run = has_run.lock().unwrap();
        if ask.method == "GET" && ask.path.contains("/scanner/pods/") && *has_run {
            let message = "The node was low on resource: memory.";
            return Reply::json(&json!({"status": {"phase": "Failed", "reason": "Evicted", "message": message}}));
        }
        *has_run |= ask.path.ends_with("/exec");
        answering.answer(ask)
    });
    let output = Place::new(&server).capture(&WEB_0);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("the pod is over: Evicted: The node was low on resource: memory."),
        "{}",
        stderr(&output)
    );
    assert_deleted(&server, &cluster);
}

#[test]
fn a_pod_that_cannot_be_deleted_at_once_is_deleted_later() {
    let cluster = Cluster::new(vec![Step::Stdout(pcapng("a:eth0")), Step::Exit(0)]);
    let (answering, count) = (cluster.clone(), AtomicUsize::new(0));
    let server = Server::start(move |ask| {
        if ask.method == "DELETE" && count.fetch_add(1, Ordering::Relaxed) < 2 {
            return Reply::status(500, "InternalError", "etcdserver: request timed out");
        }
        answering.answer(ask)
    });
    let output = Place::new(&server).capture(&WEB_0);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(asked(&server, "DELETE").len(), 3);
}

#[test]
fn pods_of_captures_whose_makers_are_gone_are_deleted_too() {
    let cluster = Cluster::new(vec![Step::Stdout(pcapng("a:eth0")), Step::Exit(0)]);
    let pod = |name: &str, phase: &str| json!({"metadata": {"name": name}, "status": {"phase": phase}});
    let left = json!({"items": [pod("scanner-capture-left", "Failed"), pod("scanner-capture-busy", "Running")]});
    let answering = cluster.clone();
    let server = Server::start(move |ask| match (ask.method.as_str(), ask.path.as_str()) {
        ("GET", "/api/v1/namespaces/scanner/pods") => {
            assert_eq!(ask.parameter("labelSelector").as_deref(), Some("app.kubernetes.io/name=scanner-capture"));
            Reply::json(&left)
        }
        _ => answering.answer(ask),
    });
    assert_eq!(Place::new(&server).capture(&WEB_0).status.code(), Some(0));
    let deleted = asked(&server, "DELETE");
    assert!(
        deleted.contains(&"scanner-capture-left".to_owned()) && !deleted.contains(&"scanner-capture-busy".to_owned())
    );
}

fn signal(child: &Child, signal: nix::sys::signal::Signal) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn signals_end_the_program_there_in_order_and_the_rest_still_comes() {
    let capture = pcapng("shop/web-0:eth0");
    let (first, second) = capture.split_at(capture.len() / 2);
    for (name, further) in [("INT", &["-w", "x.pcapng"][..]), ("TERM", &[])] {
        let cluster = Cluster::new(vec![
            Step::Stdout(Bytes::copy_from_slice(first)),
            Step::UntilEnd,
            Step::Stdout(Bytes::copy_from_slice(second)),
            Step::Stderr("60 packets captured\n".to_owned()),
            Step::Exit(130),
        ]);
        let server = cluster.clone().start();
        let place = Place::new(&server);
        let child = place.start(&with(further));
        wait_until("it captures", || server.asked().iter().any(|ask| ask.path.ends_with("/exec")));
        std::thread::sleep(Duration::from_millis(300));
        signal(&child, format!("SIG{name}").parse().unwrap());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
        assert!(stderr(&output).contains("60 packets captured"), "{}", stderr(&output));
        if further.is_empty() {
            assert!(stdout(&output) == lines_of_file(), "{}", stdout(&output));
        } else {
            assert!(fs::read(place.path("x.pcapng")).unwrap() == capture);
        }
        assert_deleted(&server, &cluster);
    }
}

#[test]
fn a_signal_while_the_pod_starts_deletes_it() {
    let starting = json!({"phase": "Pending"});
    let cluster = Cluster { status: starting, ..Cluster::new(Vec::new()) };
    let server = cluster.clone().start();
    let place = Place::new(&server);
    let child = place.start(&WEB_0);
    wait_until("a pod is made", || !cluster.made.lock().unwrap().is_empty());
    signal(&child, nix::sys::signal::Signal::SIGINT);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert_deleted(&server, &cluster);
}

#[test]
fn a_dry_run_prints_the_pod_and_makes_none() {
    let cluster = Cluster::new(Vec::new());
    let server = cluster.start();
    let output = Place::new(&server).capture(&["sts/web", "--image", "x", "--dry-run", "port 53 and host 10.0.0.1"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(
        text.contains("-w - --no-findings --duration 3600s pod/shop/web-0 'port 53 and host 10.0.0.1'\n"),
        "{text}"
    );
    let pods: Vec<Value> = text.split("---\n").map(|one| serde_saphyr::from_str(one).unwrap()).collect();
    let nodes: Vec<&str> = pods.iter().map(|pod| pod["spec"]["nodeName"].as_str().unwrap()).collect();
    assert_eq!(nodes, ["cn-01", "cn-02"]);
    assert!(pods.iter().all(|pod| pod["kind"] == "Pod" && pod["spec"]["activeDeadlineSeconds"].is_u64()));
    assert!(server.asked().iter().all(|ask| ask.method == "GET"));
}

#[test]
fn a_pod_that_is_there_is_used_and_left() {
    let capture = pcapng("node:eth0");
    let there = |node: &str, sees: bool| {
        json!({"metadata": {"name": "agent", "annotations": {"kubectl.kubernetes.io/default-container": "tools"}},
            "spec": {"nodeName": node, "hostPID": sees, "containers": [{"name": "log"}, {"name": "tools"}]},
            "status": {"phase": "Running", "containerStatuses": [{"name": "tools", "state": {"running": {}}}]}})
    };
    let via = |node: &str, sees: bool| {
        let cluster = Cluster::new(vec![Step::Stdout(capture.clone()), Step::Exit(0)]);
        let exec = Reply::Exec(cluster.steps[0].1.clone());
        cluster
            .instead("GET /api/v1/namespaces/kube-system/pods/agent/exec", exec)
            .instead("GET /api/v1/namespaces/kube-system/pods/agent", Reply::json(&there(node, sees)))
    };
    let arguments = ["node/cn-01", "--via", "kube-system/agent", "-t", "-c", "1", "udp"];
    let server = via("cn-01", true).start();
    let output = Place::new(&server).capture(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let exec = server.asked().into_iter().find(|ask| ask.path.ends_with("/exec")).unwrap();
    assert_eq!(exec.parameter("container").as_deref(), Some("tools"));
    let command = exec.parameters("command");
    assert_eq!(command[command.len() - 2..], ["node", "not (tcp port 10250) and (udp)"], "but for its own stream");
    assert!(stderr(&output).contains("TCP ports 10250, by which the packets come here, are left out"));
    assert!(server.asked().iter().all(|ask| ask.method == "GET"), "nothing is made and nothing deleted");

    let (text, _) = refused(&via("cn-01", false), &arguments);
    assert!(text.contains("does not see the node's processes (hostPID)"), "{text}");
    let (text, _) = refused(&via("cn-02", true), &arguments);
    assert!(text.contains("no pod of --via is there; they are on cn-02"), "{text}");
}

#[test]
fn what_cannot_be_captured_is_told_before_a_pod_is_made() {
    let get = |change: &dyn Fn(&mut Value)| {
        let mut node = node("cn-01");
        change(&mut node);
        Cluster::new(Vec::new()).instead("GET /api/v1/nodes/cn-01", Reply::json(&node))
    };
    let told = |cluster: &Cluster, arguments: &[&str], says: &str| {
        let (text, server) = refused(cluster, arguments);
        assert!(text.contains(says), "{text}");
        assert!(asked(&server, "POST").is_empty());
    };
    told(&get(&|node| node["status"]["conditions"][0]["status"] = json!("Unknown")), &WEB_0, "it is not ready");
    told(&get(&|node| node["status"]["nodeInfo"]["operatingSystem"] = json!("windows")), &WEB_0, "it runs Windows");
    told(&get(&|node| node["metadata"]["labels"]["type"] = json!("virtual-kubelet")), &WEB_0, "it is a virtual node");
    let cluster = Cluster::new(Vec::new());
    told(
        &cluster,
        &["pod/wbe-0", "--image", "x"],
        "there is no pod wbe-0 in the namespace shop; there are: web-0, web-1",
    );
    told(&cluster, &["deploy/web", "--image", "x"], "there is no deployment web in the namespace shop");
    told(&cluster, &["node", "--image", "x"], "which node is not said");
    told(&cluster, &["pid/1", "--image", "x"], "say which by --node");
    told(&cluster, &["pod/web-0"], "neither an image nor a pod is named");
    told(&cluster, &["pod/web-0", "--image", "x", "tcp prot 80"], "tcp prot 80\n      ^^^^");
    let conditions = json!([{"type": "PodScheduled", "reason": "Unschedulable", "message": "0/2 nodes are available"}]);
    let unscheduled = json!({"metadata": {"name": "web-0"}, "status": {"phase": "Pending", "conditions": conditions}});
    let pod = "GET /api/v1/namespaces/shop/pods/web-0";
    told(
        &Cluster::new(Vec::new()).instead(pod, Reply::json(&unscheduled)),
        &WEB_0,
        "it is on no node yet: Unschedulable: 0/2 nodes are available",
    );
    let stray = Command::new(BINARY).args(["capture", "pod/web-0", "--image", "x"]).output().unwrap();
    assert!(stderr(&stray).contains("--image is for captures in a cluster"), "{}", stderr(&stray));
}

#[test]
fn an_error_of_the_program_there_is_the_error_here() {
    let error =
        "error: failed to capture on shop/web-0:eth7: there is no such interface; there are: lo, eth0\nhelp: x\n";
    let cluster = Cluster::new(vec![Step::Stderr(error.to_owned()), Step::Exit(2)]);
    let (text, server) = refused(&cluster, &with(&["-i", "eth7"]));
    assert_eq!(text, error);
    assert_deleted(&server, &cluster);
}

#[test]
fn the_real_program_at_the_other_end_captures_and_ends_with_its_client() {
    use crate::capture_live::lab::{Lab, Running, can_capture};
    if !can_capture(&[]) {
        return;
    }
    let lab = Lab::new("cl");
    let cluster = Cluster::new(vec![Step::Run]);
    let server = cluster.clone().start();
    let place = Place::new(&server);
    let target = lab.inner("eth0");
    let arguments = [&target, "--node", "cn-01", "--image", "x", "--program", BINARY, "-t", "icmp"];
    let is_held = || lab.read_inside("/proc/thread-self/net/packet").lines().count() > 1;
    for (name, code) in [("INT", Some(130)), ("KILL", None)] {
        let capture = Running::start(&mut place.command(&arguments), "listening on");
        lab.ping(2);
        wait_until("lines come", || capture.said("out").matches("ICMP echo reply").count() == 2);
        capture.signal(name);
        let ours = capture.wait();
        assert_eq!(ours.code, code, "{}", ours.notes);
        assert_eq!(ours.lines.matches("ICMP echo request").count(), 2, "{}{}", ours.lines, ours.notes);
        if code.is_some() {
            assert!(ours.notes.contains("4 packets captured"), "{}", ours.notes);
            assert_deleted(&server, &cluster);
        }
        wait_until("nothing captures any more", || !is_held());
    }
}

#[test]
fn a_pod_is_held_for_its_capture_and_no_longer() {
    let name = format!("scanner-test-{}", std::process::id());
    let hold = |longest: &str| {
        Command::new(BINARY)
            .args(["capture", "--hold", &name, "--duration", longest])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let pod = hold("1m");
    std::thread::sleep(Duration::from_millis(500));
    let attended = format!("--attended={name}");
    // It cannot capture, which makes no difference to the pod.
    let capture = Command::new(BINARY)
        .args(["capture", "netns/no-such", &attended])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(capture.status.code(), Some(2));
    let started = Instant::now();
    let output = pod.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(started.elapsed() < Duration::from_secs(20), "its time is a minute");
    assert_eq!(hold("1s").wait_with_output().unwrap().status.code(), Some(0));
    let pod = hold("1m");
    std::thread::sleep(Duration::from_millis(500));
    signal(&pod, nix::sys::signal::Signal::SIGTERM);
    assert_eq!(pod.wait_with_output().unwrap().status.code(), Some(0));
}

#[test]
fn a_filter_is_read_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("filter");
    fs::write(&file, "udp\n  and port 53\n").unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(BINARY);
        command.args(["capture", "--count", "-r"]).arg(fixture("x.pcap")).args(arguments).output().unwrap()
    };
    assert_eq!(stdout(&run(&["-F", file.to_str().unwrap()])), stdout(&run(&["udp and port 53"])));
    assert_eq!(stdout(&run(&["udp and port 53"])), "6 packets\n");
    assert!(stderr(&run(&["-F", "/no/such"])).contains("failed to read the filter /no/such: no such file"));
}
