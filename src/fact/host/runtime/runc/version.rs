//! The version of a runc, from inside of its binary.
//!
//! runc's makefile links the version (until 1.1) and the commit (always, such
//! as `v1.1.12-0-g51d5e946`) into the program as strings that end with a zero
//! byte; from 1.2 the file `VERSION` is embedded, which ends with a line
//! feed. Go's build information names the module where Go itself stamped it.
//! Truth: runc's `Makefile` and `main.go`, Go's `cmd/link` (`-X`).

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::elf::Elf;

/// The module path of runc in Go's build information.
const MODULE: &str = "github.com/opencontainers/runc";

/// `git describe --long`: the last tag, commits since then, and the commit.
static COMMIT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?-u)\x00v?(\d{1,3}\.\d{1,3}\.\d{1,3}(?:-rc\.?\d{1,3})?)-\d{1,5}-g[0-9a-f]{7,40}(?:-dirty)?\x00").ok()
});

/// A version that was linked in with `-X main.version=`.
static LINKED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?-u)\x00v?(\d{1,3}\.\d{1,3}\.\d{1,3}(?:[-+~][0-9A-Za-z.+~-]{1,60})?)\x00").ok());

/// The embedded file `VERSION`.
static EMBEDDED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?-u)[^0-9.](1\.\d{1,3}\.\d{1,3}(?:-rc\.?\d{1,3})?(?:\+dev)?)\n").ok());

/// Whether the binary is runc, by Go's build information. A binary without
/// that information, as Go before 1.18 makes it, is not denied.
pub(super) fn is_runc(elf: &Elf) -> bool {
    let text = String::from_utf8_lossy(&elf.go_build_information);
    !text.contains("path\t") || text.lines().any(|line| is_runc_line(line))
}

fn is_runc_line(line: &str) -> bool {
    line.split_once("path\t")
        .is_some_and(|(_, path)| path.trim_end() == MODULE || path.starts_with(&format!("{MODULE}/")))
}

/// The version that the binary itself tells; none where it tells none, or
/// several that differ.
pub(super) fn parse_version(elf: &Elf) -> Option<String> {
    let data = &elf.read_only_data;
    one(&COMMIT, data).or_else(|| one(&LINKED, data)).or_else(|| one(&EMBEDDED, data)).or_else(|| module_version(elf))
}

/// The one thing that the pattern finds; the shortest, if the others only go
/// on where it ends (Debian links `1.1.5+ds1` and `1.1.5+ds1-1+deb12u1`).
fn one(pattern: &LazyLock<Option<Regex>>, data: &[u8]) -> Option<String> {
    let mut found: Vec<String> = LazyLock::force(pattern)
        .as_ref()?
        .captures_iter(data)
        .take(64)
        .filter_map(|captures| captures.get(1))
        .map(|version| String::from_utf8_lossy(version.as_bytes()).into_owned())
        .collect();
    found.sort_by_key(String::len);
    let shortest = found.first()?.clone();
    found.iter().all(|other| other.starts_with(&shortest)).then_some(shortest)
}

/// `mod\tgithub.com/opencontainers/runc\tv1.3.0\t…`, but not `(devel)`.
fn module_version(elf: &Elf) -> Option<String> {
    let text = String::from_utf8_lossy(&elf.go_build_information);
    let version = text.lines().find_map(|line| {
        let (_, module) = line.split_once("mod\t")?;
        let mut parts = module.split('\t');
        (parts.next() == Some(MODULE)).then(|| parts.next().map(str::to_owned)).flatten()
    })?;
    let version = version.strip_prefix('v')?;
    version.starts_with(|first: char| first.is_ascii_digit()).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tmp_real() {
        for path in std::env::var("RUNCS").unwrap().split(':') {
            let elf = super::super::elf::read_elf(std::fs::File::open(path).unwrap()).unwrap();
            println!(
                "{path} {:?} needed {:?} undef {} def {} is_runc {} notify {:?}",
                parse_version(&elf),
                elf.needed,
                elf.undefined.len(),
                elf.defined.len(),
                is_runc(&elf),
                elf.undefined.iter().filter(|s| s.starts_with("seccomp_notify")).collect::<Vec<_>>()
            );
        }
    }
}
