//! Where results go: stdout, a file, or several files at once.
//!
//! Files are opened before the work begins, so that a wrong path is told at
//! once, and are written in one go at its end. A reader that closes the pipe
//! has read enough: that is not an error.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::failure::Failure;
use crate::report::Format;

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
        match self {
            Destination::Stdout => {
                let mut stdout = io::stdout().lock();
                match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
                    Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                        Err(Failure::file("write", Path::new("stdout"), &error))
                    }
                    _ => Ok(()),
                }
            }
            Destination::File { path, file } => {
                // A pipe or a device has no length; only files are cut.
                let cut = match file.metadata() {
                    Ok(metadata) if metadata.is_file() => file.set_len(0),
                    _ => Ok(()),
                };
                match cut.and_then(|()| file.write_all(bytes)) {
                    Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::file("write", path, &error)),
                    _ => Ok(()),
                }
            }
        }
    }
}

/// A report to write beside the main one: `FORMAT=FILE`.
#[derive(Clone, Debug)]
pub(crate) struct ReportArg {
    pub(crate) format: Format,
    pub(crate) path: PathBuf,
}

/// Parses `FORMAT=FILE`.
pub(crate) fn parse_report(text: &str) -> Result<ReportArg, String> {
    let Some((format, path)) = text.split_once('=').filter(|(_, path)| !path.is_empty()) else {
        return Err("expected FORMAT=FILE, such as json=report.json".to_owned());
    };
    Ok(ReportArg { format: parse_format(format)?, path: PathBuf::from(path) })
}

/// Parses the name of a format.
pub(crate) fn parse_format(name: &str) -> Result<Format, String> {
    Format::named(name).ok_or_else(|| {
        let names: Vec<_> = Format::ALL.into_iter().map(Format::name).collect();
        format!("there is no format of that name; there are: {}", names.join(", "))
    })
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
