//! Brings together what the cluster, manifests and Helm releases say of one
//! object: one element for each object, the strongest evidence first.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::fact::{Fact, Value};

/// How strong each kind of evidence is, the strongest first.
const LADDER: &[&str] = &["written", "release", "served", "managedFields", "last-applied"];

/// The sources as one list. A source that could not be read, or a part of one,
/// is an element that could not be read: what it did not show may be a use as
/// well, and what the others show is one all the same.
pub fn merge(sources: Vec<Fact>) -> Fact {
    let mut objects: BTreeMap<[String; 3], Fact> = BTreeMap::new();
    let mut gaps: Vec<Fact> = Vec::new();
    for source in sources {
        match source {
            Fact::Known { value: Value::List(elements), .. } => {
                for element in elements {
                    match element {
                        Fact::Unreadable { .. } => gaps.push(element),
                        _ => add(&mut objects, element),
                    }
                }
            }
            Fact::Unreadable { .. } => gaps.push(source),
            Fact::Known { .. } | Fact::Absent { .. } => {}
        }
    }
    Fact::group(objects.into_values().map(in_order).chain(gaps).collect::<Vec<_>>())
}

fn add(objects: &mut BTreeMap<[String; 3], Fact>, element: Fact) {
    let key = ["kind", "namespace", "name"]
        .map(|name| element.member(name).and_then(Fact::text).unwrap_or_default().to_owned());
    match objects.entry(key) {
        Entry::Vacant(vacant) => {
            vacant.insert(element);
        }
        Entry::Occupied(mut occupied) => {
            let Fact::Known { value: Value::Map(mut members), .. } = element else { return };
            let Fact::Known { value: Value::Map(present), .. } = occupied.get_mut() else { return };
            let owner = members.remove("owner").filter(|owner| owner.value().is_some());
            if let Some(owner) = owner.filter(|_| present.get("owner").is_none_or(|own| own.value().is_none())) {
                present.insert("owner".to_owned(), owner);
            }
            if let Some(Fact::Known { value: Value::List(more), .. }) = members.remove("uses")
                && let Some(Fact::Known { value: Value::List(uses), .. }) = present.get_mut("uses")
            {
                uses.extend(more);
            }
        }
    }
}

fn in_order(mut element: Fact) -> Fact {
    if let Fact::Known { value: Value::Map(members), .. } = &mut element
        && let Some(Fact::Known { value: Value::List(uses), .. }) = members.get_mut("uses")
    {
        let strength = |fact: &Fact| {
            let how = fact.member("how").and_then(Fact::text);
            LADDER.iter().position(|step| Some(*step) == how)
        };
        uses.sort_by_key(strength);
    }
    element
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Source;
    use crate::fact::cluster::api::usage::{Origin, read};
    use crate::fact::json::json;

    fn source(origin: Origin<'_>, api_version: &str) -> Fact {
        let object = json!({"apiVersion": api_version, "kind": "Ingress", "metadata": {"name": "web", "namespace": "shop",
            "managedFields": [{"manager": "helm", "apiVersion": "networking.k8s.io/v1beta1", "time": "2021-05-01T00:00:00Z"}]}});
        Fact::group(read(&object, origin).into_iter().collect::<Vec<_>>())
    }

    #[test]
    fn one_object_of_several_sources_is_one_element() {
        let cluster = source(Origin::Dump, "networking.k8s.io/v1");
        let file = source(Origin::Manifest { file: "web.yaml", line: 1 }, "extensions/v1beta1");
        let merged = merge(vec![cluster, file]);
        let objects = merged.list().unwrap();
        assert_eq!(objects.len(), 1);
        let uses = objects[0].member("uses").and_then(Fact::list).unwrap();
        let hows: Vec<_> = uses.iter().filter_map(|use_| use_.member("how").and_then(Fact::text)).collect();
        assert_eq!(hows, ["written", "managedFields"]);
    }

    #[test]
    fn a_source_that_could_not_be_read_is_an_element_beside_what_the_others_show() {
        let denied = Fact::unreadable(Source::default_of("the API"), "list secrets: forbidden");
        assert_eq!(merge(vec![Fact::group(Vec::new()), denied.clone()]).list(), Some(&[denied.clone()][..]));
        let file = source(Origin::Manifest { file: "web.yaml", line: 1 }, "extensions/v1beta1");
        let merged = merge(vec![Fact::group(vec![denied.clone()]), file]);
        assert_eq!(merged.list().map(<[Fact]>::len), Some(2));
        assert_eq!(merged.list().and_then(<[Fact]>::last), Some(&denied));
        assert_eq!(merge(vec![Fact::Absent { source: None }]).list().map(<[Fact]>::len), Some(0));
    }
}
