//! SIGINT, SIGTERM and SIGHUP end a capture in order: what was captured is
//! written, and statistics are told.
//!
//! The signals are blocked in every thread and taken by one that waits for them
//! (sigwait(3)); a descriptor becomes readable, so that poll(2) ends at once.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::{SigSet, Signal};

use crate::cli::exit::Exit;

/// How long the end may take before it is forced: whoever reads stdout may
/// never read again.
const LONGEST_END: Duration = Duration::from_secs(10);

/// The signals of a run.
pub(super) struct Signals {
    event: Arc<EventFd>,
    is_interrupted: Arc<AtomicBool>,
}

impl Signals {
    /// Takes the signals over, for this thread and all that it starts.
    pub(super) fn begin() -> io::Result<Self> {
        let event = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?);
        let is_interrupted = Arc::new(AtomicBool::new(false));
        let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
        signals.thread_block()?;
        let (told, flag) = (Arc::clone(&event), Arc::clone(&is_interrupted));
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            if signals.wait().is_err() {
                return;
            }
            flag.store(true, Ordering::Relaxed);
            let _ = told.write(1);
            let end = || std::thread::sleep(LONGEST_END);
            let _ = std::thread::Builder::new().spawn(move || (end(), end_at_once()));
            // A second one means: now.
            if signals.wait().is_ok() {
                end_at_once();
            }
        })?;
        Ok(Signals { event, is_interrupted })
    }

    /// Whether a signal has come.
    pub(super) fn is_interrupted(&self) -> bool {
        self.is_interrupted.load(Ordering::Relaxed)
    }

    /// Readable once a signal has come.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

#[expect(clippy::exit, reason = "a second signal, or a reader that never reads, asks for the end before its time")]
fn end_at_once() {
    std::process::exit(i32::from(Exit::Interrupted.code()));
}
