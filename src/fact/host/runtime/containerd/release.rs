//! [`Release`]: the versions of containerd between which the reading of
//! configuration differs.
//!
//! Each statement was read in `cmd/containerd/server/config` (2.x) or
//! `services/server/config` (1.x) of the named tags.

use crate::fact::version::Version;

/// A containerd version by its three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Release(pub(super) u64, pub(super) u64, pub(super) u64);

/// One release of every line and of every change within a line. What they all
/// agree on holds whatever version runs.
pub(super) const REPRESENTATIVES: &[Release] = &[
    Release(1, 5, 18),
    Release(1, 6, 8),
    Release(1, 6, 20),
    Release(1, 6, 39),
    Release(1, 7, 13),
    Release(1, 7, 33),
    Release(2, 0, 10),
    Release(2, 1, 8),
    Release(2, 2, 7),
    Release(2, 3, 4),
    Release(2, 4, 0),
];

/// How a release merges files of different versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merging {
    /// 1.x: a plugin's section replaces the earlier one as a whole; nothing is migrated.
    ReplaceSections,
    /// 2.0-2.2: files are merged as they stand, key by key, then migrated once
    /// by the version of the last file that names one.
    MergeThenMigrate,
    /// 2.3 and newer: each file is migrated by its own version, then merged key by key.
    MigrateThenMerge,
}

impl Release {
    /// The release of a version text; none where it cannot be read.
    pub(super) fn parse(text: &str) -> Option<Release> {
        Version::parse(text).map(|version| Release(version.major(), version.minor(), version.patch()))
    }

    /// How it merges.
    pub(super) fn merging(self) -> Merging {
        match self {
            Release(0 | 1, ..) => Merging::ReplaceSections,
            Release(2, 0..=2, _) => Merging::MergeThenMigrate,
            _ => Merging::MigrateThenMerge,
        }
    }

    /// The highest configuration version that it knows.
    pub(super) fn newest_config_version(self) -> i64 {
        match self.merging() {
            Merging::ReplaceSections => 2,
            Merging::MergeThenMigrate => 3,
            Merging::MigrateThenMerge => 4,
        }
    }

    /// Whether it refuses a version above the highest it knows. 1.x learned to
    /// in 1.6.32 and 1.7.17; before, anything but 1 was read as 2.
    pub(super) fn refuses_newer_config(self) -> bool {
        match self {
            Release(0, ..) | Release(1, 0..=5, _) => false,
            Release(1, 6, patch) => patch >= 32,
            Release(1, 7, patch) => patch >= 17,
            _ => true,
        }
    }

    /// Whether a relative `imports` pattern with `*` is taken from the daemon's
    /// working directory instead of the importing file's folder, as it was
    /// before 1.6.29 and 1.7.16.
    pub(super) fn globs_from_working_directory(self) -> bool {
        match self {
            Release(0, ..) | Release(1, 0..=5, _) => true,
            Release(1, 6, patch) => patch < 29,
            Release(1, 7, patch) => patch < 16,
            _ => false,
        }
    }

    /// The pause image where nothing sets one (`internal/cri/config`,
    /// `pkg/cri/config` of the tags).
    pub(super) fn sandbox_image(self) -> Option<&'static str> {
        Some(match self {
            Release(1, 4, _) => "k8s.gcr.io/pause:3.2",
            Release(1, 5, 0..=13) => "k8s.gcr.io/pause:3.5",
            Release(1, 5, _) => "registry.k8s.io/pause:3.5",
            Release(1, 6, 0..=8) => "k8s.gcr.io/pause:3.6",
            Release(1, 6, _) => "registry.k8s.io/pause:3.6",
            Release(1, 7, _) => "registry.k8s.io/pause:3.8",
            Release(2, 0 | 1, _) => "registry.k8s.io/pause:3.10",
            Release(2, 2, _) => "registry.k8s.io/pause:3.10.1",
            Release(2, 3 | 4, _) => "registry.k8s.io/pause:3.10.2",
            _ => return None,
        })
    }

    /// Whether it implements the CRI call `RuntimeConfig`.
    pub(super) fn answers_runtime_config(self) -> bool {
        self >= Release(2, 0, 0)
    }

    /// Folders of `hosts.toml` where neither `config_path` nor mirrors are set.
    pub(super) fn default_registry_path(self) -> Option<&'static str> {
        (self >= Release(2, 2, 0)).then_some("/etc/containerd/certs.d:/etc/docker/certs.d")
    }
}

/// The representatives that may run with a main file of this version. A daemon
/// that does not know the version would not start with it (old patch releases
/// of 1.6 and 1.7, which did, are left out: nothing but newer containerd writes
/// such a file). A generated file has the newest version that its daemon knows.
pub(super) fn releases_for(config_version: Option<i64>, is_generated: bool) -> impl Iterator<Item = Release> {
    let version = config_version.unwrap_or(1);
    let is_newest = move |release: Release| is_generated && version == 2 && release.newest_config_version() > 2;
    REPRESENTATIVES
        .iter()
        .copied()
        .filter(move |release| version <= release.newest_config_version() && !is_newest(*release))
}
