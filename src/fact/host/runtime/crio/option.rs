//! CRI-O's options: flag, environment variable and place in the files.
//!
//! A flag wins over the environment, and both over the files; crio(8).

use super::config::Merged;
use crate::fact::{Fact, Source};

/// The names of one option.
#[derive(Clone, Copy, Debug)]
pub(super) struct OptionName {
    flag: &'static str,
    variable: &'static str,
    table: &'static [&'static str],
    name: &'static str,
}

const RUNTIME: &[&str] = &["crio", "runtime"];
const IMAGE: &[&str] = &["crio", "image"];
const NETWORK: &[&str] = &["crio", "network"];

/// `systemd` or `cgroupfs`, for all handlers.
pub(super) const CGROUP_MANAGER: OptionName =
    OptionName { flag: "cgroup-manager", variable: "CONTAINER_CGROUP_MANAGER", table: RUNTIME, name: "cgroup_manager" };

/// Where conmon runs.
pub(super) const CONMON_CGROUP: OptionName =
    OptionName { flag: "conmon-cgroup", variable: "CONTAINER_CONMON_CGROUP", table: RUNTIME, name: "conmon_cgroup" };

/// The handler of pods without a RuntimeClass.
pub(super) const DEFAULT_RUNTIME: OptionName = OptionName {
    flag: "default-runtime",
    variable: "CONTAINER_DEFAULT_RUNTIME",
    table: RUNTIME,
    name: "default_runtime",
};

/// The pause image.
pub(super) const PAUSE_IMAGE: OptionName =
    OptionName { flag: "pause-image", variable: "CONTAINER_PAUSE_IMAGE", table: IMAGE, name: "pause_image" };

/// Registries without verified TLS.
pub(super) const INSECURE_REGISTRIES: OptionName = OptionName {
    flag: "insecure-registry",
    variable: "CONTAINER_INSECURE_REGISTRY",
    table: IMAGE,
    name: "insecure_registries",
};

/// The folder of CNI networks.
pub(super) const NETWORK_DIR: OptionName =
    OptionName { flag: "cni-config-dir", variable: "CONTAINER_CNI_CONFIG_DIR", table: NETWORK, name: "network_dir" };

/// The folders of CNI plugins.
pub(super) const PLUGIN_DIRS: OptionName =
    OptionName { flag: "cni-plugin-dir", variable: "CONTAINER_CNI_PLUGIN_DIR", table: NETWORK, name: "plugin_dirs" };

/// The socket.
pub(super) const LISTEN: OptionName =
    OptionName { flag: "listen", variable: "CONTAINER_LISTEN", table: &["crio", "api"], name: "listen" };

/// Everything that decides an option.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// The command line, the program first.
    pub(super) arguments: Vec<(String, Source)>,
    /// Environment variables of the service, the later ones last.
    pub(super) environment: Vec<(String, String, Source)>,
    /// The files.
    pub(super) files: Merged,
}

impl Options {
    /// The value of an option, where anything sets it.
    pub(super) fn text(&self, option: OptionName) -> Option<(String, Source)> {
        self.given(option).pop().or_else(|| self.files.text(option.table, option.name))
    }

    /// The value of an option, or its documented default.
    pub(super) fn text_or(&self, option: OptionName, default: &str) -> Fact {
        match self.text(option) {
            Some((value, source)) => Fact::known(value, source),
            None => Fact::known(default, default_source(option.name)),
        }
    }

    /// The values of an option that has several, or its documented default.
    pub(super) fn list_or(&self, option: OptionName, default: &[&str]) -> Fact {
        let given = self.given(option);
        let (values, source) = if let Some((_, source)) = given.first() {
            let source = source.clone();
            let parts = given
                .iter()
                .flat_map(|(value, source)| value.split(',').map(|part| (part.trim().to_owned(), source.clone())));
            (parts.collect::<Vec<_>>(), source)
        } else if let Some(found) =
            self.files.list(option.table, option.name).filter(|(values, _)| !values.is_empty() || default.is_empty())
        {
            found
        } else {
            let source = default_source(option.name);
            (default.iter().map(|value| ((*value).to_owned(), source.clone())).collect(), source)
        };
        Fact::known(values.into_iter().map(|(value, source)| Fact::known(value, source)).collect::<Vec<_>>(), source)
    }

    /// What flags say, else what the environment says.
    fn given(&self, option: OptionName) -> Vec<(String, Source)> {
        let flags = self.flag(option.flag);
        if !flags.is_empty() {
            return flags;
        }
        let last = self.environment.iter().rev().find(|(name, ..)| name == option.variable);
        last.map(|(_, value, source)| (value.clone(), source.clone())).into_iter().collect()
    }

    /// The values of a flag in all its spellings, `--name value` and `--name=value`.
    pub(super) fn flag(&self, name: &str) -> Vec<(String, Source)> {
        let mut values = Vec::new();
        let mut rest = self.arguments.iter().skip(1).peekable();
        while let Some((argument, source)) = rest.next() {
            let Some(flag) = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) else { continue };
            if flag == name {
                if let Some((value, _)) = rest.peek() {
                    values.push((value.clone(), source.clone()));
                }
            } else if let Some(value) = flag.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
                values.push((value.to_owned(), source.clone()));
            }
        }
        values
    }
}

/// The source of a default of CRI-O.
pub(super) fn default_source(option: &str) -> Source {
    Source::default_of(format!("crio.conf(5), {option}"))
}

#[cfg(test)]
mod tests {
    use super::super::config::ConfigFile;
    use super::*;
    use crate::fact::host::document::parse_toml;

    fn options(arguments: &[&str], variable: Option<&str>) -> Options {
        let unit = Source::line("/usr/lib/systemd/system/crio.service", 9);
        let file = "[crio.runtime]\ncgroup_manager = \"cgroupfs\"\n[crio.network]\nplugin_dirs = [\"/opt/cni/bin\", \"/usr/libexec/cni\"]\n";
        Options {
            arguments: arguments.iter().map(|argument| ((*argument).to_owned(), unit.clone())).collect(),
            environment: variable
                .map(|value| ("CONTAINER_CGROUP_MANAGER".to_owned(), value.to_owned(), unit.clone()))
                .into_iter()
                .collect(),
            files: Merged {
                files: vec![ConfigFile { path: "/etc/crio/crio.conf".to_owned(), document: parse_toml(file).unwrap() }],
            },
        }
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_this_over_files() {
        let manager = |arguments: &[&str], variable| options(arguments, variable).text(CGROUP_MANAGER).unwrap().0;
        assert_eq!(manager(&["crio", "--cgroup-manager", "systemd"], Some("x")), "systemd");
        assert_eq!(manager(&["crio", "--cgroup-manager=systemd"], Some("x")), "systemd");
        assert_eq!(manager(&["crio"], Some("systemd")), "systemd");
        assert_eq!(manager(&["crio"], None), "cgroupfs");
    }

    #[test]
    fn an_option_that_nothing_sets_has_its_default() {
        let options = options(&[], None);
        assert_eq!(options.text_or(LISTEN, "/var/run/crio/crio.sock").text(), Some("/var/run/crio/crio.sock"));
        let dirs = options.list_or(PLUGIN_DIRS, &["/opt/cni/bin"]);
        assert_eq!(dirs.list().map(<[Fact]>::len), Some(2));
        assert_eq!(options.list_or(INSECURE_REGISTRIES, &[]).list().map(<[Fact]>::len), Some(0));
    }
}
