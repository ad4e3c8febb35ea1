//! The APIs that objects use, as far as they have an end: what files hold is
//! written in them now; what a live API says of an object is its history.

pub mod history;
pub mod lifecycle;
pub mod requested;
pub mod usage;

use super::{Collector, Listing, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::{Fact, Facts, Source};
use usage::{API_OBJECT, Origin};

pub(super) const COLLECTOR: Collector =
    Collector { name: "api", facts: FACTS, requests: &[REQUEST], start: || Box::new(Apis::default()) };

const REQUEST: Request = Request::every_object_of_files();

const FACTS: &[FactDoc] = &[FactDoc::new(
    "api_objects",
    Type::List(&Type::Object(API_OBJECT)),
    "Every object of the files whose own API version, managedFields or last-applied annotation name an API with an end. Absent for a live cluster, see `api_history`.",
)];

#[derive(Default)]
struct Apis {
    seen: Vec<Fact>,
}

impl Reader for Apis {
    fn see(&mut self, object: &Object<'_>) {
        self.seen.extend(usage::read(object.json, Origin::Dump));
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut facts = Facts::default();
        let of_files = match lists.of(&REQUEST) {
            Listing::NotServed => Fact::absent(Source::default_of("a live API is asked for histories")),
            _ => lists.fact(&REQUEST, self.seen),
        };
        facts.set("api_objects", of_files);
        facts
    }
}
