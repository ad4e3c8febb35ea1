//! Settings of kube-proxy: flags, its file on the host or in a pod's volume,
//! and what k3s passes on.

use crate::fact::host::document::{Node, parse_yaml};
use crate::fact::host::network::read::interface;
use crate::fact::host::process::Process;
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::{Fact, Facts, Source};

/// Where the kubelet keeps the volumes of pods.
const PODS: &str = "/var/lib/kubelet/pods";

/// A setting and where it stands.
pub(super) type Setting = (String, Source);

/// What a kube-proxy is set to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Settings {
    pub(super) mode: Option<Setting>,
    pub(super) scheduler: Option<Setting>,
}

impl Settings {
    /// These settings; where they say nothing, the others'.
    pub(super) fn or(self, others: Settings) -> Settings {
        Settings { mode: self.mode.or(others.mode), scheduler: self.scheduler.or(others.scheduler) }
    }
}

/// Flags of the process, else its configuration file.
pub(super) fn of_process(root: &HostRoot, process: &Process) -> Outcome<Settings> {
    let source = Source::file(process.command_line_path());
    let flag = |name: &str| {
        process.flag(name).filter(|value| !value.is_empty()).map(|value| (value.to_owned(), source.clone()))
    };
    let flags = Settings { mode: flag("proxy-mode"), scheduler: flag("ipvs-scheduler") };
    let Some(path) = process.flag("config") else { return Outcome::Found(flags) };
    if process.cgroups.iter().any(|line| line.contains("kubepods")) || process.cgroups.is_empty() {
        let uid = process.cgroups.iter().find_map(|line| parse_pod_uid(line));
        if let Some((settings, _)) = read_volumes(root, uid.as_deref()) {
            return Outcome::Found(flags.or(settings));
        }
    } else {
        match root.read_text(path) {
            Outcome::Found(text) => return Outcome::Found(flags.or(parse_settings(&text, path))),
            Outcome::Unreadable(reason) if flags.mode.is_none() => return Outcome::Unreadable(reason),
            _ => {}
        }
    }
    match flags.mode {
        Some(_) => Outcome::Found(flags),
        None => {
            Outcome::Unreadable(format!("read kube-proxy's configuration {path}: it is in a volume that is not there"))
        }
    }
}

/// The configuration in the volume of a kube-proxy pod (kubeadm's name of it).
pub(super) fn read_volumes(root: &HostRoot, uid: Option<&str>) -> Option<(Settings, Source)> {
    let uids = match uid {
        Some(uid) => vec![uid.to_owned()],
        None => root.read_folder(PODS).found()?,
    };
    uids.iter().find_map(|uid| {
        let path = format!("{PODS}/{uid}/volumes/kubernetes.io~configmap/kube-proxy/config.conf");
        let text = root.read_text(&path).found()?;
        Some((parse_settings(&text, &path), Source::file(path)))
    })
}

/// k3s runs kube-proxy inside of itself, unless it is told not to.
pub(super) fn of_k3s(earlier: &Facts) -> Option<(Settings, Source)> {
    if earlier.text("k3s.distribution") != Some("k3s") {
        return None;
    }
    let settings = earlier.get("k3s.settings").and_then(Fact::list).unwrap_or_default();
    let named = |name: &str| {
        settings
            .iter()
            .filter(|setting| setting.member("name").and_then(Fact::text) == Some(name))
            .filter_map(|setting| setting.member("value"))
            .filter_map(|value| Some((value.text()?, value.source()?.clone())))
            .collect::<Vec<_>>()
    };
    if named("disable-kube-proxy").last().is_some_and(|(value, _)| *value != "false") {
        return None;
    }
    let argument = |name: &str| {
        let prefix = format!("{name}=");
        named("kube-proxy-arg")
            .into_iter()
            .rev()
            .find_map(|(value, source)| Some((value.trim_start_matches('-').strip_prefix(&prefix)?.to_owned(), source)))
    };
    let source = earlier.get("k3s.distribution")?.source().cloned().unwrap_or_else(|| Source::file("/proc"));
    Some((Settings { mode: argument("proxy-mode"), scheduler: argument("ipvs-scheduler") }, source))
}

/// Where kube-proxy itself cannot be seen: the device that ipvs mode makes.
pub(super) fn by_trace(earlier: &Facts) -> Option<(Settings, Source)> {
    interface(earlier, "kube-ipvs0")?;
    let source = Source::file("/sys/class/net/kube-ipvs0");
    Some((Settings { mode: Some(("ipvs".to_owned(), source.clone())), scheduler: None }, source))
}

pub(super) fn parse_settings(text: &str, path: &str) -> Settings {
    let documents = parse_yaml(text).unwrap_or_default();
    let setting = |at: &[&str]| {
        let node = documents.iter().find_map(|document| document.at(at))?;
        let value = Node::text(node).filter(|value| !value.is_empty())?;
        Some((value.to_owned(), Source::line(path, node.line)))
    };
    Settings { mode: setting(&["mode"]), scheduler: setting(&["ipvs", "scheduler"]) }
}

/// The pod's uid in a cgroup path; systemd's slices write it with underscores.
fn parse_pod_uid(cgroup: &str) -> Option<String> {
    cgroup
        .split(['/', '-'])
        .find_map(|part| {
            let uid = part.strip_prefix("pod")?.trim_end_matches(".slice").replace('_', "-");
            (uid.len() == 36 || uid.len() == 32).then_some(uid)
        })
        .or_else(|| {
            let (_, rest) = cgroup.split_once("/pod")?;
            rest.split('/').next().map(str::to_owned)
        })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const CONFIG: &str = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nipvs:\n  scheduler: \"sh\"\n\
                          mode: \"ipvs\"\n";

    #[test]
    fn the_configuration_names_mode_and_scheduler_with_their_lines() {
        let settings = parse_settings(CONFIG, "/c");
        assert_eq!(settings.mode, Some(("ipvs".to_owned(), Source::line("/c", 5))));
        assert_eq!(settings.scheduler, Some(("sh".to_owned(), Source::line("/c", 4))));
    }

    #[test]
    fn a_flag_comes_before_the_file() {
        let flags = Settings { mode: Some(("nftables".to_owned(), Source::file("/proc/9/cmdline"))), scheduler: None };
        let settings = flags.or(parse_settings(CONFIG, "/c"));
        assert_eq!(settings.mode.map(|(mode, _)| mode).as_deref(), Some("nftables"));
        assert_eq!(settings.scheduler.map(|(scheduler, _)| scheduler).as_deref(), Some("sh"));
    }

    #[test]
    fn the_pod_of_a_process_is_in_its_cgroup_in_either_driver() {
        let systemd = "0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod0b1c2d3e_4f50_6172_8394_a5b6c7d8e9f0.slice/x.scope";
        assert_eq!(parse_pod_uid(systemd).as_deref(), Some("0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0"));
        let cgroupfs = "11:memory:/kubepods/besteffort/pod0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0/abc";
        assert_eq!(parse_pod_uid(cgroupfs).as_deref(), Some("0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0"));
        assert_eq!(parse_pod_uid("0::/system.slice/kubelet.service"), None);
    }

    #[test]
    fn k3s_passes_arguments_on() {
        let mut facts = Facts::default();
        let setting = |name: &str, value: &str| {
            Fact::group(BTreeMap::from([
                ("name".to_owned(), Fact::group(name)),
                ("value".to_owned(), Fact::known(value, Source::line("/etc/rancher/k3s/config.yaml", 2))),
            ]))
        };
        facts.set("k3s.distribution", Fact::known("k3s", Source::file("/proc/7/cmdline")));
        facts.set("k3s.settings", Fact::group(vec![setting("kube-proxy-arg", "proxy-mode=ipvs")]));
        let (settings, _) = of_k3s(&facts).unwrap();
        assert_eq!(settings.mode.map(|(mode, _)| mode).as_deref(), Some("ipvs"));
        facts.set("k3s.settings", Fact::group(vec![setting("disable-kube-proxy", "true")]));
        assert_eq!(of_k3s(&facts), None);
    }
}
