//! TCP ports that the node's roles need, and who holds them.
//!
//! Listening sockets are the lines of state 0A in `/proc/1/net/tcp` and
//! `tcp6`, `proc_net(5)`; the process with a descriptor `socket:[inode]` holds
//! one. Ports: <https://kubernetes.io/docs/reference/networking/ports-and-protocols/>.

mod owner;

use std::collections::BTreeMap;

use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::host::{Collector, Host};
use crate::fact::{Fact, Facts, Source};
use owner::{Owner, find_owners};

/// Reads the listening ports.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "port", facts: FACTS, needs: &["kubelet", "control_plane"], collect };

const FACTS: &[FactDoc] = &[FactDoc::new(
    "port.needed",
    Type::List(&Type::Object(NEEDED)),
    "The TCP ports of this node's roles on which something listens, with the program that holds each. Source: `/proc/1/net/tcp{,6}`, \
         proc_net(5), and the descriptors of the processes. Absent: the host has no role in a cluster.",
)];

const NEEDED: &[Field] = &[
    Field::new("port", Type::Int, "its number"),
    Field::new("program", Type::Text, "the program that needs it"),
    Field::new(
        "owner",
        Type::Text,
        "the program that holds it; absent where it is the kernel; unreadable without the right to see descriptors",
    ),
    Field::new(
        "is_foreign",
        Type::Bool,
        "whether a program holds it that is neither the needed one nor a distribution that contains it",
    ),
    Field::new("setting", Type::Text, "port, owner and process in words"),
];

/// Ports by the program that needs them.
const PORTS: &[(&str, u16)] = &[
    ("kubelet", 10250),
    ("kube-apiserver", 6443),
    ("etcd", 2379),
    ("etcd", 2380),
    ("kube-controller-manager", 10257),
    ("kube-scheduler", 10259),
];

/// Programs that hold the others inside of themselves.
const CONTAINERS: &[&str] = &["k3s", "k3s-server", "k3s-agent", "rke2", "kubelite", "k0s", "hyperkube"];

/// The programs that are looked at first.
const EXPECTED: &[&str] = &[
    "kubelet",
    "kube-apiserver",
    "etcd",
    "kube-controller-manager",
    "kube-scheduler",
    "k3s",
    "k3s-server",
    "k3s-agent",
    "rke2",
    "kubelite",
    "k0s",
    "hyperkube",
];

/// `TCP_LISTEN` of `net/tcp_states.h`.
const LISTEN: &str = "0A";

/// The states there that only a connection has.
const CONNECTED: &[&str] = &["01", "02", "04", "05", "06", "08", "09", "0B"];

/// A listening socket.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listener {
    port: u16,
    inode: u64,
    source: Source,
}

fn collect(host: &Host, earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    // Where there is no connection the kernel searches its whole table for one,
    // so a host without a role is spared it.
    if earlier.bool("kubelet.present") == Some(false) && programs(earlier).is_empty() {
        let kubelet = earlier.get("kubelet.present").and_then(Fact::source).cloned();
        facts.set("port.needed", Fact::Absent { source: kubelet });
        return facts;
    }
    let (path, listeners) = read_listeners(&host.root);
    let source = Source::file(path);
    let needed = match listeners {
        Outcome::Found(listeners) => needed(host, earlier, &listeners, source),
        Outcome::Absent => Fact::absent(source),
        Outcome::Unreadable(reason) => Fact::unreadable(source, reason),
    };
    facts.set("port.needed", needed);
    facts
}

fn read_listeners(root: &HostRoot) -> (String, Outcome<Vec<Listener>>) {
    let ((path, text), (path6, text6)) =
        rayon::join(|| root.read_network_lines("tcp", goes_on), || root.read_network_lines("tcp6", goes_on));
    let text = match text {
        Outcome::Found(text) => text,
        Outcome::Absent => return (path, Outcome::Absent),
        Outcome::Unreadable(reason) => return (path, Outcome::Unreadable(reason)),
    };
    let mut listeners = parse_listeners(&text, &path);
    // A kernel without IPv6 has no second table.
    if let Outcome::Found(text6) = text6 {
        listeners.extend(parse_listeners(&text6, &path6));
    }
    (path, Outcome::Found(listeners))
}

/// Whether listening sockets may follow a line. They stand before all
/// connections (`Documentation/networking/proc_net_tcp.rst`); before Linux 4.4
/// those that are being asked for (`TCP_SYN_RECV`) stand among them.
fn goes_on(line: &str) -> bool {
    !line.split_ascii_whitespace().nth(3).is_some_and(|state| CONNECTED.contains(&state))
}

/// The ports of the roles on which something listens.
fn needed(host: &Host, earlier: &Facts, listeners: &[Listener], source: Source) -> Fact {
    let programs = programs(earlier);
    if programs.is_empty() {
        return match earlier.get("kubelet.present") {
            Some(unread @ Fact::Unreadable { .. }) => unread.clone(),
            _ => Fact::absent(source),
        };
    }
    let wanted: Vec<(&str, u16)> = PORTS
        .iter()
        .filter(|(program, _)| programs.iter().any(|known| known == program))
        .map(|(program, port)| (*program, secure_port(earlier, program).unwrap_or(*port)))
        .collect();
    let sockets: Vec<&Listener> =
        listeners.iter().filter(|listener| wanted.iter().any(|(_, port)| *port == listener.port)).collect();
    let owners = find_owners(host, sockets.iter().map(|listener| listener.inode).collect(), EXPECTED);
    let mut facts = Vec::new();
    for (program, port) in wanted {
        let mine: Vec<&&Listener> = sockets.iter().filter(|listener| listener.port == port).collect();
        let owner_of = |listener: &Listener| owners.get(&listener.inode).cloned().unwrap_or(Owner::Kernel);
        // Two programs may hold the same port on different addresses.
        let is_held = mine.iter().any(|listener| is_expected(&owner_of(listener), program));
        if let Some(listener) = mine.first() {
            facts.push(needed_fact(program, port, listener, &owner_of(listener), is_held));
        }
    }
    Fact::known(facts, source)
}

/// The programs that this node's roles need.
fn programs(earlier: &Facts) -> Vec<String> {
    let mut programs = Vec::new();
    if earlier.bool("kubelet.present") == Some(true) {
        programs.push("kubelet".to_owned());
    }
    let components = earlier.get("control_plane.components").and_then(Fact::list).unwrap_or_default();
    let names = components.iter().filter_map(|component| component.member("name")?.text());
    programs.extend(names.map(str::to_owned));
    programs
}

/// `--secure-port` of a component, where it is set.
fn secure_port(earlier: &Facts, program: &str) -> Option<u16> {
    let flags = earlier.get("control_plane.flags")?.list()?;
    let of = |flag: &Fact, name: &str| flag.member(name).and_then(Fact::text).map(str::to_owned);
    let flag = flags.iter().find(|flag| {
        of(flag, "component").as_deref() == Some(program) && of(flag, "name").as_deref() == Some("secure-port")
    })?;
    of(flag, "value")?.parse().ok()
}

fn is_expected(owner: &Owner, program: &str) -> bool {
    match owner {
        Owner::Program { name, .. } => name == program || CONTAINERS.contains(&name.as_str()),
        Owner::Kernel => true,
        Owner::Unknown(_) => false,
    }
}

fn needed_fact(program: &str, port: u16, listener: &Listener, owner: &Owner, is_held: bool) -> Fact {
    let source = listener.source.clone();
    let (name, is_foreign, setting) = match owner {
        Owner::Program { name, pid } => (
            Fact::known(&**name, Source::file(format!("/proc/{pid}/fd"))),
            Fact::known(!is_held, source.clone()),
            format!("port {port} of {program} is held by {name} (process {pid})"),
        ),
        Owner::Kernel => (
            Fact::absent(source.clone()),
            Fact::known(false, source.clone()),
            format!("port {port} of {program} is held by the kernel"),
        ),
        Owner::Unknown(reason) => (
            Fact::unreadable(source.clone(), reason.clone()),
            if is_held { Fact::known(false, source.clone()) } else { Fact::unreadable(source.clone(), reason.clone()) },
            format!("port {port} of {program} is held by an unknown program"),
        ),
    };
    Fact::group(BTreeMap::from([
        ("port".to_owned(), Fact::known(i64::from(port), source.clone())),
        ("program".to_owned(), Fact::known(program, source.clone())),
        ("owner".to_owned(), name),
        ("is_foreign".to_owned(), is_foreign),
        ("setting".to_owned(), Fact::known(setting, source)),
    ]))
}

fn parse_listeners(text: &str, path: &str) -> Vec<Listener> {
    (1_u32..)
        .zip(text.lines())
        .skip(1)
        .filter_map(|(number, line)| {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let [_, local, _, state, _, _, _, _, _, inode, ..] = fields.as_slice() else { return None };
            if *state != LISTEN {
                return None;
            }
            let (_, port) = local.rsplit_once(':')?;
            let port = u16::from_str_radix(port, 16).ok()?;
            Some(Listener { port, inode: inode.parse().ok()?, source: Source::line(path, number) })
        })
        .collect()
}

#[cfg(test)]
#[path = "port/port_test.rs"]
mod tests;
