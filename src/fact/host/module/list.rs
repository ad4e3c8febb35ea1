//! The lists of modules: what is loaded, built in and loadable, and the file
//! systems that the kernel knows, each name with its line.
//!
//! Sources: `/proc/modules`, `/proc/filesystems`, and `modules.builtin` and
//! `modules.dep` below `/lib/modules/<release>`, modprobe(8) and depmod(8).

use std::collections::BTreeMap;

use super::super::absence::{line_number, not_recorded};
use crate::fact::host::root::{HostRoot, Outcome};

pub(super) const PROC_MODULES: &str = "/proc/modules";
pub(super) const PROC_FILE_SYSTEMS: &str = "/proc/filesystems";

/// What was read once for all modules.
pub(super) struct Sources {
    pub(super) loaded: Outcome<BTreeMap<String, u32>>,
    pub(super) built_in: Outcome<BTreeMap<String, u32>>,
    pub(super) loadable: Outcome<BTreeMap<String, u32>>,
    pub(super) file_systems: Outcome<BTreeMap<String, u32>>,
    pub(super) folder: String,
}

pub(super) fn read_sources(root: &HostRoot) -> Sources {
    let release = root.read_kernel_text("/proc/sys/kernel/osrelease").found().unwrap_or_default();
    let release = release.trim();
    let folder = ["/lib/modules", "/usr/lib/modules"]
        .iter()
        .map(|parent| format!("{parent}/{release}"))
        .find(|folder| !release.is_empty() && root.metadata(folder).is_found())
        .unwrap_or_else(|| format!("/lib/modules/{release}"));
    let list = |name: &str| match root.read_text(&format!("{folder}/{name}")) {
        _ if release.is_empty() => Outcome::Unreadable(not_recorded("/proc/sys/kernel/osrelease")),
        Outcome::Found(text) => Outcome::Found(parse_module_list(&text)),
        Outcome::Absent => Outcome::Unreadable(format!("read {folder}/{name}: no such file")),
        Outcome::Unreadable(reason) => Outcome::Unreadable(reason),
    };
    Sources {
        loaded: root.read_kernel_text(PROC_MODULES).map(|text| parse_proc_modules(&text)),
        built_in: list("modules.builtin"),
        loadable: list("modules.dep"),
        file_systems: root.read_kernel_text(PROC_FILE_SYSTEMS).map(|text| parse_file_systems(&text)),
        folder,
    }
}

/// Names with their lines: the first word of each line of `/proc/modules`.
pub(super) fn parse_proc_modules(text: &str) -> BTreeMap<String, u32> {
    let name = |line: &str| line.split_whitespace().next().map(module_name);
    text.lines().enumerate().filter_map(|(index, line)| Some((name(line)?, line_number(index)))).collect()
}

/// Names with their lines of `modules.builtin` and `modules.dep`:
/// `kernel/net/bridge/br_netfilter.ko.zst: …`.
pub(super) fn parse_module_list(text: &str) -> BTreeMap<String, u32> {
    let name = |line: &str| {
        let path = line.split(':').next()?;
        let file = path.rsplit('/').next()?;
        file.split_once(".ko").map(|(name, _)| module_name(name))
    };
    text.lines().enumerate().filter_map(|(index, line)| Some((name(line)?, line_number(index)))).collect()
}

pub(super) fn parse_file_systems(text: &str) -> BTreeMap<String, u32> {
    let name = |line: &str| line.split_whitespace().last().map(str::to_owned);
    text.lines().enumerate().filter_map(|(index, line)| Some((name(line)?, line_number(index)))).collect()
}

/// A module's name with `_`, as the kernel spells it.
pub(super) fn module_name(name: &str) -> String {
    name.trim().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_and_underscores_are_equal_and_compressed_modules_count() {
        let dep = "kernel/net/bridge/br_netfilter.ko.zst: kernel/net/bridge/bridge.ko.zst\n\
                   kernel/net/netfilter/ipvs/ip_vs_rr.ko.xz:\nkernel/fs/overlayfs/overlay.ko.gz:\n\
                   kernel/drivers/net/dummy-x.ko:\n";
        let names: Vec<String> = parse_module_list(dep).into_keys().collect();
        assert_eq!(names, ["br_netfilter", "dummy_x", "ip_vs_rr", "overlay"]);
    }

    #[test]
    fn a_loaded_module_has_the_line_that_lists_it() {
        let text = "overlay 147456 11 - Live 0x0000000000000000\nbr_netfilter 28672 0 - Live 0x0000000000000000\n";
        assert_eq!(parse_proc_modules(text).get("br_netfilter"), Some(&2));
    }

    #[test]
    fn file_systems_are_the_last_word_of_a_line() {
        assert_eq!(parse_file_systems("nodev\tsysfs\n\text4\nnodev\toverlay\n").get("overlay"), Some(&3));
    }
}
