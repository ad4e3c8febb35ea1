//! What to capture live, and how.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::SignedDuration;

use super::letter::is_filter_word;
use crate::capture::live::{SNAP_LENGTH, Settings, Way};
use crate::capture::target::{FORMS, Selector, Target};
use crate::cli::failure::Failure;

/// The size of the ring of each interface if nothing is said: at ten gigabits
/// a second, what comes within ten milliseconds.
const RING_KIB: u32 = 16 << 10;

/// The size of all rings together, which the kernel takes from the memory of
/// whoever captures, and the least of one.
const ALL_RINGS_KIB: u32 = 256 << 10;
const LEAST_RING_KIB: u32 = 2 << 10;

/// What to capture live, and how.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of the command line")]
pub(super) struct LiveArgs {
    /// Kubernetes namespace of the target
    #[arg(long, value_name = "NAMESPACE", help_heading = "Target")]
    namespace: Option<String>,
    /// All pods of this node with such labels, as kubectl selects them
    #[arg(long, value_name = "LABELS", help_heading = "Target")]
    pub(super) selector: Option<String>,
    /// Along the way of packets: the target's interface, its end on the node, and the uplink
    #[arg(long, help_heading = "Target")]
    pub(super) path: bool,
    /// Ask the runtime at this socket in place of the usual ones
    #[arg(long, value_name = "SOCKET", help_heading = "Target")]
    pub(super) runtime_endpoint: Option<PathBuf>,
    /// Look at the node whose root is DIR: /proc/1/root, or /host, in a pod that sees the node's processes
    #[arg(long, value_name = "DIR", help_heading = "Target")]
    pub(super) root: Option<PathBuf>,
    /// End when stdin ends or nothing comes from it for a minute; the pod of this name is held for it
    #[arg(long, value_name = "POD", hide = true, num_args = 0..=1, default_missing_value = "", require_equals = true)]
    pub(super) attended: Option<String>,
    /// Do nothing but to keep the pod of this name for a capture that attends to it, at most for --duration
    #[arg(long, value_name = "POD", hide = true, requires = "duration")]
    pub(super) hold: Option<String>,
    /// Capture on this interface of the target, or on any (repeatable) [default: that of the default route]
    #[arg(short = 'i', long = "interface", value_name = "INTERFACE", help_heading = "Packets")]
    pub(super) interfaces: Vec<String>,
    /// End after this time, such as 30s or 2m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = "Packets")]
    pub(super) duration: Option<Duration>,
    /// Capture at most BYTES of each packet; 0 for the most there is, 262144
    #[arg(short = 's', long = "snapshot-length", value_name = "BYTES", default_value_t = SNAP_LENGTH, hide_default_value = true, help_heading = "Packets")]
    snap_length: u32,
    /// Capture only packets that the interface receives or sends
    #[arg(short = 'Q', long, value_name = "WAY", value_enum, default_value = "inout", help_heading = "Packets")]
    direction: Direction,
    /// Only packets for this host; the default, as few captures on nodes want others
    #[arg(short = 'p', long = "no-promiscuous-mode", conflicts_with = "promiscuous", help_heading = "Packets")]
    not_promiscuous: bool,
    /// Packets for others too
    #[arg(long, help_heading = "Packets")]
    promiscuous: bool,
    /// Size of the ring of each interface, which packets wait in [default: 16384, less with more than 16 interfaces]
    #[arg(short = 'B', long = "buffer-size", value_name = "KIB", value_parser = clap::value_parser!(u32).range(64..=2_000_000), help_heading = "Packets")]
    ring_kib: Option<u32>,
    /// Each packet at once; fewer fit into the ring
    #[arg(long, help_heading = "Packets")]
    immediate_mode: bool,
}

/// `-Q`, in tcpdump's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Direction {
    In,
    Out,
    Inout,
}

pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<u64>().ok().map(Duration::from_secs);
    let duration =
        seconds.or_else(|| text.parse::<SignedDuration>().ok().and_then(|duration| duration.try_into().ok()));
    match duration {
        Some(duration) if !duration.is_zero() && duration <= Duration::from_hours(24 * 366) => Ok(duration),
        _ => Err("expected a duration such as 30s or 2m".to_owned()),
    }
}

impl LiveArgs {
    /// How to capture on so many interfaces.
    pub(super) fn settings(&self, filter: &str, interfaces: usize) -> Settings {
        let share = u32::try_from(interfaces).ok().and_then(|count| ALL_RINGS_KIB.checked_div(count));
        let ring_kib = share.unwrap_or(RING_KIB).clamp(LEAST_RING_KIB, RING_KIB);
        Settings {
            snap_length: if self.snap_length == 0 { SNAP_LENGTH } else { self.snap_length.min(SNAP_LENGTH) },
            ring_bytes: self.ring_kib.unwrap_or(ring_kib).saturating_mul(1024),
            direction: match self.direction {
                Direction::In => Way::In,
                Direction::Out => Way::Out,
                Direction::Inout => Way::Both,
            },
            is_promiscuous: self.promiscuous,
            is_immediate: self.immediate_mode,
            filter: filter.to_owned(),
        }
    }

    /// How to capture, as it was typed.
    pub(super) fn ring_arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        if self.snap_length != SNAP_LENGTH {
            arguments.extend(["-s".to_owned(), self.snap_length.to_string()]);
        }
        match self.direction {
            Direction::In => arguments.extend(["-Q", "in"].map(str::to_owned)),
            Direction::Out => arguments.extend(["-Q", "out"].map(str::to_owned)),
            Direction::Inout => {}
        }
        if let Some(kib) = self.ring_kib {
            arguments.extend(["-B".to_owned(), kib.to_string()]);
        }
        let switches = [(self.promiscuous, "--promiscuous"), (self.immediate_mode, "--immediate-mode")];
        arguments.extend(switches.iter().filter(|(is_on, _)| *is_on).map(|(_, flag)| (*flag).to_owned()));
        arguments
    }

    /// Tells targets from the filter behind them.
    ///
    /// Targets have a `/`, which no filter begins with, or are `node`; a name
    /// alone is one where it comes first and is no word of the filter language.
    pub(super) fn targets(&self, words: &[String]) -> Result<(Vec<Target>, String), Failure> {
        let wrong = |reason: String| Failure::new(format!("find the target: {reason}"));
        let namespace = self.namespace.as_deref();
        let mut targets = Vec::new();
        if let Some(labels) = &self.selector {
            let selector = Selector::parse(labels).map_err(wrong)?;
            targets.push(Target::Labels(selector, self.namespace.clone()));
        }
        let is_clear = |word: &str| {
            !word.contains(char::is_whitespace) && !word.starts_with('(') && (word.contains('/') || word == "node")
        };
        let mut words = words.iter().map(String::as_str).peekable();
        while let Some(word) = words.next_if(|word| is_clear(word)) {
            targets.push(Target::parse(word, namespace).map_err(wrong)?);
        }
        if targets.is_empty() {
            let is_name = |word: &str| {
                let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
                word.bytes().all(is_of_name) && !is_filter_word(word)
            };
            match words.next_if(|word| is_name(word)) {
                Some(name) => targets.push(Target::parse(name, namespace).map_err(wrong)?),
                // Whoever types as with tcpdump means this machine.
                None if !self.interfaces.is_empty() => targets.push(Target::Node),
                None => {
                    let help = format!("name one of: {FORMS}\n      or read a file: scanner capture -r FILE [FILTER]");
                    return Err(wrong("none is named".to_owned()).with_help(help));
                }
            }
        }
        Ok((targets, words.collect::<Vec<_>>().join(" ")))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        words: Vec<String>,
        #[command(flatten)]
        live: LiveArgs,
    }

    fn told(line: &str) -> Result<(Vec<Target>, String), Failure> {
        let typed = Typed::try_parse_from(std::iter::once("x").chain(line.split(' '))).unwrap();
        typed.live.targets(&typed.words)
    }

    #[test]
    fn targets_stand_before_the_filter() {
        let (targets, filter) = told("pod/web shop/db tcp port 80 and net 10.0.0.0/8").unwrap();
        assert_eq!((targets.len(), filter.as_str()), (2, "tcp port 80 and net 10.0.0.0/8"));
        let (targets, filter) = told("node icmp").unwrap();
        assert_eq!((targets, filter.as_str()), (vec![Target::Node], "icmp"));
        let (targets, filter) = told("web-0 udp").unwrap();
        assert!(matches!(targets.as_slice(), [Target::Name(_)]));
        assert_eq!(filter, "udp");
        let (targets, filter) = told("--selector app=web tcp").unwrap();
        assert!(matches!(targets.as_slice(), [Target::Labels(..)]));
        assert_eq!(filter, "tcp");
    }

    #[test]
    fn an_interface_alone_is_one_of_the_node() {
        assert_eq!(told("-i eth0 tcp port 80").unwrap(), (vec![Target::Node], "tcp port 80".to_owned()));
    }

    #[test]
    fn many_rings_share_what_there_is() {
        let typed = Typed::try_parse_from(["x"]).unwrap();
        let ring = |interfaces| typed.live.settings("", interfaces).ring_bytes >> 20;
        assert_eq!((ring(0), ring(1), ring(16), ring(64), ring(10_000)), (16, 16, 16, 4, 2));
    }

    #[test]
    fn a_filter_without_a_target_is_refused() {
        let wrong = told("tcp port 80").unwrap_err().render(false);
        assert!(wrong.contains("none is named") && wrong.contains("netns/NAME_OR_PATH"), "{wrong}");
    }
}
