//! The resources of the Kubernetes API that facts are read from, and how
//! much of them is asked for.

/// A kind of objects, as the API names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource {
    /// API group; empty for the core.
    pub group: &'static str,
    /// Versions whose fields the collectors know, the best first.
    pub versions: &'static [&'static str],
    /// The name in paths, such as `persistentvolumeclaims`.
    pub plural: &'static str,
    /// The name in objects, such as `PersistentVolumeClaim`.
    pub kind: &'static str,
    /// Whether its objects live in namespaces.
    pub is_namespaced: bool,
    /// Whether every cluster has objects of it. Files without any are then
    /// incomplete; of other kinds a cluster may just have none.
    pub is_in_every_cluster: bool,
}

/// How much of each object is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Names, labels, annotations and owners: `PartialObjectMetadata`.
    Metadata,
    /// The object.
    Whole,
}

/// Which objects of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    Everywhere,
    /// Those of one namespace.
    Namespace(&'static str),
    /// One object, by namespace and name; the namespace of a cluster-scoped
    /// one is empty.
    Named(&'static str, &'static str),
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Objects of a resource.
    Objects(&'static Resource, Scope),
    /// Every object that files hold, whatever its kind. A live API is not
    /// asked: there, nothing answers it.
    ObjectsOfFiles,
    /// A path of the API server that is no resource, such as `/version`. Its
    /// answer is seen as the object; text that is no JSON as a text.
    Path(&'static str),
}

/// One thing that a collector needs of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// What.
    pub what: What,
    /// How much of it.
    pub detail: Detail,
    /// Whether `metadata.managedFields` is needed, which is else passed over:
    /// it is often a third of an object.
    pub history: bool,
    /// A label selector; empty for all.
    pub labels: &'static str,
    /// A field selector, such as `type=Warning`; empty for all. Files are not
    /// filtered by it: the collector looks again.
    pub fields: &'static str,
}

impl Request {
    /// Whole objects of a resource, of all namespaces.
    pub const fn all(resource: &'static Resource) -> Self {
        Self::of(What::Objects(resource, Scope::Everywhere), Detail::Whole)
    }

    /// Names, labels, annotations and owners of a resource's objects.
    pub const fn metadata(resource: &'static Resource) -> Self {
        Self::of(What::Objects(resource, Scope::Everywhere), Detail::Metadata)
    }

    /// The same, with who wrote the objects when: `metadata.managedFields`.
    #[must_use]
    pub const fn with_history(mut self) -> Self {
        self.history = true;
        self
    }

    /// The same, of objects that a label selector selects.
    #[must_use]
    pub const fn with_labels(mut self, labels: &'static str) -> Self {
        self.labels = labels;
        self
    }

    /// One object.
    pub const fn named(resource: &'static Resource, namespace: &'static str, name: &'static str) -> Self {
        Self::of(What::Objects(resource, Scope::Named(namespace, name)), Detail::Whole)
    }

    /// The objects of one namespace.
    pub const fn within(resource: &'static Resource, namespace: &'static str) -> Self {
        Self::of(What::Objects(resource, Scope::Namespace(namespace)), Detail::Whole)
    }

    /// Every object that files hold, whatever its kind.
    pub const fn every_object_of_files() -> Self {
        Self::of(What::ObjectsOfFiles, Detail::Whole)
    }

    /// A path that is no resource.
    pub const fn path(path: &'static str) -> Self {
        Self::of(What::Path(path), Detail::Whole)
    }

    const fn of(what: What, detail: Detail) -> Self {
        Request { what, detail, history: false, labels: "", fields: "" }
    }

    /// The scope, if it asks for objects.
    pub fn scope(&self) -> Option<Scope> {
        match self.what {
            What::Objects(_, scope) => Some(scope),
            What::Path(_) | What::ObjectsOfFiles => None,
        }
    }

    /// The resource, if it asks for objects.
    pub fn resource(&self) -> Option<&'static Resource> {
        match self.what {
            What::Objects(resource, _) => Some(resource),
            What::Path(_) | What::ObjectsOfFiles => None,
        }
    }
}

impl Scope {
    /// Whether an object of that namespace and name lies within it.
    pub fn holds(&self, namespace: &str, name: &str) -> bool {
        match *self {
            Scope::Everywhere => true,
            Scope::Namespace(wanted) => wanted == namespace,
            Scope::Named(wanted, named) => wanted == namespace && named == name,
        }
    }
}

/// Group and kind of objects that another group serves as well: events under
/// their newer name, and Calico's policies by its own API server.
const ALSO_SERVED: &[(&str, &str, &str)] = &[
    ("", "Event", "events.k8s.io"),
    ("policy", "PodSecurityPolicy", "extensions"),
    ("crd.projectcalico.org", "NetworkPolicy", "projectcalico.org"),
    ("crd.projectcalico.org", "GlobalNetworkPolicy", "projectcalico.org"),
];

impl Resource {
    /// A namespaced kind that a cluster may have none of.
    pub const fn namespaced(
        group: &'static str,
        versions: &'static [&'static str],
        plural: &'static str,
        kind: &'static str,
    ) -> Self {
        Resource { group, versions, plural, kind, is_namespaced: true, is_in_every_cluster: false }
    }

    /// A cluster-scoped kind that a cluster may have none of.
    pub const fn cluster_wide(
        group: &'static str,
        versions: &'static [&'static str],
        plural: &'static str,
        kind: &'static str,
    ) -> Self {
        Resource { group, versions, plural, kind, is_namespaced: false, is_in_every_cluster: false }
    }

    /// The same, for a kind that every cluster has objects of.
    #[must_use]
    pub const fn in_every_cluster(mut self) -> Self {
        self.is_in_every_cluster = true;
        self
    }

    /// Whether an object of that API version and kind is one of these; any
    /// version of the group counts, and so do other groups that serve the same
    /// objects.
    pub fn is(&self, api_version: &str, kind: &str) -> bool {
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        self.kind == kind && (self.group == group || ALSO_SERVED.contains(&(self.group, self.kind, group)))
    }

    /// The name as RBAC and error messages have it: `deployments.apps`.
    pub fn full_name(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }
}

/// Nodes.
pub const NODES: Resource = Resource::cluster_wide("", &["v1"], "nodes", "Node").in_every_cluster();
/// Pods.
pub const PODS: Resource = Resource::namespaced("", &["v1"], "pods", "Pod").in_every_cluster();
/// Namespaces.
pub const NAMESPACES: Resource = Resource::cluster_wide("", &["v1"], "namespaces", "Namespace").in_every_cluster();
/// Services.
pub const SERVICES: Resource = Resource::namespaced("", &["v1"], "services", "Service").in_every_cluster();
/// Config maps.
pub const CONFIG_MAPS: Resource = Resource::namespaced("", &["v1"], "configmaps", "ConfigMap");
/// Events, of the core group, which has them all.
pub const EVENTS: Resource = Resource::namespaced("", &["v1"], "events", "Event");
/// Claims of persistent volumes.
pub const CLAIMS: Resource = Resource::namespaced("", &["v1"], "persistentvolumeclaims", "PersistentVolumeClaim");
/// Persistent volumes.
pub const VOLUMES: Resource = Resource::cluster_wide("", &["v1"], "persistentvolumes", "PersistentVolume");
/// Deployments.
pub const DEPLOYMENTS: Resource = Resource::namespaced("apps", &["v1"], "deployments", "Deployment");
/// Daemon sets.
pub const DAEMON_SETS: Resource = Resource::namespaced("apps", &["v1"], "daemonsets", "DaemonSet");
/// Stateful sets.
pub const STATEFUL_SETS: Resource = Resource::namespaced("apps", &["v1"], "statefulsets", "StatefulSet");
/// Replica sets.
pub const REPLICA_SETS: Resource = Resource::namespaced("apps", &["v1"], "replicasets", "ReplicaSet");
/// Jobs.
pub const JOBS: Resource = Resource::namespaced("batch", &["v1"], "jobs", "Job");
/// Cron jobs.
pub const CRON_JOBS: Resource = Resource::namespaced("batch", &["v1", "v1beta1"], "cronjobs", "CronJob");
/// Storage classes.
pub const STORAGE_CLASSES: Resource =
    Resource::cluster_wide("storage.k8s.io", &["v1"], "storageclasses", "StorageClass");
/// CSI drivers.
pub const CSI_DRIVERS: Resource = Resource::cluster_wide("storage.k8s.io", &["v1"], "csidrivers", "CSIDriver");
/// Classes of runtime handlers.
pub const RUNTIME_CLASSES: Resource =
    Resource::cluster_wide("node.k8s.io", &["v1", "v1beta1"], "runtimeclasses", "RuntimeClass");
/// Contents of volume snapshots.
pub const SNAPSHOT_CONTENTS: Resource =
    Resource::cluster_wide("snapshot.storage.k8s.io", &["v1"], "volumesnapshotcontents", "VolumeSnapshotContent");
/// Classes of volume snapshots.
pub const SNAPSHOT_CLASSES: Resource =
    Resource::cluster_wide("snapshot.storage.k8s.io", &["v1"], "volumesnapshotclasses", "VolumeSnapshotClass");
/// Bindings of roles in the whole cluster.
pub const CLUSTER_ROLE_BINDINGS: Resource =
    Resource::cluster_wide("rbac.authorization.k8s.io", &["v1"], "clusterrolebindings", "ClusterRoleBinding");
/// Bindings of roles in a namespace.
pub const ROLE_BINDINGS: Resource =
    Resource::namespaced("rbac.authorization.k8s.io", &["v1"], "rolebindings", "RoleBinding");
/// Webhooks that check.
pub const VALIDATING_WEBHOOKS: Resource = Resource::cluster_wide(
    "admissionregistration.k8s.io",
    &["v1"],
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
);
/// Webhooks that change.
pub const MUTATING_WEBHOOKS: Resource = Resource::cluster_wide(
    "admissionregistration.k8s.io",
    &["v1"],
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
);
/// Policies in CEL.
pub const ADMISSION_POLICIES: Resource = Resource::cluster_wide(
    "admissionregistration.k8s.io",
    &["v1", "v1beta1"],
    "validatingadmissionpolicies",
    "ValidatingAdmissionPolicy",
);
/// Where those policies apply.
pub const ADMISSION_POLICY_BINDINGS: Resource = Resource::cluster_wide(
    "admissionregistration.k8s.io",
    &["v1", "v1beta1"],
    "validatingadmissionpolicybindings",
    "ValidatingAdmissionPolicyBinding",
);
/// Endpoints of services.
pub const ENDPOINT_SLICES: Resource =
    Resource::namespaced("discovery.k8s.io", &["v1"], "endpointslices", "EndpointSlice");
/// Network policies of Kubernetes.
pub const NETWORK_POLICIES: Resource =
    Resource::namespaced("networking.k8s.io", &["v1"], "networkpolicies", "NetworkPolicy");
/// Network policies of Calico.
pub const CALICO_POLICIES: Resource =
    Resource::namespaced("crd.projectcalico.org", &["v1"], "networkpolicies", "NetworkPolicy");
/// Calico's policies for the whole cluster.
pub const CALICO_GLOBAL_POLICIES: Resource =
    Resource::cluster_wide("crd.projectcalico.org", &["v1"], "globalnetworkpolicies", "GlobalNetworkPolicy");
/// Network policies of Cilium.
pub const CILIUM_POLICIES: Resource =
    Resource::namespaced("cilium.io", &["v2"], "ciliumnetworkpolicies", "CiliumNetworkPolicy");
/// Cilium's policies for the whole cluster.
pub const CILIUM_GLOBAL_POLICIES: Resource =
    Resource::cluster_wide("cilium.io", &["v2"], "ciliumclusterwidenetworkpolicies", "CiliumClusterwideNetworkPolicy");
/// Network policies of the cluster's administrator.
pub const ADMIN_POLICIES: Resource =
    Resource::cluster_wide("policy.networking.k8s.io", &["v1alpha1"], "adminnetworkpolicies", "AdminNetworkPolicy");
/// The administrator's policy where no other applies.
pub const BASELINE_POLICIES: Resource = Resource::cluster_wide(
    "policy.networking.k8s.io",
    &["v1alpha1"],
    "baselineadminnetworkpolicies",
    "BaselineAdminNetworkPolicy",
);
/// Ceph clusters of Rook.
pub const CEPH_CLUSTERS: Resource = Resource::namespaced("ceph.rook.io", &["v1"], "cephclusters", "CephCluster");
/// Block pools of Rook.
pub const CEPH_BLOCK_POOLS: Resource = Resource::namespaced("ceph.rook.io", &["v1"], "cephblockpools", "CephBlockPool");
/// File systems of Rook.
pub const CEPH_FILESYSTEMS: Resource =
    Resource::namespaced("ceph.rook.io", &["v1"], "cephfilesystems", "CephFilesystem");
/// Object stores of Rook.
pub const CEPH_OBJECT_STORES: Resource =
    Resource::namespaced("ceph.rook.io", &["v1"], "cephobjectstores", "CephObjectStore");
/// Ranges of Services' addresses.
pub const SERVICE_CIDRS: Resource =
    Resource::cluster_wide("networking.k8s.io", &["v1", "v1beta1"], "servicecidrs", "ServiceCIDR");
/// Calico's pools of pod addresses, as its CRD.
pub const IP_POOLS: Resource = Resource::cluster_wide("crd.projectcalico.org", &["v1"], "ippools", "IPPool");
/// The same as Calico's own API server serves them.
pub const IP_POOLS_V3: Resource = Resource::cluster_wide("projectcalico.org", &["v3"], "ippools", "IPPool");
/// Settings of Calico's agent, as its CRD.
pub const FELIX_CONFIGURATIONS: Resource =
    Resource::cluster_wide("crd.projectcalico.org", &["v1"], "felixconfigurations", "FelixConfiguration");
/// The same as Calico's own API server serves them.
pub const FELIX_CONFIGURATIONS_V3: Resource =
    Resource::cluster_wide("projectcalico.org", &["v3"], "felixconfigurations", "FelixConfiguration");
/// What Calico's operator is told to install.
pub const CALICO_INSTALLATIONS: Resource =
    Resource::cluster_wide("operator.tigera.io", &["v1"], "installations", "Installation");
/// Disruption budgets; policy/v1 is there since 1.21.
pub const DISRUPTION_BUDGETS: Resource =
    Resource::namespaced("policy", &["v1", "v1beta1"], "poddisruptionbudgets", "PodDisruptionBudget");
/// Policies of pod security, which 1.25 took away.
pub const POD_SECURITY_POLICIES: Resource =
    Resource::cluster_wide("policy", &["v1beta1"], "podsecuritypolicies", "PodSecurityPolicy");
/// Definitions of custom resources.
pub const CUSTOM_RESOURCES: Resource = Resource::cluster_wide(
    "apiextensions.k8s.io",
    &["v1", "v1beta1"],
    "customresourcedefinitions",
    "CustomResourceDefinition",
);
/// API services, the built-in ones and those of aggregated API servers.
pub const API_SERVICES: Resource =
    Resource::cluster_wide("apiregistration.k8s.io", &["v1", "v1beta1"], "apiservices", "APIService");
/// What NVIDIA's GPU Operator is told to install; there is one.
pub const CLUSTER_POLICIES: Resource =
    Resource::cluster_wide("nvidia.com", &["v1"], "clusterpolicies", "ClusterPolicy");
/// Devices that drivers for dynamic resource allocation publish.
pub const RESOURCE_SLICES: Resource =
    Resource::cluster_wide("resource.k8s.io", &["v1", "v1beta2", "v1beta1"], "resourceslices", "ResourceSlice");
/// CSI drivers that run on a node.
pub const CSI_NODES: Resource = Resource::cluster_wide("storage.k8s.io", &["v1"], "csinodes", "CSINode");
/// Secrets, whose data is not read but for releases of Helm, where the user asks for these.
pub const SECRETS: Resource = Resource::namespaced("", &["v1"], "secrets", "Secret");
