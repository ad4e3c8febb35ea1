//! SIGINT, SIGTERM and SIGHUP end a capture in order: what was captured is
//! written, and statistics are told. SIGUSR1 tells them at once.
//!
//! The signals are blocked in every thread and taken by one that waits for them
//! (sigwait(3)); a descriptor becomes readable, so that poll(2) ends at once.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::{SigSet, Signal};

use crate::capture::live::drop_capabilities;
use crate::cli::exit::Exit;

/// How long the end may take before it is forced: whoever reads stdout may
/// never read again.
const LONGEST_END: Duration = Duration::from_secs(10);

/// The same where pods of a cluster are to be deleted, and who started it may
/// twice ask to hurry.
const LONGEST_REMOTE_END: Duration = Duration::from_mins(1);
const REMOTE_HURRIES: u32 = 2;

/// The signals of a run.
pub(super) struct Signals {
    event: Arc<EventFd>,
    is_interrupted: Arc<AtomicBool>,
    wants_statistics: Arc<AtomicBool>,
    /// How often the end was asked for.
    count: Arc<AtomicU32>,
}

impl Signals {
    /// Takes the signals over, for this thread and all that it starts.
    pub(super) fn begin(is_remote: bool) -> io::Result<Self> {
        let (longest, hurries) = if is_remote { (LONGEST_REMOTE_END, REMOTE_HURRIES) } else { (LONGEST_END, 1) };
        let count = Arc::new(AtomicU32::new(0));
        let event = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?);
        let is_interrupted = Arc::new(AtomicBool::new(false));
        let wants_statistics = Arc::new(AtomicBool::new(false));
        let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGUSR1]);
        signals.thread_block()?;
        let counted = Arc::clone(&count);
        let (told, ends, tells) = (Arc::clone(&event), Arc::clone(&is_interrupted), Arc::clone(&wants_statistics));
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            // It needs no right to wait.
            let _ = drop_capabilities(false);
            loop {
                let signal = signals.wait();
                let flag = if signal == Ok(Signal::SIGUSR1) { &tells } else { &ends };
                flag.store(true, Ordering::Relaxed);
                let _ = told.write(1);
                if signal != Ok(Signal::SIGUSR1) {
                    counted.fetch_add(1, Ordering::Relaxed);
                    break;
                }
            }
            let end = move || std::thread::sleep(longest);
            let _ = std::thread::Builder::new().spawn(move || (end(), end_at_once()));
            // A further one means: now.
            for _ in 0..hurries {
                while signals.wait() == Ok(Signal::SIGUSR1) {}
                counted.fetch_add(1, Ordering::Relaxed);
            }
            end_at_once();
        })?;
        Ok(Signals { event, is_interrupted, wants_statistics, count })
    }

    /// Whether a signal has come.
    pub(super) fn is_interrupted(&self) -> bool {
        self.is_interrupted.load(Ordering::Relaxed)
    }

    /// How often the end was asked for, kept up to date.
    pub(super) fn count(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.count)
    }

    /// Whether statistics were asked for since this was asked last.
    pub(super) fn takes_wish_for_statistics(&self) -> bool {
        let wants = self.wants_statistics.swap(false, Ordering::Relaxed);
        if wants {
            // Else the descriptor stays readable.
            let _ = self.event.read();
        }
        wants
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
