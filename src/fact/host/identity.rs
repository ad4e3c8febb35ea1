//! The names by which the host is known: hostname and machine id.
//!
//! Sources: `/proc/sys/kernel/hostname` (what the kubelet asks for),
//! `/etc/hostname` (hostname(5)) and `/etc/machine-id` (machine-id(5), which
//! is empty or `uninitialized` in an image before its first boot).

use super::absence::{fact_of, judged};
use super::root::{HostRoot, Outcome};
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::{Fact, Facts, Source};

const RUNNING: &str = "/proc/sys/kernel/hostname";
const STATIC: &str = "/etc/hostname";
const MACHINE_IDS: &[&str] = &["/etc/machine-id", "/var/lib/dbus/machine-id"];

pub(super) const COLLECTOR: Collector = Collector { name: "identity", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "hostname.name",
        Type::Text,
        "The running host name, in a recording without it the one of `/etc/hostname`.",
    ),
    FactDoc::new(
        "hostname.static_name",
        Type::Text,
        "The name of `/etc/hostname`. Absent: no such file, or it names none.",
    ),
    FactDoc::new(
        "hostname.is_valid",
        Type::Bool,
        "Whether the running name can name a Node: in lower case an RFC 1123 subdomain with labels of at most 63 characters, not localhost.",
    ),
    FactDoc::new(
        "machine.id",
        Type::Text,
        "The machine id. Absent: there is none, or it is not set (see machine.id_state).",
    ),
    FactDoc::new(
        "machine.id_state",
        Type::Text,
        "`set`, `empty`, `uninitialized`, `invalid` or `missing`: an id that is not set is chosen anew at each boot.",
    ),
    FactDoc::new(
        "machine.product_uuid",
        Type::Text,
        "`/sys/class/dmi/id/product_uuid`, readable by root only. Absent: no DMI, or a placeholder.",
    ),
];

fn collect(host: &Host, _: &Facts) -> Facts {
    let mut facts = Facts::default();
    set_hostname(&mut facts, &host.root);
    set_machine_id(&mut facts, &host.root);
    let path = "/sys/class/dmi/id/product_uuid";
    let uuid =
        host.root.read_kernel_text(path).and_then(|text| real_uuid(&text).map_or(Outcome::Absent, Outcome::Found));
    facts.set("machine.product_uuid", fact_of(Source::line(path, 1), uuid));
    facts
}

fn set_hostname(facts: &mut Facts, root: &HostRoot) {
    let configured = judged(root, "/etc", STATIC, root.read_text(STATIC))
        .and_then(|text| parse_hostname(&text).map_or(Outcome::Absent, Outcome::Found));
    let (source, running) = match root.read_kernel_text(RUNNING) {
        Outcome::Found(text) => (Source::line(RUNNING, 1), Outcome::Found(text.trim().to_owned())),
        unread if root.is_live() => (Source::line(RUNNING, 1), unread),
        unread => match &configured {
            Outcome::Found(name) => (Source::file(STATIC), Outcome::Found(name.clone())),
            _ => (Source::line(RUNNING, 1), unread),
        },
    };
    facts.set("hostname.static_name", fact_of(Source::file(STATIC), configured));
    facts.set("hostname.is_valid", fact_of(source.clone(), running.as_ref().map(|name| is_node_name(name))));
    facts.set("hostname.name", fact_of(source, running));
}

/// The first line that is no comment.
fn parse_hostname(text: &str) -> Option<String> {
    text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned)
}

/// What the kubelet makes of the name: trimmed and in lower case, it must be a
/// DNS subdomain, kubernetes.io/docs/concepts/overview/working-with-objects/names.
fn is_node_name(name: &str) -> bool {
    let name = name.to_lowercase();
    let is_local = name == "localhost" || name.starts_with("localhost.") || name == "(none)";
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    !is_local && name.len() <= 253 && name.split('.').all(is_label)
}

fn set_machine_id(facts: &mut Facts, root: &HostRoot) {
    for path in MACHINE_IDS {
        match root.read_text(path) {
            Outcome::Found(text) => {
                let (id, state) = parse_machine_id(&text);
                let source = Source::line(*path, 1);
                let id = id.map_or(Outcome::Absent, Outcome::Found);
                facts.set("machine.id", fact_of(source.clone(), id));
                facts.set("machine.id_state", Fact::known(state, source));
                return;
            }
            Outcome::Unreadable(reason) => {
                facts.set("machine.id", Fact::unreadable(Source::file(*path), reason.as_str()));
                facts.set("machine.id_state", Fact::unreadable(Source::file(*path), reason));
                return;
            }
            Outcome::Absent => {}
        }
    }
    let source = Source::file("/etc/machine-id");
    let id: Outcome<String> = judged(root, "/etc/machine-id", "/etc/machine-id", Outcome::Absent);
    let state = match &id {
        Outcome::Unreadable(reason) => Fact::unreadable(source.clone(), reason.as_str()),
        _ => Fact::known("missing", source.clone()),
    };
    facts.set("machine.id", fact_of(source, id));
    facts.set("machine.id_state", state);
}

fn parse_machine_id(text: &str) -> (Option<String>, &'static str) {
    let id = text.trim();
    match id {
        "" => (None, "empty"),
        "uninitialized" => (None, "uninitialized"),
        _ if id.len() == 32 && id.chars().all(|c| c.is_ascii_hexdigit()) => (Some(id.to_owned()), "set"),
        _ => (None, "invalid"),
    }
}

/// A product's UUID, but for what vendors leave in its place.
fn real_uuid(text: &str) -> Option<String> {
    const PLACEHOLDERS: &[&str] =
        &["03000200-0400-0500-0006-000700080009", "not settable", "not specified", "to be filled by o.e.m."];
    let uuid = text.trim().to_ascii_lowercase();
    let is_uniform = ['0', 'f'].iter().any(|digit| uuid.chars().all(|c| c == *digit || c == '-'));
    (!is_uniform && !PLACEHOLDERS.contains(&uuid.as_str())).then_some(uuid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_before_its_first_boot_has_no_machine_id() {
        assert_eq!(parse_machine_id(""), (None, "empty"));
        assert_eq!(parse_machine_id("uninitialized\n"), (None, "uninitialized"));
        assert_eq!(parse_machine_id("3d1219c7c4c5404aaa1f6d2a48adfda4\n").1, "set");
        assert_eq!(parse_machine_id("localhost\n").1, "invalid");
    }

    #[test]
    fn localhost_and_underscores_name_no_node() {
        for name in ["localhost", "localhost.localdomain", "(none)", "node_1", "-a", "", "a..b"] {
            assert!(!is_node_name(name), "{name}");
        }
        for name in ["cn-01", "CN-01", "cn-01.example.com", "1"] {
            assert!(is_node_name(name), "{name}");
        }
        assert!(!is_node_name(&"a".repeat(64)) && is_node_name(&"a".repeat(63)));
    }

    #[test]
    fn placeholders_are_no_uuid() {
        assert_eq!(real_uuid("03000200-0400-0500-0006-000700080009\n"), None);
        assert_eq!(real_uuid("00000000-0000-0000-0000-000000000000"), None);
        assert_eq!(real_uuid("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"), None);
        assert_eq!(real_uuid("Not Settable"), None);
        assert_eq!(
            real_uuid("4C4C4544-0051-3010-8052-B4C04F4E3132\n").as_deref(),
            Some("4c4c4544-0051-3010-8052-b4c04f4e3132")
        );
    }

    #[test]
    fn comments_in_etc_hostname_are_skipped() {
        assert_eq!(parse_hostname("# set by cloud-init\n\nnode-7\n").as_deref(), Some("node-7"));
    }
}
