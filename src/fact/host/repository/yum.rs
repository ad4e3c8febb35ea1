//! The `.repo` files of yum, dnf and zypper, dnf.conf(5).

use super::ini::{IniFile, IniSetting, truth};
use super::{Manager, Repository, Unchecked};
use crate::fact::Source;

/// The repositories of a file. `main` are the settings that hold where a
/// repository says nothing, and their path.
pub(super) fn parse_repo(text: &str, path: &str, manager: Manager, main: &Main) -> Vec<Repository> {
    let file = IniFile::parse(text);
    let sections = file.sections.iter().filter(|(name, _)| name != "main");
    sections
        .map(|(name, line)| {
            let setting = |key: &str| file.get(name, key);
            let words = |key: &str| -> Vec<String> {
                let value = setting(key).map_or("", |setting| setting.value.as_str());
                value.split([' ', ',', '\n', '\t']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
            };
            let mut unchecked = Vec::new();
            for key in ["gpgcheck", "pkg_gpgcheck", "repo_gpgcheck"] {
                match setting(key) {
                    Some(own) if truth(&own.value) == Some(false) => unchecked.push(said(own, path)),
                    Some(_) => {}
                    // That metadata is unsigned is many distributions' own
                    // default, so only packages are looked at here.
                    None if key == "gpgcheck" => unchecked.extend(main.unsigned.clone()),
                    None => {}
                }
            }
            Repository {
                name: name.clone(),
                urls: ["baseurl", "mirrorlist", "metalink"].into_iter().flat_map(words).collect(),
                suites: Vec::new(),
                manager,
                is_enabled: setting("enabled").is_none_or(|enabled| truth(&enabled.value) != Some(false)),
                unchecked,
                source: Source::line(path, setting("baseurl").map_or(*line, |setting| setting.line)),
            }
        })
        .collect()
}

/// What the main configuration says for all repositories.
#[derive(Clone, Debug, Default)]
pub(super) struct Main {
    /// Where packages' signatures are turned off.
    pub(super) unsigned: Option<Unchecked>,
    /// Where the verification of certificates is turned off.
    pub(super) unverified: Option<Unchecked>,
}

impl Main {
    /// Reads `[main]` of yum.conf or dnf.conf.
    pub(super) fn parse(text: &str, path: &str) -> Self {
        let file = IniFile::parse(text);
        let off = |key: &str| {
            let setting = file.get("main", key)?;
            (truth(&setting.value) == Some(false)).then(|| said(setting, path))
        };
        Main { unsigned: off("gpgcheck"), unverified: off("sslverify") }
    }
}

/// Repositories that turn the verification of certificates off themselves;
/// zypper does it in the URL.
pub(super) fn parse_unverified(text: &str, path: &str) -> Vec<Unchecked> {
    let file = IniFile::parse(text);
    let is_enabled =
        |section: &str| file.get(section, "enabled").is_none_or(|enabled| truth(&enabled.value) != Some(false));
    let is_off = |setting: &IniSetting| match setting.key.as_str() {
        "sslverify" => truth(&setting.value) == Some(false),
        "baseurl" | "mirrorlist" => setting.value.contains("ssl_verify=no"),
        _ => false,
    };
    let settings = file.settings.iter().filter(|setting| setting.section != "main");
    settings
        .filter(|setting| is_off(setting) && is_enabled(&setting.section))
        .map(|setting| said(setting, path))
        .collect()
}

fn said(setting: &IniSetting, path: &str) -> Unchecked {
    let value = setting.value.lines().next().unwrap_or("");
    Unchecked { setting: format!("{}={value}", setting.key), source: Source::line(path, setting.line) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBERNETES: &str = "[kubernetes]\nname=Kubernetes\n\
                              baseurl=http://mirrors.aliyun.com/kubernetes/yum/repos/kubernetes-el7-x86_64/\nenabled=1\n\
                              gpgcheck=0\nrepo_gpgcheck=0\nsslverify=0\n\n[base]\nname=Base\nmirrorlist=http://x/\n\
                              [off]\nbaseurl=https://y/\nenabled = False\nsslverify=no\n";

    fn settings(repository: &Repository) -> Vec<String> {
        repository.unchecked.iter().map(|unchecked| unchecked.setting.clone()).collect()
    }

    #[test]
    fn what_a_repository_turns_off_keeps_its_line() {
        let repositories = parse_repo(KUBERNETES, "/k.repo", Manager::Dnf, &Main::default());
        assert_eq!(settings(&repositories[0]), ["gpgcheck=0", "repo_gpgcheck=0"]);
        assert_eq!(repositories[0].unchecked[0].source, Source::line("/k.repo", 5));
        assert_eq!(repositories[0].source, Source::line("/k.repo", 3));
        assert!(settings(&repositories[1]).is_empty() && repositories[1].is_enabled && !repositories[2].is_enabled);
    }

    #[test]
    fn a_repository_that_says_nothing_takes_the_main_setting() {
        let main = Main::parse("[main]\ngpgcheck=no\nrepo_gpgcheck=0\nsslverify=true\n", "/etc/dnf/dnf.conf");
        let repositories = parse_repo(KUBERNETES, "/k.repo", Manager::Dnf, &main);
        assert_eq!(settings(&repositories[1]), ["gpgcheck=no"]);
        assert_eq!(repositories[1].unchecked[0].source, Source::line("/etc/dnf/dnf.conf", 2));
        assert!(main.unverified.is_none());
    }

    #[test]
    fn certificates_are_looked_at_only_where_the_repository_is_enabled() {
        let unverified = parse_unverified(KUBERNETES, "/k.repo");
        assert_eq!(unverified, [Unchecked { setting: "sslverify=0".to_owned(), source: Source::line("/k.repo", 7) }]);
        let zypper = "[k]\nbaseurl=https://x/?ssl_verify=no\n";
        assert_eq!(parse_unverified(zypper, "/z")[0].source, Source::line("/z", 2));
    }
}
