//! Ceph's configuration on this host, and who may read its keys.
//!
//! Sources: `/etc/ceph/ceph.conf`
//! (<https://docs.ceph.com/en/latest/rados/configuration/ceph-conf/>: blanks,
//! underscores and dashes in a key are the same, `#` and `;` begin comments) and
//! the modes of the keyrings beside it. Keys are not read.

use super::absence::{judged, line_number};
use super::root::{HostRoot, Outcome};
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Source, Value};

const FOLDER: &str = "/etc/ceph";
const CONF: &str = "/etc/ceph/ceph.conf";
const READABLE_BY_OTHERS: u32 = 0o004;

pub(super) const COLLECTOR: Collector = Collector { name: "ceph", facts: FACTS, needs: &[], collect };

const KEYRING: Type = Type::Object(&[
    Field::new("path", Type::Text, "path of the keyring"),
    Field::new("mode", Type::Text, "permissions in octal, such as 0600"),
    Field::new("is_readable_by_others", Type::Bool, "whether every user of this host may read it"),
]);

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "ceph.pool_default_size",
        Type::Int,
        "`osd pool default size` of ceph.conf: copies that new pools keep. Absent: it is unset, which means 3, or Ceph is not here.",
    ),
    FactDoc::new("ceph.keyrings", Type::List(&KEYRING), "Keyrings in `/etc/ceph`, where ceph's clients look for them."),
];

fn collect(host: &Host, _: &Facts) -> Facts {
    let root = &host.root;
    let mut facts = Facts::default();
    let size = match judged(root, FOLDER, CONF, root.read_text(CONF)) {
        Outcome::Found(text) => match parse_pool_size(&text) {
            Some((size, line)) => Fact::known(size, Source::line(CONF, line)),
            None => Fact::absent(Source::file(CONF)),
        },
        // Without its folder Ceph is not here, recorded or not.
        Outcome::Absent => Fact::absent(Source::file(CONF)),
        Outcome::Unreadable(_) if matches!(root.metadata(FOLDER), Outcome::Absent) => Fact::absent(Source::file(CONF)),
        Outcome::Unreadable(reason) => Fact::unreadable(Source::file(CONF), reason),
    };
    facts.set("ceph.pool_default_size", size);
    facts.set("ceph.keyrings", read_keyrings(root));
    facts
}

/// The last setting of `osd pool default size` that is a number.
fn parse_pool_size(text: &str) -> Option<(i64, u32)> {
    let setting = |(index, line): (usize, &str)| {
        let line = line.split(['#', ';']).next()?;
        let (key, value) = line.split_once('=')?;
        let is_size = key.trim().replace([' ', '-'], "_") == "osd_pool_default_size";
        Some((value.trim().parse().ok().filter(|_| is_size)?, line_number(index)))
    };
    text.lines().enumerate().filter_map(setting).last()
}

fn read_keyrings(root: &HostRoot) -> Fact {
    let names = match root.read_folder(FOLDER) {
        Outcome::Found(names) => names,
        Outcome::Absent => Vec::new(),
        Outcome::Unreadable(reason) => return Fact::unreadable(Source::file(FOLDER), reason),
    };
    let keyrings = names.iter().filter(|name| name.ends_with(".keyring")).map(|name| {
        let path = format!("{FOLDER}/{name}");
        let source = Source::file(path.as_str());
        let mode = match root.metadata(&path) {
            Outcome::Found(stat) => stat.mode,
            Outcome::Absent => return Fact::absent(source),
            Outcome::Unreadable(reason) => return Fact::unreadable(source, reason),
        };
        Fact::group(Value::Map(
            [
                ("path".to_owned(), Fact::known(path.as_str(), source.clone())),
                ("mode".to_owned(), Fact::known(format!("{:04o}", mode & 0o7777), source.clone())),
                ("is_readable_by_others".to_owned(), Fact::known(mode & READABLE_BY_OTHERS != 0, source)),
            ]
            .into(),
        ))
    });
    Fact::known(keyrings.collect::<Vec<_>>(), Source::file(FOLDER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_spelt_with_blanks_underscores_or_dashes() {
        assert_eq!(parse_pool_size("[global]\nosd pool default size = 1\n"), Some((1, 2)));
        assert_eq!(parse_pool_size("osd_pool_default_size=3 ; was 1\n"), Some((3, 1)));
        assert_eq!(parse_pool_size("osd-pool-default-size = 2\nosd pool default size = 1"), Some((1, 2)));
        assert_eq!(parse_pool_size("# osd pool default size = 1\nosd pool default min size = 1\n"), None);
    }
}
