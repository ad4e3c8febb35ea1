//! Where a finding is, for readers that want a file and a line.
//!
//! Such readers know the files of a repository. A file of a host is named
//! beneath its host, `host/cn-01/etc/fstab`, never as an absolute path: GitHub
//! refuses those, and the file of the same path on the reader's machine is
//! another one. A file that was named relatively, such as a manifest of a
//! repository, keeps its path.

use std::fmt::Write as _;

use super::escape;
use crate::fact::Source;
use crate::finding::{Finding, Subject};

/// A file, or what stands for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Location {
    /// The segments of a relative path.
    segments: Vec<String>,
    /// A line, counted from 1.
    pub(super) line: u32,
    /// Whether it is a file of the repository that the run looked at.
    pub(super) is_in_repository: bool,
}

impl Location {
    /// The place of the first evidence that has one, else the subject itself.
    pub(super) fn of(finding: &Finding) -> Self {
        let source =
            finding.evidence.iter().filter_map(|piece| piece.source.as_ref()).find_map(|source| match source {
                Source::File { path, line } => Some(Location::file(path, *line, &finding.subject)),
                Source::Object { object, .. } => Some(Location::beneath([
                    "cluster",
                    object.namespace.as_deref().unwrap_or_default(),
                    &object.kind,
                    &object.name,
                ])),
                Source::Cri { .. } | Source::Default { .. } => None,
            });
        source.unwrap_or_else(|| Location::subject(&finding.subject))
    }

    fn subject(subject: &Subject) -> Self {
        let namespace = subject.namespace.as_deref().unwrap_or_default();
        match subject.kind.as_str() {
            "host" | "cluster" => Location::beneath([&subject.kind, &subject.name]),
            _ => Location::beneath(["cluster", namespace, &subject.kind, &subject.name]),
        }
    }

    fn file(path: &str, line: Option<u32>, subject: &Subject) -> Self {
        // What came by stdin is no file.
        let is_in_repository = !path.starts_with('/') && path != "-";
        let mut location = if is_in_repository { Location::beneath([]) } else { Location::subject(subject) };
        location.segments.extend(path.split('/').map(str::to_owned).filter(|segment| is_name(segment)));
        location.line = line.unwrap_or(1).max(1);
        location.is_in_repository = is_in_repository;
        location
    }

    fn beneath<const N: usize>(segments: [&str; N]) -> Self {
        // A name with a slash must not lead elsewhere.
        let segments = segments.iter().map(|segment| segment.replace('/', "_")).filter(|segment| is_name(segment));
        Location { segments: segments.collect(), line: 1, is_in_repository: false }
    }

    /// The relative path, harmless to look at.
    pub(super) fn path(&self) -> String {
        escape::line(&self.segments.join("/")).into_owned()
    }

    /// The relative path as a URI reference (RFC 3986, section 4.2).
    pub(super) fn uri(&self) -> String {
        let mut uri = String::new();
        for (number, segment) in self.segments.iter().enumerate() {
            if number > 0 {
                uri.push('/');
            }
            for byte in segment.bytes() {
                if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                    uri.push(char::from(byte));
                } else {
                    // Writing to a text cannot fail.
                    let _ = write!(uri, "%{byte:02X}");
                }
            }
        }
        uri
    }
}

/// Whether a segment names something beneath the one before it.
fn is_name(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str) -> Subject {
        Subject { kind: "host".to_owned(), api_version: None, namespace: None, name: name.to_owned() }
    }

    #[test]
    fn a_file_of_a_host_is_named_beneath_it() {
        let location = Location::file("/etc/fstab", Some(3), &host("cn-01"));
        assert_eq!((location.path().as_str(), location.line), ("host/cn-01/etc/fstab", 3));
        assert!(!location.is_in_repository);
    }

    #[test]
    fn a_file_of_a_repository_keeps_its_path() {
        let location = Location::file("./deploy/web app.yaml", None, &host("cn-01"));
        assert_eq!((location.path().as_str(), location.line), ("deploy/web app.yaml", 1));
        assert_eq!(location.uri(), "deploy/web%20app.yaml");
        assert!(location.is_in_repository);
    }

    #[test]
    fn no_path_leads_out() {
        assert_eq!(Location::file("/../../etc/x", None, &host("../a")).path(), "host/.._a/etc/x");
        assert_eq!(Location::file("a/\u{202e}b", None, &host("h")).uri(), "a/%E2%80%AEb");
    }
}
