//! `scanner capture`: prints packets of a network namespace, or of a file.

mod attend;
mod letter;
mod list;
mod live;
mod live_option;
mod print_option;
mod read;
mod record;
mod remote;
mod run;
mod signal;
mod tcpdump_option;
mod text;

use std::borrow::Cow;
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use clap::{Args, Subcommand};

use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::capture::filter::{BadFilter, Filter};
use crate::capture::packet::{LinkType, Packet};
use crate::capture::sink::{CapturePoint, Sink, Statistics, Wants};
use crate::capture::write::WriteCapture;
use crate::report::escape;

pub(super) use letter::tell_letters_apart;
use list::ListArgs;
use live_option::LiveArgs;
use print_option::PrintArgs;
use record::RecordArgs;
use remote::RemoteArgs;
use signal::Signals;
use tcpdump_option::TcpdumpArgs;
use text::Text;

const EXAMPLES: &str = "\
Targets (several may be named; -r FILE reads a file in place of them):
  pod/NAME [-n NAMESPACE], NAMESPACE/POD    a pod
  container/NAME_OR_ID                      a container of a pod, of Docker or of Podman
  deploy/NAME, sts/NAME, ds/NAME            all pods of an owner on this node
  -l LABELS                                 all pods of this node with such labels
  pid/NUMBER                                the network of a process
  netns/NAME_OR_PATH                        a network namespace
  node                                      this node
With --cluster targets are looked for in the cluster, node/NAME is a node, and the capture runs there:
  scanner capture --cluster pod/web-0 -n shop --image IMAGE_WITH_SCANNER tcp port 80
The filter is that of pcap-filter(7). A word alone behind -n is a namespace unless it is a word of filters.

Exit codes:
  0    the file's end, -c, --duration, the target's end, or a closed pipe
  2    the command could not run: usage, no such target or interface, a bad filter, an unreadable file, a full disk
  130  interrupted; everything captured until then is written";

/// Prints packets as tcpdump does, whose letters it takes, also typed together
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct CaptureArgs {
    #[command(subcommand)]
    command: Option<CaptureCommand>,
    /// What to capture, then the filter; with -r the filter alone
    #[arg(value_name = "TARGET | FILTER")]
    words: Vec<String>,
    #[command(flatten)]
    live: LiveArgs,
    /// Read packets from FILE, pcap or pcapng, - for stdin
    #[arg(short = 'r', long = "read", value_name = "FILE", conflicts_with_all = ["root", "attended", "hold"], help_heading = "Packets")]
    read: Option<PathBuf>,
    /// Read the filter from FILE
    #[arg(short = 'F', value_name = "FILE", help_heading = "Packets")]
    filter_file: Option<PathBuf>,
    /// End after N packets
    #[arg(short = 'c', long = "packets", value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Packets")]
    packets: Option<u64>,
    #[command(flatten)]
    print: PrintArgs,
    #[command(flatten)]
    record: RecordArgs,
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    tcpdump: TcpdumpArgs,
}

/// What else there is to do than to capture.
#[derive(Clone, Debug, Subcommand)]
enum CaptureCommand {
    /// List the pods and containers of this node, with their network namespaces, interfaces and addresses
    List(ListArgs),
}

/// Runs the command.
pub(crate) fn run(args: &CaptureArgs, terminal: Terminal) -> Result<Exit, Failure> {
    let terminal = terminal.with_notes();
    if let Some(CaptureCommand::List(args)) = &args.command {
        return list::run(args, terminal);
    }
    args.tcpdump.refuse()?;
    let mut args = Cow::Borrowed(args);
    if let Some(file) = &args.filter_file {
        let filter = read_filter(file)?;
        args.to_mut().words.push(filter);
    }
    let args = args.as_ref();
    let signals =
        Signals::begin(args.remote.is_remote()).map_err(|error| Failure::new(format!("wait for signals: {error}")))?;
    if let (Some(name), Some(longest)) = (&args.live.hold, args.live.duration) {
        return attend::hold(name, longest, &signals);
    }
    if args.remote.is_remote() {
        return remote::run(args, &signals, terminal);
    }
    if let Some(flag) = args.remote.stray_flag() {
        return Err(Failure::new(format!("capture: {flag} is for captures in a cluster")).with_help("add --cluster"));
    }
    let sinks = Sinks::open(args, terminal)?;
    if let Some(file) = &args.read {
        return read::run(file, &args.words.join(" "), args.packets, &sinks, &signals, terminal);
    }
    if let Some(holder) = &args.live.attended {
        attend::begin(holder)?;
    }
    if let Some(root) = &args.live.root {
        live::enter_root(root)?;
    }
    let run = live::Run {
        words: &args.words,
        packets: args.packets,
        keeps_files: args.record.rotates(),
        sinks: &sinks,
        signals: &signals,
        terminal,
    };
    live::run(&args.live, &run)
}

/// The longest filter that is read from a file.
const MAX_FILTER: u64 = 64 << 10;

/// The filter in a file, which may have several lines.
fn read_filter(path: &Path) -> Result<String, Failure> {
    let read = File::options().read(true).open(path).and_then(|file| {
        let mut text = String::new();
        file.take(MAX_FILTER).read_to_string(&mut text).map(|_| text)
    });
    let text = read.map_err(|error| Failure::file("read the filter", path, &error))?;
    Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
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

    /// Tells all of them of a point whose packets are to come.
    fn begin(&mut self, point: &CapturePoint) -> io::Result<()> {
        self.all.iter_mut().try_for_each(|sink| sink.begin(point))
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

    /// Notes what became of the packets up to now.
    fn progress(&mut self, statistics: &[(CapturePoint, Statistics)]) -> io::Result<()> {
        self.all.iter_mut().try_for_each(|sink| sink.progress(statistics))
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
