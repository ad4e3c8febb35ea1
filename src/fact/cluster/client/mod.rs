//! Objects of a live cluster, from its API server.
//!
//! In: the way to the server ([`Access`]), what to ask for
//! ([`Collection::requests`]) and until when. Out: every object, given to the
//! collection one at a time, and how each list ended. Several lists come at
//! once; each is read by pages, parsed on a thread of its own while its bytes
//! arrive, and no page is ever held. It only ever sends `GET`.

mod access;
mod discovery;
mod exchange;
mod fault;
mod list;
mod object;
mod stream;
mod tally;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kube::Client;
use tokio::task::JoinSet;

pub use access::{Access, SERVICE_ACCOUNT, Server};
pub use fault::Fault;
pub use tally::{Counts, Tally};

use super::{Collection, Listing, Request, Scope, What};
use discovery::Served;
use exchange::Session;

/// Lists that are read at once: enough to keep a server busy, and few enough
/// for its priority and fairness to let them all in.
const LISTS_AT_ONCE: usize = 4;

/// How long to wait for a connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait for an answer, or for more of it, before asking again.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads everything that a collection asks for, until the deadline.
///
/// # Errors
/// When the server cannot be reached, is not to be trusted, or does not know
/// who is asking. Whatever fails after its first answer is said of the list
/// that it concerns.
pub fn read(
    server: &Server,
    collection: &Arc<Collection>,
    tally: &Arc<Tally>,
    (started, limit): (Instant, Duration),
) -> Result<(), Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = runtime.map_err(|error| Fault::Unreachable { url: server.url(), cause: error.to_string() })?;
    let ended = runtime.block_on(async {
        let patience = PATIENCE.min(limit / 3).max(Duration::from_millis(100));
        let mut config = server.config.clone();
        config.connect_timeout = Some(CONNECT_PATIENCE.min(patience));
        // Credential plugins run here, before anything is sent.
        let client = Client::try_from(config).map_err(|error| server.fault(&error))?;
        let deadline = (started + limit).into();
        let session = Arc::new(Session {
            client,
            tally: Arc::clone(tally),
            deadline,
            limit,
            patience,
            interrupted: Mutex::default(),
        });
        let groups = Arc::new(discovery::ask(&session, &server.url()).await?);
        read_lists(&session, collection, &groups).await;
        Ok(())
    });
    // A look-up of a name may still hang.
    runtime.shutdown_background();
    ended
}

async fn read_lists(session: &Arc<Session>, collection: &Arc<Collection>, served: &Arc<Served>) {
    let mut requests = collection.requests().to_vec();
    // The long lists first, so that no long one is left for the end.
    requests.sort_by_key(|request| !is_long(request));
    session.tally.set_kinds(requests.len());
    let queue = Arc::new(Mutex::new(VecDeque::from(requests)));
    let mut workers = JoinSet::new();
    for _ in 0..LISTS_AT_ONCE {
        let (session, collection, served) = (Arc::clone(session), Arc::clone(collection), Arc::clone(served));
        let queue = Arc::clone(&queue);
        let next = move || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        workers.spawn(async move {
            while let Some(request) = next() {
                let reading = list::read(&session, &collection, request, &served);
                let listing = tokio::time::timeout_at(session.deadline, reading).await.unwrap_or_else(|_| {
                    let what = list::what(&request);
                    Listing::Unreadable(format!("{what}: {}it was still being sent", session.late()))
                });
                collection.end(&request, listing);
                session.tally.add_kind_done();
            }
        });
    }
    while workers.join_next().await.is_some() {}
}

fn is_long(request: &Request) -> bool {
    matches!(request.what, What::Objects(resource, Scope::Everywhere) if matches!(resource.plural, "pods" | "events" | "replicasets"))
}
