//! Accepted exceptions: faults that someone answers for until a day.
//!
//! ```yaml
//! waivers:
//!   - rule: node/swap-enabled        # a name or a glob
//!     subject: {kind: host, name: "gpu-*"}
//!     reason: swap is needed by the batch workload
//!     expires: 2027-03-31            # the last day
//!     owner: batch-team
//! ```

use std::sync::Arc;

use globset::{GlobBuilder, GlobMatcher};
use jiff::Timestamp;

use super::diagnostic::{Diagnostic, did_you_mean};
use super::expression::instant;
use super::yaml::{self, Member, Node, Value};

const KEYS: &[&str] = &["rule", "subject", "reason", "expires", "owner"];
const SUBJECT_KEYS: &[&str] = &["kind", "name", "namespace"];

/// The waivers of one file.
#[derive(Clone, Debug, Default)]
pub struct Waivers {
    /// In the order of the file.
    pub waivers: Vec<Waiver>,
    /// The file.
    pub path: String,
}

/// One accepted exception.
#[derive(Clone, Debug)]
pub struct Waiver {
    /// A rule's name or a glob.
    pub rule: String,
    /// Why the fault is accepted.
    pub reason: String,
    /// The last day on which it is, as `YYYY-MM-DD`.
    pub expires: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Its line in the file, counted from 1.
    pub line: usize,
    until: Timestamp,
    rule_glob: GlobMatcher,
    kind: Option<GlobMatcher>,
    namespace: Option<GlobMatcher>,
    name: Option<GlobMatcher>,
}

impl Waivers {
    /// Reads a waiver file.
    ///
    /// # Errors
    ///
    /// Every fault of the file: an unknown key, no reason, no or a wrong date.
    pub fn parse(text: &str, path: &str) -> Result<Waivers, Vec<Diagnostic>> {
        let source: Arc<str> = Arc::from(text);
        let root = yaml::parse(text)
            .map_err(|error| vec![Diagnostic::new(path, &source, error.span, error.message, error.label)])?;
        let mut reader = Reader { path, source: &source, faults: Vec::new() };
        let waivers = reader.waivers(&root);
        if reader.faults.is_empty() {
            Ok(Waivers { waivers, path: path.to_owned() })
        } else {
            reader.faults.sort_by_key(|fault| fault.span.start);
            Err(reader.faults)
        }
    }
}

impl Waiver {
    /// Whether its last day is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now > self.until
    }

    /// Whether it is meant for the rule of this name.
    pub fn names(&self, rule: &str) -> bool {
        self.rule_glob.is_match(rule)
    }

    /// Whether it is meant for this rule and subject.
    pub fn covers(&self, rule: &str, kind: &str, namespace: Option<&str>, name: &str) -> bool {
        let matches = |glob: &Option<GlobMatcher>, text: &str| glob.as_ref().is_none_or(|glob| glob.is_match(text));
        self.rule_glob.is_match(rule)
            && matches(&self.kind, kind)
            && matches(&self.namespace, namespace.unwrap_or_default())
            && matches(&self.name, name)
    }
}

struct Reader<'a> {
    path: &'a str,
    source: &'a Arc<str>,
    faults: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn fault(&mut self, node: &Node, message: impl Into<String>, label: impl Into<String>) {
        let span = node.span.clone();
        self.faults.push(Diagnostic::new(self.path, self.source, span, message, label));
    }

    fn keys(&mut self, members: &[Member], valid: &[&str], of_what: &str) {
        for member in members {
            if !valid.contains(&&*member.key) {
                let help = did_you_mean(&member.key, valid.iter().copied())
                    .or_else(|| Some(format!("the keys are {}", valid.join(", "))));
                let message = format!("{of_what} has no key `{}`", member.key);
                let fault = Diagnostic::new(self.path, self.source, member.key_span.clone(), message, "unknown key");
                self.faults.push(fault.with_help(help));
            }
        }
    }

    fn waivers(&mut self, root: &Node) -> Vec<Waiver> {
        let Value::Map(members) = &root.value else {
            self.fault(root, format!("{} instead of waivers", root.describe()), "expected the key `waivers`");
            return Vec::new();
        };
        self.keys(members, &["waivers"], "a waiver file");
        match root.get("waivers") {
            Some(Node { value: Value::List(list), .. }) => list.iter().filter_map(|node| self.waiver(node)).collect(),
            Some(node) if node.describe() == "nothing" => Vec::new(),
            Some(node) => {
                self.fault(node, format!("{} as waivers", node.describe()), "expected a list");
                Vec::new()
            }
            None => {
                self.fault(root, "the file has no `waivers`", "expected the key `waivers`");
                Vec::new()
            }
        }
    }

    fn waiver(&mut self, node: &Node) -> Option<Waiver> {
        let Value::Map(members) = &node.value else {
            self.fault(node, format!("{} as a waiver", node.describe()), "expected keys and values");
            return None;
        };
        self.keys(members, KEYS, "a waiver");
        let rule = self.needed(node, "rule");
        let reason = self.needed(node, "reason");
        let expires = self.needed(node, "expires");
        let until = expires.as_deref().and_then(|expires| {
            let until = instant(expires).ok().filter(|_| expires.len() == 10);
            if until.is_none()
                && let Some(node) = node.get("expires")
            {
                self.fault(node, format!("`{expires}` is no day"), "expected YYYY-MM-DD");
            }
            until
        });
        let (mut kind, mut namespace, mut name) = (None, None, None);
        match node.get("subject") {
            Some(Node { value: Value::Map(members), .. }) => {
                self.keys(members, SUBJECT_KEYS, "a subject");
                for member in members {
                    let glob = self.glob(&member.value);
                    match &*member.key {
                        "kind" => kind = glob,
                        "namespace" => namespace = glob,
                        _ => name = glob,
                    }
                }
            }
            Some(node) => {
                self.fault(node, format!("{} as a subject", node.describe()), "expected kind, name, namespace");
            }
            None => {}
        }
        let rule_glob = node.get("rule").and_then(|node| self.glob(node));
        let line = self.source.get(..node.span.start).unwrap_or_default().matches('\n').count() + 1;
        Some(Waiver {
            rule: rule?,
            reason: reason?,
            expires: expires?,
            owner: node.get("owner").and_then(Node::text).map(str::to_owned),
            line,
            until: until?,
            rule_glob: rule_glob?,
            kind,
            namespace,
            name,
        })
    }

    fn needed(&mut self, node: &Node, key: &str) -> Option<String> {
        match node.get(key) {
            None => {
                self.fault(node, format!("a waiver without `{key}`"), format!("expected `{key}`"));
                None
            }
            Some(value) => match value.text().map(str::trim) {
                Some(text) if !text.is_empty() && value.describe() != "nothing" => Some(text.to_owned()),
                _ => {
                    self.fault(value, format!("`{key}` is {}", value.describe()), "expected words");
                    None
                }
            },
        }
    }

    fn glob(&mut self, node: &Node) -> Option<GlobMatcher> {
        let glob = node.text().and_then(|text| GlobBuilder::new(text).build().ok());
        if glob.is_none() {
            self.fault(node, "not a name nor a glob", "expected a name such as gpu-*");
        }
        glob.map(|glob| glob.compile_matcher())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-23T00:00:00Z".parse().unwrap()
    }

    fn parse(text: &str) -> Waivers {
        Waivers::parse(text, "waivers.yaml").unwrap_or_else(|faults| panic!("{}", faults[0].render(false)))
    }

    fn faults(text: &str) -> Vec<String> {
        let faults = Waivers::parse(text, "waivers.yaml").expect_err("the file is wrong");
        faults.iter().map(|fault| format!("{}:{}: {}", fault.line, fault.column, fault.message)).collect()
    }

    #[test]
    fn a_waiver_covers_the_rules_and_subjects_that_it_names() {
        let file = parse(
            "waivers:\n  - rule: node/*\n    subject: {kind: host, name: \"gpu-*\"}\n    reason: x\n    expires: 2027-03-31\n",
        );
        let waiver = &file.waivers[0];
        assert!(waiver.covers("node/swap-enabled", "host", None, "gpu-7"));
        assert!(!waiver.covers("node/swap-enabled", "host", None, "cn-1"));
        assert!(!waiver.covers("runtime/x", "host", None, "gpu-7"));
        assert!(!waiver.covers("node/swap-enabled", "Node", None, "gpu-7"));
    }

    #[test]
    fn a_waiver_holds_through_its_last_day() {
        let file = parse(
            "waivers:\n  - {rule: a/b, reason: x, expires: 2026-11-23}\n  - {rule: a/b, reason: x, expires: 2026-11-22}\n",
        );
        assert!(!file.waivers[0].is_expired(now()));
        assert!(file.waivers[1].is_expired(now()));
    }

    #[test]
    fn every_fault_of_a_waiver_file_is_named_with_its_line() {
        assert_eq!(
            faults(
                "waivers:\n  - rule: a/b\n    reson: typing\n    expires: 2026-13-01\n  - {reason: '', expires: 2027-01-01}\n"
            ),
            [
                "2:5: a waiver without `reason`",
                "3:5: a waiver has no key `reson`",
                "4:14: `2026-13-01` is no day",
                "5:5: a waiver without `rule`",
                "5:14: `reason` is text",
            ]
        );
    }

    #[test]
    fn an_empty_file_of_waivers_waives_nothing() {
        assert!(parse("waivers: []\n").waivers.is_empty());
        assert_eq!(faults(""), ["1:1: the file has no `waivers`"]);
    }
}
