//! Runtimes that nobody maintains any more: rkt, Frakti, the separate
//! cri-containerd, runV, railcar.
//!
//! In: packages, processes, units and the usual folders. Out: the fact
//! `dead_runtimes`.

use std::collections::BTreeMap;

use super::presence::{find_package, find_process, package_source};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::root::Outcome;
use crate::fact::host::{Collector, Host, unit};
use crate::fact::{Fact, Facts, Source};

/// A trace of a dead runtime.
const DEAD_RUNTIME: &[Field] = &[
    Field::new("name", Type::Text, "Which one: rkt, frakti, cri-containerd, runv, railcar."),
    Field::new("trace", Type::Text, "What shows it: a package, a process, a unit or a file."),
];

const FACTS: &[FactDoc] = &[FactDoc::new(
    "dead_runtimes",
    Type::List(&Type::Object(DEAD_RUNTIME)),
    "Dead runtimes on this host, each with one trace.",
)];

/// Looks for dead runtimes.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "dead_runtimes", facts: FACTS, needs: &[], collect };

/// A dead runtime and its names.
struct Dead {
    name: &'static str,
    programs: &'static [&'static str],
    packages: &'static [&'static str],
    units: &'static [&'static str],
    files: &'static [&'static str],
}

/// rkt was archived in 2020, Frakti in 2020, railcar in 2020; cri-containerd
/// became a plugin with containerd 1.1 in 2018; runV became Kata in 2017.
const DEAD_RUNTIMES: &[Dead] = &[
    Dead {
        name: "rkt",
        programs: &["rkt"],
        packages: &["rkt"],
        units: &["rkt-api.service", "rkt-metadata.service"],
        files: &["/usr/bin/rkt", "/usr/local/bin/rkt", "/opt/bin/rkt"],
    },
    Dead {
        name: "frakti",
        programs: &["frakti"],
        packages: &["frakti"],
        units: &["frakti.service"],
        files: &["/usr/bin/frakti", "/usr/local/bin/frakti"],
    },
    Dead {
        name: "cri-containerd",
        programs: &["cri-containerd"],
        packages: &["cri-containerd"],
        units: &["cri-containerd.service"],
        files: &["/usr/bin/cri-containerd", "/usr/local/bin/cri-containerd"],
    },
    Dead {
        name: "runv",
        programs: &["runv", "hyperd"],
        packages: &["hyperstart", "hyper-container"],
        units: &["hyperd.service"],
        files: &["/usr/bin/runv", "/usr/local/bin/runv", "/usr/bin/hyperd"],
    },
    Dead {
        name: "railcar",
        programs: &[],
        packages: &[],
        units: &[],
        files: &["/usr/bin/railcar", "/usr/local/bin/railcar"],
    },
];

fn collect(host: &Host, _earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    let found: Vec<Fact> = DEAD_RUNTIMES.iter().filter_map(|dead| read_trace(host, dead)).collect();
    let looked = Source::file("/usr/bin");
    let was_recorded =
        host.root.read_folder_once("/usr/bin").is_found() || host.packages().is_found() || host.processes().is_found();
    let fact = if found.is_empty() && !was_recorded {
        Fact::unreadable(looked, "find dead runtimes: no processes, packages or programs were recorded")
    } else {
        Fact::known(found, looked)
    };
    facts.set("dead_runtimes", fact);
    facts
}

/// The strongest trace of a dead runtime.
fn read_trace(host: &Host, dead: &Dead) -> Option<Fact> {
    let (trace, source) = if let Outcome::Found(process) = find_process(host, dead.programs) {
        (format!("process {}", process.program()), Source::file(process.command_line_path()))
    } else if let Outcome::Found(package) = find_package(host, dead.packages) {
        (format!("package {} {}", package.name, package.version), package_source(package))
    } else if let Some(unit) =
        dead.units.iter().find_map(|name| unit::read_unit(&host.root, name).found()).filter(|unit| !unit.is_masked)
    {
        (format!("unit {}", unit.name), Source::file(unit.path))
    } else {
        let path = dead.files.iter().find(|path| host.root.metadata(path).is_found())?;
        ((*path).to_owned(), Source::file(*path))
    };
    Some(Fact::known(
        BTreeMap::from([
            ("name".to_owned(), Fact::known(dead.name, source.clone())),
            ("trace".to_owned(), Fact::known(trace, source.clone())),
        ]),
        source,
    ))
}
