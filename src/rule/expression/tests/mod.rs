//! What expressions mean: the third answer.

mod function;
mod refusal;

use std::collections::BTreeMap;

use super::kind::Kind;
use super::spot::Spot;
use super::value::{Path, slot};
use super::{Evaluator, Expression, Fault, Names, World, message, text};
use crate::fact::{Fact, Facts, Source, Value};
use crate::rule::builtin::BuiltinTable;
use crate::rule::data::Tables;

const PLAIN: Names<'static> = Names { bound: None, tables: &["lifecycle"], is_thorough: true };

fn members(list: Vec<(&str, Fact)>) -> Fact {
    Fact::group(list.into_iter().map(|(name, fact)| (name.to_owned(), fact)).collect::<BTreeMap<_, _>>())
}

fn known(value: impl Into<Value>) -> Fact {
    Fact::known(value, Source::line("/etc/x.conf", 3))
}

fn denied() -> Fact {
    Fact::unreadable(Source::file("/etc/secret"), "read /etc/secret: permission denied")
}

fn absent() -> Fact {
    Fact::absent(Source::file("/etc/none"))
}

/// The group that tests bind to `x`.
fn x() -> Fact {
    members(vec![
        ("yes", known(true)),
        ("no", known(false)),
        ("one", known(1_i64)),
        ("half", known(0.5)),
        ("name", known("containerd")),
        ("version", known("1.7.24-0ubuntu1~22.04.1")),
        ("denied", denied()),
        ("absent", absent()),
        ("gone", absent()),
        ("locked", denied()),
        ("numbers", known(vec![known(1_i64), known(2_i64), known(3_i64)])),
        ("gaps", known(vec![known(1_i64), denied(), known(3_i64)])),
        ("holes", known(vec![known(1_i64), absent()])),
        ("empty", known(Vec::new())),
        (
            "mounts",
            known(vec![
                members(vec![("path", known("/")), ("bad", known(false))]),
                members(vec![("path", known("/var")), ("bad", known(true))]),
                members(vec![("path", known("/tmp")), ("bad", denied())]),
            ]),
        ),
        ("sysctl", members(vec![("net.ipv4.ip_forward", known("1")), ("kernel.secret", denied())])),
    ])
}

const TABLE: &str = "source: endoflife.date
date: 2026-08-22
products:
  debian:
    \"12\": {standard_until: 2026-07-11}
  docker-engine:
    \"19.03\": {standard_until: 2021-01-08}
";

fn data() -> Tables {
    Tables::new(vec![BuiltinTable { name: "lifecycle", text: TABLE, ..BuiltinTable::default() }])
}

fn compile(source: &str) -> Result<Expression, Vec<Fault>> {
    Expression::compile(source, Names { bound: Some(("x", &Kind::Any)), ..PLAIN })
}

/// The answer as text: a value, `absent`, or `unknown: reasons`.
fn answer(source: &str) -> String {
    let expression = compile(source).unwrap_or_else(|faults| panic!("{source}: {}", faults[0].message));
    answer_of(&expression)
}

fn answer_of(expression: &Expression) -> String {
    let (facts, data, x) = (Facts::default(), data(), x());
    let now = "2026-11-23T12:00:00Z".parse().unwrap();
    let mut evaluator =
        Evaluator::new(World { facts: &facts, beside: None, data: &data, now, missing_is_absent: false });
    evaluator.bind("x", slot(&x, Path::Root("x".into()).into(), Spot::default()));
    match evaluator.evaluate(&expression.root) {
        Ok(value) => text(&value).unwrap_or_else(|| format!("[{}]", message(&Ok(value)))),
        Err(super::Stop::Absent(origin)) => format!("absent: {}", origin.path),
        Err(super::Stop::Unknown(unknown)) => format!("unknown: {unknown}"),
    }
}

fn fault(source: &str) -> String {
    let faults = compile(source).expect_err("the expression is wrong");
    let first = &faults[0];
    format!("{}..{}: {}", first.span.start, first.span.end, first.message)
}

const DENIED: &str = "unknown: x.denied: read /etc/secret: permission denied";

#[test]
fn an_unreadable_operand_is_unknown_unless_the_other_decides() {
    assert_eq!(answer("x.denied || x.yes"), "true");
    assert_eq!(answer("x.yes || x.denied"), "true");
    assert_eq!(answer("x.denied || x.no"), DENIED);
    assert_eq!(answer("x.no || x.denied"), DENIED);
    assert_eq!(answer("x.denied && x.no"), "false");
    assert_eq!(answer("x.no && x.denied"), "false");
    assert_eq!(answer("x.denied && x.yes"), DENIED);
    assert_eq!(answer("!x.denied"), DENIED);
    assert_eq!(answer("x.denied == x.one"), DENIED);
}

#[test]
fn a_condition_that_is_unknown_leaves_the_choice_open_unless_both_agree() {
    assert_eq!(answer("x.yes ? 1 : x.denied"), "1");
    assert_eq!(answer("x.denied ? 1 : 2"), DENIED);
    assert_eq!(answer("x.denied ? 'a' : 'a'"), "a");
}

#[test]
fn has_is_true_false_or_unknown() {
    assert_eq!(answer("has(x.one)"), "true");
    assert_eq!(answer("has(x.absent)"), "false");
    assert_eq!(answer("has(x.never_heard_of)"), "false");
    assert_eq!(answer("has(x.denied)"), DENIED);
}

#[test]
fn an_absent_or_unreadable_group_answers_for_its_members() {
    assert_eq!(answer("has(x.gone.member.deeper)"), "false");
    assert_eq!(answer("has(x.locked.member)"), "unknown: x.locked: read /etc/secret: permission denied");
    assert_eq!(answer("x.gone.member"), "absent: x.gone.member");
    assert_eq!(answer("default(x.gone['a.b'], 7)"), "7");
}

#[test]
fn an_absent_fact_that_nobody_asked_for_is_unknown() {
    assert_eq!(answer("x.absent == 'a'"), "unknown: x.absent: it is not set");
    assert_eq!(answer("x.absent"), "absent: x.absent");
    assert_eq!(answer("default(x.absent, 110) == 110"), "true");
    assert_eq!(answer("default(x.denied, 110)"), DENIED);
    assert_eq!(answer("default(x.one, 110)"), "1");
}

#[test]
fn a_declared_fact_that_was_not_collected_is_unknown() {
    let expression = Expression::compile("has(kubelet.cgroup_driver)", PLAIN).unwrap();
    assert_eq!(answer_of(&expression), "unknown: kubelet: it was not collected");
}

#[test]
fn all_and_exists_are_decided_by_what_is_known() {
    assert_eq!(answer("x.gaps.exists(n, n == 3)"), "true");
    assert_eq!(answer("x.gaps.exists(n, n == 9)"), "unknown: x.gaps[1]: read /etc/secret: permission denied");
    assert_eq!(answer("x.gaps.all(n, n < 3)"), "false");
    assert_eq!(answer("x.gaps.all(n, n < 9)"), "unknown: x.gaps[1]: read /etc/secret: permission denied");
    assert_eq!(answer("x.numbers.exists_one(n, n > 2)"), "true");
    assert_eq!(answer("x.gaps.exists_one(n, n > 0)"), "false");
    assert_eq!(answer("x.empty.all(n, n == 1)"), "true");
    assert_eq!(answer("x.empty.exists(n, n == 1)"), "false");
    assert_eq!(answer("x.denied.all(n, n == 1)"), DENIED);
}

#[test]
fn a_list_with_an_unread_element_has_no_known_size() {
    const GAP: &str = "unknown: x.gaps[1]: read /etc/secret: permission denied";
    for source in ["x.gaps.size()", "size(x.gaps) == 0", "x.gaps == []", "x.gaps.map(n, n).size() == 0"] {
        assert_eq!(answer(source), GAP, "{source}");
    }
    assert_eq!(answer("x.holes.size()"), "2");
    assert_eq!(answer("x.empty.size() == 0 && x.empty == []"), "true");
    assert_eq!(answer("x.gaps == [2, 2, 3]"), "false");
    assert_eq!(answer("x.numbers == [1]"), "false");
}

#[test]
fn an_element_that_may_belong_to_a_list_does_not_spoil_the_others() {
    let bad = "x.mounts.filter(m, m.bad)";
    assert_eq!(answer(&format!("{bad}.map(m, m.path)")), "[/var]");
    assert_eq!(answer(&format!("{bad}.exists(m, m.path == '/var')")), "true");
    assert_eq!(answer(&format!("{bad}.size() == 1")), "unknown: x.mounts[2].bad: read /etc/secret: permission denied");
    assert_eq!(
        answer(&format!("{bad}.exists(m, m.path == '/')")),
        "unknown: x.mounts[2].bad: read /etc/secret: permission denied"
    );
}

#[test]
fn in_is_decided_by_an_element_that_is_known() {
    assert_eq!(answer("3 in x.gaps"), "true");
    assert_eq!(answer("9 in x.gaps"), "unknown: x.gaps[1]: read /etc/secret: permission denied");
    assert_eq!(answer("1 in [x.denied, 1]"), "true");
    assert_eq!(answer("'net.ipv4.ip_forward' in x.sysctl"), "true");
    assert_eq!(answer("'nothing' in x.sysctl"), "false");
    assert_eq!(
        answer("'kernel.secret' in x.sysctl"),
        "unknown: x.sysctl.kernel.secret: read /etc/secret: permission denied"
    );
}

#[test]
fn an_index_gives_the_element_or_says_why_not() {
    assert_eq!(answer("x.numbers[1]"), "2");
    assert_eq!(answer("x.gaps[0]"), "1");
    assert_eq!(answer("x.gaps[1]"), "unknown: x.gaps[1]: read /etc/secret: permission denied");
    assert_eq!(answer("x.numbers[7]"), "unknown: the list has no element 7");
    assert_eq!(answer("x.sysctl['net.ipv4.ip_forward']"), "1");
    assert_eq!(answer("x.sysctl['no.such']"), "absent: x.sysctl.no.such");
}

#[test]
fn what_cannot_be_computed_is_unknown_and_says_why() {
    assert_eq!(answer("1 / 0 == 1"), "unknown: a division by zero");
    assert_eq!(answer("9223372036854775807 + 1 > 0"), "unknown: the number is too large");
    assert_eq!(answer("x.name > 1"), "unknown: text and a whole number have no order");
    assert_eq!(answer("x.name && true"), "unknown: expected true or false, found text");
    assert_eq!(answer("x.name.nothing"), "unknown: text has no member `nothing`");
    assert_eq!(answer("version(x.name) > version('1')"), "unknown: `containerd` cannot be read as a version");
    assert_eq!(answer("x.name / 0 == 1 || x.yes"), "true");
}
