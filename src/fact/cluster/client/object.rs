//! One object of a list, as JSON without what nobody needs.
//!
//! `metadata.managedFields` is often a third of an object and is never kept
//! of a whole one: it is passed over without being made.

use serde::de::{Deserialize, DeserializeSeed, Deserializer};

use crate::fact::Json;
use crate::fact::json::{self, Skip};

/// What is passed over in a whole object.
const MANAGED_FIELDS: Skip =
    Skip { members: &[], within: &[("metadata", Skip { members: &["managedFields"], within: &[] })] };

/// Parses an object; its managed fields only where they are kept.
pub(super) fn parse(bytes: &[u8], keeps_managed_fields: bool) -> Result<Json, String> {
    let skip = if keeps_managed_fields { &Skip::NOTHING } else { &MANAGED_FIELDS };
    let json = json::parse(bytes, skip).map_err(|error| error.to_string())?;
    if json.is_object() { Ok(json) } else { Err("it is no object".to_owned()) }
}

/// Parses the object that bytes begin with, and says how many of them it took;
/// none where it does not end in them, or cannot be parsed.
pub(super) fn parse_first(bytes: &[u8], keeps_managed_fields: bool) -> Option<(Json, usize)> {
    /// An object without its managed fields.
    struct Lean(Json);

    impl<'de> Deserialize<'de> for Lean {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            (&MANAGED_FIELDS).deserialize(deserializer).map(Lean)
        }
    }

    let deserializer = serde_json::Deserializer::from_slice(bytes);
    if keeps_managed_fields {
        let mut objects = deserializer.into_iter::<Json>();
        return Some((objects.next()?.ok()?, objects.byte_offset()));
    }
    let mut objects = deserializer.into_iter::<Lean>();
    Some((objects.next()?.ok()?.0, objects.byte_offset()))
}

/// The key by which the API server orders objects.
pub(super) fn key(json: &Json) -> String {
    let text = |key: &str| json.pointer(key).and_then(Json::as_str).unwrap_or_default();
    match (text("/metadata/namespace"), text("/metadata/name")) {
        ("", name) => name.to_owned(),
        (namespace, name) => format!("{namespace}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &[u8] =
        br#"{"metadata":{"name":"a","namespace":"b","managedFields":[{"f:x":{}}]},"spec":{"managedFields":1}}"#;

    #[test]
    fn managed_fields_are_passed_over_unless_they_are_wanted() {
        let json = parse(POD, false).unwrap();
        assert_eq!(
            json,
            crate::fact::json::json!({"metadata": {"name": "a", "namespace": "b"}, "spec": {"managedFields": 1}})
        );
        assert!(parse(POD, true).unwrap().pointer("/metadata/managedFields").is_some());
    }

    #[test]
    fn the_first_object_is_parsed_without_knowing_where_it_ends() {
        let list = [POD, b",{}]}"].concat();
        for keeps in [false, true] {
            assert_eq!(parse_first(&list, keeps), Some((parse(POD, keeps).unwrap(), POD.len())));
            assert_eq!(parse_first(&list[..POD.len() - 1], keeps), None);
        }
    }

    #[test]
    fn objects_are_ordered_by_namespace_and_name() {
        assert_eq!(key(&parse(POD, false).unwrap()), "b/a");
        assert_eq!(key(&crate::fact::json::json!({"metadata": {"name": "node-1"}})), "node-1");
        // As etcd has it: a hyphen comes before a slash.
        assert!("kube-system/x" > "kube-public/y" && "a-b/x" < "a/x");
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for wrong in [&b"7"[..], b"{}{}", b"{\"a\"", b"\xff"] {
            assert!(parse(wrong, false).is_err(), "{wrong:?}");
        }
        assert!(parse(b"{\"metadata\":null}", false).is_ok());
    }
}
