//! What the gate asks a live API server for beside the facts of an audit:
//! whether removed APIs are still requested, and in which versions the objects
//! were written that the upgrade concerns.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::audit::AuditArgs;
use super::cluster_input::NamedCluster;
use super::failure::Failure;
use super::interrupt::{Outcome, Work};
use super::terminal::Terminal;
use crate::fact::cluster::Collection;
use crate::fact::cluster::api::{history, requested};
use crate::fact::version::Version;
use crate::fact::{Fact, Source};

const HISTORY: &str = "api_history";
const REQUESTS: &str = "api.requests";

/// Asks for the histories of objects, by metadata alone, of the kinds that an
/// upgrade takes a version from. Where that fails as a whole, the rest is still
/// judged.
pub(super) fn read_histories(
    cluster: &mut NamedCluster,
    (from, target): (Option<&str>, &str),
    audit: &AuditArgs,
    timing: (Instant, Duration),
    work: &Work,
    terminal: Terminal,
) {
    let (from, Some(target)) = (from.and_then(Version::parse), Version::parse(target)) else { return };
    let wanted = BTreeSet::from([HISTORY.to_owned()]);
    let collection = Collection::of_part(&wanted, |request| history::is_concerned(request, from.as_ref(), &target));
    if collection.requests().is_empty() {
        cluster.facts.set(HISTORY, Fact::group(Vec::new()));
        return;
    }
    match audit.cluster.read_live(collection, timing, work, terminal) {
        Ok(again) => {
            if let Some(found) = again.facts.get(HISTORY) {
                cluster.facts.set(HISTORY, found.clone());
            }
            cluster.taken.add(&again.taken);
        }
        Err(failure) => {
            let reason = format!("read the histories of objects: {}", failure.what());
            cluster.facts.set(HISTORY, Fact::unreadable(Source::default_of("metadata.managedFields"), reason));
        }
    }
}

/// Waits and asks again which APIs are requested.
pub(super) fn watch(
    cluster: &mut NamedCluster,
    duration: Duration,
    audit: &AuditArgs,
    work: &Work,
    terminal: Terminal,
) -> Result<(), Failure> {
    let until = Instant::now() + duration + Duration::from_secs(1);
    if work.wait_for(until, terminal.shows_progress, move || std::thread::sleep(duration)) == Outcome::Interrupted {
        return Ok(());
    }
    let wanted = BTreeSet::from([REQUESTS.to_owned()]);
    let timing = (Instant::now(), audit.root.limit(true));
    let again = audit.cluster.read(&wanted, timing, work, terminal)?;
    let second = again.as_ref().and_then(|again| again.facts.get(REQUESTS));
    if let Some((mut first, second)) = cluster.facts.get(REQUESTS).cloned().zip(second) {
        requested::compare(&mut first, second);
        cluster.facts.set(REQUESTS, first);
    }
    Ok(())
}
