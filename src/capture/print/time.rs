//! The time before each line.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::out::Out;
use super::{PrintOptions, TimeStyle};
use crate::capture::packet::Packet;

/// What relative times need of the packets before.
#[derive(Debug, Default)]
pub(super) struct Clock {
    first_ns: Option<i64>,
    previous_ns: Option<i64>,
    /// The second that was written last, and its text.
    second: Option<(i64, String)>,
}

const NS_PER_S: i64 = 1_000_000_000;

impl Clock {
    /// Writes the time of a packet and a blank, in the chosen style.
    pub(super) fn print(&mut self, out: &mut Out, options: &PrintOptions, packet: &Packet<'_>) {
        let timestamp_ns = packet.timestamp_ns;
        let first_ns = *self.first_ns.get_or_insert(timestamp_ns);
        let previous_ns = self.previous_ns.replace(timestamp_ns).unwrap_or(timestamp_ns);
        // What the file had beyond a second stays where it was, as tcpdump leaves it.
        let carried_s = i64::from(packet.carried_s);
        let second = timestamp_ns.div_euclid(NS_PER_S).saturating_sub(carried_s);
        let fraction = timestamp_ns.rem_euclid(NS_PER_S).saturating_add(carried_s.saturating_mul(NS_PER_S));
        match options.time {
            TimeStyle::None => return,
            TimeStyle::Unix => {
                if second < 0 {
                    out.byte(b'-');
                }
                out.number(second.unsigned_abs());
                print_fraction(out, options, fraction);
            }
            TimeStyle::TimeOfDay => self.print_second(out, options, second, "%H:%M:%S", fraction),
            TimeStyle::DateAndTime => self.print_second(out, options, second, "%Y-%m-%d %H:%M:%S", fraction),
            TimeStyle::SincePrevious => print_difference(out, options, timestamp_ns.saturating_sub(previous_ns)),
            TimeStyle::SinceFirst => print_difference(out, options, timestamp_ns.saturating_sub(first_ns)),
        }
        out.byte(b' ');
    }

    /// Times of day change once a second, and packets come far more often.
    fn print_second(&mut self, out: &mut Out, options: &PrintOptions, second: i64, format: &str, fraction: i64) {
        match &self.second {
            Some((kept, text)) if *kept == second => out.text(text),
            _ => {
                let zone = options.time_zone.clone().unwrap_or(TimeZone::UTC);
                let text = Timestamp::from_second(second).map_or_else(
                    |_| "[Error converting time]".to_owned(),
                    |instant| zone.to_datetime(instant).strftime(format).to_string(),
                );
                out.text(&text);
                self.second = Some((second, text));
            }
        }
        print_fraction(out, options, fraction);
    }
}

fn print_fraction(out: &mut Out, options: &PrintOptions, nanoseconds: i64) {
    out.byte(b'.');
    let nanoseconds = nanoseconds.unsigned_abs();
    if options.nanoseconds {
        out.padded(nanoseconds, 9, b'0');
    } else {
        out.padded(nanoseconds / 1000, 6, b'0');
    }
}

fn print_difference(out: &mut Out, options: &PrintOptions, difference_ns: i64) {
    // Differences of what is shown: without --nano, of whole microseconds.
    out.byte(if difference_ns < 0 { b'-' } else { b' ' });
    let nanoseconds = difference_ns.unsigned_abs();
    let seconds = nanoseconds / 1_000_000_000;
    out.padded(seconds / 3600, 2, b'0');
    out.byte(b':');
    out.padded(seconds / 60 % 60, 2, b'0');
    out.byte(b':');
    out.padded(seconds % 60, 2, b'0');
    print_fraction(out, options, i64::try_from(nanoseconds % 1_000_000_000).unwrap_or(0));
}
