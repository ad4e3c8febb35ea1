//! Turning effective settings into facts.
//!
//! In: files, a release. Out: facts by their path beneath `containerd`.

use std::collections::BTreeMap;

use crate::fact::host::root::HostRoot;
use crate::fact::{Fact, Source};

use super::effective::{Driver, Effective, Handler, resolve};
use super::fault::{find_load_faults, find_registry_faults};
use super::load::Loaded;
use super::merge::{Merged, Remark, merge};
use super::property::Property;
use super::registry;
use super::release::{Merging, Release};

/// Facts by the path beneath `containerd`.
pub(super) type Answers = BTreeMap<&'static str, Fact>;

/// A group of named members.
pub(in crate::fact::host::runtime) fn group<const N: usize>(members: [(&str, Fact); N]) -> Fact {
    let members: BTreeMap<String, Fact> = members.into_iter().map(|(name, fact)| (name.to_owned(), fact)).collect();
    Fact::group(members)
}

/// A list of facts.
pub(in crate::fact::host::runtime) fn list(elements: impl IntoIterator<Item = Fact>) -> Fact {
    Fact::group(elements.into_iter().collect::<Vec<_>>())
}

/// What a release makes of these files; `plugin_dirs` are its default ones.
pub(super) fn answer(root: &HostRoot, loaded: &Loaded, release: Release, plugin_dirs: &Fact) -> Answers {
    let mut merged = merge(&loaded.files, release);
    merged.start_faults.extend(loaded.missing.iter().cloned());
    let effective = resolve(&merged, release);
    let mut faults = find_load_faults(&effective, release);
    let registry_faults = find_registry_faults(&effective, release);
    let mut answers = Answers::new();
    answers.insert("cri.load_faults", list(faults.iter().map(|fault| remark(fault, "setting"))));
    answers.insert("cri.registry_faults", list(registry_faults.iter().map(|fault| remark(fault, "setting"))));
    faults.extend(registry_faults);
    answers.insert("cri.enabled", enabled(loaded, &merged, &effective, &faults));
    answers.insert(
        "cri.disabled_by",
        list(effective.disabled_by.iter().map(|place| place.fact(place.text().unwrap_or_default()))),
    );
    answers.insert("start_faults", list(merged.start_faults.iter().map(|fault| remark(fault, "setting"))));
    answers.insert("ignored_properties", list(merged.ignored.iter().map(|ignored| remark(ignored, "property"))));
    let misplaced = effective.find_misplaced();
    answers.insert("misplaced_properties", list(misplaced.iter().map(|misplaced| remark(misplaced, "property"))));
    answer_handlers(root, &effective, release, &mut answers);
    answers.insert("cni_bin_dirs", bin_dirs(effective.runtime.as_ref()).unwrap_or_else(|| plugin_dirs.clone()));
    answer_rest(root, &merged, &effective, release, &mut answers);
    answers
}

fn remark(remark: &Remark, name: &str) -> Fact {
    group([
        (name, remark.place.fact(remark.property.as_str())),
        ("problem", remark.place.fact(remark.problem.as_str())),
    ])
}

fn enabled(loaded: &Loaded, merged: &Merged, effective: &Effective, faults: &[Remark]) -> Fact {
    let against = effective
        .disabled_by
        .first()
        .or_else(|| faults.first().map(|fault| &fault.place))
        .or_else(|| merged.start_faults.first().map(|fault| &fault.place));
    match (against, loaded.files.first()) {
        (Some(place), _) => place.fact(false),
        (None, Some(file)) => Fact::known(true, Source::file(&*file.path)),
        (None, None) => Fact::known(true, built_in("disabled_plugins")),
    }
}

fn built_in(property: &str) -> Source {
    Source::default_of(format!("containerd config default, {property}"))
}

fn answer_handlers(root: &HostRoot, effective: &Effective, release: Release, answers: &mut Answers) {
    let default = &effective.default_handler;
    let source = default.1.as_ref().map_or_else(|| built_in("default_runtime_name"), Property::source);
    answers.insert("default_handler", Fact::known(default.0.as_str(), source.clone()));
    let handlers = effective.ordered_handlers().map(|handler| handler_fact(handler, &default.0, &source));
    answers.insert("handlers", list(handlers));
    let driver = effective
        .default_runtime()
        .map_or_else(|| Fact::absent(source.clone()), |handler| driver_fact(handler, handler.driver()));
    answers.insert("cgroup_driver", driver);
    let reported = if !release.answers_runtime_config() {
        Fact::absent(Source::default_of("CRI RuntimeConfig, implemented since containerd 2.0"))
    } else if let Some((handler, driver)) = effective.reported() {
        driver_fact(handler, Some(driver))
    } else {
        booted_driver(root)
    };
    answers.insert("reported_cgroup_driver", reported);
}

/// Where no handler decides, containerd answers by `sd_booted(3)`.
fn booted_driver(root: &HostRoot) -> Fact {
    const FOLDER: &str = "/run/systemd/system";
    if root.metadata(FOLDER).is_found() {
        Fact::known("systemd", Source::file(FOLDER))
    } else if root.is_live() {
        Fact::known("cgroupfs", Source::file(FOLDER))
    } else {
        Fact::unreadable(Source::file(FOLDER), format!("read {FOLDER}: not recorded"))
    }
}

fn handler_source(handler: &Handler) -> Source {
    handler.table.as_ref().map_or_else(|| built_in("containerd.runtimes.runc"), Property::source)
}

fn driver_fact(handler: &Handler, driver: Option<Driver>) -> Fact {
    match driver {
        None => Fact::absent(handler_source(handler)),
        Some(driver) => {
            let name = if driver.is_systemd { "systemd" } else { "cgroupfs" };
            let source = driver.place.map_or_else(|| built_in("SystemdCgroup"), |place| place.source());
            Fact::known(name, source)
        }
    }
}

fn handler_fact(handler: &Handler, default: &str, default_source: &Source) -> Fact {
    let place = handler_source(handler);
    let text = |property: Option<&Property>| match property.filter(|property| property.filled_text().is_some()) {
        Some(property) => property.fact(property.text().unwrap_or_default()),
        None => Fact::absent(place.clone()),
    };
    let shim_source = handler.get("runtime_type").map_or_else(|| place.clone(), Property::source);
    let privileged = handler.get("privileged_without_host_devices");
    group([
        ("name", Fact::known(handler.name.as_str(), place.clone())),
        ("type", Fact::known(handler.shim.as_str(), shim_source)),
        ("cgroup_driver", driver_fact(handler, handler.driver())),
        ("binary", text(handler.option("BinaryName"))),
        ("path", text(handler.get("runtime_path"))),
        ("snapshotter", text(handler.get("snapshotter"))),
        ("is_default", Fact::known(handler.name == default, default_source.clone())),
        (
            "privileged_without_host_devices",
            privileged
                .and_then(|property| Some(property.fact(property.bool()?)))
                .unwrap_or_else(|| Fact::known(false, built_in("privileged_without_host_devices"))),
        ),
    ])
}

fn answer_rest(root: &HostRoot, merged: &Merged, effective: &Effective, release: Release, answers: &mut Answers) {
    let is_old = release.merging() == Merging::ReplaceSections;
    let images = effective.images.as_ref();
    let runtime = effective.runtime.as_ref();
    let snapshotter: &[&str] = if is_old { &["containerd", "snapshotter"] } else { &["snapshotter"] };
    answers.insert("snapshotter", text_or(images, snapshotter, Some("overlayfs")));
    let sandbox: &[&str] = if is_old { &["sandbox_image"] } else { &["pinned_images", "sandbox"] };
    answers.insert("sandbox_image", text_or(images, sandbox, release.sandbox_image()));
    answers.insert("cni_conf_dir", text_or(runtime, &["cni", "conf_dir"], Some("/etc/cni/net.d")));
    let cdi = runtime.and_then(|section| section.get("enable_cdi"));
    // Off where 1.7 brought it, on since 2.0.
    let default = || Fact::known(release.answers_runtime_config(), built_in("enable_cdi"));
    answers.insert("enable_cdi", cdi.and_then(|cdi| Some(cdi.fact(cdi.bool()?))).unwrap_or_else(default));
    answers.insert("registry.config_path", registry::config_path(effective, release));
    answers.insert("registry.mirrors", registry::mirrors(effective));
    answers.insert("registry.insecure", registry::insecure(root, effective, release));
    answers.insert("registry.credentials", registry::credentials(root, effective, release));
    answers.insert("address", address(merged));
    let state = merged.top.get("state").filter(|state| state.filled_text().is_some());
    answers.insert(
        "state_dir",
        state.map_or_else(
            || Fact::known("/run/containerd", built_in("state")),
            |state| state.fact(state.text().unwrap_or_default()),
        ),
    );
}

fn text_or(section: Option<&Property>, path: &[&str], default: Option<&str>) -> Fact {
    let property = section.and_then(|section| section.at(path));
    match (property.and_then(Property::filled_text), property, default) {
        (Some(text), Some(property), _) => property.fact(text),
        (_, _, Some(default)) => Fact::known(default, built_in(&path.join("."))),
        _ => Fact::unreadable(built_in(&path.join(".")), "the default of this version of containerd is not known"),
    }
}

/// The folders of CNI plugins that are set, if any.
fn bin_dirs(runtime: Option<&Property>) -> Option<Fact> {
    let cni = runtime.and_then(|section| section.get("cni"));
    let dirs = cni.and_then(|cni| cni.get("bin_dirs")).map(Property::elements).unwrap_or_default();
    let dir = cni.and_then(|cni| cni.get("bin_dir"));
    let set: Vec<Fact> = dirs.iter().chain(dir).filter_map(|dir| Some(dir.fact(dir.filled_text()?))).collect();
    (!set.is_empty()).then(|| list(set))
}

/// The default folders of CNI plugins of a version, if it is known. Debian's
/// own package is built for where Debian installs them (its changelog,
/// 1.7.24~ds1-1 and 2.1.4~ds2-6; `containerd config default` of 1.6.20~ds1,
/// 1.7.24~ds1 and 2.1.9+ds1 says so).
pub(super) fn default_plugin_dirs(version: Option<&str>) -> Fact {
    let version = version.unwrap_or_default();
    let is_debian = version.contains("~ds") || version.contains("+ds");
    let (dirs, property): (&[&str], _) = match Release::parse(version).filter(|_| is_debian) {
        Some(Release(1, 7, 24..)) => (&["/usr/lib/cni"], "cni.bin_dirs of Debian's package"),
        Some(Release(2.., ..)) => (&["/usr/lib/cni", "/opt/cni/bin"], "cni.bin_dirs of Debian's package"),
        _ => (&["/opt/cni/bin"], "cni.bin_dir"),
    };
    list(dirs.iter().map(|dir| Fact::known(*dir, built_in(property))))
}

/// `[grpc] address`, or the server plugin's of version 4.
fn address(merged: &Merged) -> Fact {
    let of_plugin = merged.plugins.get("io.containerd.server.v1.grpc").and_then(|section| section.get("address"));
    let address = of_plugin.or_else(|| merged.top.get("grpc")?.get("address"));
    match address.filter(|address| address.filled_text().is_some()) {
        Some(address) => address.fact(address.text().unwrap_or_default()),
        None => Fact::known("/run/containerd/containerd.sock", built_in("grpc.address")),
    }
}
