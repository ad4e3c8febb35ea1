//! A JSON value that is cheap to make and to drop: a cluster has a hundred
//! thousand objects, each of which is looked at once.
//!
//! It is read as `serde_json::Value` is, by the same names, and differs in how
//! it lies in memory: short texts stand in place, and members are a list in the
//! order of the document, which for the few that an object has is found through
//! faster than a map is filled. Members that nobody needs are passed over while
//! the text is parsed.

use std::fmt;

use compact_str::CompactString;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Number;

/// A value of JSON, or of YAML that is read as JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Json {
    /// Null.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    String(CompactString),
    /// A list.
    Array(Vec<Json>),
    /// Named members.
    Object(Members),
}

/// The members of an object, in the order of the document; of a name that
/// comes twice the last one counts.
#[derive(Clone, Debug, Default)]
pub struct Members(Vec<(CompactString, Json)>);

/// Members that are passed over when an object is parsed. Lists are looked
/// through: what is said of a member holds for each element of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Skip {
    /// Names of the members.
    pub members: &'static [&'static str],
    /// What is passed over within other members.
    pub within: &'static [(&'static str, Skip)],
}

impl Skip {
    /// Nothing is passed over.
    pub const NOTHING: Skip = Skip { members: &[], within: &[] };
}

/// Parses a value without what is to be passed over.
///
/// # Errors
/// When it is no JSON, or more than one value.
pub fn parse(bytes: &[u8], skip: &'static Skip) -> Result<Json, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let json = skip.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(json)
}

impl Json {
    /// The member of that name.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.as_object()?.get(name)
    }

    /// The value at a JSON pointer such as `/spec/containers/0/image`
    /// (RFC 6901, without escapes).
    pub fn pointer(&self, pointer: &str) -> Option<&Json> {
        pointer.split('/').skip(1).try_fold(self, |json, name| match json {
            Json::Object(members) => members.get(name),
            Json::Array(elements) => elements.get(name.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Json::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// The elements, if it is a list.
    pub fn as_array(&self) -> Option<&Vec<Json>> {
        match self {
            Json::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The members, if it is an object.
    pub fn as_object(&self) -> Option<&Members> {
        match self {
            Json::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The members, if it is an object, to be changed.
    pub fn as_object_mut(&mut self) -> Option<&mut Members> {
        match self {
            Json::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        matches!(self, Json::Object(_))
    }
}

impl Members {
    /// The member of that name.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// Puts a member, in the place of one of the same name.
    pub fn insert(&mut self, name: &str, value: impl Into<Json>) {
        match self.0.iter_mut().find(|(own, _)| own == name) {
            Some((_, present)) => *present = value.into(),
            None => self.0.push((name.into(), value.into())),
        }
    }

    /// Puts a member unless there is one of that name.
    pub fn insert_missing(&mut self, name: &str, value: impl Into<Json>) {
        if self.get(name).is_none() {
            self.0.push((name.into(), value.into()));
        }
    }

    /// Takes the member of that name out.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(own, _)| own != name);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values, in the order of the document.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.into_iter()
    }

    /// Names, in the order of the document.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// Values, in the order of the document.
    pub fn values(&self) -> impl Iterator<Item = &Json> {
        self.iter().map(|(_, value)| value)
    }
}

impl<'m> IntoIterator for &'m Members {
    type Item = (&'m str, &'m Json);
    type IntoIter =
        std::iter::Map<std::slice::Iter<'m, (CompactString, Json)>, fn(&'m (CompactString, Json)) -> Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// More members than this are looked through for names that come twice by
/// sorting them.
const FEW: usize = 16;

impl FromIterator<(CompactString, Json)> for Members {
    fn from_iter<I: IntoIterator<Item = (CompactString, Json)>>(members: I) -> Self {
        let mut members: Vec<(CompactString, Json)> = members.into_iter().collect();
        let is_twice = |members: &[(CompactString, Json)]| {
            if members.len() <= FEW {
                let mut rest = members;
                while let Some(((name, _), after)) = rest.split_first() {
                    if after.iter().any(|(other, _)| other == name) {
                        return true;
                    }
                    rest = after;
                }
                return false;
            }
            let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            names.windows(2).any(|pair| matches!(pair, [name, other] if name == other))
        };
        if is_twice(&members) {
            let mut last = std::collections::BTreeMap::new();
            for (at, (name, _)) in members.iter().enumerate() {
                last.insert(name.clone(), at);
            }
            let mut at = 0;
            members.retain(|(name, _)| {
                at += 1;
                last.get(name) == Some(&(at - 1))
            });
        }
        Members(members)
    }
}

impl PartialEq for Members {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Json::String(text.into())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Json::String(text.into())
    }
}

impl From<i64> for Json {
    fn from(number: i64) -> Self {
        Json::Number(number.into())
    }
}

impl FromIterator<Json> for Json {
    fn from_iter<I: IntoIterator<Item = Json>>(elements: I) -> Self {
        Json::Array(elements.into_iter().collect())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(truth) => serializer.serialize_bool(*truth),
            Json::Number(number) => number.serialize(serializer),
            Json::String(text) => serializer.serialize_str(text),
            Json::Array(elements) => elements.serialize(serializer),
            Json::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.0.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        (&Skip::NOTHING).deserialize(deserializer)
    }
}

impl<'de> DeserializeSeed<'de> for &'static Skip {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &'static Skip {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value of JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_none<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Json, E> {
        Ok(Json::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Number::from_f64(number).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::from(text))
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(Json::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = access.next_element_seed(self)? {
            elements.push(element);
        }
        Ok(Json::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = access.next_key::<CompactString>()? {
            if self.members.contains(&name.as_str()) {
                access.next_value::<IgnoredAny>()?;
                continue;
            }
            let within = self.within.iter().find(|(own, _)| name == *own).map_or(&Skip::NOTHING, |(_, skip)| skip);
            members.push((name, access.next_value_seed(within)?));
        }
        Ok(Json::Object(members.into_iter().collect()))
    }
}

#[cfg(test)]
impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        serde::Deserialize::deserialize(value).unwrap_or_default()
    }
}

/// [`serde_json::json!`] as [`Json`], for tests.
#[cfg(test)]
macro_rules! json {
    ($($token:tt)*) => {
        $crate::fact::Json::from(serde_json::json!($($token)*))
    };
}
#[cfg(test)]
pub(crate) use json;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_what_serde_json_makes_of_it() {
        for text in [
            r#"{"a":[1,-2,3.5,18446744073709551615,1e300],"b":{"c":null,"d":true,"":"é\u0000\n"},"e":[]}"#,
            "[]",
            "7",
            r#""a text that is longer than what stands in place""#,
        ] {
            let json: Json = serde_json::from_str(text).unwrap();
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_value(&json).unwrap(), value);
            assert_eq!(json.to_string(), value.to_string());
        }
    }

    #[test]
    fn of_a_name_that_comes_twice_the_last_counts() {
        let json: Json = serde_json::from_str(r#"{"a":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(json.to_string(), r#"{"b":2,"a":3}"#);
        let many: Vec<String> = (0..50).map(|number| format!(r#""{}":{number},"#, number % 40)).collect();
        let many = many.concat();
        let json: Json = serde_json::from_str(&format!("{{{}}}", many.trim_end_matches(','))).unwrap();
        assert_eq!(json.as_object().unwrap().iter().count(), 40);
        assert_eq!((json.get("3").unwrap().as_i64(), json.get("39").unwrap().as_i64()), (Some(43), Some(39)));
    }

    #[test]
    fn a_pointer_goes_through_objects_and_lists() {
        let json = json!({"spec": {"containers": [{"image": "nginx"}]}});
        assert_eq!(json.pointer("/spec/containers/0/image").and_then(Json::as_str), Some("nginx"));
        assert_eq!(json.pointer("/spec/containers/1/image"), None);
        assert_eq!(json.pointer(""), Some(&json));
    }

    #[test]
    fn what_is_passed_over_is_not_there_and_the_rest_is() {
        const SKIP: Skip = Skip {
            members: &["status"],
            within: &[("spec", Skip { members: &[], within: &[("list", Skip { members: &["env"], within: &[] })] })],
        };
        let text = br#"{"status":{"a":["}"]},"spec":{"status":1,"env":2,"list":[{"env":[{}],"name":"a"},7]}}"#;
        let json = parse(text, &SKIP).unwrap();
        assert_eq!(json.to_string(), r#"{"spec":{"status":1,"env":2,"list":[{"name":"a"},7]}}"#);
        assert!(parse(b"{}{}", &SKIP).is_err());
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert!(parse("[".repeat(100_000).as_bytes(), &Skip::NOTHING).is_err());
    }
}
