//! What identifies a finding from one run to the next.
//!
//! Ours are digests, of which a large cluster has a hundred thousand: they are
//! held as bytes and written as text. A report that was read may have others.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

/// Identifies rule and subject, not wording, value or line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Fingerprint(Form);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Form {
    Digest([u8; 16]),
    Text(Box<str>),
}

impl Fingerprint {
    /// The fingerprint that a digest begins with.
    pub(crate) fn digest(digest: [u8; 16]) -> Self {
        Fingerprint(Form::Digest(digest))
    }
}

impl From<String> for Fingerprint {
    fn from(text: String) -> Self {
        // One text has one form, so that equal texts are equal.
        let form = parse_digest(&text).map_or_else(|| Form::Text(text.into_boxed_str()), Form::Digest);
        Fingerprint(form)
    }
}

impl From<&str> for Fingerprint {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Digest(bytes) => {
                for byte in bytes {
                    for digit in [byte >> 4, byte & 15] {
                        out.write_char(char::from_digit(u32::from(digit), 16).unwrap_or_default())?;
                    }
                }
                Ok(())
            }
            Form::Text(text) => out.write_str(text),
        }
    }
}

/// Thirty-two hexadecimal digits as they are written here: in lower case.
fn parse_digest(text: &str) -> Option<[u8; 16]> {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut digest = [0; 16];
    let pairs = text.as_bytes().chunks_exact(2);
    if text.len() != 2 * digest.len() {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(pairs) {
        let [high, low] = pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_as_itself() {
        let digest = Fingerprint::digest([0, 1, 0x1f, 0xa0, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert_eq!(digest.to_string(), "00011fa0040506070809 0a0b0c0d0eff".replace(' ', ""));
        assert_eq!(Fingerprint::from(digest.to_string()), digest);
    }

    #[test]
    fn any_other_text_stays_as_it_is() {
        for text in ["", "of a/b", "00011FA00405060708090A0B0C0D0EFF", "00011fa0040506070809_0a0b0c0d0ef", "é"] {
            assert_eq!(Fingerprint::from(text.to_owned()).to_string(), text);
        }
    }
}
