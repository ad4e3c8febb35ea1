//! Finds k3s or RKE2 on the host, with all their options.

use super::setting;
use crate::fact::Source;
use crate::fact::host::Host;
use crate::fact::host::kubelet::{Flag, is_of_host, last};
use crate::fact::host::process::Process;
use crate::fact::host::root::Outcome;
use crate::fact::host::unit::{self, Unit};

/// k3s or RKE2 as it is set up here.
#[derive(Clone, Debug)]
pub(in crate::fact::host) struct K3s {
    /// `k3s` or `rke2`.
    pub(in crate::fact::host) distribution: &'static str,
    /// Whether it is a server; an agent otherwise.
    pub(in crate::fact::host) is_server: bool,
    /// Its options, the winning one last; or why they cannot be known.
    pub(in crate::fact::host) settings: Result<Vec<Flag>, String>,
    /// What shows that it is here.
    pub(in crate::fact::host) source: Source,
    /// Its process, while it runs.
    pub(in crate::fact::host) process: Option<Process>,
}

impl K3s {
    /// The winning value of an option.
    pub(in crate::fact::host) fn setting(&self, name: &str) -> Option<&Flag> {
        self.settings.as_deref().ok().and_then(|settings| last(settings, name))
    }

    /// The arguments that it passes on to a component, such as those of
    /// `kubelet-arg`, as flags.
    pub(in crate::fact::host) fn arguments_of(&self, option: &str) -> Vec<Flag> {
        let settings = self.settings.as_deref().unwrap_or_default();
        let passed = settings.iter().filter(|setting| setting.name == option);
        passed
            .map(|setting| {
                let text = setting.value.trim_start_matches('-');
                let (name, value) = text.split_once('=').unwrap_or((text, "true"));
                Flag { name: name.replace('_', "-"), value: value.to_owned(), source: setting.source.clone() }
            })
            .collect()
    }
}

/// The paths of one distribution.
struct Place {
    distribution: &'static str,
    units: [(&'static str, bool); 2],
    config: &'static str,
    /// Paths that only an installation has, and whether of a server.
    traces: &'static [(&'static str, Option<bool>)],
}

const PLACES: &[Place] = &[
    Place {
        distribution: "k3s",
        units: [("k3s.service", true), ("k3s-agent.service", false)],
        config: "/etc/rancher/k3s/config.yaml",
        traces: &[
            ("/var/lib/rancher/k3s/server", Some(true)),
            ("/etc/rancher/k3s/k3s.yaml", Some(true)),
            ("/var/lib/rancher/k3s/agent", Some(false)),
            ("/etc/rancher/k3s/config.yaml", None),
            ("/usr/local/bin/k3s", None),
        ],
    },
    Place {
        distribution: "rke2",
        units: [("rke2-server.service", true), ("rke2-agent.service", false)],
        config: "/etc/rancher/rke2/config.yaml",
        traces: &[
            ("/var/lib/rancher/rke2/server", Some(true)),
            ("/etc/rancher/rke2/rke2.yaml", Some(true)),
            ("/var/lib/rancher/rke2/agent", Some(false)),
            ("/etc/rancher/rke2/config.yaml", None),
        ],
    },
];

/// Looks for k3s, then for RKE2. Unreadable where nothing was found and a
/// place could not be looked at.
pub(in crate::fact::host) fn find_k3s(host: &Host) -> Outcome<K3s> {
    let mut failure = None;
    for place in PLACES {
        match find_at(host, place) {
            Outcome::Found(k3s) => return Outcome::Found(k3s),
            Outcome::Absent => {}
            Outcome::Unreadable(why) => failure = failure.or(Some(why)),
        }
    }
    failure.map_or(Outcome::Absent, Outcome::Unreadable)
}

fn find_at(host: &Host, place: &Place) -> Outcome<K3s> {
    let process = find_process(host, place.distribution);
    let unit = find_unit(host, place);
    let trace = find_trace(host, place);
    let (is_server, source) = match (&process, &unit, &trace) {
        (Some(process), _, _) => (is_server_process(process), Source::file(process.command_line_path())),
        (None, Some((unit, is_server)), _) => (*is_server, Source::file(&unit.path)),
        (None, None, Outcome::Found((path, is_server))) => (*is_server, Source::file(*path)),
        (None, None, Outcome::Absent) => return Outcome::Absent,
        (None, None, Outcome::Unreadable(why)) => return Outcome::Unreadable(why.clone()),
    };
    let settings = read_settings(host, place, process.as_ref(), unit.as_ref().map(|(unit, _)| unit));
    Outcome::Found(K3s { distribution: place.distribution, is_server, settings, source, process })
}

fn find_process(host: &Host, program: &str) -> Option<Process> {
    let Outcome::Found(processes) = host.processes() else { return None };
    let is_it = |process: &&Process| {
        let subcommand = process.arguments.get(1).map(String::as_str);
        let renamed = process.name.strip_prefix(program).is_some_and(|rest| matches!(rest, "-server" | "-agent"));
        (process.program() == program && matches!(subcommand, Some("server" | "agent")) || renamed)
            && is_of_host(process, processes)
    };
    processes.iter().find(is_it).cloned()
}

fn is_server_process(process: &Process) -> bool {
    process.arguments.get(1).is_some_and(|argument| argument == "server") || process.name.ends_with("-server")
}

fn find_unit(host: &Host, place: &Place) -> Option<(Unit, bool)> {
    for (name, is_server) in place.units {
        if let Outcome::Found(unit) = unit::read_unit(&host.root, name)
            && !unit.is_masked
        {
            let says = |word: &str| {
                let mut starts = unit.all("Service", "ExecStart");
                starts.any(|start| start.value.split_whitespace().any(|argument| argument == word))
            };
            let is_server = if says("agent") { false } else { is_server || says("server") };
            return Some((unit, is_server));
        }
    }
    None
}

fn find_trace(host: &Host, place: &Place) -> Outcome<(&'static str, bool)> {
    let mut found = None;
    let mut failure = None;
    for (path, is_server) in place.traces {
        match host.root.metadata(path) {
            Outcome::Found(_) => match is_server {
                Some(is_server) => return Outcome::Found((path, *is_server)),
                None => found = found.or(Some((*path, true))),
            },
            Outcome::Absent => {}
            Outcome::Unreadable(why) => failure = failure.or(Some(why)),
        }
    }
    match (found, failure) {
        (Some((path, _)), _) => Outcome::Found((path, !is_agent_config(host, place.config))),
        (None, Some(why)) => Outcome::Unreadable(why),
        (None, None) => Outcome::Absent,
    }
}

/// A configuration with a server to join and none of a server's own options
/// is an agent's.
fn is_agent_config(host: &Host, path: &str) -> bool {
    let Ok(settings) = setting::read_config(&host.root, path) else { return false };
    let of_server = ["cluster-init", "datastore-endpoint", "tls-san", "flannel-backend", "cluster-cidr", "disable"];
    last(&settings, "server").is_some() && !settings.iter().any(|setting| of_server.contains(&setting.name.as_str()))
}

fn read_settings(
    host: &Host,
    place: &Place,
    process: Option<&Process>,
    unit: Option<&Unit>,
) -> Result<Vec<Flag>, String> {
    let mut settings = Vec::new();
    for path in environment_files(place, unit) {
        if let Outcome::Found(text) = host.root.read_text(&path) {
            settings.extend(setting::parse_environment(&text, &path));
        }
    }
    let arguments = match (process, unit) {
        (Some(process), _) => {
            let source = Source::file(process.command_line_path());
            let arguments: Vec<_> =
                process.arguments.iter().skip(1).map(|argument| (argument.clone(), source.clone())).collect();
            setting::parse_arguments(&arguments)
        }
        (None, Some(unit)) => setting::parse_arguments(&unit::read_command(&host.root, unit)),
        (None, None) => Vec::new(),
    };
    let config = last(&arguments, "config").or(last(&settings, "config-file"));
    let config = config.map_or(place.config, |flag| flag.value.as_str()).to_owned();
    let from_config = setting::read_config(&host.root, &config)?;
    settings.extend(from_config);
    settings.extend(arguments);
    Ok(settings)
}

fn environment_files(place: &Place, unit: Option<&Unit>) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    let named = unit.into_iter().flat_map(|unit| {
        let plain = unit.name.trim_end_matches(".service");
        unit.all("Service", "EnvironmentFile")
            .map(move |setting| setting.value.trim_start_matches('-').replace("%N", plain))
    });
    let usual = place.units.iter().map(|(name, _)| format!("/etc/systemd/system/{name}.env"));
    let open_rc = [format!("/etc/rancher/{0}/{0}.env", place.distribution)];
    for path in named.chain(usual).chain(open_rc) {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}
