//! The audit policy, <https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/>:
//! the first rule that matches a request decides.

use super::Named;
use crate::fact::host::document::{self, Node};
use crate::fact::{Fact, Facts, Source};

pub(super) fn set(facts: &mut Facts, file: &Named) {
    let (path, leaks, nothing) = match file {
        Named::No(why) => (why.clone(), why.clone(), why.clone()),
        Named::Unreadable { path, unreadable } => (path.clone(), unreadable.clone(), unreadable.clone()),
        Named::File { path, source, text } => match parse(text) {
            Ok(rules) => (path.clone(), leaks(&rules, source), Fact::known(records_nothing(&rules), source.clone())),
            Err(why) => {
                let unreadable = Fact::unreadable(source.clone(), why);
                (path.clone(), unreadable.clone(), unreadable)
            }
        },
    };
    facts.set("audit_policy.path", path);
    facts.set("audit_policy.leaks", leaks);
    facts.set("audit_policy.records_nothing", nothing);
}

/// What a rule of the policy says, as far as it is asked here.
#[derive(Debug, PartialEq)]
struct Rule {
    level: String,
    line: u32,
    /// Whether requests for Secrets may match it.
    takes_secrets: bool,
    /// Whether every request for Secrets does.
    takes_all_secrets: bool,
    /// Whether every request does.
    takes_all: bool,
}

fn parse(text: &str) -> Result<Vec<Rule>, String> {
    let documents = document::parse_yaml(text).map_err(|error| error.to_string())?;
    let is_policy = |node: &&Node| node.get("kind").and_then(Node::text) == Some("Policy");
    let policy = documents.iter().find(is_policy).ok_or("it holds no audit Policy")?;
    Ok(policy.get("rules").map(Node::list).unwrap_or_default().iter().map(rule).collect())
}

fn rule(node: &Node) -> Rule {
    let is_set = |key: &str| node.get(key).is_some_and(|list| !list.list().is_empty());
    let is_limited = ["users", "userGroups", "verbs", "namespaces"].iter().any(|key| is_set(key));
    let resources = node.get("resources").map(Node::list).unwrap_or_default();
    let takes_secrets =
        if resources.is_empty() { !is_set("nonResourceURLs") } else { resources.iter().any(holds_secrets) };
    let is_named = |node: &Node| node.get("resourceNames").is_some_and(|names| !names.list().is_empty());
    let every = resources.is_empty() || resources.iter().any(|group| holds_secrets(group) && !is_named(group));
    Rule {
        level: node.get("level").and_then(Node::text).unwrap_or_default().to_owned(),
        line: node.line,
        takes_secrets,
        takes_all_secrets: takes_secrets && every && !is_limited,
        takes_all: resources.is_empty() && !is_set("nonResourceURLs") && !is_limited,
    }
}

/// Secrets are of the core group; no resources of a group mean all of it.
fn holds_secrets(group: &Node) -> bool {
    if !group.get("group").and_then(Node::text).unwrap_or_default().is_empty() {
        return false;
    }
    let resources = group.get("resources").map(Node::list).unwrap_or_default();
    resources.is_empty()
        || resources.iter().filter_map(Node::text).any(|name| matches!(name, "*" | "secrets" | "secrets/*"))
}

fn leaks(rules: &[Rule], source: &Source) -> Fact {
    let path = match source {
        Source::File { path, .. } => path.as_str(),
        _ => "",
    };
    let mut leaks = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        if rule.takes_secrets && matches!(rule.level.as_str(), "Request" | "RequestResponse") {
            let place = Source::line(path, rule.line);
            let number = i64::try_from(index + 1).unwrap_or(i64::MAX);
            let members = vec![
                ("level", Fact::known(rule.level.as_str(), place.clone())),
                ("number", Fact::known(number, place.clone())),
            ];
            leaks.push(crate::fact::flag::element(members, &place));
        }
        if rule.takes_all_secrets {
            break;
        }
    }
    Fact::known(leaks, source.clone())
}

fn records_nothing(rules: &[Rule]) -> bool {
    let is_none = |rule: &Rule| rule.level == "None";
    rules.iter().all(is_none) || rules.first().is_some_and(|rule| is_none(rule) && rule.takes_all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(rules: &str) -> Vec<Rule> {
        parse(&format!("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n{rules}")).expect("a policy")
    }

    fn numbers(rules: &[Rule]) -> Vec<i64> {
        let leaks = leaks(rules, &Source::file("/p"));
        leaks.list().unwrap_or_default().iter().filter_map(|leak| leak.member("number")?.int()).collect()
    }

    #[test]
    fn the_first_rule_that_matches_secrets_decides() {
        let rules = policy(
            "- {level: Metadata, resources: [{group: '', resources: [secrets, configmaps]}]}\n- {level: RequestResponse}\n",
        );
        assert_eq!(numbers(&rules), Vec::<i64>::new());
        let rules = policy("- {level: Request, resources: [{group: ''}]}\n- {level: Metadata}\n");
        assert_eq!(numbers(&rules), [1], "no resources are all of the group");
    }

    #[test]
    fn a_rule_for_some_users_leaves_the_others_to_the_next() {
        let rules = policy("- {level: None, users: [system:kube-proxy]}\n- {level: RequestResponse}\n");
        assert_eq!(numbers(&rules), [2]);
        let rules = policy("- {level: Request, resources: [{group: apps}]}\n- {level: Metadata}\n");
        assert_eq!(numbers(&rules), Vec::<i64>::new());
    }

    #[test]
    fn a_policy_that_begins_with_none_for_everything_records_nothing() {
        assert!(records_nothing(&policy("- {level: None}\n- {level: Metadata}\n")));
        assert!(records_nothing(&[]));
        assert!(!records_nothing(&policy("- {level: None, users: [a]}\n- {level: Metadata}\n")));
    }
}
