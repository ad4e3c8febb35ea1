//! The ways to a cluster, tried: from within a pod, through proxies, by several
//! kubeconfig files, and with every kind of credentials. Also the line on a
//! terminal that tells how far reading is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use scanner::fact::cluster::Collection;
use scanner::fact::cluster::client::{self, Access, Fault, Tally};
use scanner::fact::{Fact, Facts};
use serde_json::{Value, json};

use crate::cluster::server::{Ask, Reply, Server, Setup};
use crate::cluster::{Place, code, lab, refused, stderr};

/// What a pod knows of its cluster.
fn of_pod(server: &Server, folder: &Path) -> Access {
    fs::write(folder.join("ca.crt"), &server.authority).unwrap();
    fs::write(folder.join("token"), "of-the-pod\n").unwrap();
    fs::write(folder.join("namespace"), "monitoring").unwrap();
    let service = Some((server.address.ip().to_string(), server.address.port().to_string()));
    Access { service, service_account: folder.to_owned(), ..Access::default() }
}

fn nodes(access: &Access) -> Result<Facts, Fault> {
    let collection = Arc::new(Collection::new(&BTreeSet::from(["nodes".to_owned()])));
    let server = access.resolve()?;
    client::read(&server, &collection, &Arc::new(Tally::default()), (Instant::now(), Duration::from_secs(20)))?;
    Ok(collection.facts("not read"))
}

#[test]
fn a_pod_reads_its_cluster_by_its_service_account() {
    let (server, folder) = (Server::start(lab), tempfile::tempdir().unwrap());
    let access = of_pod(&server, folder.path());
    let facts = nodes(&access).unwrap();
    assert!(facts.get("nodes").and_then(Fact::list).is_some_and(|nodes| !nodes.is_empty()), "{facts:?}");
    assert!(server.asked().iter().all(|ask| ask.header("authorization") == "Bearer of-the-pod"));
    let resolved = access.resolve().unwrap();
    assert_eq!((resolved.name.as_str(), resolved.namespace()), ("cluster", "monitoring"));
    fs::remove_file(folder.path().join("token")).unwrap();
    let fault = nodes(&access).unwrap_err().to_string();
    assert!(fault.contains("token: no such file or directory"), "{fault}");
}

#[test]
fn a_kubeconfig_goes_before_the_service_account_unless_it_has_no_context() {
    let (pod, other) = (Server::start(lab), Server::start(lab));
    let (folder, place) = (tempfile::tempdir().unwrap(), Place::new());
    let kubeconfig = place.kubeconfig(&other, &json!({"token": "of-a-user"}));
    let mut access = Access { kubeconfigs: vec![kubeconfig], ..of_pod(&pod, folder.path()) };
    nodes(&access).unwrap();
    assert_eq!((pod.asked().len(), other.asked()[0].header("authorization")), (0, "Bearer of-a-user"));
    access.kubeconfigs = vec![place.write("empty", "apiVersion: v1\nkind: Config\n")];
    nodes(&access).unwrap();
    assert!(!pod.asked().is_empty());
}

/// A proxy that takes `CONNECT` alone, and leads everything to one server.
struct Proxy {
    address: SocketAddr,
    /// Targets that were asked for, with the proxy's own credentials.
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Proxy {
    fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::default());
        let noted = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let noted: Arc<Mutex<Vec<_>>> = Arc::clone(&noted);
                std::thread::spawn(move || tunnel(&stream, server, &noted));
            }
        });
        Proxy { address, asked }
    }

    fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().unwrap().clone()
    }
}

fn tunnel(stream: &TcpStream, server: SocketAddr, asked: &Mutex<Vec<(String, String)>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let lines: Vec<String> =
        reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let target = lines[0].strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap().to_owned();
    let own = lines.iter().find_map(|line| {
        line.to_ascii_lowercase().starts_with("proxy-authorization:").then(|| line[20..].trim().to_owned())
    });
    asked.lock().unwrap().push((target, own.unwrap_or_default()));
    let mut there = TcpStream::connect(server).unwrap();
    let (mut back, mut from) = (stream.try_clone().unwrap(), there.try_clone().unwrap());
    back.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
    std::thread::spawn(move || std::io::copy(&mut from, &mut back));
    let _ = std::io::copy(&mut reader, &mut there);
}

/// A server under a name that only a proxy knows.
fn far_away() -> (Server, String) {
    let server = Server::start_with(&Setup { name: "api.example.org", ..Setup::default() }, lab);
    let url = format!("https://api.example.org:{}", server.address.port());
    (server, url)
}

fn audit_by(place: &Place, kubeconfig: &str, environment: &[(&str, &str)]) -> Output {
    let mut command = place.command();
    command.args(["audit", "--format", "json", "--no-builtin-rules", "--rules"]).arg(place.path("rules"));
    command.args(["--kubeconfig", kubeconfig, "--timeout", "20s"]).envs(environment.iter().copied()).output().unwrap()
}

#[test]
fn a_server_is_reached_through_the_proxy_of_the_environment_or_of_its_cluster() {
    let (place, (server, url)) = (Place::new(), far_away());
    let proxy = Proxy::start(server.address);
    let target = url.trim_start_matches("https://").to_owned();
    let text = fs::read_to_string(place.kubeconfig(&server, &json!({"token": "t"}))).unwrap();
    let text = text.replace(&server.url(), &url);
    let plain = place.write("plain", &text);
    let plain = plain.to_str().unwrap();
    let address = format!("http://{}", proxy.address);

    for name in ["HTTPS_PROXY", "https_proxy"] {
        let output = audit_by(&place, plain, &[(name, &address)]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    }
    let expected = |own: &str| (target.clone(), own.to_owned());
    assert!(
        proxy.asked().len() >= 2 && proxy.asked().iter().all(|asked| *asked == expected("")),
        "{:?}",
        proxy.asked()
    );

    // What NO_PROXY names is reached without, which here nobody can.
    let before = proxy.asked().len();
    let environment = [("HTTPS_PROXY", address.as_str()), ("NO_PROXY", "10.0.0.0/8,.example.org")];
    let text_of = refused(&audit_by(&place, plain, &environment));
    assert!(text_of.contains(&format!("reach the API server {url}")), "{text_of}");
    assert_eq!(proxy.asked().len(), before);

    // The cluster's own goes before both, with its user and password.
    let with_user = address.replace("http://", "http://jane:s%40cret@");
    let own = text.replace("\"server\"", &format!("\"proxy-url\":\"{with_user}\",\"server\""));
    let own = place.write("own", &own);
    let output = audit_by(&place, own.to_str().unwrap(), &[("HTTPS_PROXY", "http://127.0.0.1:1"), ("NO_PROXY", "*")]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(proxy.asked().last(), Some(&expected("Basic amFuZTpzQGNyZXQ=")));
    assert!(!server.asked().iter().any(|ask| !ask.header("proxy-authorization").is_empty()));

    let nobody = audit_by(&place, plain, &[("HTTPS_PROXY", "http://jane:s%40cret@127.0.0.1:1")]);
    let text = refused(&nobody);
    assert!(text.contains("reach the API server") && !text.contains("cret"), "{text}");
}

#[test]
fn a_pod_obeys_the_proxy_of_its_environment() {
    let (server, _) = far_away();
    let (proxy, folder) = (Proxy::start(server.address), tempfile::tempdir().unwrap());
    let mut access = of_pod(&server, folder.path());
    access.service = Some(("api.example.org".to_owned(), "443".to_owned()));
    access.proxy = Some(format!("http://{}", proxy.address));
    nodes(&access).unwrap();
    assert_eq!(proxy.asked()[0].0, "api.example.org:443");
}

#[test]
fn the_first_file_of_kubeconfig_that_says_something_wins() {
    let place = Place::new();
    let (server, other) = (Server::start(lab), Server::start(lab));
    place.write("one/authority.pem", &server.authority);
    place.write("two/authority.pem", &other.authority);
    let cluster = |server: &Server| json!([{"name": "c", "cluster": {"server": server.url(), "certificate-authority": "authority.pem"}}]);
    let one = place.write(
        "one/config",
        &json!({"clusters": cluster(&server), "users": [{"name": "x", "user": {"token": "x"}}]}).to_string(),
    );
    let contexts = json!([{"name": "here", "context": {"cluster": "c", "user": "u"}}, {"name": "there", "context": {"cluster": "c", "user": "x"}}]);
    let two = place.write(
        "two/config",
        &json!({"clusters": cluster(&other), "contexts": contexts, "current-context": "here"}).to_string(),
    );
    let three = place.write("three", &json!({"current-context": "there", "users": [{"name": "u", "user": {"token": "of-three"}}, {"name": "x", "user": {"token": "late"}}]}).to_string());
    let list = [one, two, three].map(|path| path.display().to_string()).join(":");
    for (further, token) in [(&[][..], "Bearer of-three"), (&["--context", "there"], "Bearer x")] {
        let mut command = place.command();
        command
            .args(["audit", "--format", "json", "--no-builtin-rules", "--cluster", "--rules"])
            .arg(place.path("rules"));
        let output = command.args(further).env("KUBECONFIG", &list).output().unwrap();
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert_eq!(server.asked().last().unwrap().header("authorization"), token);
    }
    assert_eq!(other.asked().len(), 0);
}

#[test]
fn every_group_is_asked_as_and_a_kubeconfig_may_say_so_itself() {
    let (place, server) = (Place::new(), Server::start(lab));
    let groups = |ask: &Ask| ask.headers_of("impersonate-group").map(str::to_owned).collect::<Vec<_>>();
    let output = place.audit_server(&server, &["--as", "jane", "--as-group", "a", "--as-group", "b"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(server.asked().iter().all(|ask| ask.header("impersonate-user") == "jane" && groups(ask) == ["a", "b"]));
    let kubeconfig = place.kubeconfig(&server, &json!({"token": "t", "as": "joe", "as-groups": ["c", "d"]}));
    let output = place.audit(&["--kubeconfig", kubeconfig.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let last = server.asked().pop().unwrap();
    assert_eq!((last.header("impersonate-user"), groups(&last)), ("joe", vec!["c".to_owned(), "d".to_owned()]));
}

#[test]
fn a_plugin_beside_its_kubeconfig_gets_its_environment_and_gives_a_certificate() {
    let place = Place::new();
    let server = Server::start_with(&Setup { wants_client: true, ..Setup::default() }, lab);
    let answer = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"clientCertificateData": server.client.0, "clientKeyData": server.client.1}});
    let script = place.write(
        "bin/plugin",
        &format!("#!/bin/sh\n[ \"$TEAM\" = storage ] && [ \"$1\" = login ] && cat <<'END'\n{answer}\nEND\n"),
    );
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&script, mode).unwrap();
    let exec = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "bin/plugin", "args": ["login"],
        "env": [{"name": "TEAM", "value": "storage"}], "interactiveMode": "IfAvailable"}});
    let kubeconfig = place.kubeconfig(&server, &exec);
    let output = place.audit(&["--kubeconfig", kubeconfig.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let gone = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "aws-iam-nobody",
        "installHint": "Install it first.", "interactiveMode": "Never"}});
    let kubeconfig = place.kubeconfig(&server, &gone);
    let text = refused(&place.audit(&["--kubeconfig", kubeconfig.to_str().unwrap()]));
    assert!(
        text.contains("get the credentials for")
            && text.contains("aws-iam-nobody: no such file or directory (Install it first.)"),
        "{text}"
    );
}

#[test]
fn user_and_password_and_a_token_file_with_a_line_break_are_sent() {
    let (place, server) = (Place::new(), Server::start(lab));
    place.write("token", "from-a-file\n");
    for (user, sent) in [
        (json!({"username": "jane", "password": "s:cret"}), "Basic amFuZTpzOmNyZXQ="),
        (json!({"tokenFile": "token"}), "Bearer from-a-file"),
        // A token that stands there goes before the file.
        (json!({"tokenFile": "token", "token": "inline"}), "Bearer inline"),
    ] {
        let kubeconfig = place.kubeconfig(&server, &user);
        let output = place.audit(&["--kubeconfig", kubeconfig.to_str().unwrap()]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert_eq!(server.asked().last().unwrap().header("authorization"), sent);
    }
}

#[test]
fn a_client_certificate_that_has_expired_is_told() {
    let place = Place::new();
    let setup = Setup { wants_client: true, client_until_year: 2020, ..Setup::default() };
    let server = Server::start_with(&setup, lab);
    place.write("client.pem", &server.client.0);
    place.write("client.key", &server.client.1);
    let user = json!({"client-certificate": "client.pem", "client-key": "client.key"});
    let kubeconfig = place.kubeconfig(&server, &user);
    let text = refused(&place.audit(&["--kubeconfig", kubeconfig.to_str().unwrap()]));
    assert!(text.contains("the client certificate of the kubeconfig has expired"), "{text}");
}

/// An audit of a server that takes its time, whose stderr is given.
fn slow_audit(stderr: Stdio, further: &[&str]) -> (Value, Server, std::process::Child) {
    let place = Place::new();
    let server = Server::start(|ask| match ask.path.as_str() {
        "/api/v1/nodes" => Reply::After(Duration::from_millis(1500), Box::new(lab(ask))),
        _ => lab(ask),
    });
    let kubeconfig = place.kubeconfig(&server, &json!({"token": "t"}));
    let mut command: Command = place.command();
    command.args(["audit", "--format", "json", "--no-builtin-rules", "--rules"]).arg(place.path("rules"));
    command.arg("--kubeconfig").arg(kubeconfig).args(further);
    let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
    drop(command);
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    (serde_json::from_str(&text).unwrap(), server, child)
}

/// What a terminal got.
fn shown(further: &[&str]) -> String {
    let pty = nix::pty::openpty(None, None).unwrap();
    let (mut text, mut master) = (Vec::new(), File::from(pty.master));
    let reader = std::thread::spawn(move || {
        // A terminal whose last writer is gone ends with an error.
        let _ = master.read_to_end(&mut text);
        text
    });
    let (report, _server, mut child) = slow_audit(Stdio::from(pty.slave), further);
    assert!(child.wait().unwrap().success());
    assert_eq!(report["summary"]["fail"], 0);
    String::from_utf8(reader.join().unwrap()).unwrap()
}

#[test]
fn a_terminal_is_told_how_far_reading_is_and_nothing_else_is() {
    let text = shown(&[]);
    let told: Vec<&str> = text.split('\r').filter(|line| line.starts_with("reading the cluster: ")).collect();
    assert!(told.len() >= 2, "{text:?}");
    assert!(told[0].contains(" lists, 0 objects, ") && told[0].ends_with("\x1b[K"), "{text:?}");
    let (_, after) = text.rsplit_once("\r\x1b[K").expect("the line is taken away");
    assert!(after.starts_with("audit: exit 0"), "{text:?}");
    assert_eq!(shown(&["--quiet"]), "");
    let (_, _server, mut child) = slow_audit(Stdio::piped(), &[]);
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(text.starts_with("audit: exit 0") && text.lines().count() == 1, "{text:?}");
    child.wait().unwrap();
}
