//! JSON, RFC 8259, with the line of each value.
//!
//! No JSON library that we know keeps lines, so the structure is read here;
//! texts and numbers are left to `serde_json`.

use std::collections::BTreeSet;

use super::{Budget, DocumentError, Node, NodeValue, line_number};

/// Parses one JSON document.
///
/// # Errors
/// When the text is not JSON, repeats a key, or nests too deeply.
pub fn parse_json(text: &str) -> Result<Node, DocumentError> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut reader = Reader { rest: text, line: 1, budget: Budget::default() };
    let node = reader.value(1)?;
    reader.skip_space();
    if reader.rest.is_empty() { Ok(node) } else { Err(reader.expected("the end of the document")) }
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
    budget: Budget,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Node, DocumentError> {
        self.skip_space();
        let line = line_number(self.line);
        self.budget.add_node(depth, line)?;
        let value = match self.rest.bytes().next() {
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => NodeValue::Text(self.text()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Node { line, value })
    }

    fn map(&mut self, depth: usize) -> Result<NodeValue, DocumentError> {
        self.take('{');
        let mut members = Vec::new();
        let mut keys = BTreeSet::new();
        if self.take('}') {
            return Ok(NodeValue::Map(members));
        }
        loop {
            self.skip_space();
            let line = line_number(self.line);
            if !self.rest.starts_with('"') {
                return Err(self.expected("a key in double quotes"));
            }
            let key = self.text()?;
            if !keys.insert(key.clone()) {
                return Err(DocumentError::new(line, format!("the key {key:?} is repeated")));
            }
            if !self.take(':') {
                return Err(self.expected("`:`"));
            }
            let value = self.value(depth + 1)?.value;
            members.push((key, Node { line, value }));
            if self.take('}') {
                return Ok(NodeValue::Map(members));
            }
            if !self.take(',') {
                return Err(self.expected("`,` or `}`"));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<NodeValue, DocumentError> {
        self.take('[');
        let mut elements = Vec::new();
        if self.take(']') {
            return Ok(NodeValue::List(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            if self.take(']') {
                return Ok(NodeValue::List(elements));
            }
            if !self.take(',') {
                return Err(self.expected("`,` or `]`"));
            }
        }
    }

    fn text(&mut self) -> Result<String, DocumentError> {
        let bytes = self.rest.as_bytes();
        let mut end = 1;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(b'\n') | None => return Err(DocumentError::new(line_number(self.line), "a text without its end")),
                Some(_) => end += 1,
            }
        }
        let token = self.split(end + 1);
        serde_json::from_str(token).map_err(|_| DocumentError::new(line_number(self.line), "a text that is not JSON"))
    }

    fn number(&mut self) -> Result<NodeValue, DocumentError> {
        let is_part = |character: char| character.is_ascii_digit() || matches!(character, '-' | '+' | '.' | 'e' | 'E');
        let end = self.rest.find(|character| !is_part(character)).unwrap_or(self.rest.len());
        let token = self.split(end);
        if let Ok(number) = serde_json::from_str::<i64>(token) {
            return Ok(NodeValue::Int(number));
        }
        serde_json::from_str::<f64>(token)
            .map(NodeValue::Float)
            .map_err(|_| DocumentError::new(line_number(self.line), "a number that is not JSON"))
    }

    fn word(&mut self) -> Result<NodeValue, DocumentError> {
        let words = [("true", NodeValue::Bool(true)), ("false", NodeValue::Bool(false)), ("null", NodeValue::Null)];
        for (word, value) in words {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(self.expected("a value"))
    }

    /// Takes one sign, space before it skipped.
    fn take(&mut self, sign: char) -> bool {
        self.skip_space();
        let taken = self.rest.strip_prefix(sign);
        self.rest = taken.unwrap_or(self.rest);
        taken.is_some()
    }

    fn split(&mut self, length: usize) -> &'a str {
        let (token, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        token
    }

    fn skip_space(&mut self) {
        let rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let skipped = self.rest.len() - rest.len();
        self.line += self.rest.bytes().take(skipped).filter(|byte| *byte == b'\n').count();
        self.rest = rest;
    }

    fn expected(&self, what: &str) -> DocumentError {
        let found = match self.rest.chars().next() {
            Some(character) => format!("{character:?}"),
            None => "the end".to_owned(),
        };
        DocumentError::new(line_number(self.line), format!("expected {what}, found {found}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAEMON_JSON: &str = "{\r\n\t\"exec-opts\": [\"native.cgroupdriver=systemd\"],\r\n\t\"log-driver\": \
                               \"json-file\",\r\n\t\"log-opts\": {\r\n\t\t\"max-size\": \"100m\"\r\n\t},\r\n\t\
                               \"live-restore\": true\r\n}\r\n";

    #[test]
    fn docker_s_configuration_with_tabs_and_windows_lines_keeps_its_lines() {
        let node = parse_json(DAEMON_JSON).unwrap();
        assert_eq!(node.get("exec-opts").unwrap().list()[0].text(), Some("native.cgroupdriver=systemd"));
        assert_eq!(node.at(&["log-opts", "max-size"]).unwrap().line, 5);
        assert_eq!(node.get("live-restore").unwrap().bool(), Some(true));
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(parse_json("\u{FEFF}[1]").unwrap().list()[0].int(), Some(1));
    }

    #[test]
    fn escapes_are_resolved_and_numbers_keep_their_kind() {
        let node = parse_json(r#"{"a\u002fb": "x\n\"y\"", "n": 1.5, "e": 1e3, "big": 99999999999999999999}"#).unwrap();
        assert_eq!(node.get("a/b").unwrap().text(), Some("x\n\"y\""));
        assert_eq!(node.get("n").unwrap().value, NodeValue::Float(1.5));
        assert_eq!(node.get("big").unwrap().value, NodeValue::Float(1e20));
    }

    #[test]
    fn faults_name_their_line() {
        for (text, line, part) in [
            ("", 1, "expected a value, found the end"),
            ("{\n\"a\": 1,\n}", 3, "expected a key in double quotes, found '}'"),
            ("{\"a\": 1}\n{", 2, "expected the end of the document"),
            ("{\"a\": 1,\n\"a\": 2}", 2, "the key \"a\" is repeated"),
            ("[01]", 1, "a number"),
            ("[1,]", 1, "expected a value"),
            ("[\"a\n\"]", 1, "a text without its end"),
            ("[\"\\", 1, "a text without its end"),
            ("[tru]", 1, "expected a value"),
            ("# comment", 1, "expected a value"),
        ] {
            let error = parse_json(text).unwrap_err();
            assert_eq!(error.line, line, "{text}");
            assert!(error.message.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error() {
        let error = parse_json(&"[".repeat(1_000_000)).unwrap_err();
        assert_eq!(error.message, "nested more than 64 levels deep");
    }

    #[test]
    fn too_many_values_are_an_error() {
        let text = format!("[{}0]", "0,".repeat(300_000));
        assert_eq!(parse_json(&text).unwrap_err().message, "more than 200000 values");
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_serde_json_reads_it(text in "[\\[\\]{},:\"a0-9.eE\\\\ \n+-]{0,24}") {
            let by_serde = serde_json::from_str::<serde_json::Value>(&text);
            let ours = parse_json(&text);
            if let Err(error) = &ours && error.message.contains("repeated") {
                return Ok(());
            }
            prop_assert_eq!(ours.is_ok(), by_serde.is_ok(), "{}", text);
        }
    }
}
