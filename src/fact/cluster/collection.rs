//! Gives each object to the collectors that asked for it, and makes their
//! facts in the end.
//!
//! Several kinds may come at once, each on a thread of its own; a collector
//! sees one object at a time.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use super::{COLLECTORS, Collector, ONLY_NAMED, Object, Reader, Request, Scope, What};
use crate::fact::{Fact, Facts, Json, catalogue};

/// How the list of one request ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Listing {
    /// Every object was seen.
    Complete,
    /// The API server does not know the resource: there is no such object.
    NotServed,
    /// The files hold no object of it; names the files.
    NotRecorded(String),
    /// It could not be read, or not to its end; the reason names verb,
    /// resource and namespace: `list nodes: forbidden …`.
    Unreadable(String),
}

/// How the lists of all requests ended.
#[derive(Debug, Default)]
pub struct Lists {
    outcomes: Vec<(Request, Listing)>,
    partial: Vec<Request>,
}

/// The facts of one cluster while they are read.
pub struct Collection {
    readers: Vec<Work>,
    requests: Vec<Request>,
    /// For each request, the places of the readers that see its objects, with
    /// the part that each asked for.
    routes: Vec<Vec<(usize, Vec<Option<Scope>>)>>,
    outcomes: Mutex<Vec<(Request, Listing)>>,
    /// Requests of which something was seen and something could not be read.
    partial: Mutex<Vec<Request>>,
}

struct Work {
    collector: &'static Collector,
    reader: Mutex<Option<Box<dyn Reader>>>,
}

impl Collection {
    /// The collectors that deliver the wanted facts: paths (`nodes`) or first
    /// segments; an empty set means every fact.
    pub fn new(wanted: &BTreeSet<String>) -> Self {
        Self::of_part(wanted, |_| true)
    }

    /// The same, of which only a part is asked for. What is not asked for has
    /// no objects: it is for whoever knows that there is no need of them.
    pub fn of_part(wanted: &BTreeSet<String>, is_asked: impl Fn(&Request) -> bool) -> Self {
        let is_wanted = |collector: &&Collector| {
            (wanted.is_empty() && !ONLY_NAMED.contains(&collector.name)) || catalogue::delivers(collector.facts, wanted)
        };
        let readers: Vec<Work> = COLLECTORS
            .iter()
            .filter(is_wanted)
            .map(|collector| Work { collector, reader: Mutex::new(Some((collector.start)())) })
            .collect();
        let mut requests: Vec<Request> = Vec::new();
        let asked = readers.iter().flat_map(|work| work.collector.requests).filter(|request| is_asked(request));
        for request in asked {
            let is_same = |other: &&mut Request| {
                (other.what, other.labels, other.fields) == (request.what, request.labels, request.fields)
            };
            match requests.iter_mut().find(is_same) {
                Some(other) => {
                    other.detail = other.detail.max(request.detail);
                    // One needs metadata alone and another whole objects: both get theirs.
                    other.history |= request.history;
                }
                None => requests.push(*request),
            }
        }
        // A list of all namespaces holds that of one, and one object.
        let all = requests.clone();
        requests.retain(|request| !all.iter().any(|other| other != request && answers(other, request)));
        let routes = requests.iter().map(|request| routes(request, &readers)).collect();
        Collection { readers, requests, routes, outcomes: Mutex::default(), partial: Mutex::default() }
    }

    /// What to ask for; each once, in as much detail as anyone needs.
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// One object that answers a request of [`Collection::requests`].
    pub fn see(&self, request: &Request, json: &Json) {
        let Some(routes) = self.requests.iter().position(|own| own == request).and_then(|at| self.routes.get(at))
        else {
            return;
        };
        let object = Object::new(request, json);
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name());
        let holds = |scope: &Option<Scope>| scope.is_none_or(|scope| scope.holds(namespace, name));
        let seeing = routes.iter().filter(|(_, scopes)| scopes.iter().any(holds));
        for work in seeing.filter_map(|(at, _)| self.readers.get(*at)) {
            let mut slot = work.reader.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(reader) = slot.as_mut() else { continue };
            // A fault of ours must cost only this collector's facts.
            if catch_unwind(AssertUnwindSafe(|| reader.see(&object))).is_err() {
                *slot = None;
            }
        }
    }

    /// An object of a file, for every request that it answers. Whether there was one.
    pub fn take(&self, api_version: &str, json: &Json) -> bool {
        let text = |pointer: &str| json.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
        let (kind, namespace, name) = (text("/kind"), text("/metadata/namespace"), text("/metadata/name"));
        let fits = |request: &&Request| match request.what {
            What::Objects(resource, scope) => resource.is(api_version, kind) && scope.holds(namespace, name),
            What::ObjectsOfFiles | What::Path(_) => false,
        };
        let fitting: Vec<&Request> = self.requests.iter().filter(fits).collect();
        for request in &fitting {
            self.see(request, json);
        }
        !fitting.is_empty()
    }

    /// Says how the list of a request ended.
    pub fn end(&self, request: &Request, listing: Listing) {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((*request, listing));
    }

    /// Says that of a request some objects were seen and others could not be
    /// read: its lists hold the former, and an element that is unreadable.
    pub fn end_partly(&self, request: &Request, reason: String) {
        self.partial.lock().unwrap_or_else(PoisonError::into_inner).push(*request);
        self.end(request, Listing::Unreadable(reason));
    }

    /// The facts by now, of a collection that others may still hold: what they
    /// see later is not counted. Requests whose end was not said are unreadable
    /// for the reason given.
    pub fn facts(&self, reason: &str) -> Facts {
        let mut outcomes = std::mem::take(&mut *self.outcomes.lock().unwrap_or_else(PoisonError::into_inner));
        for request in &self.requests {
            if !outcomes.iter().any(|(ended, _)| ended == request) {
                outcomes.push((*request, Listing::Unreadable(reason.to_owned())));
            }
        }
        let partial = self.partial.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lists = Lists { outcomes, partial };
        let mut facts = Facts::default();
        for work in &self.readers {
            let reader = work.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
            let read = reader.and_then(|reader| catch_unwind(AssertUnwindSafe(|| reader.finish(&lists))).ok());
            facts.merge(catalogue::complete(read, work.collector.name, work.collector.facts));
        }
        facts
    }
}

impl Lists {
    /// How the list of a request ended.
    pub fn of(&self, request: &Request) -> &Listing {
        const NOT_ASKED: &Listing = &Listing::Complete;
        self.outcomes.iter().find(|(asked, _)| answers(asked, request)).map_or(NOT_ASKED, |(_, listing)| listing)
    }

    /// Why a request gave less than everything; none where all of it was seen,
    /// or there is nothing of it to see.
    pub fn gap(&self, request: &Request) -> Option<String> {
        match self.of(request) {
            Listing::Complete | Listing::NotServed => None,
            Listing::NotRecorded(files) => {
                let resource = request.resource()?;
                resource.is_in_every_cluster.then(|| format!("{files} holds no {}", resource.kind))
            }
            Listing::Unreadable(reason) => Some(reason.clone()),
        }
    }

    /// A list fact of what was seen of a request, or why it is not all.
    pub fn fact(&self, request: &Request, elements: Vec<Fact>) -> Fact {
        self.fact_of(&[request], elements)
    }

    /// The same where several requests are needed for it.
    pub fn fact_of(&self, requests: &[&Request], mut elements: Vec<Fact>) -> Fact {
        let is_partial = |request: &&&Request| self.partial.iter().any(|asked| answers(asked, request));
        if let Some(request) = requests.iter().find(is_partial)
            && requests.iter().all(|request| is_partial(&request) || self.gap(request).is_none())
        {
            let reason = self.gap(request).unwrap_or_default();
            elements.push(Fact::Unreadable { source: None, reason });
            return Fact::group(elements);
        }
        match requests.iter().find_map(|request| self.gap(request)) {
            Some(reason) => Fact::Unreadable { source: None, reason },
            None => Fact::group(elements),
        }
    }

    /// A list fact of what was seen, in which each request that gave less than
    /// everything is an element that could not be read: what was seen is
    /// judged all the same.
    pub fn fact_with_gaps(&self, requests: &[&Request], mut elements: Vec<Fact>) -> Fact {
        let gaps: BTreeSet<String> = requests.iter().filter_map(|request| self.gap(request)).collect();
        elements.extend(gaps.into_iter().map(|reason| Fact::Unreadable { source: None, reason }));
        Fact::group(elements)
    }

    /// A list fact of kinds of which one is enough: one that was not read is an
    /// element that could not be read, and files that hold none of one say
    /// nothing by that. Where they hold none at all, the first kind answers.
    pub fn fact_of_any(&self, requests: &[Request], mut elements: Vec<Fact>) -> Fact {
        let is_recorded = |request: &&Request| !matches!(self.of(request), Listing::NotRecorded(_));
        let recorded: Vec<&Request> = requests.iter().filter(is_recorded).collect();
        match requests.first() {
            Some(first) if elements.is_empty() && recorded.is_empty() => self.fact(first, elements),
            _ => {
                let gaps = recorded.into_iter().filter_map(|request| self.gap(request));
                elements.extend(gaps.map(|reason| Fact::Unreadable { source: None, reason }));
                Fact::group(elements)
            }
        }
    }
}

/// The readers that the objects of a request are for.
fn routes(request: &Request, readers: &[Work]) -> Vec<(usize, Vec<Option<Scope>>)> {
    let scopes = |work: &Work| -> Vec<Option<Scope>> {
        let own = work.collector.requests.iter().filter(|own| answers(request, own));
        own.map(Request::scope).collect()
    };
    readers.iter().map(scopes).enumerate().filter(|(_, scopes)| !scopes.is_empty()).collect()
}

/// Whether the answer to one request holds that to the other.
fn answers(asked: &Request, needed: &Request) -> bool {
    let is_held = match (asked.what, needed.what) {
        (What::Objects(resource, Scope::Everywhere), What::Objects(wanted, _)) => resource == wanted,
        (what, wanted) => what == wanted,
    };
    is_held
        && (asked.labels, asked.fields) == (needed.labels, needed.fields)
        && asked.detail >= needed.detail
        && asked.history >= needed.history
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::cluster::resource::CRON_JOBS;
    use crate::fact::cluster::{Detail, Resource};

    fn asked(resource: &Resource, wanted: &[&str]) -> Vec<(Detail, bool)> {
        let collection = Collection::new(&wanted.iter().map(|path| (*path).to_owned()).collect());
        let of_it = collection.requests().iter().filter(|request| request.resource() == Some(resource));
        of_it.map(|request| (request.detail, request.history)).collect()
    }

    #[test]
    fn whole_objects_and_their_history_are_one_request() {
        assert_eq!(asked(&CRON_JOBS, &["api_history"]), [(Detail::Metadata, true)]);
        assert_eq!(asked(&CRON_JOBS, &["workloads"]), [(Detail::Whole, false)]);
        assert_eq!(asked(&CRON_JOBS, &["api_history", "workloads"]), [(Detail::Whole, true)]);
    }

    #[test]
    fn what_is_not_asked_for_has_no_objects() {
        let wanted = BTreeSet::from(["api_history".to_owned()]);
        let collection = Collection::of_part(&wanted, |request| request.resource() == Some(&CRON_JOBS));
        assert_eq!(collection.requests().len(), 1);
        collection
            .end(&collection.requests()[0].clone(), Listing::Unreadable("list cronjobs.batch: forbidden".to_owned()));
        let facts = collection.facts("late");
        let Some([Fact::Unreadable { reason, .. }]) = facts.get("api_history").and_then(Fact::list) else {
            panic!("{facts:?}")
        };
        assert_eq!(reason, "list cronjobs.batch: forbidden");
    }
}
