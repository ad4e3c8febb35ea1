//! NVIDIA's container toolkit: the handlers that it gave the runtime, and how
//! it gives a GPU to a container.
//!
//! Sources: the effective handlers of containerd and CRI-O, `runtimes` of
//! Docker's daemon.json and `--add-runtime`; `nvidia-container-runtime.mode`
//! of the toolkit's config.toml, which the GPU Operator keeps beside its
//! binaries; its version by the package, else by the name of
//! `libnvidia-container`, which is released with it.
//!
//! The mode `auto` is the legacy hook up to 1.17 and `jit-cdi` since 1.18
//! (CHANGELOG of nvidia-container-toolkit). The binaries
//! `nvidia-container-runtime.cdi` and `.legacy` have their mode in their name.

use std::collections::BTreeMap;

use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::flag;
use crate::fact::host::document::{Node, parse_json, parse_toml};
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::host::{Collector, Host};
use crate::fact::version::Version;
use crate::fact::{Fact, Facts, Source};

/// Reads NVIDIA's container toolkit.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "gpu toolkit", facts: FACTS, needs: &["runtime", "docker"], collect };

const HANDLER: &[Field] = &[
    Field::new("name", Type::Text, "Name that a RuntimeClass or `docker --runtime` refers to, such as `nvidia`."),
    Field::new("binary", Type::Text, "The toolkit's binary. Absent: the runtime does not tell."),
    Field::new("cgroup_driver", Type::Text, "Cgroup driver of its containers, `systemd` or `cgroupfs`."),
    Field::new("is_default", Type::Bool, "Whether containers that name no handler use it."),
];

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "gpu.handlers",
        Type::List(&Type::Object(HANDLER)),
        "Handlers of NVIDIA's toolkit in the runtime. Absent: no runtime.",
    ),
    FactDoc::new(
        "gpu.toolkit.version",
        Type::Text,
        "Version of NVIDIA's container toolkit. Absent: it is not installed.",
    ),
    FactDoc::new(
        "gpu.toolkit.mode",
        Type::Text,
        "How it gives a GPU to a container: `legacy` (the hook), `cdi`, `jit-cdi` or `csv`; `auto` is resolved by its version. Absent: it is not installed.",
    ),
];

const CONFIG: &str = "nvidia-container-runtime/config.toml";

/// Where the GPU Operator's toolkit lies unless it is told otherwise.
const OPERATOR: &str = "/usr/local/nvidia/toolkit";

/// Folders of libraries of the host.
const FOLDERS: &[&str] = &["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];

const PACKAGES: &[&str] = &["nvidia-container-toolkit", "nvidia-container-toolkit-base"];

fn collect(host: &Host, earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    let handlers = read_handlers(host, earlier);
    let folder = operator_folder(&host.root, &handlers);
    let version = read_version(host, folder.as_deref());
    let mode = read_mode(&host.root, folder.as_deref(), &handlers, &version);
    facts.set("gpu.handlers", handlers);
    facts.set("gpu.toolkit.version", version);
    facts.set("gpu.toolkit.mode", mode);
    facts
}

fn read_handlers(host: &Host, earlier: &Facts) -> Fact {
    if earlier.text("runtime.name") == Some("docker") {
        return read_docker(host, earlier);
    }
    let missing = || Fact::absent(Source::default_of("no container runtime"));
    let all = earlier.get("runtime.handlers").cloned().unwrap_or_else(missing);
    let Some(handlers) = all.list() else { return all };
    let source = all.source().cloned().unwrap_or_else(|| Source::default_of("handlers of the runtime"));
    let is_nvidias = |handler: &&Fact| {
        let text = |name: &str| handler.member(name).and_then(Fact::text).unwrap_or_default();
        text("name") == "nvidia" || ["binary", "path"].iter().any(|name| is_binary(text(name)))
    };
    let list = handlers.iter().filter(is_nvidias).map(|handler| {
        let member = |name: &str| handler.member(name).cloned().unwrap_or_else(|| Fact::absent(source.clone()));
        let path = member("path");
        let binary = if path.text().is_some_and(is_binary) { path } else { member("binary") };
        let members = [
            ("name", member("name")),
            ("binary", binary),
            ("cgroup_driver", member("cgroup_driver")),
            ("is_default", member("is_default")),
        ];
        Fact::group(BTreeMap::from(members.map(|(name, fact)| (name.to_owned(), fact))))
    });
    Fact::known(list.collect::<Vec<_>>(), source.clone())
}

fn is_binary(path: &str) -> bool {
    path.contains("nvidia-container-runtime")
}

/// Docker keeps handlers as `runtimes: {nvidia: {path: …}}`, and has one
/// cgroup driver for all.
fn read_docker(host: &Host, earlier: &Facts) -> Fact {
    let path = earlier.text("docker.config_path").unwrap_or("/etc/docker/daemon.json");
    let mut handlers = Vec::new();
    let driver = || earlier.get("docker.cgroup_driver").cloned();
    let default = earlier.text("runtime.default_handler");
    let mut add = |name: &str, binary: &str, source: Source| {
        if name == "nvidia" || is_binary(binary) {
            let members = [
                ("name", Fact::known(name, source.clone())),
                ("binary", Fact::known(binary, source.clone())),
                ("cgroup_driver", driver().unwrap_or_else(|| Fact::absent(source.clone()))),
                ("is_default", Fact::known(default == Some(name), source.clone())),
            ];
            let members = members.map(|(name, fact)| (name.to_owned(), fact));
            handlers.push(Fact::known(BTreeMap::from(members), source));
        }
    };
    match host.root.read_text(path) {
        Outcome::Found(text) => match parse_json(&text) {
            Ok(document) => {
                for (name, runtime) in document.get("runtimes").map(Node::members).unwrap_or_default() {
                    let binary = runtime.get("path").and_then(Node::text).unwrap_or_default();
                    add(name, binary, Source::line(path, runtime.line));
                }
            }
            Err(error) => return Fact::unreadable(Source::file(path), format!("read {path}: {error}")),
        },
        Outcome::Absent => {}
        Outcome::Unreadable(reason) => return Fact::unreadable(Source::file(path), reason),
    }
    let daemons = host.processes().as_ref().found().into_iter().flatten();
    for daemon in daemons.filter(|process| process.program() == "dockerd") {
        let source = Source::file(daemon.command_line_path());
        let arguments: Vec<(String, Source)> =
            daemon.arguments.iter().skip(1).map(|argument| (argument.clone(), source.clone())).collect();
        for added in flag::parse_flags(&arguments).iter().filter(|flag| flag.name == "add-runtime") {
            if let Some((name, binary)) = added.value.split_once('=') {
                add(name, binary, source.clone());
            }
        }
    }
    Fact::known(handlers, Source::file(path))
}

/// The folder of the GPU Operator's toolkit, if the runtime uses that.
fn operator_folder(root: &HostRoot, handlers: &Fact) -> Option<String> {
    let binaries = handlers.list().unwrap_or_default().iter();
    let mut binaries = binaries.filter_map(|handler| handler.member("binary").and_then(Fact::text)).peekable();
    if binaries.peek().is_none() {
        // The runtime does not tell: its toolkit is the Operator's where only that is there.
        let is_hosts = root.metadata(&format!("/etc/{CONFIG}")).is_found();
        return (!is_hosts && root.metadata(OPERATOR).is_found()).then(|| OPERATOR.to_owned());
    }
    binaries
        .filter_map(|binary| binary.rsplit_once('/').map(|(folder, _)| folder))
        .find(|folder| root.metadata(&format!("{folder}/.config/{CONFIG}")).is_found() || *folder == OPERATOR)
        .map(str::to_owned)
}

fn read_version(host: &Host, folder: Option<&str>) -> Fact {
    let folders: Vec<&str> = folder.map_or_else(|| FOLDERS.to_vec(), |folder| vec![folder]);
    let packages = host.packages();
    if folder.is_none()
        && let Outcome::Found(packages) = packages
        && let Some(package) = packages.iter().find(|package| PACKAGES.contains(&package.name.as_str()))
    {
        let source = Source::File { path: package.path.clone(), line: package.line };
        return Fact::known(package.version.as_str(), source);
    }
    for folder in &folders {
        let names = host.root.read_folder_once(folder).found();
        let version = names.iter().flat_map(|names| names.iter()).find_map(|name| {
            let version = name.strip_prefix("libnvidia-container.so.")?;
            version.contains('.').then(|| (name.clone(), version.to_owned()))
        });
        if let Some((name, version)) = version {
            return Fact::known(version, Source::file(format!("{folder}/{name}")));
        }
    }
    let place = Source::file(folders.first().copied().unwrap_or_default());
    match packages {
        Outcome::Found(_) if folder.is_none() => Fact::absent(place),
        Outcome::Unreadable(reason) if folder.is_none() => Fact::unreadable(place, reason.as_str()),
        _ => Fact::unreadable(
            place,
            "read the version of NVIDIA's container toolkit: no package and no library tells it",
        ),
    }
}

fn read_mode(root: &HostRoot, folder: Option<&str>, handlers: &Fact, version: &Fact) -> Fact {
    let path = folder.map_or_else(|| format!("/etc/{CONFIG}"), |folder| format!("{folder}/.config/{CONFIG}"));
    let has_handler = handlers.list().is_some_and(|handlers| !handlers.is_empty());
    let documented = || Source::default_of("nvidia-container-runtime: mode is auto unless it is set");
    let (mode, source) = match root.read_text(&path) {
        Outcome::Found(text) => match parse_toml(&text) {
            Ok(document) => match document.at(&["nvidia-container-runtime", "mode"]) {
                Some(node) => (node.text().unwrap_or_default().to_owned(), Source::line(&path, node.line)),
                None => ("auto".to_owned(), documented()),
            },
            Err(error) => return Fact::unreadable(Source::file(&path), format!("read {path}: {error}")),
        },
        Outcome::Unreadable(reason) => return Fact::unreadable(Source::file(path), reason),
        Outcome::Absent if !has_handler && version.text().is_none() => {
            return match version {
                Fact::Unreadable { .. } => version.clone(),
                _ => Fact::absent(Source::file(path)),
            };
        }
        Outcome::Absent => ("auto".to_owned(), documented()),
    };
    let of_binary = handlers.list().unwrap_or_default().iter().find_map(|handler| {
        let binary = handler.member("binary")?;
        let (_, mode) = binary.text()?.rsplit_once("nvidia-container-runtime.")?;
        let is_nvidia = handler.member("name").and_then(Fact::text) == Some("nvidia");
        (is_nvidia && matches!(mode, "cdi" | "legacy")).then(|| Some((mode.to_owned(), binary.source()?.clone())))?
    });
    let (mode, source) = of_binary.unwrap_or((mode, source));
    if mode != "auto" && !mode.is_empty() {
        return Fact::known(mode, source);
    }
    match version.text().and_then(Version::parse) {
        Some(version) if (version.major(), version.minor()) >= (1, 18) => Fact::known("jit-cdi", source),
        Some(_) => Fact::known("legacy", source),
        None => Fact::unreadable(
            source,
            "tell what the toolkit's mode auto is: legacy up to 1.17 and jit-cdi since 1.18, and its version is not known",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const NVIDIA: &str = "/usr/bin/nvidia-container-runtime";

    fn facts(files: &[(&str, &str)], handlers: &[(&str, &str)]) -> Facts {
        let tree = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = tree.path().join(path.trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let source = || Source::file("/etc/containerd/config.toml");
        let handler = |(name, binary): &(&str, &str)| {
            Fact::group(BTreeMap::from([
                ("name".to_owned(), Fact::known(*name, source())),
                ("binary".to_owned(), Fact::known(*binary, source())),
                ("cgroup_driver".to_owned(), Fact::known("systemd", source())),
            ]))
        };
        let mut earlier = Facts::default();
        let handlers: Vec<Fact> = handlers.iter().map(handler).collect();
        earlier.set("runtime.handlers", Fact::group(handlers));
        earlier.set("runtime.name", Fact::known("containerd", source()));
        collect(&Host::new(HostRoot::open(tree.path()).unwrap(), Instant::now()), &earlier)
    }

    fn package(version: &str) -> String {
        format!(
            "Package: nvidia-container-toolkit\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n"
        )
    }

    #[test]
    fn auto_is_the_hook_up_to_1_17_and_cdi_since_1_18() {
        for (version, mode) in [("1.17.8-1", "legacy"), ("1.18.0-1", "jit-cdi"), ("1.20.0-1", "jit-cdi")] {
            let status = package(version);
            let facts = facts(&[("/var/lib/dpkg/status", &status)], &[("runc", ""), ("nvidia", NVIDIA)]);
            assert_eq!(facts.text("gpu.toolkit.mode"), Some(mode), "{version}");
            assert_eq!(facts.get("gpu.handlers").and_then(Fact::list).map(<[Fact]>::len), Some(1));
        }
        let config = ("/etc/nvidia-container-runtime/config.toml", "[nvidia-container-runtime]\nmode = \"auto\"\n");
        let unknown = facts(&[config], &[("nvidia", NVIDIA)]);
        assert!(matches!(unknown.get("gpu.toolkit.mode"), Some(Fact::Unreadable { .. })));
    }

    #[test]
    fn what_the_file_sets_counts_and_what_the_binary_is_named_more() {
        let status = package("1.17.8-1");
        let config = ("/etc/nvidia-container-runtime/config.toml", "[nvidia-container-runtime]\nmode = \"cdi\"\n");
        let files = [config, ("/var/lib/dpkg/status", status.as_str())];
        let set = facts(&files, &[("nvidia", NVIDIA), ("nvidia-legacy", "/usr/bin/nvidia-container-runtime.legacy")]);
        let place = Source::line("/etc/nvidia-container-runtime/config.toml", 2);
        assert_eq!(set.get("gpu.toolkit.mode"), Some(&Fact::known("cdi", place)));
        let named = facts(&files, &[("nvidia", "/usr/bin/nvidia-container-runtime.legacy")]);
        assert_eq!(named.text("gpu.toolkit.mode"), Some("legacy"));
    }

    #[test]
    fn the_operators_toolkit_lies_beside_its_binaries() {
        let files = [
            (
                "/usr/local/nvidia/toolkit/.config/nvidia-container-runtime/config.toml",
                "[nvidia-container-runtime]\nmode = \"legacy\"\n",
            ),
            ("/usr/local/nvidia/toolkit/libnvidia-container.so.1.17.8", ""),
            ("/etc/nvidia-container-runtime/config.toml", "[nvidia-container-runtime]\nmode = \"cdi\"\n"),
        ];
        let facts = facts(&files, &[("nvidia", "/usr/local/nvidia/toolkit/nvidia-container-runtime")]);
        assert_eq!(facts.text("gpu.toolkit.mode"), Some("legacy"));
        assert_eq!(facts.text("gpu.toolkit.version"), Some("1.17.8"));
    }

    #[test]
    fn without_a_toolkit_there_is_no_mode() {
        let facts = facts(&[("/var/lib/dpkg/status", "")], &[("runc", "")]);
        assert!(matches!(facts.get("gpu.toolkit.mode"), Some(Fact::Absent { .. })));
        assert_eq!(facts.get("gpu.handlers").and_then(Fact::list), Some([].as_slice()));
    }

    #[test]
    fn dockers_handlers_are_in_its_file() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(tree.path().join("etc/docker")).unwrap();
        let text =
            "{\"runtimes\": {\n\"nvidia\": {\"path\": \"nvidia-container-runtime\"}, \"kata\": {\"path\": \"/x\"}}}";
        std::fs::write(tree.path().join("etc/docker/daemon.json"), text).unwrap();
        let mut earlier = Facts::default();
        earlier.set("runtime.name", Fact::known("docker", Source::file("/proc")));
        earlier.set("docker.cgroup_driver", Fact::known("systemd", Source::file("/proc")));
        let facts = collect(&Host::new(HostRoot::open(tree.path()).unwrap(), Instant::now()), &earlier);
        let [nvidia] = facts.get("gpu.handlers").and_then(Fact::list).unwrap() else { panic!("one") };
        assert_eq!(nvidia.member("cgroup_driver").and_then(Fact::text), Some("systemd"));
        assert_eq!(nvidia.source(), Some(&Source::line("/etc/docker/daemon.json", 2)));
    }
}
