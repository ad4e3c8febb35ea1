//! A root reads what lies beneath it, and nothing else.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

fn tree() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn write(tree: &TempDir, path: &str, text: &str) {
    let path = tree.path().join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
    fs::write(path, text).expect("a file");
}

/// The root by the kernel's way, where it works here, and by the walk.
fn both_ways(tree: &TempDir) -> [HostRoot; 2] {
    let by_kernel = HostRoot::open(tree.path()).expect("a root");
    let mut by_walk = HostRoot::open(tree.path()).expect("a root");
    by_walk.way = Way::Walk;
    [by_kernel, by_walk]
}

#[test]
fn absolute_and_relative_links_stay_beneath_the_root() {
    let tree = tree();
    write(&tree, "usr/lib/os-release", "ID=debian\n");
    fs::create_dir_all(tree.path().join("etc")).unwrap();
    symlink("/usr/lib/os-release", tree.path().join("etc/os-release")).unwrap();
    symlink("../../../../usr/lib", tree.path().join("etc/lib")).unwrap();
    for root in both_ways(&tree) {
        assert_eq!(root.read_text("/etc/os-release"), Outcome::Found("ID=debian\n".to_owned()));
        assert_eq!(root.read_text("etc/lib/os-release"), Outcome::Found("ID=debian\n".to_owned()));
        assert_eq!(root.resolve("/etc/lib/../lib/os-release"), Outcome::Found("/usr/lib/os-release".to_owned()));
        assert_eq!(root.read_link("/etc/os-release"), Outcome::Found("/usr/lib/os-release".to_owned()));
        assert_eq!(root.link_metadata("/etc/os-release").found().unwrap().kind, FileKind::Link);
        assert_eq!(root.metadata("/etc/os-release").found().unwrap().kind, FileKind::File);
    }
}

#[test]
fn loops_of_links_are_unreadable() {
    let tree = tree();
    symlink("b", tree.path().join("a")).unwrap();
    symlink("a", tree.path().join("b")).unwrap();
    for root in both_ways(&tree) {
        assert_eq!(root.read("/a"), Outcome::Unreadable("read /a: too many levels of symbolic links".to_owned()));
    }
}

#[test]
fn what_is_not_there_is_absent_and_what_may_not_be_read_is_not() {
    let tree = tree();
    write(&tree, "etc/shadow", "secret");
    fs::set_permissions(tree.path().join("etc/shadow"), fs::Permissions::from_mode(0o000)).unwrap();
    symlink("/nowhere", tree.path().join("dangling")).unwrap();
    for root in both_ways(&tree) {
        assert_eq!(root.read("/etc/none"), Outcome::Absent);
        assert_eq!(root.read("/etc/shadow/none"), Outcome::Absent);
        assert_eq!(root.read("/dangling"), Outcome::Absent);
        if !rustix::process::geteuid().is_root() {
            assert_eq!(root.read("/etc/shadow"), Outcome::Unreadable("read /etc/shadow: permission denied".to_owned()));
        }
    }
}

#[test]
fn fifos_sockets_and_folders_are_refused_without_waiting() {
    let tree = tree();
    let fifo = tree.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(tree.path().join("socket")).unwrap();
    for root in both_ways(&tree) {
        assert_eq!(root.read("/fifo"), Outcome::Unreadable("read /fifo: a FIFO, not a file".to_owned()));
        assert_eq!(root.read("/socket"), Outcome::Unreadable("read /socket: a socket, not a file".to_owned()));
        assert_eq!(root.read("/"), Outcome::Unreadable("read /: a folder, not a file".to_owned()));
        assert!(matches!(root.socket_path("/socket"), Outcome::Unreadable(_)), "a recorded tree has no sockets");
    }
}

#[test]
fn a_sparse_file_of_ten_gibibytes_is_too_large() {
    let tree = tree();
    let file = fs::OpenOptions::new().create(true).write(true).truncate(true).open(tree.path().join("big")).unwrap();
    file.set_len(10 << 30).unwrap();
    let root = HostRoot::open(tree.path()).unwrap();
    assert_eq!(root.read("/big"), Outcome::Unreadable("read /big: larger than 16 MiB".to_owned()));
}

#[test]
fn names_that_are_not_utf8_are_listed_and_read() {
    let tree = tree();
    let name = std::ffi::OsStr::from_bytes(b"caf\xE9.conf");
    fs::write(tree.path().join(name), "x").unwrap();
    fs::write(tree.path().join("a.conf"), "y").unwrap();
    for root in both_ways(&tree) {
        let names = root.read_folder("/").found().unwrap();
        assert_eq!(names.len(), 2);
        assert_eq!(root.read_text(&format!("/{}", names[1])), Outcome::Found("x".to_owned()));
    }
}

#[test]
fn a_walk_lists_paths_in_order_and_follows_no_link() {
    let tree = tree();
    write(&tree, "a/b/c", "");
    write(&tree, "a/d", "");
    symlink("/a", tree.path().join("a/loop")).unwrap();
    let root = HostRoot::open(tree.path()).unwrap();
    let paths = root.walk("/a", 8).found().unwrap();
    assert_eq!(paths, ["/a/b", "/a/b/c", "/a/d", "/a/loop"]);
    assert_eq!(root.walk("/a", 1).found().unwrap(), ["/a/b", "/a/d", "/a/loop"]);
    assert_eq!(root.walk("/none", 1), Outcome::Absent);
}

#[test]
fn a_byte_order_mark_is_dropped_and_bad_bytes_are_replaced() {
    let tree = tree();
    fs::write(tree.path().join("x"), b"\xEF\xBB\xBFa\xFFb").unwrap();
    let root = HostRoot::open(tree.path()).unwrap();
    assert_eq!(root.read_text("/x"), Outcome::Found("a\u{FFFD}b".to_owned()));
}

#[test]
fn a_file_is_read_once() {
    let tree = tree();
    write(&tree, "x", "before");
    let root = HostRoot::open(tree.path()).unwrap();
    assert_eq!(root.read_text("/x"), Outcome::Found("before".to_owned()));
    write(&tree, "x", "after");
    assert_eq!(root.read_text("/x"), Outcome::Found("before".to_owned()));
}

#[test]
fn a_kernel_file_is_absent_only_where_its_folder_was_recorded() {
    let tree = tree();
    write(&tree, "proc/sys/net/ipv4/ip_forward", "1\n");
    let root = HostRoot::open(tree.path()).unwrap();
    assert_eq!(root.read_kernel_text("/proc/sys/net/ipv4/tcp_syncookies"), Outcome::Absent);
    assert_eq!(
        root.read_kernel_text("/proc/sys/vm/swappiness"),
        Outcome::Unreadable("read /proc/sys/vm/swappiness: not recorded".to_owned())
    );
}

#[test]
fn the_mounts_of_the_first_process_come_before_the_readers_own() {
    let tree = tree();
    write(&tree, "proc/mounts", "own");
    let root = HostRoot::open(tree.path()).unwrap();
    assert_eq!(root.read_mounts(), ("/proc/mounts".to_owned(), Outcome::Found("own".to_owned())));
    write(&tree, "proc/1/mounts", "first");
    let root = HostRoot::open(tree.path()).unwrap();
    assert_eq!(root.read_mounts(), ("/proc/1/mounts".to_owned(), Outcome::Found("first".to_owned())));
}

#[test]
fn the_running_kernel_says_what_is_absent_and_its_magic_links_are_not_followed() {
    let root = HostRoot::open(Path::new("/")).unwrap();
    assert!(root.is_live());
    assert_eq!(root.read_kernel_text("/proc/sys/none/none"), Outcome::Absent);
    assert!(root.read_text("/proc/self/stat").is_found());
    assert!(root.read_link("/proc/self/exe").is_found());
    assert!(matches!(root.read("/proc/self/exe"), Outcome::Unreadable(_)));
    assert!(matches!(root.read("/dev/zero"), Outcome::Unreadable(reason) if reason.ends_with("a device, not a file")));
}

#[test]
fn a_root_that_is_no_folder_is_an_error() {
    let tree = tree();
    write(&tree, "x", "");
    assert!(HostRoot::open(&tree.path().join("x")).is_err());
    assert!(HostRoot::open(&tree.path().join("none")).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Trees of random links beside a secret that lies outside: it is never
    /// read, and both ways of resolving agree.
    #[test]
    fn no_link_leads_out(links in proptest::collection::vec((0_usize..6, "(\\.\\./|/|[a-e]/){0,6}(secret|outside/secret|[a-e])"), 1..8)) {
        let outside = tree();
        write(&outside, "secret", "SECRET");
        write(&outside, "outside/secret", "SECRET");
        let inside = outside.path().join("root");
        fs::create_dir_all(inside.join("a/b/c")).unwrap();
        fs::write(inside.join("a/e"), "inside").unwrap();
        let places = ["b", "c", "a/d", "a/b/a", "a/b/e", "a/b/c/d"];
        for (place, target) in &links {
            let _ = symlink(target.replace("/outside", &outside.path().to_string_lossy()), inside.join(places[*place]));
        }
        let by_kernel = HostRoot::open(&inside).unwrap();
        let mut by_walk = HostRoot::open(&inside).unwrap();
        by_walk.way = Way::Walk;
        for place in places.iter().chain(&["a/e", "a/b/../e", "../secret", "a/../../secret"]) {
            let found = by_kernel.read_text(place);
            prop_assert!(found != Outcome::Found("SECRET".to_owned()), "{place} led out");
            prop_assert_eq!(by_walk.read_text(place), found);
        }
    }
}

#[test]
fn the_kernels_log_is_the_running_machines_and_is_not_waited_for() {
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir(tree.path().join("dev")).unwrap();
    std::fs::write(tree.path().join("dev/kmsg"), "6,0,0,-;x\n").unwrap();
    assert_eq!(HostRoot::open(tree.path()).unwrap().read_kernel_log(), Outcome::Absent);
    match HostRoot::open(Path::new("/")).unwrap().read_kernel_log() {
        Outcome::Found(records) => {
            let text = String::from_utf8_lossy(&records);
            assert!(text.lines().next().is_none_or(|first| first.contains(';')), "{text:.100}");
        }
        // A container has none, or may not read it.
        Outcome::Absent | Outcome::Unreadable(_) => {}
    }
}
