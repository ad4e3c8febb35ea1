//! Sandboxed runtimes: Kata Containers and gVisor, as far as their own files
//! tell.
//!
//! In: packages, the usual folders, `configuration.toml` of Kata and
//! `runsc.toml` of gVisor. Out: the facts `kata.*` and `gvisor.*`. Truth:
//! <https://github.com/kata-containers/kata-containers> and
//! <https://gvisor.dev/docs/user_guide/containerd/configuration/>.

use super::presence::{Traces, read_package_version, read_present};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::host::document::{self, Node};
use crate::fact::host::root::Outcome;
use crate::fact::host::{Collector, Host};
use crate::fact::{Fact, Facts, Source};

const FACTS: &[FactDoc] = &[
    FactDoc::new("kata.present", Type::Bool, "Whether Kata Containers is installed: its shim or its package."),
    FactDoc::new("kata.version", Type::Text, "Version by its package or version file. Absent: neither is there."),
    FactDoc::new(
        "kata.config_path",
        Type::Text,
        "Its configuration, the first that it would read. Absent: there is none.",
    ),
    FactDoc::new(
        "kata.hypervisor",
        Type::Text,
        "The hypervisor that the configuration names: qemu, clh, firecracker, dragonball.",
    ),
    FactDoc::new("gvisor.present", Type::Bool, "Whether gVisor is installed: runsc or its shim."),
    FactDoc::new("gvisor.version", Type::Text, "Version by its package. Absent: no package brought it."),
    FactDoc::new(
        "gvisor.systemd_cgroup",
        Type::Bool,
        "Whether runsc uses systemd's cgroups (`systemd-cgroup` in `[runsc_config]`); false where unset.",
    ),
    FactDoc::new("gvisor.platform", Type::Text, "Its platform: systrap, kvm or ptrace. Absent: unset."),
];

/// Reads Kata Containers and gVisor.
pub(in crate::fact::host) const COLLECTOR: Collector = Collector { name: "sandbox", facts: FACTS, needs: &[], collect };

const KATA: &Traces = &Traces {
    programs: &["containerd-shim-kata-v2", "kata-runtime"],
    packages: &["kata-runtime", "kata-containers"],
    units: &[],
    files: &["/opt/kata/bin/containerd-shim-kata-v2"],
};

const GVISOR: &Traces =
    &Traces { programs: &["runsc", "containerd-shim-runsc-v1"], packages: &["runsc"], units: &[], files: &[] };

/// Kata's configuration in the order in which it looks.
const KATA_CONFIG: &[&str] = &[
    "/etc/kata-containers/configuration.toml",
    "/usr/share/defaults/kata-containers/configuration.toml",
    "/opt/kata/share/defaults/kata-containers/configuration.toml",
];

/// gVisor's shim is told of this file in the handler's `ConfigPath`; the path
/// is that of its own documentation.
const GVISOR_CONFIG: &str = "/etc/containerd/runsc.toml";

fn collect(host: &Host, _earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    set_kata(host, &mut facts);
    set_gvisor(host, &mut facts);
    facts
}

fn set_kata(host: &Host, facts: &mut Facts) {
    let mut present = read_present(host, KATA);
    let installed = "/opt/kata/bin/containerd-shim-kata-v2";
    if present.bool() != Some(true) && host.root.metadata(installed).is_found() {
        present = Fact::known(true, Source::file(installed));
    }
    let mut version = read_package_version(host, KATA, present.bool());
    if let Outcome::Found(text) = host.root.read_text("/opt/kata/VERSION")
        && !text.trim().is_empty()
    {
        version = Fact::known(text.trim(), Source::line("/opt/kata/VERSION", 1));
    }
    facts.set("kata.present", present);
    facts.set("kata.version", version);
    let path = KATA_CONFIG.iter().find(|path| host.root.metadata(path).is_found());
    let Some(path) = path else {
        facts.set("kata.config_path", Fact::absent(Source::file("/etc/kata-containers/configuration.toml")));
        facts.set("kata.hypervisor", Fact::absent(Source::file("/etc/kata-containers/configuration.toml")));
        return;
    };
    facts.set("kata.config_path", Fact::known(*path, Source::file(*path)));
    let hypervisor = match read_toml(host, path) {
        Ok(Some(document)) => hypervisor(&document, path),
        Ok(None) => Fact::absent(Source::file(*path)),
        Err(reason) => Fact::unreadable(Source::file(*path), reason),
    };
    facts.set("kata.hypervisor", hypervisor);
}

/// The name of the table beneath `[hypervisor]`.
fn hypervisor(document: &Node, path: &str) -> Fact {
    match document.get("hypervisor").and_then(|table| table.members().first()) {
        Some((name, node)) => Fact::known(name.as_str(), Source::line(path, node.line)),
        None => Fact::absent(Source::file(path)),
    }
}

fn set_gvisor(host: &Host, facts: &mut Facts) {
    let present = read_present(host, GVISOR);
    facts.set("gvisor.version", read_package_version(host, GVISOR, present.bool()));
    facts.set("gvisor.present", present);
    let (systemd_cgroup, platform) = match read_toml(host, GVISOR_CONFIG) {
        Ok(Some(document)) => (systemd_cgroup(&document), runsc_option(&document, "platform")),
        Ok(None) => (no_systemd_cgroup(), Fact::absent(Source::file(GVISOR_CONFIG))),
        Err(reason) => {
            let unreadable = Fact::unreadable(Source::file(GVISOR_CONFIG), reason);
            (unreadable.clone(), unreadable)
        }
    };
    facts.set("gvisor.systemd_cgroup", systemd_cgroup);
    facts.set("gvisor.platform", platform);
}

fn systemd_cgroup(document: &Node) -> Fact {
    let option = runsc_option(document, "systemd-cgroup");
    match (option.text(), option.source()) {
        (Some(text), Some(source)) => Fact::known(text == "true", source.clone()),
        _ => no_systemd_cgroup(),
    }
}

fn no_systemd_cgroup() -> Fact {
    Fact::known(false, Source::default_of("https://gvisor.dev/docs/user_guide/containerd/configuration/"))
}

/// An option of `[runsc_config]`, whose values are texts: they become flags.
fn runsc_option(document: &Node, name: &str) -> Fact {
    match document.at(&["runsc_config", name]) {
        Some(node) => match (node.text(), node.bool()) {
            (Some(text), _) => Fact::known(text, Source::line(GVISOR_CONFIG, node.line)),
            (None, Some(truth)) => Fact::known(truth.to_string(), Source::line(GVISOR_CONFIG, node.line)),
            (None, None) => {
                Fact::unreadable(Source::line(GVISOR_CONFIG, node.line), format!("read {name}: it is not text"))
            }
        },
        None => Fact::absent(Source::file(GVISOR_CONFIG)),
    }
}

fn read_toml(host: &Host, path: &str) -> Result<Option<Node>, String> {
    match host.root.read_text(path) {
        Outcome::Found(text) => document::parse_toml(&text).map(Some).map_err(|error| format!("parse {path}: {error}")),
        Outcome::Absent => Ok(None),
        Outcome::Unreadable(reason) => Err(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gvisors_own_switch_decides_its_cgroups() {
        let document = document::parse_toml("[runsc_config]\nplatform = \"kvm\"\nsystemd-cgroup = \"true\"\n").unwrap();
        assert_eq!(systemd_cgroup(&document), Fact::known(true, Source::line(GVISOR_CONFIG, 3)));
        assert_eq!(runsc_option(&document, "platform").text(), Some("kvm"));
        let empty = document::parse_toml("log_path = \"/var/log/runsc\"\n").unwrap();
        assert_eq!(systemd_cgroup(&empty).bool(), Some(false));
    }

    #[test]
    fn katas_hypervisor_is_the_name_of_its_table() {
        let document =
            document::parse_toml("[hypervisor.qemu]\npath = \"/opt/kata/bin/qemu-system-x86_64\"\n").unwrap();
        assert_eq!(hypervisor(&document, "/etc/kata-containers/configuration.toml").text(), Some("qemu"));
    }
}
