//! What is made of packets beside lines: a capture file, and findings.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::print_option::PrintArgs;
use crate::capture::file::{HOP, INTERFACES, POD};
use crate::capture::finding::Analysis;
use crate::capture::packet::Packet;
use crate::capture::sink::{CapturePoint, Sink, Statistics, Wants};
use crate::capture::write::{
    self, FileFormat, InterfaceDescription, Notes, Rotation, Section, WriteCapture, WriteOptions, Writer, Written,
};
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::report;

/// What is written of packets, and how.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of the command line")]
pub(super) struct RecordArgs {
    /// Write packets to FILE as pcapng, - for stdout, and print no lines
    #[arg(short = 'w', long = "write", value_name = "FILE", help_heading = "Files")]
    write: Option<PathBuf>,
    /// Write pcap, which holds packets and no names
    #[arg(long, requires = "write", help_heading = "Files")]
    pcap: bool,
    /// Print lines also with -w or --format json
    #[arg(long, help_heading = "Files")]
    print: bool,
    /// Begin a new file after N million bytes
    #[arg(short = 'C', value_name = "N", requires = "write", conflicts_with = "root", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Files")]
    megabytes: Option<u64>,
    /// Begin a new file after N seconds; FILE is a format of strftime(3)
    #[arg(short = 'G', value_name = "N", requires = "write", conflicts_with = "root", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Files")]
    seconds: Option<u64>,
    /// Keep N files: begin over with the first (-C), or end after them (-G)
    #[arg(short = 'W', value_name = "N", requires = "write", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Files")]
    files: Option<u32>,
    /// Write each packet at once
    #[arg(short = 'U', long = "packet-buffered", help_heading = "Files")]
    packet_buffered: bool,
    /// Findings as text on stderr, or as JSON on stdout in place of lines
    #[arg(long, value_enum, default_value_t, help_heading = "Findings")]
    format: FindingFormat,
    /// Look for nothing
    #[arg(long, conflicts_with = "format", help_heading = "Findings")]
    no_findings: bool,
}

/// The form of findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FindingFormat {
    /// For people.
    #[default]
    Text,
    /// `reports/capture.schema.json`.
    Json,
}

impl RecordArgs {
    /// Whether lines are printed.
    pub(super) fn prints_lines(&self, print: &PrintArgs) -> bool {
        self.print || print.count || (self.write.is_none() && self.format == FindingFormat::Text)
    }

    /// Whether files are opened later than the first.
    pub(super) fn rotates(&self) -> bool {
        self.megabytes.is_some() || self.seconds.is_some()
    }

    /// Whether a pcapng file that comes from elsewhere can be written as it is.
    pub(super) fn copies(&self, print: &PrintArgs) -> bool {
        let is_alone = !self.prints_lines(print) && self.format == FindingFormat::Text;
        self.write.is_some() && is_alone && !self.pcap && !self.rotates()
    }

    /// Whether no findings are wanted.
    pub(super) fn looks_for_nothing(&self) -> bool {
        self.no_findings
    }

    /// Opens the file for what comes from elsewhere.
    pub(super) fn open_copy(&self) -> Result<write::Copy, Failure> {
        let Some(path) = self.write.as_ref().filter(|_| !self.writes_stdout()) else {
            return Ok(write::Copy::to_stream("stdout", Box::new(stdout()?)));
        };
        write::Copy::to_file(utf8(path)?).map_err(|error| failure(&error))
    }

    /// Whether packets are written to stdout.
    fn writes_stdout(&self) -> bool {
        self.write.as_ref().is_some_and(|path| path.as_os_str() == "-")
    }

    /// Opens the file, and begins to look for faults.
    pub(super) fn open(&self, print: &PrintArgs, is_live: bool, terminal: Terminal) -> Result<Record, Failure> {
        let is_json = self.format == FindingFormat::Json;
        if self.writes_stdout() && (is_json || self.prints_lines(print)) {
            let help = "name a file with -w, or leave out --print, --count and --format json";
            return Err(Failure::new("write to stdout: packets and text cannot share it").with_help(help));
        }
        let writer = self.write.as_ref().map(|path| self.writer(path)).transpose()?;
        Ok(Record {
            writer,
            numbers: BTreeMap::new(),
            is_live,
            started_ns: None,
            needs_clock: self.seconds.is_some(),
            analysis: (!self.no_findings).then(Analysis::new),
            is_json,
            is_complete: true,
            terminal,
        })
    }

    fn writer(&self, path: &std::path::Path) -> Result<Writer, Failure> {
        let options = WriteOptions {
            format: if self.pcap { FileFormat::Pcap } else { FileFormat::Pcapng },
            is_unbuffered: self.packet_buffered,
            rotation: Rotation { megabytes: self.megabytes, seconds: self.seconds, files: self.files },
            time_zone: jiff::tz::TimeZone::system(),
            section: section(),
            ..WriteOptions::default()
        };
        let opened = if self.writes_stdout() {
            Writer::to_stream("stdout", Box::new(stdout()?), options)
        } else {
            Writer::to_file(utf8(path)?, options, crate::cli::now())
        };
        opened.map_err(|error| failure(&error))
    }
}

fn stdout() -> Result<File, Failure> {
    let stdout = io::stdout().as_fd().try_clone_to_owned();
    stdout.map(File::from).map_err(|error| Failure::file("open", std::path::Path::new("stdout"), &error))
}

fn utf8(path: &std::path::Path) -> Result<&str, Failure> {
    path.to_str().ok_or_else(|| Failure::new(format!("write {}: the name is no UTF-8", path.display())))
}

/// What the file says of this machine and of this run.
fn section() -> Section {
    let system = rustix::system::uname();
    let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    Section {
        hardware: text(system.machine()),
        system: format!("{} {}", text(system.sysname()), text(system.release())),
        application: format!("scanner {}", env!("CARGO_PKG_VERSION")),
        comments: vec![format!("scanner {}", arguments.join(" ")), format!("node {}", text(system.nodename()))],
    }
}

pub(super) fn failure(error: &WriteCapture) -> Failure {
    Failure::new(error.to_string()).with_help_if(error.help().map(ToOwned::to_owned))
}

/// Writes packets and looks for faults in them.
#[expect(clippy::struct_excessive_bools, reason = "they are independent of one another")]
pub(super) struct Record {
    writer: Option<Writer>,
    /// The writer's number of each point.
    numbers: BTreeMap<usize, u32>,
    /// Whether the counters are of devices.
    is_live: bool,
    started_ns: Option<i64>,
    /// Whether files change with the time.
    needs_clock: bool,
    analysis: Option<Analysis>,
    is_json: bool,
    is_complete: bool,
    terminal: Terminal,
}

impl Record {
    fn write(&mut self, point: &CapturePoint, packet: &Packet<'_>, remark: Option<&str>) -> io::Result<Wants> {
        let Some(writer) = &mut self.writer else { return Ok(Wants::More) };
        let number = number(writer, &mut self.numbers, point)?;
        let comments = remark.as_slice();
        let packet_id = self.analysis.as_ref().and_then(Analysis::packet_id);
        let notes = Notes { direction: point.side.direction(packet), packet_id, comments };
        // Only a new file at a certain time asks what time it is.
        let now = if self.needs_clock { crate::cli::now() } else { jiff::Timestamp::UNIX_EPOCH };
        match writer.write(number, packet, &notes, now).map_err(to_io)? {
            Written::Packet => Ok(Wants::More),
            Written::LastFile => Ok(Wants::NoMore),
        }
    }

    /// Writes the counters of devices; those of files stay where they are.
    fn write_statistics(&mut self, statistics: &[(CapturePoint, Statistics)]) -> io::Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let at = crate::cli::now().as_nanosecond();
        let at_ns = i64::try_from(at).unwrap_or(i64::MAX);
        for (point, counters) in statistics.iter().filter(|_| self.is_live) {
            let number = number(writer, &mut self.numbers, point)?;
            let counters = write::Statistics {
                started_ns: self.started_ns.unwrap_or(at_ns),
                at_ns,
                received: None,
                dropped_by_interface: counters.dropped_by_interface,
                accepted_by_filter: Some(counters.received),
                dropped_by_kernel: Some(counters.dropped_by_kernel),
                delivered: Some(counters.captured),
            };
            writer.statistics(number, &counters).map_err(to_io)?;
        }
        Ok(())
    }

    fn finish_file(&mut self, statistics: &[(CapturePoint, Statistics)]) -> io::Result<()> {
        self.write_statistics(statistics)?;
        self.writer.take().map_or(Ok(()), |writer| writer.finish().map_err(to_io))
    }

    fn finish_analysis(&mut self, statistics: &[(CapturePoint, Statistics)]) -> io::Result<()> {
        let Some(analysis) = self.analysis.take() else { return Ok(()) };
        let found = analysis.finish(statistics, self.is_complete);
        if self.is_json {
            return report::write_pretty(&found, &mut io::stdout().lock());
        }
        for line in found.lines() {
            self.terminal.note(&report::escape::line(&line));
        }
        Ok(())
    }
}

impl Sink for Record {
    fn packet(&mut self, point: &CapturePoint, packet: &Packet<'_>) -> io::Result<Wants> {
        self.started_ns.get_or_insert(packet.timestamp_ns);
        let remark = self.analysis.as_mut().and_then(|analysis| analysis.observe(point, packet));
        self.write(point, packet, remark)
    }

    fn begin(&mut self, point: &CapturePoint) -> io::Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        number(writer, &mut self.numbers, point).map(drop)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), |writer| writer.flush().map_err(to_io))
    }

    fn progress(&mut self, statistics: &[(CapturePoint, Statistics)]) -> io::Result<()> {
        self.write_statistics(statistics)
    }

    fn cut_short(&mut self) {
        self.is_complete = false;
    }

    fn finish(&mut self, statistics: &[(CapturePoint, Statistics)]) -> io::Result<()> {
        self.finish_file(statistics).and(self.finish_analysis(statistics))
    }
}

/// The number of a point in the file, where it is described first.
fn number(writer: &mut Writer, numbers: &mut BTreeMap<usize, u32>, point: &CapturePoint) -> io::Result<u32> {
    if let Some(number) = numbers.get(&point.number) {
        return Ok(*number);
    }
    if numbers.is_empty() && point.snap_length > 0 {
        writer.set_snap_length(point.snap_length);
    }
    let name = point.name.clone().unwrap_or_else(|| format!("interface {}", point.number));
    let pod = point.pod.as_ref();
    let interface = InterfaceDescription {
        description: point.description.clone(),
        hardware_address: point.hardware_address,
        addresses: point.addresses.iter().map(|network| (network.addr(), network.prefix_len())).collect(),
        filter: point.filter.clone(),
        comments: comments(point),
        ..InterfaceDescription::new(name, point.link_type)
    };
    let number = writer.add_interface(interface).map_err(to_io)?;
    let names: Vec<(IpAddr, String)> = pod
        .map(|(namespace, name)| {
            point.addresses.iter().map(move |network| (network.addr(), format!("{name}.{namespace}")))
        })
        .into_iter()
        .flatten()
        .collect();
    if !names.is_empty() {
        writer.add_names(names).map_err(to_io)?;
    }
    numbers.insert(point.number, number);
    Ok(number)
}

/// What the format has no place for, and a reader of ours knows again.
fn comments(point: &CapturePoint) -> Vec<String> {
    let pod = point.pod.as_ref().map(|(namespace, name)| format!("{POD}{namespace}/{name}"));
    let hop = point.hop.words().map(|words| format!("{HOP}{words}"));
    let names: Vec<String> = point.interface_names.iter().map(|(index, name)| format!("{index}={name}")).collect();
    let names = (!names.is_empty()).then(|| format!("{INTERFACES}{}", names.join(" ")));
    [pod, hop, names].into_iter().flatten().collect()
}

/// An error as sinks have it; the reader that has enough is told apart.
pub(super) fn to_io(error: WriteCapture) -> io::Error {
    match error {
        WriteCapture::ReaderGone { .. } => io::ErrorKind::BrokenPipe.into(),
        error => io::Error::other(error),
    }
}
