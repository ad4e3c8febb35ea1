//! Memory and processors of the host.
//!
//! Sources: `/proc/meminfo` (`proc_meminfo(5)`, KiB) and the processors of
//! `/proc/cpuinfo`, which kubeadm compares with its minima as
//! `sysinfo(2)` and the number of processors give them.

use super::absence::fact_of;
use super::root::Outcome;
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::{Fact, Facts, Source};

const MEMINFO: &str = "/proc/meminfo";
const CPUINFO: &str = "/proc/cpuinfo";
const ONLINE: &str = "/sys/devices/system/cpu/online";

pub(super) const COLLECTOR: Collector = Collector { name: "capacity", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "memory.total_bytes",
        Type::Int,
        "Usable memory in bytes (`MemTotal`, which the kernel prints in KiB).",
    ),
    FactDoc::new("memory.swap_total_bytes", Type::Int, "Swap in bytes (`SwapTotal`)."),
    FactDoc::new(
        "cpu.count",
        Type::Int,
        "Processors that are online. Source: `/sys/devices/system/cpu/online`, else `/proc/cpuinfo`.",
    ),
];

fn collect(host: &Host, _: &Facts) -> Facts {
    let mut facts = Facts::default();
    let meminfo = host.root.read_kernel_text(MEMINFO);
    for (path, key) in [("memory.total_bytes", "MemTotal:"), ("memory.swap_total_bytes", "SwapTotal:")] {
        let value = match &meminfo {
            Outcome::Found(text) => match parse_kib(text, key) {
                Some((bytes, line)) => Fact::known(bytes, Source::line(MEMINFO, line)),
                None => Fact::unreadable(Source::file(MEMINFO), format!("parse {MEMINFO}: no {key}")),
            },
            other => fact_of::<i64>(Source::file(MEMINFO), other.as_ref().map(|_| 0)),
        };
        facts.set(path, value);
    }
    facts.set("cpu.count", read_cpu_count(host));
    facts
}

fn read_cpu_count(host: &Host) -> Fact {
    if let Outcome::Found(text) = host.root.read_kernel_text(ONLINE)
        && let Some(count) = parse_cpu_list(&text)
    {
        return Fact::known(count, Source::line(ONLINE, 1));
    }
    let count = host.root.read_kernel_text(CPUINFO).and_then(|text| match count_processors(&text) {
        0 => Outcome::Unreadable(format!("parse {CPUINFO}: it lists no processor")),
        count => Outcome::Found(count),
    });
    fact_of(Source::file(CPUINFO), count)
}

fn parse_kib(text: &str, key: &str) -> Option<(i64, u32)> {
    text.lines().enumerate().find_map(|(index, line)| {
        let kib: i64 = line.strip_prefix(key)?.split_whitespace().next()?.parse().ok()?;
        Some((kib.saturating_mul(1024), super::absence::line_number(index)))
    })
}

/// Blocks of `/proc/cpuinfo`: `processor : 0` on most machines, `processor 0:` on s390x.
fn count_processors(text: &str) -> i64 {
    let is_processor = |line: &&str| {
        line.strip_prefix("processor")
            .is_some_and(|rest| rest.trim_start_matches([' ', '\t', ':']).starts_with(|c: char| c.is_ascii_digit()))
    };
    i64::try_from(text.lines().filter(is_processor).count()).unwrap_or(i64::MAX)
}

/// `0-3,8` is five processors.
fn parse_cpu_list(text: &str) -> Option<i64> {
    let mut count: i64 = 0;
    for range in text.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        count += i64::from(last.checked_sub(first)?) + 1;
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_printed_in_kib() {
        assert_eq!(parse_kib("MemTotal:       16265440 kB\n", "MemTotal:"), Some((16_655_810_560, 1)));
        assert_eq!(parse_kib("MemTotal: x\n", "MemTotal:"), None);
    }

    #[test]
    fn ranges_of_processors_are_counted() {
        assert_eq!(parse_cpu_list("0-3,8\n"), Some(5));
        assert_eq!(parse_cpu_list("0\n"), Some(1));
        assert_eq!(parse_cpu_list("3-0"), None);
    }

    #[test]
    fn each_block_of_cpuinfo_is_a_processor() {
        assert_eq!(count_processors("processor\t: 0\nflags\t: x\n\nprocessor\t: 1\n"), 2);
        assert_eq!(count_processors("processor 0: version = FF,  identification = 1\n"), 1);
    }
}
