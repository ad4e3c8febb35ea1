//! The installed libseccomp: where the loader finds it, its version, and the
//! symbols that it offers.
//!
//! In: the folders of ld.so(8), `/etc/ld.so.conf`, packages. Out: a
//! [`Library`]. `seccomp_notify_*` came with libseccomp 2.5.0 and
//! `seccomp_api_get` with 2.4.0, by its CHANGELOG; `CentOS` 7 has 2.3.1.

use std::collections::BTreeSet;

use super::elf::read_elf;
use crate::fact::host::Host;
use crate::fact::host::root::Outcome;
use crate::fact::host::runtime::presence::{find_package, package_source};
use crate::fact::version::Version;
use crate::fact::{Fact, Facts, Source};

/// The name that programs ask for.
const NAME: &str = "libseccomp.so.2";

/// Where the loader looks after `/etc/ld.so.conf`; 64 bits first.
const FOLDERS: &[&str] = &[
    "/lib64",
    "/usr/lib64",
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib",
    "/usr/lib",
];

/// Symbols that are younger than the library, and the version that has them.
const SINCE: &[(&str, &str)] = &[("seccomp_notify_", "2.5.0"), ("seccomp_api_", "2.4.0")];

/// The installed libseccomp.
#[derive(Debug, Default)]
pub(super) struct Library {
    path: Option<String>,
    version: Option<(String, Source)>,
    symbols: Option<BTreeSet<String>>,
    problem: Option<String>,
}

/// Finds and reads libseccomp.
pub(super) fn read_library(host: &Host) -> Library {
    let mut library = Library::default();
    if let Outcome::Found(package) = find_package(host, &["libseccomp2", "libseccomp"]) {
        library.version = Some((package.version.clone(), package_source(package)));
    }
    let configured = configured_folders(host);
    let folders = configured.iter().map(String::as_str).chain(FOLDERS.iter().copied());
    let Some(path) = folders
        .map(|folder| format!("{folder}/{NAME}"))
        .find_map(|path| host.root.resolve(&path).found().filter(|path| host.root.metadata(path).is_found()))
    else {
        return library;
    };
    match host.root.open_file(&path) {
        Outcome::Found(file) => match read_elf(file) {
            Ok(elf) => library.symbols = Some(elf.defined),
            Err(error) => library.problem = Some(format!("read {path}: {error}")),
        },
        Outcome::Absent => {}
        Outcome::Unreadable(reason) => library.problem = Some(reason),
    }
    if let Some(version) = path.rsplit_once(".so.").map(|(_, version)| version).filter(|version| version.contains('.'))
    {
        library.version = Some((version.to_owned(), Source::file(&path)));
    }
    library.path = Some(path);
    library
}

/// Folders of `/etc/ld.so.conf` and `/etc/ld.so.conf.d/*.conf`, ldconfig(8).
fn configured_folders(host: &Host) -> Vec<String> {
    let mut paths = vec!["/etc/ld.so.conf".to_owned()];
    if let Outcome::Found(names) = host.root.read_folder("/etc/ld.so.conf.d") {
        paths.extend(
            names
                .iter()
                .filter(|name| name.rsplit_once('.').is_some_and(|(_, kind)| kind == "conf"))
                .map(|name| format!("/etc/ld.so.conf.d/{name}")),
        );
    }
    paths.iter().filter_map(|path| host.root.read_text(path).found()).flat_map(|text| parse_folders(&text)).collect()
}

fn parse_folders(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| line.starts_with('/')).map(|line| line.trim_end_matches('/').to_owned()).take(256).collect()
}

impl Library {
    /// Those of the wanted symbols that it does not offer.
    ///
    /// # Errors
    /// When neither the library nor its package could be read.
    pub(super) fn missing<'a>(&self, wanted: impl Iterator<Item = &'a String>) -> Result<Vec<String>, String> {
        if let Some(symbols) = &self.symbols {
            return Ok(wanted.filter(|symbol| !symbols.contains(*symbol)).cloned().collect());
        }
        let Some(version) = self.version.as_ref().and_then(|(version, _)| Version::parse(version)) else {
            return Err(self
                .problem
                .clone()
                .unwrap_or_else(|| format!("find {NAME}: it is in no folder of the loader")));
        };
        let is_younger = |symbol: &str| {
            SINCE.iter().any(|(prefix, since)| {
                symbol.starts_with(prefix) && Version::parse(since).is_some_and(|since| version < since)
            })
        };
        Ok(wanted.filter(|symbol| is_younger(symbol)).cloned().collect())
    }

    /// Puts its facts.
    pub(super) fn set_facts(&self, facts: &mut Facts) {
        let looked = Source::file(format!("/usr/lib64/{NAME}"));
        let path = self.path.as_ref();
        facts.set(
            "libseccomp.path",
            path.map_or_else(|| Fact::absent(looked.clone()), |path| Fact::known(path.as_str(), Source::file(path))),
        );
        let version = match (&self.version, &self.problem) {
            (Some((version, source)), _) => Fact::known(version.as_str(), source.clone()),
            (None, Some(reason)) => Fact::unreadable(looked, reason.clone()),
            (None, None) => Fact::absent(looked),
        };
        facts.set("libseccomp.version", version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Vec<String> {
        ["seccomp_init", "seccomp_notify_respond"].map(str::to_owned).to_vec()
    }

    fn packaged(version: &str) -> Library {
        Library { version: Some((version.to_owned(), Source::file("/var/lib/rpm/Packages"))), ..Library::default() }
    }

    #[test]
    fn the_symbols_of_the_library_decide() {
        let symbols = Some(BTreeSet::from(["seccomp_init".to_owned()]));
        let library = Library { symbols, ..packaged("2.5.4") };
        assert_eq!(library.missing(wanted().iter()), Ok(vec!["seccomp_notify_respond".to_owned()]));
    }

    #[test]
    fn centos_7s_package_lacks_the_notify_symbols() {
        assert_eq!(packaged("2.3.1-4.el7").missing(wanted().iter()).unwrap(), ["seccomp_notify_respond"]);
        assert_eq!(packaged("2.5.4-1+deb12u1").missing(wanted().iter()).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn without_library_and_package_nothing_is_said() {
        assert!(Library::default().missing(wanted().iter()).is_err());
    }

    #[test]
    fn folders_of_the_loaders_configuration_are_read() {
        assert_eq!(
            parse_folders("include ld.so.conf.d/*.conf\n/usr/local/lib # own\n\n/opt/lib/\n"),
            ["/usr/local/lib", "/opt/lib"]
        );
    }
}
