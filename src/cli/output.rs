//! Where results go: stdout, a file, or several files at once.
//!
//! Files are opened before the work begins, so that a wrong path is told at
//! once, and are written at its end. A reader that closes the pipe
//! has read enough: that is not an error.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::failure::Failure;
use super::terminal::Terminal;
use crate::report::{Format, Report, View, render};

/// Something that results are written to.
#[derive(Debug)]
pub(crate) enum Destination {
    Stdout,
    File { path: PathBuf, file: File },
}

impl Destination {
    /// Opens a destination; none and `-` are stdout. What the file holds stays
    /// until there is something to write.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else { return Ok(Destination::Stdout) };
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map(|file| Destination::File { path: path.to_owned(), file })
            .map_err(|error| Failure::file("open", path, &error).with_help("name a file in a folder that exists"))
    }

    /// Whether this is stdout.
    pub(crate) fn is_stdout(&self) -> bool {
        matches!(self, Destination::Stdout)
    }

    /// Writes everything, in place of what a file held.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.write_by(|out| out.write_all(bytes))
    }

    /// The same for what is made while it is written: the report of a large
    /// cluster is larger than all else that the run holds.
    pub(crate) fn write_by(&mut self, make: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        let (path, written) = match self {
            Destination::Stdout => (Path::new("stdout"), buffered(io::stdout().lock(), make)),
            Destination::File { path, file } => {
                // A pipe or a device has no length; only files are cut.
                let cut = match file.metadata() {
                    Ok(metadata) if metadata.is_file() => file.set_len(0),
                    _ => Ok(()),
                };
                (path.as_path(), cut.and_then(|()| buffered(file, make)))
            }
        };
        match written {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::file("write", path, &error)),
            _ => Ok(()),
        }
    }
}

/// Bytes that are written at once.
const WRITTEN_AT_ONCE: usize = 64 << 10;

fn buffered(out: impl Write, make: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut writer = BufWriter::with_capacity(WRITTEN_AT_ONCE, out);
    let result = make(&mut writer);
    // What a reader that is gone did not take is not tried again when this ends.
    let (mut out, rest) = writer.into_parts();
    result?;
    out.write_all(&rest.unwrap_or_default())?;
    out.flush()
}

/// The form of what is no report, such as a list of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// For people
    Table,
    /// One JSON document
    Json,
}

/// In which forms a report is written, and where to.
#[derive(Args, Clone, Debug)]
pub(crate) struct OutputArgs {
    #[arg(long, value_name = "FORMAT", default_value = "table", value_parser = parse_format, help_heading = "Output", help = format!("Form of the report: {}", format_names()))]
    format: Format,
    /// Write the report to FILE instead of stdout
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Write a further report to FILE, such as json=report.json (repeatable)
    #[arg(long, value_name = "FORMAT=FILE", value_parser = parse_report, help_heading = "Output")]
    report: Vec<ReportArg>,
}

impl OutputArgs {
    /// Opens every file, before the work begins.
    pub(crate) fn open(&self, terminal: Terminal) -> Result<Outputs, Failure> {
        let mut files: Vec<&Path> = self.output.iter().map(PathBuf::as_path).collect();
        for report in &self.report {
            // One would be lost without a word; devices such as /dev/stderr take any number.
            if files.contains(&report.path.as_path()) && !report.path.starts_with("/dev") {
                let what = format!("write two reports to the one file {}", report.path.display());
                return Err(Failure::new(what).with_help("give each form a file of its own"));
            }
            files.push(&report.path);
        }
        let main = (self.format, self.output.as_deref());
        let further = self.report.iter().map(|report| (report.format, Some(report.path.as_path())));
        let open = |(format, path)| {
            let destination = Destination::open(path)?;
            // A file has neither colour nor columns.
            let view = if destination.is_stdout() {
                terminal.view
            } else {
                View { verbose: terminal.view.verbose, ..View::default() }
            };
            Ok(Output { format, view, destination })
        };
        std::iter::once(main).chain(further).map(open).collect::<Result<_, _>>().map(Outputs)
    }
}

/// The forms of a report and where each goes, all open.
pub(crate) struct Outputs(Vec<Output>);

struct Output {
    format: Format,
    view: View,
    destination: Destination,
}

impl Outputs {
    /// Writes a report in every form.
    pub(crate) fn write(self, report: &Report) -> Result<(), Failure> {
        for mut output in self.0 {
            output.destination.write_by(|out| render(report, output.format, output.view, out))?;
        }
        Ok(())
    }
}

/// A report to write beside the main one: `FORMAT=FILE`.
#[derive(Clone, Debug)]
struct ReportArg {
    format: Format,
    path: PathBuf,
}

/// Parses `FORMAT=FILE`.
fn parse_report(text: &str) -> Result<ReportArg, String> {
    let Some((format, path)) = text.split_once('=').filter(|(_, path)| !path.is_empty()) else {
        return Err("expected FORMAT=FILE, such as json=report.json".to_owned());
    };
    Ok(ReportArg { format: parse_format(format)?, path: PathBuf::from(path) })
}

/// Parses the name of a format.
fn parse_format(name: &str) -> Result<Format, String> {
    Format::named(name).ok_or_else(|| format!("there is no format of that name; there are: {}", format_names()))
}

fn format_names() -> String {
    Format::ALL.map(Format::name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_a_format_and_a_file() {
        let report = parse_report("json=a=b.json").unwrap();
        assert_eq!((report.format, report.path), (Format::Json, PathBuf::from("a=b.json")));
        assert!(parse_report("json").is_err());
        assert!(parse_report("json=").is_err());
        assert!(parse_report("yaml=x").unwrap_err().contains("table, json"));
    }
}
