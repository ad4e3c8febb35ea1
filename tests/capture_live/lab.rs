//! Two namespaces and a veth pair between them, and programs in them.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a program may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Whether this process may capture and has what it needs; says what is missing.
pub(crate) fn can_capture(programs: &[&str]) -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        eprintln!("skipped: only root may enter network namespaces");
        return false;
    }
    let missing: Vec<&str> =
        ["ip", "busybox"].iter().chain(programs).copied().filter(|name| !is_installed(name)).collect();
    if !missing.is_empty() {
        eprintln!("skipped: not installed (make test installs them): {}", missing.join(", "));
    }
    missing.is_empty()
}

fn is_installed(program: &str) -> bool {
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        .iter()
        .any(|folder| fs::metadata(format!("{folder}/{program}")).is_ok())
}

/// What a program said.
#[derive(Debug)]
pub(crate) struct Captured {
    pub(crate) code: Option<i32>,
    pub(crate) lines: String,
    pub(crate) notes: String,
}

/// A program that runs, with its output in files.
pub(crate) struct Running {
    child: Child,
    folder: tempfile::TempDir,
}

impl Running {
    /// Starts a program and waits until it says on stderr that it `listens`.
    pub(crate) fn start(command: &mut Command, listens: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| File::create(folder.path().join(name)).unwrap();
        let child = command.stdin(Stdio::null()).stdout(file("out")).stderr(file("err")).spawn().unwrap();
        let mut running = Running { child, folder };
        let until = Instant::now() + PATIENCE;
        while !running.said("err").contains(listens) {
            let has_ended = running.child.try_wait().unwrap().is_some();
            assert!(!has_ended && Instant::now() < until, "{command:?} does not listen: {}", running.said("err"));
            std::thread::sleep(Duration::from_millis(10));
        }
        running
    }

    /// What it has said by now: `out` or `err`.
    pub(crate) fn said(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join(name)).unwrap()).into_owned()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal once the packets up to now had time to arrive.
    pub(crate) fn signal(&self, name: &str) {
        let signal = format!("SIG{name}").parse::<nix::sys::signal::Signal>().unwrap();
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    pub(crate) fn wait(mut self) -> Captured {
        let until = Instant::now() + PATIENCE;
        let code = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code();
            }
            assert!(Instant::now() < until, "it does not end: {}{}", self.said("out"), self.said("err"));
            std::thread::sleep(Duration::from_millis(10));
        };
        Captured { code, lines: self.said("out"), notes: self.said("err") }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Captured {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Captured { code: output.status.code(), lines: text(&output.stdout), notes: text(&output.stderr) }
}

/// Runs a program that must not fail.
pub(crate) fn must(program: &str, arguments: &[&str]) -> String {
    let done = run(program, arguments);
    assert_eq!(done.code, Some(0), "{program} {arguments:?}: {}", done.notes);
    done.lines
}

/// A capture that has begun.
pub(crate) fn start_capture(arguments: &[&str]) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scanner"));
    Running::start(command.arg("capture").args(arguments), "listening on")
}

/// An inner namespace, which is looked at, and an outer one around it.
pub(crate) struct Lab {
    name: String,
    outer: String,
    has_inner: bool,
    third: u32,
    pub(crate) folder: tempfile::TempDir,
}

impl Lab {
    pub(crate) fn new(tag: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let pid = std::process::id();
        let lab = Lab {
            name: format!("scan{pid}{tag}"),
            outer: format!("scan{pid}{tag}o"),
            has_inner: true,
            third: number % 250 + 1,
            folder: tempfile::tempdir().unwrap(),
        };
        must("ip", &["netns", "add", &lab.name]);
        must("ip", &["netns", "add", &lab.outer]);
        let end = lab.host_end();
        must(
            "ip",
            &["-n", &lab.outer, "link", "add", &end, "type", "veth", "peer", "name", "eth0", "netns", &lab.name],
        );
        for (namespace, device, host) in [(&lab.outer, end.as_str(), 1), (&lab.name, "eth0", 2)] {
            must("ip", &["-n", namespace, "address", "add", &lab.address(host), "dev", device]);
            must("ip", &["-n", namespace, "link", "set", device, "up"]);
            must("ip", &["-n", namespace, "link", "set", "lo", "up"]);
        }
        lab
    }

    fn address(&self, host: u32) -> String {
        format!("10.99.{}.{host}/24", self.third)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn host_end(&self) -> String {
        format!("vscan{}", self.third)
    }

    /// The inner namespace as a target; `_device` says for the reader which one is meant.
    pub(crate) fn inner(&self, _device: &str) -> String {
        format!("netns/{}", self.name)
    }

    pub(crate) fn outer(&self, command: &[&str]) {
        must("ip", &[&["netns", "exec", &self.outer], command].concat());
    }

    /// Requests and replies, twice `count` packets and what ARP needs.
    pub(crate) fn ping(&self, count: u32) {
        let address = format!("10.99.{}.2", self.third);
        self.outer(&["busybox", "ping", "-c", &count.to_string(), "-i", "0.05", "-W", "10", &address]);
        // Blocks of the ring are handed over when they are full or 100 ms old.
        std::thread::sleep(Duration::from_millis(150));
    }

    /// A connection that nobody accepts: a SYN and a reset.
    pub(crate) fn connect(&self) {
        let address = format!("10.99.{}.2", self.third);
        for _ in 0..2 {
            let _ = run("ip", &["netns", "exec", &self.outer, "busybox", "nc", "-w", "1", &address, "81"]);
        }
    }

    pub(crate) fn read_inside(&self, path: &str) -> String {
        must("ip", &["netns", "exec", &self.name, "busybox", "cat", path])
    }

    pub(crate) fn start_inside(&self, command: &[&str]) -> Child {
        let arguments = [&["netns", "exec", &self.name], command].concat();
        Command::new("ip").args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
    }

    pub(crate) fn start_tcpdump(&self, arguments: &[&str]) -> Running {
        let mut command = Command::new("ip");
        Running::start(
            command.args(["netns", "exec", &self.name, "tcpdump", "--immediate-mode"]).args(arguments),
            "listening on",
        )
    }

    pub(crate) fn start_capture_outside(&self, arguments: &[&str]) -> Running {
        let mut command = Command::new("ip");
        let program = env!("CARGO_BIN_EXE_scanner");
        command.args(["netns", "exec", &self.outer, program, "capture"]).args(arguments);
        Running::start(&mut command, "listening on node:up0")
    }

    pub(crate) fn delete_inner(&mut self) {
        must("ip", &["netns", "delete", &self.name]);
        self.has_inner = false;
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.has_inner {
            let _ = run("ip", &["netns", "delete", &self.name]);
        }
        let _ = run("ip", &["netns", "delete", &self.outer]);
    }
}

/// An archive of a root with nothing but busybox, to make images of.
pub(crate) fn busybox_root(folder: &std::path::Path) -> PathBuf {
    let root = folder.join("root");
    fs::create_dir_all(root.join("bin")).unwrap();
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| fs::metadata(path).is_ok()).unwrap();
    fs::copy(busybox, root.join("bin/busybox")).unwrap();
    for name in ["sh", "sleep"] {
        std::os::unix::fs::symlink("busybox", root.join("bin").join(name)).unwrap();
    }
    let archive = folder.join("root.tar");
    must("tar", &["-C", root.to_str().unwrap(), "-cf", archive.to_str().unwrap(), "."]);
    archive
}
