//! When a line of a log was written: journalctl's forms (short, short-iso,
//! short-full, short-unix, json), klog's header, logfmt's `time=`, and the
//! dates of container logs; journalctl(1), klog's `header`, RFC 3339.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

/// Within these bytes of a line its time stands.
const HEAD: usize = 512;

/// An instant of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    /// Seconds since 1970, taken as UTC where the log names no zone.
    pub(super) second: i64,
    /// Whether the log names the zone; else it is the writer's own.
    pub(super) is_exact: bool,
}

impl Stamp {
    /// The instant as RFC 3339; without an offset where the log names no zone.
    pub(super) fn text(self) -> String {
        let Ok(instant) = Timestamp::from_second(self.second) else { return String::new() };
        let form = if self.is_exact { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S" };
        instant.strftime(form).to_string()
    }

    /// An instant that a document states as RFC 3339.
    pub(super) fn parse(text: &str) -> Option<Stamp> {
        iso(text)
    }
}

/// The instant of a line. A form without a year is of the last year in which
/// it is not after `now`.
pub(super) fn find(line: &[u8], now: Timestamp) -> Option<Stamp> {
    let head = line.get(..HEAD).unwrap_or(line);
    let head = match std::str::from_utf8(head) {
        Ok(head) => head,
        Err(error) => std::str::from_utf8(head.get(..error.valid_up_to())?).ok()?,
    };
    let start = head.as_bytes().first()?;
    match start {
        b'{' => of_json(line),
        b'0'..=b'9' => iso(head).or_else(|| unix(head)),
        b'I' | b'W' | b'E' | b'F' if klog(head, now).is_some() => klog(head, now),
        _ => syslog(head, now).or_else(|| iso(head.get(4..)?)).or_else(|| after(head, "time=").and_then(iso)),
    }
}

fn after<'t>(text: &'t str, mark: &str) -> Option<&'t str> {
    let rest = text.get(text.find(mark)? + mark.len()..)?;
    Some(rest.trim_start_matches(['"', ':', ' ']))
}

fn of_json(line: &[u8]) -> Option<Stamp> {
    let at = |mark: &str| {
        let found = memchr::memmem::find(line, mark.as_bytes())? + mark.len();
        let rest = line.get(found..)?;
        let rest = rest.get(..64).unwrap_or(rest);
        let valid = rest.iter().position(|byte| !byte.is_ascii()).unwrap_or(rest.len());
        Some(std::str::from_utf8(rest.get(..valid)?).ok()?.trim_start_matches(['"', ':', ' ']))
    };
    if let Some(micros) = at("\"__REALTIME_TIMESTAMP\"") {
        let digits: String = micros.chars().take_while(char::is_ascii_digit).collect();
        return Some(Stamp { second: digits.parse::<i64>().ok()?.checked_div(1_000_000)?, is_exact: true });
    }
    ["\"time\"", "\"ts\"", "\"timestamp\"", "\"@timestamp\""].iter().find_map(|mark| {
        let text = at(mark)?;
        iso(text).or_else(|| unix(text))
    })
}

/// `2026-11-25T21:00:01.5+01:00`, with a blank for the T too, and a zone's name.
fn iso(text: &str) -> Option<Stamp> {
    let date = Date::new(number(text, 0, 4)?, number(text, 5, 7)?, number(text, 8, 10)?).ok()?;
    let separators = [4, 7, 10, 13, 16].map(|at| text.as_bytes().get(at).copied());
    if !matches!(separators, [Some(b'-'), Some(b'-'), Some(b'T' | b' '), Some(b':'), Some(b':')]) {
        return None;
    }
    let second = seconds(date, text.get(11..19)?)?;
    let rest = text.get(19..)?.trim_start_matches(|letter: char| letter.is_ascii_digit() || ".,".contains(letter));
    if rest.starts_with('Z') || rest.starts_with(" UTC") || rest.starts_with(" GMT") {
        return Some(Stamp { second, is_exact: true });
    }
    let sign = match rest.as_bytes().first() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return Some(Stamp { second, is_exact: false }),
    };
    let minutes = if rest.as_bytes().get(3) == Some(&b':') { number(rest, 4, 6) } else { number(rest, 3, 5) };
    let hours: i64 = number(rest, 1, 3)?;
    Some(Stamp { second: second - sign * (hours * 3600 + minutes.unwrap_or(0i64) * 60), is_exact: true })
}

/// `1764104401.123456`
fn unix(text: &str) -> Option<Stamp> {
    let second = text.get(..10)?.parse().ok()?;
    (text.as_bytes().get(10) == Some(&b'.')).then_some(Stamp { second, is_exact: true })
}

/// `Nov 25 21:00:01`
fn syslog(text: &str, now: Timestamp) -> Option<Stamp> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = MONTHS.iter().position(|month| text.starts_with(month))? + 1;
    let day = text.get(4..6)?.trim_start().parse().ok()?;
    in_last_year(i8::try_from(month).ok()?, day, text.get(7..15)?, now)
}

/// `E1125 21:00:01.123456`
fn klog(text: &str, now: Timestamp) -> Option<Stamp> {
    in_last_year(number(text, 1, 3)?, number(text, 3, 5)?, text.get(6..14)?, now)
}

fn in_last_year(month: i8, day: i8, time: &str, now: Timestamp) -> Option<Stamp> {
    let year = TimeZone::UTC.to_datetime(now).year();
    let in_year = |year| seconds(Date::new(year, month, day).ok()?, time);
    // The writer's clock may be of a zone that is ahead.
    let second = in_year(year).filter(|second| *second <= now.as_second() + 86_400).or_else(|| in_year(year - 1))?;
    Some(Stamp { second, is_exact: false })
}

/// `21:00:01` of a day.
fn seconds(date: Date, time: &str) -> Option<i64> {
    if time.as_bytes().get(2) != Some(&b':') || time.as_bytes().get(5) != Some(&b':') {
        return None;
    }
    // A leap second is the last of its minute here.
    let second = number::<i8>(time, 6, 8)?.min(59);
    let time = Time::new(number(time, 0, 2)?, number(time, 3, 5)?, second, 0).ok()?;
    Some(TimeZone::UTC.to_timestamp(date.to_datetime(time)).ok()?.as_second())
}

fn number<N: std::str::FromStr>(text: &str, from: usize, to: usize) -> Option<N> {
    let digits = text.get(from..to)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &str) -> Option<String> {
        find(line.as_bytes(), "2026-11-25T12:00:00Z".parse().unwrap()).map(Stamp::text)
    }

    #[test]
    fn each_form_of_a_journal_tells_its_instant() {
        for (line, expected) in [
            ("Nov 25 21:00:01 cn-01 kubelet[11394]: E1125 21:00:01.1 x", "2026-11-25T21:00:01"),
            ("Dec  7 15:10:45 ckalab2 kubelet[11394]: x", "2025-12-07T15:10:45"),
            ("2026-11-25T21:00:01+0100 cn-01 kubelet[1]: x", "2026-11-25T20:00:01Z"),
            ("2026-11-25T21:00:01.123456+01:00 cn-01 kubelet[1]: x", "2026-11-25T20:00:01Z"),
            ("Wed 2026-11-25 21:00:01 UTC cn-01 kubelet[1]: x", "2026-11-25T21:00:01Z"),
            ("Wed 2026-11-25 21:00:01 CST cn-01 kubelet[1]: x", "2026-11-25T21:00:01"),
            ("1764104401.123456 cn-01 kubelet[1]: x", "2025-11-25T21:00:01Z"),
            (r#"{"MESSAGE":"x","__REALTIME_TIMESTAMP":"1764104401123456"}"#, "2025-11-25T21:00:01Z"),
        ] {
            assert_eq!(text(line).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn each_form_of_a_program_tells_its_instant() {
        for (line, expected) in [
            ("E1124 21:00:01.179485   11394 server.go:294] \"x\"", "2026-11-24T21:00:01"),
            ("time=\"2026-11-25T21:00:01.5Z\" level=error msg=x", "2026-11-25T21:00:01Z"),
            ("2026-11-25T21:00:01.123456789Z stderr F x", "2026-11-25T21:00:01Z"),
            (r#"{"log":"x","stream":"stderr","time":"2026-11-25T21:00:01.5Z"}"#, "2026-11-25T21:00:01Z"),
            (r#"{"level":"warn","ts":"2026-11-25T21:00:01.5Z","msg":"x"}"#, "2026-11-25T21:00:01Z"),
            (r#"{"level":"warn","ts":1764104401.5,"msg":"x"}"#, "2025-11-25T21:00:01Z"),
        ] {
            assert_eq!(text(line).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn a_line_without_an_instant_has_none() {
        for line in ["", "x", "Error: unknown flag", "Nov", "E11", "{", "{\"ts\":", "2026-13-45T99:99:99Z", "时间"] {
            assert_eq!(text(line), None, "{line}");
        }
    }
}
