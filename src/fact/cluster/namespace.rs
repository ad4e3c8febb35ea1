//! Namespaces: what runs in them, and what keeps it within bounds.
//!
//! Sources: namespaces and their labels, the kinds that run pods, network
//! policies of Kubernetes, Calico and Cilium, and who else may enforce pod
//! security: `ValidatingAdmissionPolicies` and the webhooks of policy engines.

use std::collections::{BTreeMap, BTreeSet};

use super::resource::{
    ADMIN_POLICIES, ADMISSION_POLICIES, ADMISSION_POLICY_BINDINGS, BASELINE_POLICIES, CALICO_GLOBAL_POLICIES,
    CALICO_POLICIES, CILIUM_GLOBAL_POLICIES, CILIUM_POLICIES, CRON_JOBS, DAEMON_SETS, DEPLOYMENTS, MUTATING_WEBHOOKS,
    NAMESPACES, NETWORK_POLICIES, PODS, STATEFUL_SETS, VALIDATING_WEBHOOKS,
};
use super::selector::{Labels, labels, selects};
use super::webhook;
use super::workload::{containers, spec_path};
use super::{Collector, Element, Listing, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Json, Source};

pub(super) const COLLECTOR: Collector =
    Collector { name: "namespace", facts: FACTS, requests: REQUESTS, start: || Box::new(Namespaces::default()) };

const SPACES: Request = Request::metadata(&NAMESPACES);
const ALL_PODS: Request = Request::all(&PODS);
const VALIDATING: Request = Request::all(&VALIDATING_WEBHOOKS);
const MUTATING: Request = Request::all(&MUTATING_WEBHOOKS);
const ALL_ADMISSION_POLICIES: Request = Request::all(&ADMISSION_POLICIES);
const ALL_ADMISSION_BINDINGS: Request = Request::all(&ADMISSION_POLICY_BINDINGS);

/// Those of the requests whose objects run pods.
const HOLDING: &[Request] = &[
    ALL_PODS,
    Request::all(&DEPLOYMENTS),
    Request::all(&DAEMON_SETS),
    Request::all(&STATEFUL_SETS),
    Request::all(&CRON_JOBS),
];

/// Network policies of one namespace.
const POLICIES: &[Request] =
    &[Request::metadata(&NETWORK_POLICIES), Request::metadata(&CALICO_POLICIES), Request::metadata(&CILIUM_POLICIES)];

/// Network policies of the whole cluster.
const OF_CLUSTER: &[Request] = &[
    Request::all(&CALICO_GLOBAL_POLICIES),
    Request::all(&CILIUM_GLOBAL_POLICIES),
    Request::all(&ADMIN_POLICIES),
    Request::all(&BASELINE_POLICIES),
];

const REQUESTS: &[Request] = &[
    SPACES,
    ALL_PODS,
    Request::all(&DEPLOYMENTS),
    Request::all(&DAEMON_SETS),
    Request::all(&STATEFUL_SETS),
    Request::all(&CRON_JOBS),
    VALIDATING,
    MUTATING,
    ALL_ADMISSION_POLICIES,
    ALL_ADMISSION_BINDINGS,
    Request::metadata(&NETWORK_POLICIES),
    Request::metadata(&CALICO_POLICIES),
    Request::metadata(&CILIUM_POLICIES),
    Request::all(&CALICO_GLOBAL_POLICIES),
    Request::all(&CILIUM_GLOBAL_POLICIES),
    Request::all(&ADMIN_POLICIES),
    Request::all(&BASELINE_POLICIES),
];

const NAMESPACE: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the namespace."),
    Field::new("namespace", Type::Text, "Always absent."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("labels", Type::Map(&Type::Text), "Its labels."),
    Field::new("has_workloads", Type::Bool, "Whether pods, or what makes pods, are in it."),
    Field::new(
        "has_node_agent",
        Type::Bool,
        "Whether a workload in it serves the nodes: it mounts a folder of CNI, CSI or device plugins from the host.",
    ),
    Field::new("enforces", Type::Text, "Level of pod-security.kubernetes.io/enforce. Absent: it is not set."),
    Field::new("network_policies", Type::Int, "How many network policies of any kind are in it."),
    Field::new(
        "is_selected_by_cluster_policy",
        Type::Bool,
        "Whether a network policy of the whole cluster applies to it; unreadable where its selector is not understood here.",
    ),
]);

const FACTS: &[FactDoc] = &[
    FactDoc::new("namespaces", Type::List(&NAMESPACE), "Every Namespace."),
    FactDoc::new(
        "pod_policy_engines",
        Type::List(&Type::Text),
        "Who else may enforce pod security: webhooks of policy engines that see pods, ValidatingAdmissionPolicies for pods that are bound, and an API server's own admission configuration, which the API does not show.",
    ),
];

/// Folders of the host by which CNI, CSI and device plugins serve a node.
const OF_AGENTS: [&str; 6] = [
    "/etc/cni",
    "/opt/cni",
    "/var/lib/kubelet/plugins",
    "/var/lib/kubelet/device-plugins",
    "/var/lib/kubelet/pod-resources",
    "/var/lib/cni",
];

/// Engines that may refuse pods, by a word of their webhooks' names.
const ENGINES: [&str; 7] = ["kyverno", "gatekeeper", "kubewarden", "jspolicy", "polaris", "neuvector", "styra"];

/// A network policy of the whole cluster: whom it selects, as far as that is
/// understood here.
enum Reach {
    Everything,
    Namespaces(Json),
    NotEvaluated(Source),
}

/// A namespace on its way.
struct Namespace {
    name: String,
    element: Element,
    labels: Labels,
}

#[derive(Default)]
struct Namespaces {
    spaces: Vec<Namespace>,
    with_workloads: BTreeSet<String>,
    with_agents: BTreeMap<String, Source>,
    policies: BTreeMap<String, i64>,
    of_cluster: Vec<Reach>,
    engines: BTreeMap<String, Fact>,
    /// `ValidatingAdmissionPolicies` that see pods, and the policies that are bound.
    for_pods: BTreeMap<String, Source>,
    bound: BTreeSet<String>,
}

impl Reader for Namespaces {
    fn see(&mut self, object: &Object<'_>) {
        let namespace = || object.namespace().unwrap_or_default().to_owned();
        if object.is(&NAMESPACES) {
            self.spaces.push(read(object));
        } else if POLICIES.iter().any(|request| request.resource().is_some_and(|resource| object.is(resource))) {
            *self.policies.entry(namespace()).or_default() += 1;
        } else if OF_CLUSTER.iter().any(|request| request.resource().is_some_and(|resource| object.is(resource))) {
            self.of_cluster.push(reach(object));
        } else if object.is(&VALIDATING_WEBHOOKS) || object.is(&MUTATING_WEBHOOKS) {
            self.engine(object);
        } else if object.is(&ADMISSION_POLICIES) {
            let rules = object.list("spec.matchConstraints.resourceRules");
            if rules.iter().any(|rule| webhook::matches(rule, "", "pods", true)) {
                self.for_pods.insert(object.name().to_owned(), object.source(".spec.matchConstraints"));
            }
        } else if object.is(&ADMISSION_POLICY_BINDINGS) {
            self.bound.extend(object.text("spec.policyName").map(str::to_owned));
        } else {
            self.workload(object, namespace());
        }
    }

    fn finish(mut self: Box<Self>, lists: &Lists) -> Facts {
        for (name, source) in &self.for_pods {
            if self.bound.contains(name) {
                self.engines.insert(name.clone(), Fact::known(name.as_str(), source.clone()));
            }
        }
        let mut engines: Vec<Fact> = std::mem::take(&mut self.engines).into_values().collect();
        let sources = [VALIDATING, MUTATING, ALL_ADMISSION_POLICIES, ALL_ADMISSION_BINDINGS];
        engines.extend(gaps(&sources, lists).map(|reason| Fact::Unreadable { source: None, reason }));
        let no_policies = gaps(POLICIES, lists).next();
        let is_recorded = |request: &Request| !matches!(lists.of(request), Listing::NotRecorded(_));
        let workload_gap = match lists.of(&ALL_PODS) {
            Listing::Unreadable(reason) => Some(reason.clone()),
            Listing::NotRecorded(_) if !HOLDING.iter().any(is_recorded) => lists.gap(&ALL_PODS),
            _ => None,
        };
        let elements = self.spaces.iter().map(|space| {
            let has_workloads = match (self.with_workloads.contains(&space.name), &workload_gap) {
                (false, Some(reason)) => Fact::Unreadable { source: None, reason: reason.clone() },
                (has, _) => Fact::group(has),
            };
            let agent = match self.with_agents.get(&space.name) {
                Some(source) => Fact::known(true, source.clone()),
                None => Fact::group(false),
            };
            let count = self.policies.get(&space.name).copied().unwrap_or(0);
            let policies = match &no_policies {
                Some(reason) if count == 0 => Fact::Unreadable { source: None, reason: reason.clone() },
                _ => Fact::group(count),
            };
            space
                .element
                .clone()
                .with("has_workloads", has_workloads)
                .with("has_node_agent", agent)
                .with("network_policies", policies)
                .with("is_selected_by_cluster_policy", self.is_reached(space, lists))
                .done()
        });
        let elements = elements.collect();
        let mut facts = Facts::default();
        facts.set("namespaces", lists.fact(&SPACES, elements));
        facts.set("pod_policy_engines", Fact::group(engines));
        facts
    }
}

/// Why some of the requests gave less than everything.
fn gaps<'l>(requests: &'l [Request], lists: &'l Lists) -> impl Iterator<Item = String> + 'l {
    requests.iter().filter_map(|request| lists.gap(request))
}

fn read(object: &Object<'_>) -> Namespace {
    const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
    let mut element = Element::of(object.reference()).with("labels", object.map_fact(".metadata.labels"));
    if let Some(level) = object.label(ENFORCE) {
        element = element.with("enforces", Fact::known(level, object.source(format!(".metadata.labels['{ENFORCE}']"))));
    }
    Namespace { name: object.name().to_owned(), element, labels: labels(object.get("metadata.labels")) }
}

/// Whom a network policy of the whole cluster selects.
fn reach(object: &Object<'_>) -> Reach {
    let is_all = |path: &str| object.text(path).is_none_or(|selector| matches!(selector.trim(), "" | "all()"));
    if object.is(&CALICO_GLOBAL_POLICIES) {
        if is_all("spec.selector") && is_all("spec.namespaceSelector") {
            return Reach::Everything;
        }
        return Reach::NotEvaluated(object.source(".spec.selector"));
    }
    if object.is(&CILIUM_GLOBAL_POLICIES) {
        let is_empty = |selector: &Json| selector.as_object().is_some_and(crate::fact::json::Members::is_empty);
        return match object.get("spec.endpointSelector") {
            Some(selector) if is_empty(selector) => Reach::Everything,
            _ => Reach::NotEvaluated(object.source(".spec.endpointSelector")),
        };
    }
    match object.get("spec.subject.namespaces").or_else(|| object.get("spec.subject.pods.namespaceSelector")) {
        Some(selector) => Reach::Namespaces(selector.clone()),
        None => Reach::NotEvaluated(object.source(".spec.subject")),
    }
}

impl Namespaces {
    fn is_reached(&self, space: &Namespace, lists: &Lists) -> Fact {
        let is_certain = |reach: &&Reach| match reach {
            Reach::Everything => true,
            Reach::Namespaces(selector) => selects(Some(selector), &space.labels),
            Reach::NotEvaluated(_) => false,
        };
        if self.of_cluster.iter().any(|reach| is_certain(&reach)) {
            return Fact::group(true);
        }
        let open = self.of_cluster.iter().find_map(|reach| match reach {
            Reach::NotEvaluated(source) => Some(source.clone()),
            _ => None,
        });
        if let Some(source) = open {
            return Fact::unreadable(source, "the selector of a policy for the whole cluster is not evaluated here");
        }
        match gaps(OF_CLUSTER, lists).next() {
            Some(reason) => Fact::Unreadable { source: None, reason },
            None => Fact::group(false),
        }
    }

    fn engine(&mut self, object: &Object<'_>) {
        let sees_pods = object.list("webhooks").iter().any(|webhook| {
            let rules = webhook.get("rules").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
            rules.iter().any(|rule| webhook::matches(rule, "", "pods", true))
        });
        if let Some(engine) = ENGINES.iter().find(|engine| object.name().contains(**engine)).filter(|_| sees_pods) {
            let found = Fact::known(*engine, object.source(".metadata.name"));
            self.engines.insert((*engine).to_owned(), found);
        }
    }

    fn workload(&mut self, object: &Object<'_>, namespace: String) {
        let is_over = object.is(&PODS) && matches!(object.text("status.phase"), Some("Succeeded" | "Failed"));
        let Some(spec) = object.get(spec_path(&object.reference().kind)).filter(|_| !is_over) else { return };
        let volumes = spec.get("volumes").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        let path = |volume: &Json| volume.pointer("/hostPath/path").and_then(Json::as_str).map(str::to_owned);
        let serves_node = volumes.iter().filter_map(path).any(|path| {
            OF_AGENTS.iter().any(|folder| path.starts_with(folder)) || path.trim_end_matches('/') == "/var/lib/kubelet"
        });
        if serves_node {
            self.with_agents.entry(namespace.clone()).or_insert_with(|| object.source(".spec"));
        }
        if object.is(&PODS) && namespace == "kube-system" && object.name().starts_with("kube-apiserver") {
            for (place, container) in containers(spec) {
                for word in ["command", "args"].iter().filter_map(|key| container.get(key)?.as_array()).flatten() {
                    if word.as_str().is_some_and(|word| word.starts_with("--admission-control-config-file")) {
                        let source = object.source(format!(".spec.{place}.command"));
                        let reason = "the API server has an admission configuration file, which the API does not show";
                        self.engines.insert("admission configuration".to_owned(), Fact::unreadable(source, reason));
                    }
                }
            }
        }
        self.with_workloads.insert(namespace);
    }
}
