//! When the next file begins and what it is called, as tcpdump's `-C`, `-G`
//! and `-W` have it (tcpdump(1)):
//!
//! * `-C` begins a new file before a packet when the last one has grown beyond
//!   so many millions of bytes. The first has no number, the next ones 1, 2, ….
//! * `-C` with `-W` numbers them from 0, with leading zeros, and begins over
//!   with the first after so many.
//! * `-G` begins a new file with the first packet after so many seconds; its
//!   name is a strftime(3) format. With `-W` and without `-C`, the capture ends
//!   after so many files.

use jiff::fmt::strtime::{BrokenDownTime, Config};
use jiff::{Timestamp, tz::TimeZone};

/// When to begin the next file; by default never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// `-C`: millions of bytes.
    pub megabytes: Option<u64>,
    /// `-G`: seconds.
    pub seconds: Option<u64>,
    /// `-W`: how many files.
    pub files: Option<u32>,
}

/// What comes before the next packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing.
    Same,
    /// The next file.
    New,
    /// The end: there are as many files as were asked for.
    End,
}

/// How far the rotation is.
#[derive(Debug)]
pub(super) struct State {
    rotation: Rotation,
    template: String,
    zone: TimeZone,
    /// When the present interval of `-G` began.
    since: Timestamp,
    /// Intervals of `-G` that have ended.
    intervals: u32,
    /// Number of the present file of `-C`.
    number: u32,
}

impl State {
    pub(super) fn new(rotation: Rotation, template: &str, zone: TimeZone, now: Timestamp) -> Self {
        State { rotation, template: template.to_owned(), zone, since: now, intervals: 0, number: 0 }
    }

    /// Decides before a packet, by the clock and the length of the file.
    pub(super) fn next(&mut self, now: Timestamp, length: u64) -> Next {
        let Rotation { megabytes, seconds, files } = self.rotation;
        if let Some(seconds) = seconds.filter(|seconds| *seconds > 0) {
            let passed = now.as_second().saturating_sub(self.since.as_second());
            if u64::try_from(passed).is_ok_and(|passed| passed >= seconds) {
                self.since = now;
                self.intervals = self.intervals.saturating_add(1);
                if megabytes.is_none() && files.is_some_and(|files| self.intervals >= files) {
                    return Next::End;
                }
                self.number = 0;
                return Next::New;
            }
        }
        if megabytes.is_some_and(|megabytes| length > megabytes.saturating_mul(1_000_000)) {
            self.number = self.number.saturating_add(1);
            if files.is_some_and(|files| self.number >= files) {
                self.number = 0;
            }
            return Next::New;
        }
        Next::Same
    }

    /// The name of the present file.
    pub(super) fn name(&self) -> String {
        let Rotation { megabytes, seconds, files } = self.rotation;
        let mut name = if seconds.is_some() { self.formatted() } else { self.template.clone() };
        let digits = files.map_or(0, digits);
        if megabytes.is_some() && (self.number > 0 || digits > 0) {
            use std::fmt::Write;
            let _ = write!(name, "{:0digits$}", self.number);
        }
        name
    }

    /// The template with the time in it; as it is where that cannot be.
    fn formatted(&self) -> String {
        let time = BrokenDownTime::from(&self.since.to_zoned_datetime(self.zone.clone()));
        time.to_string_with_config(&Config::new().lenient(true), &self.template)
            .unwrap_or_else(|_| self.template.clone())
    }
}

/// The digits of the highest number of so many files.
fn digits(files: u32) -> usize {
    let mut highest = files.saturating_sub(1);
    let mut digits = 0;
    while highest > 0 {
        digits += 1;
        highest /= 10;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn state(rotation: Rotation, template: &str) -> State {
        State::new(rotation, template, TimeZone::UTC, at(1_700_000_000))
    }

    #[test]
    fn without_rotation_there_is_one_file_of_the_name_given() {
        let mut state = state(Rotation::default(), "a%H.pcapng");
        assert_eq!(state.next(at(i64::from(i32::MAX)), u64::MAX), Next::Same);
        assert_eq!(state.name(), "a%H.pcapng");
    }

    #[test]
    fn sizes_count_millions_of_bytes_and_the_first_file_has_no_number() {
        let mut state = state(Rotation { megabytes: Some(1), ..Rotation::default() }, "a");
        assert_eq!(state.name(), "a");
        assert_eq!(state.next(at(1), 1_000_000), Next::Same);
        assert_eq!(state.next(at(1), 1_000_001), Next::New);
        assert_eq!(state.name(), "a1");
    }

    #[test]
    fn a_ring_of_files_is_numbered_from_zero_with_as_many_digits_as_it_needs() {
        let mut state = state(Rotation { megabytes: Some(1), files: Some(11), ..Rotation::default() }, "a");
        let mut names = vec![state.name()];
        for _ in 0..11 {
            assert_eq!(state.next(at(1), 2_000_000), Next::New);
            names.push(state.name());
        }
        assert_eq!(names[..2], ["a00", "a01"]);
        assert_eq!(names[10..], ["a10", "a00"]);
    }

    #[test]
    fn times_name_files_and_their_number_ends_the_capture() {
        let rotation = Rotation { seconds: Some(60), files: Some(2), ..Rotation::default() };
        let mut state = state(rotation, "a-%H%M%S-%!");
        assert_eq!(state.name(), "a-221320-%!", "an unknown conversion stays");
        assert_eq!(state.next(at(1_700_000_059), 0), Next::Same);
        assert_eq!(state.next(at(1_700_000_060), 0), Next::New);
        assert!(state.name().starts_with("a-221420"));
        assert_eq!(state.next(at(1_700_000_200), 0), Next::End);
    }

    #[test]
    fn a_new_interval_begins_the_numbers_of_sizes_anew() {
        let rotation = Rotation { megabytes: Some(1), seconds: Some(60), files: Some(2) };
        let mut state = state(rotation, "a%S");
        assert_eq!(state.name(), "a200");
        assert_eq!(state.next(at(1_700_000_001), 2_000_000), Next::New);
        assert_eq!(state.name(), "a201");
        assert_eq!(state.next(at(1_700_000_061), 2_000_000), Next::New);
        assert_eq!(state.name(), "a210", "the time is looked at first, and never ends it together with sizes");
    }
}
