//! Waits for work on another thread, for a signal, or for the deadline,
//! whichever comes first.
//!
//! The signals are blocked in every thread and taken by one that waits for
//! them (sigwait(3)), so there is no handler whose rules could be broken.

use std::cell::Cell;
use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};

use super::exit::Exit;

/// How long to work before a progress line appears.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often the line is written anew.
const REFRESH: Duration = Duration::from_millis(200);

/// How waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The work is done.
    Done,
    /// The deadline has passed.
    TimedOut,
    /// SIGINT or SIGTERM came.
    Interrupted,
}

/// What the waiting thread is told.
#[derive(Clone, Copy, Debug)]
enum Message {
    /// The work of that number is done.
    Done(usize),
    Interrupted,
}

/// Work that can be interrupted.
pub(crate) struct Work {
    sender: Sender<Message>,
    receiver: Receiver<Message>,
    /// Works that were begun; one that timed out may still end later.
    begun: Cell<usize>,
    is_interrupted: Cell<bool>,
}

impl Work {
    /// Takes over SIGINT and SIGTERM. Threads that are started later leave
    /// these signals to this one.
    pub(crate) fn begin() -> Self {
        let (sender, receiver) = channel();
        let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM]);
        // Without it the signals keep their usual meaning, which is to end.
        if signals.thread_block().is_ok() {
            let sender = sender.clone();
            std::thread::spawn(move || {
                if signals.wait().is_ok() {
                    let _ = sender.send(Message::Interrupted);
                }
                // A second one means: now.
                if signals.wait().is_ok() {
                    end_at_once();
                }
            });
        }
        Work { sender, receiver, begun: Cell::new(0), is_interrupted: Cell::new(false) }
    }

    /// Does some work on a thread of its own and waits for its end.
    pub(crate) fn wait_for(&self, deadline: Instant, progress: bool, work: impl FnOnce() + Send + 'static) -> Outcome {
        self.start(work);
        self.wait(deadline, progress)
    }

    /// The same, with a line on the terminal that tells how far it is.
    pub(crate) fn wait_with(
        &self,
        deadline: Instant,
        line: Option<&dyn Fn() -> String>,
        work: impl FnOnce() + Send + 'static,
    ) -> Outcome {
        self.start(work);
        self.wait_telling(deadline, line)
    }

    /// Does some work on a thread of its own, whose end [`Work::wait`] waits
    /// for; one work at a time.
    pub(crate) fn start(&self, work: impl FnOnce() + Send + 'static) {
        let number = self.begun.get() + 1;
        self.begun.set(number);
        let sender = self.sender.clone();
        std::thread::spawn(move || {
            work();
            let _ = sender.send(Message::Done(number));
        });
    }

    /// Waits for the end of the work that was started last.
    pub(crate) fn wait(&self, deadline: Instant, progress: bool) -> Outcome {
        let line: &dyn Fn() -> String = &|| "reading …".to_owned();
        self.wait_telling(deadline, progress.then_some(line))
    }

    fn wait_telling(&self, deadline: Instant, line: Option<&dyn Fn() -> String>) -> Outcome {
        let mut next = Instant::now() + PATIENCE;
        let Some(line) = line.filter(|_| next < deadline) else { return self.until(deadline) };
        match self.until(next) {
            Outcome::TimedOut => {}
            outcome => return outcome,
        }
        let outcome = loop {
            // Back to the start of the line, and clear what follows.
            let _ = write!(std::io::stderr(), "\r{}\x1b[K", line());
            next = (Instant::now() + REFRESH).min(deadline);
            match self.until(next) {
                Outcome::TimedOut if next < deadline => {}
                outcome => break outcome,
            }
        };
        let _ = write!(std::io::stderr(), "\r\x1b[K");
        outcome
    }

    /// Whether a signal has come.
    pub(crate) fn is_interrupted(&self) -> bool {
        let has_come = self.receiver.try_iter().any(|message| matches!(message, Message::Interrupted));
        self.is_interrupted.set(self.is_interrupted.get() || has_come);
        self.is_interrupted.get()
    }

    fn until(&self, deadline: Instant) -> Outcome {
        loop {
            match self.receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Message::Done(number)) if number == self.begun.get() => return Outcome::Done,
                Ok(Message::Done(_)) => {}
                Ok(Message::Interrupted) => {
                    self.is_interrupted.set(true);
                    return Outcome::Interrupted;
                }
                // The sender in this struct is never dropped before it.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Outcome::TimedOut,
            }
        }
    }
}

#[expect(clippy::exit, reason = "a second signal asks for the end before the work is done")]
fn end_at_once() {
    std::process::exit(i32::from(Exit::Interrupted.code()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_ends_in_time_is_done() {
        let work = Work::begin();
        assert_eq!(work.wait_for(Instant::now() + Duration::from_mins(1), false, || {}), Outcome::Done);
    }

    #[test]
    fn work_that_hangs_times_out() {
        let work = Work::begin();
        let hanging = || std::thread::sleep(Duration::from_mins(1));
        assert_eq!(work.wait_for(Instant::now() + Duration::from_millis(20), false, hanging), Outcome::TimedOut);
    }
}
