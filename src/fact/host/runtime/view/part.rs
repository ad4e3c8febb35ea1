//! What each runtime gives to the one view.
//!
//! In: facts of the chosen runtime, and what CRI answered. Out: `runtime.*`.

use crate::fact::host::runtime::containerd::{group, list};
use crate::fact::version::Version;
use crate::fact::{Fact, Facts, Source};

use super::Runtime;

/// Sets the view of one runtime.
pub(super) fn set_runtime(earlier: &Facts, runtime: Runtime, source: Source, facts: &mut Facts) {
    facts.set("runtime.cri_faults", Fact::absent(Source::default_of("of containerd alone")));
    facts.set("runtime.broken_handlers", Fact::absent(Source::default_of("of containerd alone")));
    facts.set("runtime.name", Fact::known(runtime.name(), source));
    facts.set("runtime.present", take(earlier, &format!("{}.present", runtime.root())));
    facts.set("runtime.running", take(earlier, &format!("{}.running", runtime.root())));
    let endpoint = match earlier.get("cri.endpoint") {
        Some(fact @ Fact::Known { .. }) => fact.clone(),
        _ => take(earlier, "kubelet.endpoint"),
    };
    facts.set("runtime.endpoint", endpoint);
    match runtime {
        Runtime::Containerd => set_containerd(earlier, facts),
        Runtime::CriO => set_crio(earlier, facts),
        Runtime::Docker => set_docker(earlier, facts),
    }
}

/// A fact of another collector; one that nobody set is not known.
pub(super) fn take(earlier: &Facts, path: &str) -> Fact {
    earlier.get(path).cloned().unwrap_or_else(|| {
        Fact::unreadable(Source::default_of("scanner itself"), format!("the fact {path} was not read"))
    })
}

/// What the daemon itself said, else what its files say.
fn said_or(earlier: &Facts, said: &str, files: &str) -> Fact {
    match earlier.get(said) {
        Some(fact @ Fact::Known { .. }) => fact.clone(),
        _ => take(earlier, files),
    }
}

fn set_containerd(earlier: &Facts, facts: &mut Facts) {
    facts.set("runtime.version", take(earlier, "containerd.version"));
    facts.set("runtime.configured_cgroup_driver", take(earlier, "containerd.cgroup_driver"));
    let loaded = earlier.get("cri.handlers").and_then(Fact::list).unwrap_or_default();
    let default = loaded.iter().find(|handler| handler.member("is_default").and_then(Fact::bool) == Some(true));
    let driver = default.and_then(|handler| handler.member("cgroup_driver")).cloned();
    facts.set("runtime.cgroup_driver", driver.unwrap_or_else(|| take(earlier, "containerd.cgroup_driver")));
    let is_asked = matches!(earlier.get("cri.answers_runtime_config"), Some(Fact::Known { .. }));
    let reported = if is_asked { "cri.cgroup_driver" } else { "containerd.reported_cgroup_driver" };
    facts.set("runtime.reported_cgroup_driver", take(earlier, reported));
    facts.set("runtime.answers_runtime_config", answers_runtime_config(earlier));
    facts.set("runtime.default_handler", said_or(earlier, "cri.default_handler", "containerd.default_handler"));
    facts.set("runtime.handlers", said_or(earlier, "cri.handlers", "containerd.handlers"));
    facts.set("runtime.cni_conf_dir", said_or(earlier, "cri.cni_conf_dir", "containerd.cni_conf_dir"));
    facts.set("runtime.cni_bin_dirs", said_or(earlier, "cri.cni_bin_dirs", "containerd.cni_bin_dirs"));
    facts.set("runtime.snapshotter", take(earlier, "containerd.snapshotter"));
    facts.set("runtime.sandbox_image", said_or(earlier, "cri.sandbox_image", "containerd.sandbox_image"));
}

/// Implemented since containerd 2.0. Where the version is not known, the files
/// may tell: then every version that can read them would report, or none.
fn answers_runtime_config(earlier: &Facts) -> Fact {
    if let Some(fact @ Fact::Known { .. }) = earlier.get("cri.answers_runtime_config") {
        return fact.clone();
    }
    let version = earlier.get("containerd.version");
    if let (Some(version), Some(source)) =
        (version.and_then(Fact::text).and_then(Version::parse), version.and_then(Fact::source))
    {
        return Fact::known(version.major() >= 2, source.clone());
    }
    let source = || Source::default_of("CRI RuntimeConfig, implemented since containerd 2.0");
    match earlier.get("containerd.reported_cgroup_driver") {
        Some(Fact::Known { .. }) => Fact::known(true, source()),
        Some(Fact::Absent { .. }) => Fact::known(false, source()),
        _ => take(earlier, "containerd.version"),
    }
}

fn set_crio(earlier: &Facts, facts: &mut Facts) {
    facts.set("runtime.version", said_or(earlier, "cri.runtime_version", "crio.version"));
    facts.set("runtime.configured_cgroup_driver", take(earlier, "crio.cgroup_driver"));
    facts.set("runtime.cgroup_driver", said_or(earlier, "cri.cgroup_driver", "crio.cgroup_driver"));
    let answers = said_or(earlier, "cri.answers_runtime_config", "crio.answers_runtime_config");
    let reported = match answers.bool() {
        Some(true) => said_or(earlier, "cri.cgroup_driver", "crio.cgroup_driver"),
        Some(false) => Fact::absent(Source::default_of("CRI RuntimeConfig, implemented since CRI-O 1.28")),
        None => answers.clone(),
    };
    facts.set("runtime.reported_cgroup_driver", reported);
    facts.set("runtime.answers_runtime_config", answers);
    facts.set("runtime.default_handler", take(earlier, "crio.default_handler"));
    facts.set("runtime.handlers", crio_handlers(earlier));
    facts.set("runtime.cni_conf_dir", take(earlier, "crio.cni_conf_dir"));
    facts.set("runtime.cni_bin_dirs", take(earlier, "crio.cni_bin_dirs"));
    facts.set("runtime.snapshotter", Fact::absent(Source::default_of("containers-storage.conf(5), driver")));
    facts.set("runtime.sandbox_image", take(earlier, "crio.pause_image"));
}

/// CRI-O has one cgroup manager for all handlers.
fn crio_handlers(earlier: &Facts) -> Fact {
    let fact = take(earlier, "crio.handlers");
    let Some(handlers) = fact.list() else { return fact };
    let default = earlier.text("crio.default_handler");
    let driver = take(earlier, "crio.cgroup_driver");
    list(handlers.iter().map(|handler| {
        let member = |name: &str| {
            let nowhere = || Fact::absent(Source::default_of("crio.conf(5)"));
            handler.member(name).cloned().unwrap_or_else(nowhere)
        };
        let name = member("name");
        let is_default = Fact::known(name.text() == default, Source::default_of("crio.conf(5), default_runtime"));
        // A VM's runtime has no cgroup of its own on the host that this governs.
        let is_vm = member("type").text() == Some("vm");
        let driver =
            if is_vm { Fact::absent(Source::default_of("crio.conf(5), runtime_type")) } else { driver.clone() };
        group([
            ("name", name),
            ("type", member("type")),
            ("cgroup_driver", driver),
            ("binary", member("binary")),
            ("path", Fact::absent(Source::default_of("crio.conf(5)"))),
            ("snapshotter", Fact::absent(Source::default_of("crio.conf(5)"))),
            ("is_default", is_default),
            ("privileged_without_host_devices", member("privileged_without_host_devices")),
        ])
    }))
}

fn set_docker(earlier: &Facts, facts: &mut Facts) {
    facts.set("runtime.version", take(earlier, "docker.version"));
    facts.set("runtime.configured_cgroup_driver", take(earlier, "docker.cgroup_driver"));
    facts.set("runtime.cgroup_driver", said_or(earlier, "cri.cgroup_driver", "docker.cgroup_driver"));
    let shim = || Source::default_of("CRI RuntimeConfig, not implemented by dockershim");
    let answers = match (earlier.get("cri.answers_runtime_config"), earlier.bool("cri_dockerd.present")) {
        (Some(fact @ Fact::Known { .. }), _) => fact.clone(),
        (_, Some(false)) => Fact::known(false, shim()),
        _ => match take(earlier, "cri_dockerd.answers_runtime_config") {
            Fact::Absent { source } => {
                Fact::Unreadable { source, reason: "the version of cri-dockerd is not known".to_owned() }
            }
            fact => fact,
        },
    };
    let reported = match answers.bool() {
        Some(true) => said_or(earlier, "cri.cgroup_driver", "docker.cgroup_driver"),
        Some(false) => Fact::absent(shim()),
        None => answers.clone(),
    };
    facts.set("runtime.reported_cgroup_driver", reported);
    facts.set("runtime.answers_runtime_config", answers);
    let one = || Source::default_of("dockerd --help, --default-runtime");
    let default = match earlier.get("docker.default_runtime") {
        Some(fact) => fact.clone(),
        None => Fact::known("runc", one()),
    };
    facts.set("runtime.default_handler", default);
    facts.set("runtime.handlers", Fact::absent(one()));
    facts.set("runtime.cni_conf_dir", take(earlier, "kubelet.cni_conf_dir"));
    let dir = take(earlier, "kubelet.cni_bin_dir");
    let dirs = if dir.text().is_some() { list([dir]) } else { dir };
    facts.set("runtime.cni_bin_dirs", dirs);
    facts.set("runtime.snapshotter", take(earlier, "docker.storage_driver"));
    facts.set("runtime.sandbox_image", take(earlier, "cri_dockerd.pause_image"));
}
