//! `-r FILE`: the packets of a file or of stdin.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::signal::Signals;
use super::{End, SharedSinks, compile, end_of_sink};
use crate::capture::file::{Reader, Record};
use crate::capture::filter::Filter;
use crate::capture::packet::LinkType;
use crate::capture::sink::{CapturePoint, Statistics, Wants};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::report::escape;

/// Reads a file to its end, to `packets` of it, or to a signal.
pub(super) fn run(
    path: &Path,
    expression: &str,
    packets: Option<u64>,
    sinks: &SharedSinks,
    signals: &Signals,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    // A bad expression is told before a byte is read, whatever its packets are.
    compile(expression, LinkType::Ethernet).or_else(|failure| compile(expression, LinkType::RawIp).or(Err(failure)))?;
    let name = if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() };
    let descriptor = open(path).map_err(|error| Failure::file("read", path, &error))?;
    let input = Interruptible { file: File::from(descriptor), signals, sinks: SharedSinks::clone(sinks) };
    let failed = |error| Failure::new(format!("read {}: {error}", escape::line(&name)));
    let mut reader = match Reader::new(input) {
        Ok(reader) => reader,
        Err(_) if signals.is_interrupted() => return Ok(Exit::Interrupted),
        Err(error) => return Err(failed(error)),
    };
    note_beginning(&reader, &name, terminal);
    let mut reading = Reading { expression, filters: BTreeMap::new(), points: BTreeMap::new(), left: packets };
    let outcome = loop {
        match reader.read() {
            _ if signals.is_interrupted() => break Ok(End::Interrupted),
            Ok(Some(record)) => match reading.take(&record, sinks) {
                Ok(None) => {}
                Ok(Some(end)) => break Ok(end),
                Err(failure) => break Err(failure),
            },
            Ok(None) => break Ok(End::Complete),
            Err(error) => break Err(failed(error)),
        }
    };
    let mut statistics: Vec<_> = reading.points.into_values().collect();
    for (point, statistics) in &mut statistics {
        if let Some(counted) = reader.counted(point.number) {
            statistics.dropped_by_kernel = counted.dropped_by_kernel.unwrap_or(0);
            statistics.dropped_by_interface = counted.dropped_by_interface;
        }
    }
    if !matches!(outcome, Ok(End::Complete)) {
        sinks.borrow_mut().cut_short();
    }
    let finished = sinks.borrow_mut().finish(&statistics);
    let end = outcome?;
    match finished {
        Ok(()) => Ok(end.exit()),
        Err(error) => end_of_sink(&error).map(End::exit),
    }
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    if path == Path::new("-") {
        return io::stdin().as_fd().try_clone_to_owned();
    }
    File::options().read(true).open(path).map(OwnedFd::from)
}

/// What tcpdump says before the first packet.
fn note_beginning<R: Read>(reader: &Reader<R>, name: &str, terminal: Terminal) {
    match reader.pcap_interface() {
        Some(interface) => terminal.note(&format!(
            "reading from file {name}, link-type {}, snapshot length {}",
            super::link_name(interface.link_type),
            interface.snap_length
        )),
        None => terminal.note(&format!("reading from file {name}, pcapng")),
    }
}

/// The state of reading.
struct Reading<'a> {
    expression: &'a str,
    /// The compiled filter of each framing, by its number.
    filters: BTreeMap<u32, Filter>,
    /// Interfaces by their number.
    points: BTreeMap<usize, (CapturePoint, Statistics)>,
    /// How many packets are still wanted.
    left: Option<u64>,
}

impl Reading<'_> {
    /// Takes a packet, and says whether it was the last one.
    fn take(&mut self, record: &Record<'_>, sinks: &SharedSinks) -> Result<Option<End>, Failure> {
        let link_type = record.packet.link_type;
        if !self.expression.is_empty() {
            let filter = match self.filters.entry(link_type.number()) {
                std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::btree_map::Entry::Vacant(new) => new.insert(compile(self.expression, link_type)?),
            };
            if !filter.passes(&record.packet) {
                return Ok(None);
            }
        }
        let (point, statistics) = self
            .points
            .entry(record.number)
            .or_insert_with(|| (record.interface.point(record.number), Statistics::default()));
        // With one interface lines are those of tcpdump; with more they say which.
        if record.interface_count > 1 && point.label.is_none() {
            point.label = Some(point.name.clone().unwrap_or_else(|| format!("interface {}", point.number)));
        }
        statistics.captured += 1;
        statistics.received += 1;
        match sinks.borrow_mut().packet(point, &record.packet) {
            Ok(Wants::More) => {}
            Ok(Wants::NoMore) => return Ok(Some(End::Complete)),
            Err(error) => return end_of_sink(&error).map(Some),
        }
        self.left = self.left.map(|left| left.saturating_sub(1));
        Ok((self.left == Some(0)).then_some(End::Complete))
    }
}

/// A file whose reading ends with a signal; before it waits, everything read so
/// far is shown.
struct Interruptible<'a> {
    file: File,
    signals: &'a Signals,
    sinks: SharedSinks,
}

impl Read for Interruptible<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if !self.is_ready(PollTimeout::ZERO)? {
            // What a sink cannot write it tells with the next packet.
            let _ = self.sinks.borrow_mut().flush();
            while !self.is_ready(PollTimeout::NONE)? {}
        }
        if self.signals.is_interrupted() { Ok(0) } else { self.file.read(to) }
    }
}

impl Interruptible<'_> {
    fn is_ready(&self, timeout: PollTimeout) -> io::Result<bool> {
        let mut wanted = [
            PollFd::new(self.file.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.signals.descriptor(), PollFlags::POLLIN),
        ];
        match poll(&mut wanted, timeout) {
            Ok(ready) => Ok(ready > 0),
            Err(nix::Error::EINTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
