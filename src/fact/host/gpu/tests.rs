//! Small trees of GPU nodes, and what is read from them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Instant;

use super::*;
use crate::fact::host::root::HostRoot;

/// A tree of files, without the processes of any machine.
struct Tree(tempfile::TempDir);

impl Tree {
    fn of(files: &[(&str, &str)]) -> Self {
        let tree = Tree(tempfile::tempdir().unwrap());
        for (path, text) in files {
            tree.put(path, text);
        }
        tree
    }

    fn put(&self, path: &str, text: &str) {
        let place = self.0.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(place.parent().unwrap_or(Path::new("/"))).unwrap();
        fs::write(place, text).unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        let place = self.0.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(place.parent().unwrap_or(Path::new("/"))).unwrap();
        symlink(target, place).unwrap();
    }

    /// A PCI device and the driver that it is bound to.
    fn pci(self, address: &str, device: &str, class: &str, driver: Option<&str>) -> Self {
        let folder = format!("/sys/bus/pci/devices/{address}");
        self.put(&format!("{folder}/vendor"), "0x10de\n");
        self.put(&format!("{folder}/device"), &format!("0x{device}\n"));
        self.put(&format!("{folder}/class"), &format!("0x{class}\n"));
        if let Some(driver) = driver {
            self.link(&format!("{folder}/driver"), &format!("../../../bus/pci/drivers/{driver}"));
        }
        self
    }

    fn facts(&self) -> Facts {
        let host = Host::new(HostRoot::open(self.0.path()).unwrap(), Instant::now());
        collect(&host, &Facts::default())
    }
}

const OPEN: &str = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (dvs-builder@U22)  Tue Sep 23 09:55:41 UTC 2025\nGCC version:  gcc version 12.3.0\n";

/// An H100 with the driver, by its minor's capabilities.
fn h100(capabilities: &[&str]) -> Tree {
    let information = "Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 421\nGPU UUID: \t GPU-4c1b\nBus Location: \t 0000:17:00.0\nDevice Minor: \t 3\nGPU Excluded:\t No\n";
    let tree = Tree::of(&[
        ("/proc/driver/nvidia/version", OPEN),
        ("/proc/modules", "nvidia_uvm 1 0 - Live 0x0\nnvidia 9 1 nvidia_uvm, Live 0x0\n"),
        ("/proc/driver/nvidia/gpus/0000:17:00.0/information", information),
        ("/proc/driver/nvidia/capabilities/gpu3/mig/config-is-not-here", ""),
        ("/proc/driver/nvidia-caps/mig-minors", "gpu3/gi1/access 30\ngpu3/gi1/ci0/access 31\n"),
    ]);
    for path in capabilities {
        tree.put(&format!("/proc/driver/nvidia/capabilities/gpu3/mig/{path}/access"), "DeviceFileMinor: 30\n");
    }
    tree.pci("0000:17:00.0", "2330", "030200", Some("nvidia")).pci(
        "0000:17:00.1",
        "22ba",
        "040300",
        Some("snd_hda_intel"),
    )
}

fn device(facts: &Facts) -> Fact {
    facts.get("gpu.devices").and_then(Fact::list).unwrap()[0].clone()
}

#[test]
fn both_lines_of_the_driver_give_its_version() {
    assert_eq!(driver::parse_version(OPEN).as_deref(), Some("580.95.05"));
    let closed = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  520.56.06  Thu Oct  6 21:38:55 UTC 2022\n";
    assert_eq!(driver::parse_version(closed).as_deref(), Some("520.56.06"));
    assert_eq!(driver::parse_version("garbage 1.2.3\n"), None);
}

#[test]
fn a_gpu_is_a_display_device_and_not_its_sound() {
    let facts = h100(&[]).facts();
    assert_eq!(facts.bool("gpu.present"), Some(true));
    assert_eq!(facts.get("gpu.devices").and_then(Fact::list).map(<[Fact]>::len), Some(1));
    let device = device(&facts);
    assert_eq!(device.member("id").and_then(Fact::text), Some("2330"));
    assert_eq!(device.member("driver").and_then(Fact::text), Some("nvidia"));
    assert_eq!(device.member("model").and_then(Fact::text), Some("NVIDIA H100 80GB HBM3"));
    assert_eq!(device.member("minor").and_then(Fact::int), Some(3));
    let sound = Tree::of(&[]).pci("0000:01:00.1", "22ba", "040300", None).facts();
    assert_eq!(sound.bool("gpu.present"), Some(false));
}

#[test]
fn the_virtual_functions_of_a_gpu_are_no_gpus() {
    let tree = h100(&[]).pci("0000:17:00.4", "2330", "030200", Some("nvidia"));
    tree.link("/sys/bus/pci/devices/0000:17:00.4/physfn", "../0000:17:00.0");
    assert_eq!(tree.facts().int("gpu.count"), Some(1));
}

#[test]
fn the_fabric_managers_version_is_its_packages() {
    let tree = h100(&[]);
    assert!(matches!(tree.facts().get("gpu.fabric_manager_version"), Some(Fact::Absent { .. })));
    tree.put(
        "/var/lib/dpkg/status",
        "Package: nvidia-fabricmanager-580\nStatus: install ok installed\nArchitecture: amd64\nVersion: 580.95.05-0ubuntu0.24.04.2\n\n",
    );
    assert_eq!(tree.facts().text("gpu.fabric_manager_version"), Some("580.95.05"));
}

#[test]
fn the_kernels_log_tells_of_errors_where_there_is_a_gpu() {
    let tree = h100(&[]);
    assert!(matches!(tree.facts().get("gpu.xid_errors"), Some(Fact::Unreadable { .. })));
    tree.put("/var/log/kern.log", "Nov 23 10:00:00 g kernel: [ 9.1] NVRM: Xid (PCI:0000:17:00): 79, pid=1, name=x, GPU has fallen off the bus.\nNov 23 10:00:01 g kernel: nvidia-nvswitch0: SXid (PCI:0000:05:00.0): 12028, Non-fatal, Link 32\n");
    let facts = tree.facts();
    let [xid] = facts.get("gpu.xid_errors").and_then(Fact::list).unwrap() else { panic!("one") };
    assert_eq!(xid.member("code").and_then(Fact::int), Some(79));
    assert_eq!(xid.source(), Some(&Source::line("/var/log/kern.log", 1)));
    assert_eq!(facts.get("gpu.sxid_errors").and_then(Fact::list).map(<[Fact]>::len), Some(1));
    let none = Tree::of(&[("/sys/bus/pci/devices/x/vendor", "0x8086\n"), ("/proc/modules", "")]).facts();
    assert!(matches!(none.get("gpu.xid_errors"), Some(Fact::Absent { .. })), "nobody looks");
}

#[test]
fn a_gpu_of_a_virtual_machine_is_not_the_hosts() {
    let facts = Tree::of(&[]).pci("0000:17:00.0", "2330", "030200", Some("vfio-pci")).facts();
    assert_eq!(facts.bool("gpu.present"), Some(false));
    assert_eq!(device(&facts).member("is_passed_through").and_then(Fact::bool), Some(true));
}

#[test]
fn a_tree_without_the_bus_does_not_say_that_there_is_no_gpu() {
    assert!(matches!(Tree::of(&[]).facts().get("gpu.present"), Some(Fact::Unreadable { .. })));
    let list = Tree::of(&[("/proc/driver/nvidia/gpus/0000:17:00.0/information", "Device Minor: 0\n")]).facts();
    assert_eq!(list.bool("gpu.present"), Some(true));
}

#[test]
fn the_static_table_of_minors_and_the_folder_mig_tell_of_no_instance() {
    let device = device(&h100(&[]).facts());
    assert_eq!(device.member("gpu_instances").and_then(Fact::int), Some(0));
    assert!(matches!(device.member("mig_enabled"), Some(Fact::Unreadable { .. })), "off and empty look alike");
}

#[test]
fn instances_show_that_mig_is_on() {
    let device = device(&h100(&["gi1", "gi1/ci0", "gi2"]).facts());
    assert_eq!(device.member("mig_enabled").and_then(Fact::bool), Some(true));
    assert_eq!(device.member("gpu_instances").and_then(Fact::int), Some(2));
    assert_eq!(device.member("empty_instances").and_then(Fact::int), Some(1));
    assert!(matches!(device.member("profiles"), Some(Fact::Unreadable { .. })));
}

/// The names and profiles of all instances; none where NVML was not asked.
fn instances(facts: &Facts) -> Vec<(String, Option<String>)> {
    let list = facts.get("gpu.mig_instances").and_then(Fact::list).unwrap();
    let text = |fact: &Fact, name: &str| fact.member(name).and_then(Fact::text).map(str::to_owned);
    list.iter().map(|instance| (text(instance, "name").unwrap(), text(instance, "profile"))).collect()
}

#[test]
fn each_compute_instance_is_an_instance_and_so_is_an_empty_gpu_instance() {
    let facts = h100(&["gi1", "gi1/ci0", "gi1/ci1", "gi2"]).facts();
    let expected = ["0000:17:00.0/gi1/ci0", "0000:17:00.0/gi1/ci1", "0000:17:00.0/gi2"];
    assert_eq!(instances(&facts), expected.map(|name| (name.to_owned(), None)));
    let last = facts.get("gpu.mig_instances").and_then(Fact::list).unwrap()[2].clone();
    assert!(matches!(last.member("profile"), Some(Fact::Absent { .. })), "nothing can use it");
    assert_eq!(facts.int("gpu.count"), Some(1));
}

#[test]
fn what_nvml_names_has_its_profile() {
    let tree = h100(&["gi9", "gi9/ci0", "gi1", "gi1/ci0"]);
    tree.put(
        "/nvml.json",
        r#"{"devices": [{"pci": {"bus_id": "00000000:17:00.0"}, "mig_mode": {"current": 1, "pending": 1}, "mig_devices": [
        {"gpu_instance_id": 9, "compute_instance_id": 0, "profile": "1g.10gb"}, {"gpu_instance_id": 1, "compute_instance_id": 0, "profile": "3g.40gb"}]}]}"#,
    );
    let of = |name: &str, profile: &str| (format!("0000:17:00.0/{name}"), Some(profile.to_owned()));
    assert_eq!(instances(&tree.facts()), [of("gi1/ci0", "3g.40gb"), of("gi9/ci0", "1g.10gb")]);
}

#[test]
fn profiles_that_nvml_names_without_ids_are_not_given_to_instances_by_chance() {
    let tree = h100(&["gi9", "gi9/ci0", "gi1", "gi1/ci0", "gi5"]);
    tree.put(
        "/nvml.json",
        r#"{"devices": [{"pci": {"bus_id": "00000000:17:00.0"}, "mig_mode": {"current": 1, "pending": 1}, "mig_devices": [
        {"name": "NVIDIA H100 80GB HBM3 MIG 1g.10gb"}, {"name": "NVIDIA H100 80GB HBM3 MIG 3g.40gb"}]}]}"#,
    );
    let of = |name: &str, profile: Option<&str>| (format!("0000:17:00.0/{name}"), profile.map(str::to_owned));
    let expected = [of("mig0", Some("1g.10gb")), of("mig1", Some("3g.40gb")), of("gi5", None)];
    assert_eq!(instances(&tree.facts()), expected);
}

#[test]
fn the_state_of_the_memory_is_nvmls() {
    let tree = h100(&[]);
    assert!(matches!(device(&tree.facts()).member("row_remap_pending"), Some(Fact::Unreadable { .. })));
    tree.put(
        "/nvml.json",
        r#"{"devices": [{"pci": {"bus_id": "00000000:17:00.0"}, "ecc_mode": {"current": 1, "pending": 1},
        "ecc_errors": {"volatile": {"uncorrected": 2}}, "remapped_rows": {"pending": true, "failure": false}, "retired_pages": null}]}"#,
    );
    let device = device(&tree.facts());
    assert_eq!(device.member("ecc_enabled").and_then(Fact::bool), Some(true));
    assert_eq!(device.member("ecc_uncorrected").and_then(Fact::int), Some(2));
    assert_eq!(device.member("row_remap_pending").and_then(Fact::bool), Some(true));
    assert_eq!(device.member("row_remap_failed").and_then(Fact::bool), Some(false));
    assert!(matches!(device.member("pages_pending"), Some(Fact::Absent { .. })));
}

#[test]
fn what_nvml_refuses_with_is_a_fact_and_the_reason_of_what_is_unknown() {
    let tree = h100(&[]);
    tree.put("/nvml.json", r#"{"error": "Driver/library version mismatch"}"#);
    let facts = tree.facts();
    assert_eq!(facts.text("gpu.nvml_error"), Some("Driver/library version mismatch"));
    let Some(Fact::Unreadable { reason, .. }) = device(&facts).member("mig_enabled").cloned() else { panic!("unread") };
    assert_eq!(reason, "ask NVML: Driver/library version mismatch");
}

#[test]
fn debians_link_leads_over_alternatives_to_the_library() {
    let tree = h100(&[]);
    tree.link("/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1", "/etc/alternatives/glx--libnvidia-ml.so.1");
    tree.link("/etc/alternatives/glx--libnvidia-ml.so.1", "/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-ml.so.1");
    tree.link("/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-ml.so.1", "libnvidia-ml.so.535.247.01");
    tree.put("/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-ml.so.535.247.01", "");
    assert_eq!(tree.facts().text("gpu.library_version"), Some("535.247.01"));
}

#[test]
fn what_the_plugin_registered_is_in_the_kubelets_checkpoint() {
    let tree = h100(&[]);
    assert!(matches!(tree.facts().get("gpu.device_plugin.resources"), Some(Fact::Unreadable { .. })));
    tree.put("/var/lib/kubelet/device-plugins/DEPRECATION", "");
    let facts = tree.facts();
    assert_eq!(facts.get("gpu.device_plugin.resources").and_then(Fact::list).map(<[Fact]>::len), Some(0));
    assert!(matches!(facts.get("gpu.device_plugin.sockets"), Some(Fact::Unreadable { .. })), "none are recorded");
    let checkpoint = r#"{"Data":{"RegisteredDevices":{"nvidia.com/gpu":["GPU-1"]}},"Checksum":7}"#;
    tree.put("/var/lib/kubelet/device-plugins/kubelet_internal_checkpoint", checkpoint);
    assert_eq!(tree.facts().get("gpu.device_plugin.resources").and_then(Fact::list).map(<[Fact]>::len), Some(1));
}

#[test]
fn the_plugins_settings_are_those_of_its_flags_its_environment_and_its_defaults() {
    let tree = h100(&[]);
    tree.put("/proc/1/comm", "systemd\n");
    tree.put("/proc/77/cmdline", "/usr/bin/nvidia-device-plugin\0");
    tree.put("/proc/77/environ", "PASS_DEVICE_SPECS=true\0DEVICE_LIST_STRATEGY=cdi-annotations,envvar\0");
    let facts = tree.facts();
    assert_eq!(facts.bool("gpu.device_plugin.running"), Some(true));
    assert_eq!(facts.bool("gpu.device_plugin.pass_device_specs"), Some(true));
    let ways = facts.get("gpu.device_plugin.device_list_strategies").and_then(Fact::list).unwrap();
    assert_eq!(ways.iter().filter_map(Fact::text).collect::<Vec<_>>(), ["cdi-annotations", "envvar"]);
    tree.put("/proc/77/environ", "PATH=/bin\0");
    assert_eq!(tree.facts().bool("gpu.device_plugin.pass_device_specs"), Some(false));
    tree.put("/proc/77/cmdline", "/usr/bin/nvidia-device-plugin\0--pass-device-specs\0--mig-strategy=mixed\0");
    assert_eq!(tree.facts().bool("gpu.device_plugin.pass_device_specs"), Some(true));
    tree.put("/proc/77/cmdline", "/usr/bin/sleep\0");
    let facts = tree.facts();
    assert_eq!(facts.bool("gpu.device_plugin.running"), Some(false));
    assert!(matches!(facts.get("gpu.device_plugin.pass_device_specs"), Some(Fact::Absent { .. })));
}

#[test]
fn recorded_answers_of_nvml_tell_mode_and_profiles() {
    let tree = h100(&["gi9", "gi9/ci0"]);
    tree.put("/nvml.json", r#"{"devices": [{"uuid": "GPU-4c1b", "pci": {"bus_id": "00000000:17:00.0"},
        "mig_mode": {"current": 1, "pending": 0},
        "mig_devices": [{"gpu_instance_id": 9, "compute_instance_id": 0, "name": "NVIDIA H100 80GB HBM3 MIG 1g.10gb+me"}]}]}"#);
    let device = device(&tree.facts());
    assert_eq!(device.member("mig_enabled").and_then(Fact::bool), Some(true));
    assert_eq!(device.member("mig_pending").and_then(Fact::bool), Some(false));
    let profiles = device.member("profiles").and_then(Fact::list).unwrap();
    assert_eq!(profiles.iter().filter_map(Fact::text).collect::<Vec<_>>(), ["1g.10gb+me"]);
}

#[test]
fn only_the_library_in_the_drivers_root_counts() {
    let tree = h100(&[]);
    tree.put("/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.580.95.05", "");
    tree.put("/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.570.10.01", "");
    tree.link("/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1", "libnvidia-ml.so.580.95.05");
    tree.put("/usr/lib/i386-linux-gnu/libnvidia-ml.so.535.10.01", "");
    assert_eq!(tree.facts().text("gpu.library_version"), Some("580.95.05"));
    tree.put("/run/nvidia/driver/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.580.95.05", "");
    assert_eq!(tree.facts().text("gpu.driver_root"), Some("/run/nvidia/driver"));
}

#[test]
fn without_modules_and_driver_nothing_is_known_of_the_driver() {
    let tree = Tree::of(&[]).pci("0000:17:00.0", "2330", "030200", None);
    assert!(matches!(tree.facts().get("gpu.driver_version"), Some(Fact::Unreadable { .. })));
    tree.put("/proc/modules", "nouveau 1 0 - Live 0x0\n");
    let facts = tree.facts();
    assert!(matches!(facts.get("gpu.driver_version"), Some(Fact::Absent { .. })));
    assert_eq!(facts.bool("gpu.nouveau_loaded"), Some(true));
}

#[test]
fn the_strategy_is_that_of_the_running_plugin() {
    let tree = h100(&[]);
    tree.put("/proc/1/comm", "systemd\n");
    tree.put("/proc/77/cmdline", "/usr/bin/nvidia-device-plugin\0");
    tree.put("/proc/77/environ", "PATH=/bin\0MIG_STRATEGY=mixed\0TOKEN=secret\0");
    assert_eq!(tree.facts().text("gpu.mig_strategy"), Some("mixed"));
    tree.put("/proc/77/environ", "PATH=/bin\0");
    assert_eq!(tree.facts().text("gpu.mig_strategy"), Some("none"));
    tree.put("/proc/77/cmdline", "/usr/bin/nvidia-device-plugin\0--mig-strategy=single\0");
    assert_eq!(tree.facts().text("gpu.mig_strategy"), Some("single"));
}

#[test]
fn a_unit_of_ones_own_that_partitions_at_boot_keeps_mig() {
    let tree = h100(&[]);
    tree.put("/proc/1/comm", "systemd\n");
    tree.put("/proc/77/cmdline", "/usr/bin/sleep\0");
    assert!(matches!(tree.facts().get("gpu.mig_keeper"), Some(Fact::Absent { .. })));
    tree.put("/etc/systemd/system/mig.service", "[Service]\nExecStart=/usr/bin/nvidia-smi mig -cgi 9,9 -C\n");
    assert_eq!(tree.facts().text("gpu.mig_keeper"), Some("mig.service"));
}

#[test]
fn an_nvswitch_is_a_bridge_of_nvidias() {
    let facts = h100(&[]).pci("0000:05:00.0", "22a3", "068000", Some("nvidia-nvswitch")).facts();
    assert_eq!(facts.int("gpu.nvswitches"), Some(1));
    assert_eq!(facts.get("gpu.devices").and_then(Fact::list).map(<[Fact]>::len), Some(1));
}
