//! The forms that a report is written in, by their names on the command line.

use std::io::{self, Write};

use super::{Report, View, json, jsonl, table};

/// The form that a report is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people, on a terminal.
    Table,
    /// One JSON document, `reports/report.schema.json`.
    Json,
    /// The same as JSON lines: a header, each finding, a summary.
    Jsonl,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 3] = [Format::Table, Format::Json, Format::Jsonl];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Json => "json",
            Format::Jsonl => "jsonl",
        }
    }

    /// The format of that name.
    pub fn named(name: &str) -> Option<Self> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// Writes a report in one format.
///
/// # Errors
/// When `out` cannot be written.
pub fn render(report: &Report, format: Format, view: View, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Table => table::render(report, view, out),
        Format::Json => json::render(report, out),
        Format::Jsonl => jsonl::render(report, out),
    }
}
