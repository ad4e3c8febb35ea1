//! Tests of the collectors of kernel and node on small recorded trees: what a
//! file says, which file wins, and what a missing one means.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Instant;

use tempfile::TempDir;

use super::{Collector, Host, cgroup, init, kernel, leftover, module, netns, root, selinux, swap, sysctl, time};
use crate::fact::{Fact, Facts, Source};

const SWAPS: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
const EL8: (&str, &str) = ("/proc/sys/kernel/osrelease", "4.18.0-553.el8_10.x86_64\n");

/// A recorded tree; a text that begins with `->` makes a link.
fn tree(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        match text.strip_prefix("->") {
            Some(target) => symlink(target, path).unwrap(),
            None => std::fs::write(path, text).unwrap(),
        }
    }
    folder
}

fn read(folder: &TempDir, collector: &Collector) -> Facts {
    let host = Host::new(root::HostRoot::open(folder.path()).unwrap(), Instant::now());
    (collector.collect)(&host, &Facts::default())
}

fn facts(collector: &Collector, files: &[(&str, &str)]) -> Facts {
    read(&tree(files), collector)
}

fn persisted(files: &[(&str, &str)], key: &str) -> Fact {
    let facts = facts(&sysctl::COLLECTOR, files);
    facts.get("sysctl_persisted").unwrap().member(key).unwrap().clone()
}

fn module_of(files: &[(&str, &str)], name: &str, member: &str) -> Fact {
    let facts = facts(&module::COLLECTOR, files);
    facts.get("module").unwrap().member(name).unwrap().member(member).unwrap().clone()
}

fn is_unreadable(fact: &Fact) -> bool {
    matches!(fact, Fact::Unreadable { .. })
}

#[test]
fn of_files_with_one_name_etc_wins_whatever_they_say() {
    let files = [
        ("/etc/sysctl.d/50-x.conf", "net.ipv4.ip_forward = 1\n"),
        ("/run/sysctl.d/50-x.conf", "net.ipv4.ip_forward = 0\n"),
        ("/usr/lib/sysctl.d/50-x.conf", "net.ipv4.ip_forward = 0\n"),
    ];
    let fact = persisted(&files, "net.ipv4.ip_forward");
    assert_eq!((fact.text(), fact.source()), (Some("1"), Some(&Source::line("/etc/sysctl.d/50-x.conf", 1))));
}

#[test]
fn a_file_of_a_later_name_wins_over_the_folder() {
    let files = [
        ("/etc/sysctl.d/10-x.conf", "net.ipv4.ip_forward = 1\n"),
        ("/usr/lib/sysctl.d/90-y.conf", "net/ipv4/ip_forward = 0\n"),
    ];
    assert_eq!(persisted(&files, "net.ipv4.ip_forward").text(), Some("0"));
}

#[test]
fn a_link_to_dev_null_masks_the_vendors_file() {
    let files =
        [("/etc/sysctl.d/90-y.conf", "->/dev/null"), ("/usr/lib/sysctl.d/90-y.conf", "net.ipv4.ip_forward = 0\n")];
    assert!(matches!(persisted(&files, "net.ipv4.ip_forward"), Fact::Absent { .. }));
}

#[test]
fn sysctl_conf_counts_as_the_link_that_distributions_make_of_it() {
    let conf = ("/etc/sysctl.conf", "net.ipv4.ip_forward = 0\n");
    let before = ("/etc/sysctl.d/50-x.conf", "net.ipv4.ip_forward = 1\n");
    let after = ("/etc/sysctl.d/99-zz.conf", "net.ipv4.ip_forward = 1\n");
    assert_eq!(persisted(&[conf, before], "net.ipv4.ip_forward").text(), Some("0"));
    assert_eq!(persisted(&[conf, before, after], "net.ipv4.ip_forward").text(), Some("1"));
    let linked = [conf, before, ("/etc/sysctl.d/99-sysctl.conf", "->../sysctl.conf")];
    assert_eq!(persisted(&linked, "net.ipv4.ip_forward").text(), Some("0"));
}

#[test]
fn debian_13_does_not_read_sysctl_conf() {
    let files = [
        ("/etc/os-release", "ID=debian\nVERSION_ID=\"13\"\n"),
        ("/etc/sysctl.conf", "net.ipv4.ip_forward = 1\n"),
        ("/etc/sysctl.d/README.sysctl", "net.ipv4.ip_forward = 1\n"),
    ];
    assert!(matches!(persisted(&files, "net.ipv4.ip_forward"), Fact::Absent { .. }));
}

#[test]
fn a_folder_that_was_not_recorded_sets_nothing_for_certain() {
    assert!(is_unreadable(&persisted(&[("/etc/hostname", "x\n")], "net.ipv4.ip_forward")));
}

#[test]
fn a_missing_bridge_key_is_absent_and_not_0() {
    let running = |files: &[(&str, &str)], key: &str| {
        facts(&sysctl::COLLECTOR, files).get("sysctl").unwrap().member(key).unwrap().clone()
    };
    let files = [("/proc/sys/net/ipv4/ip_forward", "1\n")];
    assert!(matches!(running(&files, "net.bridge.bridge-nf-call-iptables"), Fact::Absent { .. }));
    assert!(is_unreadable(&running(&[("/proc/version", "x\n")], "net.ipv4.ip_forward")));
}

#[test]
fn another_network_namespace_does_not_answer_for_the_host() {
    let files = [
        ("/proc/sys/net/ipv4/ip_forward", "1\n"),
        ("/proc/sys/user/max_user_namespaces", "0\n"),
        ("/proc/self/ns/net", "->net:[4026532000]"),
        ("/proc/1/ns/net", "->net:[4026531840]"),
    ];
    let facts = facts(&sysctl::COLLECTOR, &files);
    assert!(is_unreadable(facts.get("sysctl").unwrap().member("net.ipv4.ip_forward").unwrap()));
    assert_eq!(facts.get("sysctl").unwrap().member("user.max_user_namespaces").unwrap().text(), Some("0"));
}

#[test]
fn a_module_without_sign_or_list_is_loadable_only() {
    let files = [
        EL8,
        ("/proc/sys/net/ipv4/ip_forward", "1\n"),
        ("/proc/modules", "overlay 1 1 - Live 0x0\n"),
        (
            "/lib/modules/4.18.0-553.el8_10.x86_64/modules.dep",
            "kernel/net/bridge/br_netfilter.ko.xz: kernel/net/bridge/bridge.ko.xz\n",
        ),
    ];
    assert_eq!(module_of(&files, "br_netfilter", "available").bool(), Some(false));
    assert_eq!(module_of(&files, "br_netfilter", "loadable").bool(), Some(true));
    assert_eq!(module_of(&files, "overlay", "loaded").bool(), Some(true));
}

#[test]
fn a_sysctl_shows_a_built_in_module_that_no_list_names() {
    let files = [("/proc/sys/net/bridge/bridge-nf-call-iptables", "1\n")];
    assert_eq!(module_of(&files, "br_netfilter", "available").bool(), Some(true));
}

#[test]
fn what_may_be_built_in_is_not_missing() {
    let files = [EL8, ("/proc/modules", "overlay 1 1 - Live 0x0\n")];
    assert!(is_unreadable(&module_of(&files, "ip_vs", "available")));
    let builtin = ("/lib/modules/4.18.0-553.el8_10.x86_64/modules.builtin", "kernel/net/netfilter/ipvs/ip_vs.ko\n");
    assert_eq!(module_of(&[EL8, files[1], builtin], "ip_vs", "available").bool(), Some(true));
    assert_eq!(module_of(&[EL8, files[1], builtin], "ip_vs_rr", "available").bool(), Some(false));
}

#[test]
fn el8_has_nf_conntrack_and_no_nf_conntrack_ipv4() {
    let files = [
        EL8,
        ("/proc/sys/net/netfilter/nf_conntrack_max", "262144\n"),
        ("/proc/modules", "nf_conntrack 1 1 - Live 0x0\n"),
    ];
    assert_eq!(module_of(&files, "nf_conntrack", "available").bool(), Some(true));
}

#[test]
fn modules_load_d_loads_at_boot_unless_masked() {
    let files =
        [("/usr/lib/modules-load.d/k8s.conf", "br-netfilter\n"), ("/etc/modules-load.d/other.conf", "#overlay\n")];
    assert_eq!(module_of(&files, "br_netfilter", "loaded_at_boot").bool(), Some(true));
    assert_eq!(module_of(&files, "overlay", "loaded_at_boot").bool(), Some(false));
    let masked = [files[0], ("/etc/modules-load.d/k8s.conf", "->/dev/null")];
    assert_eq!(module_of(&masked, "br_netfilter", "loaded_at_boot").bool(), Some(false));
    assert!(is_unreadable(&module_of(&[files[0]], "overlay", "loaded_at_boot")));
}

#[test]
fn etc_modules_is_debians() {
    let modules = ("/etc/modules", "br_netfilter\n");
    let folder = ("/etc/modules-load.d/x.conf", "\n");
    let on = |release| [("/etc/os-release", release), modules, folder];
    assert_eq!(module_of(&on("ID=ubuntu\nID_LIKE=debian\n"), "br_netfilter", "loaded_at_boot").bool(), Some(true));
    assert_eq!(
        module_of(&on("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"), "br_netfilter", "loaded_at_boot").bool(),
        Some(false)
    );
}

#[test]
fn sysconfig_scripts_are_run_by_rhel_7_only() {
    let read_on = |release: &str| {
        let path = "/etc/sysconfig/modules/ipvs.modules";
        let files = [
            (path, "#!/bin/bash\nmodprobe -- br_netfilter\n"),
            ("/proc/sys/kernel/osrelease", release),
            ("/etc/modules-load.d/x.conf", "\n"),
        ];
        let folder = tree(&files);
        let script = folder.path().join(path.trim_start_matches('/'));
        std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755)).unwrap();
        let facts = read(&folder, &module::COLLECTOR);
        facts.get("module").unwrap().member("br_netfilter").unwrap().member("loaded_at_boot").unwrap().clone()
    };
    assert_eq!(read_on("3.10.0-1160.el7.x86_64\n").bool(), Some(true));
    assert_eq!(read_on("4.18.0-553.el8_10.x86_64\n").bool(), Some(false));
    assert_eq!(read_on("5.15.0-91-generic\n").bool(), Some(false));
}

#[test]
fn comments_and_noauto_in_fstab_bring_no_swap_back() {
    let causes = |fstab: &str| {
        let facts = facts(&swap::COLLECTOR, &[("/proc/swaps", SWAPS), ("/etc/fstab", fstab)]);
        facts.get("swap.at_boot").unwrap().list().unwrap().len()
    };
    assert_eq!(causes("UUID=1 / ext4 defaults 0 1\nUUID=2 none swap sw 0 0\n"), 1);
    assert_eq!(causes("#UUID=2 none swap sw 0 0\n  # /swap.img none swap sw 0 0\n"), 0);
    assert_eq!(causes("/swap.img none swap sw,noauto 0 0\n"), 0);
    assert_eq!(causes(""), 0);
}

#[test]
fn a_masked_unit_or_target_keeps_swap_off() {
    let fstab = ("/etc/fstab", "/dev/sda2 none swap sw 0 0\n");
    let causes =
        |files: &[(&str, &str)]| facts(&swap::COLLECTOR, files).get("swap.at_boot").unwrap().list().unwrap().len();
    assert_eq!(causes(&[fstab, ("/etc/systemd/system/swap.target", "->/dev/null")]), 0);
    assert_eq!(causes(&[fstab, ("/etc/systemd/system/dev-sda2.swap", "->/dev/null")]), 0);
    assert_eq!(causes(&[fstab, ("/proc/cmdline", "ro systemd.swap=0\n")]), 0);
    assert_eq!(causes(&[fstab, ("/etc/systemd/system/dev-sdb2.swap", "->/dev/null")]), 1);
}

#[test]
fn units_zram_and_dphys_swapfile_bring_swap_back() {
    let kinds = |files: &[(&str, &str)]| {
        let facts = facts(&swap::COLLECTOR, files);
        let causes = facts.get("swap.at_boot").unwrap().list().unwrap().to_vec();
        causes.iter().map(|cause| cause.member("kind").unwrap().text().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let fstab = ("/etc/fstab", "UUID=1 / ext4 defaults 0 1\n");
    let unit = ("/etc/systemd/system/swapfile.swap", "[Swap]\nWhat=/swapfile\n[Install]\nWantedBy=swap.target\n");
    let wanted = ("/etc/systemd/system/swap.target.wants/swapfile.swap", "->../swapfile.swap");
    assert_eq!(kinds(&[fstab, unit, wanted]), ["unit"]);
    assert_eq!(kinds(&[fstab, unit]), Vec::<String>::new());
    let zram = ("/usr/lib/systemd/zram-generator.conf", "[zram0]\nzram-size = min(ram, 8192)\n");
    assert_eq!(kinds(&[fstab, zram]), ["zram-generator"]);
    assert_eq!(kinds(&[fstab, zram, ("/etc/systemd/zram-generator.conf", "")]), Vec::<String>::new());
    assert_eq!(kinds(&[fstab, ("/etc/dphys-swapfile", "#CONF_SWAPSIZE=\n")]), ["swapfile-service"]);
    assert_eq!(kinds(&[fstab, ("/etc/dphys-swapfile", "CONF_SWAPSIZE=0\n")]), Vec::<String>::new());
}

#[test]
fn a_tree_without_swaps_and_fstab_tells_nothing() {
    let facts = facts(&swap::COLLECTOR, &[("/etc/hostname", "x\n")]);
    assert!(is_unreadable(facts.get("swap.is_on").unwrap()) && is_unreadable(facts.get("swap.at_boot").unwrap()));
}

#[test]
fn the_mounts_of_process_1_tell_the_cgroup_version() {
    let version = |files: &[(&str, &str)]| facts(&cgroup::COLLECTOR, files).get("cgroup.version").unwrap().clone();
    let v2 = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n";
    let v1 = "tmpfs /sys/fs/cgroup tmpfs ro 0 0\ncgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n";
    assert_eq!(version(&[("/proc/1/mounts", v2), ("/proc/mounts", v1)]).text(), Some("v2"));
    assert_eq!(version(&[("/proc/mounts", v1)]).text(), Some("v1"));
    assert_eq!(version(&[("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n")]).text(), Some("v2"));
    assert!(is_unreadable(&version(&[("/etc/hostname", "x\n")])));
}

#[test]
fn process_1_tells_the_init_system_where_run_was_not_recorded() {
    let is_systemd = |files: &[(&str, &str)]| facts(&init::COLLECTOR, files).bool("init.is_systemd");
    assert_eq!(is_systemd(&[("/run/systemd/system/.keep", "")]), Some(true));
    assert_eq!(is_systemd(&[("/proc/1/comm", "systemd\n")]), Some(true));
    assert_eq!(is_systemd(&[("/proc/1/comm", "init\n")]), Some(false));
    assert_eq!(is_systemd(&[("/etc/hostname", "x\n")]), None);
}

#[test]
fn a_newer_image_with_modules_waits_for_a_reboot() {
    let files = [
        ("/proc/sys/kernel/osrelease", "5.15.0-91-generic\n"),
        ("/boot/vmlinuz-5.15.0-91-generic", ""),
        ("/boot/vmlinuz-5.15.0-126-generic", ""),
        ("/boot/vmlinuz-5.15.0-130-generic", ""),
        ("/lib/modules/5.15.0-91-generic/modules.dep", ""),
        ("/lib/modules/5.15.0-126-generic/modules.dep", ""),
        ("/run/reboot-required", "*** System restart required ***\n"),
        ("/run/reboot-required.pkgs", "linux-image-5.15.0-126-generic\nlinux-base\n"),
    ];
    let facts = facts(&kernel::COLLECTOR, &files);
    assert_eq!(facts.text("kernel.newest_installed"), Some("5.15.0-126-generic"));
    assert_eq!(facts.bool("kernel.reboot_required"), Some(true));
}

#[test]
fn a_reboot_for_a_library_is_none_for_the_kernel() {
    let files = [("/run/reboot-required", ""), ("/run/reboot-required.pkgs", "libc6\n")];
    assert_eq!(facts(&kernel::COLLECTOR, &files).bool("kernel.reboot_required"), Some(false));
}

#[test]
fn the_boot_loader_names_the_kernel_that_boots_next() {
    let entry = "title CentOS\nversion 4.18.0-552.el8.x86_64\nlinux /vmlinuz-4.18.0-552.el8.x86_64\n";
    let newer = "title CentOS\nlinux /vmlinuz-4.18.0-553.el8_10.x86_64\n";
    let named = [
        EL8,
        ("/boot/grub2/grubenv", "# GRUB Environment Block\nsaved_entry=abc-4.18.0-552.el8.x86_64\n####"),
        ("/boot/loader/entries/abc-4.18.0-552.el8.x86_64.conf", entry),
        ("/boot/loader/entries/abc-4.18.0-553.el8_10.x86_64.conf", newer),
    ];
    assert_eq!(facts(&kernel::COLLECTOR, &named).text("kernel.boot_default"), Some("4.18.0-552.el8.x86_64"));
    let numbered = [named[0], ("/boot/grub2/grubenv", "saved_entry=0\n"), named[2], named[3]];
    assert_eq!(facts(&kernel::COLLECTOR, &numbered).text("kernel.boot_default"), Some("4.18.0-553.el8_10.x86_64"));
}

#[test]
fn a_vendors_number_is_no_upstream_version() {
    let facts = facts(&kernel::COLLECTOR, &[("/proc/sys/kernel/osrelease", "4.19.90-52.22.v2207.ky10.x86_64\n")]);
    assert_eq!(facts.text("kernel.version"), Some("4.19.90"));
    assert!(is_unreadable(facts.get("kernel.upstream_version").unwrap()));
    assert_eq!(facts.bool("kernel.has_cgroup_accounting_fixes"), Some(true));
}

#[test]
fn a_booted_ostree_is_image_based() {
    let files = [("/proc/cmdline", "BOOT_IMAGE=(hd0)/ostree/x/vmlinuz ostree=/ostree/boot.1/x/0 ro\n")];
    assert_eq!(facts(&kernel::COLLECTOR, &files).bool("kernel.is_image_based"), Some(true));
}

#[test]
fn few_recorded_processes_do_not_mean_that_no_time_service_runs() {
    let kubelet = [("/proc/900/cmdline", "/usr/bin/kubelet\0"), ("/proc/900/comm", "kubelet\n")];
    assert!(is_unreadable(facts(&time::COLLECTOR, &kubelet).get("time.services").unwrap()));
    assert!(is_unreadable(facts(&time::COLLECTOR, &[("/etc/hostname", "x\n")]).get("time.services").unwrap()));
}

#[test]
fn timesyncd_that_never_set_the_clock_is_not_synchronized() {
    let stat = "700 (systemd-timesyn) S 1 700 700 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 2 0 700 1 1\n";
    let mut files = vec![
        ("/proc/700/comm", "systemd-timesyn\n"),
        ("/proc/700/cmdline", "/lib/systemd/systemd-timesyncd\0"),
        ("/proc/700/stat", stat),
        ("/run/systemd/timesync/.keep", ""),
        ("/proc/uptime", "260000.00 900000.00\n"),
    ];
    assert_eq!(facts(&time::COLLECTOR, &files).bool("time.is_synchronized"), Some(false));
    files[4] = ("/proc/uptime", "300.00 900.00\n");
    assert!(is_unreadable(facts(&time::COLLECTOR, &files).get("time.is_synchronized").unwrap()));
    files.push(("/run/systemd/timesync/synchronized", ""));
    assert_eq!(facts(&time::COLLECTOR, &files).bool("time.is_synchronized"), Some(true));
}

#[test]
fn a_link_to_a_process_that_is_not_among_the_recorded_is_stale() {
    let link = ("/run/netns/web", "->/proc/4321/ns/net");
    let stale = |files: &[(&str, &str)]| {
        let facts = facts(&netns::COLLECTOR, files);
        facts.get("netns.links").unwrap().list().unwrap()[0].member("is_stale").unwrap().clone()
    };
    assert!(is_unreadable(&stale(&[link])));
    assert_eq!(stale(&[link, ("/proc/1/comm", "systemd\n"), ("/proc/900/comm", "kubelet\n")]).bool(), Some(true));
    assert_eq!(stale(&[link, ("/proc/4321/comm", "nginx\n")]).bool(), Some(false));
}

#[test]
fn selinux_is_not_disabled_because_nobody_recorded_it() {
    let mode = |files: &[(&str, &str)]| facts(&selinux::COLLECTOR, files).get("selinux.mode").unwrap().clone();
    assert!(is_unreadable(&mode(&[("/sys/fs/cgroup/cgroup.controllers", "cpu\n")])));
    assert_eq!(mode(&[("/etc/selinux/config", "SELINUX=disabled\n")]).text(), Some("disabled"));
    assert_eq!(
        mode(&[("/sys/fs/selinux/enforce", "1"), ("/etc/selinux/config", "SELINUX=disabled\n")]).text(),
        Some("enforcing")
    );
    assert_eq!(mode(&[("/proc/cmdline", "ro selinux=0\n")]).text(), Some("disabled"));
    assert!(is_unreadable(&mode(&[("/etc/selinux/config", "SELINUX=enforcing\n")])));
}

#[test]
fn a_host_with_manifests_or_a_kubelet_is_in_use() {
    let in_use = |files: &[(&str, &str)]| facts(&leftover::COLLECTOR, files).get("leftover.is_in_use").unwrap().clone();
    let pki = ("/etc/kubernetes/pki/ca.crt", "");
    assert_eq!(in_use(&[pki]).bool(), Some(false));
    assert_eq!(in_use(&[pki, ("/etc/kubernetes/manifests/etcd.yaml", "")]).bool(), Some(true));
    assert_eq!(in_use(&[pki, ("/etc/kubernetes/kubelet.conf", "")]).bool(), Some(true));
    assert!(is_unreadable(&in_use(&[("/etc/cni/net.d/10-flannel.conflist", "{}")])));
}
