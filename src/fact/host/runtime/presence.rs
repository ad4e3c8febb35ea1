//! Whether a runtime is on this host, from several kinds of traces.
//!
//! In: processes, packages, units and programs. Out: facts `present`,
//! `running`, `version`. A runtime is here by any trace; it is not here only
//! where at least one of the places was recorded and none shows it.

use crate::fact::host::package::Package;
use crate::fact::host::process::Process;
use crate::fact::host::root::Outcome;
use crate::fact::host::{Host, unit};
use crate::fact::{Fact, Source};

/// Folders that programs of a host lie in, as systemd searches them.
pub(super) const PROGRAM_FOLDERS: &[&str] =
    &["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/opt/bin"];

/// The traces by which one runtime is known.
#[derive(Debug, Default)]
pub(super) struct Traces {
    /// Names of the program, of its process too.
    pub(super) programs: &'static [&'static str],
    /// Packages of dpkg and rpm.
    pub(super) packages: &'static [&'static str],
    /// Units of systemd.
    pub(super) units: &'static [&'static str],
    /// Files that only count while no place speaks against them.
    pub(super) files: &'static [&'static str],
}

/// Finds the process of a program on the host itself; one in a container is
/// not the host's.
pub(super) fn find_process<'host>(host: &'host Host, programs: &[&str]) -> Outcome<&'host Process> {
    match host.processes() {
        Outcome::Found(processes) => {
            let first = processes.iter().find(|process| process.pid == 1);
            processes
                .iter()
                .find(|process| programs.contains(&process.program()) && !is_in_container(process, first))
                .map_or(Outcome::Absent, Outcome::Found)
        }
        Outcome::Absent => Outcome::Unreadable("read /proc: no processes were recorded".to_owned()),
        Outcome::Unreadable(reason) => Outcome::Unreadable(reason.clone()),
    }
}

/// What the cgroup of a container's process has in its path.
const CONTAINER_CGROUPS: &[&str] = &["kubepods", "/docker/", "/docker-", "/crio-", "/libpod", "cri-containerd", "/lxc"];

/// Whether a process runs in a container, by its PID namespace and cgroups.
pub(super) fn is_in_container(process: &Process, first: Option<&Process>) -> bool {
    if let (Some(own), Some(hosts)) = (process.pid_namespace, first.and_then(|first| first.pid_namespace)) {
        return own != hosts;
    }
    process.cgroups.iter().any(|cgroup| CONTAINER_CGROUPS.iter().any(|mark| cgroup.contains(mark)))
}

/// Finds the first of these packages that is installed.
pub(super) fn find_package<'host>(host: &'host Host, names: &[&str]) -> Outcome<&'host Package> {
    match host.packages() {
        Outcome::Found(packages) => names
            .iter()
            .find_map(|name| packages.iter().find(|package| package.name == *name && is_named_for_runtime(package)))
            .map_or(Outcome::Absent, Outcome::Found),
        Outcome::Absent => Outcome::Unreadable("read the package database: none was recorded".to_owned()),
        Outcome::Unreadable(reason) => Outcome::Unreadable(reason.clone()),
    }
}

/// Debian's and Ubuntu's package `docker` is a dock for window managers.
fn is_named_for_runtime(package: &Package) -> bool {
    !(package.name == "docker" && package.path.contains("/dpkg/"))
}

/// Where a package was read.
pub(super) fn package_source(package: &Package) -> Source {
    package.line.map_or_else(|| Source::file(&package.path), |line| Source::line(&package.path, line))
}

/// The path of a program in the usual folders.
pub(super) fn find_program(host: &Host, names: &[&str]) -> Outcome<String> {
    let mut problem = None;
    for folder in PROGRAM_FOLDERS {
        for name in names {
            let path = format!("{folder}/{name}");
            match host.root.metadata(&path) {
                Outcome::Found(_) => return Outcome::Found(path),
                Outcome::Absent => {}
                Outcome::Unreadable(reason) => problem = Some(reason),
            }
        }
    }
    problem.map_or(Outcome::Absent, Outcome::Unreadable)
}

/// Whether the runtime is on the host.
pub(super) fn read_present(host: &Host, traces: &Traces) -> Fact {
    let process = find_process(host, traces.programs);
    if let Outcome::Found(process) = process {
        return Fact::known(true, Source::file(process.command_line_path()));
    }
    let package = find_package(host, traces.packages);
    if let Outcome::Found(package) = package {
        return Fact::known(true, package_source(package));
    }
    for name in traces.units {
        if let Outcome::Found(unit) = unit::read_unit(&host.root, name)
            && !unit.is_masked
        {
            return Fact::known(true, Source::file(unit.path));
        }
    }
    let program = find_program(host, traces.programs);
    if let Outcome::Found(path) = program {
        return Fact::known(true, Source::file(path));
    }
    let has_programs = PROGRAM_FOLDERS
        .iter()
        .any(|folder| matches!(host.root.read_folder_once(folder), Outcome::Found(names) if !names.is_empty()));
    if !has_programs && let Some(path) = traces.files.iter().find(|path| host.root.metadata(path).is_found()) {
        return Fact::known(true, Source::file(*path));
    }
    let looked = Source::file(traces.programs.first().map_or("/usr/bin".to_owned(), |name| format!("/usr/bin/{name}")));
    match (process, package, program) {
        (Outcome::Absent, ..) | (_, Outcome::Absent, _) => Fact::known(false, looked),
        (_, _, Outcome::Absent) if has_programs => Fact::known(false, looked),
        (_, Outcome::Unreadable(reason), _) => Fact::unreadable(looked, reason),
        _ => Fact::unreadable(looked, "find programs: no folder of programs was recorded"),
    }
}

/// Whether the program runs.
pub(super) fn read_running(host: &Host, traces: &Traces) -> Fact {
    match find_process(host, traces.programs) {
        Outcome::Found(process) => Fact::known(true, Source::file(process.command_line_path())),
        Outcome::Absent => Fact::known(false, Source::file("/proc")),
        Outcome::Unreadable(reason) => Fact::unreadable(Source::file("/proc"), reason),
    }
}

/// The version of the first installed package of these; unreadable where the
/// runtime is here without one.
pub(super) fn read_package_version(host: &Host, traces: &Traces, is_present: Option<bool>) -> Fact {
    let looked = Source::file("/var/lib/dpkg/status");
    if let Outcome::Found(process) = find_process(host, traces.programs)
        && let Some(path) = process.by_hand()
    {
        let reason = format!("tell the version of {path}: no package installed it");
        return Fact::unreadable(Source::file(format!("/proc/{}/exe", process.pid)), reason);
    }
    match find_package(host, traces.packages) {
        Outcome::Found(package) => Fact::known(package.version.as_str(), package_source(package)),
        _ if is_present == Some(false) => Fact::absent(looked),
        Outcome::Absent => Fact::unreadable(looked, "find the version: no package owns the program, and it is not run"),
        Outcome::Unreadable(reason) => Fact::unreadable(looked, reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dockerd_inside_of_a_pod_is_not_the_hosts() {
        let mut process = Process { pid: 7, ..Process::default() };
        assert!(!is_in_container(&process, None));
        process.cgroups = vec!["0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-ab.scope".to_owned()];
        assert!(is_in_container(&process, None));
        let first = Process { pid: 1, pid_namespace: Some(1), ..Process::default() };
        process.pid_namespace = Some(1);
        assert!(!is_in_container(&process, Some(&first)));
        process.pid_namespace = Some(2);
        assert!(is_in_container(&process, Some(&first)));
    }

    #[test]
    fn debians_docker_package_is_a_dock_for_windows() {
        let package = |path: &str| Package {
            name: "docker".to_owned(),
            version: "1.5-2".to_owned(),
            is_held: false,
            path: path.to_owned(),
            line: None,
        };
        assert!(!is_named_for_runtime(&package("/var/lib/dpkg/status")));
        assert!(is_named_for_runtime(&package("/var/lib/rpm/Packages")));
    }
}
