//! The forms that a report is written in, by their names on the command line.

use std::io::{self, Write};

use super::{
    Report, View, csv, github, gitlab, html, json, jsonl, junit, markdown, openreports, prometheus, sarif, table,
};

/// The form that a report is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people, on a terminal.
    Table,
    /// One JSON document, `reports/report.schema.json`.
    Json,
    /// The same as JSON lines: a header, each finding, a summary.
    Jsonl,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// JUnit XML, for test reports.
    Junit,
    /// Markdown, for job summaries and comments.
    Markdown,
    /// One page, for people without a terminal.
    Html,
    /// A row for each finding, for spreadsheets.
    Csv,
    /// Workflow commands of GitHub Actions.
    Github,
    /// GitLab's code quality report.
    Gitlab,
    /// Reports of the Kubernetes API `openreports.io`.
    Openreports,
    /// Metrics for `node_exporter`'s textfile collector.
    Prometheus,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 12] = [
        Format::Table,
        Format::Json,
        Format::Jsonl,
        Format::Sarif,
        Format::Junit,
        Format::Markdown,
        Format::Html,
        Format::Csv,
        Format::Github,
        Format::Gitlab,
        Format::Openreports,
        Format::Prometheus,
    ];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Json => "json",
            Format::Jsonl => "jsonl",
            Format::Sarif => "sarif",
            Format::Junit => "junit",
            Format::Markdown => "markdown",
            Format::Html => "html",
            Format::Csv => "csv",
            Format::Github => "github",
            Format::Gitlab => "gitlab",
            Format::Openreports => "openreports",
            Format::Prometheus => "prometheus",
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
        Format::Sarif => sarif::render(report, out),
        Format::Junit => junit::render(report, out),
        Format::Markdown => markdown::render(report, out),
        Format::Html => html::render(report, out),
        Format::Csv => csv::render(report, out),
        Format::Github => github::render(report, out),
        Format::Gitlab => gitlab::render(report, out),
        Format::Openreports => openreports::render(report, out),
        Format::Prometheus => prometheus::render(report, out),
    }
}
