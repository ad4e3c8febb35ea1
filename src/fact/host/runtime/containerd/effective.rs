//! The CRI plugin's settings as a release works with them: defaults under
//! what the merged files say.
//!
//! In: the merged configuration and the release. Out: [`Effective`], plain
//! values with their places. Truth: `pkg/cri/config` (1.x) and
//! `internal/cri/config` (2.x).

use std::collections::BTreeMap;

use super::merge::{Merged, Remark};
use super::migrate::{CRI, CRI_IMAGES, CRI_RUNTIME};
use super::property::Property;
use super::release::{Merging, Release};

/// Shims whose options hold `SystemdCgroup`.
pub(in crate::fact::host::runtime) const RUNC_SHIMS: &[&str] = &["io.containerd.runc.v2", "io.containerd.runc.v1"];

/// The shim of a release whose tables do not name one.
pub(super) const RUNC_V2: &str = "io.containerd.runc.v2";

/// A runtime handler.
#[derive(Clone, Debug)]
pub(super) struct Handler {
    /// Its name.
    pub(super) name: String,
    /// Its table; none where the built-in default holds.
    pub(super) table: Option<Property>,
    /// Shim type; empty where a 1.x table leaves it out.
    pub(super) shim: String,
}

/// A cgroup driver and the property that says so; none is the default.
#[derive(Clone, Debug)]
pub(super) struct Driver {
    /// Whether systemd makes the cgroups.
    pub(super) is_systemd: bool,
    /// `SystemdCgroup`, where it is set.
    pub(super) place: Option<Property>,
}

/// The effective settings of the CRI plugin.
#[derive(Clone, Debug, Default)]
pub(super) struct Effective {
    /// Section with handlers and CNI.
    pub(super) runtime: Option<Property>,
    /// Section with registries, snapshotter and pause image.
    pub(super) images: Option<Property>,
    /// `default_runtime_name`, and where it is set.
    pub(super) default_handler: (String, Option<Property>),
    /// Handlers by name.
    pub(super) handlers: BTreeMap<String, Handler>,
    /// Elements of `disabled_plugins` that turn CRI off.
    pub(super) disabled_by: Vec<Property>,
}

/// Resolves the merged configuration.
pub(super) fn resolve(merged: &Merged, release: Release) -> Effective {
    let is_old = release.merging() == Merging::ReplaceSections;
    let (runtime, images) = if is_old {
        let section = merged.plugins.get(if merged.version == 1 { "cri" } else { CRI });
        (section.cloned(), section.cloned())
    } else {
        (merged.plugins.get(CRI_RUNTIME).cloned(), merged.plugins.get(CRI_IMAGES).cloned())
    };
    let name = runtime.as_ref().and_then(|section| section.at(&["containerd", "default_runtime_name"]));
    let default_handler = name.map_or_else(
        || ("runc".to_owned(), None),
        |property| (property.text().unwrap_or_default().to_owned(), Some(property.clone())),
    );
    let mut effective = Effective { runtime, images, default_handler, ..Effective::default() };
    read_handlers(&mut effective, is_old);
    if is_old {
        take_default_runtime(&mut effective);
    }
    effective.disabled_by = merged
        .disabled
        .iter()
        .filter(|(name, _)| {
            if is_old {
                name == if merged.version == 1 { "cri" } else { CRI }
            } else {
                [CRI, CRI_RUNTIME, CRI_IMAGES].contains(&name.as_str())
            }
        })
        .map(|(_, place)| place.clone())
        .collect();
    effective
}

/// In 1.x a `runtimes` table takes the place of all built-in handlers and of
/// all their properties; in 2.x it lies over them.
fn read_handlers(effective: &mut Effective, is_old: bool) {
    let tables = effective.runtime.as_ref().and_then(|section| section.at(&["containerd", "runtimes"]));
    let tables = tables.and_then(Property::members).cloned();
    if !is_old || tables.is_none() {
        let runc = Handler { name: "runc".to_owned(), table: None, shim: RUNC_V2.to_owned() };
        effective.handlers.insert(runc.name.clone(), runc);
    }
    for (name, table) in tables.into_iter().flatten() {
        let inherited = effective.handlers.get(&name).map(|handler| handler.shim.clone()).unwrap_or_default();
        let shim = table.get("runtime_type").and_then(Property::text).map_or(inherited, ToOwned::to_owned);
        effective.handlers.insert(name.clone(), Handler { name, table: Some(table), shim });
    }
}

/// The deprecated `default_runtime` table of 1.x becomes the handler `default`.
fn take_default_runtime(effective: &mut Effective) {
    let table = effective.runtime.as_ref().and_then(|section| section.at(&["containerd", "default_runtime"]));
    let Some(table) = table.cloned() else { return };
    let Some(kind) = table.get("runtime_type").filter(|kind| kind.filled_text().is_some()) else { return };
    let shim = kind.text().unwrap_or_default().to_owned();
    effective.default_handler = ("default".to_owned(), Some(table.clone()));
    let handler = Handler { name: "default".to_owned(), table: Some(table), shim };
    effective.handlers.insert(handler.name.clone(), handler);
}

impl Handler {
    /// A property of its table.
    pub(super) fn get(&self, name: &str) -> Option<&Property> {
        self.table.as_ref()?.get(name)
    }

    /// A property of its options.
    pub(super) fn option(&self, name: &str) -> Option<&Property> {
        self.table.as_ref()?.at(&["options", name])
    }

    /// Its cgroup driver; none where the shim does not take the setting, or
    /// where it is no boolean, so that no pod starts with it. A table of 1.x
    /// that forgot its shim means runc's, which is what the driver is for.
    pub(super) fn driver(&self) -> Option<Driver> {
        if !self.shim.is_empty() && !RUNC_SHIMS.contains(&self.shim.as_str()) {
            return None;
        }
        match self.option("SystemdCgroup") {
            None => Some(Driver { is_systemd: false, place: None }),
            Some(place) => place.bool().map(|is_systemd| Driver { is_systemd, place: Some(place.clone()) }),
        }
    }
}

impl Effective {
    /// The default handler, if it is configured.
    pub(super) fn default_runtime(&self) -> Option<&Handler> {
        self.handlers.get(&self.default_handler.0)
    }

    /// Handlers, the default first, then by name.
    pub(super) fn ordered_handlers(&self) -> impl Iterator<Item = &Handler> {
        let default = self.default_handler.0.as_str();
        self.default_runtime().into_iter().chain(self.handlers.values().filter(move |handler| handler.name != default))
    }

    /// The handler whose driver `RuntimeConfig` answers: of runc's shim and with
    /// an options table, which the built-in runc has. None: `sd_booted` decides.
    pub(super) fn reported(&self) -> Option<(&Handler, Driver)> {
        self.ordered_handlers().find_map(|handler| {
            let has_options = handler.name == "runc" || handler.get("options").is_some();
            if handler.shim != RUNC_V2 || !has_options {
                return None;
            }
            handler.driver().map(|driver| (handler, driver))
        })
    }

    /// What passes over settings inside of handlers: options one level too
    /// high, and a truth that is written as text.
    pub(super) fn find_misplaced(&self) -> Vec<Remark> {
        let mut remarks = Vec::new();
        for handler in self.handlers.values() {
            for name in ["SystemdCgroup", "BinaryName"] {
                if let Some(place) = handler.get(name) {
                    remarks.push(Remark {
                        property: format!("containerd.runtimes.{}.{name}", handler.name),
                        problem: format!("belongs to containerd.runtimes.{}.options", handler.name),
                        place: place.clone(),
                    });
                }
            }
            if let Some(place) = handler.option("SystemdCgroup").filter(|place| place.bool().is_none()) {
                remarks.push(Remark {
                    property: format!("containerd.runtimes.{}.options.SystemdCgroup", handler.name),
                    problem: "is not a boolean, so no pod starts with this handler".to_owned(),
                    place: place.clone(),
                });
            }
        }
        remarks
    }
}
