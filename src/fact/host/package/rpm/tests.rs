//! Real databases of three packages, made with rpm 4.18 (see
//! `fixtures/packages/README.md`), whole and broken.

use proptest::prelude::*;

use super::*;

const SQLITE: &[u8] = include_bytes!("../../../../../fixtures/packages/rpmdb.sqlite");
const WAL: &[u8] = include_bytes!("../../../../../fixtures/packages/rpmdb.sqlite-wal");
const NDB: &[u8] = include_bytes!("../../../../../fixtures/packages/Packages.db");
const BDB: &[u8] = include_bytes!("../../../../../fixtures/packages/Packages");

const THREE: &[(&str, &str)] =
    &[("containerd.io", "1.6.33-3.1.el8"), ("docker-ce", "3:26.1.3-1.el8"), ("kubelet", "1.27.3-0")];

fn read(folder: &str, files: &[(&str, &[u8])]) -> Outcome<Vec<Package>> {
    let tree = tempfile::tempdir().unwrap();
    let place = tree.path().join(folder);
    std::fs::create_dir_all(&place).unwrap();
    for (name, bytes) in files {
        std::fs::write(place.join(name), bytes).unwrap();
    }
    read_packages(&HostRoot::open(tree.path()).unwrap())
}

fn names(packages: Outcome<Vec<Package>>) -> Vec<(String, String)> {
    let Outcome::Found(packages) = packages else { panic!("{packages:?}") };
    let mut names: Vec<_> = packages.into_iter().map(|package| (package.name, package.version)).collect();
    names.sort();
    names
}

fn expected(count: &[(&str, &str)]) -> Vec<(String, String)> {
    count.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned())).collect()
}

#[test]
fn a_sqlite_database_is_read_with_its_write_ahead_log() {
    let found = read("var/lib/rpm", &[("rpmdb.sqlite", SQLITE), ("rpmdb.sqlite-wal", WAL)]);
    assert_eq!(names(found), expected(THREE));
}

#[test]
fn a_sqlite_database_without_its_log_has_what_was_written_back() {
    let found = names(read("usr/lib/sysimage/rpm", &[("rpmdb.sqlite", SQLITE)]));
    assert_eq!(found.len(), 2);
}

#[test]
fn an_ndb_database_is_read() {
    assert_eq!(names(read("usr/lib/sysimage/rpm", &[("Packages.db", NDB)])), expected(THREE));
}

#[test]
fn a_berkeley_database_is_read() {
    assert_eq!(names(read("var/lib/rpm", &[("Packages", BDB)])), expected(THREE));
}

#[test]
fn a_database_that_is_none_is_unreadable_and_says_which() {
    for name in ["rpmdb.sqlite", "Packages.db", "Packages"] {
        let Outcome::Unreadable(reason) = read("var/lib/rpm", &[(name, b"garbage")]) else { panic!("{name} was read") };
        assert!(reason.starts_with(&format!("read /var/lib/rpm/{name}: ")), "{reason}");
    }
    assert_eq!(read("var/lib", &[]), Outcome::Absent);
}

#[test]
fn pages_that_lead_in_a_circle_are_a_fault() {
    // An interior page whose only child is itself.
    let mut bytes = SQLITE.to_vec();
    bytes[100] = 5;
    bytes[103..105].copy_from_slice(&[0, 0]);
    bytes[108..112].copy_from_slice(&[0, 0, 0, 1]);
    let found = read("var/lib/rpm", &[("rpmdb.sqlite", &bytes)]);
    assert!(matches!(found, Outcome::Unreadable(reason) if reason.ends_with("lead in a circle")));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(192) })]

    #[test]
    fn broken_bytes_never_make_it_panic(
        which in 0_usize..3,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let (name, good) = [("rpmdb.sqlite", SQLITE), ("Packages.db", NDB), ("Packages", BDB)][which];
        let mut bytes = good.to_vec();
        for (at, byte, in_head) in changes {
            let end = if in_head { 160 } else { bytes.len() };
            let at = at.index(end);
            bytes[at] = byte;
        }
        if cut.index(4) == 0 {
            bytes.truncate(cut.index(good.len()));
        }
        let _ = read("var/lib/rpm", &[(name, &bytes)]);
    }
}
