//! apt's sources, sources.list(5): one-line files, and deb822 files.

use super::{Manager, Repository, Unchecked};
use crate::fact::Source;

/// A one-line file: `deb [options] URI suite components…`.
pub(super) fn parse_list(text: &str, path: &str) -> Vec<Repository> {
    let mut repositories = Vec::new();
    for (number, line) in (1_u32..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or("").trim();
        let Some(rest) = line.strip_prefix("deb").filter(|rest| rest.starts_with([' ', '\t'])) else { continue };
        let rest = rest.trim_start();
        let (options, rest) = match rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            Some((options, rest)) => (options, rest.trim_start()),
            None => ("", rest),
        };
        let mut words = rest.split_whitespace();
        let (Some(url), Some(suite)) = (words.next(), words.next()) else { continue };
        let source = Source::line(path, number);
        let unchecked = options
            .split_whitespace()
            .filter_map(|option| option.split_once('='))
            .filter(|(key, value)| is_unchecked(key, value))
            .map(|(key, value)| Unchecked { setting: format!("{key}={value}"), source: source.clone() })
            .collect();
        repositories.push(Repository {
            name: format!("{url} {suite}"),
            urls: vec![url.to_owned()],
            suites: vec![suite.to_owned()],
            manager: Manager::Apt,
            is_enabled: true,
            unchecked,
            source,
        });
    }
    repositories
}

/// A deb822 file: paragraphs of fields, several types, URIs and suites each.
pub(super) fn parse_deb822(text: &str, path: &str) -> Vec<Repository> {
    let mut repositories = Vec::new();
    let mut fields: Vec<(String, String, u32)> = Vec::new();
    for (number, line) in (1_u32..).zip(text.lines().chain(std::iter::once(""))) {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            repositories.extend(repository_of(&std::mem::take(&mut fields), path));
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value, _)) = fields.last_mut() {
                value.push('\n');
                value.push_str(line.trim());
            }
        } else if let Some((field, value)) = line.split_once(':') {
            fields.push((field.trim().to_ascii_lowercase(), value.trim().to_owned(), number));
        }
    }
    repositories
}

fn repository_of(fields: &[(String, String, u32)], path: &str) -> Option<Repository> {
    let words = |name: &str| -> Vec<String> {
        let value = fields.iter().rfind(|(field, ..)| field == name).map_or("", |(_, value, _)| value);
        value.split_whitespace().map(str::to_owned).collect()
    };
    let (urls, suites) = (words("uris"), words("suites"));
    if urls.is_empty() || !words("types").iter().any(|kind| kind == "deb") {
        return None;
    }
    let unchecked = fields
        .iter()
        .filter(|(field, value, _)| is_unchecked(field, value))
        .map(|(field, value, line)| Unchecked {
            setting: format!("{field}: {value}"),
            source: Source::line(path, *line),
        })
        .collect();
    let line = fields.iter().find(|(field, ..)| field == "uris").map_or(1, |(.., line)| *line);
    Some(Repository {
        name: format!("{} {}", urls.join(" "), suites.join(" ")),
        is_enabled: words("enabled").first().is_none_or(|word| super::ini::truth(word) != Some(false)),
        urls,
        suites,
        manager: Manager::Apt,
        unchecked,
        source: Source::line(path, line),
    })
}

/// Options that make apt trust a repository without a signature, or accept
/// one that has none.
fn is_unchecked(key: &str, value: &str) -> bool {
    matches!(key, "trusted" | "allow-insecure") && super::ini::truth(value) == Some(true)
}

/// Settings of apt.conf(5) that turn off the verification of certificates.
/// Both forms are read: `A::B "x";` and nested braces.
pub(super) fn parse_unverified(text: &str, path: &str) -> Vec<Unchecked> {
    let mut found = Vec::new();
    for (number, line) in (1_u32..).zip(text.lines()) {
        let line = line.split("//").next().unwrap_or("").trim();
        if line.starts_with('#') {
            continue;
        }
        let lower = line.to_ascii_lowercase();
        // Only a setting's end matters: `Acquire::https::example.org::Verify-Peer "false";`
        for setting in lower.split([';', '{', '}']) {
            let mut words = setting.split_whitespace();
            let (Some(key), Some(value)) = (words.next(), words.next()) else { continue };
            let is_verification =
                ["verify-peer", "verify-host"].iter().any(|name| key.rsplit("::").next() == Some(name));
            if is_verification && super::ini::truth(value.trim_matches('"')) == Some(false) {
                found.push(Unchecked {
                    setting: line.trim_end_matches(';').to_owned(),
                    source: Source::line(path, number),
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(repository: &Repository) -> Vec<&str> {
        repository.unchecked.iter().map(|unchecked| unchecked.setting.as_str()).collect()
    }

    #[test]
    fn one_line_sources_are_read_with_their_options() {
        let text = "# deb http://old/ x main\ndeb http://archive.ubuntu.com/ubuntu jammy main universe\n\
                    deb-src http://archive.ubuntu.com/ubuntu jammy main\n\
                    deb [arch=amd64 trusted=yes] https://apt.kubernetes.io/ kubernetes-xenial main # k8s\n\
                    deb [ signed-by=/etc/apt/keyrings/k.gpg ] https://pkgs.k8s.io/core:/stable:/v1.30/deb/ /\n";
        let repositories = parse_list(text, "/etc/apt/sources.list");
        assert_eq!(repositories.len(), 3);
        assert_eq!(settings(&repositories[1]), ["trusted=yes"]);
        assert_eq!(repositories[1].source, Source::line("/etc/apt/sources.list", 4));
        assert_eq!(repositories[1].suites, ["kubernetes-xenial"]);
        assert_eq!(repositories[2].urls, ["https://pkgs.k8s.io/core:/stable:/v1.30/deb/"]);
        assert!(settings(&repositories[2]).is_empty());
    }

    #[test]
    fn deb822_sources_may_be_disabled_or_trusted() {
        let text = "Types: deb deb-src\nURIs: https://download.docker.com/linux/debian\nSuites: bookworm\nComponents: \
                    stable\nTrusted: yes\n\n# off\nEnabled: no\nTypes: deb\nURIs: http://x/\n http://y/\nSuites: a b\n\
                    Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n\nTypes: deb-src\nURIs: http://z/\nSuites: a\n";
        let repositories = parse_deb822(text, "/x.sources");
        assert_eq!(repositories.len(), 2);
        assert_eq!(settings(&repositories[0]), ["trusted: yes"]);
        assert_eq!(repositories[0].unchecked[0].source, Source::line("/x.sources", 5));
        assert!(repositories[0].is_enabled && !repositories[1].is_enabled);
        assert_eq!(repositories[1].urls, ["http://x/", "http://y/"]);
    }

    #[test]
    fn verification_that_is_turned_off_is_found_in_both_forms() {
        let text = "Acquire::https::Verify-Peer \"false\";\n// Acquire::https::Verify-Peer \"false\";\n\
                    Acquire::https::repo.example.org::Verify-Host \"no\";\nAcquire { https { Verify-Peer \"false\"; } }\n\
                    Acquire::https::Verify-Peer \"true\";\n";
        let lines: Vec<_> = parse_unverified(text, "/x").into_iter().map(|unchecked| unchecked.source).collect();
        assert_eq!(lines, [Source::line("/x", 1), Source::line("/x", 3), Source::line("/x", 4)]);
    }
}
