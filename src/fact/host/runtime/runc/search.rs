//! Which runcs are on the host, and which of them the runtime starts.
//!
//! In: the search path of services, the data folders of distributions of
//! Kubernetes, and the runtime's handlers. Out: candidates and paths. A name
//! is looked up in the daemon's PATH, so `/usr/local/sbin` comes before
//! `/usr/sbin`; systemd.exec(5).

use std::io::Read;

use crate::fact::host::root::{FileKind, Outcome};
use crate::fact::host::{Host, unit};
use crate::fact::{Fact, Facts, Source};

/// systemd's PATH of services, in its order.
const SERVICE_PATH: &[&str] = &["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Other places of runc, by who puts it there.
const OTHER_PLACES: &[&str] = &[
    "/opt/bin/runc",
    "/opt/containerd/bin/runc",
    "/usr/libexec/docker/docker-runc-current",
    "/usr/bin/docker-runc",
    "/usr/local/bin/docker-runc",
    "/var/lib/k0s/bin/runc",
    "/snap/microk8s/current/bin/runc",
];

/// Folders of k3s and RKE2 that hold one folder for each version.
const DATA_FOLDERS: &[&str] = &["/var/lib/rancher/k3s/data", "/var/lib/rancher/rke2/data"];

/// A file that may be runc.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Its path, links resolved.
    pub(super) path: String,
    /// Whether a name alone finds it or one that lies before it.
    pub(super) is_in_path: bool,
    /// Whether a distribution's package may own it.
    pub(super) is_of_distribution: bool,
}

/// What was found, and the first place that could not be looked at.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Every candidate once, in the order of the search path.
    pub(super) candidates: Vec<Candidate>,
    /// Why a place could not be looked at, or that none was recorded.
    pub(super) problem: Option<String>,
}

/// Finds every runc.
pub(super) fn find_candidates(host: &Host, earlier: &Facts) -> Found {
    let mut places: Vec<(String, bool)> =
        service_path(host).into_iter().map(|folder| (format!("{folder}/runc"), true)).collect();
    places.extend(OTHER_PLACES.iter().map(|path| ((*path).to_owned(), false)));
    places.extend(data_places(host).into_iter().map(|path| (path, false)));
    places.extend(handler_binaries(earlier).into_iter().filter(|path| is_named_runc(path)).map(|path| (path, false)));
    let mut found = Found::default();
    for (place, is_in_path) in places.into_iter().filter(|(place, _)| place.starts_with('/')) {
        match host.root.resolve(&place) {
            Outcome::Found(path) => {
                let is_file =
                    matches!(host.root.metadata(&path), Outcome::Found(found) if found.kind == FileKind::File);
                if is_file && !found.candidates.iter().any(|known| known.path == path) {
                    let is_of_distribution =
                        ["/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/"].iter().any(|folder| path.starts_with(folder));
                    found.candidates.push(Candidate { path, is_in_path, is_of_distribution });
                }
            }
            Outcome::Absent => {}
            Outcome::Unreadable(reason) => found.problem = Some(reason),
        }
    }
    let was_recorded =
        host.packages().is_found() || SERVICE_PATH.iter().any(|folder| host.root.read_folder_once(folder).is_found());
    if found.candidates.is_empty() && !was_recorded && found.problem.is_none() {
        found.problem = Some("find runc: no folder of programs was recorded".to_owned());
    }
    found
}

/// The paths of the runcs that the runtime starts, that of the default handler
/// first.
pub(super) fn find_in_use(host: &Host, earlier: &Facts, candidates: &[Candidate]) -> Vec<String> {
    let known = |path: &str| {
        let path = host.root.resolve(path).found()?;
        candidates.iter().any(|candidate| candidate.path == path).then_some(path)
    };
    let in_path = || candidates.iter().find(|candidate| candidate.is_in_path).map(|candidate| candidate.path.clone());
    let bundled = || {
        let supervisor = earlier.text("containerd.supervisor")?;
        let mark = match supervisor {
            "k3s" | "rke2" => "/var/lib/rancher/",
            "k0s" => "/var/lib/k0s/",
            "microk8s" => "/snap/microk8s/",
            _ => return None,
        };
        candidates.iter().find(|candidate| candidate.path.starts_with(mark)).map(|candidate| candidate.path.clone())
    };
    let by_name = || bundled().or_else(in_path);
    let mut in_use = Vec::new();
    if let Some(handlers) = earlier.get("runtime.handlers").and_then(Fact::list) {
        for handler in handlers {
            let kind = handler.member("type").and_then(Fact::text).unwrap_or_default();
            if matches!(kind, "vm" | "pod") || kind.contains("kata") || kind.contains("runsc") || kind.contains("wasm")
            {
                continue;
            }
            match handler.member("binary").and_then(Fact::text).filter(|binary| !binary.is_empty()) {
                Some(binary) if binary.starts_with('/') && is_named_runc(binary) => in_use.extend(known(binary)),
                // NVIDIA's wrapper starts the first runc that it finds.
                Some(binary) if is_named_runc(binary) || binary.contains("nvidia-container-runtime") => {
                    in_use.extend(by_name());
                }
                Some(_) => {}
                None if is_name_of_other_runtime(handler.member("name").and_then(Fact::text)) && kind == "oci" => {}
                None => in_use.extend(by_name()),
            }
        }
    } else if earlier.bool("runtime.present") != Some(false) {
        in_use.extend(by_name());
    }
    if earlier.text("runtime.name") == Some("docker") {
        let own = candidates.iter().find(|candidate| candidate.path.contains("docker-runc"));
        in_use.extend(own.map(|candidate| candidate.path.clone()).or_else(in_path));
    }
    let mut seen = Vec::new();
    in_use.retain(|path| {
        let is_new = !seen.contains(path);
        seen.push(path.clone());
        is_new
    });
    in_use
}

/// CRI-O looks a handler without a path up by its name.
fn is_name_of_other_runtime(name: Option<&str>) -> bool {
    name.is_some_and(|name| name != "runc")
}

fn is_named_runc(binary: &str) -> bool {
    let name = binary.rsplit('/').next().unwrap_or(binary);
    name == "runc" || name.starts_with("runc.") || name.starts_with("runc-") || name.starts_with("docker-runc")
}

fn handler_binaries(earlier: &Facts) -> Vec<String> {
    let handlers = earlier.get("runtime.handlers").and_then(Fact::list).unwrap_or_default();
    handlers.iter().filter_map(|handler| Some(handler.member("binary")?.text()?.to_owned())).collect()
}

/// The PATH of containerd's unit, if it sets one, else systemd's.
fn service_path(host: &Host) -> Vec<String> {
    if let Outcome::Found(unit) = unit::read_unit(&host.root, "containerd.service") {
        let settings: Vec<_> = unit.all("Service", "Environment").collect();
        for setting in settings.into_iter().rev() {
            let words = setting.value.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
            if let Some(path) = words.filter_map(|word| word.strip_prefix("PATH=")).next_back() {
                return path.split(':').filter(|folder| folder.starts_with('/')).map(str::to_owned).take(64).collect();
            }
        }
    }
    SERVICE_PATH.iter().map(|folder| (*folder).to_owned()).collect()
}

/// runc in the data folders: of the current version where a link names it, so
/// that versions left behind by upgrades are not counted.
fn data_places(host: &Host) -> Vec<String> {
    let mut places = Vec::new();
    for folder in DATA_FOLDERS {
        let current = format!("{folder}/current/bin/runc");
        if host.root.metadata(&current).is_found() {
            places.push(current);
        } else if let Outcome::Found(names) = host.root.read_folder(folder) {
            places.extend(names.iter().take(64).map(|name| format!("{folder}/{name}/bin/runc")));
        }
    }
    places
}

/// The runcs in the search path whose content is not that of the first.
pub(super) fn find_differing(host: &Host, candidates: &[Candidate]) -> Fact {
    let mut in_path = candidates.iter().filter(|candidate| candidate.is_in_path);
    let Some(first) = in_path.next() else { return Fact::known(Vec::new(), Source::file("/usr/bin/runc")) };
    let mut differing = Vec::new();
    for other in in_path {
        match has_same_content(host, &first.path, &other.path) {
            Ok(true) => {}
            Ok(false) => differing.push(Fact::known(other.path.as_str(), Source::file(&other.path))),
            Err(reason) => return Fact::unreadable(Source::file(&other.path), reason),
        }
    }
    Fact::known(differing, Source::file(&first.path))
}

fn has_same_content(host: &Host, one: &str, other: &str) -> Result<bool, String> {
    let open = |path: &str| match host.root.open_file(path) {
        Outcome::Found(file) => Ok(file),
        Outcome::Absent => Err(format!("read {path}: it is gone")),
        Outcome::Unreadable(reason) => Err(reason),
    };
    let (mut first, mut second) = (open(one)?, open(other)?);
    let size = |file: &std::fs::File| file.metadata().map(|metadata| metadata.len());
    let sizes = (size(&first), size(&second));
    let (Ok(first_size), Ok(second_size)) = sizes else { return Err(format!("read {one}: its size is not known")) };
    if first_size != second_size {
        return Ok(false);
    }
    // A sparse file of any size ends here at the same bound as in `elf`.
    let mut rest = first_size.min(64 << 20);
    let (mut left, mut right) = (vec![0_u8; 1 << 16], vec![0_u8; 1 << 16]);
    while rest > 0 {
        let length = usize::try_from(rest.min(1 << 16)).unwrap_or(1 << 16);
        let (Some(left), Some(right)) = (left.get_mut(..length), right.get_mut(..length)) else { break };
        first.read_exact(left).map_err(|error| format!("read {one}: {error}"))?;
        second.read_exact(right).map_err(|error| format!("read {other}: {error}"))?;
        if left != right {
            return Ok(false);
        }
        rest = rest.saturating_sub(1 << 16);
    }
    Ok(true)
}
