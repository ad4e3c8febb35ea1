//! Reads a report back that was written as JSON or as JSON lines.
//!
//! Within `scanner.report/v1` members are only added, so those that are not
//! known are passed over; another schema is refused. The counts are taken of
//! the findings that are there, so that they are true of a report from which
//! someone took findings out.

use serde::Deserialize;
use serde_json::{Deserializer, Map, Value};
use thiserror::Error;

use super::facts::FACTS_SCHEMA;
use super::{Report, SCHEMA, Summary};
use crate::finding::Finding;

/// Why a text is no report that can be read.
#[derive(Debug, Error)]
pub enum ReadReport {
    /// Not JSON at all.
    #[error("it is not JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// JSON that scanner did not write.
    #[error("it is no report of scanner: it names no schema")]
    Foreign,
    /// The facts of a host, which nobody judged yet.
    #[error("it is a facts document; scanner audit --facts makes a report of it")]
    Facts,
    /// A schema that this version does not know.
    #[error("its schema is {found:?}, and this scanner reads {SCHEMA:?} only")]
    Schema {
        /// The schema that it names.
        found: String,
    },
    /// A report that lacks something or says what no report says.
    #[error("it does not keep to {SCHEMA}: {0}")]
    Content(#[source] serde_json::Error),
    /// JSON lines without the summary at their end.
    #[error("it was cut off: its last line is not the summary")]
    Cut,
}

/// What tells a report from other documents.
#[derive(Deserialize)]
struct Head {
    schema: Option<Value>,
    #[serde(rename = "type")]
    kind: Option<Value>,
}

/// One line of the JSON lines.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line {
    Report(Map<String, Value>),
    Finding(Box<Finding>),
    Summary(Map<String, Value>),
}

impl Report {
    /// Reads a report.
    ///
    /// # Errors
    /// When the text is no report of the schema that this version knows.
    pub fn parse(text: &str) -> Result<Report, ReadReport> {
        let head = Deserializer::from_str(text).into_iter::<Value>().next().transpose().map_err(ReadReport::Json)?;
        let head: Head = head.and_then(|head| serde_json::from_value(head).ok()).ok_or(ReadReport::Foreign)?;
        match head.schema.as_ref().and_then(Value::as_str) {
            Some(SCHEMA) => {}
            Some(FACTS_SCHEMA) => return Err(ReadReport::Facts),
            Some(other) => return Err(ReadReport::Schema { found: other.to_owned() }),
            None => return Err(ReadReport::Foreign),
        }
        let mut report = if head.kind.is_some() { lines(text)? } else { document(text)? };
        report.summary = Summary::of(&report.findings);
        Ok(report)
    }
}

fn document(text: &str) -> Result<Report, ReadReport> {
    serde_json::from_str(text).map_err(ReadReport::Content)
}

fn lines(text: &str) -> Result<Report, ReadReport> {
    let mut members = Map::new();
    let mut findings = Vec::new();
    let mut is_whole = false;
    for line in Deserializer::from_str(text).into_iter::<Line>() {
        match line {
            Ok(Line::Report(header)) => members.extend(header),
            Ok(Line::Finding(finding)) => findings.push(*finding),
            Ok(Line::Summary(summary)) => {
                members.extend(summary);
                is_whole = true;
            }
            Err(error) if error.is_eof() => return Err(ReadReport::Cut),
            Err(error) => return Err(ReadReport::Content(error)),
        }
    }
    if !is_whole {
        return Err(ReadReport::Cut);
    }
    members.insert("findings".to_owned(), Value::Array(Vec::new()));
    let report: Report = serde_json::from_value(Value::Object(members)).map_err(ReadReport::Content)?;
    Ok(Report { findings, ..report })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        Report::parse(text).expect_err("it is no report").to_string()
    }

    #[test]
    fn what_is_no_report_is_refused_by_what_it_is() {
        assert_eq!(fault("Kylin"), "it is not JSON: expected value at line 1 column 1");
        assert_eq!(fault(""), "it is no report of scanner: it names no schema");
        assert_eq!(fault("[]"), "it is no report of scanner: it names no schema");
        assert_eq!(fault(r#"{"$schema": "sarif", "version": "2.1.0"}"#), fault("{}"));
        assert_eq!(
            fault(r#"{"schema": "scanner.facts/v1"}"#),
            "it is a facts document; scanner audit --facts makes a report of it"
        );
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let fault = fault(r#"{"schema": "scanner.report/v2", "findings": 7}"#);
        assert_eq!(fault, r#"its schema is "scanner.report/v2", and this scanner reads "scanner.report/v1" only"#);
    }

    #[test]
    fn a_report_that_lacks_its_findings_is_refused() {
        let text = r#"{"schema": "scanner.report/v1", "scanner": {"version": "0", "rules_digest": ""}}"#;
        let fault = fault(text);
        assert!(
            fault.starts_with("it does not keep to scanner.report/v1: missing field `command` at line 1"),
            "{fault}"
        );
    }

    #[test]
    fn lines_without_their_summary_were_cut_off() {
        let header = r#"{"type": "report", "schema": "scanner.report/v1", "command": "audit"}"#;
        assert_eq!(fault(header), "it was cut off: its last line is not the summary");
        assert_eq!(fault(&format!("{header}\n{{\"type\": \"find")), fault(header));
    }
}
