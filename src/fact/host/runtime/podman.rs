//! podman beside the node's runtime.
//!
//! In: packages, the usual folders, conmon processes. Out: the facts
//! `podman.*`. Truth: podman(1), conmon(8).

use super::presence::{Traces, is_in_container, read_package_version, read_present};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::host::process::Process;
use crate::fact::host::root::Outcome;
use crate::fact::host::{Collector, Host};
use crate::fact::{Fact, Facts, Source};

const FACTS: &[FactDoc] = &[
    FactDoc::new("podman.present", Type::Bool, "Whether podman is installed."),
    FactDoc::new("podman.version", Type::Text, "Version by its package. Absent: no package brought it."),
    FactDoc::new(
        "podman.containers",
        Type::List(&Type::Text),
        "Ids of the running containers that podman started, by their conmon processes.",
    ),
];

/// Reads podman.
pub(in crate::fact::host) const COLLECTOR: Collector = Collector { name: "podman", facts: FACTS, needs: &[], collect };

const TRACES: &Traces =
    &Traces { programs: &["podman"], packages: &["podman"], units: &["podman.service"], files: &[] };

fn collect(host: &Host, _earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    let present = read_present(host, TRACES);
    facts.set("podman.version", read_package_version(host, TRACES, present.bool()));
    facts.set("podman.present", present);
    let containers = match host.processes() {
        Outcome::Found(processes) => {
            let first = processes.iter().find(|process| process.pid == 1);
            let conmons = processes.iter().filter(|process| !is_in_container(process, first) || is_of_podman(process));
            let ids = conmons.filter_map(|process| {
                Some(Fact::known(container_of(process)?, Source::file(process.command_line_path())))
            });
            Fact::known(ids.collect::<Vec<_>>(), Source::file("/proc"))
        }
        Outcome::Absent => Fact::unreadable(Source::file("/proc"), "read /proc: no processes were recorded"),
        Outcome::Unreadable(reason) => Fact::unreadable(Source::file("/proc"), reason.clone()),
    };
    facts.set("podman.containers", containers);
    facts
}

/// The container of podman's conmon. CRI-O starts conmon too, but with its
/// own folders and exit command.
fn container_of(process: &Process) -> Option<String> {
    let is_conmon = matches!(process.program(), "conmon" | "conmonrs");
    (is_conmon && is_of_podman(process))
        .then(|| process.flag("c").or_else(|| process.flag("cid")).map(str::to_owned))
        .flatten()
}

fn is_of_podman(process: &Process) -> bool {
    process.arguments.iter().any(|argument| argument.ends_with("/podman") || argument.contains("/libpod"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conmon(line: &str) -> Process {
        Process {
            pid: 40,
            name: "conmon".to_owned(),
            arguments: line.split_whitespace().map(str::to_owned).collect(),
            ..Process::default()
        }
    }

    #[test]
    fn podmans_conmon_names_its_container() {
        let process = conmon(
            "/usr/bin/conmon --api-version 1 -c 4f5e -u 4f5e -r /usr/bin/crun --exit-command /usr/bin/podman --exit-command-arg cleanup",
        );
        assert_eq!(container_of(&process).as_deref(), Some("4f5e"));
    }

    #[test]
    fn conmon_of_crio_is_not_podmans() {
        let process = conmon(
            "/usr/bin/conmon -b /run/containers/storage/overlay-containers/9a/userdata -c 9a --exit-dir /var/run/crio/exits -r /usr/bin/crun",
        );
        assert_eq!(container_of(&process), None);
    }
}
