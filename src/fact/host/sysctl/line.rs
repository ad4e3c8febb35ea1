//! Lines of sysctl.d files, sysctl.d(5).

use super::super::absence::line_number;

/// One setting of a sysctl.d file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    /// The key in dotted form, with `*` where it is a glob.
    pub(super) key: String,
    /// The value; none for `-key`, which exempts the key from globs.
    pub(super) value: Option<String>,
    /// Line, counted from 1.
    pub(super) line: u32,
}

impl Setting {
    /// Whether the key has a glob, which explicit settings of other files overrule.
    pub(super) fn is_glob(&self) -> bool {
        self.key.contains(['*', '?', '['])
    }

    /// Whether it speaks of this key. In a path, `*` stands for one name.
    pub(super) fn matches(&self, key: &str) -> bool {
        let (mut names, mut patterns) = (key.split('.'), self.key.split('.'));
        loop {
            match (names.next(), patterns.next()) {
                (None, None) => return true,
                (Some(name), Some(pattern)) if name_matches(name, pattern) => {}
                _ => return false,
            }
        }
    }
}

fn name_matches(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        Some((before, after)) if !after.contains('*') => {
            name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
        }
        Some(_) => globset::Glob::new(pattern).is_ok_and(|glob| glob.compile_matcher().is_match(name)),
        None => name == pattern,
    }
}

/// Parses a file of `key = value` lines. A leading `-` means that a failure
/// to set is no error, so such a line sets the key like any other.
pub(super) fn parse_settings(text: &str) -> Vec<Setting> {
    text.lines().enumerate().filter_map(|(index, line)| parse_line(line.trim(), line_number(index))).collect()
}

fn parse_line(text: &str, line: u32) -> Option<Setting> {
    if text.is_empty() || text.starts_with(['#', ';']) {
        return None;
    }
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key.trim(), Some(value.split_whitespace().collect::<Vec<_>>().join(" "))),
        None if text.starts_with('-') => (text, None),
        None => return None,
    };
    let key = dotted(key.trim_start_matches('-').trim());
    (!key.is_empty()).then_some(Setting { key, value, line })
}

/// Where a slash comes first, slashes separate and dots belong to names
/// (`net/ipv4/conf/eth0.100/forwarding`); otherwise dots separate.
fn dotted(key: &str) -> String {
    match key.find(['.', '/']) {
        Some(at) if key.get(at..).is_some_and(|rest| rest.starts_with('/')) => key
            .chars()
            .map(|c| {
                if c == '/' {
                    '.'
                } else if c == '.' {
                    '/'
                } else {
                    c
                }
            })
            .collect(),
        _ => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dash_only_ignores_failures() {
        let settings =
            parse_settings("# comment\n-net.ipv4.ip_forward = 1\n; other\n-net.ipv4.conf.all.rp_filter\nbroken\n");
        assert_eq!(settings[0], Setting { key: "net.ipv4.ip_forward".into(), value: Some("1".into()), line: 2 });
        assert_eq!(settings[1].value, None);
        assert_eq!(settings.len(), 2);
    }

    #[test]
    fn slashes_separate_where_one_comes_first() {
        assert_eq!(parse_settings("net/ipv4/ip_forward=1")[0].key, "net.ipv4.ip_forward");
        assert_eq!(parse_settings("net/ipv4/conf/eth0.100/forwarding=1")[0].key, "net.ipv4.conf.eth0/100.forwarding");
        assert_eq!(parse_settings("net.ipv4.conf.eth0/100.forwarding=1")[0].key, "net.ipv4.conf.eth0/100.forwarding");
    }

    #[test]
    fn a_glob_stands_for_one_name() {
        let glob = &parse_settings("net.ipv4.conf.*.rp_filter = 2")[0];
        assert!(glob.is_glob() && glob.matches("net.ipv4.conf.all.rp_filter"));
        assert!(!glob.matches("net.ipv4.ip_forward") && !glob.matches("net.ipv4.conf.all.x.rp_filter"));
    }
}
