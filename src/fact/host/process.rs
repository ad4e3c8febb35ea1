//! The processes of the host, from `/proc/<pid>` under the root, proc(5).
//!
//! A recorded tree holds the processes that were recorded. Where it has none,
//! or only the first, the processes are absent, not none.
//!
//! The crate `procfs` reads these files too, but only of the running machine;
//! its parser of `stat` slices foreign text at unchecked places.

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
    /// Inode of the PID namespace, where readable: tells host processes from
    /// those of containers. None for kernel threads.
    pub pid_namespace: Option<u64>,
}

/// Whether a program is in one of the folders that are for what is installed
/// by hand, which packages keep out of
/// (<https://refspecs.linuxfoundation.org/FHS_3.0/fhs-3.0.html>, 4.9). An
/// installed package says nothing of a program there.
pub fn is_by_hand(path: &str) -> bool {
    const FOLDERS: [&str; 10] =
        ["/usr/local/", "/opt/", "/home/", "/root/", "/srv/", "/tmp/", "/var/", "/run/", "/mnt/", "/snap/"];
    FOLDERS.iter().any(|folder| path.starts_with(folder))
}

impl Process {
    /// The last part of the program's path: of the executable where it is
    /// readable, else of the first argument, else the name.
    pub fn program(&self) -> &str {
        let path = self.executable.as_deref().or(self.arguments.first().map(String::as_str)).unwrap_or(&self.name);
        path.rsplit('/').next().unwrap_or(path)
    }

    /// Where its program is, if no package can have installed it.
    pub fn by_hand(&self) -> Option<&str> {
        self.executable.as_deref().filter(|path| is_by_hand(path))
    }

    /// The path of its command line, for a source.
    pub fn command_line_path(&self) -> String {
        format!("/proc/{}/cmdline", self.pid)
    }

    /// A path as the process means it: a relative one from its working folder,
    /// where that is readable.
    pub fn absolute(&self, root: &HostRoot, path: &str) -> String {
        if path.starts_with('/') {
            return path.to_owned();
        }
        match root.read_link(&format!("/proc/{}/cwd", self.pid)) {
            Outcome::Found(folder) => format!("{}/{path}", folder.trim_end_matches('/')),
            _ => path.to_owned(),
        }
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

/// `PF_KTHREAD` of include/linux/sched.h: it has neither a command line nor a
/// program.
const KERNEL_THREAD: u32 = 0x0020_0000;

/// The most bytes of a command line that are kept; the rest is no setting.
const MAX_COMMAND_LINE_BYTES: usize = 1 << 20;

/// The most threads that read processes.
const MAX_THREADS: usize = 4;

/// The fewest processes that are worth a thread.
const MIN_SHARE: usize = 48;

/// Reads every process under `/proc`, by rising pid; one that ends meanwhile
/// is left out.
pub fn read_processes(root: &HostRoot) -> Outcome<Vec<Process>> {
    let names = match root.read_folder("/proc") {
        Outcome::Found(names) => names,
        Outcome::Absent => return Outcome::Absent,
        Outcome::Unreadable(reason) => return Outcome::Unreadable(reason),
    };
    let mut pids: Vec<u32> = names.iter().filter_map(|name| parse_pid(name)).collect();
    pids.sort_unstable();
    if root.has_kernel_files() && pids.first() != Some(&1) {
        return Outcome::Unreadable("read /proc: other users' processes are hidden (hidepid)".to_owned());
    }
    let mut processes = Vec::with_capacity(pids.len());
    for outcome in read_each(root, &pids) {
        match outcome {
            Outcome::Found(process) => processes.push(process),
            Outcome::Absent => {}
            // A process that may not be looked at could be any.
            Outcome::Unreadable(reason) => return Outcome::Unreadable(reason),
        }
    }
    // The first process is recorded for its mounts and name; with no other
    // one the processes were not recorded.
    if processes.iter().all(|process| process.pid == 1) { Outcome::Absent } else { Outcome::Found(processes) }
}

/// Reads processes, on several threads where there are many: each costs some
/// twenty system calls, and a node has hundreds. These are no threads of the
/// pool, whose other work may be waiting for the processes.
fn read_each(root: &HostRoot, pids: &[u32]) -> Vec<Outcome<Process>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = pids.len().div_ceil(cores.min(MAX_THREADS)).max(MIN_SHARE);
    std::thread::scope(|scope| {
        let read = |pids: &[u32]| pids.iter().map(|pid| read_process(root, *pid)).collect::<Vec<_>>();
        let mut shares = pids.chunks(share);
        let own = shares.next().unwrap_or_default();
        let others: Vec<_> = shares.map(|pids| scope.spawn(move || read(pids))).collect();
        let mut outcomes = read(own);
        for other in others {
            outcomes.extend(other.join().unwrap_or_else(|fault| std::panic::resume_unwind(fault)));
        }
        outcomes
    })
}

/// Reads one process. Absent: it has ended, or only files that say nothing
/// of the process itself were recorded.
fn read_process(root: &HostRoot, pid: u32) -> Outcome<Process> {
    let folder = format!("/proc/{pid}");
    let stat = root.read(&format!("{folder}/stat"));
    let parsed = stat.as_ref().found().and_then(|bytes| parse_stat(&String::from_utf8_lossy(bytes)));
    if let Some(stat) = parsed.as_ref().filter(|stat| root.has_kernel_files() && stat.flags & KERNEL_THREAD != 0) {
        let Stat { name, parent, started_ticks, .. } = stat.clone();
        return Outcome::Found(Process { pid, parent, name, started_ticks, ..Process::default() });
    }
    let command_line = root.read(&format!("{folder}/cmdline"));
    if let (Some(stat), Outcome::Found(command_line)) = (&parsed, &command_line)
        && command_line.is_empty()
        && is_kernel_thread(pid, stat)
    {
        // It has neither a program nor namespaces of its own.
        let Stat { name, parent, started_ticks, .. } = stat.clone();
        return Outcome::Found(Process { pid, parent, name, started_ticks, ..Process::default() });
    }
    // Only a recorded tree may have one without the other.
    let comm = if parsed.is_some() { Outcome::Absent } else { root.read_text(&format!("{folder}/comm")) };
    let link = root.read_link(&format!("{folder}/exe")).found();
    if !stat.is_found() && !command_line.is_found() && !comm.is_found() && link.is_none() {
        return match (stat, command_line) {
            (Outcome::Unreadable(reason), _) | (_, Outcome::Unreadable(reason)) => Outcome::Unreadable(reason),
            _ => Outcome::Absent,
        };
    }
    let stat = parsed.unwrap_or_default();
    let name = comm.found().map_or(stat.name, |text| text.trim_end_matches('\n').to_owned());
    let (executable, is_executable_deleted) = match link {
        None => (None, false),
        Some(path) => match path.strip_suffix(" (deleted)") {
            Some(path) => (Some(path.to_owned()), true),
            None => (Some(path), false),
        },
    };
    Outcome::Found(Process {
        pid,
        parent: stat.parent,
        name,
        arguments: command_line.found().map(|bytes| parse_command_line(&bytes)).unwrap_or_default(),
        executable,
        is_executable_deleted,
        cgroups: root
            .read_text(&format!("{folder}/cgroup"))
            .found()
            .map(|text| text.lines().map(str::to_owned).collect())
            .unwrap_or_default(),
        started_ticks: stat.started_ticks,
        pid_namespace: read_namespace(root, &folder, "pid"),
    })
}

/// A pid as the kernel writes it: digits without a leading zero.
fn parse_pid(name: &str) -> Option<u32> {
    if name.starts_with('0') || !name.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    name.parse().ok()
}

/// Kernel threads are `kthreadd`, which is always process 2 and a child of
/// none, and its children.
fn is_kernel_thread(pid: u32, stat: &Stat) -> bool {
    stat.parent == 2 || (pid == 2 && stat.parent == 0)
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Stat {
    name: String,
    parent: u32,
    /// `PF_*` of include/linux/sched.h.
    flags: u32,
    started_ticks: Option<u64>,
}

/// `/proc/<pid>/stat`, `proc_pid_stat(5)`. The name may itself hold spaces and
/// parentheses, so it ends at the last one.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.split_once('(')?;
    let (name, rest) = rest.rsplit_once(')')?;
    // The fields after the name begin with the third.
    let mut fields = rest.split_ascii_whitespace();
    let parent = fields.nth(1).and_then(|field| field.parse().ok()).unwrap_or(0);
    let flags = fields.nth(9 - 5).and_then(|field| field.parse().ok()).unwrap_or(0);
    let started_ticks = fields.nth(22 - 10).and_then(|field| field.parse().ok());
    Some(Stat { name: name.to_owned(), parent, flags, started_ticks })
}

/// `/proc/<pid>/cmdline`: arguments, each ended by a NUL. A program that
/// rewrites it (setproctitle) may leave one text with spaces, which is then
/// the only argument. Recorded files may lack the last NUL.
fn parse_command_line(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.get(..MAX_COMMAND_LINE_BYTES).unwrap_or(bytes);
    let mut arguments: Vec<String> =
        bytes.split(|byte| *byte == 0).map(|argument| String::from_utf8_lossy(argument).into_owned()).collect();
    if arguments.last().is_some_and(|last| last.trim_end_matches('\n').is_empty()) {
        arguments.pop();
    }
    arguments
}

/// The inode of a namespace, from a link such as `net:[4026531840]`,
/// namespaces(7).
fn read_namespace(root: &HostRoot, folder: &str, kind: &str) -> Option<u64> {
    let link = root.read_link(&format!("{folder}/ns/{kind}")).found()?;
    link.strip_prefix(kind)?.strip_prefix(":[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    fn write(tree: &Path, path: &str, bytes: &[u8]) {
        let path = tree.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    const STAT: &str = "812 (kubelet) S 1 812 812 0 -1 1077936384 219403 0 153 0 6021 3310 0 0 20 0 14 0 1543 \
                        2126254080 26390 18446744073709551615 1 1 0 0 0 0 0 0 2143420159 0 0 0 17 1 0 0 0 0 0 0 0 0 \
                        0 0 0 0 0\n";

    #[test]
    fn stat_is_read_with_a_name_that_holds_spaces_and_parentheses() {
        let stat = parse_stat(STAT).unwrap();
        assert_eq!(
            stat,
            Stat { name: "kubelet".to_owned(), parent: 1, flags: 1_077_936_384, started_ticks: Some(1543) }
        );
        let stat = parse_stat(&STAT.replace("(kubelet)", "(a) b) R 7 (c)")).unwrap();
        assert_eq!((stat.name.as_str(), stat.parent), ("a) b) R 7 (c", 1));
        let thread = parse_stat("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 15 0 0 20 0 1 0 3 0 0\n").unwrap();
        assert!(thread.flags & KERNEL_THREAD != 0 && stat.flags & KERNEL_THREAD == 0);
        assert_eq!(parse_stat("garbage"), None);
        assert_eq!(parse_stat("1 ("), None);
        assert_eq!(parse_stat("(x)").unwrap().parent, 0);
    }

    #[test]
    fn command_lines_keep_empty_arguments_and_need_no_last_nul() {
        assert_eq!(parse_command_line(b"/usr/bin/kubelet\0--v\0\0--x=1\0"), ["/usr/bin/kubelet", "--v", "", "--x=1"]);
        assert_eq!(parse_command_line(b"a\0b"), ["a", "b"]);
        assert_eq!(parse_command_line(b"a\0b\0\n"), ["a", "b"]);
        assert_eq!(parse_command_line(b""), Vec::<String>::new());
        assert_eq!(parse_command_line(b"nginx: master process"), ["nginx: master process"]);
    }

    #[test]
    fn processes_are_read_by_rising_pid() {
        let tree = tempfile::tempdir().unwrap();
        write(tree.path(), "proc/812/stat", STAT.as_bytes());
        write(tree.path(), "proc/812/cmdline", b"/usr/bin/kubelet\0--config=/var/lib/kubelet/config.yaml\0");
        write(tree.path(), "proc/812/cgroup", b"0::/system.slice/kubelet.service\n");
        symlink("/usr/bin/kubelet (deleted)", tree.path().join("proc/812/exe")).unwrap();
        fs::create_dir_all(tree.path().join("proc/812/ns")).unwrap();
        symlink("pid:[4026531841]", tree.path().join("proc/812/ns/pid")).unwrap();
        write(tree.path(), "proc/9/comm", b"kworker/0:1\n");
        write(tree.path(), "proc/1/mounts", b"");
        write(tree.path(), "proc/self/comm", b"x");
        let processes = read_processes(&HostRoot::open(tree.path()).unwrap()).found().unwrap();
        assert_eq!(processes.iter().map(|process| process.pid).collect::<Vec<_>>(), [9, 812]);
        let kubelet = &processes[1];
        assert_eq!(kubelet.name, "kubelet");
        assert_eq!(kubelet.executable.as_deref(), Some("/usr/bin/kubelet"));
        assert!(kubelet.is_executable_deleted);
        assert_eq!(kubelet.pid_namespace, Some(4_026_531_841));
        assert_eq!(kubelet.flag("config"), Some("/var/lib/kubelet/config.yaml"));
        assert_eq!(kubelet.cgroups, ["0::/system.slice/kubelet.service"]);
    }

    #[test]
    fn many_processes_are_read_in_their_order() {
        let tree = tempfile::tempdir().unwrap();
        for pid in 1..=300_u32 {
            let stat = STAT.replace("812 (kubelet) S 1", &format!("{pid} (p{pid}) S {}", if pid == 2 { 0 } else { 2 }));
            write(tree.path(), &format!("proc/{pid}/stat"), stat.as_bytes());
            write(tree.path(), &format!("proc/{pid}/cmdline"), if pid % 2 == 0 { b"" } else { b"/bin/p\0" });
        }
        let processes = read_processes(&HostRoot::open(tree.path()).unwrap()).found().unwrap();
        assert!(processes.iter().map(|process| process.pid).eq(1..=300));
        assert_eq!(processes.iter().filter(|process| process.program() == "p").count(), 150);
        assert_eq!(processes[3].name, "p4");
    }

    #[test]
    fn a_tree_without_recorded_processes_has_absent_ones_not_none() {
        let tree = tempfile::tempdir().unwrap();
        let root = HostRoot::open(tree.path()).unwrap();
        assert_eq!(read_processes(&root), Outcome::Absent);
        write(tree.path(), "proc/cmdline", b"");
        write(tree.path(), "proc/1/mounts", b"");
        write(tree.path(), "proc/1/comm", b"systemd\n");
        assert_eq!(read_processes(&HostRoot::open(tree.path()).unwrap()), Outcome::Absent);
    }

    #[test]
    fn the_running_machine_has_this_process() {
        let processes = read_processes(&HostRoot::open(Path::new("/")).unwrap()).found().unwrap();
        let own = processes.iter().find(|process| process.pid == std::process::id()).unwrap();
        assert!(own.started_ticks.is_some() && own.executable.is_some() && !own.arguments.is_empty());
    }
}
