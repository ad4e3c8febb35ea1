//! Host firewalls that manage themselves: firewalld and ufw.
//!
//! Sources: the process firewalld and its zones (firewalld.zones(5)), and
//! `/etc/ufw/ufw.conf`. What was opened only until the next reload is not in
//! the files, and counts as closed.

mod zone;

use super::absence::{fact_of, is_evidence, line_number, not_recorded};
use super::process::Process;
use super::root::{HostRoot, Outcome};
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::{Fact, Facts, Source};
use zone::Range;

const CONF: &str = "/etc/firewalld/firewalld.conf";
const UFW: &str = "/etc/ufw/ufw.conf";

pub(super) const COLLECTOR: Collector = Collector { name: "firewall", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "firewalld.running",
        Type::Bool,
        "Whether firewalld runs. Unreadable: the processes were not recorded.",
    ),
    FactDoc::new("firewalld.default_zone", Type::Text, "`DefaultZone=` of firewalld.conf, `public` where it is unset."),
    FactDoc::new(
        "firewalld.closed_ports",
        Type::List(&Type::Text),
        "Ports of Kubernetes and its networks that no active zone opens: `10250/tcp`. Empty where a zone accepts everything.",
    ),
    FactDoc::new("ufw.is_enabled", Type::Bool, "Whether ufw starts at boot. Absent: ufw is not installed."),
];

/// Ports of kubernetes.io/docs/reference/networking/ports-and-protocols and of common networks.
const PORTS: &[(u16, &str)] = &[
    (6443, "tcp"),
    (2379, "tcp"),
    (2380, "tcp"),
    (10250, "tcp"),
    (179, "tcp"),
    (4789, "udp"),
    (5473, "tcp"),
    (8472, "udp"),
    (6081, "udp"),
    (9345, "tcp"),
    (51820, "udp"),
];

fn collect(host: &Host, _: &Facts) -> Facts {
    let mut facts = Facts::default();
    let root = &host.root;
    facts.set("firewalld.running", read_running(host));
    let default_zone = read_default_zone(root);
    facts.set("firewalld.closed_ports", read_closed_ports(root, &default_zone));
    facts.set("firewalld.default_zone", default_zone);
    let ufw = root.read_text(UFW).map(|text| parse_ufw(&text));
    facts.set(
        "ufw.is_enabled",
        match ufw {
            Outcome::Found((is_enabled, line)) => Fact::known(is_enabled, Source::line(UFW, line)),
            Outcome::Absent if !is_evidence(root, "/etc/ufw") => Fact::unreadable(Source::file(UFW), not_recorded(UFW)),
            other => fact_of::<bool>(Source::file(UFW), other.map(|(is_enabled, _)| is_enabled)),
        },
    );
    facts
}

/// firewalld is a Python script, so that its process is the interpreter's.
fn read_running(host: &Host) -> Fact {
    let source = Source::file("/proc");
    match host.processes() {
        Outcome::Found(processes) => match processes.iter().find(|process| is_firewalld(process)) {
            Some(process) => Fact::known(true, Source::file(process.command_line_path())),
            None => Fact::known(false, source),
        },
        Outcome::Absent => Fact::unreadable(source, not_recorded("/proc/<pid>")),
        Outcome::Unreadable(reason) => Fact::unreadable(source, reason.as_str()),
    }
}

fn is_firewalld(process: &Process) -> bool {
    let is_path = |argument: &String| argument.rsplit('/').next() == Some("firewalld");
    process.name == "firewalld" || process.arguments.iter().take(4).any(is_path)
}

fn read_default_zone(root: &HostRoot) -> Fact {
    match root.read_text(CONF) {
        Outcome::Found(text) => match parse_default_zone(&text) {
            Some((zone, line)) => Fact::known(zone, Source::line(CONF, line)),
            None => Fact::known("public", Source::default_of("firewalld.conf(5), DefaultZone")),
        },
        Outcome::Absent if is_evidence(root, "/etc/firewalld") => {
            Fact::known("public", Source::default_of("firewalld.conf(5), DefaultZone"))
        }
        Outcome::Absent => Fact::unreadable(Source::file(CONF), not_recorded(CONF)),
        Outcome::Unreadable(reason) => Fact::unreadable(Source::file(CONF), reason),
    }
}

/// The zone's name and its line.
fn parse_default_zone(text: &str) -> Option<(String, u32)> {
    let zone = |line: &str| line.trim().strip_prefix("DefaultZone=").map(|zone| zone.trim().to_owned());
    text.lines().enumerate().filter_map(|(index, line)| Some((zone(line)?, line_number(index)))).last()
}

fn read_closed_ports(root: &HostRoot, default_zone: &Fact) -> Fact {
    let Some(name) = default_zone.text() else {
        return Fact::unreadable(Source::file(CONF), format!("read {CONF}: the default zone is not known"));
    };
    let zones = match zone::read_active_zones(root, name) {
        Ok(zones) => zones,
        Err(reason) => return Fact::unreadable(Source::file("/etc/firewalld/zones"), reason),
    };
    let source = zones.first().map_or(Source::file("/etc/firewalld/zones"), |zone| Source::file(zone.path.as_str()));
    let is_open = |port: u16, protocol: &str| {
        zones.iter().any(|zone| zone.accepts_all || zone.open.iter().any(|range: &Range| range.holds(port, protocol)))
    };
    let closed: Vec<Fact> = PORTS
        .iter()
        .filter(|(port, protocol)| !is_open(*port, protocol))
        .map(|(port, protocol)| Fact::known(format!("{port}/{protocol}"), source.clone()))
        .collect();
    Fact::known(closed, source.clone())
}

/// `ENABLED=yes`, and the line; off where it is not said.
fn parse_ufw(text: &str) -> (bool, u32) {
    let setting =
        |line: &str| line.trim().strip_prefix("ENABLED=").map(|value| value.trim().eq_ignore_ascii_case("yes"));
    text.lines()
        .enumerate()
        .filter_map(|(index, line)| Some((setting(line)?, line_number(index))))
        .last()
        .unwrap_or((false, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firewalld_is_found_behind_its_interpreter() {
        let arguments = ["/usr/bin/python3", "-s", "/usr/sbin/firewalld", "--nofork", "--nopid"];
        let process = Process { arguments: arguments.map(str::to_owned).to_vec(), ..Process::default() };
        assert!(is_firewalld(&process));
        let other = Process { arguments: vec!["/usr/bin/firewall-applet".to_owned()], ..Process::default() };
        assert!(!is_firewalld(&other));
    }

    #[test]
    fn the_default_zone_is_the_last_one_named() {
        assert_eq!(parse_default_zone("# x\nDefaultZone=public\n"), Some(("public".to_owned(), 2)));
        assert_eq!(parse_default_zone("#DefaultZone=public\n"), None);
    }

    #[test]
    fn ufw_is_off_where_nothing_is_said() {
        assert_eq!(parse_ufw("# comment\nENABLED=yes\nLOGLEVEL=low\n"), (true, 2));
        assert_eq!(parse_ufw("LOGLEVEL=low\n"), (false, 1));
    }
}
