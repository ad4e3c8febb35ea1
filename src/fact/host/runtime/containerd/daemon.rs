//! Which containerd is the node's, how it was started, and its version.
//!
//! In: processes, `containerd.service`, the layouts of k3s, RKE2, k0s and
//! MicroK8s, packages, and what CRI answered. Out: [`Daemon`]. containerd is
//! never run. A containerd that dockerd keeps for itself, or one in a
//! container, is not the node's.

use crate::fact::host::Host;
use crate::fact::host::process::Process;
use crate::fact::host::root::Outcome;
use crate::fact::host::runtime::presence::{self, Traces};
use crate::fact::host::unit::{read_command, read_unit};
use crate::fact::{Fact, Facts, Source};

/// How containerd shows itself.
pub(super) const TRACES: Traces = Traces {
    programs: &["containerd"],
    packages: &["containerd.io", "containerd", "moby-containerd", "containerd-stable"],
    units: &["containerd.service"],
    files: &["/etc/containerd/config.toml"],
};

/// The file that is read where nothing else is said.
const DEFAULT_CONFIG: &str = "/etc/containerd/config.toml";

/// Who keeps a containerd of its own: name, a part of its paths, its
/// configuration file (no flag is needed to find it).
const LAYOUTS: &[(&str, &str, &str)] = &[
    ("k3s", "/rancher/k3s/", "/var/lib/rancher/k3s/agent/etc/containerd/config.toml"),
    ("rke2", "/rancher/rke2/", "/var/lib/rancher/rke2/agent/etc/containerd/config.toml"),
    ("k0s", "/k0s", "/etc/k0s/containerd.toml"),
    ("microk8s", "/microk8s/", "/var/snap/microk8s/current/args/containerd.toml"),
    ("docker", "/docker/containerd/", "/var/run/docker/containerd/containerd.toml"),
];

/// The node's containerd as it was, or would be, started.
#[derive(Clone, Debug)]
pub(super) struct Daemon {
    /// Who starts it.
    pub(super) supervisor: &'static str,
    /// Where that was seen.
    pub(super) source: Source,
    /// Path of the program, where it is known.
    pub(super) program: Option<String>,
    /// The configuration file.
    pub(super) config: String,
    /// Where it was named.
    pub(super) config_source: Source,
    /// Whether it was named by a flag, so that it has to be there.
    pub(super) is_config_named: bool,
    /// `--address`, and where.
    pub(super) address: Option<(String, Source)>,
}

impl Daemon {
    /// Whether the supervisor writes the file anew for the containerd that it
    /// brings: version 2 for 1.x, version 3 for 2.x.
    pub(super) fn is_config_generated(&self) -> bool {
        matches!(self.supervisor, "k3s" | "rke2")
    }
}

/// Whether containerd is here. Its configuration counts where the kubelet calls
/// it, or where it is a layout's own: nobody records programs in full.
pub(super) fn read_present(host: &Host, earlier: &Facts) -> Fact {
    let present = presence::read_present(host, &TRACES);
    if present.bool() == Some(true) {
        return present;
    }
    let is_called = earlier.text("kubelet.endpoint").is_some_and(|endpoint| endpoint.contains("containerd"));
    let own = LAYOUTS.iter().filter(|(name, ..)| *name != "docker").map(|(.., config)| *config);
    let default = is_called.then_some(DEFAULT_CONFIG);
    match default.into_iter().chain(own).find(|config| host.root.metadata(config).is_found()) {
        Some(config) => Fact::known(true, Source::file(config)),
        None => present,
    }
}

/// Finds the daemon: its process, else the layout or unit that starts it.
pub(super) fn find_daemon(host: &Host, earlier: &Facts) -> Daemon {
    if let Some(process) = find_process(host, earlier) {
        let mut daemon = of_process(process);
        daemon.config = process.absolute(&host.root, &daemon.config);
        return daemon;
    }
    for (supervisor, _, config) in LAYOUTS.iter().filter(|(supervisor, ..)| *supervisor != "docker") {
        if host.root.metadata(config).is_found() {
            return Daemon {
                supervisor,
                source: Source::file(*config),
                program: None,
                config: (*config).to_owned(),
                config_source: Source::file(*config),
                is_config_named: true,
                address: None,
            };
        }
    }
    of_unit(host)
}

/// Of several, the one that listens where the kubelet calls; else one that
/// dockerd does not keep.
fn find_process<'host>(host: &'host Host, earlier: &Facts) -> Option<&'host Process> {
    let Outcome::Found(processes) = host.processes() else { return None };
    let first = processes.iter().find(|process| process.pid == 1);
    let daemons: Vec<&Process> = processes
        .iter()
        .filter(|process| process.program() == "containerd" && !presence::is_in_container(process, first))
        .collect();
    let endpoint = earlier.text("kubelet.endpoint").map(|endpoint| endpoint.trim_start_matches("unix://"));
    let listens = |process: &&&Process| {
        let address = flag(&process.arguments, &["address", "a"]);
        endpoint.is_some() && address.map(|(_, address)| address) == endpoint
    };
    let is_own = |process: &&&Process| layout_of(process.arguments.iter()).is_none_or(|(name, ..)| *name != "docker");
    daemons.iter().find(listens).or_else(|| daemons.iter().find(is_own)).or(daemons.first()).copied()
}

fn of_process(process: &Process) -> Daemon {
    let source = Source::file(process.command_line_path());
    let program = process.executable.clone().or_else(|| process.arguments.first().cloned());
    let layout = layout_of(process.arguments.iter().chain(process.executable.iter()));
    let named = flag(&process.arguments, &["config", "c"]).map(|(_, path)| path.to_owned());
    let default = layout.map_or(DEFAULT_CONFIG, |(.., config)| config);
    Daemon {
        supervisor: layout.map_or("systemd", |(name, ..)| name),
        source: source.clone(),
        program: program.filter(|program| program.starts_with('/')),
        is_config_named: named.is_some(),
        config: named.unwrap_or_else(|| default.to_owned()),
        config_source: source.clone(),
        address: flag(&process.arguments, &["address", "a"]).map(|(_, address)| (address.to_owned(), source)),
    }
}

fn of_unit(host: &Host) -> Daemon {
    let mut daemon = Daemon {
        supervisor: "systemd",
        source: Source::file("/etc/systemd/system/containerd.service"),
        program: None,
        config: DEFAULT_CONFIG.to_owned(),
        config_source: Source::default_of("containerd --help, --config"),
        is_config_named: false,
        address: None,
    };
    let Outcome::Found(unit) = read_unit(&host.root, "containerd.service") else { return daemon };
    daemon.source = Source::file(&unit.path);
    let command = read_command(&host.root, &unit);
    let arguments: Vec<String> = command.iter().map(|(argument, _)| argument.clone()).collect();
    daemon.program = arguments.first().filter(|program| program.starts_with('/')).cloned();
    let place = |at: usize| command.get(at).map_or_else(|| Source::file(&unit.path), |(_, source)| source.clone());
    if let Some((at, path)) = flag(&arguments, &["config", "c"]) {
        path.clone_into(&mut daemon.config);
        daemon.config_source = place(at);
        daemon.is_config_named = true;
    }
    if let Some((at, address)) = flag(&arguments, &["address", "a"]) {
        daemon.address = Some((address.to_owned(), place(at)));
    }
    daemon
}

/// The last value of a flag by any of its names, and its position:
/// `--config X`, `--config=X`, `-c X`. Flags end at the first other word (`config dump`).
fn flag<'a>(arguments: &'a [String], names: &[&str]) -> Option<(usize, &'a str)> {
    let mut found = None;
    let mut at = 1;
    while let Some(argument) = arguments.get(at) {
        let Some(flag) = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) else { break };
        if let Some((name, value)) = flag.split_once('=') {
            if names.contains(&name) {
                found = Some((at, value));
            }
        } else if TAKES_VALUE.contains(&flag) {
            if names.contains(&flag) {
                found = arguments.get(at + 1).map(|value| (at + 1, value.as_str()));
            }
            at += 1;
        }
        at += 1;
    }
    found
}

/// Flags of containerd that take a value.
const TAKES_VALUE: &[&str] = &["config", "c", "log-level", "l", "address", "a", "root", "state"];

fn layout_of<'a>(
    words: impl Iterator<Item = &'a String>,
) -> Option<&'static (&'static str, &'static str, &'static str)> {
    let words: Vec<&String> = words.collect();
    LAYOUTS.iter().find(|(_, part, _)| words.iter().any(|word| word.contains(part)))
}

/// The version: what CRI says, else the package that owns the program.
pub(super) fn read_version(host: &Host, earlier: &Facts, daemon: &Daemon, is_present: Option<bool>) -> Fact {
    if earlier.text("cri.runtime_name") == Some("containerd")
        && let Some(version @ Fact::Known { .. }) = earlier.get("cri.runtime_version")
    {
        return version.clone();
    }
    if let Some(program) = &daemon.program
        && let Some(version) = parse_versioned_path(&host.root.resolve(program).found().unwrap_or_default())
            .or_else(|| parse_versioned_path(program))
    {
        return Fact::known(version, Source::file(program));
    }
    if let Some(program) = &daemon.program
        && !["/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/"].iter().any(|folder| program.starts_with(folder))
    {
        let reason = format!("find the version of {program}: no package owns it, and it is not run");
        return Fact::unreadable(Source::file(program), reason);
    }
    for folder in ["/usr/local/bin", "/usr/local/sbin"] {
        let program = format!("{folder}/containerd");
        if daemon.program.is_none() && host.root.metadata(&program).is_found() {
            let reason = format!("find the version of {program}: no package owns it, and it is not run");
            return Fact::unreadable(Source::file(program), reason);
        }
    }
    presence::read_package_version(host, &TRACES, is_present)
}

/// The version in a path such as `/opt/containerd-1.7.28/bin/containerd`.
fn parse_versioned_path(path: &str) -> Option<String> {
    path.split('/').find_map(|part| {
        let version = part.strip_prefix("containerd-")?;
        let version = version.strip_prefix('v').unwrap_or(version);
        let is_version = version.split('.').count() >= 3 && version.starts_with(|first: char| first.is_ascii_digit());
        is_version.then(|| version.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(ToOwned::to_owned).collect()
    }

    #[test]
    fn flags_are_read_in_every_spelling_and_only_before_the_command() {
        let config = |line| flag(&words(line), &["config", "c"]).map(|(_, path)| path.to_owned());
        assert_eq!(config("/usr/bin/containerd -c /a.toml"), Some("/a.toml".to_owned()));
        assert_eq!(config("/usr/bin/containerd --log-level debug --config=/b.toml"), Some("/b.toml".to_owned()));
        assert_eq!(config("/usr/bin/containerd config dump --config /c.toml"), None);
        assert_eq!(config("/usr/bin/containerd --config"), None);
    }

    #[test]
    fn a_versioned_folder_tells_the_version() {
        assert_eq!(parse_versioned_path("/opt/containerd-1.7.28/bin/containerd").as_deref(), Some("1.7.28"));
        assert_eq!(parse_versioned_path("/usr/bin/containerd-shim-runc-v2"), None);
    }

    #[test]
    fn the_supervisor_is_seen_in_the_paths_of_the_command_line() {
        let k3s = Process {
            arguments: words(
                "containerd -c /var/lib/rancher/k3s/agent/etc/containerd/config.toml -a /run/k3s/containerd/containerd.sock",
            ),
            executable: Some("/var/lib/rancher/k3s/data/abc/bin/containerd".to_owned()),
            ..Process::default()
        };
        let daemon = of_process(&k3s);
        assert_eq!(daemon.supervisor, "k3s");
        assert_eq!(daemon.address.map(|(address, _)| address), Some("/run/k3s/containerd/containerd.sock".to_owned()));
        let docker = Process {
            arguments: words("containerd --config /var/run/docker/containerd/containerd.toml"),
            ..Process::default()
        };
        assert_eq!(of_process(&docker).supervisor, "docker");
    }
}
