//! [`HostRoot`], the only door to the host's files.
//!
//! Every path is resolved beneath the root, symbolic links (absolute ones
//! too) as if the root were `/`, so that a mounted host, a recorded tree and
//! the machine itself are read by the same code and no link leads out.
//! `openat2(2)` with `RESOLVE_IN_ROOT` does it, and a checked walk where the
//! kernel lacks it. Devices, FIFOs and sockets are refused without blocking,
//! and sizes are capped.

mod content;
mod kernel_file;
mod metadata;
mod name;
mod outcome;
mod resolve;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

pub use metadata::{FileKind, Metadata};
pub use outcome::Outcome;
use resolve::Way;

/// The largest file that is read, in bytes; larger ones are unreadable.
pub const MAX_FILE_BYTES: u64 = 16 << 20;

/// The most names that are listed of one folder.
pub const MAX_FOLDER_NAMES: usize = 65_536;

/// The most bytes that are kept of all files; beyond it files are read anew.
const MAX_KEPT_BYTES: usize = 16 << 20;

/// A file that is read once; whoever asks meanwhile waits for it.
type KeptFile = Arc<OnceLock<Outcome<Arc<[u8]>>>>;

/// A folder that is listed once.
type KeptFolder = Arc<OnceLock<Outcome<Arc<[String]>>>>;

/// The files of one host, beneath one folder.
pub struct HostRoot {
    folder: OwnedFd,
    path: PathBuf,
    way: Way,
    is_live: bool,
    has_kernel_files: OnceLock<bool>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    files: HashMap<String, KeptFile>,
    folders: HashMap<String, KeptFolder>,
    bytes: usize,
}

impl HostRoot {
    /// Opens the folder that stands for `/`.
    ///
    /// # Errors
    /// When the folder does not exist, is not a folder, or may not be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(&path, flags, Mode::empty())?;
        // A folder that may not be searched would look like an empty host.
        rustix::fs::accessat(&folder, c".", rustix::fs::Access::EXEC_OK, rustix::fs::AtFlags::EACCESS)?;
        Ok(HostRoot {
            way: Way::choose(&folder),
            folder,
            is_live: path == Path::new("/"),
            path,
            has_kernel_files: OnceLock::new(),
            kept: Mutex::default(),
        })
    }

    /// Whether this is the running machine itself (`/`), so that its sockets
    /// and its kernel may be asked. A recorded tree never may.
    pub fn is_live(&self) -> bool {
        self.is_live
    }

    /// The bytes of a regular file, links followed beneath the root; each file
    /// is read once and shared.
    pub fn read(&self, path: &str) -> Outcome<Arc<[u8]>> {
        let file = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(kept.files.entry(path.to_owned()).or_default())
        };
        let mut is_first = false;
        let outcome = file
            .get_or_init(|| {
                is_first = true;
                self.read_anew(path, MAX_FILE_BYTES).map(Arc::from)
            })
            .clone();
        if is_first {
            self.account(path, &outcome);
        }
        outcome
    }

    /// The text of a regular file; bytes that are not UTF-8 become U+FFFD and
    /// a byte-order mark is dropped.
    pub fn read_text(&self, path: &str) -> Outcome<String> {
        self.read(path).map(|bytes| content::to_text(&bytes))
    }

    /// A regular file opened for reading, for databases that are read in
    /// parts; its size is not bounded and nothing of it is kept.
    pub fn open_file(&self, path: &str) -> Outcome<File> {
        outcome_of(path, self.open_regular(path).map(|(file, _)| file))
    }

    /// The names in a folder, sorted by bytes; names that are not UTF-8 are
    /// kept readable by the escape that [`HostRoot::read`] understands.
    pub fn read_folder(&self, path: &str) -> Outcome<Vec<String>> {
        let names = self
            .open_at(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK)
            .map_err(Refusal::from)
            .and_then(content::names_in);
        outcome_of(path, names)
    }

    /// Where a symbolic link points, as it is written in the link.
    pub fn read_link(&self, path: &str) -> Outcome<String> {
        let target = self
            .open_at(path, OFlags::PATH | OFlags::NOFOLLOW)
            .and_then(|link| rustix::fs::readlinkat(&link, c"", Vec::new()));
        match target {
            Ok(target) => Outcome::Found(name::to_text(target.as_bytes())),
            // What is not a link has no target, readlinkat(2).
            Err(Errno::INVAL | Errno::NOENT) => self.link_metadata(path).and_then(|metadata| match metadata.kind {
                FileKind::Link => Outcome::Absent,
                other => Outcome::Unreadable(format!("read {path}: {}, not a symbolic link", other.noun())),
            }),
            Err(errno) => outcome_of(path, Err(errno.into())),
        }
    }

    /// `stat(2)`, links followed beneath the root.
    pub fn metadata(&self, path: &str) -> Outcome<Metadata> {
        self.stat(path, OFlags::PATH)
    }

    /// `lstat(2)`: of a link itself.
    pub fn link_metadata(&self, path: &str) -> Outcome<Metadata> {
        self.stat(path, OFlags::PATH | OFlags::NOFOLLOW)
    }

    /// The path with every link resolved beneath the root, as the host names it.
    pub fn resolve(&self, path: &str) -> Outcome<String> {
        let resolved = resolve::walk(&self.folder, &name::to_bytes(path), OFlags::PATH);
        outcome_of(path, resolved.map(|(_, names)| resolve::path_of(&names)).map_err(Refusal::from))
    }

    /// The names in a folder and all folders beneath it, as paths, sorted by
    /// bytes, links to folders not followed, at most `depth` levels deep.
    pub fn walk(&self, path: &str, depth: usize) -> Outcome<Vec<String>> {
        let mut found = Vec::new();
        let mut open = vec![(path.trim_end_matches('/').to_owned(), 1)];
        while let Some((folder, level)) = open.pop() {
            let names = match self.read_folder(&folder) {
                Outcome::Found(names) => names,
                // A folder that vanished meanwhile; the first must be there.
                Outcome::Absent if level > 1 => continue,
                other => return other,
            };
            for name in names {
                let inner = format!("{folder}/{name}");
                if found.len() >= MAX_FOLDER_NAMES {
                    return Outcome::Unreadable(format!("read {path}: more than {MAX_FOLDER_NAMES} names"));
                }
                if level < depth && self.link_metadata(&inner).found().is_some_and(|m| m.kind == FileKind::Folder) {
                    open.push((inner.clone(), level + 1));
                }
                found.push(inner);
            }
        }
        found.sort_unstable();
        Outcome::Found(found)
    }

    /// The magic number of the file system at a path, by `statfs(2)`; only of
    /// the running machine, otherwise absent.
    pub fn file_system_magic(&self, path: &str) -> Outcome<i64> {
        if self.is_live { self.magic(path) } else { Outcome::Absent }
    }

    /// The place to connect a Unix socket at, as a path of this process; only
    /// of the running machine, otherwise unreadable.
    pub fn socket_path(&self, path: &str) -> Outcome<PathBuf> {
        if !self.is_live {
            return Outcome::Unreadable(format!("connect to {path}: the root is not the running machine"));
        }
        self.metadata(path).and_then(|metadata| match metadata.kind {
            FileKind::Socket => Outcome::Found(self.path.join(path.trim_start_matches('/'))),
            other => Outcome::Unreadable(format!("connect to {path}: {}, not a socket", other.noun())),
        })
    }

    /// The names in a folder as a list that is read once and shared: for
    /// folders that many questions are asked about.
    pub fn read_folder_once(&self, path: &str) -> Outcome<Arc<[String]>> {
        let folder = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(kept.folders.entry(path.to_owned()).or_default())
        };
        folder.get_or_init(|| self.read_folder(path).map(Arc::from)).clone()
    }

    fn open_at(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        self.way.open(&self.folder, &name::to_bytes(path), flags)
    }

    fn stat(&self, path: &str, flags: OFlags) -> Outcome<Metadata> {
        let stat = self.open_at(path, flags).and_then(rustix::fs::fstat);
        outcome_of(path, stat.map(|stat| Metadata::of(&stat)).map_err(Refusal::from))
    }

    fn magic(&self, path: &str) -> Outcome<i64> {
        let found = self.open_at(path, OFlags::PATH).and_then(rustix::fs::fstatfs);
        outcome_of(path, found.map(|found| found.f_type).map_err(Refusal::from))
    }

    /// A regular file and its size in bytes.
    fn open_regular(&self, path: &str) -> Result<(File, u64), Refusal> {
        // Opening a FIFO waits and opening a device acts; a look at what is
        // there does neither. It is looked at again after opening, because it
        // may have been replaced between.
        if !self.is_kernel_path(path) {
            content::check_kind(&self.open_at(path, OFlags::PATH)?)?;
        }
        let file = self.open_at(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
        let size_bytes = content::check_kind(&file)?;
        Ok((File::from(file), size_bytes))
    }

    fn read_anew(&self, path: &str, max_bytes: u64) -> Outcome<Vec<u8>> {
        let opened = self.open_regular(path);
        outcome_of(path, opened.and_then(|(file, size_bytes)| content::read_up_to(file, size_bytes, max_bytes)))
    }

    fn account(&self, path: &str, outcome: &Outcome<Arc<[u8]>>) {
        let bytes = path.len() + if let Outcome::Found(bytes) = outcome { bytes.len() } else { 0 };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes.saturating_add(bytes) > MAX_KEPT_BYTES {
            kept.files.remove(path);
        } else {
            kept.bytes += bytes;
        }
    }
}

/// Why something could not be read.
enum Refusal {
    /// The kernel's answer.
    Errno(Errno),
    /// Our own reason, as a lowercase fragment.
    Reason(String),
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Refusal::Errno(errno)
    }
}

fn outcome_of<T>(path: &str, result: Result<T, Refusal>) -> Outcome<T> {
    match result {
        Ok(found) => Outcome::Found(found),
        // A process that ended answers ESRCH for its files in /proc.
        Err(Refusal::Errno(Errno::NOENT | Errno::NOTDIR | Errno::SRCH)) => Outcome::Absent,
        Err(Refusal::Errno(errno)) => Outcome::Unreadable(format!("read {path}: {}", content::say(errno))),
        Err(Refusal::Reason(reason)) => Outcome::Unreadable(format!("read {path}: {reason}")),
    }
}

#[cfg(test)]
mod tests;
