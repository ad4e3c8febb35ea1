//! Tests of the listening ports and their owners.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Instant;

use super::*;

const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
                      \x20  0: 00000000:280A 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 31001 1 0 100 0 0 10 0\n\
                      \x20  1: 0100007F:192B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 31002 1 0 100 0 0 10 0\n\
                      \x20  2: 0F02000A:280A 0202000A:C350 01 00000000:00000000 02:0000 00000000     0        0 31003 2 0 20 4 30 10 -1\n";

/// A host with [`TABLE`] and processes: pid, name, and the inode of a socket, if its descriptors are there.
fn host(processes: &[(u32, &str, Option<u64>)]) -> (tempfile::TempDir, Host) {
    let folder = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let place = folder.path().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    };
    put("proc/1/net/tcp", TABLE);
    put("proc/1/comm", "systemd\n");
    for (pid, name, inode) in processes {
        put(&format!("proc/{pid}/comm"), &format!("{name}\n"));
        if let Some(inode) = inode {
            let descriptors = folder.path().join(format!("proc/{pid}/fd"));
            fs::create_dir_all(&descriptors).unwrap();
            symlink(format!("socket:[{inode}]"), descriptors.join("3")).unwrap();
        }
    }
    let root = HostRoot::open(folder.path()).unwrap();
    (folder, Host::new(root, Instant::now()))
}

/// The first needed port of a node with a kubelet.
fn kubelet_port(processes: &[(u32, &str, Option<u64>)]) -> Fact {
    let (_folder, host) = host(processes);
    let mut earlier = Facts::default();
    earlier.set("kubelet.present", Fact::group(true));
    collect(&host, &earlier).get("port.needed").unwrap().list().unwrap()[0].clone()
}

#[test]
fn only_listening_sockets_count_and_keep_their_line() {
    let listeners = parse_listeners(TABLE, "/proc/1/net/tcp");
    assert_eq!(listeners.iter().map(|listener| listener.port).collect::<Vec<_>>(), [10250, 6443]);
    assert_eq!(listeners[0].source, Source::line("/proc/1/net/tcp", 2));
    assert_eq!(parse_listeners("garbage\n\u{fffd} 1 2\n", "/x"), []);
}

#[test]
fn a_live_table_is_read_up_to_its_first_connection() {
    let lines: Vec<&str> = TABLE.lines().collect();
    assert_eq!(lines.iter().map(|line| goes_on(line)).collect::<Vec<_>>(), [true, true, true, false]);
    assert!(goes_on(&lines[3].replace(" 01 ", " 03 ")), "old kernels have these among the listening sockets");
    assert!(goes_on("garbage\n"));
}

#[test]
fn the_kubelet_on_its_own_port_is_no_stranger() {
    let port = kubelet_port(&[(700, "kubelet", Some(31001))]);
    assert_eq!(port.member("is_foreign").and_then(Fact::bool), Some(false));
}

#[test]
fn k3s_holds_the_kubelets_port_for_it() {
    let port = kubelet_port(&[(700, "k3s-server", Some(31001))]);
    assert_eq!(port.member("is_foreign").and_then(Fact::bool), Some(false));
}

#[test]
fn another_program_on_the_kubelets_port_is_named() {
    let port = kubelet_port(&[(900, "nginx", Some(31001)), (700, "kubelet", Some(9))]);
    assert_eq!(port.member("is_foreign").and_then(Fact::bool), Some(true));
    assert_eq!(
        port.member("setting").and_then(Fact::text),
        Some("port 10250 of kubelet is held by nginx (process 900)")
    );
}

#[test]
fn a_socket_that_no_process_has_is_the_kernels() {
    let folder_only = [(700, "kubelet", Some(9))];
    let (folder, host) = host(&folder_only);
    // Process 1's descriptors are there too, so everybody was looked at.
    fs::create_dir_all(folder.path().join("proc/1/fd")).unwrap();
    let mut earlier = Facts::default();
    earlier.set("kubelet.present", Fact::group(true));
    let facts = collect(&host, &earlier);
    let port = &facts.get("port.needed").unwrap().list().unwrap()[0];
    assert_eq!(port.member("is_foreign").and_then(Fact::bool), Some(false));
    assert!(matches!(port.member("owner"), Some(Fact::Absent { .. })));
}

#[test]
fn without_recorded_descriptors_the_owner_is_unknown() {
    let port = kubelet_port(&[(700, "kubelet", None)]);
    assert_eq!(port.member("is_foreign").and_then(Fact::bool), None);
}

#[test]
fn a_host_without_a_role_needs_no_port() {
    let (_folder, host) = host(&[]);
    let facts = collect(&host, &Facts::default());
    assert!(matches!(facts.get("port.needed"), Some(Fact::Absent { .. })));
}

#[test]
fn the_api_servers_port_is_the_one_of_its_flag() {
    let mut earlier = Facts::default();
    let flag = [("component", "kube-apiserver"), ("name", "secure-port"), ("value", "8443")];
    let flag = flag.map(|(name, value)| (name.to_owned(), Fact::group(value)));
    earlier.set("control_plane.flags", Fact::group(vec![Fact::group(BTreeMap::from(flag))]));
    assert_eq!(secure_port(&earlier, "kube-apiserver"), Some(8443));
    assert_eq!(secure_port(&earlier, "kube-scheduler"), None);
}
