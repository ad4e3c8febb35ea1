//! What each containerd makes of the same files.

use std::sync::Arc;

use super::effective::{Effective, resolve};
use super::fault::{find_load_faults, find_registry_faults};
use super::merge::{ConfigFile, Merged, merge};
use super::property::Property;
use super::release::Release;
use super::removed::find_removed;
use crate::fact::host::document::parse_toml;

const V1_6: Release = Release(1, 6, 20);
const V1_7: Release = Release(1, 7, 28);
const V2_1: Release = Release(2, 1, 5);
const V2_2: Release = Release(2, 2, 5);
const V2_3: Release = Release(2, 3, 1);

const RUNC_V2: &str = r#"version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.example/pause:3.9"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = true
"#;

const NVIDIA_V2: &str = r#"version = 2
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia]
  runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia.options]
    BinaryName = "/usr/bin/nvidia-container-runtime"
"#;

const RUNC_V3: &str = r#"version = 3
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  SystemdCgroup = true
"#;

const OLD_SECTION_V3: &str = r#"version = 3
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = true
"#;

fn files(texts: &[&str]) -> Vec<ConfigFile> {
    texts
        .iter()
        .enumerate()
        .map(|(at, text)| {
            let path: Arc<str> = Arc::from(format!("/etc/containerd/{at}.toml"));
            let document = Property::of(&parse_toml(text).expect("a TOML document"), &path);
            ConfigFile { path, document }
        })
        .collect()
}

fn read(texts: &[&str], release: Release) -> (Merged, Effective) {
    let merged = merge(&files(texts), release);
    let effective = resolve(&merged, release);
    (merged, effective)
}

/// The handlers with their drivers, `runc=systemd nvidia=cgroupfs`.
fn drivers(texts: &[&str], release: Release) -> String {
    let (_, effective) = read(texts, release);
    let drivers = effective.ordered_handlers().map(|handler| {
        let driver = handler.driver().map_or("none", |driver| if driver.is_systemd { "systemd" } else { "cgroupfs" });
        format!("{}={driver}", handler.name)
    });
    drivers.collect::<Vec<_>>().join(" ")
}

fn ignored(texts: &[&str], release: Release) -> Vec<String> {
    read(texts, release).0.ignored.into_iter().map(|ignored| ignored.property).collect()
}

fn load_faults(texts: &[&str], release: Release) -> Vec<String> {
    let (_, effective) = read(texts, release);
    let registry = find_registry_faults(&effective, release);
    find_load_faults(&effective, release).into_iter().chain(registry).map(|fault| fault.property).collect()
}

fn start_faults(texts: &[&str], release: Release) -> Vec<String> {
    read(texts, release).0.start_faults.into_iter().map(|fault| fault.problem).collect()
}

fn is_disabled(texts: &[&str], release: Release) -> bool {
    !read(texts, release).1.disabled_by.is_empty()
}

#[test]
fn a_version_2_file_sets_systemd_in_every_containerd() {
    for release in [V1_6, V1_7, V2_1, V2_2, V2_3] {
        assert_eq!(drivers(&[RUNC_V2], release), "runc=systemd", "{release:?}");
        assert!(ignored(&[RUNC_V2], release).is_empty());
    }
}

#[test]
fn without_a_file_runc_uses_cgroupfs() {
    for release in [V1_6, V2_1, V2_3] {
        assert_eq!(drivers(&[], release), "runc=cgroupfs");
    }
}

#[test]
fn old_names_in_a_version_3_file_are_ignored_up_to_2_2_and_migrated_from_2_3() {
    assert_eq!(drivers(&[OLD_SECTION_V3], V2_1), "runc=cgroupfs");
    assert_eq!(ignored(&[OLD_SECTION_V3], V2_1), ["plugins.\"io.containerd.grpc.v1.cri\".containerd"]);
    assert_eq!(drivers(&[OLD_SECTION_V3], V2_3), "runc=systemd");
    assert!(ignored(&[OLD_SECTION_V3], V2_3).is_empty());
    assert_eq!(start_faults(&[OLD_SECTION_V3], V1_7), ["unsupported config version `3`"]);
    assert!(start_faults(&[OLD_SECTION_V3], V1_6).is_empty(), "1.6.20 reads it as version 2");
}

#[test]
fn old_names_in_a_version_4_file_are_ignored() {
    let text = OLD_SECTION_V3.replace("version = 3", "version = 4");
    assert_eq!(drivers(&[&text], V2_3), "runc=cgroupfs");
    assert_eq!(ignored(&[&text], V2_3).len(), 1);
    assert_eq!(start_faults(&[&text], V2_2), ["expected containerd config version equal to or less than `3`, got `4`"]);
}

#[test]
fn a_drop_in_with_nvidia_alone_erases_runc_in_1_x_and_is_merged_in_2_x() {
    let texts = [RUNC_V2, NVIDIA_V2];
    assert_eq!(drivers(&texts, V1_7), "nvidia=cgroupfs");
    assert_eq!(load_faults(&texts, V1_7), ["containerd.default_runtime_name"]);
    assert_eq!(read(&texts, V1_7).1.images.and_then(|section| section.get("sandbox_image").cloned()).map(|_| ()), None);
    for release in [V2_1, V2_3] {
        assert_eq!(drivers(&texts, release), "runc=systemd nvidia=cgroupfs");
        assert!(load_faults(&texts, release).is_empty());
    }
}

#[test]
fn mixed_versions_are_migrated_once_by_the_last_file_up_to_2_2() {
    let v3 = RUNC_V3.replace("runtimes.runc.options", "runtimes.crun.options");
    // A version 2 main file is never migrated, so what it says is lost.
    assert_eq!(drivers(&[RUNC_V2, &v3], V2_1), "runc=cgroupfs crun=systemd");
    assert!(!ignored(&[RUNC_V2, &v3], V2_1).is_empty());
    // A version 3 main file keeps its keys; the version 2 drop-in loses its handler.
    assert_eq!(drivers(&[RUNC_V3, NVIDIA_V2], V2_1), "runc=systemd");
    assert_eq!(ignored(&[RUNC_V3, NVIDIA_V2], V2_1), ["plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes"]);
    // Since 2.3 each file is migrated by itself.
    assert_eq!(drivers(&[RUNC_V2, &v3], V2_3), "runc=systemd crun=systemd");
    assert_eq!(drivers(&[RUNC_V3, NVIDIA_V2], V2_3), "runc=systemd nvidia=cgroupfs");
}

#[test]
fn a_file_without_a_version_goes_by_short_names() {
    let long = RUNC_V2.replace("version = 2\n", "");
    let short = "[plugins.cri.containerd.runtimes.runc]\n  runtime_type = \"io.containerd.runc.v2\"\n  [plugins.cri.containerd.runtimes.runc.options]\n    SystemdCgroup = true\n";
    assert_eq!(drivers(&[&long], V1_7), "runc=cgroupfs");
    assert_eq!(ignored(&[&long], V1_7), ["plugins.\"io.containerd.grpc.v1.cri\""]);
    assert_eq!(drivers(&[short], V1_7), "runc=systemd");
    // 2.0-2.2 lift the file to version 3 before plugins migrate: its keys are lost.
    assert_eq!(drivers(&[short], V2_2), "runc=cgroupfs");
    assert!(!ignored(&[short], V2_2).is_empty());
    assert_eq!(drivers(&[short], V2_3), "runc=systemd");
    assert_eq!(drivers(&[&long], V2_3), "runc=systemd");
}

#[test]
fn false_in_a_drop_in_overrides_true_in_2_x() {
    let drop_in = RUNC_V3.replace("true", "false");
    assert_eq!(drivers(&[RUNC_V3, &drop_in], V2_2), "runc=cgroupfs");
}

#[test]
fn the_new_section_wins_where_a_version_2_file_has_both() {
    let text = format!(
        "{RUNC_V2}\n[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.runc.options]\n  SystemdCgroup = false\n"
    );
    assert_eq!(drivers(&[&text], V2_1), "runc=cgroupfs");
}

#[test]
fn a_1_x_table_without_a_runtime_type_has_none_and_2_x_keeps_the_default() {
    let text =
        "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\nSystemdCgroup = true\n";
    assert_eq!(read(&[text], V1_7).1.handlers["runc"].shim, "");
    assert_eq!(read(&[text], V2_1).1.handlers["runc"].shim, "io.containerd.runc.v2");
    assert_eq!(drivers(&[text], V1_7), "runc=systemd", "what it means, once the shim is named");
    assert_eq!(drivers(&[text], V2_1), "runc=systemd");
}

#[test]
fn an_option_one_level_too_high_or_in_quotes_is_no_option() {
    let misplaced = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\nruntime_type = \"io.containerd.runc.v2\"\nSystemdCgroup = true\n";
    assert_eq!(drivers(&[misplaced], V1_7), "runc=cgroupfs");
    assert_eq!(read(&[misplaced], V1_7).1.find_misplaced().len(), 1);
    let quoted = RUNC_V2.replace("= true", "= \"true\"");
    assert_eq!(drivers(&[&quoted], V1_7), "runc=none");
    assert_eq!(read(&[&quoted], V1_7).1.find_misplaced().len(), 1);
}

#[test]
fn cri_is_disabled_under_the_names_of_each_version() {
    // As Docker's containerd.io package ships it.
    let packaged = "disabled_plugins = [\"cri\"]\n";
    for release in [V1_6, V1_7, V2_1, V2_3] {
        assert!(is_disabled(&[packaged], release), "{release:?}");
        assert!(start_faults(&[packaged], release).is_empty());
    }
    let versioned = "version = 2\ndisabled_plugins = [\"cri\"]\n";
    for release in [V1_6, V1_7, V2_1, V2_3] {
        assert_eq!(start_faults(&[versioned], release).len(), 1, "{release:?} does not start");
    }
    let uri = "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n";
    let service = "version = 2\ndisabled_plugins = [\"io.containerd.cri.v1.images\"]\n";
    for (release, service_counts) in [(V1_7, false), (V2_1, true), (V2_3, true)] {
        assert!(is_disabled(&[uri], release));
        assert_eq!(is_disabled(&[service], release), service_counts);
    }
    assert!(!is_disabled(&["# disabled_plugins = [\"cri\"]\n"], V1_7), "a comment disables nothing");
}

#[test]
fn disabled_plugins_add_up_over_files() {
    let import = "disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n";
    let main = "version = 2\ndisabled_plugins = []\n";
    for release in [V1_6, V2_1, V2_3] {
        assert!(is_disabled(&[main, import], release));
        assert!(is_disabled(&[&format!("version = 2\n{import}"), "disabled_plugins = []\n"], release));
    }
}

#[test]
fn mirrors_beside_a_config_path_stop_the_cri_plugin() {
    let text = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/etc/containerd/certs.d\"\n[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"docker.io\"]\nendpoint = [\"https://mirror.example\"]\n";
    for release in [V1_6, V1_7, V2_1, V2_3] {
        assert_eq!(load_faults(&[text], release), ["registry.mirrors"], "{release:?}");
    }
    let empty = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/etc/containerd/certs.d\"\n[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors]\n";
    assert!(load_faults(&[empty], V1_7).is_empty(), "the empty table of `config default` is no mirror");
}

#[test]
fn systemd_cgroup_stops_1_x_and_is_gone_in_2_x() {
    let text = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\nsystemd_cgroup = true\n";
    assert_eq!(load_faults(&[text], V1_7), ["systemd_cgroup"]);
    assert!(load_faults(&[text], V2_1).is_empty());
    let removed = find_removed(&files(&[text]));
    assert_eq!(
        removed.iter().map(|removed| (removed.property.as_str(), removed.since)).collect::<Vec<_>>(),
        [("systemd_cgroup", "2.0")]
    );
    let default = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\nsystemd_cgroup = false\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.default_runtime]\nruntime_type = \"\"\n[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors]\n";
    assert!(find_removed(&files(&[default])).is_empty(), "what `config default` writes is no use");
}

#[test]
fn an_unknown_default_handler_stops_the_cri_plugin() {
    let text = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd]\ndefault_runtime_name = \"nvidia\"\n";
    for release in [V1_7, V2_1, V2_3] {
        assert_eq!(load_faults(&[text], release), ["containerd.default_runtime_name"]);
    }
}

#[test]
fn the_default_handler_decides_and_runtime_config_looks_for_runc_shims() {
    let text = format!(
        "{RUNC_V2}\n[plugins.\"io.containerd.grpc.v1.cri\".containerd]\ndefault_runtime_name = \"kata\"\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.kata]\nruntime_type = \"io.containerd.kata.v2\"\n"
    );
    let (_, effective) = read(&[&text], V2_1);
    assert_eq!(drivers(&[&text], V2_1), "kata=none runc=systemd");
    assert!(effective.reported().is_some_and(|(handler, driver)| handler.name == "runc" && driver.is_systemd));
    let crun = text.replace("kata", "crun").replace("io.containerd.crun.v2", "io.containerd.runc.v2")
        + "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.crun.options]\nBinaryName = \"/usr/bin/crun\"\n";
    let (_, effective) = read(&[&crun], V2_1);
    assert!(effective.reported().is_some_and(|(handler, driver)| handler.name == "crun" && !driver.is_systemd));
}

#[test]
fn hostile_shapes_are_not_followed() {
    for text in [
        "version = \"two\"\nplugins = 3\ndisabled_plugins = \"cri\"\nimports = 1\n",
        "version = 2\n[plugins]\n\"io.containerd.grpc.v1.cri\" = [1, 2]\n",
        "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\ncontainerd = true\ncni = []\nregistry = \"\"\n",
        "version = 9223372036854775807\n",
        "version = -1\n[plugins.\"io.containerd.grpc.v1.cri\".containerd]\nruntimes = { runc = 1 }\n",
    ] {
        for release in super::release::REPRESENTATIVES {
            let (_, effective) = read(&[text, text], *release);
            find_load_faults(&effective, *release);
            find_removed(&files(&[text]));
        }
    }
}
