//! Functions on lists.

use super::{Function, Takes, element, member, same, text, text_at};
use crate::rule::expression::evaluate::Evaluator;
use crate::rule::expression::show;
use crate::rule::expression::value::{Slot, Stop, Unknown, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    member("join", &[Takes::List], text, |evaluator, arguments| join(evaluator, arguments, "")),
    member("join", &[Takes::List, Takes::Text], text, |evaluator, arguments| {
        join(evaluator, arguments, text_at(arguments, 1))
    }),
    member("distinct", &[Takes::List], same, |evaluator, arguments| {
        let mut kept: Vec<Slot<'_>> = Vec::new();
        for slot in known(arguments)? {
            let is_there = match &slot {
                Ok(value) => evaluator.is_among(value, &kept)?,
                Err(_) => false,
            };
            if !is_there {
                kept.push(slot);
            }
        }
        Ok(Value::list(kept, doubt(arguments)))
    }),
    member("sort", &[Takes::List], same, |evaluator, arguments| {
        let values = all_known(arguments)?;
        evaluator.sort(values)
    }),
    member("max", &[Takes::List], element, |evaluator, arguments| {
        let values = all_known(arguments)?;
        extreme(evaluator, values, true)
    }),
    member("min", &[Takes::List], element, |evaluator, arguments| {
        let values = all_known(arguments)?;
        extreme(evaluator, values, false)
    }),
];

fn join<'f>(evaluator: &mut Evaluator<'f>, arguments: &[Value<'f>], separator: &str) -> Slot<'f> {
    let mut joined = String::new();
    for (at, value) in all_known(arguments)?.into_iter().enumerate() {
        if at > 0 {
            joined.push_str(separator);
        }
        let Some(text) = show::text(&value) else {
            return Err(Stop::fault(format!("{} cannot be joined", value.describe())));
        };
        joined.push_str(&text);
        evaluator.make_text(joined.len())?;
    }
    Ok(Value::text(joined))
}

/// The elements of a list, each known or not.
fn known<'f>(arguments: &[Value<'f>]) -> Result<Vec<Slot<'f>>, Stop<'f>> {
    arguments.first().and_then(Value::elements).ok_or_else(|| Stop::fault("expected a list"))
}

fn doubt<'f>(arguments: &[Value<'f>]) -> Option<Unknown<'f>> {
    arguments.first().and_then(Value::doubt).cloned()
}

/// The elements of a list that must all be known.
fn all_known<'f>(arguments: &[Value<'f>]) -> Result<Vec<Value<'f>>, Stop<'f>> {
    if let Some(doubt) = doubt(arguments) {
        return Err(Stop::Unknown(doubt));
    }
    known(arguments)?.into_iter().map(|slot| slot.map_err(|stop| Stop::Unknown(stop.into_unknown()))).collect()
}

fn extreme<'f>(evaluator: &mut Evaluator<'f>, values: Vec<Value<'f>>, is_largest: bool) -> Slot<'f> {
    let sorted = evaluator.sort(values)?;
    let mut elements = sorted.elements().unwrap_or_default();
    let chosen = if is_largest { elements.pop() } else { elements.into_iter().next() };
    chosen.unwrap_or_else(|| Err(Stop::fault("an empty list has no largest or smallest element")))
}
