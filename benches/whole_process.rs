//! The whole audit of this host as a user starts it: wall time and memory of
//! the process, beside a bare read of the same files and beside `oscap xccdf
//! eval` where it is installed, all in the same run.
//!
//! `make bench` builds what this starts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::disallowed_methods)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

const RUNS: usize = 50;

/// Asks this program to start another one and to print its largest memory.
const MEASURE: &str = "--measure-memory-of";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, flag, program, rest @ ..] = arguments.as_slice()
        && flag == MEASURE
    {
        measure(program, rest);
        return;
    }
    // `cargo test --benches` only wants to know that this can be built.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let release = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release");
    let scanner = release.join("scanner");
    let list = tempfile::NamedTempFile::new().unwrap();
    let files = sources(&scanner);
    std::fs::write(list.path(), files.iter().map(String::as_str).collect::<Vec<_>>().join("\n")).unwrap();

    println!("{} files are the sources of this host's facts", files.len());
    report("bare read of these files", RUNS, || {
        let mut command = Command::new(release.join("examples/bare_read"));
        command.stdin(std::fs::File::open(list.path()).unwrap());
        command
    });
    report("scanner audit", RUNS, || {
        let mut command = Command::new(&scanner);
        command.args(["audit", "--format", "json", "--fail-on", "none"]);
        command
    });
    match benchmark() {
        Some(content) => report("oscap xccdf eval", 1, || {
            let mut command = Command::new("oscap");
            command.args(["xccdf", "eval", "--profile", "xccdf_org.ssgproject.content_profile_standard"]);
            command.arg(&content);
            command
        }),
        None => println!("oscap xccdf eval: not installed (openscap-scanner, ssg-debian)"),
    }
}

/// The files that `scanner facts` names as sources on this host.
fn sources(scanner: &Path) -> BTreeSet<String> {
    fn walk(value: &serde_json::Value, files: &mut BTreeSet<String>) {
        match value {
            serde_json::Value::Object(members) => {
                let source = members.get("source").and_then(|source| source.get("path"));
                files.extend(source.and_then(|path| path.as_str()).map(str::to_owned));
                members.values().for_each(|member| walk(member, files));
            }
            serde_json::Value::Array(elements) => elements.iter().for_each(|element| walk(element, files)),
            _ => {}
        }
    }
    let output = Command::new(scanner).args(["facts", "--format", "json"]).output().expect("make bench builds it");
    let mut files = BTreeSet::new();
    walk(&serde_json::from_slice(&output.stdout).unwrap(), &mut files);
    files.retain(|path| Path::new(path).is_file());
    files
}

/// The SCAP content for the newest Debian that is installed.
fn benchmark() -> Option<PathBuf> {
    let folder = std::fs::read_dir("/usr/share/xml/scap/ssg/content").ok()?;
    let is_content = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("ssg-debian") && name.ends_with("-ds.xml")
    };
    folder.map_while(Result::ok).map(|entry| entry.path()).filter(is_content).max()
}

/// Runs a program several times and prints its wall time and memory.
fn report(name: &str, runs: usize, command: impl Fn() -> Command) {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let mut command = command();
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let started = Instant::now();
            command.status().expect("the program can be started");
            started.elapsed()
        })
        .collect();
    times.sort();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let least = times.first().copied().unwrap_or_default();
    let mut measured = Command::new(std::env::current_exe().unwrap());
    let command = command();
    measured.arg(MEASURE).arg(command.get_program()).args(command.get_args());
    let output = measured.stdin(Stdio::null()).stderr(Stdio::null()).output().unwrap();
    let mib = String::from_utf8_lossy(&output.stdout).trim().parse::<u64>().unwrap_or(0) / 1024;
    println!("{name}: median {median:.1?}, least {least:.1?} of {runs} runs, {mib} MiB");
}

/// Prints the largest resident memory of one program in KiB, getrusage(2).
fn measure(program: &str, arguments: &[String]) {
    let _ = Command::new(program).args(arguments).stdout(Stdio::null()).status();
    println!("{}", getrusage(UsageWho::RUSAGE_CHILDREN).map_or(0, |usage| usage.max_rss()));
}
