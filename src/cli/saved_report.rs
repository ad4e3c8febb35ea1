//! Reports that were saved as JSON: the input of `convert`, `diff` and
//! `waivers check`, and the baseline of `audit`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::Failure;
use super::input::read_named;
use super::terminal::Terminal;
use crate::report::Report;

/// An older report whose failures are known.
#[derive(Args, Clone, Debug)]
pub(crate) struct BaselineArgs {
    /// Count only what fails anew since this JSON report for the exit code; what is known stays visible and marked
    #[arg(long, value_name = "REPORT", help_heading = "Verdict")]
    baseline: Option<PathBuf>,
}

impl BaselineArgs {
    /// Reads the baseline, where one is named.
    pub(crate) fn read(&self, terminal: Terminal) -> Result<Option<Report>, Failure> {
        let Some(path) = &self.baseline else { return Ok(None) };
        let report = read_report(path)?;
        if !report.complete {
            terminal.note(&format!("warning: the baseline {} is of a run that was interrupted", path.display()));
        }
        Ok(Some(report))
    }
}

/// Reads a report that was saved as JSON or JSON lines; `-` is stdin.
pub(crate) fn read_report(path: &Path) -> Result<Report, Failure> {
    Report::parse(&read_named(path)?).map_err(|error| {
        Failure::new(format!("read the report {}: {error}", path.display()))
            .with_help("write one with: scanner audit --report json=FILE")
    })
}
