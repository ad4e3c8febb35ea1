//! runc: every copy on the host, its version, and the one that the container
//! runtime starts.
//!
//! In: the usual folders, the build information inside of the binaries,
//! packages, and the runtime's handlers. Nothing is run. Out: the facts
//! `runc.*` and `libseccomp.*`. Truth: <https://github.com/opencontainers/runc>,
//! elf(5), ld.so(8).

mod declaration;
mod elf;
mod library;
mod search;
mod version;

use std::collections::BTreeMap;

use super::presence::{find_package, package_source};
use crate::fact::host::root::Outcome;
use crate::fact::host::{Collector, Host};
use crate::fact::version::Version;
use crate::fact::{Fact, Facts, Source};
use elf::{Elf, read_elf};
use library::Library;
use search::{Candidate, find_candidates, find_differing, find_in_use};

/// Packages that bring runc alone, so that their version is runc's.
/// `containerd.io` brings it too, under a version of its own.
const PACKAGES: &[&str] = &["runc", "runc-app", "runc-stable", "opencontainers-runc", "moby-runc"];

/// Reads every runc, and libseccomp.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "runc", facts: declaration::FACTS, needs: &["containerd", "runtime"], collect };

fn collect(host: &Host, earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    let library = library::read_library(host);
    let found = find_candidates(host, earlier);
    let in_use = find_in_use(host, earlier, &found.candidates);
    // With several runcs, only the handlers tell which of them is started.
    let doubt = match earlier.get("runtime.handlers") {
        Some(Fact::Unreadable { reason, .. }) if found.candidates.len() > 1 => Some(reason.as_str()),
        _ => None,
    };
    let mut runcs: Vec<(bool, Fact)> = found
        .candidates
        .iter()
        .map(|candidate| {
            let is_in_use = in_use.contains(&candidate.path);
            let source = Source::file(&candidate.path);
            let fact = doubt.map_or_else(
                || Fact::known(is_in_use, source.clone()),
                |reason| Fact::unreadable(source.clone(), reason),
            );
            (is_in_use, read_runc(host, candidate, fact, &library))
        })
        .collect();
    if runcs.is_empty()
        && let Outcome::Found(package) = find_package(host, PACKAGES)
    {
        // A tree may hold the database without the binaries.
        runcs.push((false, packaged_runc(&package.name, &package.version, &package_source(package))));
    }
    runcs.sort_by_key(|(is_in_use, _)| !is_in_use);
    let looked = Source::file("/usr/bin/runc");
    let (present, installed) = match (runcs.is_empty(), found.problem) {
        (false, _) => (
            Fact::known(true, looked.clone()),
            Fact::group(runcs.into_iter().map(|(_, runc)| runc).collect::<Vec<_>>()),
        ),
        (true, None) => (Fact::known(false, looked.clone()), Fact::known(Vec::new(), looked.clone())),
        (true, Some(reason)) => {
            (Fact::unreadable(looked.clone(), reason.clone()), Fact::unreadable(looked.clone(), reason))
        }
    };
    facts.set("runc.differing", find_differing(host, &found.candidates));
    facts.set(
        "runc.in_use",
        match (doubt, in_use.first()) {
            (Some(reason), _) => Fact::unreadable(looked.clone(), reason),
            (None, Some(path)) => Fact::known(path.as_str(), Source::file(path)),
            (None, None) => Fact::absent(looked.clone()),
        },
    );
    facts.set("runc.present", present);
    facts.set("runc.installed", installed);
    library.set_facts(&mut facts);
    facts
}

fn read_runc(host: &Host, candidate: &Candidate, is_in_use: Fact, library: &Library) -> Fact {
    let source = Source::file(&candidate.path);
    let read = match host.root.open_file(&candidate.path) {
        Outcome::Found(file) => read_elf(file).map_err(|error| format!("read {}: {error}", candidate.path)),
        Outcome::Absent => Err(format!("read {}: it is gone", candidate.path)),
        Outcome::Unreadable(reason) => Err(reason),
    };
    let told = read.as_ref().ok().filter(|elf| version::is_runc(elf)).and_then(version::parse_version);
    let (version, package, is_distribution_build) = version_of(host, candidate, told, read.as_ref().err());
    let (is_static, missing) = match &read {
        Ok(elf) => (Fact::known(elf.needed.is_empty(), source.clone()), missing_symbols(elf, library, &source)),
        Err(reason) => {
            (Fact::unreadable(source.clone(), reason.clone()), Fact::unreadable(source.clone(), reason.clone()))
        }
    };
    Fact::known(
        BTreeMap::from([
            ("path".to_owned(), Fact::known(candidate.path.as_str(), source.clone())),
            ("version".to_owned(), version),
            ("package".to_owned(), package),
            ("has_backports".to_owned(), has_backports(&is_distribution_build, &source)),
            ("is_distribution_build".to_owned(), is_distribution_build),
            ("is_in_use".to_owned(), is_in_use),
            ("is_in_path".to_owned(), Fact::known(candidate.is_in_path, source.clone())),
            ("is_static".to_owned(), is_static),
            ("missing_symbols".to_owned(), missing),
        ]),
        source,
    )
}

/// Version, package, and whether a distribution built it. What the binary says
/// of itself wins over the package: an overwritten file leaves the database
/// as it was.
fn version_of(
    host: &Host,
    candidate: &Candidate,
    told: Option<String>,
    problem: Option<&String>,
) -> (Fact, Fact, Fact) {
    let source = Source::file(&candidate.path);
    let package = if candidate.is_of_distribution { find_package(host, PACKAGES) } else { Outcome::Absent };
    match (told, package) {
        (Some(told), Outcome::Found(package)) if has_same_numbers(&told, &package.version) => {
            let source = package_source(package);
            (
                Fact::known(package.version.as_str(), source.clone()),
                Fact::known(package.name.as_str(), source.clone()),
                Fact::known(true, source),
            )
        }
        (Some(told), package) => {
            let is_own = match package {
                _ if told.contains("+ds") || told.contains("~ds") => Fact::known(true, source.clone()),
                // Without the database, a binary in the distribution's folder may be the distribution's.
                Outcome::Unreadable(reason) => Fact::unreadable(source.clone(), reason),
                _ => Fact::known(false, source.clone()),
            };
            (Fact::known(told, source.clone()), Fact::absent(source), is_own)
        }
        (None, Outcome::Found(package)) => {
            let source = package_source(package);
            (
                Fact::known(package.version.as_str(), source.clone()),
                Fact::known(package.name.as_str(), source.clone()),
                Fact::known(true, source),
            )
        }
        (None, _) => {
            let reason = problem
                .cloned()
                .unwrap_or_else(|| format!("read {}: the binary does not tell its version", candidate.path));
            (
                Fact::unreadable(source.clone(), reason.clone()),
                Fact::absent(source.clone()),
                Fact::unreadable(source, reason),
            )
        }
    }
}

fn has_backports(is_distribution_build: &Fact, source: &Source) -> Fact {
    match is_distribution_build.bool() {
        Some(false) => Fact::known(false, source.clone()),
        Some(true) => {
            Fact::unreadable(source.clone(), "judge runc by its number: the distribution mends it without raising that")
        }
        None => is_distribution_build.clone(),
    }
}

fn has_same_numbers(one: &str, other: &str) -> bool {
    match (Version::parse(one), Version::parse(other)) {
        (Some(one), Some(other)) => {
            (one.major(), one.minor(), one.patch()) == (other.major(), other.minor(), other.patch())
        }
        _ => false,
    }
}

/// A runc that only the package database tells of.
fn packaged_runc(name: &str, version: &str, source: &Source) -> Fact {
    let unknown = || Fact::unreadable(source.clone(), "read runc: the binary was not recorded");
    Fact::known(
        BTreeMap::from([
            ("path".to_owned(), unknown()),
            ("version".to_owned(), Fact::known(version, source.clone())),
            ("package".to_owned(), Fact::known(name, source.clone())),
            ("has_backports".to_owned(), has_backports(&Fact::known(true, source.clone()), source)),
            ("is_distribution_build".to_owned(), Fact::known(true, source.clone())),
            ("is_in_use".to_owned(), unknown()),
            ("is_in_path".to_owned(), Fact::known(true, source.clone())),
            ("is_static".to_owned(), unknown()),
            ("missing_symbols".to_owned(), unknown()),
        ]),
        source.clone(),
    )
}

/// What this runc asks of libseccomp and does not get.
fn missing_symbols(elf: &Elf, library: &Library, source: &Source) -> Fact {
    if !elf.needed.iter().any(|name| name.starts_with("libseccomp.so")) {
        return Fact::known(Vec::new(), source.clone());
    }
    let wanted = elf.undefined.iter().filter(|symbol| symbol.starts_with("seccomp_"));
    match library.missing(wanted) {
        Ok(symbols) => {
            let symbols = symbols.into_iter().map(|symbol| Fact::known(symbol, source.clone()));
            Fact::known(symbols.collect::<Vec<_>>(), source.clone())
        }
        Err(reason) => Fact::unreadable(source.clone(), reason),
    }
}

#[cfg(test)]
#[path = "runc_test.rs"]
mod tests;
