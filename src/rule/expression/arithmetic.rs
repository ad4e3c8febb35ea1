//! `+`, `-`, `*`, `/` and `%`.

use super::ast::Operator;
use super::evaluate::Evaluator;
use super::value::{Plain, Slot, Stop, Unknown, Value};

/// Computes; what overflows, divides by zero or mixes kinds is a fault.
pub(super) fn compute<'f>(
    evaluator: &mut Evaluator<'f>,
    operator: Operator,
    left: &Value<'f>,
    right: &Value<'f>,
) -> Slot<'f> {
    match (&left.plain, &right.plain) {
        (Plain::Int(this), Plain::Int(that)) => whole(operator, *this, *that),
        (Plain::Int(_) | Plain::Float(_), Plain::Int(_) | Plain::Float(_)) => {
            float(operator, as_float(&left.plain), as_float(&right.plain))
        }
        (Plain::Text(this), Plain::Text(that)) if operator == Operator::Add => {
            evaluator.make_text(this.len().saturating_add(that.len()))?;
            Ok(Value::text(format!("{this}{that}")))
        }
        (Plain::Facts(_) | Plain::List(_), Plain::Facts(_) | Plain::List(_)) if operator == Operator::Add => {
            let mut elements = left.elements().unwrap_or_default();
            elements.extend(right.elements().unwrap_or_default());
            evaluator.spend(elements.len())?;
            let doubt = match (left.doubt().cloned(), right.doubt().cloned()) {
                (Some(this), Some(that)) => Some(Unknown::and(this, that)),
                (this, that) => this.or(that),
            };
            Ok(Value::list(elements, doubt))
        }
        _ => times(operator, left, right).unwrap_or_else(|| {
            Err(Stop::fault(format!("{} {} {}", left.describe(), operator.sign(), right.describe())))
        }),
    }
}

fn whole<'f>(operator: Operator, this: i64, that: i64) -> Slot<'f> {
    if that == 0 && matches!(operator, Operator::Divide | Operator::Remainder) {
        return Err(Stop::fault("a division by zero"));
    }
    let result = match operator {
        Operator::Add => this.checked_add(that),
        Operator::Subtract => this.checked_sub(that),
        Operator::Multiply => this.checked_mul(that),
        Operator::Divide => this.checked_div(that),
        Operator::Remainder => this.checked_rem(that),
        _ => None,
    };
    result.map(|number| Value::made(Plain::Int(number))).ok_or_else(|| Stop::fault("the number is too large"))
}

fn float<'f>(operator: Operator, this: f64, that: f64) -> Slot<'f> {
    let result = match operator {
        Operator::Add => this + that,
        Operator::Subtract => this - that,
        Operator::Multiply => this * that,
        Operator::Divide => this / that,
        _ => f64::NAN,
    };
    if result.is_finite() {
        Ok(Value::made(Plain::Float(result)))
    } else {
        Err(Stop::fault("the number cannot be computed"))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a fraction is computed with fractions")]
fn as_float(number: &Plain<'_>) -> f64 {
    match number {
        Plain::Int(number) => *number as f64,
        Plain::Float(number) => *number,
        _ => f64::NAN,
    }
}

fn times<'f>(operator: Operator, left: &Value<'f>, right: &Value<'f>) -> Option<Slot<'f>> {
    let beyond = || Stop::fault("the instant is out of range");
    Some(match (&left.plain, operator, &right.plain) {
        (Plain::Instant(at), Operator::Add, Plain::Duration(by))
        | (Plain::Duration(by), Operator::Add, Plain::Instant(at)) => {
            at.checked_add(*by).map(|at| Value::made(Plain::Instant(at))).map_err(|_| beyond())
        }
        (Plain::Instant(at), Operator::Subtract, Plain::Duration(by)) => {
            at.checked_sub(*by).map(|at| Value::made(Plain::Instant(at))).map_err(|_| beyond())
        }
        (Plain::Instant(this), Operator::Subtract, Plain::Instant(that)) => {
            Ok(Value::made(Plain::Duration(this.duration_since(*that))))
        }
        (Plain::Duration(this), Operator::Add, Plain::Duration(that)) => {
            this.checked_add(*that).map(|sum| Value::made(Plain::Duration(sum))).ok_or_else(beyond)
        }
        (Plain::Duration(this), Operator::Subtract, Plain::Duration(that)) => {
            this.checked_sub(*that).map(|rest| Value::made(Plain::Duration(rest))).ok_or_else(beyond)
        }
        _ => return None,
    })
}
