//! NVML by a library of our own, since no GPU is at hand: `fake_nvml.c`.

#![allow(clippy::disallowed_methods, reason = "the test compiles the library that is asked")]

use std::process::Command;

use super::*;

/// The library, compiled to be so; it lies there as long as the folder does.
fn library(defines: &[&str]) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("fake_nvml.c");
    std::fs::write(&source, include_str!("fake_nvml.c")).unwrap();
    let path = folder.path().join("libnvidia-ml.so.1").display().to_string();
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o", &path]).args(defines).arg(&source).status();
    assert!(compiled.unwrap().success(), "cc makes the library");
    (folder, path)
}

fn asked(defines: &[&str]) -> Outcome<Answers> {
    let (_folder, path) = library(defines);
    ask(&path, Duration::from_secs(20))
}

fn answers(defines: &[&str]) -> Answers {
    match asked(defines) {
        Outcome::Found(answers) => answers,
        other => panic!("answers, and not {other:?}"),
    }
}

#[test]
fn each_gpu_tells_its_mode_its_live_mig_devices_and_its_memory() {
    let (_folder, path) = library(&[]);
    let Outcome::Found(answers) = ask(&path, Duration::from_secs(20)) else { panic!("answers") };
    assert_eq!((answers.devices.len(), &answers.refusal), (3, &None));
    let [a100, off, t4] = answers.devices.as_slice() else { panic!("three") };
    assert_eq!(a100.source, Source::file(path));
    assert_eq!(a100.bus_id.as_deref(), Some("00000000:17:00.0"));
    assert_eq!((a100.uuid.as_deref(), a100.minor), (Some("GPU-0"), Some(7)));
    assert_eq!(a100.mig_mode, Outcome::Found((true, true)));
    let Outcome::Found(devices) = &a100.mig_devices else { panic!("devices") };
    let profiles: Vec<_> = devices.iter().filter_map(|device| device.profile.as_deref()).collect();
    assert_eq!(profiles, ["1g.5gb+me", "1g.5gb+me", "3g.20gb"], "three of seven are there");
    assert_eq!((&a100.ecc_enabled, &a100.ecc_uncorrected), (&Outcome::Found(true), &Outcome::Found(4)));
    assert_eq!((&a100.row_remap_pending, &a100.row_remap_failed), (&Outcome::Found(true), &Outcome::Found(false)));
    assert_eq!(a100.pages_pending, Outcome::Absent);
    assert_eq!(off.mig_mode, Outcome::Found((false, true)), "on after the next reset");
    assert_eq!(off.mig_devices, Outcome::Found(Vec::new()));
    assert_eq!((&off.ecc_enabled, &off.ecc_uncorrected), (&Outcome::Found(false), &Outcome::Absent));
    assert_eq!(
        (&t4.mig_mode, &t4.mig_devices, &t4.ecc_enabled),
        (&Outcome::Absent, &Outcome::Absent, &Outcome::Absent)
    );
    assert_eq!((&t4.row_remap_pending, &t4.pages_pending), (&Outcome::Absent, &Outcome::Found(true)));
}

#[test]
fn a_driver_from_before_mig_lacks_the_function_and_has_no_mig() {
    let answers = answers(&["-DNO_MIG"]);
    assert!(answers.devices.iter().all(|answer| answer.mig_mode == Outcome::Absent));
    assert_eq!(answers.devices[0].ecc_uncorrected, Outcome::Found(4), "and the rest is told");
}

#[test]
fn what_nvml_refuses_with_is_said_in_its_own_words() {
    for (code, words) in [
        ("18", "Driver/library version mismatch"),
        ("9", "Driver Not Loaded"),
        ("4", "Insufficient Permissions"),
        ("15", "GPU is lost"),
        ("17", "device control has been blocked by the operating system/cgroups"),
    ] {
        let answers = answers(&[&format!("-DINIT={code}")]);
        assert_eq!(answers.refusal.as_deref(), Some(words));
        assert!(answers.devices.is_empty());
    }
}

#[test]
fn one_lost_gpu_does_not_hide_the_others() {
    let answers = answers(&["-DLOST"]);
    assert_eq!(answers.devices.len(), 2);
    assert_eq!(answers.problems, ["GPU 1: GPU is lost"]);
}

#[test]
fn a_call_that_hangs_is_left_behind_after_the_deadline() {
    let (_folder, path) = library(&["-DHANG"]);
    let Outcome::Unreadable(reason) = ask(&path, Duration::from_millis(200)) else { panic!("no answer") };
    assert!(reason.ends_with("no answer in 0.2 s"), "{reason}");
}

#[test]
fn what_is_no_library_or_not_nvml_is_unreadable() {
    let Outcome::Unreadable(reason) = ask("/nowhere/libnvidia-ml.so.1", Duration::from_secs(20)) else {
        panic!("nothing to load")
    };
    assert!(reason.contains("/nowhere/libnvidia-ml.so.1"), "{reason}");
    assert!(matches!(asked(&["-DnvmlInit_v2=something_else"]), Outcome::Unreadable(_)));
}
