//! The grammar of `/etc/exports`, exports(5).

/// One folder that is exported to one client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Export {
    /// The folder.
    pub(super) folder: String,
    /// The client as it stands; empty where the line names none.
    pub(super) client: String,
    /// Whether the options stand apart from the client before them.
    pub(super) is_detached: bool,
    /// Line of the file on which the entry begins.
    pub(super) line: u32,
    /// Options in order, those after `-` first; the last of a pair counts.
    options: Vec<String>,
}

impl Export {
    /// Whether the client is everybody.
    pub(super) fn is_world(&self) -> bool {
        matches!(self.client.as_str(), "" | "*" | "0.0.0.0/0" | "0.0.0.0/0.0.0.0" | "0/0" | "::/0")
    }

    /// `rw`; the default is `ro`.
    pub(super) fn is_writable(&self) -> bool {
        self.last_of("rw", "ro").unwrap_or(false)
    }

    /// Whether root of a client is root here: `no_root_squash`, unless all
    /// are squashed; or squashed to uid 0.
    pub(super) fn keeps_root(&self) -> bool {
        let squashes_all = self.last_of("all_squash", "no_all_squash").unwrap_or(false);
        let squashes_root = squashes_all || self.last_of("root_squash", "no_root_squash").unwrap_or(true);
        let anonymous_uid = self.options.iter().rev().find_map(|option| option.strip_prefix("anonuid="));
        !squashes_root || anonymous_uid == Some("0")
    }

    /// `insecure`; the default is `secure`.
    pub(super) fn allows_unprivileged_ports(&self) -> bool {
        self.last_of("insecure", "secure").unwrap_or(false)
    }

    /// Whether only Kerberos flavours are let in.
    pub(super) fn needs_kerberos(&self) -> bool {
        let flavours = self.options.iter().rev().find_map(|option| option.strip_prefix("sec="));
        flavours.is_some_and(|flavours| flavours.split(':').all(|flavour| flavour.starts_with("krb5")))
    }

    /// Folder, client and options as they would be written.
    pub(super) fn setting(&self) -> String {
        let blank = if self.is_detached { " " } else { "" };
        format!("{} {}{blank}({})", self.folder, self.client, self.options.join(","))
    }

    /// Which of two opposites is set last.
    fn last_of(&self, yes: &str, no: &str) -> Option<bool> {
        self.options.iter().rev().find(|option| *option == yes || *option == no).map(|option| option == yes)
    }
}

/// Parses an exports file.
pub(super) fn parse_exports(text: &str) -> Vec<Export> {
    let mut exports = Vec::new();
    for (line, entry) in join_lines(text) {
        let words = split_words(&entry);
        let Some((folder, clients)) = words.split_first() else { continue };
        let mut defaults: Vec<String> = Vec::new();
        let mut is_after_bare_client = false;
        let mut has_client = false;
        for word in clients {
            if let Some(options) = word.strip_prefix('-').filter(|_| !has_client) {
                defaults = split_options(options);
                continue;
            }
            let (client, options) = match word.split_once('(') {
                Some((client, options)) => (client, Some(options.trim_end_matches(')'))),
                None => (word.as_str(), None),
            };
            exports.push(Export {
                folder: folder.clone(),
                client: client.to_owned(),
                is_detached: client.is_empty() && is_after_bare_client,
                line,
                options: defaults.iter().cloned().chain(options.map(split_options).unwrap_or_default()).collect(),
            });
            has_client = true;
            is_after_bare_client = options.is_none();
        }
        if !has_client {
            exports.push(Export { folder: folder.clone(), line, options: defaults, ..Export::default() });
        }
    }
    exports
}

fn split_options(options: &str) -> Vec<String> {
    options.split(',').map(str::trim).filter(|option| !option.is_empty()).map(str::to_owned).collect()
}

/// Lines without comments, continued ones joined, each with the number of its first.
fn join_lines(text: &str) -> Vec<(u32, String)> {
    let mut entries = Vec::new();
    let mut open: Option<(u32, String)> = None;
    for (number, line) in (1_u32..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim_end();
        let (part, continues) = match line.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        let entry = open.get_or_insert_with(|| (number, String::new()));
        entry.1.push_str(part);
        if !continues && let Some(entry) = open.take() {
            entries.push(entry);
        }
    }
    entries.extend(open);
    entries.retain(|(_, entry)| !entry.trim().is_empty());
    entries
}

/// Words at blanks outside of quotes; `\\040` and its like are characters.
fn split_words(entry: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut is_quoted = false;
    let mut is_open = false;
    for character in entry.chars() {
        match character {
            '"' => {
                is_quoted = !is_quoted;
                is_open = true;
            }
            _ if character.is_whitespace() && !is_quoted => {
                if is_open {
                    words.push(unescape(&std::mem::take(&mut word)));
                }
                is_open = false;
            }
            _ => {
                word.push(character);
                is_open = true;
            }
        }
    }
    if is_open {
        words.push(unescape(&word));
    }
    words
}

/// Octal escapes: a backslash and three digits.
fn unescape(word: &str) -> String {
    let mut text = String::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let code = after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let Some(code) = code {
            text.push(char::from(code));
            rest = after.get(3..).unwrap_or_default();
        } else {
            text.push('\\');
            rest = after;
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Export {
        let exports = parse_exports(text);
        assert_eq!(exports.len(), 1, "{exports:?}");
        exports[0].clone()
    }

    #[test]
    fn a_blank_before_the_options_gives_them_to_everybody() {
        let exports = parse_exports("/d 10.0.0.1 (rw)\n");
        assert_eq!(exports.len(), 2);
        assert!(!exports[0].is_world() && !exports[0].is_writable());
        assert!(exports[1].is_world() && exports[1].is_writable() && exports[1].is_detached);
        assert_eq!(exports[1].setting(), "/d  (rw)");
    }

    #[test]
    fn options_with_no_client_before_them_are_for_everybody_and_no_slip() {
        let export = one("/d (ro)\n");
        assert!(export.is_world() && !export.is_detached);
        assert!(one("/d\n").is_world());
    }

    #[test]
    fn the_line_of_the_course_is_open_in_three_ways() {
        let export = one("/nfs/data *(rw,sync,no_subtree_check,no_root_squash,no_all_squash,insecure)\n");
        assert!(export.is_world() && export.is_writable() && export.keeps_root() && export.allows_unprivileged_ports());
    }

    #[test]
    fn the_defaults_are_safe() {
        let export = one("/d 10.0.0.0/8(rw,sync,root_squash)\n");
        assert!(!export.is_world() && !export.keeps_root() && !export.allows_unprivileged_ports());
        assert!(!one("/d @trusted(rw)\n").is_world());
        assert!(!one("/d *.example.org(rw)\n").is_world());
    }

    #[test]
    fn every_spelling_of_everybody_is_known() {
        for client in ["*", "0.0.0.0/0", "::/0", "0.0.0.0/0.0.0.0"] {
            assert!(one(&format!("/d {client}(ro)\n")).is_world(), "{client}");
        }
    }

    #[test]
    fn squashing_everybody_to_root_keeps_root() {
        assert!(one("/d h(rw,all_squash,anonuid=0,anongid=0)\n").keeps_root());
        assert!(!one("/d h(rw,no_root_squash,all_squash,anonuid=65534)\n").keeps_root());
        assert!(one("/d h(rw,root_squash,no_root_squash)\n").keeps_root());
    }

    #[test]
    fn kerberos_alone_lets_nobody_in_unknown() {
        assert!(one("/d *(rw,sec=krb5:krb5p)\n").needs_kerberos());
        assert!(!one("/d *(rw,sec=sys:krb5)\n").needs_kerberos());
    }

    #[test]
    fn lines_continue_paths_are_quoted_and_comments_end() {
        let text = "# /old *(rw)\n\"/my data\" 10.0.0.1(rw) \\\n   10.0.0.2(ro)   # two\n/b\\040c h(ro)\n";
        let exports = parse_exports(text);
        let found: Vec<_> = exports.iter().map(|e| (e.folder.as_str(), e.client.as_str(), e.line)).collect();
        assert_eq!(found, [("/my data", "10.0.0.1", 2), ("/my data", "10.0.0.2", 2), ("/b c", "h", 4)]);
    }

    #[test]
    fn options_after_a_dash_are_for_all_clients_of_the_line() {
        let exports = parse_exports("/d -rw,no_root_squash a b(ro)\n");
        assert!(exports[0].is_writable() && exports[0].keeps_root());
        assert!(!exports[1].is_writable() && exports[1].keeps_root());
    }

    #[test]
    fn garbage_is_no_export_and_no_fault() {
        assert_eq!(parse_exports("\n   \n\\\n"), []);
        assert_eq!(parse_exports("\u{fffd}\\9 (((,,)\n").len(), 1);
    }
}
