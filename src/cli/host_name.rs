//! The name that a host goes by in reports.
//!
//! The running machine's is the kernel's, gethostname(2). Of any other tree
//! it is the static one of hostname(5): its `/proc`, where it is mounted from a
//! pod, would answer with the name of the pod, so it comes second. A tree
//! that has neither goes by the name of its folder.

use std::path::Path;

use crate::fact::host::root::HostRoot;

const STATIC_NAME: &str = "/etc/hostname";
const KERNEL_NAME: &str = "/proc/sys/kernel/hostname";

/// Reads the name of the host under a root that was opened at `path`.
pub(crate) fn read(root: &HostRoot, path: &Path) -> String {
    let files = if root.is_live() { [KERNEL_NAME, STATIC_NAME] } else { [STATIC_NAME, KERNEL_NAME] };
    let stated = files.iter().find_map(|file| root.read_text(file).found().and_then(|text| parse_hostname(&text)));
    stated.unwrap_or_else(|| folder_name(path))
}

/// The first line that is neither empty nor a comment, hostname(5).
fn parse_hostname(text: &str) -> Option<String> {
    // HOST_NAME_MAX is 64; a domain name has at most 253 characters.
    let name = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    // What the kernel calls a machine that nobody has named.
    if name == "(none)" { None } else { Some(name.chars().take(253).collect()) }
}

fn folder_name(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    full.file_name().map_or_else(|| "unnamed".to_owned(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_empty_lines_are_not_the_name() {
        assert_eq!(parse_hostname("# set by cloud-init\n\n  cn-01  \n"), Some("cn-01".to_owned()));
        assert_eq!(parse_hostname("\n# nothing\n"), None);
        assert_eq!(parse_hostname("(none)\n"), None);
    }

    #[test]
    fn a_tree_without_a_name_goes_by_its_folder() {
        assert_eq!(folder_name(Path::new("/usr/lib/..")), "usr");
        assert_eq!(folder_name(Path::new("/")), "unnamed");
    }
}
