//! Where facts were read, and which members of a [`Twin`] are its own: the
//! facts that twins share name an object without a name, which is each of them
//! in its turn.

use std::borrow::Cow;
use std::rc::Rc;

use super::value::{Origin, Path, Plain, Value};
use crate::fact::{Fact, Source, Twin};

/// Where a fact was read, if it is known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spot<'f> {
    source: Option<&'f Source>,
    /// The twin that the source is to be read as being of.
    twin: Option<&'f Twin>,
}

impl<'f> Spot<'f> {
    /// The spot of a fact that stands in a group at this one.
    pub(super) fn of(self, fact: &'f Fact) -> Self {
        Spot { source: fact.source().or(self.source), twin: self.twin }
    }

    /// The same where sources are to be read as being of a twin.
    pub(super) fn of_twin(self, twin: &'f Twin) -> Self {
        Spot { source: self.source, twin: Some(twin) }
    }

    /// The source.
    pub(crate) fn cloned(self) -> Option<Source> {
        match self.twin {
            Some(twin) => self.source.map(|source| twin.source(source)),
            None => self.source.cloned(),
        }
    }
}

/// The member in which a twin differs from the others; none for any other.
pub(super) fn own_member<'f>(twin: &'f Twin, member: &str, origin: &Origin<'f>) -> Option<Value<'f>> {
    let text = |text: &'f str| Plain::Text(Cow::Borrowed(text));
    if Twin::is_name(member) {
        return Some(Value { plain: text(twin.name()), origin: Some(origin.clone()) });
    }
    if !Twin::is_subject(member) {
        return None;
    }
    let object = twin.object();
    let parts = [
        ("api_version", Some(object.api_version.as_str())),
        ("kind", Some(object.kind.as_str())),
        ("name", Some(twin.name())),
        ("namespace", object.namespace.as_deref()),
    ];
    let part = |(name, part): (&'static str, Option<&'f str>)| {
        let path = Rc::new(Path::Member(Rc::clone(&origin.path), Cow::Borrowed(name)));
        let origin = Origin { path, source: origin.source };
        Some((name.to_owned(), Ok(Value { plain: text(part?), origin: Some(origin) })))
    };
    let members = parts.into_iter().filter_map(part).collect();
    Some(Value { plain: Plain::Map(Rc::new(members)), origin: Some(origin.clone()) })
}
