//! Who holds a socket: the process with a descriptor `socket:[inode]`, `proc_pid_fd(5)`.

use std::collections::{BTreeMap, BTreeSet};

use crate::fact::host::Host;
use crate::fact::host::process::Process;
use crate::fact::host::root::{HostRoot, Outcome};

/// Who holds a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The process of that program.
    Program { name: String, pid: u32 },
    /// No process: the kernel.
    Kernel,
    /// Not every process could be looked at.
    Unknown(String),
}

/// The owners of the sockets, by inode. The programs that are expected are
/// looked at first, so that a healthy node needs few descriptors.
pub(super) fn find_owners(host: &Host, mut open: BTreeSet<u64>, expected: &[&str]) -> BTreeMap<u64, Owner> {
    let mut owners = BTreeMap::new();
    if open.is_empty() {
        return owners;
    }
    let mut unknown = None;
    match host.processes() {
        Outcome::Found(processes) => {
            let is_likely = |process: &&Process| expected.contains(&process.program());
            let (likely, others): (Vec<&Process>, Vec<&Process>) = processes.iter().partition(is_likely);
            for process in likely.into_iter().chain(others) {
                if open.is_empty() {
                    break;
                }
                match read_sockets(&host.root, process.pid) {
                    Outcome::Found(inodes) => {
                        for inode in inodes {
                            if open.remove(&inode) {
                                let name = process.program().to_owned();
                                owners.insert(inode, Owner::Program { name, pid: process.pid });
                            }
                        }
                    }
                    // A live process that has just ended held nothing; a recorded one was not recorded.
                    Outcome::Absent if host.root.has_kernel_files() => {}
                    Outcome::Absent => unknown = Some(format!("list /proc/{}/fd: not recorded", process.pid)),
                    Outcome::Unreadable(reason) => unknown = Some(reason),
                }
            }
        }
        Outcome::Absent => unknown = Some("read /proc: no processes were recorded".to_owned()),
        Outcome::Unreadable(reason) => unknown = Some(reason.clone()),
    }
    for inode in open {
        owners.insert(inode, unknown.clone().map_or(Owner::Kernel, Owner::Unknown));
    }
    owners
}

/// Inodes of the sockets that a process has open.
fn read_sockets(root: &HostRoot, pid: u32) -> Outcome<Vec<u64>> {
    let folder = format!("/proc/{pid}/fd");
    root.read_folder(&folder).map(|names| {
        names
            .iter()
            .filter_map(|name| root.read_link(&format!("{folder}/{name}")).found())
            .filter_map(|link| link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok())
            .collect()
    })
}
