//! A capture in a pod of the cluster, on behalf of somebody elsewhere: it ends
//! when nobody attends to it any more.
//!
//! Whoever started it over the API writes to its stdin: a byte now and then as a
//! sign of life, and [`END`] to have it end in order. The end of stdin, or
//! silence, means that the connection is gone; the kubelet does not end programs
//! whose client has left. A pod that was made for the capture runs
//! [`hold`], which ends as soon as the capture has: they know one another by
//! a socket without a file (unix(7), abstract), which closes with the process.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::signal::Signals;
use crate::capture::live::drop_capabilities;
use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, cause};

/// Asks for the end: as a terminal would send Ctrl-C.
pub(super) const END: u8 = 3;

/// A sign of life.
pub(super) const LIFE: u8 = b'.';

/// How often a sign of life is sent, and how long none may come.
pub(super) const SIGN_OF_LIFE: Duration = Duration::from_secs(10);
const LONGEST_SILENCE: Duration = Duration::from_mins(1);

/// How long a pod waits for its capture to begin, and for another one after it.
const FIRST_WAIT: Duration = Duration::from_mins(2);
const NEXT_WAIT: Duration = Duration::from_secs(5);

/// How many captures a pod is held for at once.
const MAX_CAPTURES: usize = 16;

/// Ends this process in order once nobody attends to it; `holder` is the name
/// of the pod that is held for it, empty where there is none.
pub(super) fn begin(holder: &str) -> Result<(), Failure> {
    let held = if holder.is_empty() {
        None
    } else {
        address(holder).and_then(|address| UnixStream::connect_addr(&address)).ok()
    };
    let thread = std::thread::Builder::new().name("attended".to_owned());
    let started = thread.spawn(move || {
        // It is closed by the end of the process, and not before.
        let _held = held;
        // It needs no right to read what is open.
        let _ = drop_capabilities(false);
        wait_for_end();
        // As for any end: what was captured is written first.
        let _ = kill(Pid::this(), Signal::SIGTERM);
        std::thread::park();
    });
    started.map(drop).map_err(|error| Failure::new(format!("wait for stdin to end: {}", cause(&error))))
}

fn wait_for_end() {
    let silence = PollTimeout::try_from(LONGEST_SILENCE).unwrap_or(PollTimeout::MAX);
    let mut bytes = [0; 64];
    loop {
        match poll(&mut [PollFd::new(io::stdin().as_fd(), PollFlags::POLLIN)], silence) {
            Err(nix::Error::EINTR) => continue,
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        match rustix::io::read(io::stdin(), &mut bytes) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(0) | Err(_) => return,
            Ok(read) if bytes.iter().take(read).any(|byte| *byte == END) => return,
            Ok(_) => {}
        }
    }
}

fn address(name: &str) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(name)
}

/// Keeps a pod for the capture that is run in it, at most for a time.
pub(super) fn hold(name: &str, longest: Duration, signals: &Signals) -> Result<Exit, Failure> {
    let failed = |error: &io::Error| Failure::new(format!("hold the pod for its capture: {}", cause(error)));
    let listener =
        address(name).and_then(|address| UnixListener::bind_addr(&address)).map_err(|error| failed(&error))?;
    listener.set_nonblocking(true).map_err(|error| failed(&error))?;
    let _ = drop_capabilities(false);
    let last = Instant::now() + longest;
    let mut until = Instant::now() + FIRST_WAIT;
    let mut captures: Vec<UnixStream> = Vec::new();
    while !signals.is_interrupted() && Instant::now() < last {
        if captures.is_empty() && Instant::now() >= until {
            break;
        }
        let limit = if captures.is_empty() { until.min(last) } else { last };
        wait(&listener, &captures, signals, limit.saturating_duration_since(Instant::now()));
        while let Ok((stream, _)) = listener.accept() {
            if captures.len() < MAX_CAPTURES && stream.set_nonblocking(true).is_ok() {
                captures.push(stream);
            }
        }
        let before = captures.len();
        // They never write: what can be read is the end.
        captures.retain(
            |mut capture| matches!(capture.read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock),
        );
        if captures.is_empty() && before > 0 {
            until = Instant::now() + NEXT_WAIT;
        }
    }
    Ok(Exit::Clean)
}

fn wait(listener: &UnixListener, captures: &[UnixStream], signals: &Signals, longest: Duration) {
    let mut wanted =
        vec![PollFd::new(signals.descriptor(), PollFlags::POLLIN), PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    wanted.extend(captures.iter().map(|capture| PollFd::new(capture.as_fd(), PollFlags::POLLIN)));
    // Rounded up, so that it is not waited for nothing again and again.
    let longest = longest.min(Duration::from_mins(1)) + Duration::from_millis(1);
    // A wait that fails is a short one.
    let _ = poll(&mut wanted, PollTimeout::try_from(longest).unwrap_or(PollTimeout::MAX));
}
