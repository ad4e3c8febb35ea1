//! One object of the API, and the facts that its fields make.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Request, Resource};
use crate::fact::{Fact, Json, ObjectReference, Source, Value, twin};

/// An object that a collector sees; it is dropped after that.
#[derive(Debug)]
pub struct Object<'a> {
    /// The request that it answers. A collector that asks for several kinds
    /// tells them apart by [`Object::is`].
    pub request: &'a Request,
    /// The object as JSON; `metadata.managedFields` is there in files, and where
    /// the request asks for history.
    pub json: &'a Json,
    reference: Arc<ObjectReference>,
}

impl<'a> Object<'a> {
    /// An object; its kind is that of the resource where it does not say it,
    /// as the items of a list do not.
    pub fn new(request: &'a Request, json: &'a Json) -> Self {
        let text = |pointer| json.pointer(pointer).and_then(Json::as_str).map(str::to_owned);
        let resource = request.resource();
        let api_version = || {
            let resource = resource?;
            let version = resource.versions.first().copied().unwrap_or("v1");
            Some(if resource.group.is_empty() { version.to_owned() } else { format!("{}/{version}", resource.group) })
        };
        let reference = ObjectReference {
            api_version: text("/apiVersion").or_else(api_version).unwrap_or_default(),
            kind: resource.map(|resource| resource.kind.to_owned()).or_else(|| text("/kind")).unwrap_or_default(),
            namespace: text("/metadata/namespace").filter(|namespace| !namespace.is_empty()),
            name: text("/metadata/name").unwrap_or_default(),
        };
        Object { request, json, reference: Arc::new(reference) }
    }

    /// The same object under another identity.
    pub(super) fn as_if(&self, reference: Arc<ObjectReference>) -> Object<'a> {
        Object { request: self.request, json: self.json, reference }
    }

    /// Whether it is of that resource.
    pub fn is(&self, resource: &Resource) -> bool {
        self.request.resource() == Some(resource)
    }

    /// Its identity.
    pub fn reference(&self) -> &Arc<ObjectReference> {
        &self.reference
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.reference.name
    }

    /// Its namespace; none for a cluster-scoped object.
    pub fn namespace(&self) -> Option<&str> {
        self.reference.namespace.as_deref()
    }

    /// The field at a dotted path such as `spec.podCIDR`, unless it is missing
    /// or null. Keys that hold dots are reached by [`Object::label`],
    /// [`Object::annotation`] or the JSON itself.
    pub fn get(&self, path: &str) -> Option<&'a Json> {
        let mut json = self.json;
        for key in path.split('.') {
            json = json.get(key)?;
        }
        (!json.is_null()).then_some(json)
    }

    /// The text at a dotted path.
    pub fn text(&self, path: &str) -> Option<&'a str> {
        self.get(path)?.as_str()
    }

    /// The elements of the list at a dotted path; none where it is missing.
    pub fn list(&self, path: &str) -> &'a [Json] {
        self.get(path).and_then(Json::as_array).map_or(&[], Vec::as_slice)
    }

    /// A label's value.
    pub fn label(&self, key: &str) -> Option<&'a str> {
        self.get("metadata.labels")?.get(key)?.as_str()
    }

    /// An annotation's value.
    pub fn annotation(&self, key: &str) -> Option<&'a str> {
        self.get("metadata.annotations")?.get(key)?.as_str()
    }

    /// Where a field of it stands, as a JSONPath such as `.spec.podCIDR`.
    pub fn source(&self, path: impl Into<Cow<'static, str>>) -> Source {
        Source::object(&self.reference, path)
    }

    /// The text at a JSONPath without brackets, such as `.spec.podCIDR`; absent
    /// where it is missing, unreadable where it is no text.
    pub fn text_fact(&self, path: &'static str) -> Fact {
        self.fact(path, "text", |json| json.as_str().map(Value::from))
    }

    /// The whole number at a JSONPath without brackets.
    pub fn int_fact(&self, path: &'static str) -> Fact {
        self.fact(path, "a whole number", |json| json.as_i64().map(Value::Int))
    }

    /// The truth at a JSONPath without brackets.
    pub fn bool_fact(&self, path: &'static str) -> Fact {
        self.fact(path, "true or false", |json| json.as_bool().map(Value::Bool))
    }

    /// The members of the map of texts at a JSONPath without brackets.
    pub fn map_fact(&self, path: &'static str) -> Fact {
        self.fact(path, "a map of texts", |json| {
            let members = json.as_object()?.iter();
            let fact = |value: &Json| Some(Fact::group(value.as_str()?));
            Some(Value::Map(members.map(|(key, value)| Some((key.to_owned(), fact(value)?))).collect::<Option<_>>()?))
        })
    }

    fn fact(&self, path: &'static str, what: &str, read: impl Fn(&Json) -> Option<Value>) -> Fact {
        let source = self.source(path);
        match self.get(path.trim_start_matches('.')) {
            None => Fact::absent(source),
            Some(json) => match read(json) {
                Some(value) => Fact::known(value, source),
                None => Fact::unreadable(source, format!("{path} of {}: it is not {what}", self.describe())),
            },
        }
    }

    /// What it is in words: `Deployment default/web`.
    pub fn describe(&self) -> String {
        let reference = &self.reference;
        match &reference.namespace {
            Some(namespace) => format!("{} {namespace}/{}", reference.kind, reference.name),
            None => format!("{} {}", reference.kind, reference.name),
        }
    }
}

/// The facts of one object, or of a part of one, as an element of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Element {
    members: BTreeMap<String, Fact>,
}

impl Element {
    /// An element with no member yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// An element with the members of every object: `name`, `namespace`
    /// (absent for a cluster-scoped one) and `subject`, which a rule names as
    /// its subject.
    pub fn of(reference: &Arc<ObjectReference>) -> Self {
        Element::new().identified(reference)
    }

    /// The same members with the identity of another object.
    #[must_use]
    pub fn identified(self, reference: &Arc<ObjectReference>) -> Self {
        let source = Source::object(reference, ".metadata.name");
        let namespace = match &reference.namespace {
            Some(namespace) => Fact::known(namespace.as_str(), Source::object(reference, ".metadata.namespace")),
            None => Fact::absent(Source::object(reference, ".metadata.namespace")),
        };
        self.with("name", Fact::known(reference.name.as_str(), source))
            .with("namespace", namespace)
            .with("subject", subject(reference))
    }

    /// Adds a member.
    #[must_use]
    pub fn with(mut self, name: &str, fact: Fact) -> Self {
        self.members.insert(name.to_owned(), fact);
        self
    }

    /// A member that was added.
    pub fn get(&self, name: &str) -> Option<&Fact> {
        self.members.get(name)
    }

    /// A number that is the same for equal elements.
    pub(super) fn mark(&self) -> u64 {
        twin::mark(&self.members)
    }

    /// The element as a fact.
    pub fn done(self) -> Fact {
        Fact::group(self.members)
    }
}

/// The identity of an object as `subject:` of a rule takes it.
pub(super) fn subject(reference: &ObjectReference) -> Fact {
    let text = |value: &str| Fact::group(value);
    let mut members = BTreeMap::from([
        ("kind".to_owned(), text(&reference.kind)),
        ("api_version".to_owned(), text(&reference.api_version)),
        ("name".to_owned(), text(&reference.name)),
    ]);
    if let Some(namespace) = &reference.namespace {
        members.insert("namespace".to_owned(), text(namespace));
    }
    Fact::group(members)
}
