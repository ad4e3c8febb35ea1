//! TOML, <https://toml.io/en/v1.0.0>, with the line of each value.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Budget, DocumentError, Node, NodeValue, line_number};

/// Parses a TOML document.
///
/// # Errors
/// When the text is not TOML 1.0 or nests too deeply.
pub fn parse_toml(text: &str) -> Result<Node, DocumentError> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let lines = Lines::of(text);
    let table = DeTable::parse(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        // The library's messages span lines where they list what was expected.
        DocumentError::new(lines.at(start), error.message().replace('\n', ", "))
    })?;
    let mut builder = Builder { lines, budget: Budget::default() };
    let value = builder.map(table.get_ref(), 1)?;
    Ok(Node { line: 1, value })
}

struct Builder {
    lines: Lines,
    budget: Budget,
}

impl Builder {
    fn map(&mut self, table: &DeTable, depth: usize) -> Result<NodeValue, DocumentError> {
        let mut members = Vec::with_capacity(table.len());
        for (key, value) in table {
            let line = self.lines.at(key.span().start);
            let value = self.value(value, line, depth + 1)?;
            members.push((key.get_ref().clone().into_owned(), Node { line, value }));
        }
        Ok(NodeValue::Map(members))
    }

    fn value(&mut self, value: &Spanned<DeValue>, line: u32, depth: usize) -> Result<NodeValue, DocumentError> {
        self.budget.add_node(depth, line)?;
        Ok(match value.get_ref() {
            DeValue::String(text) => NodeValue::Text(text.clone().into_owned()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map(NodeValue::Int)
                .map_err(|_| DocumentError::new(line, "a number that does not fit in 64 bits"))?,
            DeValue::Float(number) => number
                .as_str()
                .parse()
                .map(NodeValue::Float)
                .map_err(|_| DocumentError::new(line, "a number that cannot be read"))?,
            DeValue::Boolean(truth) => NodeValue::Bool(*truth),
            DeValue::Datetime(instant) => NodeValue::Text(instant.to_string()),
            DeValue::Array(elements) => {
                let mut nodes = Vec::with_capacity(elements.len());
                for element in elements {
                    let line = self.lines.at(element.span().start);
                    let value = self.value(element, line, depth + 1)?;
                    nodes.push(Node { line, value });
                }
                NodeValue::List(nodes)
            }
            DeValue::Table(table) => self.map(table, depth)?,
        })
    }
}

/// Where the lines of a text begin.
struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    fn of(text: &str) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Lines { starts: std::iter::once(0).chain(after_breaks).collect() }
    }

    fn at(&self, offset: usize) -> u32 {
        line_number(self.starts.partition_point(|start| *start <= offset).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTAINERD: &str = r#"version = 2
root = "/var/lib/containerd"
imports = ["/etc/containerd/conf.d/*.toml"]

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.k8s.io/pause:3.9"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = true

[debug]
  uid = 0
  level = ""
[timeouts]
  "io.containerd.timeout.shim.cleanup" = "5s"
"#;

    #[test]
    fn containerd_s_configuration_keeps_the_lines_of_its_keys() {
        let node = parse_toml(CONTAINERD).unwrap();
        let runc = ["plugins", "io.containerd.grpc.v1.cri", "containerd", "runtimes", "runc", "options"];
        let options = node.at(&runc).unwrap();
        assert_eq!(options.get("SystemdCgroup").unwrap().bool(), Some(true));
        assert_eq!(options.get("SystemdCgroup").unwrap().line, 10);
        assert_eq!(node.at(&["plugins", "io.containerd.grpc.v1.cri", "sandbox_image"]).unwrap().line, 6);
        assert_eq!(node.get("version").unwrap().int(), Some(2));
        assert_eq!(node.get("imports").unwrap().list()[0].line, 3);
    }

    #[test]
    fn windows_lines_and_a_byte_order_mark_are_read() {
        let node = parse_toml("\u{FEFF}version = 3\r\n[grpc]\r\nmax = 0x10\r\n").unwrap();
        assert_eq!(node.at(&["grpc", "max"]).unwrap().int(), Some(16));
        assert_eq!(node.at(&["grpc", "max"]).unwrap().line, 3);
    }

    #[test]
    fn a_repeated_key_and_a_broken_line_name_their_line() {
        assert_eq!(parse_toml("a = 1\nb = 2\na = 3\n").unwrap_err().line, 3);
        assert_eq!(parse_toml("a = 1\n\nb = [1, 2\nc = 3").unwrap_err().line, 4);
        assert!(parse_toml("a = 1\n\0").is_err());
    }

    #[test]
    fn an_empty_file_has_no_members() {
        assert_eq!(parse_toml("").unwrap().members(), []);
    }

    #[test]
    fn deep_nesting_is_an_error() {
        assert!(parse_toml(&format!("a = {}", "[".repeat(1_000_000))).is_err());
        assert!(parse_toml(&format!("a = {}{}", "[".repeat(70), "]".repeat(70))).is_err());
        assert!(parse_toml(&format!("{}a = 1", "a.".repeat(100_000))).is_err());
        assert!(parse_toml(&format!("[{}a]\nb = 1", "a.".repeat(70))).is_err());
    }
}
