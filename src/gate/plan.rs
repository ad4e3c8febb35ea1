//! Which versions lie between the present one and the target.
//!
//! A control plane is upgraded one minor at a time
//! (<https://kubernetes.io/releases/version-skew-policy/>), so every minor on
//! the way is judged by itself.

use crate::fact::cluster::api::lifecycle;
use crate::fact::version::Version;

/// A version to upgrade to, checked.
#[derive(Clone, Debug)]
pub struct Target {
    /// As rules compare it: `1.37` or `1.37.2`.
    pub text: String,
    version: Version,
    has_patch: bool,
}

/// Why an upgrade cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The target is no version of Kubernetes.
    #[error("{0:?} is no version of Kubernetes; expected one such as 1.36 or 1.36.2")]
    NoVersion(String),
    /// The target is newer than what the tables cover.
    #[error("the tables of this scanner reach to Kubernetes {reaches}, not to {target}")]
    NotCovered {
        /// The target.
        target: String,
        /// The newest minor that they cover.
        reaches: &'static str,
    },
    /// The target is the present version or older.
    #[error("{target} is no upgrade: the present version is {from}")]
    NotNewer {
        /// The target.
        target: String,
        /// The present version.
        from: String,
    },
}

impl Target {
    /// Reads a target and checks that the tables cover it.
    ///
    /// # Errors
    ///
    /// When it is no version of Kubernetes, or newer than the tables.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        let no_version = || PlanError::NoVersion(text.to_owned());
        let version = Version::parse(text).ok_or_else(no_version)?;
        let numbers = text.trim().trim_start_matches(['v', 'V']);
        let dots = numbers.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.');
        let dots = dots.filter(|byte| *byte == b'.').count();
        if version.major() != 1 || dots == 0 {
            return Err(no_version());
        }
        let reaches = lifecycle::reaches();
        let target = Target {
            text: if dots > 1 { format!("{}.{}", version.line(), version.patch()) } else { version.line() },
            has_patch: dots > 1,
            version,
        };
        let is_covered = Version::parse(reaches).is_some_and(|reaches| target.version.minor() <= reaches.minor());
        if is_covered { Ok(target) } else { Err(PlanError::NotCovered { target: target.text, reaches }) }
    }

    /// Checks that it is newer than the present version.
    ///
    /// # Errors
    ///
    /// When it is not: of a target without a patch, when its minor is reached.
    pub fn check_newer_than(&self, from: &str) -> Result<(), PlanError> {
        let Some(present) = Version::parse(from) else { return Err(PlanError::NoVersion(from.to_owned())) };
        let is_newer = if self.has_patch { self.version > present } else { self.version.minor() > present.minor() };
        if is_newer && present.major() == 1 {
            return Ok(());
        }
        Err(PlanError::NotNewer { target: self.text.clone(), from: from.to_owned() })
    }

    /// The versions that are upgraded to one after the other; the target is the
    /// last. Only the target where nothing says what is present.
    pub fn hops(&self, from: Option<&str>) -> Vec<String> {
        let minor = self.version.minor();
        let first = from.and_then(Version::parse).map_or(minor, |from| from.minor() + 1);
        (first..minor).map(|minor| format!("1.{minor}")).chain([self.text.clone()]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        Target::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_target_is_a_minor_or_a_patch_of_kubernetes_one() {
        assert_eq!(target("1.36").text, "1.36");
        assert_eq!(target("v1.36.2").text, "1.36.2");
        assert_eq!(target("1.37.0-rc.1").text, "1.37.0");
        for wrong in ["", "latest", "36", "2.1", "0.36", "1"] {
            assert_eq!(Target::parse(wrong).map(|target| target.text), Err(PlanError::NoVersion(wrong.to_owned())));
        }
    }

    #[test]
    fn a_target_beyond_the_tables_is_refused_with_how_far_they_reach() {
        let error = Target::parse("1.99").map(|target| target.text).unwrap_err();
        assert_eq!(error.to_string(), "the tables of this scanner reach to Kubernetes 1.37, not to 1.99");
    }

    #[test]
    fn a_target_that_is_reached_is_no_upgrade() {
        assert!(target("1.37").check_newer_than("v1.36.2").is_ok());
        assert!(target("1.36.3").check_newer_than("v1.36.2+k3s1").is_ok(), "a patch is an upgrade");
        for (text, from) in [("1.36", "v1.36.2"), ("1.36.2", "1.36.2"), ("1.35", "1.36"), ("1.36", "1.36")] {
            assert!(target(text).check_newer_than(from).is_err(), "{from} -> {text}");
        }
    }

    #[test]
    fn every_minor_on_the_way_is_a_hop() {
        assert_eq!(target("1.37").hops(Some("v1.34.1")), ["1.35", "1.36", "1.37"]);
        assert_eq!(target("1.37.1").hops(Some("1.36")), ["1.37.1"]);
        assert_eq!(target("1.36.3").hops(Some("1.36.2")), ["1.36.3"]);
        assert_eq!(target("1.37").hops(None), ["1.37"]);
    }
}
