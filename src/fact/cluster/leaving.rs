//! What objects use that an upgrade takes away: volumes of in-tree plugins,
//! the label and taint `node-role.kubernetes.io/master`, and pod security
//! policies.
//!
//! Sources: `PodSpec` of core/v1 in pods and the templates of their owners,
//! `PersistentVolume`, and `StorageClass`. A pod is folded into its topmost
//! owner. Pod security policies are listed by their names, though that itself
//! counts as a request of a deprecated API: where the control plane hides its
//! flags, nothing else tells of policies that admitted no pod yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::resource::{
    CRON_JOBS, CSI_DRIVERS, CSI_NODES, DAEMON_SETS, DEPLOYMENTS, JOBS, POD_SECURITY_POLICIES, PODS, STATEFUL_SETS,
    STORAGE_CLASSES, VOLUMES,
};
use super::workload::{spec_path, top_of};
use super::{Collector, Element, Listing, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::pod_reference::api_references;
use crate::fact::{Fact, Facts, Json, ObjectReference, Source};

pub(super) const COLLECTOR: Collector =
    Collector { name: "leaving", facts: FACTS, requests: REQUESTS, start: || Box::new(Leaving::default()) };

const ALL_PODS: Request = Request::all(&PODS);
const DRIVERS: Request = Request::all(&CSI_DRIVERS);
const DRIVERS_OF_NODES: Request = Request::all(&CSI_NODES);
const POLICIES: Request = Request::metadata(&POD_SECURITY_POLICIES);

const ALL_DEPLOYMENTS: Request = Request::all(&DEPLOYMENTS);
const ALL_DAEMON_SETS: Request = Request::all(&DAEMON_SETS);
const ALL_STATEFUL_SETS: Request = Request::all(&STATEFUL_SETS);
const ALL_JOBS: Request = Request::all(&JOBS);
const ALL_CRON_JOBS: Request = Request::all(&CRON_JOBS);

const REQUESTS: &[Request] = &[
    ALL_PODS,
    ALL_DEPLOYMENTS,
    ALL_DAEMON_SETS,
    ALL_STATEFUL_SETS,
    ALL_JOBS,
    ALL_CRON_JOBS,
    Request::all(&VOLUMES),
    Request::all(&STORAGE_CLASSES),
    DRIVERS,
    DRIVERS_OF_NODES,
    POLICIES,
];

/// Those that volumes and templates are read from.
const HOLDING: &[&Request] =
    &[&ALL_PODS, &ALL_DEPLOYMENTS, &ALL_DAEMON_SETS, &ALL_STATEFUL_SETS, &ALL_JOBS, &ALL_CRON_JOBS];

/// Volumes of plugins that were part of Kubernetes, with the CSI driver that
/// they are migrated to; none where there is no migration.
const IN_TREE: &[(&str, Option<&str>)] = &[
    ("awsElasticBlockStore", Some("ebs.csi.aws.com")),
    ("azureDisk", Some("disk.csi.azure.com")),
    ("azureFile", Some("file.csi.azure.com")),
    ("cephfs", None),
    ("cinder", Some("cinder.csi.openstack.org")),
    ("flocker", None),
    ("gcePersistentDisk", Some("pd.csi.storage.gke.io")),
    ("gitRepo", None),
    ("glusterfs", None),
    ("portworxVolume", Some("pxd.portworx.com")),
    ("quobyte", None),
    ("rbd", None),
    ("scaleIO", None),
    ("storageos", None),
    ("vsphereVolume", Some("csi.vsphere.vmware.com")),
];

/// Provisioners of storage classes, and their volumes.
const PROVISIONERS: &[(&str, &str)] = &[
    ("kubernetes.io/aws-ebs", "awsElasticBlockStore"),
    ("kubernetes.io/azure-disk", "azureDisk"),
    ("kubernetes.io/azure-file", "azureFile"),
    ("kubernetes.io/cinder", "cinder"),
    ("kubernetes.io/gce-pd", "gcePersistentDisk"),
    ("kubernetes.io/glusterfs", "glusterfs"),
    ("kubernetes.io/portworx-volume", "portworxVolume"),
    ("kubernetes.io/quobyte", "quobyte"),
    ("kubernetes.io/rbd", "rbd"),
    ("kubernetes.io/scaleio", "scaleIO"),
    ("kubernetes.io/storageos", "storageos"),
    ("kubernetes.io/vsphere-volume", "vsphereVolume"),
];

const MASTER: &str = "node-role.kubernetes.io/master";
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

const IN_TREE_VOLUME: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the persistent volume, class, or topmost owner of the pods."),
    Field::new("namespace", Type::Text, "Its namespace."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("kind", Type::Text, "The plugin as the API names it: `rbd`, `awsElasticBlockStore` …"),
    Field::new(
        "driver",
        Type::Text,
        "The CSI driver that its volumes are migrated to; absent where there is no migration.",
    ),
    Field::new(
        "has_driver",
        Type::Bool,
        "Whether that driver is there; unreadable where no driver was recorded at all. Absent without migration.",
    ),
]);

const MASTER_USE: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the topmost owner of the pods."),
    Field::new("namespace", Type::Text, "Its namespace."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new(
        "selects",
        Type::Bool,
        "Whether its pods must run on nodes with the label, by selector or required affinity; absent where not.",
    ),
    Field::new(
        "tolerates_only",
        Type::Bool,
        "Whether its pods tolerate that taint and not that of control-plane; absent where not.",
    ),
]);

const MIRROR_POD: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the mirror pod."),
    Field::new("namespace", Type::Text, "Its namespace."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("references", Type::List(&Type::Text), "What it refers to in the API, such as `config map settings`."),
]);

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "mirror_pod_references",
        Type::List(&MIRROR_POD),
        "Mirror pods of static pods that refer to objects of the API.",
    ),
    FactDoc::new(
        "in_tree_volumes",
        Type::List(&IN_TREE_VOLUME),
        "Volumes and classes of in-tree plugins that are gone or leave.",
    ),
    FactDoc::new(
        "master_uses",
        Type::List(&MASTER_USE),
        "Workloads that name the label or taint node-role.kubernetes.io/master.",
    ),
    FactDoc::new("pod_security.policies", Type::List(&Type::Text), "Names of PodSecurityPolicy objects."),
    FactDoc::new(
        "pod_security.admitted_pods",
        Type::List(&Type::Text),
        "Policies by which pods were admitted, from the annotation kubernetes.io/psp.",
    ),
    FactDoc::new(
        "pod_security.is_plugin_enabled",
        Type::Bool,
        "Whether an API server that shows itself as a pod has the admission plugin PodSecurityPolicy. Absent: none shows itself.",
    ),
];

type Key = (String, Option<String>, String);

#[derive(Default)]
struct Leaving {
    volumes: BTreeMap<(Key, &'static str), (Arc<ObjectReference>, Source)>,
    masters: BTreeMap<Key, (Arc<ObjectReference>, Fact, Fact)>,
    drivers: BTreeSet<String>,
    mirrors: Vec<Fact>,
    policies: Vec<Fact>,
    admitted: BTreeMap<String, Source>,
    plugin: Option<Fact>,
}

impl Reader for Leaving {
    fn see(&mut self, object: &Object<'_>) {
        if object.is(&POD_SECURITY_POLICIES) {
            self.policies.push(Fact::known(object.name(), object.source(".metadata.name")));
        } else if object.is(&VOLUMES) {
            self.volumes_of(object.reference(), object.get("spec"), |kind| object.source(format!(".spec.{kind}")));
        } else if object.is(&STORAGE_CLASSES) {
            let provisioner = object.text("provisioner").unwrap_or_default();
            if let Some((_, kind)) = PROVISIONERS.iter().find(|(name, _)| *name == provisioner) {
                self.add(object.reference(), kind, object.source(".provisioner"));
            }
        } else if object.is(&CSI_DRIVERS) {
            self.drivers.insert(object.name().to_owned());
        } else if object.is(&CSI_NODES) {
            let names = object.list("spec.drivers").iter().filter_map(|driver| driver.get("name")?.as_str());
            self.drivers.extend(names.map(str::to_owned));
        } else {
            self.template(object);
        }
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut facts = Facts::default();
        let volumes = self.volumes.iter().map(|((_, kind), (reference, source))| {
            let driver = IN_TREE.iter().find(|(name, _)| name == kind).and_then(|(_, driver)| *driver);
            let has_driver =
                driver.map_or(Fact::absent(source.clone()), |driver| self.has_driver(driver, lists, source));
            Element::of(reference)
                .with("kind", Fact::known(*kind, source.clone()))
                .with("driver", driver.map_or(Fact::absent(source.clone()), Fact::group))
                .with("has_driver", has_driver)
                .done()
        });
        // What was seen is judged beside what was not.
        let gaps: BTreeSet<String> = HOLDING.iter().filter_map(|request| denied(lists, request)).collect();
        let holding = |mut elements: Vec<Fact>| {
            elements.extend(gaps.iter().map(|reason| Fact::Unreadable { source: None, reason: reason.clone() }));
            Fact::group(elements)
        };
        let masters = self.masters.values().map(|(reference, selects, tolerates)| {
            Element::of(reference).with("selects", selects.clone()).with("tolerates_only", tolerates.clone()).done()
        });
        facts.set("in_tree_volumes", holding(volumes.collect::<Vec<_>>()));
        facts.set("mirror_pod_references", holding(self.mirrors));
        facts.set("master_uses", holding(masters.collect::<Vec<_>>()));
        facts.set("pod_security.policies", lists.fact(&POLICIES, self.policies));
        let admitted = self.admitted.into_iter().map(|(name, source)| Fact::known(name, source)).collect();
        facts.set("pod_security.admitted_pods", holding(admitted));
        let nobody = || Fact::absent(Source::default_of("no API server shows itself as a pod"));
        facts.set("pod_security.is_plugin_enabled", self.plugin.unwrap_or_else(nobody));
        facts
    }
}

/// Why a list was not read; files that hold no pod may still hold what has templates.
fn denied(lists: &Lists, request: &Request) -> Option<String> {
    match lists.of(request) {
        Listing::Unreadable(reason) => Some(reason.clone()),
        _ => None,
    }
}

impl Leaving {
    fn template(&mut self, object: &Object<'_>) {
        let top = if object.is(&PODS) { top_of(object) } else { None };
        let reference = top.unwrap_or_else(|| Arc::clone(object.reference()));
        let path = spec_path(&object.reference().kind);
        let Some(spec) = object.get(path) else { return };
        let place = |rest: &str| object.source(format!(".{path}.{rest}"));
        for (index, volume) in spec.get("volumes").and_then(Json::as_array).into_iter().flatten().enumerate() {
            self.volumes_of(&reference, Some(volume), |_| place(&format!("volumes[{index}]")));
        }
        self.master(&reference, spec, &place);
        if object.is(&PODS) {
            if let Some(policy) = object.annotation("kubernetes.io/psp") {
                self.admitted.entry(policy.to_owned()).or_insert_with(|| object.source(".metadata.annotations"));
            }
            if object.annotation("kubernetes.io/config.mirror").is_some() {
                self.mirror(object, spec);
            }
            self.api_server(object, spec);
        }
    }

    fn volumes_of(&mut self, reference: &Arc<ObjectReference>, spec: Option<&Json>, source: impl Fn(&str) -> Source) {
        for (kind, _) in IN_TREE {
            if spec.is_some_and(|spec| spec.get(kind).is_some_and(Json::is_object)) {
                self.add(reference, kind, source(kind));
            }
        }
    }

    fn add(&mut self, reference: &Arc<ObjectReference>, kind: &'static str, source: Source) {
        self.volumes.entry((key(reference), kind)).or_insert_with(|| (Arc::clone(reference), source));
    }

    fn master(&mut self, reference: &Arc<ObjectReference>, spec: &Json, place: &dyn Fn(&str) -> Source) {
        let terms = "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
        let terms = spec.pointer(terms).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        let text = |json: &Json, key: &str| json.get(key).and_then(Json::as_str).map(str::to_owned);
        let wants = |term: &Json| {
            let expressions = term.get("matchExpressions").and_then(Json::as_array).into_iter().flatten();
            let mut wanting = expressions.filter(|expression| {
                let is_positive = matches!(text(expression, "operator").as_deref(), Some("In" | "Exists"));
                is_positive && text(expression, "key").as_deref() == Some(MASTER)
            });
            wanting.next().is_some()
        };
        // One term that can do without the label is enough.
        let by_affinity = !terms.is_empty() && terms.iter().all(wants);
        let by_selector = spec.get("nodeSelector").is_some_and(|selector| selector.get(MASTER).is_some());
        let tolerations = spec.get("tolerations").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        let tolerates =
            |wanted: &str| tolerations.iter().any(|toleration| text(toleration, "key").as_deref() == Some(wanted));
        let tolerates_all =
            tolerations.iter().any(|toleration| text(toleration, "key").is_none_or(|key| key.is_empty()));
        let only = tolerates(MASTER) && !tolerates(CONTROL_PLANE) && !tolerates_all;
        if !by_affinity && !by_selector && !only {
            return;
        }
        let fact =
            |is_so: bool, path: &str| if is_so { Fact::known(true, place(path)) } else { Fact::absent(place(path)) };
        let path = if by_selector { "nodeSelector" } else { "affinity.nodeAffinity" };
        let found = (Arc::clone(reference), fact(by_affinity || by_selector, path), fact(only, "tolerations"));
        self.masters.entry(key(reference)).or_insert(found);
    }

    /// Takes what a mirror pod refers to.
    fn mirror(&mut self, object: &Object<'_>, spec: &Json) {
        let references = api_references(spec);
        if references.is_empty() {
            return;
        }
        let source = || object.source(".spec");
        let references: Vec<Fact> = references.into_iter().map(|text| Fact::known(text, source())).collect();
        let element = Element::of(object.reference()).with("references", Fact::known(references, source()));
        self.mirrors.push(element.done());
    }

    /// Takes the admission plugins of an API server.
    fn api_server(&mut self, pod: &Object<'_>, spec: &Json) {
        if pod.namespace() != Some("kube-system") {
            return;
        }
        for (at, container) in spec.get("containers").and_then(Json::as_array).into_iter().flatten().enumerate() {
            let words = ["command", "args"].into_iter().filter_map(|key| container.get(key)?.as_array()).flatten();
            let words: Vec<&str> = words.filter_map(Json::as_str).collect();
            if !words.iter().any(|word| word.rsplit('/').next() == Some("kube-apiserver")) {
                continue;
            }
            let mut plugins = words.iter().filter_map(|word| word.strip_prefix("--enable-admission-plugins="));
            let is_enabled =
                plugins.any(|plugins| plugins.split(',').any(|plugin| plugin.trim() == "PodSecurityPolicy"));
            if is_enabled || self.plugin.is_none() {
                self.plugin = Some(Fact::known(is_enabled, pod.source(format!(".spec.containers[{at}].command"))));
            }
        }
    }

    /// Whether a driver is there, by its object or by a node that runs it.
    fn has_driver(&self, driver: &str, lists: &Lists, source: &Source) -> Fact {
        if self.drivers.contains(driver) {
            return Fact::known(true, source.clone());
        }
        let missing = |request: &Request| match lists.of(request) {
            Listing::Unreadable(reason) => Some(reason.clone()),
            Listing::NotRecorded(files) => Some(format!("{files} holds no CSIDriver or CSINode")),
            _ => None,
        };
        match missing(&DRIVERS).zip(missing(&DRIVERS_OF_NODES)) {
            Some((reason, _)) => Fact::unreadable(source.clone(), reason),
            None => Fact::known(false, source.clone()),
        }
    }
}

fn key(reference: &ObjectReference) -> Key {
    (reference.kind.clone(), reference.namespace.clone(), reference.name.clone())
}
