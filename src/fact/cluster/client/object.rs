//! One object of a list, as JSON without what nobody needs.
//!
//! `metadata.managedFields` is often a third of an object and is not kept
//! unless who wrote it is asked for: it is passed over without being made.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value as Json};

/// Parses an object; its managed fields only where they are kept.
pub(super) fn parse(bytes: &[u8], keeps_managed_fields: bool) -> Result<Json, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let level = if keeps_managed_fields { Level::Rest } else { Level::Object };
    let json = level.deserialize(&mut deserializer).map_err(|error| error.to_string())?;
    deserializer.end().map_err(|error| error.to_string())?;
    Ok(json)
}

/// The key by which the API server orders objects.
pub(super) fn key(json: &Json) -> String {
    let text = |key: &str| json.pointer(key).and_then(Json::as_str).unwrap_or_default();
    match (text("/metadata/namespace"), text("/metadata/name")) {
        ("", name) => name.to_owned(),
        (namespace, name) => format!("{namespace}/{name}"),
    }
}

/// How deep within an object a value is.
#[derive(Clone, Copy)]
enum Level {
    Object,
    Metadata,
    Rest,
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        match self {
            Level::Rest => serde::Deserialize::deserialize(deserializer),
            Level::Metadata => deserializer.deserialize_any(self),
            Level::Object => deserializer.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let value = match (self, key.as_str()) {
                (Level::Metadata, "managedFields") => {
                    access.next_value::<IgnoredAny>()?;
                    continue;
                }
                (Level::Object, "metadata") => access.next_value_seed(Level::Metadata)?,
                _ => access.next_value()?,
            };
            map.insert(key, value);
        }
        Ok(Json::Object(map))
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
            serde_json::json!({"metadata": {"name": "a", "namespace": "b"}, "spec": {"managedFields": 1}})
        );
        assert!(parse(POD, true).unwrap().pointer("/metadata/managedFields").is_some());
    }

    #[test]
    fn objects_are_ordered_by_namespace_and_name() {
        assert_eq!(key(&parse(POD, false).unwrap()), "b/a");
        assert_eq!(key(&serde_json::json!({"metadata": {"name": "node-1"}})), "node-1");
        // As etcd has it: a hyphen comes before a slash.
        assert!("kube-system/x" > "kube-public/y" && "a-b/x" < "a/x");
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for wrong in [&b"7"[..], b"{}{}", b"{\"metadata\":7}", b"{\"a\"", b"\xff"] {
            assert!(parse(wrong, false).is_err(), "{wrong:?}");
        }
        assert!(parse(b"{\"metadata\":null}", false).is_ok());
    }
}
