//! The facts of the runtime that the kubelet uses: their names, types and
//! meanings.

use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::runtime::containerd::HANDLER;

/// A container that the kubelet does not manage.
const UNMANAGED: &[Field] = &[
    Field::new("id", Type::Text, "Container id, or the name that its shim was given; the source is its process."),
    Field::new("namespace", Type::Text, "containerd's namespace (`moby`, `default`); `podman` for Podman's."),
    Field::new("pid", Type::Int, "Process id of its shim or monitor."),
];

/// Why CRI is not served.
const FAULT: &[Field] = &[
    Field::new("problem", Type::Text, "What is wrong, in words."),
    Field::new("setting", Type::Text, "The property that causes it. Absent: the socket says so, and no file why."),
];

/// A handler that cannot start a pod.
const BROKEN: &[Field] =
    &[Field::new("name", Type::Text, "Name of the handler."), Field::new("problem", Type::Text, "What it lacks.")];

pub(super) const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "runtime.present",
        Type::Bool,
        "Whether the kubelet has a runtime that we know; without a kubelet, whether any is here.",
    ),
    FactDoc::new("runtime.name", Type::Text, "`containerd`, `cri-o` or `docker` (by dockershim or cri-dockerd)."),
    FactDoc::new("runtime.version", Type::Text, "Its version, as the runtime or its package gives it."),
    FactDoc::new(
        "runtime.endpoint",
        Type::Text,
        "The kubelet's endpoint as a path. Absent: no kubelet, or dockershim.",
    ),
    FactDoc::new("runtime.running", Type::Bool, "Whether its daemon runs."),
    FactDoc::new(
        "runtime.cgroup_driver",
        Type::Text,
        "Cgroup driver of the default handler: what the daemon loaded, else what its files say. Absent: its shim takes none.",
    ),
    FactDoc::new(
        "runtime.reported_cgroup_driver",
        Type::Text,
        "What RuntimeConfig answers, or would answer with these files. Absent: not implemented.",
    ),
    FactDoc::new(
        "runtime.configured_cgroup_driver",
        Type::Text,
        "Cgroup driver of the default handler by the files alone; where it differs from runtime.cgroup_driver, a restart changes it.",
    ),
    FactDoc::new("runtime.default_handler", Type::Text, "Handler of pods without a RuntimeClass."),
    FactDoc::new("runtime.handlers", Type::List(&Type::Object(HANDLER)), "All handlers, the default first."),
    FactDoc::new(
        "runtime.answers_runtime_config",
        Type::Bool,
        "Whether the runtime implements RuntimeConfig: containerd since 2.0, CRI-O since 1.28, cri-dockerd since 0.3.17.",
    ),
    FactDoc::new("runtime.cni_conf_dir", Type::Text, "Folder of CNI networks that it reads."),
    FactDoc::new("runtime.cni_bin_dirs", Type::List(&Type::Text), "Folders of CNI plugins that it searches."),
    FactDoc::new("runtime.snapshotter", Type::Text, "Snapshotter or storage driver."),
    FactDoc::new("runtime.sandbox_image", Type::Text, "Effective pause image."),
    FactDoc::new(
        "runtime.cgroup_tree_driver",
        Type::Text,
        "Cgroup driver that the kubelet's tree shows: `kubepods.slice` is systemd's, `kubepods` cgroupfs'. Absent: neither or both are there.",
    ),
    FactDoc::new(
        "runtime.cgroup_mismatches",
        Type::List(&Type::Text),
        "Cgroups of running containers whose shape proves a kubelet on systemd and a runtime on cgroupfs (`….slice:cri-containerd:…`). Absent: no processes were recorded.",
    ),
    FactDoc::new(
        "runtime.unmanaged_containers",
        Type::List(&Type::Object(UNMANAGED)),
        "Running containers outside of the kubelet's hands: shims of another containerd namespace than k8s.io, Podman's monitors.",
    ),
    FactDoc::new(
        "runtime.cri_faults",
        Type::List(&Type::Object(FAULT)),
        "Why containerd's CRI plugin does not answer, or would not after a start; empty where it answers now. Registry tables that stop it are runtime/registry-mirrors-with-config-path's matter. Absent: not containerd.",
    ),
    FactDoc::new(
        "runtime.broken_handlers",
        Type::List(&Type::Object(BROKEN)),
        "Handlers of containerd that name no shim, or one, or a binary, that is not on this host.",
    ),
];
