//! Which of the pods and containers there are a target means.

use super::owner::{OwnerKind, owner_of};
use super::{Named, Target};
use crate::capture::workload::Workload;

/// How many of those that there are an error names.
const MAX_NAMED: usize = 20;

/// The fewest digits by which a container is known.
const MIN_ID: usize = 4;

/// The workloads that a target means, at least one.
///
/// # Errors
/// If there is none or the name means several different ones; the text says
/// what there is.
pub fn select<'a>(target: &Target, there: &'a [Workload]) -> Result<Vec<&'a Workload>, String> {
    match target {
        Target::Pod(named) => one(&format!("pod {named}"), pods(named, there), there),
        Target::Container(name) => container(name, there),
        Target::Owner(kind, named) => {
            let what = format!("pod of {}/{named}", kind.short());
            of_one_namespace(&what, owned(*kind, named, there), there)
        }
        Target::Labels(selector, namespace) => {
            let is_of = |workload: &&Workload| {
                workload.pod.as_ref().is_some_and(|pod| namespace.as_ref().is_none_or(|of| *of == pod.namespace))
            };
            let found: Vec<_> =
                there.iter().filter(is_of).filter(|workload| selector.matches(&workload.labels)).collect();
            if found.is_empty() {
                let unknown =
                    there.iter().filter(|workload| workload.pod.is_some() && workload.labels.is_empty()).count();
                let hint =
                    if unknown > 0 { format!(" (of {unknown} pods no labels are known)") } else { String::new() };
                return Err(format!("there is no pod with such labels on this node{hint}; {}", listed(there)));
            }
            Ok(found)
        }
        Target::Name(named) => by_any_name(named, there),
        Target::Node | Target::Pid(_) | Target::Netns(_) => Ok(Vec::new()),
    }
}

fn is_named(workload: &Workload, named: &Named) -> bool {
    workload.pod.as_ref().is_some_and(|pod| {
        pod.name == named.name && named.namespace.as_ref().is_none_or(|namespace| *namespace == pod.namespace)
    })
}

fn pods<'a>(named: &Named, there: &'a [Workload]) -> Vec<&'a Workload> {
    there.iter().filter(|workload| is_named(workload, named)).collect()
}

fn owned<'a>(kind: OwnerKind, named: &Named, there: &'a [Workload]) -> Vec<&'a Workload> {
    let is_of = |workload: &&Workload| {
        owner_of(kind, workload) == Some(&named.name)
            && workload.pod.as_ref().is_some_and(|pod| named.namespace.as_ref().is_none_or(|of| *of == pod.namespace))
    };
    there.iter().filter(is_of).collect()
}

fn has_container(workload: &Workload, name: &str) -> bool {
    let is_it = |id: &str| name.len() >= MIN_ID && id.starts_with(name);
    workload.containers.iter().any(|container| container.name == name || is_it(&container.id))
        || workload.sandbox_id.as_deref().is_some_and(is_it)
}

fn container<'a>(name: &str, there: &'a [Workload]) -> Result<Vec<&'a Workload>, String> {
    // NAMESPACE/POD/CONTAINER and POD/CONTAINER, where a name alone means several.
    let parts: Vec<&str> = name.split('/').collect();
    let (pod, name) = match parts.as_slice() {
        [namespace, pod, name] => {
            (Some(Named { namespace: Some((*namespace).to_owned()), name: (*pod).to_owned() }), *name)
        }
        [pod, name] => (Some(Named { namespace: None, name: (*pod).to_owned() }), *name),
        _ => (None, name),
    };
    let is_of = |workload: &&Workload| pod.as_ref().is_none_or(|pod| is_named(workload, pod));
    let found = there.iter().filter(is_of).filter(|workload| has_container(workload, name)).collect();
    one(&format!("container {name}"), found, there)
}

/// A bare name: that of a pod, a container or an owner, if it is only one of them.
fn by_any_name<'a>(named: &Named, there: &'a [Workload]) -> Result<Vec<&'a Workload>, String> {
    let pods = pods(named, there);
    if !pods.is_empty() {
        return one(&format!("pod {named}"), pods, there);
    }
    if named.namespace.is_none() {
        let containers: Vec<_> = there.iter().filter(|workload| has_container(workload, &named.name)).collect();
        if !containers.is_empty() {
            return one(&format!("container {named}"), containers, there);
        }
    }
    let owners: Vec<_> =
        OwnerKind::ALL.into_iter().map(|kind| owned(kind, named, there)).filter(|of| !of.is_empty()).collect();
    match owners.as_slice() {
        [pods] => of_one_namespace(&format!("owner {named}"), pods.clone(), there),
        [] => Err(format!(
            "there is no pod, container or owner {named} on this node; {}",
            listed_near(&named.name, there)
        )),
        _ => Err(format!("{named} owns pods in several ways; write deploy/, sts/ or ds/{named}")),
    }
}

fn one<'a>(what: &str, found: Vec<&'a Workload>, there: &'a [Workload]) -> Result<Vec<&'a Workload>, String> {
    match found.as_slice() {
        [_] => Ok(found),
        [] => {
            let name = what.rsplit([' ', '/']).next().unwrap_or_default();
            Err(format!("there is no {what} on this node; {}", listed_near(name, there)))
        }
        several => {
            let names: Vec<String> = several.iter().map(|workload| describe(workload)).collect();
            Err(format!("{what} is not one but {}: {}", several.len(), names.join(", ")))
        }
    }
}

/// Several pods are meant, but those of one owner.
fn of_one_namespace<'a>(what: &str, found: Vec<&'a Workload>, there: &[Workload]) -> Result<Vec<&'a Workload>, String> {
    let mut namespaces: Vec<&str> =
        found.iter().filter_map(|workload| workload.pod.as_ref()).map(|pod| pod.namespace.as_str()).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    match namespaces.as_slice() {
        [] => Err(format!("there is no {what} on this node; {}", listed(there))),
        [_] => Ok(found),
        several => Err(format!("there is a {what} in several namespaces: {}; choose one by -n", several.join(", "))),
    }
}

fn describe(workload: &Workload) -> String {
    match (&workload.pod, &workload.sandbox_id) {
        (Some(_), Some(id)) => format!("{} ({})", workload.name(), id.chars().take(12).collect::<String>()),
        _ => {
            let id = workload.containers.first().map(|container| container.id.as_str()).unwrap_or_default();
            format!("{} ({} {})", workload.name(), workload.runtime, id.chars().take(12).collect::<String>())
        }
    }
}

fn listed(there: &[Workload]) -> String {
    listed_near("", there)
}

/// What there is, the nearest names first.
fn listed_near(name: &str, there: &[Workload]) -> String {
    if there.is_empty() {
        return "no pod and no container was found".to_owned();
    }
    let mut names: Vec<(usize, String)> = there
        .iter()
        .map(|workload| {
            let own = workload.name();
            let last = own.rsplit('/').next().unwrap_or_default();
            (if name.is_empty() { 0 } else { strsim::damerau_levenshtein(last, name) }, own)
        })
        .collect();
    names.sort();
    let more = names.len().saturating_sub(MAX_NAMED);
    let names: Vec<String> = names.into_iter().take(MAX_NAMED).map(|(_, name)| name).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("there are: {}{more}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::target::Selector;
    use crate::capture::workload::{Container, PodName};

    fn container(id: &str, name: &str) -> Container {
        Container { id: id.to_owned(), name: name.to_owned(), pid: None }
    }

    fn pod(namespace: &str, name: &str, sandbox: &str) -> Workload {
        Workload {
            pod: Some(PodName { namespace: namespace.to_owned(), name: name.to_owned(), uid: String::new() }),
            sandbox_id: Some(sandbox.to_owned()),
            containers: vec![container(&format!("c{sandbox}"), "app")],
            ..Workload::default()
        }
    }

    fn there() -> Vec<Workload> {
        let mut labelled = pod("shop", "web-7d4b9c6f5-x2x9k", "dddd1");
        labelled.labels = [("app", "web"), ("pod-template-hash", "7d4b9c6f5")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let docker = Workload { containers: vec![container("9e1b22", "registry")], ..Workload::default() };
        vec![pod("shop", "db-0", "aaaa1"), pod("test", "db-0", "bbbb1"), labelled, docker]
    }

    fn selected(target: &str, namespace: Option<&str>) -> Result<Vec<String>, String> {
        let there = there();
        let found = select(&Target::parse(target, namespace).unwrap(), &there)?;
        Ok(found.into_iter().map(Workload::name).collect())
    }

    fn assert_selects(target: &str, namespace: Option<&str>, name: &str) {
        assert_eq!(selected(target, namespace), Ok(vec![name.to_owned()]), "{target}");
    }

    #[test]
    fn names_mean_one_workload() {
        assert_selects("pod/db-0", Some("test"), "test/db-0");
        assert_selects("shop/db-0", None, "shop/db-0");
        assert_selects("container/registry", None, "registry");
        assert_selects("container/9e1b", None, "registry");
        assert_selects("container/test/db-0/app", None, "test/db-0");
        assert_selects("deploy/web", None, "shop/web-7d4b9c6f5-x2x9k");
        assert_selects("web", None, "shop/web-7d4b9c6f5-x2x9k");
        assert_selects("registry", None, "registry");
        let labels = Target::Labels(Selector::parse("app=web").unwrap(), None);
        assert_eq!(select(&labels, &there()).unwrap().len(), 1);
    }

    #[test]
    fn an_ambiguous_name_says_what_it_means() {
        let wrong = selected("pod/db-0", None).unwrap_err();
        assert_eq!(wrong, "pod db-0 is not one but 2: shop/db-0 (aaaa1), test/db-0 (bbbb1)");
        assert_eq!(
            selected("sts/db", None).unwrap_err(),
            "there is a pod of sts/db in several namespaces: shop, test; choose one by -n"
        );
        assert!(selected("container/app", None).unwrap_err().contains("is not one but 3"));
    }

    #[test]
    fn a_wrong_name_says_what_there_is_the_nearest_first() {
        assert_eq!(
            selected("pod/bd-0", None).unwrap_err(),
            "there is no pod bd-0 on this node; there are: shop/db-0, test/db-0, registry, shop/web-7d4b9c6f5-x2x9k"
        );
        let empty = select(&Target::parse("pod/x", None).unwrap(), &[]).unwrap_err();
        assert_eq!(empty, "there is no pod x on this node; no pod and no container was found");
        assert!(selected("container/9e1", None).is_err(), "three digits name nobody");
    }
}
