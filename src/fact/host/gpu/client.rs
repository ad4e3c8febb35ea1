//! Who holds a GPU open: a change of MIG's mode waits until nobody does.
//!
//! Source: the links of `/proc/<pid>/fd` that lead to `/dev/nvidia*`. Other
//! users' links are readable by root alone.

use std::collections::BTreeMap;

use crate::fact::host::Host;
use crate::fact::host::root::Outcome;
use crate::fact::{Fact, Source};

/// The processes that hold a device of NVIDIA's open.
pub(super) fn read_clients(host: &Host) -> Fact {
    let source = Source::file("/proc");
    let processes = match host.processes() {
        Outcome::Found(processes) => processes,
        Outcome::Absent => return Fact::unreadable(source, "read /proc: no processes were recorded"),
        Outcome::Unreadable(reason) => return Fact::unreadable(source, reason.as_str()),
    };
    let mut clients = Vec::new();
    for process in processes {
        let folder = format!("/proc/{}/fd", process.pid);
        let links = host.root.read_folder(&folder).found().unwrap_or_default();
        let holds = |link: &String| {
            host.root.read_link(&format!("{folder}/{link}")).found().is_some_and(|to| to.starts_with("/dev/nvidia"))
        };
        if let Some(link) = links.iter().find(|link| holds(link)) {
            let source = Source::file(format!("{folder}/{link}"));
            clients.push(Fact::known(
                BTreeMap::from([
                    ("name".to_owned(), Fact::known(process.program(), source.clone())),
                    ("pid".to_owned(), Fact::known(process.pid, source.clone())),
                ]),
                source,
            ));
        }
    }
    Fact::known(clients, source)
}
