//! The processes of the host, from `/proc/<pid>` under the root, proc(5).
//!
//! A recorded tree holds the processes that were recorded. Where `/proc` has
//! no numbered folder at all, the processes are absent, not none.

use super::root::{HostRoot, Outcome};

/// One process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Parent's process id; 0 where it could not be read.
    pub parent: u32,
    /// Name of the main thread (`comm`), at most 15 bytes.
    pub name: String,
    /// Arguments, the program's name first; empty for kernel threads.
    pub arguments: Vec<String>,
    /// What `/proc/<pid>/exe` links to, without ` (deleted)`; unreadable for
    /// another user's process.
    pub executable: Option<String>,
    /// Whether the running binary was removed or replaced on disk.
    pub is_executable_deleted: bool,
    /// Lines of `/proc/<pid>/cgroup`.
    pub cgroups: Vec<String>,
    /// Start, in clock ticks after boot (field 22 of `stat`).
    pub started_ticks: Option<u64>,
    /// Inode of the mount namespace, where readable: tells host processes
    /// from those of containers.
    pub mount_namespace: Option<u64>,
    /// Inode of the PID namespace, where readable.
    pub pid_namespace: Option<u64>,
    /// Inode of the network namespace, where readable.
    pub network_namespace: Option<u64>,
}

impl Process {
    /// The last part of the program's path: of the executable where it is
    /// readable, else of the first argument, else the name.
    pub fn program(&self) -> &str {
        let path = self.executable.as_deref().or(self.arguments.first().map(String::as_str)).unwrap_or(&self.name);
        path.rsplit('/').next().unwrap_or(path)
    }

    /// The path of its command line, for a source.
    pub fn command_line_path(&self) -> String {
        format!("/proc/{}/cmdline", self.pid)
    }

    /// The last value of a flag in any of its spellings: `--name value`,
    /// `--name=value`, and one dash.
    pub fn flag(&self, name: &str) -> Option<&str> {
        let mut found = None;
        let mut arguments = self.arguments.iter().skip(1).peekable();
        while let Some(argument) = arguments.next() {
            let Some(flag) = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) else { continue };
            if flag == name {
                found = arguments.peek().map(|value| value.as_str());
            } else if let Some(value) = flag.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
                found = Some(value);
            }
        }
        found
    }
}

/// Reads every process under `/proc`, by rising pid; one that ends meanwhile
/// is left out.
pub fn read_processes(_root: &HostRoot) -> Outcome<Vec<Process>> {
    todo!()
}
