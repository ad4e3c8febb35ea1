//! The facts of Docker: their names, types and meanings.

use crate::fact::catalogue::{FactDoc, Field, Type};

/// A directive that is given twice, so that dockerd refuses to start.
const FLAG_CONFLICT: &[Field] = &[
    Field::new("directive", Type::Text, "The key as `daemon.json` spells it; its source is the line in that file."),
    Field::new(
        "flag",
        Type::Text,
        "The flag that sets it too; its source is the unit, the environment file or the process.",
    ),
];

/// A bridge of a Docker network.
const BRIDGE: &[Field] = &[
    Field::new("name", Type::Text, "Name of the interface, `docker0` or `br-<id>`."),
    Field::new("mtu", Type::Int, "MTU in bytes that its containers get."),
    Field::new("ports", Type::Int, "How many interfaces are attached to it now."),
];

/// What the collector delivers.
pub(super) const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "docker.present",
        Type::Bool,
        "Whether Docker Engine is installed: its process, package, unit or binary.",
    ),
    FactDoc::new("docker.running", Type::Bool, "Whether dockerd runs. Unreadable where no process was recorded."),
    FactDoc::new(
        "docker.version",
        Type::Text,
        "Version of the engine as the package (or the version file) gives it, `5:24.0.7-1~ubuntu.22.04~jammy`.",
    ),
    FactDoc::new(
        "docker.package",
        Type::Text,
        "Package that brought it: docker-ce, docker.io, docker, moby-engine … Absent: none did.",
    ),
    FactDoc::new(
        "docker.is_distribution_build",
        Type::Bool,
        "Whether the distribution built it and mends it itself, so that the upstream dates do not tell all. docker-ce is Docker's own, whatever suffix it has.",
    ),
    FactDoc::new(
        "docker.config_path",
        Type::Text,
        "The configuration file, `--config-file` or `/etc/docker/daemon.json`. Absent: there is no such file.",
    ),
    FactDoc::new(
        "docker.cgroup_driver",
        Type::Text,
        "Effective cgroup driver, `systemd` or `cgroupfs`: exec-opts, else systemd with cgroup v2 under systemd since 20.10, else cgroupfs.",
    ),
    FactDoc::new(
        "docker.flag_conflicts",
        Type::List(&Type::Object(FLAG_CONFLICT)),
        "Directives that stand both in daemon.json and on the command line; dockerd does not start with any.",
    ),
    FactDoc::new("docker.registry_mirrors", Type::List(&Type::Text), "Mirrors of Docker Hub that dockerd asks first."),
    FactDoc::new(
        "docker.insecure_registries",
        Type::List(&Type::Text),
        "Registries that dockerd talks to without verified TLS, those that the operator named.",
    ),
    FactDoc::new("docker.mtu", Type::Int, "MTU in bytes of the default bridge network; 1500 where nothing sets it."),
    FactDoc::new("docker.bridge", Type::Text, "The bridge of the default network: `docker0`, another one, or `none`."),
    FactDoc::new(
        "docker.bridges",
        Type::List(&Type::Object(BRIDGE)),
        "Bridges of Docker's networks that exist now, with the MTU of their containers.",
    ),
    FactDoc::new("docker.storage_driver", Type::Text, "Storage driver. Absent: dockerd chooses when it starts."),
    FactDoc::new("docker.data_root", Type::Text, "Where Docker keeps its data."),
    FactDoc::new("docker.live_restore", Type::Bool, "Whether containers keep running while dockerd restarts."),
    FactDoc::new("docker.log_driver", Type::Text, "Log driver of new containers; `json-file` where nothing sets it."),
    FactDoc::new(
        "docker.log_options",
        Type::Map(&Type::Text),
        "Options of the log driver, such as `max-size`, those that hold no secret.",
    ),
    FactDoc::new(
        "docker.containerd",
        Type::Text,
        "Socket of the containerd that dockerd uses. Absent: it starts one of its own.",
    ),
    FactDoc::new("cri_dockerd.present", Type::Bool, "Whether cri-dockerd, the CRI in front of Docker, is installed."),
    FactDoc::new("cri_dockerd.running", Type::Bool, "Whether cri-dockerd runs."),
    FactDoc::new(
        "cri_dockerd.version",
        Type::Text,
        "Version of cri-dockerd by its package. Absent: no package brought it.",
    ),
    FactDoc::new(
        "cri_dockerd.answers_runtime_config",
        Type::Bool,
        "Whether it answers RuntimeConfig, from 0.3.17. Absent: its version is not known.",
    ),
    FactDoc::new(
        "cri_dockerd.pause_image",
        Type::Text,
        "Its `--pod-infra-container-image`. Absent: nothing sets it, or cri-dockerd is not there.",
    ),
];
