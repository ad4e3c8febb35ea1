//! Whether something keeps the clock right.
//!
//! Sources: the processes (timesyncd, chrony, ntpd, ptp4l and others, and
//! agents of hypervisors that set the clock), and
//! `/run/systemd/timesync/synchronized`, which systemd-timesyncd(8) makes when
//! it has set the clock. The kernel's own word, adjtimex(2), has no safe
//! wrapper among our libraries, so it is not asked.

use std::collections::BTreeMap;

use super::absence::not_recorded;
use super::process::Process;
use super::root::{HostRoot, Outcome};
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Source, Value};

const SYNCHRONIZED: &str = "/run/systemd/timesync/synchronized";
const UPTIME: &str = "/proc/uptime";
/// How long a service may take until the clock is set.
const GRACE_S: f64 = 15.0 * 60.0;
/// Processes of a small system without the kernel's threads.
const SMALL_SYSTEM: usize = 12;
/// Ticks a second of `/proc/<pid>/stat`: `USER_HZ` is 100 on every architecture that runs Kubernetes.
const TICKS_A_SECOND: f64 = 100.0;

pub(super) const COLLECTOR: Collector = Collector { name: "time", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "time.services",
        Type::List(&Type::Object(SERVICE)),
        "Running programs that set the clock. Unreadable: the processes were not recorded, or so few that this one may be missing.",
    ),
    FactDoc::new(
        "time.is_synchronized",
        Type::Bool,
        "Whether the clock was set: timesyncd's mark; false where timesyncd alone runs and has not set it within 15 minutes. \
         Absent: the service that runs leaves no mark.",
    ),
];

const SERVICE: &[Field] = &[
    Field::new("name", Type::Text, "The program, such as `chronyd`"),
    Field::new(
        "is_hypervisor",
        Type::Bool,
        "It takes the time from the hypervisor, which leaves the kernel's mark unset",
    ),
];

/// Programs that set the clock, and whether they take it from a hypervisor.
const PROGRAMS: &[(&str, bool)] = &[
    ("systemd-timesyncd", false),
    ("systemd-timesyn", false),
    ("chronyd", false),
    ("ntpd", false),
    ("ntpd-rs", false),
    ("ntp-daemon", false),
    ("openntpd", false),
    ("ntimed-client", false),
    ("ptp4l", false),
    ("phc2sys", false),
    ("timed", false),
    ("timebeat", false),
    ("clockbound", false),
    ("vmtoolsd", true),
    ("VBoxService", true),
    ("prl_tools_service", true),
];

fn collect(host: &Host, _: &Facts) -> Facts {
    let mut facts = Facts::default();
    let source = Source::file("/proc");
    let processes = host.processes();
    let services = match processes {
        Outcome::Found(processes) => services(processes),
        _ => Vec::new(),
    };
    let list: Vec<Fact> =
        services.iter().map(|(process, is_hypervisor)| service_fact(process, *is_hypervisor)).collect();
    facts.set(
        "time.services",
        match processes {
            Outcome::Found(all) if !list.is_empty() || is_whole(&host.root, all) => Fact::known(list, source),
            Outcome::Found(_) => Fact::unreadable(source, "read /proc: only some of the processes were recorded"),
            Outcome::Absent => Fact::unreadable(source, not_recorded("/proc/<pid>")),
            Outcome::Unreadable(reason) => Fact::unreadable(source, reason.as_str()),
        },
    );
    facts.set("time.is_synchronized", read_is_synchronized(&host.root, &services));
    facts
}

fn service_fact(process: &Process, is_hypervisor: bool) -> Fact {
    let source = Source::file(process.command_line_path());
    let members = BTreeMap::from([
        ("name".to_owned(), Fact::known(program(process), source.clone())),
        ("is_hypervisor".to_owned(), Fact::known(is_hypervisor, source.clone())),
    ]);
    Fact::known(Value::Map(members), source)
}

fn program(process: &Process) -> &str {
    match process.program() {
        "systemd-timesyn" => "systemd-timesyncd",
        program => program,
    }
}

/// Those that set the clock, each with whether a hypervisor gives it.
fn services(processes: &[Process]) -> Vec<(&Process, bool)> {
    let kind = |process: &Process| {
        let names = [process.program(), process.name.as_str()];
        PROGRAMS.iter().find(|(program, _)| names.contains(program)).map(|(_, is_hypervisor)| *is_hypervisor)
    };
    processes.iter().filter_map(|process| Some((process, kind(process)?))).collect()
}

/// Whether a list of processes can be taken for all of them. A recording may
/// hold only those that somebody cared for; a whole one has the kernel's
/// threads (process 2 is their parent), or about as many as a small system.
fn is_whole(root: &HostRoot, processes: &[Process]) -> bool {
    let has = |pid: u32| processes.iter().any(|process| process.pid == pid && !process.name.is_empty());
    root.has_kernel_files() || (has(1) && (has(2) || processes.len() >= SMALL_SYSTEM))
}

fn read_is_synchronized(root: &HostRoot, services: &[(&Process, bool)]) -> Fact {
    let source = Source::file(SYNCHRONIZED);
    match root.metadata(SYNCHRONIZED) {
        Outcome::Found(_) => return Fact::known(true, source),
        Outcome::Unreadable(reason) => return Fact::unreadable(source, reason),
        Outcome::Absent => {}
    }
    let [(process, false)] = services else { return Fact::absent(source) };
    if program(process) != "systemd-timesyncd" {
        return Fact::absent(source);
    }
    // The folder is made when the service starts; where it is missing, nobody recorded it.
    if !root.metadata("/run/systemd/timesync").is_found() {
        return Fact::unreadable(source, not_recorded(SYNCHRONIZED));
    }
    let uptime = root.read_kernel_text(UPTIME).found().and_then(|text| parse_uptime(&text));
    match (uptime, process.started_ticks) {
        (Some(uptime_s), Some(ticks)) if runs_for_s(uptime_s, ticks) > GRACE_S => Fact::known(false, source),
        (Some(_), Some(_)) => Fact::unreadable(source, "read the clock's state: systemd-timesyncd started minutes ago"),
        _ => Fact::unreadable(source, "read /proc/uptime: not known since when systemd-timesyncd runs"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "ticks of years fit a double's 53 bits")]
fn runs_for_s(uptime_s: f64, started_ticks: u64) -> f64 {
    uptime_s - started_ticks as f64 / TICKS_A_SECOND
}

fn parse_uptime(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok().filter(|seconds: &f64| seconds.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, name: &str) -> Process {
        Process { pid, name: name.to_owned(), ..Process::default() }
    }

    #[test]
    fn a_name_cut_to_15_bytes_is_known() {
        let processes = [process(1, "systemd"), process(700, "systemd-timesyn")];
        let found = services(&processes);
        assert_eq!((found.len(), program(found[0].0)), (1, "systemd-timesyncd"));
    }

    #[test]
    fn a_hypervisors_agent_sets_the_clock_too() {
        assert_eq!(services(&[process(900, "vmtoolsd")]).first().map(|(_, is_hypervisor)| *is_hypervisor), Some(true));
        assert!(services(&[process(900, "kubelet")]).is_empty());
    }

    #[test]
    fn a_service_has_15_minutes_to_set_the_clock() {
        assert!(runs_for_s(260_000.0, 700) > GRACE_S);
        assert!(runs_for_s(600.0, 700) < GRACE_S);
        assert_eq!(parse_uptime("260000.00 900000.00\n"), Some(260_000.0));
        assert_eq!(parse_uptime("nan"), None);
    }
}
