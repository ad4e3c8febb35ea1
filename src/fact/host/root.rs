//! [`HostRoot`], the only door to the host's files.
//!
//! Every path is resolved beneath the root, symbolic links (absolute ones
//! too) as if the root were `/`, so that a mounted host, a recorded tree and
//! the machine itself are read by the same code and no link leads out.
//! `openat2(2)` with `RESOLVE_IN_ROOT` does it, and a checked walk where the
//! kernel lacks it. Devices, FIFOs and sockets are refused without blocking,
//! and sizes are capped.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The largest file that is read, in bytes; larger ones are unreadable.
pub const MAX_FILE_BYTES: u64 = 16 << 20;

/// The most names that are listed of one folder.
pub const MAX_FOLDER_NAMES: usize = 65_536;

/// The outcome of a look at the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// It is there and was read.
    Found(T),
    /// It is not there: the path, or a folder on the way, does not exist.
    Absent,
    /// It is there or may be, but could not be read. The reason completes
    /// "failed to …": `read /etc/shadow: permission denied`.
    Unreadable(String),
}

impl<T> Outcome<T> {
    /// What was found, if it was.
    pub fn found(self) -> Option<T> {
        match self {
            Outcome::Found(found) => Some(found),
            _ => None,
        }
    }

    /// The outcome with what was found borrowed.
    pub fn as_ref(&self) -> Outcome<&T> {
        match self {
            Outcome::Found(found) => Outcome::Found(found),
            Outcome::Absent => Outcome::Absent,
            Outcome::Unreadable(reason) => Outcome::Unreadable(reason.clone()),
        }
    }

    /// The outcome with what was found turned into something else.
    pub fn map<U>(self, turn: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Outcome::Found(found) => Outcome::Found(turn(found)),
            Outcome::Absent => Outcome::Absent,
            Outcome::Unreadable(reason) => Outcome::Unreadable(reason),
        }
    }

    /// Whether it is there and was read.
    pub fn is_found(&self) -> bool {
        matches!(self, Outcome::Found(_))
    }
}

/// What kind of thing lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link (only where links are not followed).
    Link,
    /// A Unix socket.
    Socket,
    /// A FIFO.
    Fifo,
    /// A block or character device.
    Device,
}

/// What `stat(2)` says of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: FileKind,
    /// Permission bits, such as `0o644`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Last modification, in seconds since 1970.
    pub modified_unix_s: i64,
    /// Inode number.
    pub inode: u64,
    /// Device number that it lies on.
    pub device: u64,
}

/// The files of one host, beneath one folder.
pub struct HostRoot {
    folder: OwnedFd,
    path: PathBuf,
    is_live: bool,
    read: Mutex<HashMap<String, Outcome<Arc<[u8]>>>>,
}

impl HostRoot {
    /// Opens the folder that stands for `/`.
    ///
    /// # Errors
    /// When the folder does not exist, is not a folder, or may not be opened.
    pub fn open(_path: &Path) -> std::io::Result<Self> {
        todo!()
    }

    /// Whether this is the running machine itself (`/`), so that its sockets
    /// and its kernel may be asked. A recorded tree never may.
    pub fn is_live(&self) -> bool {
        self.is_live
    }

    /// The bytes of a regular file, links followed beneath the root; each file
    /// is read once and shared.
    pub fn read(&self, _path: &str) -> Outcome<Arc<[u8]>> {
        todo!()
    }

    /// The text of a regular file; bytes that are not UTF-8 become U+FFFD and
    /// a byte-order mark is dropped.
    pub fn read_text(&self, _path: &str) -> Outcome<String> {
        todo!()
    }

    /// The names in a folder, sorted by bytes; names that are not UTF-8 are
    /// kept readable by the escape that [`HostRoot::read`] understands.
    pub fn read_folder(&self, _path: &str) -> Outcome<Vec<String>> {
        todo!()
    }

    /// Where a symbolic link points, as it is written in the link.
    pub fn read_link(&self, _path: &str) -> Outcome<String> {
        todo!()
    }

    /// `stat(2)`, links followed beneath the root.
    pub fn metadata(&self, _path: &str) -> Outcome<Metadata> {
        todo!()
    }

    /// `lstat(2)`: of a link itself.
    pub fn link_metadata(&self, _path: &str) -> Outcome<Metadata> {
        todo!()
    }

    /// The path with every link resolved beneath the root, as the host names it.
    pub fn resolve(&self, _path: &str) -> Outcome<String> {
        todo!()
    }

    /// The names in a folder and all folders beneath it, as paths, sorted by
    /// bytes, links to folders not followed, at most `depth` levels deep.
    pub fn walk(&self, _path: &str, _depth: usize) -> Outcome<Vec<String>> {
        todo!()
    }

    /// The magic number of the file system at a path, by `statfs(2)`; only of
    /// the running machine, otherwise absent.
    pub fn file_system_magic(&self, _path: &str) -> Outcome<i64> {
        todo!()
    }

    /// The place to connect a Unix socket at, as a path of this process; only
    /// of the running machine, otherwise unreadable.
    pub fn socket_path(&self, _path: &str) -> Outcome<PathBuf> {
        todo!()
    }
}
