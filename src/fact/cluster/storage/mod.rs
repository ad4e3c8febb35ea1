//! Storage: classes, claims, volumes, and who makes volumes for them.
//!
//! Sources: storage.k8s.io/v1, `PersistentVolumeClaim` and `PersistentVolume`
//! of core/v1, and events, whose type is `Normal` for most of what keeps a
//! claim pending. A provisioner is a program that announces a name; which one
//! is told from the arguments and environment of every workload.

mod claim;
mod class;
mod provisioner;
mod volume;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::resource::{
    CLAIMS, CRON_JOBS, CSI_DRIVERS, DAEMON_SETS, DEPLOYMENTS, EVENTS, JOBS, NODES, PODS, STATEFUL_SETS,
    STORAGE_CLASSES, VOLUMES,
};
use super::workload::{Owners, controller, shortened, spec_path};
use super::{Collector, Element, Listing, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Json};
use claim::{Around, Claim, Said};
use class::Class;
use provisioner::Provisioner;

pub(super) const COLLECTOR: Collector =
    Collector { name: "storage", facts: FACTS, requests: REQUESTS, start: || Box::new(Storage::default()) };

const ALL_CLASSES: Request = Request::all(&STORAGE_CLASSES);
const ALL_CLAIMS: Request = Request::all(&CLAIMS);
const ALL_VOLUMES: Request = Request::all(&VOLUMES);
const ALL_DRIVERS: Request = Request::metadata(&CSI_DRIVERS);
const ALL_EVENTS: Request = Request::all(&EVENTS);
const ALL_PODS: Request = Request::all(&PODS);
const ALL_NODES: Request = Request::metadata(&NODES);

const REQUESTS: &[Request] = &[
    ALL_CLASSES,
    ALL_CLAIMS,
    ALL_VOLUMES,
    ALL_DRIVERS,
    ALL_EVENTS,
    ALL_NODES,
    ALL_PODS,
    Request::all(&DEPLOYMENTS),
    Request::all(&DAEMON_SETS),
    Request::all(&STATEFUL_SETS),
    Request::all(&JOBS),
    Request::all(&CRON_JOBS),
];

/// Those of the requests whose objects may announce a provisioner.
const ANNOUNCING: &[Request] =
    &[ALL_PODS, Request::all(&DEPLOYMENTS), Request::all(&DAEMON_SETS), Request::all(&STATEFUL_SETS)];

const FACTS: &[FactDoc] = &[
    FactDoc::new("storage_classes", Type::List(&class::CLASS), "Every StorageClass."),
    FactDoc::new("claims", Type::List(&claim::CLAIM), "Every PersistentVolumeClaim."),
    FactDoc::new("volumes", Type::List(&volume::VOLUME), "Every PersistentVolume."),
    FactDoc::new("csi_drivers", Type::List(&Type::Text), "Names of the CSIDriver objects."),
    FactDoc::new(
        "provisioners",
        Type::List(&provisioner::PROVISIONER),
        "Workloads that are given a provisioner's name, or whose image is called a provisioner; the sidecars of CSI drivers left out.",
    ),
    FactDoc::new(
        "nfs_servers",
        Type::List(&NFS_SERVER),
        "NFS servers that provisioners, storage classes and volumes made by hand name.",
    ),
];

const NFS_SERVER: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the object that names it."),
    Field::new("namespace", Type::Text, "Namespace of that object; absent for a volume or class."),
    Field::new("subject", Type::Map(&Type::Text), "Identity of that object, for `subject`."),
    Field::new("server", Type::Text, "The server."),
]);

/// Namespace and name of a claim.
type ClaimKey = (String, String);

#[derive(Default)]
struct Storage {
    classes: Vec<Class>,
    claims: Vec<Claim>,
    volumes: Vec<Fact>,
    nfs_servers: Vec<Fact>,
    drivers: BTreeMap<String, Fact>,
    nodes: BTreeSet<String>,
    /// What the most telling event says of each claim.
    said: BTreeMap<ClaimKey, Said>,
    /// Provisioners that reported an event of their own.
    alive: BTreeSet<String>,
    /// What the scheduler says of pods without a node, by the claims they use.
    unscheduled: BTreeMap<ClaimKey, String>,
    /// Names in arguments and environments.
    names: BTreeSet<String>,
    provisioners: Vec<Provisioner>,
    pod_provisioners: Vec<Provisioner>,
    is_system_seen: bool,
}

impl Reader for Storage {
    fn see(&mut self, object: &Object<'_>) {
        if object.is(&PODS) {
            self.pod(object);
        } else if object.is(&EVENTS) {
            self.event(object);
        } else if object.is(&CLAIMS) {
            self.claims.push(Claim::read(object));
        } else if object.is(&VOLUMES) {
            self.volumes.push(volume::read(object));
            // Volumes of a provisioner repeat its own server.
            if object.annotation("pv.kubernetes.io/provisioned-by").is_none() {
                self.nfs_server(object, "spec.nfs.server");
                self.nfs_server(object, "spec.csi.volumeAttributes.server");
            }
        } else if object.is(&STORAGE_CLASSES) {
            self.classes.push(Class::read(object));
            if object.text("provisioner").is_some_and(|name| name.contains("nfs")) {
                self.nfs_server(object, "parameters.server");
            }
        } else if object.is(&CSI_DRIVERS) {
            let name = Fact::known(object.name(), object.source(".metadata.name"));
            self.drivers.insert(object.name().to_owned(), name);
        } else if object.is(&NODES) {
            self.nodes.insert(object.name().to_owned());
        } else {
            let path = spec_path(&object.reference().kind);
            let Some(spec) = object.get(path) else { return };
            provisioner::names(spec, &mut self.names);
            self.provisioners.extend(Provisioner::read(object, spec, path, object.reference()));
        }
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut facts = Facts::default();
        let Storage { classes, claims, volumes, drivers, nodes, said, alive, unscheduled, .. } = *self;
        let (mut provisioners, names, mut nfs_servers) = (self.provisioners, self.names, self.nfs_servers);
        for found in self.pod_provisioners {
            match provisioners.iter_mut().find(|known| known.reference == found.reference) {
                Some(known) => known.digests.extend(found.digests),
                None => provisioners.push(found),
            }
        }
        let default = classes.iter().filter(|class| class.is_default);
        let default = default.max_by(|a, b| a.created.cmp(&b.created).then_with(|| b.name.cmp(&a.name)));
        let by_name: BTreeMap<&str, &Class> = classes.iter().map(|class| (class.name.as_str(), class)).collect();
        let are_nodes_known = lists.gap(&ALL_NODES).is_none() && !nodes.is_empty();
        let is_node_gone = |node: &str| are_nodes_known && !nodes.contains(node);
        let are_classes_known = !matches!(lists.of(&ALL_CLASSES), Listing::NotRecorded(_) | Listing::Unreadable(_));
        let no_event = || match lists.gap(&ALL_EVENTS) {
            Some(reason) => reason,
            None => "no event of it is left; events are kept for an hour".to_owned(),
        };
        let arounds: Vec<Around<'_>> = claims
            .iter()
            .map(|claim| {
                let key = (claim.namespace.clone(), claim.name.clone());
                Around {
                    class: match claim.class.as_deref() {
                        Some(name) => by_name.get(name).copied(),
                        None => default,
                    },
                    are_classes_known,
                    is_node_gone: &is_node_gone,
                    pod: unscheduled.get(&key).map(String::as_str),
                    said: said.get(&key),
                    no_event: no_event(),
                }
            })
            .collect();
        let causes: Vec<_> =
            claims.iter().zip(&arounds).map(|(claim, around)| claim.is_pending.then(|| claim.cause(around))).collect();
        let mut counts: BTreeMap<&str, Counts> = BTreeMap::new();
        let mut of_class: BTreeMap<&str, Counts> = BTreeMap::new();
        for ((claim, around), cause) in claims.iter().zip(&arounds).zip(&causes) {
            let Some(class) = around.class else { continue };
            let is_silent = matches!(cause, Some(Ok("external-provisioner-silent")));
            counts.entry(class.provisioner.as_str()).or_default().add(claim, is_silent);
            of_class.entry(class.name.as_str()).or_default().add(claim, is_silent);
        }
        let announced = Announced {
            names: &names,
            drivers: &drivers,
            alive: &alive,
            provisioners: &provisioners,
            served: classes.iter().map(|class| class.provisioner.as_str()).collect(),
            is_system_seen: self.is_system_seen,
            lists,
        };
        let is_announced: BTreeMap<&str, Fact> = classes
            .iter()
            .map(|class| class.provisioner.as_str())
            .map(|name| (name, announced.tell(name, counts.get(name).map_or(0, |counts| counts.silent))))
            .collect();
        let claim_facts: Vec<Fact> = {
            let announced = |around: &Around<'_>| is_announced.get(around.class?.provisioner.as_str()).cloned();
            let owned = claims.iter().zip(&arounds).zip(&causes);
            owned.map(|((claim, around), cause)| claim.fact(around, cause.as_ref(), announced(around))).collect()
        };
        let provisioner_facts = provisioners.iter().map(|provisioner| {
            let counts = provisioner.announces.as_deref().and_then(|name| counts.get(name));
            provisioner.fact(counts.map_or(0, |counts| counts.all), counts.map_or(0, |counts| counts.pending))
        });
        let provisioner_facts = lists.fact_of_any(ANNOUNCING, provisioner_facts.collect());
        let class_facts = classes.iter().map(|class| {
            let counts = of_class.get(class.name.as_str());
            let announced = is_announced.get(class.provisioner.as_str()).cloned();
            let announced = announced.unwrap_or_else(|| Fact::group(false));
            class.fact(counts.map_or(0, |counts| counts.all), counts.map_or(0, |counts| counts.silent), announced)
        });
        for provisioner in &provisioners {
            let servers = provisioner.servers().iter();
            let fact = |server: &Fact| Element::of(&provisioner.reference).with("server", server.clone()).done();
            nfs_servers.extend(servers.map(fact));
        }
        facts.set("nfs_servers", lists.fact_of(&[&ALL_VOLUMES, &ALL_CLASSES], nfs_servers));
        facts.set("storage_classes", lists.fact(&ALL_CLASSES, class_facts.collect()));
        facts.set("claims", lists.fact(&ALL_CLAIMS, claim_facts));
        facts.set("provisioners", provisioner_facts);
        facts.set("volumes", lists.fact(&ALL_VOLUMES, volumes));
        facts.set("csi_drivers", lists.fact(&ALL_DRIVERS, drivers.values().cloned().collect()));
        facts
    }
}

impl Storage {
    fn nfs_server(&mut self, object: &Object<'_>, path: &str) {
        if let Some(server) = object.text(path) {
            let server = Fact::known(server, object.source(format!(".{path}")));
            self.nfs_servers.push(Element::of(object.reference()).with("server", server).done());
        }
    }

    fn pod(&mut self, pod: &Object<'_>) {
        let Some(spec) = pod.get("spec") else { return };
        self.is_system_seen |= pod.namespace() == Some("kube-system");
        provisioner::names(spec, &mut self.names);
        let owner = match controller(pod).filter(|owner| owner.kind != "Node") {
            Some(owner) => Owners::default().topmost(&owner, pod.label("pod-template-hash")),
            None => Arc::clone(pod.reference()),
        };
        if let Some(mut found) = Provisioner::read(pod, spec, "spec", &owner) {
            found.run_by(pod);
            match self.pod_provisioners.iter_mut().find(|known| known.reference == found.reference) {
                Some(known) => known.digests.extend(found.digests),
                None => self.pod_provisioners.push(found),
            }
        }
        if pod.text("spec.nodeName").is_none() && pod.text("status.phase") == Some("Pending") {
            self.waiting(pod, spec);
        }
    }

    fn waiting(&mut self, pod: &Object<'_>, spec: &Json) {
        let conditions = pod.list("status.conditions").iter();
        let said = conditions
            .filter(|condition| condition.get("type").and_then(Json::as_str) == Some("PodScheduled"))
            .find_map(|condition| condition.get("message").and_then(Json::as_str));
        let said = shortened(said.unwrap_or_default());
        let namespace = pod.namespace().unwrap_or_default();
        for volume in spec.get("volumes").and_then(Json::as_array).map_or(&[][..], Vec::as_slice) {
            if let Some(claim) = volume.pointer("/persistentVolumeClaim/claimName").and_then(Json::as_str) {
                self.unscheduled.insert((namespace.to_owned(), claim.to_owned()), said.clone());
            }
        }
    }

    fn event(&mut self, event: &Object<'_>) {
        let about = event.get("involvedObject").or_else(|| event.get("regarding"));
        let text = |key: &str| about.and_then(|about| about.get(key)).and_then(Json::as_str);
        if text("kind") != Some("PersistentVolumeClaim") {
            return;
        }
        let Some(name) = text("name") else { return };
        let namespace = text("namespace").or_else(|| event.namespace()).unwrap_or_default();
        // The programs' own library signs with the name, the pod's and a UUID.
        let component = ["source.component", "reportingComponent", "reportingController", "deprecatedSource.component"];
        for signed in component.iter().filter_map(|path| event.text(path)) {
            self.alive.extend(signed.split_once('_').map(|(name, _)| name.to_owned()));
        }
        let Some(said) = Said::read(event) else { return };
        let key = (namespace.to_owned(), name.to_owned());
        if self.said.get(&key).is_none_or(|known| said.tells_more_than(known)) {
            self.said.insert(key, said);
        }
    }
}

/// How many claims, and of what kind.
#[derive(Default)]
struct Counts {
    all: i64,
    pending: i64,
    silent: i64,
}

impl Counts {
    fn add(&mut self, claim: &Claim, is_silent: bool) {
        self.all += 1;
        self.pending += i64::from(claim.is_pending);
        self.silent += i64::from(is_silent);
    }
}

/// All that tells whether a provisioner is there.
struct Announced<'a> {
    names: &'a BTreeSet<String>,
    drivers: &'a BTreeMap<String, Fact>,
    alive: &'a BTreeSet<String>,
    provisioners: &'a [Provisioner],
    served: BTreeSet<&'a str>,
    is_system_seen: bool,
    lists: &'a Lists,
}

impl Announced<'_> {
    /// Whether anyone announces that name. A pending claim that nobody answers
    /// tells that nobody does; else nobody does only where everything was read
    /// that could, or files hold a provisioner that serves no class.
    fn tell(&self, name: &str, silent_claims: i64) -> Fact {
        let is_of_kubernetes = name.starts_with("kubernetes.io/");
        let is_known = self.names.contains(name) || self.drivers.contains_key(name) || self.alive.contains(name);
        if is_of_kubernetes || is_known {
            return Fact::group(true);
        }
        let unreadable = |reason: String| Fact::Unreadable { source: None, reason };
        let is_hidden = |provisioner: &&Provisioner| provisioner.announces.is_none() && provisioner.is_hidden();
        if let Some(hidden) = self.provisioners.iter().find(is_hidden) {
            return unreadable(format!("a config map or secret gives the name that {} serves", hidden.reference.name));
        }
        let asked = || ANNOUNCING.iter().chain([&ALL_DRIVERS]);
        let denied = asked().find_map(|request| match self.lists.of(request) {
            Listing::Unreadable(reason) => Some(reason.clone()),
            _ => None,
        });
        if let Some(reason) = denied {
            return unreadable(reason);
        }
        let missing = |request: &Request| match self.lists.of(request) {
            Listing::NotRecorded(files) => {
                let kind = request.resource()?.kind;
                Some(format!("{files} holds no {kind}, which might announce {name}"))
            }
            _ => None,
        };
        // A CSI driver's name has no slash, and its CSIDriver announces it.
        let driver = missing(&ALL_DRIVERS).filter(|_| !name.contains('/'));
        let is_unserved =
            |found: &&Provisioner| found.announces.as_deref().is_some_and(|announced| !self.served.contains(announced));
        let is_telling = self.provisioners.iter().any(|found| is_unserved(&found));
        let any = asked().find_map(missing).filter(|_| !is_telling && !self.is_system_seen);
        match driver.or(any) {
            Some(reason) if silent_claims == 0 => unreadable(reason),
            _ => Fact::group(false),
        }
    }
}

#[cfg(test)]
mod tests;
