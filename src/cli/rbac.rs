//! `scanner rules rbac`: the rights that judging a cluster takes, as objects
//! for `kubectl apply`: to list and to get, and nothing more.

use std::collections::{BTreeMap, BTreeSet};

use super::failure::Failure;
use super::output::Destination;
use super::rule_source::RuleArgs;
use crate::fact::catalogue::overlap;
use crate::fact::cluster::{Collection, Request, Scope, What};

/// Writes the objects for the selected rules.
pub(super) fn run(args: &RuleArgs) -> Result<(), Failure> {
    let rules = args.load(false)?;
    let selected = args.select(&rules)?;
    let mut wanted = rules.facts_needed(&selected);
    if wanted.iter().any(|path| overlap(path, "gate.api_objects")) {
        wanted.insert("api_history".to_owned());
    }
    // Nothing wanted would mean everything.
    let collection = Collection::new(&wanted);
    let requests = if wanted.is_empty() { &[] } else { collection.requests() };
    Destination::Stdout.write(roles(requests).as_bytes())
}

/// The objects that allow these requests.
fn roles(requests: &[Request]) -> String {
    let mut text = String::from(
        "# What scanner reads to judge a cluster by the selected rules; it changes nothing. Secrets are not among it:\n\
         # scanner gate --helm takes the right to list them, where Helm's releases are to be judged.\n\
         # Bind it with: kubectl create clusterrolebinding scanner --clusterrole=scanner --serviceaccount=NAMESPACE:NAME\n",
    );
    text.push_str(&role("ClusterRole", None, &rights(requests, None)));
    let namespaces: BTreeSet<&str> = requests.iter().filter_map(namespace_of).collect();
    if !namespaces.is_empty() {
        text.push_str("# The roles of single namespaces are for clusters that have these; elsewhere kubectl says NotFound, and nothing is missed.\n");
    }
    for namespace in namespaces {
        text.extend([
            "---\n# Bind it with: kubectl create rolebinding scanner --role=scanner --namespace=",
            namespace,
            " --serviceaccount=NAMESPACE:NAME\n",
            &role("Role", Some(namespace), &rights(requests, Some(namespace))),
        ]);
    }
    text
}

/// The namespace whose objects alone are listed.
fn namespace_of(request: &Request) -> Option<&'static str> {
    match request.what {
        What::Objects(_, Scope::Namespace(namespace)) => Some(namespace),
        _ => None,
    }
}

/// Rules of a role: what they are about, and what may be done.
#[derive(Default)]
struct Rights {
    /// Resources that are listed, by API group.
    listed: BTreeMap<&'static str, BTreeSet<&'static str>>,
    /// Names of objects that are got, by API group and resource.
    named: BTreeMap<(&'static str, &'static str), BTreeSet<&'static str>>,
    paths: BTreeSet<&'static str>,
}

fn rights(requests: &[Request], namespace: Option<&str>) -> Rights {
    let mut rights = Rights::default();
    if namespace.is_none() {
        // The groups, versions and kinds of the API, which everyone who logs in may see by default.
        rights.paths.extend(["/apis", "/apis/*"]);
    }
    for request in requests {
        match request.what {
            What::Path(path) if namespace.is_none() => {
                rights.paths.insert(path);
            }
            What::Objects(resource, Scope::Named(_, name)) if namespace.is_none() => {
                rights.named.entry((resource.group, resource.plural)).or_default().insert(name);
            }
            What::Objects(resource, Scope::Everywhere) if namespace.is_none() => {
                rights.listed.entry(resource.group).or_default().insert(resource.plural);
            }
            What::Objects(resource, Scope::Namespace(own)) if namespace == Some(own) => {
                rights.listed.entry(resource.group).or_default().insert(resource.plural);
            }
            _ => {}
        }
    }
    rights
}

fn role(kind: &str, namespace: Option<&str>, rights: &Rights) -> String {
    let namespace = namespace.map(|namespace| format!("  namespace: {namespace}\n")).unwrap_or_default();
    let mut text = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata:\n  name: scanner\n{namespace}rules:\n"
    );
    for (group, resources) in &rights.listed {
        text.push_str(&rule(group, resources, None, "list"));
    }
    for ((group, resource), names) in &rights.named {
        text.push_str(&rule(group, &BTreeSet::from([*resource]), Some(names), "get"));
    }
    if !rights.paths.is_empty() {
        text.extend(["- nonResourceURLs: ", &listed(&rights.paths), "\n  verbs: [get]\n"]);
    }
    text
}

fn rule(group: &str, resources: &BTreeSet<&str>, names: Option<&BTreeSet<&str>>, verb: &str) -> String {
    let names = names.map(|names| format!("  resourceNames: {}\n", listed(names))).unwrap_or_default();
    let resources = listed(resources);
    format!("- apiGroups: [\"{group}\"]\n  resources: {resources}\n{names}  verbs: [{verb}]\n")
}

fn listed(words: &BTreeSet<&str>) -> String {
    format!("[{}]", words.iter().copied().collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::cluster::resource::{CONFIG_MAPS, DEPLOYMENTS, NODES, PODS};

    #[test]
    fn what_is_listed_got_and_asked_for_are_rules_of_their_own() {
        let requests = [
            Request::all(&NODES),
            Request::all(&PODS),
            Request::all(&DEPLOYMENTS),
            Request::named(&CONFIG_MAPS, "kube-system", "kubeadm-config"),
            Request::within(&CONFIG_MAPS, "kube-public"),
            Request::path("/version"),
        ];
        assert_eq!(
            roles(&requests).lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n"),
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: scanner\nrules:\n\
             - apiGroups: [\"\"]\n  resources: [nodes, pods]\n  verbs: [list]\n\
             - apiGroups: [\"apps\"]\n  resources: [deployments]\n  verbs: [list]\n\
             - apiGroups: [\"\"]\n  resources: [configmaps]\n  resourceNames: [kubeadm-config]\n  verbs: [get]\n\
             - nonResourceURLs: [/apis, /apis/*, /version]\n  verbs: [get]\n\
             ---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: scanner\n  namespace: kube-public\nrules:\n\
             - apiGroups: [\"\"]\n  resources: [configmaps]\n  verbs: [list]"
        );
    }

    #[test]
    fn all_collectors_together_need_nothing_but_reading() {
        let collection = Collection::new(&BTreeSet::new());
        let text = roles(collection.requests());
        let documents: Vec<serde_json::Value> = serde_saphyr::from_multiple(&text).unwrap();
        for rule in documents.iter().flat_map(|document| document["rules"].as_array().unwrap()) {
            assert!(
                matches!(rule["verbs"][0].as_str(), Some("get" | "list"))
                    && rule["verbs"].as_array().unwrap().len() == 1
            );
            for resource in rule["resources"].as_array().into_iter().flatten() {
                assert!(!resource.as_str().unwrap().contains(['/', '*']), "{resource}");
            }
        }
    }
}
