//! Errors that the driver logs: Xid of a GPU, `SXid` of an `NVSwitch`.
//!
//! Source: lines of the kernel's log ([`kernel_log`](super::kernel_log)),
//! `NVRM: Xid (PCI:0000:ca:00): 79, pid=1234, name=python, GPU has fallen off
//! the bus.` (`kernel_rc.c` of open-gpu-kernel-modules; with MIG the bus address
//! is followed by `GPU-I:05`), and `nvidia-nvswitch0: SXid (PCI:0000:05:00.0):
//! 12028, Non-fatal, Link 32 …` (`common_nvswitch.h`). The two have tables of
//! their own. What happens again is counted, and its last line is kept.

use std::collections::BTreeMap;

use super::kernel_log::{Line, read_logs};
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::{Fact, Facts, Source};

/// The most kinds of errors that are kept.
const MOST: usize = 256;

/// The most bytes of the driver's words that are kept.
const MAX_TEXT_BYTES: usize = 240;

const XID: &str = "gpu.xid_errors";
const SXID: &str = "gpu.sxid_errors";

/// The facts that are set here.
pub(super) const FACTS: &[&str] = &[XID, SXID];

/// One error.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Event {
    /// The PCI address of the GPU, without a function, or the `NVSwitch`'s name.
    device: String,
    code: i64,
    /// The program in whose work it happened.
    program: Option<String>,
    /// What the driver says beside the code.
    text: String,
}

/// The last of several errors of one kind, and how many there were.
struct Repeated {
    event: Event,
    line: Line,
    count: i64,
}

/// Sets the lists of errors; they are absent where no driver can log any.
pub(super) fn set_facts(root: &HostRoot, may_log: bool, facts: &mut Facts) {
    if !may_log {
        for path in FACTS {
            facts.set(path, Fact::absent(Source::file("/proc/driver/nvidia")));
        }
        return;
    }
    let is_wanted = |message: &str| message.starts_with("NVRM: Xid (") || message.starts_with("nvidia-nvswitch");
    let source = Source::file("/var/log/kern.log");
    match read_logs(root, is_wanted) {
        Outcome::Found(logs) => {
            let list = |parse: fn(&str) -> Option<Event>, make: fn(&str, &Repeated) -> Fact| {
                let found = count(&logs, parse);
                found.iter().map(|((device, code), event)| make(&format!("{device} {code}"), event)).collect::<Vec<_>>()
            };
            facts.set(XID, Fact::known(list(parse_xid, xid_fact), source.clone()));
            facts.set(SXID, Fact::known(list(parse_sxid, sxid_fact), source));
        }
        Outcome::Absent => {}
        Outcome::Unreadable(reason) => {
            for path in FACTS {
                facts.set(path, Fact::unreadable(source.clone(), reason.as_str()));
            }
        }
    }
}

/// Each kind of error, by device and code. One event may stand in several
/// logs, so that of each kind the log with the most counts.
fn count(logs: &[Vec<Line>], parse: fn(&str) -> Option<Event>) -> BTreeMap<(String, i64), Repeated> {
    let mut all: BTreeMap<(String, i64), Repeated> = BTreeMap::new();
    for log in logs {
        let mut of_log: BTreeMap<(String, i64), Repeated> = BTreeMap::new();
        for line in log {
            let Some(event) = parse(&line.message) else { continue };
            let kind = (event.device.clone(), event.code);
            let count = of_log.get(&kind).map_or(0, |before| before.count);
            if count > 0 || of_log.len() < MOST {
                of_log.insert(kind, Repeated { event, line: line.clone(), count: count.saturating_add(1) });
            }
        }
        for (kind, repeated) in of_log {
            if all.get(&kind).is_none_or(|before| before.count < repeated.count) {
                all.insert(kind, repeated);
            }
        }
    }
    all
}

fn members(name: &str, repeated: &Repeated) -> BTreeMap<String, Fact> {
    let Repeated { event, line, count } = repeated;
    let known = |text: &str| Fact::known(text, line.source.clone());
    let absent = || Fact::absent(line.source.clone());
    BTreeMap::from([
        ("name".to_owned(), known(name)),
        ("code".to_owned(), Fact::known(event.code, line.source.clone())),
        ("count".to_owned(), Fact::known(*count, line.source.clone())),
        ("last".to_owned(), line.logged.as_deref().map_or_else(absent, known)),
        ("text".to_owned(), if event.text.is_empty() { absent() } else { known(&event.text) }),
    ])
}

fn xid_fact(name: &str, repeated: &Repeated) -> Fact {
    let source = repeated.line.source.clone();
    let text = |text: Option<&str>| {
        text.map_or_else(|| Fact::absent(source.clone()), |text| Fact::known(text, source.clone()))
    };
    let mut members = members(name, repeated);
    members.insert("gpu".to_owned(), text(Some(&repeated.event.device)));
    members.insert("program".to_owned(), text(repeated.event.program.as_deref()));
    members.insert("recovery".to_owned(), text(recovery_of(&repeated.event)));
    Fact::known(members, source)
}

fn sxid_fact(name: &str, repeated: &Repeated) -> Fact {
    let source = repeated.line.source.clone();
    let mut members = members(name, repeated);
    members.insert("nvswitch".to_owned(), Fact::known(repeated.event.device.as_str(), source.clone()));
    let is_fatal = repeated.event.text.starts_with("Fatal");
    members.insert("is_fatal".to_owned(), Fact::known(is_fatal, source.clone()));
    Fact::known(members, source)
}

fn parse_xid(message: &str) -> Option<Event> {
    let rest = message.strip_prefix("NVRM: Xid (")?;
    let (place, rest) = rest.split_once("): ")?;
    let address = place.strip_prefix("PCI:").unwrap_or(place).split_whitespace().next()?;
    // Old drivers wrote a function as well.
    let address = address.split_once('.').map_or(address, |(address, _)| address);
    let is_address = address.contains(':') && address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
    let (code, mut rest) = split_code(rest)?;
    let mut program = None;
    for key in ["pid=", "name="] {
        if let Some(value) = rest.strip_prefix(key) {
            let (value, after) = value.split_once(", ").unwrap_or((value, ""));
            let value = value.trim_matches('\'');
            if key == "name=" && value != "<unknown>" && !value.is_empty() {
                program = Some(cut(value));
            }
            rest = after;
        }
    }
    is_address.then(|| Event { device: address.to_ascii_lowercase(), code, program, text: cut(rest) })
}

fn parse_sxid(message: &str) -> Option<Event> {
    let (name, rest) = message.strip_prefix("nvidia-")?.split_once(": SXid (")?;
    let is_name = name.strip_prefix("nvswitch").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    let (code, text) = split_code(rest.split_once("): ")?.1)?;
    is_name.then(|| Event { device: name.to_owned(), code, program: None, text: cut(text) })
}

/// The code and what follows it.
fn split_code(text: &str) -> Option<(i64, &str)> {
    let (code, rest) = text.split_once(',').unwrap_or((text, ""));
    Some((code.trim().parse().ok().filter(|code| (0..=99_999).contains(code))?, rest.trim_start()))
}

/// What the driver says is to be done with the GPU now: Xid 154, `GPU recovery
/// action changed from 0x0 (None) to 0x1 (GPU Reset Required)`.
fn recovery_of(event: &Event) -> Option<&str> {
    let (_, to) = event.text.rsplit_once(" to 0x").filter(|_| event.code == 154)?;
    to.split_once('(')?.1.split_once(')').map(|(action, _)| action)
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(MAX_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(device: &str, code: i64, program: Option<&str>, text: &str) -> Event {
        Event { device: device.to_owned(), code, program: program.map(str::to_owned), text: text.to_owned() }
    }

    #[test]
    fn an_xid_tells_its_gpu_its_code_and_whose_work_it_hit() {
        let lost = "NVRM: Xid (PCI:0000:ca:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.";
        assert_eq!(parse_xid(lost), Some(event("0000:ca:00", 79, None, "GPU has fallen off the bus.")));
        let contained =
            "NVRM: Xid (PCI:0000:01:00 GPU-I:05): 94, pid=7194, Contained: CE User Channel (0x9). RST: No, D-RST: No";
        let text = "Contained: CE User Channel (0x9). RST: No, D-RST: No";
        assert_eq!(parse_xid(contained), Some(event("0000:01:00", 94, None, text)));
        let program = "NVRM: Xid (PCI:0000:41:00): 31, pid=9, name=python3, Ch 00000010, intr 00000000";
        assert_eq!(parse_xid(program), Some(event("0000:41:00", 31, Some("python3"), "Ch 00000010, intr 00000000")));
        assert_eq!(
            parse_xid("NVRM: Xid (0000:03:00): 13, 0001 00000000"),
            Some(event("0000:03:00", 13, None, "0001 00000000"))
        );
        assert_eq!(parse_xid("NVRM: Xid (PCI:0000:03:00): 45"), Some(event("0000:03:00", 45, None, "")));
    }

    #[test]
    fn an_sxid_is_an_nvswitchs_and_no_xid() {
        let line = "nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 12028, Non-fatal, Link 32 egress non-posted PRIV error";
        assert_eq!(parse_xid(line), None);
        assert_eq!(
            parse_sxid(line),
            Some(event("nvswitch3", 12028, None, "Non-fatal, Link 32 egress non-posted PRIV error"))
        );
        let padded = "nvidia-nvswitch0: SXid (PCI:0000:05:00.0): 01234, Fatal, Link 1";
        assert_eq!(parse_sxid(padded), Some(event("nvswitch0", 1234, None, "Fatal, Link 1")));
    }

    #[test]
    fn what_is_to_be_done_is_what_the_last_154_names() {
        let line =
            "NVRM: Xid (PCI:0000:ca:00): 154, GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)";
        assert_eq!(recovery_of(&parse_xid(line).unwrap()), Some("GPU Reset Required"));
        let back = "NVRM: Xid (PCI:0000:ca:00): 154, pid=1, name=x, GPU recovery action changed from 0x1 (GPU Reset Required) to 0x0 (None)";
        assert_eq!(recovery_of(&parse_xid(back).unwrap()), Some("None"));
        assert_eq!(recovery_of(&parse_xid("NVRM: Xid (PCI:0000:ca:00): 79, to 0x1 (x)").unwrap()), None);
    }

    #[test]
    fn hostile_lines_are_no_errors() {
        for line in [
            "NVRM: Xid (",
            "NVRM: Xid (PCI:): 79",
            "NVRM: Xid (PCI:../../x): 79, x",
            "NVRM: Xid (PCI:0000:ca:00): 99999999999999999999, x",
            "NVRM: Xid (PCI:0000:ca:00): -3, x",
            "nvidia-nvswitch: SXid",
        ] {
            assert_eq!((parse_xid(line), parse_sxid(line)), (None, None), "{line}");
        }
        let long = format!("NVRM: Xid (PCI:0000:ca:00): 13, {}", "ä".repeat(10_000));
        assert!(parse_xid(&long).unwrap().text.len() <= MAX_TEXT_BYTES);
    }

    #[test]
    fn what_stands_in_two_logs_happened_once() {
        let line = |text: &str| Line { source: Source::file("/f"), logged: None, message: text.to_owned() };
        let xid = "NVRM: Xid (PCI:0000:ca:00): 13, a";
        let kinds = count(&[vec![line(xid)], vec![line(xid), line(xid)]], parse_xid);
        assert_eq!(kinds.values().map(|kind| kind.count).collect::<Vec<_>>(), [2]);
    }
}
