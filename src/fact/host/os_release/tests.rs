//! Release files as distributions ship them, and what they mean.

use std::fs;
use std::path::Path;

use super::*;

fn write(tree: &Path, path: &str, text: &str) {
    let path = tree.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn facts(files: &[(&str, &str)]) -> Facts {
    let tree = tempfile::tempdir().unwrap();
    for (path, text) in files {
        write(tree.path(), path, text);
    }
    let root = HostRoot::open(tree.path()).unwrap();
    match read_release(&root) {
        Outcome::Found(release) => facts_of(&release, &root),
        Outcome::Absent => all(|| Fact::absent(Source::file("/etc/os-release"))),
        Outcome::Unreadable(reason) => all(|| Fact::unreadable(Source::file("/etc/os-release"), reason.clone())),
    }
}

fn os(text: &str) -> Facts {
    facts(&[("etc/os-release", text)])
}

fn product(facts: &Facts) -> (Option<&str>, Option<&str>) {
    (facts.text("os.product"), facts.text("os.cycle"))
}

#[test]
fn products_and_cycles_follow_the_identifier_and_never_what_it_is_like() {
    for (text, name, cycle) in [
        ("NAME=\"CentOS Linux\"\nID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"7\"", "centos", "7"),
        ("NAME=\"CentOS Stream\"\nID=\"centos\"\nVERSION_ID=\"8\"", "centos-stream", "8"),
        ("NAME=\"CentOS Linux\"\nID=centos\nVERSION_ID=8\nCPE_NAME=\"cpe:/o:centos:centos:8\"", "centos", "8"),
        ("NAME=\"Rocky Linux\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.3\"", "rocky-linux", "9"),
        ("NAME=\"Oracle Linux Server\"\nID=\"ol\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"8.9\"", "oracle-linux", "8"),
        ("NAME=\"Amazon Linux\"\nID=\"amzn\"\nID_LIKE=\"centos rhel fedora\"\nVERSION_ID=\"2\"", "amazon-linux", "2"),
        ("ID=ubuntu\nVERSION_ID=\"22.04\"\nVERSION=\"22.04.5 LTS (Jammy Jellyfish)\"", "ubuntu", "22.04"),
        ("ID=debian\nVERSION_ID=\"12\"", "debian", "12"),
        ("ID=\"sles\"\nVERSION_ID=\"15\"", "sles", "15.0"),
        ("ID=\"sles\"\nVERSION_ID=\"15.7\"", "sles", "15.7"),
        ("ID=\"opensuse-leap\"\nVERSION_ID=\"15.6\"", "opensuse", "15.6"),
        ("ID=\"openEuler\"\nVERSION=\"24.03 (LTS-SP2)\"\nVERSION_ID=\"24.03\"", "openeuler", "24.03"),
        ("ID=talos\nVERSION_ID=v1.12.3", "talos", "1.12"),
        ("ID=bottlerocket\nVARIANT_ID=aws-k8s-1.34\nVERSION_ID=1.40.0", "bottlerocket", "1.34"),
        ("ID=\"rhcos\"\nVERSION_ID=\"4.16\"\nOPENSHIFT_VERSION=\"4.16\"", "red-hat-openshift", "4.16"),
        ("ID=\"kylin\"\nVERSION_ID=\"V10\"", "kylin", "V10"),
    ] {
        assert_eq!(product(&os(text)), (Some(name), Some(cycle)), "{text}");
    }
}

#[test]
fn centos_stream_is_told_from_centos_by_its_names() {
    assert_eq!(os("NAME=\"CentOS Stream\"\nID=centos\nVERSION_ID=9").bool("os.is_stream"), Some(true));
    let by_support = "NAME=CentOS\nID=centos\nREDHAT_SUPPORT_PRODUCT_VERSION=\"CentOS Stream\"\nVERSION_ID=8";
    assert_eq!(os(by_support).bool("os.is_stream"), Some(true));
    assert_eq!(os("NAME=\"CentOS Linux\"\nID=centos\nVERSION_ID=8").bool("os.is_stream"), Some(false));
}

#[test]
fn testing_has_no_cycle_and_tumbleweed_rolls() {
    let testing = os("PRETTY_NAME=\"Debian GNU/Linux trixie/sid\"\nID=debian");
    assert_eq!(product(&testing), (Some("debian"), None));
    let tumbleweed = os("ID=\"opensuse-tumbleweed\"\nVERSION_ID=\"20261101\"");
    assert_eq!((product(&tumbleweed), tumbleweed.bool("os.is_rolling")), ((None, None), Some(true)));
    let coreos = os("ID=fedora\nVARIANT_ID=coreos\nVERSION_ID=43\nSUPPORT_END=2026-12-02");
    assert_eq!(coreos.bool("os.is_rolling"), Some(true));
}

#[test]
fn dates_of_some_vendors_are_theirs_to_tell() {
    for (text, is_vendor_dated) in [
        ("ID=openEuler", true),
        ("ID=\"kylin\"", true),
        ("ID=uos", true),
        ("ID=homegrown", true),
        ("ID=ubuntu", false),
        ("ID=arch", false),
    ] {
        assert_eq!(os(text).bool("os.is_vendor_dated"), Some(is_vendor_dated), "{text}");
    }
}

#[test]
fn kylin_s_desktop_is_one_and_its_server_is_not() {
    let server = os("NAME=\"Kylin Linux Advanced Server\"\nVERSION=\"V10 (Lance)\"\nID=\"kylin\"\nVERSION_ID=\"V10\"");
    assert_eq!((server.bool("os.is_desktop"), server.text("os.family")), (Some(false), Some("rhel")));
    let desktop = os("NAME=\"Kylin\"\nID=kylin\nID_LIKE=debian\nVERSION_ID=\"v10\"");
    assert_eq!((desktop.bool("os.is_desktop"), desktop.text("os.family")), (Some(true), Some("debian")));
    assert_eq!(os("NAME=UbuntuKylin\nID=ubuntu\nVERSION_ID=22.04").bool("os.is_desktop"), Some(true));
}

#[test]
fn interim_releases_of_ubuntu_are_those_without_long_support() {
    for (version, is_interim) in [("25.10", true), ("25.04", true), ("24.10", true), ("24.04", false), ("26.04", false)]
    {
        assert_eq!(
            os(&format!("ID=ubuntu\nVERSION_ID={version}")).bool("os.is_interim"),
            Some(is_interim),
            "{version}"
        );
    }
}

#[test]
fn the_file_beneath_usr_lib_counts_only_where_etc_has_none() {
    let both = [("etc/os-release", "ID=debian\n"), ("usr/lib/os-release", "ID=ubuntu\nVERSION_ID=24.04\n")];
    assert_eq!(product(&facts(&both)), (Some("debian"), None));
    let facts = facts(&both[1..]);
    assert_eq!(facts.get("os.id"), Some(&Fact::known("ubuntu", Source::line("/usr/lib/os-release", 1))));
}

#[test]
fn hosts_from_before_os_release_are_known_by_their_release_file() {
    let facts = facts(&[("etc/centos-release", "CentOS release 6.10 (Final)\n")]);
    assert_eq!(product(&facts), (Some("centos"), Some("6")));
}

#[test]
fn nothing_is_absent_and_garbage_is_unreadable() {
    assert!(matches!(facts(&[]).get("os.id"), Some(Fact::Absent { .. })));
    assert!(matches!(os("\u{0}\u{1}garbage").get("os.id"), Some(Fact::Unreadable { .. })));
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir_all(tree.path().join("etc/os-release")).unwrap();
    assert!(matches!(read_release(&HostRoot::open(tree.path()).unwrap()), Outcome::Unreadable(_)));
}

const FOCAL: (&str, &str) = ("etc/os-release", "ID=ubuntu\nVERSION_ID=\"20.04\"\n");
const STATUS: &str = "var/lib/ubuntu-advantage/status.json";

#[test]
fn ubuntu_pro_is_attached_where_its_infrastructure_service_is_enabled() {
    let enabled = "{\"attached\": true, \"services\": [{\"name\": \"esm-apps\", \"status\": \"disabled\"},\n{\"name\": \
                   \"esm-infra\", \"status\": \"enabled\"}]}";
    let fact = facts(&[FOCAL, (STATUS, enabled)]);
    assert_eq!(fact.get("os.extended_support"), Some(&Fact::known(true, Source::line(format!("/{STATUS}"), 2))));
    for (text, expected) in [
        ("{\"attached\": false, \"services\": []}", Some(false)),
        ("{\"attached\": true, \"services\": [{\"name\": \"esm-infra\", \"status\": \"disabled\"}]}", Some(false)),
        ("{\"attached\": tru", None),
        ("{}", None),
    ] {
        assert_eq!(facts(&[FOCAL, (STATUS, text)]).bool("os.extended_support"), expected, "{text}");
    }
}

#[test]
fn without_a_status_the_sources_tell_and_else_nothing_does() {
    let sources =
        ("etc/apt/sources.list.d/ubuntu-esm-infra.list", "deb https://esm.ubuntu.com/infra/ubuntu focal main\n");
    assert_eq!(facts(&[FOCAL, sources]).bool("os.extended_support"), Some(true));
    let commented = (sources.0, "# deb https://esm.ubuntu.com/infra/ubuntu focal main\n");
    assert!(matches!(facts(&[FOCAL, commented]).get("os.extended_support"), Some(Fact::Absent { .. })));
    assert!(matches!(facts(&[FOCAL]).get("os.extended_support"), Some(Fact::Absent { .. })));
}

#[test]
fn red_hat_s_and_suse_s_extensions_are_seen() {
    let rhel = ("etc/os-release", "ID=\"rhel\"\nVERSION_ID=\"7.9\"\n");
    let repo = "etc/yum.repos.d/redhat.repo";
    let els = "[rhel-7-server-els-rpms]\nenabled = 1\n";
    assert_eq!(facts(&[rhel, (repo, els)]).bool("os.extended_support"), Some(true));
    assert_eq!(facts(&[rhel, (repo, &els.replace('1', "0"))]).bool("os.extended_support"), Some(false));
    let sles = ("etc/os-release", "ID=sles\nVERSION_ID=15.4\n");
    let product = |name: &'static str| [sles, (name, "<product/>")];
    assert_eq!(facts(&product("etc/products.d/SLES-LTSS.prod")).bool("os.extended_support"), Some(true));
    assert_eq!(facts(&product("etc/products.d/SLES.prod")).bool("os.extended_support"), Some(false));
    let oracle = os("ID=ol\nVERSION_ID=7.9\n");
    assert!(matches!(oracle.get("os.extended_support"), Some(Fact::Unreadable { .. })));
}

#[test]
fn a_stale_release_file_does_not_outweigh_os_release() {
    let facts = facts(&[
        ("etc/os-release", "NAME=\"Rocky Linux\"\nID=\"rocky\"\nVERSION_ID=\"8.10\"\n"),
        ("etc/centos-release", "CentOS Stream release 8\n"),
    ]);
    assert_eq!(product(&facts), (Some("rocky-linux"), Some("8")));
    assert_eq!(facts.bool("os.is_stream"), Some(false));
}

#[test]
fn a_preview_of_almalinux_is_no_release_of_it() {
    let facts = os("NAME=\"AlmaLinux Kitten\"\nID=\"almalinux\"\nVERSION_ID=\"10\"\n");
    assert_eq!(product(&facts), (None, None));
    assert_eq!(facts.bool("os.is_rolling"), Some(true));
}
