//! What each Node is reduced to: `nodes` and its members.

use crate::fact::catalogue::{FactDoc, Field, Type};

pub(super) const FACTS: &[FactDoc] = &[
    FactDoc::new("nodes", Type::List(&Type::Object(NODE)), "Every Node object."),
    FactDoc::new(
        "node_groups",
        Type::List(&Type::Object(GROUP)),
        "Linux nodes with a machine behind them, grouped by role and architecture.",
    ),
    FactDoc::new("node_runtimes", Type::List(&Type::Object(KIND)), "The kinds of runtimes on those nodes."),
    FactDoc::new(
        "node_object",
        Type::Object(NODE),
        "The Node of the host that is judged. Absent: no cluster is judged beside it, or none of its nodes is this host.",
    ),
];

const NODE: &[Field] = &[
    Field::new("name", Type::Text, "Name of the node."),
    Field::new("namespace", Type::Text, "Always absent: nodes have none."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("host", Type::Host, "All facts of this node's host, where they are judged too; else absent."),
    Field::new("labels", Type::Map(&Type::Text), "Its labels."),
    Field::new("annotations", Type::Map(&Type::Text), "Its annotations."),
    Field::new("created", Type::Text, "When it registered."),
    Field::new("ready_due", Type::Text, "Five minutes after that: until then a node may be getting its network."),
    Field::new(
        "roles",
        Type::List(&Type::Text),
        "Its roles by its labels, in order: `control-plane`, `etcd`, `worker` …",
    ),
    Field::new(
        "is_control_plane",
        Type::Bool,
        "Whether a label makes it a control plane, under its present or its former name (`master`).",
    ),
    Field::new(
        "is_virtual",
        Type::Bool,
        "Whether no machine stands behind it: virtual kubelets, KWOK's and kubemark's nodes.",
    ),
    Field::new("is_linux_machine", Type::Bool, "Whether it is a machine that runs Linux: neither virtual nor Windows."),
    Field::new(
        "managed_by",
        Type::Text,
        "Who runs the node and replaces it as a whole: `eks`, `fargate`, `gke`, `aks`, `ack`, `tke`, `doks`. Absent: nobody who shows.",
    ),
    Field::new("provider_id", Type::Text, "The cloud's name of the machine, such as `aws:///eu-west-1a/i-0a1b`."),
    Field::new("unschedulable", Type::Bool, "Whether it is cordoned. Absent: it is not."),
    Field::new(
        "unschedulable_since",
        Type::Text,
        "Since when it is cordoned, by the taint that comes with it. Absent: it is not cordoned, or nothing says it.",
    ),
    Field::new("taints", Type::List(&Type::Object(TAINT)), "Its taints; empty where there are none."),
    Field::new("conditions", Type::List(&Type::Object(CONDITION)), "Its conditions; empty where none is reported."),
    Field::new("addresses", Type::List(&Type::Object(ADDRESS)), "Its addresses, in the order of the kubelet."),
    Field::new("internal_ips", Type::List(&Type::Text), "Its addresses of the type InternalIP."),
    Field::new("hostname", Type::Text, "Its address of the type Hostname: what the host is called, unless overridden."),
    Field::new("pod_cidr", Type::Text, "Its range of pod addresses; absent where the network plugin assigns them."),
    Field::new(
        "pod_cidrs",
        Type::List(&Type::Text),
        "All of its ranges, one for each family; empty as `pod_cidr` is absent.",
    ),
    Field::new("capacity", Type::Map(&Type::Text), "What it has of each resource, as quantities."),
    Field::new("allocatable", Type::Map(&Type::Text), "What pods may have of each resource, as quantities."),
    Field::new("kubelet_version", Type::Text, "The kubelet's version, such as `v1.36.2` or `v1.30.0+k3s1`."),
    Field::new(
        "kube_proxy_version",
        Type::Text,
        "What kubelets up to 1.30 said of kube-proxy: their own version. Absent since.",
    ),
    Field::new("container_runtime_version", Type::Text, "Runtime and version, such as `containerd://2.1.4`."),
    Field::new("runtime", Type::Object(RUNTIME), "The same, taken apart."),
    Field::new(
        "runtime_handlers",
        Type::List(&Type::Text),
        "Handlers of its runtime, the empty name for the default one. Absent: runtime or kubelet does not report them.",
    ),
    Field::new(
        "cri_socket",
        Type::Text,
        "The CRI socket that kubeadm wrote down, `unix:///run/containerd/containerd.sock`.",
    ),
    Field::new("kernel_version", Type::Text, "Release of the running kernel, as uname -r gives it."),
    Field::new("kernel", Type::Object(KERNEL), "The same, taken apart as `kernel` of a host is."),
    Field::new("os_image", Type::Text, "PRETTY_NAME of the operating system."),
    Field::new(
        "os",
        Type::Object(OS),
        "What `os_image` tells, as `os` of a host. Unreadable: it names no system that we know.",
    ),
    Field::new("operating_system", Type::Text, "`linux` or `windows`."),
    Field::new("architecture", Type::Text, "`amd64`, `arm64` …"),
    Field::new("machine_id", Type::Text, "The machine id."),
    Field::new("system_uuid", Type::Text, "The system UUID of the firmware."),
    Field::new("boot_id", Type::Text, "The id of this boot."),
    Field::new(
        "machine_id_state",
        Type::Text,
        "`set`, or what is wrong with the machine id: `empty`, `zero`, `uninitialized`.",
    ),
    Field::new(
        "same_machine_id",
        Type::List(&Type::Text),
        "Other nodes with its machine id, the first few; empty for nodes that share a machine on purpose (kind, k3d, minikube).",
    ),
    Field::new(
        "same_system_uuid",
        Type::List(&Type::Text),
        "Other nodes with its system UUID, placeholders of firmware left out, as same_machine_id.",
    ),
    Field::new(
        "same_hostname",
        Type::List(&Type::Text),
        "Other nodes whose Hostname address is the same but for case.",
    ),
    Field::new("same_internal_ip", Type::List(&Type::Text), "Other nodes with one of its InternalIPs."),
    Field::new(
        "pod_cidr_conflicts",
        Type::List(&Type::Object(CONFLICT)),
        "What its ranges of pod addresses overlap with, the first few: ranges of other nodes, Services, addresses of nodes.",
    ),
    Field::new(
        "runtime_classes",
        Type::List(&Type::Object(CLASS)),
        "RuntimeClasses whose pods may run on it, by their node selectors and tolerations.",
    ),
];

const CONFLICT: &[Field] = &[
    Field::new("cidr", Type::Text, "the range of this node"),
    Field::new("with", Type::Text, "the other range or address"),
    Field::new("of", Type::Text, "whose it is: `Services`, or a node"),
];

pub(in crate::fact::cluster) const CLASS: &[Field] = &[
    Field::new("name", Type::Text, "name of the RuntimeClass"),
    Field::new("handler", Type::Text, "the handler that it names"),
    Field::new("is_used", Type::Bool, "whether a pod asks for it"),
    Field::new("is_bundled", Type::Bool, "whether the distribution brings it along, used or not, as k3s does"),
];

const GROUP: &[Field] = &[
    Field::new("role", Type::Text, "role and architecture, `worker (amd64)`"),
    Field::new("kernels", Type::List(&Type::Text), "releases of kernels in it"),
    Field::new("os_images", Type::List(&Type::Text), "operating systems in it"),
];

const KIND: &[Field] = &[
    Field::new("name", Type::Text, "containerd, cri-o, docker …"),
    Field::new("versions", Type::List(&Type::Text), "its versions, the oldest first"),
    Field::new(
        "lines_apart",
        Type::Int,
        "how many minor lines lie between the oldest and the newest; 0 where there is no order",
    ),
];

const TAINT: &[Field] = &[
    Field::new("key", Type::Text, "its key"),
    Field::new("value", Type::Text, "its value; absent where it has none"),
    Field::new("effect", Type::Text, "NoSchedule, PreferNoSchedule or NoExecute"),
    Field::new("time_added", Type::Text, "since when; only some are given a time"),
];

const CONDITION: &[Field] = &[
    Field::new("type", Type::Text, "Ready, MemoryPressure, NetworkUnavailable …, or a detector's own"),
    Field::new("status", Type::Text, "True, False or Unknown"),
    Field::new("reason", Type::Text, "why, in one word"),
    Field::new("message", Type::Text, "why, in words"),
    Field::new("since", Type::Text, "when its status changed last"),
    Field::new("heartbeat", Type::Text, "when it was reported last"),
];

const ADDRESS: &[Field] = &[
    Field::new("type", Type::Text, "InternalIP, ExternalIP, Hostname, InternalDNS or ExternalDNS"),
    Field::new("address", Type::Text, "the address or name"),
];

const RUNTIME: &[Field] = &[
    Field::new("name", Type::Text, "containerd, cri-o, docker …"),
    Field::new(
        "product",
        Type::Text,
        "key of lifecycle(); CRI-O's lines end with those of Kubernetes. Absent: another runtime",
    ),
    Field::new("version", Type::Text, "its version"),
    Field::new(
        "answers_runtime_config",
        Type::Bool,
        "whether it implements RuntimeConfig: containerd since 2.0, CRI-O since 1.28; unreadable for Docker, where cri-dockerd's version counts",
    ),
    Field::new(
        "is_distribution_build",
        Type::Bool,
        "whether the version says that a distribution built it, and so mends it (`~ds1`, `-0ubuntu1`, `.el9`)",
    ),
    Field::new(
        "comes_with",
        Type::Text,
        "what brings it along and mends it: k3s, rke2, k0s, or the service that runs the node; absent where nothing does",
    ),
];

const KERNEL: &[Field] = &[
    Field::new("release", Type::Text, "the release"),
    Field::new("version", Type::Text, "its numbers, `5.4.196`"),
    Field::new("line", Type::Text, "the first two of them"),
    Field::new("upstream_version", Type::Text, "version, unless the vendor backports: then it is unreadable"),
    Field::new("flavour", Type::Text, "who built it: rhel, elrepo, ubuntu, debian …"),
    Field::new("vendor", Type::Text, "the distribution in the release, el8; absent where it names none"),
    Field::new("build", Type::Int, "first number of the vendor's build; absent where it has none"),
    Field::new("is_backported", Type::Bool, "whether the vendor backports"),
    Field::new("is_upstream", Type::Bool, "whether upstream itself keeps this line up"),
    Field::new(
        "has_cgroup_accounting_fixes",
        Type::Bool,
        "whether the faults of old kernels' cgroup accounting are gone; unreadable for older kernels of distributions that mend",
    ),
];

const OS: &[Field] = &[
    Field::new("id", Type::Text, "ID of its os-release"),
    Field::new("version_id", Type::Text, "VERSION_ID; absent where the image names none"),
    Field::new("pretty_name", Type::Text, "the image itself"),
    Field::new("product", Type::Text, "key of lifecycle(); absent for rolling and unknown ones"),
    Field::new("cycle", Type::Text, "cycle of lifecycle(); absent where the image names no version"),
    Field::new("is_stream", Type::Bool, "whether it is CentOS Stream"),
    Field::new("is_interim", Type::Bool, "whether it is an Ubuntu without long-term support"),
    Field::new("is_rolling", Type::Bool, "whether its releases follow each other without cycles"),
    Field::new("is_desktop", Type::Bool, "whether it is a desktop edition"),
    Field::new("is_vendor_dated", Type::Bool, "whether only its vendor can tell when support ends"),
];
