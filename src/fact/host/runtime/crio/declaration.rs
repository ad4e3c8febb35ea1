//! The facts of CRI-O: their names, types and meanings.

use crate::fact::catalogue::{FactDoc, Field, Type};

/// A runtime handler of CRI-O.
const HANDLER: &[Field] = &[
    Field::new("name", Type::Text, "Name, as a RuntimeClass gives it in `handler`."),
    Field::new("type", Type::Text, "`oci`, `vm` or `pod`."),
    Field::new("binary", Type::Text, "`runtime_path`. Absent: looked up in PATH by the handler's name."),
    Field::new("cgroup_driver", Type::Text, "CRI-O has one cgroup manager for all handlers."),
];

/// What the collector delivers.
pub(super) const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "crio.present",
        Type::Bool,
        "Whether CRI-O is installed: its process, package, unit, binary or configuration.",
    ),
    FactDoc::new("crio.running", Type::Bool, "Whether crio runs. Unreadable where no process was recorded."),
    FactDoc::new("crio.version", Type::Text, "Version as the package or the version file gives it."),
    FactDoc::new("crio.is_distribution_build", Type::Bool, "Whether the distribution built it and mends it itself."),
    FactDoc::new(
        "crio.config_paths",
        Type::List(&Type::Text),
        "The configuration files in the order in which crio reads them; a later one wins.",
    ),
    FactDoc::new(
        "crio.cgroup_driver",
        Type::Text,
        "Effective `cgroup_manager`: flag, environment, files, else `systemd`.",
    ),
    FactDoc::new(
        "crio.conmon_cgroup",
        Type::Text,
        "Effective cgroup of conmon; empty means `system.slice` with systemd.",
    ),
    FactDoc::new(
        "crio.conmon_cgroup_is_valid",
        Type::Bool,
        "Whether crio starts with it: `pod` or empty with cgroupfs, `pod`, empty or a slice with systemd.",
    ),
    FactDoc::new("crio.pause_image", Type::Text, "Effective pause image."),
    FactDoc::new("crio.default_handler", Type::Text, "Effective `default_runtime`."),
    FactDoc::new("crio.handlers", Type::List(&Type::Object(HANDLER)), "All runtime handlers, by name."),
    FactDoc::new("crio.cni_conf_dir", Type::Text, "Effective `network_dir`."),
    FactDoc::new("crio.cni_bin_dirs", Type::List(&Type::Text), "Effective `plugin_dirs`."),
    FactDoc::new("crio.endpoint", Type::Text, "The socket that crio listens on, as `unix://` and a path."),
    FactDoc::new(
        "crio.insecure_registries",
        Type::List(&Type::Text),
        "Registries that crio.conf itself names insecure.",
    ),
    FactDoc::new(
        "crio.answers_runtime_config",
        Type::Bool,
        "Whether it answers RuntimeConfig, from 1.28. Absent: its version is not known.",
    ),
];
