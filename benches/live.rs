//! Live capture under load, beside `tcpdump -w`: packets captured and dropped,
//! and memory through the run.
//!
//! Two network namespaces of its own with a veth pair between them, in which one
//! sends datagrams at a steady rate; each capture runs for itself with the same
//! rate for the same time. It needs root, iproute2 and tcpdump, takes less than
//! a minute, and removes its namespaces at the end. `make bench` builds what it
//! starts; `RATE` and `SECONDS` set packets in a second and the length of a run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::disallowed_methods)]

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const PAYLOAD: usize = 512;
/// How long packets may take to reach the file after the last was sent.
const SETTLING: Duration = Duration::from_millis(1500);
const SAMPLES: Duration = Duration::from_millis(50);

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    if !nix::unistd::geteuid().is_root() {
        println!("live capture: needs root, which makes network namespaces");
        return;
    }
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (rate, seconds) = (number("RATE", 100_000), number("SECONDS", 5));
    let link = Link::new();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let scanner = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release/scanner");
    println!("live: {rate} datagrams of {PAYLOAD} bytes a second for {seconds} s");
    let capture = |findings: &[&str], to: PathBuf| {
        let mut command = Command::new(&scanner);
        command
            .args(["capture", &format!("netns/{}", link.to), "-i", "eth0"])
            .args(findings)
            .arg("-w")
            .arg(to)
            .arg("udp");
        command
    };
    let tcpdump = |to: PathBuf| {
        let mut command = Command::new("ip");
        let arguments = ["netns", "exec", &link.to, "tcpdump", "-n", "-Z", "root", "-i", "eth0", "-w"];
        command.args(arguments).arg(to).arg("udp");
        command
    };
    let runs = [
        ("scanner capture -w", capture(&[], file("found.pcapng"))),
        ("scanner capture --no-findings -w", capture(&["--no-findings"], file("plain.pcapng"))),
        ("tcpdump -w", tcpdump(file("tcpdump.pcap"))),
    ];
    for (name, mut command) in runs {
        match run(&mut command, &link, rate, Duration::from_secs(seconds)) {
            Some(outcome) => println!("  {name}: {outcome}"),
            None => println!("  {name}: did not start"),
        }
    }
}

/// Two namespaces and the link between them, which end with this.
struct Link {
    from: String,
    to: String,
}

impl Link {
    fn new() -> Self {
        let name = |side: &str| format!("scb-{side}-{}", std::process::id());
        let link = Link { from: name("from"), to: name("to") };
        ip(&["netns", "add", &link.from]);
        ip(&["netns", "add", &link.to]);
        ip(&["-n", &link.from, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", &link.to]);
        for (namespace, address) in [(&link.from, "10.98.0.1/30"), (&link.to, "10.98.0.2/30")] {
            ip(&["-n", namespace, "address", "add", address, "dev", "eth0"]);
            ip(&["-n", namespace, "link", "set", "eth0", "up"]);
            ip(&["-n", namespace, "link", "set", "lo", "up"]);
        }
        link
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for namespace in [&self.from, &self.to] {
            let _ = Command::new("ip").args(["netns", "delete", namespace]).status();
        }
    }
}

fn ip(arguments: &[&str]) {
    assert!(Command::new("ip").args(arguments).status().unwrap().success(), "ip {arguments:?}");
}

/// One capture with the load beside it: what it said of packets, and its memory.
fn run(command: &mut Command, link: &Link, rate: u64, length: Duration) -> Option<String> {
    let mut capture = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().ok()?;
    let (said, notes) = mpsc::channel();
    let stderr = BufReader::new(capture.stderr.take()?);
    std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| said.send(line)));
    let patience = Duration::from_secs(10);
    while !notes.recv_timeout(patience).ok()?.contains("listening on") {}

    // `ip netns exec` becomes the program, so that the process is the capture's.
    let status = format!("/proc/{}/status", capture.id());
    let namespace = Path::new("/run/netns").join(&link.from);
    let load = std::thread::spawn(move || send(&namespace, rate, length));
    let mut memory = Vec::new();
    while !load.is_finished() {
        memory.extend(resident_kib(&status));
        std::thread::sleep(SAMPLES);
    }
    let sent = load.join().unwrap();
    std::thread::sleep(SETTLING);
    memory.extend(resident_kib(&status));
    end(&mut capture);
    let counted = |what: &str, lines: &[String]| {
        let found = lines.iter().find(|line| line.contains(what));
        found.and_then(|line| line.split(' ').next().map(str::to_owned)).unwrap_or_else(|| "?".to_owned())
    };
    let lines: Vec<String> = notes.iter().collect();
    // After a fifth of the run everything is in use that is needed.
    let settled = memory.get(memory.len() / 5).copied().unwrap_or(0);
    Some(format!(
        "{sent} sent, {} captured, {} dropped by kernel; {} MiB resident after a fifth of the run, {} MiB at most, {} MiB at its end",
        counted("captured", &lines),
        counted("dropped by kernel", &lines),
        settled / 1024,
        memory.iter().max().unwrap_or(&0) / 1024,
        memory.last().unwrap_or(&0) / 1024
    ))
}

fn end(capture: &mut Child) {
    let pid = Pid::from_raw(i32::try_from(capture.id()).unwrap());
    let _ = kill(pid, Signal::SIGINT);
    let _ = capture.wait();
}

fn resident_kib(status: &str) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Sends from within a namespace, at a steady rate; gives how many datagrams.
fn send(namespace: &Path, rate: u64, length: Duration) -> u64 {
    setns(File::open(namespace).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
    let socket = UdpSocket::bind("10.98.0.1:0").unwrap();
    // A port that discards, so that no answers come where somebody listens.
    socket.connect("10.98.0.2:9").unwrap();
    let payload = [0x5a; PAYLOAD];
    let (started, mut sent) = (Instant::now(), 0_u64);
    loop {
        let elapsed = started.elapsed();
        if elapsed >= length {
            return sent;
        }
        let due = u64::try_from(elapsed.as_micros()).unwrap() * rate / 1_000_000;
        if sent >= due {
            std::thread::sleep(Duration::from_micros(200));
        }
        while sent < due {
            // Refused is the closed port's answer to an earlier one.
            if socket.send(&payload).is_err() {
                break;
            }
            sent += 1;
        }
    }
}
