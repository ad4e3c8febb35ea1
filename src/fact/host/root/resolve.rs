//! Opening beneath a folder as if it were `/`.
//!
//! `openat2(2)` with `RESOLVE_IN_ROOT` does it in the kernel (Linux 5.6).
//! Older kernels and some seccomp filters refuse it; there a walk opens one
//! component after the other, never following a link itself.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, openat, openat2, readlinkat};
use rustix::io::Errno;

use super::name;

/// As many links as the kernel itself follows, `path_resolution(7)`.
const MAX_LINKS: usize = 40;

/// The kernel's longest path, `PATH_MAX`.
const MAX_PATH_BYTES: usize = 4096;

/// How paths are resolved; chosen once for a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By the kernel.
    Kernel,
    /// Component by component.
    Walk,
}

impl Way {
    /// The way that works here for this folder.
    pub(super) fn choose(folder: &OwnedFd) -> Self {
        match open_by_kernel(folder, b".", OFlags::PATH) {
            Ok(_) => Way::Kernel,
            Err(_) => Way::Walk,
        }
    }

    /// Opens a path beneath the folder; `OFlags::NOFOLLOW` leaves a link at
    /// its end alone.
    pub(super) fn open(self, folder: &OwnedFd, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        match self {
            Way::Kernel => open_by_kernel(folder, path, flags),
            Way::Walk => walk(folder, path, flags).map(|(opened, _)| opened),
        }
    }
}

fn open_by_kernel(folder: &OwnedFd, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    // The kernel answers EAGAIN when something is renamed while `..` is resolved.
    for _ in 0..8 {
        match openat2(folder, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => return other,
        }
    }
    Err(Errno::AGAIN)
}

/// Opens a path component by component, and gives the names that lead to it
/// without any link.
pub(super) fn walk(folder: &OwnedFd, path: &[u8], flags: OFlags) -> Result<(OwnedFd, Vec<Vec<u8>>), Errno> {
    let step = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut waiting: Vec<Vec<u8>> = components(path).rev().collect();
    let mut must_be_folder = asks_for_folder(path);
    let mut folders: Vec<(OwnedFd, Vec<u8>)> = Vec::new();
    let mut links = 0;
    while let Some(component) = waiting.pop() {
        if component == b".." {
            if let Some((left, _)) = folders.pop()
                && kind(&left)? != FileType::Directory
            {
                return Err(Errno::NOTDIR);
            }
            continue;
        }
        let parent = folders.last().map_or(folder, |(opened, _)| opened);
        let opened = openat(parent, component.as_slice(), step, Mode::empty())?;
        let is_last = waiting.is_empty();
        if kind(&opened)? == FileType::Symlink && !(is_last && flags.contains(OFlags::NOFOLLOW) && !must_be_folder) {
            links += 1;
            if links > MAX_LINKS {
                return Err(Errno::LOOP);
            }
            let target = readlinkat(opened.as_fd(), c"", Vec::new())?.into_bytes();
            if target.len() + waiting.iter().map(Vec::len).sum::<usize>() > MAX_PATH_BYTES {
                return Err(Errno::NAMETOOLONG);
            }
            if target.first() == Some(&b'/') {
                folders.clear();
            }
            must_be_folder |= is_last && asks_for_folder(&target);
            waiting.extend(components(&target).rev());
            continue;
        }
        folders.push((opened, component));
    }
    let names: Vec<Vec<u8>> = folders.iter().map(|(_, name)| name.clone()).collect();
    let flags = if must_be_folder { flags | OFlags::DIRECTORY } else { flags };
    let opened = match folders.pop() {
        None => openat(folder, c".", flags | OFlags::CLOEXEC, Mode::empty())?,
        Some((opened, _)) if flags.contains(OFlags::PATH) && !must_be_folder => opened,
        Some((_, name)) => {
            let parent = folders.last().map_or(folder, |(opened, _)| opened);
            openat(parent, name.as_slice(), flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?
        }
    };
    Ok((opened, names))
}

/// Resolved names as a path from the root.
pub(super) fn path_of(names: &[Vec<u8>]) -> String {
    if names.is_empty() {
        return "/".to_owned();
    }
    names.iter().fold(String::new(), |path, part| path + "/" + &name::to_text(part))
}

fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = Vec<u8>> + '_ {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".").map(<[u8]>::to_vec)
}

/// Whether a path ends so that only a folder may lie there.
fn asks_for_folder(path: &[u8]) -> bool {
    path.ends_with(b"/") || path.ends_with(b"/.")
}

fn kind(opened: &OwnedFd) -> Result<FileType, Errno> {
    Ok(FileType::from_raw_mode(rustix::fs::fstat(opened)?.st_mode))
}
