//! Whether the RuntimeClass that pods ask for is there.
//!
//! A pod that names a class which is not there is refused on admission, so
//! that no pod exists; only its owner tells it, by an event `FailedCreate` or a
//! condition `ReplicaFailure`: `pod rejected: RuntimeClass "x" not found`.

use std::collections::BTreeSet;

use crate::fact::cluster::resource::RUNTIME_CLASSES;
use crate::fact::cluster::{Listing, Lists, Object, Request};
use crate::fact::{Fact, Json, Source};

const REQUEST: Request = Request::metadata(&RUNTIME_CLASSES);

/// Classes that are there, and classes that pods were refused for.
#[derive(Default)]
pub(super) struct RuntimeClasses {
    names: BTreeSet<String>,
    /// Namespace and class, and where it is said.
    refused: Vec<(String, String, Source)>,
}

impl RuntimeClasses {
    /// Takes a class.
    pub(super) fn see(&mut self, class: &Object<'_>) {
        self.names.insert(class.name().to_owned());
    }

    /// Takes what an event says.
    pub(super) fn event(&mut self, event: &Object<'_>, message: &str) {
        let field = if event.get("message").is_some() { ".message" } else { ".note" };
        self.learn(event, message, event.source(field));
    }

    /// Takes what the conditions of an owner say.
    pub(super) fn condition(&mut self, owner: &Object<'_>) {
        for (index, condition) in owner.list("status.conditions").iter().enumerate() {
            let message = condition.get("message").and_then(Json::as_str).unwrap_or_default();
            self.learn(owner, message, owner.source(format!(".status.conditions[{index}].message")));
        }
    }

    fn learn(&mut self, object: &Object<'_>, message: &str, source: Source) {
        let Some(class) = refused_class(message) else { return };
        let namespace = object.namespace().unwrap_or_default().to_owned();
        if !self.refused.iter().any(|(known, name, _)| *known == namespace && name == class) {
            self.refused.push((namespace, class.to_owned(), source));
        }
    }

    /// Whether a class is there that a workload of that namespace names.
    pub(super) fn exists(&self, class: &str, namespace: &str, lists: &Lists) -> Fact {
        if self.names.contains(class) {
            return Fact::group(true);
        }
        if let Some((_, _, source)) =
            self.refused.iter().find(|(refused, name, _)| refused == namespace && name == class)
        {
            return Fact::known(false, source.clone());
        }
        match lists.of(&REQUEST) {
            Listing::Complete | Listing::NotServed => Fact::group(false),
            Listing::NotRecorded(files) => {
                let reason = format!("{files} holds no RuntimeClass, and no event says that {class} is missing");
                Fact::Unreadable { source: None, reason }
            }
            Listing::Unreadable(reason) => Fact::Unreadable { source: None, reason: reason.clone() },
        }
    }
}

/// The class that a pod was refused for.
fn refused_class(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("RuntimeClass \"")?;
    let (class, rest) = rest.split_once('"')?;
    rest.trim_start().starts_with("not found").then_some(class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_admission_plugin_names_the_class() {
        let text = "Error creating: pods \"rcd-7d9c-\" is forbidden: pod rejected: RuntimeClass \"seedtest\" not found";
        assert_eq!(refused_class(text), Some("seedtest"));
        assert_eq!(refused_class("pod rejected: Pod Overhead set without RuntimeClass \"x\" defaulting"), None);
        assert_eq!(refused_class("Created pod: web-1"), None);
    }
}
