//! What a kernel's release says of it: who built it, and whether its number
//! is upstream's or only the base that a vendor puts newer things on.
//!
//! In: `/proc/sys/kernel/osrelease`, `/proc/version` and Ubuntu's
//! `/proc/version_signature`. A RHEL 4.18 or an openEuler 4.19.90 carries
//! features of far newer kernels, so its number decides nothing; ELRepo's
//! kernels carry upstream's number although they are built for RHEL.

/// Who builds kernels with such a release, first match wins. ELRepo and UEK
/// releases contain `.el7` too, so they stand before RHEL.
const FLAVOURS: &[Flavour] = &[
    Flavour::new("elrepo", ".elrepo", Number::Upstream),
    Flavour::new("uek", "uek", Number::Backported),
    Flavour::new("kylin", ".ky", Number::Backported),
    Flavour::new("openeuler", ".oe", Number::Backported),
    Flavour::new("anolis", ".an", Number::Backported),
    Flavour::new("alibaba", ".al", Number::Backported),
    Flavour::new("uos", ".uel", Number::Backported),
    Flavour::new("uos", ".uos", Number::Backported),
    Flavour::new("tencent", ".tl", Number::Backported),
    Flavour::new("tencent", "-tlinux", Number::Backported),
    Flavour::new("huawei-cloud", ".hce", Number::Backported),
    Flavour::new("amazon", ".amzn", Number::Stable),
    Flavour::new("azure-linux", ".azl", Number::Stable),
    Flavour::new("azure-linux", ".cm", Number::Stable),
    Flavour::new("photon", ".ph", Number::Stable),
    Flavour::new("fedora", ".fc", Number::Stable),
    Flavour::new("rhel", ".el", Number::Backported),
    Flavour::new("talos", "-talos", Number::Upstream),
    Flavour::new("flatcar", "-flatcar", Number::Upstream),
    Flavour::new("flatcar", "-coreos", Number::Upstream),
    Flavour::new("arch", "-arch", Number::Upstream),
    Flavour::new("proxmox", "-pve", Number::Stable),
    Flavour::new("raspberry-pi", "+rpt", Number::Stable),
    Flavour::new("raspberry-pi", "-v8", Number::Stable),
    Flavour::new("wsl", "-microsoft-", Number::Stable),
    Flavour::new("linuxkit", "-linuxkit", Number::Stable),
    Flavour::new("suse", "-default", Number::Backported),
    Flavour::new("alpine", "-lts", Number::Stable),
    Flavour::new("alpine", "-virt", Number::Stable),
    Flavour::new("debian", "+deb", Number::Stable),
    Flavour::new("debian", "-amd64", Number::Stable),
    Flavour::new("debian", "-arm64", Number::Stable),
    Flavour::new("debian", "-686", Number::Stable),
];

/// Ends of Ubuntu's releases; `5.15.0-91-generic`.
const UBUNTU_ENDS: &[&str] = &[
    "-generic",
    "-generic-64k",
    "-lowlatency",
    "-aws",
    "-azure",
    "-gcp",
    "-oracle",
    "-ibm",
    "-kvm",
    "-gke",
    "-gkeop",
    "-nvidia",
    "-nvidia-64k",
    "-raspi",
    "-oem",
    "-fips",
    "-aws-fips",
    "-azure-fips",
    "-gcp-fips",
    "-azure-fde",
    "-realtime",
    "-intel-iotg",
    "-xilinx-zynqmp",
];

struct Flavour {
    name: &'static str,
    mark: &'static str,
    number: Number,
}

impl Flavour {
    const fn new(name: &'static str, mark: &'static str, number: Number) -> Self {
        Flavour { name, mark, number }
    }
}

/// What a flavour's number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// Upstream's own release, kept up by upstream.
    Upstream,
    /// A distribution's: at least that upstream release, kept up by the distribution.
    Stable,
    /// A base that features and fixes of newer kernels were put on.
    Backported,
}

/// A kernel's release, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::fact) struct Release {
    /// Numbers of the kernel: `5.4.196`; where the release carries only an ABI, from `/proc/version`.
    pub(in crate::fact) version: String,
    /// The first two of them: `5.4`.
    pub(in crate::fact) line: String,
    /// The first number of the vendor's build: 193 in `4.18.0-193.el8`.
    pub(in crate::fact) build: Option<i64>,
    /// Who built it: `rhel`, `elrepo`, `ubuntu`, …, `other` (a vendor unknown to us) or `self-built`.
    pub(in crate::fact) flavour: &'static str,
    /// The distribution that it was built for: `el8`, `ky10`, `oe2203`.
    pub(in crate::fact) vendor: Option<String>,
    /// What the number means.
    pub(super) number: Number,
}

impl Release {
    /// Whether the vendor backports, so that the number tells nothing of features.
    pub(in crate::fact) fn is_backported(&self) -> bool {
        self.number == Number::Backported
    }

    /// Whether upstream itself keeps this line up.
    pub(in crate::fact) fn is_upstream(&self) -> bool {
        self.number == Number::Upstream
    }
}

/// Takes a release apart; none where it does not begin with a number.
pub(in crate::fact) fn parse_release(release: &str, version_line: &str, signature: &str) -> Option<Release> {
    let release = release.trim();
    let end = release.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(release.len());
    let (numbers, rest) = release.split_at(end);
    let numbers = numbers.trim_end_matches('.');
    let mut parts = numbers.split('.');
    let line = format!("{}.{}", parts.next().filter(|part| !part.is_empty())?, parts.next()?);
    let (flavour, number) = classify(release, rest, version_line);
    let number = match number {
        // CentOS' own rebuilds of upstream kernels (`4.9.230-37.el7`) have a third number; RHEL's base never has.
        Number::Backported if flavour == "rhel" && !numbers.ends_with(".0") && numbers != "2.6.32" => Number::Stable,
        number => number,
    };
    let exact = match flavour {
        "debian" => after(version_line, "Debian ").and_then(leading_numbers),
        "ubuntu" => signature.split_whitespace().nth(2).and_then(leading_numbers),
        _ => None,
    };
    Some(Release {
        version: exact.filter(|exact| exact.starts_with(&format!("{line}."))).unwrap_or(numbers).to_owned(),
        line,
        build: rest.strip_prefix('-').and_then(leading_integer),
        flavour,
        vendor: vendor_of(rest),
        number,
    })
}

fn classify(release: &str, rest: &str, version_line: &str) -> (&'static str, Number) {
    if version_line.contains("SUSE") || version_line.contains("geeko@") {
        return ("suse", Number::Backported);
    }
    let is_debian = version_line.contains("debian-kernel@") || version_line.contains("(Debian ");
    if !is_debian && UBUNTU_ENDS.iter().any(|end| release.ends_with(end)) {
        return ("ubuntu", Number::Stable);
    }
    let has_mark = |mark: &str| match mark.strip_prefix('.') {
        // A dotted mark is followed by the distribution's number, but for ELRepo's: `.el8`, `.oe2203`.
        Some(name) if name != "elrepo" => rest.split('.').any(|part| starts_with_number_after(part, name)),
        _ => rest.contains(mark),
    };
    if let Some(flavour) = FLAVOURS.iter().find(|flavour| has_mark(flavour.mark)) {
        return (flavour.name, flavour.number);
    }
    match rest {
        "+" => ("cos", Number::Stable),
        _ if is_debian => ("debian", Number::Stable),
        _ if vendor_of(rest).is_some() => ("other", Number::Backported),
        _ => ("self-built", Number::Upstream),
    }
}

fn starts_with_number_after(part: &str, name: &str) -> bool {
    part.strip_prefix(name).is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
}

/// The part of a release that names the distribution: letters, then digits.
fn vendor_of(rest: &str) -> Option<String> {
    rest.split('.').skip(1).find_map(|part| {
        let letters = part.find(|c: char| !c.is_ascii_lowercase()).filter(|at| *at > 0)?;
        let digits = part.get(letters..)?;
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let is_machine = matches!(part, "x86_64" | "i686" | "aarch64" | "s390x" | "ppc64le") || part.starts_with('v');
        (end > 0 && !is_machine).then(|| part.get(..letters + end)).flatten().map(str::to_owned)
    })
}

fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.rsplit_once(mark).map(|(_, rest)| rest)
}

fn leading_numbers(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.get(..end).map(|numbers| numbers.trim_end_matches('.')).filter(|numbers| numbers.contains('.'))
}

fn leading_integer(text: &str) -> Option<i64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

/// The numbers of a release up to its first word, for sorting kernels of one
/// flavour: `[3, 10, 0, 1160, 119, 1]`.
pub(super) fn sort_key(release: &str) -> Vec<u64> {
    release.split(|c: char| !c.is_ascii_alphanumeric()).map_while(|part| part.parse().ok()).take(16).collect()
}

/// What kernels of one flavour have in common: the release without numbers.
pub(super) fn family(release: &str) -> String {
    let words = release.trim_start_matches(|c: char| c.is_ascii_digit() || ".-".contains(c));
    words.chars().filter(|c| !c.is_ascii_digit() && *c != '_').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(text: &str) -> Release {
        parse_release(text, "", "").unwrap()
    }

    #[test]
    fn a_rhel_kernel_is_not_upstream_of_its_number() {
        let el8 = release("4.18.0-553.el8_10.x86_64");
        assert_eq!((el8.flavour, el8.number, el8.build), ("rhel", Number::Backported, Some(553)));
        assert_eq!((el8.vendor.as_deref(), el8.line.as_str()), (Some("el8"), "4.18"));
        assert_eq!(release("4.18.0-147.3.1.el8_1.x86_64").build, Some(147));
        assert_eq!(release("3.10.0-1160.el7.x86_64").vendor.as_deref(), Some("el7"));
    }

    #[test]
    fn an_elrepo_kernel_carries_upstreams_number_although_it_says_el7() {
        let elrepo = release("5.4.196-1.el7.elrepo.x86_64");
        assert_eq!((elrepo.flavour, elrepo.number, elrepo.version.as_str()), ("elrepo", Number::Upstream, "5.4.196"));
        assert_eq!(elrepo.vendor.as_deref(), Some("el7"));
    }

    #[test]
    fn debians_release_is_an_abi_and_its_patch_level_stands_in_proc_version() {
        let line = "Linux version 5.10.0-21-amd64 (debian-kernel@lists.debian.org) (gcc-10 (Debian 10.2.1-6) 10.2.1 20210110) \
                    #1 SMP Debian 5.10.162-1 (2023-01-21)";
        let debian = parse_release("5.10.0-21-amd64", line, "").unwrap();
        assert_eq!((debian.flavour, debian.version.as_str(), debian.number), ("debian", "5.10.162", Number::Stable));
        assert_eq!(release("6.12.57+deb13-amd64").flavour, "debian");
    }

    #[test]
    fn ubuntus_upstream_version_stands_in_the_signature() {
        let ubuntu = parse_release("5.15.0-91-generic", "", "Ubuntu 5.15.0-91.101-generic 5.15.131").unwrap();
        assert_eq!((ubuntu.flavour, ubuntu.version.as_str()), ("ubuntu", "5.15.131"));
        assert_eq!(release("6.8.0-1021-aws").flavour, "ubuntu");
    }

    #[test]
    fn vendors_are_told_apart() {
        for (text, flavour, vendor) in [
            ("4.19.90-52.22.v2207.ky10.x86_64", "kylin", Some("ky10")),
            ("6.6.0-98.0.0.103.oe2403sp2.x86_64", "openeuler", Some("oe2403")),
            ("5.10.134-16.2.an8.x86_64", "anolis", Some("an8")),
            ("5.10.134-16.1.al8.x86_64", "alibaba", Some("al8")),
            ("4.19.91-27.4.19.kos5.x86_64", "other", Some("kos5")),
            ("5.10.223-211.872.amzn2.x86_64", "amazon", Some("amzn2")),
            ("6.1.109-118.189.amzn2023.x86_64", "amazon", Some("amzn2023")),
            ("5.4.17-2136.307.3.1.el8uek.x86_64", "uek", Some("el8")),
            ("6.4.0-150700.53.22-default", "suse", None),
            ("6.6.58-talos", "talos", None),
            ("6.6.43-flatcar", "flatcar", None),
            ("6.1.75+", "cos", None),
            ("6.8.12-9-pve", "proxmox", None),
            ("6.18.44-fc-v669", "self-built", None),
            ("6.5.0", "self-built", None),
        ] {
            let parsed = release(text);
            assert_eq!((parsed.flavour, parsed.vendor.as_deref()), (flavour, vendor), "{text}");
        }
    }

    #[test]
    fn what_is_no_release_is_none() {
        for text in ["", "x", "5", ".", "-1.2", "\u{fffd}"] {
            assert_eq!(parse_release(text, "", ""), None, "{text}");
        }
    }

    #[test]
    fn kernels_of_one_flavour_sort_by_their_numbers() {
        assert!(sort_key("5.15.0-126-generic") > sort_key("5.15.0-91-generic"));
        assert!(sort_key("3.10.0-1160.119.1.el7.x86_64") > sort_key("3.10.0-1160.el7.x86_64"));
        assert_eq!(family("4.18.0-553.el8_10.x86_64"), family("4.18.0-147.el8.x86_64"));
        assert_ne!(family("5.15.0-91-generic"), family("5.15.0-1052-aws"));
        assert_ne!(family("5.4.196-1.el7.elrepo.x86_64"), family("3.10.0-1160.el7.x86_64"));
    }
}
