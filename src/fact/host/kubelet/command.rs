//! How the kubelet is started: its process, else its unit, else what its
//! installer left in its files.
//!
//! kubeadm's drop-in `10-kubeadm.conf` puts together `--config`,
//! `kubeadm-flags.env` and `/etc/default/kubelet` or `/etc/sysconfig/kubelet`:
//! <https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/kubelet-integration/>.
//! k3s carries the kubelet inside its own process, MicroK8s inside kubelite.

use crate::fact::Source;
use crate::fact::flag::{Flag, parse_flags};
use crate::fact::host::Host;
use crate::fact::host::k3s::K3s;
use crate::fact::host::process::Process;
use crate::fact::host::root::Outcome;
use crate::fact::host::unit::{self, Unit};

/// Units that run a kubelet of their own.
const UNITS: &[&str] = &["kubelet.service", "snap.kubelet.daemon.service", "snap.kubelet-eks.daemon.service"];

/// Units of k0s, whose kubelet is a child of k0s.
const K0S_UNITS: &[&str] = &["k0scontroller.service", "k0sworker.service"];

/// MicroK8s keeps the kubelet's arguments here, one a line.
const MICROK8S_ARGUMENTS: &str = "/var/snap/microk8s/current/args/kubelet";

/// kubeadm's files: the configuration and where flags are added.
pub(super) const KUBEADM_CONFIG: &str = "/var/lib/kubelet/config.yaml";
const KUBEADM_FLAGS: &str = "/var/lib/kubelet/kubeadm-flags.env";
const FLAG_FILES: &[(&str, &str)] = &[
    (KUBEADM_FLAGS, "KUBELET_KUBEADM_ARGS"),
    ("/etc/default/kubelet", "KUBELET_EXTRA_ARGS"),
    ("/etc/sysconfig/kubelet", "KUBELET_EXTRA_ARGS"),
];

/// How the kubelet is started.
#[derive(Clone, Debug)]
pub(super) struct Command {
    /// Its flags in order, or why they cannot be known.
    pub(super) flags: Result<Vec<Flag>, String>,
    /// What shows it.
    pub(super) source: Source,
    /// The process that is the kubelet, or carries it.
    pub(super) process: Option<Process>,
    /// Its unit.
    pub(super) unit: Option<Unit>,
}

/// The command of the kubelet, if one is set up here.
pub(super) fn find_command(host: &Host, k3s: Option<&K3s>) -> Option<Command> {
    let process = find_process(host);
    let unit = find_unit(host, UNITS);
    if let Some(process) = process.as_ref().filter(|process| process.program() != "kubelite") {
        let source = Source::file(process.command_line_path());
        let flags = parse_process(process);
        return Some(Command { flags: Ok(flags), source, process: Some(process.clone()), unit });
    }
    if let Some(k3s) = k3s {
        return Some(Command {
            flags: k3s.settings.clone().map(|_| k3s_flags(k3s)),
            source: k3s.source.clone(),
            process: k3s.process.clone(),
            unit: None,
        });
    }
    if let Outcome::Found(text) = host.root.read_text(MICROK8S_ARGUMENTS) {
        let flags = Ok(parse_flags(&parse_microk8s(&text)));
        return Some(Command { flags, source: Source::file(MICROK8S_ARGUMENTS), process, unit });
    }
    if let Some(unit) = unit {
        let source = Source::file(&unit.path);
        return Some(Command { flags: unit_flags(host, &unit), source, process: None, unit: Some(unit) });
    }
    if let Some(unit) = find_unit(host, K0S_UNITS) {
        let why = format!("read the kubelet's command line: {} starts it, and it does not run", unit.name);
        return Some(Command { flags: Err(why), source: Source::file(&unit.path), process: None, unit: Some(unit) });
    }
    kubeadm_command(host)
}

/// Whether a process belongs to the host itself and not to a node that runs
/// in a container of it, as kind's and k3d's do. Not the mount namespace: a
/// snap has one of its own.
pub(in crate::fact::host) fn is_of_host(process: &Process, processes: &[Process]) -> bool {
    let first = processes.iter().find(|other| other.pid == 1).and_then(|first| first.pid_namespace);
    match (process.pid_namespace, first) {
        (Some(own), Some(first)) => own == first,
        _ => true,
    }
}

fn find_process(host: &Host) -> Option<Process> {
    let Outcome::Found(processes) = host.processes() else { return None };
    let is_kubelet = |process: &&Process| match process.program() {
        "kubelet" | "kubelite" => true,
        "hyperkube" => process.arguments.iter().skip(1).any(|argument| argument == "kubelet"),
        _ => process.name == "kubelet",
    };
    processes.iter().filter(is_kubelet).find(|process| is_of_host(process, processes)).cloned()
}

fn find_unit(host: &Host, names: &[&str]) -> Option<Unit> {
    names.iter().find_map(|name| match unit::read_unit(&host.root, name) {
        Outcome::Found(unit) if !unit.is_masked => Some(unit),
        _ => None,
    })
}

fn parse_process(process: &Process) -> Vec<Flag> {
    let source = Source::file(process.command_line_path());
    let arguments: Vec<_> =
        process.arguments.iter().skip(1).map(|argument| (argument.clone(), source.clone())).collect();
    parse_flags(&arguments)
}

/// What k3s and RKE2 pass on; their own options that are the kubelet's too
/// count as its flags.
fn k3s_flags(k3s: &K3s) -> Vec<Flag> {
    let mut flags = Vec::new();
    for (option, flag) in
        [("node-name", "hostname-override"), ("container-runtime-endpoint", "container-runtime-endpoint")]
    {
        if let Some(setting) = k3s.setting(option) {
            flags.push(Flag { name: flag.to_owned(), ..setting.clone() });
        }
    }
    for label in k3s.settings.iter().flatten().filter(|setting| setting.name == "node-label") {
        flags.push(Flag { name: "node-labels".to_owned(), ..label.clone() });
    }
    flags.extend(k3s.arguments_of("kubelet-arg"));
    flags
}

/// The flags of a unit: those behind the kubelet's own name, so that wrappers
/// and containers around it do not count.
fn unit_flags(host: &Host, unit: &Unit) -> Result<Vec<Flag>, String> {
    let arguments = split_shell(unit::read_command(&host.root, unit));
    let is_kubelet = |argument: &str| argument.rsplit('/').next() == Some("kubelet");
    let Some(at) = arguments.iter().position(|(argument, _)| is_kubelet(argument)) else {
        return Err(format!("read the kubelet's flags: ExecStart of {} starts another program", unit.path));
    };
    let flags = parse_flags(arguments.get(at + 1..).unwrap_or_default());
    if !flags.is_empty() {
        return Ok(flags);
    }
    // The package's unit is bare; kubeadm's drop-in gives it its flags. A bare
    // kubelet with kubeadm's files beside it means that the drop-in was not
    // recorded, and one without any joins no cluster.
    match kubeadm_command(host) {
        Some(command) => command.flags,
        None => Err(format!("read the kubelet's flags: {} gives none, and kubeadm's drop-in is not there", unit.path)),
    }
}

/// A command within `sh -c`, split at its spaces.
fn split_shell(arguments: Vec<(String, Source)>) -> Vec<(String, Source)> {
    let is_shell = arguments.first().is_some_and(|(program, _)| program.ends_with("sh"))
        && arguments.get(1).is_some_and(|(option, _)| option.starts_with('-') && option.ends_with('c'));
    if !is_shell {
        return arguments;
    }
    let split = |(text, source): &(String, Source)| -> Vec<(String, Source)> {
        text.split_whitespace().map(|word| (word.to_owned(), source.clone())).collect()
    };
    arguments.iter().skip(2).flat_map(split).collect()
}

/// The command that kubeadm's drop-in makes of kubeadm's files.
fn kubeadm_command(host: &Host) -> Option<Command> {
    let mut flags = Vec::new();
    let mut source = None;
    let has = |path: &str| !matches!(host.root.metadata(path), Outcome::Absent);
    if has(KUBEADM_CONFIG) {
        let config = Source::file(KUBEADM_CONFIG);
        flags.push(Flag { name: "config".to_owned(), value: KUBEADM_CONFIG.to_owned(), source: config.clone() });
        source = Some(config);
    }
    let mut failure = None;
    for (path, variable) in FLAG_FILES {
        match host.root.read_text(path) {
            Outcome::Found(text) => {
                if *path == KUBEADM_FLAGS {
                    source = source.or(Some(Source::file(*path)));
                }
                flags.extend(parse_flags(&parse_flag_file(&text, path, variable)));
            }
            Outcome::Absent => {}
            Outcome::Unreadable(why) => failure = failure.or(Some(why)),
        }
    }
    let source = source?;
    let flags = if !has(KUBEADM_CONFIG) && failure.is_none() {
        // kubeadm always writes both; one without the other is half recorded.
        flags.insert(0, Flag { name: "config".to_owned(), value: KUBEADM_CONFIG.to_owned(), source: source.clone() });
        Ok(flags)
    } else {
        failure.map_or(Ok(flags), Err)
    };
    Some(Command { flags, source, process: None, unit: None })
}

/// The arguments in a variable of an environment file.
pub(super) fn parse_flag_file(text: &str, path: &str, variable: &str) -> Vec<(String, Source)> {
    let mut arguments = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let Some((key, value)) = line.trim().split_once('=') else { continue };
        if key.trim_start_matches("export ").trim() != variable {
            continue;
        }
        // systemd takes the last assignment.
        arguments.clear();
        let source = Source::line(path, u32::try_from(index + 1).unwrap_or(u32::MAX));
        let value = value.trim().trim_matches(['"', '\'']);
        arguments.extend(value.split_whitespace().map(|word| (word.to_owned(), source.clone())));
    }
    arguments
}

/// The arguments that MicroK8s keeps, its variables put in.
pub(super) fn parse_microk8s(text: &str) -> Vec<(String, Source)> {
    let mut arguments = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let source = Source::line(MICROK8S_ARGUMENTS, u32::try_from(index + 1).unwrap_or(u32::MAX));
        for word in line.split_whitespace() {
            let word = word
                .replace("${SNAP_DATA}", "/var/snap/microk8s/current")
                .replace("${SNAP_COMMON}", "/var/snap/microk8s/common")
                .replace("${SNAP}", "/snap/microk8s/current");
            arguments.push((word.trim_matches(['"', '\'']).to_owned(), source.clone()));
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubeadms_environment_file_gives_flags_with_their_line() {
        let text = "# written by kubeadm\nKUBELET_KUBEADM_ARGS=\"--network-plugin=cni --pod-infra-container-image=k8s.gcr.io/pause:3.6\"\n";
        let flags = parse_flags(&parse_flag_file(text, KUBEADM_FLAGS, "KUBELET_KUBEADM_ARGS"));
        assert_eq!(flags[1].setting(), "--pod-infra-container-image=k8s.gcr.io/pause:3.6");
        assert_eq!(flags[1].source, Source::line(KUBEADM_FLAGS, 2));
    }

    #[test]
    fn microk8s_arguments_stand_one_a_line_with_the_snaps_variables() {
        let text = "# comment\n--kubeconfig=${SNAP_DATA}/credentials/kubelet.config\n--container-runtime-endpoint=${SNAP_COMMON}/run/containerd.sock\n--anonymous-auth=false\n";
        let flags = parse_flags(&parse_microk8s(text));
        assert_eq!(flags[0].value, "/var/snap/microk8s/current/credentials/kubelet.config");
        assert_eq!(flags[2].source, Source::line(MICROK8S_ARGUMENTS, 4));
    }

    #[test]
    fn a_kubelet_in_a_nested_node_is_not_the_hosts() {
        let process = |pid, namespace| Process { pid, pid_namespace: namespace, ..Process::default() };
        let processes = [process(1, Some(10)), process(500, Some(11)), process(600, Some(10)), process(700, None)];
        let of_host: Vec<u32> =
            processes.iter().filter(|process| is_of_host(process, &processes)).map(|process| process.pid).collect();
        assert_eq!(of_host, [1, 600, 700]);
    }
}
