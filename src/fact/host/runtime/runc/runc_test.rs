//! Tests of the collector `runc` on small trees with small ELF binaries.

use super::super::tree::{Tree, earlier, texts};
use super::elf::parse_elf;
use super::*;
use crate::fact::Value;

/// A 64-bit ELF file with the sections that are read: dynamic symbols,
/// needed libraries, read-only data and Go's build information.
fn binary(needed: &[&str], undefined: &[&str], defined: &[&str], read_only_data: &[u8], is_go: bool) -> Vec<u8> {
    fn put(bytes: &mut Vec<u8>, values: &[(u64, usize)]) {
        for (value, size) in values {
            bytes.extend(&value.to_le_bytes()[..*size]);
        }
    }
    let mut strings = vec![0_u8];
    let mut name = |text: &str| {
        let at = strings.len() as u64;
        strings.extend(text.as_bytes());
        strings.push(0);
        at
    };
    let mut dynamic = Vec::new();
    for library in needed {
        put(&mut dynamic, &[(1, 8), (name(library), 8)]);
    }
    put(&mut dynamic, &[(0, 8), (0, 8)]);
    let mut symbols = vec![0_u8; 24];
    for (list, section) in [(undefined, 0_u64), (defined, 1)] {
        for symbol in list {
            put(&mut symbols, &[(name(symbol), 4), (0x12, 1), (0, 1), (section, 2), (0, 8), (0, 8)]);
        }
    }
    let build: &[u8] = if is_go { b"\xff Go buildinf:path\tgithub.com/opencontainers/runc\n" } else { b"" };
    let names = b"\0.dynstr\0.dynsym\0.dynamic\0.rodata\0.go.buildinfo\0.shstrtab\0";
    let at = |section: &str| names.windows(section.len()).position(|part| part == section.as_bytes()).unwrap() as u64;
    let sections: [(&str, u64, u64, u64, &[u8]); 6] = [
        (".dynstr", 3, 0, 0, &strings),
        (".dynsym", 11, 1, 24, &symbols),
        (".dynamic", 6, 1, 16, &dynamic),
        (".rodata", 1, 0, 0, read_only_data),
        (".go.buildinfo", 1, 0, 0, build),
        (".shstrtab", 3, 0, 0, names),
    ];
    let (mut body, mut headers) = (Vec::new(), vec![0_u8; 64]);
    for (section, kind, link, entry, content) in sections {
        body.resize(body.len().next_multiple_of(8), 0);
        let offset = 64 + body.len() as u64;
        let one = u64::from(kind == 11);
        put(
            &mut headers,
            &[
                (at(section), 4),
                (kind, 4),
                (0, 8),
                (0, 8),
                (offset, 8),
                (content.len() as u64, 8),
                (link, 4),
                (one, 4),
                (8, 8),
                (entry, 8),
            ],
        );
        body.extend(content);
    }
    body.resize(body.len().next_multiple_of(8), 0);
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    put(
        &mut file,
        &[
            (3, 2),
            (62, 2),
            (1, 4),
            (0, 8),
            (0, 8),
            (64 + body.len() as u64, 8),
            (0, 4),
            (64, 2),
            (0, 2),
            (0, 2),
            (64, 2),
            (7, 2),
            (6, 2),
        ],
    );
    file.extend(body);
    file.extend(headers);
    file
}

fn runc(version: &str, is_dynamic: bool) -> Vec<u8> {
    let data = format!("text\0\0v{version}-0-g51d5e946\0");
    let (needed, undefined): (&[&str], &[&str]) = if is_dynamic {
        (&["libseccomp.so.2", "libc.so.6"], &["seccomp_init", "seccomp_notify_respond"])
    } else {
        (&[], &[])
    };
    binary(needed, undefined, &[], data.as_bytes(), true)
}

fn member<'a>(facts: &'a Facts, index: usize, name: &str) -> &'a Fact {
    facts.get("runc.installed").and_then(Fact::list).unwrap()[index].member(name).unwrap()
}

fn containerd() -> Facts {
    earlier(&[("runtime.present", Value::from(true)), ("runtime.name", Value::from("containerd"))])
}

#[test]
fn the_copy_in_local_sbin_is_the_one_that_containerd_starts() {
    let tree = Tree::of(&[]);
    tree.put("/usr/sbin/runc", &runc("1.1.12", false));
    tree.put("/usr/local/sbin/runc", &runc("1.1.0-rc.1", false));
    let facts = tree.collect(&COLLECTOR, &containerd());
    assert_eq!(facts.text("runc.in_use"), Some("/usr/local/sbin/runc"));
    assert_eq!(member(&facts, 0, "version").text(), Some("1.1.0-rc.1"));
    assert_eq!(member(&facts, 0, "is_in_use").bool(), Some(true));
    assert_eq!(member(&facts, 0, "is_static").bool(), Some(true));
    assert_eq!(member(&facts, 1, "is_in_use").bool(), Some(false));
    assert_eq!(texts(&facts, "runc.differing"), ["/usr/sbin/runc"]);
}

#[test]
fn two_names_of_one_file_are_one_runc() {
    let tree = Tree::of(&[]);
    tree.put("/usr/sbin/runc", &runc("1.3.3", false));
    tree.link("/sbin", "usr/sbin");
    tree.link("/usr/local/bin/runc", "/usr/sbin/runc");
    let facts = tree.collect(&COLLECTOR, &containerd());
    assert_eq!(facts.get("runc.installed").and_then(Fact::list).map(<[Fact]>::len), Some(1));
    assert_eq!(texts(&facts, "runc.differing"), Vec::<String>::new());
}

#[test]
fn copies_with_the_same_content_do_not_differ() {
    let tree = Tree::of(&[]);
    tree.put("/usr/sbin/runc", &runc("1.3.3", false));
    tree.put("/usr/local/sbin/runc", &runc("1.3.3", false));
    assert_eq!(texts(&tree.collect(&COLLECTOR, &containerd()), "runc.differing"), Vec::<String>::new());
}

#[test]
fn a_dynamic_runc_lacks_what_an_old_libseccomp_does_not_give() {
    let tree = Tree::of(&[]);
    tree.put("/usr/local/sbin/runc", &runc("1.1.1", true));
    tree.put("/usr/lib64/libseccomp.so.2.3.1", &binary(&["libc.so.6"], &[], &["seccomp_init"], b"", false));
    tree.link("/usr/lib64/libseccomp.so.2", "libseccomp.so.2.3.1");
    let facts = tree.collect(&COLLECTOR, &containerd());
    let missing = member(&facts, 0, "missing_symbols").list().unwrap();
    assert_eq!(missing.iter().filter_map(Fact::text).collect::<Vec<_>>(), ["seccomp_notify_respond"]);
    assert_eq!(facts.text("libseccomp.path"), Some("/usr/lib64/libseccomp.so.2.3.1"));
    assert_eq!(facts.text("libseccomp.version"), Some("2.3.1"));
}

#[test]
fn a_dynamic_runc_without_a_library_to_look_at_is_unknown() {
    let tree = Tree::of(&[]);
    tree.put("/usr/sbin/runc", &runc("1.1.1", true));
    assert!(matches!(member(&tree.collect(&COLLECTOR, &containerd()), 0, "missing_symbols"), Fact::Unreadable { .. }));
}

#[test]
fn binary_name_chooses_the_runc() {
    let handler = |binary: &str| {
        Fact::group(BTreeMap::from([
            ("name".to_owned(), Fact::group("runc")),
            ("type".to_owned(), Fact::group("io.containerd.runc.v2")),
            ("binary".to_owned(), Fact::group(binary)),
        ]))
    };
    let tree = Tree::of(&[]);
    tree.put("/usr/sbin/runc", &runc("1.1.12", false));
    tree.put("/opt/runc/runc", &runc("1.3.3", false));
    let in_use = |binary: &str| {
        let mut earlier = containerd();
        earlier.set("runtime.handlers", Fact::group(vec![handler(binary)]));
        tree.collect(&COLLECTOR, &earlier).text("runc.in_use").map(str::to_owned)
    };
    assert_eq!(in_use("/opt/runc/runc").as_deref(), Some("/opt/runc/runc"));
    assert_eq!(in_use("/usr/bin/nvidia-container-runtime").as_deref(), Some("/usr/sbin/runc"));
    assert_eq!(in_use("/usr/bin/crun"), None);
}

#[test]
fn handlers_that_cannot_be_read_leave_open_which_runc_is_started() {
    let tree = Tree::of(&[]);
    tree.put("/usr/sbin/runc", &runc("1.1.12", false));
    let mut earlier = containerd();
    earlier.set("runtime.handlers", Fact::unreadable(Source::file("/etc/containerd/config.toml"), "permission denied"));
    assert_eq!(tree.collect(&COLLECTOR, &earlier).text("runc.in_use"), Some("/usr/sbin/runc"));
    tree.put("/opt/bin/runc", &runc("1.3.3", false));
    let facts = tree.collect(&COLLECTOR, &earlier);
    assert!(matches!(facts.get("runc.in_use"), Some(Fact::Unreadable { .. })));
    assert!(matches!(member(&facts, 0, "is_in_use"), Fact::Unreadable { .. }));
}

#[test]
fn the_packages_number_is_not_the_binarys_once_it_was_overwritten() {
    let status = "Package: runc\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.1.5+ds1-1+deb12u1\n\n";
    let tree = Tree::of(&[("/var/lib/dpkg/status", status)]);
    tree.put("/usr/sbin/runc", &runc("1.1.0-rc.1", false));
    let facts = tree.collect(&COLLECTOR, &containerd());
    assert_eq!(member(&facts, 0, "version").text(), Some("1.1.0-rc.1"));
    assert_eq!(member(&facts, 0, "has_backports").bool(), Some(false));
    tree.put("/usr/sbin/runc", &runc("1.1.5", true));
    let facts = tree.collect(&COLLECTOR, &containerd());
    assert_eq!(member(&facts, 0, "version").text(), Some("1.1.5+ds1-1+deb12u1"));
    assert!(matches!(member(&facts, 0, "has_backports"), Fact::Unreadable { .. }));
}

#[test]
fn k3s_starts_its_own_current_runc() {
    let tree = Tree::of(&[]);
    tree.put("/var/lib/rancher/k3s/data/aa/bin/runc", &runc("1.1.12", false));
    tree.put("/var/lib/rancher/k3s/data/bb/bin/runc", &runc("1.2.8", false));
    tree.link("/var/lib/rancher/k3s/data/current", "bb");
    tree.put("/usr/bin/runc", &runc("1.3.3", false));
    let mut earlier = containerd();
    earlier.set("containerd.supervisor", Fact::group("k3s"));
    let facts = tree.collect(&COLLECTOR, &earlier);
    assert_eq!(facts.text("runc.in_use"), Some("/var/lib/rancher/k3s/data/bb/bin/runc"));
    assert_eq!(facts.get("runc.installed").and_then(Fact::list).map(<[Fact]>::len), Some(2));
    assert_eq!(texts(&facts, "runc.differing"), Vec::<String>::new());
}

#[test]
fn a_script_or_a_damaged_binary_is_unreadable_and_never_static() {
    let tree = Tree::of(&[("/usr/local/bin/runc", "#!/bin/sh\nexec /usr/bin/crun \"$@\"\n")]);
    let facts = tree.collect(&COLLECTOR, &containerd());
    assert!(matches!(member(&facts, 0, "version"), Fact::Unreadable { .. }));
    assert!(matches!(member(&facts, 0, "is_static"), Fact::Unreadable { .. }));
    let whole = runc("1.3.3", true);
    for length in 0..whole.len() {
        let _ = parse_elf(&whole[..length], |_, _| Vec::new());
    }
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 0xff;
        let _ = parse_elf(damaged.as_slice(), |_, _| Vec::new());
    }
}

#[test]
fn folders_without_runc_have_none_and_no_folders_say_nothing() {
    let tree = Tree::of(&[("/usr/bin/containerd", "")]);
    assert_eq!(tree.collect(&COLLECTOR, &containerd()).bool("runc.present"), Some(false));
    let nothing = Tree::of(&[]).collect(&COLLECTOR, &Facts::default());
    assert!(matches!(nothing.get("runc.installed"), Some(Fact::Unreadable { .. })));
}
