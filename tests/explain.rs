//! `scanner explain`: every error text of the course and of recorded faults
//! leads to its cause, healthy logs lead to none, and facts confirm or refute.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use scanner::explain::{Explanation, Known, Log, Looked, Matcher};
use scanner::rule::{LoadOptions, RuleSet, builtin_symptoms};
use serde_json::Value as Json;

const NOW: &str = "2026-11-26T00:00:00Z";

/// Error texts as the course and recorded faults have them, and the first cause of each.
const TEXTS: &[(&str, &str)] = &[
    (
        "QEMU: Checking if device /dev/kvm exists : FAIL (Check that the 'kvm-intel' or 'kvm-amd' modules are loaded & the BIOS has enabled virtualization)",
        "kernel/kvm-unavailable",
    ),
    ("modprobe: ERROR: could not insert 'kvm_intel': Operation not supported", "kernel/kvm-unavailable"),
    (
        "[kubelet-check] The HTTP call equal to 'curl -sSL http://localhost:10248/healthz' failed with error: Get \"http://localhost:10248/healthz\": dial tcp [::1]:10248: connect: connection refused.",
        "runtime/cgroup-driver-mismatch",
    ),
    ("[kubelet-check] The kubelet is not healthy after 4m0.000448793s", "runtime/cgroup-driver-mismatch"),
    (
        r#"Aug 07 15:10:45 ckalab2 kubelet[11394]: E0807 15:10:45.179485   11394 server.go:294] "Failed to run kubelet" err="failed to run Kubelet: misconfiguration: kubelet cgroup driver: \"systemd\" is different from docker cgroup driver: \"cgroupfs\"""#,
        "runtime/cgroup-driver-mismatch",
    ),
    (
        "WARN[0000] image connect using default endpoints: [unix:///var/run/dockershim.sock unix:///run/containerd/containerd.sock unix:///run/crio/crio.sock]. As the default settings are now deprecated, you should set the endpoint instead.",
        "runtime/crictl-endpoint-unset",
    ),
    (
        "ERRO[0002] connect endpoint 'unix:///var/run/dockershim.sock', make sure you are running as root and the endpoint has been started: context deadline exceeded",
        "runtime/cri-endpoint-unreachable",
    ),
    (
        "FATA[0000] listing images: rpc error: code = Unimplemented desc = unknown service runtime.v1alpha2.ImageService",
        "runtime/cri-plugin-disabled",
    ),
    (
        "validate service connection: rpc error: code = Unimplemented desc = unknown service runtime.v1.ImageService",
        "runtime/cri-plugin-disabled",
    ),
    (
        "io.containerd.snapshotter.v1          devmapper                linux/amd64    error",
        "symptoms/containerd-snapshotter-error/1",
    ),
    (
        "FATA[0013] needs CNI plugin &{\"bridge\" \"nerdctl0\" %!q(bool=true)} to be installed in CNI_PATH (\"/opt/cni/bin\"), see https://github.com/containernetworking/plugins/releases: exec: \"/opt/cni/bin/bridge\": stat /opt/cni/bin/bridge: no such file or directory",
        "network/cni-plugin-missing",
    ),
    ("failed to find plugin \"bridge\" in path [/opt/cni/bin]", "network/cni-plugin-missing"),
    ("runc: undefined symbol: seccomp_notify_respond", "runtime/runc-libseccomp-mismatch"),
    ("Internal error occurred: account is not active", "storage/claim-pending"),
    (
        "unexpected error getting claim reference: selfLink was empty, can't make reference",
        "storage/claim-stuck-on-selflink",
    ),
    (
        "repomd.xml: [Errno 14] curl#60 - \"The certificate issuer\u{2018}s certificate has expired\"",
        "certificate-issuer-expired/1",
    ),
    ("Peer's Certificate issuer's certificate has expired.", "certificate-issuer-expired/1"),
    ("HEALTH_WARN OSD count 0 < osd_pool_default_size 1", "ceph-too-few-osds/1"),
    ("Created no osd(s) on host lab-c2009-ceph-aio; already created?", "ceph-no-osd-created/1"),
    ("            1 pool(s) have no replicas configured", "storage/ceph-replica-one"),
    (
        "unable to configure the Docker daemon with file /etc/docker/daemon.json: the following directives are specified both as a flag and in the configuration file: exec-opts",
        "runtime/docker-flag-conflict",
    ),
    (
        "sysctl: cannot stat /proc/sys/net/bridge/bridge-nf-call-iptables: No such file or directory",
        "kernel/module-missing",
    ),
    (
        "modprobe: FATAL: Module nf_conntrack_ipv4 not found in directory /lib/modules/5.4.260",
        "conntrack-ipv4-module/1",
    ),
    (
        "Warning  IPVSDeprecation  The ipvs proxier is now deprecated and may be removed in a future release. Please use 'nftables' instead.",
        "network/ipvs-deprecated",
    ),
    ("ctr: failed to resolve reference \"nginx\": object required", "image-name-short/1"),
    (
        "mount: bad option; for several filesystems (e.g. nfs) you might need a /sbin/mount.<type> helper program",
        "storage/nfs-client-missing",
    ),
    ("mount.nfs: Connection timed out", "storage/nfs-server-localhost"),
    (
        "error retrieving resource lock default/fuseim.pri-ifs: endpoints \"fuseim.pri-ifs\" is forbidden: User \"system:serviceaccount:default:nfs\" cannot get resource \"endpoints\"",
        "leader-lock-forbidden/1",
    ),
    (
        "MountVolume.SetUp failed for volume \"ceph-csi-encryption-kms-config\" : configmap \"ceph-csi-encryption-kms-config\" not found",
        "symptoms/volume-source-missing/1",
    ),
    ("rbd: map failed exit status 110, possible ms_mode mismatch", "storage/ceph-monitor-protocol"),
    ("failed to provision volume: empty imageFeatures parameter", "ceph-image-features-empty/1"),
    ("member 8211f1d0f64f3269 has already been bootstrapped", "node/leftovers-after-reset"),
    ("request sent was ignored (cluster ID mismatch: peer[a]=b, local=c)", "node/leftovers-after-reset"),
    (
        "Node password rejected, duplicate hostname or contents of '/etc/rancher/node/password' may not match server node-passwd entry",
        "node/duplicate-hostname",
    ),
    (
        "level=fatal msg=\"The ipsec backend is deprecated and was removed in k3s v1.27; please switch to wireguard-native.\"",
        "cluster/k3s-removed-flannel-backend",
    ),
    (
        "Waiting for a volume to be created either by the external provisioner 'fuseim.pri/ifs' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.",
        "storage/provisioner-missing",
    ),
    ("no persistent volumes available for this claim and no storage class is set", "storage/claim-pending"),
    ("storageclass.storage.k8s.io \"nosuch\" not found", "storage/claim-pending"),
    (
        "metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use \"storageClassName\" attribute instead",
        "storage/beta-class-annotation",
    ),
    (
        "Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
        "storage/provisioner-needs-selflink",
    ),
    (
        "Failed to create pod sandbox: rpc error: code = Unknown desc = unable to get OCI runtime for sandbox \"0ab\": no runtime for \"nvidia\" is configured",
        "gpu/runtime-not-configured",
    ),
    (
        "Failed to create pod sandbox: rpc error: code = Unknown desc = unable to get OCI runtime for sandbox \"0ab\": no runtime for \"runsc\" is configured",
        "runtime/handler-missing",
    ),
    (
        "Error creating: pods \"rcd-x\" is forbidden: pod rejected: RuntimeClass \"seedtest-dom-absent\" not found",
        "workload/runtime-class-missing",
    ),
    (
        "kubelet does not have ClusterDNS IP configured and cannot create Pod using \"ClusterFirst\" policy. Falling back to \"Default\" policy.",
        "symptoms/cluster-dns-unset/1",
    ),
    ("no matches for kind \"RuntimeClass\" in version \"node.k8s.io/v1beta1\"", "upgrade/removed-api-in-use"),
    ("no matches for kind \"PodSecurityPolicy\" in version \"policy/v1beta1\"", "upgrade/pod-security-policy-in-use"),
    ("W feature_gate.go:420] unrecognized feature gate: RemoveSelfLink", "storage/selflink-gate"),
    (
        "\"command failed\" err=\"cannot set feature gate NodeSwap to false, feature is locked to true\"",
        "control-plane/removed-feature-gate",
    ),
    (
        "\"command failed\" err=\"failed to parse kubelet flag: unknown flag: --container-runtime\"",
        "kubelet/removed-flag",
    ),
    (
        "running with swap on is not supported, please disable swap or set --fail-swap-on flag to false",
        "node/swap-enabled",
    ),
    (
        "apiserver_requested_deprecated_apis{group=\"\",removed_release=\"\",resource=\"endpoints\",version=\"v1\"} 1",
        "upgrade/removed-api-requested",
    ),
    ("apiserver_audit_event_total 0", "control-plane/audit-disabled"),
    (
        "NetworkReady=false reason:NetworkPluginNotReady message:cni plugin not initialized",
        "network/cni-config-missing",
    ),
    (
        "0/1 nodes are available: 1 Insufficient nvidia.com/mig-1g.5gb. no new claims to deallocate, preemption: 0/1",
        "gpu/mig-profile-unavailable",
    ),
    (
        "invalid MIG configuration: at least one device with migEnabled=true was not configured correctly: device 0 has no MIG devices configured",
        "gpu/mig-enabled-without-instances",
    ),
    ("Failed to initialize NVML: Driver/library version mismatch", "gpu/driver-library-mismatch"),
    ("Failed to initialize NVML: Unknown Error", "gpu/device-access-lost-on-reload"),
    ("NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, GPU has fallen off the bus.", "gpu/xid-error"),
];

fn with_known<T>(work: impl FnOnce(&Known<'_>) -> T) -> T {
    let rules = RuleSet::load(&LoadOptions::default()).unwrap_or_else(|faults| panic!("{}", faults[0].render(false)));
    let symptoms = builtin_symptoms().unwrap_or_else(|faults| panic!("{}", faults[0].render(false)));
    work(&Known::new(&rules, &symptoms).unwrap())
}

fn explain(known: &Known<'_>, text: &str) -> Explanation {
    let mut matcher = Matcher::new(known, NOW.parse().unwrap());
    matcher.text(text);
    matcher.explain(true, &Looked::default())
}

fn explain_log(known: &Known<'_>, mut log: &[u8]) -> Explanation {
    let mut matcher = Matcher::new(known, NOW.parse().unwrap());
    let mut reader = Log::default();
    assert!(!reader.holds_events(&mut log).unwrap());
    loop {
        reader.read(&mut log).unwrap();
        if !reader.look(&mut matcher) {
            break;
        }
    }
    matcher.explain(true, &Looked::default())
}

#[test]
fn every_error_text_of_the_course_and_of_recorded_faults_leads_to_its_cause() {
    let mut faults = Vec::new();
    with_known(|known| {
        for (text, expected) in TEXTS {
            let causes: Vec<String> = explain(known, text).causes.into_iter().map(|cause| cause.name).collect();
            if causes.first().is_none_or(|first| first != expected) {
                faults.push(format!("{text}\n  expected {expected} first, got {causes:?}"));
            }
        }
    });
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Programs quote what others said, and journals and container logs are JSON.
#[test]
fn every_text_is_known_as_well_where_a_log_quotes_it() {
    let mut faults = Vec::new();
    with_known(|known| {
        for (text, expected) in TEXTS {
            let klog = format!("E1125 21:16:50.311876     901 x.go:1] \"Failed\" err={text:?} pod=\"a/b\"");
            let journal = serde_json::json!({"__REALTIME_TIMESTAMP": "1764104401123456", "MESSAGE": klog}).to_string();
            for line in [klog, journal] {
                let found = explain_log(known, format!("{line}\n").as_bytes());
                if !found.causes.iter().any(|cause| cause.name == *expected) {
                    faults.push(format!("{line}\n  does not lead to {expected}"));
                }
            }
        }
    });
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn a_healthy_nodes_log_leads_to_no_cause() {
    let log = fs::read(repository().join("fixtures/logs/healthy-node.log")).unwrap();
    with_known(|known| {
        let found = explain_log(known, &log);
        assert_eq!(found.symptoms, [], "{:?}", found.causes);
        let aside: Vec<_> = found.set_aside.iter().map(|aside| (aside.symptom.as_str(), aside.count)).collect();
        assert_eq!(aside, [("network-not-ready", 4), ("runtime-socket-refused", 1)]);
        assert_eq!(found.input.first_seen.as_deref(), Some("2026-11-25T21:16:47"));
        // Had it gone on, it would be a fault.
        let mut ill = log.clone();
        for minute in 0..30 {
            let line = format!("Nov 25 22:{:02}:00 cn-01 kubelet[901]: E1125 cni plugin not initialized\n", 6 + minute);
            ill.extend_from_slice(line.as_bytes());
        }
        let found = explain_log(known, &ill);
        assert_eq!(found.causes[0].name, "network/cni-config-missing");
    });
}

#[test]
fn a_log_is_counted_dated_and_sampled() {
    with_known(|known| {
        let mut log = String::new();
        for second in 0..50 {
            log.push_str("Nov 25 10:00:00 n kubelet[1]: I1125 all is well\n");
            let time = format!("Nov 25 10:01:{second:02} n kubelet[1]: E1125");
            log.push_str(&time);
            log.push_str(" failed to find plugin \\\"flannel\\\" in path [/opt/cni/bin] token=abcdef123456\n");
        }
        let found = explain_log(known, log.as_bytes());
        let symptom = &found.symptoms[0];
        assert_eq!(
            (symptom.symptom.as_str(), symptom.count, symptom.first_line),
            ("network/cni-plugin-missing", 50, 2)
        );
        assert_eq!(symptom.first_seen.as_deref(), Some("2026-11-25T10:01:00"));
        assert_eq!(symptom.last_seen.as_deref(), Some("2026-11-25T10:01:49"));
        assert!(symptom.sample.contains("token=(left out)"), "{}", symptom.sample);
        assert_eq!((found.input.lines, found.input.kind), (100, "log"));
        assert_eq!(found.input.bytes, u64::try_from(log.len()).unwrap());
    });
}

#[test]
fn binary_input_and_endless_lines_do_no_harm() {
    with_known(|known| {
        let mut log: Vec<u8> =
            (0..3_000_000_u32).map(|at| u8::try_from(at.wrapping_mul(2_654_435_761) >> 24).unwrap()).collect();
        log.extend_from_slice(b"\n\xff\xfeE1125 failed to find plugin \"x\" in path [/opt]\x00\xff\n");
        log.extend_from_slice(&vec![b'x'; 2_500_000]);
        log.extend_from_slice(
            b" failed to find plugin \"y\" in path [/opt]\nlast line without end: cni config uninitialized",
        );
        let found = explain_log(known, &log);
        let counts: Vec<_> = found.symptoms.iter().map(|seen| (seen.symptom.as_str(), seen.count)).collect();
        assert_eq!(counts, [("network/cni-plugin-missing", 1), ("network-not-ready", 1)]);
        assert_eq!(found.input.cut_lines, 1, "behind a mebibyte nothing is looked at, and that is told");
    });
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(arguments: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("scanner"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who explains a name does not read stdin.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

fn json(arguments: &[&str], stdin: &str) -> Json {
    let output = run(&[arguments, &["--format", "json"]].concat(), stdin);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let document: Json = serde_json::from_slice(&output.stdout).unwrap();
    let schema = fs::read_to_string(repository().join("reports/explain.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let faults: Vec<_> = validator.iter_errors(&document).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}\n{document:#}");
    document
}

const EVENTS: &str = r#"{
    "apiVersion": "v1",
    "items": [
        {"apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "FailedMount", "count": 7,
         "firstTimestamp": "2026-11-25T10:00:00Z", "lastTimestamp": "2026-11-25T10:20:00Z",
         "metadata": {"name": "a.1", "namespace": "ceph"},
         "involvedObject": {"apiVersion": "v1", "kind": "Pod", "namespace": "ceph", "name": "csi-0"},
         "message": "MountVolume.SetUp failed for volume \"kms\" : configmap \"ceph-csi-encryption-kms-config\" not found"},
        {"apiVersion": "events.k8s.io/v1", "kind": "Event", "type": "Warning", "reason": "FailedScheduling",
         "eventTime": "2026-11-25T10:05:00.123456Z", "deprecatedCount": 1,
         "regarding": {"kind": "Pod", "namespace": "ml", "name": "train-0"},
         "note": "0/1 nodes are available: 1 Insufficient nvidia.com/mig-1g.5gb. no new claims to deallocate"},
        {"kind": "Event", "reason": "Pulled", "message": "Container image already present", "involvedObject": {"kind": "Pod", "name": "x"}}
    ],
    "kind": "List"
}"#;

#[test]
fn events_are_told_from_a_log_and_name_their_subjects() {
    let yaml = "apiVersion: v1\nitems:\n- kind: Event\n  reason: MissingClusterDNS\n  count: 3\n  message: 'kubelet does not have ClusterDNS IP configured'\n  involvedObject: {kind: Pod, namespace: a, name: b}\nkind: List\n";
    let found = json(&["explain", "-"], EVENTS);
    assert_eq!((&found["input"]["kind"], &found["input"]["lines"]), (&"events".into(), &3.into()));
    let mount = &found["symptoms"][0];
    assert_eq!((&mount["symptom"], &mount["count"]), (&"volume-source-missing".into(), &7.into()));
    assert_eq!(mount["subjects"][0]["name"], "csi-0");
    assert_eq!(found["symptoms"][1]["subjects"][0]["namespace"], "ml");
    let compact: Json = serde_json::from_str(EVENTS).unwrap();
    assert_eq!(json(&["explain", "-"], &compact.to_string())["symptoms"], found["symptoms"]);
    assert_eq!(json(&["explain", "-"], yaml)["symptoms"][0]["count"], 3);
    let broken = run(&["explain", "-"], &EVENTS[..EVENTS.len() - 40]);
    assert_eq!(broken.status.code(), Some(2), "a document that breaks off is told of, not read half");
}

#[test]
fn facts_confirm_and_refute_and_what_cannot_be_read_does_neither() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("etc/os-release", "ID=ubuntu\nVERSION_ID=\"24.04\"\n");
    write("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n/swapfile file 2097148 0 -2\n");
    write(
        "var/lib/kubelet/config.yaml",
        "kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1\nfailSwapOn: true\n",
    );
    write("proc/1/mounts", "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n");
    write("proc/1/comm", "systemd\n");
    let root = folder.path().to_str().unwrap();
    let text = "[kubelet-check] The kubelet is not healthy after 4m0s";
    let found = json(&["explain", text, "--root", root], "");
    let of = |name: &str| {
        let causes = found["causes"].as_array().unwrap();
        causes.iter().find(|cause| cause["name"] == name).unwrap_or_else(|| panic!("{name}: {found:#}")).clone()
    };
    assert_eq!(found["causes"][0]["name"], "node/swap-enabled", "what is confirmed comes first: {found:#}");
    assert_eq!(of("node/swap-enabled")["confirmation"], "confirmed");
    assert_eq!(of("node/swap-enabled")["findings"][0]["evidence"][0]["source"]["path"], "/proc/swaps");
    assert_eq!(of("symptoms/kubelet-not-healthy/3")["confirmation"], "refuted");
    assert_eq!(of("node/swap-enabled")["severity"], "critical");
    assert_eq!(of("runtime/cgroup-driver-mismatch")["confirmation"], "could-not-look", "{found:#}");
    let nothing = json(&["explain", text], "");
    assert!(nothing["causes"].as_array().unwrap().iter().all(|cause| cause["confirmation"] == "not-looked"));
    let of_cluster = json(&["explain", "account is not active", "--root", root], "");
    let claim = of_cluster["causes"].as_array().unwrap().iter().find(|cause| cause["name"] == "storage/claim-pending");
    assert_eq!(claim.unwrap()["confirmation"], "not-looked", "{of_cluster:#}");
    assert!(claim.unwrap()["reason"].as_str().unwrap().contains("--cluster"));
}

#[test]
fn a_host_is_joined_to_its_node_when_both_confirm() {
    let root = repository().join("fixtures/hosts/ubuntu-24.04-containerd-2.3/root");
    let name = fs::read_to_string(root.join("etc/hostname")).unwrap();
    let objects = format!(
        "apiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {{name: gvisor}}\nhandler: runsc\n---
apiVersion: v1\nkind: Pod\nmetadata: {{name: a, namespace: b}}
spec: {{runtimeClassName: gvisor, nodeName: {name}, containers: [{{name: c, image: 'd:1'}}]}}\n---
apiVersion: v1\nkind: Node\nmetadata: {{name: {name}, labels: {{kubernetes.io/os: linux}}}}
status: {{nodeInfo: {{operatingSystem: linux}}}}\n",
        name = name.trim()
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("objects.yaml");
    fs::write(&file, objects).unwrap();
    let text = "no runtime for \"runsc\" is configured";
    let arguments = ["explain", text, "--root", root.to_str().unwrap(), "--objects", file.to_str().unwrap()];
    let found = json(&arguments, "");
    let causes = found["causes"].as_array().unwrap();
    let cause = causes.iter().find(|cause| cause["name"] == "runtime/handler-missing").unwrap();
    let subjects: Vec<_> = cause["findings"].as_array().unwrap().iter().map(|finding| &finding["subject"]).collect();
    assert_eq!(cause["confirmation"], "confirmed", "what the Node is asked to run is asked of its host: {found:#}");
    assert_eq!(subjects, [&serde_json::json!({"kind": "host", "name": name.trim()})], "{found:#}");
}

#[test]
fn symptoms_and_capture_findings_are_explained_by_their_names() {
    for (name, part) in [("kubelet-not-healthy", "node/swap-enabled"), ("mtu-black-hole", "network/mtu-exceeds-uplink")]
    {
        let output = run(&["explain", name], "");
        assert!(String::from_utf8_lossy(&output.stdout).contains(part), "{output:?}");
    }
}

/// Names of capture findings are known to `cli` alone, so that they are compared here.
#[test]
fn every_capture_finding_that_a_symptom_names_is_there() {
    let symptoms = builtin_symptoms().unwrap_or_else(|faults| panic!("{}", faults[0].render(false)));
    for cause in symptoms.iter().flat_map(|symptom| &symptom.causes) {
        if let scanner::rule::Cause::Capture(name) = cause {
            assert!(scanner::capture::finding::CATALOGUE.iter().any(|entry| entry.name == name), "{name}");
        }
    }
}
