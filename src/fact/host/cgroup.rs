//! Control groups: which version the host uses, and which controllers.
//!
//! The version is the type of the file system at `/sys/fs/cgroup`:
//! `cgroup2fs` is v2; a tmpfs there is v1, and hybrid where v2 is mounted at
//! `unified` besides, which the kubelet and runtimes treat as v1. In a
//! recorded tree the mounts of process 1 tell, cgroups(7).

use super::absence::{fact_of, line_number, not_recorded};
use super::mount::parse_mounts;
use super::root::{HostRoot, Outcome};
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::{Fact, Facts, Source};

const FOLDER: &str = "/sys/fs/cgroup";
const UNIFIED: &str = "/sys/fs/cgroup/unified";
const CONTROLLERS: &str = "/sys/fs/cgroup/cgroup.controllers";
const V1_CONTROLLERS: &str = "/proc/cgroups";
/// `CGROUP2_SUPER_MAGIC` and `TMPFS_MAGIC` of linux/magic.h.
const CGROUP2_MAGIC: i64 = 0x6367_7270;
const TMPFS_MAGIC: i64 = 0x0102_1994;

pub(super) const COLLECTOR: Collector = Collector { name: "cgroup", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new("cgroup.version", Type::Text, "`v1`, `v2` or `hybrid` (both mounted; the kubelet takes it for v1)."),
    FactDoc::new(
        "cgroup.controllers",
        Type::List(&Type::Text),
        "Controllers at the root: `cgroup.controllers` on v2, those that `/proc/cgroups` calls enabled on v1.",
    ),
    FactDoc::new(
        "cgroup.subtree_control",
        Type::List(&Type::Text),
        "Controllers that v2 hands on to the groups below the root. Absent: v1.",
    ),
];

/// Reads what the kubelet was told of v1; apart, since the kubelet's collector may ask for ours.
pub(super) const ACCEPTANCE: Collector =
    Collector { name: "cgroup_acceptance", facts: ACCEPTANCE_FACTS, needs: &["kubelet"], collect: collect_acceptance };

const ACCEPTANCE_FACTS: &[FactDoc] = &[FactDoc::new(
    "cgroup.v1_is_accepted",
    Type::Bool,
    "Whether the kubelet was told to run on cgroup v1: `failCgroupV1: false` is written down, so that it holds from 1.35 on too.",
)];

/// A default of false is 1.34's, and no word for 1.35; so the source counts.
fn collect_acceptance(_: &Host, earlier: &Facts) -> Facts {
    let source = Source::default_of("KubeletConfiguration v1beta1, failCgroupV1");
    let accepted = match earlier.get("kubelet.fail_cgroup_v1") {
        Some(Fact::Known { source: Some(Source::Default { .. }), .. } | Fact::Absent { .. }) | None => {
            Fact::known(false, source)
        }
        Some(Fact::Unreadable { source: place, reason }) => {
            Fact::unreadable(place.clone().unwrap_or(source), reason.as_str())
        }
        Some(set) => Fact::known(set.bool() == Some(false), set.source().cloned().unwrap_or(source)),
    };
    let mut facts = Facts::default();
    facts.set("cgroup.v1_is_accepted", accepted);
    facts
}

fn collect(host: &Host, _: &Facts) -> Facts {
    let root = &host.root;
    let version = read_version(root);
    let is_v2 = version.text() == Some("v2");
    let controllers = match version.text() {
        Some("v2") => words_fact(CONTROLLERS, root.read_kernel_text(CONTROLLERS)),
        Some(_) => {
            let enabled = root.read_kernel_text(V1_CONTROLLERS).map(|text| {
                let known = |(name, line): (String, u32)| Fact::known(name, Source::line(V1_CONTROLLERS, line));
                parse_proc_cgroups(&text).into_iter().map(known).collect::<Vec<_>>()
            });
            fact_of(Source::file(V1_CONTROLLERS), enabled)
        }
        None => Fact::unreadable(Source::file(FOLDER), format!("read {FOLDER}: the version of cgroups is not known")),
    };
    let subtree = "/sys/fs/cgroup/cgroup.subtree_control";
    let subtree_control = match version.text() {
        Some(_) if !is_v2 => Fact::absent(Source::file(subtree)),
        _ => words_fact(subtree, root.read_kernel_text(subtree)),
    };
    let mut facts = Facts::default();
    facts.set("cgroup.version", version);
    facts.set("cgroup.controllers", controllers);
    facts.set("cgroup.subtree_control", subtree_control);
    facts
}

fn words_fact(path: &str, text: Outcome<String>) -> Fact {
    let source = Source::line(path, 1);
    let words =
        text.map(|text| text.split_whitespace().map(|word| Fact::known(word, source.clone())).collect::<Vec<_>>());
    fact_of(source.clone(), words)
}

fn read_version(root: &HostRoot) -> Fact {
    match root.file_system_magic(FOLDER) {
        Outcome::Found(CGROUP2_MAGIC) => return Fact::known("v2", Source::file(FOLDER)),
        Outcome::Found(TMPFS_MAGIC) => {
            let is_hybrid = root.file_system_magic(UNIFIED) == Outcome::Found(CGROUP2_MAGIC);
            return Fact::known(if is_hybrid { "hybrid" } else { "v1" }, Source::file(FOLDER));
        }
        _ => {}
    }
    let (path, mounts) = root.read_mounts();
    let reason = match mounts {
        Outcome::Found(text) => match parse_version(&text) {
            Some((version, line)) => return Fact::known(version, Source::line(path, line)),
            None => format!("read {path}: no cgroup file system is mounted at {FOLDER}"),
        },
        Outcome::Absent => not_recorded(&path),
        Outcome::Unreadable(reason) => reason,
    };
    // Only v2 has this file, and only at the root of its tree.
    if root.read(CONTROLLERS).is_found() {
        return Fact::known("v2", Source::file(CONTROLLERS));
    }
    Fact::unreadable(Source::file(path), reason)
}

/// The version by the mounts, as kubeadm looks for it, and the line that tells.
fn parse_version(mounts: &str) -> Option<(&'static str, u32)> {
    let mounts = parse_mounts(mounts);
    let of_kind = |kind: &str| mounts.iter().find(|mount| mount.kind == kind && mount.path.starts_with(FOLDER));
    let unified = mounts.iter().rev().find(|mount| mount.kind == "cgroup2" && mount.path == FOLDER);
    match (unified, of_kind("cgroup"), of_kind("cgroup2")) {
        (Some(mount), None, _) => Some(("v2", mount.line)),
        (_, Some(_), Some(mount)) => Some(("hybrid", mount.line)),
        (_, Some(mount), None) => Some(("v1", mount.line)),
        _ => None,
    }
}

/// Enabled controllers of `/proc/cgroups` with their lines: name, hierarchy, number of groups, enabled.
fn parse_proc_cgroups(text: &str) -> Vec<(String, u32)> {
    let enabled = |line: &str| {
        let mut fields = line.split_whitespace();
        let name = fields.next().filter(|name| !name.starts_with('#'))?;
        (fields.nth(2) == Some("1")).then(|| name.to_owned())
    };
    text.lines().enumerate().filter_map(|(index, line)| Some((enabled(line)?, line_number(index)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "tmpfs /sys/fs/cgroup tmpfs ro,nosuid,nodev,noexec,mode=755 0 0\n\
                      cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0\n\
                      cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n";

    #[test]
    fn only_cgroup2_at_the_folder_is_v2() {
        let v2 = "sysfs /sys sysfs rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n";
        assert_eq!(parse_version(v2), Some(("v2", 2)));
    }

    #[test]
    fn v2_beside_v1_is_hybrid() {
        assert_eq!(parse_version(V1), Some(("v1", 2)));
        let hybrid = format!("{V1}cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n");
        assert_eq!(parse_version(&hybrid), Some(("hybrid", 4)));
    }

    #[test]
    fn mounts_without_cgroups_tell_nothing() {
        assert_eq!(parse_version("/dev/vda1 / ext4 rw 0 0\n"), None);
        assert_eq!(parse_version("cgroup2 /run/other cgroup2 rw 0 0\n"), None);
    }

    #[test]
    fn a_controller_that_the_command_line_disabled_is_left_out() {
        let text = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t1\t1\nmemory\t0\t1\t0\npids\t8\t1\t1\n";
        assert_eq!(parse_proc_cgroups(text), [("cpu".to_owned(), 2), ("pids".to_owned(), 4)]);
    }
}
