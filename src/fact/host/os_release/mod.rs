//! The operating system: its identifiers, os-release(5), and what they mean.
//!
//! `/etc/os-release`, else `/usr/lib/os-release`, never both; else the release
//! file that Red Hat's family had before.

mod extended;
mod parse;
mod pretty_name;
mod product;

use parse::{Assignment, parse_os_release, parse_release_line};
pub(in crate::fact) use pretty_name::{System, parse_pretty_name};
use product::Product;

use super::root::{HostRoot, Outcome};
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::{Fact, Facts, Source, Value};

/// Reads what os-release says.
pub(super) const COLLECTOR: Collector = Collector { name: "os_release", facts: FACTS, needs: &[], collect };

const FILES: &[&str] = &["/etc/os-release", "/usr/lib/os-release"];
const OLD_FILES: &[&str] = &["/etc/centos-release", "/etc/redhat-release"];

const FACTS: &[FactDoc] = &[
    FactDoc::new("os.id", Type::Text, "`ID` in lower case, such as `ubuntu`. Absent: the host has no os-release."),
    FactDoc::new("os.name", Type::Text, "`NAME`, such as `CentOS Stream`."),
    FactDoc::new(
        "os.version_id",
        Type::Text,
        "`VERSION_ID`, such as `22.04`. Absent: a rolling or unreleased distribution.",
    ),
    FactDoc::new("os.version", Type::Text, "`VERSION`, such as `22.03 (LTS-SP4)`."),
    FactDoc::new("os.pretty_name", Type::Text, "`PRETTY_NAME`; where it is left out, name and version."),
    FactDoc::new("os.id_like", Type::List(&Type::Text), "`ID_LIKE`, nearest first. Absent: it is not set."),
    FactDoc::new("os.variant_id", Type::Text, "`VARIANT_ID`, such as `coreos`."),
    FactDoc::new("os.codename", Type::Text, "`VERSION_CODENAME`, else `UBUNTU_CODENAME`, such as `jammy`."),
    FactDoc::new("os.support_end", Type::Text, "`SUPPORT_END`, a day. Absent: the vendor states none."),
    FactDoc::new(
        "os.family",
        Type::Text,
        "`debian`, `rhel`, `suse`, `arch` or `alpine`: which tools and paths it has. Absent: another one.",
    ),
    FactDoc::new(
        "os.product",
        Type::Text,
        "Key of `lifecycle()`, such as `rocky-linux`. Absent: a rolling distribution, or one that is not known.",
    ),
    FactDoc::new(
        "os.cycle",
        Type::Text,
        "Cycle of `lifecycle()`, such as `9` or `22.04`. Absent: no product, or no `VERSION_ID`.",
    ),
    FactDoc::new(
        "os.is_stream",
        Type::Bool,
        "Whether it is CentOS Stream, which `ID` does not tell from CentOS Linux.",
    ),
    FactDoc::new("os.is_interim", Type::Bool, "Whether it is an Ubuntu between two with long-term support."),
    FactDoc::new(
        "os.is_rolling",
        Type::Bool,
        "Whether releases follow each other without cycles, such as openSUSE Tumbleweed.",
    ),
    FactDoc::new(
        "os.is_desktop",
        Type::Bool,
        "Whether it is an edition for desktops, such as UbuntuKylin or Kylin Desktop.",
    ),
    FactDoc::new(
        "os.is_vendor_dated",
        Type::Bool,
        "Whether only the vendor can tell when support ends: openEuler, Kylin, UOS and others, and distributions that are not known.",
    ),
    FactDoc::new(
        "os.extended_support",
        Type::Bool,
        "Whether this host is attached to its vendor's extended support (Ubuntu Pro's esm-infra, Red Hat's ELS or EUS, SUSE's LTSS). Absent: there is none for the product, or nothing was recorded that would tell.",
    ),
];

/// What was read of the release files.
#[derive(Clone, Debug, Default)]
struct Release {
    path: String,
    id: String,
    assignments: Vec<Assignment>,
}

impl Release {
    fn find(&self, key: &str) -> Option<&Assignment> {
        self.assignments.iter().rfind(|assignment| assignment.key == key && !assignment.value.is_empty())
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.find(key).map(|assignment| assignment.value.as_str())
    }

    fn name(&self) -> &str {
        self.get("NAME").unwrap_or("")
    }

    /// CPE and `ID` are the same for CentOS Linux and Stream, so the names tell.
    fn is_stream(&self) -> bool {
        self.id == "centos"
            && (self.name().contains("Stream") || self.get("REDHAT_SUPPORT_PRODUCT_VERSION") == Some("CentOS Stream"))
    }

    /// Long-term releases of Ubuntu are those of April in even years.
    fn is_interim(&self) -> bool {
        let version = self.get("VERSION_ID").unwrap_or("");
        let year: Option<u32> = version.split('.').next().and_then(|year| year.parse().ok());
        self.id == "ubuntu" && year.is_some_and(|year| year % 2 == 1 || !version.ends_with(".04"))
    }

    fn is_desktop(&self) -> bool {
        let words = ["NAME", "VARIANT", "VARIANT_ID", "PRETTY_NAME"];
        let says = |word: &str| {
            words.iter().any(|key| self.get(key).is_some_and(|value| value.to_ascii_lowercase().contains(word)))
        };
        let is_of_debian = self.get("ID_LIKE").is_some_and(|like| like.contains("debian") || like.contains("ubuntu"));
        self.id == "ubuntukylin"
            || says("ubuntukylin")
            || (self.id == "kylin" && is_of_debian)
            || says("desktop")
            || says("workstation")
    }

    /// A fact of one key, from the line that it stands on.
    fn fact(&self, key: &str) -> Fact {
        match self.find(key) {
            Some(assignment) => Fact::known(assignment.value.as_str(), Source::line(&self.path, assignment.line)),
            None => Fact::absent(Source::file(&self.path)),
        }
    }

    /// A fact that follows from `ID` and what stands beside it.
    fn concluded(&self, value: impl Into<Value>, key: &str) -> Fact {
        let line = self.find(key).or_else(|| self.find("ID")).map(|assignment| assignment.line);
        Fact::known(value, Source::File { path: self.path.clone(), line })
    }
}

fn collect(host: &Host, _: &Facts) -> Facts {
    match read_release(&host.root) {
        Outcome::Found(release) => facts_of(&release, &host.root),
        Outcome::Absent => all(|| Fact::absent(Source::file("/etc/os-release"))),
        Outcome::Unreadable(reason) => all(|| Fact::unreadable(Source::file("/etc/os-release"), reason.clone())),
    }
}

fn all(fact: impl Fn() -> Fact) -> Facts {
    let mut facts = Facts::default();
    for doc in FACTS {
        facts.set(doc.path, fact());
    }
    facts
}

fn read_release(root: &HostRoot) -> Outcome<Release> {
    for path in FILES {
        match root.read_text(path) {
            Outcome::Absent => {}
            Outcome::Found(text) => {
                let assignments = parse_os_release(&text);
                if assignments.is_empty() {
                    return Outcome::Unreadable(format!("parse {path}: no assignment in it"));
                }
                let mut release = Release { path: (*path).to_owned(), id: String::new(), assignments };
                // "If not set, a default of ID=linux may be used", os-release(5).
                release.id = release.get("ID").unwrap_or("linux").to_ascii_lowercase();
                return Outcome::Found(release);
            }
            Outcome::Unreadable(reason) => return Outcome::Unreadable(reason),
        }
    }
    for path in OLD_FILES {
        if let Some((name, version)) = root.read_text(path).found().and_then(|text| parse_release_line(&text)) {
            return Outcome::Found(old_release(path, name, version));
        }
    }
    Outcome::Absent
}

/// A release from the time before os-release.
fn old_release(path: &str, name: String, version: String) -> Release {
    let id = if name.starts_with("Red Hat Enterprise") {
        "rhel"
    } else if name.starts_with("CentOS") {
        "centos"
    } else if name.starts_with("Oracle") {
        "ol"
    } else {
        "linux"
    };
    let assignment = |key: &str, value: String| Assignment { key: key.to_owned(), value, line: 1 };
    let assignments =
        vec![assignment("ID", id.to_owned()), assignment("NAME", name), assignment("VERSION_ID", version)];
    Release { path: path.to_owned(), id: id.to_owned(), assignments }
}

fn facts_of(release: &Release, root: &HostRoot) -> Facts {
    let mut facts = Facts::default();
    facts.set("os.id", release.concluded(release.id.as_str(), "ID"));
    for (path, key) in [
        ("os.name", "NAME"),
        ("os.version_id", "VERSION_ID"),
        ("os.version", "VERSION"),
        ("os.variant_id", "VARIANT_ID"),
        ("os.support_end", "SUPPORT_END"),
    ] {
        facts.set(path, release.fact(key));
    }
    facts.set("os.pretty_name", pretty_name(release));
    facts.set(
        "os.codename",
        match release.fact("VERSION_CODENAME") {
            Fact::Absent { .. } => release.fact("UBUNTU_CODENAME"),
            known => known,
        },
    );
    facts.set(
        "os.id_like",
        match release.get("ID_LIKE") {
            Some(like) => {
                let words = like.split_whitespace().map(|word| release.concluded(word.to_ascii_lowercase(), "ID_LIKE"));
                release.concluded(words.collect::<Vec<Fact>>(), "ID_LIKE")
            }
            None => release.fact("ID_LIKE"),
        },
    );
    let product = Product::of(release);
    let text = |text: Option<&str>, key: &str| match text {
        Some(text) => release.concluded(text, key),
        None => Fact::absent(Source::file(&release.path)),
    };
    facts.set("os.family", text(product::family(release), "ID_LIKE"));
    facts.set("os.product", text(product.name, "ID"));
    facts.set("os.cycle", text(product.cycle.as_deref(), "VERSION_ID"));
    facts.set("os.is_stream", release.concluded(release.is_stream(), "NAME"));
    facts.set("os.is_interim", release.concluded(release.is_interim(), "VERSION_ID"));
    facts.set("os.is_rolling", release.concluded(product.is_rolling, "ID"));
    facts.set("os.is_desktop", release.concluded(release.is_desktop(), "NAME"));
    facts.set("os.is_vendor_dated", release.concluded(product.is_vendor_dated, "ID"));
    facts.set("os.extended_support", extended::read_attachment(root, product.name.unwrap_or("")));
    facts
}

fn pretty_name(release: &Release) -> Fact {
    match release.fact("PRETTY_NAME") {
        Fact::Absent { .. } => {
            let parts = [release.get("NAME"), release.get("VERSION").or(release.get("VERSION_ID"))];
            let words: Vec<&str> = parts.into_iter().flatten().collect();
            release.concluded(if words.is_empty() { release.id.clone() } else { words.join(" ") }, "NAME")
        }
        known => known,
    }
}

#[cfg(test)]
mod tests;
