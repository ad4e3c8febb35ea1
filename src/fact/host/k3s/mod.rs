//! k3s and RKE2: their role and their configuration.
//!
//! In come the process, the unit with `k3s.service.env`, and
//! `/etc/rancher/{k3s,rke2}/config.yaml` with its drop-in folder,
//! <https://docs.k3s.io/installation/configuration>. Tokens and data store
//! passwords never become values.

mod find;
#[cfg(test)]
mod k3s_test;
mod setting;
mod token;

use super::kubelet::{FLAG, Flag, element, kubelet_version, parse_bool};
use super::root::Outcome;
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::{Fact, Facts, Source};

pub(super) use find::{K3s, find_k3s};

/// Options whose values are secrets, or may hold one.
const SECRET: &[&str] = &[
    "token",
    "agent-token",
    "bootstrap-token",
    "datastore-endpoint",
    "etcd-s3-secret-key",
    "etcd-s3-access-key",
    "vpn-auth",
];

/// What this collector delivers.
const FACTS: &[FactDoc] = &[
    FactDoc::new("k3s.present", Type::Bool, "k3s or RKE2 is set up on this host"),
    FactDoc::new("k3s.running", Type::Bool, "its process runs"),
    FactDoc::new("k3s.distribution", Type::Text, "`k3s` or `rke2`"),
    FactDoc::new("k3s.role", Type::Text, "`server` or `agent`"),
    FactDoc::new(
        "k3s.version",
        Type::Text,
        "version without the leading v; unreadable where nothing on the host tells it",
    ),
    FactDoc::new("k3s.settings", Type::List(&FLAG), "its options, the winning one last; secrets left out"),
    FactDoc::new("k3s.datastore", Type::Text, "`sqlite`, `etcd` (embedded) or `external`; absent for agents"),
    FactDoc::new(
        "k3s.flannel_backend",
        Type::Text,
        "`flannel-backend`, `vxlan` by default; absent for agents and RKE2",
    ),
    FactDoc::new("k3s.docker", Type::Bool, "it runs its containers with Docker"),
    FactDoc::new("k3s.token_is_set", Type::Bool, "a token was chosen by hand"),
    FactDoc::new(
        "k3s.token_weakness",
        Type::Text,
        "why a chosen token is weak, without the token: `short` or `guessable`; absent where it is neither",
    ),
    FactDoc::new(
        "k3s.token_is_exposed",
        Type::Bool,
        "the token stands on a command line, in a unit, or in an environment file that others may read",
    ),
];

/// The collector of `k3s.*`.
pub(super) const COLLECTOR: Collector = Collector { name: "k3s", facts: FACTS, needs: &[], collect };

fn collect(host: &Host, _earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    match find_k3s(host) {
        Outcome::Found(k3s) => set_found(&mut facts, host, &k3s),
        Outcome::Absent => {
            facts.set("k3s.present", Fact::known(false, Source::file("/etc/rancher")));
            set_rest(&mut facts, &Fact::absent(Source::file("/etc/rancher")));
        }
        Outcome::Unreadable(why) => {
            let unreadable = Fact::unreadable(Source::file("/etc/rancher"), why);
            facts.set("k3s.present", unreadable.clone());
            set_rest(&mut facts, &unreadable);
        }
    }
    facts
}

fn set_rest(facts: &mut Facts, fact: &Fact) {
    for doc in FACTS.iter().filter(|doc| facts_is_unset(facts, doc.path)).collect::<Vec<_>>() {
        facts.set(doc.path, fact.clone());
    }
}

fn facts_is_unset(facts: &Facts, path: &str) -> bool {
    facts.get(path).is_none()
}

fn set_found(facts: &mut Facts, host: &Host, k3s: &K3s) {
    facts.set("k3s.present", Fact::known(true, k3s.source.clone()));
    facts.set("k3s.running", running(host, k3s));
    facts.set("k3s.distribution", Fact::known(k3s.distribution, k3s.source.clone()));
    let role = if k3s.is_server { "server" } else { "agent" };
    facts.set("k3s.role", Fact::known(role, k3s.source.clone()));
    facts.set("k3s.version", kubelet_version(host, k3s.process.as_ref()));
    let settings = match &k3s.settings {
        Ok(settings) => settings,
        Err(why) => {
            set_rest(facts, &Fact::unreadable(k3s.source.clone(), why.clone()));
            return;
        }
    };
    let shown = settings.iter().filter(|setting| !SECRET.contains(&setting.name.as_str()));
    let shown: Vec<Fact> = shown.map(|setting| element(setting.members(), &setting.source)).collect();
    facts.set("k3s.settings", Fact::known(shown, k3s.source.clone()));
    facts.set("k3s.datastore", datastore(host, k3s));
    facts.set("k3s.flannel_backend", flannel_backend(k3s));
    facts.set("k3s.docker", switch(k3s, "docker"));
    token::set_token(facts, host, settings);
}

fn running(host: &Host, k3s: &K3s) -> Fact {
    match (&k3s.process, host.processes()) {
        (Some(process), _) => Fact::known(true, Source::file(process.command_line_path())),
        (None, Outcome::Found(_)) => Fact::known(false, Source::file("/proc")),
        (None, Outcome::Absent) => Fact::unreadable(Source::file("/proc"), "read /proc: no processes were recorded"),
        (None, Outcome::Unreadable(why)) => Fact::unreadable(Source::file("/proc"), why.clone()),
    }
}

/// A switch that is off unless it is set.
fn switch(k3s: &K3s, name: &str) -> Fact {
    match k3s.setting(name) {
        Some(Flag { value, source, .. }) => match parse_bool(value) {
            Some(truth) => Fact::known(truth, source.clone()),
            None => Fact::unreadable(source.clone(), format!("{name} is neither true nor false")),
        },
        None => Fact::known(false, Source::default_of("https://docs.k3s.io/cli/server")),
    }
}

/// k3s keeps SQLite unless it is told or has joined otherwise; RKE2 has etcd.
/// The files of the running server decide before its options.
fn datastore(host: &Host, k3s: &K3s) -> Fact {
    const FOLDER: &str = "/var/lib/rancher/k3s/server/db";
    if !k3s.is_server {
        return Fact::absent(k3s.source.clone());
    }
    if let Some(endpoint) = k3s.setting("datastore-endpoint").filter(|endpoint| !endpoint.value.is_empty()) {
        let is_sqlite = endpoint.value.starts_with("sqlite");
        return Fact::known(if is_sqlite { "sqlite" } else { "external" }, endpoint.source.clone());
    }
    if k3s.distribution == "rke2" {
        return Fact::known("etcd", Source::default_of("https://docs.rke2.io/datastore/external"));
    }
    for name in ["cluster-init", "server"] {
        if let Some(option) = k3s.setting(name).filter(|option| parse_bool(&option.value) != Some(false)) {
            return Fact::known("etcd", option.source.clone());
        }
    }
    let mut failure = format!("find the data store: neither {FOLDER}/state.db nor {FOLDER}/etcd is there");
    for (name, datastore) in [("etcd", "etcd"), ("state.db", "sqlite")] {
        let path = format!("{FOLDER}/{name}");
        match host.root.metadata(&path) {
            Outcome::Found(_) => return Fact::known(datastore, Source::file(path)),
            Outcome::Absent => {}
            Outcome::Unreadable(why) => failure = why,
        }
    }
    Fact::unreadable(Source::file(FOLDER), failure)
}

fn flannel_backend(k3s: &K3s) -> Fact {
    if !k3s.is_server || k3s.distribution == "rke2" {
        return Fact::absent(k3s.source.clone());
    }
    match k3s.setting("flannel-backend") {
        Some(backend) => Fact::known(backend.value.as_str(), backend.source.clone()),
        None => Fact::known("vxlan", Source::default_of("https://docs.k3s.io/networking/basic-network-options")),
    }
}
