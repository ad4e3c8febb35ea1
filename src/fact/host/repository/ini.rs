//! The files of yum, dnf and zypper: sections of `key=value`, with lines.

/// One setting and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::fact::host) struct IniSetting {
    /// Section, such as `main` or a repository's id.
    pub(in crate::fact::host) section: String,
    /// Key, in lower case.
    pub(in crate::fact::host) key: String,
    /// Value, continued lines joined by line breaks.
    pub(in crate::fact::host) value: String,
    /// Line, counted from 1.
    pub(in crate::fact::host) line: u32,
}

/// A file of settings, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::fact::host) struct IniFile {
    /// The names of the sections, and their lines.
    pub(in crate::fact::host) sections: Vec<(String, u32)>,
    /// The settings.
    pub(in crate::fact::host) settings: Vec<IniSetting>,
}

impl IniFile {
    /// Reads a file; lines that are none of it are passed over, as dnf does.
    /// A line that begins with white space continues the value before it.
    pub(in crate::fact::host) fn parse(text: &str) -> Self {
        let mut file = IniFile::default();
        let mut may_continue = false;
        for (line, text) in (1_u32..).zip(text.lines()) {
            let content = text.trim();
            if content.is_empty() || content.starts_with(['#', ';']) {
                may_continue &= !content.is_empty();
            } else if text.starts_with([' ', '\t']) && may_continue {
                if let Some(setting) = file.settings.last_mut() {
                    setting.value.push('\n');
                    setting.value.push_str(content);
                }
            } else if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                file.sections.push((name.to_owned(), line));
                may_continue = false;
            } else if let (Some((key, value)), Some((section, _))) = (content.split_once('='), file.sections.last()) {
                file.settings.push(IniSetting {
                    section: section.clone(),
                    key: key.trim().to_ascii_lowercase(),
                    value: value.trim().to_owned(),
                    line,
                });
                may_continue = true;
            }
        }
        file
    }

    /// The last setting of a key in a section.
    pub(in crate::fact::host) fn get(&self, section: &str, key: &str) -> Option<&IniSetting> {
        self.settings.iter().rfind(|setting| setting.section == section && setting.key == key)
    }
}

/// A truth as yum, dnf and zypper write it; none where it is no truth.
pub(in crate::fact::host) fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "yes" | "true" | "on" | "enabled" => Some(true),
        "0" | "no" | "false" | "off" | "disabled" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continued_values_comments_and_windows_lines_are_read() {
        let text = "# x\r\n[kubernetes]\r\nname = Kubernetes\r\nbaseurl=https://a/\r\n  https://b/\r\n\r\n\
                    garbage\r\n[main]\nGPGCheck=0\n";
        let file = IniFile::parse(text);
        assert_eq!(file.get("kubernetes", "baseurl").unwrap().value, "https://a/\nhttps://b/");
        assert_eq!(file.get("main", "gpgcheck").unwrap().line, 9);
        assert_eq!(file.sections, [("kubernetes".to_owned(), 2), ("main".to_owned(), 8)]);
    }
}
