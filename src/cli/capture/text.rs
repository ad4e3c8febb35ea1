//! Packets as lines on stdout.

use std::io::{self, BufWriter, Stdout, Write};

use super::print_option::PrintArgs;
use crate::capture::packet::Packet;
use crate::capture::print::Printer;
use crate::capture::sink::{CapturePoint, Sink, Statistics, Wants};

/// What is gathered before it is written, in bytes.
const BUFFER: usize = 64 << 10;

/// Prints packets, or only counts them.
pub(super) struct Text {
    printer: Printer,
    out: BufWriter<Stdout>,
    is_line_buffered: bool,
    only_counts: bool,
    count: u64,
    /// The point whose interfaces the printer knows, and how many those are.
    named: Option<(usize, usize)>,
}

impl Text {
    pub(super) fn new(args: &PrintArgs) -> Self {
        Text {
            printer: Printer::new(args.options()),
            out: BufWriter::with_capacity(BUFFER, io::stdout()),
            is_line_buffered: args.line_buffered,
            only_counts: args.count,
            count: 0,
            named: None,
        }
    }
}

impl Sink for Text {
    fn packet(&mut self, point: &CapturePoint, packet: &Packet<'_>) -> io::Result<Wants> {
        self.count += 1;
        if self.only_counts {
            return Ok(Wants::More);
        }
        let known = (point.number, point.interface_names.len());
        if !point.interface_names.is_empty() && self.named != Some(known) {
            self.named = Some(known);
            for (index, name) in &point.interface_names {
                self.printer.name_interface(*index, name.as_str());
            }
        }
        self.out.write_all(self.printer.print_named(packet, point.label.as_deref()))?;
        if self.is_line_buffered {
            self.out.flush()?;
        }
        Ok(Wants::More)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self, _: &[(CapturePoint, Statistics)]) -> io::Result<()> {
        if self.only_counts {
            let packets = if self.count == 1 { "packet" } else { "packets" };
            writeln!(self.out, "{} {packets}", self.count)?;
        }
        self.out.flush()
    }
}
