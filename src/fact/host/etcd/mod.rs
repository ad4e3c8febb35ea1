//! etcd on this host: static pod, systemd unit, process, or the one inside
//! k3s and RKE2.
//!
//! Flags win over the environment (`ETCD_*`); a `--config-file` replaces
//! both: <https://etcd.io/docs/v3.6/op-guide/configuration/>.

#[cfg(test)]
mod etcd_test;
mod setting;
mod url;

use std::collections::BTreeMap;

use super::component::{Component, find_components};
use super::k3s::{K3s, find_k3s};
use super::kubelet::{FLAG, Flag, element, last, parse_bool};
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Source};

/// Where the defaults are documented.
const DOCUMENTED: &str = "https://etcd.io/docs/v3.6/op-guide/configuration/";

/// `--quota-backend-bytes` where it is unset or 0.
const DEFAULT_QUOTA_BYTES: i64 = 2 << 30;

const URL: Type = Type::Object(&[
    Field::new("url", Type::Text, "the URL"),
    Field::new("setting", Type::Text, "the setting that names it, such as `--listen-client-urls`"),
    Field::new("is_plaintext", Type::Bool, "it is `http` and reaches beyond this host"),
]);

const DUPLICATE: Type = Type::Object(&[
    Field::new("name", Type::Text, "the flag's name"),
    Field::new("values", Type::List(&Type::Text), "its values, in order; the last one wins"),
]);

/// What this collector delivers.
const FACTS: &[FactDoc] = &[
    FactDoc::new("etcd.present", Type::Bool, "an etcd member is set up on this host"),
    FactDoc::new("etcd.kind", Type::Text, "`static-pod`, `process`, `unit`, `k3s` or `rke2`"),
    FactDoc::new("etcd.version", Type::Text, "version of its image, process or package"),
    FactDoc::new("etcd.flags", Type::List(&FLAG), "its flags, in order"),
    FactDoc::new(
        "etcd.duplicate_flags",
        Type::List(&DUPLICATE),
        "flags that are given more than once with different values",
    ),
    FactDoc::new(
        "etcd.urls",
        Type::List(&URL),
        "URLs that this member listens on and advertises, and those that the API server or k3s here reaches etcd by; metrics left out",
    ),
    FactDoc::new("etcd.listens_beyond_host", Type::Bool, "clients of other hosts can reach this member"),
    FactDoc::new("etcd.client_cert_auth", Type::Bool, "clients must show a certificate"),
    FactDoc::new("etcd.peer_client_cert_auth", Type::Bool, "peers must show a certificate"),
    FactDoc::new(
        "etcd.quota_backend_bytes",
        Type::Int,
        "size limit of the database in bytes, 2 GiB by default; negative means none",
    ),
    FactDoc::new("etcd.heartbeat_interval", Type::Int, "milliseconds between heartbeats"),
    FactDoc::new("etcd.election_timeout", Type::Int, "milliseconds until an election"),
    FactDoc::new(
        "etcd.initial_members",
        Type::List(&Type::Text),
        "names in initial-cluster; unreadable for a member that joined later, whose list is not the cluster",
    ),
    FactDoc::new("etcd.data_dir", Type::Text, "folder of the database"),
];

/// The collector of `etcd.*`.
pub(super) const COLLECTOR: Collector =
    Collector { name: "etcd", facts: FACTS, needs: &["kubelet", "control_plane"], collect };

fn collect(host: &Host, earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    let k3s = find_k3s(host).found();
    let found = find_components(host, earlier, &["etcd"], None);
    let member = found.components.into_iter().next().or_else(|| embedded(host, k3s.as_ref()));
    let broken = found.unreadable.iter().find(|(path, _)| path.contains("etcd")).or(found.unreadable.first());
    let settings = member.as_ref().map(|member| setting::read_settings(host, member));
    let own = settings.as_ref().and_then(|settings| settings.as_deref().ok()).unwrap_or_default();
    facts.set("etcd.urls", Fact::group(url::find_urls(own, earlier, k3s.as_ref())));
    match (&member, settings) {
        (Some(member), Some(Ok(settings))) => set_member(&mut facts, member, &settings),
        (Some(member), Some(Err(why))) => {
            set_identity(&mut facts, member);
            let unreadable = Fact::unreadable(member.source.clone(), why);
            facts.set("etcd.urls", unreadable.clone());
            set_unset(&mut facts, &unreadable);
        }
        _ => match broken {
            Some((path, why)) => {
                let unreadable = Fact::unreadable(Source::file(path), why.clone());
                set_unset(&mut facts, &unreadable);
            }
            None => {
                facts.set("etcd.present", Fact::known(false, Source::file("/etc/kubernetes/manifests")));
                set_unset(&mut facts, &Fact::absent(Source::file("/etc/kubernetes/manifests")));
            }
        },
    }
    facts
}

/// Gives every fact that was not set yet the same answer.
fn set_unset(facts: &mut Facts, fact: &Fact) {
    for doc in FACTS {
        if facts.get(doc.path).is_none() {
            facts.set(doc.path, fact.clone());
        }
    }
}

/// The etcd inside k3s, which writes its configuration as a file.
fn embedded(host: &Host, k3s: Option<&K3s>) -> Option<Component> {
    let k3s = k3s?;
    let path = format!("/var/lib/rancher/{}/server/db/etcd/config", k3s.distribution);
    if !host.root.metadata(&path).is_found() {
        return None;
    }
    let source = Source::file(&path);
    let config = Flag { name: "config-file".to_owned(), value: path, source: source.clone() };
    let why = "tell etcd's version: it is a part of k3s, which names none";
    let version = Fact::unreadable(source.clone(), why);
    Some(Component { name: "etcd", kind: k3s.distribution, version, flags: vec![config], source })
}

fn set_identity(facts: &mut Facts, member: &Component) {
    facts.set("etcd.present", Fact::known(true, member.source.clone()));
    facts.set("etcd.kind", Fact::known(member.kind, member.source.clone()));
    facts.set("etcd.version", member.version.clone());
    let shown = member.flags.iter().map(|flag| element(flag.members(), &flag.source)).collect::<Vec<_>>();
    facts.set("etcd.flags", Fact::known(shown, member.source.clone()));
    facts.set("etcd.duplicate_flags", Fact::known(duplicates(&member.flags), member.source.clone()));
}

fn set_member(facts: &mut Facts, member: &Component, settings: &[Flag]) {
    set_identity(facts, member);
    let listens = url::reach_beyond_host(settings, "listen-client-urls");
    facts.set("etcd.listens_beyond_host", listens);
    facts.set("etcd.client_cert_auth", cert_auth(settings, "client-cert-auth", "trusted-ca-file"));
    facts.set("etcd.peer_client_cert_auth", cert_auth(settings, "peer-client-cert-auth", "peer-trusted-ca-file"));
    let quota = match number(settings, "quota-backend-bytes", DEFAULT_QUOTA_BYTES) {
        Fact::Known { source, .. } if last(settings, "quota-backend-bytes").is_some_and(|flag| flag.value == "0") => {
            Fact::Known { value: DEFAULT_QUOTA_BYTES.into(), source }
        }
        quota => quota,
    };
    facts.set("etcd.quota_backend_bytes", quota);
    facts.set("etcd.heartbeat_interval", number(settings, "heartbeat-interval", 100));
    facts.set("etcd.election_timeout", number(settings, "election-timeout", 1000));
    facts.set("etcd.initial_members", initial_members(settings));
    let data_dir = match last(settings, "data-dir") {
        Some(flag) => Fact::known(flag.value.as_str(), flag.source.clone()),
        None => Fact::absent(Source::default_of(DOCUMENTED)),
    };
    facts.set("etcd.data_dir", data_dir);
}

/// A CA to check clients by makes their certificate mandatory by itself, in
/// etcd's `transport.TLSInfo.ServerConfig`.
fn cert_auth(settings: &[Flag], switch: &str, ca: &str) -> Fact {
    if let Some(ca) = last(settings, ca).filter(|ca| !ca.value.is_empty()) {
        return Fact::known(true, ca.source.clone());
    }
    match last(settings, switch) {
        Some(flag) => match parse_bool(&flag.value) {
            Some(truth) => Fact::known(truth, flag.source.clone()),
            None => Fact::unreadable(flag.source.clone(), format!("{} is neither true nor false", flag.setting())),
        },
        None => Fact::known(false, Source::default_of(DOCUMENTED)),
    }
}

fn number(settings: &[Flag], name: &str, default: i64) -> Fact {
    match last(settings, name) {
        Some(flag) => match flag.value.parse::<i64>() {
            Ok(number) => Fact::known(number, flag.source.clone()),
            Err(_) => Fact::unreadable(flag.source.clone(), format!("{} is no number", flag.setting())),
        },
        None => Fact::known(default, Source::default_of(DOCUMENTED)),
    }
}

/// Flags that are given more than once with different values.
fn duplicates(flags: &[Flag]) -> Vec<Fact> {
    let mut by_name: BTreeMap<&str, Vec<&Flag>> = BTreeMap::new();
    for flag in flags {
        by_name.entry(&flag.name).or_default().push(flag);
    }
    let differ = |flags: &[&Flag]| flags.windows(2).any(|pair| matches!(pair, [a, b] if a.value != b.value));
    let mut duplicates = Vec::new();
    for (name, flags) in by_name.iter().filter(|(_, flags)| differ(flags)) {
        let Some(winner) = flags.last() else { continue };
        let values: Vec<Fact> =
            flags.iter().map(|flag| Fact::known(flag.value.as_str(), flag.source.clone())).collect();
        let members = vec![
            ("name", Fact::known(*name, winner.source.clone())),
            ("values", Fact::known(values, winner.source.clone())),
        ];
        duplicates.push(element(members, &winner.source));
    }
    duplicates
}

/// The members that the cluster was made of. A member that joined a cluster
/// lists those of its own day; kubeadm's second node lists two for ever.
fn initial_members(settings: &[Flag]) -> Fact {
    let Some(list) = last(settings, "initial-cluster").filter(|flag| !flag.value.is_empty()) else {
        return Fact::absent(Source::default_of(DOCUMENTED));
    };
    if let Some(state) = last(settings, "initial-cluster-state").filter(|state| state.value == "existing") {
        let why = "tell the members: this one joined an existing cluster, and its list is of that day";
        return Fact::unreadable(state.source.clone(), why);
    }
    let mut names: Vec<&str> = Vec::new();
    for pair in list.value.split(',') {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name).trim();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let names: Vec<Fact> = names.into_iter().map(|name| Fact::known(name, list.source.clone())).collect();
    Fact::known(names, list.source.clone())
}
