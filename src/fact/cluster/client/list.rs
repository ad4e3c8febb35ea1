//! Reads what one request asks for: a list by its pages, one object, or a
//! path.
//!
//! A list that expires goes on by the token that the server gives with `410`,
//! or begins again; what was seen is not seen twice. The next page is asked
//! for as soon as its token is known, while this one is still parsed.
//! (<https://kubernetes.io/docs/reference/using-api/api-concepts/>, "Retrieving
//! large results sets in chunks".)

use std::sync::Arc;

use http::Response;
use kube::client::Body;
use tokio::task::JoinHandle;

use super::discovery::Served;
use super::exchange::{Failure, Pause, Session};
use super::object;
use super::stream::{Fault, Stream};
use crate::fact::Json;
use crate::fact::cluster::api::lifecycle;
use crate::fact::cluster::{Collection, Detail, Listing, Request, Resource, Scope, What};

/// Objects of a page, as kubectl and the controllers ask for them.
const LIMIT: usize = 500;

/// Helm's releases of a page: each may hold a mebibyte.
const RELEASES: usize = 5;

/// How often a list may expire before it is given up.
const MAX_EXPIRIES: usize = 8;

/// The most bytes of one object or of the answer to a path.
const MAX_ANSWER_BYTES: usize = 64 << 20;

const JSON: &str = "application/json";
const PARTIAL_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const PARTIAL: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// Reads everything that a request asks for, and says how it ended.
pub(super) async fn read(
    session: &Arc<Session>,
    collection: &Arc<Collection>,
    request: Request,
    served: &Served,
) -> Listing {
    let denied = |failure: &Failure| {
        let late = if matches!(failure, Failure::Late(_)) { session.late() } else { String::new() };
        Listing::Unreadable(format!("{}: {late}{}", what(&request), failure.text()))
    };
    let (resource, scope) = match request.what {
        What::Path(path) => {
            return match single(session, path, "application/json, text/plain, */*").await {
                Ok(Some(bytes)) => {
                    let text = || Json::from(&*String::from_utf8_lossy(&bytes));
                    let json = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
                    collection.see(&request, &json);
                    Listing::Complete
                }
                Ok(None) => Listing::NotServed,
                Err(failure) => denied(&failure),
            };
        }
        What::ObjectsOfFiles => return Listing::NotServed,
        What::Objects(resource, scope) => (resource, scope),
    };
    let versions = served.versions(resource);
    if versions.is_empty() {
        // Its group lives on without it.
        if is_removed(resource) {
            return Listing::NotServed;
        }
        return match served.unknown_versions(session, resource).await {
            Ok(versions) if versions.is_empty() => Listing::NotServed,
            Ok(versions) => Listing::Unreadable(format!(
                "{}: the server has it in the versions {}, whose fields are not known here",
                what(&request),
                versions.join(", ")
            )),
            Err(failure) => denied(&failure),
        };
    }
    for version in versions {
        let ended = match scope {
            Scope::Named(space, name) => {
                let path = format!("{}/{}", collection_path(resource, version, space), escape(name));
                named(session, collection, &request, &path).await
            }
            scope => {
                let space = match scope {
                    Scope::Namespace(space) => space,
                    _ => "",
                };
                let path = format!("{}?{}", collection_path(resource, version, space), query(&request));
                let mut list = List { session, request: &request, path, is_again: false };
                let name = api_version(resource, version);
                list.read(&Stream::start(request, name, Arc::clone(collection), Arc::clone(&session.tally))).await
            }
        };
        match ended {
            Ok(true) => return Listing::Complete,
            Ok(false) => {}
            Err(failure) => return denied(&failure),
        }
    }
    // An object that is not there is no fault; a resource that is not there has none.
    if matches!(scope, Scope::Named(..)) { Listing::Complete } else { Listing::NotServed }
}

/// Whether all versions of a resource that are known have been taken away by
/// some release, and none took their place.
fn is_removed(resource: &Resource) -> bool {
    resource.versions.iter().all(|version| {
        let api = lifecycle::find(&format!("{}/{version}", resource.group), resource.kind);
        api.is_some_and(|api| api.removed.is_some() && api.replacement.is_none())
    })
}

/// What a request does, in the words of RBAC.
pub(super) fn what(request: &Request) -> String {
    match request.what {
        What::Path(path) => format!("get {path}"),
        What::ObjectsOfFiles => "read files".to_owned(),
        What::Objects(resource, Scope::Named("", name)) => format!("get {} {name}", resource.full_name()),
        What::Objects(resource, Scope::Named(space, name)) => {
            format!("get {} {name} in namespace {space}", resource.full_name())
        }
        What::Objects(resource, Scope::Namespace(space)) => {
            format!("list {} in namespace {space}", resource.full_name())
        }
        What::Objects(resource, Scope::Everywhere) => format!("list {}", resource.full_name()),
    }
}

fn api_version(resource: &Resource, version: &str) -> String {
    if resource.group.is_empty() { version.to_owned() } else { format!("{}/{version}", resource.group) }
}

fn collection_path(resource: &Resource, version: &str, namespace: &str) -> String {
    let root = if resource.group.is_empty() {
        format!("/api/{version}")
    } else {
        format!("/apis/{}/{version}", resource.group)
    };
    if resource.is_namespaced && !namespace.is_empty() {
        format!("{root}/namespaces/{}/{}", escape(namespace), resource.plural)
    } else {
        format!("{root}/{}", resource.plural)
    }
}

fn query(request: &Request) -> String {
    let mut query = format!("limit={}", if is_release(request) { RELEASES } else { LIMIT });
    for (name, selector) in [("labelSelector", request.labels), ("fieldSelector", request.fields)] {
        if !selector.is_empty() {
            query.extend(["&", name, "=", &escape(selector)]);
        }
    }
    query
}

/// A text as a part of a path or a value of a query (RFC 3986, 2.3).
fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

async fn named(session: &Session, collection: &Collection, request: &Request, path: &str) -> Result<bool, Failure> {
    let accept = if is_metadata(request) { PARTIAL } else { JSON };
    let Some(bytes) = single(session, path, accept).await? else { return Ok(false) };
    let json = object::parse(&bytes, request.history).map_err(Failure::Bad)?;
    session.tally.add_object();
    collection.see(request, &json);
    Ok(true)
}

/// The whole answer to one path; none where there is no such thing.
pub(super) async fn single(session: &Session, path: &str, accept: &str) -> Result<Option<Vec<u8>>, Failure> {
    let mut pause = Pause::new();
    'again: loop {
        let mut body = match session.send(path, accept).await {
            Ok(response) => response.into_body(),
            Err(Failure::Status(status)) if status.code == 404 => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let mut bytes = Vec::new();
        while let Some(frame) = session.frame(&mut body).await {
            match frame {
                Ok(frame) => bytes.extend_from_slice(&frame),
                Err(trouble) => {
                    session.wait(pause.next(), &trouble).await?;
                    continue 'again;
                }
            }
            if bytes.len() > MAX_ANSWER_BYTES {
                return Err(Failure::Bad(format!("it is larger than {} MiB", MAX_ANSWER_BYTES >> 20)));
            }
        }
        return Ok(Some(bytes));
    }
}

/// Secrets are never read whole, but for those that Helm keeps releases in.
fn is_metadata(request: &Request) -> bool {
    let is_secret = request.resource().is_some_and(|resource| resource.plural == "secrets");
    request.detail == Detail::Metadata || (is_secret && !is_release(request))
}

/// Whether the user asked for what Helm installed (`--helm`).
fn is_release(request: &Request) -> bool {
    request.detail == Detail::Whole && request.labels.split(',').any(|label| label == "owner=helm")
}

/// A list that is read page by page.
struct List<'s> {
    session: &'s Arc<Session>,
    request: &'s Request,
    path: String,
    /// Whether something that was seen may come again.
    is_again: bool,
}

impl List<'_> {
    /// Reads all pages; false where there is no such resource.
    async fn read(&mut self, stream: &Stream) -> Result<bool, Failure> {
        let (mut token, mut expiries, mut pause) = (None, 0, Pause::new());
        let mut ahead: Option<JoinHandle<Result<Response<Body>, Failure>>> = None;
        loop {
            let answer = match ahead.take() {
                Some(ahead) => {
                    ahead.await.unwrap_or_else(|_| Err(Failure::Bad("a fault in scanner itself".to_owned())))
                }
                None => self.ask(token.as_deref()).await,
            };
            let response = match answer {
                Ok(response) => response,
                Err(Failure::Status(status)) => match status.code {
                    404 if token.is_none() => return Ok(false),
                    // A server that was restored does not know the token any more.
                    410 | 400 if (status.code == 410 || token.is_some()) && expiries < MAX_EXPIRIES => {
                        expiries += 1;
                        self.is_again |= status.token.is_none();
                        token = status.token;
                        continue;
                    }
                    _ => return Err(Failure::Status(status)),
                },
                Err(failure) => return Err(failure),
            };
            match self.page(response.into_body(), stream, &mut ahead).await {
                Ok(Some(next)) => {
                    token = Some(next);
                    pause = Pause::new();
                }
                Ok(None) => return Ok(true),
                Err(Fault::Short(trouble)) => {
                    if let Some(ahead) = ahead.take() {
                        ahead.abort();
                    }
                    self.is_again = true;
                    self.session.wait(pause.next(), &trouble).await?;
                }
                Err(Fault::Bad(text)) => return Err(Failure::Bad(text)),
            }
        }
    }

    /// Reads a page: the token of the next one, or how it broke.
    async fn page(
        &self,
        mut body: Body,
        stream: &Stream,
        ahead: &mut Option<JoinHandle<Result<Response<Body>, Failure>>>,
    ) -> Result<Option<String>, Fault> {
        let mut token = stream.begin(self.is_again).await;
        while let Some(frame) = self.session.frame(&mut body).await {
            stream.chunk(frame.map_err(Fault::Short)?).await;
            if ahead.is_none()
                && let Ok(token) = token.try_recv()
            {
                *ahead = Some(self.ask_ahead(&token));
            }
        }
        stream.end().await
    }

    async fn ask(&self, token: Option<&str>) -> Result<Response<Body>, Failure> {
        self.session.send(&self.page_path(token), self.accept()).await
    }

    fn ask_ahead(&self, token: &str) -> JoinHandle<Result<Response<Body>, Failure>> {
        let (session, path, accept) = (Arc::clone(self.session), self.page_path(Some(token)), self.accept());
        tokio::spawn(async move { session.send(&path, accept).await })
    }

    fn page_path(&self, token: Option<&str>) -> String {
        match token {
            Some(token) => format!("{}&continue={}", self.path, escape(token)),
            None => self.path.clone(),
        }
    }

    fn accept(&self) -> &'static str {
        if is_metadata(self.request) { PARTIAL_LIST } else { JSON }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::cluster::resource::{CONFIG_MAPS, CRON_JOBS, DEPLOYMENTS, EVENTS, NODES, POD_SECURITY_POLICIES};

    #[test]
    fn a_kind_that_a_release_took_away_is_told_from_one_in_unknown_versions() {
        assert!(is_removed(&POD_SECURITY_POLICIES));
        assert!(!is_removed(&CRON_JOBS) && !is_removed(&NODES));
    }

    #[test]
    fn a_path_names_group_version_and_namespace() {
        assert_eq!(collection_path(&NODES, "v1", "ignored"), "/api/v1/nodes");
        assert_eq!(collection_path(&DEPLOYMENTS, "v1", ""), "/apis/apps/v1/deployments");
        assert_eq!(collection_path(&CONFIG_MAPS, "v1", "kube-system"), "/api/v1/namespaces/kube-system/configmaps");
    }

    #[test]
    fn selectors_are_escaped() {
        let request = Request { fields: "type!=Normal", ..Request::all(&EVENTS) };
        assert_eq!(query(&request), "limit=500&fieldSelector=type%21%3DNormal");
    }

    #[test]
    fn a_request_is_named_as_rbac_has_it() {
        assert_eq!(what(&Request::all(&DEPLOYMENTS)), "list deployments.apps");
        assert_eq!(what(&Request::within(&DEPLOYMENTS, "shop")), "list deployments.apps in namespace shop");
        assert_eq!(what(&Request::all(&NODES)), "list nodes");
        let named = Request::named(&CONFIG_MAPS, "kube-system", "kubeadm-config");
        assert_eq!(what(&named), "get configmaps kubeadm-config in namespace kube-system");
        assert_eq!(what(&Request::path("/metrics")), "get /metrics");
    }
}
