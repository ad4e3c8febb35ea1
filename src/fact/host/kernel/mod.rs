//! The running kernel: its release, who built it, what its number is worth,
//! its command line, and whether another kernel boots next.
//!
//! Sources: `/proc/sys/kernel/osrelease` (what the kubelet and kube-proxy
//! compare), `/proc/version`, `/proc/version_signature` (Ubuntu),
//! `/proc/cmdline`, `/proc/pressure`; for installed kernels see [`boot`].

mod boot;
mod release;

use super::absence::fact_of;
use super::root::{HostRoot, Outcome};
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::{Fact, Facts, Source};
pub(in crate::fact) use release::parse_release;
use release::{Number, Release};

const RELEASE: &str = "/proc/sys/kernel/osrelease";
const VERSION: &str = "/proc/version";
const SIGNATURE: &str = "/proc/version_signature";
const CMDLINE: &str = "/proc/cmdline";
const PRESSURE: &str = "/proc/pressure/cpu";

pub(super) const COLLECTOR: Collector = Collector { name: "kernel", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "kernel.release",
        Type::Text,
        "The release as `uname -r` prints it. Source: `/proc/sys/kernel/osrelease`.",
    ),
    FactDoc::new(
        "kernel.version",
        Type::Text,
        "The release's numbers, `5.4.196`; on Debian and Ubuntu, whose releases carry an ABI, upstream's from `/proc/version` \
         or `/proc/version_signature` where it is there.",
    ),
    FactDoc::new("kernel.line", Type::Text, "Its first two numbers, `5.4`."),
    FactDoc::new(
        "kernel.upstream_version",
        Type::Text,
        "kernel.version where it tells which features of upstream are there. Unreadable for kernels of vendors that backport \
         (RHEL, SLES, openEuler, Kylin, Anolis, UOS …), whose number does not tell.",
    ),
    FactDoc::new(
        "kernel.flavour",
        Type::Text,
        "Who built it, by the release: `rhel`, `elrepo`, `uek`, `amazon`, `ubuntu`, `debian`, `suse`, `kylin`, `openeuler`, \
         `anolis`, `uos`, `talos` …; `other` for a vendor that we do not know, `self-built` where nothing names one.",
    ),
    FactDoc::new(
        "kernel.vendor",
        Type::Text,
        "The distribution in the release: `el8`, `ky10`, `amzn2`. Absent: it names none.",
    ),
    FactDoc::new(
        "kernel.build",
        Type::Int,
        "First number of the vendor's build, 193 in `4.18.0-193.el8`. Absent: it has none.",
    ),
    FactDoc::new(
        "kernel.is_backported",
        Type::Bool,
        "Whether the vendor backports, so that the number tells nothing of features.",
    ),
    FactDoc::new(
        "kernel.is_upstream",
        Type::Bool,
        "Whether upstream itself keeps this line up: ELRepo, Talos, Flatcar, Arch, self-built; false for distributions' kernels.",
    ),
    FactDoc::new(
        "kernel.has_cgroup_accounting_fixes",
        Type::Bool,
        "Whether the leak of kernel memory groups and the throttling of CFS quotas (mended in 4.18 and 5.4, and in stable lines) are \
         gone: false for RHEL 7's 3.10 and upstream kernels below 4.18. Unreadable for older kernels of distributions that mend.",
    ),
    FactDoc::new("kernel.version_line", Type::Text, "The line of `/proc/version`."),
    FactDoc::new("kernel.cmdline", Type::Text, "The boot command line. Source: `/proc/cmdline`."),
    FactDoc::new(
        "kernel.psi",
        Type::Text,
        "Pressure stall information: `on`, `off` (built, not enabled: boot with psi=1) or `not-built`. Source: `/proc/pressure/cpu`.",
    ),
    FactDoc::new(
        "kernel.is_image_based",
        Type::Bool,
        "Whether the system is replaced as a whole (ostree, Talos, Flatcar, Bottlerocket, COS), so that kernels are not packages.",
    ),
    FactDoc::new(
        "kernel.installed",
        Type::List(&Type::Text),
        "Releases that can boot: `/boot/vmlinuz-*` with their modules, rescue images left out.",
    ),
    FactDoc::new(
        "kernel.newest_installed",
        Type::Text,
        "The newest of them of the running flavour. Absent: none is installed.",
    ),
    FactDoc::new(
        "kernel.boot_default",
        Type::Text,
        "The release that the boot loader starts next (grubenv, Boot Loader Specification). Absent: it does not name one.",
    ),
    FactDoc::new(
        "kernel.reboot_required",
        Type::Bool,
        "Whether `/run/reboot-required` asks for a reboot because of the kernel. Absent: the file is not there.",
    ),
];

fn collect(host: &Host, _: &Facts) -> Facts {
    let mut facts = Facts::default();
    let root = &host.root;
    let release = root.read_kernel_text(RELEASE).map(|text| text.trim().to_owned());
    let version_line = root.read_kernel_text(VERSION).map(|text| text.trim().to_owned());
    set_release(&mut facts, root, &release, &version_line);
    facts.set("kernel.version_line", fact_of(Source::line(VERSION, 1), version_line));
    let cmdline = root.read_kernel_text(CMDLINE).map(|text| text.trim().to_owned());
    let is_image_based = read_is_image_based(root, &release, &cmdline);
    facts.set("kernel.cmdline", fact_of(Source::line(CMDLINE, 1), cmdline));
    facts.set("kernel.is_image_based", is_image_based);
    facts.set("kernel.psi", read_psi(root));
    boot::set_boot(&mut facts, root, &release);
    facts
}

fn set_release(facts: &mut Facts, root: &HostRoot, release: &Outcome<String>, version_line: &Outcome<String>) {
    let source = Source::line(RELEASE, 1);
    facts.set("kernel.release", fact_of(source.clone(), release.clone()));
    let signature = root.read_text(SIGNATURE).found().unwrap_or_default();
    let line = version_line.as_ref().found().map_or("", String::as_str);
    let parsed = match release {
        Outcome::Found(text) => match release::parse_release(text, line, &signature) {
            Some(parsed) => Outcome::Found(parsed),
            None => Outcome::Unreadable(format!("parse {RELEASE}: it does not begin with a version")),
        },
        Outcome::Absent => Outcome::Absent,
        Outcome::Unreadable(reason) => Outcome::Unreadable(reason.clone()),
    };
    let version_source = version_source(&parsed, release);
    set_parsed(facts, &source, version_source, &parsed);
}

/// Where the exact version was read: not always in the release.
fn version_source(parsed: &Outcome<Release>, release: &Outcome<String>) -> Source {
    match (parsed, release) {
        (Outcome::Found(parsed), Outcome::Found(text)) if !text.starts_with(&parsed.version) => match parsed.flavour {
            "ubuntu" => Source::line(SIGNATURE, 1),
            _ => Source::line(VERSION, 1),
        },
        _ => Source::line(RELEASE, 1),
    }
}

fn set_parsed(facts: &mut Facts, source: &Source, version_source: Source, parsed: &Outcome<Release>) {
    let text = |part: fn(&Release) -> String| fact_of(source.clone(), parsed.as_ref().map(part));
    let truth = |part: fn(&Release) -> bool| fact_of(source.clone(), parsed.as_ref().map(part));
    facts.set("kernel.version", fact_of(version_source.clone(), parsed.as_ref().map(|parsed| parsed.version.clone())));
    facts.set("kernel.line", text(|parsed| parsed.line.clone()));
    facts.set("kernel.flavour", text(|parsed| parsed.flavour.to_owned()));
    facts.set("kernel.is_backported", truth(|parsed| parsed.number == Number::Backported));
    facts.set("kernel.is_upstream", truth(|parsed| parsed.number == Number::Upstream));
    let some = |value: Option<String>| value.map_or(Outcome::Absent, Outcome::Found);
    facts.set("kernel.vendor", fact_of(source.clone(), parsed.as_ref().and_then(|parsed| some(parsed.vendor.clone()))));
    let build = parsed.as_ref().and_then(|parsed| parsed.build.map_or(Outcome::Absent, Outcome::Found));
    facts.set("kernel.build", fact_of(source.clone(), build));
    let upstream = match parsed {
        Outcome::Found(parsed) if parsed.number == Number::Backported => Fact::unreadable(
            source.clone(),
            format!(
                "the vendor's kernel {} carries features of newer kernels, so its number does not tell which; they were not probed",
                parsed.version
            ),
        ),
        _ => fact_of(version_source, parsed.as_ref().map(|parsed| parsed.version.clone())),
    };
    facts.set("kernel.upstream_version", upstream);
    facts.set("kernel.has_cgroup_accounting_fixes", has_cgroup_fixes(source, parsed));
}

fn has_cgroup_fixes(source: &Source, parsed: &Outcome<Release>) -> Fact {
    match parsed {
        Outcome::Found(release) => has_cgroup_accounting_fixes(source, release),
        _ => fact_of::<bool>(source.clone(), parsed.as_ref().map(|_| false)),
    }
}

/// Whether the faults of old kernels' cgroup accounting are gone from this one.
pub(in crate::fact) fn has_cgroup_accounting_fixes(source: &Source, release: &Release) -> Fact {
    let is_new = release::sort_key(&release.version) >= vec![4, 18];
    let is_rhel_7 = release.flavour == "rhel" && release.vendor.as_deref() == Some("el7");
    match release.number {
        _ if is_new => Fact::known(true, source.clone()),
        Number::Upstream => Fact::known(false, source.clone()),
        _ if is_rhel_7 || release.line == "3.10" => Fact::known(false, source.clone()),
        _ => Fact::unreadable(
            source.clone(),
            format!(
                "the distribution's kernel {} is older than the fixes, and its number does not tell whether it has them",
                release.version
            ),
        ),
    }
}

/// `/proc/pressure/cpu`: no such file where it was not built, EOPNOTSUPP where
/// it is off by default (RHEL 8 and 9), Documentation/accounting/psi.rst.
fn read_psi(root: &HostRoot) -> Fact {
    let source = Source::file(PRESSURE);
    match root.read_kernel_text(PRESSURE) {
        Outcome::Found(_) => Fact::known("on", source),
        // The parent is missing too where the kernel has no PSI, so only a running kernel's silence says so.
        Outcome::Absent if root.has_kernel_files() => Fact::known("not-built", source),
        Outcome::Unreadable(reason) if root.has_kernel_files() && is_not_supported(&reason) => {
            Fact::known("off", source)
        }
        Outcome::Absent => Fact::unreadable(source, format!("read {PRESSURE}: not recorded")),
        Outcome::Unreadable(reason) => Fact::unreadable(source, reason),
    }
}

fn is_not_supported(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    reason.contains("not supported") || reason.contains("unsupported")
}

/// Systems without kernel packages: a booted ostree names itself on the
/// command line, others in os-release or the kernel's release.
fn read_is_image_based(root: &HostRoot, release: &Outcome<String>, cmdline: &Outcome<String>) -> Fact {
    const IMAGE_IDS: &[&str] = &["talos", "flatcar", "bottlerocket", "cos", "coreos", "rancheros", "kairos"];
    if let Outcome::Found(line) = cmdline
        && line.split_whitespace().any(|word| word.starts_with("ostree="))
    {
        return Fact::known(true, Source::line(CMDLINE, 1));
    }
    for path in ["/etc/os-release", "/usr/lib/os-release"] {
        let Outcome::Found(text) = root.read_text(path) else { continue };
        let id = text.lines().find_map(|line| line.strip_prefix("ID=")).unwrap_or_default();
        let id = id.trim().trim_matches(['"', '\'']);
        return Fact::known(IMAGE_IDS.contains(&id), Source::file(path));
    }
    match release {
        Outcome::Found(text) => {
            Fact::known(text.ends_with("-talos") || text.ends_with("-flatcar"), Source::line(RELEASE, 1))
        }
        _ => Fact::unreadable(Source::file("/etc/os-release"), "read /etc/os-release: not recorded"),
    }
}
