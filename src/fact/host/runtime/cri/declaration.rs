//! The facts of CRI: their names, types and meanings.

use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::runtime::containerd::HANDLER;

/// A socket that may speak CRI.
const SOCKET: &[Field] = &[
    Field::new("path", Type::Text, "Its path."),
    Field::new("status", Type::Text, "As `cri.status`."),
    Field::new("runtime_name", Type::Text, "Who answers. Absent: nobody does."),
];

pub(super) const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "cri.endpoint",
        Type::Text,
        "The socket that is asked, as a path: the kubelet's endpoint, else the one default socket that is there. Absent: neither is.",
    ),
    FactDoc::new(
        "cri.status",
        Type::Text,
        "`answering`; `unimplemented` (the socket is a gRPC server without CRI); `old` (only v1alpha2 answers); `refused`; `missing`; `timeout` (connected, no answer within some seconds); `error` (another answer).",
    ),
    FactDoc::new("cri.message", Type::Text, "What the runtime said instead of an answer. Absent: it answered."),
    FactDoc::new("cri.runtime_name", Type::Text, "Who answers, `containerd`, `cri-o`, `docker`."),
    FactDoc::new("cri.runtime_version", Type::Text, "Its version, as it says it."),
    FactDoc::new("cri.api_version", Type::Text, "`v1`, or `v1alpha2` where only the old service answers."),
    FactDoc::new(
        "cri.answers_runtime_config",
        Type::Bool,
        "Whether RuntimeConfig is implemented and tells the cgroup driver; a kubelet that asks follows it.",
    ),
    FactDoc::new(
        "cri.cgroup_driver",
        Type::Text,
        "Cgroup driver that RuntimeConfig answers. Absent: not implemented, or an answer without the `linux` message, which is not SYSTEMD.",
    ),
    FactDoc::new("cri.is_runtime_ready", Type::Bool, "Status condition RuntimeReady."),
    FactDoc::new("cri.is_network_ready", Type::Bool, "Status condition NetworkReady."),
    FactDoc::new("cri.network_message", Type::Text, "What NetworkReady says. Absent: nothing."),
    FactDoc::new(
        "cri.deprecations",
        Type::List(&Type::Text),
        "What containerd warns of (condition ContainerdHasNoDeprecationWarnings), one text each.",
    ),
    FactDoc::new("cri.default_handler", Type::Text, "Default handler of the loaded configuration (containerd)."),
    FactDoc::new(
        "cri.handlers",
        Type::List(&Type::Object(HANDLER)),
        "Handlers of the loaded configuration (containerd); edits of files since then do not show.",
    ),
    FactDoc::new("cri.sandbox_image", Type::Text, "Pause image of the loaded configuration (containerd 1.x)."),
    FactDoc::new("cri.cni_conf_dir", Type::Text, "CNI folder of the loaded configuration (containerd)."),
    FactDoc::new("cri.cni_bin_dirs", Type::List(&Type::Text), "CNI plugin folders of the loaded configuration."),
    FactDoc::new(
        "cri.sockets",
        Type::List(&Type::Object(SOCKET)),
        "Every CRI socket that exists: the kubelet's and the runtimes' default ones.",
    ),
];
