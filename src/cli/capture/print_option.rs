//! The letters of tcpdump(1) that say how packets are printed.

use clap::{ArgAction, Args};

use crate::capture::print::{Dump, PrintOptions, TimeStyle};

/// How packets are printed.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of tcpdump's command line")]
pub(super) struct PrintArgs {
    /// More of each packet, and still more with -vv and -vvv
    #[arg(id = "verbose", short, long = "verbose", action = ArgAction::Count, help_heading = "Lines")]
    verbose: u8,
    /// Less of each packet
    #[arg(id = "quiet", short = 'q', long = "quick", help_heading = "Lines")]
    quick: bool,
    /// The link header too
    #[arg(short = 'e', long, help_heading = "Lines")]
    link_header: bool,
    /// Addresses as numbers; they always are (but see -n NAMESPACE)
    #[arg(short = 'n', action = ArgAction::Count, help_heading = "Lines")]
    numeric: u8,
    /// No time; -tt seconds since 1970, -ttt since the packet before, -tttt date and time, -ttttt since the first packet
    #[arg(short = 't', action = ArgAction::Count, help_heading = "Lines")]
    time: u8,
    /// Nine digits of each second
    #[arg(long, help_heading = "Lines")]
    nano: bool,
    /// The same by tcpdump's other name
    #[arg(long = "time-stamp-precision", value_name = "micro|nano", value_parser = ["micro", "nano"], hide = true)]
    precision: Option<String>,
    /// TCP sequence numbers as they are
    #[arg(short = 'S', long = "absolute-tcp-sequence-numbers", help_heading = "Lines")]
    absolute_sequence: bool,
    /// The number of each packet
    #[arg(short = '#', long, help_heading = "Lines")]
    number: bool,
    /// Checksums are not verified
    #[arg(short = 'K', long = "dont-verify-checksums", help_heading = "Lines")]
    skip_checksums: bool,
    /// Bytes in hexadecimal; -xx with the link header
    #[arg(short = 'x', action = ArgAction::Count, help_heading = "Lines")]
    hex: u8,
    /// Bytes in hexadecimal and ASCII; -XX with the link header
    #[arg(short = 'X', action = ArgAction::Count, help_heading = "Lines")]
    hex_ascii: u8,
    /// Bytes in ASCII; -AA with the link header
    #[arg(short = 'A', action = ArgAction::Count, help_heading = "Lines")]
    ascii: u8,
    /// Each line at once, also to a pipe
    #[arg(short = 'l', long, help_heading = "Lines")]
    pub(super) line_buffered: bool,
    /// The number of packets and no lines
    #[arg(long, help_heading = "Lines")]
    pub(super) count: bool,
}

impl PrintArgs {
    /// The printer's options, with the time zone of this machine.
    pub(super) fn options(&self) -> PrintOptions {
        PrintOptions {
            verbose: self.verbose,
            link_header: self.link_header,
            quick: self.quick,
            absolute_sequence: self.absolute_sequence,
            number: self.number,
            skip_checksums: self.skip_checksums,
            nanoseconds: self.nano || self.precision.as_deref() == Some("nano"),
            time: match self.time {
                0 => TimeStyle::TimeOfDay,
                1 => TimeStyle::None,
                2 => TimeStyle::Unix,
                3 => TimeStyle::SincePrevious,
                4 => TimeStyle::DateAndTime,
                _ => TimeStyle::SinceFirst,
            },
            dump: self.dump(),
            time_zone: Some(jiff::tz::TimeZone::system()),
        }
    }

    /// tcpdump's order where several are given.
    fn dump(&self) -> Dump {
        match (self.hex_ascii, self.hex, self.ascii) {
            (1, ..) => Dump::HexAscii,
            (2.., ..) => Dump::HexAsciiWithLink,
            (_, 1, _) => Dump::Hex,
            (_, 2.., _) => Dump::HexWithLink,
            (_, _, 1) => Dump::Ascii,
            (_, _, 2..) => Dump::AsciiWithLink,
            (0, 0, 0) => Dump::None,
        }
    }
}
