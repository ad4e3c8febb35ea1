//! The client and its rules against Kubernetes itself: the API server and the
//! controller manager that `tests/kubernetes/build` makes of Debian's source
//! package, over Debian's etcd. `KUBERNETES_BIN` names a folder with others.
//!
//! They listen on the loopback, keep their state in a folder of their own, and
//! end with the test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods
)]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Users and their tokens; the first may do everything.
const TOKENS: &str = "admin-token,admin,1,\"system:masters\"\nreader-token,reader,2\npartial-token,partial,3\n\
                      nobody-token,nobody,4\nmanager-token,system:kube-controller-manager,5\n";

const PATIENCE: Duration = Duration::from_secs(90);

/// A program that ends with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A cluster of one API server.
struct Lab {
    folder: TempDir,
    etcd_port: u16,
    port: u16,
    api_server: Option<Running>,
    others: Vec<Running>,
}

/// A port that nobody listens on, and that no connection is given by itself
/// while the server that it is for is away.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 21_000 + u16::try_from(std::process::id() % 8000).unwrap();
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

fn program(name: &str) -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/kubernetes/bin");
    std::env::var_os("KUBERNETES_BIN").map_or(built, PathBuf::from).join(name)
}

/// Whether there is a Kubernetes to test with. Debian 12 can build it.
fn has_kubernetes() -> bool {
    if program("kube-apiserver").exists() {
        return true;
    }
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    assert!(!system.contains("VERSION_CODENAME=bookworm"), "no Kubernetes: tests/kubernetes/build makes it");
    eprintln!("skipped: Kubernetes is built on Debian 12 alone; name a folder with another by KUBERNETES_BIN");
    false
}

fn wait_for(what: &str, is_there: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_there() {
        assert!(started.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(100));
    }
}

impl Lab {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (etcd_port, peer_port, port) = (free_port(), free_port(), free_port());
        let at = |name: &str| folder.path().join(name);
        fs::write(at("tokens.csv"), TOKENS).unwrap();
        fs::write(
            at("audit.yaml"),
            "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata, omitStages: [RequestReceived]}]\n",
        )
        .unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        fs::write(at("sa.key"), key.serialize_pem()).unwrap();
        fs::write(at("sa.pub"), key.public_key_pem()).unwrap();
        let etcd = Command::new("etcd")
            .args(["--data-dir", at("etcd").to_str().unwrap(), "--unsafe-no-fsync"])
            .args(["--listen-client-urls", &format!("http://127.0.0.1:{etcd_port}")])
            .args(["--advertise-client-urls", &format!("http://127.0.0.1:{etcd_port}")])
            .args(["--listen-peer-urls", &format!("http://127.0.0.1:{peer_port}")])
            .stdout(Stdio::null())
            .stderr(File::create(at("etcd.log")).unwrap())
            .spawn()
            .expect("Debian's etcd-server is installed");
        let mut lab = Lab { folder, etcd_port, port, api_server: None, others: vec![Running(etcd)] };
        lab.start_api_server();
        lab
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Kills the API server, if it runs, and starts it anew.
    fn start_api_server(&mut self) {
        self.api_server = None;
        let at = |name: &str| self.at(name).to_str().unwrap().to_owned();
        let child = Command::new(program("kube-apiserver"))
            .arg(format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_port))
            .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--authorization-mode=RBAC"])
            .args(["--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.96.0.0/16"])
            .args([
                "--service-account-issuer=https://kubernetes.default.svc",
                "--disable-admission-plugins=ServiceAccount",
            ])
            .args([format!("--secure-port={}", self.port), format!("--cert-dir={}", at("certificates"))])
            .args([
                format!("--token-auth-file={}", at("tokens.csv")),
                format!("--audit-policy-file={}", at("audit.yaml")),
            ])
            .arg(format!("--audit-log-path={}", at("audit.log")))
            .arg(format!("--service-account-signing-key-file={}", at("sa.key")))
            .arg(format!("--service-account-key-file={}", at("sa.pub")))
            .stdout(Stdio::null())
            .stderr(File::create(self.at("apiserver.log")).unwrap())
            .spawn()
            .unwrap();
        self.api_server = Some(Running(child));
        wait_for("the API server", || self.curl("admin", &["/readyz"]).stdout == b"ok");
    }

    fn start_controller_manager(&mut self) {
        let child = Command::new(program("kube-controller-manager"))
            .arg(format!("--kubeconfig={}", self.kubeconfig("manager").display()))
            .args(["--bind-address=127.0.0.1", "--port=0", "--leader-elect=false"])
            .arg(format!("--secure-port={}", free_port()))
            .args(["--controllers=garbagecollector,namespace,disruption"])
            .stdout(Stdio::null())
            .stderr(File::create(self.at("manager.log")).unwrap())
            .spawn()
            .unwrap();
        self.others.push(Running(child));
    }

    fn kubeconfig(&self, user: &str) -> PathBuf {
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": {"server": format!("https://127.0.0.1:{}", self.port),
                "certificate-authority": self.at("certificates/apiserver.crt")}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": user}}],
            "users": [{"name": user, "user": {"token": format!("{user}-token")}}]});
        let path = self.at(&format!("{user}.conf"));
        fs::write(&path, config.to_string()).unwrap();
        path
    }

    fn curl(&self, user: &str, arguments: &[&str]) -> Output {
        let (path, further) = arguments.split_first().unwrap();
        Command::new("curl")
            .args(["--silent", "--insecure", "--max-time", "20", "--header"])
            .arg(format!("Authorization: Bearer {user}-token"))
            .args(further)
            .arg(format!("https://127.0.0.1:{}{path}", self.port))
            .output()
            .expect("curl is installed")
    }

    /// Makes an object, of YAML.
    fn create(&self, path: &str, object: &str) {
        let body = self.at("object.yaml");
        fs::write(&body, object).unwrap();
        let data = format!("@{}", body.display());
        let output = self.curl("admin", &[path, "--header", "Content-Type: application/yaml", "--data-binary", &data]);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        assert!(answer["metadata"]["name"].is_string(), "{path}: {}", String::from_utf8_lossy(&output.stdout));
    }

    fn bind(&self, user: &str, role: &str) {
        self.create(
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            &format!(
                "{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {{name: {user}}}, \
                 roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {role}}}, \
                 subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: {user}}}]}}"
            ),
        );
    }

    fn command(&self, user: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scanner"));
        command.stdin(Stdio::null()).env_clear().env("HOME", self.folder.path()).args(arguments);
        command.args(["--format", "json", "--cluster", "--kubeconfig"]).arg(self.kubeconfig(user));
        command
    }

    fn run(&self, user: &str, arguments: &[&str]) -> Run {
        Run::of(&self.command(user, arguments).output().unwrap())
    }

    /// What a user asked of the API server, by its audit log.
    fn asked_by(&self, user: &str) -> Vec<Value> {
        let log = fs::read_to_string(self.at("audit.log")).unwrap_or_default();
        let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.filter(|event| event["user"]["username"] == user).collect()
    }
}

/// A report and the exit code.
struct Run {
    code: i32,
    report: Value,
}

impl Run {
    fn of(output: &Output) -> Self {
        let code = output.status.code().unwrap();
        let report = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        Run { code, report }
    }

    fn findings(&self) -> impl Iterator<Item = &Value> {
        self.report["findings"].as_array().unwrap().iter()
    }

    /// The verdicts of a rule, with what is said.
    fn of_rule(&self, rule: &str) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let findings = self.findings().filter(|finding| finding["rule"] == rule);
        findings.map(|finding| (text(&finding["verdict"]), text(&finding["message"]))).collect()
    }

    fn verdict(&self, rule: &str) -> String {
        let found = self.of_rule(rule);
        assert_eq!(found.len(), 1, "{rule}: {found:?}");
        found[0].0.clone()
    }

    /// Rule, verdict and subject of each finding.
    fn verdicts(&self) -> Vec<String> {
        let line = |finding: &Value| format!("{} {} {}", finding["rule"], finding["verdict"], finding["subject"]);
        let mut lines: Vec<String> = self.findings().map(line).collect();
        lines.sort();
        lines
    }

    fn count(&self, verdict: &str) -> u64 {
        self.report["summary"][verdict].as_u64().unwrap()
    }
}

fn node(name: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Node, metadata: {{name: {name}}}, status: {{capacity: {{cpu: '4', memory: 8Gi}}, \
         conditions: [{{type: Ready, status: 'True'}}], nodeInfo: {{kubeletVersion: v1.20.2, kubeProxyVersion: v1.20.2, \
         containerRuntimeVersion: 'containerd://1.6.20', kernelVersion: 5.10.0-30-amd64, osImage: Debian GNU/Linux 10 (buster), \
         operatingSystem: linux, architecture: amd64, machineID: '', systemUUID: '', bootID: ''}}}}}}"
    )
}

/// A lab with something to find, and accounts with all, some and no rights.
fn furnished() -> Lab {
    let lab = Lab::start();
    lab.create("/api/v1/nodes", &node("worker-1"));
    lab.create("/api/v1/namespaces", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}");
    lab.create(
        "/apis/apps/v1/namespaces/shop/deployments",
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {selector: {matchLabels: {app: web}}, template: \
         {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: 'k8s.gcr.io/echoserver:1.4'}]}}}}",
    );
    lab.create(
        "/apis/extensions/v1beta1/namespaces/shop/ingresses",
        "{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: old}, spec: {backend: {serviceName: web, servicePort: 80}}}",
    );
    lab.create(
        "/apis/policy/v1beta1/podsecuritypolicies",
        "{apiVersion: policy/v1beta1, kind: PodSecurityPolicy, metadata: {name: restricted}, spec: {seLinux: {rule: RunAsAny}, \
         supplementalGroups: {rule: RunAsAny}, runAsUser: {rule: RunAsAny}, fsGroup: {rule: RunAsAny}}}",
    );
    let role = Command::new(env!("CARGO_BIN_EXE_scanner")).args(["rules", "rbac"]).output().unwrap();
    let role = String::from_utf8(role.stdout).unwrap();
    lab.create("/apis/rbac.authorization.k8s.io/v1/clusterroles", &role);
    lab.bind("reader", "scanner");
    lab.create(
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: partial}, \
         rules: [{apiGroups: [''], resources: [nodes, pods], verbs: [get, list]}]}",
    );
    lab.bind("partial", "partial");
    lab
}

#[test]
fn the_printed_role_is_enough_and_takes_no_more_than_reading() {
    if !has_kubernetes() {
        return;
    }
    let lab = furnished();
    let (all, reader) = (lab.run("admin", &["audit"]), lab.run("reader", &["audit"]));
    assert_eq!(reader.verdicts(), all.verdicts());
    assert_eq!((reader.code, reader.verdict("cluster/kubernetes-end-of-life").as_str()), (1, "fail"));
    assert_eq!(reader.verdict("os/end-of-life"), "fail");
    assert_eq!(reader.verdict("workload/image-registry-gone"), "fail");
    assert_eq!(reader.verdict("cluster/version-skew"), "pass");
    let asked = lab.asked_by("reader");
    assert!(asked.len() > 20, "{}", asked.len());
    for event in asked {
        let (verb, uri) = (event["verb"].as_str().unwrap(), event["requestURI"].as_str().unwrap());
        assert!(matches!(verb, "get" | "list"), "{verb} {uri}");
        assert!(!uri.contains("/proxy"), "{uri}");
        assert_ne!(event["responseStatus"]["code"], 403, "{uri}");
    }
}

#[test]
fn what_an_account_may_not_read_is_unknown_and_never_green() {
    if !has_kubernetes() {
        return;
    }
    let lab = furnished();
    let partial = lab.run("partial", &["audit"]);
    assert_eq!(partial.verdict("os/end-of-life"), "fail");
    let (verdict, message) = partial.of_rule("workload/image-registry-gone").remove(0);
    assert_eq!(verdict, "unknown");
    assert!(message.contains("list deployments.apps: forbidden"), "{message}");
    let nobody = lab.run("nobody", &["audit", "--strict", "--fail-on", "critical"]);
    assert_eq!((nobody.code, nobody.count("pass")), (1, 0));
    // Everybody may read the version, and that alone is judged.
    assert_eq!(nobody.count("fail"), 1);
    let gate = lab.run("nobody", &["gate", "--target", "1.21", "--ignore", "cluster/kubernetes-end-of-life"]);
    assert_eq!((gate.code, gate.count("fail")), (3, 0), "inconclusive");
}

#[test]
fn the_gate_sees_what_a_server_serves_and_was_asked_for() {
    if !has_kubernetes() {
        return;
    }
    let mut lab = furnished();
    let gate = |lab: &Lab, target| lab.run("reader", &["gate", "--target", target]);
    assert_eq!(gate(&lab, "1.21").verdict("upgrade/pod-security-policy-in-use"), "pass");
    let far = gate(&lab, "1.25");
    assert_eq!(far.verdict("upgrade/pod-security-policy-in-use"), "fail");
    assert_eq!(far.verdict("upgrade/skips-a-minor"), "fail");
    // The test itself asked for ingresses in the old API, and the server counted it.
    assert_eq!(far.verdict("upgrade/removed-api-requested"), "fail");
    assert!(far.of_rule("upgrade/removed-api-requested")[0].1.contains("extensions/v1beta1 ingresses"));
    // A new server has not been asked yet, but the controller manager watches them.
    lab.start_api_server();
    lab.start_controller_manager();
    let metric = "apiserver_requested_deprecated_apis{group=\"extensions\"";
    wait_for("the garbage collector's watch", || {
        String::from_utf8_lossy(&lab.curl("admin", &["/metrics"]).stdout).contains(metric)
    });
    let watched = gate(&lab, "1.22");
    let (verdict, message) = watched.of_rule("upgrade/removed-api-requested").remove(0);
    assert_eq!(verdict, "unknown", "{message}");
    assert!(message.contains("kube-controller-manager watches"), "{message}");
}

#[test]
fn a_restart_of_the_server_changes_no_answer() {
    if !has_kubernetes() {
        return;
    }
    let mut lab = furnished();
    // Enough for several pages: one process, many requests.
    let mut requests = String::new();
    let url = format!("https://127.0.0.1:{}/api/v1/namespaces/shop/pods", lab.port);
    for number in 0..1100 {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("pod-{number}")},
            "spec": {"nodeName": "worker-1", "containers": [{"name": "c", "image": "example.org/app:1.0"}]}});
        let body = pod.to_string().replace('\\', "\\\\").replace('"', "\\\"");
        writeln!(requests, "next\nurl = \"{url}\"\ninsecure\nsilent\nheader = \"Authorization: Bearer admin-token\"\nheader = \"Content-Type: application/json\"\ndata = \"{body}\"\noutput = \"/dev/null\"").unwrap();
    }
    let list = lab.at("requests");
    fs::write(&list, requests.trim_start_matches("next\n")).unwrap();
    assert!(Command::new("curl").arg("--config").arg(&list).status().unwrap().success());
    let before = lab.run("reader", &["audit"]);
    assert!(before.report["collection"]["objects"].as_u64().unwrap() > 1100, "{}", before.report["collection"]);
    for _ in 0..2 {
        fs::remove_file(lab.at("audit.log")).unwrap();
        lab.start_api_server();
        let running = lab.command("reader", &["audit"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It has its first answers; what is under way now breaks off.
        wait_for("the first requests", || lab.asked_by("reader").len() >= 3);
        lab.start_api_server();
        let during = Run::of(&running.wait_with_output().unwrap());
        // A server that takes too long to come back leaves something unknown, and never changes an answer.
        let (before, during) = (before.verdicts(), during.verdicts());
        let changed: Vec<_> =
            during.iter().filter(|line| !before.contains(line) && !line.contains("\"unknown\"")).collect();
        assert!(changed.is_empty(), "{changed:?}");
        assert!(before.iter().filter(|line| during.contains(line)).count() > 20, "{during:?}");
    }
}
