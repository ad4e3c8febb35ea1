//! The CRI collector against a real containerd, and our merge of its files
//! against `containerd config dump`.
//!
//! Needs root (to start a daemon) and an installed containerd with runc; the
//! tests say so and do nothing where something is missing. The daemon has its
//! own configuration, folders and socket in a temporary folder.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]
#![allow(clippy::print_stderr, missing_docs)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use scanner::fact::host::document::{Node, parse_toml};
use scanner::fact::host::root::HostRoot;
use scanner::fact::host::{COLLECTORS, Host, collect};
use scanner::fact::{Fact, Facts, Source};

/// The installed containerd's version; none, with the reason said, where the test cannot run.
fn installed() -> Option<String> {
    let Ok(output) = Command::new("containerd").arg("--version").output() else {
        eprintln!("skipped: containerd is not installed (apt-get install containerd runc)");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3
    text.split_whitespace().nth(2).map(|version| version.trim_start_matches('v').to_owned())
}

fn is_root() -> bool {
    let is_root = fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0);
    if !is_root {
        eprintln!("skipped: only root can start a daemon");
    }
    is_root
}

/// A containerd of this test's own; it ends with it.
struct Daemon {
    child: Child,
    socket: PathBuf,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(folder: &Path, extra: &str) -> Daemon {
    let socket = folder.join("containerd.sock");
    let config = folder.join("config.toml");
    let text = format!(
        "version = 2\nroot = \"{0}/root\"\nstate = \"{0}/state\"\n{extra}\n[grpc]\naddress = \"{0}/containerd.sock\"\n\
         [plugins.\"io.containerd.grpc.v1.cri\"]\nrestrict_oom_score_adj = true\nsandbox_image = \"registry.example/pause:3.9\"\n\
         [plugins.\"io.containerd.internal.v1.opt\"]\npath = \"{0}/opt\"\n",
        folder.display()
    );
    fs::write(&config, text).unwrap();
    let log = folder.join("log");
    let child = Command::new("containerd")
        .args(["--config", config.to_str().unwrap(), "--address", socket.to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let daemon = Daemon { child, socket };
    let until = Instant::now() + Duration::from_secs(30);
    while !fs::read_to_string(&log).unwrap_or_default().contains("containerd successfully booted") {
        assert!(Instant::now() < until, "containerd did not start:\n{}", fs::read_to_string(&log).unwrap());
        std::thread::sleep(Duration::from_millis(50));
    }
    daemon
}

/// The facts of the runtime, for a kubelet that calls this socket.
fn ask(collectors: &[&str], socket: &Path, wait: Duration) -> Facts {
    let host = Host::new(HostRoot::open(Path::new("/")).unwrap(), Instant::now() + wait);
    let mut facts = Facts::default();
    let endpoint = format!("unix://{}", socket.display());
    facts.set("kubelet.endpoint", Fact::known(endpoint, Source::file("/test")));
    facts.set("kubelet.present", Fact::known(true, Source::file("/test")));
    for name in collectors {
        let collector = COLLECTORS.iter().find(|collector| collector.name == *name).unwrap();
        facts.merge((collector.collect)(&host, &facts));
    }
    facts
}

const ALL: &[&str] = &["cri", "containerd", "runtime"];

fn text(facts: &Facts, path: &str) -> String {
    facts.text(path).map_or_else(|| format!("{:?}", facts.get(path)), ToOwned::to_owned)
}

#[test]
fn a_real_containerd_answers_over_its_socket_until_it_is_stopped() {
    let (Some(version), true) = (installed(), is_root()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let daemon = start(folder.path(), "");
    let facts = ask(ALL, &daemon.socket, Duration::from_secs(20));
    assert_eq!(text(&facts, "cri.status"), "answering");
    assert_eq!(text(&facts, "cri.runtime_name"), "containerd");
    assert!(text(&facts, "cri.runtime_version").contains(version.split(['~', '+', '-']).next().unwrap()));
    assert_eq!(text(&facts, "cri.api_version"), "v1");
    assert_eq!(facts.bool("cri.is_runtime_ready"), Some(true));
    assert_eq!(facts.bool("cri.answers_runtime_config"), Some(!version.starts_with("1.")));
    let handlers = facts.get("cri.handlers").and_then(Fact::list).unwrap();
    assert_eq!(handlers[0].member("name").and_then(Fact::text), Some("runc"));
    assert_eq!(handlers[0].member("cgroup_driver").and_then(Fact::text), Some("cgroupfs"));
    assert_eq!(text(&facts, "runtime.name"), "containerd");
    assert_eq!(text(&facts, "runtime.cgroup_driver"), "cgroupfs");
    assert_eq!(text(&facts, "runtime.sandbox_image"), "registry.example/pause:3.9");
    assert_eq!(text(&facts, "containerd.config_path"), folder.path().join("config.toml").display().to_string());
    assert_eq!(facts.get("runtime.cri_faults").and_then(Fact::list).map(<[Fact]>::len), Some(0));

    let socket = daemon.socket.clone();
    drop(daemon);
    let facts = ask(&["cri"], &socket, Duration::from_secs(20));
    assert_eq!(text(&facts, "cri.status"), "refused", "the socket file stays, and nobody listens");
    fs::remove_file(&socket).unwrap();
    let facts = ask(&["cri"], &socket, Duration::from_secs(20));
    assert_eq!(text(&facts, "cri.status"), "missing");
    assert!(matches!(facts.get("cri.runtime_version"), Some(Fact::Unreadable { .. })));
}

#[test]
fn a_real_containerd_without_its_cri_plugin_is_unimplemented() {
    let (Some(_), true) = (installed(), is_root()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let daemon = start(folder.path(), "disabled_plugins = [\"io.containerd.grpc.v1.cri\"]");
    let facts = ask(ALL, &daemon.socket, Duration::from_secs(20));
    assert_eq!(text(&facts, "cri.status"), "unimplemented");
    assert!(text(&facts, "cri.message").contains("unknown service runtime.v1.RuntimeService"));
    let faults = facts.get("runtime.cri_faults").and_then(Fact::list).unwrap();
    assert_eq!(faults[0].member("setting").and_then(Fact::text), Some("disabled_plugins"));
    assert!(matches!(faults[0].member("problem").and_then(Fact::source), Some(Source::File { line: Some(4), .. })));
}

#[test]
fn a_socket_that_never_answers_ends_at_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("silent.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept() {
            open.push(stream);
        }
    });
    let started = Instant::now();
    let facts = ask(&["cri"], &socket, Duration::from_secs(1));
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert!(matches!(facts.get("cri.status"), Some(Fact::Unreadable { .. })), "one second proves nothing");
    let facts = ask(&["cri"], &socket, Duration::from_secs(3));
    assert_eq!(text(&facts, "cri.status"), "timeout");
    assert!(matches!(facts.get("cri.runtime_version"), Some(Fact::Unreadable { .. })));
}

#[test]
fn a_socket_that_speaks_something_else_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("other.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.read(&mut [0; 16]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let facts = ask(&["cri"], &socket, Duration::from_secs(5));
    assert_eq!(text(&facts, "cri.status"), "error");
}

const RUNC: &str = "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\nruntime_type = \"io.containerd.runc.v2\"\n\
     [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\nSystemdCgroup = true\n";

const NVIDIA: &str = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.nvidia]\n\
     runtime_type = \"io.containerd.runc.v2\"\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.nvidia.options]\n\
     BinaryName = \"/usr/bin/nvidia-container-runtime\"\n";

const PAUSE: &str = "[plugins.\"io.containerd.grpc.v1.cri\"]\nsandbox_image = \"a/pause:1\"\n";

const CNI: &str =
    "[plugins.\"io.containerd.grpc.v1.cri\".cni]\nbin_dir = \"/usr/lib/cni\"\nconf_dir = \"/etc/cni/other\"\n";

/// Configurations as they are found: main file, then `drop.toml`.
fn configurations() -> Vec<(String, String)> {
    let of = |main: &str, drop_in: &str| (main.to_owned(), drop_in.to_owned());
    let short = RUNC.replace("\"io.containerd.grpc.v1.cri\"", "cri");
    vec![
        of("", ""),
        of("version = 2\n", ""),
        of(&format!("version = 2\n{PAUSE}{RUNC}"), ""),
        of(&format!("version = 2\nimports = [\"drop.toml\"]\n{PAUSE}{CNI}{RUNC}"), NVIDIA),
        of(&format!("version = 2\nimports = [\"drop.toml\"]\n{CNI}"), &format!("version = 2\n{RUNC}{PAUSE}")),
        // A pattern, and a drop-in that replaces the section with one property.
        of(
            &format!("version = 2\nimports = [\"dr*.toml\"]\n{PAUSE}"),
            "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd]\nsnapshotter = \"native\"\n",
        ),
        // Short names without a version, beside a long name.
        of(&format!("imports = [\"drop.toml\"]\n[plugins.cri]\nsandbox_image = \"a/pause:1\"\n{short}"), PAUSE),
        of(RUNC, ""),
        // A drop-in whose version decides for all.
        of(&format!("imports = [\"drop.toml\"]\n{RUNC}"), "version = 2\n"),
        // No runtime_type, and a shim that takes no driver.
        of(
            "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\nSystemdCgroup = true\n\
             [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.kata]\nruntime_type = \"io.containerd.kata.v2\"\n",
            "",
        ),
        // A circle of imports.
        of(
            &format!("version = 2\nimports = [\"drop.toml\"]\n{PAUSE}"),
            &format!("version = 2\nimports = [\"config.toml\", \"drop.toml\"]\n{RUNC}"),
        ),
    ]
}

/// What both sides say, in the same words.
#[derive(Debug, PartialEq)]
struct Told {
    default_handler: String,
    handlers: Vec<(String, String, bool, String)>,
    snapshotter: String,
    sandbox_image: String,
    cni_conf_dir: String,
    cni_bin_dirs: Vec<String>,
}

fn told_by_containerd(folder: &Path) -> Told {
    let output = Command::new("containerd")
        .current_dir(folder)
        .args(["--config", folder.join("etc/containerd/config.toml").to_str().unwrap(), "config", "dump"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let dump = parse_toml(&String::from_utf8(output.stdout).unwrap()).unwrap();
    let plugins = dump.get("plugins").unwrap();
    let is_old = dump.get("version").and_then(Node::int) == Some(2);
    let section = |name: &str| plugins.get(if is_old { "io.containerd.grpc.v1.cri" } else { name }).unwrap();
    let runtime = section("io.containerd.cri.v1.runtime");
    let images = section("io.containerd.cri.v1.images");
    let words = |node: Option<&Node>| node.and_then(Node::text).unwrap_or_default().to_owned();
    let containerd = runtime.get("containerd").unwrap();
    let mut handlers: Vec<_> = containerd
        .get("runtimes")
        .unwrap()
        .members()
        .iter()
        .map(|(name, handler)| {
            let option = |option: &str| handler.at(&["options", option]);
            let is_systemd = option("SystemdCgroup").and_then(Node::bool).unwrap_or(false);
            let shim = words(handler.get("runtime_type"));
            let is_runc = shim.is_empty() || shim == "io.containerd.runc.v2";
            (name.clone(), shim, is_systemd && is_runc, words(option("BinaryName")))
        })
        .collect();
    handlers.sort();
    let dirs = runtime.at(&["cni", "bin_dirs"]).map(Node::list).unwrap_or_default();
    let dir = runtime.at(&["cni", "bin_dir"]);
    Told {
        default_handler: words(containerd.get("default_runtime_name")),
        handlers,
        snapshotter: words(if is_old { containerd.get("snapshotter") } else { images.get("snapshotter") }),
        sandbox_image: words(if is_old {
            images.get("sandbox_image")
        } else {
            images.at(&["pinned_images", "sandbox"])
        }),
        cni_conf_dir: words(runtime.at(&["cni", "conf_dir"])),
        cni_bin_dirs: dirs.iter().chain(dir).map(|dir| words(Some(dir))).filter(|dir| !dir.is_empty()).collect(),
    }
}

fn told_by_us(folder: &Path) -> Told {
    let host = Host::new(HostRoot::open(folder).unwrap(), Instant::now() + Duration::from_secs(5));
    let facts = collect(&host, &BTreeSet::from(["containerd".to_owned()]));
    let member = |fact: &Fact, name: &str| fact.member(name).and_then(Fact::text).unwrap_or_default().to_owned();
    let list = |path: &str| {
        let fact = facts.get(path);
        fact.and_then(Fact::list).unwrap_or_else(|| panic!("{path}: {fact:?}")).to_vec()
    };
    let mut handlers: Vec<_> = list("containerd.handlers")
        .iter()
        .map(|handler| {
            let is_systemd = member(handler, "cgroup_driver") == "systemd";
            (member(handler, "name"), member(handler, "type"), is_systemd, member(handler, "binary"))
        })
        .collect();
    handlers.sort();
    Told {
        default_handler: text(&facts, "containerd.default_handler"),
        handlers,
        snapshotter: text(&facts, "containerd.snapshotter"),
        sandbox_image: text(&facts, "containerd.sandbox_image"),
        cni_conf_dir: text(&facts, "containerd.cni_conf_dir"),
        cni_bin_dirs: list("containerd.cni_bin_dirs").iter().filter_map(|dir| dir.text().map(str::to_owned)).collect(),
    }
}

#[test]
fn our_merge_says_what_containerds_own_dump_says() {
    let Some(version) = installed() else { return };
    for (main, drop_in) in configurations() {
        let folder = tempfile::tempdir().unwrap();
        let etc = folder.path().join("etc/containerd");
        fs::create_dir_all(&etc).unwrap();
        fs::create_dir_all(folder.path().join("var/lib/dpkg")).unwrap();
        let status =
            format!("Package: containerd\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n");
        fs::write(folder.path().join("var/lib/dpkg/status"), status).unwrap();
        fs::write(etc.join("config.toml"), &main).unwrap();
        // A relative pattern starts at the working directory in older versions, which is the root here.
        for place in [etc.join("drop.toml"), folder.path().join("drop.toml")] {
            fs::write(place, &drop_in).unwrap();
        }
        let (ours, its) = (told_by_us(folder.path()), told_by_containerd(folder.path()));
        assert_eq!(ours, its, "containerd {version}:\n{main}\n--\n{drop_in}");
    }
}
