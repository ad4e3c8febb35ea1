//! Mounted file systems, and those that fstab mounts at boot.
//!
//! Sources: `/proc/1/mounts`, else `/proc/mounts` (`proc_mounts(5)`), and
//! `/etc/fstab` (fstab(5)). Both write blanks in names as `\040`.

use std::collections::BTreeMap;

use super::absence::{fact_of, judged, line_number};
use super::root::Outcome;
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Source, Value};

pub(super) const FSTAB: &str = "/etc/fstab";

pub(super) const COLLECTOR: Collector = Collector { name: "mount", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "mount.table",
        Type::List(&Type::Object(MOUNT)),
        "Mounted file systems in the order of the kernel. Source: `/proc/1/mounts`, else `/proc/mounts`.",
    ),
    FactDoc::new(
        "mount.fstab",
        Type::List(&Type::Object(MOUNT)),
        "Lines of `/etc/fstab`, comments left out, each with its line as source. Absent: there is no such file.",
    ),
];

const MOUNT: &[Field] = &[
    Field::new("device", Type::Text, "What is mounted: a device, `UUID=…`, a remote export"),
    Field::new("path", Type::Text, "Where; `none` or `swap` for swap space"),
    Field::new("type", Type::Text, "File system type"),
    Field::new("options", Type::List(&Type::Text), "Mount options"),
];

/// One line of a mount table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) device: String,
    pub(super) path: String,
    pub(super) kind: String,
    pub(super) options: Vec<String>,
    pub(super) line: u32,
}

fn collect(host: &Host, _: &Facts) -> Facts {
    let mut facts = Facts::default();
    let (path, table) = host.root.read_mounts();
    facts.set("mount.table", mounts_fact(&path, table));
    let fstab = judged(&host.root, "/etc", FSTAB, host.root.read_text(FSTAB));
    facts.set("mount.fstab", mounts_fact(FSTAB, fstab));
    facts
}

fn mounts_fact(path: &str, text: Outcome<String>) -> Fact {
    let list = text.map(|text| parse_mounts(&text).iter().map(|mount| mount_fact(path, mount)).collect::<Vec<_>>());
    fact_of(Source::file(path), list)
}

fn mount_fact(path: &str, mount: &Mount) -> Fact {
    let source = Source::line(path, mount.line);
    let known = |text: &str| Fact::known(text, source.clone());
    let options: Vec<Fact> = mount.options.iter().map(|option| known(option)).collect();
    let members = BTreeMap::from([
        ("device".to_owned(), known(&mount.device)),
        ("path".to_owned(), known(&mount.path)),
        ("type".to_owned(), known(&mount.kind)),
        ("options".to_owned(), Fact::known(options, source.clone())),
    ]);
    Fact::known(Value::Map(members), source)
}

/// Lines of four fields or more; comments and shorter lines are no mounts.
/// fstab's options may be left out, and are `defaults` then.
pub(super) fn parse_mounts(text: &str) -> Vec<Mount> {
    text.lines().enumerate().filter_map(|(index, line)| parse_mount(line, line_number(index))).collect()
}

fn parse_mount(text: &str, line: u32) -> Option<Mount> {
    let text = text.trim();
    if text.starts_with('#') {
        return None;
    }
    let mut fields = text.split_whitespace();
    Some(Mount {
        device: unescape(fields.next()?),
        path: unescape(fields.next()?),
        kind: fields.next()?.to_owned(),
        options: fields.next().unwrap_or("defaults").split(',').map(unescape).collect(),
        line,
    })
}

/// `\040` is a blank, `\011` a tab, `\012` a newline, `\134` a backslash.
fn unescape(field: &str) -> String {
    let mut plain = String::with_capacity(field.len());
    let mut rest = field;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let code = after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(u8::is_ascii);
        if let (Some(code), Some(tail)) = (code, after.get(3..)) {
            plain.push(char::from(code));
            rest = tail;
        } else {
            plain.push('\\');
            rest = after;
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_no_mounts_and_lines_are_counted() {
        let fstab =
            "# /etc/fstab\nUUID=1 / ext4 defaults 0 1\n#UUID=2 none swap sw 0 0\n/dev/sdb1 /data xfs noauto,nofail\n";
        let mounts = parse_mounts(fstab);
        assert_eq!(mounts.len(), 2);
        assert_eq!((mounts[1].device.as_str(), mounts[1].line), ("/dev/sdb1", 4));
        assert_eq!(mounts[1].options, ["noauto", "nofail"]);
    }

    #[test]
    fn blanks_in_names_are_octal() {
        let mounts = parse_mounts("/dev/sdb1 /mnt/my\\040disk ext4 rw 0 0\n/dev/sdc1 /mnt/\\x\\04 ext4 rw 0 0\n");
        assert_eq!(mounts[0].path, "/mnt/my disk");
        assert_eq!(mounts[1].path, "/mnt/\\x\\04");
    }

    #[test]
    fn a_broken_line_is_left_out() {
        assert_eq!(parse_mounts("/dev/sda1\n\n   \n\u{0}\u{0}\n"), []);
    }
}
