//! What `stat(2)` says of a path, in this program's words.

use rustix::fs::{FileType, Stat};

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

impl Metadata {
    /// The kernel's answer in our words.
    pub(super) fn of(stat: &Stat) -> Self {
        Metadata {
            kind: FileKind::of(FileType::from_raw_mode(stat.st_mode)),
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size_bytes: u64::try_from(stat.st_size).unwrap_or(0),
            modified_unix_s: stat.st_mtime,
            inode: stat.st_ino,
            device: stat.st_dev,
        }
    }
}

impl FileKind {
    fn of(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => FileKind::File,
            FileType::Directory => FileKind::Folder,
            FileType::Symlink => FileKind::Link,
            FileType::Socket => FileKind::Socket,
            FileType::Fifo => FileKind::Fifo,
            _ => FileKind::Device,
        }
    }

    /// It as a noun, to say what stands where a file was expected.
    pub(super) fn noun(self) -> &'static str {
        match self {
            FileKind::File => "a file",
            FileKind::Folder => "a folder",
            FileKind::Link => "a symbolic link",
            FileKind::Socket => "a socket",
            FileKind::Fifo => "a FIFO",
            FileKind::Device => "a device",
        }
    }
}
