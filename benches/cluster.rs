//! A large cluster: `scanner audit --cluster` against fetching the same pages
//! and discarding them, and the memory that it takes.
//!
//! `cargo bench --bench cluster` after `cargo build --release`. An HTTPS
//! server of this process serves 1,000 nodes and as many pods as are asked
//! for, made from the recorded ones of the lab. It is as fast as copying
//! allows; with a pause for each page it is as fast as an API server that
//! takes so long to put 500 pods together.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]
#![allow(clippy::print_stdout, dead_code, unreachable_pub)]

#[path = "../tests/cluster/server.rs"]
mod server;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use kube::client::Body;
use kube::{Client, Config};
use serde_json::{Value, json};

use server::{Ask, Reply, Server};

const NODES: usize = 1000;

fn recorded(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/clusters/lab").join(name)).unwrap()
}

/// The first object of a recorded list, with marks where its name goes.
fn template(list: &str, kind: &str) -> (String, String) {
    let list: Value = serde_json::from_str(&recorded(list)).unwrap();
    let mut object = list["items"][0].clone();
    object["metadata"]["name"] = json!(format!("{kind}-@@@"));
    object["metadata"]["uid"] = json!("@@@");
    if kind == "pod" {
        // One of 500 workloads.
        object["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet",
            "name": "web-&&&-5d4f8c7b9d", "uid": "&&&", "controller": true, "blockOwnerDeletion": true}]);
        object["metadata"]["labels"]["pod-template-hash"] = json!("5d4f8c7b9d");
    }
    let text = object.to_string();
    (text, kind.to_owned())
}

fn page(ask: &Ask, template: &str, total: usize) -> Reply {
    let limit: usize = ask.parameter("limit").unwrap().parse().unwrap();
    let start: usize = ask.parameter("continue").map_or(0, |token| token.parse().unwrap());
    let end = total.min(start + limit);
    let token = if end < total { format!(r#","continue":"{end}""#) } else { String::new() };
    let mut text =
        format!(r#"{{"kind":"List","apiVersion":"v1","metadata":{{"resourceVersion":"1"{token}}},"items":["#);
    let parts: Vec<&str> = template.split("@@@").collect();
    for number in start..end {
        if number > start {
            text.push(',');
        }
        let owner = format!("{:03}", number % 500);
        let number = format!("{number:07}");
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                text.push_str(&number);
            }
            text.push_str(&part.replace("&&&", &owner));
        }
    }
    text.push_str("]}");
    Reply::text(&text)
}

fn serve(pods: usize, pause: Duration) -> Server {
    let (node, _) = template("nodes.json", "node");
    let (pod, _) = template("pods.json", "pod");
    let (apis, version) = (recorded("apis.json"), recorded("version.json"));
    Server::start(move |ask| {
        let reply = match ask.path.as_str() {
            "/apis" => return Reply::text(&apis),
            "/version" => return Reply::text(&version),
            "/api/v1/nodes" => page(ask, &node, NODES),
            "/api/v1/pods" => page(ask, &pod, pods),
            _ if ask.query.is_empty() => return Reply::not_found(),
            _ => return page(ask, "{}", 0),
        };
        Reply::After(pause, Box::new(reply))
    })
}

fn kubeconfig(folder: &Path, server: &Server) -> std::path::PathBuf {
    fs::write(folder.join("ca.pem"), &server.authority).unwrap();
    let config = json!({"current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c"}}],
        "clusters": [{"name": "c", "cluster": {"server": server.url(), "certificate-authority": "ca.pem"}}]});
    let path = folder.join("kubeconfig");
    fs::write(&path, config.to_string()).unwrap();
    path
}

/// Fetches the lists page by page and discards them: seconds and bytes.
fn discard(server: &Server) -> (f64, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut config = Config::new(server.url().parse().unwrap());
        config.accept_invalid_certs = true;
        let client = Client::try_from(config).unwrap();
        let (started, mut bytes) = (Instant::now(), 0);
        for list in ["/api/v1/nodes", "/api/v1/pods"] {
            let mut token = String::new();
            loop {
                let request = http::Request::get(format!("{list}?limit=500{token}")).body(Body::empty()).unwrap();
                let body = client.send(request).await.unwrap().into_body().collect_bytes().await.unwrap();
                bytes += body.len();
                let head = String::from_utf8_lossy(&body[..200.min(body.len())]).into_owned();
                let Some((_, rest)) = head.split_once(r#""continue":""#) else { break };
                token = format!("&continue={}", rest.split_once('"').unwrap().0);
            }
        }
        (started.elapsed().as_secs_f64(), bytes)
    })
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let scanner = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release/scanner");
    for (pods, pause) in [(10_000, 0), (100_000, 0), (100_000, 50)] {
        let server = serve(pods, Duration::from_millis(pause));
        let kubeconfig = kubeconfig(folder.path(), &server);
        let (fetched, bytes) = discard(&server);
        let started = Instant::now();
        let output = Command::new(&scanner)
            .args(["audit", "--format", "json", "--fail-on", "none", "--kubeconfig"])
            .arg(&kubeconfig)
            .output()
            .unwrap();
        let taken = started.elapsed().as_secs_f64();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let collection = &report["collection"];
        let peak = collection["peak_memory_bytes"].as_u64().unwrap() >> 20;
        println!(
            "{NODES} nodes, {pods} pods, {} MB, {pause} ms for a page: fetched and discarded in {fetched:.2} s, audited in {taken:.2} s ({:.2} times); peak {peak} MiB, {} requests, {} objects",
            bytes / 1_000_000,
            taken / fetched,
            collection["requests"],
            collection["objects"],
        );
    }
}
