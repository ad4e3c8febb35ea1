//! Whether a host is attached to its vendor's extended support, by the marks
//! that attaching leaves: Ubuntu Pro's status, enabled repositories of Red
//! Hat's ELS and EUS, the product file of SUSE's LTSS.

use crate::fact::host::document::{Node, parse_json};
use crate::fact::host::repository::{IniFile, truth};
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::{Fact, Source};

const PRO_FOLDER: &str = "/var/lib/ubuntu-advantage";
const PRO_STATUS: &str = "/var/lib/ubuntu-advantage/status.json";
const APT_FOLDER: &str = "/etc/apt/sources.list.d";
const YUM_FOLDER: &str = "/etc/yum.repos.d";
const ZYPP_FOLDER: &str = "/etc/zypp/repos.d";
const SUSE_PRODUCTS: &str = "/etc/products.d";

/// Whether a host of this product is attached. Absent: the product has no
/// such support, or nothing was recorded that would tell.
pub(super) fn read_attachment(root: &HostRoot, product: &str) -> Fact {
    match product {
        "ubuntu" => read_ubuntu_pro(root),
        "rhel" => read_repositories(root, YUM_FOLDER, &["-els-", "-eus-", "-e4s-", "-tus-"]),
        "sles" => read_suse(root),
        "oracle-linux" => Fact::unreadable(
            Source::file("/etc/os-release"),
            "tell whether extended support was bought: Oracle Linux keeps no mark of it",
        ),
        _ => Fact::absent(Source::file("/etc/os-release")),
    }
}

fn read_ubuntu_pro(root: &HostRoot) -> Fact {
    let source = Source::file(PRO_STATUS);
    match root.read_text(PRO_STATUS) {
        Outcome::Unreadable(reason) => Fact::unreadable(source, reason),
        Outcome::Found(text) => match parse_json(&text) {
            Ok(status) => pro_fact(&status),
            Err(error) => Fact::unreadable(source, format!("parse {PRO_STATUS}: {error}")),
        },
        Outcome::Absent => {
            for name in ["ubuntu-esm-infra.sources", "ubuntu-esm-infra.list"] {
                let path = format!("{APT_FOLDER}/{name}");
                if let Some(text) = root.read_text(&path).found()
                    && has_source(&text)
                {
                    return Fact::known(true, Source::file(path));
                }
            }
            absence(root, PRO_FOLDER)
        }
    }
}

/// Whether a file of sources has one that is in force.
fn has_source(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    let is_disabled = text.lines().any(|line| line.trim().to_ascii_lowercase().replace(' ', "") == "enabled:no");
    !is_disabled && lines.any(|line| line.starts_with("deb ") || line.to_ascii_lowercase().starts_with("uris:"))
}

fn pro_fact(status: &Node) -> Fact {
    let is_infra = |service: &&Node| service.get("name").and_then(Node::text) == Some("esm-infra");
    let infra = status.get("services").map(Node::list).unwrap_or_default().iter().find(is_infra);
    let state = infra.and_then(|infra| infra.get("status"));
    let is_attached = status.get("attached").and_then(Node::bool);
    match (is_attached, state) {
        (Some(true), Some(state)) => Fact::known(state.text() == Some("enabled"), Source::line(PRO_STATUS, state.line)),
        (Some(_), _) => {
            let line = status.get("attached").map_or(1, |attached| attached.line);
            Fact::known(false, Source::line(PRO_STATUS, line))
        }
        (None, _) => Fact::unreadable(Source::file(PRO_STATUS), format!("parse {PRO_STATUS}: no member `attached`")),
    }
}

fn read_suse(root: &HostRoot) -> Fact {
    for name in root.read_folder(SUSE_PRODUCTS).found().unwrap_or_default() {
        if name.to_ascii_uppercase().contains("LTSS") {
            return Fact::known(true, Source::file(format!("{SUSE_PRODUCTS}/{name}")));
        }
    }
    let by_repository = read_repositories(root, ZYPP_FOLDER, &["ltss"]);
    if by_repository.bool() == Some(true) { by_repository } else { absence(root, SUSE_PRODUCTS) }
}

/// Whether an enabled repository carries one of these words in its name.
fn read_repositories(root: &HostRoot, folder: &str, words: &[&str]) -> Fact {
    let names = match root.read_folder(folder) {
        Outcome::Found(names) => names,
        Outcome::Absent => return absence(root, folder),
        Outcome::Unreadable(reason) => return Fact::unreadable(Source::file(folder), reason),
    };
    for name in names.iter().filter(|name| name.ends_with(".repo")) {
        let path = format!("{folder}/{name}");
        match root.read_text(&path) {
            Outcome::Found(text) => {
                if let Some(line) = find_enabled(&text, words) {
                    return Fact::known(true, Source::line(path, line));
                }
            }
            Outcome::Absent => {}
            Outcome::Unreadable(reason) => return Fact::unreadable(Source::file(path), reason),
        }
    }
    Fact::known(false, Source::file(folder))
}

fn find_enabled(text: &str, words: &[&str]) -> Option<u32> {
    let file = IniFile::parse(text);
    let is_enabled =
        |section: &str| file.get(section, "enabled").is_none_or(|enabled| truth(&enabled.value) != Some(false));
    let has_word = |section: &str| words.iter().any(|word| section.to_ascii_lowercase().contains(word));
    file.sections.iter().find(|(section, _)| has_word(section) && is_enabled(section)).map(|(_, line)| *line)
}

/// Nothing was found where the mark would be: that it is not attached, but
/// only where the folder that would hold the mark was there to be looked at.
fn absence(root: &HostRoot, folder: &str) -> Fact {
    if root.has_kernel_files() || root.metadata(folder).is_found() {
        Fact::known(false, Source::file(folder))
    } else {
        Fact::absent(Source::file(folder))
    }
}
