//! From a target to its network namespace.
//!
//! A pinned namespace (`/run/netns/cni-…`) needs no right to look into a
//! process and is taken first; else any process of the workload has it.

use std::fmt::Write as _;

use crate::capture::netns::{Namespace, UseNamespace, inode_of};
use crate::capture::workload::{PodName, Workload};

/// Where namespaces with names are mounted, ip-netns(8).
const NAMED: &str = "/run/netns";

/// A target whose namespace is open.
#[derive(Debug)]
pub struct Resolved {
    /// What it is called: `default/web-0`, `registry`, `pid/812`, `node`.
    pub name: String,
    /// The pod.
    pub pod: Option<PodName>,
    /// What it is, in words.
    pub description: String,
    /// Its namespace.
    pub namespace: Namespace,
    /// Whether that is the node's own.
    pub is_of_node: bool,
    life: Life,
}

/// How it is told that a target is gone: an open namespace lives on.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Life {
    /// A path that leads to its inode.
    Path { path: String, inode: u64 },
    /// A process, by its number and the instant it began.
    Process { pid: u32, began: String },
    /// It is always there.
    Node,
}

/// Why a target has no namespace to capture in.
#[derive(Debug, thiserror::Error)]
pub enum UseTarget {
    /// There is no such process.
    #[error("find the process {pid}: there is none")]
    Process {
        /// Its number.
        pid: u32,
    },
    /// There is no such namespace.
    #[error("find the network namespace {name}: there is none of that name; {}", listed(there))]
    Namespace {
        /// What was named.
        name: String,
        /// Names that there are.
        there: Vec<String>,
    },
    /// Nobody told a process or a path of it.
    #[error("find the network namespace of {name}: neither a process nor a path of it is known")]
    Placeless {
        /// The workload.
        name: String,
    },
    /// It is there, and cannot be opened.
    #[error(transparent)]
    Open(#[from] UseNamespace),
}

fn listed(there: &[String]) -> String {
    if there.is_empty() { format!("{NAMED} has none") } else { format!("there are: {}", there.join(", ")) }
}

/// The node's own namespace.
///
/// # Errors
/// If procfs is not mounted.
fn node() -> Result<Resolved, UseTarget> {
    Ok(Resolved {
        name: "node".to_owned(),
        pod: None,
        description: "the node's network".to_owned(),
        namespace: Namespace::own()?,
        is_of_node: true,
        life: Life::Node,
    })
}

/// What a process uses.
fn process(pid: u32) -> Result<Resolved, UseTarget> {
    let began = began(pid).ok_or(UseTarget::Process { pid })?;
    let namespace = Namespace::open(&format!("/proc/{pid}/ns/net"))?;
    resolved(format!("pid/{pid}"), format!("the network of process {pid}"), namespace, Life::Process { pid, began })
}

/// A namespace by its name, its path or its inode.
fn named(name: &str) -> Result<Resolved, UseTarget> {
    let of_path = |path: String| {
        let namespace = Namespace::open(&path)?;
        let life = Life::Path { path, inode: namespace.inode };
        resolved(
            format!("netns/{}", name.trim_start_matches('/')),
            format!("the network namespace {name}"),
            namespace,
            life,
        )
    };
    if name.starts_with('/') {
        return of_path(name.to_owned());
    }
    let there = named_there();
    if there.iter().any(|known| known == name) {
        return of_path(format!("{NAMED}/{name}"));
    }
    if let Ok(inode) = name.parse::<u64>() {
        let by_name =
            there.iter().map(|name| format!("{NAMED}/{name}")).find(|path| inode_of(path).ok() == Some(inode));
        if let Some(path) = by_name {
            return of_path(path);
        }
        let process_of =
            process_ids().into_iter().find(|pid| inode_of(&format!("/proc/{pid}/ns/net")).ok() == Some(inode));
        if let Some(pid) = process_of {
            return process(pid).map(|found| Resolved { name: format!("netns/{name}"), ..found });
        }
    }
    Err(UseTarget::Namespace { name: name.to_owned(), there })
}

/// The names of namespaces.
pub(in crate::capture) fn named_there() -> Vec<String> {
    folder(NAMED)
}

fn process_ids() -> Vec<u32> {
    folder("/proc").iter().filter_map(|name| name.parse().ok()).collect()
}

/// The names in a folder that a running kernel or ip-netns(8) keeps, sorted.
fn folder(path: &str) -> Vec<String> {
    use rustix::fs::{Dir, Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(folder) = rustix::fs::open(path, flags, Mode::empty()).and_then(Dir::new) else { return Vec::new() };
    let names = folder.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

/// The namespace of a pod or container.
fn workload(workload: &Workload) -> Result<Resolved, UseTarget> {
    let name = workload.name();
    let mut description = match (&workload.pod, workload.containers.first()) {
        (Some(pod), _) => format!("pod {} in namespace {}", pod.name, pod.namespace),
        (None, Some(container)) => format!("container {} ({})", name, container.id),
        (None, None) => name.clone(),
    };
    if !workload.runtime.is_empty() {
        let _ = write!(description, ", {}", workload.runtime);
    }
    let found =
        if workload.is_host_network == Some(true) && workload.pids().next().is_none() { Some(node()?) } else { None };
    let mut failed = None;
    let by_path = workload.network_namespace.iter().map(|path| named(path));
    let by_process = workload.pids().map(process);
    let found = found.or_else(|| {
        by_path.chain(by_process).find_map(|found| found.map_err(|error| failed = failed.take().or(Some(error))).ok())
    });
    match (found, failed) {
        (Some(found), _) => Ok(Resolved { name, pod: workload.pod.clone(), description, ..found }),
        (None, Some(error)) => Err(error),
        (None, None) => Err(UseTarget::Placeless { name }),
    }
}

fn resolved(name: String, description: String, namespace: Namespace, life: Life) -> Result<Resolved, UseTarget> {
    let is_of_node = Namespace::own()?.inode == namespace.inode;
    Ok(Resolved { name, pod: None, description, namespace, is_of_node, life })
}

impl Resolved {
    /// Whether it is still there. Asked without any right: that of processes is
    /// not to look into them, but to see that they live.
    pub fn is_there(&self) -> bool {
        match &self.life {
            Life::Path { path, inode } => inode_of(path).ok() == Some(*inode),
            Life::Process { pid, began: then } => began(*pid).as_ref() == Some(then),
            Life::Node => true,
        }
    }
}

/// The instant a process began, the 22nd field of `proc_pid_stat(5)`; a number
/// that is used again has another one.
fn began(pid: u32) -> Option<String> {
    use rustix::fs::{Mode, OFlags};
    let path = format!("/proc/{pid}/stat");
    let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut buffer = [0; 2048];
    let read = rustix::io::read(&file, &mut buffer).ok()?;
    let text = String::from_utf8_lossy(buffer.get(..read)?).into_owned();
    // The name may hold anything, and ends at the last parenthesis.
    let (_, fields) = text.rsplit_once(')')?;
    let state = fields.split_ascii_whitespace().next()?;
    // A zombie has no namespace any more.
    (!matches!(state, "Z" | "X")).then(|| fields.split_ascii_whitespace().nth(19).map(str::to_owned)).flatten()
}

/// Opens the namespace of a target; `of` is the workload that it means.
///
/// # Errors
/// If it cannot be found or opened.
pub fn resolve(target: &super::Target, of: Option<&Workload>) -> Result<Resolved, UseTarget> {
    match (target, of) {
        (_, Some(of)) => workload(of),
        (super::Target::Pid(pid), None) => process(*pid),
        (super::Target::Netns(name), None) => named(name),
        _ => node(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_process_is_there_and_a_dead_one_is_not() {
        let own = process(std::process::id()).unwrap();
        assert!(own.is_there() && own.is_of_node);
        assert_eq!(own.name, format!("pid/{}", std::process::id()));
        let gone = Resolved { life: Life::Process { pid: std::process::id(), began: "1".to_owned() }, ..own };
        assert!(!gone.is_there(), "a number that is used again");
        assert!(matches!(process(u32::MAX >> 2), Err(UseTarget::Process { .. })));
    }

    #[test]
    fn a_namespace_that_is_not_there_says_so() {
        let wrong = named("no-such-namespace").unwrap_err().to_string();
        assert!(
            wrong.starts_with("find the network namespace no-such-namespace: there is none of that name"),
            "{wrong}"
        );
        assert!(matches!(named("/proc/self/status"), Err(UseTarget::Open(UseNamespace::None { .. }))));
    }

    #[test]
    fn a_workload_of_which_nothing_is_known_has_no_place() {
        assert!(matches!(workload(&Workload::default()), Err(UseTarget::Placeless { .. })));
    }
}
