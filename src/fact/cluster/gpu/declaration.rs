//! The facts of a cluster's GPUs: their names, types and meanings.

use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::cluster::node::CLASS;

pub(super) const FACTS: &[FactDoc] = &[
    FactDoc::new("gpu_nodes", Type::List(&Type::Object(NODE)), "Every Node, by what it says of NVIDIA's GPUs."),
    FactDoc::new(
        "gpu_node",
        Type::Object(NODE),
        "That of the host that is judged. Absent: no cluster is judged beside it, or none of its nodes is this host.",
    ),
    FactDoc::new(
        "gpu_sharing",
        Type::List(&Type::Object(SHARING)),
        "Every Node with NVIDIA's GPUs, by how pods share them; beside them the workloads of a virtualization that shows at no node.",
    ),
    FactDoc::new(
        "mig_wishes",
        Type::List(&Type::Object(WISH)),
        "MIG profiles that are asked for: by pods that wait for a node, by templates of pods, and by a node's label nvidia.com/mig.config.",
    ),
];

const RESOURCE: &[Field] = &[
    Field::new("name", Type::Text, "Name, such as `nvidia.com/gpu`."),
    Field::new("capacity", Type::Int, "What the device plugin announced."),
    Field::new("allocatable", Type::Int, "What of it is healthy; absent where the node does not say it."),
];

const NODE: &[Field] = &[
    Field::new("name", Type::Text, "Name of the node."),
    Field::new("namespace", Type::Text, "Always absent: nodes have none."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new(
        "has_gpus",
        Type::Bool,
        "Whether it has NVIDIA's GPUs for pods: by the operator's or feature discovery's labels, resources, or ResourceSlices; by a PCI label alone only where the cluster runs a device plugin. False for virtual nodes and those whose GPUs are for virtual machines.",
    ),
    Field::new(
        "transition",
        Type::Text,
        "What changes it just now: it is not ready, MIG is being configured, its operands are paused, its driver is upgraded. Absent: nothing shows.",
    ),
    Field::new(
        "settled_after",
        Type::Text,
        "Half an hour after it registered, or after a pod of its device plugin that is not ready was made: until then it may be being set up.",
    ),
    Field::new("product", Type::Text, "Product by feature discovery, such as `NVIDIA-H100-80GB-HBM3-MIG-1g.10gb`."),
    Field::new("model", Type::Text, "The same without what MIG and sharing add: `NVIDIA-H100-80GB-HBM3`."),
    Field::new("count", Type::Int, "GPUs by feature discovery; with the strategy single its MIG devices."),
    Field::new("memory_mib", Type::Int, "Memory of one of them, in MiB."),
    Field::new(
        "replicas",
        Type::Int,
        "How often each is offered, by feature discovery; 0 where all of them have MIG on and are no devices themselves.",
    ),
    Field::new(
        "driver_version",
        Type::Text,
        "Version of the driver by feature discovery, by its labels of today or of before 0.16.",
    ),
    Field::new(
        "is_vgpu",
        Type::Bool,
        "Whether it is a virtual machine with an NVIDIA vGPU, whose driver is numbered apart.",
    ),
    Field::new("mig_capable", Type::Bool, "Whether a GPU of it has MIG, by feature discovery."),
    Field::new(
        "mig_strategy",
        Type::Text,
        "Its MIG strategy: by feature discovery's label, else as its device plugin is configured. Absent: nothing says it.",
    ),
    Field::new(
        "mig_enabled",
        Type::Bool,
        "Whether a GPU of it has MIG on, as far as labels and resources tell. Absent: they do not.",
    ),
    Field::new(
        "mig_invalid",
        Type::Bool,
        "Whether feature discovery says MIG-INVALID: with the strategy single its GPUs are not partitioned alike.",
    ),
    Field::new("mig_config", Type::Text, "The configuration that its label nvidia.com/mig.config asks for."),
    Field::new(
        "mig_config_state",
        Type::Text,
        "`pending`, `rebooting`, `success` or `failed`, as mig-manager left it.",
    ),
    Field::new(
        "mig_config_since",
        Type::Text,
        "Since when at the latest that state holds, by the managed fields of its label. Unreadable: the files hold none.",
    ),
    Field::new(
        "mig_config_due",
        Type::Text,
        "Ten minutes after that: mig-manager waits five for paused pods, and a reboot takes some. Unreadable as mig_config_since is.",
    ),
    Field::new(
        "mig_config_has_instances",
        Type::Bool,
        "Whether that configuration makes instances, by its name or by mig-manager's ConfigMap. Absent: nothing says it.",
    ),
    Field::new(
        "mig_config_exists",
        Type::Bool,
        "Whether mig-manager's ConfigMap holds that configuration. Absent: the ConfigMap was not seen.",
    ),
    Field::new(
        "paused",
        Type::List(&Type::Text),
        "Operands that mig-manager paused for a change and that still are, such as `device-plugin`.",
    ),
    Field::new(
        "resources",
        Type::List(&Type::Object(RESOURCE)),
        "Its resources that a device plugin for NVIDIA's GPUs announced.",
    ),
    Field::new(
        "offered",
        Type::Int,
        "Devices that pods may have: the sum of their allocatable, memory and cores of shares left out.",
    ),
    Field::new(
        "announced",
        Type::Int,
        "Capacity of nvidia.com/gpu, and of nvidia.com/gpu.shared. Absent: it has neither.",
    ),
    Field::new(
        "expected",
        Type::Int,
        "What that has to be by the labels. Absent: they do not tell, as where some of its GPUs have MIG on.",
    ),
    Field::new(
        "unhealthy",
        Type::List(&Type::Object(RESOURCE)),
        "Those of the resources of which less is allocatable than was announced, while something is.",
    ),
    Field::new(
        "mig_disagreements",
        Type::List(&Type::Text),
        "What its labels and resources say differently of its MIG devices; empty where they agree. Absent: it shows none, or not both.",
    ),
    Field::new(
        "mig_devices",
        Type::Int,
        "MIG devices by its resources, each counted once however often it is shared. Absent: it offers none.",
    ),
    Field::new("mig_profiles", Type::List(&Type::Text), "Profiles of those, as NVML writes them: `1g.10gb+me`."),
    Field::new(
        "mig_on_demand",
        Type::Text,
        "What makes MIG devices when a pod asks: `HAMi` or `DRA`. Absent: nothing that shows.",
    ),
    Field::new(
        "is_dra",
        Type::Bool,
        "Whether a driver for dynamic resource allocation publishes its GPUs as ResourceSlices.",
    ),
    Field::new("virtualized_by", Type::Text, "As in gpu_sharing."),
    Field::new(
        "plugin_unwanted",
        Type::Text,
        "What says that it shall have no device plugin: an operator's label with the value false. Absent: nothing.",
    ),
    Field::new(
        "plugin_obstacle",
        Type::Text,
        "Why the device plugin's DaemonSet has no pod there: a taint, a label; or what its pod there waits for. Absent: nothing that shows.",
    ),
    Field::new(
        "runtime_handlers",
        Type::List(&Type::Text),
        "Handlers of its runtime. Absent: runtime or kubelet does not report them.",
    ),
    Field::new(
        "runtime_classes",
        Type::List(&Type::Object(CLASS)),
        "RuntimeClasses with the handler nvidia whose pods may run on it.",
    ),
    Field::new(
        "products",
        Type::List(&Type::Text),
        "Products of its GPUs one by one, by ResourceSlices or HAMi's annotation; empty where only labels tell, which name one of them.",
    ),
];

const SHARING: &[Field] = &[
    Field::new("name", Type::Text, "Name of the node, or of the workload."),
    Field::new("namespace", Type::Text, "Namespace of the workload."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new(
        "virtualized_by",
        Type::Text,
        "`HAMi`, `4paradigm vGPU` or `Volcano vGPU`, by at least two signs. Absent: nothing; unreadable: one sign, and pods or DaemonSets were not read.",
    ),
    Field::new("signs", Type::List(&Type::Text), "Those signs."),
    Field::new("has_two_plugins", Type::Bool, "Whether NVIDIA's device plugin runs on that node too."),
    Field::new(
        "shared_by",
        Type::Text,
        "`time-slicing`, `mps`, or `a plugin that says nothing of it`. Absent: each pod has its GPU for itself.",
    ),
    Field::new("shares", Type::Int, "How many shares pods are offered."),
    Field::new("count", Type::Int, "How many GPUs they are shares of."),
    Field::new("has_mig", Type::Bool, "Whether MIG is on too."),
    Field::new(
        "greedy",
        Type::List(&Type::Text),
        "Workloads there that ask for several shares, and get no more of a GPU by that.",
    ),
];

const WISH: &[Field] = &[
    Field::new("name", Type::Text, "Name of the workload or of the node."),
    Field::new("namespace", Type::Text, "Namespace of the workload."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("wish", Type::Text, "As it is asked for: `nvidia.com/mig-1g.5gb`, or `all-1g.5gb` of a node's label."),
    Field::new("profile", Type::Text, "The profile, as NVML writes it."),
    Field::new("is_request", Type::Bool, "Whether pods ask for it; else a node's label does."),
    Field::new(
        "is_offered",
        Type::Bool,
        "Of pods: whether a node offers it. Unreadable: a node is being partitioned, or an autoscaler may bring one.",
    ),
    Field::new("offered", Type::List(&Type::Text), "Of pods: the resources with MIG devices that nodes do offer."),
    Field::new("model", Type::Text, "Of a node: its product."),
];
