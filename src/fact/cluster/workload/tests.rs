//! Pods and their owners, from objects as the API gives them.

use std::collections::BTreeSet;

use crate::fact::cluster::file::Files;
use crate::fact::cluster::resource::PODS;
use crate::fact::cluster::{Collection, Listing};
use crate::fact::json::json;
use crate::fact::{Fact, Facts, Source};

fn read(objects: &str) -> Facts {
    let collection = Collection::new(&BTreeSet::from(["workloads".to_owned()]));
    let mut files = Files::new(&collection);
    files.read("objects.yaml", objects);
    assert_eq!(files.finish().1, []);
    // As they are written: bare pods that are alike are held together.
    serde_json::from_value(serde_json::to_value(collection.facts("not read")).unwrap()).unwrap()
}

fn workloads(facts: &Facts) -> Vec<String> {
    let name = |fact: &Fact| match fact {
        Fact::Known { .. } => {
            let text = |key| fact.member(key).and_then(Fact::text).unwrap_or_default().to_owned();
            format!("{}/{}/{}", text("kind"), text("namespace"), text("name"))
        }
        Fact::Unreadable { reason, .. } => reason.clone(),
        Fact::Absent { .. } => "absent".to_owned(),
    };
    facts.get("workloads").unwrap().list().unwrap().iter().map(name).collect()
}

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  template:
    spec:
      serviceAccountName: web
      runtimeClassName: gvisor
      hostNetwork: true
      hostPID: false
      nodeSelector: {disk: ssd}
      tolerations: [{key: gpu, operator: Exists}]
      initContainers: [{name: init, image: busybox}]
      containers:
        - {name: web, image: 'registry:5000/shop/web:1.2@sha256:abc'}
      volumes:
        - {name: sock, hostPath: {path: /var/run/docker.sock, type: Socket}}
        - {name: conf, configMap: {name: web}}
        - {name: data, nfs: {server: 10.0.0.5, path: /data}}
        - {name: scratch, emptyDir: {}}
---
";

const POD: &str = "
apiVersion: v1
kind: Pod
metadata:
  name: web-5d4f8c7b9-abcde
  namespace: shop
  labels: {pod-template-hash: 5d4f8c7b9}
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-5d4f8c7b9, controller: true}]
spec:
  containers: [{name: web, image: 'web:1.2'}]
status:
  containerStatuses:
    - name: web
      image: web:1.2
      state: {waiting: {reason: ImagePullBackOff, message: 'Back-off pulling image \"web:1.2\"'}}
---
";

#[test]
fn a_template_is_taken_apart() {
    let facts = read(DEPLOYMENT);
    let workload = &facts.get("workloads").unwrap().list().unwrap()[0];
    let images = workload.member("images").and_then(Fact::list).unwrap();
    let of = |at: usize, key: &str| images[at].member(key).and_then(Fact::text);
    assert_eq!((of(0, "name"), of(0, "registry"), of(0, "tag")), (Some("busybox"), Some("docker.io"), None));
    assert_eq!((of(1, "registry"), of(1, "repository")), (Some("registry:5000"), Some("shop/web")));
    assert_eq!((of(1, "tag"), of(1, "digest"), of(1, "base")), (Some("1.2"), Some("sha256:abc"), Some("web")));
    let Some(Source::Object { object, path }) = images[1].member("name").unwrap().source() else { panic!() };
    assert_eq!((object.kind.as_str(), path.as_ref()), ("Deployment", ".spec.template.spec.containers[0].image"));
    let volumes = workload.member("volumes").and_then(Fact::list).unwrap();
    let kinds: Vec<_> = volumes.iter().filter_map(|volume| volume.member("kind")?.text()).collect();
    assert_eq!(kinds, ["hostPath", "nfs", "emptyDir"]);
    assert_eq!(volumes[0].member("path").and_then(Fact::text), Some("/var/run/docker.sock"));
    assert_eq!(volumes[1].member("server").and_then(Fact::text), Some("10.0.0.5"));
    assert_eq!(workload.member("replicas").and_then(Fact::int), Some(3));
    assert_eq!(workload.member("host_network").and_then(Fact::bool), Some(true));
    assert_eq!(workload.member("host_pid"), None);
    assert_eq!(workload.member("service_account").and_then(Fact::text), Some("web"));
}

#[test]
fn a_pod_is_folded_into_its_deployment_though_the_replica_set_was_not_read() {
    assert_eq!(workloads(&read(POD)), ["Deployment/shop/web"]);
    let facts = read(&format!("{DEPLOYMENT}{POD}"));
    assert_eq!(workloads(&facts), ["Deployment/shop/web"]);
    let problems = facts.get("pod_problems").unwrap().list().unwrap();
    assert_eq!(problems[0].member("name").and_then(Fact::text), Some("web"));
    assert_eq!(problems[0].member("pods").and_then(Fact::int), Some(1));
}

#[test]
fn owners_of_unknown_kinds_are_workloads_too() {
    let rollout = POD
        .replace("name: web-5d4f8c7b9, ", "name: canary-1, ")
        .replace("pod-template-hash", "rollouts-pod-template-hash");
    let replica_set = "
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: canary-1
  namespace: shop
  ownerReferences: [{apiVersion: argoproj.io/v1alpha1, kind: Rollout, name: canary, controller: true}]
---
";
    assert_eq!(workloads(&read(&format!("{rollout}{replica_set}"))), ["Rollout/shop/canary"]);
    let bare = replica_set.replace(
        "  ownerReferences: [{apiVersion: argoproj.io/v1alpha1, kind: Rollout, name: canary, controller: true}]\n",
        "",
    );
    assert_eq!(workloads(&read(&format!("{rollout}{bare}"))), ["ReplicaSet/shop/canary-1"]);
}

#[test]
fn a_cron_jobs_job_is_no_workload_of_its_own() {
    let objects = "
apiVersion: batch/v1
kind: CronJob
metadata: {name: backup, namespace: a}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: 'tool:1'}]}}}}}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: backup-29000000
  namespace: a
  ownerReferences: [{apiVersion: batch/v1, kind: CronJob, name: backup, controller: true}]
spec: {template: {spec: {containers: [{name: c, image: 'tool:0'}]}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once, namespace: a}
spec: {template: {spec: {containers: [{name: c, image: 'tool:1'}]}}}
---
apiVersion: v1
kind: Pod
metadata:
  name: backup-29000000-x
  namespace: a
  ownerReferences: [{apiVersion: batch/v1, kind: Job, name: backup-29000000, controller: true}]
spec: {containers: [{name: c, image: 'tool:0'}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: kube-apiserver-cn-01
  namespace: kube-system
  ownerReferences: [{apiVersion: v1, kind: Node, name: cn-01, controller: true}]
spec: {containers: [{name: c, image: 'registry.k8s.io/kube-apiserver:v1.36.2'}]}
";
    assert_eq!(workloads(&read(objects)), ["CronJob/a/backup", "Job/a/once", "Pod/kube-system/kube-apiserver-cn-01"]);
}

#[test]
fn an_event_tells_why_the_pull_fails_where_the_state_does_not() {
    let event = "
apiVersion: v1
kind: Event
metadata: {name: e, namespace: shop}
involvedObject: {kind: Pod, namespace: shop, name: web-5d4f8c7b9-abcde}
reason: Failed
type: Warning
message: 'Failed to pull image \"web:1.2\": rpc error: code = NotFound desc = docker.io/library/web:1.2: not found'
";
    let newer = event
        .replace("apiVersion: v1", "apiVersion: events.k8s.io/v1")
        .replace("message:", "note:")
        .replace("involvedObject", "regarding");
    for event in [event, newer.as_str()] {
        let facts = read(&format!("{POD}{event}"));
        let problem = &facts.get("pod_problems").unwrap().list().unwrap()[0];
        assert_eq!(problem.member("cause").and_then(Fact::text), Some("not-found"), "{event}");
    }
    let facts = read(POD);
    let problem = &facts.get("pod_problems").unwrap().list().unwrap()[0];
    assert_eq!(problem.member("cause").and_then(Fact::text), Some("other"));
}

#[test]
fn a_runtime_class_is_missing_only_where_something_tells_it() {
    let exists =
        |facts: &Facts| facts.get("workloads").unwrap().list().unwrap()[0].member("runtime_class_exists").cloned();
    assert!(matches!(exists(&read(DEPLOYMENT)), Some(Fact::Unreadable { .. })), "the files may lack the classes");
    let other = "
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: kata}
handler: kata
";
    assert_eq!(exists(&read(&format!("{DEPLOYMENT}{other}"))).and_then(|fact| fact.bool()), Some(false));
    let same = other.replace("kata", "gvisor");
    assert_eq!(exists(&read(&format!("{DEPLOYMENT}{same}"))).and_then(|fact| fact.bool()), Some(true));
    let event = "
apiVersion: v1
kind: Event
metadata: {name: e, namespace: shop}
involvedObject: {kind: ReplicaSet, namespace: shop, name: web-5d4f8c7b9}
reason: FailedCreate
message: 'Error creating: pods \"web-5d4f8c7b9-\" is forbidden: pod rejected: RuntimeClass \"gvisor\" not found'
";
    assert_eq!(exists(&read(&format!("{DEPLOYMENT}{event}"))).and_then(|fact| fact.bool()), Some(false));
}

#[test]
fn a_denied_kind_is_an_element_that_cannot_be_read() {
    let collection = Collection::new(&BTreeSet::from(["workloads".to_owned()]));
    for request in collection.requests().to_vec() {
        let listing = match request.resource().map(|resource| resource.kind) {
            Some("CronJob") => Listing::Unreadable("list cronjobs.batch: forbidden".to_owned()),
            _ => Listing::Complete,
        };
        collection.end(&request, listing);
    }
    assert_eq!(workloads(&collection.facts("not read")), ["list cronjobs.batch: forbidden"]);
}

#[test]
fn files_without_any_workload_say_nothing_of_them() {
    let facts = read("apiVersion: v1\nkind: Node\nmetadata: {name: a}\n");
    assert!(matches!(facts.get("workloads"), Some(Fact::Unreadable { .. })));
}

#[test]
fn bare_pods_that_are_alike_are_held_as_their_names() {
    let collection = Collection::new(&BTreeSet::from(["workloads".to_owned()]));
    let request = collection.requests().iter().find(|request| request.resource() == Some(&PODS)).unwrap();
    for (namespace, name, image, is_well) in [
        ("shop", "c", "web:1", true),
        ("shop", "a", "web:1", true),
        ("shop", "d", "web:1", false),
        ("shop", "b", "web:2", true),
        ("ads", "z", "web:1", true),
        // A list that expired begins again: they were changed meanwhile.
        ("shop", "a", "web:3", true),
        ("shop", "e", "web:1", true),
        ("shop", "e", "web:1", false),
    ] {
        let state = if is_well { "running" } else { "waiting" };
        let pod = json!({
            "metadata": {"name": name, "namespace": namespace, "uid": name},
            "spec": {"runtimeClassName": "gvisor", "containers": [{"name": "web", "image": image}]},
            "status": {"containerStatuses": [{"name": "web", "image": image, "state": {state: {"reason": "ImagePullBackOff"}}}]},
        });
        collection.see(request, &pod);
    }
    for request in collection.requests() {
        collection.end(request, Listing::Complete);
    }
    let facts: Facts = serde_json::from_value(serde_json::to_value(collection.facts("not read")).unwrap()).unwrap();
    let expected = [("ads/z", "web:1", 0), ("shop/a", "web:3", 0), ("shop/b", "web:2", 0), ("shop/c", "web:1", 0)];
    let expected = expected.into_iter().chain([("shop/d", "web:1", 1), ("shop/e", "web:1", 1)]);
    let names: Vec<String> = expected.clone().map(|(name, ..)| format!("Pod/{name}")).collect();
    assert_eq!(workloads(&facts), names);
    let pods = facts.get("workloads").unwrap().list().unwrap();
    for (pod, (name, image, pulls)) in pods.iter().zip(expected) {
        let first = &pod.member("images").unwrap().list().unwrap()[0];
        assert_eq!(first.member("name").and_then(Fact::text), Some(image), "{name}");
        let name = name.rsplit('/').next().unwrap();
        for source in [first.member("name").unwrap().source(), pod.member("name").unwrap().source()] {
            let Some(Source::Object { object, .. }) = source else { panic!("{source:?}") };
            assert_eq!(object.name, name);
        }
        assert_eq!(pod.member("subject").unwrap().member("name").and_then(Fact::text), Some(name));
        assert_eq!(pod.member("failing_pulls").unwrap().list().unwrap().len(), pulls, "{name}");
        assert_eq!(pod.member("runtime_class_exists").and_then(Fact::bool), Some(false), "{name}");
    }
}
