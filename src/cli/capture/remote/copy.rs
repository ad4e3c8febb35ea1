//! A file from one node, written as it comes.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Incoming;
use crate::capture::write::{Copy, WriteCapture};

/// Writes what comes until nothing more does, or it cannot be written.
pub(super) fn receive(file: &mut Copy, incoming: Vec<Incoming>, stop: &AtomicBool) -> Result<(), WriteCapture> {
    let mut written = Ok(());
    for mut node in incoming {
        while let Some(bytes) = node.receiver.blocking_recv() {
            if written.is_ok() {
                written = file.take(&bytes);
            }
            if written.is_err() {
                // What still comes is thrown away, so that the end is in order.
                stop.store(true, Ordering::Relaxed);
            }
        }
    }
    written
}
