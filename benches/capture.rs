//! A million packets by `-r`, printed to /dev/null by scanner, tcpdump and
//! tshark in the same run: wall time, and packets in a second.
//!
//! `make bench` builds what this starts. The packets are those of the fixtures,
//! again and again, each a microsecond after the last.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::disallowed_methods)]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use scanner::capture::file::Reader;

const PACKETS: u32 = 1_000_000;
const RUNS: usize = 5;

fn main() {
    // `cargo test --benches` only wants to know that this can be built.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("million.pcap");
    for fixture in ["x.pcap", "faults/healthy.pcapng"] {
        write(&repository.join("fixtures/captures").join(fixture), &file);
        println!("{PACKETS} packets of {fixture}");
        let scanner = repository.join("target/release/scanner");
        let path = file.to_str().unwrap();
        let runs: [(&str, PathBuf, &[&str]); 4] = [
            ("scanner capture -r", scanner.clone(), &["capture", "-n", "-r", path]),
            ("scanner capture -r --no-findings", scanner, &["capture", "-n", "--no-findings", "-r", path]),
            ("tcpdump -n -r", "tcpdump".into(), &["-n", "-r", path]),
            ("tshark -n -r", "tshark".into(), &["-n", "-r", path]),
        ];
        for (name, program, arguments) in runs {
            // tshark takes a minute.
            let count = if name.starts_with("tshark") { 1 } else { RUNS };
            match (0..count).map(|_| time(&program, arguments)).min().flatten() {
                Some(best) => println!("  {name}: {best:?}, {:.0} packets/s", f64::from(PACKETS) / best.as_secs_f64()),
                None => println!("  {name}: not installed"),
            }
        }
    }
}

fn time(program: &Path, arguments: &[&str]) -> Option<Duration> {
    let started = Instant::now();
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().ok().map(|_| started.elapsed())
}

/// Writes the packets of a capture again and again, as pcap.
fn write(fixture: &Path, to: &Path) {
    let bytes = std::fs::read(fixture).unwrap();
    let mut frames = Vec::new();
    let mut reader = Reader::new(bytes.as_slice()).unwrap();
    while let Some(record) = reader.read().unwrap() {
        frames.push((record.packet.length, record.packet.bytes.to_vec()));
    }
    let mut out = BufWriter::new(File::create(to).unwrap());
    let header = [0xa1b2_c3d4, 2 | 4 << 16, 0, 0, 262_144, 1_u32];
    out.write_all(&header.map(u32::to_le_bytes).concat()).unwrap();
    for (number, (length, frame)) in (0..PACKETS).zip(frames.iter().cycle()) {
        let captured = u32::try_from(frame.len()).unwrap();
        let record = [1_700_000_000 + number / 1_000_000, number % 1_000_000, captured, *length];
        out.write_all(&record.map(u32::to_le_bytes).concat()).unwrap();
        out.write_all(frame).unwrap();
    }
    out.flush().unwrap();
}
