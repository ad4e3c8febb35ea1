//! The options of k3s and RKE2, gathered from all their places.
//!
//! The command line wins over `config.yaml`, whose drop-ins in
//! `config.yaml.d/` replace a key or, written `key+`, add to it; environment
//! variables count last: <https://docs.k3s.io/installation/configuration>.

use crate::fact::Source;
use crate::fact::host::document::{self, Node};
use crate::fact::host::kubelet::{Flag, parse_flags};
use crate::fact::host::root::{HostRoot, Outcome};

/// Environment variables whose option has another name than they have.
const RENAMED: &[(&str, &str)] = &[("url", "server"), ("kubeconfig-mode", "write-kubeconfig-mode")];

/// Options of one letter.
const SHORT: &[(&str, &str)] = &[("t", "token"), ("s", "server"), ("d", "data-dir"), ("c", "config")];

/// Reads `config.yaml` and its drop-ins. The error is the reason why the
/// options cannot be known.
pub(super) fn read_config(root: &HostRoot, path: &str) -> Result<Vec<Flag>, String> {
    let mut settings = Vec::new();
    let mut paths = vec![path.to_owned()];
    let folder = format!("{path}.d");
    match root.read_folder(&folder) {
        Outcome::Found(names) => {
            let yaml = names.iter().filter(|name| name.ends_with(".yaml") || name.ends_with(".yml"));
            paths.extend(yaml.map(|name| format!("{folder}/{name}")));
        }
        Outcome::Absent => {}
        Outcome::Unreadable(why) => return Err(why),
    }
    for path in paths {
        match root.read_text(&path) {
            Outcome::Found(text) => merge_config(&mut settings, &text, &path)?,
            Outcome::Absent => {}
            Outcome::Unreadable(why) => return Err(why),
        }
    }
    Ok(settings)
}

/// Puts the options of one file over those of the files before it.
pub(super) fn merge_config(settings: &mut Vec<Flag>, text: &str, path: &str) -> Result<(), String> {
    let documents = document::parse_yaml(text).map_err(|error| format!("read {path}: {error}"))?;
    for (key, node) in documents.first().map(Node::members).unwrap_or_default() {
        let (name, adds) = match key.strip_suffix('+') {
            Some(name) => (name, true),
            None => (key.as_str(), false),
        };
        let name = name.replace('_', "-");
        if !adds {
            settings.retain(|setting| setting.name != name);
        }
        let values = if node.list().is_empty() { std::slice::from_ref(node) } else { node.list() };
        for value in values {
            if let Some(text) = value.scalar() {
                let source = Source::line(path, value.line);
                settings.push(Flag { name: name.clone(), value: text, source });
            }
        }
    }
    Ok(())
}

/// Options from the lines of an environment file, such as `k3s.service.env`.
pub(super) fn parse_environment(text: &str, path: &str) -> Vec<Flag> {
    let mut settings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim().trim_start_matches("export ");
        let Some((key, value)) = line.split_once('=') else { continue };
        let Some(rest) = key.strip_prefix("K3S_").or_else(|| key.strip_prefix("RKE2_")) else { continue };
        let name = rest.to_lowercase().replace('_', "-");
        let name = RENAMED.iter().find(|(from, _)| *from == name).map_or(name, |(_, to)| (*to).to_owned());
        let value = value.trim().trim_matches(['"', '\'']).to_owned();
        let line = u32::try_from(index + 1).unwrap_or(u32::MAX);
        settings.push(Flag { name, value, source: Source::line(path, line) });
    }
    settings
}

/// Options of a command line, what stands before `server` or `agent` left out.
pub(super) fn parse_arguments(arguments: &[(String, Source)]) -> Vec<Flag> {
    let mut settings = parse_flags(arguments);
    for setting in &mut settings {
        if let Some((_, long)) = SHORT.iter().find(|(short, _)| *short == setting.name) {
            (*long).clone_into(&mut setting.name);
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(settings: &[Flag]) -> Vec<String> {
        settings.iter().map(Flag::setting).collect()
    }

    #[test]
    fn a_drop_in_replaces_a_key_and_adds_to_one_with_a_plus() {
        let mut settings = Vec::new();
        merge_config(&mut settings, "token: abc\nkubelet-arg:\n- max-pods=200\n- v=2\n", "/c").expect("yaml");
        merge_config(&mut settings, "token: def\nkubelet-arg+:\n- fail-swap-on=true\n", "/c.d/1.yaml").expect("yaml");
        assert_eq!(
            pairs(&settings),
            ["--kubelet-arg=max-pods=200", "--kubelet-arg=v=2", "--token=def", "--kubelet-arg=fail-swap-on=true"]
        );
    }

    #[test]
    fn the_installers_environment_file_names_options_by_variables() {
        let text = "K3S_TOKEN='k3s_token'\nK3S_URL='https://10.0.0.1:6443'\nK3S_KUBECONFIG_MODE=644\nPATH=/bin\n";
        let settings = parse_environment(text, "/etc/systemd/system/k3s.service.env");
        assert_eq!(
            pairs(&settings),
            ["--token=k3s_token", "--server=https://10.0.0.1:6443", "--write-kubeconfig-mode=644"]
        );
        assert_eq!(settings[1].source, Source::line("/etc/systemd/system/k3s.service.env", 2));
    }
}
