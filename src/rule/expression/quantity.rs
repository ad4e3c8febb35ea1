//! Kubernetes quantities: `8Gi`, `500m`, `1.5`, `1e3`.
//!
//! The grammar is that of `resource.Quantity` in the Kubernetes API machinery:
//! a decimal number and a binary suffix, a decimal suffix, or an exponent.

use std::fmt;

/// A quantity that compares, kept as billionths so that fractions are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Quantity {
    billionths: i128,
}

const UNIT: i128 = 1_000_000_000;

const SUFFIXES: &[(&str, i128, i128)] = &[
    ("", 1, 1),
    ("n", 1, 1_000_000_000),
    ("u", 1, 1_000_000),
    ("m", 1, 1_000),
    ("k", 1_000, 1),
    ("M", 1_000_000, 1),
    ("G", 1_000_000_000, 1),
    ("T", 1_000_000_000_000, 1),
    ("P", 1_000_000_000_000_000, 1),
    ("E", 1_000_000_000_000_000_000, 1),
    ("Ki", 1 << 10, 1),
    ("Mi", 1 << 20, 1),
    ("Gi", 1 << 30, 1),
    ("Ti", 1 << 40, 1),
    ("Pi", 1 << 50, 1),
    ("Ei", 1 << 60, 1),
];

impl Quantity {
    /// A whole number.
    pub(crate) fn of(number: i64) -> Self {
        Quantity { billionths: i128::from(number) * UNIT }
    }

    /// Reads a quantity.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (sign, text) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let length = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let (number, suffix) = text.split_at_checked(length)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let is_number = |digits: &str| digits.len() <= 19 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !is_number(whole) || !is_number(fraction) {
            return None;
        }
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let fraction: i128 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
        let billionths = whole.checked_mul(UNIT)?.checked_add(fraction)?;
        let (times, over) = scale(suffix)?;
        Some(Quantity { billionths: billionths.checked_mul(times)?.checked_div(over)?.checked_mul(sign)? })
    }
}

fn scale(suffix: &str) -> Option<(i128, i128)> {
    if let Some((_, times, over)) = SUFFIXES.iter().find(|(name, ..)| *name == suffix) {
        return Some((*times, *over));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let power = 10_i128.checked_pow(exponent.unsigned_abs()).filter(|_| exponent.abs() <= 18)?;
    Some(if exponent < 0 { (1, power) } else { (power, 1) })
}

impl fmt::Display for Quantity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.billionths / UNIT;
        let (value, suffix) = SUFFIXES
            .iter()
            .rev()
            .filter(|(name, ..)| name.ends_with('i'))
            .find(|(_, times, _)| whole != 0 && self.billionths % (times * UNIT) == 0)
            .map_or((whole, ""), |(name, times, _)| (whole / times, *name));
        if self.billionths % UNIT == 0 {
            write!(out, "{value}{suffix}")
        } else {
            write!(out, "{}m", self.billionths / 1_000_000)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Quantity;

    fn quantity(text: &str) -> Quantity {
        Quantity::parse(text).unwrap_or_else(|| panic!("{text} is a quantity"))
    }

    #[test]
    fn quantities_compare_across_suffixes() {
        assert_eq!(quantity("1Gi"), quantity("1024Mi"));
        assert_eq!(quantity("0.5"), quantity("500m"));
        assert_eq!(quantity("1e3"), quantity("1k"));
        assert!(quantity("1G") < quantity("1Gi"));
        assert!(quantity("-1") < quantity("0"));
        assert_eq!(quantity("8Gi"), Quantity::of(8_589_934_592));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", ".", "Gi", "1 Gi", "1gi", "1e99", "99999999999999999999", "1.2.3", "١"] {
            assert!(Quantity::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_quantity_is_shown_with_the_largest_binary_suffix() {
        assert_eq!(quantity("8192Mi").to_string(), "8Gi");
        assert_eq!(quantity("1000").to_string(), "1000");
        assert_eq!(quantity("100m").to_string(), "100m");
    }
}
