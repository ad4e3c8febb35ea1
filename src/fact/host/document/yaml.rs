//! YAML with the line of each value, read as Kubernetes' programs read it.
//!
//! They use `sigs.k8s.io/yaml`, a descendant of go-yaml v2: its plain words
//! are booleans as in YAML 1.1 (`yes`, `on`, `n` …), `0644` is octal, merge
//! keys (`<<`) are followed, and a repeated key is an error.

use std::collections::{BTreeSet, HashMap};

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::{Budget, DocumentError, Node, NodeValue, line_number};

/// Parses a YAML stream into its documents; JSON is YAML too.
///
/// # Errors
/// When the text is not YAML, repeats a key, or goes beyond the bounds on
/// size, nesting and aliases.
pub fn parse_yaml(text: &str) -> Result<Vec<Node>, DocumentError> {
    let mut builder =
        Builder { events: Parser::new_from_str(text), anchors: HashMap::new(), budget: Budget::default() };
    let mut documents = Vec::new();
    while let Some((event, span)) = builder.next_event()? {
        match event {
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            Event::StreamEnd => break,
            event => documents.push(builder.node(event, &span, 1)?),
        }
    }
    Ok(documents)
}

struct Builder<Events> {
    events: Events,
    /// Nodes by the number of the anchor that names them.
    anchors: HashMap<usize, Node>,
    budget: Budget,
}

impl<'input, Events> Builder<Events>
where
    Events: Iterator<Item = Result<(Event<'input>, Span), ScanError>>,
{
    /// The next event that is not a comment.
    fn next_event(&mut self) -> Result<Option<(Event<'input>, Span)>, DocumentError> {
        loop {
            match self.events.next() {
                None => return Ok(None),
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok(event)) => return Ok(Some(event)),
                Some(Err(error)) => {
                    return Err(DocumentError::new(line_number(error.marker().line()), error.info()));
                }
            }
        }
    }

    /// Builds the node that an event begins.
    fn node(&mut self, event: Event<'input>, span: &Span, depth: usize) -> Result<Node, DocumentError> {
        let line = line_of(span);
        self.budget.add_node(depth, line)?;
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, scalar(&text, style == ScalarStyle::Plain, tag.as_deref()))
            }
            Event::SequenceStart(_, anchor, _) => (anchor, self.list(depth)?),
            Event::MappingStart(_, anchor, _) => (anchor, self.map(depth)?),
            Event::Alias(anchor) => return self.alias(anchor, line, depth),
            _ => return Err(DocumentError::new(line, "expected a value")),
        };
        let node = Node { line, value };
        if anchor != 0 {
            let (nodes, bytes, _) = cost(&node);
            self.budget.add(nodes, bytes, line)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// A copy of an anchored node, standing on the line of the alias.
    fn alias(&mut self, anchor: usize, line: u32, depth: usize) -> Result<Node, DocumentError> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(DocumentError::new(line, "an alias within the value that it names"));
        };
        let (nodes, bytes, levels) = cost(node);
        self.budget.add(nodes, bytes, line)?;
        self.budget.add_node(depth + levels - 1, line)?;
        Ok(Node { line, value: node.value.clone() })
    }

    fn list(&mut self, depth: usize) -> Result<NodeValue, DocumentError> {
        let mut elements = Vec::new();
        while let Some((event, span)) = self.next_event()? {
            if event == Event::SequenceEnd {
                break;
            }
            elements.push(self.node(event, &span, depth + 1)?);
        }
        Ok(NodeValue::List(elements))
    }

    fn map(&mut self, depth: usize) -> Result<NodeValue, DocumentError> {
        let mut members: Vec<(String, Node)> = Vec::new();
        let mut keys = BTreeSet::new();
        let mut merged = Vec::new();
        while let Some((event, span)) = self.next_event()? {
            let line = line_of(&span);
            let (key, is_merge) = match event {
                Event::MappingEnd => break,
                Event::Scalar(text, style, ..) => {
                    let is_merge = style == ScalarStyle::Plain && text == "<<";
                    (text.into_owned(), is_merge)
                }
                Event::Alias(anchor) => match self.alias(anchor, line, depth)?.value {
                    NodeValue::Text(text) => (text, false),
                    _ => return Err(DocumentError::new(line, "a key that is not text")),
                },
                _ => return Err(DocumentError::new(line, "a key that is not text")),
            };
            let Some((event, span)) = self.next_event()? else { break };
            let value = self.node(event, &span, depth + 1)?.value;
            if is_merge {
                merged.push((line, value));
            } else if keys.insert(key.clone()) {
                members.push((key, Node { line, value }));
            } else {
                return Err(DocumentError::new(line, format!("the key {key:?} is repeated")));
            }
        }
        for (line, value) in merged {
            merge(&mut members, &mut keys, line, value)?;
        }
        Ok(NodeValue::Map(members))
    }
}

/// Adds the members of a merge key that the map does not have itself,
/// <https://yaml.org/type/merge.html>.
fn merge(
    members: &mut Vec<(String, Node)>,
    keys: &mut BTreeSet<String>,
    line: u32,
    value: NodeValue,
) -> Result<(), DocumentError> {
    let maps = match value {
        NodeValue::List(elements) => elements.into_iter().map(|element| element.value).collect(),
        other => vec![other],
    };
    for map in maps {
        let NodeValue::Map(more) = map else {
            return Err(DocumentError::new(line, "a merge key whose value is not a map"));
        };
        members.extend(more.into_iter().filter(|(key, _)| keys.insert(key.clone())));
    }
    Ok(())
}

/// Nodes, bytes of text and levels of a node.
fn cost(node: &Node) -> (usize, usize, usize) {
    let sum = |inner: &mut dyn Iterator<Item = (usize, (usize, usize, usize))>| {
        inner.fold((1, 0, 1), |(nodes, bytes, levels), (key, (more, more_bytes, inner_levels))| {
            (nodes + more, bytes + key + more_bytes, levels.max(inner_levels + 1))
        })
    };
    match &node.value {
        NodeValue::Text(text) => (1, text.len(), 1),
        NodeValue::List(elements) => sum(&mut elements.iter().map(|element| (0, cost(element)))),
        NodeValue::Map(members) => sum(&mut members.iter().map(|(key, member)| (key.len(), cost(member)))),
        _ => (1, 0, 1),
    }
}

fn line_of(span: &Span) -> u32 {
    line_number(span.start.line())
}

/// The value of a scalar, by its tag and style.
fn scalar(text: &str, is_plain: bool, tag: Option<&Tag>) -> NodeValue {
    let is_resolved = match tag {
        None => is_plain,
        Some(tag) => tag.handle() == "tag:yaml.org,2002:" && matches!(tag.suffix(), "bool" | "int" | "float" | "null"),
    };
    if is_resolved { plain(text) } else { NodeValue::Text(text.to_owned()) }
}

/// The value of a plain word, as go-yaml v2 resolves it (its `resolve.go`).
fn plain(text: &str) -> NodeValue {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return NodeValue::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => {
            return NodeValue::Bool(true);
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => {
            return NodeValue::Bool(false);
        }
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return NodeValue::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return NodeValue::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return NodeValue::Float(f64::NAN),
        _ => {}
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return NodeValue::Text(text.to_owned());
    }
    let digits = text.replace('_', "");
    if let Some(number) = whole(&digits) {
        return NodeValue::Int(number);
    }
    let is_decimal =
        digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'))
            && digits.bytes().any(|byte| byte.is_ascii_digit());
    match digits.parse() {
        Ok(number) if is_decimal => NodeValue::Float(number),
        _ => NodeValue::Text(text.to_owned()),
    }
}

/// A whole number with its base's prefix; a leading zero means octal.
fn whole(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let bases = [("0x", 16), ("0X", 16), ("0o", 8), ("0O", 8), ("0b", 2), ("0B", 2)];
    let prefixed = bases.iter().find_map(|(prefix, base)| Some((digits.strip_prefix(prefix)?, *base)));
    let (digits, base) = match prefixed {
        Some((rest, base)) => (rest, base),
        None if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    i64::from_str_radix(&format!("{sign}{digits}"), base).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KUBELET: &str = r#"apiVersion: kubelet.config.k8s.io/v1beta1
authentication:
  anonymous:
    enabled: false
  webhook:
    cacheTTL: 0s
    enabled: true
cgroupDriver: systemd
clusterDNS:
- 10.96.0.10
failSwapOn: no
kind: KubeletConfiguration
maxPods: 110
evictionHard:
  memory.available: "100Mi"
  nodefs.available: 10%
"#;

    fn one(text: &str) -> Node {
        parse_yaml(text).unwrap().remove(0)
    }

    #[test]
    fn a_kubelet_s_configuration_keeps_its_lines_and_kinds() {
        let node = one(KUBELET);
        assert_eq!(node.at(&["authentication", "anonymous", "enabled"]).unwrap().bool(), Some(false));
        assert_eq!(node.at(&["authentication", "anonymous", "enabled"]).unwrap().line, 4);
        assert_eq!(node.get("failSwapOn").unwrap().bool(), Some(false));
        assert_eq!(node.get("maxPods").unwrap().int(), Some(110));
        assert_eq!(node.get("clusterDNS").unwrap().list()[0].text(), Some("10.96.0.10"));
        assert_eq!(node.get("clusterDNS").unwrap().line, 9);
        assert_eq!(node.at(&["evictionHard", "memory.available"]).unwrap().text(), Some("100Mi"));
    }

    #[test]
    fn windows_lines_and_a_byte_order_mark_change_nothing() {
        let node = one(&format!("\u{FEFF}{}", KUBELET.replace('\n', "\r\n")));
        assert_eq!(node.get("cgroupDriver").unwrap().text(), Some("systemd"));
        assert_eq!(node.get("cgroupDriver").unwrap().line, 8);
    }

    #[test]
    fn plain_words_are_read_as_go_yaml_reads_them() {
        for (text, value) in [
            ("on", NodeValue::Bool(true)),
            ("No", NodeValue::Bool(false)),
            ("\"on\"", NodeValue::Text("on".to_owned())),
            ("!!str 1", NodeValue::Text("1".to_owned())),
            ("!!int \"1\"", NodeValue::Int(1)),
            ("0644", NodeValue::Int(0o644)),
            ("0x1f", NodeValue::Int(31)),
            ("1_000", NodeValue::Int(1000)),
            ("-5", NodeValue::Int(-5)),
            ("1.5e3", NodeValue::Float(1500.0)),
            ("1.27", NodeValue::Float(1.27)),
            ("1.27.3", NodeValue::Text("1.27.3".to_owned())),
            ("10.0.0.0/8", NodeValue::Text("10.0.0.0/8".to_owned())),
            ("-", NodeValue::List(vec![Node { line: 1, value: NodeValue::Null }])),
            ("08", NodeValue::Float(8.0)),
            ("+", NodeValue::Text("+".to_owned())),
            ("~", NodeValue::Null),
            ("2026-11-23", NodeValue::Text("2026-11-23".to_owned())),
            ("inf", NodeValue::Text("inf".to_owned())),
        ] {
            assert_eq!(one(text).value, value, "{text}");
        }
    }

    #[test]
    fn every_document_of_a_stream_is_given() {
        let documents = parse_yaml("---\nkind: A\n---\nkind: B\n...\n---\n").unwrap();
        assert_eq!(documents[1].get("kind").unwrap().line, 4);
        assert_eq!(documents.iter().filter(|document| document.get("kind").is_some()).count(), 2);
        assert_eq!(parse_yaml("").unwrap(), []);
        assert_eq!(parse_yaml("# only a comment\n").unwrap(), []);
    }

    #[test]
    fn json_is_yaml_too() {
        assert_eq!(one("{\"kind\": \"List\", \"n\": [1, 2]}").get("n").unwrap().list().len(), 2);
    }

    #[test]
    fn anchors_and_merge_keys_are_followed() {
        let node = one("base: &base\n  a: 1\n  b: 2\nderived:\n  <<: *base\n  b: 3\nagain: *base\n");
        assert_eq!(node.at(&["derived", "a"]).unwrap().int(), Some(1));
        assert_eq!(node.at(&["derived", "a"]).unwrap().line, 2);
        assert_eq!(node.at(&["derived", "b"]).unwrap().int(), Some(3));
        assert_eq!(node.at(&["again", "b"]).unwrap().int(), Some(2));
    }

    #[test]
    fn a_repeated_key_is_an_error_with_its_line() {
        let error = parse_yaml("a: 1\nb: 2\na: 3\n").unwrap_err();
        assert_eq!(error, DocumentError::new(3, "the key \"a\" is repeated"));
    }

    #[test]
    fn faults_name_their_line() {
        assert_eq!(parse_yaml("a: 1\nb: [1, 2\nc: 3\n").unwrap_err().line, 3);
        assert!(parse_yaml("a: b: c\n").is_err());
        assert!(parse_yaml("? [1]\n: 2\n").is_err());
        assert!(parse_yaml("a: *none\n").is_err());
        assert!(parse_yaml("a: &a [*a]\n").is_err());
    }

    #[test]
    fn a_bomb_of_aliases_is_refused() {
        let mut bomb = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
            bomb.extend([format!("a{level}: &a{level} [{aliases}]\n")]);
        }
        assert_eq!(parse_yaml(&bomb).unwrap_err().message, "more than 200000 values");
        let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 1000].join(", "));
        assert_eq!(parse_yaml(&text).unwrap_err().message, "aliases expand to too much text");
    }

    #[test]
    fn deep_nesting_is_an_error() {
        for text in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000)] {
            assert!(parse_yaml(&text).is_err());
        }
        let error = parse_yaml(&format!("{}{}", "[".repeat(70), "]".repeat(70))).unwrap_err();
        assert_eq!(error.message, "nested more than 64 levels deep");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-\\[\\]{}:,&*a?!|>'\"#%~ \n\t]{0,40}") {
            let _ = parse_yaml(&text);
        }
    }
}
