//! What `PRETTY_NAME` alone tells: the one line of os-release that a Node
//! object carries (`nodeInfo.osImage`).
//!
//! The line is turned back into the assignments that its vendor's os-release
//! has, and those are read as any are. A line that begins as no distribution
//! that we know tells nothing.

use super::Release;
use super::parse::Assignment;
use super::product::Product;

/// An operating system as its name tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(in crate::fact) struct System {
    /// `ID`.
    pub(in crate::fact) id: String,
    /// `VERSION_ID`; none where the name has no version.
    pub(in crate::fact) version_id: Option<String>,
    /// Key of the life-cycle table.
    pub(in crate::fact) product: Option<&'static str>,
    /// Cycle of that table.
    pub(in crate::fact) cycle: Option<String>,
    /// Whether it is CentOS Stream.
    pub(in crate::fact) is_stream: bool,
    /// Whether it is an Ubuntu without long-term support.
    pub(in crate::fact) is_interim: bool,
    /// Whether releases follow each other without cycles.
    pub(in crate::fact) is_rolling: bool,
    /// Whether it is a desktop edition.
    pub(in crate::fact) is_desktop: bool,
    /// Whether only the vendor can tell when support ends.
    pub(in crate::fact) is_vendor_dated: bool,
}

/// A beginning, an `ID`, and assignments.
type Beginning = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// How a name begins, its `ID`, and further assignments of that product. Of
/// two beginnings the longer stands first.
const NAMES: &[Beginning] = &[
    ("UbuntuKylin", "ubuntu", &[("NAME", "UbuntuKylin")]),
    ("Ubuntu Kylin", "ubuntu", &[("NAME", "UbuntuKylin")]),
    ("Ubuntu Core", "ubuntu-core", &[]),
    ("Ubuntu", "ubuntu", &[("NAME", "Ubuntu")]),
    ("Debian GNU/Linux", "debian", &[]),
    ("Raspbian GNU/Linux", "raspbian", &[]),
    ("CentOS Stream", "centos", &[("NAME", "CentOS Stream")]),
    ("CentOS Linux", "centos", &[("NAME", "CentOS Linux")]),
    ("CentOS", "centos", &[("NAME", "CentOS")]),
    ("Red Hat Enterprise Linux CoreOS", "rhcos", &[]),
    ("Red Hat Enterprise Linux", "rhel", &[]),
    ("Rocky Linux", "rocky", &[]),
    ("AlmaLinux Kitten", "almalinux", &[("NAME", "AlmaLinux Kitten")]),
    ("AlmaLinux", "almalinux", &[]),
    ("Oracle Linux", "ol", &[]),
    ("Amazon Linux AMI", "amzn", &[]),
    ("Amazon Linux", "amzn", &[]),
    ("Fedora CoreOS", "fedora", &[("VARIANT_ID", "coreos")]),
    ("Fedora", "fedora", &[]),
    ("openSUSE Tumbleweed", "opensuse-tumbleweed", &[]),
    ("openSUSE MicroOS", "opensuse-microos", &[]),
    ("openSUSE Leap Micro", "opensuse-leap-micro", &[]),
    ("openSUSE Leap", "opensuse-leap", &[]),
    ("SUSE Linux Enterprise Micro", "sle-micro", &[]),
    ("SUSE Linux Micro", "sl-micro", &[]),
    ("SUSE Linux Enterprise Desktop", "sled", &[("NAME", "SUSE Linux Enterprise Desktop")]),
    ("SUSE Linux Enterprise Server", "sles", &[]),
    ("openEuler", "openeuler", &[]),
    ("Anolis OS", "anolis", &[]),
    ("Kylin Linux Advanced Server", "kylin", &[]),
    // The server's name says so; what is called Kylin alone is the desktop, built on Debian.
    ("Kylin", "kylin", &[("ID_LIKE", "debian")]),
    ("NeoKylin", "neokylin", &[]),
    ("KylinSec", "kylinsec", &[]),
    ("UnionTech OS Desktop", "uos", &[("NAME", "UnionTech OS Desktop")]),
    ("UnionTech OS", "uos", &[]),
    ("UOS", "uos", &[]),
    ("Deepin", "deepin", &[("NAME", "Deepin desktop")]),
    ("Huawei Cloud EulerOS", "hce", &[]),
    ("EulerOS", "euleros", &[]),
    ("Alibaba Cloud Linux", "alinux", &[]),
    ("Aliyun Linux", "alinux", &[]),
    ("TencentOS Server", "tencentos", &[]),
    ("OpenCloudOS", "opencloudos", &[]),
    ("BigCloud Enterprise Linux", "bclinux", &[]),
    ("CTyunOS", "ctyunos", &[]),
    ("Flatcar Container Linux", "flatcar", &[]),
    ("Bottlerocket OS", "bottlerocket", &[]),
    ("Container-Optimized OS", "cos", &[]),
    ("Talos", "talos", &[]),
    ("VMware Photon", "photon", &[]),
    ("Photon", "photon", &[]),
    ("Microsoft Azure Linux", "azurelinux", &[]),
    ("CBL-Mariner", "mariner", &[]),
    ("Alpine Linux", "alpine", &[]),
    ("Arch Linux", "arch", &[]),
    ("Manjaro", "manjaro", &[]),
    ("Gentoo", "gentoo", &[]),
    ("NixOS", "nixos", &[]),
    ("Kali GNU/Linux", "kali", &[]),
    ("k3OS", "k3os", &[]),
    ("RancherOS", "rancheros", &[]),
    ("Container Linux by CoreOS", "coreos", &[]),
];

/// What a `PRETTY_NAME` tells; none where it is not one that we know.
pub(in crate::fact) fn parse_pretty_name(name: &str) -> Option<System> {
    let name = name.trim();
    let (begin, id, more) = NAMES.iter().find(|(begin, ..)| {
        let rest = name.get(..begin.len()).filter(|head| head.eq_ignore_ascii_case(begin)).and(name.get(begin.len()..));
        // `CentOSX` is not CentOS; `Photon OS/Linux` and `Talos (v1.7)` are what they begin with.
        rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric()))
    })?;
    let rest = name.get(begin.len()..)?;
    let mut release = Release { path: String::new(), id: (*id).to_owned(), assignments: Vec::new() };
    let mut assign = |key: &str, value: &str| {
        release.assignments.push(Assignment { key: key.to_owned(), value: value.to_owned(), line: 1 });
    };
    assign("ID", id);
    assign("PRETTY_NAME", name);
    for (key, value) in *more {
        assign(key, value);
    }
    let version = version_of(id, rest);
    if let Some(version) = &version {
        match *id {
            "rhcos" => assign("OPENSHIFT_VERSION", version),
            _ => assign("VERSION_ID", version),
        }
    }
    if *id == "bottlerocket"
        && let Some(variant) = rest.split(['(', ')']).nth(1)
    {
        assign("VARIANT_ID", variant);
    }
    Some(concluded(&release, version))
}

fn concluded(release: &Release, version_id: Option<String>) -> System {
    let mut product = Product::of(release);
    if release.id == "rhcos" {
        product.name = Some("red-hat-openshift");
        product.is_vendor_dated = false;
    }
    System {
        id: release.id.clone(),
        is_stream: release.is_stream(),
        // Without a version an Ubuntu may be either.
        is_interim: version_id.is_some() && release.is_interim(),
        version_id,
        product: product.name,
        cycle: product.cycle,
        is_rolling: product.is_rolling,
        is_desktop: release.is_desktop(),
        is_vendor_dated: product.is_vendor_dated,
    }
}

/// `VERSION_ID` as the vendor writes it, from what follows the name.
fn version_of(id: &str, rest: &str) -> Option<String> {
    let is_version = |word: &&str| {
        let word = word.trim_start_matches(['v', 'V']);
        word.starts_with(|first: char| first.is_ascii_digit())
    };
    let mut words =
        rest.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',')).filter(|word| !word.is_empty());
    let word = words.by_ref().find(is_version)?;
    match id {
        // 22.04.5 is a point release of 22.04.
        "ubuntu" => {
            let mut parts = word.split('.');
            Some(format!("{}.{}", parts.next()?, parts.next()?))
        }
        // `Amazon Linux 2023.6.20250218` is a release of 2023; the old AMI counts by year and month.
        "amzn" if word.starts_with("2018.") || word.starts_with("2017.") => Some(word.to_owned()),
        "amzn" => word.split('.').next().map(str::to_owned),
        "sles" | "sled" if !word.contains('.') => {
            let pack = words.next().and_then(|pack| pack.strip_prefix("SP")).filter(|pack| !pack.is_empty());
            Some(pack.map_or_else(|| word.to_owned(), |pack| format!("{word}.{pack}")))
        }
        "rhcos" => openshift_of(word),
        "k3os" | "rancheros" | "alpine" => Some(word.trim_start_matches('v').to_owned()),
        _ => Some(word.to_owned()),
    }
}

/// `416.94.202406251923-0` is built for OpenShift 4.16; newer images carry the
/// version of their RHEL instead, which does not tell.
fn openshift_of(version: &str) -> Option<String> {
    let first = version.split('.').next()?;
    let minor = first.strip_prefix('4').filter(|minor| !minor.is_empty())?;
    minor.parse::<u32>().ok().map(|minor| format!("4.{minor}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Product and cycle, and what else holds.
    fn read(name: &str) -> String {
        let Some(system) = parse_pretty_name(name) else { return "unknown".to_owned() };
        let mut words = vec![system.product.unwrap_or("-").to_owned(), system.cycle.unwrap_or("-".to_owned())];
        let marks = [
            (system.is_stream, "stream"),
            (system.is_interim, "interim"),
            (system.is_rolling, "rolling"),
            (system.is_desktop, "desktop"),
            (system.is_vendor_dated, "vendor"),
        ];
        words.extend(marks.iter().filter(|(holds, _)| *holds).map(|(_, mark)| (*mark).to_owned()));
        words.join(" ")
    }

    #[test]
    fn names_of_released_systems_lead_to_their_life_cycles() {
        for (name, expected) in [
            ("Ubuntu 22.04.5 LTS", "ubuntu 22.04"),
            ("Ubuntu 24.04 LTS", "ubuntu 24.04"),
            ("Ubuntu 25.10", "ubuntu 25.10 interim"),
            ("UbuntuKylin 22.04 LTS", "ubuntu 22.04 desktop"),
            ("Debian GNU/Linux 12 (bookworm)", "debian 12"),
            ("CentOS Linux 7 (Core)", "centos 7"),
            ("CentOS Linux 8", "centos 8"),
            ("CentOS Stream 9", "centos-stream 9 stream"),
            ("Red Hat Enterprise Linux 9.4 (Plow)", "rhel 9"),
            ("Red Hat Enterprise Linux Server 7.9 (Maipo)", "rhel 7"),
            ("Red Hat Enterprise Linux CoreOS 416.94.202406251923-0", "red-hat-openshift 4.16"),
            ("Red Hat Enterprise Linux CoreOS 49.84.202110081407-0 (Ootpa)", "red-hat-openshift 4.9"),
            ("Rocky Linux 9.4 (Blue Onyx)", "rocky-linux 9"),
            ("AlmaLinux 8.10 (Cerulean Leopard)", "almalinux 8"),
            ("Oracle Linux Server 8.9", "oracle-linux 8"),
            ("Amazon Linux 2", "amazon-linux 2"),
            ("Amazon Linux 2023", "amazon-linux 2023"),
            ("Amazon Linux 2023.6.20250218", "amazon-linux 2023"),
            ("Amazon Linux AMI 2018.03", "amazon-linux 2018.03"),
            ("Fedora Linux 41 (Server Edition)", "fedora 41"),
            ("Fedora Linux 41 (Workstation Edition)", "fedora 41 desktop"),
            ("openSUSE Leap 15.6", "opensuse 15.6"),
            ("SUSE Linux Enterprise Server 15 SP5", "sles 15.5"),
            ("SUSE Linux Enterprise Server 15", "sles 15.0"),
            ("SUSE Linux Enterprise Server for SAP Applications 12 SP5", "sles 12.5"),
            ("SUSE Linux Enterprise Micro 5.5", "suse-linux-micro 5.5"),
            ("Flatcar Container Linux by Kinvolk 3815.2.5 (Oklo)", "flatcar 3815.2.5"),
            ("Bottlerocket OS 1.20.0 (aws-k8s-1.29)", "bottlerocket 1.29"),
            ("Talos (v1.7.1)", "talos 1.7"),
            ("VMware Photon OS/Linux 4.0", "vmware-photon 4.0"),
        ] {
            assert_eq!(read(name), expected, "{name}");
        }
    }

    #[test]
    fn vendors_whose_dates_nobody_can_confirm_are_told_apart() {
        for (name, expected) in [
            ("openEuler 24.03 (LTS-SP1)", "openeuler 24.03 vendor"),
            ("Anolis OS 8.8", "anolis 8 vendor"),
            ("Kylin Linux Advanced Server V10 (Lance)", "kylin V10 vendor"),
            ("Kylin V10 SP1", "kylin V10 desktop vendor"),
            ("NeoKylin Linux Advanced Server V7Update6", "- - vendor"),
            ("UnionTech OS Server 20", "- - vendor"),
            ("Alibaba Cloud Linux 3 (Soaring Falcon)", "- - vendor"),
            ("Alpine Linux v3.20", "- - vendor"),
            ("k3OS v0.20.7-k3s1r0", "- - vendor"),
        ] {
            assert_eq!(read(name), expected, "{name}");
        }
    }

    #[test]
    fn a_name_without_a_version_has_no_cycle() {
        for (name, expected) in [
            ("Container-Optimized OS from Google", "cos -"),
            ("Debian GNU/Linux trixie/sid", "debian -"),
            ("Ubuntu Noble Numbat (development branch)", "ubuntu -"),
            ("Red Hat Enterprise Linux CoreOS 9.6.20250701-0 (Plow)", "red-hat-openshift -"),
        ] {
            assert_eq!(read(name), expected, "{name}");
        }
    }

    #[test]
    fn what_rolls_has_no_cycle() {
        for name in
            ["openSUSE Tumbleweed", "Arch Linux", "Fedora CoreOS 41.20250302.3.2", "AlmaLinux Kitten 10 (Lion Cub)"]
        {
            assert_eq!(read(name), "- - rolling", "{name}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        for name in
            ["", "Windows Server 2022 Datacenter", "Docker Desktop", "Buildroot 2023.02.9", "CentOSish 7", "linux"]
        {
            assert_eq!(read(name), "unknown", "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_name_makes_it_panic(head in 0..NAMES.len(), rest in "[ (.)v0-9SP,\u{e9}\u{0}-]{0,24}") {
            let _ = parse_pretty_name(&format!("{}{rest}", NAMES[head].0));
            let _ = parse_pretty_name(&rest);
        }
    }
}
