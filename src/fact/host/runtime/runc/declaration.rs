//! The facts of runc and libseccomp: their names, types and meanings.

use crate::fact::catalogue::{FactDoc, Field, Type};

/// One runc on the host.
const RUNC: &[Field] = &[
    Field::new("path", Type::Text, "Path, links resolved."),
    Field::new(
        "version",
        Type::Text,
        "Version by the binary itself, else by its package. Unreadable: neither tells it.",
    ),
    Field::new("package", Type::Text, "Package that the version is known by. Absent: none."),
    Field::new(
        "is_distribution_build",
        Type::Bool,
        "Whether a distribution built it, which mends it without raising the number.",
    ),
    Field::new(
        "has_backports",
        Type::Bool,
        "Whether it has fixes that its number does not show. False for the project's own builds; unreadable for a distribution's, because its number says nothing.",
    ),
    Field::new("is_in_use", Type::Bool, "Whether the runtime of this node starts this one."),
    Field::new("is_static", Type::Bool, "Whether it needs no shared libraries."),
    Field::new(
        "is_in_path",
        Type::Bool,
        "Whether it lies in the search path of services, so that a name alone may find it; one that a distribution of Kubernetes brings with it does not.",
    ),
    Field::new(
        "missing_symbols",
        Type::List(&Type::Text),
        "Symbols that it needs of libseccomp and that the installed libseccomp lacks.",
    ),
];

/// What the collector delivers.
pub(super) const FACTS: &[FactDoc] = &[
    FactDoc::new("runc.present", Type::Bool, "Whether there is any runc."),
    FactDoc::new(
        "runc.installed",
        Type::List(&Type::Object(RUNC)),
        "Every runc of the host, each file once, that in use first.",
    ),
    FactDoc::new(
        "runc.in_use",
        Type::Text,
        "Path of the runc that the runtime starts: `BinaryName`, `runtime_path`, else the first in its PATH.",
    ),
    FactDoc::new(
        "runc.differing",
        Type::List(&Type::Text),
        "Paths of runcs in the search path whose content is not that of the first one.",
    ),
    FactDoc::new(
        "libseccomp.path",
        Type::Text,
        "The libseccomp that the dynamic loader finds. Absent: none is installed.",
    ),
    FactDoc::new("libseccomp.version", Type::Text, "Version by its file name or package."),
];
