//! What reading a cluster takes, counted while it is read: for the line on
//! the terminal, and for the report.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counts of one run.
#[derive(Debug, Default)]
pub struct Tally {
    requests: AtomicU64,
    bytes: AtomicU64,
    objects: AtomicU64,
    kinds: AtomicU64,
    kinds_done: AtomicU64,
    /// Whether the API server has answered yet.
    pub(super) is_reached: AtomicBool,
}

/// The counts at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that were sent; each page and each attempt is one.
    pub requests: u64,
    /// Bytes that were read: of answers, or of files.
    pub bytes: u64,
    /// Objects that were seen.
    pub objects: u64,
    /// Lists to read.
    pub kinds: u64,
    /// Lists that came to an end, in whatever way.
    pub kinds_done: u64,
}

impl Tally {
    /// The counts by now.
    pub fn counts(&self) -> Counts {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            requests: get(&self.requests),
            bytes: get(&self.bytes),
            objects: get(&self.objects),
            kinds: get(&self.kinds),
            kinds_done: get(&self.kinds_done),
        }
    }

    pub(super) fn add_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(u64::try_from(bytes).unwrap_or(0), Ordering::Relaxed);
    }

    pub(super) fn add_object(&self) {
        self.objects.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn set_kinds(&self, kinds: usize) {
        self.kinds.store(u64::try_from(kinds).unwrap_or(0), Ordering::Relaxed);
    }

    pub(super) fn add_kind_done(&self) {
        self.kinds_done.fetch_add(1, Ordering::Relaxed);
    }
}
