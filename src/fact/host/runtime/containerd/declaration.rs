//! The facts of containerd: their names, types and meanings.

use crate::fact::catalogue::{FactDoc, Field, Type};

/// Something that stops containerd or its CRI plugin.
const FAULT: &[Field] = &[
    Field::new("problem", Type::Text, "What is wrong, in words, as the daemon would say it."),
    Field::new("setting", Type::Text, "The property, such as `disabled_plugins`; its source is the line."),
];

/// A runtime handler.
pub(in crate::fact::host::runtime) const HANDLER: &[Field] = &[
    Field::new("name", Type::Text, "Name that a RuntimeClass refers to, such as `runc`."),
    Field::new("type", Type::Text, "Its shim, such as `io.containerd.runc.v2`; empty where a 1.x table forgot it."),
    Field::new(
        "cgroup_driver",
        Type::Text,
        "`systemd` or `cgroupfs`. Absent: its shim does not take the setting (kata, runsc, wasm).",
    ),
    Field::new("binary", Type::Text, "OCI runtime that the shim runs (`BinaryName`). Absent: the shim's own, runc."),
    Field::new("path", Type::Text, "Path of the shim (`runtime_path`). Absent: looked up in the daemon's PATH."),
    Field::new("snapshotter", Type::Text, "Snapshotter of its own. Absent: the plugin's."),
    Field::new("is_default", Type::Bool, "Whether pods without a RuntimeClass use it."),
    Field::new(
        "privileged_without_host_devices",
        Type::Bool,
        "Whether privileged containers do not get the host's devices.",
    ),
];

/// A mirror of a registry in containerd's own table.
const MIRROR: &[Field] = &[
    Field::new("host", Type::Text, "Registry that is mirrored, `docker.io` or `*`."),
    Field::new("endpoints", Type::List(&Type::Text), "URLs that are asked instead, in order."),
];

/// A registry that is spoken to without verified TLS.
const INSECURE: &[Field] = &[
    Field::new("host", Type::Text, "Registry host, as the file names it."),
    Field::new("problem", Type::Text, "`skip_verify` or `http`."),
    Field::new("is_loopback", Type::Bool, "Whether the host is this machine itself, so that nothing crosses a wire."),
];

/// Credentials of a registry; the secret itself is never read into a fact.
const CREDENTIAL: &[Field] = &[
    Field::new("host", Type::Text, "Registry host, as the file names it."),
    Field::new("kind", Type::Text, "`password`, `auth`, `identitytoken` or `header`."),
    Field::new("mode", Type::Text, "Permission bits of the file, `0644`."),
];

/// A property that this containerd does not read.
const IGNORED: &[Field] = &[
    Field::new("property", Type::Text, "Its path in the file; its source is the line."),
    Field::new("problem", Type::Text, "Why it is not read."),
];

/// A property that some containerd version no longer has.
const REMOVED: &[Field] = &[
    Field::new("property", Type::Text, "Its path in the file; its source is the line."),
    Field::new("removed_in", Type::Text, "First version without it, `2.0`; of announced removals, the announced one."),
    Field::new("replacement", Type::Text, "What takes its place."),
];

pub(super) const FACTS: &[FactDoc] = &[
    FactDoc::new("containerd.present", Type::Bool, "Whether containerd is here: its process, package, unit or binary."),
    FactDoc::new(
        "containerd.running",
        Type::Bool,
        "Whether containerd runs. Unreadable where no process was recorded.",
    ),
    FactDoc::new(
        "containerd.version",
        Type::Text,
        "Version, from CRI, a version file of the supervisor, or the package that owns the binary, `1.6.20~ds1-1+deb12u3`.",
    ),
    FactDoc::new(
        "containerd.supervisor",
        Type::Text,
        "Who starts it: `systemd`, `k3s`, `rke2`, `k0s`, `microk8s` or `docker` (a containerd of dockerd alone, which is not the node's runtime).",
    ),
    FactDoc::new(
        "containerd.config_path",
        Type::Text,
        "The configuration file, by `-c`/`--config` or `/etc/containerd/config.toml`. Absent: built-in defaults hold.",
    ),
    FactDoc::new(
        "containerd.config_files",
        Type::List(&Type::Text),
        "Every file that is read, in the order of merging: the main file, then imports, breadth first.",
    ),
    FactDoc::new(
        "containerd.config_version",
        Type::Int,
        "`version` of the main file; 1 where the file has none, which is what that means. Absent: there is no file.",
    ),
    FactDoc::new("containerd.address", Type::Text, "Path of the socket, `/run/containerd/containerd.sock`."),
    FactDoc::new("containerd.state_dir", Type::Text, "Folder of the daemon's running state, `/run/containerd`."),
    FactDoc::new(
        "containerd.start_faults",
        Type::List(&Type::Object(FAULT)),
        "What makes this version refuse to start with these files; a daemon that runs now read them before they changed.",
    ),
    FactDoc::new(
        "containerd.cri.enabled",
        Type::Bool,
        "Whether the files leave the CRI plugin on and let it load: no name of it disabled, no load fault, no start fault.",
    ),
    FactDoc::new(
        "containerd.cri.disabled_by",
        Type::List(&Type::Text),
        "Elements of `disabled_plugins`, over all files, that turn the CRI plugin off in this version.",
    ),
    FactDoc::new(
        "containerd.cri.load_faults",
        Type::List(&Type::Object(FAULT)),
        "What makes the CRI plugin fail to load in this version, registries left out.",
    ),
    FactDoc::new(
        "containerd.cri.registry_faults",
        Type::List(&Type::Object(FAULT)),
        "Registry tables beside `config_path`, which make the CRI plugin fail to load in this version.",
    ),
    FactDoc::new("containerd.default_handler", Type::Text, "Effective `default_runtime_name`."),
    FactDoc::new(
        "containerd.handlers",
        Type::List(&Type::Object(HANDLER)),
        "Runtime handlers as this version merges them, the default first, then by name.",
    ),
    FactDoc::new(
        "containerd.cgroup_driver",
        Type::Text,
        "Cgroup driver of the default handler, `systemd` or `cgroupfs`. Absent: its shim does not take the setting.",
    ),
    FactDoc::new(
        "containerd.reported_cgroup_driver",
        Type::Text,
        "What RuntimeConfig would answer with these files: the first handler of runc's shim, the default first, then by name. Absent: this version does not implement it.",
    ),
    FactDoc::new("containerd.enable_cdi", Type::Bool, "Whether it gives devices to containers by CDI; on since 2.0."),
    FactDoc::new("containerd.snapshotter", Type::Text, "Effective snapshotter, `overlayfs`."),
    FactDoc::new("containerd.sandbox_image", Type::Text, "Effective pause image; by version where nothing sets it."),
    FactDoc::new("containerd.cni_conf_dir", Type::Text, "Folder of CNI networks, `/etc/cni/net.d`."),
    FactDoc::new("containerd.cni_bin_dirs", Type::List(&Type::Text), "Folders of CNI plugins, `/opt/cni/bin`."),
    FactDoc::new(
        "containerd.registry.config_path",
        Type::Text,
        "Folders of `hosts.toml` files, joined by `:`. Absent: none is set and this version has no default.",
    ),
    FactDoc::new(
        "containerd.registry.mirrors",
        Type::List(&Type::Object(MIRROR)),
        "Effective `registry.mirrors` tables.",
    ),
    FactDoc::new(
        "containerd.registry.insecure",
        Type::List(&Type::Object(INSECURE)),
        "Registries without verified TLS, in `hosts.toml` files or in the tables.",
    ),
    FactDoc::new(
        "containerd.registry.credentials",
        Type::List(&Type::Object(CREDENTIAL)),
        "Credentials that stand in configuration files; who and where, never what.",
    ),
    FactDoc::new(
        "containerd.ignored_properties",
        Type::List(&Type::Object(IGNORED)),
        "Properties and whole sections that this version passes over because of the file's `version`.",
    ),
    FactDoc::new(
        "containerd.misplaced_properties",
        Type::List(&Type::Object(IGNORED)),
        "Properties of handlers that stand beside `options` instead of in it, or are no boolean, so that they count for nothing.",
    ),
    FactDoc::new(
        "containerd.removed_properties",
        Type::List(&Type::Object(REMOVED)),
        "Properties in the files that some version of containerd removed, or will.",
    ),
];
