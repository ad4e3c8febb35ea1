//! The loop of a live capture: waits for packets, hands them to the sinks in
//! the order of time, and ends when it is told to.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::live::Run;
use super::{End, end_of_sink};
use crate::capture::live::{BLOCK_TIMEOUT, Drained, Live, Merge};
use crate::capture::packet::{LinkType, Packet};
use crate::capture::sink::{CapturePoint, Statistics, Wants};
use crate::capture::target::Resolved;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// How many packets of a ring are taken before the next one has its turn.
const TURN: usize = 4096;

/// How long packets of several rings are held back: no block is older than this.
const HOLD: Duration = Duration::from_millis(250);

/// How often it is looked whether targets are still there.
const WATCH: Duration = Duration::from_secs(1);

/// How often counters are written between packets: a file that is not ended in
/// order has them too, and whoever reads a stream sees that it lives.
const PROGRESS: Duration = Duration::from_secs(10);

/// An open interface, and the target whose end is its end.
pub(super) struct Watched<'a> {
    pub(super) live: Live,
    pub(super) target: Option<&'a Resolved>,
}

/// A capture that runs.
pub(super) struct Capturing<'a> {
    watched: Vec<Option<Watched<'a>>>,
    /// Of interfaces that are over.
    ended: Vec<(CapturePoint, Statistics)>,
    points: Vec<CapturePoint>,
    merge: Option<Merge>,
    deadline: Option<Instant>,
    left: Option<u64>,
    run: &'a Run<'a>,
    end: Option<End>,
    /// How many packets of each point the sinks were given.
    taken: Vec<u64>,
    is_filtered: bool,
}

impl<'a> Capturing<'a> {
    pub(super) fn new(watched: Vec<Watched<'a>>, duration: Option<Duration>, run: &'a Run<'a>) -> Self {
        let points: Vec<_> = watched.iter().map(|watched| watched.live.point.clone()).collect();
        let count = points.len();
        Capturing {
            // One ring is in order by itself.
            merge: (points.len() > 1).then(Merge::default),
            is_filtered: points.iter().any(|point| point.filter.is_some()),
            points,
            watched: watched.into_iter().map(Some).collect(),
            ended: Vec::new(),
            deadline: duration.and_then(|duration| Instant::now().checked_add(duration)),
            left: run.packets,
            run,
            end: None,
            taken: vec![0; count],
        }
    }

    /// Captures until something ends it, and tells what became of the packets.
    pub(super) fn run(mut self) -> Result<Exit, Failure> {
        // What is in blocks that are not full has come before the end.
        let captured = self.begin().and_then(|()| self.capture()).and_then(|()| self.drain_last());
        let statistics = self.statistics();
        if captured.is_err() || !matches!(self.end, None | Some(End::Complete)) {
            self.run.sinks.borrow_mut().cut_short();
        }
        let finished = self.run.sinks.borrow_mut().finish(&statistics);
        self.tell(&statistics);
        let end = match captured {
            Ok(()) => self.end.unwrap_or(End::Complete),
            Err(error) => end_of_sink(&error)?,
        };
        match finished {
            Ok(()) => Ok(end.exit()),
            Err(error) => end_of_sink(&error).map(End::exit),
        }
    }

    /// Says what is captured on before the first packet: who reads the file sees
    /// from the first line on whether there are several.
    fn begin(&self) -> io::Result<()> {
        let mut sinks = self.run.sinks.borrow_mut();
        self.points.iter().try_for_each(|point| sinks.begin(point))?;
        sinks.flush()
    }

    fn capture(&mut self) -> io::Result<()> {
        let mut watch_at = Instant::now() + WATCH;
        let mut progress_at = Instant::now() + PROGRESS;
        while self.end.is_none() {
            self.wait(watch_at)?;
            if self.run.signals.is_interrupted() {
                self.end = Some(End::Interrupted);
                break;
            }
            if self.run.signals.takes_wish_for_statistics() {
                let now = self.statistics();
                self.tell(&now);
            }
            if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                self.end = Some(End::Complete);
                break;
            }
            let has_more = self.drain_all(i64::MAX)?;
            self.release(now_ns().saturating_sub(nanoseconds(HOLD)))?;
            if !has_more {
                self.run.sinks.borrow_mut().flush()?;
            }
            if Instant::now() >= watch_at {
                self.watch();
                watch_at = Instant::now() + WATCH;
            }
            if Instant::now() >= progress_at {
                let now = self.statistics();
                let mut sinks = self.run.sinks.borrow_mut();
                sinks.progress(&now)?;
                sinks.flush()?;
                progress_at = Instant::now() + PROGRESS;
            }
            if self.watched.iter().all(Option::is_none) {
                self.end.get_or_insert(End::Complete);
            }
        }
        Ok(())
    }

    /// Waits for a packet, a signal, or the next thing to do.
    fn wait(&self, watch_at: Instant) -> io::Result<()> {
        let holds = self.merge.as_ref().is_some_and(|merge| !merge.is_empty());
        let held = holds.then(|| Instant::now() + BLOCK_TIMEOUT);
        let until = [Some(watch_at), self.deadline, held].into_iter().flatten().min().unwrap_or(watch_at);
        let wait = until.saturating_duration_since(Instant::now());
        // Rounded up, so that it is not waited for nothing again and again.
        let milliseconds = u16::try_from(wait.as_millis().saturating_add(1)).unwrap_or(u16::MAX);
        let mut wanted: Vec<PollFd<'_>> =
            self.watched.iter().flatten().map(|watched| PollFd::new(watched.live.as_fd(), PollFlags::POLLIN)).collect();
        wanted.push(PollFd::new(self.run.signals.descriptor(), PollFlags::POLLIN));
        match poll(&mut wanted, PollTimeout::from(milliseconds)) {
            Ok(_) | Err(nix::Error::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes what is in the rings, up to an instant, and says whether there may be more.
    fn drain_all(&mut self, until_ns: i64) -> io::Result<bool> {
        let mut has_more = false;
        for at in 0..self.watched.len() {
            let Some(mut watched) = self.watched.get_mut(at).and_then(Option::take) else { continue };
            let mut merge = self.merge.take();
            let drained = watched.live.drain(TURN, |point, packet| {
                if packet.timestamp_ns > until_ns {
                    return Ok(true);
                }
                if let Some(merge) = &mut merge {
                    merge.push(at, packet);
                    return Ok(true);
                }
                self.hand_on(point, packet)
            });
            self.merge = merge;
            let over = match &drained {
                Ok(Drained::Over(reason)) => Some(reason.clone()),
                _ => None,
            };
            has_more |= matches!(drained, Ok(Drained::More));
            match over {
                Some(reason) => self.end_of(watched, &reason),
                None => {
                    if let Some(place) = self.watched.get_mut(at) {
                        *place = Some(watched);
                    }
                }
            }
            drained?;
            if self.end.is_some() {
                break;
            }
        }
        Ok(has_more)
    }

    /// Hands on what was held back long enough.
    fn release(&mut self, until_ns: i64) -> io::Result<()> {
        let Some(mut merge) = self.merge.take() else { return Ok(()) };
        let points = std::mem::take(&mut self.points);
        let released = merge.release(until_ns, |at, packet| match points.get(at) {
            Some(point) => self.hand_on(point, packet),
            None => Ok(true),
        });
        self.points = points;
        self.merge = Some(merge);
        released
    }

    /// Gives a packet to the sinks, and says whether they want more.
    fn hand_on(&mut self, point: &CapturePoint, packet: &Packet<'_>) -> io::Result<bool> {
        if self.left == Some(0) {
            return Ok(false);
        }
        if let Some(taken) = self.taken.get_mut(point.number) {
            *taken += 1;
        }
        let wants = self.run.sinks.borrow_mut().packet(point, packet)?;
        self.left = self.left.map(|left| left.saturating_sub(1));
        if wants == Wants::NoMore {
            self.left = Some(0);
        }
        if self.left == Some(0) {
            self.end = Some(End::Complete);
        }
        Ok(self.end.is_none())
    }

    /// Packets that came before the end and are not handed over yet.
    fn drain_last(&mut self) -> io::Result<()> {
        let end = self.end.take();
        let is_full = self.left == Some(0);
        let until_ns = now_ns();
        let until = Instant::now() + BLOCK_TIMEOUT + Duration::from_millis(20);
        while !is_full && self.end.is_none() && Instant::now() < until && self.watched.iter().any(Option::is_some) {
            let wait = PollTimeout::from(10_u16);
            let mut wanted: Vec<PollFd<'_>> = self
                .watched
                .iter()
                .flatten()
                .map(|watched| PollFd::new(watched.live.as_fd(), PollFlags::POLLIN))
                .collect();
            let _ = poll(&mut wanted, wait);
            self.drain_all(until_ns)?;
        }
        self.release(i64::MAX)?;
        self.end = end;
        Ok(())
    }

    /// Ends the interfaces of targets that are gone; an open socket would keep
    /// their namespaces for ever.
    fn watch(&mut self) {
        for at in 0..self.watched.len() {
            let is_gone = self
                .watched
                .get(at)
                .and_then(Option::as_ref)
                .is_some_and(|watched| watched.target.is_some_and(|target| !target.is_there()));
            if is_gone && let Some(watched) = self.watched.get_mut(at).and_then(Option::take) {
                self.end_of(watched, "its network namespace is gone");
            }
        }
        for (watched, point) in self.watched.iter_mut().zip(&mut self.points) {
            // Interfaces come and go; `any` captures on new ones too.
            if let Some(watched) = watched
                && point.link_type == LinkType::LinuxCooked2
                && watched.live.refresh_names()
            {
                point.interface_names.clone_from(&watched.live.point.interface_names);
            }
        }
    }

    /// What became of all packets up to now, by the number of the point.
    fn statistics(&mut self) -> Vec<(CapturePoint, Statistics)> {
        let live = self.watched.iter_mut().flatten();
        let live = live.map(|watched| (watched.live.point.clone(), watched.live.statistics()));
        let mut all: Vec<_> = live.chain(self.ended.iter().cloned()).collect();
        for (point, statistics) in &mut all {
            statistics.captured = self.taken.get(point.number).copied().unwrap_or(0);
        }
        all.sort_by_key(|(point, _)| point.number);
        all
    }

    fn end_of(&mut self, mut watched: Watched<'a>, reason: &str) {
        let name = watched.live.point.name.clone().unwrap_or_default();
        self.run.terminal.note(&format!("{name}: the capture ends there: {reason}"));
        self.ended.push((watched.live.point.clone(), watched.live.statistics()));
    }

    /// tcpdump's three lines, and for several interfaces one for each.
    fn tell(&mut self, statistics: &[(CapturePoint, Statistics)]) {
        let terminal = self.run.terminal;
        let sum = |of: fn(&Statistics) -> u64| statistics.iter().map(|(_, statistics)| of(statistics)).sum::<u64>();
        let line = |number: u64, what: &str| {
            terminal.note(&format!("{number} {} {what}", if number == 1 { "packet" } else { "packets" }));
        };
        line(sum(|statistics| statistics.captured), "captured");
        line(sum(|statistics| statistics.received), "received by filter");
        line(sum(|statistics| statistics.dropped_by_kernel), "dropped by kernel");
        let by_interface = sum(|statistics| statistics.dropped_by_interface.unwrap_or(0));
        if by_interface > 0 {
            line(by_interface, "dropped by interface");
        }
        if statistics.len() > 1 {
            for (point, statistics) in statistics {
                terminal.note(&format!(
                    "  {}: {} captured, {} received by filter, {} dropped by kernel, {} dropped by interface",
                    point.name.as_deref().unwrap_or_default(),
                    statistics.captured,
                    statistics.received,
                    statistics.dropped_by_kernel,
                    statistics.dropped_by_interface.map_or_else(|| "unknown".to_owned(), |number| number.to_string()),
                ));
            }
        }
        if self.is_filtered && self.taken.iter().all(|taken| *taken == 0) {
            for watched in self.watched.iter_mut().flatten() {
                if let Some(passed) = watched.live.passed().filter(|passed| *passed > 0) {
                    let name = watched.live.point.name.clone().unwrap_or_default();
                    terminal.note(&format!(
                        "{passed} packets passed {name} meanwhile, and none of them matched the filter"
                    ));
                }
            }
        }
    }
}

fn now_ns() -> i64 {
    i64::try_from(super::super::now().as_nanosecond()).unwrap_or(i64::MAX)
}

fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
