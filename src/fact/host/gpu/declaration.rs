//! The facts of GPUs: their names, types and meanings.

use crate::fact::catalogue::{FactDoc, Field, Type};

const DEVICE: &[Field] = &[
    Field::new("name", Type::Text, "PCI address, such as `0000:17:00.0`."),
    Field::new("id", Type::Text, "PCI device id in four upper-case digits, such as `2330`."),
    Field::new(
        "driver",
        Type::Text,
        "Kernel driver that it is bound to: `nvidia`, `nouveau`, `vfio-pci`. Absent: none.",
    ),
    Field::new("is_passed_through", Type::Bool, "Whether it is bound to vfio-pci, for a virtual machine."),
    Field::new("model", Type::Text, "Model as the driver names it. Absent: the driver does not have it."),
    Field::new("uuid", Type::Text, "UUID. Absent: the driver does not have it; unreadable until it was first opened."),
    Field::new("minor", Type::Int, "Number of its device node `/dev/nvidia<minor>`; neither PCI's nor NVML's order."),
    Field::new(
        "mig_enabled",
        Type::Bool,
        "Whether MIG is on. By NVML, else true where there are GPU instances; without NVML and instances unreadable, because off and empty look alike. Absent: NVML says that it has no MIG.",
    ),
    Field::new("mig_pending", Type::Bool, "Whether MIG is on after the next reset, by NVML. Absent: it has no MIG."),
    Field::new("gpu_instances", Type::Int, "Live GPU instances of MIG. Absent: the driver does not have the GPU."),
    Field::new(
        "empty_instances",
        Type::Int,
        "Those without a compute instance, which nothing can use. Absent: the driver does not have the GPU.",
    ),
    Field::new(
        "profiles",
        Type::List(&Type::Text),
        "Profiles of its MIG devices, such as `1g.10gb+me`, sorted, by NVML. Unreadable: there are instances, and NVML was not asked.",
    ),
    Field::new("ecc_enabled", Type::Bool, "Whether ECC is on, by NVML. Absent: its memory has none."),
    Field::new(
        "ecc_uncorrected",
        Type::Int,
        "Errors of memory that ECC could not correct since the driver was loaded, by NVML. Absent: no ECC.",
    ),
    Field::new(
        "row_remap_pending",
        Type::Bool,
        "Whether rows of memory wait for a reset to be remapped, by NVML. Absent: a GPU from before Ampere.",
    ),
    Field::new(
        "row_remap_failed",
        Type::Bool,
        "Whether a row could not be remapped, by NVML, after which the GPU is to be replaced. Absent: a GPU from before Ampere.",
    ),
    Field::new(
        "pages_pending",
        Type::Bool,
        "Whether pages of memory wait for a reload of the driver to be retired, by NVML. Absent: a GPU that remaps rows, or has no ECC.",
    ),
];

const INSTANCE: &[Field] = &[
    Field::new(
        "name",
        Type::Text,
        "The GPU's PCI address and the ids, such as `0000:17:00.0/gi9/ci0`; `mig0` where NVML told the profiles and no ids.",
    ),
    Field::new("gpu", Type::Text, "PCI address of its GPU."),
    Field::new("gpu_instance", Type::Int, "Id of the GPU instance. Absent: NVML did not tell."),
    Field::new(
        "compute_instance",
        Type::Int,
        "Id of the compute instance. Absent: the GPU instance has none, or NVML did not tell.",
    ),
    Field::new(
        "profile",
        Type::Text,
        "Profile, such as `1g.10gb+me`, by NVML; a resource's name has a dot for the plus. Absent: the GPU instance has no compute instance, and nothing can use it. Unreadable: NVML was not asked.",
    ),
];

const RESOURCE: &[Field] = &[
    Field::new("name", Type::Text, "Name of the resource, such as `nvidia.com/gpu` or `nvidia.com/mig-1g.10gb`."),
    Field::new(
        "devices",
        Type::Int,
        "Healthy devices that were offered; 0 where the plugin went away or all are unhealthy.",
    ),
    Field::new(
        "units",
        Type::Int,
        "The GPUs or instances behind them: what time-slicing, MPS and HAMi copy counts once.",
    ),
    Field::new("is_shared", Type::Bool, "Whether they are copies, by their ids."),
];

/// An Xid or `SXid`; `count` and `last` are of this boot.
const XID: &[Field] = &[
    Field::new("name", Type::Text, "GPU and code, such as `0000:ca:00 79`."),
    Field::new("gpu", Type::Text, "PCI address of the GPU, without a function: `0000:ca:00`."),
    Field::new("code", Type::Int, "Code, which `data.xid.codes` explains."),
    Field::new("count", Type::Int, "How often in this boot, as far as the logs go back."),
    Field::new("last", Type::Text, "When the last time, as the log writes it: a date, or seconds since the boot."),
    Field::new("text", Type::Text, "What the driver said the last time. Absent: nothing beside the code."),
    Field::new(
        "program",
        Type::Text,
        "Program in whose work it happened the last time. Absent: the driver does not know.",
    ),
    Field::new(
        "recovery",
        Type::Text,
        "Of Xid 154: what is to be done with the GPU now, such as `None` or `GPU Reset Required`. Absent: another code.",
    ),
];

const SXID: &[Field] = &[
    Field::new("name", Type::Text, "NVSwitch and code, such as `nvswitch0 12028`."),
    Field::new("nvswitch", Type::Text, "Name of the NVSwitch, such as `nvswitch0`."),
    Field::new("code", Type::Int, "Code; not one of Xid's."),
    Field::new("count", Type::Int, "How often in this boot, as far as the logs go back."),
    Field::new("last", Type::Text, "When the last time, as the log writes it."),
    Field::new("text", Type::Text, "What the driver said the last time."),
    Field::new("is_fatal", Type::Bool, "Whether the driver calls it fatal."),
];

const CLIENT: &[Field] = &[
    Field::new("name", Type::Text, "Its program."),
    Field::new("pid", Type::Int, "Process id; the source is the link of its open file."),
];

const SPEC: &[Field] = &[
    Field::new("name", Type::Text, "Path of the file."),
    Field::new("kind", Type::Text, "Its kind, such as `nvidia.com/gpu`."),
    Field::new("has_mig", Type::Bool, "Whether it names MIG devices."),
    Field::new(
        "driver_version",
        Type::Text,
        "Version of the driver whose libraries it mounts, by their names. Absent: it mounts none.",
    ),
    Field::new(
        "stale_mig_nodes",
        Type::List(&Type::Text),
        "Device nodes of MIG instances that are gone. Absent: the driver shows no capabilities.",
    ),
    Field::new(
        "missing_nodes",
        Type::List(&Type::Text),
        "Other device nodes that it names and that are not there. Absent: a recorded tree, which has none.",
    ),
    Field::new(
        "lacks_instances",
        Type::Bool,
        "Whether there are MIG instances that no specification names. Absent: it is of a kind that does not name all, or the driver shows no capabilities.",
    ),
];

pub(super) const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "gpu.present",
        Type::Bool,
        "Whether the host has an NVIDIA GPU for itself: a PCI display device of vendor 10de that is not bound to vfio-pci.",
    ),
    FactDoc::new(
        "gpu.devices",
        Type::List(&Type::Object(DEVICE)),
        "NVIDIA's GPUs, by PCI address, those that are passed through included.",
    ),
    FactDoc::new("gpu.count", Type::Int, "Number of NVIDIA's GPUs that the host has for itself."),
    FactDoc::new(
        "gpu.mig_instances",
        Type::List(&Type::Object(INSTANCE)),
        "Live MIG instances of all GPUs: each compute instance, and each GPU instance that has none. Source: the capability folders of the driver, else NVML.",
    ),
    FactDoc::new("gpu.nvswitches", Type::Int, "Number of NVSwitches on the PCI bus."),
    FactDoc::new(
        "gpu.driver_version",
        Type::Text,
        "Version of the loaded kernel module. Source: `/proc/driver/nvidia/version`, else `/sys/module/nvidia/version`. Absent: not loaded.",
    ),
    FactDoc::new(
        "gpu.driver_root",
        Type::Text,
        "Where the driver's libraries lie: `/`, or `/run/nvidia/driver` of a driver container.",
    ),
    FactDoc::new(
        "gpu.library_version",
        Type::Text,
        "Version of libnvidia-ml in the driver's root, by its file name. Absent: it is not installed.",
    ),
    FactDoc::new(
        "gpu.nvml_error",
        Type::Text,
        "Why NVML speaks of no GPU, in its own words, such as `Driver/library version mismatch`. Absent: it does, or it was not asked, or gave no answer.",
    ),
    FactDoc::new("gpu.nouveau_loaded", Type::Bool, "Whether the kernel module nouveau is loaded."),
    FactDoc::new(
        "gpu.driver_container_starting",
        Type::Bool,
        "Whether the GPU Operator's driver container is here and has not said yet that its driver is ready.",
    ),
    FactDoc::new(
        "gpu.fabric_manager_running",
        Type::Bool,
        "Whether nv-fabricmanager runs, on the host or in a container.",
    ),
    FactDoc::new(
        "gpu.fabric_manager_version",
        Type::Text,
        "Version of the host's package of the fabric manager. Absent: no package.",
    ),
    FactDoc::new(
        "gpu.mig_strategy",
        Type::Text,
        "MIG strategy of the running device plugin: its flag, its environment, else `none`. Absent: no device plugin runs here.",
    ),
    FactDoc::new(
        "gpu.device_plugin.running",
        Type::Bool,
        "Whether a process is NVIDIA's device plugin, or HAMi's, whose program has the same name.",
    ),
    FactDoc::new(
        "gpu.device_plugin.pass_device_specs",
        Type::Bool,
        "Whether it tells the runtime of the device nodes of a GPU (`PASS_DEVICE_SPECS`; false unless set). Absent: no device plugin runs here.",
    ),
    FactDoc::new(
        "gpu.device_plugin.device_list_strategies",
        Type::List(&Type::Text),
        "How it tells the runtime which GPUs a container gets: `envvar` unless set, `volume-mounts`, `cdi-annotations`, `cdi-cri`. Absent: no device plugin runs here.",
    ),
    FactDoc::new(
        "gpu.device_plugin.sockets",
        Type::List(&Type::Text),
        "NVIDIA's sockets in `/var/lib/kubelet/device-plugins`; the kubelet removes them when it starts. Unreadable: a recorded tree without them.",
    ),
    FactDoc::new(
        "gpu.device_plugin.resources",
        Type::List(&Type::Object(RESOURCE)),
        "NVIDIA's resources that device plugins registered with the kubelet, by its checkpoint; empty where nothing ever did.",
    ),
    FactDoc::new(
        "gpu.mig_keeper",
        Type::Text,
        "What creates MIG instances after a reboot: `mig-manager`, or a unit that is started at boot. Absent: nothing.",
    ),
    FactDoc::new(
        "gpu.mig_on_demand",
        Type::Text,
        "What creates MIG instances when a pod asks for them: `hami` or `dra`. Absent: nothing.",
    ),
    FactDoc::new(
        "gpu.clients",
        Type::List(&Type::Object(CLIENT)),
        "Processes that hold a device of NVIDIA's open. Absent: no change of MIG's mode waits for them, so nobody looked.",
    ),
    FactDoc::new(
        "gpu.xid_errors",
        Type::List(&Type::Object(XID)),
        "Errors of GPUs in the kernel's log of this boot, one for each GPU and code, as far as the logs go back. Absent: no GPU and no driver, so that nobody looked.",
    ),
    FactDoc::new(
        "gpu.sxid_errors",
        Type::List(&Type::Object(SXID)),
        "Errors of NVSwitches in the kernel's log of this boot, one for each NVSwitch and code. Absent: no GPU and no driver, so that nobody looked.",
    ),
    FactDoc::new(
        "gpu.cdi_specs",
        Type::List(&Type::Object(SPEC)),
        "CDI specifications of NVIDIA's devices in `/etc/cdi` and `/var/run/cdi`.",
    ),
];
