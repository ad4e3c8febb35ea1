//! Command lines of Kubernetes' components, split into flags.
//!
//! The components parse with pflag: `--name=value`, `--name value`, and
//! booleans that stand alone; underscores read as dashes; the last one of a
//! repeated flag wins (k8s.io/component-base/cli/flag). etcd parses with Go's
//! own package, which also takes one dash.

use std::collections::BTreeMap;

use crate::fact::{Fact, Source};

/// A flag as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::fact) struct Flag {
    /// Name without dashes, underscores read as dashes.
    pub(in crate::fact) name: String,
    /// Value; `true` for one that stands alone.
    pub(in crate::fact) value: String,
    /// Where it was read.
    pub(in crate::fact) source: Source,
}

/// A feature gate as it was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::fact) struct Gate {
    pub(in crate::fact) name: String,
    pub(in crate::fact) is_enabled: bool,
    pub(in crate::fact) source: Source,
}

/// Flags that stand alone: what follows them is not their value. Others that
/// stand alone are told by the dash of what follows.
const SWITCHES: &[&str] = &[
    "add-dir-header",
    "allow-privileged",
    "alsologtostderr",
    "anonymous-auth",
    "auto-tls",
    "cgroups-per-qos",
    "client-cert-auth",
    "cluster-init",
    "containerized",
    "cpu-cfs-quota",
    "docker",
    "enable-controller-attach-detach",
    "enable-debugging-handlers",
    "enable-server",
    "fail-cgroupv1",
    "fail-swap-on",
    "keep-terminated-pod-volumes",
    "kernel-memcg-notification",
    "logtostderr",
    "make-iptables-util-chains",
    "peer-auto-tls",
    "peer-client-cert-auth",
    "protect-kernel-defaults",
    "really-crash-for-testing",
    "register-node",
    "register-schedulable",
    "rotate-certificates",
    "rotate-server-certificates",
    "runonce",
    "seccomp-default",
    "secrets-encryption",
    "serialize-image-pulls",
];

/// Splits arguments, the program's name left out, into flags.
pub(in crate::fact) fn parse_flags(arguments: &[(String, Source)]) -> Vec<Flag> {
    let mut flags = Vec::new();
    let mut rest = arguments.iter().peekable();
    while let Some((argument, source)) = rest.next() {
        let Some(text) = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) else { continue };
        if text.is_empty() {
            continue;
        }
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None if SWITCHES.contains(&text) => (text, "true".to_owned()),
            None => match rest.next_if(|(next, _)| !is_flag(next)) {
                Some((value, _)) => (text, value.clone()),
                None => (text, "true".to_owned()),
            },
        };
        flags.push(Flag { name: name.replace('_', "-"), value, source: source.clone() });
    }
    flags
}

/// The last flag of that name: it wins.
pub(in crate::fact) fn last<'a>(flags: &'a [Flag], name: &str) -> Option<&'a Flag> {
    flags.iter().rev().find(|flag| flag.name == name)
}

/// The gates that all `--feature-gates` flags set together; each occurrence
/// adds to the ones before, the last value of a gate wins.
pub(in crate::fact) fn parse_gates(flags: &[Flag]) -> Vec<Gate> {
    let mut gates: BTreeMap<String, Gate> = BTreeMap::new();
    for flag in flags.iter().filter(|flag| flag.name == "feature-gates") {
        for pair in flag.value.trim_matches(['"', '\'']).split(',') {
            let Some((name, value)) = pair.split_once('=') else { continue };
            // The API server also takes `component:Gate=value` since 1.32.
            let name = name.trim().rsplit(':').next().unwrap_or_default();
            let Some(is_enabled) = parse_bool(value.trim()) else { continue };
            gates.insert(name.to_owned(), Gate { name: name.to_owned(), is_enabled, source: flag.source.clone() });
        }
    }
    gates.into_values().collect()
}

/// A boolean as Go's `strconv.ParseBool` reads it.
pub(in crate::fact) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Whether a flag's value is a secret rather than the path of one.
pub(in crate::fact) fn is_secret(name: &str) -> bool {
    name.contains("password") || name.ends_with("secret") || name == "token"
}

/// A group of facts that share a source, as elements of lists are.
pub(in crate::fact) fn element(members: Vec<(&str, Fact)>, source: &Source) -> Fact {
    let members: BTreeMap<String, Fact> = members.into_iter().map(|(name, fact)| (name.to_owned(), fact)).collect();
    Fact::known(members, source.clone())
}

impl Flag {
    /// As it would be typed.
    pub(in crate::fact) fn setting(&self) -> String {
        format!("--{}={}", self.name, self.value)
    }

    /// The members of its fact.
    pub(in crate::fact) fn members(&self) -> Vec<(&'static str, Fact)> {
        vec![
            ("name", Fact::known(self.name.as_str(), self.source.clone())),
            ("value", Fact::known(self.value.as_str(), self.source.clone())),
            ("setting", Fact::known(self.setting(), self.source.clone())),
        ]
    }
}

impl Gate {
    /// The members of its fact.
    pub(in crate::fact) fn members(&self) -> Vec<(&'static str, Fact)> {
        vec![
            ("name", Fact::known(self.name.as_str(), self.source.clone())),
            ("enabled", Fact::known(self.is_enabled, self.source.clone())),
            ("setting", Fact::known(format!("{}={}", self.name, self.is_enabled), self.source.clone())),
        ]
    }
}

fn is_flag(argument: &str) -> bool {
    // A negative number is a value, as in `--oom-score-adj -999`.
    argument.strip_prefix('-').is_some_and(|rest| !rest.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(line: &str) -> Vec<(String, String)> {
        let source = Source::file("/proc/7/cmdline");
        let arguments: Vec<_> = line.split(' ').map(|argument| (argument.to_owned(), source.clone())).collect();
        parse_flags(&arguments).into_iter().map(|flag| (flag.name, flag.value)).collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_value_stands_behind_an_equals_sign_or_a_space() {
        assert_eq!(
            flags("--cgroup-driver=systemd --container-runtime remote -v 2"),
            [pair("cgroup-driver", "systemd"), pair("container-runtime", "remote"), pair("v", "2")]
        );
    }

    #[test]
    fn a_longer_flag_is_not_its_prefix() {
        let found = flags("--container-runtime-endpoint=unix:///run/containerd/containerd.sock");
        assert!(found.iter().all(|(name, _)| name != "container-runtime"), "got {found:?}");
    }

    #[test]
    fn a_switch_takes_no_value_from_the_next_argument() {
        assert_eq!(flags("--fail-swap-on kubelet --port 0"), [pair("fail-swap-on", "true"), pair("port", "0")]);
    }

    #[test]
    fn underscores_read_as_dashes_and_negative_numbers_are_values() {
        assert_eq!(
            flags("--cgroup_driver=systemd --oom-score-adj -999 --runtime-cgroups"),
            [pair("cgroup-driver", "systemd"), pair("oom-score-adj", "-999"), pair("runtime-cgroups", "true")]
        );
    }

    #[test]
    fn several_gates_in_one_list_and_a_repeated_flag_add_up_and_the_last_wins() {
        let source = Source::file("/proc/7/cmdline");
        let flag = |value: &str| Flag { name: "feature-gates".into(), value: value.into(), source: source.clone() };
        let gates = parse_gates(&[flag("RemoveSelfLink=false,NodeSwap=true"), flag("RemoveSelfLink=true")]);
        let gates: Vec<_> = gates.into_iter().map(|gate| (gate.name, gate.is_enabled)).collect();
        assert_eq!(gates, [("NodeSwap".to_owned(), true), ("RemoveSelfLink".to_owned(), true)]);
    }
}
