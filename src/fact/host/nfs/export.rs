//! What this host exports over NFS, from `/etc/exports` and `exports.d`.
//!
//! exports(5). A blank between a client and its options is the classic slip:
//! `host (rw)` exports to the host with the defaults and to everybody with `rw`.

mod parse;

use std::collections::BTreeMap;

use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::host::{Collector, Host};
use crate::fact::{Fact, Facts, Source};
use parse::{Export, parse_exports};

/// Reads the exports.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "nfs_export", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[FactDoc::new(
    "nfs.exports",
    Type::List(&Type::Object(EXPORT)),
    "What this host exports, one element for each folder and client. Source: /etc/exports and /etc/exports.d/*.exports, exports(5). \
     An empty list where the files hold none or do not exist.",
)];

const EXPORT: &[Field] = &[
    Field::new("folder", Type::Text, "the exported folder"),
    Field::new("client", Type::Text, "who may mount it; empty for everybody"),
    Field::new("is_world", Type::Bool, "whether the client is everybody: `*`, nothing, 0.0.0.0/0 or ::/0"),
    Field::new(
        "is_detached",
        Type::Bool,
        "whether its options stand alone after a space, as in `host (rw)`, which gives them to everybody",
    ),
    Field::new("is_writable", Type::Bool, "rw; the default is ro"),
    Field::new(
        "keeps_root",
        Type::Bool,
        "whether root of a client stays root: no_root_squash, or anonuid=0 for those who are squashed",
    ),
    Field::new("allows_unprivileged_ports", Type::Bool, "insecure; the default is secure"),
    Field::new("needs_kerberos", Type::Bool, "whether only Kerberos flavours are in `sec`"),
    Field::new("mode", Type::Text, "permissions of the folder in octal, such as 0755; absent where it does not exist"),
    Field::new(
        "is_world_writable",
        Type::Bool,
        "whether everybody may write to the folder and the sticky bit is not set; absent as mode",
    ),
    Field::new("setting", Type::Text, "folder, client and options as they stand"),
];

const FILE: &str = "/etc/exports";
const FOLDER: &str = "/etc/exports.d";

/// Others may write, stat(2).
const OTHERS_WRITE: u32 = 0o002;
/// The sticky bit: in such a folder only the owner of a file may remove it.
const STICKY: u32 = 0o1000;

fn collect(host: &Host, _earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    facts.set("nfs.exports", read_exports(&host.root));
    facts
}

fn read_exports(root: &HostRoot) -> Fact {
    let source = Source::file(FILE);
    let mut paths = vec![FILE.to_owned()];
    match root.read_folder(FOLDER) {
        // exportfs(8) reads only these, and skips hidden ones.
        Outcome::Found(names) => paths.extend(
            names
                .iter()
                .filter(|name| name.ends_with(".exports") && !name.starts_with('.'))
                .map(|name| format!("{FOLDER}/{name}")),
        ),
        Outcome::Absent => {}
        Outcome::Unreadable(reason) => return Fact::unreadable(Source::file(FOLDER), reason),
    }
    let mut exports = Vec::new();
    for path in paths {
        match root.read_text(&path) {
            Outcome::Found(text) => {
                exports.extend(parse_exports(&text).iter().map(|export| export_fact(root, &path, export)));
            }
            Outcome::Absent => {}
            Outcome::Unreadable(reason) => return Fact::unreadable(Source::file(path), reason),
        }
    }
    Fact::known(exports, source)
}

fn export_fact(root: &HostRoot, path: &str, export: &Export) -> Fact {
    let source = Source::line(path, export.line);
    let known = |truth: bool| Fact::known(truth, source.clone());
    let folder_source = Source::file(&*export.folder);
    let (mode, is_world_writable) = match root.metadata(&export.folder) {
        Outcome::Found(stat) => (
            Fact::known(format!("{:04o}", stat.mode & 0o7777), folder_source.clone()),
            Fact::known(stat.mode & OTHERS_WRITE != 0 && stat.mode & STICKY == 0, folder_source),
        ),
        Outcome::Absent => (Fact::absent(folder_source.clone()), Fact::absent(folder_source)),
        Outcome::Unreadable(reason) => {
            (Fact::unreadable(folder_source.clone(), reason.clone()), Fact::unreadable(folder_source, reason))
        }
    };
    Fact::group(BTreeMap::from([
        ("folder".to_owned(), Fact::known(&*export.folder, source.clone())),
        ("client".to_owned(), Fact::known(&*export.client, source.clone())),
        ("is_world".to_owned(), known(export.is_world())),
        ("is_detached".to_owned(), known(export.is_detached)),
        ("is_writable".to_owned(), known(export.is_writable())),
        ("keeps_root".to_owned(), known(export.keeps_root())),
        ("allows_unprivileged_ports".to_owned(), known(export.allows_unprivileged_ports())),
        ("needs_kerberos".to_owned(), known(export.needs_kerberos())),
        ("mode".to_owned(), mode),
        ("is_world_writable".to_owned(), is_world_writable),
        ("setting".to_owned(), Fact::known(export.setting(), source.clone())),
    ]))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_folder_beside_the_file_is_read_too() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("etc/exports.d")).unwrap();
        fs::write(folder.path().join("etc/exports"), "/a 10.0.0.1(ro)\n").unwrap();
        fs::write(folder.path().join("etc/exports.d/b.exports"), "/b 10.0.0.2(rw)\n").unwrap();
        fs::write(folder.path().join("etc/exports.d/c.exports.bak"), "/c *(rw)\n").unwrap();
        let exports = read_exports(&HostRoot::open(folder.path()).unwrap());
        let folders: Vec<_> =
            exports.list().unwrap().iter().map(|export| export.member("folder").unwrap().text().unwrap()).collect();
        assert_eq!(folders, ["/a", "/b"]);
        assert_eq!(
            exports.list().unwrap()[1].member("client").unwrap().source(),
            Some(&Source::line("/etc/exports.d/b.exports", 1))
        );
    }

    #[test]
    fn a_folder_that_everybody_may_write_to_is_told_from_a_sticky_one() {
        let folder = tempfile::tempdir().unwrap();
        for (name, mode) in [("open", 0o777), ("sticky", 0o1777), ("closed", 0o755)] {
            let place = folder.path().join(name);
            fs::create_dir_all(&place).unwrap();
            fs::set_permissions(&place, fs::Permissions::from_mode(mode)).unwrap();
        }
        fs::create_dir_all(folder.path().join("etc")).unwrap();
        let text = "/open 10.0.0.1(rw)\n/sticky 10.0.0.1(rw)\n/closed 10.0.0.1(rw)\n/gone 10.0.0.1(rw)\n";
        fs::write(folder.path().join("etc/exports"), text).unwrap();
        let exports = read_exports(&HostRoot::open(folder.path()).unwrap());
        let writable: Vec<_> =
            exports.list().unwrap().iter().map(|export| export.member("is_world_writable").unwrap().bool()).collect();
        assert_eq!(writable, [Some(true), Some(false), Some(false), None]);
    }

    #[test]
    fn a_host_without_the_file_exports_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_exports(&HostRoot::open(folder.path()).unwrap()).list(), Some(&[][..]));
    }
}
