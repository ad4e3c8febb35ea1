//! The runtime that the kubelet uses, as one view over containerd, CRI-O and
//! Docker.
//!
//! In: the facts `kubelet.*`, `cri.*`, `containerd.*`, `crio.*`, `docker.*`,
//! and the cgroups that are there. Out: the facts `runtime.*`, which most
//! rules judge. What the running daemon says comes before what its files say;
//! where both are known and differ, a restart is pending. Truth: the kubelet's
//! reference of `containerRuntimeEndpoint`, and the runtimes' own pages.

mod declaration;
mod fault;
mod part;

use crate::fact::host::{Collector, Host};
use crate::fact::{Fact, Facts, Source};

use super::containerd::list;
use super::evidence::{read_cgroup_tree, read_mismatches, read_unmanaged};
use declaration::FACTS;
use part::set_runtime;

/// Joins the runtimes.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "runtime", facts: FACTS, needs: &["kubelet", "cri", "containerd", "crio", "docker"], collect };

/// The socket or program that a kubelet's endpoint belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runtime {
    Containerd,
    CriO,
    Docker,
}

impl Runtime {
    pub(super) fn name(self) -> &'static str {
        match self {
            Runtime::Containerd => "containerd",
            Runtime::CriO => "cri-o",
            Runtime::Docker => "docker",
        }
    }

    /// First segment of its facts.
    pub(super) fn root(self) -> &'static str {
        match self {
            Runtime::Containerd => "containerd",
            Runtime::CriO => "crio",
            Runtime::Docker => "docker",
        }
    }
}

fn collect(host: &Host, earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    let chosen = choose(earlier);
    let is_containerd = matches!(chosen, Ok(Some((Runtime::Containerd, _))));
    let unmanaged = match &chosen {
        Ok(chosen) => read_unmanaged(host, matches!(chosen, Some((Runtime::Docker, _)))),
        // Docker's containers may be the kubelet's own.
        Err(reason) => Fact::unreadable(Source::file("/proc"), reason.as_str()),
    };
    match chosen {
        Ok(Some((runtime, source))) => set_runtime(earlier, runtime, source, &mut facts),
        Ok(None) => {
            for doc in FACTS {
                facts.set(doc.path, Fact::absent(Source::file("/run")));
            }
            facts.set("runtime.present", Fact::known(false, Source::file("/run")));
        }
        Err(reason) => {
            for doc in FACTS {
                facts.set(doc.path, Fact::unreadable(Source::file("/run"), reason.as_str()));
            }
        }
    }
    if is_containerd {
        facts.set("runtime.cri_faults", fault::cri_faults(earlier));
        let handlers = facts.get("runtime.handlers").cloned().unwrap_or_else(|| list([]));
        facts.set("runtime.broken_handlers", fault::broken_handlers(host, earlier, &handlers));
    }
    facts.set("runtime.cgroup_tree_driver", read_cgroup_tree(&host.root, earlier.text("kubelet.cgroup_root")));
    facts.set("runtime.cgroup_mismatches", read_mismatches(host));
    facts.set("runtime.unmanaged_containers", unmanaged);
    facts
}

/// The runtime that the kubelet calls, and where that is said; without a
/// kubelet, the one that is here.
fn choose(earlier: &Facts) -> Result<Option<(Runtime, Source)>, String> {
    if earlier.text("kubelet.container_runtime") == Some("docker")
        && let Some(source) = earlier.get("kubelet.container_runtime").and_then(Fact::source)
    {
        return Ok(Some((Runtime::Docker, source.clone())));
    }
    match earlier.get("kubelet.endpoint") {
        Some(endpoint @ Fact::Known { .. }) => {
            let source = endpoint.source().cloned().unwrap_or_else(|| Source::file("/run"));
            let path = endpoint.text().unwrap_or_default();
            return match of_name(earlier.text("cri.runtime_name")).or_else(|| of_path(path, earlier)) {
                Some(runtime) => Ok(Some((runtime, source))),
                None => Err(format!("tell whose endpoint {path} is")),
            };
        }
        Some(Fact::Unreadable { reason, .. }) => {
            return only_one(earlier).map(Some).ok_or_else(|| reason.clone());
        }
        _ => {}
    }
    without_kubelet(earlier)
}

fn of_name(name: Option<&str>) -> Option<Runtime> {
    match name? {
        "containerd" => Some(Runtime::Containerd),
        "cri-o" => Some(Runtime::CriO),
        "docker" => Some(Runtime::Docker),
        _ => None,
    }
}

/// By the socket's usual names, else by where a runtime says that it listens.
fn of_path(endpoint: &str, earlier: &Facts) -> Option<Runtime> {
    let path = endpoint.trim_start_matches("unix://");
    let listens = |fact: &str| earlier.text(fact).is_some_and(|address| address.trim_start_matches("unix://") == path);
    if path.contains("dockershim") || path.contains("cri-dockerd") {
        Some(Runtime::Docker)
    } else if path.contains("crio") || listens("crio.endpoint") {
        Some(Runtime::CriO)
    } else if path.contains("containerd") || listens("containerd.address") {
        Some(Runtime::Containerd)
    } else {
        None
    }
}

fn is_here(earlier: &Facts, runtime: Runtime) -> Option<bool> {
    let is_docks_own = runtime == Runtime::Containerd && earlier.text("containerd.supervisor") == Some("docker");
    earlier.bool(&format!("{}.present", runtime.root())).map(|is_present| is_present && !is_docks_own)
}

fn place_of(earlier: &Facts, runtime: Runtime) -> Source {
    let present = earlier.get(&format!("{}.present", runtime.root()));
    present.and_then(Fact::source).cloned().unwrap_or_else(|| Source::file("/usr/bin"))
}

/// The one runtime that shows itself on this host.
fn only_one(earlier: &Facts) -> Option<(Runtime, Source)> {
    let all = [Runtime::Containerd, Runtime::CriO, Runtime::Docker];
    let mut here = all.into_iter().filter(|runtime| is_here(earlier, *runtime) == Some(true));
    match (here.next(), here.next()) {
        (Some(runtime), None) => Some((runtime, place_of(earlier, runtime))),
        _ => None,
    }
}

/// Docker brings containerd, so where both are and no kubelet is, Docker is used.
fn without_kubelet(earlier: &Facts) -> Result<Option<(Runtime, Source)>, String> {
    for runtime in [Runtime::CriO, Runtime::Docker, Runtime::Containerd] {
        if is_here(earlier, runtime) == Some(true) {
            return Ok(Some((runtime, place_of(earlier, runtime))));
        }
    }
    let all = [Runtime::CriO, Runtime::Docker, Runtime::Containerd];
    if all.into_iter().any(|runtime| is_here(earlier, runtime).is_none()) {
        return Err("it is not known which runtime is here".to_owned());
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(texts: &[(&str, &str)], present: &[&str]) -> Facts {
        let mut facts = Facts::default();
        for (path, text) in texts {
            facts.set(path, Fact::known(*text, Source::file("/x")));
        }
        for root in ["containerd", "crio", "docker"] {
            facts.set(&format!("{root}.present"), Fact::known(present.contains(&root), Source::file("/x")));
        }
        facts
    }

    fn name(facts: &Facts) -> Result<Option<&'static str>, String> {
        choose(facts).map(|chosen| chosen.map(|(runtime, _)| runtime.name()))
    }

    #[test]
    fn the_kubelets_endpoint_says_which_runtime_is_used() {
        for (endpoint, expected) in [
            ("unix:///run/containerd/containerd.sock", "containerd"),
            ("unix:///run/k3s/containerd/containerd.sock", "containerd"),
            ("unix:///var/run/crio/crio.sock", "cri-o"),
            ("unix:///run/cri-dockerd.sock", "docker"),
            ("unix:///var/run/dockershim.sock", "docker"),
        ] {
            let facts = facts(&[("kubelet.endpoint", endpoint)], &["containerd", "crio", "docker"]);
            assert_eq!(name(&facts), Ok(Some(expected)), "{endpoint}");
        }
        let odd = [("kubelet.endpoint", "unix:///opt/x.sock")];
        assert!(name(&facts(&odd, &["containerd"])).is_err());
        let asked = [odd[0], ("cri.runtime_name", "cri-o")];
        assert_eq!(name(&facts(&asked, &["containerd"])), Ok(Some("cri-o")), "who answers counts");
        let listens = [odd[0], ("containerd.address", "/opt/x.sock")];
        assert_eq!(name(&facts(&listens, &["containerd"])), Ok(Some("containerd")));
    }

    #[test]
    fn without_a_kubelet_docker_comes_before_the_containerd_that_it_brings() {
        assert_eq!(name(&facts(&[], &["containerd", "docker"])), Ok(Some("docker")));
        assert_eq!(name(&facts(&[], &["containerd"])), Ok(Some("containerd")));
        assert_eq!(name(&facts(&[("containerd.supervisor", "docker")], &["containerd"])), Ok(None));
        assert_eq!(name(&facts(&[], &[])), Ok(None));
    }

    #[test]
    fn an_unreadable_endpoint_leaves_the_one_runtime_that_shows_itself() {
        let unreadable = |present: &[&str]| {
            let mut facts = facts(&[], present);
            facts.set("kubelet.endpoint", Fact::unreadable(Source::file("/x"), "read /x: permission denied"));
            facts
        };
        assert_eq!(name(&unreadable(&["containerd"])), Ok(Some("containerd")));
        assert!(name(&unreadable(&["containerd", "docker"])).is_err());
    }

    #[test]
    fn what_the_daemon_loaded_comes_before_its_files() {
        let mut earlier = facts(&[("containerd.cgroup_driver", "systemd")], &["containerd"]);
        let loaded = super::super::containerd::group([
            ("name", Fact::known("runc", Source::cri("Status"))),
            ("is_default", Fact::known(true, Source::cri("Status"))),
            ("cgroup_driver", Fact::known("cgroupfs", Source::cri("Status"))),
        ]);
        earlier.set("cri.handlers", list([loaded]));
        let mut view = Facts::default();
        set_runtime(&earlier, Runtime::Containerd, Source::file("/x"), &mut view);
        assert_eq!(view.text("runtime.cgroup_driver"), Some("cgroupfs"));
        assert_eq!(view.text("runtime.configured_cgroup_driver"), Some("systemd"), "a restart is pending");
    }
}
