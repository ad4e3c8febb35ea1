//! What is refused, at which place, and that nothing hostile does harm.

use proptest::prelude::*;

use super::{answer, answer_of, compile, fault};

#[test]
fn a_name_that_is_no_fact_is_refused_at_its_place() {
    assert_eq!(fault("x.one == 1 && kubelt.present"), "14..20: there is no fact `kubelt`");
    assert_eq!(fault("kubelet.presnt"), "8..14: there is no fact `kubelet.presnt`");
    assert_eq!(fault("x.yes && has(kubelet.presnt)"), "21..27: there is no fact `kubelet.presnt`");
    assert_eq!(fault("x.numbers.exist(n, true)"), "10..15: there is no function `exist`");
    assert_eq!(fault("data.lifecycl.products"), "5..13: there is no table `lifecycl`");
    assert_eq!(fault("lifecycle('a', 'b').until"), "20..25: there is no member `until`");
}

#[test]
fn kinds_that_do_not_fit_are_refused() {
    assert_eq!(fault("kubelet.present == 'yes'"), "16..18: true or false == text");
    assert_eq!(fault("kubelet.version > '1.9'"), "16..17: text > text");
    assert_eq!(fault("version('1') == '1'"), "13..15: a version == text");
    assert_eq!(fault("kubelet.version && true"), "0..15: text where true or false is needed");
    assert_eq!(fault("1 + 'a'"), "2..3: a whole number + text");
    assert_eq!(fault("'a' in 'abc'"), "4..6: text in text");
    assert_eq!(fault("version(1)"), "0..7: version() does not take a whole number");
    assert_eq!(fault("'a'.matches('(')"), "12..15: this is no regular expression");
    assert_eq!(fault("default(kubelet.version, 1)"), "0..7: the default is a whole number, the fact text");
}

#[test]
fn text_that_is_not_cel_is_refused_at_its_place() {
    assert_eq!(fault("x.one = 1"), "6..7: this is not CEL");
    assert_eq!(fault("(x.one"), "6..6: this is not CEL");
    assert_eq!(fault(""), "0..0: the expression is empty");
    assert_eq!(fault("x.one == null"), "9..13: `null` means nothing here");
}

#[test]
fn hostile_text_is_refused_without_harm() {
    let ten_megabytes = "[".repeat(10 << 20);
    assert_eq!(fault(&ten_megabytes), "0..0: the expression has 10485760 bytes");
    for hostile in [
        "[".repeat(4000),
        "(".repeat(2000) + "1" + &")".repeat(2000),
        "!".repeat(4000) + "true",
        "-".repeat(4000) + "1",
        "1".to_owned() + &"+1".repeat(2000),
        "1".to_owned() + &" ? 1 : 1".repeat(400),
        "x".to_owned() + &".a".repeat(2000),
        "x".to_owned() + &"[0]".repeat(1000),
        "x.map(a, ".repeat(300) + "1" + &")".repeat(300),
    ] {
        assert!(compile(&hostile).is_err(), "{}…", &hostile[..20]);
    }
}

#[test]
fn an_expression_of_the_longest_and_deepest_kind_is_still_evaluated() {
    let sum = "1".to_owned() + &"+1".repeat(40);
    assert_eq!(answer(&sum), "41");
    let nested = "(".repeat(40) + "x.one" + &")".repeat(40);
    assert_eq!(answer(&nested), "1");
    let conjunction = vec!["x.yes"; 150].join(" && ");
    assert_eq!(answer(&conjunction), "true");
    let chain = "[".repeat(40) + &"]".repeat(40);
    assert_eq!(answer(&format!("{chain}.size()")), "1");
}

#[test]
fn a_budget_that_is_used_up_is_unknown_whatever_the_other_operands_say() {
    let loops = "[1,2,3,4,5,6,7,8,9,0]";
    let source = format!(
        "{loops}.all(a, {loops}.all(b, {loops}.all(c, {loops}.all(d, {loops}.all(e, {loops}.all(f, true)))))) || true"
    );
    assert_eq!(answer(&source), "unknown: the expression needs too many steps");
    let doubled = "'abcdefgh'".to_owned() + &".replace('', 'abcdefgh')".repeat(9);
    assert!(answer(&doubled).starts_with("unknown: a text of more than"), "{}", answer(&doubled));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_makes_it_panic(source in ".{0,200}") {
        if let Ok(expression) = compile(&source) {
            let _ = answer_of(&expression);
        }
    }

    #[test]
    fn no_mix_of_words_makes_it_panic(words in prop::collection::vec(0..WORDS.len(), 0..40)) {
        let source = words.into_iter().map(|at| WORDS[at]).collect::<Vec<_>>().join(" ");
        if let Ok(expression) = compile(&source) {
            let _ = answer_of(&expression);
        }
    }
}

const WORDS: &[&str] = &[
    "x",
    ".",
    "one",
    "gaps",
    "denied",
    "absent",
    "mounts",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "?",
    "&&",
    "||",
    "!",
    "-",
    "+",
    "*",
    "/",
    "%",
    "==",
    "<",
    "in",
    "has",
    "default",
    "all",
    "exists",
    "map",
    "filter",
    "n",
    "1",
    "0",
    "'a'",
    "1.5",
    "true",
    "version",
    "lifecycle",
    "size",
    "matches",
    "now",
    "data",
    "join",
    "sort",
];
