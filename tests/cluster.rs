//! The live cluster as a user meets it: the program against an HTTPS server
//! that pages, denies, throttles, expires and breaks off, with the answers of
//! a real API server (`fixtures/clusters/lab`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

pub(crate) mod server;

use std::collections::BTreeSet;
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
pub(crate) fn lab(ask: &Ask) -> Reply {
    match ask.path.as_str() {
        "/apis" => Reply::text(&recorded("apis.json")),
        "/version" => Reply::text(&recorded("version.json")),
        "/api/v1/nodes" => Reply::text(&recorded("nodes.json")),
        // One object is asked for without a limit.
        _ if ask.query.is_empty() => Reply::not_found(),
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
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        place.write("rules/test/other-kubelet.yaml", RULE);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// A kubeconfig for a server, with what else the user is to have.
    pub(crate) fn kubeconfig(&self, server: &Server, user: &Value) -> PathBuf {
        self.write("authority.pem", &server.authority);
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "lab",
            "clusters": [{"name": "lab-cluster", "cluster": {"server": server.url(), "certificate-authority": "authority.pem"}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab-cluster", "user": "tester"}}],
            "users": [{"name": "tester", "user": user}]});
        self.write("kubeconfig", &config.to_string())
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scanner"));
        command.stdin(Stdio::null()).env_clear().env("HOME", self.path("home")).env("PATH", "/usr/bin:/bin");
        command
    }

    /// `scanner audit` of the cluster by the rule of this place.
    pub(crate) fn audit(&self, further: &[&str]) -> Output {
        let mut command = self.command();
        command.args(["audit", "--format", "json", "--no-builtin-rules", "--rules"]).arg(self.path("rules"));
        command.args(further).output().unwrap()
    }

    /// The same with a kubeconfig for a server.
    pub(crate) fn audit_server(&self, server: &Server, further: &[&str]) -> Output {
        let kubeconfig = self.kubeconfig(server, &json!({"token": "secret-token"}));
        let mut arguments = vec!["--cluster", "--kubeconfig", kubeconfig.to_str().unwrap()];
        arguments.extend(further);
        self.audit(&arguments)
    }
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
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
    unknown[0]["message"].as_str().unwrap().trim_start_matches("nodes: ").to_owned()
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

/// Answers that come one after the other at one path; further ones are the
/// lab's.
fn then(path: &'static str, replies: Vec<Reply>, after: impl Fn(&Ask) -> Reply + Send + Sync + 'static) -> Server {
    let count = AtomicUsize::new(0);
    Server::start(move |ask| {
        if ask.path != path {
            return lab(ask);
        }
        let number = count.fetch_add(1, Ordering::Relaxed);
        replies.get(number).cloned().unwrap_or_else(|| after(ask))
    })
}

pub(crate) fn refused(output: &Output) -> String {
    assert_eq!((code(output), output.stdout.len()), (2, 0), "{}", stderr(output));
    stderr(output)
}

#[test]
fn a_denied_list_is_unknown_and_says_what_was_denied() {
    let server = Server::start(|ask| match ask.path.as_str() {
        "/api/v1/nodes" => Reply::Body(403, Vec::new(), recorded("error-403-nodes.json").into()),
        _ => lab(ask),
    });
    let place = Place::new();
    let output = place.audit_server(&server, &[]);
    assert_eq!((code(&output), summary(&output)), (0, (0, 0, 1)));
    assert_eq!(
        unknown(&output),
        "list nodes: forbidden: User \"system:serviceaccount:default:nobody\" cannot list resource \"nodes\" in API group \"\" at the cluster scope"
    );
    assert_eq!(server.asked_of("/api/v1/nodes").len(), 1, "a denial is final");
    assert_eq!(code(&place.audit_server(&server, &["--strict"])), 3);
}

#[test]
fn a_run_in_which_all_is_denied_shows_no_pass_and_is_never_clean_with_strict() {
    let server = Server::start(|_| Reply::status(403, "Forbidden", "forbidden: User \"nobody\" cannot get path"));
    let place = Place::new();
    let kubeconfig = place.kubeconfig(&server, &json!({}));
    let mut command = place.command();
    command.args(["audit", "--format", "json", "--strict", "--fail-on", "info", "--cluster", "--kubeconfig"]);
    let output = command.arg(kubeconfig).output().unwrap();
    let (pass, fail, unknown) = summary(&output);
    assert_eq!((code(&output), pass, fail), (3, 0, 0), "{}", stderr(&output));
    assert!(unknown > 0);
}

#[test]
fn unaccepted_credentials_end_the_run() {
    let server = Server::start(|_| Reply::Body(401, Vec::new(), recorded("error-401.json").into()));
    let url = server.url();
    assert_eq!(
        refused(&Place::new().audit_server(&server, &[])),
        format!(
            "error: failed to log in to {url}: 401 Unauthorized\n\
             help: the credentials of this context are not accepted, or are no longer; renew them\n"
        )
    );
}

#[test]
fn a_server_that_is_not_there_ends_the_run_at_once() {
    let (place, started) = (Place::new(), Instant::now());
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let kubeconfig = place.write(
        "kubeconfig",
        &format!("{{current-context: a, clusters: [{{name: a, cluster: {{server: 'https://{address}'}}}}], contexts: [{{name: a, context: {{cluster: a}}}}]}}"),
    );
    assert_eq!(
        refused(&place.audit(&["--kubeconfig", kubeconfig.to_str().unwrap()])),
        format!(
            "error: failed to reach the API server https://{address}: connection refused\n\
             help: is this the right --context, and does kubectl reach it?\n"
        )
    );
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_certificate_that_is_not_to_be_trusted_ends_the_run() {
    let place = Place::new();
    let other = Server::start(lab);
    for (setup, authority, cause) in [
        (Setup::default(), Some(&other.authority), "no authority that is trusted for this cluster has signed it"),
        (Setup { name: "api.example.org", ..Setup::default() }, None, "it is not for this host name"),
        (Setup { until_year: 2020, ..Setup::default() }, None, "it has expired"),
    ] {
        let server = Server::start_with(&setup, lab);
        let kubeconfig = place.kubeconfig(&server, &json!({}));
        if let Some(authority) = authority {
            place.write("authority.pem", authority);
        }
        assert_eq!(
            refused(&place.audit(&["--kubeconfig", kubeconfig.to_str().unwrap()])),
            format!(
                "error: failed to trust the certificate of {}: {cause}\n\
                 help: check certificate-authority, tls-server-name and server of this cluster in the kubeconfig\n",
                server.url()
            )
        );
    }
}

#[test]
fn tls_server_name_and_insecure_skip_tls_verify_are_obeyed() {
    let place = Place::new();
    let server = Server::start_with(&Setup { name: "api.example.org", ..Setup::default() }, lab);
    let kubeconfig = place.kubeconfig(&server, &json!({}));
    let text = fs::read_to_string(&kubeconfig).unwrap();
    for change in [
        text.replace("\"server\"", "\"tls-server-name\":\"api.example.org\",\"server\""),
        text.replace("\"certificate-authority\":\"authority.pem\"", "\"insecure-skip-tls-verify\":true"),
    ] {
        assert_ne!(change, text);
        let path = place.write("changed", &change);
        let output = place.audit(&["--kubeconfig", path.to_str().unwrap()]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    }
}

#[test]
fn a_client_certificate_is_shown_to_a_server_that_wants_one() {
    let place = Place::new();
    let server = Server::start_with(&Setup { wants_client: true, ..Setup::default() }, lab);
    place.write("client.pem", &server.client.0);
    place.write("client.key", &server.client.1);
    let kubeconfig =
        place.kubeconfig(&server, &json!({"client-certificate": "client.pem", "client-key": "client.key"}));
    let output = place.audit(&["--kubeconfig", kubeconfig.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let kubeconfig = place.kubeconfig(&server, &json!({}));
    let text = refused(&place.audit(&["--kubeconfig", kubeconfig.to_str().unwrap()]));
    assert!(text.contains("it asks for a client certificate, and the kubeconfig has none"), "{text}");
    let kubeconfig = place.kubeconfig(&server, &json!({"client-certificate": "gone.pem", "client-key": "client.key"}));
    let text = refused(&place.audit(&["--kubeconfig", kubeconfig.to_str().unwrap()]));
    assert!(text.contains("gone.pem") && text.contains("no such file or directory"), "{text}");
}

#[test]
fn a_server_that_throttles_is_given_the_time_it_asks_for() {
    let wait = Reply::Body(429, vec![("retry-after", "1".to_owned())], "{}".into());
    let server = then("/api/v1/nodes", vec![wait], |ask| paged(ask, 700));
    let started = Instant::now();
    let output = Place::new().audit_server(&server, &[]);
    assert_eq!((code(&output), summary(&output)), (1, (693, 7, 0)), "{}", stderr(&output));
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.asked_of("/api/v1/nodes").len(), 3);
}

#[test]
fn a_server_that_throttles_beyond_the_deadline_leaves_the_kind_unknown() {
    let server = Server::start(|ask| match ask.path.as_str() {
        "/api/v1/nodes" => Reply::Body(429, vec![("retry-after", "60".to_owned())], "slow down".into()),
        _ => lab(ask),
    });
    let output = Place::new().audit_server(&server, &["--timeout", "5s"]);
    let reason = "list nodes: no whole answer within the --timeout of 5s: 429 Too Many Requests";
    assert_eq!((code(&output), unknown(&output).as_str()), (0, reason));
}

#[test]
fn an_expired_list_goes_on_by_the_token_that_it_is_given() {
    let gone = r#"{"kind":"Status","metadata":{"continue":"from=500&"},"status":"Failure","message":"The provided continue parameter is too old","reason":"Expired","code":410}"#;
    let server = Server::start(|ask| match (ask.path.as_str(), ask.parameter("continue").as_deref()) {
        ("/api/v1/nodes", Some("from=1&")) => Reply::Body(410, Vec::new(), gone.into()),
        ("/api/v1/nodes", None) => {
            let mut page = nodes_from(ask, 0, 1234);
            page["metadata"]["continue"] = json!("from=1&");
            Reply::json(&page)
        }
        ("/api/v1/nodes", Some(_)) => paged(ask, 1234),
        _ => lab(ask),
    });
    let output = Place::new().audit_server(&server, &[]);
    assert_eq!(summary(&output), (1221, 13, 0), "each node once: {}", stderr(&output));
}

#[test]
fn an_expired_list_without_a_token_begins_again_and_no_object_counts_twice() {
    for (code, body) in [(410, "{}".to_owned()), (400, recorded("error-400-continue.json"))] {
        let expired = Reply::Body(code, Vec::new(), body.into());
        let count = AtomicUsize::new(0);
        let server = Server::start(move |ask| {
            if ask.path != "/api/v1/nodes" {
                lab(ask)
            } else if start_of(ask) == 1000 && count.fetch_add(1, Ordering::Relaxed) == 0 {
                expired.clone()
            } else {
                paged(ask, 1234)
            }
        });
        let output = Place::new().audit_server(&server, &[]);
        assert_eq!(summary(&output), (1221, 13, 0), "{}", stderr(&output));
        assert_eq!(server.asked_of("/api/v1/nodes").len(), 6);
    }
}

#[test]
fn a_list_that_expires_for_ever_is_unknown() {
    let server = Server::start(|ask| match ask.path.as_str() {
        "/api/v1/nodes" if start_of(ask) > 0 => {
            Reply::status(410, "Expired", "The provided continue parameter is too old")
        }
        "/api/v1/nodes" => paged(ask, 1234),
        _ => lab(ask),
    });
    let output = Place::new().audit_server(&server, &[]);
    assert_eq!(unknown(&output), "list nodes: 410 The provided continue parameter is too old");
}

#[test]
fn a_page_that_breaks_off_is_asked_for_again_and_no_object_counts_twice() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |ask| {
        if ask.path != "/api/v1/nodes" {
            return lab(ask);
        }
        let page = nodes_from(ask, start_of(ask), 1234).to_string();
        if count.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            Reply::Cut(page.as_bytes()[..page.len() / 2].to_vec().into())
        } else {
            Reply::text(&page)
        }
    });
    let output = Place::new().audit_server(&server, &[]);
    assert_eq!(summary(&output), (1221, 13, 0), "{}", stderr(&output));
}

#[test]
fn a_server_that_comes_back_is_waited_for() {
    let unavailable = Reply::status(503, "ServiceUnavailable", "apiserver not ready");
    let server = then("/api/v1/nodes", vec![unavailable, Reply::Cut(Vec::new().into()), Reply::text("")], lab);
    let output = Place::new().audit_server(&server, &[]);
    assert_eq!((code(&output), summary(&output)), (0, (1, 0, 0)), "{}", stderr(&output));
}

#[test]
fn a_refusal_of_a_server_that_has_just_come_back_is_asked_again() {
    let forbidden = || Reply::status(403, "Forbidden", "nodes is forbidden: its roles are not read yet");
    let server = then("/api/v1/nodes", vec![Reply::Cut(Vec::new().into()), forbidden(), forbidden()], lab);
    let output = Place::new().audit_server(&server, &[]);
    assert_eq!((code(&output), summary(&output)), (0, (1, 0, 0)), "{}", stderr(&output));
}

#[test]
fn an_answer_that_does_not_come_is_asked_for_again() {
    let server = then("/api/v1/nodes", vec![Reply::Never], lab);
    let output = Place::new().audit_server(&server, &["--timeout", "6s"]);
    assert_eq!((code(&output), summary(&output)), (0, (1, 0, 0)), "{}", stderr(&output));
}

#[test]
fn what_does_not_come_within_the_timeout_is_unknown() {
    let server =
        then("/api/v1/nodes", vec![Reply::After(Duration::from_secs(30), Box::new(empty()))], |_| Reply::Never);
    let started = Instant::now();
    let output = Place::new().audit_server(&server, &["--timeout", "2s"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let reason = unknown(&output);
    assert!(reason.starts_with("list nodes: no whole answer within the --timeout of 2s: "), "{reason}");
    assert!(started.elapsed() < Duration::from_secs(8));
}

#[test]
fn a_server_that_never_answers_ends_the_run() {
    let server = Server::start(|_| Reply::Never);
    let text = refused(&Place::new().audit_server(&server, &["--timeout", "1s"]));
    let url = server.url();
    assert!(
        text.starts_with(&format!("error: failed to get an answer from {url} within the --timeout of 1s: ")),
        "{text}"
    );
    assert!(text.ends_with("help: give it more time with --timeout\n"), "{text}");
}

#[test]
fn what_is_no_api_server_is_told() {
    for (reply, cause) in [
        (Reply::text("<html>Log in</html>"), "it has no list of API groups at /apis"),
        (Reply::not_found(), "it has no list of API groups at /apis"),
        (Reply::Body(302, vec![("location", "https://sso.example.org".to_owned())], "".into()), "302 Found"),
    ] {
        let server = Server::start(move |_| reply.clone());
        let text = refused(&Place::new().audit_server(&server, &[]));
        let url = server.url();
        assert_eq!(text, format!("error: failed to talk to {url}: this is no Kubernetes API server: {cause}\n"));
    }
}

#[test]
fn a_list_that_is_none_leaves_the_kind_unknown() {
    for (reply, reason) in [
        (Reply::text("<html>Log in</html>"), "list nodes: it is no list of objects in JSON"),
        (Reply::json(&json!({"kind": "Node", "items": []})), "list nodes: the answer is no list"),
    ] {
        let server = then("/api/v1/nodes", vec![reply], lab);
        assert_eq!(unknown(&Place::new().audit_server(&server, &[])), reason);
    }
}

#[test]
fn without_a_kubeconfig_the_run_ends_and_says_where_it_looked() {
    let place = Place::new();
    let home = place.path("home/.kube/config");
    assert_eq!(
        refused(&place.audit(&["--cluster"])),
        format!(
            "error: failed to find a kubeconfig: there is none at {}\n\
             help: name one with --kubeconfig or KUBECONFIG, or judge objects from files with --objects\n",
            home.display()
        )
    );
    let named = place.path("gone");
    let text = refused(&place.audit(&["--kubeconfig", named.to_str().unwrap()]));
    let named = named.display();
    assert_eq!(text, format!("error: failed to read the kubeconfig {named}: no such file or directory\n"));
}

#[test]
fn a_context_that_is_not_there_is_told_with_those_that_are() {
    let place = Place::new();
    let server = Server::start(lab);
    let output = place.audit_server(&server, &["--context", "prod"]);
    assert_eq!(
        refused(&output),
        "error: failed to find the context \"prod\" in the kubeconfig\nhelp: name one with --context: lab\n"
    );
    let path = place.write("none", "contexts: [{name: b, context: {cluster: x}}, {name: a, context: {cluster: x}}]\n");
    assert_eq!(
        refused(&place.audit(&["--kubeconfig", path.to_str().unwrap()])),
        "error: failed to choose a context: the kubeconfig sets no current one\nhelp: name one with --context: a, b\n"
    );
    assert_eq!(
        refused(&place.audit(&["--kubeconfig", path.to_str().unwrap(), "--context", "b"])),
        "error: failed to find the cluster \"x\" of the context \"b\" in the kubeconfig\n"
    );
}

#[test]
fn a_broken_kubeconfig_is_told_by_its_line_and_shows_no_secret() {
    let place = Place::new();
    let path = place.write("broken", "users:\n- name: a\n  user:\n    token: very-secret\n   nonsense: [\n");
    let text = refused(&place.audit(&["--kubeconfig", path.to_str().unwrap()]));
    assert!(text.contains("broken: line 5"), "{text}");
    assert!(!text.contains("very-secret"), "{text}");
}

#[test]
fn the_files_of_kubeconfig_are_merged_and_missing_ones_passed_over() {
    let place = Place::new();
    let server = Server::start(lab);
    let full = place.kubeconfig(&server, &json!({"token": "from-the-second"}));
    let first = place.write("first", "current-context: ''\nusers: [{name: other, user: {token: x}}]\n");
    let list = format!("{}:{}:{}", place.path("gone").display(), first.display(), full.display());
    let mut command = place.command();
    command.args(["audit", "--format", "json", "--no-builtin-rules", "--rules"]).arg(place.path("rules"));
    let output = command.arg("--cluster").env("KUBECONFIG", list).output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(server.asked()[0].header("authorization"), "Bearer from-the-second");
}

#[test]
fn a_credential_plugin_gives_the_token() {
    let place = Place::new();
    let server = Server::start(lab);
    let plugin = "echo '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"from-a-plugin\"}}'";
    let exec = |script: &str| {
        json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/sh",
        "args": ["-c", script], "interactiveMode": "Never"}})
    };
    let kubeconfig = place.kubeconfig(&server, &exec(plugin));
    let output = place.audit(&["--kubeconfig", kubeconfig.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(server.asked()[0].header("authorization"), "Bearer from-a-plugin");
    let kubeconfig = place.kubeconfig(&server, &exec("echo no ticket >&2; exit 3"));
    let text = refused(&place.audit(&["--kubeconfig", kubeconfig.to_str().unwrap()]));
    let url = server.url();
    assert_eq!(
        text,
        format!(
            "error: failed to get the credentials for {url}: the credential plugin ended with exit status: 3: no ticket\n"
        )
    );
}

#[test]
fn a_token_file_is_read_beside_its_kubeconfig() {
    let place = Place::new();
    let server = Server::start(lab);
    place.write("token", "from-a-file");
    let kubeconfig = place.kubeconfig(&server, &json!({"tokenFile": "token"}));
    let output = place.audit(&["--kubeconfig", kubeconfig.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(server.asked()[0].header("authorization"), "Bearer from-a-file");
}

#[test]
fn another_user_is_asked_as() {
    let server = Server::start(lab);
    let user = "system:serviceaccount:audit:scanner";
    let output = Place::new().audit_server(&server, &["--as", user, "--as-group", "a", "--as-group", "b"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for ask in server.asked() {
        assert_eq!((ask.header("impersonate-user"), ask.header("impersonate-group")), (user, "a"));
    }
}

#[test]
fn a_group_of_an_unknown_version_is_unknown_and_one_that_is_not_served_is_empty() {
    let server = Server::start(|ask| match ask.path.as_str() {
        "/api/v1/nodes" => Reply::not_found(),
        _ => lab(ask),
    });
    let output = Place::new().audit_server(&server, &[]);
    assert_eq!((code(&output), summary(&output)), (0, (0, 0, 0)), "{}", stderr(&output));
}

#[test]
fn pod_security_policies_are_asked_for_where_they_are_served_and_block_the_gate() {
    let versions = |policy: &[&str]| {
        let versions: Vec<Value> = policy
            .iter()
            .map(|version| json!({"groupVersion": format!("policy/{version}"), "version": version}))
            .collect();
        json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [{"name": "policy", "versions": versions}]})
    };
    let policies = "/apis/policy/v1beta1/podsecuritypolicies";
    let gate = |server: &Server| {
        let place = Place::new();
        let config = place.kubeconfig(server, &json!({"token": "t"}));
        let output = place
            .command()
            .args([
                "gate",
                "--cluster",
                "--from",
                "1.24",
                "--target",
                "1.25",
                "--select",
                "upgrade/pod-security-policy-in-use",
                "--format",
                "json",
            ])
            .arg("--kubeconfig")
            .arg(config)
            .output()
            .unwrap();
        report(&output)["findings"][0]["verdict"].as_str().unwrap().to_owned()
    };
    let serving = Server::start(move |ask| match ask.path.as_str() {
        "/apis" => Reply::json(&versions(&["v1", "v1beta1"])),
        path if path == policies => {
            Reply::json(&json!({"kind": "List", "metadata": {}, "items": [{"metadata": {"name": "restricted"}}]}))
        }
        _ => empty(),
    });
    assert_eq!(gate(&serving), "fail");
    let denying = Server::start(move |ask| match ask.path.as_str() {
        "/apis" => Reply::json(&versions(&["v1", "v1beta1"])),
        path if path == policies => Reply::status(403, "Forbidden", "podsecuritypolicies.policy is forbidden"),
        _ => empty(),
    });
    assert_eq!(gate(&denying), "unknown");
    let newer = Server::start(move |ask| match ask.path.as_str() {
        "/apis" => Reply::json(&versions(&["v1"])),
        _ => empty(),
    });
    assert_eq!(gate(&newer), "not-applicable");
}

#[test]
fn an_interrupted_run_writes_what_it_has() {
    let place = Place::new();
    let server = then("/api/v1/nodes", vec![Reply::Never], |_| Reply::Never);
    let kubeconfig = place.kubeconfig(&server, &json!({}));
    let mut command = place.command();
    command.args(["audit", "--format", "json", "--no-builtin-rules", "--rules"]).arg(place.path("rules"));
    command.arg("--kubeconfig").arg(kubeconfig).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while server.asked_of("/api/v1/nodes").is_empty() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 130, "{}", stderr(&output));
    assert_eq!(report(&output)["complete"], false);
    assert_eq!(unknown(&output), "not read before the run was interrupted");
}

#[test]
fn what_reading_took_is_in_the_report() {
    let server = Server::start(|ask| if ask.path == "/api/v1/nodes" { paged(ask, 1234) } else { lab(ask) });
    let report = report(&Place::new().audit_server(&server, &[]));
    let taken = &report["collection"];
    assert_eq!(taken["objects"], 1234);
    assert_eq!(taken["requests"], server.asked().len());
    assert!(taken["bytes"].as_u64().unwrap() > 100_000, "{taken}");
    assert!(taken["peak_memory_bytes"].as_u64().unwrap() > 1_000_000, "{taken}");
}

#[test]
fn a_broken_document_ends_with_2_and_the_others_are_judged() {
    let place = Place::new();
    place.write(
        "set/a.yaml",
        "kind: Node\napiVersion: v1\nmetadata: {name: a}\nstatus: {nodeInfo: {kubeletVersion: v1.30.1}}\n",
    );
    place.write("set/b/pods.json", "{\"kind\": \"PodList\",\n \"items\": [7]}");
    place.write("set/b/logs.txt", "{: [ not for us\n");
    let set = place.path("set");
    let output = place.audit(&["--objects", set.to_str().unwrap()]);
    assert_eq!((code(&output), summary(&output)), (2, (0, 1, 0)));
    let pods = place.path("set/b/pods.json");
    let text = stderr(&output);
    assert!(text.starts_with(&format!("error: failed to read {}:2: ", pods.display())), "{text}");
    assert!(text.contains("audit: exit 2: 1 document of --objects could not be read; of the rest "), "{text}");
    fs::remove_file(pods).unwrap();
    let output = place.audit(&["--objects", set.to_str().unwrap()]);
    assert_eq!((code(&output), summary(&output)), (1, (0, 1, 0)), "{}", stderr(&output));
    assert_eq!(report(&output)["collection"], json!({"objects": 1, "bytes": 92}));
}

#[test]
fn objects_that_are_not_there_end_the_run() {
    let place = Place::new();
    let gone = place.path("gone");
    let text = refused(&place.audit(&["--objects", gone.to_str().unwrap()]));
    assert_eq!(text, format!("error: failed to read {}: no such file or directory\n", gone.display()));
    place.write("set/values.txt", "nothing");
    let text = refused(&place.audit(&["--objects", place.path("set").to_str().unwrap()]));
    assert_eq!(text, "error: failed to read the objects: there is no Kubernetes object in what --objects names\n");
}

#[test]
fn facts_of_a_cluster_are_a_document_that_is_judged_elsewhere() {
    let place = Place::new();
    let server = Server::start(lab);
    let kubeconfig = place.kubeconfig(&server, &json!({}));
    let facts = place.path("facts.json");
    let mut command = place.command();
    command.args(["facts", "nodes", "cluster.version", "--format", "json", "--kubeconfig"]).arg(kubeconfig);
    let output = command.arg("--output").arg(&facts).output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let document: Value = serde_json::from_str(&fs::read_to_string(&facts).unwrap()).unwrap();
    assert_eq!((&document["cluster"], &document["host"]), (&json!({"name": "lab-cluster"}), &Value::Null));
    let version = &document["facts"]["cluster"]["value"]["version"];
    assert_eq!(version["value"], "v1.36.2", "{document}");
    let judged = place.audit(&["--facts", facts.to_str().unwrap()]);
    assert_eq!((code(&judged), summary(&judged)), (0, (1, 0, 0)), "{}", stderr(&judged));
    assert_eq!(report(&judged)["targets"], json!([{"kind": "cluster", "name": "lab-cluster"}]));
    // Without a cluster there is no such rule to judge, and with one in a pipe no order to keep.
    let mut command = place.command();
    command.args(["audit", "--facts", "-"]).stdin(fs::File::open(&facts).unwrap());
    let text = refused(&command.output().unwrap());
    assert_eq!(text, "error: failed to read the facts of a cluster from a pipe\nhelp: name a file with --facts\n");
}

#[test]
fn facts_of_a_cluster_are_judged_by_every_rule_that_its_objects_are() {
    let place = Place::new();
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}, "status": {"nodeInfo": {"kubeletVersion": "v1.30.1"}}});
    let objects = place.write("objects.json", &node.to_string());
    let objects = objects.to_str().unwrap();
    let facts = place.path("facts.json");
    let mut command = place.command();
    command.args(["facts", "--objects", objects, "--format", "json", "--output"]).arg(&facts);
    assert_eq!(code(&command.output().unwrap()), 0);
    let verdicts = |arguments: &[&str]| {
        let mut command = place.command();
        command.args(["audit", "--format", "json", "--now", "2026-11-23T00:00:00Z"]).args(arguments);
        let report = report(&command.output().unwrap());
        let told = |finding: &Value| ["rule", "subject", "verdict"].map(|key| finding[key].clone());
        report["findings"].as_array().unwrap().iter().map(told).collect::<Vec<_>>()
    };
    let of_objects = verdicts(&["--objects", objects]);
    assert!(of_objects.len() > 100, "{}", of_objects.len());
    assert_eq!(verdicts(&["--facts", facts.to_str().unwrap()]), of_objects);
}

#[test]
fn documents_of_many_hosts_say_together_what_each_says_alone() {
    let place = Place::new();
    let judged = |arguments: &[&str]| -> BTreeSet<String> {
        let mut command = place.command();
        command.args(["audit", "--format", "json", "--fail-on", "none", "--now", "2026-11-23T00:00:00Z"]);
        let output = command.args(arguments).output().unwrap();
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let report = report(&output);
        let findings = report["findings"].as_array().unwrap();
        let told: BTreeSet<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), findings.len(), "nothing is told twice");
        told
    };
    let (mut alone, mut documents) = (BTreeSet::new(), Vec::new());
    for host in ["ubuntu-18.04-docker-cgroupfs", "rocky-9-crio", "k3s-flannel-1450-uplink"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts").join(host).join("root");
        let root = root.to_str().unwrap();
        let document = place.path(host);
        let output =
            place.command().args(["facts", "--root", root, "--format", "json", "--output"]).arg(&document).output();
        assert!(output.unwrap().status.success());
        alone.extend(judged(&["--root", root]));
        documents.extend(["--facts".to_owned(), document.display().to_string()]);
    }
    let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
    assert_eq!(judged(&documents), alone);
}

#[test]
fn the_rights_that_rules_take_are_printed() {
    let place = Place::new();
    let mut command = place.command();
    command.args(["rules", "rbac", "--no-builtin-rules", "--rules"]).arg(place.path("rules"));
    let output = command.output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let role: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!((&role["kind"], &role["metadata"]["name"]), (&json!("ClusterRole"), &json!("scanner")));
    assert_eq!(role["rules"].as_array().unwrap().last().unwrap()["verbs"], json!(["get"]));
    assert!(role["rules"][0]["resources"].as_array().unwrap().contains(&json!("nodes")), "{text}");
}
