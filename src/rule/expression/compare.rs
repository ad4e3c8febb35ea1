//! Equality and order of values.

use std::cmp::Ordering;

use super::evaluate::Evaluator;
use super::value::{Plain, Stop, Unknown, Value};

/// Whether two values are equal; different kinds never are, but a number
/// equals a number. Unknown where an unknown element would decide.
pub(super) fn equal<'f>(
    evaluator: &mut Evaluator<'f>,
    left: &Value<'f>,
    right: &Value<'f>,
) -> Result<bool, Unknown<'f>> {
    evaluator.spend(1).map_err(Stop::into_unknown)?;
    if let (Some(these), Some(those)) = (left.elements(), right.elements()) {
        if let Some(doubt) = left.doubt().or(right.doubt()) {
            return Err(doubt.clone());
        }
        if these.len() != those.len() {
            let unread = |list: &Value<'f>| list.element_count().and_then(Result::err);
            return unread(left).or_else(|| unread(right)).map_or(Ok(false), Err);
        }
        return all_equal(evaluator, these.into_iter().zip(those));
    }
    if let (Some(these), Some(those)) = (keys(left), keys(right)) {
        if these != those {
            return Ok(false);
        }
        let pairs: Vec<_> = these.iter().filter_map(|key| left.member(key).zip(right.member(key))).collect();
        return all_equal(evaluator, pairs.into_iter());
    }
    Ok(match (&left.plain, &right.plain) {
        (Plain::Bool(this), Plain::Bool(that)) => this == that,
        (Plain::Text(this), Plain::Text(that)) => this == that,
        (Plain::Version(this), Plain::Version(that)) => this == that,
        (Plain::Instant(this), Plain::Instant(that)) => this == that,
        (Plain::Duration(this), Plain::Duration(that)) => this == that,
        (Plain::Quantity(this), Plain::Quantity(that)) => this == that,
        (Plain::Address(this), Plain::Address(that)) => this == that,
        (Plain::Range(this), Plain::Range(that)) => this == that,
        (this, that) => numbers(this, that) == Some(Ordering::Equal),
    })
}

/// A difference decides; without one, an unknown pair leaves it open.
fn all_equal<'f>(
    evaluator: &mut Evaluator<'f>,
    pairs: impl Iterator<Item = (super::value::Slot<'f>, super::value::Slot<'f>)>,
) -> Result<bool, Unknown<'f>> {
    let mut open: Option<Unknown<'f>> = None;
    for pair in pairs {
        let result = match pair {
            (Ok(this), Ok(that)) => equal(evaluator, &this, &that),
            (Err(Stop::Absent(_)), Err(Stop::Absent(_))) => Ok(true),
            (Err(Stop::Absent(_)), Ok(_)) | (Ok(_), Err(Stop::Absent(_))) => Ok(false),
            (Err(stop), _) | (_, Err(stop)) => Err(stop.into_unknown()),
        };
        match result {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(unknown) => open = Some(open.map_or_else(|| unknown.clone(), |before| before.and(unknown.clone()))),
        }
    }
    open.map_or(Ok(true), Err)
}

fn keys(value: &Value<'_>) -> Option<Vec<String>> {
    let mut keys: Vec<String> = match &value.plain {
        Plain::Members(members) => members.keys().cloned().collect(),
        Plain::Twin(twin) => twin.members().keys().cloned().collect(),
        Plain::Map(members) => members.iter().map(|(key, _)| key.clone()).collect(),
        _ => return None,
    };
    keys.sort();
    Some(keys)
}

/// The order of two values of one kind. Texts have none: `"1.10" < "1.9"`
/// would be true.
pub(super) fn order<'f>(left: &Value<'f>, right: &Value<'f>) -> Result<Ordering, Stop<'f>> {
    let ordering = match (&left.plain, &right.plain) {
        (Plain::Version(this), Plain::Version(that)) => Some(this.cmp(that)),
        (Plain::Instant(this), Plain::Instant(that)) => Some(this.cmp(that)),
        (Plain::Duration(this), Plain::Duration(that)) => Some(this.cmp(that)),
        (Plain::Quantity(this), Plain::Quantity(that)) => Some(this.cmp(that)),
        (this, that) => numbers(this, that),
    };
    ordering.ok_or_else(|| Stop::fault(format!("{} and {} have no order", left.describe(), right.describe())))
}

/// The order of a sorted list, in which texts and addresses have one.
pub(super) fn sort_order<'f>(left: &Value<'f>, right: &Value<'f>) -> Result<Ordering, Stop<'f>> {
    match (&left.plain, &right.plain) {
        (Plain::Text(this), Plain::Text(that)) => Ok(this.cmp(that)),
        (Plain::Bool(this), Plain::Bool(that)) => Ok(this.cmp(that)),
        (Plain::Address(this), Plain::Address(that)) => Ok(this.cmp(that)),
        (Plain::Range(this), Plain::Range(that)) => Ok(this.cmp(that)),
        _ => order(left, right),
    }
}

fn numbers(left: &Plain<'_>, right: &Plain<'_>) -> Option<Ordering> {
    match (left, right) {
        (Plain::Int(this), Plain::Int(that)) => Some(this.cmp(that)),
        (Plain::Float(this), Plain::Float(that)) => this.partial_cmp(that),
        (Plain::Int(this), Plain::Float(that)) => int_to_float(*this, *that),
        (Plain::Float(this), Plain::Int(that)) => int_to_float(*that, *this).map(Ordering::reverse),
        _ => None,
    }
}

/// Compares without rounding the whole number.
fn int_to_float(whole: i64, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    // 2^63 is the first value above every whole number.
    if float >= 9_223_372_036_854_775_808.0 {
        return Some(Ordering::Less);
    }
    if float < -9_223_372_036_854_775_808.0 {
        return Some(Ordering::Greater);
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked against the bounds of the type")]
    let floor = float.floor() as i64;
    Some(whole.cmp(&floor).then(if float.floor() < float { Ordering::Less } else { Ordering::Equal }))
}
