//! What loads modules at boot.
//!
//! systemd-modules-load(8) reads `*.conf` of four folders, of files with one
//! name the first, and `modules_load=` of the command line. Debian reads
//! `/etc/modules` through a link among them. `/etc/sysconfig/modules/*.modules`
//! is run by RHEL 7's initscripts only; newer systems ignore it. Units of
//! runtimes may call modprobe themselves before they start.

use std::collections::{BTreeMap, BTreeSet};

use super::super::absence::{is_evidence, line_number, not_recorded};
use super::super::unit;
use super::list::module_name;
use crate::fact::Source;
use crate::fact::host::Host;
use crate::fact::host::root::{HostRoot, Outcome};

/// Folders by falling precedence, modules-load.d(5).
const FOLDERS: &[&str] = &[
    "/etc/modules-load.d",
    "/run/modules-load.d",
    "/usr/local/lib/modules-load.d",
    "/usr/lib/modules-load.d",
    "/lib/modules-load.d",
];

/// Units that load what they need.
const UNITS: &[&str] =
    &["containerd.service", "docker.service", "crio.service", "k3s.service", "k3s-agent.service", "kubelet.service"];

/// Modules that something loads at boot, each with the place that says so.
pub(super) struct AtBoot {
    pub(super) modules: BTreeMap<String, Source>,
    /// Why there may be more than these.
    pub(super) unread: Option<String>,
}

pub(super) fn read_boot(host: &Host) -> AtBoot {
    let root = &host.root;
    let mut at_boot = AtBoot { modules: BTreeMap::new(), unread: None };
    read_load_folders(root, &mut at_boot);
    if reads_etc_modules(root) {
        add_file(root, "/etc/modules", &mut at_boot);
    }
    if let Outcome::Found(line) = root.read_kernel_text("/proc/cmdline") {
        for name in modules_of_cmdline(&line) {
            at_boot.modules.entry(name).or_insert(Source::line("/proc/cmdline", 1));
        }
    }
    if runs_sysconfig_modules(root) {
        read_sysconfig(root, &mut at_boot);
    }
    for name in UNITS {
        let Outcome::Found(unit) = unit::read_unit(root, name) else { continue };
        for setting in unit.all("Service", "ExecStartPre") {
            for module in modules_of_command(&setting.value) {
                at_boot.modules.entry(module).or_insert(Source::line(setting.path.as_str(), setting.line));
            }
        }
    }
    if at_boot.unread.is_none() && !is_evidence(root, "/etc/modules-load.d") {
        at_boot.unread = Some(not_recorded("/etc/modules-load.d"));
    }
    at_boot
}

fn read_load_folders(root: &HostRoot, at_boot: &mut AtBoot) {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for folder in FOLDERS {
        let names = match root.read_folder(folder) {
            Outcome::Found(names) => names,
            Outcome::Absent => continue,
            Outcome::Unreadable(reason) => {
                at_boot.unread.get_or_insert(reason);
                continue;
            }
        };
        for name in names.into_iter().filter(|name| name.strip_suffix(".conf").is_some()) {
            let path = format!("{folder}/{name}");
            // A link to /dev/null masks the files of that name in later folders.
            if seen.insert(name) && root.read_link(&path) != Outcome::Found("/dev/null".to_owned()) {
                add_file(root, &path, at_boot);
            }
        }
    }
}

fn add_file(root: &HostRoot, path: &str, at_boot: &mut AtBoot) {
    match root.read_text(path) {
        Outcome::Found(text) => {
            for (name, line) in parse_module_names(&text) {
                at_boot.modules.entry(name).or_insert(Source::line(path, line));
            }
        }
        Outcome::Absent => {}
        Outcome::Unreadable(reason) => {
            at_boot.unread.get_or_insert(reason);
        }
    }
}

/// `/etc/modules` is Debian's and Alpine's; on a running Debian the link
/// `/etc/modules-load.d/modules.conf` leads to it, which a recording may lack.
fn reads_etc_modules(root: &HostRoot) -> bool {
    let release = root.read_text("/etc/os-release").or_else_absent(|| root.read_text("/usr/lib/os-release"));
    let Outcome::Found(release) = release else { return !root.is_live() };
    let names = release.lines().filter(|line| line.starts_with("ID=") || line.starts_with("ID_LIKE="));
    names.flat_map(|line| line.split(['=', '"', ' '])).any(|id| matches!(id, "debian" | "ubuntu" | "alpine"))
}

fn runs_sysconfig_modules(root: &HostRoot) -> bool {
    let release = root.read_kernel_text("/proc/sys/kernel/osrelease").found().unwrap_or_default();
    release.contains(".el7") || release.contains(".el6")
}

/// Only executable scripts are run, so the mode counts.
fn read_sysconfig(root: &HostRoot, at_boot: &mut AtBoot) {
    const FOLDER: &str = "/etc/sysconfig/modules";
    for name in root.read_folder(FOLDER).found().unwrap_or_default() {
        let path = format!("{FOLDER}/{name}");
        let is_executable = root.metadata(&path).found().is_some_and(|metadata| metadata.mode & 0o111 != 0);
        if !name.ends_with(".modules") || !is_executable {
            continue;
        }
        let text = root.read_text(&path).found().unwrap_or_default();
        for (index, line) in text.lines().enumerate() {
            for module in modules_of_command(line) {
                at_boot.modules.entry(module).or_insert(Source::line(path.as_str(), line_number(index)));
            }
        }
    }
}

/// One module a line; `#` and `;` begin comments.
fn parse_module_names(text: &str) -> Vec<(String, u32)> {
    let is_name = |line: &str| !line.is_empty() && !line.starts_with(['#', ';']);
    text.lines()
        .enumerate()
        .map(|(index, line)| (index, line.trim()))
        .filter(|(_, line)| is_name(line))
        .filter_map(|(index, line)| Some((module_name(line.split_whitespace().next()?), line_number(index))))
        .collect()
}

fn modules_of_cmdline(line: &str) -> Vec<String> {
    let lists = line.split_whitespace().filter_map(|word| word.strip_prefix("modules_load="));
    lists.flat_map(|list| list.split(',')).filter(|name| !name.is_empty()).map(module_name).collect()
}

/// Modules that a command line loads: `-/sbin/modprobe -a overlay`.
fn modules_of_command(command: &str) -> Vec<String> {
    let command = command.split('#').next().unwrap_or_default();
    let is_modprobe =
        |word: &&str| word.trim_start_matches(['-', '@', '+', '!', ':']).rsplit('/').next() == Some("modprobe");
    let mut words = command.split_whitespace().skip_while(|word| !is_modprobe(word));
    if words.next().is_none() || command.split_whitespace().any(|word| word == "-r" || word == "--remove") {
        return Vec::new();
    }
    let is_name = |word: &&str| word.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    let is_several = command.split_whitespace().any(|word| word == "-a" || word == "--all");
    let names = words.filter(|word| !word.starts_with('-')).take_while(is_name).map(module_name);
    // Without -a, what follows the first name are the module's parameters.
    if is_several { names.collect() } else { names.take(1).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_name_no_module() {
        let text = "# /etc/modules\noverlay\n; br_netfilter\n\nbr-netfilter\n";
        assert_eq!(parse_module_names(text), [("overlay".to_owned(), 2), ("br_netfilter".to_owned(), 5)]);
    }

    #[test]
    fn containerds_unit_loads_overlay_itself() {
        assert_eq!(modules_of_command("-/sbin/modprobe overlay"), ["overlay"]);
        assert_eq!(modules_of_command("modprobe -- ip_vs_rr"), ["ip_vs_rr"]);
        assert_eq!(modules_of_command("/sbin/modprobe -a overlay br_netfilter"), ["overlay", "br_netfilter"]);
        assert_eq!(modules_of_command("#modprobe overlay"), Vec::<String>::new());
        assert_eq!(modules_of_command("/usr/bin/mkdir -p /run/x"), Vec::<String>::new());
    }

    #[test]
    fn the_command_line_loads_modules_too() {
        assert_eq!(modules_of_cmdline("quiet modules_load=overlay,br_netfilter ro"), ["overlay", "br_netfilter"]);
    }
}
