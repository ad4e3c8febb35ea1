//! Joining the answers of several releases where the version is not known.
//!
//! In: the same fact as each release would have it. Out: one fact, known
//! where all agree.

use std::collections::BTreeMap;

use crate::fact::{Fact, Source, Value};

/// One answer of several: what all agree on, and where they do not, an
/// unreadable fact. Places may differ: the first one's are kept.
pub(super) fn agree(answers: &[&Fact], reason: &str) -> Fact {
    let Some((first, rest)) = answers.split_first() else {
        return Fact::unreadable(Source::default_of("containerd config default"), reason);
    };
    if rest.iter().all(|other| is_same(first, other)) {
        return (*first).clone();
    }
    let unreadable = || {
        let source = answers.iter().find_map(|fact| fact.source()).cloned();
        Fact::Unreadable { source, reason: reason.to_owned() }
    };
    match first {
        Fact::Known { value: Value::Map(members), source } => {
            let joined: Option<BTreeMap<String, Fact>> = members
                .keys()
                .map(|name| {
                    let of_all: Option<Vec<&Fact>> = answers.iter().map(|answer| answer.member(name)).collect();
                    Some((name.clone(), agree(&of_all?, reason)))
                })
                .collect();
            joined.map_or_else(unreadable, |joined| Fact::Known { value: Value::Map(joined), source: source.clone() })
        }
        Fact::Known { value: Value::List(elements), source } => {
            let lists: Option<Vec<&[Fact]>> = answers.iter().map(|answer| answer.list()).collect();
            let Some(lists) = lists.filter(|lists| lists.iter().all(|list| list.len() == elements.len())) else {
                return unreadable();
            };
            let joined = (0..elements.len()).map(|at| {
                let of_all: Vec<&Fact> = lists.iter().filter_map(|list| list.get(at)).collect();
                agree(&of_all, reason)
            });
            Fact::Known { value: Value::List(joined.collect()), source: source.clone() }
        }
        _ => unreadable(),
    }
}

/// Whether two facts say the same, wherever they were read.
fn is_same(one: &Fact, other: &Fact) -> bool {
    match (one, other) {
        (Fact::Absent { .. }, Fact::Absent { .. }) => true,
        (Fact::Unreadable { reason: one, .. }, Fact::Unreadable { reason: other, .. }) => one == other,
        (Fact::Known { value: one, .. }, Fact::Known { value: other, .. }) => match (one, other) {
            (Value::List(one), Value::List(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
            }
            (Value::Map(one), Value::Map(other)) => {
                one.len() == other.len()
                    && one.iter().zip(other).all(|((name, one), (same, other))| name == same && is_same(one, other))
            }
            (one, other) => one == other,
        },
        _ => false,
    }
}
