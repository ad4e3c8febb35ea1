//! Storage, from objects as the API gives them.

use std::collections::BTreeSet;

use crate::fact::cluster::Collection;
use crate::fact::cluster::file::Files;
use crate::fact::{Fact, Facts};

fn read(objects: &str) -> Facts {
    let collection = Collection::new(&BTreeSet::from(["claims".to_owned()]));
    let mut files = Files::new(&collection);
    files.read("objects.yaml", objects);
    assert_eq!(files.finish().1, []);
    collection.facts("not read")
}

fn first(facts: &Facts, list: &str, member: &str) -> Option<Fact> {
    facts.get(list).and_then(Fact::list)?.first()?.member(member).cloned()
}

fn text(facts: &Facts, list: &str, member: &str) -> Option<String> {
    first(facts, list, member).as_ref().and_then(Fact::text).map(str::to_owned)
}

const CLAIM: &str = "
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: shop}
spec: {storageClassName: nfs, accessModes: [ReadWriteMany]}
status: {phase: Pending}
---
";

const CLASS: &str = "
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: nfs}
provisioner: fuseim.pri/ifs
parameters: {archiveOnDelete: 'false', restuserkey: hidden, secretName: named}
---
";

fn event(kind: &str, reason: &str, message: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Event\nmetadata: {{name: {reason}, namespace: shop}}\ninvolvedObject: {{kind: PersistentVolumeClaim, namespace: shop, name: data}}\ntype: {kind}\nreason: {reason}\nmessage: '{message}'\n---\n"
    )
}

#[test]
fn events_of_type_normal_tell_why_a_claim_is_pending() {
    let waiting = "Waiting for a volume to be created either by the external provisioner ''fuseim.pri/ifs'' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.";
    let told = [
        (event("Normal", "ExternalProvisioning", waiting), "external-provisioner-silent"),
        (
            event(
                "Normal",
                "FailedBinding",
                "no persistent volumes available for this claim and no storage class is set",
            ),
            "no-volume",
        ),
        (event("Warning", "ProvisioningFailed", "storageclass.storage.k8s.io \"nfs\" not found"), "class-missing"),
        (
            event("Normal", "WaitForFirstConsumer", "waiting for first consumer to be created before binding"),
            "waits-for-consumer",
        ),
        (
            event("Normal", "Provisioning", "External provisioner is provisioning volume for claim \"shop/data\""),
            "being-provisioned",
        ),
    ];
    for (event, cause) in told {
        assert_eq!(
            text(&read(&format!("{CLASS}{CLAIM}{event}")), "claims", "cause").as_deref(),
            Some(cause),
            "{event}"
        );
    }
    let both = event("Normal", "ExternalProvisioning", waiting)
        + &event(
            "Warning",
            "ProvisioningFailed",
            "rpc error: code = DeadlineExceeded desc = context deadline exceeded",
        );
    assert_eq!(
        text(&read(&format!("{CLASS}{CLAIM}{both}")), "claims", "cause").as_deref(),
        Some("backend-unreachable")
    );
}

#[test]
fn without_an_event_the_fields_tell_or_nothing_does() {
    let cause = |objects: &str| first(&read(objects), "claims", "cause");
    assert!(matches!(cause(&format!("{CLASS}{CLAIM}")), Some(Fact::Unreadable { .. })));
    let other = CLASS.replace("name: nfs", "name: other");
    assert_eq!(cause(&format!("{other}{CLAIM}")).as_ref().and_then(Fact::text), Some("class-missing"));
    let classless = CLAIM.replace("storageClassName: nfs, ", "");
    assert_eq!(cause(&format!("{other}{classless}")).as_ref().and_then(Fact::text), Some("no-class"));
    let waits = CLASS.replace("provisioner:", "volumeBindingMode: WaitForFirstConsumer\nprovisioner:");
    assert_eq!(cause(&format!("{waits}{CLAIM}")).as_ref().and_then(Fact::text), Some("waits-for-consumer"));
}

#[test]
fn the_beta_annotation_wins_over_the_field() {
    let claim = CLAIM
        .replace("namespace: shop}", "namespace: shop, annotations: {volume.beta.kubernetes.io/storage-class: old}}");
    let facts = read(&format!("{CLASS}{claim}"));
    assert_eq!(text(&facts, "claims", "class").as_deref(), Some("old"));
    assert_eq!(text(&facts, "claims", "beta_class").as_deref(), Some("old"));
}

#[test]
fn secrets_among_parameters_are_left_out_and_names_of_secrets_are_not() {
    let parameters = first(&read(CLASS), "storage_classes", "parameters").unwrap();
    assert!(parameters.member("restuserkey").is_none());
    assert_eq!(parameters.member("secretName").and_then(Fact::text), Some("named"));
}

const PROVISIONER: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: nfs-client-provisioner, namespace: kube-system}
spec:
  template:
    spec:
      containers:
        - name: p
          image: quay.io/external_storage/nfs-client-provisioner:latest
          env: [{name: PROVISIONER_NAME, value: fuseim.pri/ifs}, {name: NFS_SERVER, value: localhost}, {name: NFS_PATH, value: /data}]
      volumes: [{name: nfs, nfs: {server: 192.168.2.5, path: /data}}]
---
";

#[test]
fn a_provisioner_is_told_by_what_it_is_given() {
    let facts = read(&format!("{CLASS}{CLAIM}{PROVISIONER}"));
    assert_eq!(text(&facts, "provisioners", "announces").as_deref(), Some("fuseim.pri/ifs"));
    assert_eq!(text(&facts, "provisioners", "product").as_deref(), Some("nfs-client-provisioner"));
    assert_eq!(first(&facts, "provisioners", "pending_claims").and_then(|count| count.int()), Some(1));
    assert_eq!(first(&facts, "storage_classes", "is_announced").and_then(|told| told.bool()), Some(true));
    let renamed = PROVISIONER.replace("quay.io/external_storage/nfs-client-provisioner:latest", "mycorp/storage:1");
    assert!(matches!(first(&read(&renamed), "provisioners", "product"), Some(Fact::Unreadable { .. })));
    let hidden = PROVISIONER.replace("value: fuseim.pri/ifs", "valueFrom: {configMapKeyRef: {name: c, key: k}}");
    let facts = read(&format!("{CLASS}{CLAIM}{hidden}"));
    assert!(matches!(first(&facts, "storage_classes", "is_announced"), Some(Fact::Unreadable { .. })));
}

#[test]
fn a_pod_tells_the_digest_that_its_deployment_runs() {
    let pod = "
apiVersion: v1
kind: Pod
metadata:
  name: nfs-client-provisioner-5d4f8c7b9-abcde
  namespace: kube-system
  labels: {pod-template-hash: 5d4f8c7b9}
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: nfs-client-provisioner-5d4f8c7b9, controller: true}]
spec:
  containers: [{name: p, image: 'mycorp/storage:1', env: [{name: PROVISIONER_NAME, value: fuseim.pri/ifs}]}]
status:
  containerStatuses: [{name: p, imageID: 'docker-pullable://mycorp/storage@sha256:022ea0'}]
---
";
    for objects in [format!("{PROVISIONER}{pod}"), format!("{pod}{PROVISIONER}"), pod.to_owned()] {
        let facts = read(&objects);
        assert_eq!(facts.get("provisioners").and_then(Fact::list).map(<[Fact]>::len), Some(1));
        let digests = first(&facts, "provisioners", "digests").unwrap();
        assert_eq!(digests.list().unwrap()[0].text(), Some("sha256:022ea0"));
        assert_eq!(text(&facts, "provisioners", "name").as_deref(), Some("nfs-client-provisioner"));
    }
}

#[test]
fn nobody_announces_a_name_only_where_something_tells_it() {
    let announced = |objects: &str| first(&read(objects), "storage_classes", "is_announced");
    assert!(matches!(announced(CLASS), Some(Fact::Unreadable { .. })), "no workload was recorded");
    let other = PROVISIONER.replace("fuseim.pri/ifs", "other/ifs");
    assert_eq!(announced(&format!("{CLASS}{other}")).and_then(|told| told.bool()), Some(false), "a mistyped name");
    let driver = CLASS.replace("fuseim.pri/ifs", "nfs.csi.k8s.io");
    assert!(
        matches!(announced(&format!("{driver}{PROVISIONER}")), Some(Fact::Unreadable { .. })),
        "no CSIDriver was recorded"
    );
    let in_tree = CLASS.replace("fuseim.pri/ifs", "kubernetes.io/no-provisioner");
    assert_eq!(announced(&in_tree).and_then(|told| told.bool()), Some(true));
    let mut failed = event("Warning", "ProvisioningFailed", "rpc error");
    failed.insert_str(failed.len() - 4, "source: {component: 'fuseim.pri/ifs_nfs-1_0b2c'}\n");
    assert_eq!(announced(&format!("{CLASS}{failed}")).and_then(|told| told.bool()), Some(true), "it answered");
}

#[test]
fn a_volumes_source_and_attributes_are_read() {
    let facts = read("
apiVersion: v1
kind: PersistentVolume
metadata: {name: pvc-1, annotations: {pv.kubernetes.io/provisioned-by: rbd.csi.ceph.com}}
spec:
  capacity: {storage: 1Gi}
  claimRef: {namespace: shop, name: data}
  persistentVolumeReclaimPolicy: Delete
  csi: {driver: rbd.csi.ceph.com, volumeHandle: h, volumeAttributes: {imageFeatures: 'layering,object-map', mapOptions: 'krbd:ms_mode=legacy'}}
");
    assert_eq!(text(&facts, "volumes", "kind").as_deref(), Some("csi"));
    assert_eq!(text(&facts, "volumes", "map_options").as_deref(), Some("krbd:ms_mode=legacy"));
    let features = first(&facts, "volumes", "image_features").unwrap();
    assert_eq!(features.list().unwrap()[1].text(), Some("object-map"));
}
