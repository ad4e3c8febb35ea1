//! etcd's settings: flags over environment variables, or its configuration
//! file alone, which makes etcd ignore both,
//! <https://etcd.io/docs/v3.6/op-guide/configuration/>.

use crate::fact::Source;
use crate::fact::host::Host;
use crate::fact::host::component::Component;
use crate::fact::host::document::{self, Node};
use crate::fact::host::kubelet::{Flag, last};
use crate::fact::host::root::Outcome;
use crate::fact::host::unit;

/// Environment files of the packages of CentOS, Debian and Kubespray.
const ENVIRONMENT_FILES: &[&str] = &["/etc/etcd/etcd.conf", "/etc/default/etcd", "/etc/etcd.env"];

/// The groups of the configuration file and what its keys are as flags.
const GROUPS: &[(&str, &str)] = &[("client-transport-security", ""), ("peer-transport-security", "peer-")];

/// The settings of a member in order, the winning one last. The error is the
/// reason why they cannot be known.
pub(super) fn read_settings(host: &Host, member: &Component) -> Result<Vec<Flag>, String> {
    let mut settings = Vec::new();
    if matches!(member.kind, "process" | "unit") {
        read_environment(host, &mut settings);
    }
    settings.extend(member.flags.iter().cloned());
    let Some(config) = last(&settings, "config-file").filter(|config| !config.value.is_empty()) else {
        return Ok(settings);
    };
    match host.root.read_text(&config.value) {
        Outcome::Found(text) => {
            parse_config(&text, &config.value).map_err(|why| format!("read {}: {why}", config.value))
        }
        Outcome::Absent => Err(format!("read {}: no such file", config.value)),
        Outcome::Unreadable(why) => Err(why),
    }
}

fn read_environment(host: &Host, settings: &mut Vec<Flag>) {
    let mut paths: Vec<String> = Vec::new();
    if let Outcome::Found(unit) = unit::read_unit(&host.root, "etcd.service") {
        for setting in unit.all("Service", "Environment") {
            let words = setting.value.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
            let line = |word| parse_variable(word, Source::line(&setting.path, setting.line));
            settings.extend(words.filter_map(line));
        }
        let files =
            unit.all("Service", "EnvironmentFile").map(|setting| setting.value.trim_start_matches('-').to_owned());
        paths.extend(files);
    }
    if paths.is_empty() {
        paths.extend(ENVIRONMENT_FILES.iter().map(|path| (*path).to_owned()));
    }
    for path in paths {
        if let Outcome::Found(text) = host.root.read_text(&path) {
            settings.extend(parse_environment(&text, &path));
        }
    }
}

/// Settings of an environment file: `ETCD_LISTEN_CLIENT_URLS="http://…"`.
pub(super) fn parse_environment(text: &str, path: &str) -> Vec<Flag> {
    let numbered = text.lines().enumerate();
    numbered
        .filter_map(|(index, line)| {
            let line_number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            parse_variable(line.trim().trim_start_matches("export "), Source::line(path, line_number))
        })
        .collect()
}

fn parse_variable(assignment: &str, source: Source) -> Option<Flag> {
    let (key, value) = assignment.split_once('=')?;
    let name = key.trim().strip_prefix("ETCD_")?.to_lowercase().replace('_', "-");
    Some(Flag { name, value: value.trim().trim_matches(['"', '\'']).to_owned(), source })
}

/// Settings of a configuration file, named as their flags are.
pub(super) fn parse_config(text: &str, path: &str) -> Result<Vec<Flag>, String> {
    let documents = document::parse_yaml(text).map_err(|error| error.to_string())?;
    let document = documents.first().ok_or("it is empty")?;
    let mut settings = Vec::new();
    for (key, node) in document.members() {
        match GROUPS.iter().find(|(group, _)| group == key) {
            Some((_, prefix)) => {
                for (inner, node) in node.members() {
                    settings.extend(node.scalar().map(|value| flag(format!("{prefix}{inner}"), value, path, node)));
                }
            }
            None => settings.extend(node.scalar().map(|value| flag(key.clone(), value, path, node))),
        }
    }
    Ok(settings)
}

fn flag(name: String, value: String, path: &str, node: &Node) -> Flag {
    Flag { name, value, source: Source::line(path, node.line) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn centos_environment_file_names_settings_by_variables() {
        let text = "#[Member]\nETCD_DATA_DIR=\"/var/lib/etcd/default.etcd\"\nETCD_LISTEN_CLIENT_URLS=\"http://0.0.0.0:2379\"\n";
        let settings = parse_environment(text, "/etc/etcd/etcd.conf");
        assert_eq!(settings[1].setting(), "--listen-client-urls=http://0.0.0.0:2379");
        assert_eq!(settings[1].source, Source::line("/etc/etcd/etcd.conf", 3));
    }

    #[test]
    fn the_configuration_files_groups_become_flags() {
        let text = "name: a\nclient-transport-security:\n  client-cert-auth: true\n  trusted-ca-file: /ca.crt\npeer-transport-security:\n  client-cert-auth: true\nquota-backend-bytes: 4294967296\n";
        let settings = parse_config(text, "/etc/etcd/etcd.yml").expect("yaml");
        let settings: Vec<String> = settings.iter().map(Flag::setting).collect();
        assert_eq!(
            settings,
            [
                "--name=a",
                "--client-cert-auth=true",
                "--trusted-ca-file=/ca.crt",
                "--peer-client-cert-auth=true",
                "--quota-backend-bytes=4294967296"
            ]
        );
    }
}
