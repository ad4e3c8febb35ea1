//! The facts document, `scanner.facts/v1`: what was read of one host,
//! or of one cluster.
//!
//! `scanner facts --format json` writes it and `--facts` judges it, elsewhere
//! and without root. It holds every fact with its source, so that judging it
//! gives the same findings as judging the host. For people there is a list, a
//! line for each fact.

use std::io::{self, Write};

use anstyle::Style;
use serde::{Deserialize, Serialize};
use unicode_width::UnicodeWidthStr;

use super::text;
use super::{View, escape};
use crate::fact::{Fact, Facts, Value};

/// The name of the document; within `v1` members are only added.
pub const FACTS_SCHEMA: &str = "scanner.facts/v1";

/// What was read of one host or one cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FactsDocument {
    /// Always [`FACTS_SCHEMA`].
    pub schema: String,
    /// Who read it.
    pub scanner: Collector,
    /// The cluster that they are about; none where they are about a host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Named>,
    /// The host that they are about; none where they are about a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Named>,
    /// Whether everything was read; false after an interruption.
    pub complete: bool,
    /// When, in RFC 3339 to the second.
    pub collected_at: String,
    /// What.
    pub facts: Facts,
}

/// The program that read facts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Collector {
    /// Its version.
    pub version: String,
}

/// The host or cluster that facts are about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Named {
    /// Its name.
    pub name: String,
}

/// Writes the facts as a list for people: path, value, and where it was read.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_list(facts: &Facts, view: View, out: &mut dyn Write) -> io::Result<()> {
    let dim = if view.color { Style::new().dimmed() } else { Style::new() };
    for (name, fact) in facts.roots() {
        let mut lines = Vec::new();
        flatten(name, fact, &mut lines);
        let width = |line: &Line| line.stated.width();
        let widest = lines.iter().map(width).filter(|width| *width <= 64).max().unwrap_or(0);
        for line in &lines {
            let gap = " ".repeat(widest.saturating_sub(width(line)));
            if line.source.is_empty() {
                writeln!(out, "{}", line.stated)?;
            } else {
                writeln!(out, "{}{gap}  {dim}{}{dim:#}", line.stated, line.source)?;
            }
        }
    }
    Ok(())
}

/// One fact that has no members.
struct Line {
    stated: String,
    source: String,
}

fn flatten(path: &str, fact: &Fact, lines: &mut Vec<Line>) {
    match fact {
        Fact::Known { value: Value::Twin(twin), .. } => flatten(path, &Fact::group(twin.to_map()), lines),
        Fact::Known { value: Value::Map(members), .. } if !members.is_empty() => {
            for (name, member) in members {
                flatten(&format!("{path}.{}", escape::line(name)), member, lines);
            }
        }
        Fact::Known { value: Value::List(elements), source } if !elements.is_empty() => {
            let scalars: Option<Vec<String>> = elements.iter().map(scalar).collect();
            match (scalars, source) {
                // A list that was read in one place is one line.
                (Some(scalars), Some(_)) => lines.push(line(format!("{path} = [{}]", scalars.join(", ")), fact)),
                _ => {
                    for (number, element) in elements.iter().enumerate() {
                        flatten(&format!("{path}[{number}]"), element, lines);
                    }
                }
            }
        }
        Fact::Known { value: Value::Map(_), .. } => lines.push(line(format!("{path} = {{}}"), fact)),
        Fact::Known { value: Value::List(_), .. } => lines.push(line(format!("{path} = []"), fact)),
        Fact::Known { .. } => {
            lines.push(line(format!("{path} = {}", scalar(fact).unwrap_or_default()), fact));
        }
        Fact::Absent { .. } => lines.push(line(format!("{path} is absent"), fact)),
        Fact::Unreadable { reason, .. } => {
            lines.push(line(format!("{path} is unreadable: {}", escape::line(reason)), fact));
        }
    }
}

fn line(stated: String, fact: &Fact) -> Line {
    Line { stated, source: fact.source().map(text::source).unwrap_or_default() }
}

/// A value without members, as text that is safe to look at.
fn scalar(fact: &Fact) -> Option<String> {
    match fact.value()? {
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Text(text) if text.is_empty() => Some("\"\"".to_owned()),
        Value::Text(text) => Some(escape::line(text).into_owned()),
        Value::List(_) | Value::Map(_) | Value::Twin(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Source;

    fn listed(facts: &Facts) -> String {
        let mut out = Vec::new();
        write_list(facts, View::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_fact_is_a_line_with_its_source() {
        let mut facts = Facts::default();
        facts.set("kubelet.cgroup_driver", Fact::known("systemd", Source::line("/var/lib/kubelet/config.yaml", 12)));
        facts.set("kubelet.pod_cidr", Fact::absent(Source::default_of("kubelet(8)")));
        facts.set("swap", Fact::unreadable(Source::file("/proc/swaps"), "read /proc/swaps: permission denied"));
        assert_eq!(
            listed(&facts),
            "kubelet.cgroup_driver = systemd  /var/lib/kubelet/config.yaml:12\n\
             kubelet.pod_cidr is absent       default, kubelet(8)\n\
             swap is unreadable: read /proc/swaps: permission denied  /proc/swaps\n"
        );
    }

    #[test]
    fn a_value_from_the_host_cannot_drive_the_terminal() {
        let mut facts = Facts::default();
        facts.set_at(&["mount", "/a\x1b[2J"], Fact::group("\u{202e}x\n"));
        assert_eq!(listed(&facts), "mount./a\\u{1b}[2J = \\u{202e}x\\n\n");
    }

    #[test]
    fn a_list_is_one_line_or_one_for_each_member() {
        let mut facts = Facts::default();
        let numbers = vec![Fact::group(1_i64), Fact::group(2_i64)];
        facts.set("a", Fact::known(numbers, Source::file("/a")));
        let mut member = Facts::default();
        member.set("x.name", Fact::known("eth0", Source::file("/sys")));
        let element = member.get("x").unwrap().clone();
        facts.set("b", Fact::group(vec![element]));
        assert_eq!(listed(&facts), "a = [1, 2]  /a\nb[0].name = eth0  /sys\n");
    }

    #[test]
    fn a_document_comes_back_as_it_was_written() {
        let mut facts = Facts::default();
        facts.set("a.b", Fact::known(1.0, Source::cri("Status")));
        facts.set("a.c", Fact::known(vec![Fact::absent(Source::file("/x"))], Source::line("/x", 3)));
        facts.set("a.d", Fact::unreadable(Source::default_of("y"), "z"));
        facts.set("a.state", Fact::known("known", Source::file("/x")));
        facts.set("a.e", Fact::group(std::collections::BTreeMap::new()));
        let text = serde_json::to_string(&facts).unwrap();
        assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts);
    }
}
