//! dockerd's settings: the command line and `daemon.json` together.
//!
//! In: flags and the parsed file. Out: effective values with their sources,
//! and the directives that stand in both. dockerd refuses to start when a
//! directive stands in both, equal or not: moby's
//! `daemon/config/config.go`, `findConfigurationConflicts`.

use std::collections::BTreeMap;

use super::flag::Flag;
use crate::fact::host::document::{Node, NodeValue};
use crate::fact::{Fact, Source, Value};

/// Directives that dockerd merges from both places instead of refusing.
const MERGED: &[&str] = &["runtimes"];

/// Log options that hold no secret; others (tokens, endpoints with keys) are
/// left out of the facts.
const PLAIN_LOG_OPTIONS: &[&str] =
    &["compress", "env", "labels", "max-buffer-size", "max-file", "max-size", "mode", "tag"];

/// Flags and file of one dockerd.
pub(super) struct Settings<'a> {
    /// Path and content of `daemon.json`; none where it does not exist.
    pub(super) file: Option<(&'a str, &'a Node)>,
    /// The command line.
    pub(super) flags: &'a [Flag],
}

impl Settings<'_> {
    /// The value of a directive that has one, and its source.
    pub(super) fn one(&self, key: &str) -> Option<(String, Source)> {
        let flag = self.flags.iter().rev().find(|flag| flag.key == key);
        if let Some(flag) = flag {
            return Some((flag.value.clone(), flag.source.clone()));
        }
        let (path, node) = self.in_file(key)?;
        Some((plain_text(node)?, Source::line(path, node.line)))
    }

    /// The values of a directive that has several, and their sources.
    pub(super) fn all(&self, key: &str) -> Vec<(String, Source)> {
        let flags = self.flags.iter().filter(|flag| flag.key == key);
        let mut values: Vec<_> = flags.map(|flag| (flag.value.clone(), flag.source.clone())).collect();
        if let Some((path, node)) = self.in_file(key) {
            let elements = node.list().iter();
            values
                .extend(elements.filter_map(|element| Some((plain_text(element)?, Source::line(path, element.line)))));
        }
        values
    }

    /// A directive that has one value, or its documented default.
    pub(super) fn text_or(&self, key: &str, default: &str) -> Fact {
        match self.one(key) {
            Some((value, source)) => Fact::known(value, source),
            None => Fact::known(default, default_source(key)),
        }
    }

    /// A directive that is true or false, or its documented default.
    pub(super) fn bool_or(&self, key: &str, default: bool) -> Fact {
        match self.one(key) {
            Some((value, source)) => match value.as_str() {
                "true" | "1" | "t" | "T" | "TRUE" | "True" => Fact::known(true, source),
                "false" | "0" | "f" | "F" | "FALSE" | "False" => Fact::known(false, source),
                _ => Fact::unreadable(source, format!("read {key}: {value:?} is neither true nor false")),
            },
            None => Fact::known(default, default_source(key)),
        }
    }

    /// A directive that is a whole number, or its documented default. dockerd
    /// takes 0 for unset.
    pub(super) fn number_or(&self, key: &str, default: i64) -> Fact {
        match self.one(key) {
            Some((value, source)) => match value.parse::<i64>() {
                Ok(0) => Fact::known(default, default_source(key)),
                Ok(number) => Fact::known(number, source),
                Err(_) => Fact::unreadable(source, format!("read {key}: {value:?} is not a number")),
            },
            None => Fact::known(default, default_source(key)),
        }
    }

    /// A directive that has several values, as a list.
    pub(super) fn list(&self, key: &str) -> Fact {
        let values = self.all(key);
        let source = match (values.first(), self.file) {
            (Some((_, source)), _) => source.clone(),
            (None, Some((path, _))) => Source::file(path),
            (None, None) => default_source(key),
        };
        let values = values.into_iter().map(|(value, source)| Fact::known(without_password(&value), source));
        Fact::known(values.collect::<Vec<_>>(), source)
    }

    /// The value of `native.cgroupdriver` in `exec-opts`.
    pub(super) fn cgroup_driver(&self) -> Option<(String, Source)> {
        self.all("exec-opts").into_iter().find_map(|(option, source)| {
            let (name, value) = option.split_once('=')?;
            (name.trim().eq_ignore_ascii_case("native.cgroupdriver")).then(|| (value.trim().to_owned(), source))
        })
    }

    /// Options of the log driver, those without secrets.
    pub(super) fn log_options(&self) -> Fact {
        let mut options = BTreeMap::new();
        if let Some((path, node)) = self.in_file("log-opts") {
            for (name, value) in node.members() {
                if let Some(text) = plain_text(value) {
                    options.insert(name.clone(), Fact::known(text, Source::line(path, value.line)));
                }
            }
        }
        for flag in self.flags.iter().filter(|flag| flag.key == "log-opts") {
            if let Some((name, value)) = flag.value.split_once('=') {
                options.insert(name.to_owned(), Fact::known(value, flag.source.clone()));
            }
        }
        options.retain(|name, _| PLAIN_LOG_OPTIONS.contains(&name.as_str()));
        let source = self.file.map_or_else(|| default_source("log-opts"), |(path, _)| Source::file(path));
        Fact::known(Value::Map(options), source)
    }

    /// The directives that stand both in the file and on the command line.
    pub(super) fn conflicts(&self) -> Fact {
        let Some((path, node)) = self.file else {
            return Fact::known(Vec::new(), default_source("config-file"));
        };
        let conflict = |(key, value): &(String, Node)| {
            let flag = self.flags.iter().find(|flag| flag.key == *key && !MERGED.contains(&key.as_str()))?;
            Some(Fact::group(BTreeMap::from([
                ("directive".to_owned(), Fact::known(key.as_str(), Source::line(path, value.line))),
                ("flag".to_owned(), Fact::known(without_password(&flag.typed), flag.source.clone())),
            ])))
        };
        Fact::known(node.members().iter().filter_map(conflict).collect::<Vec<_>>(), Source::file(path))
    }

    fn in_file(&self, key: &str) -> Option<(&str, &Node)> {
        let (path, node) = self.file?;
        Some((path, node.get(key)?))
    }
}

/// The source of a default of dockerd.
pub(super) fn default_source(key: &str) -> Source {
    Source::default_of(format!("https://docs.docker.com/reference/cli/dockerd/ ({key})"))
}

fn plain_text(node: &Node) -> Option<String> {
    match &node.value {
        NodeValue::Text(text) => Some(text.clone()),
        NodeValue::Bool(truth) => Some(truth.to_string()),
        NodeValue::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A URL without the user and password in it.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match host.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{host}{path}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/etc/docker/daemon.json";
    const UNIT: &str = "/usr/lib/systemd/system/docker.service";

    fn node(line: u32, value: NodeValue) -> Node {
        Node { line, value }
    }

    fn text(line: u32, text: &str) -> Node {
        node(line, NodeValue::Text(text.to_owned()))
    }

    fn file(members: Vec<(&str, Node)>) -> Node {
        node(1, NodeValue::Map(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()))
    }

    fn flag(key: &str, value: &str) -> Flag {
        let source = Source::line(UNIT, 6);
        Flag { key: key.to_owned(), value: value.to_owned(), typed: format!("--{key}={value}"), source }
    }

    #[test]
    fn a_directive_in_file_and_flags_is_a_conflict_even_if_both_are_equal() {
        let exec = node(2, NodeValue::List(vec![text(2, "native.cgroupdriver=systemd")]));
        let file = file(vec![("exec-opts", exec), ("mtu", node(3, NodeValue::Int(1450)))]);
        let flags = [flag("hosts", "fd://"), flag("exec-opts", "native.cgroupdriver=systemd")];
        let settings = Settings { file: Some((PATH, &file)), flags: &flags };
        let conflicts = settings.conflicts();
        let conflicts = conflicts.list().unwrap();
        assert_eq!(conflicts.len(), 1);
        assert_eq!(conflicts[0].member("directive"), Some(&Fact::known("exec-opts", Source::line(PATH, 2))));
        assert_eq!(conflicts[0].member("flag").unwrap().source(), Some(&Source::line(UNIT, 6)));
        assert_eq!(settings.cgroup_driver().unwrap().0, "systemd");
        assert_eq!(settings.number_or("mtu", 1500), Fact::known(1450_i64, Source::line(PATH, 3)));
    }

    #[test]
    fn runtimes_may_stand_in_both_places() {
        let file = file(vec![("runtimes", node(2, NodeValue::Map(Vec::new())))]);
        let flags = [flag("runtimes", "docker-runc=/usr/libexec/docker/docker-runc-current")];
        let settings = Settings { file: Some((PATH, &file)), flags: &flags };
        assert_eq!(settings.conflicts().list().map(<[Fact]>::len), Some(0));
    }

    #[test]
    fn what_nothing_sets_has_the_documented_default() {
        let settings = Settings { file: None, flags: &[] };
        assert_eq!(settings.number_or("mtu", 1500).int(), Some(1500));
        assert!(matches!(settings.number_or("mtu", 1500).source(), Some(Source::Default { .. })));
        assert_eq!(settings.text_or("bridge", "docker0").text(), Some("docker0"));
        assert_eq!(settings.bool_or("live-restore", false).bool(), Some(false));
        assert_eq!(settings.list("registry-mirrors").list().map(<[Fact]>::len), Some(0));
        assert_eq!(settings.cgroup_driver(), None);
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_unreadable() {
        let file = file(vec![("mtu", text(2, "jumbo")), ("live-restore", text(3, "maybe"))]);
        let settings = Settings { file: Some((PATH, &file)), flags: &[] };
        assert!(matches!(settings.number_or("mtu", 1500), Fact::Unreadable { .. }));
        assert!(matches!(settings.bool_or("live-restore", false), Fact::Unreadable { .. }));
    }

    #[test]
    fn secrets_never_become_facts() {
        let mirrors = node(2, NodeValue::List(vec![text(2, "https://bob:secret@mirror.example/v2")]));
        let options = node(
            3,
            NodeValue::Map(vec![
                ("splunk-token".to_owned(), text(4, "secret")),
                ("max-size".to_owned(), text(5, "10m")),
            ]),
        );
        let file = file(vec![("registry-mirrors", mirrors), ("log-opts", options)]);
        let settings = Settings { file: Some((PATH, &file)), flags: &[] };
        let seen = format!("{:?} {:?}", settings.list("registry-mirrors"), settings.log_options());
        assert!(!seen.contains("secret") && seen.contains("https://mirror.example/v2") && seen.contains("10m"));
    }
}
