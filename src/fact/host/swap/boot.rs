//! What turns swap on at the next boot.
//!
//! fstab(5) without comments and `noauto`, enabled `.swap` units
//! (systemd.swap(5)), zram-generator.conf(5), services that set up zram, and
//! Raspberry Pi OS' dphys-swapfile. Masking `swap.target`, masking a unit, or
//! `systemd.swap=0` on the command line keeps it off.

use std::collections::BTreeMap;

use super::super::absence::{is_evidence, line_number, not_recorded};
use super::super::mount::{FSTAB, parse_mounts};
use super::super::unit;
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::{Fact, Source, Value};

const UNIT_FOLDERS: &[&str] =
    &["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/// zram-generator.conf(5): the first of these counts, drop-ins left aside.
const ZRAM_CONFIGS: &[&str] = &[
    "/etc/systemd/zram-generator.conf",
    "/run/systemd/zram-generator.conf",
    "/usr/local/lib/systemd/zram-generator.conf",
    "/usr/lib/systemd/zram-generator.conf",
];
const ZRAM_GENERATORS: &[&str] =
    &["/usr/lib/systemd/system-generators/zram-generator", "/lib/systemd/system-generators/zram-generator"];

/// Services that make swap, and what kind.
const SERVICES: &[(&str, &str)] = &[
    ("zramswap.service", "zram-service"),
    ("zram-config.service", "zram-service"),
    ("zram-swap.service", "zram-service"),
    ("zramd.service", "zram-service"),
    ("armbian-zram-config.service", "zram-service"),
    ("dphys-swapfile.service", "swapfile-service"),
];

/// Something that turns swap on.
struct Cause {
    kind: &'static str,
    setting: String,
    source: Source,
}

pub(super) fn read_at_boot(root: &HostRoot) -> Fact {
    if let Some(source) = what_keeps_it_off(root) {
        return Fact::known(Vec::new(), source);
    }
    let mut causes = Vec::new();
    let mut unread = None;
    match root.read_text(FSTAB) {
        Outcome::Found(text) => causes.extend(fstab_causes(root, &text)),
        Outcome::Absent if is_evidence(root, FSTAB) => {}
        // The file itself is what is recorded or not; /etc alone says nothing of it.
        Outcome::Absent => unread = Some(not_recorded(FSTAB)),
        Outcome::Unreadable(reason) => unread = Some(reason),
    }
    causes.extend(unit_causes(root));
    causes.extend(zram_cause(root));
    causes.extend(service_causes(root));
    match unread {
        Some(reason) if causes.is_empty() => Fact::unreadable(Source::file(FSTAB), reason),
        _ => Fact::known(causes.into_iter().map(cause_fact).collect::<Vec<_>>(), Source::file(FSTAB)),
    }
}

fn cause_fact(cause: Cause) -> Fact {
    let members = BTreeMap::from([
        ("kind".to_owned(), Fact::known(cause.kind, cause.source.clone())),
        ("setting".to_owned(), Fact::known(cause.setting, cause.source.clone())),
    ]);
    Fact::known(Value::Map(members), cause.source)
}

/// A masked swap.target, or `systemd.swap=0` on the command line.
fn what_keeps_it_off(root: &HostRoot) -> Option<Source> {
    if is_masked(root, "swap.target") {
        return Some(Source::file("/etc/systemd/system/swap.target"));
    }
    let cmdline = root.read_kernel_text("/proc/cmdline").found()?;
    let is_off = |word: &str| {
        word.strip_prefix("systemd.swap=").is_some_and(|value| matches!(value, "0" | "no" | "off" | "false" | "n"))
    };
    cmdline.split_whitespace().any(is_off).then(|| Source::line("/proc/cmdline", 1))
}

fn is_masked(root: &HostRoot, unit: &str) -> bool {
    ["/etc/systemd/system", "/run/systemd/system"]
        .iter()
        .any(|folder| root.read_link(&format!("{folder}/{unit}")) == Outcome::Found("/dev/null".to_owned()))
}

/// Lines of fstab that systemd starts at boot, masked units left out.
fn fstab_causes(root: &HostRoot, text: &str) -> Vec<Cause> {
    let lines: Vec<&str> = text.lines().collect();
    parse_mounts(text)
        .into_iter()
        .filter(|mount| mount.kind == "swap" && !mount.options.iter().any(|option| option == "noauto"))
        .filter(|mount| !is_masked(root, &unit_name(&mount.device)))
        .map(|mount| {
            let index = usize::try_from(mount.line).unwrap_or(usize::MAX).saturating_sub(1);
            let line = lines.get(index).copied().unwrap_or_default();
            let setting = line.split_whitespace().collect::<Vec<_>>().join(" ");
            Cause { kind: "fstab", setting, source: Source::line(FSTAB, mount.line) }
        })
        .collect()
}

/// The unit that systemd makes of a device: `dev-sda2.swap`,
/// `dev-disk-by\x2duuid-….swap`; systemd.unit(5), "string escaping".
fn unit_name(device: &str) -> String {
    let path = match device.split_once('=') {
        Some(("UUID", value)) => format!("/dev/disk/by-uuid/{}", value.trim_matches('"').to_ascii_lowercase()),
        Some(("LABEL", value)) => format!("/dev/disk/by-label/{}", value.trim_matches('"')),
        Some(("PARTUUID", value)) => format!("/dev/disk/by-partuuid/{}", value.trim_matches('"')),
        _ => device.to_owned(),
    };
    let mut name = String::new();
    for byte in path.trim_matches('/').bytes() {
        match byte {
            b'/' => name.push('-'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'_' | b'.' => name.push(char::from(byte)),
            other => name.extend(format!("\\x{other:02x}").chars()),
        }
    }
    name + ".swap"
}

fn unit_causes(root: &HostRoot) -> Vec<Cause> {
    let mut names: Vec<String> = UNIT_FOLDERS
        .iter()
        .flat_map(|folder| root.read_folder(folder).found().unwrap_or_default())
        .filter(|name| name.strip_suffix(".swap").is_some())
        .collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| {
            let unit = unit::read_unit(root, &name).found()?;
            let what = unit.last("Swap", "What")?;
            // fstab-generator writes such units below /run for what fstab says already.
            let is_generated = unit.path.starts_with("/run/");
            (unit.is_enabled && !unit.is_masked && !is_generated).then(|| Cause {
                kind: "unit",
                setting: format!("{name}: What={}", what.value),
                source: Source::line(what.path.as_str(), what.line),
            })
        })
        .collect()
}

/// A `[zramN]` section with a size; an empty file in `/etc` turns the
/// distribution's one off. Without the generator the file does nothing.
fn zram_cause(root: &HostRoot) -> Option<Cause> {
    if root.is_live() && !ZRAM_GENERATORS.iter().any(|path| root.metadata(path).is_found()) {
        return None;
    }
    let (path, text) = ZRAM_CONFIGS.iter().find_map(|path| Some((*path, root.read_text(path).found()?)))?;
    let (line, section) = parse_zram_section(&text)?;
    Some(Cause { kind: "zram-generator", setting: section, source: Source::line(path, line) })
}

/// The first `[zramN]` section that makes swap: not one with a mount point, nor of size 0.
fn parse_zram_section(text: &str) -> Option<(u32, String)> {
    let mut open: Option<(u32, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            if open.is_some() {
                return open;
            }
            open = line.starts_with("[zram").then(|| (line_number(index), line.to_owned()));
        } else if let Some((key, value)) = line.split_once('=') {
            let (key, value) = (key.trim(), value.trim());
            let is_off = (key == "zram-size" && value == "0") || (key == "mount-point" && !value.is_empty());
            if is_off {
                open = None;
            }
        }
    }
    open
}

/// Services of `SERVICES` that start at boot. Raspberry Pi OS ships dphys-swapfile
/// enabled, so that where no unit was recorded its configuration is enough.
fn service_causes(root: &HostRoot) -> Vec<Cause> {
    const CONFIG: &str = "/etc/dphys-swapfile";
    let mut causes: Vec<Cause> = Vec::new();
    for (name, kind) in SERVICES {
        match unit::read_unit(root, name) {
            Outcome::Found(unit) if unit.is_enabled && !unit.is_masked => {
                causes.push(Cause { kind, setting: (*name).to_owned(), source: Source::file(unit.path) });
            }
            Outcome::Absent
                if !root.is_live()
                    && *name == "dphys-swapfile.service"
                    && root.read_text(CONFIG).is_found()
                    && !is_masked(root, name) =>
            {
                causes.push(Cause { kind, setting: CONFIG.to_owned(), source: Source::file(CONFIG) });
            }
            _ => {}
        }
    }
    let is_off = root.read_text(CONFIG).found().is_some_and(|text| {
        text.lines().any(|line| line.trim().strip_prefix("CONF_SWAPSIZE=").is_some_and(|size| size.trim() == "0"))
    });
    causes.retain(|cause| cause.kind != "swapfile-service" || !is_off);
    causes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_the_unit_name_that_systemd_gives_it() {
        assert_eq!(unit_name("/dev/sda2"), "dev-sda2.swap");
        assert_eq!(unit_name("/swap.img"), "swap.img.swap");
        assert_eq!(unit_name("UUID=AB-12"), "dev-disk-by\\x2duuid-ab\\x2d12.swap");
    }

    #[test]
    fn a_zram_section_makes_swap_unless_its_size_is_0() {
        assert_eq!(parse_zram_section("# x\n[zram0]\nzram-size = min(ram, 8192)\n"), Some((2, "[zram0]".to_owned())));
        assert_eq!(parse_zram_section("[zram0]\nzram-size=0\n"), None);
        assert_eq!(parse_zram_section("[zram0]\nmount-point=/var/tmp\n[zram1]\n"), Some((3, "[zram1]".to_owned())));
        assert_eq!(parse_zram_section(""), None);
    }
}
