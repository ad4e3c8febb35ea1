//! The JSON form of a report as lines: `{"type": "report"}` with who judged
//! what, `{"type": "finding"}` for each finding, and `{"type": "summary"}` with
//! the counts and all else that is known only at the end.
//!
//! Together the lines hold what the JSON document holds, under the same names
//! (`reports/report.schema.json`). A file without its last line was cut off.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use super::Report;
use super::json::write_line;
use crate::finding::Finding;

/// The members that are known when the run begins.
const HEADER: [&str; 5] = ["schema", "scanner", "command", "started_at", "targets"];

/// A member that the lines in between stand for.
const FINDINGS: &str = "findings";

pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Value::Object(members) = serde_json::to_value(report.without_findings())? else { return Ok(()) };
    let (header, summary): (Map<_, _>, Map<_, _>) =
        members.into_iter().filter(|(name, _)| name != FINDINGS).partition(|(name, _)| HEADER.contains(&name.as_str()));
    write_line(&Line { kind: "report", content: header }, out)?;
    for finding in &report.findings {
        write_line(&Line::<&Finding> { kind: "finding", content: finding }, out)?;
    }
    write_line(&Line { kind: "summary", content: summary }, out)
}

/// One line: what it is, then its members.
#[derive(Serialize)]
struct Line<T> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    content: T,
}
