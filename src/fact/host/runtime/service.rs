//! The systemd services of the container runtimes and what they allow.
//!
//! In: `containerd.service`, `docker.service`, `crio.service`, `cri-docker.service`
//! with their drop-ins. Out: the fact `runtime_services`. Truth:
//! systemd.exec(5), systemd.kill(5), systemd.resource-control(5).

use std::collections::BTreeMap;

use super::presence::{find_package, package_source};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::root::Outcome;
use crate::fact::host::unit::{self, Unit};
use crate::fact::host::{Collector, Host};
use crate::fact::{Fact, Facts, Source};

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

/// The services of runtimes.
const SERVICES: &[&str] = &["containerd.service", "docker.service", "crio.service", "cri-docker.service"];

fn collect(host: &Host, _earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    let mut services = Vec::new();
    let mut problem = None;
    for name in SERVICES {
        match unit::read_unit(&host.root, name) {
            Outcome::Found(unit) if !unit.is_masked => services.push(service(&unit)),
            Outcome::Found(_) | Outcome::Absent => {}
            Outcome::Unreadable(reason) => problem = Some(reason),
        }
    }
    let looked = Source::file("/usr/lib/systemd/system");
    let services = match problem {
        Some(reason) if services.is_empty() => Fact::unreadable(looked, reason),
        _ => Fact::known(services, looked),
    };
    facts.set("runtime_services", services);
    facts.set("systemd.version", read_systemd_version(host));
    facts
}

/// What a service allows; systemd's defaults where the unit says nothing.
fn service(unit: &Unit) -> Fact {
    let whole = Source::file(&unit.path);
    let limit = match unit.last("Service", "LimitNOFILE") {
        Some(setting) => Fact::known(setting.value.as_str(), Source::line(&setting.path, setting.line)),
        None => Fact::absent(whole.clone()),
    };
    let delegate = match unit.last("Service", "Delegate") {
        Some(setting) => Fact::known(is_delegated(&setting.value), Source::line(&setting.path, setting.line)),
        None => Fact::known(false, Source::default_of("systemd.resource-control(5), Delegate=")),
    };
    let kill_mode = match unit.last("Service", "KillMode") {
        Some(setting) => Fact::known(setting.value.as_str(), Source::line(&setting.path, setting.line)),
        None => Fact::known("control-group", Source::default_of("systemd.kill(5), KillMode=")),
    };
    Fact::known(
        BTreeMap::from([
            ("name".to_owned(), Fact::known(unit.name.as_str(), whole.clone())),
            ("limit_nofile".to_owned(), limit),
            ("delegate".to_owned(), delegate),
            ("kill_mode".to_owned(), kill_mode),
        ]),
        whole,
    )
}

/// `Delegate=` takes a boolean or a list of controllers, which delegates too.
fn is_delegated(value: &str) -> bool {
    !matches!(value.trim().to_ascii_lowercase().as_str(), "" | "no" | "false" | "off" | "0" | "n" | "f")
}

fn read_systemd_version(host: &Host) -> Fact {
    let looked = Source::file("/var/lib/dpkg/status");
    match find_package(host, &["systemd"]) {
        Outcome::Found(package) => Fact::known(package.version.as_str(), package_source(package)),
        Outcome::Absent => Fact::absent(looked),
        Outcome::Unreadable(reason) => Fact::unreadable(looked, reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::host::unit::Setting;

    fn unit(settings: &[(&str, &str)]) -> Unit {
        let settings = settings.iter().zip(1_u32..).map(|((key, value), line)| Setting {
            section: "Service".to_owned(),
            key: (*key).to_owned(),
            value: (*value).to_owned(),
            path: "/usr/lib/systemd/system/containerd.service".to_owned(),
            line,
        });
        Unit { name: "containerd.service".to_owned(), settings: settings.collect(), ..Unit::default() }
    }

    #[test]
    fn what_a_unit_does_not_say_has_systemds_default() {
        let service = service(&unit(&[]));
        assert_eq!(service.member("delegate").and_then(Fact::bool), Some(false));
        assert_eq!(service.member("kill_mode").and_then(Fact::text), Some("control-group"));
        assert!(matches!(service.member("limit_nofile"), Some(Fact::Absent { .. })));
    }

    #[test]
    fn a_list_of_controllers_delegates_too() {
        let service =
            service(&unit(&[("Delegate", "cpu memory"), ("LimitNOFILE", "infinity"), ("KillMode", "process")]));
        assert_eq!(service.member("delegate").and_then(Fact::bool), Some(true));
        assert_eq!(service.member("limit_nofile").and_then(Fact::text), Some("infinity"));
        assert!(!is_delegated("no") && is_delegated("yes"));
    }
}
