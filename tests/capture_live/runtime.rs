//! Containers of Podman, found by its state without its service, and of Docker.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::lab::{busybox_root, can_capture, must, run, start_capture};

/// A container that is removed with its image.
struct Container {
    name: String,
    image: String,
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = run("podman", &["rm", "--force", "--time", "0", &self.name]);
        let _ = run("podman", &["rmi", "--force", &self.image]);
    }
}

#[test]
fn a_container_of_podman_is_found_by_name_and_number() {
    if !can_capture(&["podman", "runc"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let archive = busybox_root(folder.path());
    let name = format!("scan{}podman", std::process::id());
    let container = Container { image: format!("scanner.test/{name}:1"), name };
    must("podman", &["import", "--quiet", archive.to_str().unwrap(), &container.image]);
    // Limits as a container of this machine's kind may set them.
    let limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"];
    let started = [
        &["run", "--detach", "--runtime", "runc", "--network", "none", "--name", &container.name],
        limits.as_slice(),
        &[&container.image, "/bin/sleep", "300"],
    ]
    .concat();
    let started = run("podman", &started);
    if started.code != Some(0) {
        eprintln!("skipped: podman starts no container here: {}", started.notes);
        return;
    }
    let id = started.lines.trim().to_owned();
    let list = must(env!("CARGO_BIN_EXE_scanner"), &["capture", "list"]);
    let row = list.lines().find(|line| line.contains(&container.name)).unwrap_or_else(|| panic!("{list}"));
    assert!(row.starts_with(&format!("container/{}", container.name)) && row.ends_with("podman"), "{row}");
    let pid = row.split_whitespace().nth(2).unwrap();
    for target in [container.name.clone(), format!("container/{}", container.name), format!("container/{}", &id[..12])]
    {
        let capture = start_capture(&[&target, "-i", "lo", "-c", "2", "icmp"]);
        must("nsenter", &["-n", "-t", pid, "busybox", "ping", "-c", "2", "-i", "0.1", "127.0.0.1"]);
        let ours = capture.wait();
        assert_eq!((ours.code, ours.lines.lines().count()), (Some(0), 2), "{}{}", ours.lines, ours.notes);
    }
}

/// A Docker of the test's own. Its socket is the usual one, for that is where
/// it is looked for.
struct Docker {
    daemon: Child,
    folder: tempfile::TempDir,
}

const SOCKET: &str = "/run/docker.sock";

impl Docker {
    fn start() -> Option<Docker> {
        if Path::new(SOCKET).exists() {
            eprintln!("skipped: there is a Docker on this machine already");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let log = File::create(folder.path().join("log")).unwrap();
        let daemon = Command::new("dockerd")
            .args(["--data-root", &path("data"), "--exec-root", &path("exec"), "--pidfile", &path("pid")])
            .args(["--host", &format!("unix://{SOCKET}"), "--storage-driver", "vfs"])
            // Nothing of this machine's network is touched.
            .args(["--iptables=false", "--ip6tables=false", "--bridge=none"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut docker = Docker { daemon, folder };
        let until = Instant::now() + Duration::from_mins(1);
        while run("docker", &["version"]).code != Some(0) {
            if docker.daemon.try_wait().unwrap().is_some() || Instant::now() > until {
                eprintln!("skipped: dockerd does not start here: {}", docker.log());
                return None;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(docker)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        let containers = run("docker", &["ps", "--all", "--quiet"]).lines;
        for container in containers.lines() {
            let _ = run("docker", &["rm", "--force", container]);
        }
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.daemon.id()).unwrap());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.daemon.wait();
        let own = self.folder.path().display().to_string();
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
        for mount in mounts.lines().filter_map(|line| line.split(' ').nth(1)).filter(|path| path.starts_with(&own)) {
            let _ = run("umount", &["-l", mount]);
        }
        let _ = std::fs::remove_file(SOCKET);
    }
}

#[test]
fn a_container_of_docker_is_found_over_its_api() {
    if !can_capture(&["dockerd", "docker"]) {
        return;
    }
    let Some(docker) = Docker::start() else { return };
    let archive = busybox_root(docker.folder.path());
    must("docker", &["import", archive.to_str().unwrap(), "scanner.test/busybox:1"]);
    let started =
        ["run", "--detach", "--network", "none", "--name", "scanweb", "scanner.test/busybox:1", "/bin/sleep", "300"];
    let id = must("docker", &started).trim().to_owned();
    let list = must(env!("CARGO_BIN_EXE_scanner"), &["capture", "list"]);
    let row = list.lines().find(|line| line.starts_with("container/scanweb ")).unwrap_or_else(|| panic!("{list}"));
    assert!(row.ends_with("docker"), "{row}");
    let pid = row.split_whitespace().nth(2).unwrap();
    for target in ["scanweb".to_owned(), format!("container/{}", &id[..12])] {
        let capture = start_capture(&[&target, "-c", "2", "icmp"]);
        must("nsenter", &["-n", "-t", pid, "busybox", "ping", "-c", "2", "-i", "0.1", "127.0.0.1"]);
        let ours = capture.wait();
        assert_eq!((ours.code, ours.lines.lines().count()), (Some(0), 2), "{}{}", ours.lines, ours.notes);
    }
}
