//! Bundles of certificate authorities (`caBundle`) that the API server trusts
//! the servers of webhooks by.
//!
//! Source: `clientConfig.caBundle`, PEM in base64. The dates of an authority
//! are checked like those of a server's certificate, so a bundle in which none
//! is valid any more stops every call. An empty one is no fault: cert-manager
//! and others fill it in, and without one the system's authorities hold.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use x509_parser::pem::Pem;

use super::Element;
use crate::fact::catalogue::{Field, Type};
use crate::fact::{Fact, Json, Source};

/// The members that tell of a bundle.
pub(super) const UNTIL: Field = Field::new(
    "ca_not_after",
    Type::Text,
    "Until when an authority of its caBundle is valid: of several the one that lasts longest. Absent where it has none.",
);
pub(super) const FAULT: Field = Field::new(
    "ca_fault",
    Type::Text,
    "Why its caBundle cannot be used, such as that it holds no certificate; absent where it can, or there is none.",
);

/// The most blocks that are looked at.
const MAX_BLOCKS: usize = 256;

/// Adds what is told of a bundle.
pub(super) fn describe(element: Element, bundle: Option<&Json>, source: &Source) -> Element {
    let text = bundle.and_then(Json::as_str).unwrap_or_default();
    // Generators write a line break, `Cg==`, for what is to be filled in.
    let is_empty = text.is_empty() || STANDARD.decode(text.trim()).is_ok_and(|pem| pem.trim_ascii().is_empty());
    if is_empty {
        return element
            .with("ca_not_after", Fact::absent(source.clone()))
            .with("ca_fault", Fact::absent(source.clone()));
    }
    match parse_bundle(text) {
        Ok(until) => element
            .with("ca_not_after", Fact::known(until.to_string(), source.clone()))
            .with("ca_fault", Fact::absent(source.clone())),
        Err(why) => element
            .with("ca_not_after", Fact::absent(source.clone()))
            .with("ca_fault", Fact::known(why, source.clone())),
    }
}

/// Until when the authority that lasts longest is valid.
fn parse_bundle(text: &str) -> Result<Timestamp, &'static str> {
    let pem = STANDARD.decode(text.trim()).map_err(|_| "it is not base64")?;
    let mut last = None;
    for block in Pem::iter_from_buffer(&pem).take(MAX_BLOCKS) {
        let Ok(block) = block else { break };
        if block.label != "CERTIFICATE" {
            continue;
        }
        let Ok(certificate) = block.parse_x509() else { continue };
        let until = Timestamp::from_second(certificate.validity().not_after.timestamp()).unwrap_or(Timestamp::MAX);
        last = last.max(Some(until));
    }
    last.ok_or("it holds no certificate in PEM form")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &[u8] = include_bytes!("../host/certificate/client.pem");

    #[test]
    fn a_bundle_is_valid_as_long_as_its_last_authority() {
        let until = parse_bundle(&STANDARD.encode(CLIENT)).unwrap();
        assert!(until.to_string().ends_with('Z'), "{until}");
        let twice = [b"# a comment\n", CLIENT, CLIENT].concat();
        assert_eq!(parse_bundle(&STANDARD.encode(twice)), Ok(until));
    }

    #[test]
    fn what_is_no_bundle_is_told() {
        for (text, why) in [("!", "it is not base64"), ("eA==", "it holds no certificate in PEM form")] {
            assert_eq!(parse_bundle(text), Err(why));
        }
        for placeholder in ["", "Cg=="] {
            let element = describe(Element::new(), Some(&placeholder.into()), &Source::default_of("x"));
            assert!(matches!(element.get("ca_fault"), Some(Fact::Absent { .. })), "{placeholder}");
        }
    }
}
