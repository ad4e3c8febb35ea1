//! The syntax of unit files, systemd.syntax(7), and of quoted words.

use super::Setting;

/// Sections and settings of one unit file, in order; empty values stay, so
/// that the caller can reset what they reset.
pub(super) fn parse_unit_file(text: &str, path: &str) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut section = String::new();
    for (line, text) in logical_lines(text) {
        if let Some(name) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((key, value)) = text.split_once('=') {
            settings.push(Setting {
                section: section.clone(),
                key: key.trim_end().to_owned(),
                value: value.trim().to_owned(),
                path: path.to_owned(),
                line,
            });
        }
    }
    settings
}

/// Lines with continuations joined, each with the number of its first;
/// comments are left out, between continued lines too.
fn logical_lines(text: &str) -> Vec<(u32, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(u32, String)> = None;
    for (number, line) in (1_u32..).zip(text.lines()) {
        let line = line.trim();
        if line.starts_with(['#', ';']) || (open.is_none() && line.is_empty()) {
            continue;
        }
        let (content, continues) = match line.strip_suffix('\\') {
            Some(content) => (content, true),
            None => (line, false),
        };
        let (first, mut joined) = open.take().unwrap_or((number, String::new()));
        joined.push_str(content);
        if continues {
            joined.push(' ');
            open = Some((first, joined));
        } else {
            lines.push((first, joined.trim().to_owned()));
        }
    }
    lines.extend(open.map(|(first, joined)| (first, joined.trim().to_owned())));
    lines
}

/// Splits at white space and resolves quotes and C escapes, as
/// systemd.service(5) says under "Command lines". A quote that does not end
/// reaches to the end.
pub(super) fn split_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut characters = text.chars().peekable();
    loop {
        while characters.next_if(|character| character.is_whitespace()).is_some() {}
        if characters.peek().is_none() {
            return words;
        }
        let mut word = String::new();
        let mut quote = None;
        while let Some(character) = characters.next() {
            match (quote, character) {
                (None, space) if space.is_whitespace() => break,
                (None, '"' | '\'') => quote = Some(character),
                (Some(open), _) if open == character => quote = None,
                (_, '\\') => unescape(&mut characters, &mut word),
                _ => word.push(character),
            }
        }
        words.push(word);
    }
}

/// One C escape, its backslash already taken; an unknown one stays as it is.
fn unescape(characters: &mut std::iter::Peekable<std::str::Chars>, word: &mut String) {
    let Some(character) = characters.next() else {
        word.push('\\');
        return;
    };
    let known = match character {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        's' => ' ',
        '\\' | '"' | '\'' => character,
        'x' => {
            let digits: String = characters.clone().take(2).collect();
            match u8::from_str_radix(&digits, 16) {
                Ok(byte) if digits.len() == 2 => {
                    characters.next();
                    characters.next();
                    word.push(char::from(byte));
                }
                _ => word.push_str("\\x"),
            }
            return;
        }
        other => {
            word.push('\\');
            other
        }
    };
    word.push(known);
}

/// Assignments of an `EnvironmentFile=`, systemd.exec(5), each with the line
/// of its key. Keys that are no names, such as `export X`, are left out.
pub(super) fn parse_environment_file(text: &str) -> Vec<(String, String, u32)> {
    let mut assignments = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while !rest.is_empty() {
        let start = rest.trim_start();
        line += breaks(rest, rest.len() - start.len());
        let end = start.find('\n').unwrap_or(start.len());
        let (this_line, after_line) = start.split_at_checked(end).unwrap_or((start, ""));
        match this_line.split_once('=') {
            Some((key, _)) if !start.starts_with(['#', ';']) => {
                let after_key = start.get(key.len() + 1..).unwrap_or("");
                let (value, length) = environment_value(after_key);
                if is_variable(key.trim()) {
                    assignments.push((key.trim().to_owned(), value, line));
                }
                line += breaks(after_key, length);
                rest = after_key.get(length..).unwrap_or("");
            }
            _ => rest = after_line,
        }
    }
    assignments
}

/// The value that begins here, and how many bytes it takes.
fn environment_value(text: &str) -> (String, usize) {
    let mut value = String::new();
    let mut quote = None;
    // Bytes of the value that trailing space must not be cut from.
    let mut kept = 0;
    let mut characters = text.char_indices().peekable();
    while characters.next_if(|(_, character)| matches!(character, ' ' | '\t')).is_some() {}
    while let Some((at, character)) = characters.next() {
        match (quote, character) {
            (None, '\n') => {
                value.truncate(value.trim_end().len().max(kept));
                return (value, at);
            }
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => {
                quote = None;
                kept = value.len();
            }
            (None | Some('"'), '\\') => match characters.next() {
                None | Some((_, '\n')) => {}
                Some((_, escaped)) => {
                    if quote.is_some() && !matches!(escaped, '"' | '\\' | '$' | '`') {
                        value.push('\\');
                    }
                    value.push(escaped);
                    kept = value.len();
                }
            },
            _ => value.push(character),
        }
    }
    value.truncate(value.trim_end().len().max(kept));
    (value, text.len())
}

/// Line breaks in the first bytes of a text.
fn breaks(text: &str, length: usize) -> u32 {
    let count = text.bytes().take(length).filter(|byte| *byte == b'\n').count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Whether a name may be an environment variable's.
pub(super) fn is_variable(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn continued_lines_are_joined_and_keep_their_first_line() {
        let text = "[Service]\n# comment\nExecStart=/usr/bin/dockerd \\\n    -H fd:// \\\n; between\n    --x\nType = \
                    notify\r\n";
        let settings = parse_unit_file(text, "/x");
        assert_eq!(
            settings[0].value.split_whitespace().collect::<Vec<_>>(),
            ["/usr/bin/dockerd", "-H", "fd://", "--x"]
        );
        assert_eq!((settings[0].line, settings[1].line), (3, 7));
        assert_eq!((settings[1].key.as_str(), settings[1].value.as_str()), ("Type", "notify"));
    }

    #[test]
    fn words_lose_their_quotes_and_escapes() {
        assert_eq!(split_words(r#"a "b c" 'd "e' f\x20g h\n "#), ["a", "b c", "d \"e", "f g", "h\n"]);
        assert_eq!(split_words(r#"--x="a b"c "" "#), ["--x=a bc", ""]);
        assert_eq!(split_words("\"open"), ["open"]);
        assert_eq!(split_words(r"C:\dir \"), [r"C:\dir", r"\"]);
    }

    #[test]
    fn environment_files_are_read_with_quotes_and_lines() {
        let text = "# made by kubeadm\nKUBELET_KUBEADM_ARGS=\"--a=1 --b\"\n\nEMPTY=\nexport BAD=1\nX='a\nb' # c\nY=a\\\n \
                    b  \nbroken\nZ=\"q\\\"\\d\"";
        let assignments = parse_environment_file(text);
        let found: Vec<_> =
            assignments.iter().map(|(key, value, line)| (key.as_str(), value.as_str(), *line)).collect();
        assert_eq!(
            found,
            [
                ("KUBELET_KUBEADM_ARGS", "--a=1 --b", 2),
                ("EMPTY", "", 4),
                ("X", "a\nb # c", 6),
                ("Y", "a b", 8),
                ("Z", "q\"\\d", 11),
            ]
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_them_panic(text in "[a-c=\\\\\"'#;\\[\\] \n\r\té]{0,40}") {
            let _ = parse_unit_file(&text, "/x");
            let _ = parse_environment_file(&text);
            let _ = split_words(&text);
        }
    }
}
