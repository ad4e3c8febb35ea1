//! `scanner capture`: prints packets of a network namespace, or of a file.

mod letter;
mod print_option;
mod read;
mod record;
mod signal;
mod text;

use std::cell::RefCell;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::capture::filter::{BadFilter, Filter};
use crate::capture::packet::{LinkType, Packet};
use crate::capture::sink::{CapturePoint, Sink, Statistics, Wants};
use crate::capture::write::WriteCapture;
use crate::report::escape;

pub(super) use letter::tell_letters_apart;
use print_option::PrintArgs;
use record::RecordArgs;
use signal::Signals;
use text::Text;

/// Prints packets as tcpdump does, whose letters it takes, also typed together
#[derive(Args, Clone, Debug)]
pub(crate) struct CaptureArgs {
    /// With -r, the filter, as in pcap-filter(7)
    #[arg(value_name = "FILTER")]
    words: Vec<String>,
    /// Read packets from FILE, pcap or pcapng, - for stdin
    #[arg(short = 'r', long = "read", value_name = "FILE", help_heading = "Packets")]
    read: Option<PathBuf>,
    /// End after N packets
    #[arg(short = 'c', long = "packets", value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Packets")]
    packets: Option<u64>,
    #[command(flatten)]
    print: PrintArgs,
    #[command(flatten)]
    record: RecordArgs,
}

/// Runs the command.
pub(crate) fn run(args: &CaptureArgs, terminal: Terminal) -> Result<Exit, Failure> {
    let terminal = terminal.with_notes();
    let Some(file) = &args.read else {
        let help = "scanner capture -r FILE [FILTER]";
        return Err(Failure::new("find packets: no file is named").with_help(help));
    };
    let signals = Signals::begin().map_err(|error| Failure::new(format!("wait for signals: {error}")))?;
    let sinks = Sinks::open(args, terminal)?;
    read::run(file, &args.words.join(" "), args.packets, &sinks, &signals, terminal)
}

/// Everything that takes the packets of a run.
struct Sinks {
    all: Vec<Box<dyn Sink>>,
}

/// The sinks of a run that something else must be able to flush.
type SharedSinks = Rc<RefCell<Sinks>>;

impl Sinks {
    /// The sinks that the arguments ask for.
    fn open(args: &CaptureArgs, terminal: Terminal) -> Result<SharedSinks, Failure> {
        let mut all: Vec<Box<dyn Sink>> = Vec::new();
        // What it finds of a packet it tells at the end, so that lines come first.
        if args.record.prints_lines(&args.print) {
            all.push(Box::new(Text::new(&args.print)));
        }
        all.push(Box::new(args.record.open(&args.print, args.read.is_none(), terminal)?));
        Ok(Rc::new(RefCell::new(Sinks { all })))
    }

    /// Hands a packet to all of them; the first that wants no more ends the capture.
    fn packet(&mut self, point: &CapturePoint, packet: &Packet<'_>) -> io::Result<Wants> {
        let mut wants = Wants::More;
        for sink in &mut self.all {
            if sink.packet(point, packet)? == Wants::NoMore {
                wants = Wants::NoMore;
            }
        }
        Ok(wants)
    }

    /// Says that not all packets were handed over.
    fn cut_short(&mut self) {
        self.all.iter_mut().for_each(|sink| sink.cut_short());
    }

    fn flush(&mut self) -> io::Result<()> {
        self.all.iter_mut().try_for_each(|sink| sink.flush())
    }

    /// Ends all of them, also where one fails, and tells the first failure.
    fn finish(&mut self, statistics: &[(CapturePoint, Statistics)]) -> io::Result<()> {
        let ends = self.all.iter_mut().map(|sink| sink.finish(statistics));
        ends.fold(Ok(()), io::Result::and)
    }
}

/// Why a capture ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The file has, a sink has all that it wants, or the number of packets or the time is reached.
    Complete,
    /// A signal.
    Interrupted,
    /// Who reads the output has read enough.
    PipeClosed,
}

impl End {
    fn exit(self) -> Exit {
        match self {
            End::Complete | End::PipeClosed => Exit::Clean,
            End::Interrupted => Exit::Interrupted,
        }
    }
}

/// What an error of a sink means.
fn end_of_sink(error: &io::Error) -> Result<End, Failure> {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(End::PipeClosed),
        _ => match error.get_ref().and_then(|inner| inner.downcast_ref::<WriteCapture>()) {
            Some(written) => Err(record::failure(written)),
            None => Err(Failure::new(format!("write packets: {}", super::failure::cause(error)))),
        },
    }
}

/// Compiles a filter, and shows where a bad one is wrong.
fn compile(expression: &str, link_type: LinkType) -> Result<Filter, Failure> {
    Filter::compile(expression, link_type).map_err(|bad| show_bad_filter(expression, &bad))
}

fn show_bad_filter(expression: &str, bad: &BadFilter) -> Failure {
    let width = |text: Option<&str>| unicode_width::UnicodeWidthStr::width(text.unwrap_or_default());
    let before = width(expression.get(..bad.place.start));
    let marked = width(expression.get(bad.place.clone())).max(1);
    let marks = format!("{}{}", " ".repeat(before), "^".repeat(marked));
    let expression = escape::line(expression);
    let text = format!("compile the filter: {}\n  {expression}\n  {marks}", escape::line(&bad.message));
    Failure::new(text).with_help("the language of filters: man 7 pcap-filter")
}

/// A framing by the name and the words that tcpdump has for it.
fn link_name(link_type: LinkType) -> String {
    let name = match link_type {
        LinkType::Loopback => "NULL (BSD loopback)",
        LinkType::Ethernet => "EN10MB (Ethernet)",
        LinkType::RawIp => "RAW (Raw IP)",
        LinkType::LinuxCooked => "LINUX_SLL (Linux cooked v1)",
        LinkType::Ipv4 => "IPV4 (Raw IPv4)",
        LinkType::Ipv6 => "IPV6 (Raw IPv6)",
        LinkType::LinuxCooked2 => "LINUX_SLL2 (Linux cooked v2)",
        LinkType::Other(number) => return number.to_string(),
    };
    name.to_owned()
}
