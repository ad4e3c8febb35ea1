//! Listening ports.
use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::{Collector, Host};

/// Reads port.
pub(in crate::fact::host) const COLLECTOR: Collector = Collector { name: "port", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "port.needed",
        Type::List(&Type::Object(NEEDED)),
        "The TCP ports of this node's roles on which something listens, with the program that holds each. Source: `/proc/1/net/tcp{,6}`, \
         proc_net(5), and the descriptors of the processes. Absent: the host has no role in a cluster.",
    ),
    FactDoc::new(
        "port.listening",
        Type::List(&Type::Int),
        "The TCP ports on which something listens, in rising order, each once. Source: `/proc/1/net/tcp`, `tcp6`.",
    ),
];

const NEEDED: &[Field] = &[
    Field::new("port", Type::Int, "its number"),
    Field::new("program", Type::Text, "the program that needs it"),
    Field::new(
        "owner",
        Type::Text,
        "the program that holds it; absent where it is the kernel; unreadable without the right to see descriptors",
    ),
    Field::new(
        "is_foreign",
        Type::Bool,
        "whether a program holds it that is neither the needed one nor a distribution that contains it",
    ),
    Field::new("setting", Type::Text, "port, owner and process in words"),
];

fn collect(_host: &Host, _earlier: &Facts) -> Facts {
    Facts::default()
}
