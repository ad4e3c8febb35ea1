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

// The patterns begin with bytes that are searched for many at a time: a first
// number of any digits would make each of millions of zero bytes a candidate.

/// `git describe --long`: the last tag, commits since then, and the commit.
static COMMIT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?-u)\x00v?([0-2]\.\d{1,3}\.\d{1,3}(?:-rc\.?\d{1,3})?)-\d{1,5}-g[0-9a-f]{7,40}(?:-dirty)?\x00").ok()
});

/// A version that was linked in with `-X main.version=`.
static LINKED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?-u)\x00v?([0-2]\.\d{1,3}\.\d{1,3}(?:[-+~][0-9A-Za-z.+~-]{1,60})?)\x00").ok());

/// The embedded file `VERSION`.
static EMBEDDED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?-u)[^0-9.](1\.\d{1,3}\.\d{1,3}(?:-rc\.?\d{1,3})?(?:\+dev)?)\n").ok());

/// Whether the binary is runc, by Go's build information. A binary without
/// that information, as Go before 1.18 makes it, is not denied.
pub(super) fn is_runc(elf: &Elf) -> bool {
    let text = String::from_utf8_lossy(&elf.go_build_information);
    !text.contains("path\t") || text.lines().any(is_runc_line)
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

    /// Debian 12's runc 1.1.5, as its build information reads.
    const DEBIAN: &[u8] =
        b"\xff Go buildinf:\x08\x02\x08go1.19.8\xdc\x01path\tgithub.com/opencontainers/runc\nbuild\t-compiler=gc\n";

    fn elf(read_only_data: &[u8], go_build_information: &[u8]) -> Elf {
        Elf {
            read_only_data: read_only_data.to_vec(),
            go_build_information: go_build_information.to_vec(),
            ..Elf::default()
        }
    }

    #[test]
    fn debians_two_linked_strings_are_one_version() {
        let data = b"\0\0go1.19.8\0\0\x001.1.5+ds1\0\0\0oo large\0\x001.1.5+ds1-1+deb12u1\0\0";
        assert_eq!(parse_version(&elf(data, DEBIAN)).as_deref(), Some("1.1.5+ds1"));
        assert!(is_runc(&elf(data, DEBIAN)));
    }

    #[test]
    fn the_commit_of_a_release_tells_its_version() {
        let data = b"1.0.2-dev 1.2.0 seccomp\0v1.1.12-0-g51d5e946\0";
        assert_eq!(parse_version(&elf(data, DEBIAN)).as_deref(), Some("1.1.12"));
        let candidate = b"\0v1.1.0-rc.1-0-g55df1fc4\0";
        assert_eq!(parse_version(&elf(candidate, DEBIAN)).as_deref(), Some("1.1.0-rc.1"));
    }

    #[test]
    fn the_embedded_version_file_ends_with_a_line_feed() {
        let data = b"12.5Mi, i = , not 1.2.8\nASCII";
        assert_eq!(parse_version(&elf(data, DEBIAN)).as_deref(), Some("1.2.8"));
    }

    #[test]
    fn two_versions_that_differ_are_none() {
        assert_eq!(parse_version(&elf(b"\x001.1.5\0\x002.36.1\0", DEBIAN)), None);
        assert_eq!(parse_version(&elf(b"", b"")), None);
    }

    #[test]
    fn go_stamps_the_version_of_an_installed_module() {
        let stamped = b"path\tgithub.com/opencontainers/runc\nmod\tgithub.com/opencontainers/runc\tv1.3.0\th1:x=\n";
        assert_eq!(parse_version(&elf(b"", stamped)).as_deref(), Some("1.3.0"));
        let devel = b"path\tgithub.com/opencontainers/runc\nmod\tgithub.com/opencontainers/runc\t(devel)\n";
        assert_eq!(parse_version(&elf(b"", devel)), None);
    }

    #[test]
    fn another_go_program_named_runc_is_not_runc() {
        let other = b"path\tgithub.com/NVIDIA/nvidia-container-toolkit/cmd/nvidia-container-runtime\n";
        assert!(!is_runc(&elf(b"", other)));
    }
}
