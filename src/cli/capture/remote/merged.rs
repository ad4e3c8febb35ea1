//! The packets of nodes, read here and handed to the sinks as one capture.
//!
//! A thread for each node reads its pcapng. Packets of several nodes are held
//! back for a while and handed on in the order of their times, which are those
//! of the nodes' clocks.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};

use super::super::signal::Signals;
use super::super::{End, SharedSinks, end_of_sink};
use super::Incoming;
use super::plan::Names;
use crate::capture::file::{Counted, Reader};
use crate::capture::live::{ANY, Merge};
use crate::capture::packet::{LinkType, Packet};
use crate::capture::sink::{CapturePoint, Statistics, Wants};
use crate::cli::failure::Failure;

/// How many packets of all nodes wait to be taken.
const WAITING: usize = 4096;

/// How long packets of several nodes are held back.
const HOLD: Duration = Duration::from_millis(1500);

/// How long nothing comes before lines are shown.
const QUIET: Duration = Duration::from_millis(50);

/// What a node's thread reads.
enum Parsed {
    Point(usize, CapturePoint),
    Packet(usize, usize, Owned),
    End(usize, Vec<(usize, Counted)>, Option<String>),
}

struct Owned {
    timestamp_ns: i64,
    length: u32,
    link_type: LinkType,
    bytes: Box<[u8]>,
}

impl Owned {
    fn packet(&self) -> Packet<'_> {
        Packet {
            timestamp_ns: self.timestamp_ns,
            carried_s: 0,
            length: self.length,
            bytes: &self.bytes,
            link_type: self.link_type,
        }
    }
}

/// Takes what comes until all nodes have ended.
pub(super) fn receive(
    incoming: Vec<Incoming>,
    names: &Names,
    packets: Option<u64>,
    sinks: &SharedSinks,
    stop: &AtomicBool,
    signals: &Signals,
) -> Result<End, Failure> {
    let nodes: Vec<String> = incoming.iter().map(|node| node.node.clone()).collect();
    let (sender, receiver) = sync_channel(WAITING);
    for (at, node) in incoming.into_iter().enumerate() {
        let sender = sender.clone();
        let thread = std::thread::Builder::new().name(format!("node {at}"));
        let started = thread.spawn(move || parse(at, node.receiver, &sender));
        started.map_err(|error| Failure::new(format!("read what the nodes send: {error}")))?;
    }
    drop(sender);
    let mut receiving = Receiving {
        nodes,
        names,
        sinks,
        merge: names.are_on_several.then(Merge::default),
        arrived: VecDeque::new(),
        points: Vec::new(),
        numbers: BTreeMap::new(),
        statistics: Vec::new(),
        left: packets,
        end: None,
        broken: None,
    };
    let taken = receiving.take_all(&receiver, stop);
    let is_whole = taken.is_ok() && receiving.broken.is_none() && !signals.is_interrupted();
    let mut sinks = sinks.borrow_mut();
    if !is_whole {
        sinks.cut_short();
    }
    let statistics: Vec<_> = receiving.points.into_iter().zip(receiving.statistics).collect();
    // Where nothing was captured at all, the nodes say why.
    let finished = if statistics.is_empty() { Ok(()) } else { sinks.finish(&statistics) };
    for ended in [taken, finished] {
        match ended.map_err(|error| end_of_sink(&error)) {
            Ok(()) => {}
            Err(end) => return end,
        }
    }
    match receiving.broken {
        Some(reason) => Err(Failure::new(reason)),
        None => Ok(receiving.end.unwrap_or(End::Complete)),
    }
}

/// Reads what a node sends.
fn parse(node: usize, receiver: tokio::sync::mpsc::Receiver<Bytes>, to: &SyncSender<Parsed>) {
    let stream = Stream { receiver, bytes: Bytes::new() };
    let mut reader = match Reader::new(stream) {
        Ok(reader) => reader,
        // Where nothing has come, the node's part says why.
        Err(error) => {
            let reason =
                (!matches!(error, crate::capture::file::ReadCapture::Truncated { .. })).then(|| error.to_string());
            let _ = to.send(Parsed::End(node, Vec::new(), reason));
            return;
        }
    };
    // How many interfaces were told of.
    let mut known = 0;
    let broken = loop {
        let parsed = match reader.read() {
            Ok(Some(record)) => {
                let (number, count) = (record.number, record.interface_count);
                let Packet { timestamp_ns, length, bytes, link_type, .. } = record.packet;
                let packet = Owned { timestamp_ns, length, link_type, bytes: bytes.into() };
                if count > known {
                    known = tell_points(&reader, node, known, to);
                }
                Parsed::Packet(node, number, packet)
            }
            Ok(None) => break None,
            // A part that is cut off says so itself.
            Err(crate::capture::file::ReadCapture::Truncated { .. }) => break None,
            Err(error) => break Some(error.to_string()),
        };
        if to.send(parsed).is_err() {
            return;
        }
    };
    known = tell_points(&reader, node, known, to);
    let counted = (0..known).filter_map(|number| Some((number, reader.counted(number)?))).collect();
    let _ = to.send(Parsed::End(node, counted, broken));
}

/// Tells of the interfaces from a number on; gives how many there are.
fn tell_points(reader: &Reader<Stream>, node: usize, known: usize, to: &SyncSender<Parsed>) -> usize {
    let all = reader.interfaces();
    for (number, interface) in all.iter().filter(|(number, _)| *number >= known) {
        let _ = to.send(Parsed::Point(node, interface.point(*number)));
    }
    all.last().map_or(known, |(number, _)| number + 1)
}

/// The bytes of a node as a stream.
struct Stream {
    receiver: tokio::sync::mpsc::Receiver<Bytes>,
    bytes: Bytes,
}

impl Read for Stream {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.bytes.is_empty() {
            match self.receiver.blocking_recv() {
                Some(bytes) => self.bytes = bytes,
                None => return Ok(0),
            }
        }
        let length = to.len().min(self.bytes.len());
        self.bytes.copy_to_slice(to.get_mut(..length).unwrap_or_default());
        Ok(length)
    }
}

struct Receiving<'a> {
    nodes: Vec<String>,
    names: &'a Names,
    sinks: &'a SharedSinks,
    /// Where there are several nodes.
    merge: Option<Merge>,
    /// The latest time of a packet by then, at instants past.
    arrived: VecDeque<(Instant, i64)>,
    points: Vec<CapturePoint>,
    /// The number of each interface of each node.
    numbers: BTreeMap<(usize, usize), usize>,
    statistics: Vec<Statistics>,
    left: Option<u64>,
    end: Option<End>,
    broken: Option<String>,
}

impl Receiving<'_> {
    fn take_all(&mut self, receiver: &Receiver<Parsed>, stop: &AtomicBool) -> io::Result<()> {
        let mut taken = Ok(());
        loop {
            match receiver.recv_timeout(QUIET) {
                // The rest is thrown away, so that the end is in order.
                Ok(parsed) if taken.is_err() || self.end.is_some() => self.count(parsed),
                Ok(parsed) => taken = self.take(parsed),
                Err(RecvTimeoutError::Timeout) if taken.is_ok() && self.end.is_none() => taken = self.show(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if taken.is_err() || self.end.is_some() {
                stop.store(true, Ordering::Relaxed);
            }
        }
        if taken.is_ok() { self.release(i64::MAX) } else { taken }
    }

    fn take(&mut self, parsed: Parsed) -> io::Result<()> {
        match parsed {
            Parsed::Point(node, point) => {
                self.add_point(node, point);
                let Some(point) = self.points.last() else { return Ok(()) };
                return self.sinks.borrow_mut().begin(point);
            }
            Parsed::Packet(node, number, packet) => {
                let Some(at) = self.numbers.get(&(node, number)).copied() else { return Ok(()) };
                if self.merge.is_none() {
                    return self.hand_on(at, &packet.packet());
                }
                self.arrive(packet.timestamp_ns);
                if let Some(merge) = &mut self.merge {
                    merge.push(at, &packet.packet());
                }
                return self.release_old();
            }
            end @ Parsed::End(..) => self.count(end),
        }
        Ok(())
    }

    /// The end of a node: its counters, and what was wrong.
    fn count(&mut self, parsed: Parsed) {
        let parsed = match parsed {
            Parsed::Point(node, point) => return self.add_point(node, point),
            parsed => parsed,
        };
        let Parsed::End(node, counted, broken) = parsed else { return };
        for (number, counted) in counted {
            let at = self.numbers.get(&(node, number)).copied();
            if let Some(statistics) = at.and_then(|at| self.statistics.get_mut(at)) {
                statistics.received = counted.accepted_by_filter.unwrap_or(statistics.captured);
                statistics.dropped_by_kernel = counted.dropped_by_kernel.unwrap_or(0);
                statistics.dropped_by_interface = counted.dropped_by_interface;
            }
        }
        if let (Some(reason), Some(node)) = (broken, self.nodes.get(node)) {
            self.broken.get_or_insert(format!("read what the node {node} sends: {reason}"));
        }
    }

    fn add_point(&mut self, node: usize, mut point: CapturePoint) {
        let number = self.points.len();
        self.numbers.insert((node, point.number), number);
        point.number = number;
        let host = self.nodes.get(node).map(String::as_str).unwrap_or_default();
        let name = point.name.take().unwrap_or_default();
        let name = match name.strip_prefix("node:") {
            Some(interface) => format!("{host}:{interface}"),
            None if point.pod.is_none() && self.names.are_on_several => format!("{host}/{name}"),
            None => name,
        };
        // Lines of `any` name the interface themselves.
        let label = name.strip_suffix(&format!(":{ANY}")).unwrap_or(&name);
        point.label = self.names.are_several.then(|| label.to_owned());
        point.name = Some(name);
        self.points.push(point);
        self.statistics.push(Statistics::default());
    }

    /// Notes what times have come by now, a few times a second.
    fn arrive(&mut self, timestamp_ns: i64) {
        let now = Instant::now();
        match self.arrived.back_mut() {
            Some((since, latest)) if now.duration_since(*since) < QUIET => *latest = (*latest).max(timestamp_ns),
            _ => self.arrived.push_back((now, timestamp_ns)),
        }
    }

    /// Hands on what was held back long enough.
    fn release_old(&mut self) -> io::Result<()> {
        let mut until = None;
        while let Some((_, latest)) = self.arrived.pop_front_if(|(since, _)| since.elapsed() >= HOLD) {
            until = until.max(Some(latest));
        }
        until.map_or(Ok(()), |until| self.release(until))
    }

    fn release(&mut self, until_ns: i64) -> io::Result<()> {
        let Some(mut merge) = self.merge.take() else { return Ok(()) };
        let released = merge.release(until_ns, |at, packet| self.hand_on(at, packet).map(|()| self.end.is_none()));
        self.merge = Some(merge);
        released
    }

    fn show(&mut self) -> io::Result<()> {
        self.release_old()?;
        self.sinks.borrow_mut().flush()
    }

    fn hand_on(&mut self, at: usize, packet: &Packet<'_>) -> io::Result<()> {
        let Some((point, statistics)) = self.points.get(at).zip(self.statistics.get_mut(at)) else { return Ok(()) };
        if self.left == Some(0) {
            return Ok(());
        }
        statistics.captured += 1;
        statistics.received += 1;
        let wants = self.sinks.borrow_mut().packet(point, packet)?;
        self.left = self.left.map(|left| left.saturating_sub(1));
        if wants == Wants::NoMore || self.left == Some(0) {
            self.end = Some(End::Complete);
        }
        Ok(())
    }
}
