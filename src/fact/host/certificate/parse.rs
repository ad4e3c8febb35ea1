//! X.509 certificates out of PEM files and kubeconfigs, RFC 5280 and RFC 7468.
//!
//! A file may hold a key beside the certificate, as `kubelet-client-current.pem`
//! does; only blocks that say CERTIFICATE are looked at.

use jiff::Timestamp;
use x509_parser::pem::Pem;
use x509_parser::prelude::X509Certificate;

use crate::fact::host::document::{self, Node};

/// The most blocks that are looked at in one file.
const MAX_BLOCKS: usize = 64;

/// A certificate's dates and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::fact) struct Certificate {
    pub(super) subject: String,
    pub(super) not_before: Timestamp,
    pub(in crate::fact) not_after: Timestamp,
    pub(super) is_ca: bool,
    pub(super) is_for_clients: bool,
}

/// What a kubeconfig says of its user's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// A file, with the line that names it.
    Path(String, u32),
    /// PEM text embedded in the kubeconfig, with its line.
    Embedded(Vec<u8>, u32),
}

/// The certificate in a PEM text that its owner shows: the first one. Of
/// several authorities the one that lasts longest, since the others may be on
/// their way out.
pub(in crate::fact) fn parse_pem(text: &[u8]) -> Result<Certificate, String> {
    let mut certificates = Vec::new();
    for block in Pem::iter_from_buffer(text).take(MAX_BLOCKS) {
        let Ok(block) = block else { break };
        if block.label == "CERTIFICATE" {
            let certificate = block.parse_x509().map_err(|error| format!("it holds no certificate: {error}"))?;
            certificates.push(describe(&certificate)?);
        }
    }
    let first = certificates.first().cloned().ok_or("it holds no certificate in PEM form")?;
    if !first.is_ca {
        return Ok(first);
    }
    let authorities = certificates.into_iter().filter(|certificate| certificate.is_ca);
    Ok(authorities.max_by_key(|certificate| certificate.not_after).unwrap_or(first))
}

fn describe(certificate: &X509Certificate) -> Result<Certificate, String> {
    let instant = |seconds| Timestamp::from_second(seconds).map_err(|_| "its dates are out of range".to_owned());
    let validity = certificate.validity();
    let usage = certificate.extended_key_usage().ok().flatten();
    Ok(Certificate {
        subject: certificate.subject().to_string(),
        not_before: instant(validity.not_before.timestamp())?,
        not_after: instant(validity.not_after.timestamp())?,
        is_ca: certificate.is_ca(),
        is_for_clients: usage.is_some_and(|usage| usage.value.client_auth && !usage.value.server_auth),
    })
}

/// The client certificate of a kubeconfig's first user that has one; none
/// where users have tokens or plugins.
pub(super) fn parse_kubeconfig(text: &str) -> Result<Option<Reference>, String> {
    let documents = document::parse_yaml(text).map_err(|error| error.to_string())?;
    let users = documents.first().and_then(|document| document.get("users")).map(Node::list).unwrap_or_default();
    for user in users {
        // The embedded form wins over the path, as in client-go.
        if let Some(node) = user.at(&["user", "client-certificate-data"])
            && let Some(encoded) = node.text()
        {
            let pem = decode_base64(encoded).ok_or_else(|| format!("line {}: it is not base64", node.line))?;
            return Ok(Some(Reference::Embedded(pem, node.line)));
        }
        if let Some(node) = user.at(&["user", "client-certificate"])
            && let Some(path) = node.text()
        {
            return Ok(Some(Reference::Path(path.to_owned(), node.line)));
        }
    }
    Ok(None)
}

/// Standard base64, white space ignored, RFC 4648 section 4.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut buffer, mut bits) = (0_u32, 0_u32);
    for character in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => break,
            _ => return None,
        };
        buffer = (buffer << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((buffer >> bits) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kubelet's client certificate, CN=system:node:n1, valid from
    /// 2026-10-01 to 2027-10-01, made for these tests.
    pub(super) const CLIENT: &str = include_str!("client.pem");

    #[test]
    fn dates_and_subject_come_from_the_certificate_beside_a_key() {
        let with_key = format!("{CLIENT}-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n");
        let certificate = parse_pem(with_key.as_bytes()).expect("certificate");
        assert!(certificate.subject.contains("system:node:n1"), "got {}", certificate.subject);
        assert_eq!(certificate.not_after.to_string(), "2027-10-01T00:00:00Z");
        assert!(!certificate.is_ca);
    }

    #[test]
    fn garbage_a_truncated_block_and_a_lone_key_are_no_certificates() {
        let half = CLIENT.get(..CLIENT.len() / 2).expect("ascii");
        for text in
            ["", "\u{0}\u{1}\u{2}", half, "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"]
        {
            assert!(parse_pem(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn base64_is_decoded_and_what_is_not_is_refused() {
        assert_eq!(decode_base64("aGVsbG8=\n"), Some(b"hello".to_vec()));
        assert_eq!(decode_base64("aGV$"), None);
    }

    #[test]
    fn a_kubeconfig_embeds_its_certificate_or_names_its_file() {
        let path =
            "users:\n- name: a\n  user:\n    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem\n";
        let expected = Reference::Path("/var/lib/kubelet/pki/kubelet-client-current.pem".into(), 4);
        assert_eq!(parse_kubeconfig(path), Ok(Some(expected)));
        let embedded = "users:\n- user:\n    client-certificate-data: aGVsbG8=\n";
        assert_eq!(parse_kubeconfig(embedded), Ok(Some(Reference::Embedded(b"hello".to_vec(), 3))));
        assert_eq!(parse_kubeconfig("users:\n- user:\n    token: abc\n"), Ok(None));
    }
}
