//! What a live API says of the versions that its objects were written in: by
//! whom and when (`metadata.managedFields`), and by the last-applied
//! annotation.
//!
//! Only metadata is asked for, of the kinds that an upgrade takes a version
//! from, each in the newest version that is served: asking for a deprecated one
//! would itself be a request of it. An object is kept only where it names an
//! API with an end. What the system writes by itself (events, leases, endpoint
//! slices of services …) is nobody's to change and not asked for.

use super::lifecycle;
use super::usage::{API_OBJECT, Origin, read};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::cluster::resource::{
    ADMISSION_POLICIES, ADMISSION_POLICY_BINDINGS, API_SERVICES, CLUSTER_ROLE_BINDINGS, CRON_JOBS, CSI_DRIVERS,
    CUSTOM_RESOURCES, DISRUPTION_BUDGETS, MUTATING_WEBHOOKS, ROLE_BINDINGS, RUNTIME_CLASSES, SERVICE_CIDRS,
    STORAGE_CLASSES, VALIDATING_WEBHOOKS,
};
use crate::fact::cluster::{Collector, Lists, Object, Reader, Request, Resource};
use crate::fact::version::Version;
use crate::fact::{Fact, Facts};

pub(in crate::fact::cluster) const COLLECTOR: Collector =
    Collector { name: "history", facts: FACTS, requests: REQUESTS, start: || Box::new(History::default()) };

const FACTS: &[FactDoc] = &[FactDoc::new(
    "api_history",
    Type::List(&Type::Object(API_OBJECT)),
    "Objects of a live cluster whose managedFields or last-applied annotation name an API that an upgrade takes away. The gate alone asks for them.",
)];

const RBAC: &str = "rbac.authorization.k8s.io";
const RESOURCE: &str = "resource.k8s.io";
const FLOW: &str = "flowcontrol.apiserver.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";
const OF_FLOW: &[&str] = &["v1", "v1beta3", "v1beta2", "v1beta1", "v1alpha1"];
const OF_RESOURCE: &[&str] = &["v1", "v1beta2", "v1beta1", "v1alpha3", "v1alpha2", "v1alpha1"];
const TO_ALPHA: &[&str] = &["v1", "v1beta1", "v1alpha1"];

/// Those that no other collector asks for; the newest version first.
const HPAS: Resource =
    Resource::namespaced("autoscaling", &["v2", "v1"], "horizontalpodautoscalers", "HorizontalPodAutoscaler");
const INGRESSES: Resource = Resource::namespaced("networking.k8s.io", &["v1", "v1beta1"], "ingresses", "Ingress");
const INGRESS_CLASSES: Resource =
    Resource::cluster_wide("networking.k8s.io", &["v1", "v1beta1"], "ingressclasses", "IngressClass");
const CLUSTER_CIDRS: Resource =
    Resource::cluster_wide("networking.k8s.io", &["v1alpha1"], "clustercidrs", "ClusterCIDR");
const FLOW_SCHEMAS: Resource = Resource::cluster_wide(FLOW, OF_FLOW, "flowschemas", "FlowSchema");
const PRIORITY_LEVELS: Resource =
    Resource::cluster_wide(FLOW, OF_FLOW, "prioritylevelconfigurations", "PriorityLevelConfiguration");
const PRIORITY_CLASSES: Resource =
    Resource::cluster_wide("scheduling.k8s.io", &["v1", "v1beta1"], "priorityclasses", "PriorityClass");
const WORKLOADS: Resource = Resource::namespaced(
    "scheduling.k8s.io",
    &["v1beta1", "v1alpha3", "v1alpha2", "v1alpha1"],
    "workloads",
    "Workload",
);
const POD_GROUPS: Resource =
    Resource::namespaced("scheduling.k8s.io", &["v1beta1", "v1alpha3", "v1alpha2"], "podgroups", "PodGroup");
const ROLES: Resource = Resource::namespaced(RBAC, &["v1", "v1beta1"], "roles", "Role");
const CLUSTER_ROLES: Resource = Resource::cluster_wide(RBAC, &["v1", "v1beta1"], "clusterroles", "ClusterRole");
const MUTATING_POLICIES: Resource =
    Resource::cluster_wide(ADMISSION, TO_ALPHA, "mutatingadmissionpolicies", "MutatingAdmissionPolicy");
const MUTATING_POLICY_BINDINGS: Resource =
    Resource::cluster_wide(ADMISSION, TO_ALPHA, "mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding");
const POD_PRESETS: Resource = Resource::namespaced("settings.k8s.io", &["v1alpha1"], "podpresets", "PodPreset");
const POD_SECURITY_POLICIES: Resource =
    Resource::cluster_wide("policy", &["v1beta1"], "podsecuritypolicies", "PodSecurityPolicy");
const CLAIMS: Resource = Resource::namespaced(RESOURCE, OF_RESOURCE, "resourceclaims", "ResourceClaim");
const CLAIM_TEMPLATES: Resource =
    Resource::namespaced(RESOURCE, OF_RESOURCE, "resourceclaimtemplates", "ResourceClaimTemplate");
const DEVICE_CLASSES: Resource = Resource::cluster_wide(RESOURCE, OF_RESOURCE, "deviceclasses", "DeviceClass");
const RESOURCE_CLASSES: Resource =
    Resource::cluster_wide(RESOURCE, &["v1alpha2", "v1alpha1"], "resourceclasses", "ResourceClass");
const SCHEDULING_CONTEXTS: Resource =
    Resource::namespaced(RESOURCE, &["v1alpha3", "v1alpha2"], "podschedulingcontexts", "PodSchedulingContext");
const CLAIM_PARAMETERS: Resource =
    Resource::namespaced(RESOURCE, &["v1alpha2"], "resourceclaimparameters", "ResourceClaimParameters");
const CLASS_PARAMETERS: Resource =
    Resource::namespaced(RESOURCE, &["v1alpha2"], "resourceclassparameters", "ResourceClassParameters");
const TRUST_BUNDLES: Resource =
    Resource::cluster_wide("certificates.k8s.io", TO_ALPHA, "clustertrustbundles", "ClusterTrustBundle");
const POD_CERTIFICATES: Resource =
    Resource::namespaced("certificates.k8s.io", TO_ALPHA, "podcertificaterequests", "PodCertificateRequest");
const MIGRATIONS: Resource =
    Resource::cluster_wide("storagemigration.k8s.io", TO_ALPHA, "storageversionmigrations", "StorageVersionMigration");
const ATTRIBUTES_CLASSES: Resource =
    Resource::cluster_wide("storage.k8s.io", TO_ALPHA, "volumeattributesclasses", "VolumeAttributesClass");

/// Every kind that someone may apply and that a minor takes a version from.
const REQUESTS: &[Request] = &[
    history(&ADMISSION_POLICIES),
    history(&ADMISSION_POLICY_BINDINGS),
    history(&API_SERVICES),
    history(&ATTRIBUTES_CLASSES),
    history(&CLAIM_PARAMETERS),
    history(&CLAIM_TEMPLATES),
    history(&CLAIMS),
    history(&CLASS_PARAMETERS),
    history(&CLUSTER_CIDRS),
    history(&CLUSTER_ROLE_BINDINGS),
    history(&CLUSTER_ROLES),
    history(&CRON_JOBS),
    history(&CSI_DRIVERS),
    history(&CUSTOM_RESOURCES),
    history(&DEVICE_CLASSES),
    history(&DISRUPTION_BUDGETS),
    history(&FLOW_SCHEMAS),
    history(&HPAS),
    history(&INGRESS_CLASSES),
    history(&INGRESSES),
    history(&MIGRATIONS),
    history(&MUTATING_POLICIES),
    history(&MUTATING_POLICY_BINDINGS),
    history(&MUTATING_WEBHOOKS),
    history(&POD_CERTIFICATES),
    history(&POD_GROUPS),
    history(&POD_PRESETS),
    history(&POD_SECURITY_POLICIES),
    history(&PRIORITY_CLASSES),
    history(&PRIORITY_LEVELS),
    history(&RESOURCE_CLASSES),
    history(&ROLE_BINDINGS),
    history(&ROLES),
    history(&RUNTIME_CLASSES),
    history(&SCHEDULING_CONTEXTS),
    history(&SERVICE_CIDRS),
    history(&STORAGE_CLASSES),
    history(&TRUST_BUNDLES),
    history(&VALIDATING_WEBHOOKS),
    history(&WORKLOADS),
];

const fn history(resource: &'static Resource) -> Request {
    Request::metadata(resource).with_history()
}

/// Whether an upgrade takes a version of what a request asks for away; of any
/// minor up to the target where nothing says the present version.
pub fn is_concerned(request: &Request, from: Option<&Version>, target: &Version) -> bool {
    let Some(resource) = request.resource() else { return false };
    let is_taken = |removed: &str| {
        let Some(removed) = Version::parse(removed) else { return false };
        removed.minor() <= target.minor() && from.is_none_or(|from| removed.minor() > from.minor())
    };
    lifecycle::of_kind(resource.kind).any(|(_, api)| api.removed.as_deref().is_some_and(is_taken))
}

#[derive(Default)]
struct History {
    conspicuous: Vec<Fact>,
}

impl Reader for History {
    fn see(&mut self, object: &Object<'_>) {
        let reference = object.reference();
        let origin = Origin::Live { api_version: &reference.api_version, kind: &reference.kind };
        self.conspicuous.extend(read(object.json, origin));
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut facts = Facts::default();
        let requests: Vec<&Request> = REQUESTS.iter().collect();
        facts.set("api_history", lists.fact_with_gaps(&requests, self.conspicuous));
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(from: Option<&str>, target: &str) -> Vec<&'static str> {
        let from = from.and_then(Version::parse);
        let target = Version::parse(target).unwrap();
        let concerned = REQUESTS.iter().filter(|request| is_concerned(request, from.as_ref(), &target));
        concerned.filter_map(|request| Some(request.resource()?.plural)).collect()
    }

    #[test]
    fn only_kinds_that_the_upgrade_takes_a_version_from_are_asked_for() {
        assert_eq!(
            asked(Some("1.24.17"), "1.25"),
            ["cronjobs", "poddisruptionbudgets", "horizontalpodautoscalers", "podsecuritypolicies", "runtimeclasses"]
        );
        assert_eq!(asked(Some("v1.27.3+k3s1"), "1.28"), [""; 0]);
        assert_eq!(
            asked(Some("1.31.2"), "1.32.1"),
            [
                "validatingadmissionpolicies",
                "validatingadmissionpolicybindings",
                "flowschemas",
                "prioritylevelconfigurations",
                "podschedulingcontexts"
            ]
        );
        assert!(asked(Some("1.21.0"), "1.22").contains(&"ingresses"));
        assert!(asked(None, "1.32").len() > 20, "the present version is not known");
    }

    #[test]
    fn every_stored_kind_that_loses_a_version_is_asked_for_or_named_here() {
        // Never stored, written by the system itself, or gone before 1.20.
        const NOT_ASKED: &[&str] = &[
            "APIGroupDiscovery",
            "AdmissionReview",
            "AuditSink",
            "CSINode",
            "CSIStorageCapacity",
            "CertificateSigningRequest",
            "ClusterConfiguration",
            "ControllerRevision",
            "ConversionReview",
            "DaemonSet",
            "Deployment",
            "DeploymentRollback",
            "DeviceTaintRule",
            "EndpointSlice",
            "Event",
            "IPAddress",
            "InitConfiguration",
            "JoinConfiguration",
            "KubeSchedulerConfiguration",
            "Lease",
            "LeaseCandidate",
            "LocalSubjectAccessReview",
            "NetworkPolicy",
            "PodScheduling",
            "Policy",
            "ReplicaSet",
            "ResourcePoolStatusRequest",
            "ResourceSlice",
            "Scale",
            "SelfSubjectAccessReview",
            "SelfSubjectReview",
            "SelfSubjectRulesReview",
            "StatefulSet",
            "SubjectAccessReview",
            "TokenReview",
            "VolumeAttachment",
            "WebhookAdmissionConfiguration",
        ];
        let asked = |kind: &str| REQUESTS.iter().filter_map(Request::resource).any(|resource| resource.kind == kind);
        for kind in lifecycle::kinds() {
            let is_removed = lifecycle::of_kind(kind).any(|(_, api)| api.removed.is_some());
            assert!(!is_removed || asked(kind) != NOT_ASKED.contains(&kind), "{kind}");
        }
    }
}
