//! systemd units as systemd would load them: the unit file by precedence of
//! folders, its drop-ins, and environment files, systemd.unit(5).

mod command;
mod load;
mod syntax;

pub use command::{read_command, read_command_line};
pub use load::read_unit;

/// One setting of a unit file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Section, such as `Service`.
    pub section: String,
    /// Key, such as `ExecStart`.
    pub key: String,
    /// Value, continuation lines joined.
    pub value: String,
    /// File that it stands in.
    pub path: String,
    /// Line, counted from 1.
    pub line: u32,
}

/// A unit with its drop-ins merged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// Name, such as `kubelet.service`.
    pub name: String,
    /// The unit file that wins.
    pub path: String,
    /// Whether it is masked (a link to `/dev/null`).
    pub is_masked: bool,
    /// Whether a `.wants` or `.requires` folder links to it, so that it starts at boot.
    pub is_enabled: bool,
    /// Settings in order, those that an empty assignment reset removed.
    pub settings: Vec<Setting>,
}

impl Unit {
    /// The settings of one key, in order.
    pub fn all<'a>(&'a self, section: &'a str, key: &'a str) -> impl Iterator<Item = &'a Setting> {
        self.settings.iter().filter(move |setting| setting.section == section && setting.key == key)
    }

    /// The last setting of a key.
    pub fn last(&self, section: &str, key: &str) -> Option<&Setting> {
        self.settings.iter().rev().find(|setting| setting.section == section && setting.key == key)
    }
}
