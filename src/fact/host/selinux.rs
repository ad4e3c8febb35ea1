//! SELinux: whether it is on, and whether containers have their policy.
//!
//! Sources: `/sys/fs/selinux/enforce` (absent while SELinux is off),
//! `/etc/selinux/config` (`selinux_config(5)`), `selinux=0` on the command line,
//! and the policy module of the package container-selinux.

use super::absence::{fact_of, is_evidence, line_number, not_recorded};
use super::root::{HostRoot, Outcome};
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::{Fact, Facts, Source};

const ENFORCE: &str = "/sys/fs/selinux/enforce";
const CONFIG: &str = "/etc/selinux/config";
const CMDLINE: &str = "/proc/cmdline";
const POLICIES: &[&str] = &["/usr/share/selinux/packages/container.pp.bz2", "/usr/share/selinux/packages/container.pp"];
const STORES: &[&str] = &["targeted", "mls", "minimum"];

pub(super) const COLLECTOR: Collector = Collector { name: "selinux", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new("selinux.mode", Type::Text, "`enforcing`, `permissive` or `disabled`, as it is now."),
    FactDoc::new(
        "selinux.configured",
        Type::Text,
        "`SELINUX=` of `/etc/selinux/config`. Absent: no such file, or it does not say.",
    ),
    FactDoc::new("selinux.has_container_policy", Type::Bool, "Whether container-selinux is installed."),
];

fn collect(host: &Host, _: &Facts) -> Facts {
    let mut facts = Facts::default();
    let root = &host.root;
    let configured = read_configured(root);
    facts.set("selinux.mode", read_mode(root, &configured));
    facts.set("selinux.configured", configured);
    facts.set("selinux.has_container_policy", read_container_policy(root));
    facts
}

fn read_configured(root: &HostRoot) -> Fact {
    match root.read_text(CONFIG) {
        Outcome::Found(text) => match parse_config(&text) {
            Some((mode, line)) => Fact::known(mode, Source::line(CONFIG, line)),
            None => Fact::absent(Source::file(CONFIG)),
        },
        Outcome::Absent if !is_evidence(root, "/etc/selinux") => {
            Fact::unreadable(Source::file(CONFIG), not_recorded(CONFIG))
        }
        other => fact_of::<String>(Source::file(CONFIG), other),
    }
}

/// The running state first; in a recording without it, only what keeps
/// SELinux off for certain tells.
fn read_mode(root: &HostRoot, configured: &Fact) -> Fact {
    match root.read_text(ENFORCE) {
        Outcome::Found(text) => {
            return match text.trim() {
                "1" => Fact::known("enforcing", Source::line(ENFORCE, 1)),
                "0" => Fact::known("permissive", Source::line(ENFORCE, 1)),
                _ => Fact::unreadable(Source::file(ENFORCE), format!("parse {ENFORCE}: neither 0 nor 1")),
            };
        }
        Outcome::Unreadable(reason) => return Fact::unreadable(Source::file(ENFORCE), reason),
        Outcome::Absent => {}
    }
    if root.has_kernel_files() {
        return Fact::known("disabled", Source::file(ENFORCE));
    }
    let cmdline = root.read_kernel_text(CMDLINE).found().unwrap_or_default();
    if cmdline.split_whitespace().any(|word| word == "selinux=0") {
        return Fact::known("disabled", Source::line(CMDLINE, 1));
    }
    match (configured.text(), configured.source()) {
        (Some("disabled"), Some(source)) => Fact::known("disabled", source.clone()),
        _ => Fact::unreadable(Source::file(ENFORCE), not_recorded(ENFORCE)),
    }
}

/// The last `SELINUX=`, and its line.
fn parse_config(text: &str) -> Option<(String, u32)> {
    let setting = |line: &str| line.trim().strip_prefix("SELINUX=").map(|value| value.trim().to_lowercase());
    text.lines().enumerate().filter_map(|(index, line)| Some((setting(line)?, line_number(index)))).last()
}

fn read_container_policy(root: &HostRoot) -> Fact {
    if let Some(path) = POLICIES.iter().find(|path| root.metadata(path).is_found()) {
        return Fact::known(true, Source::file(*path));
    }
    for store in STORES {
        let modules = format!("/var/lib/selinux/{store}/active/modules");
        for priority in root.read_folder(&modules).found().unwrap_or_default() {
            let path = format!("{modules}/{priority}/container");
            if root.metadata(&path).is_found() {
                return Fact::known(true, Source::file(path));
            }
        }
    }
    let source = Source::file("/usr/share/selinux/packages");
    if is_evidence(root, "/usr/share/selinux/packages") || is_evidence(root, "/var/lib/selinux") {
        Fact::known(false, source)
    } else {
        Fact::unreadable(source, not_recorded("/usr/share/selinux/packages"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_policy_is_not_the_mode() {
        let text = "# SELINUX= can take one of these values\nSELINUX=disabled\nSELINUXTYPE=targeted\n";
        assert_eq!(parse_config(text), Some(("disabled".to_owned(), 2)));
        assert_eq!(parse_config("SELINUXTYPE=targeted\n"), None);
    }
}
