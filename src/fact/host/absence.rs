//! When a thing that was not found is really not there.
//!
//! On the running machine it is. A recorded tree holds what somebody
//! recorded, so there the folder that would hold the thing decides.

use super::root::{HostRoot, Outcome};
use crate::fact::{Fact, Source, Value};

/// Whether what is missing from this folder is missing from the host: the
/// folder was recorded, or this is the running machine.
pub(super) fn is_evidence(root: &HostRoot, folder: &str) -> bool {
    root.has_kernel_files() || root.is_live() || root.metadata(folder).is_found()
}

/// The outcome, an absence judged by the folder that would hold the thing.
pub(super) fn judged<T>(root: &HostRoot, folder: &str, path: &str, read: Outcome<T>) -> Outcome<T> {
    match read {
        Outcome::Absent if !is_evidence(root, folder) => Outcome::Unreadable(not_recorded(path)),
        read => read,
    }
}

/// The reason for what a recorded tree does not hold.
pub(super) fn not_recorded(path: &str) -> String {
    format!("read {path}: not recorded")
}

/// A fact from an outcome: what is absent stays absent.
pub(super) fn fact_of<T: Into<Value>>(source: Source, read: Outcome<T>) -> Fact {
    match read {
        Outcome::Found(value) => Fact::known(value, source),
        Outcome::Absent => Fact::absent(source),
        Outcome::Unreadable(reason) => Fact::unreadable(source, reason),
    }
}

/// A line's number as sources carry it, counted from 1.
pub(super) fn line_number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1)
}
