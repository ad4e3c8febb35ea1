//! Traces of dockershim in the kubelet's configuration.
//!
//! In: the kubelet's flags and endpoint, kubeadm's files. Out: the fact
//! `dockershim.settings`. Truth: the kubelet of 1.24 has no dockershim any
//! more, KEP-2221.

use std::collections::BTreeMap;

use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::root::Outcome;
use crate::fact::host::{Collector, Host};
use crate::fact::{Fact, Facts, Source};

/// A setting that only dockershim understood.
const SETTING: &[Field] = &[
    Field::new("name", Type::Text, "Flag or key."),
    Field::new("value", Type::Text, "Its value; empty for a flag without one."),
];

const FACTS: &[FactDoc] = &[FactDoc::new(
    "dockershim.settings",
    Type::List(&Type::Object(SETTING)),
    "Settings of this node that ask for dockershim. Unreadable: the kubelet's configuration could not be read.",
)];

/// Looks for dockershim.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "dockershim", facts: FACTS, needs: &["kubelet"], collect };

/// Flags of the kubelet that only dockershim understood. All were removed
/// with it in 1.24; what other flags were removed is another rule's matter.
const FLAGS: &[&str] = &["docker-endpoint", "experimental-dockershim-root-directory", "image-pull-progress-deadline"];

/// Where kubeadm keeps what it joined with.
const KUBEADM_FILES: &[&str] = &["/var/lib/kubelet/kubeadm-flags.env", "/var/lib/kubelet/instance-config.yaml"];

fn collect(host: &Host, earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    facts.set("dockershim.settings", read_settings(host, earlier));
    facts
}

fn read_settings(host: &Host, earlier: &Facts) -> Fact {
    let mut settings = Vec::new();
    match earlier.get("kubelet.flags") {
        Some(flags @ Fact::Known { .. }) => settings.extend(from_flags(flags)),
        Some(Fact::Unreadable { source: Some(source), reason }) => {
            return Fact::unreadable(source.clone(), reason.clone());
        }
        _ => {}
    }
    for path in KUBEADM_FILES {
        match host.root.read_text(path) {
            Outcome::Found(text) => settings.extend(from_text(&text, path)),
            Outcome::Absent => {}
            Outcome::Unreadable(reason) => return Fact::unreadable(Source::file(*path), reason),
        }
    }
    match earlier.get("kubelet.endpoint_setting") {
        Some(endpoint) if settings.is_empty() && endpoint.text().is_some_and(is_dockershim) => {
            settings.push(setting("containerRuntimeEndpoint", endpoint.clone()));
        }
        Some(Fact::Unreadable { source: Some(source), reason }) if settings.is_empty() => {
            return Fact::unreadable(source.clone(), reason.clone());
        }
        _ => {}
    }
    Fact::known(settings, Source::file("/var/lib/kubelet"))
}

/// `--container-runtime=docker`, a dockershim endpoint, or a flag of its own.
fn from_flags(flags: &Fact) -> Vec<Fact> {
    let is_of_dockershim = |name: &str, value: &str| {
        FLAGS.contains(&name)
            || (name == "container-runtime" && value == "docker")
            || (name.ends_with("-endpoint") && is_dockershim(value))
    };
    let flags = flags.list().unwrap_or_default().iter();
    flags
        .filter_map(|flag| {
            let name = flag.member("name")?.text()?;
            let value = flag.member("value")?;
            is_of_dockershim(name, value.text()?).then(|| setting(&format!("--{name}"), value.clone()))
        })
        .collect()
}

/// Lines of a file that name dockershim's socket and are no comment.
fn from_text(text: &str, path: &str) -> Vec<Fact> {
    text.lines()
        .zip(1_u32..)
        .filter(|(line, _)| !line.trim_start().starts_with('#'))
        .flat_map(|(line, number)| {
            line.split(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | '=' | ','))
                .filter(|word| is_dockershim(word))
                .map(move |word| setting("dockershim socket", Fact::known(word, Source::line(path, number))))
        })
        .take(16)
        .collect()
}

fn is_dockershim(endpoint: &str) -> bool {
    endpoint.contains("dockershim.sock")
}

fn setting(name: &str, value: Fact) -> Fact {
    let source = value.source().cloned().unwrap_or_else(|| Source::file("/var/lib/kubelet"));
    Fact::known(
        BTreeMap::from([("name".to_owned(), Fact::known(name, source.clone())), ("value".to_owned(), value)]),
        source,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(flags: &[(&str, &str)]) -> Fact {
        let source = Source::file("/proc/900/cmdline");
        let flags = flags.iter().map(|(name, value)| {
            Fact::group(BTreeMap::from([
                ("name".to_owned(), Fact::known(*name, source.clone())),
                ("value".to_owned(), Fact::known(*value, source.clone())),
            ]))
        });
        Fact::group(flags.collect::<Vec<_>>())
    }

    #[test]
    fn cri_dockerd_is_not_dockershim() {
        let found = from_flags(&flags(&[
            ("container-runtime-endpoint", "unix:///var/run/cri-dockerd.sock"),
            ("container-runtime", "remote"),
        ]));
        assert_eq!(found, []);
    }

    #[test]
    fn dockershims_socket_and_flags_are_found() {
        let found = from_flags(&flags(&[
            ("container-runtime-endpoint", "unix:///var/run/dockershim.sock"),
            ("container-runtime", "docker"),
            ("docker-endpoint", "unix:///var/run/docker.sock"),
            ("network-plugin", "cni"),
        ]));
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn a_comment_in_kubeadms_file_asks_for_nothing() {
        let text = "# was /var/run/dockershim.sock\nKUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=unix:///run/dockershim.sock\"\n";
        let found = from_text(text, "/var/lib/kubelet/kubeadm-flags.env");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].source(), Some(&Source::line("/var/lib/kubelet/kubeadm-flags.env", 2)));
    }
}
