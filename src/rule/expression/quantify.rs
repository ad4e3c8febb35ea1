//! What walks the elements of a list: `all`, `exists`, `exists_one`, `map`,
//! `filter` and `in`.
//!
//! An element that cannot be told is set aside: it leaves the answer open only
//! where the others do not decide.

use super::ast::{Macro, Node, NodeKind, Quantifier};
use super::compare;
use super::evaluate::{Evaluator, add, made};
use super::value::{Elements, Plain, Slot, Stop, Unknown, Value};
use crate::fact::Fact;

/// `data.lifecycle.products`
fn is_products_of_lifecycle(node: &Node) -> bool {
    let NodeKind::Member(products) = &node.kind else { return false };
    let NodeKind::Member(lifecycle) = &products.of.kind else { return false };
    products.name == "products"
        && lifecycle.name == "lifecycle"
        && matches!(&lifecycle.of.kind, NodeKind::Name(name) if name == "data")
}

impl<'f> Evaluator<'f> {
    pub(super) fn is_in(&mut self, needle: &'f Node, range: &'f Node) -> Slot<'f> {
        // Most rules about life cycles ask this first, of a table that takes
        // longer to read than all of them to judge.
        if is_products_of_lifecycle(range)
            && let Plain::Text(product) = &self.value(needle).map_err(Stop::Unknown)?.plain
        {
            return Ok(Value::made(Plain::Bool(self.world.data.has_product(product))));
        }
        let range = self.value(range).map_err(Stop::Unknown)?;
        let needle = self.value(needle).map_err(Stop::Unknown)?;
        if let Some(elements) = range.elements() {
            let mut open = range.doubt().cloned();
            for element in elements {
                self.spend(1)?;
                match element.map_err(Stop::into_unknown).and_then(|value| compare::equal(self, &needle, &value)) {
                    Ok(true) => return Ok(Value::made(Plain::Bool(true))),
                    Ok(false) => {}
                    Err(unknown) => open = Some(add(open, unknown)),
                }
            }
            return made(open.map_or(Ok(Plain::Bool(false)), Err));
        }
        let Plain::Text(key) = &needle.plain else {
            return Err(Stop::fault(format!("{} is in no group", needle.describe())));
        };
        match range.member(key) {
            Some(Ok(_)) => Ok(Value::made(Plain::Bool(true))),
            Some(Err(Stop::Absent(_))) => Ok(Value::made(Plain::Bool(false))),
            Some(Err(unknown)) => Err(unknown),
            None if range.is_group() => Ok(Value::made(Plain::Bool(false))),
            None => Err(Stop::fault(format!("nothing is in {}", range.describe()))),
        }
    }

    /// What a macro walks: the elements of a list, or the keys of a group.
    fn walk(&mut self, range: &'f Node) -> Result<(Elements<'f>, Option<Unknown<'f>>), Stop<'f>> {
        let range = self.value(range).map_err(Stop::Unknown)?;
        if let Plain::Facts(facts) = &range.plain {
            self.allow(facts.len());
        }
        let doubt = range.doubt().cloned();
        let keys = match &range.plain {
            Plain::Members(members) => members
                .iter()
                .filter(|(_, fact)| !matches!(fact, Fact::Absent { .. }))
                .map(|(key, _)| Ok(Value::text(key.as_str())))
                .collect(),
            Plain::Twin(twin) => {
                let is_there = |(_, fact): &(&String, &Fact)| !matches!(fact, Fact::Absent { .. });
                twin.members().iter().filter(is_there).map(|(key, _)| Ok(Value::text(key.as_str()))).collect()
            }
            Plain::Map(members) => members.iter().map(|(key, _)| Ok(Value::text(key.clone()))).collect(),
            _ => {
                let what = range.describe();
                let elements = range.walk().ok_or_else(|| Stop::fault(format!("{what} cannot be walked")))?;
                self.spend(elements.len())?;
                return Ok((elements, doubt));
            }
        };
        let keys = Elements::of(keys);
        self.spend(keys.len())?;
        Ok((keys, doubt))
    }

    pub(super) fn quantify(&mut self, quantifier: &'f Macro) -> Slot<'f> {
        let (elements, mut open) = self.walk(&quantifier.range)?;
        let mut chosen = Vec::new();
        let mut count = 0_usize;
        for element in elements {
            self.locals.push((&quantifier.name, element));
            let holds = quantifier.condition.as_ref().map_or(Ok(true), |condition| self.truth(condition));
            let body = match (&holds, &quantifier.body) {
                (Ok(true), Some(body)) => Some(self.slot(body)),
                _ => None,
            };
            self.locals.pop();
            match (quantifier.what, holds) {
                (_, Err(unknown)) => open = Some(add(open, unknown)),
                (Quantifier::All, Ok(false)) => return Ok(Value::made(Plain::Bool(false))),
                (Quantifier::Exists, Ok(true)) => return Ok(Value::made(Plain::Bool(true))),
                (Quantifier::ExistsOne, Ok(true)) => count += 1,
                (Quantifier::Map | Quantifier::Filter, Ok(true)) => chosen.extend(body),
                (_, Ok(_)) => {}
            }
        }
        match quantifier.what {
            // An element that may belong to the list does not spoil the others.
            Quantifier::Map | Quantifier::Filter => Ok(Value::list(chosen, open)),
            Quantifier::ExistsOne if count > 1 => Ok(Value::made(Plain::Bool(false))),
            what => match open {
                Some(unknown) => Err(Stop::Unknown(unknown)),
                None => Ok(Value::made(Plain::Bool(match what {
                    Quantifier::All => true,
                    Quantifier::ExistsOne => count == 1,
                    _ => false,
                }))),
            },
        }
    }
}
