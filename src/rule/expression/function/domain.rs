//! Functions of this field: versions, days, quantities, addresses, globs.

use std::net::IpAddr;

use globset::GlobBuilder;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};

use super::{
    Function, Takes, bool, cannot_read, first, global, int, int_at, member, misused, text, text_at, truth, whole,
};
use crate::fact::version::Version;
use crate::rule::expression::kind::{Kind, LIFECYCLE};
use crate::rule::expression::quantity::Quantity;
use crate::rule::expression::value::{Plain, Slot, Stop, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    global(
        "version",
        &[Takes::Text],
        |_| Kind::Version,
        |_, arguments| {
            let given = text_at(arguments, 0);
            let version = Version::parse(given).ok_or_else(|| cannot_read(given, "a version"))?;
            Ok(Value::made(Plain::Version(version.into())))
        },
    ),
    global("is_version", &[Takes::Text], bool, |_, arguments| truth(Version::parse(text_at(arguments, 0)).is_some())),
    member("major", &[Takes::Version], int, |_, arguments| number_of(arguments, Version::major)),
    member("minor", &[Takes::Version], int, |_, arguments| number_of(arguments, Version::minor)),
    member("patch", &[Takes::Version], int, |_, arguments| number_of(arguments, Version::patch)),
    member("line", &[Takes::Version], text, |_, arguments| match first(arguments) {
        Some(Plain::Version(version)) => Ok(Value::text(version.line())),
        _ => misused(),
    }),
    global(
        "date",
        &[Takes::Text],
        |_| Kind::Instant,
        |_, arguments| Ok(Value::made(Plain::Instant(instant(text_at(arguments, 0))?))),
    ),
    global("days_until", &[Takes::Text], int, |evaluator, arguments| {
        let until = instant(text_at(arguments, 0))?;
        days_between(evaluator.now(), until)
    }),
    global("days_until", &[Takes::Instant], int, |evaluator, arguments| match first(arguments) {
        Some(Plain::Instant(until)) => days_between(evaluator.now(), *until),
        _ => misused(),
    }),
    global(
        "days",
        &[Takes::Int],
        |_| Kind::Duration,
        |_, arguments| {
            let duration = int_at(arguments, 0).checked_mul(86_400).map(SignedDuration::from_secs);
            duration.map(|duration| Value::made(Plain::Duration(duration))).ok_or_else(|| Stop::fault("too many days"))
        },
    ),
    global(
        "quantity",
        &[Takes::Text],
        |_| Kind::Quantity,
        |_, arguments| {
            let given = text_at(arguments, 0);
            let quantity = Quantity::parse(given).ok_or_else(|| cannot_read(given, "a quantity"))?;
            Ok(Value::made(Plain::Quantity(quantity)))
        },
    ),
    global(
        "quantity",
        &[Takes::Int],
        |_| Kind::Quantity,
        |_, arguments| Ok(Value::made(Plain::Quantity(Quantity::of(int_at(arguments, 0))))),
    ),
    global("is_quantity", &[Takes::Text], bool, |_, arguments| truth(Quantity::parse(text_at(arguments, 0)).is_some())),
    global(
        "ip",
        &[Takes::Text],
        |_| Kind::Address,
        |_, arguments| {
            let given = text_at(arguments, 0);
            let address = given.parse::<IpAddr>().map_err(|_| cannot_read(given, "an address"))?;
            Ok(Value::made(Plain::Address(address)))
        },
    ),
    global("is_ip", &[Takes::Text], bool, |_, arguments| truth(text_at(arguments, 0).parse::<IpAddr>().is_ok())),
    global(
        "cidr",
        &[Takes::Text],
        |_| Kind::Range,
        |_, arguments| {
            let given = text_at(arguments, 0);
            let range = given.parse::<IpNet>().map_err(|_| cannot_read(given, "a range of addresses"))?;
            Ok(Value::made(Plain::Range(range)))
        },
    ),
    global("is_cidr", &[Takes::Text], bool, |_, arguments| truth(text_at(arguments, 0).parse::<IpNet>().is_ok())),
    member("family", &[Takes::Address], int, |_, arguments| match first(arguments) {
        Some(Plain::Address(address)) => whole(if address.is_ipv4() { 4 } else { 6 }),
        _ => misused(),
    }),
    member("family", &[Takes::Range], int, |_, arguments| match first(arguments) {
        Some(Plain::Range(range)) => whole(if range.addr().is_ipv4() { 4 } else { 6 }),
        _ => misused(),
    }),
    member("prefix", &[Takes::Range], int, |_, arguments| match first(arguments) {
        Some(Plain::Range(range)) => whole(i64::from(range.prefix_len())),
        _ => misused(),
    }),
    member("contains", &[Takes::Range, Takes::Address], bool, |_, arguments| match arguments {
        [Value { plain: Plain::Range(range), .. }, Value { plain: Plain::Address(address), .. }] => {
            truth(range.contains(address))
        }
        _ => misused(),
    }),
    member("contains", &[Takes::Range, Takes::Range], bool, |_, arguments| match arguments {
        [Value { plain: Plain::Range(range), .. }, Value { plain: Plain::Range(inner), .. }] => {
            truth(range.contains(inner))
        }
        _ => misused(),
    }),
    member("overlaps", &[Takes::Range, Takes::Range], bool, |_, arguments| match arguments {
        [Value { plain: Plain::Range(range), .. }, Value { plain: Plain::Range(other), .. }] => {
            truth(range.contains(&other.network()) || other.contains(&range.network()))
        }
        _ => misused(),
    }),
    global("glob", &[Takes::Text, Takes::Text], bool, |evaluator, arguments| {
        let pattern = text_at(arguments, 1);
        // Compiling it costs much more than matching.
        evaluator.spend(100)?;
        let glob = GlobBuilder::new(pattern).build().map_err(|_| cannot_read(pattern, "a glob"))?;
        truth(glob.compile_matcher().is_match(text_at(arguments, 0)))
    }),
    global(
        "lifecycle",
        &[Takes::Text, Takes::Text],
        |_| Kind::Object(LIFECYCLE),
        |evaluator, arguments| evaluator.lifecycle(text_at(arguments, 0), text_at(arguments, 1)),
    ),
];

fn number_of<'f>(arguments: &[Value<'f>], part: fn(&Version) -> u64) -> Slot<'f> {
    match first(arguments) {
        Some(Plain::Version(version)) => whole(i64::try_from(part(version)).unwrap_or(i64::MAX)),
        _ => misused(),
    }
}

/// An instant; a day alone means its end.
pub(crate) fn instant<'f>(given: &str) -> Result<Timestamp, Stop<'f>> {
    if let Ok(day) = given.parse::<jiff::civil::Date>()
        && given.len() == 10
    {
        let midnight = |day: jiff::civil::Date| jiff::tz::TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0));
        let next = day.tomorrow().and_then(midnight);
        let end = next.and_then(|next| next.checked_sub(SignedDuration::from_nanos(1)));
        return end.map_err(|_| cannot_read(given, "a day"));
    }
    given.parse::<Timestamp>().map_err(|_| cannot_read(given, "a day or an instant"))
}

fn days_between<'f>(now: Timestamp, until: Timestamp) -> Slot<'f> {
    whole(until.duration_since(now).as_secs().div_euclid(86_400))
}
