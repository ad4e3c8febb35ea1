//! Network namespaces: opened by their path, and entered by a thread of its own.
//!
//! setns(2) moves one thread. That thread opens what it needs (sockets stay in
//! the namespace that they were opened in) and ends there; it never returns to
//! the old namespace, so that no failure can leave a thread in the wrong one.
//! What `/proc/net` and `/sys` show is another namespace than the thread's
//! (`network_namespaces(7)`): everything is asked over rtnetlink.

pub mod interface;
mod netlink;

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::sched::{CloneFlags, setns};
use rustix::fs::{Mode, OFlags};

pub use interface::Interface;
pub use netlink::Socket;

/// Type of the file system that namespaces are files of, `linux/magic.h`.
const NSFS_MAGIC: u64 = 0x6e73_6673;

/// The calling thread's own namespace.
const OWN: &str = "/proc/thread-self/ns/net";

/// Why a namespace could not be used.
#[derive(Debug, thiserror::Error)]
pub enum UseNamespace {
    /// It could not be opened.
    #[error("open the network namespace {path}: {source}")]
    Open {
        /// Its path.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The path leads to something else.
    #[error("open the network namespace {path}: it is none")]
    None {
        /// The path.
        path: String,
    },
    /// It could not be entered.
    #[error("enter the network namespace {path}: {source}")]
    Enter {
        /// Its path.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The thread was not where it should have been.
    #[error("enter the network namespace {path}: the thread is in net:[{found}] and not in net:[{wanted}]")]
    Elsewhere {
        /// The path.
        path: String,
        /// The inode that was opened.
        wanted: u64,
        /// The inode of the thread's namespace.
        found: u64,
    },
}

/// A network namespace that is held open.
#[derive(Debug)]
pub struct Namespace {
    descriptor: OwnedFd,
    /// Its number, which `ls -l /proc/PID/ns/net` shows.
    pub inode: u64,
    path: String,
}

impl Namespace {
    /// Opens a namespace by its path: `/run/netns/NAME`, `/proc/PID/ns/net`.
    ///
    /// # Errors
    /// If it cannot be opened, or is no namespace.
    pub fn open(path: &str) -> Result<Self, UseNamespace> {
        let failed = |error: rustix::io::Errno| UseNamespace::Open { path: path.to_owned(), source: error.into() };
        let none = || UseNamespace::None { path: path.to_owned() };
        // A FIFO with nobody at its other end would hold us up for ever.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let descriptor = rustix::fs::open(path, flags, Mode::empty()).map_err(failed)?;
        let system = rustix::fs::fstatfs(&descriptor).map_err(failed)?;
        if u64::try_from(system.f_type) != Ok(NSFS_MAGIC) {
            return Err(none());
        }
        let inode = rustix::fs::fstat(&descriptor).map_err(failed)?.st_ino;
        Ok(Namespace { descriptor, inode, path: path.to_owned() })
    }

    /// The namespace of the calling thread.
    ///
    /// # Errors
    /// If procfs is not mounted.
    pub fn own() -> Result<Self, UseNamespace> {
        Namespace::open(OWN)
    }

    /// The path that it was opened by.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Does some work on a thread within the namespace.
    ///
    /// # Errors
    /// If it cannot be entered. The namespace is looked at before and after the
    /// work; what was done in another one is thrown away.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, UseNamespace> {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("netns".to_owned());
            let started = thread.spawn_scoped(scope, || {
                // Who is there already needs no right to enter.
                if self.check().is_err() {
                    setns(self.descriptor.as_fd(), CloneFlags::CLONE_NEWNET)
                        .map_err(|error| self.not_entered(error.into()))?;
                }
                self.check()?;
                let done = work();
                self.check()?;
                Ok(done)
            });
            let started = started.map_err(|error| self.not_entered(error))?;
            started.join().unwrap_or_else(|_| Err(self.not_entered(io::Error::other("the thread ended too early"))))
        })
    }

    fn check(&self) -> Result<(), UseNamespace> {
        let found = inode_of(OWN).map_err(|error| self.not_entered(error))?;
        if found == self.inode {
            return Ok(());
        }
        Err(UseNamespace::Elsewhere { path: self.path.clone(), wanted: self.inode, found })
    }

    fn not_entered(&self, source: io::Error) -> UseNamespace {
        UseNamespace::Enter { path: self.path.clone(), source }
    }
}

impl AsFd for Namespace {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// The number of the namespace that a path leads to now.
///
/// # Errors
/// If the path leads to nothing, or may not be looked at.
pub fn inode_of(path: &str) -> io::Result<u64> {
    Ok(rustix::fs::stat(path)?.st_ino)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_namespace_is_refused() {
        assert!(matches!(Namespace::open("/proc/self/status"), Err(UseNamespace::None { .. })));
        assert!(matches!(Namespace::open("/proc/self/ns"), Err(UseNamespace::None { .. })));
        let missing = Namespace::open("/run/netns/is-not-there").unwrap_err().to_string();
        assert!(missing.starts_with("open the network namespace /run/netns/is-not-there: No such file"), "{missing}");
    }

    #[test]
    fn the_own_namespace_has_a_loopback_device() {
        let own = Namespace::own().unwrap();
        assert_eq!(own.inode, inode_of("/proc/self/ns/net").unwrap());
        let interfaces = Socket::open().unwrap().interfaces().unwrap();
        let loopback = interfaces.iter().find(|interface| interface.is_loopback).unwrap();
        assert_eq!((loopback.name.as_str(), loopback.index), ("lo", 1));
    }
}
