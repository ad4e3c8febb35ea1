//! The gate against a live API server, end to end: the objects of
//! `fixtures/gate/layers.yaml` served over HTTPS to an account that may read
//! everything, some of it, or nothing, by a server that is healthy, slow, or
//! gone. Whatever could not be looked at is never green.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cluster::server::{Ask, Reply, Server};

/// A cluster as its API server shows it.
#[derive(Clone)]
struct Cluster {
    version: Value,
    /// Objects by group, version and plural.
    objects: BTreeMap<(String, String, String), Vec<Value>>,
}

/// Groups that are served, each with its versions; more than the objects have.
const SERVED: &[(&str, &[&str])] = &[
    ("admissionregistration.k8s.io", &["v1"]),
    ("apiextensions.k8s.io", &["v1"]),
    ("apiregistration.k8s.io", &["v1"]),
    ("apps", &["v1"]),
    ("autoscaling", &["v1", "v2", "v2beta2"]),
    ("batch", &["v1", "v1beta1"]),
    ("discovery.k8s.io", &["v1"]),
    ("networking.k8s.io", &["v1"]),
    ("node.k8s.io", &["v1", "v1beta1"]),
    ("policy", &["v1", "v1beta1"]),
    ("rbac.authorization.k8s.io", &["v1"]),
    ("scheduling.k8s.io", &["v1"]),
    ("storage.k8s.io", &["v1"]),
];

fn plural(kind: &str) -> String {
    let kind = kind.to_lowercase();
    match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if kind.ends_with('s') => format!("{kind}es"),
        None => format!("{kind}s"),
    }
}

impl Cluster {
    /// A layer of the gate's fixtures, with further objects.
    fn of(layer: &str, further: &[Value]) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/gate/layers.yaml");
        let layers: BTreeMap<String, String> = serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let documents: Vec<Value> = serde_saphyr::from_multiple(&layers[layer]).unwrap();
        let mut cluster = Cluster { version: json!({}), objects: BTreeMap::new() };
        for object in documents.into_iter().chain(further.iter().cloned()) {
            let Some(kind) = object["kind"].as_str() else {
                if object.get("gitVersion").is_some() {
                    cluster.version = object;
                }
                continue;
            };
            let (group, version) = object["apiVersion"].as_str().unwrap().rsplit_once('/').unwrap_or(("", "v1"));
            let key = (group.to_owned(), version.to_owned(), plural(kind));
            cluster.objects.entry(key).or_default().push(object);
        }
        cluster
    }

    fn answer(&self, ask: &Ask) -> Reply {
        let parts: Vec<&str> = ask.path.trim_matches('/').split('/').collect();
        match parts.as_slice() {
            ["apis"] => {
                let groups = SERVED.iter().map(|(name, versions)| {
                    let more = self.objects.keys().filter(|(group, _, _)| group == name).map(|(_, version, _)| version.as_str());
                    let mut all: Vec<&str> = versions.iter().copied().chain(more).collect();
                    all.sort_unstable();
                    all.dedup();
                    json!({"name": name, "versions": all.iter().map(|version| json!({"version": version})).collect::<Vec<_>>()})
                });
                Reply::json(&json!({"kind": "APIGroupList", "groups": groups.collect::<Vec<_>>()}))
            }
            ["version"] => Reply::json(&self.version),
            ["metrics"] => Reply::text(""),
            ["api", version, rest @ ..] => self.list("", version, rest, ask),
            ["apis", group, version] => {
                let names = self.objects.keys().filter(|(its, of, _)| its == group && of == version).map(|key| &key.2);
                let resources: Vec<Value> = names.map(|name| json!({"name": name})).collect();
                Reply::json(&json!({"kind": "APIResourceList", "resources": resources}))
            }
            ["apis", group, version, rest @ ..] => self.list(group, version, rest, ask),
            _ => Reply::not_found(),
        }
    }

    fn list(&self, group: &str, version: &str, rest: &[&str], ask: &Ask) -> Reply {
        let (space, plural, name) = match rest {
            ["namespaces", space, plural] => (Some(*space), *plural, None),
            ["namespaces", space, plural, name] => (Some(*space), *plural, Some(*name)),
            [plural] => (None, *plural, None),
            [plural, name] => (None, *plural, Some(*name)),
            _ => return Reply::not_found(),
        };
        let found = self.objects.get(&(group.to_owned(), version.to_owned(), plural.to_owned()));
        let in_space = |object: &&Value| space.is_none_or(|space| object["metadata"]["namespace"] == space);
        let objects: Vec<&Value> = found.into_iter().flatten().filter(in_space).collect();
        if let Some(name) = name {
            let object = objects.into_iter().find(|object| object["metadata"]["name"] == name);
            return object.map_or_else(Reply::not_found, Reply::json);
        }
        let limit: usize = ask.parameter("limit").unwrap().parse().unwrap();
        let start: usize = ask.parameter("continue").map_or(0, |token| token.parse().unwrap());
        let is_partial = ask.header("accept").contains("PartialObjectMetadataList");
        let items = objects.iter().skip(start).take(limit).map(|object| {
            if is_partial {
                return json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]});
            }
            let mut object = (*object).clone();
            object.as_object_mut().unwrap().retain(|key, _| key != "kind" && key != "apiVersion");
            object
        });
        let mut metadata = json!({"resourceVersion": "9"});
        if start + limit < objects.len() {
            metadata["continue"] = json!((start + limit).to_string());
        }
        Reply::json(
            &json!({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items.collect::<Vec<_>>()}),
        )
    }
}

fn denied(ask: &Ask) -> Reply {
    let what = ask.path.rsplit('/').next().unwrap_or_default();
    Reply::status(403, "Forbidden", &format!("{what} is forbidden: User \"auditor\" cannot list resource \"{what}\""))
}

/// An account's folder: its kubeconfig for a server.
struct Account {
    folder: TempDir,
}

impl Account {
    fn new(server: &Server) -> Self {
        let account = Account { folder: tempfile::tempdir().unwrap() };
        fs::write(account.folder.path().join("authority.pem"), &server.authority).unwrap();
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": {"server": server.url(), "certificate-authority": "authority.pem"}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "auditor"}}],
            "users": [{"name": "auditor", "user": {"token": "t"}}]});
        fs::write(account.kubeconfig(), config.to_string()).unwrap();
        account
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    fn gate(&self, target: &str, further: &[&str]) -> Answered {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scanner"));
        command.stdin(Stdio::null()).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.folder.path());
        command.args(["gate", "--target", target, "--format", "json"]);
        if !further.contains(&"--now") {
            command.args(["--now", "2022-12-01T00:00:00Z"]);
        }
        command.arg("--kubeconfig").arg(self.kubeconfig()).args(further);
        Answered(command.output().unwrap())
    }
}

/// What the gate said.
struct Answered(Output);

impl Answered {
    fn report(&self) -> Value {
        serde_json::from_slice(&self.0.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stderr()))
    }

    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// The exit code and the verdict.
    fn verdict(&self) -> (i32, String) {
        let verdict = self.report()["gate"]["verdict"].as_str().unwrap().to_owned();
        (self.0.status.code().unwrap(), verdict)
    }

    /// Messages of a rule's findings with that verdict.
    fn messages(&self, rule: &str, verdict: &str) -> Vec<String> {
        let report = self.report();
        let findings = report["findings"].as_array().unwrap().iter();
        let own = findings.filter(|finding| finding["rule"] == rule && finding["verdict"] == verdict);
        own.map(|finding| finding["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Rules with that verdict, of the severities that count.
    fn rules(&self, verdict: &str) -> Vec<String> {
        let report = self.report();
        let findings = report["findings"].as_array().unwrap().iter();
        let counts = |finding: &&Value| matches!(finding["severity"].as_str(), Some("critical" | "high"));
        let mut rules: Vec<String> = findings
            .filter(|finding| finding["verdict"] == verdict)
            .filter(counts)
            .map(|finding| finding["rule"].as_str().unwrap().to_owned())
            .collect();
        rules.dedup();
        rules
    }
}

fn cron_job() -> Value {
    json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "backup", "namespace": "shop",
        "managedFields": [{"manager": "kubectl-client-side-apply", "operation": "Update", "apiVersion": "batch/v1beta1", "time": "2021-05-01T00:00:00Z", "fieldsV1": {"f:spec": {}}}]},
        "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "b", "image": "registry.example.org/b:1"}]}}}}}})
}

const READY: (i32, &str) = (0, "READY");
const BLOCKED: (i32, &str) = (1, "BLOCKED");
const INCONCLUSIVE: (i32, &str) = (3, "INCONCLUSIVE");

#[track_caller]
fn assert_verdict(answered: &Answered, (code, verdict): (i32, &str)) {
    let gate = answered.report()["gate"]["reasons"].clone();
    assert_eq!(answered.verdict(), (code, verdict.to_owned()), "{gate:#}\n{}", answered.stderr());
}

#[test]
fn histories_are_read_by_metadata_alone_and_never_block() {
    let cluster = Cluster::of("cluster-1.24", &[cron_job()]);
    let server = Server::start(move |ask| cluster.answer(ask));
    let answered = Account::new(&server).gate("1.25", &[]);
    assert_verdict(&answered, READY);
    assert_eq!(
        answered.messages("upgrade/removed-api-history", "fail"),
        [
            "CronJob backup was written in batch/v1beta1 by kubectl-client-side-apply on 2021-05-01T00:00:00Z (managedFields)"
        ]
    );
    let partial = |ask: &&Ask| ask.header("accept").contains("PartialObjectMetadataList");
    let asked = server.asked();
    let mut of_upgrade: Vec<&str> = asked.iter().filter(partial).map(|ask| ask.path.as_str()).collect();
    of_upgrade.retain(|path| {
        [
            "cronjobs",
            "poddisruptionbudgets",
            "horizontalpodautoscalers",
            "podsecuritypolicies",
            "runtimeclasses",
            "ingresses",
        ]
        .iter()
        .any(|plural| path.ends_with(plural))
    });
    of_upgrade.sort_unstable();
    of_upgrade.dedup();
    // Each in its newest version, so that no deprecated one is requested by this; Ingress loses nothing here.
    assert_eq!(
        of_upgrade,
        [
            "/apis/autoscaling/v2/horizontalpodautoscalers",
            "/apis/batch/v1/cronjobs",
            "/apis/node.k8s.io/v1/runtimeclasses",
            "/apis/policy/v1/poddisruptionbudgets",
            "/apis/policy/v1beta1/podsecuritypolicies",
        ]
    );
}

#[test]
fn an_object_of_an_alpha_api_that_leaves_blocks() {
    let workload = json!({"apiVersion": "scheduling.k8s.io/v1alpha1", "kind": "Workload", "metadata": {"name": "train", "namespace": "ml"}});
    let mut cluster = Cluster::of("cluster-1.34", &[workload]);
    cluster.version["gitVersion"] = json!("v1.35.2");
    let server = Server::start(move |ask| cluster.answer(ask));
    let answered = Account::new(&server).gate("1.36", &["--now", "2026-06-01T00:00:00Z", "--select", "upgrade/*"]);
    assert_verdict(&answered, BLOCKED);
    assert_eq!(
        answered.messages("upgrade/removed-api-in-use", "fail"),
        ["Workload train exists only in scheduling.k8s.io/v1alpha1, not served since 1.36"]
    );
}

/// Priority classes are in the group that workloads and pod groups came into.
#[test]
fn a_kind_that_its_group_does_not_hold_is_none_and_in_an_unknown_version_unknown() {
    let gate = |further: &[Value]| {
        let mut cluster = Cluster::of("cluster-1.34", further);
        cluster.version["gitVersion"] = json!("v1.36.2");
        let server = Server::start(move |ask| cluster.answer(ask));
        let rules = ["--now", "2026-11-01T00:00:00Z", "--select", "upgrade/removed-api-*"];
        Account::new(&server).gate("1.37", &rules)
    };
    assert_verdict(&gate(&[]), READY);
    let workload = json!({"apiVersion": "scheduling.k8s.io/v9", "kind": "Workload", "metadata": {"name": "train", "namespace": "ml"}});
    let answered = gate(&[workload]);
    assert_verdict(&answered, INCONCLUSIVE);
    let unknown = answered.messages("upgrade/removed-api-in-use", "unknown").concat();
    assert!(unknown.contains("list workloads.scheduling.k8s.io: the server has it in the versions v9"), "{unknown}");
    assert!(!unknown.contains("podgroups"), "{unknown}");
}

#[test]
fn an_account_that_may_list_only_some_kinds_leaves_the_gate_open() {
    let cluster = Cluster::of("cluster-1.24", &[cron_job()]);
    for (plural, rule) in [
        ("cronjobs", "upgrade/removed-api-in-use"),
        ("pods", "upgrade/drain-blocked"),
        ("nodes", "cluster/version-skew"),
        ("customresourcedefinitions", "upgrade/crd-stored-version"),
        ("poddisruptionbudgets", "upgrade/drain-blocked"),
    ] {
        let cluster = cluster.clone();
        let server =
            Server::start(move |ask| if ask.path.ends_with(plural) { denied(ask) } else { cluster.answer(ask) });
        let answered = Account::new(&server).gate("1.25", &[]);
        assert_verdict(&answered, INCONCLUSIVE);
        let messages = answered.messages(rule, "unknown").join("\n");
        assert!(
            messages.contains(&format!("list {plural}")) && messages.contains("cannot list resource"),
            "{plural}: {messages}"
        );
        let reasons = answered.report()["gate"]["reasons"].to_string();
        assert!(reasons.contains(&format!("list {plural}")), "{plural}: {reasons}");
    }
}

#[test]
fn a_reason_names_verb_resource_and_namespace() {
    let cluster = Cluster::of("cluster-1.24", &[]);
    let server = Server::start(move |ask| {
        if ask.path == "/api/v1/namespaces/kube-system/configmaps/kubeadm-config" {
            denied(ask)
        } else {
            cluster.answer(ask)
        }
    });
    let answered = Account::new(&server).gate("1.25", &[]);
    assert_verdict(&answered, INCONCLUSIVE);
    let reasons = answered.report()["gate"]["reasons"].to_string();
    assert!(reasons.contains("get configmaps kubeadm-config in namespace kube-system: "), "{reasons}");
}

#[test]
fn an_account_that_may_read_nothing_is_never_ready() {
    let server = Server::start(denied);
    let account = Account::new(&server);
    let answered = account.gate("1.25", &[]);
    assert_verdict(&answered, INCONCLUSIVE);
    assert_eq!(answered.rules("fail"), Vec::<String>::new());
    // Whether the target itself is supported takes no look at the cluster.
    assert_eq!(answered.report()["summary"]["pass"], 1);
    assert_eq!(answered.rules("pass"), ["cluster/kubernetes-end-of-life"]);
    let messages = answered.messages("upgrade/skips-a-minor", "unknown").join("\n");
    assert!(messages.contains("--from"), "{messages}");
    // The present version alone makes nothing green.
    assert_verdict(&account.gate("1.25", &["--from", "1.24"]), INCONCLUSIVE);
    for rule in ["upgrade/master-label-used", "upgrade/pod-security-policy-in-use", "upgrade/removed-api-in-use"] {
        assert_verdict(&account.gate("1.25", &["--select", rule]), INCONCLUSIVE);
    }
}

/// Whether the roles that `scanner rules rbac` prints allow what is asked.
fn is_allowed(roles: &[Value], ask: &Ask) -> bool {
    let parts: Vec<&str> = ask.path.trim_matches('/').split('/').collect();
    let (group, rest) = match parts.as_slice() {
        ["api", _, rest @ ..] => ("", rest),
        ["apis", group, _, rest @ ..] => (*group, rest),
        _ => ("", &[][..]),
    };
    let (space, resource, name) = match rest {
        ["namespaces", space, resource] => (Some(*space), *resource, None),
        ["namespaces", space, resource, name] => (Some(*space), *resource, Some(*name)),
        [resource] => (None, *resource, None),
        [resource, name] => (None, *resource, Some(*name)),
        _ => (None, "", None),
    };
    let holds = |list: &Value, wanted: &str| list.as_array().is_some_and(|all| all.iter().any(|one| one == wanted));
    roles.iter().any(|role| {
        let is_here = role["metadata"]["namespace"].as_str().is_none_or(|own| space == Some(own));
        is_here
            && role["rules"].as_array().unwrap().iter().any(|rule| {
                if resource.is_empty() {
                    let is_below = ask.path.starts_with("/apis/") && holds(&rule["nonResourceURLs"], "/apis/*");
                    return is_below || holds(&rule["nonResourceURLs"], &ask.path);
                }
                let verb = if name.is_some() { "get" } else { "list" };
                holds(&rule["apiGroups"], group)
                    && holds(&rule["resources"], resource)
                    && holds(&rule["verbs"], verb)
                    && name.is_none_or(|name| rule.get("resourceNames").is_none_or(|names| holds(names, name)))
            })
    })
}

#[test]
fn the_rights_that_rules_rbac_prints_are_all_that_the_gate_needs() {
    let output = Command::new(env!("CARGO_BIN_EXE_scanner")).args(["rules", "rbac"]).output().unwrap();
    let roles: Vec<Value> = serde_saphyr::from_multiple(&String::from_utf8(output.stdout).unwrap()).unwrap();
    let cluster = Cluster::of("cluster-1.24", &[cron_job()]);
    let server = Server::start(move |ask| if is_allowed(&roles, ask) { cluster.answer(ask) } else { denied(ask) });
    let answered = Account::new(&server).gate("1.25", &[]);
    assert_verdict(&answered, READY);
    assert!(!answered.report().to_string().contains("forbidden"));
    assert!(
        server.asked().iter().all(|ask| !ask.path.ends_with("/secrets") || ask.header("accept").contains("Partial"))
    );
}

#[test]
fn a_server_that_is_restarted_during_the_run_is_waited_for() {
    let cluster = Cluster::of("cluster-1.24", &[cron_job()]);
    let count = AtomicUsize::new(0);
    let server = Server::start(move |ask| match count.fetch_add(1, Ordering::Relaxed) {
        6..=9 => Reply::Cut(Vec::new().into()),
        10..=14 => Reply::status(503, "ServiceUnavailable", "apiserver not ready"),
        _ => cluster.answer(ask),
    });
    assert_verdict(&Account::new(&server).gate("1.25", &[]), READY);
}

#[test]
fn a_server_that_goes_away_during_the_run_leaves_the_gate_open() {
    let cluster = Cluster::of("cluster-1.24", &[cron_job()]);
    let count = AtomicUsize::new(0);
    let server = Server::start(move |ask| {
        if count.fetch_add(1, Ordering::Relaxed) < 8 { cluster.answer(ask) } else { Reply::Cut(Vec::new().into()) }
    });
    let started = Instant::now();
    let answered = Account::new(&server).gate("1.25", &["--timeout", "3s"]);
    assert_verdict(&answered, INCONCLUSIVE);
    assert!(started.elapsed() < Duration::from_secs(15));
    assert!(answered.report().to_string().contains("within the --timeout of 3s"));
}

#[test]
fn histories_that_do_not_come_within_the_timeout_leave_the_gate_open() {
    let cluster = Cluster::of("cluster-1.24", &[cron_job()]);
    let discoveries = AtomicUsize::new(0);
    let slow = cluster.clone();
    let by_list =
        Server::start(
            move |ask| {
                if ask.path.ends_with("horizontalpodautoscalers") { Reply::Never } else { slow.answer(ask) }
            },
        );
    // The second discovery is that of the histories.
    let by_discovery = Server::start(move |ask| {
        if ask.path == "/apis" && discoveries.fetch_add(1, Ordering::Relaxed) > 0 {
            Reply::Never
        } else {
            cluster.answer(ask)
        }
    });
    for server in [by_list, by_discovery] {
        let answered = Account::new(&server).gate("1.25", &["--timeout", "4s"]);
        assert_verdict(&answered, INCONCLUSIVE);
        assert_eq!(answered.rules("unknown"), ["upgrade/removed-api-in-use"], "{}", answered.report()["gate"]);
    }
}

#[test]
fn a_server_that_refuses_the_connection_ends_the_run_with_2() {
    let account = {
        let server = Server::start(denied);
        Account::new(&server)
    };
    // The port is free again.
    let text = fs::read_to_string(account.kubeconfig()).unwrap();
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    config["clusters"][0]["cluster"]["server"] = json!(format!("https://{address}"));
    fs::write(account.kubeconfig(), config.to_string()).unwrap();
    let Answered(output) = account.gate("1.25", &["--manifests", "/dev/null"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    let answered = account.gate("1.25", &[]);
    assert_eq!(answered.0.status.code(), Some(2));
    assert!(answered.stderr().contains("connection refused"), "{}", answered.stderr());
}

/// A Secret that Helm keeps a revision in.
fn release(name: &str, revision: u64, status: &str, api_version: &str) -> Value {
    let manifest = format!(
        "---\n# Source: {name}/templates/pdb.yaml\napiVersion: {api_version}\nkind: PodDisruptionBudget\nmetadata:\n  name: {name}\n  namespace: shop\n"
    );
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(json!({"name": name, "manifest": manifest}).to_string().as_bytes()).unwrap();
    let packed = STANDARD.encode(STANDARD.encode(gzip.finish().unwrap()));
    json!({"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1", "data": {"release": packed},
        "metadata": {"name": format!("sh.helm.release.v1.{name}.v{revision}"), "namespace": "shop",
            "labels": {"owner": "helm", "status": status, "name": name, "version": revision.to_string()}}})
}

#[test]
fn deployed_releases_of_helm_are_read_a_few_at_a_time_and_only_where_they_are_asked_for() {
    let deployed: Vec<Value> =
        (0..12).map(|number| release(&format!("app-{number:02}"), 1, "deployed", "policy/v1")).collect();
    let old = [release("web", 1, "superseded", "policy/v1beta1"), release("web", 2, "deployed", "policy/v1beta1")];
    let cluster = Cluster::of("cluster-1.24", &[deployed, old.to_vec()].concat());
    let server = Server::start(move |ask| {
        let mut cluster = cluster.clone();
        // As the server selects by labels.
        if let Some(secrets) = cluster.objects.get_mut(&(String::new(), "v1".to_owned(), "secrets".to_owned())) {
            let is_selected = ask.parameter("labelSelector").as_deref() == Some("owner=helm,status=deployed");
            secrets.retain(|secret| is_selected && secret["metadata"]["labels"]["status"] == "deployed");
        }
        cluster.answer(ask)
    });
    let account = Account::new(&server);
    assert_verdict(&account.gate("1.25", &[]), READY);
    let whole = |ask: &Ask| ask.path == "/api/v1/secrets" && !ask.header("accept").contains("PartialObjectMetadata");
    assert!(!server.asked().iter().any(whole), "Secrets are read only with --helm");
    let answered = account.gate("1.25", &["--helm"]);
    assert_verdict(&answered, BLOCKED);
    assert_eq!(
        answered.messages("upgrade/removed-api-in-use", "fail"),
        ["PodDisruptionBudget web is written in policy/v1beta1, not served since 1.25"]
    );
    assert!(answered.report().to_string().contains("in Helm release shop/web revision 2"));
    assert_eq!(server.asked().iter().filter(|ask| whole(ask)).count(), 3, "13 releases by pages of 5");
}

#[test]
fn releases_that_may_not_be_read_leave_the_gate_open() {
    let cluster = Cluster::of("cluster-1.24", &[]);
    let server =
        Server::start(move |ask| if ask.path.ends_with("/secrets") { denied(ask) } else { cluster.answer(ask) });
    let answered = Account::new(&server).gate("1.25", &["--helm"]);
    assert_verdict(&answered, INCONCLUSIVE);
    assert!(answered.messages("upgrade/removed-api-in-use", "unknown").join("").contains("list secrets: "));
}

/// The metrics of an API server: a client that watches cron jobs in v1beta1.
fn metrics(requests: usize) -> Reply {
    Reply::text(&format!(
        "# TYPE apiserver_requested_deprecated_apis gauge\n\
         apiserver_requested_deprecated_apis{{group=\"batch\",removed_release=\"1.25\",resource=\"cronjobs\",subresource=\"\",version=\"v1beta1\"}} 1\n\
         apiserver_request_total{{code=\"200\",component=\"apiserver\",group=\"batch\",resource=\"cronjobs\",scope=\"namespace\",verb=\"LIST\",version=\"v1beta1\"}} {requests}\n"
    ))
}

#[test]
fn two_scrapes_tell_a_client_that_still_asks_from_one_that_is_gone() {
    for (step, verdict, message) in [(3, BLOCKED, "; 3 requests came while it was watched"), (0, READY, "")] {
        let cluster = Cluster::of("cluster-1.24", &[]);
        let scrapes = AtomicUsize::new(0);
        let server = Server::start(move |ask| {
            if ask.path == "/metrics" {
                metrics(10 + step * scrapes.fetch_add(1, Ordering::Relaxed))
            } else {
                cluster.answer(ask)
            }
        });
        let account = Account::new(&server);
        let answered = account.gate("1.25", &["--watch-requests", "1s"]);
        assert_verdict(&answered, verdict);
        assert_eq!(server.asked_of("/metrics").len(), 2);
        if step > 0 {
            let messages = answered.messages("upgrade/removed-api-requested", "fail");
            assert!(messages.len() == 1 && messages[0].ends_with(message), "{messages:?}");
        }
        // One scrape tells only that someone asked since the server's start.
        assert_verdict(&account.gate("1.25", &[]), BLOCKED);
    }
}
