//! What functions and comparisons give.

use super::answer;

#[test]
fn numbers_compare_across_kinds_without_rounding() {
    assert_eq!(answer("1 == 1.0"), "true");
    assert_eq!(answer("x.half < x.one"), "true");
    assert_eq!(answer("9007199254740993 == 9007199254740992.0"), "false");
    assert_eq!(answer("7 / 2"), "3");
    assert_eq!(answer("7 / 2.0"), "3.5");
}

#[test]
fn versions_dates_and_quantities_compare() {
    assert_eq!(answer("version(x.version) >= version('1.7.2')"), "true");
    assert_eq!(answer("version(x.version).line()"), "1.7");
    assert_eq!(answer("now > date('2026-11-23')"), "false");
    assert_eq!(answer("now > date('2026-11-22')"), "true");
    assert_eq!(answer("days_until('2026-11-23')"), "0");
    assert_eq!(answer("days_until('2026-11-22')"), "-1");
    assert_eq!(answer("now + days(2) > date('2026-11-24')"), "true");
    assert_eq!(answer("quantity('1Gi') == quantity(1073741824)"), "true");
}

#[test]
fn addresses_and_ranges_know_each_other() {
    assert_eq!(answer("cidr('10.0.0.0/8').contains(ip('10.1.2.3'))"), "true");
    assert_eq!(answer("cidr('10.0.0.0/8').overlaps(cidr('10.96.0.0/12'))"), "true");
    assert_eq!(answer("cidr('10.96.0.0/12').overlaps(cidr('10.0.0.0/8'))"), "true");
    assert_eq!(answer("cidr('10.0.0.0/16').overlaps(cidr('10.1.0.0/16'))"), "false");
    assert_eq!(answer("ip('fd00::1').family()"), "6");
    assert_eq!(answer("is_ip('10.0.0.300')"), "false");
    assert_eq!(answer("glob('gpu-7', 'gpu-*')"), "true");
}

#[test]
fn texts_and_lists_have_the_functions_of_cel() {
    assert_eq!(answer("x.name.startsWith('con') && x.name.endsWith('d') && x.name.contains('tain')"), "true");
    assert_eq!(answer("x.name.matches('^cont.*d$')"), "true");
    assert_eq!(answer("'a,b'.split(',')"), "[a, b]");
    assert_eq!(answer("['b', 'a', 'b'].distinct().sort().join('-')"), "a-b");
    assert_eq!(answer("'größe'.size()"), "5");
    assert_eq!(answer("'hello'.substring(1, 3)"), "el");
    assert_eq!(answer("'hello'.indexOf('l')"), "2");
    assert_eq!(answer("x.numbers.map(n, n > 1, n * 2)"), "[4, 6]");
    assert_eq!(answer("string(x.one) + 'a'"), "1a");
    assert_eq!(answer("int('42') + size(x.numbers)"), "45");
    assert_eq!(answer("x.numbers.max()"), "3");
    assert_eq!(answer("x.gaps.join(',')"), "unknown: x.gaps[1]: read /etc/secret: permission denied");
}

#[test]
fn a_lifecycle_is_that_of_the_cycle_or_its_longest_prefix() {
    assert_eq!(answer("lifecycle('debian', '12').standard_until"), "2026-07-11");
    assert_eq!(answer("lifecycle('debian', '12.5').standard_until"), "2026-07-11");
    assert_eq!(answer("has(lifecycle('debian', '120').standard_until)"), "false");
    assert_eq!(answer("has(lifecycle('minix', '3').standard_until)"), "false");
    assert_eq!(answer("lifecycle('docker-engine', version('19.03.15').line()).standard_until"), "2021-01-08");
    assert_eq!(answer("data.lifecycle.products.debian['12'].standard_until"), "2026-07-11");
    assert_eq!(answer("data['lifecycle'].date"), "2026-08-22");
    assert_eq!(answer("has(lifecycle('debian', '12').extended_until)"), "false");
}
