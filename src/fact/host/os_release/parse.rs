//! The syntax of os-release(5), and the older release files of Red Hat's family.

/// One assignment of os-release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) line: u32,
}

/// Assignments as a shell would read them: values bare, in single or in
/// double quotes, where a backslash keeps the next character.
pub(super) fn parse_os_release(text: &str) -> Vec<Assignment> {
    let mut assignments = Vec::new();
    for (line, text) in (1_u32..).zip(text.lines()) {
        let text = text.trim();
        if text.starts_with('#') {
            continue;
        }
        if let Some((key, value)) = text.split_once('=') {
            assignments.push(Assignment { key: key.trim().to_owned(), value: unquote(value.trim()), line });
        }
    }
    assignments
}

fn unquote(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            (None | Some('"'), '\\') => value.extend(characters.next()),
            // What follows a bare value's blank is a comment or no value.
            (None, ' ' | '\t') => break,
            _ => value.push(character),
        }
    }
    value
}

/// Name and version of a line such as `CentOS release 6.10 (Final)`.
pub(super) fn parse_release_line(text: &str) -> Option<(String, String)> {
    let line = text.lines().next()?;
    let (name, rest) = line.split_once(" release ")?;
    let version = rest.split_whitespace().next()?;
    version.starts_with(|first: char| first.is_ascii_digit()).then(|| (name.to_owned(), version.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(text: &str, key: &str) -> Option<String> {
        parse_os_release(text).into_iter().rfind(|assignment| assignment.key == key).map(|assignment| assignment.value)
    }

    #[test]
    fn quotes_escapes_comments_and_windows_lines_are_read() {
        let text = "# ID=no\r\nNAME='Rocky Linux'\r\nPRETTY_NAME=\"Rocky \\\"Blue\\\" \\$x\"\r\nVERSION_ID=9.6\r\nID=\"a\"\r\nID=rocky\r\nempty\r\nX=\"\"\r\n";
        assert_eq!(value(text, "NAME").as_deref(), Some("Rocky Linux"));
        assert_eq!(value(text, "PRETTY_NAME").as_deref(), Some("Rocky \"Blue\" $x"));
        assert_eq!(value(text, "ID").as_deref(), Some("rocky"));
        assert_eq!(value(text, "X").as_deref(), Some(""));
        assert_eq!(parse_os_release(text).last().unwrap().line, 8);
    }

    #[test]
    fn old_release_lines_give_name_and_version() {
        let line = |text: &str| parse_release_line(text);
        assert_eq!(line("CentOS release 6.10 (Final)\n"), Some(("CentOS".into(), "6.10".into())));
        assert_eq!(line("CentOS Linux release 7.9.2009 (Core)"), Some(("CentOS Linux".into(), "7.9.2009".into())));
        assert_eq!(line("Tercel"), None);
        assert_eq!(line(""), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[A-C=\"'\\\\#$ \n\r\té]{0,40}") {
            let _ = parse_os_release(&text);
            let _ = parse_release_line(&text);
        }
    }
}
