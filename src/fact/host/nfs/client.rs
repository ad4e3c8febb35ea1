//! The NFS client.
use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::{Collector, Host};

/// Reads nfs_client.
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

fn collect(_host: &Host, _earlier: &Facts) -> Facts {
    Facts::default()
}
