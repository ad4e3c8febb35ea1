//! dockerd's command line, each flag under the name that `daemon.json` has
//! for it.
//!
//! In: arguments with their sources. Out: a list of [`Flag`]. Truth: moby's
//! `cmd/dockerd/config.go` and `opts`: a list flag such as `--exec-opt` is
//! the key `exec-opts`, and short flags stand for long ones.

use crate::fact::Source;

/// A flag of dockerd.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Flag {
    /// Its key in `daemon.json`: `exec-opts` for `--exec-opt`.
    pub(super) key: String,
    /// Its value; `true` for a flag that stands alone.
    pub(super) value: String,
    /// As it was typed, `--exec-opt native.cgroupdriver=systemd`.
    pub(super) typed: String,
    /// Where it stands.
    pub(super) source: Source,
}

/// Flags whose key in the file is another word.
const NAMED: &[(&str, &str)] = &[
    ("add-runtime", "runtimes"),
    ("authorization-plugin", "authorization-plugins"),
    ("cdi-spec-dir", "cdi-spec-dirs"),
    ("cluster-store-opt", "cluster-store-opts"),
    ("default-address-pool", "default-address-pools"),
    ("default-network-opt", "default-network-opts"),
    ("default-ulimit", "default-ulimits"),
    ("dns-opt", "dns-opts"),
    ("exec-opt", "exec-opts"),
    ("host", "hosts"),
    ("insecure-registry", "insecure-registries"),
    ("label", "labels"),
    ("log-opt", "log-opts"),
    ("node-generic-resource", "node-generic-resources"),
    ("registry-mirror", "registry-mirrors"),
    ("storage-opt", "storage-opts"),
];

/// Short flags and the keys that they stand for.
const SHORT: &[(char, &str)] = &[
    ('b', "bridge"),
    ('D', "debug"),
    ('g', "graph"),
    ('G', "group"),
    ('H', "hosts"),
    ('l', "log-level"),
    ('p', "pidfile"),
    ('s', "storage-driver"),
];

/// Flags that take no value after a blank.
const SWITCHES: &[&str] = &[
    "allow-direct-routing",
    "bridge-accept-fwmark",
    "containerd-cri",
    "cri-containerd",
    "debug",
    "disable-legacy-registry",
    "experimental",
    "icc",
    "init",
    "ip-forward",
    "ip-forward-no-drop",
    "ip-masq",
    "ip6tables",
    "iptables",
    "ipv6",
    "live-restore",
    "no-new-privileges",
    "raw-logs",
    "rootless",
    "selinux-enabled",
    "signature-verification",
    "tls",
    "tlsverify",
    "userland-proxy",
    "validate",
];

/// Reads the flags of a command line whose first argument is the program.
pub(super) fn parse_flags(arguments: &[(String, Source)]) -> Vec<Flag> {
    let mut flags = Vec::new();
    let mut rest = arguments.iter().skip(1).peekable();
    while let Some((argument, source)) = rest.next() {
        let (key, attached) = if let Some(long) = argument.strip_prefix("--").filter(|long| !long.is_empty()) {
            let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            (key_of(name), value)
        } else if let Some(short) = argument.strip_prefix('-').filter(|short| !short.is_empty() && *short != "-") {
            let mut letters = short.chars();
            let Some((_, key)) = letters.next().and_then(|letter| SHORT.iter().find(|(known, _)| *known == letter))
            else {
                continue;
            };
            let value = letters.as_str();
            (*key, (!value.is_empty()).then(|| value.strip_prefix('=').unwrap_or(value)))
        } else {
            continue;
        };
        let value = match attached {
            Some(value) => value.to_owned(),
            None if SWITCHES.contains(&key) => "true".to_owned(),
            None => match rest.next_if(|(next, _)| !next.starts_with('-')) {
                Some((value, _)) => value.clone(),
                None => "true".to_owned(),
            },
        };
        let typed = if attached.is_some() || SWITCHES.contains(&key) {
            argument.clone()
        } else {
            format!("{argument} {value}")
        };
        flags.push(Flag { key: key.to_owned(), value, typed, source: source.clone() });
    }
    flags
}

fn key_of(name: &str) -> &str {
    NAMED.iter().find(|(flag, _)| *flag == name).map_or(name, |(_, key)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Vec<(String, String)> {
        let source = Source::line("/usr/lib/systemd/system/docker.service", 12);
        let arguments: Vec<_> = line.split_whitespace().map(|part| (part.to_owned(), source.clone())).collect();
        parse_flags(&arguments).into_iter().map(|flag| (flag.key, flag.value)).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_list_flag_has_the_plural_key_of_the_file() {
        assert_eq!(
            parsed(
                "/usr/bin/dockerd -H fd:// --exec-opt native.cgroupdriver=systemd --registry-mirror=https://a.example"
            ),
            pairs(&[
                ("hosts", "fd://"),
                ("exec-opts", "native.cgroupdriver=systemd"),
                ("registry-mirrors", "https://a.example")
            ])
        );
    }

    #[test]
    fn a_switch_does_not_swallow_the_next_argument() {
        assert_eq!(
            parsed(
                "dockerd-current --selinux-enabled --log-driver=journald --signature-verification=false -D --live-restore --mtu 1450"
            ),
            pairs(&[
                ("selinux-enabled", "true"),
                ("log-driver", "journald"),
                ("signature-verification", "false"),
                ("debug", "true"),
                ("live-restore", "true"),
                ("mtu", "1450")
            ])
        );
    }

    #[test]
    fn a_short_flag_may_carry_its_value() {
        assert_eq!(
            parsed("dockerd -Hunix:///run/docker.sock -s overlay2 -- - -"),
            pairs(&[("hosts", "unix:///run/docker.sock"), ("storage-driver", "overlay2")])
        );
    }

    #[test]
    fn no_arguments_are_no_flags() {
        assert_eq!(parse_flags(&[]), []);
        assert_eq!(parsed("dockerd"), []);
    }
}
