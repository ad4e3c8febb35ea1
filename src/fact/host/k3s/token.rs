//! The token that k3s' and RKE2's nodes join with: whether it is weak, never
//! what it is.
//!
//! A token that k3s makes itself is 32 hexadecimal digits, and one that was
//! chosen by hand is often a word: <https://docs.k3s.io/cli/token>.

use crate::fact::host::Host;
use crate::fact::host::kubelet::{Flag, last};
use crate::fact::host::root::Outcome;
use crate::fact::{Fact, Facts, Source};

/// Fewer characters than these can be tried out.
const SHORTEST: usize = 16;

/// Fewer different characters than these make a pattern.
const FEWEST_DIFFERENT: usize = 6;

/// Words that tutorials use.
const GUESSED: &[&str] = &[
    "token",
    "secret",
    "password",
    "passw0rd",
    "changeme",
    "example",
    "k3s",
    "rke2",
    "rancher",
    "cluster",
    "admin",
    "my",
    "test",
    "demo",
    "123456",
    "kubernetes",
];

/// Others may read it.
const READABLE_BY_OTHERS: u32 = 0o004;

/// Sets the facts about the token.
pub(super) fn set_token(facts: &mut Facts, host: &Host, settings: &[Flag]) {
    let documented = Source::default_of("https://docs.k3s.io/cli/token");
    let Some(token) = last(settings, "token").filter(|token| !token.value.is_empty()) else {
        facts.set("k3s.token_is_set", Fact::known(false, documented.clone()));
        facts.set("k3s.token_weakness", Fact::absent(documented.clone()));
        facts.set("k3s.token_is_exposed", Fact::known(false, documented));
        return;
    };
    facts.set("k3s.token_is_set", Fact::known(true, token.source.clone()));
    let weakness = weakness(&token.value);
    facts.set(
        "k3s.token_weakness",
        weakness.map_or(Fact::absent(token.source.clone()), |why| Fact::known(why, token.source.clone())),
    );
    facts.set("k3s.token_is_exposed", exposure(host, settings));
}

/// Why a token can be guessed, if it can.
pub(super) fn weakness(token: &str) -> Option<&'static str> {
    // K10<hash of the CA>::<user>:<password>: only the password is secret.
    let secret = match token.split_once("::") {
        Some((_, credentials)) => credentials.split_once(':').map_or(credentials, |(_, password)| password),
        None => token,
    };
    if secret.chars().count() < SHORTEST {
        return Some("short");
    }
    let mut different: Vec<char> = secret.chars().collect();
    different.sort_unstable();
    different.dedup();
    let is_word = |word: &str| word.is_empty() || GUESSED.contains(&word);
    let lower = secret.to_lowercase();
    if different.len() < FEWEST_DIFFERENT || lower.split(['-', '_', '.', ' ']).all(is_word) {
        return Some("guessable");
    }
    None
}

/// Command lines and unit files are read by everyone; an environment file by
/// whom its mode lets.
fn exposure(host: &Host, settings: &[Flag]) -> Fact {
    let mut answer = None;
    for token in settings.iter().filter(|setting| setting.name == "token" && !setting.value.is_empty()) {
        let Source::File { path, .. } = &token.source else { continue };
        if path.ends_with("/cmdline") || path.ends_with(".service") || path.contains(".service.d/") {
            return Fact::known(true, token.source.clone());
        }
        if !path.ends_with(".env") && !path.starts_with("/etc/default/") && !path.starts_with("/etc/sysconfig/") {
            continue;
        }
        match host.root.metadata(path) {
            Outcome::Found(file) if file.mode & READABLE_BY_OTHERS != 0 => {
                return Fact::known(true, token.source.clone());
            }
            Outcome::Found(_) | Outcome::Absent => {}
            Outcome::Unreadable(why) => answer = Some(Fact::unreadable(token.source.clone(), why)),
        }
    }
    answer.unwrap_or_else(|| {
        let source = last(settings, "token").map_or(Source::default_of("k3s"), |token| token.source.clone());
        Fact::known(false, source)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_courses_token_is_short() {
        assert_eq!(weakness("k3s_token"), Some("short"));
    }

    #[test]
    fn words_make_no_token_however_many() {
        assert_eq!(weakness("my-rancher-cluster-secret-token"), Some("guessable"));
        assert_eq!(weakness("aaaaaaaaaaaaaaaaaaaaaaaa"), Some("guessable"));
    }

    #[test]
    fn a_generated_token_is_strong_with_and_without_the_hash_of_the_ca() {
        assert_eq!(weakness("4c1f0e7b9d2a86533f7708c9b1d4e2a0"), None);
        assert_eq!(weakness("K10a5d::server:4c1f0e7b9d2a86533f7708c9b1d4e2a0"), None);
    }

    #[test]
    fn the_hash_of_the_ca_lends_a_short_password_no_strength() {
        assert_eq!(weakness("K10a5d27cc0f7d0a9f8b1e6a2c3d4::server:secret"), Some("short"));
    }
}
