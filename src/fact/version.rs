//! Versions as distributions, Kubernetes, kernels and runtimes write them.
//!
//! Versions are compared by their numbers and never as text: `1.9` is older
//! than `1.10`. What distributors add (`+k3s1`, `-k3s2`, `~ds1`, `-1160.el7`,
//! `-0ubuntu1~22.04.1`) is set aside; an alpha, beta or release candidate is
//! older than its release (<https://semver.org>, item 11; deb-version(7) for
//! epochs and `~`).

use std::cmp::Ordering;
use std::fmt;

/// The most numbers that are read of one version.
const NUMBERS: usize = 8;

/// A version that compares by its numbers.
#[derive(Clone, Debug)]
pub struct Version {
    numbers: Vec<u64>,
    pre_release: Option<(Stage, u64)>,
}

/// How far a pre-release has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Alpha,
    Beta,
    Candidate,
}

const STAGES: &[(&str, Stage)] =
    &[("alpha", Stage::Alpha), ("beta", Stage::Beta), ("rc", Stage::Candidate), ("pre", Stage::Alpha)];

impl Version {
    /// Reads a version; none where the text does not begin with a number.
    pub fn parse(text: &str) -> Option<Version> {
        let text = text.trim();
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let text = match text.split_once(':') {
            Some((epoch, rest)) if !epoch.is_empty() && epoch.bytes().all(|byte| byte.is_ascii_digit()) => rest,
            _ => text,
        };
        let mut numbers = Vec::new();
        let mut rest = text;
        loop {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, after) = rest.split_at_checked(digits)?;
            numbers.push(number.parse().ok()?);
            rest = after;
            match after.strip_prefix('.') {
                Some(more) if more.starts_with(|first: char| first.is_ascii_digit()) && numbers.len() < NUMBERS => {
                    rest = more;
                }
                _ => break,
            }
        }
        Some(Version { numbers, pre_release: parse_pre_release(rest) })
    }

    /// The first number.
    pub fn major(&self) -> u64 {
        self.number(0)
    }

    /// The second number; 0 where there is none.
    pub fn minor(&self) -> u64 {
        self.number(1)
    }

    /// The third number; 0 where there is none.
    pub fn patch(&self) -> u64 {
        self.number(2)
    }

    /// The first two numbers, such as `1.27`.
    pub fn line(&self) -> String {
        format!("{}.{}", self.major(), self.minor())
    }

    fn number(&self, at: usize) -> u64 {
        self.numbers.get(at).copied().unwrap_or(0)
    }
}

/// What `-rc.1`, `~rc1`, `-beta.0` or `rc1` after the numbers says.
fn parse_pre_release(rest: &str) -> Option<(Stage, u64)> {
    // Docker put its edition before it: 17.03.0-ce-rc1.
    let rest = rest.strip_prefix("-ce").or_else(|| rest.strip_prefix("-ee")).unwrap_or(rest);
    let rest = rest.strip_prefix(['-', '~', '.', '_', '+']).unwrap_or(rest);
    let (after, stage) = STAGES.iter().find_map(|(word, stage)| Some((rest.strip_prefix(word)?, *stage)))?;
    // `-rc` is a stage, `-rcfoo` a word that begins alike.
    if after.starts_with(|next: char| next.is_ascii_alphabetic()) {
        return None;
    }
    let after = after.strip_prefix(['.', '-']).unwrap_or(after);
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    let number = after.get(..digits).and_then(|number| number.parse().ok()).unwrap_or(0);
    Some((stage, number))
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let length = self.numbers.len().max(other.numbers.len());
        let by_numbers = (0..length)
            .map(|at| self.number(at).cmp(&other.number(at)))
            .find(|ordering| ordering.is_ne())
            .unwrap_or(Ordering::Equal);
        by_numbers.then_with(|| match (self.pre_release, other.pre_release) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(this), Some(that)) => this.cmp(&that),
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, number) in self.numbers.iter().enumerate() {
            if at > 0 {
                out.write_str(".")?;
            }
            write!(out, "{number}")?;
        }
        match self.pre_release {
            Some((Stage::Alpha, number)) => write!(out, "-alpha.{number}"),
            Some((Stage::Beta, number)) => write!(out, "-beta.{number}"),
            Some((Stage::Candidate, number)) => write!(out, "-rc.{number}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap_or_else(|| panic!("{text} is a version"))
    }

    #[test]
    fn versions_compare_by_numbers_and_not_as_text() {
        assert!(version("1.9") < version("1.10"));
        assert!(version("v1.36.0") > version("1.9.7"));
        assert_eq!(version("1.27"), version("1.27.0"));
    }

    #[test]
    fn what_distributors_add_is_set_aside() {
        for (text, plain) in [
            ("v1.30.4+k3s1", "1.30.4"),
            ("v1.30.4-k3s2", "1.30.4"),
            ("v1.29.3-eks-adc7111", "1.29.3"),
            ("1.6.20~ds1-1+deb12u2", "1.6.20"),
            ("1.7.24-0ubuntu1~22.04.1", "1.7.24"),
            ("3.10.0-1160.el7.x86_64", "3.10.0"),
            ("5:27.3.1-1~debian.12~bookworm", "27.3.1"),
            ("6.8.0-45-generic", "6.8.0"),
            ("4.19.90-2003.4.0.0036.oe1.x86_64", "4.19.90"),
            ("1.1.1k", "1.1.1"),
        ] {
            assert_eq!(version(text), version(plain), "{text}");
        }
    }

    #[test]
    fn a_pre_release_is_older_than_its_release() {
        let order = ["1.37.0-alpha.1", "1.37.0-alpha.2", "1.37.0-beta.0", "1.37.0-rc.1", "1.37.0~rc2", "1.37.0"];
        for pair in order.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{} < {}", pair[0], pair[1]);
        }
        assert!(version("6.1.0-rc1-amd64") < version("6.1"));
        assert!(version("17.03.0-ce-rc1") < version("17.03.0-ce"));
    }

    #[test]
    fn what_does_not_begin_with_a_number_is_no_version() {
        for text in ["", "v", "latest", "-1", ".1", "99999999999999999999999", "é1"] {
            assert!(Version::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn line_is_the_first_two_numbers() {
        assert_eq!(version("v1.27.3+k3s1").line(), "1.27");
        assert_eq!(version("9").line(), "9.0");
    }
}
