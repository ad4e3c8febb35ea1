//! The systemd services of the container runtimes and what they allow.
//!
//! In: `containerd.service`, `docker.service`, `crio.service`, `cri-docker.service`
//! with their drop-ins. Out: the fact `runtime_services`. Truth:
//! systemd.exec(5), systemd.kill(5), systemd.resource-control(5).

use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::{Collector, Host};

/// A service of a runtime.
const SERVICE: &[Field] = &[
    Field::new("name", Type::Text, "Name of the unit, `containerd.service`."),
    Field::new("limit_nofile", Type::Text, "`LimitNOFILE` as it is written. Absent: systemd's default holds."),
    Field::new(
        "delegate",
        Type::Bool,
        "Whether the cgroup is delegated to the service; false where `Delegate=` is unset.",
    ),
    Field::new("kill_mode", Type::Text, "`KillMode`; `control-group` where it is unset."),
];

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "runtime_services",
        Type::List(&Type::Object(SERVICE)),
        "The services of container runtimes on this host.",
    ),
    FactDoc::new("systemd.version", Type::Text, "Version of systemd by its package. Absent: there is no such package."),
];

/// Reads the services of the runtimes.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "runtime_services", facts: FACTS, needs: &[], collect };

fn collect(_host: &Host, _earlier: &Facts) -> Facts {
    Facts::default()
}
