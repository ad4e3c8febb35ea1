//! Image registries as containers/image knows them: what CRI-O, podman and
//! buildah share.
//!
//! In: `/etc/containers/registries.conf` and `registries.conf.d/*.conf`. Out:
//! the facts `registries.*`. Truth: containers-registries.conf(5) and
//! containers-registries.conf.d(5).

use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::{Collector, Host};

/// A place that is asked instead of a registry.
const MIRROR: &[Field] = &[
    Field::new("registry", Type::Text, "The registry, or its prefix, that is mirrored."),
    Field::new("location", Type::Text, "Where its images are asked for."),
    Field::new("insecure", Type::Bool, "Whether plain HTTP and unverified TLS are accepted there."),
];

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "registries.insecure",
        Type::List(&Type::Text),
        "Registries with `insecure = true`, or of version 1's `[registries.insecure]`.",
    ),
    FactDoc::new(
        "registries.mirrors",
        Type::List(&Type::Object(MIRROR)),
        "Mirrors, in the order in which they are asked.",
    ),
    FactDoc::new(
        "registries.unqualified_search",
        Type::List(&Type::Text),
        "Registries that a short image name is looked for in.",
    ),
];

/// Reads the configuration of containers/image.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "registries", facts: FACTS, needs: &[], collect };

fn collect(_host: &Host, _earlier: &Facts) -> Facts {
    Facts::default()
}
