//! The bodies of the fuzz targets over seeds and their mutations, for systems
//! without a fuzzer. `FUZZ_SECONDS` says for how long each runs; the sequence
//! of mutations is always the same. For a fuzzer the seeds are written to the
//! folder that `FUZZ_CORPUS` names.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

#[path = "../fuzz/bodies.rs"]
#[allow(unreachable_pub)]
mod bodies;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Every file beneath a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The seeds of `host_file`: files of the fixtures, with the byte of their path.
fn host_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (number, (path, _)) in bodies::HOST_FILES.iter().enumerate() {
        let choice = u8::try_from(number).unwrap();
        let mut contents: Vec<Vec<u8>> = Vec::new();
        for fixture in fs::read_dir(repository().join("fixtures/hosts")).unwrap() {
            let file = fixture.unwrap().path().join("root").join(path);
            contents.extend(fs::read(file).ok());
        }
        contents.push(b"--config\0/etc/x\n[a]\nkey = \"value\"\n{\"a\": [1, {}]}\n".to_vec());
        seeds.extend(contents.into_iter().take(4).map(|bytes| [vec![choice], bytes].concat()));
    }
    seeds
}

fn document_seeds() -> Vec<Vec<u8>> {
    let endings = ["yaml", "json", "toml", "conf", "conflist"];
    let is_document = |path: &PathBuf| path.extension().is_some_and(|end| endings.iter().any(|known| end == *known));
    files(&repository().join("fixtures/hosts"))
        .iter()
        .filter(|path| is_document(path))
        .map(|path| fs::read(path).unwrap())
        .collect()
}

fn rule_seeds() -> Vec<Vec<u8>> {
    let every_tenth = files(&repository().join("rules")).into_iter().step_by(10);
    every_tenth.map(|path| fs::read(path).unwrap()).chain([b"waivers:\n  - rule: node/*\n".to_vec()]).collect()
}

fn capture_seeds() -> Vec<Vec<u8>> {
    let is_capture = |path: &PathBuf| path.extension().is_some_and(|end| end == "pcap" || end == "pcapng");
    let captures = files(&repository().join("fixtures/captures"));
    captures.iter().filter(|path| is_capture(path)).map(|path| fs::read(path).unwrap()).collect()
}

/// The seeds of `packet`: frames of the fixtures, alone and one behind the other.
fn packet_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for file in capture_seeds() {
        let mut reader = scanner::capture::file::Reader::new(file.as_slice()).unwrap();
        let mut all = Vec::new();
        while let Some(record) = reader.read().unwrap() {
            let bytes = record.packet.bytes;
            let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
            let seed = [&[0][..], &length, bytes].concat();
            // The same without the Ethernet header is a packet of an IP link.
            let inner = bytes.get(14..).unwrap_or_default();
            let length = u16::try_from(inner.len()).unwrap().to_be_bytes();
            seeds.push([&[1][..], &length, inner].concat());
            all.extend_from_slice(&seed);
            seeds.push(seed);
        }
        seeds.push(all);
    }
    seeds
}

/// A sequence of numbers that is the same in each run (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }
}

/// Pieces that parsers stumble over.
const PIECES: &[&[u8]] = &[
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\n",
    b"\r\n",
    b"\t",
    b"'",
    b"\"",
    b"{{",
    b"}}",
    b"[[",
    b"]]",
    b"&a [*a, *a]",
    b"!!binary ",
    b"<<: *a",
    b"- ",
    b": ",
    b"=",
    b"#",
    b"--- \n",
    b"9223372036854775808",
    b"-1",
    b"1e999",
    b"0x",
    b"${IFS}",
    b"\\x",
    b"\\",
    b"/../..",
    b"\xf0\x9f\x92\xa9",
    b"\xe2\x80\xae",
];

fn mutate(seed: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len() + 1);
        match numbers.below(6) {
            0 if at < bytes.len() => bytes[at] = u8::try_from(numbers.below(256)).unwrap(),
            1 => bytes.truncate(at),
            2 => {
                let end = (at + numbers.below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            3 => {
                let end = (at + numbers.below(64)).min(bytes.len());
                let piece = bytes[at..end].repeat(numbers.below(200));
                bytes.splice(at..at, piece);
            }
            4 => {
                let opening = [&b"["[..], b"{", b"a:\n  ", b"(", b"{\"a\":"][numbers.below(5)];
                let deep = opening.repeat(numbers.below(3_000));
                bytes.splice(at..at, deep);
            }
            _ => {
                let piece = PIECES[numbers.below(PIECES.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
    bytes
}

/// Runs a body over the seeds, then over mutations until the time is up.
fn fuzz(body: fn(&[u8]), seeds: &[Vec<u8>]) {
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut numbers = Numbers(0x5eed_cafe);
    for seed in seeds {
        body(seed);
    }
    while Instant::now() < until {
        let input = mutate(&seeds[numbers.below(seeds.len())], &mut numbers);
        let started = Instant::now();
        let survives = std::panic::catch_unwind(|| body(&input)).is_ok();
        let took = started.elapsed();
        assert!(survives && took < Duration::from_secs(10), "panics or takes {took:?} on:\n{}", input.escape_ascii());
    }
}

/// Every target has seeds; a fuzzer that is given none has to find out by
/// itself that rules are YAML.
#[test]
fn every_target_has_seeds() {
    let corpus = std::env::var_os("FUZZ_CORPUS").map(PathBuf::from);
    let targets = [
        ("host_file", host_seeds()),
        ("document", document_seeds()),
        ("rule_file", rule_seeds()),
        ("capture_file", capture_seeds()),
        ("packet", packet_seeds()),
    ];
    for (target, seeds) in targets {
        assert!(seeds.len() > 10, "{target}");
        let Some(folder) = corpus.as_ref().map(|corpus| corpus.join(target)) else { continue };
        fs::create_dir_all(&folder).unwrap();
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:03}")), seed).unwrap();
        }
    }
}

#[test]
fn host_files_survive() {
    fuzz(bodies::host_file, &host_seeds());
}

#[test]
fn documents_survive() {
    fuzz(bodies::document, &document_seeds());
}

#[test]
fn rule_files_survive() {
    fuzz(bodies::rule_file, &rule_seeds());
}

#[test]
fn capture_files_survive() {
    fuzz(bodies::capture_file, &capture_seeds());
}

#[test]
fn packets_survive() {
    fuzz(bodies::packet, &packet_seeds());
}
