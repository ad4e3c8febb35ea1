//! Kernels that are installed, and the one that boots next.
//!
//! In: `/boot/vmlinuz-*` with `/lib/modules/*`, `/run/reboot-required` (Debian
//! and Ubuntu), grub's environment block and the entries of the Boot Loader
//! Specification (uapi-group.org/specifications/specs/boot_loader_specification).

use super::super::absence::{fact_of, judged, not_recorded};
use super::release::{family, sort_key};
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::{Fact, Facts, Source};

const GRUB_ENVIRONMENTS: &[&str] = &["/boot/grub2/grubenv", "/boot/grub/grubenv", "/boot/efi/EFI/redhat/grubenv"];
const GRUB_MENUS: &[&str] = &["/boot/grub2/grub.cfg", "/boot/grub/grub.cfg"];
const ENTRIES: &str = "/boot/loader/entries";
const REBOOT_REQUIRED: &[&str] = &["/run/reboot-required", "/var/run/reboot-required"];

pub(super) fn set_boot(facts: &mut Facts, root: &HostRoot, release: &Outcome<String>) {
    let installed = read_installed(root);
    let boot = Source::file("/boot");
    let newest = match (&installed, release) {
        (Outcome::Found(installed), Outcome::Found(running)) => {
            newest(installed, running).map_or(Outcome::Absent, |newest| Outcome::Found(newest.to_owned()))
        }
        (Outcome::Found(_), _) => Outcome::Unreadable(not_recorded("/proc/sys/kernel/osrelease")),
        (Outcome::Absent, _) => Outcome::Absent,
        (Outcome::Unreadable(reason), _) => Outcome::Unreadable(reason.clone()),
    };
    let newest_source = match &newest {
        Outcome::Found(newest) => Source::file(format!("/boot/vmlinuz-{newest}")),
        _ => boot.clone(),
    };
    let listed = installed.as_ref().map(|releases| {
        let image = |release: &String| Fact::known(release.as_str(), Source::file(format!("/boot/vmlinuz-{release}")));
        releases.iter().map(image).collect::<Vec<_>>()
    });
    facts.set("kernel.installed", fact_of(boot, listed));
    facts.set("kernel.newest_installed", fact_of(newest_source, newest));
    facts.set("kernel.boot_default", read_boot_default(root, &installed.found().unwrap_or_default()));
    facts.set("kernel.reboot_required", read_reboot_required(root));
}

/// Releases with an image in `/boot` and, where modules were looked at at all, a folder of modules.
fn read_installed(root: &HostRoot) -> Outcome<Vec<String>> {
    let names = match judged(root, "/boot", "/boot", root.read_folder("/boot")) {
        Outcome::Found(names) => names,
        Outcome::Absent => return Outcome::Found(Vec::new()),
        Outcome::Unreadable(reason) => return Outcome::Unreadable(reason),
    };
    let modules = root.read_folder("/lib/modules").or_else_absent(|| root.read_folder("/usr/lib/modules")).found();
    let modules = modules.filter(|folders| !folders.is_empty());
    let has_modules = |release: &String| modules.as_ref().is_none_or(|folders| folders.contains(release));
    Outcome::Found(installed_releases(&names).filter(has_modules).collect())
}

fn installed_releases(names: &[String]) -> impl Iterator<Item = String> + '_ {
    names
        .iter()
        .filter_map(|name| name.strip_prefix("vmlinuz-").or_else(|| name.strip_prefix("vmlinux-")))
        .filter(|release| !release.contains("rescue") && release.starts_with(|c: char| c.is_ascii_digit()))
        .filter(|release| [".old", ".signed"].iter().all(|end| release.strip_suffix(end).is_none()))
        .map(str::to_owned)
}

/// The newest kernel of the running one's flavour; one of ELRepo's counts for
/// a RHEL kernel too, since who installs it means to run it.
fn newest<'a>(installed: &'a [String], running: &str) -> Option<&'a str> {
    let of_running = family(running);
    let counts = |release: &&String| family(release) == of_running || release.contains(".elrepo");
    installed.iter().filter(counts).max_by_key(|release| sort_key(release)).map(String::as_str)
}

/// The kernel that the boot loader names as its default, where it names one.
fn read_boot_default(root: &HostRoot, installed: &[String]) -> Fact {
    for path in GRUB_ENVIRONMENTS {
        let text = match root.read_text(path) {
            Outcome::Found(text) => text,
            Outcome::Absent => continue,
            Outcome::Unreadable(reason) => return Fact::unreadable(Source::file(*path), reason),
        };
        let Some((line, saved)) = parse_saved_entry(&text) else { continue };
        return match release_of_entry(root, saved, installed) {
            Some(release) => Fact::known(release, Source::line(*path, line)),
            None => Fact::absent(Source::line(*path, line)),
        };
    }
    Fact::absent(Source::file("/boot/grub2/grubenv"))
}

/// `saved_entry=` of a grub environment block, and its line.
fn parse_saved_entry(text: &str) -> Option<(u32, &str)> {
    let mut saved = None;
    for (index, line) in text.lines().enumerate().take(1000) {
        if let Some(entry) = line.strip_prefix("saved_entry=") {
            saved = Some((super::super::absence::line_number(index), entry.trim()));
        }
    }
    saved.filter(|(_, entry)| !entry.is_empty())
}

/// The release that an entry starts: an entry's name, a menu title with the
/// release in it, or a number that counts the menu's entries from 0.
fn release_of_entry(root: &HostRoot, saved: &str, installed: &[String]) -> Option<String> {
    if let Ok(index) = saved.parse::<usize>() {
        return releases_in_menu(root).into_iter().nth(index).filter(|release| !release.is_empty());
    }
    if let Outcome::Found(entry) = root.read_text(&format!("{ENTRIES}/{saved}.conf"))
        && let Some(release) = release_in_entry(&entry)
    {
        return Some(release);
    }
    let in_saved = |release: &&String| names_release(saved, release);
    installed.iter().filter(in_saved).max_by_key(|release| release.len()).cloned()
}

/// Whether the title names this release and not a longer one.
fn names_release(title: &str, release: &str) -> bool {
    title.match_indices(release).any(|(at, _)| {
        let next = title.get(at + release.len()..).and_then(|rest| rest.chars().next());
        next.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '.' && c != '_')
    })
}

/// The kernels of the menu in its order: by the specification's entries,
/// newest first, else as grub.cfg lists them.
fn releases_in_menu(root: &HostRoot) -> Vec<String> {
    let entries: Vec<String> = root
        .read_folder(ENTRIES)
        .found()
        .unwrap_or_default()
        .iter()
        .filter(|name| name.strip_suffix(".conf").is_some())
        .filter_map(|name| root.read_text(&format!("{ENTRIES}/{name}")).found())
        .filter_map(|entry| release_in_entry(&entry))
        .collect();
    if !entries.is_empty() {
        // A rescue image has no number and comes last.
        let mut entries = entries;
        entries.sort_by_key(|release| std::cmp::Reverse(sort_key(release)));
        return entries;
    }
    let menu = GRUB_MENUS.iter().find_map(|path| root.read_text(path).found()).unwrap_or_default();
    parse_menu(&menu)
}

fn release_in_entry(entry: &str) -> Option<String> {
    entry.lines().find_map(|line| line.strip_prefix("linux")).and_then(release_in_command)
}

/// `linux16 /vmlinuz-3.10.0-1160.el7.x86_64 root=…` names the image first.
fn release_in_command(rest: &str) -> Option<String> {
    let image = rest.split_whitespace().find(|word| word.contains("vmlinu"))?;
    image.rsplit('/').next()?.split_once('-').map(|(_, release)| release.to_owned())
}

/// Kernels of a grub.cfg's top-level entries; a submenu is one entry of its own.
fn parse_menu(menu: &str) -> Vec<String> {
    let mut releases: Vec<String> = Vec::new();
    let mut depth: i64 = 0;
    for line in menu.lines() {
        let line = line.trim();
        let opens = line.starts_with("menuentry ") || line.starts_with("submenu ");
        if opens && depth == 0 {
            releases.push(String::new());
        }
        if depth == 1
            && line.starts_with("linux")
            && let Some(last) = releases.last_mut()
            && last.is_empty()
        {
            *last = release_in_command(line).unwrap_or_default();
        }
        depth += i64::from(opens && line.ends_with('{'));
        if line == "}" && depth > 0 {
            depth -= 1;
        }
    }
    releases
}

/// update-notifier's flag; its list names the packages that asked for it, and
/// one that lists only libraries is not about the kernel.
fn read_reboot_required(root: &HostRoot) -> Fact {
    for path in REBOOT_REQUIRED {
        match root.metadata(path) {
            Outcome::Found(_) => {
                let packages = root.read_text(&format!("{path}.pkgs")).found().unwrap_or_default();
                let is_kernel = packages.trim().is_empty() || packages.lines().any(|name| name.starts_with("linux-"));
                return Fact::known(is_kernel, Source::file(*path));
            }
            Outcome::Absent => {}
            Outcome::Unreadable(reason) => return Fact::unreadable(Source::file(*path), reason),
        }
    }
    fact_of::<bool>(Source::file("/run/reboot-required"), judged(root, "/run", "/run/reboot-required", Outcome::Absent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn rescue_images_and_old_links_are_no_kernels() {
        let boot = names(&[
            "vmlinuz",
            "vmlinuz-0-rescue-3d1219c7c4c5404aaa1f6d2a48adfda4",
            "vmlinuz-5.15.0-91-generic",
            "initrd.img",
        ]);
        assert_eq!(installed_releases(&boot).collect::<Vec<_>>(), ["5.15.0-91-generic"]);
    }

    #[test]
    fn the_newest_kernel_of_the_same_flavour_counts() {
        let boot = names(&["5.15.0-126-generic", "5.15.0-91-generic", "6.2.0-1018-aws"]);
        assert_eq!(newest(&boot, "5.15.0-91-generic"), Some("5.15.0-126-generic"));
        assert_eq!(newest(&boot, "6.18.44-fc-v669"), None);
    }

    #[test]
    fn an_elrepo_kernel_that_was_installed_but_not_booted_counts() {
        let boot = names(&["3.10.0-1160.el7.x86_64", "5.4.196-1.el7.elrepo.x86_64"]);
        assert_eq!(newest(&boot, "3.10.0-1160.el7.x86_64"), Some("5.4.196-1.el7.elrepo.x86_64"));
        assert_eq!(newest(&boot, "5.4.196-1.el7.elrepo.x86_64"), Some("5.4.196-1.el7.elrepo.x86_64"));
    }

    #[test]
    fn grubs_saved_entry_is_found_with_its_line() {
        let block = "# GRUB Environment Block\nsaved_entry=CentOS Linux (3.10.0-1160.el7.x86_64) 7 (Core)\n####";
        assert_eq!(parse_saved_entry(block), Some((2, "CentOS Linux (3.10.0-1160.el7.x86_64) 7 (Core)")));
        assert_eq!(parse_saved_entry("saved_entry=\n"), None);
    }

    #[test]
    fn a_title_names_its_release_and_not_a_shorter_one() {
        let title = "CentOS Linux (3.10.0-1160.119.1.el7.x86_64) 7 (Core)";
        assert!(names_release(title, "3.10.0-1160.119.1.el7.x86_64"));
        assert!(!names_release("5.15.0-91-generic", "5.15.0-9"));
    }

    #[test]
    fn a_submenu_is_one_entry_of_the_menu() {
        let menu = "menuentry 'Ubuntu' --class ubuntu {\n\tlinux /boot/vmlinuz-5.15.0-126-generic root=UUID=1 ro\n}\n\
                    submenu 'Advanced options' {\n\tmenuentry 'x' {\n\t\tlinux /boot/vmlinuz-5.15.0-91-generic\n\t}\n}\n\
                    menuentry 'other' {\n\tlinux16 /vmlinuz-3.10.0-1160.el7.x86_64 ro\n}\n";
        assert_eq!(parse_menu(menu), ["5.15.0-126-generic", "", "3.10.0-1160.el7.x86_64"]);
    }
}
