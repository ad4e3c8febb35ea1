//! The live cluster as a user meets it: the program against an HTTPS server
//! that pages, denies, throttles, expires and breaks off, with the answers of
//! a real API server (`fixtures/clusters/lab`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use server::{Ask, Reply, Server, Setup};

/// Every node's kubelet is of version 1.36.
const RULE: &str = r#"
title: a kubelet is not of version 1.36
severity: high
target: cluster
why: A kubelet of another version is what the tests of the client look for, and nothing else.
each: nodes
as: node
key: node.name
subject: node.subject
expect: node.kubelet_version.startsWith("v1.36.")
message: "{{ node.name }} has {{ node.kubelet_version }}"
evidence: [node.kubelet_version]
fix: Install another kubelet.
references: [https://example.org/kubelet]
examples:
  - {name: it is old, target: cluster, verdict: fail, facts: {nodes: [{name: a, kubelet_version: v1.30.0, subject: {kind: Node, api_version: v1, name: a}}]}}
  - {name: it is right, target: cluster, verdict: pass, facts: {nodes: [{name: a, kubelet_version: v1.36.2, subject: {kind: Node, api_version: v1, name: a}}]}}
"#;

fn recorded(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/clusters/lab").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The answers of the lab's API server; of other kinds it has none.
fn lab(ask: &Ask) -> Reply {
    match ask.path.as_str() {
        "/apis" => Reply::text(&recorded("apis.json")),
        "/version" => Reply::text(&recorded("version.json")),
        "/api/v1/nodes" => Reply::text(&recorded("nodes.json")),
        _ => empty(),
    }
}

fn empty() -> Reply {
    Reply::json(&json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": []}))
}

fn node(number: usize) -> Value {
    let version = if number.is_multiple_of(100) { "v1.30.1" } else { "v1.36.2" };
    json!({"metadata": {"name": format!("node-{number:05}"), "managedFields": [{"manager": "kubelet"}]},
        "status": {"nodeInfo": {"kubeletVersion": version}}})
}

/// A page of that many nodes; the token is the number of the next one.
fn nodes_from(ask: &Ask, start: usize, total: usize) -> Value {
    let limit: usize = ask.parameter("limit").unwrap().parse().unwrap();
    let end = total.min(start + limit);
    let mut metadata = json!({"resourceVersion": "9"});
    if end < total {
        metadata["continue"] = json!(format!("from={end}&"));
    }
    json!({"kind": "NodeList", "apiVersion": "v1", "metadata": metadata, "items": (start..end).map(node).collect::<Vec<_>>()})
}

fn start_of(ask: &Ask) -> usize {
    ask.parameter("continue").map_or(0, |token| {
        token.strip_prefix("from=").and_then(|rest| rest.strip_suffix('&')).unwrap().parse().unwrap()
    })
}

fn paged(ask: &Ask, total: usize) -> Reply {
    Reply::json(&nodes_from(ask, start_of(ask), total))
}

/// A folder with a rule and kubeconfigs.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        place.write("rules/test/other-kubelet.yaml", RULE);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// A kubeconfig for a server, with what else the user is to have.
    fn kubeconfig(&self, server: &Server, user: &Value) -> PathBuf {
        self.write("authority.pem", &server.authority);
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "lab",
            "clusters": [{"name": "lab-cluster", "cluster": {"server": server.url(), "certificate-authority": "authority.pem"}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab-cluster", "user": "tester"}}],
            "users": [{"name": "tester", "user": user}]});
        self.write("kubeconfig", &config.to_string())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scanner"));
        command.stdin(Stdio::null()).env_clear().env("HOME", self.path("home")).env("PATH", "/usr/bin:/bin");
        command
    }

    /// `scanner audit` of the cluster by the rule of this place.
    fn audit(&self, further: &[&str]) -> Output {
        let mut command = self.command();
        command.args(["audit", "--format", "json", "--no-builtin-rules", "--rules"]).arg(self.path("rules"));
        command.args(further).output().unwrap()
    }

    /// The same with a kubeconfig for a server.
    fn audit_server(&self, server: &Server, further: &[&str]) -> Output {
        let kubeconfig = self.kubeconfig(server, &json!({"token": "secret-token"}));
        let mut arguments = vec!["--cluster", "--kubeconfig", kubeconfig.to_str().unwrap()];
        arguments.extend(further);
        self.audit(&arguments)
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", stderr(output)))
}

fn summary(output: &Output) -> (u64, u64, u64) {
    let report = report(output);
    let count = |verdict: &str| report["summary"][verdict].as_u64().unwrap();
    (count("pass"), count("fail"), count("unknown"))
}

/// The reason of the one finding that is unknown.
fn unknown(output: &Output) -> String {
    let report = report(output);
    let findings = report["findings"].as_array().unwrap();
    let unknown: Vec<_> = findings.iter().filter(|finding| finding["verdict"] == "unknown").collect();
    assert_eq!(unknown.len(), 1, "{findings:?}");
    unknown[0]["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_recorded_cluster_is_judged() {
    let server = Server::start(lab);
    let output = Place::new().audit_server(&server, &[]);
    assert_eq!((code(&output), summary(&output)), (0, (1, 0, 0)), "{}", stderr(&output));
    let report = report(&output);
    assert_eq!(report["targets"], json!([{"kind": "cluster", "name": "lab-cluster"}]));
    let asked = server.asked();
    assert_eq!(asked[0].path, "/apis", "the first thing that is asked");
    assert!(asked.iter().all(|ask| ask.header("authorization") == "Bearer secret-token"));
    assert!(asked.iter().all(|ask| ask.header("user-agent").starts_with("scanner/")));
}

#[test]
fn a_long_list_is_read_by_pages() {
    let server = Server::start(|ask| if ask.path == "/api/v1/nodes" { paged(ask, 1234) } else { lab(ask) });
    let output = Place::new().audit_server(&server, &[]);
    assert_eq!((code(&output), summary(&output)), (1, (1221, 13, 0)), "{}", stderr(&output));
    let pages = server.asked_of("/api/v1/nodes");
    let limits: Vec<_> = pages.iter().map(|ask| ask.parameter("limit").unwrap()).collect();
    assert_eq!(limits, ["500", "500", "500"]);
}
