//! The NFS client: what the host has to mount, and the helper that does it.
//!
//! mount(8) runs `mount.nfs` for both types, nfs(5). fstab(5); the in-tree
//! plugin of Kubernetes keeps its volumes in `kubernetes.io~nfs` and mounts
//! with the host's helper, a CSI driver brings its own.

use std::collections::BTreeMap;

use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::host::{Collector, Host};
use crate::fact::{Fact, Facts, Source};

/// Reads what concerns NFS mounts.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "nfs_client", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "nfs.mounts",
        Type::List(&Type::Object(MOUNT)),
        "NFS mounts that the host itself has to make: lines of /etc/fstab, NFS volumes of pods on this node (the in-tree plugin), and \
         mounts of /proc/1/mounts. Those of a CSI driver are left out, because it brings its own helper.",
    ),
    FactDoc::new(
        "nfs.has_mount_helper",
        Type::Bool,
        "Whether mount.nfs is installed. Source: /sbin/mount.nfs, /usr/sbin/mount.nfs, else the package database.",
    ),
];

const MOUNT: &[Field] = &[
    Field::new("target", Type::Text, "where it is mounted, or is to be"),
    Field::new("server", Type::Text, "server and path; absent where only the folder of a volume tells of it"),
];

/// Where the helper lies; newer systems keep all of these in one folder.
const HELPERS: &[&str] = &["/sbin/mount.nfs", "/usr/sbin/mount.nfs", "/usr/bin/mount.nfs"];
/// Packages that hold it: Debian, the RPM family, SUSE.
const PACKAGES: &[&str] = &["nfs-common", "nfs-utils", "nfs-client"];
const FSTAB: &str = "/etc/fstab";
const PODS: &str = "/var/lib/kubelet/pods";

/// A mount that the host has to make.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount {
    target: String,
    server: Option<String>,
    source: Source,
}

fn collect(host: &Host, _earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    facts.set("nfs.mounts", mounts_fact(&host.root));
    facts.set("nfs.has_mount_helper", has_mount_helper(host));
    facts
}

fn mounts_fact(root: &HostRoot) -> Fact {
    let mut mounts = Vec::new();
    match root.read_text(FSTAB) {
        Outcome::Found(text) => mounts.extend(parse_mounts(&text, FSTAB)),
        Outcome::Absent => {}
        Outcome::Unreadable(reason) => return Fact::unreadable(Source::file(FSTAB), reason),
    }
    if let (path, Outcome::Found(text)) = root.read_mounts() {
        for mount in parse_mounts(&text, &path) {
            if !mounts.iter().any(|known| known.target == mount.target) {
                mounts.push(mount);
            }
        }
    }
    match pod_volumes(root) {
        Ok(volumes) => {
            for volume in volumes {
                if !mounts.iter().any(|known| known.target == volume.target) {
                    mounts.push(volume);
                }
            }
        }
        // What is known already is enough to need the helper.
        Err(reason) if mounts.is_empty() => return Fact::unreadable(Source::file(PODS), reason),
        Err(_) => {}
    }
    let facts = mounts.into_iter().map(|mount| {
        Fact::group(BTreeMap::from([
            ("target".to_owned(), Fact::known(mount.target, mount.source.clone())),
            (
                "server".to_owned(),
                match mount.server {
                    Some(server) => Fact::known(server, mount.source),
                    None => Fact::absent(mount.source),
                },
            ),
        ]))
    });
    Fact::group(facts.collect::<Vec<_>>())
}

/// NFS volumes of the in-tree plugin, by the folders that the kubelet makes.
fn pod_volumes(root: &HostRoot) -> Result<Vec<Mount>, String> {
    let pods = match root.read_folder(PODS) {
        Outcome::Found(pods) => pods,
        Outcome::Absent => return Ok(Vec::new()),
        Outcome::Unreadable(reason) => return Err(reason),
    };
    let mut volumes = Vec::new();
    for pod in pods {
        let folder = format!("{PODS}/{pod}/volumes/kubernetes.io~nfs");
        for volume in root.read_folder(&folder).found().unwrap_or_default() {
            let target = format!("{folder}/{volume}");
            volumes.push(Mount { source: Source::file(&*target), target, server: None });
        }
    }
    Ok(volumes)
}

/// Whether the helper is installed. In a recorded tree its absence counts
/// only where the folder was recorded and no package speaks against it.
fn has_mount_helper(host: &Host) -> Fact {
    let root = &host.root;
    let mut unread = None;
    for path in HELPERS {
        match root.metadata(path) {
            Outcome::Found(_) => return Fact::known(true, Source::file(*path)),
            Outcome::Absent => {}
            Outcome::Unreadable(reason) => unread = Some(reason),
        }
    }
    let source = Source::file("/sbin/mount.nfs");
    if let Some(reason) = unread {
        return Fact::unreadable(source, reason);
    }
    if !root.has_kernel_files() {
        if let Outcome::Found(packages) = host.packages()
            && packages.iter().any(|package| PACKAGES.contains(&package.name.as_str()))
        {
            return Fact::known(true, Source::file("/sbin/mount.nfs"));
        }
        let was_recorded = ["/sbin", "/usr/sbin"].iter().any(|folder| root.metadata(folder).is_found());
        if !was_recorded {
            return Fact::unreadable(source, "look for /sbin/mount.nfs: the folder was not recorded");
        }
    }
    Fact::known(false, source)
}

/// NFS lines of fstab(5) or `proc_pid_mounts(5)`, which share their form. The
/// root itself is mounted before any helper, and CSI drivers bring their own.
fn parse_mounts(text: &str, path: &str) -> Vec<Mount> {
    (1_u32..)
        .zip(text.lines())
        .filter_map(|(number, line)| {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let [server, target, kind, ..] = fields.as_slice() else { return None };
            let is_nfs = matches!(*kind, "nfs" | "nfs4") && !server.starts_with('#');
            let is_csi = target.contains("kubernetes.io~csi") || target.contains("/plugins/kubernetes.io/csi");
            (is_nfs && !is_csi && *target != "/").then(|| Mount {
                target: (*target).to_owned(),
                server: Some((*server).to_owned()),
                source: Source::line(path, number),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use super::*;

    fn collected(files: &[&str], folders: &[&str]) -> Facts {
        let folder = tempfile::tempdir().unwrap();
        for path in folders {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        for path in files {
            let place = folder.path().join(path);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, "192.168.2.5:/data /mnt/data nfs defaults 0 0\n").unwrap();
        }
        collect(&Host::new(HostRoot::open(folder.path()).unwrap(), Instant::now()), &Facts::default())
    }

    #[test]
    fn nfs_lines_of_fstab_are_needs_and_comments_are_not() {
        let text =
            "UUID=1 / xfs defaults 0 0\n#10.0.0.5:/old /mnt nfs4 defaults 0 0\n10.0.0.5:/data /data nfs4 _netdev 0 0\n";
        let mounts = parse_mounts(text, "/etc/fstab");
        assert_eq!(mounts.len(), 1);
        assert_eq!(mounts[0].source, Source::line("/etc/fstab", 3));
    }

    #[test]
    fn mounts_of_a_csi_driver_and_the_root_need_no_helper_of_the_host() {
        let text = "10.0.0.5:/root / nfs rw 0 0\n\
                    10.0.0.5:/v /var/lib/kubelet/pods/1/volumes/kubernetes.io~csi/pv/mount nfs4 rw 0 0\n";
        assert_eq!(parse_mounts(text, "/proc/1/mounts"), []);
    }

    #[test]
    fn a_volume_of_the_in_tree_plugin_is_a_need() {
        let volume = "var/lib/kubelet/pods/0b1c/volumes/kubernetes.io~nfs/share";
        let facts = collected(&[], &[volume, "sbin"]);
        let mounts = facts.get("nfs.mounts").and_then(Fact::list).unwrap();
        assert_eq!(mounts[0].member("target").and_then(Fact::text), Some(&*format!("/{volume}")));
        assert_eq!(facts.bool("nfs.has_mount_helper"), Some(false));
    }

    #[test]
    fn the_helper_is_found_in_either_folder() {
        assert_eq!(collected(&["sbin/mount.nfs"], &[]).bool("nfs.has_mount_helper"), Some(true));
        assert_eq!(collected(&["usr/sbin/mount.nfs"], &[]).bool("nfs.has_mount_helper"), Some(true));
    }

    #[test]
    fn a_folder_that_was_not_recorded_says_nothing_of_the_helper() {
        assert_eq!(collected(&["etc/fstab"], &[]).bool("nfs.has_mount_helper"), None);
    }
}
