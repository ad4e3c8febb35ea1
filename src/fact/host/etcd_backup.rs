//! Traces of a backup of etcd on its own host: snapshot files
//! in the folders that guides and k3s use, and cron jobs and timers that call
//! for one.
//!
//! That there is none proves nothing: a job in the cluster or another system
//! may fetch the snapshot.

use super::root::{HostRoot, Outcome};
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Source};

/// The collector of `etcd_backup.*`.
pub(super) const COLLECTOR: Collector = Collector { name: "etcd_backup", facts: FACTS, needs: &[], collect };

const TRACE: Type = Type::Object(&[
    Field::new("kind", Type::Text, "`snapshot`, `cron` or `unit`"),
    Field::new("path", Type::Text, "the file"),
]);

const FACTS: &[FactDoc] = &[FactDoc::new(
    "etcd_backup.traces",
    Type::List(&TRACE),
    "snapshots of etcd on this host, and cron jobs and units that take them; unreadable where a folder may not be read",
)];

/// Folders of snapshots, k3s' and RKE2's among them.
const FOLDERS: &[&str] = &[
    "/var/lib/rancher/k3s/server/db/snapshots",
    "/var/lib/rancher/rke2/server/db/snapshots",
    "/var/lib/etcd-backup",
    "/var/lib/etcd/backup",
    "/var/backups/etcd",
    "/var/backups/kube_etcd",
    "/opt/etcd-backup",
    "/opt/backup/etcd",
    "/backup/etcd",
    "/data/etcd-backup",
];

/// Tables and folders of cron, crontab(5).
const CRON: &[&str] = &[
    "/etc/crontab",
    "/etc/cron.d",
    "/etc/cron.daily",
    "/etc/cron.hourly",
    "/etc/cron.weekly",
    "/var/spool/cron",
    "/var/spool/cron/crontabs",
];

const UNITS: &str = "/etc/systemd/system";

fn collect(host: &Host, _: &Facts) -> Facts {
    let root = &host.root;
    let mut traces = Vec::new();
    for folder in FOLDERS {
        match root.read_folder(folder) {
            Outcome::Found(names) if !names.is_empty() => {
                traces.extend(names.iter().map(|name| trace("snapshot", &format!("{folder}/{name}"))));
            }
            Outcome::Found(_) | Outcome::Absent => {}
            Outcome::Unreadable(why) => traces.push(Fact::unreadable(Source::file(*folder), why)),
        }
    }
    for path in CRON {
        for file in files(root, path, &mut traces) {
            search(root, &file, "cron", &mut traces);
        }
    }
    for file in files(root, UNITS, &mut traces) {
        if file.ends_with(".service") || file.ends_with(".timer") {
            search(root, &file, "unit", &mut traces);
        }
    }
    let mut facts = Facts::default();
    facts.set("etcd_backup.traces", Fact::group(traces));
    facts
}

/// The files of a folder, or the file itself.
fn files(root: &HostRoot, path: &str, traces: &mut Vec<Fact>) -> Vec<String> {
    match root.read_folder(path) {
        Outcome::Found(names) => names.into_iter().map(|name| format!("{path}/{name}")).collect(),
        Outcome::Absent => Vec::new(),
        // A table that is a file.
        Outcome::Unreadable(_) if root.read_text(path).is_found() => vec![path.to_owned()],
        Outcome::Unreadable(why) => {
            traces.push(Fact::unreadable(Source::file(path), why));
            Vec::new()
        }
    }
}

fn search(root: &HostRoot, path: &str, kind: &str, traces: &mut Vec<Fact>) {
    if let Outcome::Found(text) = root.read_text(path)
        && is_backup(&text)
    {
        traces.push(trace(kind, path));
    }
}

/// Whether a line that is no comment has etcd saved.
fn is_backup(text: &str) -> bool {
    text.lines().map(str::trim).filter(|line| !line.starts_with('#')).any(|line| {
        let line = line.to_ascii_lowercase();
        let saves = line.contains("snapshot") || line.contains("backup");
        line.contains("etcd") && saves && !line.starts_with("description") && !line.starts_with("documentation")
    })
}

fn trace(kind: &str, path: &str) -> Fact {
    let place = Source::file(path);
    let members = vec![("kind", Fact::known(kind, place.clone())), ("path", Fact::known(path, place.clone()))];
    crate::fact::flag::element(members, &place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_saves_etcd_is_a_trace_and_a_comment_is_none() {
        assert!(is_backup("0 3 * * * root ETCDCTL_API=3 etcdctl snapshot save /mnt/s.db\n"));
        assert!(is_backup("ExecStart=/usr/local/bin/etcd-backup.sh\n"));
        assert!(!is_backup("# etcdctl snapshot save\n0 3 * * * root etcdctl defrag\n"));
        assert!(!is_backup("Description=etcd backup\nExecStart=/usr/bin/etcd\n"));
    }
}
