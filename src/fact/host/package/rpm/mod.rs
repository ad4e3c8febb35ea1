//! rpm's databases, in the three forms that they have had.

mod bdb;
mod file;
mod header;
mod ndb;
mod sqlite;

use super::Package;
use crate::fact::host::root::{HostRoot, Outcome};
use file::{DatabaseFile, Fault};
use header::{Header, parse_header};

/// Where the databases lie; on image-based systems only the last is there.
const FOLDERS: &[&str] = &["/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"];

/// More packages than any host has.
const MAX_PACKAGES: usize = 100_000;

/// The beginning of a header that nearly always holds what is wanted.
const FIRST_BYTES: usize = 4096;

/// The most bytes of a header that are looked at.
const MOST_BYTES: usize = 1 << 20;

/// The packages that rpm has installed. Absent: the host has no rpm.
pub(super) fn read_packages(root: &HostRoot) -> Outcome<Vec<Package>> {
    type Read = fn(&HostRoot, &str, &DatabaseFile) -> Result<Vec<Header>, Fault>;
    let forms: [(&str, Read); 3] = [
        ("rpmdb.sqlite", |root, path, file| {
            let wal = root.open_file(&format!("{path}-wal")).found().map(DatabaseFile::new);
            sqlite::read_headers(file, wal.as_ref())
        }),
        ("Packages.db", |_, _, file| ndb::read_headers(file)),
        ("Packages", |_, _, file| bdb::read_headers(file)),
    ];
    for folder in FOLDERS {
        for (name, read) in &forms {
            let path = format!("{folder}/{name}");
            match root.open_file(&path) {
                Outcome::Absent => {}
                Outcome::Unreadable(reason) => return Outcome::Unreadable(reason),
                Outcome::Found(file) => {
                    return match read(root, &path, &DatabaseFile::new(file)) {
                        Ok(headers) => Outcome::Found(packages_of(headers, &path)),
                        Err(fault) => Outcome::Unreadable(format!("read {path}: {fault}")),
                    };
                }
            }
        }
    }
    Outcome::Absent
}

fn packages_of(headers: Vec<Header>, path: &str) -> Vec<Package> {
    // Imported keys are kept as packages of this name.
    let real = headers.into_iter().filter(|header| header.name != "gpg-pubkey");
    real.map(|header| Package {
        name: header.name,
        version: header.version,
        is_held: false,
        path: path.to_owned(),
        line: None,
    })
    .collect()
}

/// Reads a header of this size through a function that gives its first
/// bytes; a few suffice, because tags are sorted and names come first.
fn header_of(size: usize, read: impl Fn(usize) -> Result<Vec<u8>, Fault>) -> Result<Header, Fault> {
    for wanted in [FIRST_BYTES, MOST_BYTES] {
        if let Some(header) = parse_header(&read(wanted.min(size))?) {
            return Ok(header);
        }
        if wanted >= size {
            break;
        }
    }
    Err("the database has a broken header".to_owned())
}

#[cfg(test)]
mod tests;
