//! The kernel's log of this boot, of which the driver's lines are wanted.
//!
//! Sources: the running kernel's `/dev/kmsg`, and the files that syslogd keeps
//! (`/var/log/kern.log` of Debian, `/var/log/messages` of Red Hat,
//! `/var/log/syslog`), with the one before where the boot is not in it; in a
//! recorded tree also what dmesg(1) printed. The ring of the kernel forgets,
//! so that the files are read too where it has. Only lines of the kernel count:
//! what a program says in a log, such as a search for these very words, is none.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use crate::fact::Source;
use crate::fact::host::root::{HostRoot, Outcome};

/// Files of syslogd.
const FILES: &[&str] = &["/var/log/kern.log", "/var/log/messages", "/var/log/syslog"];

/// What dmesg(1) printed. Distributions keep the messages of the boot in the
/// second one, so that on the machine itself it says nothing of later ones.
const PRINTED: &[&str] = &["/dmesg", "/var/log/dmesg"];

const RING: &str = "/dev/kmsg";

/// How much of the end of a file is read.
const MAX_BYTES: u64 = 32 << 20;

/// The most bytes of a line that are looked at.
const MAX_LINE_BYTES: u64 = 8192;

/// The most lines that are kept of one file.
const MAX_LINES: usize = 100_000;

/// A line of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) source: Source,
    /// When, as the log writes it: a date, or seconds since the boot.
    pub(super) logged: Option<String>,
    pub(super) message: String,
}

/// The lines of one log that are wanted, oldest first.
pub(super) type Log = Vec<Line>;

/// The wanted lines of this boot in each log that tells of it; one event may
/// stand in several. Unreadable: no log could be read.
pub(super) fn read_logs(root: &HostRoot, is_wanted: fn(&str) -> bool) -> Outcome<Vec<Log>> {
    let mut problem = None;
    let mut logs = Vec::new();
    match root.read_kernel_log() {
        Outcome::Found(records) => {
            let (log, is_whole) = parse_ring(&String::from_utf8_lossy(&records), is_wanted);
            logs.push(log);
            if is_whole {
                return Outcome::Found(logs);
            }
        }
        Outcome::Absent => {}
        Outcome::Unreadable(reason) => problem = Some(reason),
    }
    for path in FILES {
        match read_file(root, path, Form::Syslog, is_wanted) {
            Outcome::Found((mut log, true)) => logs.push(std::mem::take(&mut log)),
            Outcome::Found((log, false)) => {
                let before = read_file(root, &format!("{path}.1"), Form::Syslog, is_wanted);
                let before = before.found().map(|(before, _)| before).unwrap_or_default();
                logs.push(before.into_iter().chain(log).collect());
            }
            Outcome::Absent => {}
            Outcome::Unreadable(reason) => problem = problem.or(Some(reason)),
        }
    }
    for path in PRINTED {
        if let Outcome::Found((log, _)) = read_file(root, path, Form::Printed, is_wanted)
            && (!root.has_kernel_files() || !log.is_empty())
        {
            logs.push(log);
        }
    }
    if logs.is_empty() {
        let nothing = || format!("read {}: not recorded, and neither is another log of the kernel", FILES.join(", "));
        return Outcome::Unreadable(problem.unwrap_or_else(nothing));
    }
    Outcome::Found(logs)
}

/// How a file writes a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `Nov 23 10:00:00 host kernel: [ 1.5] message`, or with an RFC 3339 date.
    Syslog,
    /// `[ 1.5] message`, as dmesg(1) prints, or as journalctl(1) does.
    Printed,
}

/// The wanted lines since the last boot in a file, and whether that is in it.
fn read_file(root: &HostRoot, path: &str, form: Form, is_wanted: fn(&str) -> bool) -> Outcome<(Log, bool)> {
    root.open_file(path).and_then(|mut file| {
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        let is_cut = size > MAX_BYTES;
        if is_cut && let Err(error) = file.seek(SeekFrom::Start(size - MAX_BYTES)) {
            return Outcome::Unreadable(format!("read {path}: {error}"));
        }
        match lines_in(&mut BufReader::with_capacity(1 << 16, file), path, form, is_cut, is_wanted) {
            Ok(found) => Outcome::Found(found),
            Err(error) => Outcome::Unreadable(format!("read {path}: {error}")),
        }
    })
}

fn lines_in(
    reader: &mut impl BufRead,
    path: &str,
    form: Form,
    is_cut: bool,
    is_wanted: fn(&str) -> bool,
) -> std::io::Result<(Log, bool)> {
    let mut log = Vec::new();
    let mut has_boot = false;
    let mut number = 0_u32;
    let mut bytes = Vec::new();
    let mut starts_line = true;
    loop {
        bytes.clear();
        if reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes)? == 0 {
            return Ok((log, has_boot));
        }
        let is_start = std::mem::replace(&mut starts_line, bytes.last() == Some(&b'\n'));
        if !is_start {
            continue;
        }
        number = number.saturating_add(1);
        // Most lines are neither, and are not decoded.
        if !may_matter(&bytes) {
            continue;
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((logged, message)) = parse_line(text.trim_end(), form) else { continue };
        if message.starts_with("Linux version ") {
            has_boot = true;
            log.clear();
        } else if is_wanted(message) && log.len() < MAX_LINES {
            // Of a file that is cut the lines before are not counted.
            let source = if is_cut { Source::file(path) } else { Source::line(path, number) };
            log.push(Line { source, logged: logged.map(str::to_owned), message: message.to_owned() });
        }
    }
}

/// Whether a line may be one of the driver's, or the first of a boot.
fn may_matter(line: &[u8]) -> bool {
    ["Xid (", "Linux version "].iter().any(|words| memchr::memmem::find(line, words.as_bytes()).is_some())
}

/// When a line was logged, and the kernel's message; none where the line is
/// not the kernel's.
fn parse_line(line: &str, form: Form) -> Option<(Option<&str>, &str)> {
    let of_syslog = parse_syslog(line);
    match form {
        Form::Syslog => of_syslog,
        Form::Printed => of_syslog.or_else(|| Some(parse_printed(line))),
    }
}

fn parse_syslog(line: &str) -> Option<(Option<&str>, &str)> {
    // RFC 3339 is one word; the traditional date is three.
    let words = if line.starts_with(|first: char| first.is_ascii_digit()) { 1 } else { 3 };
    let mut end = 0;
    for _ in 0..words {
        end += line.get(end..)?.find(|character: char| !character.is_whitespace())?;
        end += line.get(end..)?.find(char::is_whitespace)?;
    }
    let (date, rest) = line.split_at_checked(end)?;
    let (_host, rest) = rest.trim_start().split_once(' ')?;
    let message = rest.strip_prefix("kernel: ")?;
    Some((Some(date), parse_printed(message).1))
}

/// What follows `<4>` and `[   12.345678]`; both may be missing.
fn parse_printed(line: &str) -> (Option<&str>, &str) {
    let line = match line.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        Some((level, rest)) if level.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => line,
    };
    match line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((time, rest)) => (Some(time.trim()), rest.trim_start()),
        None => (None, line),
    }
}

/// The wanted records of `/dev/kmsg`, `level,number,microseconds,flags;message`,
/// and whether it still has the first one.
fn parse_ring(text: &str, is_wanted: fn(&str) -> bool) -> (Log, bool) {
    let mut log = Vec::new();
    let mut is_whole = None;
    for line in text.lines().filter(|line| !line.starts_with(' ')) {
        let Some((prefix, message)) = line.split_once(';') else { continue };
        let mut numbers = prefix.split(',').map(str::parse::<u64>);
        let (Some(Ok(level)), Some(Ok(number)), Some(Ok(microseconds))) =
            (numbers.next(), numbers.next(), numbers.next())
        else {
            continue;
        };
        is_whole.get_or_insert(number == 0);
        // The facility is in the upper bits; the kernel's is 0, syslog(3).
        if level < 8 && is_wanted(message) && log.len() < MAX_LINES {
            let logged = format!("{}.{:06}", microseconds / 1_000_000, microseconds % 1_000_000);
            log.push(Line { source: Source::file(RING), logged: Some(logged), message: message.to_owned() });
        }
    }
    (log, is_whole == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_wanted(message: &str) -> bool {
        message.starts_with("NVRM: Xid")
    }

    fn messages(text: &str, form: Form) -> Vec<String> {
        let (log, _) = lines_in(&mut text.as_bytes(), "/var/log/kern.log", form, false, is_wanted).unwrap();
        log.into_iter().map(|line| line.message).collect()
    }

    #[test]
    fn the_kernels_lines_count_in_both_forms_of_dates() {
        let text = "Nov  3 10:00:00 gpu-1 kernel: [  12.5] NVRM: Xid (PCI:0000:ca:00): 79, gone\n2026-11-23T10:00:00.123456+00:00 gpu-1 kernel: NVRM: Xid (PCI:0000:ca:00): 13, x\n";
        let (log, has_boot) = lines_in(&mut text.as_bytes(), "/f", Form::Syslog, false, is_wanted).unwrap();
        assert!(!has_boot);
        assert_eq!(log[0].logged.as_deref(), Some("Nov  3 10:00:00"));
        assert_eq!(log[1].logged.as_deref(), Some("2026-11-23T10:00:00.123456+00:00"));
        assert_eq!(log[1].source, Source::line("/f", 2));
        assert_eq!(log[0].message, "NVRM: Xid (PCI:0000:ca:00): 79, gone");
    }

    #[test]
    fn what_a_program_says_is_not_the_kernels() {
        let text = "Nov 23 10:00:00 gpu-1 sudo: root : COMMAND=/usr/bin/grep NVRM: Xid (PCI /var/log/kern.log\nNov 23 10:00:00 gpu-1 npd[4]: kernel: NVRM: Xid (PCI:0000:ca:00): 79, gone\n";
        assert!(messages(text, Form::Syslog).is_empty());
        let (log, _) = parse_ring("14,5,1000,-;NVRM: Xid (PCI:0000:ca:00): 79, by a program\n", is_wanted);
        assert!(log.is_empty(), "facility 1 is a user's");
    }

    #[test]
    fn only_the_last_boot_counts() {
        let text = "Nov 22 10:00:00 g kernel: NVRM: Xid (PCI:0000:ca:00): 79, before\nNov 23 09:00:00 g kernel: [    0.000000] Linux version 6.8.0-87-generic (buildd@x) #88\nNov 23 10:00:00 g kernel: NVRM: Xid (PCI:0000:ca:00): 13, after\n";
        assert_eq!(messages(text, Form::Syslog), ["NVRM: Xid (PCI:0000:ca:00): 13, after"]);
    }

    #[test]
    fn what_dmesg_prints_has_seconds_or_a_date_or_nothing() {
        let text = "[    0.000000] Linux version 6.8.0\n<4>[ 1234.567890] NVRM: Xid (PCI:0000:ca:00): 48, a\n[Mon Nov 23 10:00:00 2026] NVRM: Xid (PCI:0000:ca:00): 63, b\nNVRM: Xid (PCI:0000:ca:00): 64, c\nNov 23 10:00:00 g kernel: NVRM: Xid (PCI:0000:ca:00): 94, d\n";
        assert_eq!(messages(text, Form::Printed).len(), 4);
    }

    #[test]
    fn the_ring_tells_whether_it_has_forgotten() {
        let (log, is_whole) = parse_ring(
            "6,0,0,-;Linux version 6.8.0\n SUBSYSTEM=pci\n3,9,12345678,-;NVRM: Xid (PCI:0000:ca:00): 79, x\n",
            is_wanted,
        );
        assert_eq!((log.len(), is_whole), (1, true));
        assert_eq!(log[0].logged.as_deref(), Some("12.345678"));
        assert!(!parse_ring("6,4711,9,-;x\n", is_wanted).1);
        assert!(!parse_ring("", is_wanted).1);
    }

    #[test]
    fn garbage_and_endless_lines_are_passed_over() {
        let long = format!("{}\nNov 23 10:00:00 g kernel: NVRM: Xid (PCI:0000:ca:00): 79, x", "Xid (".repeat(100_000));
        assert_eq!(messages(&long, Form::Syslog).len(), 1);
        assert!(messages("\u{0}\u{1}Xid (\nNov", Form::Syslog).is_empty());
        assert!(messages("", Form::Printed).is_empty());
    }
}
