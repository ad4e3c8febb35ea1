//! Operators: which kinds can be compared and computed with each other.

use super::Checker;
use crate::rule::expression::ast::{Node, Operator};
use crate::rule::expression::kind::Kind;

impl Checker<'_> {
    pub(super) fn binary(&mut self, id: u64, operator: Operator, left: &Kind, right: &Kind) -> Kind {
        use Operator::{Add, Equal, NotEqual, Subtract};
        let numbers = matches!(left, Kind::Int | Kind::Float) && matches!(right, Kind::Int | Kind::Float);
        let is_any = matches!(left, Kind::Any) || matches!(right, Kind::Any);
        let help = |checker: &mut Self, what: &str, help: Option<&str>| {
            let span = checker.places.of(id);
            let message = format!("{left} {} {right}", operator.sign());
            checker.fault(span, message, what.to_owned(), help.map(str::to_owned));
        };
        match operator {
            Equal | NotEqual => {
                if !left.fits(right) {
                    let hint = match (left, right) {
                        (Kind::Version, Kind::Text) | (Kind::Text, Kind::Version) => Some("write `version(\"…\")`"),
                        (Kind::Quantity, _) | (_, Kind::Quantity) => Some("write `quantity(…)` on both sides"),
                        _ => None,
                    };
                    help(self, "these are never equal", hint);
                }
                Kind::Bool
            }
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
                let has_order = is_any
                    || numbers
                    || (left == right
                        && matches!(left, Kind::Version | Kind::Instant | Kind::Duration | Kind::Quantity));
                if !has_order {
                    let hint = (matches!(left, Kind::Text) || matches!(right, Kind::Text))
                        .then_some("compare with `version(…)`, `date(…)` or `quantity(…)`");
                    help(self, "these have no order", hint);
                }
                Kind::Bool
            }
            _ if numbers => {
                if matches!((left, right), (Kind::Int, Kind::Int)) {
                    Kind::Int
                } else {
                    Kind::Float
                }
            }
            Add if matches!((left, right), (Kind::Text, Kind::Text)) => Kind::Text,
            Add if matches!((left, right), (Kind::List(_), Kind::List(_))) => left.clone().or(right.clone()),
            Add if matches!((left, right), (Kind::Instant, Kind::Duration) | (Kind::Duration, Kind::Instant)) => {
                Kind::Instant
            }
            Subtract if matches!((left, right), (Kind::Instant, Kind::Duration)) => Kind::Instant,
            Subtract if matches!((left, right), (Kind::Instant, Kind::Instant)) => Kind::Duration,
            Add | Subtract if matches!((left, right), (Kind::Duration, Kind::Duration)) => Kind::Duration,
            _ if is_any => Kind::Any,
            _ => {
                let hint = matches!((left, right), (Kind::Text, _) | (_, Kind::Text))
                    .then_some("`string(…)` makes text of a number");
                help(self, "this cannot be computed", hint);
                Kind::Any
            }
        }
    }

    pub(super) fn is_in(&mut self, id: u64, needle: &mut Node, range: &mut Node) -> Kind {
        let needle = self.value(needle);
        let range = self.value(range);
        let problem = match &range {
            Kind::Any => None,
            Kind::List(element) if needle.fits(element) => None,
            Kind::List(element) => Some((format!("{needle} in a list of {element}"), "never there", None)),
            Kind::Map(_) | Kind::Object(_) | Kind::Group(_) if needle.fits(&Kind::Text) => None,
            Kind::Text => Some((
                format!("{needle} in text"),
                "expected a list or a map",
                Some("`text.contains(part)` looks for a part of a text".to_owned()),
            )),
            other => Some((format!("{needle} in {other}"), "expected a list or a map", None)),
        };
        if let Some((message, label, help)) = problem {
            let span = self.places.of(id);
            self.fault(span, message, label.to_owned(), help);
        }
        Kind::Bool
    }
}
