//! Which distribution a host is, by the identifiers of os-release, and what
//! its vendor calls the cycle that life-cycle tables are kept for.

use super::Release;

/// What an identifier leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Product {
    /// Key of the life-cycle table; none where the identifier is not known.
    pub(super) name: Option<&'static str>,
    /// Cycle of that table.
    pub(super) cycle: Option<String>,
    /// Whether releases follow each other without cycles.
    pub(super) is_rolling: bool,
    /// Whether only the vendor, by contract, can tell when support ends.
    pub(super) is_vendor_dated: bool,
}

/// How a cycle is made from `VERSION_ID`.
#[derive(Clone, Copy)]
enum Cycle {
    /// `9.3` is cycle 9.
    Major,
    /// `v1.12.3` is cycle 1.12.
    Minor,
    /// The whole of it.
    Whole,
    /// `15` is service pack 0: 15.0.
    ServicePack,
}

/// Identifiers, life-cycle keys and cycles. Identifiers are compared whole:
/// `ID_LIKE` would take Amazon Linux for CentOS.
const PRODUCTS: &[(&str, &str, Cycle)] = &[
    ("centos", "centos", Cycle::Major),
    ("rhel", "rhel", Cycle::Major),
    ("rocky", "rocky-linux", Cycle::Major),
    ("almalinux", "almalinux", Cycle::Major),
    ("ol", "oracle-linux", Cycle::Major),
    ("ubuntu", "ubuntu", Cycle::Whole),
    ("debian", "debian", Cycle::Major),
    ("opensuse-leap", "opensuse", Cycle::Whole),
    ("opensuse", "opensuse", Cycle::Whole),
    ("sles", "sles", Cycle::ServicePack),
    ("sles_sap", "sles", Cycle::ServicePack),
    ("sled", "sles", Cycle::ServicePack),
    ("sl-micro", "suse-linux-micro", Cycle::Whole),
    ("sle-micro", "suse-linux-micro", Cycle::Whole),
    ("sle-micro-rancher", "suse-linux-micro", Cycle::Whole),
    ("suse-microos", "suse-linux-micro", Cycle::Whole),
    ("amzn", "amazon-linux", Cycle::Whole),
    ("fedora", "fedora", Cycle::Whole),
    ("cos", "cos", Cycle::Whole),
    ("photon", "vmware-photon", Cycle::Minor),
    ("talos", "talos", Cycle::Minor),
    ("flatcar", "flatcar", Cycle::Whole),
    ("bottlerocket", "bottlerocket", Cycle::Minor),
    ("rhcos", "red-hat-openshift", Cycle::Minor),
    ("openeuler", "openeuler", Cycle::Whole),
    ("anolis", "anolis", Cycle::Major),
    ("kylin", "kylin", Cycle::Whole),
];

/// Vendors whose dates are a matter of contract, or are published by nobody
/// whom we could confirm them with.
const VENDOR_DATED: &[&str] = &[
    "openeuler",
    "anolis",
    "kylin",
    "neokylin",
    "kylinsec",
    "uos",
    "deepin",
    "euleros",
    "hce",
    "bclinux",
    "ctyunos",
    "alinux",
    "tencentos",
    "opencloudos",
    "nfs",
    "fusionos",
    "isoft",
];

const ROLLING: &[&str] = &[
    "opensuse-tumbleweed",
    "opensuse-microos",
    "arch",
    "archarm",
    "manjaro",
    "gentoo",
    "void",
    "nixos",
    "kalilinux",
    "kali",
];

impl Product {
    pub(super) fn of(release: &Release) -> Self {
        let id = release.id.to_ascii_lowercase();
        let variant = release.get("VARIANT_ID").unwrap_or("");
        let known = PRODUCTS.iter().find(|(known, ..)| *known == id);
        let is_rolling = ROLLING.contains(&id.as_str())
            // CoreOS of Fedora moves on by itself; AlmaLinux Kitten precedes its releases.
            || (id == "fedora" && variant == "coreos")
            || (id == "almalinux" && release.name().contains("Kitten"));
        let is_vendor_dated = VENDOR_DATED.contains(&id.as_str()) || (known.is_none() && !is_rolling);
        let mut product = Product { is_rolling, is_vendor_dated, ..Product::default() };
        if is_rolling {
            return product;
        }
        let Some((_, name, kind)) = known else { return product };
        product.name = Some(name);
        product.cycle = release.get("VERSION_ID").and_then(|version| kind.of(version));
        if release.is_stream() {
            product.name = Some("centos-stream");
        } else if let Some(version) = release.get("OPENSHIFT_VERSION").filter(|_| id == "rhel" || id == "rhcos") {
            // CoreOS of OpenShift is as old as its OpenShift, not as its RHEL.
            product.name = Some("red-hat-openshift");
            product.cycle = Cycle::Minor.of(version);
        } else if id == "bottlerocket" {
            // `aws-k8s-1.34`: the variant ends with its Kubernetes.
            product.cycle = variant.rsplit('-').next().filter(|part| part.contains('.')).map(str::to_owned);
        }
        product
    }
}

impl Cycle {
    fn of(self, version: &str) -> Option<String> {
        let version = version.trim().trim_start_matches(if matches!(self, Cycle::Minor) { 'v' } else { '\0' });
        if version.is_empty() {
            return None;
        }
        let mut parts = version.split('.');
        let (major, minor) = (parts.next().unwrap_or(version), parts.next());
        Some(match (self, minor) {
            (Cycle::Minor, Some(minor)) => format!("{major}.{minor}"),
            (Cycle::Major | Cycle::Minor, _) => major.to_owned(),
            (Cycle::ServicePack, None) => format!("{version}.0"),
            (Cycle::Whole | Cycle::ServicePack, _) => version.to_owned(),
        })
    }
}

/// The family of a distribution: which tools and paths it has.
pub(super) fn family(release: &Release) -> Option<&'static str> {
    let families: &[(&str, &[&str])] = &[
        ("debian", &["debian", "ubuntu", "deepin", "kali"]),
        (
            "suse",
            &[
                "suse",
                "opensuse",
                "sles",
                "sles_sap",
                "sled",
                "sl-micro",
                "sle-micro",
                "opensuse-leap",
                "opensuse-tumbleweed",
            ],
        ),
        (
            "rhel",
            &[
                "rhel",
                "centos",
                "fedora",
                "rocky",
                "almalinux",
                "ol",
                "amzn",
                "anolis",
                "openeuler",
                "neokylin",
                "kylinsec",
                "alinux",
                "tencentos",
                "opencloudos",
                "euleros",
                "hce",
                "bclinux",
                "ctyunos",
                "rhcos",
            ],
        ),
        ("arch", &["arch"]),
        ("alpine", &["alpine"]),
    ];
    let id = release.id.to_ascii_lowercase();
    let find = |word: &str| families.iter().find(|(_, ids)| ids.contains(&word)).map(|(family, _)| *family);
    let like = release.get("ID_LIKE").unwrap_or("").to_ascii_lowercase();
    // Kylin's server comes from openEuler and says nothing; its desktop from Debian.
    let of_kylin = (id == "kylin").then_some("rhel");
    find(&id).or_else(|| like.split_whitespace().find_map(find)).or(of_kylin)
}
