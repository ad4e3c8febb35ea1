//! Faults injected in real traffic, which a live capture must name, and healthy
//! traffic, of which it must say nothing.
//!
//! Each test makes three network namespaces, client, router and server, and
//! captures in the client's. Needs root, `ip` and `nft`; without them the tests
//! say so and do nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]
#![allow(clippy::print_stderr)]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use serde_json::Value;

const SERVER: &str = "10.77.2.2";
const PATIENCE: Duration = Duration::from_secs(3);

/// Client, router and server in namespaces of their own, which end with it.
struct Lab {
    name: String,
}

impl Lab {
    fn make(name: &str) -> Option<Self> {
        if !fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0) {
            eprintln!("skipped: only root can make network namespaces");
            return None;
        }
        if ["ip", "nft"].iter().any(|program| Command::new(program).arg("-V").output().is_err()) {
            eprintln!("skipped: ip or nft is not installed (apt-get install iproute2 nftables)");
            return None;
        }
        let lab = Lab { name: format!("scanner-{name}-{}", std::process::id()) };
        let (client, router, server) = (lab.namespace('a'), lab.namespace('r'), lab.namespace('b'));
        for namespace in [&client, &router, &server] {
            run(&["ip", "netns", "add", namespace]);
            run(&["ip", "-n", namespace, "link", "set", "lo", "up"]);
        }
        run(&["ip", "-n", &client, "link", "add", "eth0", "type", "veth", "peer", "name", "va", "netns", &router]);
        run(&["ip", "-n", &router, "link", "add", "vb", "type", "veth", "peer", "name", "eth0", "netns", &server]);
        for (namespace, link, address) in [
            (&client, "eth0", "10.77.1.2/24"),
            (&router, "va", "10.77.1.1/24"),
            (&router, "vb", "10.77.2.1/24"),
            (&server, "eth0", "10.77.2.2/24"),
        ] {
            run(&["ip", "-n", namespace, "addr", "add", address, "dev", link]);
            run(&["ip", "-n", namespace, "link", "set", link, "up"]);
        }
        run(&["ip", "-n", &client, "route", "add", "default", "via", "10.77.1.1"]);
        run(&["ip", "-n", &server, "route", "add", "default", "via", "10.77.2.1"]);
        lab.within('r', || fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap()).join().unwrap();
        Some(lab)
    }

    fn namespace(&self, which: char) -> String {
        format!("{}-{which}", self.name)
    }

    /// Has the router drop what a rule of nft(8) matches.
    fn drop_packets(&self, chain: &str, hook: &str, rule: &str) {
        let chain_rules = format!("add chain inet t {chain} {{ type filter hook {hook} priority 0; }}");
        for text in ["add table inet t", &chain_rules, &format!("add rule inet t {chain} {rule} drop")] {
            run(&["ip", "netns", "exec", &self.namespace('r'), "nft", text]);
        }
    }

    /// Runs something on a thread in one of the namespaces.
    fn within(&self, which: char, work: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
        let path = format!("/run/netns/{}", self.namespace(which));
        std::thread::spawn(move || {
            setns(File::open(path).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
            work();
        })
    }

    /// `RetransSegs` of client and server, as their kernels count them.
    fn segments_sent_again(&self) -> u64 {
        let of = |which| {
            let namespace = self.namespace(which);
            let output =
                Command::new("ip").args(["netns", "exec", &namespace, "cat", "/proc/net/snmp"]).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let mut lines = text.lines().filter(|line| line.starts_with("Tcp:")).map(str::split_whitespace);
            let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
            let (_, value) = names.zip(values).find(|(name, _)| *name == "RetransSegs").unwrap();
            value.parse::<u64>().unwrap()
        };
        of('a') + of('b')
    }

    /// What a live capture at the client finds, while the client works.
    fn findings(&self, work: impl FnOnce() + Send + 'static) -> Value {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("scanner"));
        command.args(["capture", &format!("netns/{}", self.namespace('a')), "-i", "eth0", "--format", "json"]);
        let mut capture = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It says that it listens before the first packet.
        let mut notes = capture.stderr.take().unwrap();
        let mut said = Vec::new();
        let mut byte = [0];
        while !String::from_utf8_lossy(&said).contains("listening on") {
            assert_eq!(notes.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&said));
            said.push(byte[0]);
        }
        self.within('a', work).join().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        let pid = nix::unistd::Pid::from_raw(i32::try_from(capture.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
        let mut text = String::new();
        capture.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        capture.wait().unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for which in ['a', 'r', 'b'] {
            let _ = Command::new("ip").args(["netns", "del", &self.namespace(which)]).status();
        }
    }
}

fn run(words: &[&str]) {
    let output = Command::new(words[0]).args(&words[1..]).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Serves until the test program ends: takes what is sent to port 80 and
/// answers a line, and answers names at port 53.
fn serve(lab: &Lab) {
    let (told, ready) = std::sync::mpsc::channel();
    lab.within('b', move || {
        let listener = TcpListener::bind("0.0.0.0:80").unwrap();
        let names = UdpSocket::bind("0.0.0.0:53").unwrap();
        told.send(()).unwrap();
        std::thread::spawn(move || {
            let mut message = [0; 512];
            while let Ok((length, client)) = names.recv_from(&mut message) {
                // The same message as an answer without records.
                message[2] |= 0x80;
                let _ = names.send_to(&message[..length], client);
            }
        });
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
                let _ = stream.write_all(b"taken\n");
            });
        }
    });
    ready.recv().unwrap();
}

/// Sends so many bytes and waits for the answer.
fn send(size: usize) -> Option<Vec<u8>> {
    let address: SocketAddr = format!("{SERVER}:80").parse().unwrap();
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&vec![b'x'; size]).ok()?;
    stream.shutdown(Shutdown::Write).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Some(answer)
}

/// Asks for a name, again after `patience` where nobody answers.
fn ask(patience: Duration) -> bool {
    let query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03web\x07default\x03svc\x00\x00\x01\x00\x01";
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_read_timeout(Some(patience)).unwrap();
    (0..2).any(|_| {
        socket.send_to(query, (SERVER, 53)).unwrap();
        socket.recv(&mut [0; 512]).is_ok()
    })
}

fn kinds(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["kind"].as_str().unwrap()).collect()
}

#[test]
fn healthy_traffic_has_no_findings() {
    let Some(lab) = Lab::make("h") else { return };
    serve(&lab);
    // A busy machine has its kernels send again what was only late; that is no
    // healthy traffic, and finding it is right.
    let undisturbed = (0..20).find_map(|_| {
        let before = lab.segments_sent_again();
        let report = lab.findings(|| {
            for _ in 0..5 {
                assert_eq!(send(500_000).as_deref(), Some(&b"taken\n"[..]));
                assert!(ask(PATIENCE));
            }
        });
        (lab.segments_sent_again() == before).then_some(report)
    });
    let report = undisturbed.expect("the kernels send nothing again in one of twenty runs");
    assert_eq!(kinds(&report), [""; 0], "{report:#}");
    assert!(report["packets"].as_u64().unwrap() > 50, "{report:#}");
}

#[test]
fn an_mtu_black_hole_is_named_with_its_rule() {
    let Some(lab) = Lab::make("m") else { return };
    serve(&lab);
    lab.drop_packets("outgoing", "output", "icmp type destination-unreachable");
    run(&["ip", "-n", &lab.namespace('r'), "link", "set", "vb", "mtu", "1400"]);
    let report = lab.findings(|| assert_eq!(send(20_000), None));
    assert_eq!(kinds(&report), ["mtu-black-hole"], "{report:#}");
    let finding = &report["findings"][0];
    assert_eq!((&finding["severity"], &finding["to"]), (&Value::from("high"), &Value::from(SERVER)));
    assert_eq!(finding["explained_by"][0], "network/mtu-exceeds-uplink");
    assert!(finding["packets"].as_array().unwrap().len() > 1, "{finding:#}");
}

#[test]
fn dropped_and_refused_connections_are_told_apart() {
    let Some(lab) = Lab::make("s") else { return };
    serve(&lab);
    lab.drop_packets("through", "forward", "tcp dport 80");
    let report = lab.findings(|| {
        assert_eq!(send(10), None);
        assert!(TcpStream::connect((SERVER, 81)).is_err());
    });
    assert_eq!(kinds(&report), ["syn-unanswered", "connection-refused"], "{report:#}");
    assert_eq!((&report["findings"][0]["port"], &report["findings"][1]["port"]), (&Value::from(80), &Value::from(81)));
}

#[test]
fn names_that_nobody_answers_are_found_with_the_time_that_was_waited() {
    let Some(lab) = Lab::make("d") else { return };
    serve(&lab);
    lab.drop_packets("through", "forward", "udp dport 53");
    let report = lab.findings(|| assert!(!ask(Duration::from_secs(5))));
    assert_eq!(kinds(&report), ["dns-timeout"], "{report:#}");
    let message = report["findings"][0]["message"].as_str().unwrap();
    assert!(message.contains("A web.default.svc; asked again after 5."), "{message}");
}

#[test]
fn an_address_that_nobody_has_is_found() {
    let Some(lab) = Lab::make("n") else { return };
    let nobody: SocketAddr = "10.77.1.77:80".parse().unwrap();
    let report = lab.findings(move || {
        let _ = TcpStream::connect_timeout(&nobody, Duration::from_secs(4));
    });
    assert_eq!(kinds(&report), ["arp-unanswered"], "{report:#}");
    assert_eq!(report["findings"][0]["to"], "10.77.1.77");
}
