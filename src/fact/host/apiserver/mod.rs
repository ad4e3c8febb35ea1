//! What files of the API server say: its audit policy and its configuration of
//! encryption at rest. Both are named by flags of the component.

mod audit_policy;
mod encryption;
mod recording;

use super::root::Outcome;
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Source};

/// The collector of `audit_policy.*` and `encryption.*`.
pub(super) const COLLECTOR: Collector =
    Collector { name: "apiserver", facts: FACTS, needs: &["control_plane", "k3s"], collect };

const RULE: Type = Type::Object(&[
    Field::new("level", Type::Text, "`Request` or `RequestResponse`"),
    Field::new("number", Type::Int, "its place in the policy, counted from 1"),
]);

const FACTS: &[FactDoc] = &[
    FactDoc::new("audit_policy.path", Type::Text, "the audit policy that the API server here is given"),
    FactDoc::new(
        "audit_policy.leaks",
        Type::List(&RULE),
        "rules by which the contents of Secrets go into the audit log; absent without a policy",
    ),
    FactDoc::new(
        "audit_policy.records_nothing",
        Type::Bool,
        "no rule records anything: the policy is empty, or begins with a rule of level None for everything",
    ),
    FactDoc::new(
        "audit_policy.is_recording",
        Type::Bool,
        "the API server here is given a policy and a log or webhook for it, and the policy, where it can be read, records something; absent without an API server",
    ),
    FactDoc::new("encryption.config_path", Type::Text, "the EncryptionConfiguration that the API server here is given"),
    FactDoc::new(
        "encryption.first_provider",
        Type::Text,
        "the provider that Secrets are written with; absent where none is named",
    ),
    FactDoc::new(
        "encryption.uses_kms_v1",
        Type::Bool,
        "a provider is a KMS plugin of the first version; absent without such a file",
    ),
    FactDoc::new(
        "encryption.secrets_are_encrypted",
        Type::Bool,
        "Secrets are written encrypted; absent without an API server",
    ),
];

fn collect(host: &Host, earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    let (audit, encryption) =
        (named_file(host, earlier, "audit-policy-file"), named_file(host, earlier, "encryption-provider-config"));
    audit_policy::set(&mut facts, &audit);
    encryption::set(&mut facts, &encryption, earlier);
    let is_recording = recording::is_recording(&facts, earlier);
    facts.set("audit_policy.is_recording", is_recording);
    facts
}

/// A file that a flag of the API server names, and its text.
enum Named {
    /// There is no API server here, or it is not given the flag.
    No(Fact),
    /// Path, where it is named, and the text.
    File { path: Fact, source: Source, text: String },
    /// It is named, but cannot be read.
    Unreadable { path: Fact, unreadable: Fact },
}

fn named_file(host: &Host, earlier: &Facts, flag: &str) -> Named {
    let Some(flags) = earlier.get("control_plane.flags") else {
        return Named::No(Fact::absent(Source::default_of("there is no API server here")));
    };
    let Some(flags_list) = flags.list() else { return Named::No(flags.clone()) };
    if let Some(unreadable) = flags_list.iter().find(|flag| matches!(flag, Fact::Unreadable { .. })) {
        return Named::No(unreadable.clone());
    }
    let text = |fact: &Fact, member: &str| fact.member(member).and_then(Fact::text).map(str::to_owned);
    let is_it = |fact: &&Fact| {
        text(fact, "component").as_deref() == Some("kube-apiserver") && text(fact, "name").as_deref() == Some(flag)
    };
    let Some(found) = flags_list.iter().rev().find(is_it) else {
        return Named::No(Fact::absent(
            flags.source().cloned().unwrap_or_else(|| Source::default_of("kube-apiserver(8)")),
        ));
    };
    let value = text(found, "value").unwrap_or_default();
    let path =
        Fact::known(value.as_str(), found.source().cloned().unwrap_or_else(|| Source::default_of("kube-apiserver(8)")));
    let source = Source::file(&value);
    match host.root.read_text(&value) {
        Outcome::Found(text) => Named::File { path, source, text },
        // The path is that in the container, which need not be the host's.
        Outcome::Absent => {
            let reason = format!("read {value}: there is no such file on the host; it may be mounted from elsewhere");
            Named::Unreadable { path, unreadable: Fact::unreadable(source, reason) }
        }
        Outcome::Unreadable(why) => Named::Unreadable { path, unreadable: Fact::unreadable(source, why) },
    }
}
